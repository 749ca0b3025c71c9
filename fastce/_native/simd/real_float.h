/* Type names and constants that make the headers included next float32 code; real_end.h undefines
 * them. Included by rowwise_level.h. */
#define REAL float
#define REAL_IS_FLOAT 1
#define VREAL vfloat
#define VBITS vint
#define BITS int32_t
#define LANES FLOAT_LANES
#define OF(identifier) NAME(FASTCE_PASTE(identifier, _f32))
#define REAL_MAX FLT_MAX
#define MANTISSA_BITS 23

/* exp: magic = 1.5 * 2^23 + 127 + 64 rounds to an integer and symbols n + 127 + 64 in the low bits;
 * the 64 keeps the scale 2^(n+64) a normal number down to the smallest subnormal result. */
#define EXP_LOWEST -104.0f
#define EXP_MAGIC 12583103.0f
#define EXP_UNSCALE 0x1p-64f
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e4p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
/* exp(r) = 1 + r + r^2 q(r), |r| <= ln(2)/2, error 3.1e-9 (Remez exchange); q from its highest
 * power down */
#define EXP_COEFFICIENTS                                                                           \
    {0.0013950544009736288f, 0.00836891785177749f, 0.04166620500976336f, 0.16666518602845978f, 0.5f}
/* log(1+f) = f - f^2/2 + z (f^2/2 + w p(w)), z = f/(2+f), w = z^2, error 1.6e-9 relative to w */
#define LOG_POLYNOMIAL(w)                                                                          \
    (0.6666677637934444f + (w) * (0.39977528419004893f + (w) * 0.2987232894864057f))
/* log1p(e) = e + e^2 p(e), 0 <= e <= 1, relative error 9e-9 */
#define LOG1P_COEFFICIENTS                                                                         \
    {-0.0032440508921346744f, 0.019851571706808745f, -0.056959726223501136f,                       \
     0.10603672895763157f,    -0.15305602381584316f, 0.19675942441668612f,                         \
     -0.2495413427469744f,    0.333299624871627f,    -0.499999024268511f}
#define SQRT_HALF_BITS 0x3f3504f3
#define EXPONENT_BIAS 127
#define SIGN_BIT INT32_MIN
/* 1.5 * 2^MANTISSA_BITS */
#define INTEGER_MAGIC 12582912.0f
#define INTEGER_MAGIC_BITS 0x4b400000
