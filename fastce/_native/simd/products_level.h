/* The code behind products.h for one instruction set, for float64 and float32 entries and both
 * index types. Included by each_level.h. */
#include "vector.h"

/* Sizes of register tiles, rows times vectors of classes: they fill 16 or 32 registers.
 * WIDENED_ROWS is the number of float32 rows that are converted to float64 at a time. */
#undef TILE_VECTORS
#undef ROWS_OF_TWO
#undef ROWS_OF_THREE
#undef WIDENED_ROWS
#if SIMD_LEVEL == 4 || (SIMD_BYTES && defined(__aarch64__))
#  define TILE_VECTORS 4
#  define ROWS_OF_TWO 8
#  define ROWS_OF_THREE 8
#  define WIDENED_ROWS(vectors) ((vectors) % 4 ? 8 : 12)
#else
#  define TILE_VECTORS 3
#  define ROWS_OF_TWO 6
#  define ROWS_OF_THREE 4
#  define WIDENED_ROWS(vectors) ((vectors) == 1 ? 8 : 12)
#endif
#undef TILE_ROWS
#define TILE_ROWS 8
/* Rows in a group of tiles; a multiple of every tile's rows. */
#undef GROUP_ROWS
#define GROUP_ROWS 24
/* Rows of X that are prefetched ahead; the hardware prefetcher only follows a row. */
#undef AHEAD_ROWS
#define AHEAD_ROWS 8
/* Entries of a piece of B: 16 KB, half a first-level cache. */
#undef PIECE_NUMBERS
#define PIECE_NUMBERS 2048
/* Vectors of classes that a pass over a CSR row keeps in registers. */
#undef CSR_VECTORS
#define CSR_VECTORS 4

/* float64 first: pieces of float32 are converted and use its functions. LINE_NUMBERS: entries in a
 * cache line of 64 bytes. */
#define ENTRY double
#define ENTRY_IS_DOUBLE 1
#define LINE_NUMBERS 8
#define OFX(identifier) NAME(FASTCE_PASTE(identifier, _f64))
#include "dense.h"
#define INDEX int32_t
#define OFXI(identifier) NAME(FASTCE_PASTE(identifier, _f64_i32))
#include "csr.h"
#undef INDEX
#undef OFXI
#define INDEX int64_t
#define OFXI(identifier) NAME(FASTCE_PASTE(identifier, _f64_i64))
#include "csr.h"
#undef INDEX
#undef OFXI
#undef ENTRY
#undef OFX

#undef LINE_NUMBERS
#undef ENTRY_IS_DOUBLE
#define ENTRY float
#define ENTRY_IS_DOUBLE 0
#define LINE_NUMBERS 16
#define OFX(identifier) NAME(FASTCE_PASTE(identifier, _f32))
#include "dense.h"
#define INDEX int32_t
#define OFXI(identifier) NAME(FASTCE_PASTE(identifier, _f32_i32))
#include "csr.h"
#undef INDEX
#undef OFXI
#define INDEX int64_t
#define OFXI(identifier) NAME(FASTCE_PASTE(identifier, _f32_i64))
#include "csr.h"
#undef INDEX
#undef OFXI
#undef ENTRY
#undef OFX
#undef LINE_NUMBERS
#undef ENTRY_IS_DOUBLE
