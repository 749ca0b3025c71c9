/* Softmax statistics of blocks of short rows, transposed so that lane i of every vector is row i.
 * Included by rowwise_level.h; the functions of rows.h use it.
 *
 * Vectors along a row of 2 to 32 entries would be half empty, and each row would need a logarithm
 * of its own.
 */
#ifndef BLOCK_ROWS
#  define BLOCK_ROWS                                                                               \
        64 /* rows in a block; the distance between the columns of transposed (K, BLOCK_ROWS)      \
              arrays */
#  define SHORT_ROW 60 /* the longest row for which transposing is faster (measured) */
#  define CHUNK                                                                                    \
        8 /* terms added in REAL before their sum joins the accumulator; more would lose digits */
#endif

#undef MIN_TILED_CLASSES
#if SIMD_LEVEL == 4
#  define MIN_TILED_CLASSES                                                                        \
        9 /* fewest classes for which tiles of LANES x LANES are transposed in registers           \
             (measured) */
#elif SIMD_LEVEL == 3
#  define MIN_TILED_CLASSES (REAL_IS_FLOAT ? 6 : 4)
#endif
#ifdef MIN_TILED_CLASSES
/* Transpose a tile of LANES rows of LANES entries in registers, by a butterfly of shuffles. */
FASTCE_INLINE void OF(transpose_tile)(VREAL *r)
{
#  if SIMD_LEVEL == 3 && REAL_IS_FLOAT
    __m256 t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps((__m256)r[i], (__m256)r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps((__m256)r[i], (__m256)r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; ++j) {
            u[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0x44);
            u[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0xee);
        }
    for (int j = 0; j < 4; ++j) {
        r[j] = (VREAL)_mm256_permute2f128_ps(u[j], u[4 + j], 0x20);
        r[4 + j] = (VREAL)_mm256_permute2f128_ps(u[j], u[4 + j], 0x31);
    }
#  elif SIMD_LEVEL == 3
    __m256d t[4];
    for (int i = 0; i < 4; i += 2) {
        t[i] = _mm256_unpacklo_pd((__m256d)r[i], (__m256d)r[i + 1]);
        t[i + 1] = _mm256_unpackhi_pd((__m256d)r[i], (__m256d)r[i + 1]);
    }
    for (int j = 0; j < 2; ++j) {
        r[j] = (VREAL)_mm256_permute2f128_pd(t[j], t[2 + j], 0x20);
        r[2 + j] = (VREAL)_mm256_permute2f128_pd(t[j], t[2 + j], 0x31);
    }
#  elif REAL_IS_FLOAT
    __m512 t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_ps((__m512)r[i], (__m512)r[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps((__m512)r[i], (__m512)r[i + 1]);
    }
    __m512d u[16];
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; ++j) {
            u[i + 2 * j] = _mm512_unpacklo_pd((__m512d)t[i + j], (__m512d)t[i + 2 + j]);
            u[i + 2 * j + 1] = _mm512_unpackhi_pd((__m512d)t[i + j], (__m512d)t[i + 2 + j]);
        }
    __m512 v[16];
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 4; ++j) {
            v[i + j] = _mm512_shuffle_f32x4((__m512)u[i + j], (__m512)u[i + 4 + j], 0x88);
            v[i + 4 + j] = _mm512_shuffle_f32x4((__m512)u[i + j], (__m512)u[i + 4 + j], 0xdd);
        }
    for (int j = 0; j < 8; ++j) {
        r[j] = (VREAL)_mm512_shuffle_f32x4(v[j], v[8 + j], 0x88);
        r[8 + j] = (VREAL)_mm512_shuffle_f32x4(v[j], v[8 + j], 0xdd);
    }
#  else
    __m512d t[8], u[8];
    for (int i = 0; i < 8; i += 2) {
        t[i] = _mm512_unpacklo_pd((__m512d)r[i], (__m512d)r[i + 1]);
        t[i + 1] = _mm512_unpackhi_pd((__m512d)r[i], (__m512d)r[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; ++j) {
            u[i + j] = _mm512_shuffle_f64x2(t[i + j], t[i + 2 + j], 0x88);
            u[i + 2 + j] = _mm512_shuffle_f64x2(t[i + j], t[i + 2 + j], 0xdd);
        }
    for (int j = 0; j < 4; ++j) {
        r[j] = (VREAL)_mm512_shuffle_f64x2(u[j], u[4 + j], 0x88);
        r[4 + j] = (VREAL)_mm512_shuffle_f64x2(u[j], u[4 + j], 0xdd);
    }
#  endif
}
#endif

/* K is a constant where this is inlined (FOR_SMALL), so the compiler knows the stride. */
FASTCE_INLINE void OF(transpose_fixed)(const REAL *x, ptrdiff_t n, const ptrdiff_t K,
                                       REAL *transposed)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            transposed[k * BLOCK_ROWS + i] = x[i * K + k];
}

FASTCE_INLINE void OF(transpose_back_fixed)(const REAL *transposed, ptrdiff_t n, const ptrdiff_t K,
                                            REAL *x)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            x[i * K + k] = transposed[k * BLOCK_ROWS + i];
}

#define FOR_SMALL(K, call)                                                                         \
    switch (K) {                                                                                   \
    case 2: call(2); break;                                                                        \
    case 3: call(3); break;                                                                        \
    case 4: call(4); break;                                                                        \
    case 5: call(5); break;                                                                        \
    case 6: call(6); break;                                                                        \
    case 7: call(7); break;                                                                        \
    case 8: call(8); break;                                                                        \
    default: call(K);                                                                              \
    }

/* From x (n, K), n <= BLOCK_ROWS, to transposed (K, BLOCK_ROWS), and back. */
static void OF(transpose)(const REAL *x, ptrdiff_t n, ptrdiff_t K, REAL *transposed)
{
#ifdef MIN_TILED_CLASSES
    if (K >= MIN_TILED_CLASSES) {
        for (ptrdiff_t i = 0; i < n; i += LANES)
            for (ptrdiff_t k = 0; k < K; k += LANES) {
                VREAL r[LANES];
                const ptrdiff_t rows = n - i < LANES ? n - i : LANES,
                                width = K - k < LANES ? K - k : LANES;
                if (rows == LANES && width == LANES) {
                    UNROLL_ALL
                    for (ptrdiff_t j = 0; j < LANES; ++j)
                        r[j] = OF(load)(x + (i + j) * K + k);
                    OF(transpose_tile)(r);
                    UNROLL_ALL
                    for (ptrdiff_t j = 0; j < LANES; ++j)
                        OF(store)(transposed + (k + j) * BLOCK_ROWS + i, r[j]);
                    continue;
                }
                for (ptrdiff_t j = 0; j < LANES; ++j)
                    r[j] = OF(load_or)(x + (i + (j < rows ? j : 0)) * K + k, width, (REAL)0);
                OF(transpose_tile)(r);
                for (ptrdiff_t j = 0; j < width; ++j)
                    OF(store)(transposed + (k + j) * BLOCK_ROWS + i, r[j]);
            }
        return;
    }
#endif
#define TRANSPOSE(count) OF(transpose_fixed)(x, n, count, transposed)
    FOR_SMALL(K, TRANSPOSE)
#undef TRANSPOSE
}

static void OF(transpose_back)(const REAL *transposed, ptrdiff_t n, ptrdiff_t K, REAL *x)
{
#ifdef MIN_TILED_CLASSES
    if (K >= MIN_TILED_CLASSES) {
        for (ptrdiff_t i = 0; i < n; i += LANES)
            for (ptrdiff_t k = 0; k < K; k += LANES) {
                VREAL r[LANES];
                const ptrdiff_t rows = n - i < LANES ? n - i : LANES,
                                width = K - k < LANES ? K - k : LANES;
                if (rows == LANES && width == LANES) {
                    UNROLL_ALL
                    for (ptrdiff_t j = 0; j < LANES; ++j)
                        r[j] = OF(load)(transposed + (k + j) * BLOCK_ROWS + i);
                    OF(transpose_tile)(r);
                    UNROLL_ALL
                    for (ptrdiff_t j = 0; j < LANES; ++j)
                        OF(store)(x + (i + j) * K + k, r[j]);
                    continue;
                }
                for (ptrdiff_t j = 0; j < LANES; ++j)
                    r[j] = OF(load)(transposed + (k + (j < width ? j : 0)) * BLOCK_ROWS + i);
                OF(transpose_tile)(r);
                for (ptrdiff_t j = 0; j < rows; ++j)
                    OF(store_partial)(x + (i + j) * K + k, r[j], width);
            }
        return;
    }
#endif
#define TRANSPOSE_BACK(count) OF(transpose_back_fixed)(transposed, n, count, x)
    FOR_SMALL(K, TRANSPOSE_BACK)
#undef TRANSPOSE_BACK
}

/* `count` vectors of entries, a row in each lane: x becomes exp(x - m), or x - m if `exponents`;
 * the sum of the terms exp(x - m) below the maximum joins `chunk`, the number of maxima joins
 * `ties`. */
FASTCE_INLINE void OF(add_terms)(VREAL *x, VREAL m, VREAL *chunk, VBITS *ties, const int exponents,
                                 const int count)
{
    VREAL e[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        e[j] = x[j] - m;
    OF(exps_nonpositive)(e, count);
    UNROLL_ALL
    for (int j = 0; j < count; ++j) {
        *ties = OF(add_equal)(*ties, x[j], m);
        *chunk = OF(add_unless_equal)(*chunk, e[j], x[j], m);
        x[j] = exponents ? x[j] - m : e[j];
    }
}

/* The same for `count` vectors in memory, BLOCK_ROWS elements apart. */
FASTCE_INLINE void OF(add_column_terms)(REAL *column, VREAL m, VREAL *chunk, VBITS *ties,
                                        const int exponents, const int count)
{
    VREAL terms[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        terms[j] = OF(load)(column + j * BLOCK_ROWS);
    OF(add_terms)(terms, m, chunk, ties, exponents, count);
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        OF(store)(column + j * BLOCK_ROWS, terms[j]);
}

/* rest of a vector of rows of K entries: the sum of `total` and `chunk`; total is 0 for K < CHUNK.
 */
FASTCE_INLINE VREAL OF(rest_of_lanes)(OF(accumulator) total, VREAL chunk, VBITS ties, VREAL m,
                                      ptrdiff_t K)
{
    VREAL others = OF(real_of_count)(ties - (BITS)1) + (m - m); /* m - m: NaN for an infinite m */
    if (K < CHUNK)
        return chunk + others;
    OF(accumulate)(&total, chunk);
    OF(accumulate)(&total, others);
#if REAL_IS_FLOAT
    return NAME(narrowed)(total.sum, total.more);
#else
    return total.sum + total.more;
#endif
}

/* Softmax statistics as in long_rows.h, of n <= BLOCK_ROWS short rows; transposed (K, BLOCK_ROWS)
 * becomes exp(x - max x), or x - max x if `exponents`. row_max, rest and logs are (BLOCK_ROWS,);
 * the lanes beyond the last row hold copies of the first row. */
FASTCE_INLINE void OF(short_row_statistics)(const REAL *x, ptrdiff_t n, ptrdiff_t K,
                                            REAL *transposed, REAL *row_max, REAL *rest, REAL *logs,
                                            int exponents)
{
    ptrdiff_t end = (n + LANES - 1) / LANES * LANES;
    OF(transpose)(x, n, K, transposed);
    for (ptrdiff_t i = n; i < end; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            transposed[k * BLOCK_ROWS + i] = x[k];
    for (ptrdiff_t i = 0; i < end; i += LANES) {
        REAL *column = transposed + i;
        VREAL m = OF(splat)((REAL)-INFINITY), chunk = OF(splat)((REAL)0);
        VBITS ties = OF(bits)(chunk); /* 0 */
        for (ptrdiff_t k = 0; k < K; ++k)
            m = OF(max)(OF(load)(column + k * BLOCK_ROWS), m);
        OF(accumulator) total = {NAME(splat_f64)(0), NAME(splat_f64)(0)};
        ptrdiff_t k = 0;
        for (; k + 4 <= K; k += 4) {
            OF(add_column_terms)(column + k * BLOCK_ROWS, m, &chunk, &ties, exponents, 4);
            if (k % CHUNK == CHUNK - 4) {
                OF(accumulate)(&total, chunk);
                chunk = OF(splat)((REAL)0);
            }
        }
        switch (K - k) { /* fewer than four entries are left */
        case 3:
            OF(add_column_terms)(column + k * BLOCK_ROWS, m, &chunk, &ties, exponents, 3);
            break;
        case 2:
            OF(add_column_terms)(column + k * BLOCK_ROWS, m, &chunk, &ties, exponents, 2);
            break;
        case 1:
            OF(add_column_terms)(column + k * BLOCK_ROWS, m, &chunk, &ties, exponents, 1);
            break;
        default: break;
        }
        VREAL others = OF(rest_of_lanes)(total, chunk, ties, m, K);
        OF(store)(row_max + i, m);
        OF(store)(rest + i, others);
        OF(store)(logs + i, OF(log1p_nonnegative)(others));
    }
}
