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
FASTCE_INLINE VREAL OF(exp_nonpositive)(VREAL x)
{
    VREAL clamped = OF(max)(OF(splat)(EXP_LOWEST), x); /* x second: a NaN passes */
    VREAL rounded = clamped * LOG2_E + EXP_MAGIC;
    VREAL n = rounded - EXP_MAGIC;
    VREAL coarse = clamped - n * LN2_HIGH;
    VREAL r = coarse - n * LN2_LOW;
    VREAL lost = (coarse - r) - n * LN2_LOW;
    VREAL r2 = r * r;
    VREAL p = (VREAL)(r + (r2 * EXP_POLYNOMIAL(r, r2) + lost)) + (REAL)1;
    VREAL scale = OF(from_bits)(OF(bits)(rounded) << MANTISSA_BITS);
    return p * scale * EXP_UNSCALE; /* the last product rounds once, also into the subnormals */
}

/* log1p(s) for finite s >= 0. u = 1 + s = 2^n (1 + f), and `lost` = what the rounding of u dropped, over u. */
FASTCE_INLINE VREAL OF(log1p_nonnegative)(VREAL s)
{
    VREAL u = s + (REAL)1;
    VREAL back = u - (REAL)1;
    VREAL lost = ((s - back) + ((REAL)1 - (u - back))) / u;
    VBITS bits = OF(bits)(u);
    VBITS n_bits = (bits - (BITS)SQRT_HALF_BITS) >> MANTISSA_BITS;
    VREAL f = OF(from_bits)(bits - (n_bits << MANTISSA_BITS)) - (REAL)1;
    VREAL n = OF(from_bits)(n_bits + (BITS)INTEGER_MAGIC_BITS) - INTEGER_MAGIC; /* integer to REAL, for small integers */
    VREAL half_square = f * f * (REAL)0.5;
    VREAL z = f / (f + (REAL)2);
    VREAL w = z * z;
    VREAL tail = z * (half_square + w * LOG_POLYNOMIAL(w)) + (n * LN2_LOW + lost);
    return n * LN2_HIGH + (f - (half_square - tail));
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
    return negative_part - OF(log1p_nonnegative)(e);
}
