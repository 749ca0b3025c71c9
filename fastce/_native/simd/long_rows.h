/* Passes along one long row: its maximum, its exponentials and their sum. Included by
 * rowwise_level.h.
 *
 *     m = max_k x_k        rest = sum of exp(x_k - m) over all k but one that attains m
 *
 * Leaving the largest term out keeps the digits of a confident row, where 1 + rest rounds to 1.
 */

/* A compensated sum, accurate over 10^5 terms and more: float32 terms are added in double; float64
 * keeps the rounding errors (Knuth's two-sum, which needs no order of magnitudes; Neumaier 1974).
 */
typedef struct {
    vdouble sum, more;
} OF(accumulator);

FASTCE_INLINE void OF(accumulate)(OF(accumulator) * a, VREAL term)
{
#if REAL_IS_FLOAT
    NAME(add_widened)(&a->sum, &a->more, term);
#else
    vdouble total = a->sum + term;
    vdouble back = total - a->sum;
    a->more += (a->sum - (total - back)) + (term - back);
    a->sum = total;
#endif
}

FASTCE_INLINE int OF(is_finite)(REAL value) { return value >= -REAL_MAX && value <= REAL_MAX; }

/* The largest entry that is not NaN; -inf for a row of NaNs. */
FASTCE_INLINE REAL OF(row_max)(const REAL *x, ptrdiff_t K)
{
    const REAL lowest = (REAL)-INFINITY;
    VREAL m0 = OF(splat)(lowest), m1 = m0, m2 = m0, m3 = m0;
    ptrdiff_t k = 0;
    for (; k + 4 * LANES <= K; k += 4 * LANES) {
        m0 = OF(max)(OF(load)(x + k), m0);
        m1 = OF(max)(OF(load)(x + k + LANES), m1);
        m2 = OF(max)(OF(load)(x + k + 2 * LANES), m2);
        m3 = OF(max)(OF(load)(x + k + 3 * LANES), m3);
    }
    for (; k + LANES <= K; k += LANES)
        m0 = OF(max)(OF(load)(x + k), m0);
    if (k < K)
        m1 = OF(max)(OF(load_or)(x + k, K - k, lowest), m1);
    return OF(max_lanes)(OF(max)(OF(max)(m0, m1), OF(max)(m2, m3)));
}

/* `count` vectors of a row: exp(x - m) is stored unless `out` is NULL, and added to the sums where
 * x is not m; where x is m, `ties` counts it. */
FASTCE_INLINE void OF(add_exps)(VREAL *sum, const VREAL *x, VREAL m, OF(counter) * ties, REAL *out,
                                const int count)
{
    VREAL e[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        e[j] = x[j] - m;
    OF(exps_nonpositive)(e, count);
    UNROLL_ALL
    for (int j = 0; j < count; ++j) {
        if (out)
            OF(store)(out + j * LANES, e[j]);
        *ties = OF(count_equal)(*ties, x[j], m);
        sum[j % 2] = OF(add_unless_equal)(sum[j % 2], e[j], x[j], m);
    }
}

/* Prefetch the four vectors that are read, and the four that are written, `ahead` elements from
 * here. The hardware prefetcher stops at each page of 4096 bytes, which is a row of 1024 floats. */
FASTCE_INLINE void OF(prefetch)(const REAL *x, const REAL *out, ptrdiff_t ahead)
{
#if FASTCE_VECTORS
    /* integers, because the address may lie beyond the end of the arrays */
    const uintptr_t there = (uintptr_t)x + ahead * sizeof(REAL),
                    to = (uintptr_t)out + ahead * sizeof(REAL);
    for (size_t byte = 0; byte < 4 * LANES * sizeof(REAL); byte += 64) {
        __builtin_prefetch((const void *)(there + byte), 0, 3);
        if (out)
            __builtin_prefetch((const void *)(to + byte), 1, 3);
    }
#else
    (void)x, (void)out, (void)ahead;
#endif
}

/* rest, for a finite maximum; the terms exp(x_k - m) are stored unless `out` is NULL (it may be x).
 * Counting the ties needs no branch; searching for the first one would cost branch mispredictions
 * worth dozens of exponentials. */
FASTCE_INLINE double OF(row_exp)(const REAL *x, ptrdiff_t K, REAL row_max, REAL *out,
                                 ptrdiff_t ahead)
{
    const VREAL m = OF(splat)(row_max), zero = OF(splat)((REAL)0);
    OF(accumulator) total = {NAME(splat_f64)(0), NAME(splat_f64)(0)};
    OF(counter) ties = {0};
    VREAL few = zero, x_k[4];
    ptrdiff_t k = 0;
    for (; k + 4 * LANES <= K;
         k += 4 * LANES) { /* two short chains of additions; their sum is accumulated in double */
        VREAL sum[2] = {zero, zero};
        OF(prefetch)(x + k, out ? out + k : NULL, ahead);
        UNROLL_ALL
        for (int j = 0; j < 4; ++j)
            x_k[j] = OF(load)(x + k + j * LANES);
        OF(add_exps)(sum, x_k, m, &ties, out ? out + k : NULL, 4);
        OF(accumulate)(&total, sum[0] + sum[1]);
    }
    for (; k + LANES <= K; k += LANES) { /* at most three */
        x_k[0] = OF(load)(x + k);
        OF(add_exps)(&few, x_k, m, &ties, out ? out + k : NULL, 1);
    }
    if (k < K) { /* the lanes beyond the end hold -inf, which adds exp(-inf) = 0 */
        REAL lane[LANES];
        x_k[0] = OF(load_or)(x + k, K - k, (REAL)-INFINITY);
        OF(add_exps)(&few, x_k, m, &ties, out ? lane : NULL, 1);
        if (out)
            OF(store_partial)(out + k, OF(load)(lane), K - k);
    }
    OF(accumulate)(&total, few);
    return NAME(sum_lanes)(total.sum + total.more) + (double)(OF(counted)(ties) - 1);
}

/* Softmax statistics of a block of rows x (n, K): row_max, rest and logs = log1p(rest), each (n,).
 * terms (n, K) becomes exp(x - max x); it may be x, or NULL if the terms are not needed. A row with
 * a NaN, or whose largest entry is infinite, has rest NaN and terms NaN. Each step is done for all
 * rows before the next step, since the steps of one row depend on each other and those of different
 * rows do not. */
FASTCE_INLINE void OF(long_row_statistics)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *terms,
                                           REAL *row_max, REAL *rest, REAL *logs)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        row_max[i] = OF(row_max)(x + i * K, K);
    for (ptrdiff_t i = 0; i < n; ++i) {
        if (OF(is_finite)(row_max[i])) {
            rest[i] =
                (REAL)OF(row_exp)(x + i * K, K, row_max[i], terms ? terms + i * K : NULL, n * K);
        } else {
            rest[i] = (REAL)NAN;
            if (terms)
                for (ptrdiff_t k = 0; k < K; ++k)
                    terms[i * K + k] = (REAL)NAN;
        }
    }
    for (ptrdiff_t i = 0; i + LANES <= n; i += LANES)
        OF(store)(logs + i, OF(log1p_nonnegative)(OF(load)(rest + i)));
    if (n % LANES) {
        ptrdiff_t i = n - n % LANES;
        OF(store_partial)(logs + i, OF(log1p_nonnegative)(OF(load_or)(rest + i, n - i, (REAL)0)),
                          n - i);
    }
}
