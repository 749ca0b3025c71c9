// What the losses' kernels, compiled by Numba, call: softmax of blocks of rows in pieces, and
// functions of flat arrays.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "short_rows.h"
#  include "rows.h"
#endif

// Statistics of n <= block_rows short rows, written to arrays of n entries.
template <keep kept, class T>
INLINE void short_statistics(const T *x, ptrdiff_t n, ptrdiff_t K, T *transposed, T *maxima,
                             T *rest, T *logs)
{
    T m[block_rows], r[block_rows], l[block_rows];
    const size_t bytes = static_cast<size_t>(n) * sizeof(T);
    short_row_statistics<kept>(x, n, K, transposed, m, r, l);
    memcpy(maxima, m, bytes);
    memcpy(rest, r, bytes);
    memcpy(logs, l, bytes);
}

// maxima, rest and logs (n,) of the rows x (n, K), n <= block_rows.
template <class T>
void softmax_statistics(const T *x, ptrdiff_t n, ptrdiff_t K, T *maxima, T *rest, T *logs)
{
    if (K <= short_row) {
        T transposed[short_row * block_rows];
        short_statistics<keep::nothing>(x, n, K, transposed, maxima, rest, logs);
    } else {
        long_row_statistics<false>(x, n, K, static_cast<T *>(nullptr), maxima, rest, logs);
    }
}

// The first half of weighted_softmax: the terms exp(x - max x) of long rows are written to out,
// which may be x; those of short rows to transposed (K, block_rows). Long rows of weight 0 are not
// read.
template <class T>
void softmax_terms(const T *x, ptrdiff_t n, ptrdiff_t K, const T *weight, T *out, T *transposed,
                   T *maxima, T *rest, T *logs)
{
    if (K <= short_row)
        return short_statistics<keep::terms>(x, n, K, transposed, maxima, rest, logs);
    for (ptrdiff_t i = 0, next; i < n; i = next) {
        for (next = i; next < n && weight[next] != 0; ++next)
            ;
        long_row_statistics<true>(x + i * K, next - i, K, out + i * K, maxima + i, rest + i,
                                  logs + i);
        for (; next < n && weight[next] == 0; ++next)
            maxima[next] = rest[next] = logs[next] = 0;
    }
}

// The second half: out (n, K) becomes weight_i / (1 + rest_i) times the terms. Rows of weight 0
// become 0.
template <class T>
void normalise_terms(T *out, ptrdiff_t n, ptrdiff_t K, const T *weight, const T *rest,
                     T *transposed)
{
    using V = vec<T>;
    for (ptrdiff_t i = 0; K > short_row && i < n; ++i)
        if (weight[i] != 0)
            apply<form::softmax>(out + i * K, K, T(0), weight[i] / (T(1) + rest[i]), out + i * K);
        else
            memset(out + i * K, 0, static_cast<size_t>(K) * sizeof(T));
    if (K > short_row)
        return;
    const V zero(T(0));
    const T *end = transposed + K * block_rows;
    for (ptrdiff_t i = 0; i < n; i += V::lanes) {
        const V each = load_up_to(weight + i, n - i, T(0));
        const V factor = each / (load_up_to(rest + i, n - i, T(0)) + V(1));
        for (T *column = transposed + i; column < end; column += block_rows)
            select(each == zero, zero, V::load(column) * factor).store(column);
    }
    transpose<direction::back>(static_cast<const T *>(transposed), n, K, out);
}

// out (n, K), which may be x, becomes weight_i softmax(x_i); the other results are those of
// softmax_statistics. Rows of weight 0 are not read, and become 0.
template <class T>
void weighted_softmax(const T *x, ptrdiff_t n, ptrdiff_t K, const T *weight, T *out, T *maxima,
                      T *rest, T *logs)
{
    T transposed[short_row * block_rows];
    softmax_terms(x, n, K, weight, out, transposed, maxima, rest, logs);
    normalise_terms(out, n, K, weight, rest, transposed);
}

// sigmoid(-|x|), sigmoid(|x|) and log1p(exp(-|x|)) of N vectors, the first of which replaces x.
template <class T, int N>
INLINE void logistic_vectors(vec<T> (&x)[N], vec<T> (&large)[N], vec<T> (&tail)[N])
{
    UNROLL
    for (int j = 0; j < N; ++j)
        x[j] = minus_magnitude(x[j]);
    exps_nonpositive(x);
    log1p_fractions(x, tail);
    UNROLL
    for (int j = 0; j < N; ++j) {
        large[j] = vec<T>(1) / (x[j] + vec<T>(1));
        x[j] = x[j] * large[j];
    }
}

// small = sigmoid(-|x|), large = sigmoid(|x|), tail = log1p(exp(-|x|)), each (n,).
template <class T> void logistic(const T *x, ptrdiff_t n, ptrdiff_t, T *small_, T *large_, T *tail_)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        V v[4], large[4], tail[4];
        UNROLL
        for (int j = 0; j < 4; ++j)
            v[j] = V::load(x + i + j * lanes);
        logistic_vectors(v, large, tail);
        UNROLL
        for (int j = 0; j < 4; ++j) {
            v[j].store(small_ + i + j * lanes);
            large[j].store(large_ + i + j * lanes);
            tail[j].store(tail_ + i + j * lanes);
        }
    }
    for (; i < n; i += lanes) {
        const ptrdiff_t count = n - i < lanes ? n - i : lanes;
        V v[1] = {V::load_or(x + i, count, T(0))}, large[1], tail[1];
        logistic_vectors(v, large, tail);
        v[0].store_first(small_ + i, count);
        large[0].store_first(large_ + i, count);
        tail[0].store_first(tail_ + i, count);
    }
}

// The functions of one number that are applied to flat arrays.
enum class flat { exp_nonpositive, log_nonnegative, sigmoid, log_sigmoid };

template <flat f, class T, int N> INLINE void apply_flat(vec<T> (&x)[N])
{
    if constexpr (f == flat::exp_nonpositive)
        exps_nonpositive(x);
    else if constexpr (f == flat::log_nonnegative)
        logs_nonnegative(x);
    else if constexpr (f == flat::sigmoid)
        sigmoids(x);
    else
        log_sigmoids(x);
}

// out (n,), which may be x.
template <flat f, class T> INLINE void for_flat(const T *x, ptrdiff_t n, T *out)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= n; i += 4 * lanes) {
        V v[4];
        UNROLL
        for (int j = 0; j < 4; ++j)
            v[j] = V::load(x + i + j * lanes);
        apply_flat<f>(v);
        UNROLL
        for (int j = 0; j < 4; ++j)
            v[j].store(out + i + j * lanes);
    }
    for (; i < n; i += lanes) {
        V v[1] = {load_up_to(x + i, n - i, T(0))};
        apply_flat<f>(v);
        store_up_to(out + i, v[0], n - i);
    }
}

template <class T> void exp_nonpositive_flat(const T *x, ptrdiff_t n, ptrdiff_t, T *out)
{
    for_flat<flat::exp_nonpositive>(x, n, out);
}
template <class T> void log_nonnegative_flat(const T *x, ptrdiff_t n, ptrdiff_t, T *out)
{
    for_flat<flat::log_nonnegative>(x, n, out);
}
template <class T> void sigmoid_flat(const T *x, ptrdiff_t n, ptrdiff_t, T *out)
{
    for_flat<flat::sigmoid>(x, n, out);
}
template <class T> void log_sigmoid_flat(const T *x, ptrdiff_t n, ptrdiff_t, T *out)
{
    for_flat<flat::log_sigmoid>(x, n, out);
}
