/* The row-wise functions of _rowwise.pyx, compiled once per instruction set and chosen at import. */
#ifndef FASTCE_ROWWISE_H
#define FASTCE_ROWWISE_H

#include "target.h"

#define SIMD_SOURCE "rowwise_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

enum { LOGSUMEXP_ROWS, SOFTMAX_ROWS, LOG_SOFTMAX_ROWS, EXP_NONPOSITIVE_FLAT, SIGMOID_FLAT, LOG_SIGMOID_FLAT, ROWWISE_COUNT };

static void (*fastce_rowwise_f32[ROWWISE_COUNT])(const float *, ptrdiff_t, ptrdiff_t, float *);
static void (*fastce_rowwise_f64[ROWWISE_COUNT])(const double *, ptrdiff_t, ptrdiff_t, double *);

static void fastce_rowwise_use(int level)
{
#define USE(slot, function)                                          \
    fastce_rowwise_f32[slot] = FASTCE_SELECT(level, function##_f32); \
    fastce_rowwise_f64[slot] = FASTCE_SELECT(level, function##_f64);
    USE(LOGSUMEXP_ROWS, logsumexp_rows)
    USE(SOFTMAX_ROWS, softmax_rows)
    USE(LOG_SOFTMAX_ROWS, log_softmax_rows)
    USE(EXP_NONPOSITIVE_FLAT, exp_nonpositive_flat)
    USE(SIGMOID_FLAT, sigmoid_flat)
    USE(LOG_SIGMOID_FLAT, log_sigmoid_flat)
#undef USE
}

#endif
