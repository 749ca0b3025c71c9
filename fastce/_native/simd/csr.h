/* Products of a block of rows of a CSR X (n, p): data of ENTRY, indices and indptr of INDEX;
 * arithmetic in double. Included by products_level.h.
 *
 *     forward    Z (n, K) = X coef + intercept     coef (p, K) C-contiguous: an entry of X times a
 * row of coef backward   G (p, K) += X^T R                 R (n, K) C-contiguous
 *
 * indptr points to the block's first row, data and indices to their first entry. Up to CSR_VECTORS
 * vectors of classes stay in registers; more classes take more passes. The caller has checked the
 * indices.
 */

FASTCE_INLINE void OFXI(csr_forward_classes)(const ENTRY *data, const INDEX *indices,
                                             const INDEX *indptr, ptrdiff_t n, const double *coef,
                                             const double *intercept, ptrdiff_t K, double *Z,
                                             const int VECTORS, const ptrdiff_t some)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        vdouble sum[CSR_VECTORS], last = NAME(splat_f64)(0);
        UNROLL_ALL
        for (int v = 0; v < VECTORS; ++v)
            sum[v] = intercept ? NAME(load_f64)(intercept + v * DOUBLE_LANES) : NAME(splat_f64)(0);
        if (some && intercept)
            last = NAME(load_partial_f64)(intercept + VECTORS * DOUBLE_LANES, some);
        for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e) {
            const double *row = coef + (ptrdiff_t)indices[e] * K;
            double entry = (double)data[e];
            UNROLL_ALL
            for (int v = 0; v < VECTORS; ++v)
                sum[v] += NAME(load_f64)(row + v * DOUBLE_LANES) * entry;
            if (some)
                last += NAME(load_partial_f64)(row + VECTORS * DOUBLE_LANES, some) * entry;
        }
        UNROLL_ALL
        for (int v = 0; v < VECTORS; ++v)
            NAME(store_f64)(Z + i * K + v * DOUBLE_LANES, sum[v]);
        if (some)
            NAME(store_partial_f64)(Z + i * K + VECTORS * DOUBLE_LANES, last, some);
    }
}

FASTCE_INLINE void OFXI(csr_backward_classes)(const ENTRY *data, const INDEX *indices,
                                              const INDEX *indptr, ptrdiff_t n, const double *R,
                                              ptrdiff_t K, double *G, const int VECTORS,
                                              const ptrdiff_t some)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        vdouble factor[CSR_VECTORS], last = NAME(splat_f64)(0);
        UNROLL_ALL
        for (int v = 0; v < VECTORS; ++v)
            factor[v] = NAME(load_f64)(R + i * K + v * DOUBLE_LANES);
        if (some)
            last = NAME(load_partial_f64)(R + i * K + VECTORS * DOUBLE_LANES, some);
        for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e) {
            double *row = G + (ptrdiff_t)indices[e] * K;
            double entry = (double)data[e];
            UNROLL_ALL
            for (int v = 0; v < VECTORS; ++v)
                NAME(store_f64)(row + v * DOUBLE_LANES,
                                NAME(load_f64)(row + v * DOUBLE_LANES) + factor[v] * entry);
            if (some) {
                double *end = row + VECTORS * DOUBLE_LANES;
                NAME(store_partial_f64)(end, NAME(load_partial_f64)(end, some) + last * entry,
                                        some);
            }
        }
    }
}

/* One class: a dot product a row, in two independent sums that hide the latency of the additions.
 */
FASTCE_INLINE void OFXI(csr_forward_one)(const ENTRY *data, const INDEX *indices,
                                         const INDEX *indptr, ptrdiff_t n, const double *coef,
                                         const double *intercept, double *Z)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        double even = intercept ? *intercept : 0, odd = 0;
        ptrdiff_t e = indptr[i], end = indptr[i + 1];
        for (; e + 2 <= end; e += 2) {
            even += (double)data[e] * coef[indices[e]];
            odd += (double)data[e + 1] * coef[indices[e + 1]];
        }
        if (e < end)
            even += (double)data[e] * coef[indices[e]];
        Z[i] = even + odd;
    }
}

FASTCE_INLINE void OFXI(csr_backward_one)(const ENTRY *data, const INDEX *indices,
                                          const INDEX *indptr, ptrdiff_t n, const double *R,
                                          double *G)
{
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e)
            G[indices[e]] += (double)data[e] * R[i];
}

/* Calls FUNCTION(..., VECTORS, some) with VECTORS a constant; `classes` <= CSR_VECTORS *
 * DOUBLE_LANES. */
#define FOR_CLASSES(classes, FUNCTION, ...)                                                        \
    do {                                                                                           \
        const ptrdiff_t full = (classes) / DOUBLE_LANES, some = (classes) % DOUBLE_LANES;          \
        switch (full) {                                                                            \
        case 0: FUNCTION(__VA_ARGS__, 0, some); break;                                             \
        case 1:                                                                                    \
            if (some)                                                                              \
                FUNCTION(__VA_ARGS__, 1, some);                                                    \
            else                                                                                   \
                FUNCTION(__VA_ARGS__, 1, 0);                                                       \
            break;                                                                                 \
        case 2:                                                                                    \
            if (some)                                                                              \
                FUNCTION(__VA_ARGS__, 2, some);                                                    \
            else                                                                                   \
                FUNCTION(__VA_ARGS__, 2, 0);                                                       \
            break;                                                                                 \
        case 3:                                                                                    \
            if (some)                                                                              \
                FUNCTION(__VA_ARGS__, 3, some);                                                    \
            else                                                                                   \
                FUNCTION(__VA_ARGS__, 3, 0);                                                       \
            break;                                                                                 \
        default: FUNCTION(__VA_ARGS__, CSR_VECTORS, 0);                                            \
        }                                                                                          \
    } while (0)

static void OFXI(fastce_csr_forward)(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_,
                                     ptrdiff_t n, ptrdiff_t coef_, ptrdiff_t intercept_,
                                     ptrdiff_t K, ptrdiff_t Z_)
{
    const ENTRY *data = (const ENTRY *)data_;
    const INDEX *indices = (const INDEX *)indices_, *indptr = (const INDEX *)indptr_;
    const double *coef = (const double *)coef_, *intercept = (const double *)intercept_;
    double *Z = (double *)Z_;
    if (K == 1) {
        OFXI(csr_forward_one)(data, indices, indptr, n, coef, intercept, Z);
        return;
    }
    for (ptrdiff_t k = 0; k < K; k += CSR_VECTORS * DOUBLE_LANES) {
        ptrdiff_t classes = K - k < CSR_VECTORS * DOUBLE_LANES ? K - k : CSR_VECTORS * DOUBLE_LANES;
        FOR_CLASSES(classes, OFXI(csr_forward_classes), data, indices, indptr, n, coef + k,
                    intercept ? intercept + k : NULL, K, Z + k);
    }
}

static void OFXI(fastce_csr_backward)(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_,
                                      ptrdiff_t n, ptrdiff_t R_, ptrdiff_t K, ptrdiff_t G_)
{
    const ENTRY *data = (const ENTRY *)data_;
    const INDEX *indices = (const INDEX *)indices_, *indptr = (const INDEX *)indptr_;
    const double *R = (const double *)R_;
    double *G = (double *)G_;
    if (K == 1) {
        OFXI(csr_backward_one)(data, indices, indptr, n, R, G);
        return;
    }
    for (ptrdiff_t k = 0; k < K; k += CSR_VECTORS * DOUBLE_LANES) {
        ptrdiff_t classes = K - k < CSR_VECTORS * DOUBLE_LANES ? K - k : CSR_VECTORS * DOUBLE_LANES;
        FOR_CLASSES(classes, OFXI(csr_backward_classes), data, indices, indptr, n, R + k, K, G + k);
    }
}

/* Functions of one row, to which indptr points. Columns may come in any order; in the first two,
 * entries of the same column are added up.
 *     read          out (p,) = row - centre (p,)
 *     add_pairs     the lower half of gram (p + 1, p + 1) += factor [x 1]^T [x 1]
 *     add_moments   sums (p,) += factor x, squares (p,) += factor x^2, each stored entry on its own
 */
static void OFXI(fastce_csr_read)(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_,
                                  ptrdiff_t p, ptrdiff_t centre_, ptrdiff_t out_)
{
    const ENTRY *data = (const ENTRY *)data_;
    const INDEX *indices = (const INDEX *)indices_, *indptr = (const INDEX *)indptr_;
    const double *centre = (const double *)centre_;
    double *out = (double *)out_;
    for (ptrdiff_t j = 0; j < p; ++j)
        out[j] = -centre[j];
    for (ptrdiff_t e = indptr[0]; e < indptr[1]; ++e)
        out[indices[e]] += (double)data[e];
}

static void OFXI(fastce_csr_add_pairs)(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_,
                                       ptrdiff_t p, ptrdiff_t factor_, ptrdiff_t gram_)
{
    const ENTRY *data = (const ENTRY *)data_;
    const INDEX *indices = (const INDEX *)indices_, *indptr = (const INDEX *)indptr_;
    const double factor = *(const double *)factor_;
    double *gram = (double *)gram_;
    for (ptrdiff_t a = indptr[0]; a < indptr[1]; ++a) {
        const double x = (double)data[a], left = factor * x;
        const ptrdiff_t j = indices[a];
        for (ptrdiff_t b = indptr[0]; b < a; ++b) {
            const ptrdiff_t k = indices[b];
            const double product = left * (double)data[b];
            gram[(j > k ? j : k) * (p + 1) + (j > k ? k : j)] +=
                j == k ? product + product : product;
        }
        gram[j * (p + 1) + j] += left * x;
        gram[p * (p + 1) + j] += left;
    }
    gram[p * (p + 1) + p] += factor;
}

static void OFXI(fastce_csr_add_moments)(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_,
                                         ptrdiff_t factor_, ptrdiff_t sums_, ptrdiff_t squares_)
{
    const ENTRY *data = (const ENTRY *)data_;
    const INDEX *indices = (const INDEX *)indices_, *indptr = (const INDEX *)indptr_;
    const double factor = *(const double *)factor_;
    double *sums = (double *)sums_, *squares = (double *)squares_;
    for (ptrdiff_t e = indptr[0]; e < indptr[1]; ++e) {
        const double x = (double)data[e];
        sums[indices[e]] += factor * x;
        squares[indices[e]] += factor * x * x;
    }
}

#undef FOR_CLASSES
