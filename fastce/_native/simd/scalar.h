// One number at a time, for processors without a set of their own, and for tests. Included by
// levels.h.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#endif
constexpr bool has_masks = false, has_scale = false, has_permute = false;
constexpr int vector_bytes = 8, registers = 16;
template <class T> struct vec;

struct mask32 {
    bool v;
    mask32() = default;
    INLINE mask32(bool m) : v(m) {}
    INLINE friend mask32 operator&(mask32 a, mask32 b) { return a.v && b.v; }
    INLINE friend mask32 operator|(mask32 a, mask32 b) { return a.v || b.v; }
    INLINE friend unsigned lane_bits(mask32 m) { return m.v; }
};

struct mask64 {
    bool v;
    mask64() = default;
    INLINE mask64(bool m) : v(m) {}
    INLINE friend mask64 operator&(mask64 a, mask64 b) { return a.v && b.v; }
    INLINE friend mask64 operator|(mask64 a, mask64 b) { return a.v || b.v; }
    INLINE friend unsigned lane_bits(mask64 m) { return m.v; }
};

template <> struct vec<int32_t> {
    using T = int32_t;
    using mask = mask32;
    static constexpr int lanes = 1;
    T v;
    vec() = default;
    INLINE vec(T s) : v(s) {}
    INLINE static vec load(const T *p) { return *p; }
    INLINE void store(T *p) const { *p = v; }
    // 16 bits are widened with zeros, and the lower 16 bits of a lane are stored
    INLINE static vec load(const uint16_t *p) { return static_cast<T>(*p); }
    INLINE void store(uint16_t *p) const { *p = static_cast<uint16_t>(v); }
    INLINE friend vec operator+(vec a, vec b)
    {
        return static_cast<T>(static_cast<uint32_t>(a.v) + static_cast<uint32_t>(b.v));
    }
    INLINE friend vec operator-(vec a, vec b)
    {
        return static_cast<T>(static_cast<uint32_t>(a.v) - static_cast<uint32_t>(b.v));
    }
    INLINE friend vec operator&(vec a, vec b) { return a.v & b.v; }
    INLINE friend vec operator|(vec a, vec b) { return a.v | b.v; }
    INLINE friend mask operator==(vec a, vec b) { return a.v == b.v; }
    INLINE friend mask operator>(vec a, vec b) { return a.v > b.v; }
    INLINE friend vec select(mask m, vec yes, vec no) { return m.v ? yes : no; }
};

template <> struct vec<int64_t> {
    using T = int64_t;
    using mask = mask64;
    static constexpr int lanes = 1;
    T v;
    vec() = default;
    INLINE vec(T s) : v(s) {}
    INLINE static vec load(const T *p) { return *p; }
    INLINE void store(T *p) const { *p = v; }
    INLINE friend vec operator+(vec a, vec b)
    {
        return static_cast<T>(static_cast<uint64_t>(a.v) + static_cast<uint64_t>(b.v));
    }
    INLINE friend vec operator-(vec a, vec b)
    {
        return static_cast<T>(static_cast<uint64_t>(a.v) - static_cast<uint64_t>(b.v));
    }
    INLINE friend vec operator&(vec a, vec b) { return a.v & b.v; }
    INLINE friend vec operator|(vec a, vec b) { return a.v | b.v; }
};

template <> struct vec<double> {
    using T = double;
    using mask = mask64;
    static constexpr int lanes = 1;
    static constexpr int transpose_from = 1 << 30; // never
    T v;
    vec() = default;
    INLINE vec(T s) : v(s) {}
    INLINE static vec load(const T *p) { return *p; }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill) { return count > 0 ? *p : fill; }
    INLINE void store(T *p) const { *p = v; }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        if (count > 0)
            *p = v;
    }
    // float32 entries are widened as they are loaded
    INLINE static vec load(const float *p) { return static_cast<T>(*p); }
    INLINE static vec load_or(const float *p, ptrdiff_t count, T fill)
    {
        return count > 0 ? static_cast<T>(*p) : fill;
    }
    INLINE friend vec operator+(vec a, vec b) { return a.v + b.v; }
    INLINE friend vec operator-(vec a, vec b) { return a.v - b.v; }
    INLINE friend vec operator*(vec a, vec b) { return a.v * b.v; }
    INLINE friend vec operator/(vec a, vec b) { return a.v / b.v; }
    // a + b c and a - b c
    INLINE friend vec add_product(vec a, vec b, vec c) { return a.v + b.v * c.v; }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return a.v - b.v * c.v; }
    // a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return a.v > b.v ? a.v : b.v; }
    INLINE friend vec min(vec a, vec b) { return a.v < b.v ? a.v : b.v; }
    INLINE friend mask operator<(vec a, vec b) { return a.v < b.v; }
    INLINE friend mask operator>(vec a, vec b) { return a.v > b.v; }
    INLINE friend mask operator<=(vec a, vec b) { return a.v <= b.v; }
    INLINE friend mask operator>=(vec a, vec b) { return a.v >= b.v; }
    INLINE friend mask operator==(vec a, vec b) { return a.v == b.v; }
    INLINE friend mask operator!=(vec a, vec b) { return a.v != b.v; }
    INLINE friend vec select(mask m, vec yes, vec no) { return m.v ? yes : no; }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term) { return m.v ? sum + term : sum; }
    // The number of lanes in which masks hold.
    struct counter {
        ptrdiff_t n;
        INLINE counter() : n(0) {}
        INLINE void add(mask m) { n += m.v; }
        INLINE ptrdiff_t total() const { return n; }
    };
    INLINE friend T max_lanes(vec a) { return a.v; }
    INLINE friend T sum_lanes(vec a) { return a.v; }
    INLINE friend void transpose_tile(vec (&)[lanes]) {}
};

template <> struct vec<float> {
    using T = float;
    using mask = mask32;
    static constexpr int lanes = 1;
    static constexpr int transpose_from = 1 << 30; // never
    T v;
    vec() = default;
    INLINE vec(T s) : v(s) {}
    INLINE static vec load(const T *p) { return *p; }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill) { return count > 0 ? *p : fill; }
    INLINE void store(T *p) const { *p = v; }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        if (count > 0)
            *p = v;
    }
    INLINE static vec load(const half *p);
    INLINE void store(half *p) const;
    INLINE static vec load(const bfloat16 *p);
    INLINE void store(bfloat16 *p) const;
    template <class E> INLINE static vec load_or(const E *p, ptrdiff_t count, T fill);
    template <class E> INLINE void store_first(E *p, ptrdiff_t count) const;
    INLINE friend vec operator+(vec a, vec b) { return a.v + b.v; }
    INLINE friend vec operator-(vec a, vec b) { return a.v - b.v; }
    INLINE friend vec operator*(vec a, vec b) { return a.v * b.v; }
    INLINE friend vec operator/(vec a, vec b) { return a.v / b.v; }
    // a + b c and a - b c
    INLINE friend vec add_product(vec a, vec b, vec c) { return a.v + b.v * c.v; }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return a.v - b.v * c.v; }
    // a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return a.v > b.v ? a.v : b.v; }
    INLINE friend vec min(vec a, vec b) { return a.v < b.v ? a.v : b.v; }
    INLINE friend mask operator<(vec a, vec b) { return a.v < b.v; }
    INLINE friend mask operator>(vec a, vec b) { return a.v > b.v; }
    INLINE friend mask operator<=(vec a, vec b) { return a.v <= b.v; }
    INLINE friend mask operator>=(vec a, vec b) { return a.v >= b.v; }
    INLINE friend mask operator==(vec a, vec b) { return a.v == b.v; }
    INLINE friend mask operator!=(vec a, vec b) { return a.v != b.v; }
    INLINE friend vec select(mask m, vec yes, vec no) { return m.v ? yes : no; }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term) { return m.v ? sum + term : sum; }
    // The number of lanes in which masks hold.
    struct counter {
        ptrdiff_t n;
        INLINE counter() : n(0) {}
        INLINE void add(mask m) { n += m.v; }
        INLINE ptrdiff_t total() const { return n; }
    };
    INLINE friend T max_lanes(vec a) { return a.v; }
    INLINE friend T sum_lanes(vec a) { return a.v; }
    INLINE friend void transpose_tile(vec (&)[lanes]) {}
};

INLINE vec<int32_t> bits_of(vec<float> a)
{
    int32_t bits;
    memcpy(&bits, &a.v, sizeof bits);
    return bits;
}
INLINE vec<float> from_bits(vec<int32_t> a)
{
    float x;
    memcpy(&x, &a.v, sizeof x);
    return x;
}
INLINE vec<int64_t> bits_of(vec<double> a)
{
    int64_t bits;
    memcpy(&bits, &a.v, sizeof bits);
    return bits;
}
INLINE vec<double> from_bits(vec<int64_t> a)
{
    double x;
    memcpy(&x, &a.v, sizeof x);
    return x;
}
// by a constant; from the left, zeros come in
template <int by> INLINE vec<int32_t> shift_left(vec<int32_t> a)
{
    return static_cast<int32_t>(static_cast<uint32_t>(a.v) << by);
}
template <int by> INLINE vec<int32_t> shift_right(vec<int32_t> a)
{
    return static_cast<int32_t>(static_cast<uint32_t>(a.v) >> by);
}
template <int by> INLINE vec<int64_t> shift_left(vec<int64_t> a)
{
    return static_cast<int64_t>(static_cast<uint64_t>(a.v) << by);
}
template <int by> INLINE vec<int64_t> shift_right(vec<int64_t> a)
{
    return static_cast<int64_t>(static_cast<uint64_t>(a.v) >> by);
}
// integers to the nearest float
INLINE vec<float> to_real(vec<int32_t> a) { return static_cast<float>(a.v); }
// one more where m holds
INLINE vec<int32_t> increment_if(mask32 m, vec<int32_t> n) { return n + vec<int32_t>(m.v); }
// the first and the second half of the lanes, in double: there is no second half
INLINE vec<double> widen_low(vec<float> x) { return static_cast<double>(x.v); }
INLINE vec<double> widen_high(vec<float>) { return 0.0; }
INLINE vec<float> narrow(vec<double> low, vec<double>) { return static_cast<float>(low.v); }
// out[i] = sum of the lanes of v[i]
INLINE void sum_lanes_of_four(const vec<double> *v, double *out)
{
    for (int i = 0; i < 4; ++i)
        out[i] = v[i].v;
}
INLINE double add_product(double a, double b, double c) { return a + b * c; }
#include "float16.h"
INLINE vec<float> vec<float>::load(const half *p)
{
    return from_bits(float_bits_of_half(vec<int32_t>::load(&p->bits)));
}
INLINE void vec<float>::store(half *p) const { half_bits_of_float(bits_of(*this)).store(&p->bits); }
