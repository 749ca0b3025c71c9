/* logsumexp, softmax and log_softmax of the rows of a C-contiguous (n, K) array; what losses need
 * of rows; element-wise functions. Included by rowwise_level.h.
 *
 *     logsumexp = m + log1p(rest)     softmax_k = exp(x_k - m) / (1 + rest)     log_softmax_k =
 * (x_k - m) - log1p(rest)
 *
 * with m and rest of long_rows.h. Long rows are computed one after the other, short rows LANES at a
 * time (short_rows.h).
 */
enum { OF(LOGSUMEXP), OF(SOFTMAX), OF(LOG_SOFTMAX) };

/* logsumexp of a row whose largest entry is infinite, or all of whose entries are NaN: the first
 * NaN, or m. The entries are `step` elements apart. */
FASTCE_INLINE REAL OF(logsumexp_not_finite)(const REAL *x, ptrdiff_t step, ptrdiff_t K, REAL m)
{
    for (ptrdiff_t k = 0; k < K; ++k)
        if (x[k * step] != x[k * step])
            return x[k * step];
    return m;
}

/* out (K,) = x * factor, or (x - m) - factor. */
FASTCE_INLINE void OF(apply)(const REAL *x, ptrdiff_t K, REAL m, REAL factor, REAL *out, int form)
{
    ptrdiff_t k = 0;
    for (; k + LANES <= K; k += LANES)
        OF(store)(out + k,
                  form == OF(SOFTMAX) ? OF(load)(x + k) * factor : (OF(load)(x + k) - m) - factor);
    if (k < K) {
        VREAL last = OF(load_or)(x + k, K - k, (REAL)0);
        OF(store_partial)(out + k, form == OF(SOFTMAX) ? last * factor : (last - m) - factor,
                          K - k);
    }
}

/* n <= BLOCK_ROWS long rows. `form` is a constant wherever this is inlined, so the compiler removes
 * the branches on it. */
FASTCE_INLINE void OF(long_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out, int form)
{
    REAL m[BLOCK_ROWS], rest[BLOCK_ROWS], logs[BLOCK_ROWS];
    OF(long_row_statistics)(x, n, K, form == OF(SOFTMAX) ? out : NULL, m, rest, logs);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const REAL *row = x + i * K;
        if (form == OF(SOFTMAX)) {
            OF(apply)(out + i * K, K, 0, (REAL)1 / (1 + rest[i]), out + i * K, form);
        } else {
            REAL shift = OF(is_finite)(m[i]) ? logs[i] : 0;
            REAL base = OF(is_finite)(m[i]) ? m[i] : OF(logsumexp_not_finite)(row, 1, K, m[i]);
            if (form == OF(LOGSUMEXP))
                out[i] = base + shift;
            else
                OF(apply)(row, K, base, shift, out + i * K, form);
        }
    }
}

/* n <= BLOCK_ROWS short rows. */
FASTCE_INLINE void OF(short_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out, int form)
{
    REAL transposed[SHORT_ROW * BLOCK_ROWS], m[BLOCK_ROWS], rest[BLOCK_ROWS], logs[BLOCK_ROWS];
    OF(short_row_statistics)(x, n, K, transposed, m, rest, logs, form == OF(LOG_SOFTMAX));
    if (form == OF(LOGSUMEXP)) {
        for (ptrdiff_t i = 0; i < n; ++i)
            out[i] = m[i] + logs[i];
        for (ptrdiff_t i = 0; i < n; ++i)
            if (!OF(is_finite)(m[i]))
                out[i] = OF(logsumexp_not_finite)(x + i * K, 1, K, m[i]);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        VREAL factor = (REAL)1 / (OF(load)(rest + i) + (REAL)1), log1p_rest = OF(load)(logs + i);
        for (REAL *column = transposed + i; column < transposed + K * BLOCK_ROWS;
             column += BLOCK_ROWS)
            OF(store)(column, form == OF(SOFTMAX) ? OF(load)(column) * factor
                                                  : OF(load)(column) - log1p_rest);
    }
    if (form == OF(LOG_SOFTMAX))
        for (ptrdiff_t i = 0; i < n; ++i)
            if (!OF(is_finite)(m[i])) {
                REAL total = OF(logsumexp_not_finite)(x + i * K, 1, K, m[i]);
                for (ptrdiff_t k = 0; k < K; ++k)
                    transposed[k * BLOCK_ROWS + i] = x[i * K + k] - total;
            }
    OF(transpose_back)(transposed, n, K, out);
}

FASTCE_INLINE void OF(rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out, int form)
{
    ptrdiff_t width = form == OF(LOGSUMEXP) ? 1 : K;
    if (K == 0) {
        for (ptrdiff_t i = 0; i < n * width; ++i)
            out[i] = (REAL)-INFINITY; /* the logarithm of an empty sum */
    } else if (K <= SHORT_ROW) {
        for (ptrdiff_t i = 0; i < n; i += BLOCK_ROWS)
            OF(short_rows)(x + i * K, n - i < BLOCK_ROWS ? n - i : BLOCK_ROWS, K, out + i * width,
                           form);
    } else {
        const ptrdiff_t step = K < 4096
                                   ? 4096 / K < BLOCK_ROWS ? 4096 / K : BLOCK_ROWS
                                   : 1; /* a block of 4096 entries stays in the first-level cache */
        for (ptrdiff_t i = 0; i < n; i += step)
            OF(long_rows)(x + i * K, n - i < step ? n - i : step, K, out + i * width, form);
    }
}

static void OF(logsumexp_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out)
{
    OF(rows)(x, n, K, out, OF(LOGSUMEXP));
}
static void OF(softmax_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out)
{
    OF(rows)(x, n, K, out, OF(SOFTMAX));
}
static void OF(log_softmax_rows)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *out)
{
    OF(rows)(x, n, K, out, OF(LOG_SOFTMAX));
}

/* ---- functions that the losses' kernels call ---- */

/* row_max, rest and logs (n,) of the rows x (n, K), n <= BLOCK_ROWS. */
static void OF(softmax_statistics)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *row_max,
                                   REAL *rest, REAL *logs)
{
    if (K <= SHORT_ROW) {
        REAL transposed[SHORT_ROW * BLOCK_ROWS], m[BLOCK_ROWS], r[BLOCK_ROWS], l[BLOCK_ROWS];
        OF(short_row_statistics)(x, n, K, transposed, m, r, l, 0);
        memcpy(row_max, m, n * sizeof *m);
        memcpy(rest, r, n * sizeof *r);
        memcpy(logs, l, n * sizeof *l);
    } else {
        OF(long_row_statistics)(x, n, K, NULL, row_max, rest, logs);
    }
}

/* The first half of weighted_softmax: the terms exp(x - max x) of long rows are written to out,
 * which may be x; those of short rows to transposed (K, BLOCK_ROWS). Long rows of weight 0 are not
 * read. */
static void OF(softmax_terms)(const REAL *x, ptrdiff_t n, ptrdiff_t K, const REAL *weight,
                              REAL *out, REAL *transposed, REAL *row_max, REAL *rest, REAL *logs)
{
    if (K <= SHORT_ROW) {
        REAL m[BLOCK_ROWS], r[BLOCK_ROWS], l[BLOCK_ROWS];
        OF(short_row_statistics)(x, n, K, transposed, m, r, l, 0);
        memcpy(row_max, m, n * sizeof *m);
        memcpy(rest, r, n * sizeof *r);
        memcpy(logs, l, n * sizeof *l);
        return;
    }
    for (ptrdiff_t i = 0, next; i < n; i = next) {
        for (next = i; next < n && weight[next] != 0; ++next)
            ;
        OF(long_row_statistics)(x + i * K, next - i, K, out + i * K, row_max + i, rest + i,
                                logs + i);
        for (; next < n && weight[next] == 0; ++next)
            row_max[next] = rest[next] = logs[next] = 0;
    }
}

/* The second half: out (n, K) becomes weight_i / (1 + rest_i) times the terms. Rows of weight 0
 * become 0. */
static void OF(normalise_terms)(REAL *out, ptrdiff_t n, ptrdiff_t K, const REAL *weight,
                                const REAL *rest, REAL *transposed)
{
    if (K > SHORT_ROW) {
        for (ptrdiff_t i = 0; i < n; ++i)
            if (weight[i] != 0)
                OF(apply)(out + i * K, K, 0, weight[i] / (1 + rest[i]), out + i * K, OF(SOFTMAX));
            else
                memset(out + i * K, 0, K * sizeof *out);
        return;
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        const ptrdiff_t count = n - i;
        const VREAL zero = OF(splat)((REAL)0), each = count < LANES
                                                          ? OF(load_or)(weight + i, count, (REAL)0)
                                                          : OF(load)(weight + i);
        const VREAL factor =
            each / ((count < LANES ? OF(load_or)(rest + i, count, (REAL)0) : OF(load)(rest + i)) +
                    (REAL)1);
        for (REAL *column = transposed + i; column < transposed + K * BLOCK_ROWS;
             column += BLOCK_ROWS)
            OF(store)(column, OF(select)(each == zero, zero, OF(load)(column) * factor));
    }
    OF(transpose_back)(transposed, n, K, out);
}

/* out (n, K), which may be x, becomes weight_i softmax(x_i); the other results are those of
 * softmax_statistics. Rows of weight 0 are not read, and become 0. */
static void OF(weighted_softmax)(const REAL *x, ptrdiff_t n, ptrdiff_t K, const REAL *weight,
                                 REAL *out, REAL *row_max, REAL *rest, REAL *logs)
{
    REAL transposed[SHORT_ROW * BLOCK_ROWS];
    OF(softmax_terms)(x, n, K, weight, out, transposed, row_max, rest, logs);
    OF(normalise_terms)(out, n, K, weight, rest, transposed);
}

/* small = sigmoid(-|x|), large = sigmoid(|x|), tail = log1p(exp(-|x|)), each (n,). */
static void OF(logistic)(const REAL *x, ptrdiff_t n, ptrdiff_t unused, REAL *small, REAL *large,
                         REAL *tail)
{
    ptrdiff_t i = 0;
    (void)unused;
    for (; i + 4 * LANES <= n; i += 4 * LANES) {
        VREAL e[4], log[4];
        UNROLL_ALL
        for (int j = 0; j < 4; ++j)
            e[j] = OF(minus_magnitude)(OF(load)(x + i + j * LANES));
        OF(exps_nonpositive)(e, 4);
        OF(log1p_fractions)(e, log, 4);
        UNROLL_ALL
        for (int j = 0; j < 4; ++j) {
            const VREAL inverse = (REAL)1 / (e[j] + (REAL)1);
            OF(store)(small + i + j * LANES, e[j] * inverse);
            OF(store)(large + i + j * LANES, inverse);
            OF(store)(tail + i + j * LANES, log[j]);
        }
    }
    for (; i < n; i += LANES) {
        const ptrdiff_t count = n - i < LANES ? n - i : LANES;
        VREAL log, e = OF(minus_magnitude)(OF(load_or)(x + i, count, (REAL)0));
        OF(exps_nonpositive)(&e, 1);
        OF(log1p_fractions)(&e, &log, 1);
        const VREAL inverse = (REAL)1 / (e + (REAL)1);
        OF(store_partial)(small + i, e * inverse, count);
        OF(store_partial)(large + i, inverse, count);
        OF(store_partial)(tail + i, log, count);
    }
}

/* An element-wise function of an array, made from a function of up to four vectors in place. */
#define FLAT(name, function)                                                                       \
    static void OF(name##_flat)(const REAL *x, ptrdiff_t n, ptrdiff_t unused, REAL *out)           \
    {                                                                                              \
        ptrdiff_t i = 0;                                                                           \
        (void)unused;                                                                              \
        for (; i + 4 * LANES <= n; i += 4 * LANES) {                                               \
            VREAL v[4];                                                                            \
            UNROLL_ALL                                                                             \
            for (int j = 0; j < 4; ++j)                                                            \
                v[j] = OF(load)(x + i + j * LANES);                                                \
            OF(function)(v, 4);                                                                    \
            UNROLL_ALL                                                                             \
            for (int j = 0; j < 4; ++j)                                                            \
                OF(store)(out + i + j * LANES, v[j]);                                              \
        }                                                                                          \
        for (; i < n; i += LANES) {                                                                \
            VREAL v = n - i < LANES ? OF(load_or)(x + i, n - i, (REAL)0) : OF(load)(x + i);        \
            OF(function)(&v, 1);                                                                   \
            if (n - i < LANES)                                                                     \
                OF(store_partial)(out + i, v, n - i);                                              \
            else                                                                                   \
                OF(store)(out + i, v);                                                             \
        }                                                                                          \
    }
FLAT(exp_nonpositive, exps_nonpositive)
FLAT(log_nonnegative, logs_nonnegative)
FLAT(sigmoid, sigmoids)
FLAT(log_sigmoid, log_sigmoids)
#undef FLAT
