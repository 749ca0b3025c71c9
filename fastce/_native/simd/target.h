// What the compiler offers, and what it must promise. Nothing of the C++ library but headers of
// plain C functions: an inline function of std:: that one level instantiates could be the copy
// that the linker keeps for all of them.
#pragma once
#include <float.h>
#include <limits> // its functions only where the compiler evaluates them
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#  error "fastce needs float and double that round to their own precision: add -msse2 -mfpmath=sse"
#endif
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) ||           \
    defined(_M_FP_FAST)
#  error "fastce needs NaN, infinities and the order of sums: add -fno-fast-math (or /fp:precise)"
#endif

#if defined(__x86_64__) || defined(__i386__) || (defined(_M_X64) && !defined(_M_ARM64EC))
#  if defined(__SSE2__) || defined(_M_X64)
#    define SIMD_X86 1
#    include <immintrin.h>
#    if defined(_MSC_VER) && defined(__clang__)
// clang posing as MSVC leaves these out of immintrin.h unless its flags ask for the instructions
#      include <smmintrin.h>
#      include <popcntintrin.h>
#      include <avxintrin.h>
#      include <avx2intrin.h>
#      include <f16cintrin.h>
#      include <fmaintrin.h>
#      include <avx512fintrin.h>
#      include <avx512vlintrin.h>
#      include <avx512bwintrin.h>
#      include <avx512cdintrin.h>
#      include <avx512dqintrin.h>
#      include <avx512vlbwintrin.h>
#      include <avx512vldqintrin.h>
#    endif
#  endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#  define SIMD_NEON 1
#  include <arm_neon.h>
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#  define INLINE __forceinline
#  define NOINLINE __declspec(noinline)
#  define UNROLL
#else
#  define INLINE [[gnu::always_inline]] inline
#  define NOINLINE [[gnu::noinline]]
#  if defined(__clang__)
#    define UNROLL _Pragma("clang loop unroll(full)")
#  else
#    define UNROLL _Pragma("GCC unroll 16")
#  endif
#endif

// What stands between BEGIN_TARGET and END_TARGET is compiled for these features. MSVC compiles
// every intrinsic everywhere.
#define STRINGIFIED(...) #__VA_ARGS__
#if defined(__clang__)
#  define TARGET_ATTRIBUTE(features) __attribute__((target(features)))
#  define BEGIN_TARGET(features)                                                                   \
      _Pragma(STRINGIFIED(clang attribute push(TARGET_ATTRIBUTE(features), apply_to = function)))
#  define END_TARGET _Pragma("clang attribute pop")
#elif defined(__GNUC__)
#  define BEGIN_TARGET(features)                                                                   \
      _Pragma("GCC push_options") _Pragma(STRINGIFIED(GCC target(features)))
#  define END_TARGET _Pragma("GCC pop_options")
#else
#  define BEGIN_TARGET(features)
#  define END_TARGET
#endif

namespace fastce
{
// float16 and bfloat16 as memory holds them; vec<float> loads and stores them.
struct half {
    uint16_t bits;
};
struct bfloat16 {
    uint16_t bits;
};

// Prefetches the cache line that holds the place `bytes` after p, which may lie beyond the end of
// an array: therefore it is computed as an integer.
INLINE void prefetch(const void *p, ptrdiff_t bytes)
{
    const uintptr_t place = reinterpret_cast<uintptr_t>(p) + static_cast<uintptr_t>(bytes);
#if defined(SIMD_X86)
    _mm_prefetch(reinterpret_cast<const char *>(place), _MM_HINT_T0);
#elif defined(__GNUC__)
    __builtin_prefetch(reinterpret_cast<const void *>(place), 0, 3);
#else
    (void)place;
#endif
}
} // namespace fastce
