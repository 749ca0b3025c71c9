// Softmax cross-entropy of probabilities q (n, K), K <= 8: values and gradient in one pass.
//
//     c_ik = class_weight_k q_ik + smoothing_k         C_i = sum_k c_ik
//     value_i = weight_i (sum_k c_ik (m - x_ik) + C_i log1p(rest))
//     grad_ik = weight_i (C_i p_k - c_ik)
//
// with m, rest and p_k of cross_entropy.h. At the largest entry the gradient is built from the
// others, sum_{j != k} c_j - C rest / (1 + rest), so that a confident row does not cancel. Where c
// is 0, it contributes 0 even if x is infinite. A class whose logit is -inf is masked out: the
// others share, in equal parts, what smoothing would give it.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "short_rows.h"
#  include "rows.h"
#  include "row_groups.h"
#  include "wide.h"
#  include "cross_entropy.h"
#endif

// class_weight and smoothing (K,) may be null.
template <class T> struct soft_rows {
    labelled_rows<T> rows; // without labels
    const T *target;
    const double *class_weight, *smoothing;
};

template <class T, int K> constexpr int soft_vectors = loads_rows<T, K> ? row_vectors<T, K> : K;

// c[k] = number k of each row, also where no registers transpose it.
template <class T, int K> INLINE void load_any_rows(const T *x, vec<T> (&c)[soft_vectors<T, K>])
{
    if constexpr (loads_rows<T, K>) {
        load_rows<T, K>(x, c);
    } else {
        T lane[vec<T>::lanes];
        for (int k = 0; k < K; ++k) {
            for (int j = 0; j < vec<T>::lanes; ++j)
                lane[j] = x[j * K + k];
            c[k] = vec<T>::load(lane);
        }
    }
}

template <class T, int K> INLINE void store_any_rows(T *x, vec<T> (&c)[soft_vectors<T, K>])
{
    if constexpr (loads_rows<T, K>) {
        store_rows<T, K>(x, c);
    } else {
        T lane[vec<T>::lanes];
        for (int k = 0; k < K; ++k) {
            c[k].store(lane);
            for (int j = 0; j < vec<T>::lanes; ++j)
                x[j * K + k] = lane[j];
        }
    }
}

// sum_k c_k (m - x_k) of rows in which a difference is not finite in T, in double.
template <int K, class T>
NOINLINE void wide_gaps(const T (&x)[K][vec<T>::lanes], const T (&c)[K][vec<T>::lanes],
                        const T *maxima, double *gaps)
{
    for (int j = 0; j < vec<T>::lanes; ++j) {
        gaps[j] = 0;
        for (int k = 0; k < K; ++k)
            if (c[k][j] != 0)
                gaps[j] += double(c[k][j]) * (double(maxima[j]) - double(x[k][j]));
    }
}

template <int K, class T> NOINLINE double soft_classes(const soft_rows<T> &s)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    constexpr ptrdiff_t overlap = loads_rows<T, K> ? row_overlap<T, K> : 0;
    const labelled_rows<T> &r = s.rows;
    const V zero(T(0)), one(T(1)), lowest(-constants<T>::infinity);
    group_losses<T> losses(r);
    T memory[3][lanes * K + overlap];
    V class_weight[K], smoothing[K];
    UNROLL
    for (int k = 0; k < K; ++k) {
        class_weight[k] = V(static_cast<T>(s.class_weight ? s.class_weight[k] : 1.0));
        smoothing[k] = V(static_cast<T>(s.smoothing ? s.smoothing[k] : 0.0));
    }
    for (ptrdiff_t i = 0; i < r.n; i += lanes) {
        losses.begin(i, lanes);
        const T *x = r.x + i * K, *target = s.target + i * K;
        T *grad = r.grad ? r.grad + i * K : nullptr;
        const bool is_copy = (r.n - i) * K < lanes * K + overlap || losses.has_zero_weights();
        if (is_copy) {
            for (ptrdiff_t j = 0; j < lanes; ++j) {
                const ptrdiff_t row = j < losses.count ? j : 0;
                const bool counts = weight_of(r, i + row) != 0;
                for (ptrdiff_t k = 0; k < K; ++k) {
                    memory[0][j * K + k] = counts ? x[row * K + k] : T(0);
                    memory[1][j * K + k] = counts ? target[row * K + k] : T(0);
                }
            }
            x = memory[0], target = memory[1], grad = memory[2];
        }
        V c[soft_vectors<T, K>], q[soft_vectors<T, K>], e[K];
        load_any_rows<T, K>(x, c);
        load_any_rows<T, K>(target, q);
        V m = c[0];
        UNROLL
        for (int k = 1; k < K; ++k)
            m = max(c[k], m);
        if (s.class_weight) {
            UNROLL
            for (int k = 0; k < K; ++k)
                q[k] *= class_weight[k];
        }
        if (s.smoothing) {
            V kept = zero;
            UNROLL
            for (int k = 0; k < K; ++k)
                kept = add_if(c[k] != lowest, kept, one);
            const V scale = V(T(K)) / kept;
            UNROLL
            for (int k = 0; k < K; ++k)
                q[k] = add_if(c[k] != lowest, q[k], smoothing[k] * scale);
        }
        V gap = zero, rest = zero, below = zero, largest = zero;
        UNROLL
        for (int k = 0; k < K; ++k) {
            e[k] = c[k] - m;
            gap = select(q[k] != zero, subtract_product(gap, q[k], e[k]), gap);
        }
        exp_each<K>(e);
        auto left_out = c[0] != c[0]; // whether a largest entry was
        UNROLL
        for (int k = 0; k < K; ++k) {
            const auto is_below = c[k] != m;
            rest = add_if(is_below | left_out, rest, e[k]);
            left_out = left_out | (c[k] == m);
            below = add_if(is_below, below, q[k]);
            largest = add_if(c[k] == m, largest, q[k]);
        }
        const V weight = below + largest;
        rest += m - m;
        wide<T> wide_gap = widen(gap);
        if (lane_bits(gap - gap == zero) != lane_bits(zero == zero)) {
            T x_k[K][lanes], c_k[K][lanes], maxima[lanes];
            double gaps[lanes];
            UNROLL
            for (int k = 0; k < K; ++k) {
                c[k].store(x_k[k]);
                q[k].store(c_k[k]);
            }
            m.store(maxima);
            wide_gaps<K, T>(x_k, c_k, maxima, gaps);
            UNROLL
            for (int p = 0; p < wide<T>::parts; ++p)
                wide_gap.part[p] = vec<double>::load(gaps + p * vec<double>::lanes);
        }
        losses.add_soft(wide_gap, weight, rest);
        if (r.grad) {
            const V factor = weight / (rest + one), others = factor * rest;
            UNROLL
            for (int k = 0; k < K; ++k) {
                const V at_largest = (below + (largest - q[k])) - others;
                const V slope = select(c[k] == m, at_largest, e[k] * factor - q[k]);
                c[k] = select(losses.weight != zero, slope * losses.weight, zero);
            }
            store_any_rows<T, K>(grad, c);
        }
        if (is_copy && r.grad)
            memcpy(r.grad + i * K, grad, static_cast<size_t>(losses.count * K) * sizeof(T));
    }
    return finish(losses.sum) * (losses.separate ? 1.0 : losses.common);
}

template <int K, class T> INLINE double soft_classes_from(const soft_rows<T> &s)
{
    if constexpr (K > 8)
        return 0;
    else
        return s.rows.K == K ? soft_classes<K>(s) : soft_classes_from<K + 1>(s);
}

// Returns the sum of the values, or NaN for more than eight classes.
template <class T>
double probability_rows(const T *x, ptrdiff_t n, ptrdiff_t K, const T *target, const double *weight,
                        ptrdiff_t n_weights, double factor, const double *class_weight,
                        const double *smoothing, double *values, T *grad)
{
    const labelled_rows<T> r = {x,      n,      K,    nullptr, weight, n_weights == 1,
                                factor, values, grad, nullptr};
    const soft_rows<T> s = {r, target, class_weight, smoothing};
    if (n <= 0 || K <= 0)
        return 0;
    if (write_zeros(r))
        return 0;
    return soft_classes_from<1>(s);
}
