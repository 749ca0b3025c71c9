/* exp, log1p, sigmoid and log_sigmoid of a vector of REALs, without a branch.
 *
 * Sources: the reduction of Cody & Waite (1980), "Software Manual for the Elementary Functions"; the form of the
 * logarithm of Tang (1990), "Table-driven implementation of the logarithm function", without the table.
 */

/* exp(x) for x <= 0, -inf and NaN; at most 1 ULP, gradual underflow. Every exponent in this library is
 * a logit minus a maximum, or minus a magnitude, so no other sign is needed and nothing overflows.
 *
 * x = n ln2 + r. LN2_HIGH has so many trailing zeros that n * LN2_HIGH is exact, fused or not.
 */
#if SIMD_LEVEL == 4
/* AVX-512 rounds to an integer and scales by a power of two in one instruction each. */
FASTCE_INLINE VREAL OF(exp_nonpositive)(VREAL x)
{
    VREAL clamped = OF(max)(OF(splat)(EXP_LOWEST), x); /* x second: a NaN passes */
    VREAL n = OF(round)(clamped * LOG2_E);
    VREAL r = (clamped - n * LN2_HIGH) - n * LN2_LOW;
    return OF(scale)((EXP_HORNER(r) * r + (REAL)1) * r + (REAL)1, n);
}
#else
FASTCE_INLINE VREAL OF(exp_nonpositive)(VREAL x)
{
    VREAL clamped = OF(max)(OF(splat)(EXP_LOWEST), x); /* x second: a NaN passes */
    VREAL rounded = clamped * LOG2_E + EXP_MAGIC;
    VREAL n = rounded - EXP_MAGIC;
    VREAL coarse = clamped - n * LN2_HIGH;
    VREAL r = coarse - n * LN2_LOW;
    VREAL lost = (coarse - r) - n * LN2_LOW;
    VREAL r2 = r * r;
    VREAL p = (VREAL)(r + (r2 * EXP_HORNER(r) + lost)) + (REAL)1;
    VREAL scale = OF(from_bits)(OF(shift_left)(OF(bits)(rounded), MANTISSA_BITS));
    return p * scale * EXP_UNSCALE; /* the last product rounds once, also into the subnormals */
}
#endif

/* log(one + u), one = 1 or 0: one + u = 2^k (1 + f), where f = (u - (2^k - one)) / 2^k hardly rounds, since 1 + u is not formed. */
FASTCE_INLINE VREAL OF(log_of_sum)(const REAL one, VREAL u)
{
    VBITS k = (OF(bits)(u + one) - (BITS)SQRT_HALF_BITS) >> MANTISSA_BITS;
    VREAL power = OF(from_bits)(OF(shift_left)(k + (BITS)EXPONENT_BIAS, MANTISSA_BITS));
    VREAL inverse = OF(from_bits)(OF(shift_left)((BITS)EXPONENT_BIAS - k, MANTISSA_BITS));
    VREAL f = (u - (power - one)) * inverse;
    VREAL n = OF(from_bits)(k + (BITS)INTEGER_MAGIC_BITS) - INTEGER_MAGIC; /* integer to REAL, for small integers */
    VREAL half_square = f * f * (REAL)0.5;
    VREAL z = f / (f + (REAL)2);
    VREAL w = z * z;
    VREAL tail = z * (half_square + w * LOG_POLYNOMIAL(w)) + n * LN2_LOW;
    return n * LN2_HIGH + (f - (half_square - tail));
}

/* log1p(u), 0 <= u < 2^100. */
FASTCE_INLINE VREAL OF(log1p_nonnegative)(VREAL u) { return OF(log_of_sum)((REAL)1, u); }

/* log(x), 0 <= x < 2^100; small numbers, which may be subnormal, are scaled first. */
FASTCE_INLINE VREAL OF(log_nonnegative)(VREAL x)
{
    const VREAL zero = OF(splat)((REAL)0), raised = OF(select)(x < (REAL)0x1p-60, x * (REAL)0x1p64, x);
    const VREAL log = OF(log_of_sum)((REAL)0, raised) - OF(select)(x < (REAL)0x1p-60, OF(splat)((REAL)44.361419555836499803), zero);
    return OF(select)(x == zero, OF(splat)((REAL)-INFINITY), log);
}

/* log1p(e), 0 <= e <= 1: no exponent to take apart, and no division. */
FASTCE_INLINE VREAL OF(log1p_fraction)(VREAL e)
{
    return e + (e * e) * LOG1P_HORNER(e);
}

FASTCE_INLINE VREAL OF(minus_magnitude)(VREAL x)
{
    return OF(from_bits)(OF(bits)(x) | (BITS)SIGN_BIT);
}

/* 1 / (1 + exp(-x)), written with exp(-|x|) so that neither tail cancels. */
FASTCE_INLINE VREAL OF(sigmoid)(VREAL x)
{
    VREAL e = OF(exp_nonpositive)(OF(minus_magnitude)(x));
    VREAL numerator = OF(select)(x < (REAL)0, e, OF(splat)((REAL)1));
    return numerator / (e + (REAL)1);
}

/* min(x, 0) - log1p(exp(-|x|)). */
FASTCE_INLINE VREAL OF(log_sigmoid)(VREAL x)
{
    VREAL e = OF(exp_nonpositive)(OF(minus_magnitude)(x));
    VREAL negative_part = OF(select)(x < (REAL)0, x, OF(splat)((REAL)0));
    return negative_part - OF(log1p_fraction)(e);
}
