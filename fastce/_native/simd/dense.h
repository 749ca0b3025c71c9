/* Products of a block of rows of a dense X (n, p) of ENTRY (float or double), any strides, with
 * float64; arithmetic in double. Included by products_level.h.
 *
 *     forward    Z (n, K) = X coef + intercept     coef (p, K) and Z C-contiguous
 *     backward   G (p, K) += X^T R                 R (n, K) and G C-contiguous
 *
 * Both are out (m, K) += A (m, T) B (T, K), A being X or its transpose. Vectors run along the
 * classes: an entry of A is broadcast and multiplied with a contiguous piece of B, and no lanes are
 * added in the end. With one class, vectors run along X.
 */

/* Prefetch the entry `ahead` elements after p. Addresses are integers, because it may lie beyond
 * the end of the array. */
FASTCE_INLINE void OFX(prefetch_entry)(const ENTRY *p, ptrdiff_t ahead)
{
#if defined(__GNUC__)
    __builtin_prefetch((const void *)((uintptr_t)p + ahead * sizeof(ENTRY)), 0, 3);
#else
    (void)p, (void)ahead;
#endif
}

#if ENTRY_IS_DOUBLE
/* ROWS rows of `out`, VECTORS vectors of classes each, stay in registers; the last vector has
 * `some` classes, or is full if `some` is 0. */
FASTCE_INLINE void OFX(tile)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride, ptrdiff_t T,
                             const double *B, ptrdiff_t K, double *out, const int ROWS,
                             const int VECTORS, const ptrdiff_t some, const ptrdiff_t ahead)
{
    vdouble sum[TILE_ROWS][TILE_VECTORS];
    UNROLL_ALL
    for (int a = 0; a < ROWS; ++a)
        UNROLL_ALL
    for (int v = 0; v < VECTORS; ++v) {
        const double *from = out + a * K + v * DOUBLE_LANES;
        sum[a][v] =
            some && v == VECTORS - 1 ? NAME(load_partial_f64)(from, some) : NAME(load_f64)(from);
    }
    for (ptrdiff_t start = 0; start < T; start += LINE_NUMBERS) {
        const ptrdiff_t stop = T - start < LINE_NUMBERS ? T : start + LINE_NUMBERS;
        if (ahead)
            UNROLL_ALL
        for (int a = 0; a < ROWS; ++a)
            OFX(prefetch_entry)(A + a * a_stride + start * t_stride, ahead * a_stride);
        for (ptrdiff_t t = start; t < stop; ++t) {
            vdouble right[TILE_VECTORS];
            UNROLL_ALL
            for (int v = 0; v < VECTORS; ++v) {
                const double *from = B + t * K + v * DOUBLE_LANES;
                right[v] = some && v == VECTORS - 1 ? NAME(load_partial_f64)(from, some)
                                                    : NAME(load_f64)(from);
            }
            UNROLL_ALL
            for (int a = 0; a < ROWS; ++a) {
                const vdouble left = NAME(splat_at)(A + a * a_stride + t * t_stride);
                UNROLL_ALL
                for (int v = 0; v < VECTORS; ++v)
                    sum[a][v] += left * right[v];
            }
        }
    }
    UNROLL_ALL
    for (int a = 0; a < ROWS; ++a)
        UNROLL_ALL
    for (int v = 0; v < VECTORS; ++v) {
        double *to = out + a * K + v * DOUBLE_LANES;
        if (some && v == VECTORS - 1)
            NAME(store_partial_f64)(to, sum[a][v], some);
        else
            NAME(store_f64)(to, sum[a][v]);
    }
}

FASTCE_INLINE void OFX(tiles)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride,
                              ptrdiff_t rows, ptrdiff_t T, const double *B, ptrdiff_t K,
                              double *out, const int ROWS, const int VECTORS, const ptrdiff_t some,
                              const ptrdiff_t ahead)
{
    ptrdiff_t a = 0;
    for (; a + ROWS <= rows; a += ROWS)
        OFX(tile)(A + a * a_stride, a_stride, t_stride, T, B, K, out + a * K, ROWS, VECTORS, some,
                  ahead);
    if (a + ROWS / 2 <= rows) {
        OFX(tile)(A + a * a_stride, a_stride, t_stride, T, B, K, out + a * K, ROWS / 2, VECTORS,
                  some, ahead);
        a += ROWS / 2;
    }
    for (; a < rows; ++a)
        OFX(tile)(A + a * a_stride, a_stride, t_stride, T, B, K, out + a * K, 1, VECTORS, some,
                  ahead);
}

/* out (m, K) += A (m, T) B (T, K), K > 1, in pieces of A and B that stay in the first-level cache.
 */
static void OFX(multiply)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride, ptrdiff_t m,
                          ptrdiff_t T, const double *B, ptrdiff_t K, double *out)
{
    const ptrdiff_t n_vectors = (K + DOUBLE_LANES - 1) / DOUBLE_LANES, over = K % DOUBLE_LANES;
    ptrdiff_t piece = PIECE_NUMBERS / K;
    piece = piece < 16 ? 16 : piece > 256 ? 256 : piece;
    for (ptrdiff_t t = 0; t < T; t += piece) {
        const ptrdiff_t length = T - t < piece ? T - t : piece;
        for (ptrdiff_t a = 0; a < m; a += GROUP_ROWS) {
            const ptrdiff_t rows = m - a < GROUP_ROWS ? m - a : GROUP_ROWS;
            const ENTRY *left = A + a * a_stride + t * t_stride;
            const ptrdiff_t ahead = t_stride == 1 ? AHEAD_ROWS : 0;
            ptrdiff_t v = 0;
            while (v < n_vectors) {
                const ptrdiff_t n_tiles = (n_vectors - v + TILE_VECTORS - 1) / TILE_VECTORS,
                                width = (n_vectors - v + n_tiles - 1) / n_tiles;
                const ptrdiff_t some = v + width == n_vectors ? over : 0;
                const double *right = B + t * K + v * DOUBLE_LANES;
                double *target = out + a * K + v * DOUBLE_LANES;
#  define TILES(ROWS, VECTORS)                                                                     \
      do {                                                                                         \
          if (some)                                                                                \
              OFX(tiles)(left, a_stride, t_stride, rows, length, right, K, target, ROWS, VECTORS,  \
                         some, ahead);                                                             \
          else                                                                                     \
              OFX(tiles)(left, a_stride, t_stride, rows, length, right, K, target, ROWS, VECTORS,  \
                         0, ahead);                                                                \
      } while (0)
                switch (width) {
                case 1: TILES(8, 1); break;
                case 2: TILES(ROWS_OF_TWO, 2); break;
#  if TILE_VECTORS == 4
                case 3: TILES(ROWS_OF_THREE, 3); break;
                default: TILES(6, 4);
#  else
                default: TILES(ROWS_OF_THREE, 3);
#  endif
                }
#  undef TILES
                v += width;
            }
        }
    }
}

#else

/* The same of floats: pieces of ROWS rows of A are converted to double, once for all classes. */
FASTCE_INLINE void OFX(multiply_rows)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride,
                                      ptrdiff_t m, ptrdiff_t T, const double *B, ptrdiff_t K,
                                      double *out, const int ROWS)
{
    enum { LENGTH = 128 };
    double widened[12 * LENGTH];
    for (ptrdiff_t t = 0; t < T; t += LENGTH) {
        const ptrdiff_t length = T - t < LENGTH ? T - t : LENGTH;
        for (ptrdiff_t a = 0; a < m; a += ROWS) {
            const ptrdiff_t rows = m - a < ROWS ? m - a : ROWS;
            const ENTRY *left = A + a * a_stride + t * t_stride;
            if (t_stride == 1) {
                for (ptrdiff_t i = 0; i < rows; ++i)
                    for (ptrdiff_t start = 0; start < length; start += LINE_NUMBERS) {
                        const ptrdiff_t stop =
                            length - start < LINE_NUMBERS ? length : start + LINE_NUMBERS;
                        OFX(prefetch_entry)(left + i * a_stride + start, ROWS * a_stride);
                        for (ptrdiff_t j = start; j < stop; ++j)
                            widened[i * LENGTH + j] = (double)left[i * a_stride + j];
                    }
                NAME(multiply_f64)(widened, LENGTH, 1, rows, length, B + t * K, K, out + a * K);
                continue;
            }
            if (a_stride == 1 && rows == ROWS)
                for (ptrdiff_t j = 0; j < length; ++j)
                    for (ptrdiff_t i = 0; i < ROWS; ++i)
                        widened[j * ROWS + i] = (double)left[i + j * t_stride];
            else
                for (ptrdiff_t j = 0; j < length; ++j)
                    for (ptrdiff_t i = 0; i < rows; ++i)
                        widened[j * ROWS + i] = (double)left[i * a_stride + j * t_stride];
            NAME(multiply_f64)(widened, 1, ROWS, rows, length, B + t * K, K, out + a * K);
        }
    }
}

static void OFX(multiply)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride, ptrdiff_t m,
                          ptrdiff_t T, const double *B, ptrdiff_t K, double *out)
{
    if (WIDENED_ROWS((K + DOUBLE_LANES - 1) / DOUBLE_LANES) == 8)
        OFX(multiply_rows)(A, a_stride, t_stride, m, T, B, K, out, 8);
    else
        OFX(multiply_rows)(A, a_stride, t_stride, m, T, B, K, out, 12);
}

#endif

/* One class, rows of A contiguous: out[a] += A[a] . B. Eight independent sums hide the latency of
 * the additions. */
FASTCE_INLINE void OFX(dots_tile)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t T, const double *B,
                                  double *out, const int ROWS)
{
    vdouble sum[8];
    ptrdiff_t t = 0;
    UNROLL_ALL
    for (int a = 0; a < 8; ++a)
        sum[a] = NAME(splat_f64)(0);
    for (; t + DOUBLE_LANES <= T; t += DOUBLE_LANES) {
        vdouble right = NAME(load_f64)(B + t);
        UNROLL_ALL
        for (int a = 0; a < ROWS; ++a)
            sum[a] += OFX(load_widened)(A + a * a_stride + t) * right;
    }
    if (t < T) {
        vdouble right = NAME(load_partial_f64)(B + t, T - t);
        UNROLL_ALL
        for (int a = 0; a < ROWS; ++a)
            sum[a] += OFX(load_partial_widened)(A + a * a_stride + t, T - t) * right;
    }
    /* always four at a time: a row's result must not depend on the number of other rows */
    UNROLL_ALL
    for (int a = 0; a < ROWS; a += 4) {
        double total[4];
        NAME(sum_lanes_of_four)(sum + a, total);
        UNROLL_ALL
        for (int b = 0; b < (ROWS < 4 ? ROWS : 4); ++b)
            out[a + b] += total[b];
    }
}

static void OFX(dots)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t m, ptrdiff_t T, const double *B,
                      double *out)
{
    ptrdiff_t a = 0;
    for (; a + 8 <= m; a += 8)
        OFX(dots_tile)(A + a * a_stride, a_stride, T, B, out + a, 8);
    for (; a < m; ++a)
        OFX(dots_tile)(A + a * a_stride, a_stride, T, B, out + a, 1);
}

/* One class, columns of A contiguous, those of one t: out += A[:, t] B[t] for every t. */
FASTCE_INLINE void OFX(sums_tile)(const ENTRY *A, ptrdiff_t t_stride, ptrdiff_t m, const double *B,
                                  double *out, const int COLUMNS)
{
    ptrdiff_t a = 0;
    for (; a + DOUBLE_LANES <= m; a += DOUBLE_LANES) {
        vdouble sum = NAME(load_f64)(out + a);
        UNROLL_ALL
        for (int t = 0; t < COLUMNS; ++t)
            sum += OFX(load_widened)(A + t * t_stride + a) * B[t];
        NAME(store_f64)(out + a, sum);
    }
    if (a < m) {
        vdouble sum = NAME(load_partial_f64)(out + a, m - a);
        UNROLL_ALL
        for (int t = 0; t < COLUMNS; ++t)
            sum += OFX(load_partial_widened)(A + t * t_stride + a, m - a) * B[t];
        NAME(store_partial_f64)(out + a, sum, m - a);
    }
}

static void OFX(sums)(const ENTRY *A, ptrdiff_t t_stride, ptrdiff_t m, ptrdiff_t T, const double *B,
                      double *out)
{
    ptrdiff_t t = 0;
    for (; t + 8 <= T; t += 8)
        OFX(sums_tile)(A + t * t_stride, t_stride, m, B + t, out, 8);
    for (; t < T; ++t)
        OFX(sums_tile)(A + t * t_stride, t_stride, m, B + t, out, 1);
}

static void OFX(multiply_one)(const ENTRY *A, ptrdiff_t a_stride, ptrdiff_t t_stride, ptrdiff_t m,
                              ptrdiff_t T, const double *B, double *out)
{
    if (t_stride == 1 || T == 1)
        OFX(dots)(A, a_stride, m, T, B, out);
    else if (a_stride == 1 || m == 1)
        OFX(sums)(A, t_stride, m, T, B, out);
    else {
        double piece[8 * 256];
        for (ptrdiff_t a = 0; a < m; a += 8)
            for (ptrdiff_t t = 0; t < T; t += 256) {
                ptrdiff_t rows = m - a < 8 ? m - a : 8, length = T - t < 256 ? T - t : 256;
                for (ptrdiff_t i = 0; i < rows; ++i)
                    for (ptrdiff_t j = 0; j < length; ++j)
                        piece[i * 256 + j] = (double)A[(a + i) * a_stride + (t + j) * t_stride];
                NAME(dots_f64)(piece, 256, rows, length, B + t, out + a);
            }
    }
}

/* Arguments are integers, addresses too, so that Numba code can call these functions by symbol. */
static void OFX(fastce_dense_forward)(ptrdiff_t X_, ptrdiff_t row_stride, ptrdiff_t col_stride,
                                      ptrdiff_t n, ptrdiff_t p, ptrdiff_t coef_,
                                      ptrdiff_t intercept_, ptrdiff_t K, ptrdiff_t Z_)
{
    const ENTRY *X = (const ENTRY *)X_;
    const double *coef = (const double *)coef_, *intercept = (const double *)intercept_;
    double *Z = (double *)Z_;
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            Z[i * K + k] = intercept ? intercept[k] : 0;
    if (K == 1)
        OFX(multiply_one)(X, row_stride, col_stride, n, p, coef, Z);
    else if (K > 1)
        OFX(multiply)(X, row_stride, col_stride, n, p, coef, K, Z);
}

static void OFX(fastce_dense_backward)(ptrdiff_t X_, ptrdiff_t row_stride, ptrdiff_t col_stride,
                                       ptrdiff_t n, ptrdiff_t p, ptrdiff_t R_, ptrdiff_t K,
                                       ptrdiff_t G_)
{
    const ENTRY *X = (const ENTRY *)X_;
    const double *R = (const double *)R_;
    double *G = (double *)G_;
    if (K == 1)
        OFX(multiply_one)(X, col_stride, row_stride, p, n, R, G);
    else if (K > 1)
        OFX(multiply)(X, col_stride, row_stride, p, n, R, K, G);
}

/* out (p,) = a row of X minus centre (p,), in double. */
static void OFX(fastce_dense_read)(ptrdiff_t row_, ptrdiff_t col_stride, ptrdiff_t p,
                                   ptrdiff_t centre_, ptrdiff_t out_)
{
    const ENTRY *row = (const ENTRY *)row_;
    const double *centre = (const double *)centre_;
    double *out = (double *)out_;
    if (col_stride == 1)
        for (ptrdiff_t j = 0; j < p; ++j)
            out[j] = (double)row[j] - centre[j];
    else
        for (ptrdiff_t j = 0; j < p; ++j)
            out[j] = (double)row[j * col_stride] - centre[j];
}
