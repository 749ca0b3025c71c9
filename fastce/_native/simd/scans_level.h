// The kernels of scans.cpp for one instruction set, and the list of their functions by name.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif
#include "scans.h"

inline const function *functions()
{
    static const function list[] = {
        {"fastce_scan_labels", reinterpret_cast<any_function>(scan_labels)},
        {"fastce_scan_interval_f32", reinterpret_cast<any_function>(scan_interval<float>)},
        {"fastce_scan_interval_f64", reinterpret_cast<any_function>(scan_interval<double>)},
        {nullptr, nullptr}};
    return list;
}
