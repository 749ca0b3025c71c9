// The products of row blocks, for every instruction set.
#define SIMD_KERNELS "products_level.h"
#include "levels.h"

const fastce::function *fastce::products_functions(int level) { return functions_of_level(level); }
