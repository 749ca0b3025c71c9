/* Macros for what the compiler and the architecture support. Included by cpu.h, products.h,
 * rowwise.h and scans.h.
 *
 * FASTCE_VECTORS      GCC or Clang vector extensions are used; otherwise every "vector" is one
 * scalar FASTCE_X86_LEVELS   compiled three times: baseline (SSE2), v3 (AVX2 + FMA), v4 (AVX-512)
 */
#ifndef FASTCE_TARGET_H
#define FASTCE_TARGET_H

#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* __builtin_convertvector came with GCC 9 and Clang 3.7. FASTCE_SCALAR builds the scalar form. */
#if !defined(FASTCE_SCALAR) && !defined(_MSC_VER) &&                                               \
    (defined(__clang__) || (defined(__GNUC__) && __GNUC__ >= 9))
#  define FASTCE_VECTORS 1
#else
#  define FASTCE_VECTORS 0
#endif

#if FASTCE_VECTORS && defined(__x86_64__)
#  define FASTCE_X86_LEVELS 1
#  include <immintrin.h>
#else
#  define FASTCE_X86_LEVELS 0
#endif

#if defined(_MSC_VER)
#  define FASTCE_INLINE static __forceinline
#else
#  define FASTCE_INLINE static inline __attribute__((always_inline))
#endif

#if defined(__clang__)
#  define UNROLL_ALL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#  define UNROLL_ALL _Pragma("GCC unroll 16")
#else
#  define UNROLL_ALL
#endif

#define FASTCE_PASTE_(a, b) a##b
#define FASTCE_PASTE(a, b) FASTCE_PASTE_(a, b)
/* NAME(f) is f with the suffix of the instruction set being compiled: f_baseline, f_v3, f_v4. */
#define NAME(identifier) FASTCE_PASTE(identifier, SIMD_SUFFIX)

enum { FASTCE_LEVEL_BASELINE = 0, FASTCE_LEVEL_V3 = 1, FASTCE_LEVEL_V4 = 2 };

/* One of the three compiled forms of a function; without FASTCE_X86_LEVELS, the only one. */
#if FASTCE_X86_LEVELS
#  define FASTCE_SELECT(level, function)                                                           \
      ((level) == FASTCE_LEVEL_V4   ? function##_v4                                                \
       : (level) == FASTCE_LEVEL_V3 ? function##_v3                                                \
                                    : function##_baseline)
#else
#  define FASTCE_SELECT(level, function) ((void)(level), function##_baseline)
#endif

#endif
