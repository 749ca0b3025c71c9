// 64 bytes, and masks: AVX-512 F, BW, CD, DQ and VL. Included by levels.h.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#endif
#if defined(SIMD_X86)
constexpr bool has_masks = true, has_scale = true, has_permute = true;
constexpr int vector_bytes = 64, registers = 32;
template <class T> struct vec;
struct mask32 {
    __mmask16 v;
    mask32() = default;
    INLINE mask32(__mmask16 m) : v(m) {}
    INLINE friend mask32 operator&(mask32 a, mask32 b) { return static_cast<__mmask16>(a.v & b.v); }
    INLINE friend mask32 operator|(mask32 a, mask32 b) { return static_cast<__mmask16>(a.v | b.v); }
    INLINE friend unsigned lane_bits(mask32 m) { return m.v; }
};
struct mask64 {
    __mmask8 v;
    mask64() = default;
    INLINE mask64(__mmask8 m) : v(m) {}
    INLINE friend mask64 operator&(mask64 a, mask64 b) { return static_cast<__mmask8>(a.v & b.v); }
    INLINE friend mask64 operator|(mask64 a, mask64 b) { return static_cast<__mmask8>(a.v | b.v); }
    INLINE friend unsigned lane_bits(mask64 m) { return m.v; }
};
template <> struct vec<int32_t> {
    using T = int32_t;
    using mask = mask32;
    static constexpr int lanes = 16;
    __m512i v;
    vec() = default;
    INLINE vec(__m512i r) : v(r) {}
    INLINE vec(T s) : v(_mm512_set1_epi32(s)) {}
    INLINE static vec load(const T *p) { return _mm512_loadu_si512(p); }
    INLINE void store(T *p) const { _mm512_storeu_si512(p, v); }
    // 16 bits are widened with zeros, and the lower 16 bits of a lane are stored
    INLINE static vec load(const uint16_t *p)
    {
        return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
    }
    INLINE void store(uint16_t *p) const
    {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(p), _mm512_cvtepi32_epi16(v));
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm512_add_epi32(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm512_sub_epi32(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm512_and_si512(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm512_or_si512(a.v, b.v); }
    INLINE friend mask operator==(vec a, vec b) { return _mm512_cmpeq_epi32_mask(a.v, b.v); }
    INLINE friend mask operator>(vec a, vec b) { return _mm512_cmpgt_epi32_mask(a.v, b.v); }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm512_mask_mov_epi32(no.v, m.v, yes.v);
    }
};
template <> struct vec<int64_t> {
    using T = int64_t;
    using mask = mask64;
    static constexpr int lanes = 8;
    __m512i v;
    vec() = default;
    INLINE vec(__m512i r) : v(r) {}
    INLINE vec(T s) : v(_mm512_set1_epi64(s)) {}
    INLINE static vec load(const T *p) { return _mm512_loadu_si512(p); }
    INLINE void store(T *p) const { _mm512_storeu_si512(p, v); }
    INLINE friend vec operator+(vec a, vec b) { return _mm512_add_epi64(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm512_sub_epi64(a.v, b.v); }
    INLINE friend vec operator&(vec a, vec b) { return _mm512_and_si512(a.v, b.v); }
    INLINE friend vec operator|(vec a, vec b) { return _mm512_or_si512(a.v, b.v); }
};
template <> struct vec<double> {
    using T = double;
    using mask = mask64;
    static constexpr int lanes = 8;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 9;
    __m512d v;
    vec() = default;
    INLINE vec(__m512d r) : v(r) {}
    INLINE vec(T s) : v(_mm512_set1_pd(s)) {}
    INLINE static vec load(const T *p) { return _mm512_loadu_pd(p); }
    INLINE static __mmask8 first(ptrdiff_t count)
    {
        return static_cast<__mmask8>((1u << count) - 1);
    }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        return _mm512_mask_loadu_pd(_mm512_set1_pd(fill), first(count), p);
    }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        _mm512_mask_storeu_pd(p, first(count), v);
    }
    INLINE void store(T *p) const { _mm512_storeu_pd(p, v); }
    // float32 entries are widened as they are loaded
    INLINE static vec load(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
    INLINE static vec load_or(const float *p, ptrdiff_t count, T fill)
    {
        const __m256 some = _mm256_maskz_loadu_ps(first(count), p);
        return _mm512_mask_cvtps_pd(_mm512_set1_pd(fill), first(count), some);
    }
    INLINE friend vec operator+(vec a, vec b) { return _mm512_add_pd(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm512_sub_pd(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm512_mul_pd(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm512_div_pd(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return _mm512_fmadd_pd(b.v, c.v, a.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c)
    {
        return _mm512_fnmadd_pd(b.v, c.v, a.v);
    }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm512_max_pd(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm512_min_pd(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ); }
    INLINE friend mask operator>(vec a, vec b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_GT_OQ); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LE_OQ); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_GE_OQ); }
    INLINE friend mask operator==(vec a, vec b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_EQ_OQ); }
    INLINE friend mask operator!=(vec a, vec b)
    {
        return _mm512_cmp_pd_mask(a.v, b.v, _CMP_NEQ_UQ);
    }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm512_mask_mov_pd(no.v, m.v, yes.v);
    }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return _mm512_mask_add_pd(sum.v, m.v, sum.v, term.v);
    }
    // to the nearest integer, and a 2^n for an integer n, rounded once
    INLINE friend vec round(vec a) { return _mm512_roundscale_pd(a.v, 0); }
    INLINE friend vec scale(vec a, vec n) { return _mm512_scalef_pd(a.v, n.v); }
    // The number of lanes in which masks hold.
    struct counter {
        ptrdiff_t n;
        INLINE counter() : n(0) {}
        INLINE void add(mask m) { n += _mm_popcnt_u32(m.v); }
        INLINE ptrdiff_t total() const { return n; }
    };
    // over the lanes, none of which is NaN; sums as a binary tree
    INLINE friend T max_lanes(vec a)
    {
        const __m256d four =
            _mm256_max_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
        const __m128d two =
            _mm_max_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
        return _mm_cvtsd_f64(_mm_max_sd(two, _mm_unpackhi_pd(two, two)));
    }
    INLINE friend T sum_lanes(vec a)
    {
        const __m256d four =
            _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
        const __m128d two =
            _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
        return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        __m512d t[8], u[8];
        UNROLL
        for (int i = 0; i < 8; i += 2) {
            t[i] = _mm512_unpacklo_pd(r[i].v, r[i + 1].v);
            t[i + 1] = _mm512_unpackhi_pd(r[i].v, r[i + 1].v);
        }
        UNROLL
        for (int i = 0; i < 8; i += 4) {
            UNROLL
            for (int j = 0; j < 2; ++j) {
                u[i + j] = _mm512_shuffle_f64x2(t[i + j], t[i + 2 + j], 0x88);
                u[i + 2 + j] = _mm512_shuffle_f64x2(t[i + j], t[i + 2 + j], 0xdd);
            }
        }
        UNROLL
        for (int j = 0; j < 4; ++j) {
            r[j] = _mm512_shuffle_f64x2(u[j], u[4 + j], 0x88);
            r[4 + j] = _mm512_shuffle_f64x2(u[j], u[4 + j], 0xdd);
        }
    }
};
template <> struct vec<float> {
    using T = float;
    using mask = mask32;
    static constexpr int lanes = 16;
    // The fewest classes for which tiles are transposed in registers; measured.
    static constexpr int transpose_from = 9;
    __m512 v;
    vec() = default;
    INLINE vec(__m512 r) : v(r) {}
    INLINE vec(T s) : v(_mm512_set1_ps(s)) {}
    INLINE static vec load(const T *p) { return _mm512_loadu_ps(p); }
    INLINE static __mmask16 first(ptrdiff_t count)
    {
        return static_cast<__mmask16>((1u << count) - 1);
    }
    INLINE static vec load_or(const T *p, ptrdiff_t count, T fill)
    {
        return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), first(count), p);
    }
    INLINE void store_first(T *p, ptrdiff_t count) const
    {
        _mm512_mask_storeu_ps(p, first(count), v);
    }
    INLINE void store(T *p) const { _mm512_storeu_ps(p, v); }
    INLINE static vec load(const half *p)
    {
        return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(p)));
    }
    INLINE void store(half *p) const
    {
        _mm256_storeu_si256(reinterpret_cast<__m256i *>(p),
                            _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    INLINE static vec load_or(const half *p, ptrdiff_t count, T fill)
    {
        const vec some = _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(count), p));
        return _mm512_mask_mov_ps(_mm512_set1_ps(fill), first(count), some.v);
    }
    INLINE void store_first(half *p, ptrdiff_t count) const
    {
        _mm256_mask_storeu_epi16(p, first(count), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
    }
    INLINE static vec load(const bfloat16 *p);
    INLINE void store(bfloat16 *p) const;
    template <class E> INLINE static vec load_or(const E *p, ptrdiff_t count, T fill);
    template <class E> INLINE void store_first(E *p, ptrdiff_t count) const;
    INLINE friend vec operator+(vec a, vec b) { return _mm512_add_ps(a.v, b.v); }
    INLINE friend vec operator-(vec a, vec b) { return _mm512_sub_ps(a.v, b.v); }
    INLINE friend vec operator*(vec a, vec b) { return _mm512_mul_ps(a.v, b.v); }
    INLINE friend vec operator/(vec a, vec b) { return _mm512_div_ps(a.v, b.v); }
    // a + b c and a - b c, rounded once
    INLINE friend vec add_product(vec a, vec b, vec c) { return _mm512_fmadd_ps(b.v, c.v, a.v); }
    INLINE friend vec subtract_product(vec a, vec b, vec c)
    {
        return _mm512_fnmadd_ps(b.v, c.v, a.v);
    }
    // a > b ? a : b and a < b ? a : b, so that a NaN in a is ignored and a NaN in b is returned
    INLINE friend vec max(vec a, vec b) { return _mm512_max_ps(a.v, b.v); }
    INLINE friend vec min(vec a, vec b) { return _mm512_min_ps(a.v, b.v); }
    INLINE friend mask operator<(vec a, vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
    INLINE friend mask operator>(vec a, vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ); }
    INLINE friend mask operator<=(vec a, vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ); }
    INLINE friend mask operator>=(vec a, vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ); }
    INLINE friend mask operator==(vec a, vec b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
    INLINE friend mask operator!=(vec a, vec b)
    {
        return _mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ);
    }
    INLINE friend vec select(mask m, vec yes, vec no)
    {
        return _mm512_mask_mov_ps(no.v, m.v, yes.v);
    }
    // sum + term where m holds, sum elsewhere
    INLINE friend vec add_if(mask m, vec sum, vec term)
    {
        return _mm512_mask_add_ps(sum.v, m.v, sum.v, term.v);
    }
    // to the nearest integer, and a 2^n for an integer n, rounded once
    INLINE friend vec round(vec a) { return _mm512_roundscale_ps(a.v, 0); }
    INLINE friend vec scale(vec a, vec n) { return _mm512_scalef_ps(a.v, n.v); }
    // The number of lanes in which masks hold.
    struct counter {
        ptrdiff_t n;
        INLINE counter() : n(0) {}
        INLINE void add(mask m) { n += _mm_popcnt_u32(m.v); }
        INLINE ptrdiff_t total() const { return n; }
    };
    // over the lanes, none of which is NaN; sums as a binary tree
    INLINE friend T max_lanes(vec a)
    {
        const __m256 eight =
            _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
        const __m128 four =
            _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    INLINE friend T sum_lanes(vec a)
    {
        const __m256 eight =
            _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
        const __m128 four =
            _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
    }
    // r[i] lane j becomes r[j] lane i, by a butterfly of shuffles
    INLINE friend void transpose_tile(vec (&r)[lanes])
    {
        __m512 t[16], v[16];
        __m512d u[16];
        UNROLL
        for (int i = 0; i < 16; i += 2) {
            t[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
            t[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
        }
        UNROLL
        for (int i = 0; i < 16; i += 4) {
            UNROLL
            for (int j = 0; j < 2; ++j) {
                const __m512d low = _mm512_castps_pd(t[i + j]),
                              high = _mm512_castps_pd(t[i + 2 + j]);
                u[i + 2 * j] = _mm512_unpacklo_pd(low, high);
                u[i + 2 * j + 1] = _mm512_unpackhi_pd(low, high);
            }
        }
        UNROLL
        for (int i = 0; i < 16; i += 8) {
            UNROLL
            for (int j = 0; j < 4; ++j) {
                const __m512 low = _mm512_castpd_ps(u[i + j]),
                             high = _mm512_castpd_ps(u[i + 4 + j]);
                v[i + j] = _mm512_shuffle_f32x4(low, high, 0x88);
                v[i + 4 + j] = _mm512_shuffle_f32x4(low, high, 0xdd);
            }
        }
        UNROLL
        for (int j = 0; j < 8; ++j) {
            r[j] = _mm512_shuffle_f32x4(v[j], v[8 + j], 0x88);
            r[8 + j] = _mm512_shuffle_f32x4(v[j], v[8 + j], 0xdd);
        }
    }
};
INLINE vec<int32_t> bits_of(vec<float> a) { return _mm512_castps_si512(a.v); }
INLINE vec<float> from_bits(vec<int32_t> a) { return _mm512_castsi512_ps(a.v); }
INLINE vec<int64_t> bits_of(vec<double> a) { return _mm512_castpd_si512(a.v); }
INLINE vec<double> from_bits(vec<int64_t> a) { return _mm512_castsi512_pd(a.v); }
// by a constant; from the left, zeros come in
template <int by> INLINE vec<int32_t> shift_left(vec<int32_t> a)
{
    return _mm512_slli_epi32(a.v, by);
}
template <int by> INLINE vec<int32_t> shift_right(vec<int32_t> a)
{
    return _mm512_srli_epi32(a.v, by);
}
template <int by> INLINE vec<int64_t> shift_left(vec<int64_t> a)
{
    return _mm512_slli_epi64(a.v, by);
}
template <int by> INLINE vec<int64_t> shift_right(vec<int64_t> a)
{
    return _mm512_srli_epi64(a.v, by);
}
// integers to the nearest float
INLINE vec<float> to_real(vec<int32_t> a) { return _mm512_cvtepi32_ps(a.v); }
// one more where m holds
INLINE vec<int32_t> increment_if(mask32 m, vec<int32_t> n)
{
    return _mm512_mask_add_epi32(n.v, m.v, n.v, _mm512_set1_epi32(1));
}
// the first and the second half of the lanes, in double
INLINE vec<double> widen_low(vec<float> x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x.v)); }
INLINE vec<double> widen_high(vec<float> x)
{
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x.v, 1));
}
INLINE vec<float> narrow(vec<double> low, vec<double> high)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low.v)),
                              _mm512_cvtpd_ps(high.v), 1);
}
// out[i] = sum of the lanes of v[i]; four together cost less than four on their own
INLINE void sum_lanes_of_four(const vec<double> *v, double *out)
{
    const __m512d wide01 =
        _mm512_add_pd(_mm512_unpacklo_pd(v[0].v, v[1].v), _mm512_unpackhi_pd(v[0].v, v[1].v));
    const __m512d wide23 =
        _mm512_add_pd(_mm512_unpacklo_pd(v[2].v, v[3].v), _mm512_unpackhi_pd(v[2].v, v[3].v));
    const __m256d sum01 =
        _mm256_add_pd(_mm512_castpd512_pd256(wide01), _mm512_extractf64x4_pd(wide01, 1));
    const __m256d sum23 =
        _mm256_add_pd(_mm512_castpd512_pd256(wide23), _mm512_extractf64x4_pd(wide23, 1));
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
// integers of 64 bits to the nearest real, as many as `to` has lanes
INLINE void convert(const int64_t *n, vec<float> &to)
{
    const __m256 low = _mm512_cvtepi64_ps(_mm512_loadu_si512(n)),
                 high = _mm512_cvtepi64_ps(_mm512_loadu_si512(n + 8));
    to = _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}
INLINE void convert(const int64_t *n, vec<double> &to)
{
    to = _mm512_cvtepi64_pd(_mm512_loadu_si512(n));
}
// Lane i of the result: the lanes of r[i], combined by F; three shuffles for each row on the whole.
template <class F> INLINE vec<float> reduce_each(vec<float> (&r)[16])
{
    using V = vec<float>;
    UNROLL
    for (int i = 0; i < 8; ++i)
        r[i] = F::of(V(_mm512_unpacklo_ps(r[i].v, r[i + 8].v)),
                     V(_mm512_unpackhi_ps(r[i].v, r[i + 8].v)));
    UNROLL
    for (int i = 0; i < 4; ++i)
        r[i] = F::of(V(_mm512_unpacklo_ps(r[i].v, r[i + 4].v)),
                     V(_mm512_unpackhi_ps(r[i].v, r[i + 4].v)));
    UNROLL
    for (int i = 0; i < 2; ++i)
        r[i] = F::of(V(_mm512_shuffle_f32x4(r[i].v, r[i + 2].v, 0x88)),
                     V(_mm512_shuffle_f32x4(r[i].v, r[i + 2].v, 0xdd)));
    const V v = F::of(V(_mm512_shuffle_f32x4(r[0].v, r[1].v, 0x88)),
                      V(_mm512_shuffle_f32x4(r[0].v, r[1].v, 0xdd)));
    return _mm512_permutexvar_ps(
        _mm512_setr_epi32(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15), v.v);
}
template <class F> INLINE vec<double> reduce_each(vec<double> (&r)[8])
{
    using V = vec<double>;
    UNROLL
    for (int i = 0; i < 4; ++i)
        r[i] = F::of(V(_mm512_unpacklo_pd(r[i].v, r[i + 4].v)),
                     V(_mm512_unpackhi_pd(r[i].v, r[i + 4].v)));
    UNROLL
    for (int i = 0; i < 2; ++i)
        r[i] = F::of(V(_mm512_shuffle_f64x2(r[i].v, r[i + 2].v, 0x88)),
                     V(_mm512_shuffle_f64x2(r[i].v, r[i + 2].v, 0xdd)));
    const V v = F::of(V(_mm512_shuffle_f64x2(r[0].v, r[1].v, 0x88)),
                      V(_mm512_shuffle_f64x2(r[0].v, r[1].v, 0xdd)));
    return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 4, 2, 6, 1, 5, 3, 7), v.v);
}
// Lane i of the result: number at[i] of the lanes of a and b, one after the other.
INLINE vec<float> permute(vec<float> a, const int32_t *at, vec<float> b)
{
    return _mm512_permutex2var_ps(a.v, _mm512_loadu_si512(at), b.v);
}
INLINE vec<double> permute(vec<double> a, const int64_t *at, vec<double> b)
{
    return _mm512_permutex2var_pd(a.v, _mm512_loadu_si512(at), b.v);
}
INLINE mask32 mask_of_bits(vec<float>, unsigned bits) { return static_cast<__mmask16>(bits); }
INLINE mask64 mask_of_bits(vec<double>, unsigned bits) { return static_cast<__mmask8>(bits); }
// Four vectors of rows of four numbers: the halves of two vectors, one after the other.
INLINE void join_halves(vec<float> (&c)[4], vec<float> a, vec<float> b, vec<float> d, vec<float> e)
{
    c[0] = _mm512_shuffle_f32x4(a.v, b.v, 0x44);
    c[1] = _mm512_shuffle_f32x4(a.v, b.v, 0xee);
    c[2] = _mm512_shuffle_f32x4(d.v, e.v, 0x44);
    c[3] = _mm512_shuffle_f32x4(d.v, e.v, 0xee);
}
INLINE void join_halves(vec<double> (&c)[4], vec<double> a, vec<double> b, vec<double> d,
                        vec<double> e)
{
    c[0] = _mm512_shuffle_f64x2(a.v, b.v, 0x44);
    c[1] = _mm512_shuffle_f64x2(a.v, b.v, 0xee);
    c[2] = _mm512_shuffle_f64x2(d.v, e.v, 0x44);
    c[3] = _mm512_shuffle_f64x2(d.v, e.v, 0xee);
}
// Four rows of four: the quarters of r[j], which hold four numbers of a row, become numbers j.
INLINE void transpose_quarters(vec<float> *r)
{
    const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(r[0].v, r[1].v)),
                  b = _mm512_castps_pd(_mm512_unpackhi_ps(r[0].v, r[1].v));
    const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(r[2].v, r[3].v)),
                  d = _mm512_castps_pd(_mm512_unpackhi_ps(r[2].v, r[3].v));
    r[0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
}
// r[j], rows j and j + 8 of eight numbers, becomes number j of sixteen rows, or back.
INLINE void exchange_quarters(vec<float> (&r)[8])
{
    const __m512i even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13),
                  odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    UNROLL
    for (int q = 0; q < 4; ++q) {
        const __m512d a = _mm512_castps_pd(r[q].v), b = _mm512_castps_pd(r[4 + q].v);
        r[q] = _mm512_castpd_ps(_mm512_permutex2var_pd(a, even, b));
        r[4 + q] = _mm512_castpd_ps(_mm512_permutex2var_pd(a, odd, b));
    }
}
INLINE void load_row_pairs(const float *x, vec<float> (&r)[8], int K)
{
    UNROLL
    for (int j = 0; j < 8; ++j)
        r[j] = _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(x + j * K)),
                                  _mm256_loadu_ps(x + (j + 8) * K), 1);
    transpose_quarters(r);
    transpose_quarters(r + 4);
    exchange_quarters(r);
}
INLINE void store_row_pairs(float *x, vec<float> (&r)[8], int K)
{
    exchange_quarters(r);
    transpose_quarters(r);
    transpose_quarters(r + 4);
    // what a store writes of the next row, the next store writes over
    UNROLL
    for (int j = 0; j < 8; ++j)
        _mm256_storeu_ps(x + j * K, _mm512_castps512_ps256(r[j].v));
    UNROLL
    for (int j = 0; j < 7; ++j)
        _mm256_storeu_ps(x + (j + 8) * K, _mm512_extractf32x8_ps(r[j].v, 1));
    _mm256_mask_storeu_ps(x + 15 * K, static_cast<__mmask8>((1 << K) - 1),
                          _mm512_extractf32x8_ps(r[7].v, 1));
}
#  include "float16.h"
#endif
