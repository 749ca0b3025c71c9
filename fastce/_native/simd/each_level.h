/* Includes SIMD_SOURCE once for every instruction set: one source, up to three compiled forms. On
 * other architectures, and under MSVC, there is one form, with 16-byte vectors or scalars. Included
 * by products.h, rowwise.h and scans.h. */

#define SIMD_SUFFIX _baseline
#define SIMD_LEVEL 0
#if FASTCE_VECTORS
#  define SIMD_BYTES 16
#else
#  define SIMD_BYTES 0
#endif
#include SIMD_SOURCE
#undef SIMD_SUFFIX
#undef SIMD_LEVEL
#undef SIMD_BYTES

#if FASTCE_X86_LEVELS

#  if defined(__clang__)
#    pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2,popcnt"))),              \
                                 apply_to = function)
#  else
#    pragma GCC push_options
#    pragma GCC target("avx2,fma,bmi,bmi2,popcnt")
#  endif
#  define SIMD_SUFFIX _v3
#  define SIMD_LEVEL 3
#  define SIMD_BYTES 32
#  include SIMD_SOURCE
#  undef SIMD_SUFFIX
#  undef SIMD_LEVEL
#  undef SIMD_BYTES
#  if defined(__clang__)
#    pragma clang attribute pop
#  else
#    pragma GCC pop_options
#  endif

#  if defined(__clang__)
#    pragma clang attribute push(                                                                  \
        __attribute__((                                                                            \
            target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2,popcnt"))),      \
        apply_to = function)
#  else
#    pragma GCC push_options
#    pragma GCC target("avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx2,fma,bmi,bmi2,popcnt")
#  endif
#  define SIMD_SUFFIX _v4
#  define SIMD_LEVEL 4
#  define SIMD_BYTES 64
#  include SIMD_SOURCE
#  undef SIMD_SUFFIX
#  undef SIMD_LEVEL
#  undef SIMD_BYTES
#  if defined(__clang__)
#    pragma clang attribute pop
#  else
#    pragma GCC pop_options
#  endif

#endif
