// What levels.h provides, for an editor or a compiler that opens one header on its own. A header
// of kernels then uses the scalar set.
#pragma once
#include "target.h"
#include "constants.h"
#include "sizes.h"
#include "functions.h"
#define SIMD_LEVEL alone
using namespace fastce;
