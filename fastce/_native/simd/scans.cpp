// The scans of labels and targets, for every instruction set.
#define SIMD_KERNELS "scans_level.h"
#include "levels.h"

const fastce::function *fastce::scans_functions(int level) { return functions_of_level(level); }
