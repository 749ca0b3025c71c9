// Vectors of T in double, and sums of them. A sum of logarithms is the logarithm of a product.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#endif

// A vector of T in double.
template <class T> struct wide {
    static constexpr int parts = vec<T>::lanes / vec<double>::lanes;
    vec<double> part[parts];
};
INLINE wide<double> widen(vec<double> x) { return {{x}}; }
INLINE wide<float> widen(vec<float> x)
{
    wide<float> result;
    result.part[wide<float>::parts - 1] = widen_high(x);
    result.part[0] = widen_low(x);
    return result;
}
INLINE vec<double> narrow(const wide<double> &x) { return x.part[0]; }
INLINE vec<float> narrow(const wide<float> &x)
{
    return narrow(x.part[0], x.part[wide<float>::parts - 1]);
}

INLINE void add_wide(accumulator<float> &sum, const wide<float> &term)
{
    sum.low += term.part[0];
    if constexpr (wide<float>::parts > 1)
        sum.high += term.part[wide<float>::parts - 1];
}
INLINE void add_wide(accumulator<double> &sum, const wide<double> &term) { sum.add(term.part[0]); }

INLINE void add_doubles(accumulator<float> &sum, vec<double> term) { sum.low += term; }
INLINE void add_doubles(accumulator<double> &sum, vec<double> term) { sum.add(term); }

template <class T> INLINE wide<T> wide_log1p(vec<T> x)
{
    wide<T> result = widen(x);
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        result.part[p] = log1p_nonnegative(result.part[p]);
    return result;
}

INLINE double finish(const accumulator<float> &sum) { return sum.total(); }
INLINE double finish(const accumulator<double> &sum)
{
    // an infinite sum has no rounding error to add
    const double total = sum_lanes(sum.sum);
    return is_finite(total) ? total + sum_lanes(sum.lost) : total;
}

// (1 + u) (1 + v) - 1
template <class T> INLINE wide<T> joined(const wide<T> &u, const wide<T> &v)
{
    wide<T> result;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        result.part[p] = add_product(u.part[p] + v.part[p], u.part[p], v.part[p]);
    return result;
}

// log1p of the product of both parts, whose lanes are 1 + rest, less 1; it becomes that of nothing.
template <class T> INLINE vec<double> log1p_of_product(wide<T> &product)
{
    constexpr int last = wide<T>::parts - 1;
    vec<double> all = product.part[0];
    if constexpr (last > 0)
        all = add_product(all + product.part[last], all, product.part[last]);
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        product.part[p] = vec<double>(0.0);
    return log1p_nonnegative(all);
}
