/* The row-wise functions of _rowwise.pyx, compiled once per instruction set and chosen at import. */
#ifndef FASTCE_ROWWISE_H
#define FASTCE_ROWWISE_H

#include "target.h"

#define SIMD_SOURCE "rowwise_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

/* What callers must know of the blocks. */
enum { FASTCE_BLOCK_ROWS = COLUMN, FASTCE_SHORT_ROW = SHORT_ROW, FASTCE_FAR_BYTES = FAR_BYTES };

enum { LOGSUMEXP_ROWS, SOFTMAX_ROWS, LOG_SOFTMAX_ROWS, EXP_NONPOSITIVE_FLAT, SIGMOID_FLAT, LOG_SIGMOID_FLAT, ROWWISE_COUNT };

static void (*fastce_rowwise_f32[ROWWISE_COUNT])(const float *, ptrdiff_t, ptrdiff_t, float *);
static void (*fastce_rowwise_f64[ROWWISE_COUNT])(const double *, ptrdiff_t, ptrdiff_t, double *);
/* The same three along a middle axis: x, K, inner, the first column, the one behind the last, out (middle.h). */
static void (*fastce_columns_f32[3])(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, float *);
static void (*fastce_columns_f64[3])(const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t, double *);

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
#define USE(slot, function)                                         \
    fastce_columns_f32[slot] = FASTCE_SELECT(level, function##_f32); \
    fastce_columns_f64[slot] = FASTCE_SELECT(level, function##_f64);
    USE(LOGSUMEXP_ROWS, logsumexp_columns)
    USE(SOFTMAX_ROWS, softmax_columns)
    USE(LOG_SOFTMAX_ROWS, log_softmax_columns)
#undef USE
}

/* What Numba calls by name: every function takes the first array, its two lengths, and the other arrays. */
typedef struct {
    const char *name;
    void *f32, *f64;
} fastce_leaf;

static const fastce_leaf *fastce_leaves(int level)
{
#define LEAF(function) {"fastce_" #function, (void *)FASTCE_SELECT(level, function##_f32), (void *)FASTCE_SELECT(level, function##_f64)}
    static fastce_leaf leaves[8];
    const fastce_leaf chosen[8] = {LEAF(open_rows), LEAF(weighted_softmax), LEAF(open_terms), LEAF(close_terms), LEAF(logistic),
                                   LEAF(exp_nonpositive_flat), LEAF(log_nonnegative_flat), {NULL, NULL, NULL}};
#undef LEAF
    memcpy(leaves, chosen, sizeof leaves);
    return leaves;
}

#endif
