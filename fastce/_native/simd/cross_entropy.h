// Softmax cross-entropy of class indices: values, gradient and Hessian diagonal in one pass.
//
//     value_i = weight_i ((m - x_y) + log1p(rest))        grad_ik = weight_i (p_k - [k = y])
//     hess_ik = weight_i p_k (1 - p_k)                    p_k = exp(x_k - m) / (1 + rest)
//
// with m and rest of long_rows.h. Where p_k may be near 1, at the largest entry, 1 - p_k is
// rest / (1 + rest), so that a confident row does not cancel. What belongs to a row is computed for
// a group of rows at once, one to a lane: quotients, and the logarithm. Where all rows weigh the
// same, eight groups share it: the sum of log1p(rest) is log1p of the product of all 1 + rest, less
// 1, in double, for sums are as exact as sums of doubles.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "short_rows.h"
#  include "rows.h"
#  include "row_groups.h"
#  include "wide.h"
#endif

// Rows x (n, K) with labels (n,). The weight of row i, weight[i] or weight[0] for all of them, is
// multiplied with `factor`; a row of weight 0 is not read, nor is its label. Any of values (n,),
// grad and hess (n, K) may be null; grad may be x; where there is hess there is grad.
template <class T> struct labelled_rows {
    const T *x;
    ptrdiff_t n, K;
    const int64_t *labels;
    const double *weight;
    bool one_weight;
    double factor;
    double *values;
    T *grad, *hess;
};

template <class T> INLINE T weight_of(const labelled_rows<T> &r, ptrdiff_t i)
{
    return static_cast<T>(r.weight[r.one_weight ? 0 : i] * r.factor);
}

// x in the first `count` lanes, 0 behind them.
template <class T> INLINE vec<T> first_lanes(vec<T> x, ptrdiff_t count)
{
    T lane[vec<T>::lanes];
    x.store(lane);
    return vec<T>::load_or(lane, count, T(0));
}

// The weights of a group of rows, and the sum of the values of all groups.
template <class T> struct group_losses {
    using V = vec<T>;
    static constexpr ptrdiff_t part_lanes = vec<double>::lanes;
    const labelled_rows<T> &r;
    const double common; // the weight of all rows, if they share one
    const bool separate; // whether each row's value is multiplied with its weight
    V weight;
    wide<T> wide_weight, product; // the product is that of 1 + rest, less 1
    accumulator<T> sum;
    ptrdiff_t first, count;
    int factors, max_factors; // groups that have joined the product, and that may

    INLINE explicit group_losses(const labelled_rows<T> &rows)
        : r(rows), common(rows.weight[0] * rows.factor), separate(!rows.one_weight || rows.values),
          weight(static_cast<T>(common)), first(0), count(0), factors(0)
    {
        sum.clear();
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            wide_weight.part[p] = vec<double>(common);
            product.part[p] = vec<double>(0.0);
        }
        // 1 + rest is at most K; the product of both parts stays below 2^100
        max_factors = r.K <= 1 << 6 ? 8 : r.K <= 1 << 12 ? 4 : r.K <= 1 << 24 ? 2 : 1;
    }

    // Adds the logarithm of the product.
    INLINE void add_log()
    {
        add_doubles(sum, log1p_of_product(product));
        factors = 0;
    }

    // Rows from i on, at most `most` of them.
    INLINE void begin(ptrdiff_t i, ptrdiff_t most)
    {
        first = i;
        count = r.n - i < most ? r.n - i : most;
        if (r.one_weight)
            return;
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            const ptrdiff_t left = count - p * part_lanes, some = left > 0 ? left : 0;
            const double *from = r.weight + (left > 0 ? i + p * part_lanes : 0);
            wide_weight.part[p] = load_up_to(from, some, 0.0) * vec<double>(r.factor);
        }
        weight = narrow(wide_weight);
    }

    INLINE bool has_zero_weights() const
    {
        return !r.one_weight && lane_bits(weight == V(T(0))) != 0;
    }

    // Adds the values of a group, whose lanes from `count` on may hold anything. Returns the factor
    // of the terms, weight / (1 + rest); own becomes the gradient's entry at the label.
    INLINE V close(V m, V &rest, V x_y, V e_y, V &own)
    {
        const V zero(T(0)), one(T(1));
        rest = rest + (m - m); // NaN for an infinite m
        V factor = weight / (rest + one);
        own = select(x_y == m, (zero - factor) * rest, factor * e_y - weight);
        if (separate) {
            const auto counts = weight != zero;
            add_values(m, rest, x_y);
            own = select(counts, own, zero);
            factor = select(counts, factor, zero);
        } else {
            const bool full = count == V::lanes;
            wide<T> gap = widen(full ? m : first_lanes(m, count));
            const wide<T> behind = widen(full ? x_y : first_lanes(x_y, count));
            const V more = full ? rest : first_lanes(rest, count);
            UNROLL
            for (int p = 0; p < wide<T>::parts; ++p)
                gap.part[p] -= behind.part[p];
            product = joined(product, widen(more));
            add_wide(sum, gap);
            if (++factors == max_factors)
                add_log();
        }
        return factor;
    }

    INLINE void add_values(V m, V rest, V x_y)
    {
        const wide<T> largest = widen(m), x = widen(x_y), log = wide_log1p(rest);
        wide<T> loss;
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p)
            loss.part[p] = (largest.part[p] - x.part[p]) + log.part[p];
        add_weighted(loss);
    }

    // Adds gap + c log1p(rest); without separate weights, before the weight.
    INLINE void add_soft(wide<T> gap, V c, V rest)
    {
        const wide<T> log = wide_log1p(rest), scale = widen(c);
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p)
            gap.part[p] = add_product(gap.part[p], scale.part[p], log.part[p]);
        if (separate)
            return add_weighted(gap);
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            const ptrdiff_t left = count - p * part_lanes, some = left > 0 ? left : 0;
            if (some < part_lanes)
                gap.part[p] = first_lanes(gap.part[p], some);
        }
        add_wide(sum, gap);
    }

    INLINE void add_weighted(const wide<T> &loss)
    {
        const wide<T> rounded = widen(weight);
        wide<T> value;
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            const ptrdiff_t left = count - p * part_lanes, some = left > 0 ? left : 0;
            const vec<double> zero(0.0);
            value.part[p] =
                select(rounded.part[p] != zero, wide_weight.part[p] * loss.part[p], zero);
            if (r.values && left > 0)
                store_up_to(r.values + first + p * part_lanes, value.part[p], some);
            if (some < part_lanes)
                value.part[p] = first_lanes(value.part[p], some);
        }
        add_wide(sum, value);
    }

    INLINE double total()
    {
        if (separate)
            return finish(sum);
        add_log();
        return finish(sum) * common;
    }
};

// Copies of a group of rows: a row of weight 0 becomes zeros with label 0, and a row that there is
// not the first one.
template <class T>
NOINLINE void copy_rows(const labelled_rows<T> &r, ptrdiff_t first, ptrdiff_t count, T *x,
                        int64_t *labels)
{
    for (ptrdiff_t j = 0; j < vec<T>::lanes; ++j) {
        const ptrdiff_t i = first + (j < count ? j : 0);
        const bool counts = weight_of(r, i) != 0;
        labels[j] = counts ? r.labels[i] : 0;
        for (ptrdiff_t k = 0; k < r.K; ++k)
            x[j * r.K + k] = counts ? r.x[i * r.K + k] : T(0);
    }
}

template <class T>
NOINLINE void copy_back(const labelled_rows<T> &r, ptrdiff_t first, ptrdiff_t count, const T *grad,
                        const T *hess)
{
    const size_t bytes = static_cast<size_t>(count * r.K) * sizeof(T);
    if (r.grad)
        memcpy(r.grad + first * r.K, grad, bytes);
    if (r.hess)
        memcpy(r.hess + first * r.K, hess, bytes);
}

// A group of rows as kernels read and write it: where it lies, or as a copy.
template <class T> struct group {
    const T *x;
    T *grad, *hess;
    const int64_t *labels;
    bool is_copy;

    // Loads run into `overlap` numbers behind the group.
    template <size_t size>
    INLINE group(const labelled_rows<T> &r, const group_losses<T> &losses, ptrdiff_t overlap,
                 T (&memory)[3][size], int64_t (&own_labels)[vec<T>::lanes])
    {
        const ptrdiff_t i = losses.first, K = r.K;
        x = r.x + i * K;
        grad = r.grad ? r.grad + i * K : nullptr;
        hess = r.hess ? r.hess + i * K : nullptr;
        labels = r.labels + i;
        is_copy = (r.n - i) * K < vec<T>::lanes * K + overlap || losses.has_zero_weights();
        if (is_copy) {
            copy_rows(r, i, losses.count, memory[0], own_labels);
            x = memory[0];
            grad = memory[1];
            hess = memory[2];
            labels = own_labels;
        }
    }
};

// x = exp(x) of N vectors, four at a time.
template <int N, class T> INLINE void exp_each(vec<T> *x)
{
    UNROLL
    for (int j = 0; j + 4 <= N; j += 4)
        exps_nonpositive(*reinterpret_cast<vec<T>(*)[4]>(x + j));
    if constexpr (N % 4 != 0)
        exps_nonpositive(*reinterpret_cast<vec<T>(*)[N % 4]>(x + N / 4 * 4));
}

// weight p (1 - p) of a term e, with factor = weight / (1 + rest) and inverse = 1 / (1 + rest). A
// term of 1 is the largest, or as large.
template <class T> INLINE vec<T> curvature(vec<T> e, vec<T> factor, vec<T> rest, vec<T> inverse)
{
    const vec<T> one(T(1));
    return (e * factor) * select(e == one, rest * inverse, one - e * inverse);
}

// ---- few classes: a group is transposed in registers
// ---------------------------------------------

template <int K, class T> NOINLINE double few_classes(const labelled_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes, overlap = row_overlap<T, K>;
    const V zero(T(0)), one(T(1));
    group_losses<T> losses(r);
    T memory[3][lanes * K + overlap];
    int64_t own_labels[lanes];
    for (ptrdiff_t i = 0; i < r.n; i += lanes) {
        losses.begin(i, lanes);
        const group<T> rows(r, losses, overlap, memory, own_labels);
        const V y = reals_of_labels<T>(rows.labels);
        V c[row_vectors<T, K>], e[K], own, rest, e_y;
        load_rows<T, K>(rows.x, c);
        V m = c[0], x_y = c[0];
        UNROLL
        for (int k = 1; k < K; ++k) {
            m = max(c[k], m);
            x_y = select(y == V(static_cast<T>(k)), c[k], x_y);
        }
        if constexpr (K == 2) { // one of the two terms is 1
            e[0] = minus_magnitude(c[0] - c[1]);
            exp_each<1>(e);
            rest = e_y = e[1] = e[0];
        } else {
            UNROLL
            for (int k = 0; k < K; ++k)
                e[k] = c[k] - m;
            exp_each<K>(e);
            rest = select(c[0] != m, e[0], zero);
            e_y = e[0];
            auto left_out = c[0] == m; // whether a largest entry was
            UNROLL
            for (int k = 1; k < K; ++k) {
                rest = add_if((c[k] != m) | left_out, rest, e[k]);
                left_out = left_out | (c[k] == m);
                e_y = select(y == V(static_cast<T>(k)), e[k], e_y);
            }
        }
        const V factor = losses.close(m, rest, x_y, e_y, own);
        if (r.hess) {
            const V inverse = one / (rest + one);
            UNROLL
            for (int k = 0; k < K; ++k)
                c[k] = curvature(e[k], factor, rest, inverse);
            store_rows<T, K>(rows.hess, c);
        }
        if (r.grad) {
            if constexpr (K == 2) { // the two entries differ in sign only
                const V other = select(x_y == m, factor * rest, factor);
                c[0] = select(y == one, other, zero - other);
                c[1] = select(y == one, zero - other, other);
            } else {
                UNROLL
                for (int k = 0; k < K; ++k)
                    c[k] = select(y == V(static_cast<T>(k)), own, e[k] * factor);
            }
            store_rows<T, K>(rows.grad, c);
        }
        if (rows.is_copy)
            copy_back<T>(r, i, losses.count, memory[1], memory[2]);
    }
    return losses.total();
}

// ---- more classes: vectors lie along the rows, their maxima and sums are reduced together
// ----------

// The terms of `at_once` rows of `vectors` vectors, the last of which has `last` numbers; they are
// stored in `terms` unless that is null. sums: the lanes of rest, but for `ties`.
template <int vectors, int at_once, class T>
INLINE void row_terms(const T *x, ptrdiff_t K, ptrdiff_t last, const T *maxima, T *terms,
                      vec<T> *sums, typename constants<T>::integer *ties)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    V a[at_once * vectors], e[at_once * vectors];
    UNROLL
    for (int h = 0; h < at_once; ++h) {
        UNROLL
        for (int v = 0; v < vectors; ++v) {
            const T *from = x + h * K + v * lanes;
            a[h * vectors + v] =
                v < vectors - 1 ? V::load(from) : V::load_or(from, last, -constants<T>::infinity);
            e[h * vectors + v] = a[h * vectors + v] - V(maxima[h]);
        }
    }
    exp_each<at_once * vectors>(e);
    UNROLL
    for (int h = 0; h < at_once; ++h) {
        V sum[2] = {V(T(0)), V(T(0))};
        typename V::counter others;
        UNROLL
        for (int v = 0; v < vectors; ++v) {
            const int j = h * vectors + v;
            const auto below = a[j] != V(maxima[h]);
            others.add(below);
            sum[v % 2] = add_if(below, sum[v % 2], e[j]);
            if (terms)
                e[j].store(terms + j * lanes);
        }
        sums[h] = vectors > 1 ? sum[0] + sum[1] : sum[0];
        ties[h] = static_cast<typename constants<T>::integer>(vectors * lanes - others.total() - 1);
    }
}

template <int vectors, class T> NOINLINE double some_classes(const labelled_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes, width = vectors * lanes;
    constexpr int at_once = vectors == 1 ? 4 : vectors == 2 ? 2 : 1;
    const ptrdiff_t K = r.K, last = K - (vectors - 1) * lanes;
    const V one(T(1));
    group_losses<T> losses(r);
    T memory[3][lanes * width], terms[lanes * width], maxima[lanes], at_label[lanes];
    T factors[lanes], rests[lanes];
    typename constants<T>::integer ties[lanes];
    int64_t own_labels[lanes];
    for (ptrdiff_t i = 0; i < r.n; i += lanes) {
        losses.begin(i, lanes);
        const group<T> rows(r, losses, 0, memory, own_labels);
        V lane[lanes], own;
        UNROLL
        for (ptrdiff_t j = 0; j < lanes; ++j) {
            const T *x = rows.x + j * K, lowest = -constants<T>::infinity;
            V m = max(V::load_or(x + (vectors - 1) * lanes, last, lowest), V(lowest));
            UNROLL
            for (int v = 0; v < vectors - 1; ++v)
                m = max(V::load(x + v * lanes), m);
            lane[j] = m;
            at_label[j] = x[rows.labels[j]];
        }
        const V m = reduce_each<larger>(lane), x_y = V::load(at_label);
        m.store(maxima);
        for (ptrdiff_t j = 0; j < lanes; j += at_once)
            row_terms<vectors, at_once>(rows.x + j * K, K, last, maxima + j,
                                        r.grad ? terms + j * width : nullptr, lane + j, ties + j);
        V rest = reduce_each<added>(lane) + reals_of<T>(ties);
        const V factor = losses.close(m, rest, x_y, exp_nonpositive(x_y - m), own);
        if (!r.grad)
            continue;
        factor.store(factors);
        own.store(at_label);
        rest.store(rests);
        for (ptrdiff_t j = 0; r.hess && j < lanes; ++j) {
            const V f(factors[j]), others(rests[j]), inverse = one / (others + one);
            T *hess = rows.hess + j * K;
            UNROLL
            for (int v = 0; v < vectors; ++v) {
                const V e = V::load(terms + j * width + v * lanes);
                store_up_to(hess + v * lanes, curvature(e, f, others, inverse),
                            v < vectors - 1 ? lanes : last);
            }
        }
        for (ptrdiff_t j = 0; j < lanes; ++j) {
            T *grad = rows.grad + j * K;
            UNROLL
            for (int v = 0; v < vectors; ++v) {
                const V g = V::load(terms + j * width + v * lanes) * V(factors[j]);
                if (v < vectors - 1)
                    g.store(grad + v * lanes);
                else
                    g.store_first(grad + v * lanes, last);
            }
        }
        for (ptrdiff_t j = 0; j < lanes; ++j)
            rows.grad[j * K + rows.labels[j]] = at_label[j];
        if (rows.is_copy)
            copy_back<T>(r, i, losses.count, memory[1], memory[2]);
    }
    return losses.total();
}

// ---- many classes: rows one after the other
// --------------------------------------------------------

// The terms of a row, which stand in grad, become its gradient, but for the label's entry.
template <class T> INLINE void finish_row(T *grad, T *hess, ptrdiff_t K, T factor, T rest)
{
    using V = vec<T>;
    const V f(factor), others(rest), inverse = V(1) / (others + V(1));
    for (ptrdiff_t k = 0; hess && k < K; k += V::lanes) {
        const V e = load_up_to(grad + k, K - k, T(0));
        store_up_to(hess + k, curvature(e, f, others, inverse), K - k);
    }
    apply<form::softmax>(static_cast<const T *>(grad), K, T(0), factor, grad);
}

template <class T> INLINE vec<T> narrow_sums(vec<double> (&sums)[vec<T>::lanes])
{
    constexpr int half = vec<double>::lanes;
    wide<T> result;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        result.part[p] =
            reduce_each<added>(*reinterpret_cast<vec<double>(*)[half]>(sums + p * half));
    return narrow(result);
}

template <class T> NOINLINE double many_classes(const labelled_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const ptrdiff_t K = r.K, fitting = group_entries / K;
    const ptrdiff_t step = fitting < 1 ? 1 : fitting < lanes ? fitting : lanes;
    const ptrdiff_t ahead = step * K * static_cast<ptrdiff_t>(sizeof(T));
    const V zero(T(0));
    group_losses<T> losses(r);
    for (ptrdiff_t i = 0; i < r.n; i += step) {
        typename constants<T>::integer ties[lanes];
        T maxima[lanes], at_label[lanes], factors[lanes], rests[lanes];
        ptrdiff_t labels[lanes]; // -1: a row of weight 0
        V lane[lanes], own;
        vec<double> sums[lanes];
        losses.begin(i, step);
        for (ptrdiff_t j = 0; j < lanes; ++j) {
            lane[j] = zero;
            sums[j] = vec<double>(0.0);
            at_label[j] = T(0);
            ties[j] = 0;
        }
        for (ptrdiff_t j = 0; j < losses.count; ++j) {
            const T *x = r.x + (i + j) * K;
            labels[j] = weight_of(r, i + j) != 0 ? static_cast<ptrdiff_t>(r.labels[i + j]) : -1;
            if (labels[j] < 0)
                continue;
            lane[j] = row_max_lanes(x, K);
            at_label[j] = x[labels[j]];
        }
        const V m = reduce_each<larger>(lane), x_y = V::load(at_label);
        m.store(maxima);
        for (ptrdiff_t j = 0; j < losses.count; ++j) {
            if (labels[j] < 0)
                continue;
            const T *x = r.x + (i + j) * K;
            T *out = r.grad ? r.grad + (i + j) * K : nullptr;
            ptrdiff_t equal;
            sums[j] = out ? row_exp_lanes<true>(x, K, maxima[j], out, ahead, equal)
                          : row_exp_lanes<false>(x, K, maxima[j], out, ahead, equal);
            ties[j] = static_cast<typename constants<T>::integer>(equal);
        }
        V rest = narrow_sums<T>(sums) + reals_of<T>(ties);
        const V factor = losses.close(m, rest, x_y, exp_nonpositive(x_y - m), own);
        if (!r.grad)
            continue;
        factor.store(factors);
        own.store(at_label);
        rest.store(rests);
        for (ptrdiff_t j = 0; j < losses.count; ++j) {
            T *grad = r.grad + (i + j) * K, *hess = r.hess ? r.hess + (i + j) * K : nullptr;
            const size_t bytes = static_cast<size_t>(K) * sizeof(T);
            if (labels[j] >= 0) {
                finish_row(grad, hess, K, factors[j], rests[j]);
                grad[labels[j]] = at_label[j];
            } else {
                memset(grad, 0, bytes);
                if (hess)
                    memset(hess, 0, bytes);
            }
        }
    }
    return losses.total();
}

// ---- short rows that registers do not hold: blocks of them are transposed in memory
// -----------------

template <class T> NOINLINE double short_classes(const labelled_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const ptrdiff_t K = r.K;
    const V zero(T(0)), one(T(1));
    group_losses<T> losses(r);
    T transposed[short_row * block_rows], curvatures[short_row * block_rows];
    T at_label[block_rows];
    ptrdiff_t labels[block_rows];
    for (ptrdiff_t block = 0; block < r.n; block += block_rows) {
        const ptrdiff_t n = r.n - block < block_rows ? r.n - block : block_rows;
        const T *x = r.x + block * K;
        transpose<direction::forth>(x, n, K, transposed);
        for (ptrdiff_t i = 0; i < n; i += lanes) {
            T *column = transposed + i;
            const T *end = column + K * block_rows;
            V own, rest;
            losses.begin(block + i, n - i < lanes ? n - i : lanes);
            for (ptrdiff_t j = losses.count; j < lanes; ++j)
                for (ptrdiff_t k = 0; k < K; ++k)
                    column[k * block_rows + j] = x[k];
            if (losses.has_zero_weights())
                for (T *c = column; c < end; c += block_rows)
                    select(losses.weight == zero, zero, V::load(c)).store(c);
            for (ptrdiff_t j = 0; j < lanes; ++j) {
                const bool counts = j < losses.count && weight_of(r, block + i + j) != 0;
                labels[i + j] = counts ? static_cast<ptrdiff_t>(r.labels[block + i + j]) : 0;
                at_label[i + j] = column[labels[i + j] * block_rows + j];
            }
            const V x_y = V::load(at_label + i), m = lane_terms<false>(column, K, rest);
            const V factor = losses.close(m, rest, x_y, exp_nonpositive(x_y - m), own);
            own.store(at_label + i);
            if (!r.grad)
                continue;
            const V inverse = one / (rest + one);
            for (T *c = column; c < end; c += block_rows) {
                const V e = V::load(c);
                if (r.hess)
                    curvature(e, factor, rest, inverse).store(curvatures + (c - transposed));
                (e * factor).store(c);
            }
        }
        if (r.hess)
            transpose<direction::back>(static_cast<const T *>(curvatures), n, K,
                                       r.hess + block * K);
        if (r.grad) {
            T *grad = r.grad + block * K;
            transpose<direction::back>(static_cast<const T *>(transposed), n, K, grad);
            for (ptrdiff_t i = 0; i < n; ++i)
                grad[i * K + labels[i]] = at_label[i];
        }
    }
    return losses.total();
}

// ---- the function
// -----------------------------------------------------------------------------------

template <int K, class T> INLINE double few_classes_from(const labelled_rows<T> &r)
{
    if constexpr (loads_rows<T, K>) {
        if (r.K == K)
            return few_classes<K>(r);
        return few_classes_from<K + 1>(r);
    }
    return short_classes(r);
}

template <int vectors, class T> INLINE double some_classes_from(const labelled_rows<T> &r)
{
    if constexpr (vectors * vec<T>::lanes <= max_reduced_row) {
        if (r.K <= vectors * vec<T>::lanes)
            return some_classes<vectors>(r);
        return some_classes_from<vectors + 1>(r);
    }
    return many_classes(r);
}

// Whether all rows have weight 0, because all share it: then everything is 0.
template <class T> INLINE bool write_zeros(const labelled_rows<T> &r)
{
    if (!r.one_weight || weight_of(r, 0) != 0)
        return false;
    const size_t bytes = static_cast<size_t>(r.n * r.K) * sizeof(T);
    if (r.values)
        memset(r.values, 0, static_cast<size_t>(r.n) * sizeof(double));
    if (r.grad)
        memset(r.grad, 0, bytes);
    if (r.hess)
        memset(r.hess, 0, bytes);
    return true;
}

// Returns the sum of the values. n_weights is 1 or n.
template <class T>
double cross_entropy_rows(const T *x, ptrdiff_t n, ptrdiff_t K, const int64_t *labels,
                          const double *weight, ptrdiff_t n_weights, double factor, double *values,
                          T *grad, T *hess)
{
    const labelled_rows<T> r = {x,      n,      K,    labels, weight, n_weights == 1,
                                factor, values, grad, hess};
    if (n <= 0 || K <= 0)
        return 0;
    if (write_zeros(r))
        return 0;
    if (K <= 8)
        return few_classes_from<2>(r);
    if constexpr (has_permute)
        return some_classes_from<1>(r);
    return K <= short_row ? short_classes(r) : many_classes(r);
}
