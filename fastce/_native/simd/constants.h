// What the elementary functions of elementary.h are made of, for float and double.
#pragma once
#include "target.h"

namespace fastce
{
template <class T> struct constants;

template <> struct constants<float> {
    using integer = int32_t;
    static constexpr float infinity = std::numeric_limits<float>::infinity();
    static constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    static constexpr float largest = FLT_MAX;
    static constexpr int mantissa_bits = 23;
    static constexpr integer one_bits = 0x3f800000, exponent_bias = 127, sign_bit = INT32_MIN;
    static constexpr integer exponent_mask = static_cast<integer>(0xff800000u);
    // exp: magic = 1.5 * 2^23 + 127 + 64 rounds to an integer and leaves n + 127 + 64 in the low
    // bits; the 64 keeps the scale 2^(n+64) a normal number down to the smallest subnormal result.
    static constexpr float exp_lowest = -104.0f, exp_magic = 12583103.0f, exp_unscale = 0x1p-64f;
    static constexpr float log2_e = 0x1.715476p+0f;
    static constexpr float ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    // exp(r) = 1 + r + r^2 q(r), |r| <= ln(2)/2, error 3.1e-9 (Remez exchange); the coefficients of
    // q from its highest power down
    static constexpr int exp_terms = 5;
    static constexpr float exp[exp_terms] = {0.0013950544009736288f, 0.00836891785177749f,
                                             0.04166620500976336f, 0.16666518602845978f, 0.5f};
    // log(1+f) = f - f^2/2 + z (f^2/2 + w p(w)), z = f/(2+f), w = z^2, error 1.6e-9 relative to w
    static constexpr int log_terms = 3;
    static constexpr float log[log_terms] = {0.2987232894864057f, 0.39977528419004893f,
                                             0.6666677637934444f};
    // log1p(e) = e + e^2 p(e), 0 <= e <= 1, relative error 9e-9
    static constexpr int log1p_terms = 9;
    static constexpr float log1p[log1p_terms] = {
        -0.0032440508921346744f, 0.019851571706808745f, -0.056959726223501136f,
        0.10603672895763157f,    -0.15305602381584316f, 0.19675942441668612f,
        -0.2495413427469744f,    0.333299624871627f,    -0.499999024268511f};
    static constexpr integer sqrt_half_bits = 0x3f3504f3;
    // 1.5 * 2^mantissa_bits: an integer in the low bits of its bits is an integer less it.
    static constexpr float integer_magic = 12582912.0f;
    static constexpr integer integer_magic_bits = 0x4b400000;
};

template <> struct constants<double> {
    using integer = int64_t;
    static constexpr double infinity = std::numeric_limits<double>::infinity();
    static constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    static constexpr double largest = DBL_MAX;
    static constexpr int mantissa_bits = 52;
    static constexpr integer one_bits = 0x3ff0000000000000, exponent_bias = 1023;
    static constexpr integer sign_bit = INT64_MIN;
    static constexpr integer exponent_mask = static_cast<integer>(0xfff0000000000000u);
    // exp: magic = 1.5 * 2^52 + 1023 + 512, as for float
    static constexpr double exp_lowest = -746.0, exp_magic = 6755399441057279.0;
    static constexpr double exp_unscale = 0x1p-512;
    static constexpr double log2_e = 0x1.71547652b82fep+0;
    static constexpr double ln2_high = 0x1.62e42fefa2p-1, ln2_low = 0x1.9ef35793c7673p-41;
    // error 3.4e-18
    static constexpr int exp_terms = 10;
    static constexpr double exp[exp_terms] = {
        0x1.af85b5afb6d23p-26, 0x1.28b072972517cp-22, 0x1.71dddfae5c346p-19, 0x1.a01996680b8d1p-16,
        0x1.a01a01baefc03p-13, 0x1.6c16c185b6fc7p-10, 0x1.111111110d611p-7,  0x1.555555554ffeap-5,
        0x1.5555555555561p-3,  0x1.000000000000cp-1};
    // error 2.5e-18 relative to w
    static constexpr int log_terms = 7;
    static constexpr double log[log_terms] = {
        0x1.2f0765b09a54ep-3, 0x1.39a19e1adab1ep-3, 0x1.74663eff49916p-3, 0x1.c71c520efe3fcp-3,
        0x1.24924941e0940p-2, 0x1.999999997ffd9p-2, 0x1.5555555555592p-1};
    // relative error 9e-18. The fourth coefficient is one ULP away
    // from the Remez result, so that log1p(1) is log(2) correctly rounded.
    static constexpr int log1p_terms = 20;
    static constexpr double log1p[log1p_terms] = {
        0x1.a420f631af7bbp-16, -0x1.2ed5ef2c393d8p-12, 0x1.9ea2c85a0d313p-10,
        -0x1.68968aff7dd5cp-8, 0x1.c2c3e3b09f32ap-7,   -0x1.b432153726788p-6,
        0x1.596dad2f60a46p-5,  -0x1.d61fb27631dbfp-5,  0x1.1fddb302bcf66p-4,
        -0x1.4ad860bfc3312p-4, 0x1.711cf2b7ef6f3p-4,   -0x1.98cd2f4e9fe65p-4,
        0x1.c6f55516a5652p-4,  -0x1.fffa4ca322970p-4,  0x1.2491fa7af934ep-3,
        -0x1.55554f4f18158p-3, 0x1.9999994a62ae5p-3,   -0x1.fffffffd7fd2dp-3,
        0x1.555555554ff6dp-2,  -0x1.fffffffffff6dp-2};
    static constexpr integer sqrt_half_bits = 0x3fe6a09e667f3bcd;
    static constexpr double integer_magic = 6755399441055744.0;
    static constexpr integer integer_magic_bits = 0x4338000000000000;
};
} // namespace fastce
