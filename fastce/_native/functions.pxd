"""The lists of compiled kernels by name (``simd/functions.h``)."""

cdef extern from "simd/functions.h" namespace "fastce" nogil:
    ctypedef void (*any_function)() noexcept
    cdef struct function:
        const char *name
        any_function address
    const function *rowwise_functions(int level)
    const function *products_functions(int level)
    const function *scans_functions(int level)
    const function *tiles_functions(int level)


cdef inline dict addresses_of(const function *each):
    """Return the addresses of a list of functions by name."""
    found = {}
    while each.name != NULL:
        found[each.name.decode()] = <Py_ssize_t> each.address
        each += 1
    return found
