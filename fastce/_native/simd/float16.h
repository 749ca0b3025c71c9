// float16 and bfloat16 of a level, from operations on bits: what its instructions do not convert.
// The conversions round to nearest, ties to even. Included at the end of every instruction set.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#else

INLINE vec<float> vec<float>::load(const bfloat16 *p)
{
    return from_bits(shift_left<16>(vec<int32_t>::load(&p->bits)));
}

INLINE void vec<float>::store(bfloat16 *p) const
{
    const vec<int32_t> bits = bits_of(*this), odd = shift_right<16>(bits) & vec<int32_t>(1);
    const vec<int32_t> rounded = shift_right<16>(bits + odd + vec<int32_t>(0x7fff));
    const vec<int32_t> quiet_nan = shift_right<16>(bits) | vec<int32_t>(0x40);
    select(*this != *this, quiet_nan, rounded).store(&p->bits);
}

// The bits of the float with the value of a float16, given its bits.
template <class I> INLINE I float_bits_of_half(I bits)
{
    const I shifted = shift_left<13>(bits & I(0x7fff)), exponent = shifted & I(0x7c00 << 13);
    const I normal = shifted + I((127 - 15) << 23), special = normal + I((128 - 16) << 23);
    // a subnormal number gets the exponent of 2^-14, and this much is taken off again
    const I subnormal = bits_of(from_bits(normal + I(1 << 23)) - from_bits(I(113 << 23)));
    I result = select(exponent == I(0x7c00 << 13), special, normal);
    result = select(exponent == I(0), subnormal, result);
    return result | shift_left<16>(bits & I(0x8000));
}

// The bits of the float16 nearest to a float, given its bits.
template <class I> INLINE I half_bits_of_float(I bits)
{
    const I sign = bits & I(INT32_MIN), magnitude = bits - sign;
    const I odd = shift_right<13>(magnitude) & I(1);
    const I normal = shift_right<13>(magnitude + odd + I(((15 - 127) * (1 << 23)) + 0xfff));
    // the addition of 1/2 rounds a subnormal number at its last bit
    const I half_bits = I(126 << 23);
    const I subnormal = bits_of(from_bits(magnitude) + from_bits(half_bits)) - half_bits;
    I result = select(magnitude > I((113 << 23) - 1), normal, subnormal);
    result = select(magnitude > I((143 << 23) - 1), I(0x7c00), result);
    result = select(magnitude > I(0x7f800000), I(0x7e00), result);
    return result | shift_right<16>(sign);
}

template <class E> INLINE vec<float> vec<float>::load_or(const E *p, ptrdiff_t count, float fill)
{
    E some[lanes] = {};
    float lane[lanes];
    for (ptrdiff_t i = 0; i < count; ++i)
        some[i] = p[i];
    load(some).store(lane);
    for (ptrdiff_t i = count; i < lanes; ++i)
        lane[i] = fill;
    return load(lane);
}

template <class E> INLINE void vec<float>::store_first(E *p, ptrdiff_t count) const
{
    E lane[lanes];
    store(lane);
    for (ptrdiff_t i = 0; i < count; ++i)
        p[i] = lane[i];
}
#endif
