// 16 bytes: what every aarch64 has, with fused multiply-add and conversions of float16. Included by
// levels.h.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#endif
#if defined(SIMD_NEON)
constexpr bool has_masks = false, has_scale = false, has_permute = false;
constexpr int vector_bytes = 16, registers = 32;
template <class T> struct vec;

struct mask32 {
    uint32x4_t v;
    mask32() = default;
    INLINE mask32(uint32x4_t m) : v(m) {}
    INLINE friend mask32 operator&(mask32 a, mask32 b) { return vandq_u32(a.v, b.v); }
    INLINE friend mask32 operator|(mask32 a, mask32 b) { return vorrq_u32(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask32 m)
    {
        static const int32_t shifts[4] = {0, 1, 2, 3};
        return vaddvq_u32(vshlq_u32(vshrq_n_u32(m.v, 31), vld1q_s32(shifts)));
    }
};

struct mask64 {
    uint64x2_t v;
    mask64() = default;
    INLINE mask64(uint64x2_t m) : v(m) {}
    INLINE friend mask64 operator&(mask64 a, mask64 b) { return vandq_u64(a.v, b.v); }
    INLINE friend mask64 operator|(mask64 a, mask64 b) { return vorrq_u64(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask64 m)
    {
        return static_cast<unsigned>((vgetq_lane_u64(m.v, 0) & 1) | (vgetq_lane_u64(m.v, 1) & 2));
    }
};

template <> struct vec<int32_t> {
    using T = int32_t;
    using mask = mask32;
    static constexpr int lanes = 4;
    int32x4_t v;
    vec() = default;
    INLINE vec(int32x4_t r) : v(r) {}
    INLINE vec(T s) : v(vdupq_n_s32(s)) {}
    INLINE static vec load(const T *p) { return vld1q_s32(p); }
    INLINE void store(T *p) const { vst1q_s32(p, v); }
    // 16 bits are widened with zeros, and the lower 16 bits of a lane are stored
    INLINE static vec load(const uint16_t *p)
    {
        return vreinterpretq_s32_u32(vmovl_u16(vld1_u16(p)));
    }
    INLINE void store(uint16_t *p) const { vst1_u16(p, vmovn_u32(vreinterpretq_u32_s32(v))); }
    INLINE friend vec operator+(vec a, vec b) { return vaddq_s32(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return vsubq_s32(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return vandq_s32(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return vorrq_s32(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return vceqq_s32(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return vcgtq_s32(a.v, b.v); }
    INLINE friend vec select(mask m, vec yes, vec no) { return vbslq_s32(m.v, yes.v, no.v); }
};

template <> struct vec<int64_t> {
    using T = int64_t;
    using mask = mask64;
    static constexpr int lanes = 2;
    int64x2_t v;
    vec() = default;
    INLINE vec(int64x2_t r) : v(r) {}
    INLINE vec(T s) : v(vdupq_n_s64(s)) {}
    INLINE static vec load(const T *p) { return vld1q_s64(p); }
    INLINE void store(T *p) const { vst1q_s64(p, v); }
    INLINE friend vec operator+(vec a, vec b) { return vaddq_s64(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return vsubq_s64(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return vandq_s64(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return vorrq_s64(a.v, b.v); }
};

template <> struct vec<double> {
    using T = double;
    using mask = mask64;
    static constexpr int lanes = 2;
    // The fewest classes for which tiles are transposed in registers; that of SSE2.
    static constexpr int transpose_from = 2;
    float64x2_t v;
    vec() = default;
    INLINE vec(float64x2_t r) : v(r) {}
    INLINE vec(T s) : v(vdupq_n_f64(s)) {}
    INLINE static vec load(const T *p) { return vld1q_f64(p); }
    NOINLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        T lane[lanes];
        for (int i = 0; i < lanes; ++i)
            lane[i] = i < count ? p[i] : fill;
        return load(lane);
    }
    INLINE void store(T *p) const { vst1q_f64(p, v); }
    // the vector as a value, for an object whose address is taken does not stay in a register
    NOINLINE static void store_lanes(T *p, float64x2_t lanes_of, ptrdiff_t count)
    {
        T lane[lanes];
        vec(lanes_of).store(lane);
        for (ptrdiff_t i = 0; i < count; ++i)
            p[i] = lane[i];
    }
    INLINE void store_first(T *p, ptrdiff_t count) const { store_lanes(p, v, count); }
    // float32 entries are widened as they are loaded
    INLINE static vec load(const float *p) { return vcvt_f64_f32(vld1_f32(p)); }
    INLINE static vec load_or(const float *p, ptrdiff_t count, T fill)
    {
        T lane[lanes];
        for (int i = 0; i < lanes; ++i)
            lane[i] = i < count ? static_cast<T>(p[i]) : fill;
        return load(lane);
    }
    INLINE friend vec operator+(vec a, vec b) { return vaddq_f64(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return vsubq_f64(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return vmulq_f64(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return vdivq_f64(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return vfmaq_f64(a.v, b.v, c.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return vfmsq_f64(a.v, b.v, c.v); }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return select(a > b, a, b); }
    INLINE friend vec min(vec a, vec b) { return select(a < b, a, b); }
    INLINE friend mask operator<(vec a, vec b) { return vcltq_f64(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return vcgtq_f64(a.v, b.v); }
    INLINE friend mask operator<=(vec a, vec b) { return vcleq_f64(a.v, b.v); }
    INLINE friend mask operator>=(vec a, vec b) { return vcgeq_f64(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return vceqq_f64(a.v, b.v); }
    INLINE friend mask operator!=(vec a, vec b)
    {
        return vreinterpretq_u64_u32(vmvnq_u32(vreinterpretq_u32_u64(vceqq_f64(a.v, b.v))));
    }
    INLINE friend vec select(mask m, vec yes, vec no) { return vbslq_f64(m.v, yes.v, no.v); }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(vreinterpretq_f64_u64(vandq_u64(vreinterpretq_u64_f64(term.v), m.v)));
    }
    // The number of lanes in which masks hold, at most 2^63 in one lane.
    struct counter {
        uint64x2_t n;
        INLINE counter() : n(vdupq_n_u64(0)) {}
        INLINE void add(mask m) { n = vsubq_u64(n, m.v); }
        INLINE ptrdiff_t total() const { return static_cast<ptrdiff_t>(vaddvq_u64(n)); }
    };
    // over the lanes, none of which is NaN
    INLINE friend T max_lanes(vec a) { return vmaxvq_f64(a.v); }
    INLINE friend T sum_lanes(vec a) { return vaddvq_f64(a.v); }
    // r[i] lane j becomes r[j] lane i
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        const vec low = vzip1q_f64(r[0].v, r[1].v);
        r[1] = vzip2q_f64(r[0].v, r[1].v);
        r[0] = low;
    }
};

template <> struct vec<float> {
    using T = float;
    using mask = mask32;
    static constexpr int lanes = 4;
    // The fewest classes for which tiles are transposed in registers; that of SSE2.
    static constexpr int transpose_from = 4;
    float32x4_t v;
    vec() = default;
    INLINE vec(float32x4_t r) : v(r) {}
    INLINE vec(T s) : v(vdupq_n_f32(s)) {}
    INLINE static vec load(const T *p) { return vld1q_f32(p); }
    NOINLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        T lane[lanes];
        for (int i = 0; i < lanes; ++i)
            lane[i] = i < count ? p[i] : fill;
        return load(lane);
    }
    INLINE void store(T *p) const { vst1q_f32(p, v); }
    // the vector as a value, for an object whose address is taken does not stay in a register
    NOINLINE static void store_lanes(T *p, float32x4_t lanes_of, ptrdiff_t count)
    {
        T lane[lanes];
        vec(lanes_of).store(lane);
        for (ptrdiff_t i = 0; i < count; ++i)
            p[i] = lane[i];
    }
    INLINE void store_first(T *p, ptrdiff_t count) const { store_lanes(p, v, count); }
    INLINE static vec load(const half *p)
    {
        return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(&p->bits)));
    }
    INLINE void store(half *p) const { vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
    INLINE static vec load(const bfloat16 *p);
    INLINE void store(bfloat16 *p) const;
    template <class E> INLINE static vec load_or(const E *p, ptrdiff_t count, T fill);
    template <class E> INLINE void store_first(E *p, ptrdiff_t count) const;
    INLINE friend vec operator+(vec a, vec b) { return vaddq_f32(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return vsubq_f32(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return vmulq_f32(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return vdivq_f32(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return vfmaq_f32(a.v, b.v, c.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return vfmsq_f32(a.v, b.v, c.v); }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return select(a > b, a, b); }
    INLINE friend vec min(vec a, vec b) { return select(a < b, a, b); }
    INLINE friend mask operator<(vec a, vec b) { return vcltq_f32(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return vcgtq_f32(a.v, b.v); }
    INLINE friend mask operator<=(vec a, vec b) { return vcleq_f32(a.v, b.v); }
    INLINE friend mask operator>=(vec a, vec b) { return vcgeq_f32(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return vceqq_f32(a.v, b.v); }
    INLINE friend mask operator!=(vec a, vec b) { return vmvnq_u32(vceqq_f32(a.v, b.v)); }
    INLINE friend vec select(mask m, vec yes, vec no) { return vbslq_f32(m.v, yes.v, no.v); }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(term.v), m.v)));
    }
    // The number of lanes in which masks hold, at most 2^31 in one lane.
    struct counter {
        uint32x4_t n;
        INLINE counter() : n(vdupq_n_u32(0)) {}
        INLINE void add(mask m) { n = vsubq_u32(n, m.v); }
        INLINE ptrdiff_t total() const { return static_cast<ptrdiff_t>(vaddlvq_u32(n)); }
    };
    // over the lanes, none of which is NaN
    INLINE friend T max_lanes(vec a) { return vmaxvq_f32(a.v); }
    INLINE friend T sum_lanes(vec a)
    {
        const float32x2_t two = vadd_f32(vget_low_f32(a.v), vget_high_f32(a.v));
        return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        const float32x4_t a = vzip1q_f32(r[0].v, r[2].v), b = vzip2q_f32(r[0].v, r[2].v);
        const float32x4_t c = vzip1q_f32(r[1].v, r[3].v), d = vzip2q_f32(r[1].v, r[3].v);
        r[0] = vzip1q_f32(a, c);
        r[1] = vzip2q_f32(a, c);
        r[2] = vzip1q_f32(b, d);
        r[3] = vzip2q_f32(b, d);
    }
};

INLINE vec<int32_t> bits_of(vec<float> a) { return vreinterpretq_s32_f32(a.v); }
INLINE vec<float> from_bits(vec<int32_t> a) { return vreinterpretq_f32_s32(a.v); }
INLINE vec<int64_t> bits_of(vec<double> a) { return vreinterpretq_s64_f64(a.v); }
INLINE vec<double> from_bits(vec<int64_t> a) { return vreinterpretq_f64_s64(a.v); }
// by a constant; from the left, zeros come in
template <int by> INLINE vec<int32_t> shift_left(vec<int32_t> a) { return vshlq_n_s32(a.v, by); }
template <int by> INLINE vec<int32_t> shift_right(vec<int32_t> a)
{
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a.v), by));
}
template <int by> INLINE vec<int64_t> shift_left(vec<int64_t> a) { return vshlq_n_s64(a.v, by); }
template <int by> INLINE vec<int64_t> shift_right(vec<int64_t> a)
{
    return vreinterpretq_s64_u64(vshrq_n_u64(vreinterpretq_u64_s64(a.v), by));
}
// integers to the nearest float
INLINE vec<float> to_real(vec<int32_t> a) { return vcvtq_f32_s32(a.v); }
// one more where m holds
INLINE vec<int32_t> increment_if(mask32 m, vec<int32_t> n)
{
    return vsubq_s32(n.v, vreinterpretq_s32_u32(m.v));
}
// the first and the second half of the lanes, in double
INLINE vec<double> widen_low(vec<float> x) { return vcvt_f64_f32(vget_low_f32(x.v)); }
INLINE vec<double> widen_high(vec<float> x) { return vcvt_high_f64_f32(x.v); }
INLINE vec<float> narrow(vec<double> low, vec<double> high)
{
    return vcvt_high_f32_f64(vcvt_f32_f64(low.v), high.v);
}
// out[i] = sum of the lanes of v[i]
INLINE void sum_lanes_of_four(const vec<double> *v, double *out)
{
    vst1q_f64(out, vpaddq_f64(v[0].v, v[1].v));
    vst1q_f64(out + 2, vpaddq_f64(v[2].v, v[3].v));
}
INLINE double add_product(double a, double b, double c)
{
    return vget_lane_f64(vfma_f64(vdup_n_f64(a), vdup_n_f64(b), vdup_n_f64(c)), 0);
}
#  include "float16.h"
#endif
