#include "vector.h"

/* Tile sizes by the number of vector registers. */
#undef INNER_ROWS
#undef OUTER_VECTORS
#if SIMD_LEVEL == 4 || (SIMD_BYTES && defined(__aarch64__))
#  define INNER_ROWS 4
#  define OUTER_VECTORS 4
#else
#  define INNER_ROWS 2
#  define OUTER_VECTORS 2
#endif
#undef CSR_VECTORS
#define CSR_VECTORS 4

/* float64 first: float32 in an odd layout is copied to double and uses its tiles. */
#define ENTRY double
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

#define ENTRY float
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
