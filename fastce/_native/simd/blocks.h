/* The block products of _blocks.pyx, compiled once per instruction set and chosen at import. */
#ifndef FASTCE_BLOCKS_H
#define FASTCE_BLOCKS_H

#include "target.h"

#define SIMD_SOURCE "blocks_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

typedef void (*fastce_dense_forward)(ptrdiff_t X, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p, ptrdiff_t coef,
                                     ptrdiff_t intercept, ptrdiff_t K, ptrdiff_t Z);
typedef void (*fastce_dense_backward)(ptrdiff_t X, ptrdiff_t row_stride, ptrdiff_t col_stride, ptrdiff_t n, ptrdiff_t p, ptrdiff_t R,
                                      ptrdiff_t K, ptrdiff_t G);
typedef void (*fastce_csr_forward)(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t n, ptrdiff_t coef, ptrdiff_t intercept,
                                   ptrdiff_t K, ptrdiff_t Z);
typedef void (*fastce_csr_backward)(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t n, ptrdiff_t R, ptrdiff_t K, ptrdiff_t G);
typedef void (*fastce_dense_read)(ptrdiff_t row, ptrdiff_t col_stride, ptrdiff_t p, ptrdiff_t centre, ptrdiff_t out);
/* csr_read, csr_add_pairs, csr_add_moments */
typedef void (*fastce_csr_row)(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t, ptrdiff_t, ptrdiff_t);

typedef struct {
    fastce_dense_forward dense_forward_f32, dense_forward_f64;
    fastce_dense_backward dense_backward_f32, dense_backward_f64;
    fastce_csr_forward csr_forward_f32_i32, csr_forward_f32_i64, csr_forward_f64_i32, csr_forward_f64_i64;
    fastce_csr_backward csr_backward_f32_i32, csr_backward_f32_i64, csr_backward_f64_i32, csr_backward_f64_i64;
    fastce_dense_read dense_read_f32, dense_read_f64;
    fastce_csr_row csr_read_f32_i32, csr_read_f32_i64, csr_read_f64_i32, csr_read_f64_i64;
    fastce_csr_row csr_add_pairs_f32_i32, csr_add_pairs_f32_i64, csr_add_pairs_f64_i32, csr_add_pairs_f64_i64;
    fastce_csr_row csr_add_moments_f32_i32, csr_add_moments_f32_i64, csr_add_moments_f64_i32, csr_add_moments_f64_i64;
} fastce_block_functions;

static fastce_block_functions fastce_blocks_of_level(int level)
{
    fastce_block_functions f;
#define USE(function) f.function = FASTCE_SELECT(level, fastce_##function);
    USE(dense_forward_f32)
    USE(dense_forward_f64)
    USE(dense_backward_f32)
    USE(dense_backward_f64)
    USE(csr_forward_f32_i32)
    USE(csr_forward_f32_i64)
    USE(csr_forward_f64_i32)
    USE(csr_forward_f64_i64)
    USE(csr_backward_f32_i32)
    USE(csr_backward_f32_i64)
    USE(csr_backward_f64_i32)
    USE(csr_backward_f64_i64)
    USE(dense_read_f32)
    USE(dense_read_f64)
    USE(csr_read_f32_i32)
    USE(csr_read_f32_i64)
    USE(csr_read_f64_i32)
    USE(csr_read_f64_i64)
    USE(csr_add_pairs_f32_i32)
    USE(csr_add_pairs_f32_i64)
    USE(csr_add_pairs_f64_i32)
    USE(csr_add_pairs_f64_i64)
    USE(csr_add_moments_f32_i32)
    USE(csr_add_moments_f32_i64)
    USE(csr_add_moments_f64_i32)
    USE(csr_add_moments_f64_i64)
#undef USE
    return f;
}

/* Row of the first fault of a CSR structure, or -1: indptr must not fall and stay in 0..nnz, indices in 0..p-1. */
#define CHECK_CSR(INDEX, suffix)                                                                                        \
    static ptrdiff_t fastce_csr_fault_##suffix(const INDEX *indices, const INDEX *indptr, ptrdiff_t n, ptrdiff_t nnz,   \
                                               ptrdiff_t p)                                                             \
    {                                                                                                                   \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                                             \
            int outside = 0;                                                                                            \
            if (indptr[i] < 0 || indptr[i + 1] < indptr[i] || indptr[i + 1] > nnz)                                      \
                return i;                                                                                               \
            for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e)                                                       \
                outside |= (indices[e] < 0) | (indices[e] >= p);                                                        \
            if (outside)                                                                                                \
                return i;                                                                                               \
        }                                                                                                               \
        return -1;                                                                                                      \
    }
CHECK_CSR(int32_t, i32)
CHECK_CSR(int64_t, i64)
#undef CHECK_CSR

#endif
