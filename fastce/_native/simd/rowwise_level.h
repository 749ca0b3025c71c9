// The kernels of rowwise.cpp for one instruction set, and the list of their functions by name.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

#include "elementary.h"
#include "long_rows.h"
#include "short_rows.h"
#include "rows.h"
#include "strided_rows.h"
#include "leaves.h"
#include "row_groups.h"
#include "wide.h"
#include "cross_entropy.h"
#include "binary_cross_entropy.h"
#include "probabilities.h"
#include "general_rows.h"

inline const function *functions()
{
#define FUNCTION(name, T, suffix) {"fastce_" #name suffix, reinterpret_cast<any_function>(name<T>)}
#define BOTH(name) FUNCTION(name, float, "_f32"), FUNCTION(name, double, "_f64")
    static const function list[] = {// called from rowwise.pyx
                                    BOTH(logsumexp_rows),
                                    BOTH(softmax_rows),
                                    BOTH(log_softmax_rows),
                                    BOTH(logsumexp_strided),
                                    BOTH(softmax_strided),
                                    BOTH(log_softmax_strided),
                                    BOTH(sigmoid_flat),
                                    BOTH(log_sigmoid_flat),
                                    // called from there and from Numba
                                    BOTH(exp_nonpositive_flat),
                                    // called from Numba
                                    BOTH(log_nonnegative_flat),
                                    BOTH(softmax_statistics),
                                    BOTH(softmax_terms),
                                    BOTH(normalise_terms),
                                    BOTH(weighted_softmax),
                                    BOTH(logistic),
                                    BOTH(cross_entropy_rows),
                                    BOTH(binary_cross_entropy_flat),
                                    BOTH(probability_rows),
                                    BOTH(cross_entropy_general_rows),
                                    {nullptr, nullptr}};
#undef FUNCTION
#undef BOTH
    return list;
}
