// What the extension modules see of the kernels: every function by name, for the instruction set in
// use. Included by levels.h and the .pyx files that call kernels.
#pragma once
#include "target.h"

namespace fastce
{
// The types of a function's arguments stand where it is defined, and where it is called.
using any_function = void (*)();
struct function {
    const char *name;
    any_function address;
};

// Arrays whose last entry has no name. Levels are numbered in cpu.h.
const function *rowwise_functions(int level);
const function *products_functions(int level);
const function *scans_functions(int level);
const function *tiles_functions(int level);
} // namespace fastce
