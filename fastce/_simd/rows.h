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
    REAL lane[LANES], largest = lowest;
    ptrdiff_t k = 0;
    for (; k + 4 * LANES <= K; k += 4 * LANES) {
        m0 = OF(max)(OF(load)(x + k), m0);
        m1 = OF(max)(OF(load)(x + k + LANES), m1);
        m2 = OF(max)(OF(load)(x + k + 2 * LANES), m2);
        m3 = OF(max)(OF(load)(x + k + 3 * LANES), m3);
    }
    for (; k + LANES <= K; k += LANES)
        m0 = OF(max)(OF(load)(x + k), m0);
    OF(store)(lane, OF(max)(OF(max)(m0, m1), OF(max)(m2, m3)));
    for (; k < K; ++k)
        largest = x[k] > largest ? x[k] : largest;
    for (int i = 0; i < LANES; ++i)
        largest = lane[i] > largest ? lane[i] : largest;
    return largest;
}

/* The first k with x_k == value, which must occur. */
FASTCE_INLINE ptrdiff_t OF(row_find)(const REAL *x, ptrdiff_t K, REAL value)
{
    VREAL wanted = OF(splat)(value);
    ptrdiff_t k = 0;
    while (k + LANES <= K && !OF(equal_lanes)(OF(load)(x + k), wanted))
        k += LANES;
    while (k < K - 1 && x[k] != value)
        ++k;
    return k;
}

/* sum over k != skip of e_k = exp(x_k - m); e_k is stored when `out` is not NULL (out may be x). */
FASTCE_INLINE double OF(row_exp)(const REAL *x, ptrdiff_t K, REAL m, ptrdiff_t skip, REAL *out)
{
    OF(accumulator) total = {NAME(splat_f64)(0), NAME(splat_f64)(0)};
    VREAL rest = OF(splat)((REAL)0);
    ptrdiff_t k = 0;
    for (; k + 4 * LANES <= K; k += 4 * LANES) {
        VREAL e0 = OF(exp_nonpositive)(OF(load)(x + k) - m);
        VREAL e1 = OF(exp_nonpositive)(OF(load)(x + k + LANES) - m);
        VREAL e2 = OF(exp_nonpositive)(OF(load)(x + k + 2 * LANES) - m);
        VREAL e3 = OF(exp_nonpositive)(OF(load)(x + k + 3 * LANES) - m);
        if (out) {
            OF(store)(out + k, e0);
            OF(store)(out + k + LANES, e1);
            OF(store)(out + k + 2 * LANES, e2);
            OF(store)(out + k + 3 * LANES, e3);
        }
        if (skip - k >= 0 && skip - k < 4 * LANES) {
            REAL lane[4 * LANES];
            OF(store)(lane, e0);
            OF(store)(lane + LANES, e1);
            OF(store)(lane + 2 * LANES, e2);
            OF(store)(lane + 3 * LANES, e3);
            lane[skip - k] = (REAL)0;
            e0 = OF(load)(lane);
            e1 = OF(load)(lane + LANES);
            e2 = OF(load)(lane + 2 * LANES);
            e3 = OF(load)(lane + 3 * LANES);
        }
        OF(accumulate)(&total, (e0 + e1) + (e2 + e3));
    }
    for (; k < K; k += LANES) { /* at most four vectors, the last one partly filled with exp(-inf) = 0 */
        ptrdiff_t count = K - k < LANES ? K - k : LANES;
        VREAL e = OF(exp_nonpositive)(OF(load_or)(x + k, count, (REAL)-INFINITY) - m);
        if (out)
            OF(store_some)(out + k, e, count);
        if (skip - k >= 0 && skip - k < LANES) {
            REAL lane[LANES];
            OF(store)(lane, e);
            lane[skip - k] = (REAL)0;
            e = OF(load)(lane);
        }
        rest += e;
    }
    OF(accumulate)(&total, rest);
    return NAME(sum_lanes)(total.sum + total.more);
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

/* One long row; `form` is a constant, so each caller gets its own straight code. */
FASTCE_INLINE void OF(long_row)(const REAL *x, ptrdiff_t K, REAL *out, int form)
{
    REAL m = OF(row_max)(x, K);
    if (!OF(is_finite)(m)) {
        REAL total = OF(logsumexp_not_finite)(x, K, m);
        if (form == OF(LOGSUMEXP))
            *out = total;
        else
            for (ptrdiff_t k = 0; k < K; ++k)
                out[k] = form == OF(SOFTMAX) ? (REAL)NAN : x[k] - total;
        return;
    }
    double rest = OF(row_exp)(x, K, m, OF(row_find)(x, K, m), form == OF(SOFTMAX) ? out : NULL);
    if (form == OF(LOGSUMEXP)) {
        *out = (REAL)(m + log1p(rest));
        return;
    }
    REAL factor = (REAL)(1 / (1 + rest)), shift = (REAL)log1p(rest);
    ptrdiff_t k = 0;
    for (; k + LANES <= K; k += LANES)
        OF(store)(out + k, form == OF(SOFTMAX) ? OF(load)(out + k) * factor : (OF(load)(x + k) - m) - shift);
    for (; k < K; ++k)
        out[k] = form == OF(SOFTMAX) ? out[k] * factor : (x[k] - m) - shift;
}

#define SHORT_ROW 48

/* `count` <= LANES short rows at once: lane i of every vector is row i. */
FASTCE_INLINE void OF(short_rows)(const REAL *x, ptrdiff_t count, ptrdiff_t K, REAL *out, int form)
{
    REAL entry[SHORT_ROW * LANES], row_max[LANES], factor[LANES], shift[LANES];
    double rest_lane[2 * DOUBLE_LANES];
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
    VREAL waiting = OF(splat)((REAL)1); /* 1 until this row's largest entry has been left out */
    for (ptrdiff_t k = 0; k < K; ++k) {
        VREAL shifted = OF(load)(entry + k * LANES) - m;
        VREAL e = OF(exp_nonpositive)(shifted);
        VREAL left_out = OF(select)(shifted == (REAL)0, waiting, OF(splat)((REAL)0));
        waiting -= left_out;
        chunk += e - left_out; /* e is exactly 1 there */
        OF(store)(entry + k * LANES, form == OF(SOFTMAX) ? e : shifted);
        if (k % 8 == 7) {
            OF(accumulate)(&total, chunk);
            chunk = OF(splat)((REAL)0);
        }
    }
    OF(accumulate)(&total, chunk);
#if REAL_IS_FLOAT
    NAME(store_f64)(rest_lane, total.sum);
    NAME(store_f64)(rest_lane + DOUBLE_LANES, total.more);
#else
    NAME(store_f64)(rest_lane, total.sum + total.more);
#endif
    OF(store)(row_max, m);
    for (ptrdiff_t i = 0; i < count; ++i) {
        if (form == OF(LOGSUMEXP))
            out[i] = OF(is_finite)(row_max[i]) ? (REAL)(row_max[i] + log1p(rest_lane[i]))
                                               : OF(logsumexp_not_finite)(x + i * K, K, row_max[i]);
        else if (form == OF(SOFTMAX))
            factor[i] = (REAL)(1 / (1 + rest_lane[i]));
        else
            shift[i] = (REAL)log1p(rest_lane[i]);
    }
    if (form == OF(LOGSUMEXP))
        return;
    for (ptrdiff_t i = 0; i < count; ++i) {
        REAL *row = out + i * K;
        if (form == OF(SOFTMAX)) {
            for (ptrdiff_t k = 0; k < K; ++k)
                row[k] = entry[k * LANES + i] * factor[i];
        } else if (OF(is_finite)(row_max[i])) {
            for (ptrdiff_t k = 0; k < K; ++k)
                row[k] = entry[k * LANES + i] - shift[i];
        } else {
            REAL whole = OF(logsumexp_not_finite)(x + i * K, K, row_max[i]);
            for (ptrdiff_t k = 0; k < K; ++k)
                row[k] = x[i * K + k] - whole;
        }
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
        for (ptrdiff_t i = 0; i < n; ++i)
            OF(long_row)(x + i * K, K, out + i * width, form);
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
