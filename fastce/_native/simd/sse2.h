// 16 bytes: what every x86-64 has. No fused multiply-add: the product is rounded before the sum.
// Included by levels.h.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#endif
#if defined(SIMD_X86)
constexpr bool has_masks = false, has_scale = false, has_permute = false;
constexpr int vector_bytes = 16, registers = 16;
template <class T> struct vec;
struct mask32 {
    __m128 v;
    mask32() = default;
    INLINE mask32(__m128 m) : v(m) {}
    INLINE friend mask32 operator&(mask32 a, mask32 b) { return _mm_and_ps(a.v, b.v); }
    INLINE friend mask32 operator|(mask32 a, mask32 b) { return _mm_or_ps(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask32 m)
    {
        return static_cast<unsigned>(_mm_movemask_ps(m.v));
    }
};
struct mask64 {
    __m128d v;
    mask64() = default;
    INLINE mask64(__m128d m) : v(m) {}
    INLINE friend mask64 operator&(mask64 a, mask64 b) { return _mm_and_pd(a.v, b.v); }
    INLINE friend mask64 operator|(mask64 a, mask64 b) { return _mm_or_pd(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask64 m)
    {
        return static_cast<unsigned>(_mm_movemask_pd(m.v));
    }
};
template <> struct vec<int32_t> {
    using T = int32_t;
    using mask = mask32;
    static constexpr int lanes = 4;
    __m128i v;
    vec() = default;
    INLINE vec(__m128i r) : v(r) {}
    INLINE vec(T s) : v(_mm_set1_epi32(s)) {}
    INLINE static vec load(const T *p)
    {
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
    }
    INLINE void store(T *p) const { _mm_storeu_si128(reinterpret_cast<__m128i *>(p), v); }
    // 16 bits are widened with zeros, and the lower 16 bits of a lane are stored
    INLINE static vec load(const uint16_t *p)
    {
        const __m128i some = _mm_loadl_epi64(reinterpret_cast<const __m128i *>(p));
        return _mm_unpacklo_epi16(some, _mm_setzero_si128());
    }
    INLINE void store(uint16_t *p) const
    {
        // the sign of 16 bits is spread, for packing saturates signed numbers
        const __m128i spread = _mm_srai_epi32(_mm_slli_epi32(v, 16), 16);
        _mm_storel_epi64(reinterpret_cast<__m128i *>(p), _mm_packs_epi32(spread, spread));
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm_add_epi32(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm_sub_epi32(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm_and_si128(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm_or_si128(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b)
    {
        return _mm_castsi128_ps(_mm_cmpeq_epi32(a.v, b.v));
    }
    INLINE friend mask operator>(vec a, vec b)
    {
        return _mm_castsi128_ps(_mm_cmpgt_epi32(a.v, b.v));
    }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        const __m128i bits = _mm_castps_si128(m.v);
        return _mm_or_si128(_mm_and_si128(bits, yes.v), _mm_andnot_si128(bits, no.v));
    }
};
template <> struct vec<int64_t> {
    using T = int64_t;
    using mask = mask64;
    static constexpr int lanes = 2;
    __m128i v;
    vec() = default;
    INLINE vec(__m128i r) : v(r) {}
    INLINE vec(T s) : v(_mm_set1_epi64x(s)) {}
    INLINE static vec load(const T *p)
    {
        return _mm_loadu_si128(reinterpret_cast<const __m128i *>(p));
    }
    INLINE void store(T *p) const { _mm_storeu_si128(reinterpret_cast<__m128i *>(p), v); }
    INLINE friend vec operator+(vec a, vec b) { return _mm_add_epi64(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm_sub_epi64(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm_and_si128(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm_or_si128(a.v, b.v); }
};
template <> struct vec<double> {
    using T = double;
    using mask = mask64;
    static constexpr int lanes = 2;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 2;
    __m128d v;
    vec() = default;
    INLINE vec(__m128d r) : v(r) {}
    INLINE vec(T s) : v(_mm_set1_pd(s)) {}
    INLINE static vec load(const T *p) { return _mm_loadu_pd(p); }
    NOINLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        T lane[lanes];
        for (int i = 0; i < lanes; ++i)
            lane[i] = i < count ? p[i] : fill;
        return load(lane);
    }
    // the vector as a value, for an object whose address is taken does not stay in a register
    NOINLINE static void store_lanes(T *p, __m128d lanes_of, ptrdiff_t count)
    {
        T lane[lanes];
        vec(lanes_of).store(lane);
        for (ptrdiff_t i = 0; i < count; ++i)
            p[i] = lane[i];
    }
    INLINE void store_first(T *p, ptrdiff_t count) const { store_lanes(p, v, count); }
    INLINE void store(T *p) const { _mm_storeu_pd(p, v); }
    // float32 entries are widened as they are loaded
    INLINE static vec load(const float *p)
    {
        return _mm_cvtps_pd(
            _mm_castsi128_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i *>(p))));
    }
    INLINE static vec load_or(const float *p, ptrdiff_t count, T fill)
    {
        return _mm_set_pd(count > 1 ? double(p[1]) : fill, count > 0 ? double(p[0]) : fill);
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm_add_pd(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm_sub_pd(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm_mul_pd(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm_div_pd(a.v, b.v); }
    // a + b c and a - b c
    INLINE friend vec add_product(vec a, vec b, vec c) { return a + b * c; }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return a - b * c; }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm_max_pd(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm_min_pd(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm_cmplt_pd(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return _mm_cmpgt_pd(a.v, b.v); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm_cmple_pd(a.v, b.v); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm_cmpge_pd(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return _mm_cmpeq_pd(a.v, b.v); }
    INLINE friend mask operator!=(vec a, vec b) { return _mm_cmpneq_pd(a.v, b.v); }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm_or_pd(_mm_and_pd(m.v, yes.v), _mm_andnot_pd(m.v, no.v));
    }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(_mm_and_pd(term.v, m.v));
    }
    // The number of lanes in which masks hold, at most 2^63 in one lane.
    struct counter {
        __m128i n;
        INLINE counter() : n(_mm_setzero_si128()) {}
        INLINE void add(mask m) { n = _mm_sub_epi64(n, _mm_castpd_si128(m.v)); }
        INLINE ptrdiff_t total() const
        {
            int64_t lane[lanes];
            ptrdiff_t sum = 0;
            memcpy(lane, &n, sizeof n);
            for (int i = 0; i < lanes; ++i)
                sum += static_cast<ptrdiff_t>(lane[i]);
            return sum;
        }
    };
    // over the lanes, none of which is NaN; sums as a binary tree
    INLINE friend T max_lanes(vec a)
    {
        return _mm_cvtsd_f64(_mm_max_sd(_mm_unpackhi_pd(a.v, a.v), a.v));
    }
    INLINE friend T sum_lanes(vec a)
    {
        return _mm_cvtsd_f64(_mm_add_sd(a.v, _mm_unpackhi_pd(a.v, a.v)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        const vec low = _mm_unpacklo_pd(r[0].v, r[1].v);
        r[1] = _mm_unpackhi_pd(r[0].v, r[1].v);
        r[0] = low;
    }
};
template <> struct vec<float> {
    using T = float;
    using mask = mask32;
    static constexpr int lanes = 4;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 4;
    __m128 v;
    vec() = default;
    INLINE vec(__m128 r) : v(r) {}
    INLINE vec(T s) : v(_mm_set1_ps(s)) {}
    INLINE static vec load(const T *p) { return _mm_loadu_ps(p); }
    NOINLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        T lane[lanes];
        for (int i = 0; i < lanes; ++i)
            lane[i] = i < count ? p[i] : fill;
        return load(lane);
    }
    // the vector as a value, for an object whose address is taken does not stay in a register
    NOINLINE static void store_lanes(T *p, __m128 lanes_of, ptrdiff_t count)
    {
        T lane[lanes];
        vec(lanes_of).store(lane);
        for (ptrdiff_t i = 0; i < count; ++i)
            p[i] = lane[i];
    }
    INLINE void store_first(T *p, ptrdiff_t count) const { store_lanes(p, v, count); }
    INLINE void store(T *p) const { _mm_storeu_ps(p, v); }
    INLINE static vec load(const half *p);
    INLINE void store(half *p) const;
    INLINE static vec load(const bfloat16 *p);
    INLINE void store(bfloat16 *p) const;
    template <class E> INLINE static vec load_or(const E *p, ptrdiff_t count, T fill);
    template <class E> INLINE void store_first(E *p, ptrdiff_t count) const;
    INLINE friend vec operator+(vec a, vec b) { return _mm_add_ps(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm_sub_ps(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm_mul_ps(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm_div_ps(a.v, b.v); }
    // a + b c and a - b c
    INLINE friend vec add_product(vec a, vec b, vec c) { return a + b * c; }
    INLINE friend vec subtract_product(vec a, vec b, vec c) { return a - b * c; }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm_max_ps(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm_min_ps(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm_cmplt_ps(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return _mm_cmpgt_ps(a.v, b.v); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm_cmple_ps(a.v, b.v); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm_cmpge_ps(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return _mm_cmpeq_ps(a.v, b.v); }
    INLINE friend mask operator!=(vec a, vec b) { return _mm_cmpneq_ps(a.v, b.v); }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm_or_ps(_mm_and_ps(m.v, yes.v), _mm_andnot_ps(m.v, no.v));
    }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(_mm_and_ps(term.v, m.v));
    }
    // The number of lanes in which masks hold, at most 2^31 in one lane.
    struct counter {
        __m128i n;
        INLINE counter() : n(_mm_setzero_si128()) {}
        INLINE void add(mask m) { n = _mm_sub_epi32(n, _mm_castps_si128(m.v)); }
        INLINE ptrdiff_t total() const
        {
            int32_t lane[lanes];
            ptrdiff_t sum = 0;
            memcpy(lane, &n, sizeof n);
            for (int i = 0; i < lanes; ++i)
                sum += static_cast<ptrdiff_t>(lane[i]);
            return sum;
        }
    };
    // over the lanes, none of which is NaN; sums as a binary tree
    INLINE friend T max_lanes(vec a)
    {
        const __m128 two = _mm_max_ps(a.v, _mm_movehl_ps(a.v, a.v));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    INLINE friend T sum_lanes(vec a)
    {
        const __m128 two = _mm_add_ps(a.v, _mm_movehl_ps(a.v, a.v));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        const __m128 a = _mm_unpacklo_ps(r[0].v, r[1].v), b = _mm_unpackhi_ps(r[0].v, r[1].v);
        const __m128 c = _mm_unpacklo_ps(r[2].v, r[3].v), d = _mm_unpackhi_ps(r[2].v, r[3].v);
        r[0] = _mm_movelh_ps(a, c);
        r[1] = _mm_movehl_ps(c, a);
        r[2] = _mm_movelh_ps(b, d);
        r[3] = _mm_movehl_ps(d, b);
    }
};
INLINE vec<int32_t> bits_of(vec<float> a) { return _mm_castps_si128(a.v); }
INLINE vec<float> from_bits(vec<int32_t> a) { return _mm_castsi128_ps(a.v); }
INLINE vec<int64_t> bits_of(vec<double> a) { return _mm_castpd_si128(a.v); }
INLINE vec<double> from_bits(vec<int64_t> a) { return _mm_castsi128_pd(a.v); }
// by a constant; from the left, zeros come in
template <int by> INLINE vec<int32_t> shift_left(vec<int32_t> a) { return _mm_slli_epi32(a.v, by); }
template <int by> INLINE vec<int32_t> shift_right(vec<int32_t> a)
{
    return _mm_srli_epi32(a.v, by);
}
template <int by> INLINE vec<int64_t> shift_left(vec<int64_t> a) { return _mm_slli_epi64(a.v, by); }
template <int by> INLINE vec<int64_t> shift_right(vec<int64_t> a)
{
    return _mm_srli_epi64(a.v, by);
}
// integers to the nearest float
INLINE vec<float> to_real(vec<int32_t> a) { return _mm_cvtepi32_ps(a.v); }
// one more where m holds
INLINE vec<int32_t> increment_if(mask32 m, vec<int32_t> n)
{
    return _mm_sub_epi32(n.v, _mm_castps_si128(m.v));
}
// the first and the second half of the lanes, in double
INLINE vec<double> widen_low(vec<float> x) { return _mm_cvtps_pd(x.v); }
INLINE vec<double> widen_high(vec<float> x) { return _mm_cvtps_pd(_mm_movehl_ps(x.v, x.v)); }
INLINE vec<float> narrow(vec<double> low, vec<double> high)
{
    return _mm_movelh_ps(_mm_cvtpd_ps(low.v), _mm_cvtpd_ps(high.v));
}
INLINE void sum_lanes_of_four(const vec<double> *v, double *out)
{
    _mm_storeu_pd(out,
                  _mm_add_pd(_mm_unpacklo_pd(v[0].v, v[1].v), _mm_unpackhi_pd(v[0].v, v[1].v)));
    _mm_storeu_pd(out + 2,
                  _mm_add_pd(_mm_unpacklo_pd(v[2].v, v[3].v), _mm_unpackhi_pd(v[2].v, v[3].v)));
}
INLINE double add_product(double a, double b, double c) { return a + b * c; }
#  include "float16.h"
INLINE vec<float> vec<float>::load(const half *p)
{
    return from_bits(float_bits_of_half(vec<int32_t>::load(&p->bits)));
}
INLINE void vec<float>::store(half *p) const { half_bits_of_float(bits_of(*this)).store(&p->bits); }
#endif
