// Passes along one long row: its maximum, its exponentials and their sum.
//
//     m = max_k x_k        rest = sum of exp(x_k - m) over all k but one that attains m
//
// Leaving the largest term out keeps the digits of a confident row, where 1 + rest rounds to 1.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#endif

template <class T> INLINE bool is_finite(T x)
{
    return x >= -constants<T>::largest && x <= constants<T>::largest;
}

// The largest entry that is not NaN, -inf for a row of NaNs, as the largest of the lanes.
template <class T> INLINE vec<T> row_max_lanes(const T *x, ptrdiff_t K)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const T lowest = -constants<T>::infinity;
    V m[4] = {V(lowest), V(lowest), V(lowest), V(lowest)};
    ptrdiff_t k = 0;
    for (; k + 4 * lanes <= K; k += 4 * lanes) {
        UNROLL
        for (int j = 0; j < 4; ++j)
            m[j] = max(V::load(x + k + j * lanes), m[j]);
    }
    for (; k + lanes <= K; k += lanes)
        m[0] = max(V::load(x + k), m[0]);
    if (k < K)
        m[1] = max(V::load_or(x + k, K - k, lowest), m[1]);
    return max(max(m[0], m[1]), max(m[2], m[3]));
}

template <class T> INLINE T row_max(const T *x, ptrdiff_t K)
{
    return max_lanes(row_max_lanes(x, K));
}

// N vectors of a row become exp(x - m), which is added to the sums where x is not m; `others`
// counts those lanes.
template <class T, int N>
INLINE void add_exps(vec<T> (&sum)[2], vec<T> (&x)[N], vec<T> m, typename vec<T>::counter &others)
{
    vec<T> e[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        e[j] = x[j] - m;
    exps_nonpositive(e);
    UNROLL
    for (int j = 0; j < N; ++j) {
        const auto below = x[j] != m;
        others.add(below);
        sum[j % 2] = add_if(below, sum[j % 2], e[j]);
        x[j] = e[j];
    }
}

// Prefetches the four vectors that are read, and the four that are written, `ahead` bytes from
// here. The hardware prefetcher stops at each page of 4096 bytes, which is a row of 1024 floats.
template <class T, bool stores> INLINE void prefetch_ahead(const T *x, T *out, ptrdiff_t ahead)
{
    if constexpr (vec<T>::lanes > 1) {
        constexpr ptrdiff_t bytes = 4 * vector_bytes, line = 64;
        for (ptrdiff_t byte = 0; byte < bytes; byte += line) {
            prefetch(x, ahead + byte);
            if constexpr (stores)
                prefetch(out, ahead + byte);
        }
    }
}

// Up to four vectors of a row, the last of which may be partly filled; what row_exp does with them.
template <bool stores, int N, class T>
INLINE void add_last_terms(const T *x, ptrdiff_t K, vec<T> m, T *out, accumulator<T> &total,
                           typename vec<T>::counter &others)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes, before = (N - 1) * lanes;
    V x_k[N], sum[2] = {V(T(0)), V(T(0))};
    UNROLL
    for (int j = 0; j < N - 1; ++j)
        x_k[j] = V::load(x + j * lanes);
    // the lanes beyond the end hold -inf, which adds exp(-inf) = 0
    x_k[N - 1] = load_up_to(x + before, K - before, -constants<T>::infinity);
    add_exps(sum, x_k, m, others);
    total.add(sum[0] + sum[1]);
    if constexpr (stores) {
        UNROLL
        for (int j = 0; j < N - 1; ++j)
            x_k[j].store(out + j * lanes);
        store_up_to(out + before, x_k[N - 1], K - before);
    }
}

// rest, for a finite maximum, as `ties` and the sum of the lanes; the terms exp(x_k - m) are stored
// in out, which may be x, if `stores`. Counting the entries below the maximum needs no branch;
// searching for the first one that attains it would cost branch mispredictions worth dozens of
// exponentials.
template <bool stores, class T>
INLINE vec<double> row_exp_lanes(const T *x, ptrdiff_t K, T largest, T *out, ptrdiff_t ahead,
                                 ptrdiff_t &ties)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const V m(largest), zero(T(0));
    accumulator<T> total;
    typename V::counter others;
    ptrdiff_t k = 0;
    total.clear();
    // two short chains of additions; their sum is accumulated in double
    for (; k + 4 * lanes <= K; k += 4 * lanes) {
        V sum[2] = {zero, zero}, x_k[4];
        prefetch_ahead<T, stores>(x + k, out + k, ahead);
        UNROLL
        for (int j = 0; j < 4; ++j)
            x_k[j] = V::load(x + k + j * lanes);
        add_exps(sum, x_k, m, others);
        if constexpr (stores) {
            UNROLL
            for (int j = 0; j < 4; ++j)
                x_k[j].store(out + k + j * lanes);
        }
        total.add(sum[0] + sum[1]);
    }
    const ptrdiff_t left = (K - k + lanes - 1) / lanes;
    T *to = stores ? out + k : out;
    switch (left) {
    case 4: add_last_terms<stores, 4>(x + k, K - k, m, to, total, others); break;
    case 3: add_last_terms<stores, 3>(x + k, K - k, m, to, total, others); break;
    case 2: add_last_terms<stores, 2>(x + k, K - k, m, to, total, others); break;
    case 1: add_last_terms<stores, 1>(x + k, K - k, m, to, total, others); break;
    default: break;
    }
    ties = k + left * lanes - others.total() - 1;
    return total.wide_lanes();
}

template <bool stores, class T>
INLINE double row_exp(const T *x, ptrdiff_t K, T largest, T *out, ptrdiff_t ahead)
{
    ptrdiff_t ties;
    const vec<double> sum = row_exp_lanes<stores>(x, K, largest, out, ahead, ties);
    return sum_lanes(sum) + static_cast<double>(ties);
}

// Softmax statistics of a block of rows x (n, K): row_max, rest and logs = log1p(rest), each (n,).
// terms (n, K), which may be x, becomes exp(x - max x) if `stores`. A row with a NaN, or whose
// largest entry is infinite, has rest NaN and terms NaN. Each step is done for all rows before the
// next step, since the steps of one row depend on each other and those of different rows do not.
// Not inlined, as a block of rows is worth a call: its copies would be half of the machine code.
template <bool stores, class T>
NOINLINE void long_row_statistics(const T *x, ptrdiff_t n, ptrdiff_t K, T *terms, T *maxima,
                                  T *rest, T *logs)
{
    using V = vec<T>;
    const ptrdiff_t ahead = n * K * static_cast<ptrdiff_t>(sizeof(T));
    for (ptrdiff_t i = 0; i < n; ++i)
        maxima[i] = row_max(x + i * K, K);
    for (ptrdiff_t i = 0; i < n; ++i) {
        T *to = stores ? terms + i * K : nullptr;
        if (is_finite(maxima[i])) {
            rest[i] = static_cast<T>(row_exp<stores>(x + i * K, K, maxima[i], to, ahead));
        } else {
            rest[i] = constants<T>::nan;
            for (ptrdiff_t k = 0; stores && k < K; ++k)
                to[k] = constants<T>::nan;
        }
    }
    for (ptrdiff_t i = 0; i < n; i += V::lanes)
        store_up_to(logs + i, log1p_nonnegative(load_up_to(rest + i, n - i, T(0))), n - i);
}
