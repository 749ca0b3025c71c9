// Where rows lie, in whatever order and dtype. Included by tiles.h and tiles.pyx.
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace fastce
{
// The dtypes of memory by number.
enum memory_kind : int64_t { memory_half, memory_bfloat16, memory_float, memory_double };

// Entry k of row o * inner + j is number o * outer_stride + j * inner_stride + k * class_stride.
// All members have 64 bits: Numba's kernels get it as a row of a table of int64.
struct memory {
    int64_t data, kind, n_classes, inner, outer_stride, inner_stride, class_stride, n;
};

// Entries behind a tile that may be written, too: the longest vector.
constexpr ptrdiff_t tile_padding = 16;
} // namespace fastce
