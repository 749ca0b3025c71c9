/* Products of a block of rows of a dense X (n, p) of ENTRY (float or double) with float64; arithmetic in double.
 *
 *     forward    Z (n, K) = X coef^T + intercept         coef (K, p), rows ldw apart; Z C-contiguous
 *     backward   G (K, p) += R^T X                       R (n, K) C-contiguous; rows of G ldg apart
 *
 * Two tiles do all the work, each with its vectors along the direction in which X is contiguous:
 *
 *     inner      out[a, b] += sum_t A[a, t] B[b, t]      forward of C order, backward of Fortran order
 *     outer      C[b, t]   += sum_a S[a, b] A[a, t]      backward of C order, forward of Fortran order
 *
 * Any other layout is copied piece by piece into a small C-contiguous scratch.
 */

/* CLASSES accumulators a row; the sizes keep all of them in registers (16 on v3, 32 on v4 and on aarch64). */
FASTCE_INLINE void OFX(inner_tile)(const ENTRY *A, ptrdiff_t lda, const double *B, ptrdiff_t ldb, ptrdiff_t T,
                                   double *out, ptrdiff_t out_a, ptrdiff_t out_b, const int ROWS, const int CLASSES)
{
    vdouble sum[4][4];
    ptrdiff_t t = 0;
    UNROLL for (int a = 0; a < ROWS; ++a)
        UNROLL for (int b = 0; b < CLASSES; ++b)
            sum[a][b] = NAME(splat_f64)(0);
    for (; t + DOUBLE_LANES <= T; t += DOUBLE_LANES) {
        vdouble right[4];
        UNROLL for (int b = 0; b < CLASSES; ++b)
            right[b] = NAME(load_f64)(B + b * ldb + t);
        UNROLL for (int a = 0; a < ROWS; ++a) {
            vdouble left = OFX(load_widened)(A + a * lda + t);
            UNROLL for (int b = 0; b < CLASSES; ++b)
                sum[a][b] += left * right[b];
        }
    }
    if (t < T) {
        vdouble right[4];
        UNROLL for (int b = 0; b < CLASSES; ++b)
            right[b] = NAME(load_some_f64)(B + b * ldb + t, T - t);
        UNROLL for (int a = 0; a < ROWS; ++a) {
            vdouble left = OFX(load_some_widened)(A + a * lda + t, T - t);
            UNROLL for (int b = 0; b < CLASSES; ++b)
                sum[a][b] += left * right[b];
        }
    }
    UNROLL for (int a = 0; a < ROWS; ++a) {
        double total[4];
        NAME(sum_lanes_of_four)(sum[a], CLASSES, total);
        UNROLL for (int b = 0; b < CLASSES; ++b)
            out[a * out_a + b * out_b] += total[b];
    }
}

FASTCE_INLINE void OFX(inner_rows)(const ENTRY *A, ptrdiff_t lda, ptrdiff_t rows, const double *B, ptrdiff_t ldb, ptrdiff_t T,
                                   double *out, ptrdiff_t out_a, ptrdiff_t out_b, const int ROWS, const int CLASSES)
{
    ptrdiff_t a = 0;
    for (; a + ROWS <= rows; a += ROWS)
        OFX(inner_tile)(A + a * lda, lda, B, ldb, T, out + a * out_a, out_a, out_b, ROWS, CLASSES);
    for (; a < rows; ++a)
        OFX(inner_tile)(A + a * lda, lda, B, ldb, T, out + a * out_a, out_a, out_b, 1, CLASSES);
}

/* Rows in groups that stay in the first cache level while all class tiles pass over them. */
static void OFX(inner)(const ENTRY *A, ptrdiff_t lda, ptrdiff_t rows, const double *B, ptrdiff_t ldb, ptrdiff_t classes,
                       ptrdiff_t T, double *out, ptrdiff_t out_a, ptrdiff_t out_b)
{
    for (ptrdiff_t a = 0; a < rows; a += 4) {
        ptrdiff_t group = rows - a < 4 ? rows - a : 4;
        const ENTRY *left = A + a * lda;
        ptrdiff_t b = 0;
        while (b < classes) {
            ptrdiff_t tiles = (classes - b + 3) / 4, width = (classes - b + tiles - 1) / tiles;
            const double *right = B + b * ldb;
            double *target = out + a * out_a + b * out_b;
            switch (width) {
            case 4: OFX(inner_rows)(left, lda, group, right, ldb, T, target, out_a, out_b, INNER_ROWS, 4); break;
            case 3: OFX(inner_rows)(left, lda, group, right, ldb, T, target, out_a, out_b, INNER_ROWS, 3); break;
            case 2: OFX(inner_rows)(left, lda, group, right, ldb, T, target, out_a, out_b, 4, 2); break;
            default: OFX(inner_rows)(left, lda, group, right, ldb, T, target, out_a, out_b, 4, 1);
            }
            b += width;
        }
    }
}

/* VECTORS vectors of CLASSES rows of C stay in registers while all rows of the block pass; `some` entries if partly filled. */
FASTCE_INLINE void OFX(outer_tile)(const ENTRY *A, ptrdiff_t lda, ptrdiff_t rows, const double *S, ptrdiff_t s_a, ptrdiff_t s_b,
                                   double *C, ptrdiff_t ldc, const int CLASSES, const int VECTORS, ptrdiff_t some)
{
    vdouble sum[4][4];
    UNROLL for (int b = 0; b < CLASSES; ++b)
        UNROLL for (int v = 0; v < VECTORS; ++v)
            sum[b][v] = some ? NAME(load_some_f64)(C + b * ldc, some) : NAME(load_f64)(C + b * ldc + v * DOUBLE_LANES);
    for (ptrdiff_t a = 0; a < rows; ++a) {
        vdouble left[4];
        UNROLL for (int v = 0; v < VECTORS; ++v)
            left[v] = some ? OFX(load_some_widened)(A + a * lda, some) : OFX(load_widened)(A + a * lda + v * DOUBLE_LANES);
        UNROLL for (int b = 0; b < CLASSES; ++b) {
            double factor = S[a * s_a + b * s_b];
            UNROLL for (int v = 0; v < VECTORS; ++v)
                sum[b][v] += left[v] * factor;
        }
    }
    UNROLL for (int b = 0; b < CLASSES; ++b)
        UNROLL for (int v = 0; v < VECTORS; ++v) {
            if (some)
                NAME(store_some_f64)(C + b * ldc, sum[b][v], some);
            else
                NAME(store_f64)(C + b * ldc + v * DOUBLE_LANES, sum[b][v]);
        }
}

FASTCE_INLINE void OFX(outer_classes)(const ENTRY *A, ptrdiff_t lda, ptrdiff_t rows, const double *S, ptrdiff_t s_a, ptrdiff_t s_b,
                                      ptrdiff_t classes, double *C, ptrdiff_t ldc, const int VECTORS, ptrdiff_t some)
{
    ptrdiff_t b = 0;
    while (b < classes) {
        ptrdiff_t tiles = (classes - b + 3) / 4, width = (classes - b + tiles - 1) / tiles;
        const double *factors = S + b * s_b;
        double *target = C + b * ldc;
        switch (width) {
        case 4: OFX(outer_tile)(A, lda, rows, factors, s_a, s_b, target, ldc, 4, VECTORS, some); break;
        case 3: OFX(outer_tile)(A, lda, rows, factors, s_a, s_b, target, ldc, 3, VECTORS, some); break;
        case 2: OFX(outer_tile)(A, lda, rows, factors, s_a, s_b, target, ldc, 2, VECTORS, some); break;
        default: OFX(outer_tile)(A, lda, rows, factors, s_a, s_b, target, ldc, 1, VECTORS, some);
        }
        b += width;
    }
}

static void OFX(outer)(const ENTRY *A, ptrdiff_t lda, ptrdiff_t rows, const double *S, ptrdiff_t s_a, ptrdiff_t s_b,
                       ptrdiff_t classes, double *C, ptrdiff_t ldc, ptrdiff_t T)
{
    ptrdiff_t t = 0;
    for (; t + OUTER_VECTORS * DOUBLE_LANES <= T; t += OUTER_VECTORS * DOUBLE_LANES)
        OFX(outer_classes)(A + t, lda, rows, S, s_a, s_b, classes, C + t, ldc, OUTER_VECTORS, 0);
    for (; t + DOUBLE_LANES <= T; t += DOUBLE_LANES)
        OFX(outer_classes)(A + t, lda, rows, S, s_a, s_b, classes, C + t, ldc, 1, 0);
    if (t < T)
        OFX(outer_classes)(A + t, lda, rows, S, s_a, s_b, classes, C + t, ldc, 1, T - t);
}

#define SCRATCH 2048 /* doubles: 16 KiB of stack */

/* Z^T of up to SCRATCH / 128 classes and 128 rows at a time. */
static void OFX(forward_fortran)(const ENTRY *X, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p, const double *coef,
                                 ptrdiff_t ldw, ptrdiff_t K, double *Z)
{
    double transposed[SCRATCH];
    for (ptrdiff_t i = 0; i < n; i += 128)
        for (ptrdiff_t k = 0; k < K; k += SCRATCH / 128) {
            ptrdiff_t rows = n - i < 128 ? n - i : 128, classes = K - k < SCRATCH / 128 ? K - k : SCRATCH / 128;
            memset(transposed, 0, sizeof(double) * (size_t)(classes * 128));
            OFX(outer)(X + i, col_stride, p, coef + k * ldw, 1, ldw, classes, transposed, 128, rows);
            for (ptrdiff_t r = 0; r < rows; ++r)
                for (ptrdiff_t c = 0; c < classes; ++c)
                    Z[(i + r) * K + k + c] += transposed[c * 128 + r];
        }
}

static void OFX(backward_fortran)(const ENTRY *X, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p, const double *R,
                                  ptrdiff_t K, double *G, ptrdiff_t ldg)
{
    double transposed[SCRATCH];
    for (ptrdiff_t i = 0; i < n; i += 128)
        for (ptrdiff_t k = 0; k < K; k += SCRATCH / 128) {
            ptrdiff_t rows = n - i < 128 ? n - i : 128, classes = K - k < SCRATCH / 128 ? K - k : SCRATCH / 128;
            for (ptrdiff_t r = 0; r < rows; ++r)
                for (ptrdiff_t c = 0; c < classes; ++c)
                    transposed[c * 128 + r] = R[(i + r) * K + k + c];
            OFX(inner)(X + i, col_stride, p, transposed, 128, classes, rows, G + k * ldg, 1, ldg);
        }
}

/* 8 rows of 256 columns, C-contiguous and in double. */
FASTCE_INLINE void OFX(copy_piece)(const ENTRY *X, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t rows, ptrdiff_t cols,
                                   double *piece)
{
    for (ptrdiff_t i = 0; i < rows; ++i)
        for (ptrdiff_t j = 0; j < cols; ++j)
            piece[i * 256 + j] = (double)X[i * row_stride + j * col_stride];
}

/* Addresses arrive as integers, so that a Numba loop can call these by symbol. */
static void OFX(fastce_dense_forward)(ptrdiff_t X_, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p,
                                      ptrdiff_t coef_, ptrdiff_t ldw, ptrdiff_t intercept_, ptrdiff_t K, ptrdiff_t Z_)
{
    const ENTRY *X = (const ENTRY *)X_;
    const double *coef = (const double *)coef_, *intercept = (const double *)intercept_;
    double *Z = (double *)Z_;
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            Z[i * K + k] = intercept ? intercept[k] : 0;
    if (col_stride == 1 || p == 1)
        OFX(inner)(X, row_stride, n, coef, ldw, K, p, Z, K, 1);
    else if (row_stride == 1 || n == 1)
        OFX(forward_fortran)(X, col_stride, n, p, coef, ldw, K, Z);
    else {
        double piece[SCRATCH];
        for (ptrdiff_t i = 0; i < n; i += 8)
            for (ptrdiff_t j = 0; j < p; j += 256) {
                ptrdiff_t rows = n - i < 8 ? n - i : 8, cols = p - j < 256 ? p - j : 256;
                OFX(copy_piece)(X + i * row_stride + j * col_stride, row_stride, col_stride, rows, cols, piece);
                NAME(inner_f64)(piece, 256, rows, coef + j, ldw, K, cols, Z + i * K, K, 1);
            }
    }
}

static void OFX(fastce_dense_backward)(ptrdiff_t X_, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p,
                                       ptrdiff_t R_, ptrdiff_t K, ptrdiff_t G_, ptrdiff_t ldg)
{
    const ENTRY *X = (const ENTRY *)X_;
    const double *R = (const double *)R_;
    double *G = (double *)G_;
    if (col_stride == 1 || p == 1)
        OFX(outer)(X, row_stride, n, R, K, 1, K, G, ldg, p);
    else if (row_stride == 1 || n == 1)
        OFX(backward_fortran)(X, col_stride, n, p, R, K, G, ldg);
    else {
        double piece[SCRATCH];
        for (ptrdiff_t i = 0; i < n; i += 8)
            for (ptrdiff_t j = 0; j < p; j += 256) {
                ptrdiff_t rows = n - i < 8 ? n - i : 8, cols = p - j < 256 ? p - j : 256;
                OFX(copy_piece)(X + i * row_stride + j * col_stride, row_stride, col_stride, rows, cols, piece);
                NAME(outer_f64)(piece, 256, rows, R + i * K, K, 1, K, G + j, ldg, cols);
            }
    }
}

#undef SCRATCH
