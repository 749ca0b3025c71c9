// What follows from the operations of a set, written once for all of them. Included by levels.h
// after the set.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#endif

template <class T> using integers = vec<typename constants<T>::integer>;

template <class T> INLINE vec<T> &operator+=(vec<T> &a, vec<T> b) { return a = a + b; }
template <class T> INLINE vec<T> &operator-=(vec<T> &a, vec<T> b) { return a = a - b; }
template <class T> INLINE vec<T> &operator*=(vec<T> &a, vec<T> b) { return a = a * b; }

template <class T> INLINE vec<T> minus_magnitude(vec<T> a)
{
    return from_bits(bits_of(a) | integers<T>(constants<T>::sign_bit));
}

template <class T> INLINE vec<T> magnitude(vec<T> a)
{
    return from_bits(bits_of(a) & integers<T>(~constants<T>::sign_bit));
}

// sum + term in the lanes where a is not b (a NaN is not), sum elsewhere.
template <class T> INLINE vec<T> add_unless_equal(vec<T> sum, vec<T> term, vec<T> a, vec<T> b)
{
    return add_if(a != b, sum, term);
}

INLINE void add_widened(vec<double> &low, vec<double> &high, vec<float> x)
{
    low += widen_low(x);
    if constexpr (vec<float>::lanes > 1)
        high += widen_high(x);
}

// A full vector, or the first `count` lanes of one.
template <class T, class E> INLINE vec<T> load_up_to(const E *p, ptrdiff_t count, T fill)
{
    return count < vec<T>::lanes ? vec<T>::load_or(p, count, fill) : vec<T>::load(p);
}

template <class T, class E> INLINE void store_up_to(E *p, vec<T> v, ptrdiff_t count)
{
    if (count < vec<T>::lanes)
        v.store_first(p, count);
    else
        v.store(p);
}

// In each lane an integer, at most 2^31; that of double is a double.
template <class T> struct lane_counter;
template <> struct lane_counter<float> {
    vec<int32_t> n;
    INLINE void clear() { n = vec<int32_t>(0); }
    INLINE void add(mask32 m) { n = increment_if(m, n); }
    INLINE vec<float> minus_one() const { return to_real(n - vec<int32_t>(1)); }
};
template <> struct lane_counter<double> {
    vec<double> n;
    INLINE void clear() { n = vec<double>(0.0); }
    INLINE void add(mask64 m) { n = add_if(m, n, vec<double>(1.0)); }
    INLINE vec<double> minus_one() const { return n - vec<double>(1.0); }
};

// A sum that is accurate over 10^5 terms and more: float32 terms are added in double; float64 keeps
// the rounding errors (Knuth's two-sum, which needs no order of magnitudes; Neumaier 1974).
template <class T> struct accumulator;
template <> struct accumulator<float> {
    vec<double> low, high;
    INLINE void clear() { low = high = vec<double>(0.0); }
    INLINE void add(vec<float> term) { add_widened(low, high, term); }
    INLINE vec<float> lanes() const { return narrow(low, high); }
    INLINE vec<double> wide_lanes() const { return low + high; }
    INLINE double total() const { return sum_lanes(wide_lanes()); }
};
template <> struct accumulator<double> {
    vec<double> sum, lost;
    INLINE void clear() { sum = lost = vec<double>(0.0); }
    INLINE void add(vec<double> term)
    {
        const vec<double> more = sum + term, back = more - sum;
        lost += (sum - (more - back)) + (term - back);
        sum = more;
    }
    INLINE vec<double> lanes() const { return sum + lost; }
    INLINE vec<double> wide_lanes() const { return sum + lost; }
    INLINE double total() const { return sum_lanes(wide_lanes()); }
};
