/* Which instruction set this processor has. Included by cpu.pyx. */
#ifndef FASTCE_CPU_H
#define FASTCE_CPU_H

#include "target.h"

/* The highest level that was compiled in and that this processor and its operating system support;
 * each_level.h names the instructions of each. */
static int fastce_best_level(void)
{
#if FASTCE_X86_LEVELS
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2") ||
        !__builtin_cpu_supports("popcnt"))
        return FASTCE_LEVEL_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512cd") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return FASTCE_LEVEL_V3;
    return FASTCE_LEVEL_V4;
#else
    return FASTCE_LEVEL_BASELINE;
#endif
}

#endif
