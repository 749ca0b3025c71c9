// The kernels of tiles.cpp for one instruction set, and the list of their functions by name.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

#include "elementary.h"
#include "short_rows.h"
#include "scans.h"
#include "tiles.h"

inline const function *functions()
{
#define FUNCTION(name, T, suffix) {"fastce_" #name suffix, reinterpret_cast<any_function>(name<T>)}
#define BOTH(name) FUNCTION(name, float, "_f32"), FUNCTION(name, double, "_f64")
    static const function list[] = {// called from Numba and from tiles.pyx
                                    BOTH(load_rows),
                                    BOTH(store_rows),
                                    // called from tiles.pyx
                                    BOTH(scan_rows),
                                    {nullptr, nullptr}};
#undef FUNCTION
#undef BOTH
    return list;
}
