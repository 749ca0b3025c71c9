/* logsumexp, softmax and log_softmax along the middle axis of a C-contiguous (outer, K, inner)
 * array: rows whose entries are `inner` elements apart. m and rest are those of
 * rows.h. Included by rowwise_level.h.
 *
 * A strided row is called a column here. Neighbouring columns fill the vectors, so nothing is
 * transposed or copied. A block is wide enough for memory to be read in long contiguous pieces, and
 * CHUNK entries of a column are processed at a time, so that the state of a column (maximum, sums)
 * is loaded and stored once a chunk.
 */
#ifndef BLOCK_BYTES
#  define BLOCK_BYTES                                                                              \
        (1 << 19) /* size of a block, which is read three times and should stay in the             \
                     second-level cache */
#  define UNCACHED_BYTES                                                                           \
        (1 << 21) /* size of the narrowest block above which caches do not help, so blocks are     \
                     widest */
#endif
#define MAX_COLUMNS (ptrdiff_t)(4096 / sizeof(REAL)) /* the widest block */
#define MIN_COLUMNS 64 /* the narrowest block, unless fewer columns are left */

/* A full vector, or the first `count` lanes. */
FASTCE_INLINE VREAL OF(load_first)(const REAL *p, ptrdiff_t count)
{
    return count < LANES ? OF(load_or)(p, count, (REAL)0) : OF(load)(p);
}

FASTCE_INLINE void OF(store_first)(REAL *p, VREAL v, ptrdiff_t count)
{
    if (count < LANES)
        OF(store_partial)(p, v, count);
    else
        OF(store)(p, v);
}

/* m = max(m, n entries of each of the next columns), x (n, count). */
FASTCE_INLINE void OF(strided_max)(const REAL *x, ptrdiff_t step, const ptrdiff_t n,
                                   ptrdiff_t count, REAL *m)
{
    VREAL largest = OF(load)(m);
    for (ptrdiff_t k = 0; k < n; ++k)
        largest = OF(max)(OF(load_first)(x + k * step, count), largest);
    OF(store)(m, largest);
}

/* Returns the sum of the terms exp(x - m) below the maximum of n <= CHUNK entries; the terms are
 * stored unless `terms` is NULL. All entries are loaded before any is stored: where `step` is a
 * multiple of 4096 bytes, a load after a store would often wait for it (4K aliasing). */
FASTCE_INLINE VREAL OF(strided_sum)(const REAL *x, ptrdiff_t step, const ptrdiff_t n,
                                    ptrdiff_t count, const REAL *m, REAL *ties, REAL *terms)
{
    const VREAL largest = OF(load)(m);
    VREAL chunk = OF(splat)((REAL)0), v[CHUNK];
    VBITS equal = OF(bits)(OF(load)(ties));
    for (ptrdiff_t k = 0; k < n; ++k)
        v[k] = OF(load_first)(x + k * step, count);
    ptrdiff_t full = 0;
    for (; full + 4 <= n; full += 4)
        OF(add_terms)(v + full, largest, &chunk, &equal, 0, 4);
    for (; full < n; ++full)
        OF(add_terms)(v + full, largest, &chunk, &equal, 0, 1);
    for (ptrdiff_t k = 0; terms && k < n; ++k)
        OF(store_first)(terms + k * step, v[k], count);
    OF(store)(ties, OF(from_bits)(equal));
    return chunk;
}

FASTCE_INLINE void OF(strided_scale)(const REAL *x, ptrdiff_t step, const ptrdiff_t n,
                                     ptrdiff_t count, const REAL *m, const REAL *factor, REAL *out,
                                     int form)
{
    const VREAL base = OF(load)(m), f = OF(load)(factor);
    VREAL v[CHUNK];
    for (ptrdiff_t k = 0; k < n; ++k)
        v[k] = OF(load_first)(x + k * step, count);
    for (ptrdiff_t k = 0; k < n; ++k)
        OF(store_first)(out + k * step, form == OF(SOFTMAX) ? v[k] * f : (v[k] - base) - f, count);
}

/* Calls `call(k, n, c, count)` for all pieces of the block: entries k to k + n of columns c to
 * c + count, n <= CHUNK. n and count are constants where the vectors are full, so the compiler
 * unrolls. */
#define FOR_BLOCK(call)                                                                            \
      for (ptrdiff_t k = 0; k < K; k += CHUNK) {                                                   \
          ptrdiff_t c = 0;                                                                         \
          if (K - k >= CHUNK) {                                                                    \
              for (; c + LANES <= width; c += LANES)                                               \
                  call(k, CHUNK, c, LANES);                                                        \
          } else {                                                                                 \
              for (; c + LANES <= width; c += LANES)                                               \
                  call(k, K - k, c, LANES);                                                        \
          }                                                                                        \
          if (c < width)                                                                           \
              call(k, K - k < CHUNK ? K - k : CHUNK, c, width - c);                                \
      }

/* A block of columns: x and out (K, width), width <= MAX_COLUMNS, the entries of a column `step`
 * elements apart; out of logsumexp is (width,). */
FASTCE_INLINE void OF(strided_block)(const REAL *x, ptrdiff_t step, ptrdiff_t K, ptrdiff_t width,
                                     REAL *out, int form)
{
    REAL m[MAX_COLUMNS], factor[MAX_COLUMNS], ties[MAX_COLUMNS]; /* ties: the bits of integers */
    VREAL few[MAX_COLUMNS / LANES];
    OF(accumulator) total[MAX_COLUMNS / LANES];
    const ptrdiff_t n_vectors = (width + LANES - 1) / LANES;
    for (ptrdiff_t v = 0; v < n_vectors; ++v) {
        OF(store)(m + v * LANES, OF(splat)((REAL)-INFINITY));
        OF(store)(ties + v * LANES, OF(splat)((REAL)0));
        total[v].sum = total[v].more = NAME(splat_f64)(0);
        few[v] = OF(splat)((REAL)0);
    }
#define MAX(k, n, c, count) OF(strided_max)(x + (k) * step + (c), step, n, count, m + (c))
    FOR_BLOCK(MAX)
#undef MAX
#define SUM(k, n, c, count)                                                                        \
      OF(strided_sum)(x + (k) * step + (c), step, n, count, m + (c), ties + (c),                   \
                      form == OF(SOFTMAX) ? out + (k) * step + (c) : NULL)
#define SUM_FEW(k, n, c, count) few[(c) / LANES] = SUM(k, n, c, count)
#define SUM_MANY(k, n, c, count) OF(accumulate)(&total[(c) / LANES], SUM(k, n, c, count))
    if (K < CHUNK) {
        FOR_BLOCK(SUM_FEW)
    } else {
        FOR_BLOCK(SUM_MANY)
    }
#undef SUM
#undef SUM_FEW
#undef SUM_MANY
    for (ptrdiff_t v = 0; v < n_vectors; ++v) {
        const ptrdiff_t c = v * LANES;
        VREAL largest = OF(load)(m + c),
              rest = OF(rest_of_lanes)(total[v], few[v], OF(bits)(OF(load)(ties + c)), largest, K);
        OF(store)(factor + c,
                  form == OF(SOFTMAX) ? (REAL)1 / (rest + (REAL)1) : OF(log1p_nonnegative)(rest));
    }
    if (form != OF(SOFTMAX))
        for (ptrdiff_t c = 0; c < width; ++c)
            if (!OF(is_finite)(m[c])) {
                m[c] = OF(logsumexp_not_finite)(x + c, step, K, m[c]);
                factor[c] = 0;
            }
    if (form == OF(LOGSUMEXP)) {
        for (ptrdiff_t c = 0; c < width; ++c)
            out[c] = m[c] + factor[c];
        return;
    }
    const REAL *source = form == OF(SOFTMAX) ? out : x;
#define SCALE(k, n, c, count)                                                                      \
      OF(strided_scale)(source + (k) * step + (c), step, n, count, m + (c), factor + (c),          \
                        out + (k) * step + (c), form)
    FOR_BLOCK(SCALE)
#undef SCALE
}
#undef FOR_BLOCK

/* The columns from `first` to `last` - 1 of the outer * inner columns of x (outer, K, inner); out
 * of logsumexp is (outer, inner). */
FASTCE_INLINE void OF(strided_range)(const REAL *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first,
                                     ptrdiff_t last, REAL *out, int form)
{
    if (K == 0) {
        for (ptrdiff_t i = first; form == OF(LOGSUMEXP) && i < last; ++i)
            out[i] = (REAL)-INFINITY;
        return;
    }
    const ptrdiff_t fits = BLOCK_BYTES / (K * (ptrdiff_t)sizeof(REAL)) / MIN_COLUMNS * MIN_COLUMNS;
    ptrdiff_t widest = fits < MIN_COLUMNS ? MIN_COLUMNS : fits < MAX_COLUMNS ? fits : MAX_COLUMNS;
    if (K * (ptrdiff_t)sizeof(REAL) * MIN_COLUMNS > UNCACHED_BYTES)
        widest = MAX_COLUMNS;
    for (ptrdiff_t i = first, width; i < last; i += width) {
        const ptrdiff_t o = i / inner, c = i % inner;
        width = last - i < widest ? last - i : widest;
        if (width > inner - c)
            width = inner - c;
        OF(strided_block)(x + o * K * inner + c, inner, K, width,
                          form == OF(LOGSUMEXP) ? out + i : out + o * K * inner + c, form);
    }
}

static void OF(logsumexp_strided)(const REAL *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first,
                                  ptrdiff_t last, REAL *out)
{
    OF(strided_range)(x, K, inner, first, last, out, OF(LOGSUMEXP));
}
static void OF(softmax_strided)(const REAL *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first,
                                ptrdiff_t last, REAL *out)
{
    OF(strided_range)(x, K, inner, first, last, out, OF(SOFTMAX));
}
static void OF(log_softmax_strided)(const REAL *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first,
                                    ptrdiff_t last, REAL *out)
{
    OF(strided_range)(x, K, inner, first, last, out, OF(LOG_SOFTMAX));
}
#undef MAX_COLUMNS
#undef MIN_COLUMNS
