/* exp, log, log1p, sigmoid and log_sigmoid of a vector of REALs, without a branch.
 * Included by rowwise_level.h.
 *
 * Sources: the reduction of Cody & Waite (1980), "Software Manual for the Elementary Functions";
 * the form of the logarithm of Tang (1990), "Table-driven implementation of the logarithm
 * function", without the table.
 */

/* exp(x) for x <= 0, -inf and NaN; at most 1 ULP, gradual underflow. Every exponent in this library
 * is a logit minus a maximum, or minus a magnitude, so positive exponents never occur and nothing
 * overflows.
 *
 * x = n ln2 + r. LN2_HIGH ends in enough zero bits that n * LN2_HIGH is exact, with and without
 * fused multiply-add.
 */
static const REAL OF(exp_coefficients)[] = EXP_COEFFICIENTS;

/* exp of `count` <= 4 vectors, interleaved step by step. A single chain of dependent operations
 * fills the processor's reorder buffer, so the next vector would hardly start before this one has
 * ended. */
FASTCE_INLINE void OF(exps_nonpositive)(VREAL *x, const int count)
{
    VREAL n[4], r[4], q[4];
#if SIMD_LEVEL != 4
    VREAL rounded[4], lost[4];
#endif
    UNROLL_ALL
    for (int j = 0; j < count; ++j) {
        const VREAL clamped = OF(max)(OF(splat)(EXP_LOWEST), x[j]); /* x second: a NaN passes */
#if SIMD_LEVEL == 4
        /* AVX-512 rounds to an integer and scales by a power of two in one instruction each. */
        n[j] = OF(round)(clamped * LOG2_E);
        r[j] = (clamped - n[j] * LN2_HIGH) - n[j] * LN2_LOW;
#else
        rounded[j] = clamped * LOG2_E + EXP_MAGIC;
        n[j] = rounded[j] - EXP_MAGIC;
        const VREAL coarse = clamped - n[j] * LN2_HIGH;
        r[j] = coarse - n[j] * LN2_LOW;
        lost[j] = (coarse - r[j]) - n[j] * LN2_LOW;
#endif
        q[j] = OF(splat)(OF(exp_coefficients)[0]);
    }
    UNROLL_ALL
    for (int i = 1; i < (int)(sizeof OF(exp_coefficients) / sizeof(REAL)); ++i)
        UNROLL_ALL
    for (int j = 0; j < count; ++j)
        q[j] = q[j] * r[j] + OF(exp_coefficients)[i];
    UNROLL_ALL
    for (int j = 0; j < count; ++j) {
#if SIMD_LEVEL == 4
        x[j] = OF(scale)((q[j] * r[j] + (REAL)1) * r[j] + (REAL)1, n[j]);
#else
        const VREAL p = (VREAL)(r[j] + ((r[j] * r[j]) * q[j] + lost[j])) + (REAL)1;
        const VREAL scale = OF(from_bits)(OF(shift_left)(OF(bits)(rounded[j]), MANTISSA_BITS));
        x[j] = p * scale * EXP_UNSCALE; /* the last product rounds once, also into the subnormals */
#endif
    }
}

FASTCE_INLINE VREAL OF(exp_nonpositive)(VREAL x)
{
    OF(exps_nonpositive)(&x, 1);
    return x;
}

/* log(one + u), one = 1 or 0: one + u = 2^k (1 + f). f = (u - (2^k - one)) / 2^k is nearly exact,
 * since 1 + u is not formed. */
FASTCE_INLINE VREAL OF(log_of_sum)(const REAL one, VREAL u)
{
    VBITS k = (OF(bits)(u + one) - (BITS)SQRT_HALF_BITS) >> MANTISSA_BITS;
    VREAL power = OF(from_bits)(OF(shift_left)(k + (BITS)EXPONENT_BIAS, MANTISSA_BITS));
    VREAL inverse = OF(from_bits)(OF(shift_left)((BITS)EXPONENT_BIAS - k, MANTISSA_BITS));
    VREAL f = (u - (power - one)) * inverse;
    VREAL n = OF(from_bits)(k + (BITS)INTEGER_MAGIC_BITS) -
              INTEGER_MAGIC; /* integer to REAL, for small integers */
    VREAL half_square = f * f * (REAL)0.5;
    VREAL z = f / (f + (REAL)2);
    VREAL w = z * z;
    VREAL tail = z * (half_square + w * LOG_POLYNOMIAL(w)) + n * LN2_LOW;
    return n * LN2_HIGH + (f - (half_square - tail));
}

/* log1p(u), 0 <= u < 2^100. */
FASTCE_INLINE VREAL OF(log1p_nonnegative)(VREAL u) { return OF(log_of_sum)((REAL)1, u); }

/* log(x), 0 <= x < 2^100; numbers below 2^-60, which may be subnormal, are scaled by 2^64 first. */
FASTCE_INLINE void OF(logs_nonnegative)(VREAL *x, const int count)
{
    const VREAL zero = OF(splat)((REAL)0);
    for (int j = 0; j < count; ++j) {
        const VREAL raised = OF(select)(x[j] < (REAL)0x1p-60, x[j] * (REAL)0x1p64, x[j]);
        const VREAL lowered =
            OF(select)(x[j] < (REAL)0x1p-60, OF(splat)((REAL)44.361419555836499803), zero);
        const VREAL log = OF(log_of_sum)((REAL)0, raised) - lowered;
        x[j] = OF(select)(x[j] == zero, OF(splat)((REAL)-INFINITY), log);
    }
}

static const REAL OF(log1p_coefficients)[] = LOG1P_COEFFICIENTS;

/* log = log1p(e), 0 <= e <= 1, as one polynomial: no exponent to extract, and no division. */
FASTCE_INLINE void OF(log1p_fractions)(const VREAL *e, VREAL *log, const int count)
{
    VREAL q[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        q[j] = OF(splat)(OF(log1p_coefficients)[0]);
    UNROLL_ALL
    for (int i = 1; i < (int)(sizeof OF(log1p_coefficients) / sizeof(REAL)); ++i)
        UNROLL_ALL
    for (int j = 0; j < count; ++j)
        q[j] = q[j] * e[j] + OF(log1p_coefficients)[i];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        log[j] = e[j] + (e[j] * e[j]) * q[j];
}

FASTCE_INLINE VREAL OF(minus_magnitude)(VREAL x)
{
    return OF(from_bits)(OF(bits)(x) | (BITS)SIGN_BIT);
}

/* 1 / (1 + exp(-x)), written with exp(-|x|) so that neither tail cancels. */
FASTCE_INLINE void OF(sigmoids)(VREAL *x, const int count)
{
    VREAL e[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        e[j] = OF(minus_magnitude)(x[j]);
    OF(exps_nonpositive)(e, count);
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        x[j] = OF(select)(x[j] < (REAL)0, e[j], OF(splat)((REAL)1)) / (e[j] + (REAL)1);
}

/* min(x, 0) - log1p(exp(-|x|)). */
FASTCE_INLINE void OF(log_sigmoids)(VREAL *x, const int count)
{
    VREAL e[4], log[4];
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        e[j] = OF(minus_magnitude)(x[j]);
    OF(exps_nonpositive)(e, count);
    OF(log1p_fractions)(e, log, count);
    UNROLL_ALL
    for (int j = 0; j < count; ++j)
        x[j] = OF(select)(x[j] < (REAL)0, x[j], OF(splat)((REAL)0)) - log[j];
}
