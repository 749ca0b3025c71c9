/* The vector types of one instruction set, and the operations that C's operators do not provide.
 *
 * Included once per instruction set by rowwise_level.h and products_level.h. `+ - * /`, comparisons
 * (lanes of -1 or 0) and bit operations are the compiler's own. With SIMD_BYTES == 0 a vector is
 * one scalar and the same source still compiles; therefore other headers never subscript a vector.
 */

#define vfloat NAME(fastce_vfloat)
#define vdouble NAME(fastce_vdouble)
#define vint NAME(fastce_vint)
#define vlong NAME(fastce_vlong)
#define vhalf NAME(fastce_vhalf)

#undef FLOAT_LANES
#undef DOUBLE_LANES
#if SIMD_BYTES
typedef float vfloat __attribute__((vector_size(SIMD_BYTES)));
typedef double vdouble __attribute__((vector_size(SIMD_BYTES)));
typedef int32_t vint __attribute__((vector_size(SIMD_BYTES)));
typedef int64_t vlong __attribute__((vector_size(SIMD_BYTES)));
typedef float vhalf __attribute__((vector_size(SIMD_BYTES / 2)));
#  define FLOAT_LANES (SIMD_BYTES / 4)
#  define DOUBLE_LANES (SIMD_BYTES / 8)
#else
typedef float vfloat;
typedef double vdouble;
typedef int32_t vint;
typedef int64_t vlong;
#  define FLOAT_LANES 1
#  define DOUBLE_LANES 1
#endif

FASTCE_INLINE vfloat NAME(load_f32)(const float *p)
{
    vfloat v;
    memcpy(&v, p, sizeof v);
    return v;
}
FASTCE_INLINE vdouble NAME(load_f64)(const double *p)
{
    vdouble v;
    memcpy(&v, p, sizeof v);
    return v;
}
FASTCE_INLINE void NAME(store_f32)(float *p, vfloat v) { memcpy(p, &v, sizeof v); }
FASTCE_INLINE void NAME(store_f64)(double *p, vdouble v) { memcpy(p, &v, sizeof v); }

#if SIMD_BYTES
FASTCE_INLINE vfloat NAME(splat_f32)(float s) { return (vfloat){0} + s; }
FASTCE_INLINE vdouble NAME(splat_f64)(double s) { return (vdouble){0} + s; }
FASTCE_INLINE vint NAME(bits_f32)(vfloat v) { return (vint)v; }
FASTCE_INLINE vlong NAME(bits_f64)(vdouble v) { return (vlong)v; }
FASTCE_INLINE vfloat NAME(from_bits_f32)(vint v) { return (vfloat)v; }
FASTCE_INLINE vdouble NAME(from_bits_f64)(vlong v) { return (vdouble)v; }
FASTCE_INLINE vfloat NAME(select_f32)(vint mask, vfloat yes, vfloat no)
{
    return (vfloat)((mask & (vint)yes) | (~mask & (vint)no));
}
FASTCE_INLINE vdouble NAME(select_f64)(vlong mask, vdouble yes, vdouble no)
{
    return (vdouble)((mask & (vlong)yes) | (~mask & (vlong)no));
}
FASTCE_INLINE vdouble NAME(load_widened_f32)(const float *p)
{
    vhalf h;
    memcpy(&h, p, sizeof h);
    return __builtin_convertvector(h, vdouble);
}
#else
FASTCE_INLINE vfloat NAME(splat_f32)(float s) { return s; }
FASTCE_INLINE vdouble NAME(splat_f64)(double s) { return s; }
FASTCE_INLINE vint NAME(bits_f32)(vfloat v)
{
    vint b;
    memcpy(&b, &v, sizeof b);
    return b;
}
FASTCE_INLINE vlong NAME(bits_f64)(vdouble v)
{
    vlong b;
    memcpy(&b, &v, sizeof b);
    return b;
}
FASTCE_INLINE vfloat NAME(from_bits_f32)(vint b)
{
    vfloat v;
    memcpy(&v, &b, sizeof v);
    return v;
}
FASTCE_INLINE vdouble NAME(from_bits_f64)(vlong b)
{
    vdouble v;
    memcpy(&v, &b, sizeof v);
    return v;
}
FASTCE_INLINE vfloat NAME(select_f32)(vint mask, vfloat yes, vfloat no) { return mask ? yes : no; }
FASTCE_INLINE vdouble NAME(select_f64)(vlong mask, vdouble yes, vdouble no)
{
    return mask ? yes : no;
}
FASTCE_INLINE vdouble NAME(load_widened_f32)(const float *p) { return (double)*p; }
#endif
FASTCE_INLINE vdouble NAME(load_widened_f64)(const double *p) { return NAME(load_f64)(p); }

/* Broadcast the number at p to all lanes. */
FASTCE_INLINE vdouble NAME(splat_at)(const double *p)
{
#if SIMD_LEVEL == 3
    return (vdouble)_mm256_broadcast_sd(p);
#elif SIMD_LEVEL == 4
    return (vdouble)_mm512_set1_pd(*p);
#else
    return NAME(splat_f64)(*p);
#endif
}

/* max_*(a, b) is `a > b ? a : b`: a NaN in `a` is ignored, a NaN in `b` is returned. */
#if SIMD_LEVEL == 4
FASTCE_INLINE vfloat NAME(max_f32)(vfloat a, vfloat b)
{
    return (vfloat)_mm512_max_ps((__m512)a, (__m512)b);
}
FASTCE_INLINE vdouble NAME(max_f64)(vdouble a, vdouble b)
{
    return (vdouble)_mm512_max_pd((__m512d)a, (__m512d)b);
}
#elif SIMD_LEVEL == 3
FASTCE_INLINE vfloat NAME(max_f32)(vfloat a, vfloat b)
{
    return (vfloat)_mm256_max_ps((__m256)a, (__m256)b);
}
FASTCE_INLINE vdouble NAME(max_f64)(vdouble a, vdouble b)
{
    return (vdouble)_mm256_max_pd((__m256d)a, (__m256d)b);
}
#elif FASTCE_X86_LEVELS
FASTCE_INLINE vfloat NAME(max_f32)(vfloat a, vfloat b)
{
    return (vfloat)_mm_max_ps((__m128)a, (__m128)b);
}
FASTCE_INLINE vdouble NAME(max_f64)(vdouble a, vdouble b)
{
    return (vdouble)_mm_max_pd((__m128d)a, (__m128d)b);
}
#elif SIMD_BYTES
FASTCE_INLINE vfloat NAME(max_f32)(vfloat a, vfloat b) { return NAME(select_f32)(a > b, a, b); }
FASTCE_INLINE vdouble NAME(max_f64)(vdouble a, vdouble b) { return NAME(select_f64)(a > b, a, b); }
#else
FASTCE_INLINE vfloat NAME(max_f32)(vfloat a, vfloat b) { return a > b ? a : b; }
FASTCE_INLINE vdouble NAME(max_f64)(vdouble a, vdouble b) { return a > b ? a : b; }
#endif

#if SIMD_LEVEL == 4
/* To the nearest integer; v * 2^n for an integer n, rounded once. */
FASTCE_INLINE vfloat NAME(round_f32)(vfloat v)
{
    return (vfloat)_mm512_roundscale_ps((__m512)v, 0);
}
FASTCE_INLINE vdouble NAME(round_f64)(vdouble v)
{
    return (vdouble)_mm512_roundscale_pd((__m512d)v, 0);
}
FASTCE_INLINE vfloat NAME(scale_f32)(vfloat v, vfloat n)
{
    return (vfloat)_mm512_scalef_ps((__m512)v, (__m512)n);
}
FASTCE_INLINE vdouble NAME(scale_f64)(vdouble v, vdouble n)
{
    return (vdouble)_mm512_scalef_pd((__m512d)v, (__m512d)n);
}
#endif

/* add_unless_equal(sum, term, x, m): sum + term in the lanes where x is not m (a NaN is not), sum
 * elsewhere. count_equal(counter, x, m) counts the lanes where x is m. */
#if SIMD_LEVEL == 4
typedef ptrdiff_t NAME(counter_f32);
typedef ptrdiff_t NAME(counter_f64);
FASTCE_INLINE vfloat NAME(add_unless_equal_f32)(vfloat sum, vfloat term, vfloat x, vfloat m)
{
    return (vfloat)_mm512_mask_add_ps((__m512)sum,
                                      _mm512_cmp_ps_mask((__m512)x, (__m512)m, _CMP_NEQ_UQ),
                                      (__m512)sum, (__m512)term);
}
FASTCE_INLINE vdouble NAME(add_unless_equal_f64)(vdouble sum, vdouble term, vdouble x, vdouble m)
{
    return (vdouble)_mm512_mask_add_pd((__m512d)sum,
                                       _mm512_cmp_pd_mask((__m512d)x, (__m512d)m, _CMP_NEQ_UQ),
                                       (__m512d)sum, (__m512d)term);
}
FASTCE_INLINE ptrdiff_t NAME(count_equal_f32)(ptrdiff_t counter, vfloat x, vfloat m)
{
    return counter +
           (16 - __builtin_popcount(_mm512_cmp_ps_mask((__m512)x, (__m512)m, _CMP_NEQ_UQ)));
}
FASTCE_INLINE ptrdiff_t NAME(count_equal_f64)(ptrdiff_t counter, vdouble x, vdouble m)
{
    return counter +
           (8 - __builtin_popcount(_mm512_cmp_pd_mask((__m512d)x, (__m512d)m, _CMP_NEQ_UQ)));
}
FASTCE_INLINE ptrdiff_t NAME(counted_f32)(ptrdiff_t counter) { return counter; }
FASTCE_INLINE ptrdiff_t NAME(counted_f64)(ptrdiff_t counter) { return counter; }
#elif SIMD_BYTES
typedef vint NAME(counter_f32);
typedef vlong NAME(counter_f64);
FASTCE_INLINE vfloat NAME(add_unless_equal_f32)(vfloat sum, vfloat term, vfloat x, vfloat m)
{
    return sum + (vfloat)((vint)term & (x != m));
}
FASTCE_INLINE vdouble NAME(add_unless_equal_f64)(vdouble sum, vdouble term, vdouble x, vdouble m)
{
    return sum + (vdouble)((vlong)term & (x != m));
}
FASTCE_INLINE vint NAME(count_equal_f32)(vint counter, vfloat x, vfloat m)
{
    return counter - (x == m);
}
FASTCE_INLINE vlong NAME(count_equal_f64)(vlong counter, vdouble x, vdouble m)
{
    return counter - (x == m);
}
FASTCE_INLINE ptrdiff_t NAME(counted_f32)(vint counter)
{
    ptrdiff_t total = 0;
    for (int i = 0; i < FLOAT_LANES; ++i)
        total += counter[i];
    return total;
}
FASTCE_INLINE ptrdiff_t NAME(counted_f64)(vlong counter)
{
    ptrdiff_t total = 0;
    for (int i = 0; i < DOUBLE_LANES; ++i)
        total += counter[i];
    return total;
}
#else
typedef ptrdiff_t NAME(counter_f32);
typedef ptrdiff_t NAME(counter_f64);
FASTCE_INLINE vfloat NAME(add_unless_equal_f32)(vfloat sum, vfloat term, vfloat x, vfloat m)
{
    return x != m ? sum + term : sum;
}
FASTCE_INLINE vdouble NAME(add_unless_equal_f64)(vdouble sum, vdouble term, vdouble x, vdouble m)
{
    return x != m ? sum + term : sum;
}
FASTCE_INLINE ptrdiff_t NAME(count_equal_f32)(ptrdiff_t counter, vfloat x, vfloat m)
{
    return counter + (x == m);
}
FASTCE_INLINE ptrdiff_t NAME(count_equal_f64)(ptrdiff_t counter, vdouble x, vdouble m)
{
    return counter + (x == m);
}
FASTCE_INLINE ptrdiff_t NAME(counted_f32)(ptrdiff_t counter) { return counter; }
FASTCE_INLINE ptrdiff_t NAME(counted_f64)(ptrdiff_t counter) { return counter; }
#endif

/* Narrow two vectors of doubles to the first and the second half of a vector of floats. */
FASTCE_INLINE vfloat NAME(narrowed)(vdouble low, vdouble high)
{
#if SIMD_LEVEL == 4
    return (vfloat)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low)),
                                      _mm512_cvtpd_ps((__m512d)high), 1);
#elif SIMD_BYTES
    vhalf halves[2] = {__builtin_convertvector(low, vhalf), __builtin_convertvector(high, vhalf)};
    vfloat v;
    memcpy(&v, halves, sizeof v);
    return v;
#else
    (void)high;
    return (float)low;
#endif
}

/* low += first half of v, high += second half of v, in double. */
FASTCE_INLINE void NAME(add_widened)(vdouble *low, vdouble *high, vfloat v)
{
#if SIMD_LEVEL == 4
    *low += (vdouble)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)v));
    *high += (vdouble)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)v, 1));
#elif SIMD_LEVEL == 3
    *low += (vdouble)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)v));
    *high += (vdouble)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)v, 1));
#elif FASTCE_X86_LEVELS
    *low += (vdouble)_mm_cvtps_pd((__m128)v);
    *high += (vdouble)_mm_cvtps_pd(_mm_movehl_ps((__m128)v, (__m128)v));
#elif SIMD_BYTES
    vhalf halves[2];
    memcpy(halves, &v, sizeof v);
    *low += __builtin_convertvector(halves[0], vdouble);
    *high += __builtin_convertvector(halves[1], vdouble);
#else
    *low += (double)v;
    (void)high;
#endif
}

/* Sum over the lanes, as a binary tree. */
FASTCE_INLINE double NAME(sum_lanes)(vdouble v)
{
#if SIMD_LEVEL == 4
    return _mm512_reduce_add_pd((__m512d)v);
#else
    double lane[DOUBLE_LANES];
    memcpy(lane, &v, sizeof v);
    for (int width = DOUBLE_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i)
            lane[i] += lane[i + width];
    return lane[0];
#endif
}

/* Maximum over the lanes, none of which is NaN. */
FASTCE_INLINE float NAME(max_lanes_f32)(vfloat v)
{
#if SIMD_LEVEL == 4
    return _mm512_reduce_max_ps((__m512)v);
#else
    float lane[FLOAT_LANES];
    memcpy(lane, &v, sizeof v);
    for (int width = FLOAT_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i)
            lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
    return lane[0];
#endif
}

FASTCE_INLINE double NAME(max_lanes_f64)(vdouble v)
{
#if SIMD_LEVEL == 4
    return _mm512_reduce_max_pd((__m512d)v);
#else
    double lane[DOUBLE_LANES];
    memcpy(lane, &v, sizeof v);
    for (int width = DOUBLE_LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; ++i)
            lane[i] = lane[i + width] > lane[i] ? lane[i + width] : lane[i];
    return lane[0];
#endif
}

/* add_equal(counts, a, b): integers, plus 1 in the lanes where a equals b; real_of_count converts
 * them to REAL. */
#if SIMD_LEVEL == 4
FASTCE_INLINE vint NAME(add_equal_f32)(vint counts, vfloat a, vfloat b)
{
    return (vint)_mm512_mask_add_epi32((__m512i)counts,
                                       _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ),
                                       (__m512i)counts, _mm512_set1_epi32(1));
}
FASTCE_INLINE vlong NAME(add_equal_f64)(vlong counts, vdouble a, vdouble b)
{
    return (vlong)_mm512_mask_add_epi64((__m512i)counts,
                                        _mm512_cmp_pd_mask((__m512d)a, (__m512d)b, _CMP_EQ_OQ),
                                        (__m512i)counts, _mm512_set1_epi64(1));
}
#elif SIMD_BYTES
FASTCE_INLINE vint NAME(add_equal_f32)(vint counts, vfloat a, vfloat b)
{
    return counts - (a == b);
}
FASTCE_INLINE vlong NAME(add_equal_f64)(vlong counts, vdouble a, vdouble b)
{
    return counts - (a == b);
}
#else
FASTCE_INLINE vint NAME(add_equal_f32)(vint counts, vfloat a, vfloat b)
{
    return counts + (a == b);
}
FASTCE_INLINE vlong NAME(add_equal_f64)(vlong counts, vdouble a, vdouble b)
{
    return counts + (a == b);
}
#endif
#if SIMD_BYTES
FASTCE_INLINE vfloat NAME(real_of_count_f32)(vint counts)
{
    return __builtin_convertvector(counts, vfloat);
}
FASTCE_INLINE vdouble NAME(real_of_count_f64)(vlong counts)
{
    return __builtin_convertvector(counts, vdouble);
}
FASTCE_INLINE vint NAME(shift_left_f32)(vint bits, int by) { return bits << by; }
FASTCE_INLINE vlong NAME(shift_left_f64)(vlong bits, int by) { return bits << by; }
#else
FASTCE_INLINE vfloat NAME(real_of_count_f32)(vint counts) { return (vfloat)counts; }
FASTCE_INLINE vdouble NAME(real_of_count_f64)(vlong counts) { return (vdouble)counts; }
FASTCE_INLINE vint NAME(shift_left_f32)(vint bits, int by) { return (vint)((uint32_t)bits << by); }
FASTCE_INLINE vlong NAME(shift_left_f64)(vlong bits, int by)
{
    return (vlong)((uint64_t)bits << by);
}
#endif

/* load_or: the first `count` entries (0 <= count <= lanes), and `fill` in the other lanes;
 * load_partial fills with 0. Nothing beyond the `count` entries is read or written. */
#if SIMD_LEVEL == 4
FASTCE_INLINE vfloat NAME(load_or_f32)(const float *p, ptrdiff_t count, float fill)
{
    return (vfloat)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (__mmask16)((1u << count) - 1), p);
}
FASTCE_INLINE vdouble NAME(load_or_f64)(const double *p, ptrdiff_t count, double fill)
{
    return (vdouble)_mm512_mask_loadu_pd(_mm512_set1_pd(fill), (__mmask8)((1u << count) - 1), p);
}
FASTCE_INLINE void NAME(store_partial_f32)(float *p, vfloat v, ptrdiff_t count)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)v);
}
FASTCE_INLINE void NAME(store_partial_f64)(double *p, vdouble v, ptrdiff_t count)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m512d)v);
}
#elif SIMD_LEVEL == 3
FASTCE_INLINE __m256i NAME(first_f32)(ptrdiff_t count)
{
    static const int32_t mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(mask + 8 - count));
}
FASTCE_INLINE __m256i NAME(first_f64)(ptrdiff_t count)
{
    static const int64_t mask[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
    return _mm256_loadu_si256((const __m256i *)(mask + 4 - count));
}
FASTCE_INLINE vfloat NAME(load_or_f32)(const float *p, ptrdiff_t count, float fill)
{
    __m256i first = NAME(first_f32)(count);
    return (vfloat)_mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, first),
                                    _mm256_castsi256_ps(first));
}
FASTCE_INLINE vdouble NAME(load_or_f64)(const double *p, ptrdiff_t count, double fill)
{
    __m256i first = NAME(first_f64)(count);
    return (vdouble)_mm256_blendv_pd(_mm256_set1_pd(fill), _mm256_maskload_pd(p, first),
                                     _mm256_castsi256_pd(first));
}
FASTCE_INLINE void NAME(store_partial_f32)(float *p, vfloat v, ptrdiff_t count)
{
    _mm256_maskstore_ps(p, NAME(first_f32)(count), (__m256)v);
}
FASTCE_INLINE void NAME(store_partial_f64)(double *p, vdouble v, ptrdiff_t count)
{
    _mm256_maskstore_pd(p, NAME(first_f64)(count), (__m256d)v);
}
#else
FASTCE_INLINE vfloat NAME(load_or_f32)(const float *p, ptrdiff_t count, float fill)
{
    float lane[FLOAT_LANES];
    for (int i = 0; i < FLOAT_LANES; ++i)
        lane[i] = i < count ? p[i] : fill;
    return NAME(load_f32)(lane);
}
FASTCE_INLINE vdouble NAME(load_or_f64)(const double *p, ptrdiff_t count, double fill)
{
    double lane[DOUBLE_LANES];
    for (int i = 0; i < DOUBLE_LANES; ++i)
        lane[i] = i < count ? p[i] : fill;
    return NAME(load_f64)(lane);
}
FASTCE_INLINE void NAME(store_partial_f32)(float *p, vfloat v, ptrdiff_t count)
{
    float lane[FLOAT_LANES];
    NAME(store_f32)(lane, v);
    for (ptrdiff_t i = 0; i < count; ++i)
        p[i] = lane[i];
}
FASTCE_INLINE void NAME(store_partial_f64)(double *p, vdouble v, ptrdiff_t count)
{
    double lane[DOUBLE_LANES];
    NAME(store_f64)(lane, v);
    for (ptrdiff_t i = 0; i < count; ++i)
        p[i] = lane[i];
}
#endif
FASTCE_INLINE vdouble NAME(load_partial_f64)(const double *p, ptrdiff_t count)
{
    return NAME(load_or_f64)(p, count, 0);
}
FASTCE_INLINE vdouble NAME(load_partial_widened_f64)(const double *p, ptrdiff_t count)
{
    return NAME(load_partial_f64)(p, count);
}
FASTCE_INLINE vdouble NAME(load_partial_widened_f32)(const float *p, ptrdiff_t count)
{
#if SIMD_LEVEL == 4
    return (vdouble)_mm512_cvtps_pd(_mm256_maskz_loadu_ps((__mmask8)((1u << count) - 1), p));
#elif SIMD_LEVEL == 3
    static const int32_t mask[8] = {-1, -1, -1, -1, 0, 0, 0, 0};
    return (vdouble)_mm256_cvtps_pd(
        _mm_maskload_ps(p, _mm_loadu_si128((const __m128i *)(mask + 4 - count))));
#else
    double lane[DOUBLE_LANES];
    for (int i = 0; i < DOUBLE_LANES; ++i)
        lane[i] = i < count ? (double)p[i] : 0;
    return NAME(load_f64)(lane);
#endif
}

/* out[i] = sum of the lanes of v[i], i < 4. Four sums together cost less than four separate ones.
 */
FASTCE_INLINE void NAME(sum_lanes_of_four)(const vdouble *v, double *out)
{
#if SIMD_LEVEL >= 3
#  if SIMD_LEVEL == 4
    __m512d wide01 = _mm512_add_pd(_mm512_unpacklo_pd((__m512d)v[0], (__m512d)v[1]),
                                   _mm512_unpackhi_pd((__m512d)v[0], (__m512d)v[1]));
    __m512d wide23 = _mm512_add_pd(_mm512_unpacklo_pd((__m512d)v[2], (__m512d)v[3]),
                                   _mm512_unpackhi_pd((__m512d)v[2], (__m512d)v[3]));
    __m256d sum01 =
        _mm256_add_pd(_mm512_castpd512_pd256(wide01), _mm512_extractf64x4_pd(wide01, 1));
    __m256d sum23 =
        _mm256_add_pd(_mm512_castpd512_pd256(wide23), _mm512_extractf64x4_pd(wide23, 1));
#  else
    __m256d sum01 = _mm256_hadd_pd((__m256d)v[0], (__m256d)v[1]);
    __m256d sum23 = _mm256_hadd_pd((__m256d)v[2], (__m256d)v[3]);
#  endif
    _mm256_storeu_pd(out, _mm256_add_pd(_mm256_permute2f128_pd(sum01, sum23, 0x20),
                                        _mm256_permute2f128_pd(sum01, sum23, 0x31)));
#else
    for (int i = 0; i < 4; ++i)
        out[i] = NAME(sum_lanes)(v[i]);
#endif
}
