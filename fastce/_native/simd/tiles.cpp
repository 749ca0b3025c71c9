// Tiles of rows and of elements, for every instruction set.
#include "memory.h"
#define SIMD_KERNELS "tiles_level.h"
#include "levels.h"

const fastce::function *fastce::tiles_functions(int level) { return functions_of_level(level); }
