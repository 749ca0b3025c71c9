// The functions of rows and of elements, for every instruction set.
#define SIMD_KERNELS "rowwise_level.h"
#include "levels.h"

const fastce::function *fastce::rowwise_functions(int level) { return functions_of_level(level); }
