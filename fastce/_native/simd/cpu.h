// The instruction sets: their names and numbers, and the best one that this processor and its
// operating system support. Included by cpu.pyx.
#pragma once
#include "target.h"
#if defined(SIMD_X86)
#  if defined(_MSC_VER)
#    include <intrin.h>
#  else
#    include <cpuid.h>
#  endif
#endif

namespace fastce
{
#if defined(SIMD_X86)
constexpr const char *level_names[] = {"scalar", "sse2", "avx2", "avx512"};
#elif defined(SIMD_NEON)
constexpr const char *level_names[] = {"scalar", "neon"};
#else
constexpr const char *level_names[] = {"scalar"};
#endif
constexpr int level_count = sizeof level_names / sizeof level_names[0];

#if defined(SIMD_X86)
struct cpu_registers {
    unsigned a, b, c, d;
};

inline cpu_registers cpuid(unsigned leaf)
{
    cpu_registers r = {0, 0, 0, 0};
#  if defined(_MSC_VER)
    int values[4];
    __cpuid(values, 0);
    if (leaf <= static_cast<unsigned>(values[0])) {
        __cpuidex(values, static_cast<int>(leaf), 0);
        memcpy(&r, values, sizeof r);
    }
#  else
    __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);
#  endif
    return r;
}

// The registers that the operating system saves.
inline unsigned saved_registers()
{
#  if defined(_MSC_VER)
    return static_cast<unsigned>(_xgetbv(0));
#  else
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
#  endif
}

inline int best_level()
{
    const cpu_registers basic = cpuid(1), extended = cpuid(7);
    // of leaf 1: FMA, POPCNT, OSXSAVE, AVX, F16C; of leaf 7: BMI, AVX2, BMI2
    const unsigned fma = 1u << 12 | 1u << 23 | 1u << 27 | 1u << 28 | 1u << 29;
    const unsigned avx2 = 1u << 3 | 1u << 5 | 1u << 8;
    // AVX-512 F, DQ, CD, BW, VL
    const unsigned avx512 = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    if ((basic.c & fma) != fma || (extended.b & avx2) != avx2)
        return 1;
    const unsigned saved = saved_registers();
    if ((saved & 0x6) != 0x6)
        return 1;
    return (extended.b & avx512) == avx512 && (saved & 0xe6) == 0xe6 ? 3 : 2;
}
#else
inline int best_level() { return level_count - 1; }
#endif
} // namespace fastce
