// Rows that lie in memory in some order and dtype, as tiles: contiguous (n, K) arrays of float or
// double in scratch memory, which the kernels of rows and elements take.
//
// Conversion and transposition go together: where neighbouring rows are neighbours in memory (the
// classes of an image on axis 1), squares of vectors are turned in registers. Tiles have padding
// (tile_padding): full vectors are stored to them in ascending order, and what the last one of a
// row leaves behind it the next row overwrites.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "short_rows.h"
#  include "scans.h"
#endif
#include "memory.h"

// ---- vectors of entries of any dtype ------------------------------------------------------------

// A number that rounds to 16 bits as x does: x rounded to a float whose last bit is 1 where it is
// not exact (Boldo and Melquiond 2008), since rounding twice to nearest may be wrong.
INLINE float round_to_odd(double x)
{
    const float near = static_cast<float>(x);
    if (static_cast<double>(near) == x || x != x)
        return near;
    int32_t bits;
    memcpy(&bits, &near, sizeof bits);
    const double size = x < 0 ? -x : x, near_size = near < 0 ? -near : near;
    bits = (near_size > size ? bits - 1 : bits) | 1;
    float odd;
    memcpy(&odd, &bits, sizeof odd);
    return odd;
}

// The lanes of a vector, from entries that are neighbours.
template <class T, class E> INLINE vec<T> load_entries(const E *p) { return vec<T>::load(p); }
template <> INLINE vec<float> load_entries<float, double>(const double *p)
{
    const vec<double> low = vec<double>::load(p);
    return narrow(low, vec<float>::lanes > 1 ? vec<double>::load(p + vec<double>::lanes) : low);
}

template <class T, class E> INLINE void store_entries(E *p, vec<T> v) { v.store(p); }
template <> INLINE void store_entries<double, float>(float *p, vec<double> v)
{
    double lane[vec<double>::lanes];
    v.store(lane);
    for (int i = 0; i < vec<double>::lanes; ++i)
        p[i] = static_cast<float>(lane[i]);
}
// One vector of floats is as long as several of doubles, so a lane at a time.
template <class E> INLINE void store_rounded(E *p, vec<double> v)
{
    float some[vec<float>::lanes] = {};
    double lane[vec<double>::lanes];
    E half_lane[vec<float>::lanes];
    v.store(lane);
    for (int i = 0; i < vec<double>::lanes; ++i)
        some[i] = round_to_odd(lane[i]);
    vec<float>::load(some).store(half_lane);
    for (int i = 0; i < vec<double>::lanes; ++i)
        p[i] = half_lane[i];
}
template <> INLINE void store_entries<double, half>(half *p, vec<double> v) { store_rounded(p, v); }
template <> INLINE void store_entries<double, bfloat16>(bfloat16 *p, vec<double> v)
{
    store_rounded(p, v);
}

// The first `count` lanes, from entries `step` apart; 0 in the others.
template <class T, class E>
INLINE vec<T> gather_entries(const E *p, ptrdiff_t step, ptrdiff_t count)
{
    E some[vec<T>::lanes] = {};
    for (ptrdiff_t i = 0; i < count; ++i)
        some[i] = p[i * step];
    return load_entries<T>(static_cast<const E *>(some));
}

template <class T, class E>
INLINE void scatter_entries(E *p, ptrdiff_t step, ptrdiff_t count, vec<T> v)
{
    E some[vec<T>::lanes];
    store_entries<T>(some, v);
    for (ptrdiff_t i = 0; i < count; ++i)
        p[i * step] = some[i];
}

// ---- rows of one step of the outer axis ---------------------------------------------------------

// n entries that are neighbours in memory and in the tile.
template <class T, class E> INLINE void load_run(const E *p, ptrdiff_t n, T *tile)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    ptrdiff_t i = 0;
    for (; i + lanes <= n; i += lanes)
        load_entries<T>(p + i).store(tile + i);
    if (i < n)
        gather_entries<T>(p + i, 1, n - i).store(tile + i);
}

template <class T, class E> INLINE void store_run(const T *tile, ptrdiff_t n, E *p)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    ptrdiff_t i = 0;
    for (; i + lanes <= n; i += lanes)
        store_entries<T>(p + i, vec<T>::load(tile + i));
    if (i < n)
        scatter_entries<T>(p + i, 1, n - i, vec<T>::load(tile + i));
}

// Tiles of `lanes` rows, which are neighbours in memory, and `lanes` classes, `step` apart. The
// last classes of a row come first, since what is stored behind them belongs to the next row.
template <class T, class E>
INLINE void load_transposed(const E *p, ptrdiff_t step, ptrdiff_t n, ptrdiff_t K, T *tile)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    for (ptrdiff_t i = 0; i < n; i += lanes) {
        const ptrdiff_t rows = n - i < lanes ? n - i : lanes;
        ptrdiff_t width = K % lanes ? K % lanes : lanes;
        for (ptrdiff_t k = K - width; k >= 0; k -= lanes, width = lanes) {
            const E *from = p + k * step + i;
            T *to = tile + i * K + k;
            V r[lanes];
            if (rows == lanes && width == lanes) {
                UNROLL
                for (int j = 0; j < lanes; ++j)
                    r[j] = load_entries<T>(from + j * step);
            } else {
                for (ptrdiff_t j = 0; j < lanes; ++j)
                    r[j] = j >= width      ? V(T(0))
                           : rows == lanes ? load_entries<T>(from + j * step)
                                           : gather_entries<T>(from + j * step, 1, rows);
            }
            transpose_tile(r);
            if (rows == lanes) {
                UNROLL
                for (int j = 0; j < lanes; ++j)
                    r[j].store(to + j * K);
            } else {
                for (ptrdiff_t j = 0; j < rows; ++j)
                    r[j].store(to + j * K);
            }
        }
    }
}

template <class T, class E>
INLINE void store_transposed(const T *tile, ptrdiff_t n, ptrdiff_t K, ptrdiff_t step, E *p)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    for (ptrdiff_t i = 0; i < n; i += lanes) {
        const ptrdiff_t rows = n - i < lanes ? n - i : lanes;
        for (ptrdiff_t k = 0; k < K; k += lanes) {
            const ptrdiff_t width = K - k < lanes ? K - k : lanes;
            const T *from = tile + i * K + k;
            E *to = p + k * step + i;
            V r[lanes];
            if (rows == lanes) {
                UNROLL
                for (int j = 0; j < lanes; ++j)
                    r[j] = V::load(from + j * K);
            } else {
                for (ptrdiff_t j = 0; j < lanes; ++j)
                    r[j] = V::load(from + (j < rows ? j : 0) * K);
            }
            transpose_tile(r);
            if (rows == lanes && width == lanes) {
                UNROLL
                for (int j = 0; j < lanes; ++j)
                    store_entries<T>(to + j * step, r[j]);
            } else {
                for (ptrdiff_t j = 0; j < width; ++j)
                    if (rows == lanes)
                        store_entries<T>(to + j * step, r[j]);
                    else
                        scatter_entries<T>(to + j * step, 1, rows, r[j]);
            }
        }
    }
}

// Few classes, whose squares of vectors would be nearly empty: by way of (K, block_rows), which is
// also faster up to short_row classes; measured.
template <class T, class E>
INLINE void load_few_classes(const E *p, ptrdiff_t step, ptrdiff_t n, ptrdiff_t K, T *tile)
{
    T columns[short_row * block_rows];
    for (ptrdiff_t i = 0; i < n; i += block_rows) {
        const ptrdiff_t rows = n - i < block_rows ? n - i : block_rows;
        for (ptrdiff_t k = 0; k < K; ++k)
            load_run(p + k * step + i, rows, columns + k * block_rows);
        transpose<direction::back>(static_cast<const T *>(columns), rows, K, tile + i * K);
    }
}

template <class T, class E>
INLINE void store_few_classes(const T *tile, ptrdiff_t n, ptrdiff_t K, ptrdiff_t step, E *p)
{
    T columns[short_row * block_rows];
    for (ptrdiff_t i = 0; i < n; i += block_rows) {
        const ptrdiff_t rows = n - i < block_rows ? n - i : block_rows;
        transpose<direction::forth>(tile + i * K, rows, K, columns);
        for (ptrdiff_t k = 0; k < K; ++k)
            store_run(static_cast<const T *>(columns + k * block_rows), rows, p + k * step + i);
    }
}

template <class T, class E>
INLINE void load_same_outer(const E *p, const memory &m, ptrdiff_t n, T *tile)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    const ptrdiff_t K = m.n_classes, step = m.class_stride;
    if (step == 1 && m.inner_stride == K)
        return load_run(p, n * K, tile);
    if (m.inner_stride == 1)
        return K <= short_row ? load_few_classes(p, step, n, K, tile)
                              : load_transposed(p, step, n, K, tile);
    for (ptrdiff_t i = 0; i < n; ++i, p += m.inner_stride, tile += K) {
        if (step == 1)
            load_run(p, K, tile);
        else
            for (ptrdiff_t k = 0; k < K; k += lanes)
                gather_entries<T>(p + k * step, step, K - k < lanes ? K - k : lanes)
                    .store(tile + k);
    }
}

template <class T, class E>
INLINE void store_same_outer(const T *tile, const memory &m, ptrdiff_t n, E *p)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    const ptrdiff_t K = m.n_classes, step = m.class_stride;
    if (step == 1 && m.inner_stride == K)
        return store_run(tile, n * K, p);
    if (m.inner_stride == 1)
        return K <= short_row ? store_few_classes(tile, n, K, step, p)
                              : store_transposed(tile, n, K, step, p);
    for (ptrdiff_t i = 0; i < n; ++i, p += m.inner_stride, tile += K) {
        if (step == 1)
            store_run(tile, K, p);
        else
            for (ptrdiff_t k = 0; k < K; k += lanes)
                scatter_entries<T>(p + k * step, step, K - k < lanes ? K - k : lanes,
                                   vec<T>::load(tile + k));
    }
}

// ---- n rows from the one with number `first` ----------------------------------------------------

template <class T, class E>
INLINE void load_rows_of(const memory &m, ptrdiff_t first, ptrdiff_t n, T *tile)
{
    while (n > 0) {
        const ptrdiff_t o = first / m.inner, j = first % m.inner;
        const ptrdiff_t here = n < m.inner - j ? n : m.inner - j;
        const E *p = reinterpret_cast<const E *>(m.data) + o * m.outer_stride + j * m.inner_stride;
        load_same_outer(p, m, here, tile);
        tile += here * m.n_classes;
        first += here;
        n -= here;
    }
}

template <class T, class E>
INLINE void store_rows_of(const T *tile, const memory &m, ptrdiff_t first, ptrdiff_t n)
{
    while (n > 0) {
        const ptrdiff_t o = first / m.inner, j = first % m.inner;
        const ptrdiff_t here = n < m.inner - j ? n : m.inner - j;
        E *p = reinterpret_cast<E *>(m.data) + o * m.outer_stride + j * m.inner_stride;
        store_same_outer(tile, m, here, p);
        tile += here * m.n_classes;
        first += here;
        n -= here;
    }
}

template <class T> void load_rows(const memory *m, ptrdiff_t first, ptrdiff_t n, T *tile)
{
    switch (m->kind) {
    case memory_float: return load_rows_of<T, float>(*m, first, n, tile);
    case memory_double: return load_rows_of<T, double>(*m, first, n, tile);
    default: break;
    }
    if constexpr (sizeof(T) == sizeof(float)) {
        if (m->kind == memory_half)
            load_rows_of<T, half>(*m, first, n, tile);
        else
            load_rows_of<T, bfloat16>(*m, first, n, tile);
    }
}

template <class T> void store_rows(const memory *m, ptrdiff_t first, ptrdiff_t n, const T *tile)
{
    switch (m->kind) {
    case memory_half: return store_rows_of<T, half>(tile, *m, first, n);
    case memory_bfloat16: return store_rows_of<T, bfloat16>(tile, *m, first, n);
    case memory_float: return store_rows_of<T, float>(tile, *m, first, n);
    default: break;
    }
    if constexpr (sizeof(T) == sizeof(double))
        store_rows_of<T, double>(tile, *m, first, n);
}

// The number of the first entry, counted from row `first`, that is neither from 0 to `highest` nor
// `ignore`, or -1; entries that are `ignore` are counted.
template <class T>
ptrdiff_t scan_rows(const memory *m, ptrdiff_t first, ptrdiff_t last, ptrdiff_t step, T *tile,
                    T highest, T ignore, ptrdiff_t *n_ignored)
{
    *n_ignored = 0;
    for (ptrdiff_t i = first; i < last; i += step) {
        const ptrdiff_t n = last - i < step ? last - i : step;
        ptrdiff_t ignored;
        load_rows<T>(m, i, n, tile);
        const ptrdiff_t bad = scan_interval<T>(tile, n * m->n_classes, highest, ignore, &ignored);
        if (bad >= 0)
            return (i - first) * m->n_classes + bad;
        *n_ignored += ignored;
    }
    return -1;
}
