/* Type names and constants that make the headers included next float64 code; real_end.h undefines
 * them. Included by rowwise_level.h. */
#define REAL double
#define REAL_IS_FLOAT 0
#define VREAL vdouble
#define VBITS vlong
#define BITS int64_t
#define LANES DOUBLE_LANES
#define OF(identifier) NAME(FASTCE_PASTE(identifier, _f64))
#define REAL_MAX DBL_MAX
#define MANTISSA_BITS 52

/* exp: magic = 1.5 * 2^52 + 1023 + 512, as in real_float.h. */
#define EXP_LOWEST -746.0
#define EXP_MAGIC 6755399441057279.0
#define EXP_UNSCALE 0x1p-512
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fefa2p-1
#define LN2_LOW 0x1.9ef35793c7673p-41
/* exp(r) = 1 + r + r^2 q(r), |r| <= ln(2)/2, error 3.4e-18 (Remez exchange); q from its highest
 * power down */
#define EXP_COEFFICIENTS                                                                           \
    {0x1.af85b5afb6d23p-26, 0x1.28b072972517cp-22, 0x1.71dddfae5c346p-19, 0x1.a01996680b8d1p-16,   \
     0x1.a01a01baefc03p-13, 0x1.6c16c185b6fc7p-10, 0x1.111111110d611p-7,  0x1.555555554ffeap-5,    \
     0x1.5555555555561p-3,  0x1.000000000000cp-1}
/* log(1+f) = f - f^2/2 + z (f^2/2 + w p(w)), z = f/(2+f), w = z^2, error 2.5e-18 relative to w */
#define LOG_POLYNOMIAL(w)                                                                          \
    (0x1.5555555555592p-1 +                                                                        \
     (w) * (0x1.999999997ffd9p-2 +                                                                 \
            (w) * (0x1.24924941e0940p-2 +                                                          \
                   (w) * (0x1.c71c520efe3fcp-3 +                                                   \
                          (w) * (0x1.74663eff49916p-3 +                                            \
                                 (w) * (0x1.39a19e1adab1ep-3 + (w) * 0x1.2f0765b09a54ep-3))))))
/* log1p(e) = e + e^2 p(e), 0 <= e <= 1, relative error 9e-18. The fourth coefficient is one ULP
 * away from the Remez result, so that log1p(1) is log(2) correctly rounded. */
#define LOG1P_COEFFICIENTS                                                                         \
    {0x1.a420f631af7bbp-16, -0x1.2ed5ef2c393d8p-12, 0x1.9ea2c85a0d313p-10, -0x1.68968aff7dd5cp-8,  \
     0x1.c2c3e3b09f32ap-7,  -0x1.b432153726788p-6,  0x1.596dad2f60a46p-5,  -0x1.d61fb27631dbfp-5,  \
     0x1.1fddb302bcf66p-4,  -0x1.4ad860bfc3312p-4,  0x1.711cf2b7ef6f3p-4,  -0x1.98cd2f4e9fe65p-4,  \
     0x1.c6f55516a5652p-4,  -0x1.fffa4ca322970p-4,  0x1.2491fa7af934ep-3,  -0x1.55554f4f18158p-3,  \
     0x1.9999994a62ae5p-3,  -0x1.fffffffd7fd2dp-3,  0x1.555555554ff6dp-2,  -0x1.fffffffffff6dp-2}
#define SQRT_HALF_BITS 0x3fe6a09e667f3bcd
#define EXPONENT_BIAS 1023
#define SIGN_BIT INT64_MIN
/* 1.5 * 2^MANTISSA_BITS */
#define INTEGER_MAGIC 6755399441055744.0
#define INTEGER_MAGIC_BITS 0x4338000000000000
