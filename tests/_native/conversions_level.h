// Conversions of flat arrays for test_simd.py, from 16 bits to float and back.
template <class E> void widen(const E *x, ptrdiff_t n, float *out)
{
    using V = vec<float>;
    for (ptrdiff_t i = 0; i < n; i += V::lanes)
        store_up_to(out + i, load_up_to(x + i, n - i, -1.0f), n - i);
}

template <class E> void narrow_all(const float *x, ptrdiff_t n, E *out)
{
    using V = vec<float>;
    for (ptrdiff_t i = 0; i < n; i += V::lanes)
        store_up_to(out + i, load_up_to(x + i, n - i, -1.0f), n - i);
}

// The lanes beyond the last entry of x (n,), n < 16, hold the filling.
template <class E> void widen_filled(const E *x, ptrdiff_t n, float *out)
{
    using V = vec<float>;
    for (ptrdiff_t i = 0; i < 16; i += V::lanes)
        load_up_to(x + (i < n ? i : n), n > i ? n - i : 0, 7.0f).store(out + i);
}

inline const function *functions()
{
    static const function list[] = {
        {"widen_float16", reinterpret_cast<any_function>(widen<half>)},
        {"widen_bfloat16", reinterpret_cast<any_function>(widen<bfloat16>)},
        {"narrow_float16", reinterpret_cast<any_function>(narrow_all<half>)},
        {"narrow_bfloat16", reinterpret_cast<any_function>(narrow_all<bfloat16>)},
        {"fill_float16", reinterpret_cast<any_function>(widen_filled<half>)},
        {"fill_bfloat16", reinterpret_cast<any_function>(widen_filled<bfloat16>)},
        {nullptr, nullptr}};
    return list;
}
