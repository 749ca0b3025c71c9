// Sizes of blocks, on which callers and the kernels of all levels agree. Included by rowwise.pyx.
#pragma once
#include <stddef.h>

namespace fastce
{
// Rows in a block: the most in a call of the functions that Numba calls, and the distance between
// the columns of transposed (K, block_rows) arrays.
constexpr ptrdiff_t block_rows = 64;
// The longest row for which transposing is faster; measured.
constexpr ptrdiff_t short_row = 60;
// Terms that are added in the rows' own type before their sum joins the accumulator; more would
// lose digits.
constexpr ptrdiff_t chunk_terms = 8;
// Entries in a block of long rows, which stay in the first-level cache.
constexpr ptrdiff_t block_entries = 4096;
// Bytes in a block of strided rows, which is read three times and should stay in the second-level
// cache.
constexpr ptrdiff_t block_bytes = 1 << 19;
// From this size of the narrowest block on, in bytes, caches do not help, so blocks are widest.
constexpr ptrdiff_t uncached_bytes = 1 << 21;
// Strided rows in the narrowest block, unless fewer are left, and bytes of a row of the widest.
constexpr ptrdiff_t min_columns = 64, max_column_bytes = 4096;

// Entries in a group of long rows that share their logarithms, which stays in the second-level cache,
// and the longest row that is read as a fixed number of vectors; measured.
constexpr ptrdiff_t group_entries = 16384, max_reduced_row = 64;
// The most classes for which probabilities as targets have kernels of their own.
constexpr ptrdiff_t max_soft_classes = 8;

// What a function makes of rows.
enum class form { logsumexp, softmax, log_softmax };
} // namespace fastce
