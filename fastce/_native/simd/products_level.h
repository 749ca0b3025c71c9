#include "vector.h"

/* Tiles of rows and vectors of classes that fill 16 or 32 registers; of float32, whole tiles of rows are widened at a time. */
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
/* Every number of rows of a tile divides it; a piece of B takes 16 KB. */
#undef GROUP_ROWS
#define GROUP_ROWS 24
/* Rows of X that are asked for while others are gone through: the processor looks ahead along a row only. */
#undef AHEAD_ROWS
#define AHEAD_ROWS 8
#undef PIECE_NUMBERS
#define PIECE_NUMBERS 2048
#undef CSR_VECTORS
#define CSR_VECTORS 4

/* float64 first: pieces of float32 are widened and use its functions. */
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
