/* The scans of labels and targets, compiled once per instruction set and chosen at import. Included
 * by scans.pyx. */
#ifndef FASTCE_SCANS_H
#define FASTCE_SCANS_H

#include "target.h"

#define SIMD_SOURCE "scans_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

typedef struct {
    ptrdiff_t (*labels)(const int64_t *, ptrdiff_t, int64_t, int64_t, ptrdiff_t *);
    ptrdiff_t (*interval_f32)(const float *, ptrdiff_t, float, float, ptrdiff_t *);
    ptrdiff_t (*interval_f64)(const double *, ptrdiff_t, double, double, ptrdiff_t *);
} fastce_scan_functions;

static fastce_scan_functions fastce_scans_of_level(int level)
{
    fastce_scan_functions f;
#define USE(function) f.function = FASTCE_SELECT(level, scan_##function);
    USE(labels)
    USE(interval_f32)
    USE(interval_f64)
#undef USE
    return f;
}

#endif
