"""Runs the blocks of a driver on one thread, or on the threads that Numba owns.

A driver (``fastce._core.jit``) is compiled once, as a function of a range of blocks. `run_blocks`
calls that function for all blocks here, or gives each of Numba's threads a range of its own:
Numba's threading layers (OpenMP, TBB, workqueue) all export the same ``parallel_for``, which
`connect` makes known.
"""

from libc.stdint cimport intptr_t, uintptr_t

__all__ = ["address", "connect"]

# No more threads than these get blocks: their bounds lie on the stack.
cdef enum:
    MAX_THREADS = 1024

# Does the blocks from `first` to before `last`, and returns 0, or the status of one that raised.
ctypedef int (*block_range)(void *data, intptr_t first, intptr_t last) noexcept nogil

# What a threading layer calls in each thread: args[0] is where its `dimensions[0]` ranges begin,
# steps[0] bytes apart.
ctypedef void (*thread_function)(
    char **args, size_t *dimensions, size_t *steps, void *data) noexcept nogil

cdef struct Task:
    block_range function
    void *data
    int status

ctypedef void (*parallel_for_function)(
    thread_function function, char **args, size_t *dimensions, size_t *steps, void *data,
    size_t inner_dimensions, size_t n_arrays, int n_threads) noexcept nogil

ctypedef int (*getter_function)() noexcept nogil
ctypedef void (*setter_function)(int n) noexcept nogil

cdef parallel_for_function parallel_for = NULL
cdef getter_function get_num_threads = NULL
cdef setter_function set_num_threads = NULL


cdef void in_one_thread(
        char **args, size_t *dimensions, size_t *steps, void *data) noexcept nogil:
    cdef Task *task = <Task *> data
    cdef size_t k
    cdef int status
    cdef intptr_t *bounds
    for k in range(dimensions[0]):
        bounds = <intptr_t *> (args[0] + k * steps[0])
        status = task.function(task.data, bounds[0], bounds[1])
        if status:
            task.status = status  # of several threads, one of theirs


cdef int run_blocks(
        block_range function, void *data, intptr_t n_blocks, intptr_t n_threads) noexcept nogil:
    """Call ``function(data, first, last)`` for ranges that make up all blocks, one for each thread.

    Return 0, or the status of a block that raised.
    """
    cdef intptr_t bounds[MAX_THREADS + 1]
    cdef Task task
    cdef char *arrays[1]
    cdef size_t dimensions[2]
    cdef size_t steps[2]
    cdef intptr_t k
    cdef int before
    n_threads = min(n_threads, n_blocks, <intptr_t> MAX_THREADS)
    if n_threads <= 1 or parallel_for == NULL:
        return function(data, 0, n_blocks)
    for k in range(n_threads + 1):
        bounds[k] = k * n_blocks // n_threads
    task.function, task.data, task.status = function, data, 0
    # one array, of ranges: thread k finds the first block and the end of its own at bounds[k]
    arrays[0] = <char *> bounds
    dimensions[0], dimensions[1] = n_threads, 2
    steps[0] = steps[1] = sizeof(intptr_t)
    # the layers leave the number in the calling thread, too, where the user has set another one
    before = get_num_threads()
    parallel_for(in_one_thread, arrays, dimensions, steps, &task, 1, 1, <int> n_threads)
    set_num_threads(before)
    return task.status


def address():
    """Return the address of `run_blocks`, for compiled code."""
    return <uintptr_t> &run_blocks


def connect(uintptr_t parallel_for_address, uintptr_t getter, uintptr_t setter):
    """Take the functions of Numba's threading layer: parallel_for, get_ and set_num_threads."""
    global parallel_for, get_num_threads, set_num_threads
    get_num_threads = <getter_function> getter
    set_num_threads = <setter_function> setter
    parallel_for = <parallel_for_function> parallel_for_address
