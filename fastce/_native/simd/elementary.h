// exp, log, log1p, sigmoid and log_sigmoid of vectors, without a branch.
//
// Sources: the reduction of Cody & Waite (1980), "Software Manual for the Elementary Functions";
// the form of the logarithm of Tang (1990), "Table-driven implementation of the logarithm
// function", without the table.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

// x = exp(x) of x <= 0, -inf and NaN; at most 1 ULP, gradual underflow. Every exponent in this
// library is a logit minus a maximum, or minus a magnitude, so positive exponents never occur and
// nothing overflows. Up to four vectors are interleaved step by step: a single chain of dependent
// operations fills the processor's reorder buffer, so the next vector would hardly start before
// this one has ended.
//
// x = n ln2 + r. ln2_high ends in enough zero bits that n ln2_high is exact.
template <class T, int N> INLINE void exps_nonpositive(vec<T> (&x)[N])
{
    using C = constants<T>;
    using V = vec<T>;
    V n[N], r[N], q[N];
    [[maybe_unused]] V rounded[N], lost[N];
    UNROLL
    for (int j = 0; j < N; ++j) {
        const V clamped = max(V(C::exp_lowest), x[j]); // x second: a NaN passes
        if constexpr (has_scale) {
            n[j] = round(clamped * V(C::log2_e));
            r[j] = subtract_product(clamped, n[j], V(C::ln2_high));
            r[j] = subtract_product(r[j], n[j], V(C::ln2_low));
        } else {
            rounded[j] = add_product(V(C::exp_magic), clamped, V(C::log2_e));
            n[j] = rounded[j] - V(C::exp_magic);
            const V coarse = subtract_product(clamped, n[j], V(C::ln2_high));
            r[j] = subtract_product(coarse, n[j], V(C::ln2_low));
            lost[j] = subtract_product(coarse - r[j], n[j], V(C::ln2_low));
        }
        q[j] = V(C::exp[0]);
    }
    UNROLL
    for (int i = 1; i < C::exp_terms; ++i) {
        UNROLL
        for (int j = 0; j < N; ++j)
            q[j] = add_product(V(C::exp[i]), q[j], r[j]);
    }
    UNROLL
    for (int j = 0; j < N; ++j) {
        if constexpr (has_scale) {
            const V p = add_product(V(1), q[j], r[j]);
            x[j] = scale(add_product(V(1), p, r[j]), n[j]);
        } else {
            const V p = r[j] + add_product(lost[j], r[j] * r[j], q[j]) + V(1);
            const V power = from_bits(shift_left<C::mantissa_bits>(bits_of(rounded[j])));
            x[j] = p * power * V(C::exp_unscale); // rounds once, also into the subnormals
        }
    }
}

template <class T> INLINE vec<T> exp_nonpositive(vec<T> x)
{
    vec<T> one[1] = {x};
    exps_nonpositive(one);
    return one[0];
}

// log(one + u), one = 1 or 0: one + u = 2^k (1 + f). f = (u - (2^k - one)) / 2^k is nearly exact,
// since 1 + u is not formed.
template <class T> INLINE vec<T> log_of_sum(T one, vec<T> u)
{
    using C = constants<T>;
    using V = vec<T>;
    using I = integers<T>;
    // k + the bias of exponents, in the place of the exponent
    const I raised = bits_of(u + V(one)) + I(C::one_bits - C::sqrt_half_bits);
    const I exponent = raised & I(C::exponent_mask);
    const V power = from_bits(exponent), inverse = from_bits(I(2 * C::one_bits) - exponent);
    const V f = (u - (power - V(one))) * inverse;
    const I k = shift_right<C::mantissa_bits>(exponent);
    const V n = from_bits(k + I(C::integer_magic_bits - C::exponent_bias)) - V(C::integer_magic);
    const V half_square = f * f * V(T(0.5)), z = f / (f + V(2)), w = z * z;
    V p(C::log[0]);
    UNROLL
    for (int i = 1; i < C::log_terms; ++i)
        p = add_product(V(C::log[i]), w, p);
    const V tail = add_product(n * V(C::ln2_low), z, half_square + w * p);
    return add_product(f - (half_square - tail), n, V(C::ln2_high));
}

// log1p(u), 0 <= u < 2^100.
template <class T> INLINE vec<T> log1p_nonnegative(vec<T> u) { return log_of_sum(T(1), u); }

// x = log(x), 0 <= x < 2^100; numbers below 2^-60, which may be subnormal, are scaled by 2^64
// first.
template <class T, int N> INLINE void logs_nonnegative(vec<T> (&x)[N])
{
    using V = vec<T>;
    const V zero(T(0)), tiny(T(0x1p-60)), log_of_scale(T(44.361419555836499803));
    UNROLL
    for (int j = 0; j < N; ++j) {
        const V raised = select(x[j] < tiny, x[j] * V(T(0x1p64)), x[j]);
        const V lowered = select(x[j] < tiny, log_of_scale, zero);
        const V log = log_of_sum(T(0), raised) - lowered;
        x[j] = select(x[j] == zero, V(-constants<T>::infinity), log);
    }
}

// log = log1p(e), 0 <= e <= 1, as one polynomial: no exponent to extract, and no division.
template <class T, int N> INLINE void log1p_fractions(const vec<T> (&e)[N], vec<T> (&log)[N])
{
    using C = constants<T>;
    vec<T> q[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        q[j] = vec<T>(C::log1p[0]);
    UNROLL
    for (int i = 1; i < C::log1p_terms; ++i) {
        UNROLL
        for (int j = 0; j < N; ++j)
            q[j] = add_product(vec<T>(C::log1p[i]), q[j], e[j]);
    }
    UNROLL
    for (int j = 0; j < N; ++j)
        log[j] = add_product(e[j], e[j] * e[j], q[j]);
}

// 1 / (1 + exp(-x)), written with exp(-|x|) so that neither tail cancels.
template <class T, int N> INLINE void sigmoids(vec<T> (&x)[N])
{
    using V = vec<T>;
    V e[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        e[j] = minus_magnitude(x[j]);
    exps_nonpositive(e);
    UNROLL
    for (int j = 0; j < N; ++j)
        x[j] = select(x[j] < V(0), e[j], V(1)) / (e[j] + V(1));
}

// min(x, 0) - log1p(exp(-|x|)).
template <class T, int N> INLINE void log_sigmoids(vec<T> (&x)[N])
{
    using V = vec<T>;
    V e[N], log[N];
    UNROLL
    for (int j = 0; j < N; ++j)
        e[j] = minus_magnitude(x[j]);
    exps_nonpositive(e);
    log1p_fractions(e, log);
    UNROLL
    for (int j = 0; j < N; ++j)
        x[j] = select(x[j] < V(0), x[j], V(0)) - log[j];
}
