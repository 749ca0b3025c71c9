// 32 bytes, with fused multiply-add and F16C. Included by levels.h.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#endif
#if defined(SIMD_X86)
constexpr bool has_masks = false, has_scale = false, has_permute = false;
constexpr int vector_bytes = 32, registers = 16;
template <class T> struct vec;
struct mask32 {
    __m256 v;
    mask32() = default;
    INLINE mask32(__m256 m) : v(m) {}
    INLINE friend mask32 operator&(mask32 a, mask32 b) { return _mm256_and_ps(a.v, b.v); }
    INLINE friend mask32 operator|(mask32 a, mask32 b) { return _mm256_or_ps(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask32 m)
    {
        return static_cast<unsigned>(_mm256_movemask_ps(m.v));
    }
};
struct mask64 {
    __m256d v;
    mask64() = default;
    INLINE mask64(__m256d m) : v(m) {}
    INLINE friend mask64 operator&(mask64 a, mask64 b) { return _mm256_and_pd(a.v, b.v); }
    INLINE friend mask64 operator|(mask64 a, mask64 b) { return _mm256_or_pd(a.v, b.v); }
    INLINE friend unsigned lane_bits(mask64 m)
    {
        return static_cast<unsigned>(_mm256_movemask_pd(m.v));
    }
};
template <> struct vec<int32_t> {
    using T = int32_t;
    using mask = mask32;
    static constexpr int lanes = 8;
    __m256i v;
    vec() = default;
    INLINE vec(__m256i r) : v(r) {}
    INLINE vec(T s) : v(_mm256_set1_epi32(s)) {}
    INLINE static vec load(const T *p)
    {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
    }
    INLINE void store(T *p) const { _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), v); }
    // 16 bits are widened with zeros, and the lower 16 bits of a lane are stored
    INLINE static vec load(const uint16_t *p)
    {
        return _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
    }
    INLINE void store(uint16_t *p) const
    {
        const __m256i low = _mm256_and_si256(v, _mm256_set1_epi32(0xffff));
        const __m128i packed =
            _mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
        _mm_storeu_si128(reinterpret_cast<__m128i *>(p), packed);
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm256_add_epi32(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm256_sub_epi32(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm256_and_si256(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm256_or_si256(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b)
    {
        return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a.v, b.v));
    }
    INLINE friend mask operator>(vec a, vec b)
    {
        return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a.v, b.v));
    }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm256_blendv_epi8(no.v, yes.v, _mm256_castps_si256(m.v));
    }
};
template <> struct vec<int64_t> {
    using T = int64_t;
    using mask = mask64;
    static constexpr int lanes = 4;
    __m256i v;
    vec() = default;
    INLINE vec(__m256i r) : v(r) {}
    INLINE vec(T s) : v(_mm256_set1_epi64x(s)) {}
    INLINE static vec load(const T *p)
    {
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(p));
    }
    INLINE void store(T *p) const { _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), v); }
    INLINE friend vec operator+(vec a, vec b) { return _mm256_add_epi64(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm256_sub_epi64(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm256_and_si256(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm256_or_si256(a.v, b.v); }
};
template <> struct vec<double> {
    using T = double;
    using mask = mask64;
    static constexpr int lanes = 4;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 4;
    __m256d v;
    vec() = default;
    INLINE vec(__m256d r) : v(r) {}
    INLINE vec(T s) : v(_mm256_set1_pd(s)) {}
    INLINE static vec load(const T *p) { return _mm256_loadu_pd(p); }
    INLINE static __m256i first(ptrdiff_t count)
    {
        static const int64_t lane[8] = {-1, -1, -1, -1};
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(lane + 4 - count));
    }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        const __m256i some = first(count);
        return _mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p, some),
                                _mm256_castsi256_pd(some));
    }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        _mm256_maskstore_pd(p, first(count), v);
    }
    INLINE void store(T *p) const { _mm256_storeu_pd(p, v); }
    // float32 entries are widened as they are loaded
    INLINE static vec load(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
    INLINE static vec load_or(const float *p, ptrdiff_t count, T fill)
    {
        static const int32_t lane[8] = {-1, -1, -1, -1};
        const __m128i some = _mm_loadu_si128(reinterpret_cast<const __m128i *>(lane + 4 - count));
        return _mm256_cvtps_pd(_mm_blendv_ps(_mm_set1_ps(static_cast<float>(fill)),
                                             _mm_maskload_ps(p, some), _mm_castsi128_ps(some)));
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm256_add_pd(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm256_sub_pd(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm256_mul_pd(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm256_div_pd(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return _mm256_fmadd_pd(b.v, c.v, a.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c)
    {
        return _mm256_fnmadd_pd(b.v, c.v, a.v);
    }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm256_max_pd(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm256_min_pd(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ); }
    INLINE friend mask operator>(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_GT_OQ); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LE_OQ); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_GE_OQ); }
    INLINE friend mask operator==(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_EQ_OQ); }
    INLINE friend mask operator!=(vec a, vec b) { return _mm256_cmp_pd(a.v, b.v, _CMP_NEQ_UQ); }
    INLINE friend vec select(mask m, vec yes, vec no) { return _mm256_blendv_pd(no.v, yes.v, m.v); }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(_mm256_and_pd(term.v, m.v));
    }
    // The number of lanes in which masks hold, at most 2^63 in one lane.
    struct counter {
        __m256i n;
        INLINE counter() : n(_mm256_setzero_si256()) {}
        INLINE void add(mask m) { n = _mm256_sub_epi64(n, _mm256_castpd_si256(m.v)); }
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
        const __m128d two = _mm_max_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
        return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
    }
    INLINE friend T sum_lanes(vec a)
    {
        const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        const __m256d a = _mm256_unpacklo_pd(r[0].v, r[1].v),
                      b = _mm256_unpackhi_pd(r[0].v, r[1].v);
        const __m256d c = _mm256_unpacklo_pd(r[2].v, r[3].v),
                      d = _mm256_unpackhi_pd(r[2].v, r[3].v);
        r[0] = _mm256_permute2f128_pd(a, c, 0x20);
        r[1] = _mm256_permute2f128_pd(b, d, 0x20);
        r[2] = _mm256_permute2f128_pd(a, c, 0x31);
        r[3] = _mm256_permute2f128_pd(b, d, 0x31);
    }
};
template <> struct vec<float> {
    using T = float;
    using mask = mask32;
    static constexpr int lanes = 8;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 6;
    __m256 v;
    vec() = default;
    INLINE vec(__m256 r) : v(r) {}
    INLINE vec(T s) : v(_mm256_set1_ps(s)) {}
    INLINE static vec load(const T *p) { return _mm256_loadu_ps(p); }
    INLINE static __m256i first(ptrdiff_t count)
    {
        static const int32_t lane[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
        return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(lane + 8 - count));
    }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        const __m256i some = first(count);
        return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, some),
                                _mm256_castsi256_ps(some));
    }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        _mm256_maskstore_ps(p, first(count), v);
    }
    INLINE void store(T *p) const { _mm256_storeu_ps(p, v); }
    INLINE static vec load(const half *p)
    {
        return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(p)));
    }
    INLINE void store(half *p) const
    {
        _mm_storeu_si128(reinterpret_cast<__m128i *>(p),
                         _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    INLINE static vec load(const bfloat16 *p);
    INLINE void store(bfloat16 *p) const;
    template <class E> INLINE static vec load_or(const E *p, ptrdiff_t count, T fill);
    template <class E> INLINE void store_first(E *p, ptrdiff_t count) const;
    INLINE friend vec operator+(vec a, vec b) { return _mm256_add_ps(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm256_sub_ps(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm256_mul_ps(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm256_div_ps(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return _mm256_fmadd_ps(b.v, c.v, a.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c)
    {
        return _mm256_fnmadd_ps(b.v, c.v, a.v);
    }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm256_max_ps(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm256_min_ps(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
    INLINE friend mask operator>(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ); }
    INLINE friend mask operator==(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ); }
    INLINE friend mask operator!=(vec a, vec b) { return _mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ); }
    INLINE friend vec select(mask m, vec yes, vec no) { return _mm256_blendv_ps(no.v, yes.v, m.v); }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return sum + vec(_mm256_and_ps(term.v, m.v));
    }
    // The number of lanes in which masks hold, at most 2^31 in one lane.
    struct counter {
        __m256i n;
        INLINE counter() : n(_mm256_setzero_si256()) {}
        INLINE void add(mask m) { n = _mm256_sub_epi32(n, _mm256_castps_si256(m.v)); }
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
        const __m128 four = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    INLINE friend T sum_lanes(vec a)
    {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        __m256 t[8], u[8];
        UNROLL
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
            t[i + 1] = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
        }
        UNROLL
        for (int i = 0; i < 8; i += 4) {
            UNROLL
            for (int j = 0; j < 2; ++j) {
                u[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0x44);
                u[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + 2 + j], 0xee);
            }
        }
        UNROLL
        for (int j = 0; j < 4; ++j) {
            r[j] = _mm256_permute2f128_ps(u[j], u[4 + j], 0x20);
            r[4 + j] = _mm256_permute2f128_ps(u[j], u[4 + j], 0x31);
        }
    }
};
INLINE vec<int32_t> bits_of(vec<float> a) { return _mm256_castps_si256(a.v); }
INLINE vec<float> from_bits(vec<int32_t> a) { return _mm256_castsi256_ps(a.v); }
INLINE vec<int64_t> bits_of(vec<double> a) { return _mm256_castpd_si256(a.v); }
INLINE vec<double> from_bits(vec<int64_t> a) { return _mm256_castsi256_pd(a.v); }
// by a constant; from the left, zeros come in
template <int by> INLINE vec<int32_t> shift_left(vec<int32_t> a)
{
    return _mm256_slli_epi32(a.v, by);
}
template <int by> INLINE vec<int32_t> shift_right(vec<int32_t> a)
{
    return _mm256_srli_epi32(a.v, by);
}
template <int by> INLINE vec<int64_t> shift_left(vec<int64_t> a)
{
    return _mm256_slli_epi64(a.v, by);
}
template <int by> INLINE vec<int64_t> shift_right(vec<int64_t> a)
{
    return _mm256_srli_epi64(a.v, by);
}
// integers to the nearest float
INLINE vec<float> to_real(vec<int32_t> a) { return _mm256_cvtepi32_ps(a.v); }
// one more where m holds
INLINE vec<int32_t> increment_if(mask32 m, vec<int32_t> n)
{
    return _mm256_sub_epi32(n.v, _mm256_castps_si256(m.v));
}
// the first and the second half of the lanes, in double
INLINE vec<double> widen_low(vec<float> x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x.v)); }
INLINE vec<double> widen_high(vec<float> x)
{
    return _mm256_cvtps_pd(_mm256_extractf128_ps(x.v, 1));
}
INLINE vec<float> narrow(vec<double> low, vec<double> high)
{
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low.v)),
                                _mm256_cvtpd_ps(high.v), 1);
}
// out[i] = sum of the lanes of v[i]; four together cost less than four on their own
INLINE void sum_lanes_of_four(const vec<double> *v, double *out)
{
    const __m256d sum01 = _mm256_hadd_pd(v[0].v, v[1].v), sum23 = _mm256_hadd_pd(v[2].v, v[3].v);
    _mm256_storeu_pd(out, _mm256_add_pd(_mm256_permute2f128_pd(sum01, sum23, 0x20),
                                        _mm256_permute2f128_pd(sum01, sum23, 0x31)));
}
INLINE double add_product(double a, double b, double c)
{
#  if defined(_MSC_VER) && !defined(__clang__)
    return _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(b), _mm_set_sd(c), _mm_set_sd(a)));
#  else
    return __builtin_fma(b, c, a);
#  endif
}
#  include "float16.h"
#endif
