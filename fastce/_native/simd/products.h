/* Products of row blocks of X, compiled once per instruction set and chosen at import. Included by
 * products.pyx. */
#ifndef FASTCE_PRODUCTS_H
#define FASTCE_PRODUCTS_H

#include "target.h"

#define SIMD_SOURCE "products_level.h"
#include "each_level.h"
#undef SIMD_SOURCE

/* One compiled form of a product, by the name under which Numba finds it. */
typedef struct {
    const char *name;
    void *address;
} fastce_product;

/* Every product of the chosen instruction set; the last entry has no name. The types of the
 * arguments are in the comments of dense.h and csr.h; all of them are ptrdiff_t. */
static const fastce_product *fastce_products_of_level(int level)
{
#define PRODUCT(function) {"fastce_" #function, (void *)FASTCE_SELECT(level, fastce_##function)}
#define DENSE(function) PRODUCT(function##_f32), PRODUCT(function##_f64)
#define CSR(function)                                                                              \
    PRODUCT(function##_f32_i32), PRODUCT(function##_f32_i64), PRODUCT(function##_f64_i32),         \
        PRODUCT(function##_f64_i64)
    static fastce_product products[27];
    const fastce_product chosen[] = {DENSE(dense_forward), DENSE(dense_backward), DENSE(dense_read),
                                     CSR(csr_forward),     CSR(csr_backward),     CSR(csr_read),
                                     CSR(csr_add_pairs),   CSR(csr_add_moments),  {NULL, NULL}};
#undef PRODUCT
#undef DENSE
#undef CSR
    memcpy(products, chosen, sizeof chosen);
    return products;
}

/* Row of the first fault of a CSR structure, or -1: indptr must not decrease and must stay in
 * 0..nnz, indices in 0..p-1. */
#define CHECK_CSR(INDEX, suffix)                                                                   \
    static ptrdiff_t fastce_csr_fault_##suffix(const INDEX *indices, const INDEX *indptr,          \
                                               ptrdiff_t n, ptrdiff_t nnz, ptrdiff_t p)            \
    {                                                                                              \
        for (ptrdiff_t i = 0; i < n; ++i) {                                                        \
            int outside = 0;                                                                       \
            if (indptr[i] < 0 || indptr[i + 1] < indptr[i] || indptr[i + 1] > nnz)                 \
                return i;                                                                          \
            for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e)                                  \
                outside |= (indices[e] < 0) | (indices[e] >= p);                                   \
            if (outside)                                                                           \
                return i;                                                                          \
        }                                                                                          \
        return -1;                                                                                 \
    }
CHECK_CSR(int32_t, i32)
CHECK_CSR(int64_t, i64)
#undef CHECK_CSR

#endif
