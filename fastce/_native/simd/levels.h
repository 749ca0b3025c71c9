// SIMD_KERNELS, a header, once for every instruction set: each is a namespace that holds its vec<T>
// and the kernels made of it, and is compiled for its target. Included by rowwise.cpp, products.cpp
// and scans.cpp.
//
// A template takes the target of the place where it is written, not of the place where it is used;
// constructors that the compiler writes itself, and lambdas in templates, take none. Therefore
// kernels are written out again for every level, constructors are written by hand, and no function
// of std:: is called. The namespaces without a name keep what one module compiled from being taken
// for what another one did.
#pragma once
#include "target.h"
#include "constants.h"
#include "sizes.h"
#include "functions.h"

#define SIMD_LEVEL by_namespace
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// GCC's own headers of AVX-512 leave lanes undefined on purpose, of which these releases warn.
#  pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#  pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#if !defined(SIMD_KERNELS) // an editor opened this file
#  define SIMD_KERNELS "rowwise_level.h"
#endif

namespace fastce
{
namespace
{
namespace scalar
{
#include "scalar.h"
#include "vector.h"
#include SIMD_KERNELS
} // namespace scalar
} // namespace
} // namespace fastce

#if defined(SIMD_X86)
namespace fastce
{
namespace
{
namespace sse2
{
#  include "sse2.h"
#  include "vector.h"
#  include SIMD_KERNELS
} // namespace sse2
} // namespace
} // namespace fastce

BEGIN_TARGET("avx2,fma,f16c,bmi,bmi2,popcnt")
namespace fastce
{
namespace
{
namespace avx2
{
#  include "avx2.h"
#  include "vector.h"
#  include SIMD_KERNELS
} // namespace avx2
} // namespace
} // namespace fastce
END_TARGET

BEGIN_TARGET("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2,popcnt")
namespace fastce
{
namespace
{
namespace avx512
{
#  include "avx512.h"
#  include "vector.h"
#  include SIMD_KERNELS
} // namespace avx512
} // namespace
} // namespace fastce
END_TARGET
#elif defined(SIMD_NEON)
namespace fastce
{
namespace
{
namespace neon
{
#  include "neon.h"
#  include "vector.h"
#  include SIMD_KERNELS
} // namespace neon
} // namespace
} // namespace fastce
#endif

namespace fastce
{
namespace
{
// The functions of the level with this number (cpu.h).
inline const function *functions_of_level(int level)
{
#if defined(SIMD_X86)
    return level == 3   ? avx512::functions()
           : level == 2 ? avx2::functions()
           : level == 1 ? sse2::functions()
                        : scalar::functions();
#elif defined(SIMD_NEON)
    return level == 1 ? neon::functions() : scalar::functions();
#else
    return static_cast<void>(level), scalar::functions();
#endif
}
} // namespace
} // namespace fastce
