/* logsumexp, softmax and log_softmax of the rows of a C-contiguous (n, K) array; element-wise functions.
 *
 *     m = max_k x_k        rest = sum of exp(x_k - m) over all k but one that attains m
 *     logsumexp = m + log1p(rest)     softmax_k = exp(x_k - m) / (1 + rest)     log_softmax_k = (x_k - m) - log1p(rest)
 *
 * Leaving the largest term out keeps the digits of a confident row, where 1 + rest rounds to 1.
 * Long rows run along the row; short rows run LANES rows at a time, transposed in a scratch block.
 */

/* A running sum that loses nothing that matters over 10^5 terms: float32 adds in double, float64 carries
 * the rounding errors along (Neumaier 1974 for the case |term| <= |sum| or not, i.e. Knuth's two-sum). */
typedef struct { vdouble sum, more; } OF(accumulator);

FASTCE_INLINE void OF(accumulate)(OF(accumulator) *a, VREAL term)
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

/* exp(x - m), stored if there is an `out`; returned without the entries that equal m, which are counted in `ties`. */
FASTCE_INLINE VREAL OF(exp_but_ties)(VREAL x, VREAL m, VREAL *ties, REAL *out)
{
    VREAL e = OF(exp_nonpositive)(x - m);
    VREAL tie = OF(one_where_equal)(x, m);
    if (out)
        OF(store)(out, e);
    *ties += tie;
    return e - tie; /* e is exactly 1 where tie is */
}

/* The sum of exp(x_k - m) over all k but one of those with x_k = m; the terms are stored if there is an `out` (it may be x).
 * Counting the ties needs no branch; looking for the first one costs mispredictions as dear as dozens of exponentials. */
FASTCE_INLINE double OF(row_exp)(const REAL *x, ptrdiff_t K, REAL row_max, REAL *out)
{
    OF(accumulator) total = {NAME(splat_f64)(0), NAME(splat_f64)(0)}, count = total;
    VREAL m = OF(splat)(row_max), few = OF(splat)((REAL)0), ties = few;
    ptrdiff_t k = 0;
    for (; k + 4 * LANES <= K; k += 4 * LANES) {
        VREAL e0 = OF(exp_but_ties)(OF(load)(x + k), m, &ties, out ? out + k : NULL);
        VREAL e1 = OF(exp_but_ties)(OF(load)(x + k + LANES), m, &ties, out ? out + k + LANES : NULL);
        VREAL e2 = OF(exp_but_ties)(OF(load)(x + k + 2 * LANES), m, &ties, out ? out + k + 2 * LANES : NULL);
        VREAL e3 = OF(exp_but_ties)(OF(load)(x + k + 3 * LANES), m, &ties, out ? out + k + 3 * LANES : NULL);
        OF(accumulate)(&total, (e0 + e1) + (e2 + e3));
    }
    for (; k + LANES <= K; k += LANES) /* at most three */
        few += OF(exp_but_ties)(OF(load)(x + k), m, &ties, out ? out + k : NULL);
    if (k < K) { /* exp(-inf) = 0 in the lanes behind the end adds nothing */
        REAL lane[LANES];
        few += OF(exp_but_ties)(OF(load_or)(x + k, K - k, (REAL)-INFINITY), m, &ties, out ? lane : NULL);
        if (out)
            OF(store_some)(out + k, OF(load)(lane), K - k);
    }
    OF(accumulate)(&total, few);
    OF(accumulate)(&count, ties);
    return NAME(sum_lanes)(total.sum + total.more) + (NAME(sum_lanes)(count.sum + count.more) - 1);
}

/* A row whose largest entry is -inf or +inf, or that holds nothing but NaN. */
FASTCE_INLINE REAL OF(logsumexp_not_finite)(const REAL *x, ptrdiff_t K, REAL m)
{
    for (ptrdiff_t k = 0; k < K; ++k)
        if (x[k] != x[k])
            return x[k];
    return m;
}

FASTCE_INLINE int OF(is_finite)(REAL value) { return value >= -REAL_MAX && value <= REAL_MAX; }

enum { OF(LOGSUMEXP), OF(SOFTMAX), OF(LOG_SOFTMAX) };

/* What remains for one row once m and rest are known; `form` is a constant, so each caller gets its own straight code. */
FASTCE_INLINE void OF(finish_row)(const REAL *x, ptrdiff_t K, REAL m, double rest, double log1p_rest, REAL *out, int form)
{
    if (!OF(is_finite)(m)) {
        REAL total = OF(logsumexp_not_finite)(x, K, m);
        if (form == OF(LOGSUMEXP))
            *out = total;
        else
            for (ptrdiff_t k = 0; k < K; ++k)
                out[k] = form == OF(SOFTMAX) ? (REAL)NAN : x[k] - total;
    } else if (form == OF(LOGSUMEXP)) {
        *out = (REAL)(m + log1p_rest);
    } else {
        REAL factor = (REAL)(1 / (1 + rest)), shift = (REAL)log1p_rest;
        ptrdiff_t k = 0;
        for (; k + LANES <= K; k += LANES)
            OF(store)(out + k, form == OF(SOFTMAX) ? OF(load)(out + k) * factor : (OF(load)(x + k) - m) - shift);
        if (k < K) {
            VREAL last = form == OF(SOFTMAX) ? OF(load_or)(out + k, K - k, (REAL)0) * factor
                                             : (OF(load_or)(x + k, K - k, (REAL)0) - m) - shift;
            OF(store_some)(out + k, last, K - k);
        }
    }
}

/* `count` <= DOUBLE_LANES long rows, so that one vector of logarithms serves them all. */
FASTCE_INLINE void OF(long_rows)(const REAL *x, ptrdiff_t count, ptrdiff_t K, REAL *out, int form)
{
    const ptrdiff_t width = form == OF(LOGSUMEXP) ? 1 : K;
    REAL m[DOUBLE_LANES];
    double rest[DOUBLE_LANES] = {0}, log1p_rest[DOUBLE_LANES];
    for (ptrdiff_t i = 0; i < count; ++i) {
        const REAL *row = x + i * K;
        m[i] = OF(row_max)(row, K);
        if (OF(is_finite)(m[i]))
            rest[i] = OF(row_exp)(row, K, m[i], form == OF(SOFTMAX) ? out + i * K : NULL);
    }
    if (form != OF(SOFTMAX))
        NAME(store_f64)(log1p_rest, NAME(log1p_nonnegative_f64)(NAME(load_f64)(rest)));
    for (ptrdiff_t i = 0; i < count; ++i)
        OF(finish_row)(x + i * K, K, m[i], rest[i], form == OF(SOFTMAX) ? 0 : log1p_rest[i], out + i * width, form);
}

#define SHORT_ROW 32

/* `count` <= LANES short rows at once: lane i of every vector is row i. */
FASTCE_INLINE void OF(short_rows)(const REAL *x, ptrdiff_t count, ptrdiff_t K, REAL *out, int form)
{
    const ptrdiff_t width = form == OF(LOGSUMEXP) ? 1 : K;
    REAL entry[SHORT_ROW * LANES], row_max[LANES];
    double result[LANES];
    for (ptrdiff_t i = 0; i < LANES; ++i) {
        const REAL *row = x + (i < count ? i : 0) * K; /* idle lanes repeat row 0 */
        for (ptrdiff_t k = 0; k < K; ++k)
            entry[k * LANES + i] = row[k];
    }
    VREAL m = OF(splat)((REAL)-INFINITY);
    for (ptrdiff_t k = 0; k < K; ++k)
        m = OF(max)(OF(load)(entry + k * LANES), m);
    OF(accumulator) total = {NAME(splat_f64)(0), NAME(splat_f64)(0)};
    VREAL chunk = OF(splat)((REAL)0);
    VREAL ties = chunk;
    for (ptrdiff_t k = 0; k < K; ++k) {
        VREAL shifted = OF(load)(entry + k * LANES) - m;
        VREAL e = OF(exp_nonpositive)(shifted);
        VREAL tie = OF(one_where_equal)(shifted, OF(splat)((REAL)0));
        ties += tie;
        chunk += e - tie; /* e is exactly 1 where tie is */
        OF(store)(entry + k * LANES, form == OF(SOFTMAX) ? e : shifted);
        if (k % 8 == 7) {
            OF(accumulate)(&total, chunk);
            chunk = OF(splat)((REAL)0);
        }
    }
    OF(accumulate)(&total, chunk);
    OF(accumulate)(&total, ties - (REAL)1);
#if REAL_IS_FLOAT
    vdouble rest[2] = {total.sum, total.more}; /* the rows of the lower and of the upper lanes */
#else
    vdouble rest[1] = {total.sum + total.more};
#endif
    for (int half = 0; half < LANES / DOUBLE_LANES; ++half)
        NAME(store_f64)(result + half * DOUBLE_LANES, form == OF(SOFTMAX) ? 1 / (rest[half] + 1) : NAME(log1p_nonnegative_f64)(rest[half]));
    OF(store)(row_max, m);
    for (ptrdiff_t i = 0; i < count; ++i) {
        const REAL *row = x + i * K;
        REAL *target = out + i * width, each = (REAL)result[i];
        if (form != OF(SOFTMAX) && !OF(is_finite)(row_max[i]))
            OF(finish_row)(row, K, row_max[i], 0, 0, target, form);
        else if (form == OF(LOGSUMEXP))
            *target = (REAL)(row_max[i] + result[i]);
        else if (form == OF(SOFTMAX))
            for (ptrdiff_t k = 0; k < K; ++k)
                target[k] = entry[k * LANES + i] * each;
        else
            for (ptrdiff_t k = 0; k < K; ++k)
                target[k] = entry[k * LANES + i] - each;
    }
}

FASTCE_INLINE void OF(rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out, int form)
{
    ptrdiff_t width = form == OF(LOGSUMEXP) ? 1 : K;
    if (K == 0) {
        for (ptrdiff_t i = 0; i < n * width; ++i)
            out[i] = (REAL)-INFINITY; /* the logarithm of an empty sum */
    } else if (K <= SHORT_ROW) {
        for (ptrdiff_t i = 0; i < n; i += LANES)
            OF(short_rows)(x + i * K, n - i < LANES ? n - i : LANES, K, out + i * width, form);
    } else {
        const ptrdiff_t group = K <= 512 ? DOUBLE_LANES : 1; /* a group's rows should still be in the first cache when finished */
        for (ptrdiff_t i = 0; i < n; i += group)
            OF(long_rows)(x + i * K, n - i < group ? n - i : group, K, out + i * width, form);
    }
}

static void OF(logsumexp_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out) { OF(rows)(x, n, K, out, OF(LOGSUMEXP)); }
static void OF(softmax_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out) { OF(rows)(x, n, K, out, OF(SOFTMAX)); }
static void OF(log_softmax_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out) { OF(rows)(x, n, K, out, OF(LOG_SOFTMAX)); }

#define FLAT(function)                                                                                  \
    static void OF(function##_flat)(const REAL *x, ptrdiff_t n, ptrdiff_t unused, REAL *out)            \
    {                                                                                                   \
        ptrdiff_t i = 0;                                                                                \
        (void)unused;                                                                                   \
        for (; i + LANES <= n; i += LANES)                                                              \
            OF(store)(out + i, OF(function)(OF(load)(x + i)));                                          \
        if (i < n)                                                                                      \
            OF(store_some)(out + i, OF(function)(OF(load_or)(x + i, n - i, (REAL)0)), n - i);           \
    }
FLAT(exp_nonpositive)
FLAT(sigmoid)
FLAT(log_sigmoid)
#undef FLAT
