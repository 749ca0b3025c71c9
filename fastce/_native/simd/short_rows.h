// Softmax statistics of blocks of short rows, transposed so that lane i of every vector is row i.
//
// Vectors along a row of 2 to 32 entries would be half empty, and each row would need a logarithm
// of its own.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#endif

// The two directions: from x (n, K), n <= block_rows, to transposed (K, block_rows), and back.
enum class direction { forth, back };

// One entry at a time. With K in the template (0 stands for any), the compiler knows the stride.
template <direction way, ptrdiff_t fixed_K, class T>
INLINE void transpose_entries(const T *from, ptrdiff_t n, ptrdiff_t any_K, T *to)
{
    const ptrdiff_t K = fixed_K ? fixed_K : any_K;
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t k = 0; k < K; ++k) {
            if constexpr (way == direction::forth)
                to[k * block_rows + i] = from[i * K + k];
            else
                to[i * K + k] = from[k * block_rows + i];
        }
}

// Tile (i, k) of x from its rows to its columns; `rows` of them with `width` entries, or all.
template <bool full, class T>
INLINE void transpose_tile_forth(const T *x, ptrdiff_t K, T *transposed, ptrdiff_t rows,
                                 ptrdiff_t width)
{
    using V = vec<T>;
    V r[V::lanes];
    UNROLL
    for (ptrdiff_t j = 0; j < V::lanes; ++j) {
        if constexpr (full)
            r[j] = V::load(x + j * K);
        else
            r[j] = V::load_or(x + (j < rows ? j : 0) * K, width, T(0));
    }
    transpose_tile(r);
    if constexpr (full) {
        UNROLL
        for (ptrdiff_t j = 0; j < V::lanes; ++j)
            r[j].store(transposed + j * block_rows);
    } else {
        for (ptrdiff_t j = 0; j < width; ++j)
            r[j].store(transposed + j * block_rows);
    }
}

template <bool full, class T>
INLINE void transpose_tile_back(const T *transposed, ptrdiff_t K, T *x, ptrdiff_t rows,
                                ptrdiff_t width)
{
    using V = vec<T>;
    V r[V::lanes];
    UNROLL
    for (ptrdiff_t j = 0; j < V::lanes; ++j)
        r[j] = V::load(transposed + (full || j < width ? j : 0) * block_rows);
    transpose_tile(r);
    if constexpr (full) {
        UNROLL
        for (ptrdiff_t j = 0; j < V::lanes; ++j)
            r[j].store(x + j * K);
    } else {
        for (ptrdiff_t j = 0; j < rows; ++j)
            r[j].store_first(x + j * K, width);
    }
}

template <direction way, bool full, class T>
INLINE void transpose_at(const T *from, ptrdiff_t i, ptrdiff_t k, ptrdiff_t n, ptrdiff_t K, T *to)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    const ptrdiff_t rows = n - i < lanes ? n - i : lanes, width = K - k < lanes ? K - k : lanes;
    if constexpr (way == direction::forth)
        transpose_tile_forth<full>(from + i * K + k, K, to + k * block_rows + i, rows, width);
    else
        transpose_tile_back<full>(from + k * block_rows + i, K, to + i * K + k, rows, width);
}

template <direction way, class T>
INLINE void transpose_tiles(const T *from, ptrdiff_t n, ptrdiff_t K, T *to)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    for (ptrdiff_t i = 0; i < n; i += lanes)
        for (ptrdiff_t k = 0; k < K; k += lanes)
            if (n - i >= lanes && K - k >= lanes)
                transpose_at<way, true>(from, i, k, n, K, to);
            else
                transpose_at<way, false>(from, i, k, n, K, to);
}

// The same for short rows of 2 to 8 entries that are not transposed by tiles.
template <direction way, ptrdiff_t K, class T>
INLINE bool transpose_if(const T *from, ptrdiff_t n, ptrdiff_t any_K, T *to)
{
    if constexpr (K < vec<T>::transpose_from)
        if (any_K == K)
            return transpose_entries<way, K>(from, n, K, to), true;
    return false;
}

template <direction way, class T>
NOINLINE void transpose(const T *from, ptrdiff_t n, ptrdiff_t K, T *to)
{
    if constexpr (vec<T>::transpose_from <= short_row)
        if (K >= vec<T>::transpose_from)
            return transpose_tiles<way>(from, n, K, to);
    const bool done =
        transpose_if<way, 2>(from, n, K, to) || transpose_if<way, 3>(from, n, K, to) ||
        transpose_if<way, 4>(from, n, K, to) || transpose_if<way, 5>(from, n, K, to) ||
        transpose_if<way, 6>(from, n, K, to) || transpose_if<way, 7>(from, n, K, to) ||
        transpose_if<way, 8>(from, n, K, to);
    if (!done)
        transpose_entries<way, 0>(from, n, K, to);
}

// N vectors of entries, a row in each lane: x becomes exp(x - m), or x - m if `exponents`; the sum
// of the terms exp(x - m) below the maximum joins `chunk`, the number of maxima joins `ties`.
template <bool exponents, class T, int N>
INLINE void add_terms(vec<T> (&x)[N], vec<T> m, vec<T> &chunk, lane_counter<T> &ties)
{
    vec<T> e[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        e[j] = x[j] - m;
    exps_nonpositive(e);
    UNROLL
    for (int j = 0; j < N; ++j) {
        ties.add(x[j] == m);
        chunk = add_unless_equal(chunk, e[j], x[j], m);
        x[j] = exponents ? x[j] - m : e[j];
    }
}

// The same for N vectors in memory, block_rows entries apart.
template <bool exponents, int N, class T>
INLINE void add_column_terms(T *column, vec<T> m, vec<T> &chunk, lane_counter<T> &ties)
{
    vec<T> terms[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        terms[j] = vec<T>::load(column + j * block_rows);
    add_terms<exponents>(terms, m, chunk, ties);
    UNROLL
    for (int j = 0; j < N; ++j)
        terms[j].store(column + j * block_rows);
}

// rest of a vector of rows of K entries: the sum of `total` and `chunk`; total is 0 for
// K < chunk_terms.
template <class T>
INLINE vec<T> rest_of_lanes(accumulator<T> total, vec<T> chunk, const lane_counter<T> &ties,
                            vec<T> m, ptrdiff_t K)
{
    const vec<T> others = ties.minus_one() + (m - m); // m - m: NaN for an infinite m
    if (K < chunk_terms)
        return chunk + others;
    total.add(chunk);
    total.add(others);
    return total.lanes();
}

// The rows in the lanes of column (K, block_rows) become terms, or exponents; returns the maxima.
template <bool exponents, class T> INLINE vec<T> lane_terms(T *column, ptrdiff_t K, vec<T> &rest)
{
    using V = vec<T>;
    V m(-constants<T>::infinity), chunk(T(0));
    lane_counter<T> ties;
    accumulator<T> total;
    ties.clear();
    total.clear();
    for (ptrdiff_t k = 0; k < K; ++k)
        m = max(V::load(column + k * block_rows), m);
    ptrdiff_t k = 0;
    for (; k + 4 <= K; k += 4) {
        add_column_terms<exponents, 4>(column + k * block_rows, m, chunk, ties);
        if (k % chunk_terms == chunk_terms - 4) {
            total.add(chunk);
            chunk = V(T(0));
        }
    }
    T *left = column + k * block_rows;
    switch (K - k) {
    case 3: add_column_terms<exponents, 3>(left, m, chunk, ties); break;
    case 2: add_column_terms<exponents, 2>(left, m, chunk, ties); break;
    case 1: add_column_terms<exponents, 1>(left, m, chunk, ties); break;
    default: break;
    }
    rest = rest_of_lanes(total, chunk, ties, m, K);
    return m;
}

template <bool exponents, class T>
INLINE void lane_statistics(T *column, ptrdiff_t K, T *maxima, T *rest, T *logs)
{
    vec<T> others;
    lane_terms<exponents>(column, K, others).store(maxima);
    others.store(rest);
    log1p_nonnegative(others).store(logs);
}

// Softmax statistics as in long_rows.h, of n <= block_rows short rows; transposed (K, block_rows)
// becomes exp(x - max x), or x - max x if `exponents`. maxima, rest and logs are (block_rows,); the
// lanes beyond the last row hold copies of the first row.
template <bool exponents, class T>
NOINLINE void short_row_statistics(const T *x, ptrdiff_t n, ptrdiff_t K, T *transposed, T *maxima,
                                   T *rest, T *logs)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    const ptrdiff_t end = (n + lanes - 1) / lanes * lanes;
    transpose<direction::forth>(x, n, K, transposed);
    for (ptrdiff_t i = n; i < end; ++i)
        for (ptrdiff_t k = 0; k < K; ++k)
            transposed[k * block_rows + i] = x[k];
    for (ptrdiff_t i = 0; i < end; i += lanes)
        lane_statistics<exponents>(transposed + i, K, maxima + i, rest + i, logs + i);
}
