// logsumexp, softmax and log_softmax of the rows of a C-contiguous (n, K) array.
//
//     logsumexp = m + log1p(rest)        softmax_k = exp(x_k - m) / (1 + rest)
//     log_softmax_k = (x_k - m) - log1p(rest)
//
// with m and rest of long_rows.h. Long rows are computed one after the other, short rows a vector
// of them at a time (short_rows.h).
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "short_rows.h"
#endif

// logsumexp of a row whose largest entry is infinite, or all of whose entries are NaN: the first
// NaN, or m. The entries are `step` elements apart.
template <class T> INLINE T logsumexp_not_finite(const T *x, ptrdiff_t step, ptrdiff_t K, T m)
{
    for (ptrdiff_t k = 0; k < K; ++k)
        if (x[k * step] != x[k * step])
            return x[k * step];
    return m;
}

// out (K,) = x * factor, or (x - m) - factor.
template <form f, class T> INLINE vec<T> apply_to(vec<T> x, vec<T> m, vec<T> factor)
{
    return f == form::softmax ? x * factor : (x - m) - factor;
}

template <form f, class T> INLINE void apply(const T *x, ptrdiff_t K, T m, T factor, T *out)
{
    using V = vec<T>;
    ptrdiff_t k = 0;
    for (; k + V::lanes <= K; k += V::lanes)
        apply_to<f, T>(V::load(x + k), V(m), V(factor)).store(out + k);
    if (k < K) {
        const V last = V::load_or(x + k, K - k, T(0));
        apply_to<f, T>(last, V(m), V(factor)).store_first(out + k, K - k);
    }
}

// n <= block_rows long rows.
template <form f, class T> INLINE void long_rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    T m[block_rows], rest[block_rows], logs[block_rows];
    constexpr bool softmax = f == form::softmax;
    long_row_statistics<softmax>(x, n, K, out, m, rest, softmax ? nullptr : logs);
    for (ptrdiff_t i = 0; i < n; ++i) {
        const T *row = x + i * K;
        if constexpr (f == form::softmax) {
            apply<f>(out + i * K, K, T(0), T(1) / (T(1) + rest[i]), out + i * K);
        } else {
            const T shift = is_finite(m[i]) ? logs[i] : T(0);
            const T base = is_finite(m[i]) ? m[i] : logsumexp_not_finite(row, 1, K, m[i]);
            if constexpr (f == form::logsumexp)
                out[i] = base + shift;
            else
                apply<f>(row, K, base, shift, out + i * K);
        }
    }
}

// The columns of transposed (K, block_rows), which hold the terms or the exponents of n rows,
// become softmax or log_softmax.
template <form f, class T>
INLINE void finish_columns(T *transposed, ptrdiff_t n, ptrdiff_t K, const T *rest, const T *logs)
{
    using V = vec<T>;
    const T *end = transposed + K * block_rows;
    for (ptrdiff_t i = 0; i < n; i += V::lanes) {
        const V by = f == form::softmax ? V(1) / (V::load(rest + i) + V(1)) : V::load(logs + i);
        for (T *column = transposed + i; column < end; column += block_rows)
            if constexpr (f == form::softmax)
                (V::load(column) * by).store(column);
            else
                (V::load(column) - by).store(column);
    }
}

// Whether the n entries are finite. The lanes beyond them are looked at, too.
template <class T> INLINE bool all_finite(const T *m, ptrdiff_t n)
{
    using V = vec<T>;
    unsigned odd = 0;
    for (ptrdiff_t i = 0; i < n; i += V::lanes) {
        const V x = V::load(m + i);
        odd |= lane_bits(x - x != V(0));
    }
    return odd == 0;
}

// n <= block_rows short rows.
template <form f, class T> INLINE void short_rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    T transposed[short_row * block_rows], m[block_rows], rest[block_rows], logs[block_rows];
    constexpr keep kept = f == form::softmax       ? keep::terms
                          : f == form::log_softmax ? keep::exponents
                                                   : keep::nothing;
    T *const wanted = f == form::softmax ? nullptr : logs;
    short_row_statistics<kept>(x, n, K, transposed, m, rest, wanted);
    if constexpr (f == form::logsumexp) {
        for (ptrdiff_t i = 0; i < n; ++i)
            out[i] = m[i] + logs[i];
        const bool odd = !all_finite(m, n);
        for (ptrdiff_t i = 0; odd && i < n; ++i)
            if (!is_finite(m[i]))
                out[i] = logsumexp_not_finite(x + i * K, 1, K, m[i]);
        return;
    }
    finish_columns<f>(transposed, n, K, rest, logs);
    for (ptrdiff_t i = 0; f == form::log_softmax && i < n; ++i)
        if (!is_finite(m[i])) {
            const T total = logsumexp_not_finite(x + i * K, 1, K, m[i]);
            for (ptrdiff_t k = 0; k < K; ++k)
                transposed[k * block_rows + i] = x[i * K + k] - total;
        }
    transpose<direction::back>(transposed, n, K, out);
}

template <form f, class T> INLINE void rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    const ptrdiff_t width = f == form::logsumexp ? 1 : K;
    if (K == 0) {
        for (ptrdiff_t i = 0; i < n * width; ++i)
            out[i] = -constants<T>::infinity; // the logarithm of an empty sum
    } else if (K <= short_row) {
        for (ptrdiff_t i = 0; i < n; i += block_rows)
            short_rows<f>(x + i * K, n - i < block_rows ? n - i : block_rows, K, out + i * width);
    } else {
        const ptrdiff_t fitting = K < block_entries ? block_entries / K : 1;
        const ptrdiff_t step = fitting < block_rows ? fitting : block_rows;
        for (ptrdiff_t i = 0; i < n; i += step)
            long_rows<f>(x + i * K, n - i < step ? n - i : step, K, out + i * width);
    }
}

template <class T> void logsumexp_rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    rows<form::logsumexp>(x, n, K, out);
}
template <class T> void softmax_rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    rows<form::softmax>(x, n, K, out);
}
template <class T> void log_softmax_rows(const T *x, ptrdiff_t n, ptrdiff_t K, T *out)
{
    rows<form::log_softmax>(x, n, K, out);
}
