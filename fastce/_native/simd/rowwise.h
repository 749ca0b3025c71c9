/* The row-wise and element-wise functions, compiled once per instruction set and chosen at import.
 * Included by rowwise.pyx. */
#ifndef FASTCE_ROWWISE_H
#define FASTCE_ROWWISE_H

#include "target.h"

#define SIMD_SOURCE "rowwise_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

/* Block sizes that callers rely on. */
enum {
    FASTCE_BLOCK_ROWS = BLOCK_ROWS,
    FASTCE_SHORT_ROW = SHORT_ROW,
    FASTCE_UNCACHED_BYTES = UNCACHED_BYTES
};

enum {
    LOGSUMEXP_ROWS,
    SOFTMAX_ROWS,
    LOG_SOFTMAX_ROWS,
    EXP_NONPOSITIVE_FLAT,
    SIGMOID_FLAT,
    LOG_SIGMOID_FLAT,
    ROWWISE_COUNT
};

static void (*fastce_rowwise_f32[ROWWISE_COUNT])(const float *, ptrdiff_t, ptrdiff_t, float *);
static void (*fastce_rowwise_f64[ROWWISE_COUNT])(const double *, ptrdiff_t, ptrdiff_t, double *);
/* The first three along an axis that is not the last: x, K, inner, first column, end column, out
 * (strided_rows.h). */
static void (*fastce_strided_f32[3])(const float *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                                     float *);
static void (*fastce_strided_f64[3])(const double *, ptrdiff_t, ptrdiff_t, ptrdiff_t, ptrdiff_t,
                                     double *);

static void fastce_rowwise_use(int level)
{
#define USE(slot, function)                                                                        \
    fastce_rowwise_f32[slot] = FASTCE_SELECT(level, function##_f32);                               \
    fastce_rowwise_f64[slot] = FASTCE_SELECT(level, function##_f64);
    USE(LOGSUMEXP_ROWS, logsumexp_rows)
    USE(SOFTMAX_ROWS, softmax_rows)
    USE(LOG_SOFTMAX_ROWS, log_softmax_rows)
    USE(EXP_NONPOSITIVE_FLAT, exp_nonpositive_flat)
    USE(SIGMOID_FLAT, sigmoid_flat)
    USE(LOG_SIGMOID_FLAT, log_sigmoid_flat)
#undef USE
#define USE(slot, function)                                                                        \
    fastce_strided_f32[slot] = FASTCE_SELECT(level, function##_f32);                               \
    fastce_strided_f64[slot] = FASTCE_SELECT(level, function##_f64);
    USE(LOGSUMEXP_ROWS, logsumexp_strided)
    USE(SOFTMAX_ROWS, softmax_strided)
    USE(LOG_SOFTMAX_ROWS, log_softmax_strided)
#undef USE
}

/* A function that Numba calls by name. Each takes its first array, the two lengths of that array,
 * and the other arrays. */
typedef struct {
    const char *name;
    void *f32, *f64;
} fastce_symbol;

static const fastce_symbol *fastce_rowwise_symbols(int level)
{
#define SYMBOL(function)                                                                           \
    {                                                                                              \
        "fastce_" #function, (void *)FASTCE_SELECT(level, function##_f32),                         \
            (void *)FASTCE_SELECT(level, function##_f64)                                           \
    }
    static fastce_symbol symbols[8];
    const fastce_symbol chosen[8] = {
        SYMBOL(softmax_statistics),   SYMBOL(weighted_softmax), SYMBOL(softmax_terms),
        SYMBOL(normalise_terms),      SYMBOL(logistic),         SYMBOL(exp_nonpositive_flat),
        SYMBOL(log_nonnegative_flat), {NULL, NULL, NULL}};
#undef SYMBOL
    memcpy(symbols, chosen, sizeof symbols);
    return symbols;
}

#endif
