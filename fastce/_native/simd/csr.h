// Products of a block of rows of a CSR X (n, p): data of E (float or double), indices and indptr of
// I (int32_t or int64_t); arithmetic in double.
//
//     forward    Z (n, K) = X coef + intercept     coef (p, K) C-contiguous
//     backward   G (p, K) += X^T R                 R (n, K) C-contiguous
//
// indptr points to the block's first row, data and indices to their first entry. Up to csr_vectors
// vectors of classes stay in registers; more classes take more passes. The caller has checked the
// indices.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

// Vectors of classes that a pass over a row keeps in registers, and their classes.
constexpr ptrdiff_t csr_vectors = 4, csr_classes = csr_vectors * vec<double>::lanes;

template <class E, class I> struct csr_rows {
    const E *data;
    const I *indices, *indptr;
    INLINE csr_rows(ptrdiff_t data_, ptrdiff_t indices_, ptrdiff_t indptr_)
        : data(reinterpret_cast<const E *>(data_)), indices(reinterpret_cast<const I *>(indices_)),
          indptr(reinterpret_cast<const I *>(indptr_))
    {
    }
    INLINE ptrdiff_t begin(ptrdiff_t i) const { return indptr[i]; }
    INLINE ptrdiff_t end(ptrdiff_t i) const { return indptr[i + 1]; }
    INLINE ptrdiff_t column(ptrdiff_t e) const { return indices[e]; }
    INLINE double entry(ptrdiff_t e) const { return static_cast<double>(data[e]); }
};

// VECTORS vectors of classes, and `some` more classes if `partial`, from row i of right (n, K) to
// all rows of G.
template <int VECTORS, bool partial, class E, class I>
INLINE void csr_backward_pass(const csr_rows<E, I> &X, ptrdiff_t n, const double *R, const double *,
                              ptrdiff_t K, double *G, ptrdiff_t some)
{
    using V = vec<double>;
    constexpr ptrdiff_t full = VECTORS * V::lanes;
    for (ptrdiff_t i = 0; i < n; ++i) {
        V factor[VECTORS + 1];
        UNROLL
        for (int v = 0; v < VECTORS; ++v)
            factor[v] = V::load(R + i * K + v * V::lanes);
        if constexpr (partial)
            factor[VECTORS] = V::load_or(R + i * K + full, some, 0);
        for (ptrdiff_t e = X.begin(i); e < X.end(i); ++e) {
            double *row = G + X.column(e) * K;
            const V entry(X.entry(e));
            UNROLL
            for (int v = 0; v < VECTORS; ++v) {
                double *to = row + v * V::lanes;
                add_product(V::load(to), factor[v], entry).store(to);
            }
            if constexpr (partial) {
                const V sum = V::load_or(row + full, some, 0);
                add_product(sum, factor[VECTORS], entry).store_first(row + full, some);
            }
        }
    }
}

template <int VECTORS, bool partial, class E, class I>
INLINE void csr_forward_pass(const csr_rows<E, I> &X, ptrdiff_t n, const double *coef,
                             const double *intercept, ptrdiff_t K, double *Z, ptrdiff_t some)
{
    using V = vec<double>;
    constexpr ptrdiff_t full = VECTORS * V::lanes;
    for (ptrdiff_t i = 0; i < n; ++i) {
        V sum[VECTORS + 1];
        UNROLL
        for (int v = 0; v < VECTORS; ++v)
            sum[v] = intercept ? V::load(intercept + v * V::lanes) : V(0.0);
        if constexpr (partial)
            sum[VECTORS] = intercept ? V::load_or(intercept + full, some, 0) : V(0.0);
        for (ptrdiff_t e = X.begin(i); e < X.end(i); ++e) {
            const double *row = coef + X.column(e) * K;
            const V entry(X.entry(e));
            UNROLL
            for (int v = 0; v < VECTORS; ++v)
                sum[v] = add_product(sum[v], V::load(row + v * V::lanes), entry);
            if constexpr (partial)
                sum[VECTORS] = add_product(sum[VECTORS], V::load_or(row + full, some, 0), entry);
        }
        UNROLL
        for (int v = 0; v < VECTORS; ++v)
            sum[v].store(Z + i * K + v * V::lanes);
        if constexpr (partial)
            sum[VECTORS].store_first(Z + i * K + full, some);
    }
}

enum class product { forward, backward };

template <product p, int VECTORS, bool partial, class E, class I>
INLINE void csr_pass(const csr_rows<E, I> &X, ptrdiff_t n, const double *right,
                     const double *intercept, ptrdiff_t K, double *out, ptrdiff_t some)
{
    if constexpr (p == product::forward)
        csr_forward_pass<VECTORS, partial>(X, n, right, intercept, K, out, some);
    else
        csr_backward_pass<VECTORS, partial>(X, n, right, intercept, K, out, some);
}

template <product p, int VECTORS, class E, class I>
INLINE void csr_pass_of(const csr_rows<E, I> &X, ptrdiff_t n, const double *right,
                        const double *intercept, ptrdiff_t K, double *out, ptrdiff_t some)
{
    if (some)
        csr_pass<p, VECTORS, true>(X, n, right, intercept, K, out, some);
    else
        csr_pass<p, VECTORS, false>(X, n, right, intercept, K, out, 0);
}

// All classes, in passes of csr_classes.
template <product p, class E, class I>
INLINE void csr_passes(const csr_rows<E, I> &X, ptrdiff_t n, const double *right,
                       const double *intercept, ptrdiff_t K, double *out)
{
    for (ptrdiff_t k = 0; k < K; k += csr_classes) {
        const ptrdiff_t classes = K - k < csr_classes ? K - k : csr_classes;
        const ptrdiff_t some = classes % vec<double>::lanes;
        const double *from = right + k, *start = intercept ? intercept + k : nullptr;
        switch (classes / vec<double>::lanes) {
        case 0: csr_pass<p, 0, true>(X, n, from, start, K, out + k, some); break;
        case 1: csr_pass_of<p, 1>(X, n, from, start, K, out + k, some); break;
        case 2: csr_pass_of<p, 2>(X, n, from, start, K, out + k, some); break;
        case 3: csr_pass_of<p, 3>(X, n, from, start, K, out + k, some); break;
        default: csr_pass<p, csr_vectors, false>(X, n, from, start, K, out + k, 0);
        }
    }
}

// One class: a dot product a row, in two independent sums that hide the latency of the additions.
template <class E, class I>
INLINE void csr_forward_one(const csr_rows<E, I> &X, ptrdiff_t n, const double *coef,
                            const double *intercept, double *Z)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        double even = intercept ? *intercept : 0, odd = 0;
        ptrdiff_t e = X.begin(i);
        const ptrdiff_t end = X.end(i);
        for (; e + 2 <= end; e += 2) {
            even = add_product(even, X.entry(e), coef[X.column(e)]);
            odd = add_product(odd, X.entry(e + 1), coef[X.column(e + 1)]);
        }
        if (e < end)
            even = add_product(even, X.entry(e), coef[X.column(e)]);
        Z[i] = even + odd;
    }
}

template <class E, class I>
void csr_forward(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t n, ptrdiff_t coef_,
                 ptrdiff_t intercept_, ptrdiff_t K, ptrdiff_t Z_)
{
    const csr_rows<E, I> X(data, indices, indptr);
    const double *coef = reinterpret_cast<const double *>(coef_);
    const double *intercept = reinterpret_cast<const double *>(intercept_);
    double *Z = reinterpret_cast<double *>(Z_);
    if (K == 1)
        csr_forward_one(X, n, coef, intercept, Z);
    else
        csr_passes<product::forward>(X, n, coef, intercept, K, Z);
}

template <class E, class I>
void csr_backward(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t n, ptrdiff_t R_,
                  ptrdiff_t K, ptrdiff_t G_)
{
    const csr_rows<E, I> X(data, indices, indptr);
    const double *R = reinterpret_cast<const double *>(R_);
    double *G = reinterpret_cast<double *>(G_);
    if (K != 1)
        return csr_passes<product::backward>(X, n, R, nullptr, K, G);
    for (ptrdiff_t i = 0; i < n; ++i)
        for (ptrdiff_t e = X.begin(i); e < X.end(i); ++e)
            G[X.column(e)] = add_product(G[X.column(e)], X.entry(e), R[i]);
}

// Functions of one row, to which indptr points. Columns may come in any order; in the first two,
// entries of the same column are added up.
//     read          out (p,) = row - centre (p,)
//     add_pairs     the lower half of gram (p + 1, p + 1) += factor [x 1]^T [x 1]
//     add_moments   sums (p,) += factor x, squares (p,) += factor x^2, each stored entry on its own
template <class E, class I>
void csr_read(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t p, ptrdiff_t centre_,
              ptrdiff_t out_)
{
    const csr_rows<E, I> X(data, indices, indptr);
    const double *centre = reinterpret_cast<const double *>(centre_);
    double *out = reinterpret_cast<double *>(out_);
    for (ptrdiff_t j = 0; j < p; ++j)
        out[j] = -centre[j];
    for (ptrdiff_t e = X.begin(0); e < X.end(0); ++e)
        out[X.column(e)] += X.entry(e);
}

template <class E, class I>
void csr_add_pairs(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t p,
                   ptrdiff_t factor_, ptrdiff_t gram_)
{
    const csr_rows<E, I> X(data, indices, indptr);
    const double factor = *reinterpret_cast<const double *>(factor_);
    double *gram = reinterpret_cast<double *>(gram_);
    for (ptrdiff_t a = X.begin(0); a < X.end(0); ++a) {
        const double x = X.entry(a), left = factor * x;
        const ptrdiff_t j = X.column(a);
        for (ptrdiff_t b = X.begin(0); b < a; ++b) {
            const ptrdiff_t k = X.column(b);
            const double pair = left * X.entry(b);
            gram[(j > k ? j : k) * (p + 1) + (j > k ? k : j)] += j == k ? pair + pair : pair;
        }
        double &square = gram[j * (p + 1) + j];
        square = add_product(square, left, x);
        gram[p * (p + 1) + j] += left;
    }
    gram[p * (p + 1) + p] += factor;
}

template <class E, class I>
void csr_add_moments(ptrdiff_t data, ptrdiff_t indices, ptrdiff_t indptr, ptrdiff_t factor_,
                     ptrdiff_t sums_, ptrdiff_t squares_)
{
    const csr_rows<E, I> X(data, indices, indptr);
    const double factor = *reinterpret_cast<const double *>(factor_);
    double *sums = reinterpret_cast<double *>(sums_);
    double *squares = reinterpret_cast<double *>(squares_);
    for (ptrdiff_t e = X.begin(0); e < X.end(0); ++e) {
        const double x = X.entry(e), weighted = factor * x;
        sums[X.column(e)] += weighted;
        squares[X.column(e)] = add_product(squares[X.column(e)], weighted, x);
    }
}

// The row of the first fault of a CSR structure, or -1: indptr must not decrease and must stay in
// 0..stored, indices in 0..p-1.
template <class I>
ptrdiff_t csr_fault(const I *indices, const I *indptr, ptrdiff_t n, ptrdiff_t stored, ptrdiff_t p)
{
    for (ptrdiff_t i = 0; i < n; ++i) {
        bool outside = false;
        if (indptr[i] < 0 || indptr[i + 1] < indptr[i] || indptr[i + 1] > stored)
            return i;
        for (ptrdiff_t e = indptr[i]; e < indptr[i + 1]; ++e)
            outside |= (indices[e] < 0) | (indices[e] >= p);
        if (outside)
            return i;
    }
    return -1;
}
