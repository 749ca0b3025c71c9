// Products of a block of rows of a dense X (n, p) of float or double, any strides, with float64;
// arithmetic in double.
//
//     forward    Z (n, K) = X coef + intercept     coef (p, K) and Z C-contiguous
//     backward   G (p, K) += X^T R                 R (n, K) and G C-contiguous
//
// Both are out (m, K) += A (m, T) B (T, K), A being X or its transpose. Vectors run along the
// classes: an entry of A is broadcast and multiplied with a contiguous piece of B, and no lanes are
// added in the end. With one class, vectors run along X.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

// Register tiles, rows times vectors of classes, fill 16 or 32 registers.
constexpr int tile_vectors = registers == 32 ? 4 : 3;
constexpr int rows_of_two = registers == 32 ? 8 : 6, rows_of_three = registers == 32 ? 8 : 4;
// Rows in a group of tiles; a multiple of every tile's rows.
constexpr ptrdiff_t group_rows = 24;
// Rows of X that are prefetched ahead; the hardware prefetcher only follows a row.
constexpr ptrdiff_t ahead_rows = 8;
// Entries of a piece of B: 16 KB, half a first-level cache.
constexpr ptrdiff_t piece_entries = 2048;
// Entries of a row of float32 that are converted to float64 at a time.
constexpr ptrdiff_t widened_entries = 128;
constexpr ptrdiff_t double_lanes = vec<double>::lanes;

// Entries of a cache line.
template <class E> constexpr ptrdiff_t line_entries = 64 / static_cast<ptrdiff_t>(sizeof(E));

// A matrix with any strides, in entries.
template <class E> struct matrix {
    const E *first;
    ptrdiff_t row_stride, column_stride;
    INLINE matrix(const E *first_, ptrdiff_t rows, ptrdiff_t columns)
        : first(first_), row_stride(rows), column_stride(columns)
    {
    }
    INLINE const E *at(ptrdiff_t i, ptrdiff_t j) const
    {
        return first + i * row_stride + j * column_stride;
    }
    INLINE matrix from(ptrdiff_t i, ptrdiff_t j) const
    {
        return matrix(at(i, j), row_stride, column_stride);
    }
};

// ROWS rows of `out`, VECTORS vectors of classes each, stay in registers; the last vector has
// `some` classes if `partial`. If `ahead` is not 0, the rows so many rows below are prefetched.
template <int ROWS, int VECTORS, bool partial>
INLINE void tile(matrix<double> A, ptrdiff_t T, const double *B, ptrdiff_t K, double *out,
                 ptrdiff_t some, ptrdiff_t ahead)
{
    using V = vec<double>;
    constexpr ptrdiff_t line = line_entries<double>;
    V sum[ROWS][VECTORS], right[VECTORS];
    UNROLL
    for (int a = 0; a < ROWS; ++a) {
        UNROLL
        for (int v = 0; v < VECTORS; ++v) {
            const double *from = out + a * K + v * V::lanes;
            sum[a][v] = partial && v == VECTORS - 1 ? V::load_or(from, some, 0) : V::load(from);
        }
    }
    for (ptrdiff_t start = 0; start < T; start += line) {
        const ptrdiff_t stop = T - start < line ? T : start + line;
        if (ahead) {
            UNROLL
            for (int a = 0; a < ROWS; ++a)
                prefetch(A.at(a, start), ahead * A.row_stride * ptrdiff_t(sizeof(double)));
        }
        for (ptrdiff_t t = start; t < stop; ++t) {
            UNROLL
            for (int v = 0; v < VECTORS; ++v) {
                const double *from = B + t * K + v * V::lanes;
                right[v] = partial && v == VECTORS - 1 ? V::load_or(from, some, 0) : V::load(from);
            }
            UNROLL
            for (int a = 0; a < ROWS; ++a) {
                const V left(*A.at(a, t));
                UNROLL
                for (int v = 0; v < VECTORS; ++v)
                    sum[a][v] = add_product(sum[a][v], left, right[v]);
            }
        }
    }
    UNROLL
    for (int a = 0; a < ROWS; ++a) {
        UNROLL
        for (int v = 0; v < VECTORS; ++v) {
            double *to = out + a * K + v * V::lanes;
            if (partial && v == VECTORS - 1)
                sum[a][v].store_first(to, some);
            else
                sum[a][v].store(to);
        }
    }
}

// All rows of a group, by tiles of ROWS, of half as many, and of one.
template <int ROWS, int VECTORS, bool partial>
INLINE void tiles_of(matrix<double> A, ptrdiff_t rows, ptrdiff_t T, const double *B, ptrdiff_t K,
                     double *out, ptrdiff_t some)
{
    const ptrdiff_t ahead = A.column_stride == 1 ? ahead_rows : 0;
    ptrdiff_t a = 0;
    for (; a + ROWS <= rows; a += ROWS)
        tile<ROWS, VECTORS, partial>(A.from(a, 0), T, B, K, out + a * K, some, ahead);
    if (a + ROWS / 2 <= rows) {
        tile<ROWS / 2, VECTORS, partial>(A.from(a, 0), T, B, K, out + a * K, some, ahead);
        a += ROWS / 2;
    }
    for (; a < rows; ++a)
        tile<1, VECTORS, partial>(A.from(a, 0), T, B, K, out + a * K, some, ahead);
}

template <int ROWS, int VECTORS>
INLINE void tiles(matrix<double> A, ptrdiff_t rows, ptrdiff_t T, const double *B, ptrdiff_t K,
                  double *out, ptrdiff_t some)
{
    if (some)
        tiles_of<ROWS, VECTORS, true>(A, rows, T, B, K, out, some);
    else
        tiles_of<ROWS, VECTORS, false>(A, rows, T, B, K, out, 0);
}

// A group of rows and a piece of the columns of A, for all classes.
INLINE void multiply_group(matrix<double> A, ptrdiff_t rows, ptrdiff_t T, const double *B,
                           ptrdiff_t K, double *out)
{
    const ptrdiff_t n_vectors = (K + double_lanes - 1) / double_lanes, over = K % double_lanes;
    for (ptrdiff_t v = 0, width; v < n_vectors; v += width) {
        const ptrdiff_t n_tiles = (n_vectors - v + tile_vectors - 1) / tile_vectors;
        width = (n_vectors - v + n_tiles - 1) / n_tiles;
        const ptrdiff_t some = v + width == n_vectors ? over : 0;
        const double *right = B + v * double_lanes;
        double *target = out + v * double_lanes;
        switch (width) {
        case 1: tiles<8, 1>(A, rows, T, right, K, target, some); break;
        case 2: tiles<rows_of_two, 2>(A, rows, T, right, K, target, some); break;
        case 3: tiles<rows_of_three, 3>(A, rows, T, right, K, target, some); break;
        default:
            if constexpr (tile_vectors == 4)
                tiles<6, 4>(A, rows, T, right, K, target, some);
        }
    }
}

// out (m, K) += A (m, T) B (T, K), K > 1, in pieces of A and B that stay in the first-level cache.
inline void multiply(matrix<double> A, ptrdiff_t m, ptrdiff_t T, const double *B, ptrdiff_t K,
                     double *out)
{
    const ptrdiff_t fitting = piece_entries / K;
    const ptrdiff_t piece = fitting < 16 ? 16 : fitting > 256 ? 256 : fitting;
    for (ptrdiff_t t = 0; t < T; t += piece)
        for (ptrdiff_t a = 0; a < m; a += group_rows)
            multiply_group(A.from(a, t), m - a < group_rows ? m - a : group_rows,
                           T - t < piece ? T - t : piece, B + t * K, K, out + a * K);
}

// `rows` rows of `length` float32 entries, contiguous, to rows of widened_entries doubles.
template <ptrdiff_t ROWS>
INLINE void widen_rows(matrix<float> A, ptrdiff_t rows, ptrdiff_t length, double *widened)
{
    constexpr ptrdiff_t line = line_entries<float>;
    for (ptrdiff_t i = 0; i < rows; ++i)
        for (ptrdiff_t start = 0; start < length; start += line) {
            const ptrdiff_t stop = length - start < line ? length : start + line;
            const float *row = A.first + i * A.row_stride;
            prefetch(row + start, ROWS * A.row_stride * ptrdiff_t(sizeof(float)));
            for (ptrdiff_t j = start; j < stop; ++j)
                widened[i * widened_entries + j] = static_cast<double>(row[j]);
        }
}

// The same with rows that are not contiguous, to columns of ROWS doubles.
template <ptrdiff_t ROWS>
INLINE void widen_columns(matrix<float> A, ptrdiff_t rows, ptrdiff_t length, double *widened)
{
    if (A.row_stride == 1 && rows == ROWS) {
        for (ptrdiff_t j = 0; j < length; ++j)
            for (ptrdiff_t i = 0; i < ROWS; ++i)
                widened[j * ROWS + i] = static_cast<double>(A.first[i + j * A.column_stride]);
    } else {
        for (ptrdiff_t j = 0; j < length; ++j)
            for (ptrdiff_t i = 0; i < rows; ++i)
                widened[j * ROWS + i] = static_cast<double>(*A.at(i, j));
    }
}

// The product with floats: pieces of ROWS rows of A are converted to double, once for all classes.
template <ptrdiff_t ROWS>
INLINE void multiply_rows(matrix<float> A, ptrdiff_t m, ptrdiff_t T, const double *B, ptrdiff_t K,
                          double *out)
{
    double widened[ROWS * widened_entries];
    for (ptrdiff_t t = 0; t < T; t += widened_entries)
        for (ptrdiff_t a = 0; a < m; a += ROWS) {
            const ptrdiff_t length = T - t < widened_entries ? T - t : widened_entries;
            const ptrdiff_t rows = m - a < ROWS ? m - a : ROWS;
            if (A.column_stride == 1) {
                widen_rows<ROWS>(A.from(a, t), rows, length, widened);
                multiply(matrix<double>(widened, widened_entries, 1), rows, length, B + t * K, K,
                         out + a * K);
            } else {
                widen_columns<ROWS>(A.from(a, t), rows, length, widened);
                multiply(matrix<double>(widened, 1, ROWS), rows, length, B + t * K, K, out + a * K);
            }
        }
}

inline void multiply(matrix<float> A, ptrdiff_t m, ptrdiff_t T, const double *B, ptrdiff_t K,
                     double *out)
{
    // multiples of the rows of the tiles that are used
    const ptrdiff_t n_vectors = (K + double_lanes - 1) / double_lanes;
    if (registers == 32 ? n_vectors % 4 != 0 : n_vectors == 1)
        multiply_rows<8>(A, m, T, B, K, out);
    else
        multiply_rows<12>(A, m, T, B, K, out);
}

// One class, rows of A contiguous: out[a] += A[a] . B. Eight independent sums hide the latency of
// the additions.
template <int ROWS, class E>
INLINE void dots_tile(const E *A, ptrdiff_t row_stride, ptrdiff_t T, const double *B, double *out)
{
    using V = vec<double>;
    V sum[8];
    ptrdiff_t t = 0;
    UNROLL
    for (int a = 0; a < 8; ++a)
        sum[a] = V(0.0);
    for (; t + V::lanes <= T; t += V::lanes) {
        const V right = V::load(B + t);
        UNROLL
        for (int a = 0; a < ROWS; ++a)
            sum[a] = add_product(sum[a], V::load(A + a * row_stride + t), right);
    }
    if (t < T) {
        const V right = V::load_or(B + t, T - t, 0);
        UNROLL
        for (int a = 0; a < ROWS; ++a)
            sum[a] = add_product(sum[a], V::load_or(A + a * row_stride + t, T - t, 0), right);
    }
    // always four at a time: a row's result must not depend on the number of other rows
    UNROLL
    for (int a = 0; a < ROWS; a += 4) {
        double total[4];
        sum_lanes_of_four(sum + a, total);
        UNROLL
        for (int b = 0; b < (ROWS < 4 ? ROWS : 4); ++b)
            out[a + b] += total[b];
    }
}

template <class E>
void dots(const E *A, ptrdiff_t row_stride, ptrdiff_t m, ptrdiff_t T, const double *B, double *out)
{
    ptrdiff_t a = 0;
    for (; a + 8 <= m; a += 8)
        dots_tile<8>(A + a * row_stride, row_stride, T, B, out + a);
    for (; a < m; ++a)
        dots_tile<1>(A + a * row_stride, row_stride, T, B, out + a);
}

// One class, columns of A contiguous, those of one t: out += A[:, t] B[t] for every t.
template <int COLUMNS, class E>
INLINE void sums_tile(const E *A, ptrdiff_t column_stride, ptrdiff_t m, const double *B,
                      double *out)
{
    using V = vec<double>;
    ptrdiff_t a = 0;
    for (; a + V::lanes <= m; a += V::lanes) {
        V sum = V::load(out + a);
        UNROLL
        for (int t = 0; t < COLUMNS; ++t)
            sum = add_product(sum, V::load(A + t * column_stride + a), V(B[t]));
        sum.store(out + a);
    }
    if (a < m) {
        V sum = V::load_or(out + a, m - a, 0);
        UNROLL
        for (int t = 0; t < COLUMNS; ++t)
            sum = add_product(sum, V::load_or(A + t * column_stride + a, m - a, 0), V(B[t]));
        sum.store_first(out + a, m - a);
    }
}

template <class E>
void sums(const E *A, ptrdiff_t column_stride, ptrdiff_t m, ptrdiff_t T, const double *B,
          double *out)
{
    ptrdiff_t t = 0;
    for (; t + 8 <= T; t += 8)
        sums_tile<8>(A + t * column_stride, column_stride, m, B + t, out);
    for (; t < T; ++t)
        sums_tile<1>(A + t * column_stride, column_stride, m, B + t, out);
}

// One class, no stride of 1: pieces of A are copied.
template <class E>
void dots_of_copies(matrix<E> A, ptrdiff_t m, ptrdiff_t T, const double *B, double *out)
{
    constexpr ptrdiff_t ROWS = 8, LENGTH = 256;
    double piece[ROWS * LENGTH];
    for (ptrdiff_t a = 0; a < m; a += ROWS)
        for (ptrdiff_t t = 0; t < T; t += LENGTH) {
            const ptrdiff_t rows = m - a < ROWS ? m - a : ROWS;
            const ptrdiff_t length = T - t < LENGTH ? T - t : LENGTH;
            for (ptrdiff_t i = 0; i < rows; ++i)
                for (ptrdiff_t j = 0; j < length; ++j)
                    piece[i * LENGTH + j] = static_cast<double>(*A.at(a + i, t + j));
            dots(static_cast<const double *>(piece), LENGTH, rows, length, B + t, out + a);
        }
}

// out (m, K) += A (m, T) B (T, K).
template <class E>
INLINE void add_matrix_product(matrix<E> A, ptrdiff_t m, ptrdiff_t T, const double *B, ptrdiff_t K,
                               double *out)
{
    if (K > 1)
        multiply(A, m, T, B, K, out);
    else if (K == 1 && (A.column_stride == 1 || T == 1))
        dots(A.first, A.row_stride, m, T, B, out);
    else if (K == 1 && (A.row_stride == 1 || m == 1))
        sums(A.first, A.column_stride, m, T, B, out);
    else if (K == 1)
        dots_of_copies(A, m, T, B, out);
}

// Arguments are integers, addresses too, so that Numba code can call these functions by symbol.
template <class E>
void dense_forward(ptrdiff_t X, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n,
                   ptrdiff_t p, ptrdiff_t coef, ptrdiff_t intercept_, ptrdiff_t K, ptrdiff_t Z_)
{
    const double *intercept = reinterpret_cast<const double *>(intercept_);
    double *Z = reinterpret_cast<double *>(Z_);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            Z[i * K + k] = intercept ? intercept[k] : 0;
    const matrix<E> A(reinterpret_cast<const E *>(X), row_stride, col_stride);
    add_matrix_product(A, n, p, reinterpret_cast<const double *>(coef), K, Z);
}

template <class E>
void dense_backward(ptrdiff_t X, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n,
                    ptrdiff_t p, ptrdiff_t R, ptrdiff_t K, ptrdiff_t G)
{
    const matrix<E> A(reinterpret_cast<const E *>(X), col_stride, row_stride);
    add_matrix_product(A, p, n, reinterpret_cast<const double *>(R), K,
                       reinterpret_cast<double *>(G));
}

// out (p,) = a row of X minus centre (p,), in double.
template <class E>
void dense_read(ptrdiff_t row_, ptrdiff_t col_stride, ptrdiff_t p, ptrdiff_t centre_,
                ptrdiff_t out_)
{
    const E *row = reinterpret_cast<const E *>(row_);
    const double *centre = reinterpret_cast<const double *>(centre_);
    double *out = reinterpret_cast<double *>(out_);
    if (col_stride == 1) {
        for (ptrdiff_t j = 0; j < p; ++j)
            out[j] = static_cast<double>(row[j]) - centre[j];
    } else {
        for (ptrdiff_t j = 0; j < p; ++j)
            out[j] = static_cast<double>(row[j * col_stride]) - centre[j];
    }
}
