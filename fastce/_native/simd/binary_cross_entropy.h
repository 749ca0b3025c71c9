// Binary cross-entropy of logits x with targets t: values, gradient and Hessian diagonal in one
// pass.
//
//     a = positive_weight t, b = negative_weight (1 - t); e = exp(-|x|) <= 1
//     value = (a + b) log1p(e) + wrong |x|             grad = +-factor (wrong - right e) / (1 + e)
//     hess = factor (a + b) e / (1 + e)^2
//
// with wrong = b and right = a where x > 0, and a and b elsewhere: so nothing cancels, and both
// tails keep their digits. 0 times an infinite |x| is 0. Without weights, the sum of log1p(e) of
// many vectors is log1p of the product of all 1 + e, less 1, in double; it is multiplied up as
// u + v + u v, for 1 + e itself would lose a small e.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "wide.h"
#endif

// All arrays have n entries. The weights, both of them, may be null where all are 1; values, grad
// and hess may be null; grad may be x. An entry whose target is `ignore` counts for nothing, if
// there are weights.
template <class T> struct labelled_elements {
    const T *x;
    ptrdiff_t n;
    const T *target, *positive_weight, *negative_weight;
    T factor, ignore;
    T *values, *grad, *hess;
};

template <bool full, class T> INLINE vec<T> load_at(const T *p, ptrdiff_t count, T fill)
{
    if constexpr (full)
        return vec<T>::load(p);
    else
        return vec<T>::load_or(p, count, fill);
}

template <bool full, class T> INLINE void store_at(T *p, vec<T> v, ptrdiff_t count)
{
    if constexpr (full)
        v.store(p);
    else
        v.store_first(p, count);
}

// N vectors of elements from i on, or the first `count` elements of one: the derivatives are
// written, e = exp(-|x|). Returned in `beyond` is wrong |x|, and in weight a + b.
template <bool weighted, bool full, int N, class T>
INLINE void element_terms(const labelled_elements<T> &r, ptrdiff_t i, ptrdiff_t count,
                          vec<T> (&e)[N], vec<T> (&beyond)[N], vec<T> (&weight)[N])
{
    using V = vec<T>;
    const V zero(T(0)), one(T(1)), factor(r.factor);
    V wrong[N], right[N], signed_factor[N];
    UNROLL
    for (int j = 0; j < N; ++j) {
        const ptrdiff_t at = i + j * V::lanes;
        // lanes beyond the end: e = 0 and wrong = 0
        const V x = load_at<full>(r.x + at, count, -constants<T>::infinity);
        const V t = load_at<full>(r.target + at, count, T(0));
        const auto is_positive = x > zero;
        if constexpr (weighted) {
            const auto ignored = t == V(r.ignore);
            const V a = t * load_at<full>(r.positive_weight + at, count, T(0));
            const V b = (one - t) * load_at<full>(r.negative_weight + at, count, T(0));
            wrong[j] = select(ignored, zero, select(is_positive, b, a));
            right[j] = select(ignored, zero, select(is_positive, a, b));
            weight[j] = wrong[j] + right[j];
        } else {
            wrong[j] = select(is_positive, one - t, t);
        }
        e[j] = minus_magnitude(x);
        beyond[j] = select(wrong[j] != zero, wrong[j] * magnitude(x), zero);
        signed_factor[j] = select(is_positive, factor, zero - factor);
    }
    exps_nonpositive(e);
    if (r.grad) {
        UNROLL
        for (int j = 0; j < N; ++j) {
            const V others = weighted ? right[j] : one - wrong[j];
            V slope = signed_factor[j] / (e[j] + one) * subtract_product(wrong[j], others, e[j]);
            if constexpr (weighted)
                slope = select(weight[j] != zero, slope, zero);
            store_at<full>(r.grad + i + j * V::lanes, slope, count);
        }
    }
    if (r.hess) {
        UNROLL
        for (int j = 0; j < N; ++j) {
            const V inverse = one / (e[j] + one);
            V curvature = (e[j] * inverse) * inverse * factor;
            if constexpr (weighted)
                curvature = select(weight[j] != zero, curvature * weight[j], zero);
            store_at<full>(r.hess + i + j * V::lanes, curvature, count);
        }
    }
}

template <bool weighted, bool full, int N, class T>
INLINE void add_elements(const labelled_elements<T> &r, ptrdiff_t i, ptrdiff_t count,
                         accumulator<T> &sum)
{
    using V = vec<T>;
    V e[N], beyond[N], weight[N], value[N];
    element_terms<weighted, full>(r, i, count, e, beyond, weight);
    log1p_fractions(e, value);
    UNROLL
    for (int j = 0; j < N; ++j) {
        if constexpr (weighted)
            value[j] = select(weight[j] != V(T(0)), value[j] * weight[j], V(T(0)));
        value[j] += beyond[j];
        if (r.values)
            store_at<full>(r.values + i + j * V::lanes, value[j] * V(r.factor), count);
        sum.add(value[j]);
    }
}

template <bool weighted, class T> NOINLINE double separate_elements(const labelled_elements<T> &r)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    accumulator<T> sum;
    ptrdiff_t i = 0;
    sum.clear();
    for (; i + 4 * lanes <= r.n; i += 4 * lanes)
        add_elements<weighted, true, 4>(r, i, lanes, sum);
    for (; i + lanes <= r.n; i += lanes)
        add_elements<weighted, true, 1>(r, i, lanes, sum);
    if (i < r.n)
        add_elements<weighted, false, 1>(r, i, r.n - i, sum);
    return finish(sum);
}

// The sum of the values of vectors of elements, by terms of element_terms.
template <class T> struct element_losses {
    // Vectors that share a logarithm: the product of both parts stays below 2^100.
    static constexpr int max_factors = 32;
    accumulator<T> sum;
    wide<T> product; // of 1 + e, less 1
    int factors;

    INLINE element_losses() : factors(0)
    {
        sum.clear();
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p)
            product.part[p] = vec<double>(0.0);
    }

    template <int N> INLINE void add(const vec<T> (&e)[N], const vec<T> (&beyond)[N])
    {
        wide<T> term[N];
        UNROLL
        for (int j = 0; j < N; ++j) {
            term[j] = widen(e[j]);
            sum.add(beyond[j]);
        }
        UNROLL
        for (int width = N / 2; width > 0; width /= 2) {
            UNROLL
            for (int j = 0; j < width; ++j)
                term[j] = joined(term[j], term[j + width]);
        }
        product = joined(product, term[0]);
        factors += N;
        if (factors >= max_factors)
            add_log();
    }

    INLINE void add_log()
    {
        add_doubles(sum, log1p_of_product(product));
        factors = 0;
    }
};

template <class T> NOINLINE double plain_elements(const labelled_elements<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    element_losses<T> losses;
    V e[4], beyond[4], weight[4], last[1], last_beyond[1], last_weight[1];
    ptrdiff_t i = 0;
    for (; i + 4 * lanes <= r.n; i += 4 * lanes) {
        element_terms<false, true>(r, i, lanes, e, beyond, weight);
        losses.add(e, beyond);
    }
    for (; i < r.n; i += lanes) {
        if (i + lanes <= r.n)
            element_terms<false, true>(r, i, lanes, last, last_beyond, last_weight);
        else
            element_terms<false, false>(r, i, r.n - i, last, last_beyond, last_weight);
        losses.add(last, last_beyond);
    }
    losses.add_log();
    return finish(losses.sum);
}

// Returns the sum of the values before the factor. values, grad and hess are multiplied with it.
template <class T>
double binary_cross_entropy_flat(const T *x, ptrdiff_t n, const T *target, const T *positive_weight,
                                 const T *negative_weight, T factor, T ignore, T *values, T *grad,
                                 T *hess)
{
    const labelled_elements<T> r = {
        x, n, target, positive_weight, negative_weight, factor, ignore, values, grad, hess};
    if (n <= 0)
        return 0;
    if (positive_weight)
        return separate_elements<true>(r);
    return values ? separate_elements<false>(r) : plain_elements(r);
}
