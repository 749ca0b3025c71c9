// The kernels of products.cpp for one instruction set, and the list of their functions by name.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif
#include "dense.h"
#include "csr.h"

inline const function *functions()
{
#define FUNCTION(name, types, suffix)                                                              \
    {"fastce_" #name suffix, reinterpret_cast<any_function>(name<types>)}
#define DENSE(name) FUNCTION(name, float, "_f32"), FUNCTION(name, double, "_f64")
#define CSR(name)                                                                                  \
    {"fastce_" #name "_f32_i32", reinterpret_cast<any_function>(name<float, int32_t>)},            \
        {"fastce_" #name "_f32_i64", reinterpret_cast<any_function>(name<float, int64_t>)},        \
        {"fastce_" #name "_f64_i32", reinterpret_cast<any_function>(name<double, int32_t>)},       \
    {                                                                                              \
        "fastce_" #name "_f64_i64", reinterpret_cast<any_function>(name<double, int64_t>)          \
    }
    static const function list[] = {// types and meaning of the arguments: products.pyx
                                    DENSE(dense_forward),
                                    DENSE(dense_backward),
                                    DENSE(dense_read),
                                    CSR(csr_forward),
                                    CSR(csr_backward),
                                    CSR(csr_read),
                                    CSR(csr_add_pairs),
                                    CSR(csr_add_moments),
                                    FUNCTION(csr_fault, int32_t, "_i32"),
                                    FUNCTION(csr_fault, int64_t, "_i64"),
                                    {nullptr, nullptr}};
#undef FUNCTION
#undef DENSE
#undef CSR
    return list;
}
