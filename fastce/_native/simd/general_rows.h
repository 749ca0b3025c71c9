// Softmax cross-entropy of class indices with smoothing, and of probabilities: values and gradient.
//
//     labels y            c_ik = target_weight_i [k = y_i] + sample_weight_i smoothing_k
//     probabilities q     c_ik = target_weight_i (class_weight_k q_ik + smoothing_k)
//
//     value_i = sum_k c_ik (m - x_ik) + C_i log1p(rest)        C_i = sum_k c_ik
//     grad_ik = C_i p_k - c_ik                                 p_k = exp(x_k - m) / (1 + rest)
//
// with m and rest of long_rows.h. At the largest entry the gradient is (C - c_k) - C (1 - p_k) with
// 1 - p_k = rest / (1 + rest), so that a confident row does not cancel.
//
// The fast forms leave a row to any_row where a sum of theirs is not finite: it has a masked class
// (a logit of -inf, which shares nothing of the smoothing, and contributes 0 where c is 0), a NaN,
// or numbers whose difference or product only double holds. So they know only finite numbers.
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
#  include "cross_entropy.h"
#  include "probabilities.h"
#endif

// What the coefficients of a row are made of. `even`: all classes have the same weight and
// smoothing.
enum class targets {
    labels,
    even_labels,
    probabilities,
    weighted_probabilities,
    even_weighted_probabilities
};
constexpr bool are_labels(targets t) { return t == targets::labels || t == targets::even_labels; }

// Rows x (n, K) and labels (n,), or probabilities (n, K). The weights of row i, number i or number
// 0 for all of them, are multiplied with `factor`; a row whose weights are 0 is not read, nor is
// its label. class_weight (K,) may be null, as smoothing (K,) of probabilities; values (n,) and
// grad (n, K) may be null; grad may be x.
template <class T> struct general_rows {
    const T *x;
    ptrdiff_t n, K;
    const int64_t *labels;
    const T *probabilities;
    const double *target_weight, *sample_weight;
    bool one_target_weight, one_sample_weight;
    double factor;
    const double *class_weight, *smoothing;
    double smoothing_sum;
    double *values;
    T *grad;
};

template <class T> INLINE double target_weight_of(const general_rows<T> &r, ptrdiff_t i)
{
    return r.target_weight[r.one_target_weight ? 0 : i] * r.factor;
}
template <class T> INLINE double sample_weight_of(const general_rows<T> &r, ptrdiff_t i)
{
    return r.sample_weight[r.one_sample_weight ? 0 : i] * r.factor;
}

// A sum of doubles that keeps the rounding errors.
struct exact_sum {
    double sum, lost;
    INLINE exact_sum() : sum(0), lost(0) {}
    INLINE void add(double term)
    {
        const double more = sum + term, back = more - sum;
        lost += (sum - (more - back)) + (term - back);
        sum = more;
    }
    // an infinite sum has no rounding error to add
    INLINE double total() const { return is_finite(sum) ? sum + lost : sum; }
};

INLINE double log1p_of(double x)
{
    double lane[vec<double>::lanes];
    log1p_nonnegative(vec<double>(x)).store(lane);
    return lane[0];
}

// (C - c) - C (1 - p) or C p - c of a term e, which is 1 where it is the largest, or as large.
template <class T> INLINE T slope_at(T e, double c, double C, double rest)
{
    const double p = static_cast<double>(e) / (1 + rest), others = rest / (1 + rest);
    return static_cast<T>(e == T(1) ? (C - c) - C * others : C * p - c);
}

// ---- any row, in double
// ---------------------------------------------------------------------------------------------

// c_k, before the weight of the row: a class index is a probability of 1.
template <class T> INLINE double own_part(const general_rows<T> &r, ptrdiff_t i, ptrdiff_t k)
{
    if (r.labels)
        return k == static_cast<ptrdiff_t>(r.labels[i]) ? 1.0 : 0.0;
    const double q = static_cast<double>(r.probabilities[i * r.K + k]);
    return r.class_weight ? q * r.class_weight[k] : q;
}

// Returns the value of row i and writes its gradient to `grad` (K,), which may be the row itself.
template <class T> NOINLINE double any_row(const general_rows<T> &r, ptrdiff_t i, T *grad)
{
    constexpr ptrdiff_t lanes = vec<T>::lanes;
    const T *x = r.x + i * r.K, lowest = -constants<T>::infinity;
    const double weight = target_weight_of(r, i), smoothed = sample_weight_of(r, i);
    if (weight == 0 && smoothed == 0) {
        for (ptrdiff_t k = 0; grad && k < r.K; ++k)
            grad[k] = T(0);
        return 0;
    }
    const T m = row_max(x, r.K);
    if (!is_finite(m)) {
        for (ptrdiff_t k = 0; grad && k < r.K; ++k)
            grad[k] = constants<T>::nan;
        return static_cast<double>(constants<T>::nan);
    }
    const double rest = row_exp<false>(x, r.K, m, static_cast<T *>(nullptr), 0);
    double scale = 0;
    exact_sum weights, gaps;
    if (r.smoothing && smoothed != 0) {
        ptrdiff_t kept = 0;
        for (ptrdiff_t k = 0; k < r.K; ++k)
            kept += x[k] != lowest;
        scale = smoothed * (static_cast<double>(r.K) / static_cast<double>(kept));
    }
    for (ptrdiff_t k = 0; k < r.K; ++k) {
        const bool shares = scale != 0 && x[k] != lowest;
        const double own = weight != 0 ? weight * own_part(r, i, k) : 0.0;
        const double c = shares ? own + scale * r.smoothing[k] : own;
        weights.add(c);
        if (c != 0)
            gaps.add(c * (static_cast<double>(m) - static_cast<double>(x[k])));
    }
    const double C = weights.total();
    for (ptrdiff_t k = 0; grad && k < r.K; k += lanes) {
        const ptrdiff_t count = r.K - k < lanes ? r.K - k : lanes;
        const vec<T> x_k = load_up_to(x + k, count, m);
        T term[lanes], logit[lanes];
        x_k.store(logit);
        exp_nonpositive(x_k - vec<T>(m)).store(term);
        for (ptrdiff_t j = 0; j < count; ++j) {
            const bool shares = scale != 0 && logit[j] != lowest;
            const double own = weight != 0 ? weight * own_part(r, i, k + j) : 0.0;
            const double c = shares ? own + scale * r.smoothing[k + j] : own;
            grad[k + j] = slope_at(term[j], c, C, rest);
        }
    }
    return add_product(gaps.total(), C, log1p_of(rest));
}

// ---- a row in each lane
// ---------------------------------------------------------------------------------------------

// The weights of a group of rows in double, 0 behind the last of `count` rows.
template <class T>
INLINE wide<T> group_weights(const double *weight, bool one, ptrdiff_t i, ptrdiff_t count,
                             double factor)
{
    constexpr ptrdiff_t part_lanes = vec<double>::lanes;
    wide<T> result;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p) {
        const ptrdiff_t left = count - p * part_lanes, some = left > 0 ? left : 0;
        if (one)
            result.part[p] = vec<double>(weight[0] * factor);
        else
            result.part[p] = load_up_to(weight + (left > 0 ? i + p * part_lanes : 0), some, 0.0) *
                             vec<double>(factor);
    }
    return result;
}

// The weights of a group of labelled rows; C is the sum of a row's coefficients.
template <class T> struct lane_weights {
    wide<T> target, sample, C;
    vec<T> own, shares; // target and sample as T
    bool common;        // whether all rows weigh the same
    INLINE explicit lane_weights(const general_rows<T> &r)
        : common(r.one_target_weight && r.one_sample_weight)
    {
        if (common)
            set(r, 0, 1);
    }
    INLINE void begin(const general_rows<T> &r, ptrdiff_t first, ptrdiff_t count)
    {
        if (!common)
            set(r, first, count);
    }
    INLINE void set(const general_rows<T> &r, ptrdiff_t i, ptrdiff_t count)
    {
        target = group_weights<T>(r.target_weight, r.one_target_weight, i, count, r.factor);
        sample = group_weights<T>(r.sample_weight, r.one_sample_weight, i, count, r.factor);
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p)
            C.part[p] = add_product(target.part[p], sample.part[p], vec<double>(r.smoothing_sum));
        own = narrow(target);
        shares = narrow(sample);
    }
};

// Coefficients that are shared by all rows, as T.
template <class T> struct shared_numbers {
    T smoothing[short_row], others[short_row], class_weight[short_row], index[short_row];
    INLINE explicit shared_numbers(const general_rows<T> &r)
    {
        for (ptrdiff_t k = 0; k < r.K; ++k) {
            const double own = r.smoothing ? r.smoothing[k] : 0.0;
            smoothing[k] = static_cast<T>(own);
            others[k] = static_cast<T>(r.smoothing_sum - own);
            index[k] = static_cast<T>(k);
            class_weight[k] = static_cast<T>(r.class_weight ? r.class_weight[k] : 1.0);
        }
    }
};

// The sums of all groups. Where all rows weigh the same, and values are not wanted, the weights
// come last, and several groups share a logarithm (wide.h).
template <class T> struct lane_totals {
    // 1 + rest is at most short_row, and the product of both parts of eight stays below 2^100.
    static constexpr int max_factors = 8;
    accumulator<T> values, gaps, gaps_y, logs;
    exact_sum others; // rows that any_row computed
    wide<T> product;  // of 1 + rest, less 1
    int factors;

    INLINE lane_totals() : factors(0)
    {
        values.clear();
        gaps.clear();
        gaps_y.clear();
        logs.clear();
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p)
            product.part[p] = vec<double>(0.0);
    }
    INLINE void add_product_of(const wide<T> &rest)
    {
        product = joined(product, rest);
        if (++factors == max_factors)
            add_log();
    }
    INLINE void add_log()
    {
        add_doubles(logs, log1p_of_product(product));
        factors = 0;
    }
    INLINE double total(const general_rows<T> &r)
    {
        add_log();
        const double weight = target_weight_of(r, 0), smoothed = sample_weight_of(r, 0);
        const double C = weight + smoothed * r.smoothing_sum;
        const double common =
            (smoothed * finish(gaps) - weight * finish(gaps_y)) + C * finish(logs);
        return (finish(values) + common) + others.total();
    }
};

// The lanes of x, 0 in those that are `bad` or not among the first `count`.
template <class T> INLINE wide<T> kept_lanes(const wide<T> &x, unsigned bad, ptrdiff_t count)
{
    constexpr ptrdiff_t part_lanes = vec<double>::lanes;
    if (bad == 0 && count == vec<T>::lanes)
        return x;
    double lane[vec<T>::lanes];
    wide<T> result;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        x.part[p].store(lane + p * part_lanes);
    for (ptrdiff_t j = 0; j < vec<T>::lanes; ++j)
        if (j >= count || (bad >> j & 1))
            lane[j] = 0;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        result.part[p] = vec<double>::load(lane + p * part_lanes);
    return result;
}

// The rows first to first + count, one to a lane, in columns of K vectors that are `step` apart.
// Returns a bit for each row that is left to any_row.
template <class T> struct lane_group {
    using V = vec<T>;
    V *x, *target; // logits, then the gradient; probabilities, then coefficients
    ptrdiff_t step, first, count;

    // Takes the values of the rows that are not `bad`, and writes them.
    INLINE void add(const general_rows<T> &r, const wide<T> &value, unsigned bad,
                    accumulator<T> &sum) const
    {
        constexpr ptrdiff_t part_lanes = vec<double>::lanes;
        const wide<T> kept = kept_lanes(value, bad, count);
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            const ptrdiff_t left = count - p * part_lanes;
            if (r.values && left > 0)
                store_up_to(r.values + first + p * part_lanes, kept.part[p], left);
        }
        add_wide(sum, kept);
    }

    // The rows that are `bad`, one by one.
    NOINLINE void add_others(const general_rows<T> &r, unsigned bad, exact_sum &sum) const
    {
        T grad[short_row];
        for (ptrdiff_t j = 0; j < count; ++j) {
            if (!(bad >> j & 1))
                continue;
            const double value = any_row(r, first + j, r.grad ? grad : nullptr);
            sum.add(value);
            if (r.values)
                r.values[first + j] = value;
            for (ptrdiff_t k = 0; r.grad && k < r.K; ++k)
                reinterpret_cast<T *>(x + k * step)[j] = grad[k];
        }
    }
};

// The sums over the classes of a group of rows, before their weights.
template <class T> struct lane_sums {
    using V = vec<T>;
    V m, y, gap, gap_y, chunk, below, largest;
    lane_counter<T> ties;
    accumulator<T> gaps, terms, belows;

    INLINE explicit lane_sums(V maxima)
        : m(maxima), gap(T(0)), gap_y(T(0)), chunk(T(0)), below(T(0)), largest(T(0))
    {
        ties.clear();
        gaps.clear();
        terms.clear();
        belows.clear();
    }

    // N entries from k on; they become the terms exp(x - m).
    template <targets t, int N>
    INLINE void add(const lane_group<T> &rows, ptrdiff_t k, const shared_numbers<T> &shared)
    {
        V x[N];
        UNROLL
        for (int j = 0; j < N; ++j) {
            x[j] = rows.x[(k + j) * rows.step];
            const V gap_j = x[j] - m;
            if constexpr (are_labels(t)) {
                gap = subtract_product(gap, V(shared.smoothing[k + j]), gap_j);
                gap_y = select(y == V(shared.index[k + j]), gap_j, gap_y);
            } else {
                V &c = rows.target[(k + j) * rows.step];
                if constexpr (t == targets::weighted_probabilities)
                    c = add_product(V(shared.smoothing[k + j]), c, V(shared.class_weight[k + j]));
                gap = subtract_product(gap, c, gap_j);
                below = add_if(x[j] != m, below, c);
                largest = add_if(x[j] == m, largest, c);
            }
        }
        add_terms<false>(x, m, chunk, ties);
        UNROLL
        for (int j = 0; j < N; ++j)
            rows.x[(k + j) * rows.step] = x[j];
    }

    template <targets t> INLINE void close_chunk()
    {
        terms.add(chunk);
        gaps.add(gap);
        chunk = gap = V(T(0));
        if constexpr (!are_labels(t)) {
            belows.add(below);
            below = V(T(0));
        }
    }

    // All entries; the sums that chunks were made for become their lanes.
    template <targets t>
    INLINE V add_all(const lane_group<T> &rows, ptrdiff_t K, const shared_numbers<T> &shared)
    {
        ptrdiff_t k = 0;
        for (; k + 4 <= K; k += 4) {
            add<t, 4>(rows, k, shared);
            if (k % chunk_terms == chunk_terms - 4 && K > chunk_terms)
                close_chunk<t>();
        }
        switch (K - k) {
        case 3: add<t, 3>(rows, k, shared); break;
        case 2: add<t, 2>(rows, k, shared); break;
        case 1: add<t, 1>(rows, k, shared); break;
        default: break;
        }
        const V others = ties.minus_one();
        if (K <= chunk_terms)
            return chunk + others;
        close_chunk<t>();
        terms.add(others);
        gap = gaps.lanes();
        if constexpr (!are_labels(t))
            below = belows.lanes();
        return terms.lanes();
    }
};

template <class T> INLINE vec<T> column_maxima(const lane_group<T> &rows, ptrdiff_t K)
{
    vec<T> m = rows.x[0];
    for (ptrdiff_t k = 1; k < K; ++k)
        m = max(rows.x[k * rows.step], m);
    return m;
}

// `is_pair`: K is 2, where one of the two terms is 1, and the entries of the gradient differ in
// sign only.
template <bool is_pair, class T>
INLINE unsigned labelled_lanes(const general_rows<T> &r, ptrdiff_t K, const lane_group<T> &rows,
                               const shared_numbers<T> &shared, lane_weights<T> &weights,
                               lane_totals<T> &totals)
{
    using V = vec<T>;
    const V zero(T(0)), one(T(1));
    const V x_0 = rows.x[0], x_1 = is_pair ? rows.x[rows.step] : x_0;
    lane_sums<T> sums(is_pair ? x_0 : column_maxima(rows, K));
    int64_t own_labels[V::lanes];
    const int64_t *labels = r.labels + rows.first;
    if (rows.count < V::lanes) {
        for (ptrdiff_t j = 0; j < V::lanes; ++j)
            own_labels[j] = j < rows.count ? labels[j] : 0;
        labels = own_labels;
    }
    sums.y = reals_of_labels<T>(labels);
    V rest, smoothing_below(zero); // of the smaller of two
    const auto second_is_below = x_1 < x_0, is_second = sums.y == one;
    if constexpr (is_pair) {
        smoothing_below = select(second_is_below, V(shared.smoothing[1]), V(shared.smoothing[0]));
        const V minus_gap = minus_magnitude(x_0 - x_1);
        sums.gap = subtract_product(zero, smoothing_below, minus_gap);
        sums.gap_y = select(is_second, select(second_is_below, minus_gap, zero),
                            select(second_is_below, zero, minus_gap));
        rest = exp_nonpositive(minus_gap);
    } else {
        rest = sums.template add_all<targets::labels>(rows, K, shared);
    }
    const wide<T> gap = widen(sums.gap), gap_y = widen(sums.gap_y);
    weights.begin(r, rows.first, rows.count);
    const V factor = narrow(weights.C) / (rest + one), largest = factor * rest;
    const unsigned all = (2u << (rows.count - 1)) - 1;
    const unsigned bad = lane_bits((sums.gap - sums.gap) + (factor - factor) != zero) & all;
    if (weights.common && !r.values) {
        add_wide(totals.gaps, kept_lanes(gap, bad, rows.count));
        add_wide(totals.gaps_y, kept_lanes(gap_y, bad, rows.count));
        totals.add_product_of(kept_lanes(widen(rest), bad, rows.count));
    } else {
        const wide<T> log = widen(log1p_nonnegative(rest));
        wide<T> value;
        UNROLL
        for (int p = 0; p < wide<T>::parts; ++p) {
            value.part[p] = subtract_product(weights.sample.part[p] * gap.part[p],
                                             weights.target.part[p], gap_y.part[p]);
            value.part[p] = add_product(value.part[p], weights.C.part[p], log.part[p]);
        }
        rows.add(r, value, bad, totals.values);
    }
    if (!r.grad)
        return bad;
    const V own = weights.own, shares = weights.shares;
    if constexpr (is_pair) {
        const V own_below = select(is_second, select(second_is_below, own, zero),
                                   select(second_is_below, zero, own));
        const V slope = add_product(own_below, shares, smoothing_below) - largest;
        rows.x[0] = select(second_is_below, slope, zero - slope);
        rows.x[rows.step] = select(second_is_below, zero - slope, slope);
        return bad;
    }
    const V minus_own = zero - own, minus_largest = zero - largest, beside = own - largest;
    for (ptrdiff_t k = 0; k < K; ++k) {
        V &e = rows.x[k * rows.step];
        const auto is_own = sums.y == V(shared.index[k]);
        const V at_largest =
            add_product(select(is_own, minus_largest, beside), shares, V(shared.others[k]));
        const V slope = subtract_product(e * factor, shares, V(shared.smoothing[k]));
        e = select(e == one, at_largest, add_if(is_own, slope, minus_own));
    }
    return bad;
}

template <targets t, class T>
INLINE unsigned probability_lanes(const general_rows<T> &r, ptrdiff_t K, const lane_group<T> &rows,
                                  const shared_numbers<T> &shared, lane_totals<T> &totals)
{
    using V = vec<T>;
    const V zero(T(0)), one(T(1));
    const wide<T> weight =
        group_weights<T>(r.target_weight, r.one_target_weight, rows.first, rows.count, r.factor);
    lane_sums<T> sums(column_maxima(rows, K));
    const V rest = sums.template add_all<t>(rows, K, shared);
    const V C = sums.below + sums.largest;
    const wide<T> log = widen(log1p_nonnegative(rest)), gap = widen(sums.gap), wide_C = widen(C);
    wide<T> value;
    UNROLL
    for (int p = 0; p < wide<T>::parts; ++p)
        value.part[p] = weight.part[p] * add_product(gap.part[p], wide_C.part[p], log.part[p]);
    const V factor = C / (rest + one), others = factor * rest, row_weight = narrow(weight);
    const unsigned all = (2u << (rows.count - 1)) - 1;
    const unsigned bad = lane_bits((sums.gap - sums.gap) + (factor - factor) != zero) & all;
    rows.add(r, value, bad, totals.values);
    if (!r.grad)
        return bad;
    for (ptrdiff_t k = 0; k < K; ++k) {
        V &e = rows.x[k * rows.step];
        const V c = rows.target[k * rows.step];
        const V at_largest = (sums.below + (sums.largest - c)) - others;
        const V slope = select(e == one, at_largest, e * factor - c);
        e = select(row_weight != zero, slope * row_weight, zero);
    }
    return bad;
}

// Labels of few classes: a group is transposed in registers.
template <int K, class T> NOINLINE double few_smoothed_classes(const general_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    constexpr ptrdiff_t overlap = loads_rows<T, K> ? row_overlap<T, K> : 0;
    const shared_numbers<T> shared(r);
    lane_weights<T> weights(r);
    lane_totals<T> totals;
    T memory[lanes * K + overlap];
    for (ptrdiff_t i = 0; i < r.n; i += lanes) {
        const ptrdiff_t count = r.n - i < lanes ? r.n - i : lanes;
        const bool is_copy = (r.n - i) * K < lanes * K + overlap;
        const T *x = r.x + i * K;
        if (is_copy) {
            memset(memory, 0, sizeof memory);
            memcpy(memory, x, static_cast<size_t>(count * K) * sizeof(T));
            x = memory;
        }
        V c[soft_vectors<T, K>];
        load_any_rows<T, K>(x, c);
        const lane_group<T> rows = {c, nullptr, 1, i, count};
        const unsigned bad = labelled_lanes < K == 2 > (r, K, rows, shared, weights, totals);
        if (bad)
            rows.add_others(r, bad, totals.others);
        if (!r.grad)
            continue;
        store_any_rows<T, K>(is_copy ? memory : r.grad + i * K, c);
        if (is_copy)
            memcpy(r.grad + i * K, memory, static_cast<size_t>(count * K) * sizeof(T));
    }
    return totals.total(r);
}

// Short rows: blocks are transposed in memory.
template <targets t, class T> NOINLINE double short_general_rows(const general_rows<T> &r)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes, step = block_rows / lanes;
    const ptrdiff_t K = r.K;
    const shared_numbers<T> shared(r);
    [[maybe_unused]] lane_weights<T> weights(r);
    lane_totals<T> totals;
    V x[short_row * step], q[are_labels(t) ? 1 : short_row * step];
    T *columns = reinterpret_cast<T *>(x), *target = reinterpret_cast<T *>(q);
    for (ptrdiff_t block = 0; block < r.n; block += block_rows) {
        const ptrdiff_t n = r.n - block < block_rows ? r.n - block : block_rows;
        transpose<direction::forth>(r.x + block * K, n, K, columns);
        if constexpr (!are_labels(t))
            transpose<direction::forth>(r.probabilities + block * K, n, K, target);
        for (ptrdiff_t i = 0; i < n; i += lanes) {
            const ptrdiff_t count = n - i < lanes ? n - i : lanes;
            for (ptrdiff_t j = i + count; j < i + lanes; ++j)
                for (ptrdiff_t k = 0; k < K; ++k) {
                    columns[k * block_rows + j] = T(0);
                    if constexpr (!are_labels(t))
                        target[k * block_rows + j] = T(0);
                }
            const ptrdiff_t at = i / lanes;
            const lane_group<T> rows = {x + at, are_labels(t) ? nullptr : q + at, step, block + i,
                                        count};
            unsigned bad;
            if constexpr (are_labels(t))
                bad = labelled_lanes<false>(r, K, rows, shared, weights, totals);
            else
                bad = probability_lanes<t>(r, K, rows, shared, totals);
            if (bad)
                rows.add_others(r, bad, totals.others);
        }
        if (r.grad)
            transpose<direction::back>(static_cast<const T *>(columns), n, K, r.grad + block * K);
    }
    return totals.total(r);
}

// ---- vectors along the rows
// ---------------------------------------------------------------------------------------------

// `count` doubles as T, 0 behind them.
template <class T> INLINE vec<T> load_narrowed(const double *p, ptrdiff_t count)
{
    constexpr ptrdiff_t part_lanes = vec<double>::lanes;
    wide<T> result;
    UNROLL
    for (int part = 0; part < wide<T>::parts; ++part) {
        const ptrdiff_t left = count - part * part_lanes;
        result.part[part] =
            left > 0 ? load_up_to(p + part * part_lanes, left, 0.0) : vec<double>(0.0);
    }
    return narrow(result);
}

// What the weight of a row is multiplied with: of labels, the smoothing alone.
template <targets t, class T>
INLINE vec<T> coefficients(const general_rows<T> &r, const T *q, ptrdiff_t k, ptrdiff_t count,
                           vec<T> even, vec<T> class_weight)
{
    using V = vec<T>;
    if constexpr (t == targets::even_labels)
        return count < V::lanes ? first_lanes(even, count) : even;
    if constexpr (t == targets::labels)
        return load_narrowed<T>(r.smoothing + k, count);
    V c = load_up_to(q + k, count, T(0));
    if constexpr (t == targets::even_weighted_probabilities) {
        c = add_product(even, c, class_weight);
        return count < V::lanes ? first_lanes(c, count) : c;
    }
    if constexpr (t == targets::weighted_probabilities) {
        if (r.class_weight)
            c *= load_narrowed<T>(r.class_weight + k, count);
        if (r.smoothing)
            c += load_narrowed<T>(r.smoothing + k, count);
    }
    return c;
}

// sum_k c_k (m - x_k), and C, of the coefficients before their weight.
template <targets t, class T>
INLINE void row_sums(const general_rows<T> &r, ptrdiff_t i, T largest, double &gap, double &C)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const ptrdiff_t K = r.K;
    const T *x = r.x + i * K, *q = are_labels(t) ? nullptr : r.probabilities + i * K;
    const V m(largest), zero(T(0)), even(static_cast<T>(r.smoothing ? r.smoothing[0] : 0.0)),
        class_weight(static_cast<T>(r.class_weight ? r.class_weight[0] : 1.0));
    accumulator<T> gaps, weights;
    gaps.clear();
    weights.clear();
    ptrdiff_t k = 0;
    for (; k + 4 * lanes <= K; k += 4 * lanes) {
        V part[2] = {zero, zero}, weight[2] = {zero, zero};
        UNROLL
        for (int j = 0; j < 4; ++j) {
            const V c = coefficients<t>(r, q, k + j * lanes, lanes, even, class_weight);
            part[j % 2] = add_product(part[j % 2], c, m - V::load(x + k + j * lanes));
            weight[j % 2] += c;
        }
        gaps.add(part[0] + part[1]);
        if constexpr (!are_labels(t))
            weights.add(weight[0] + weight[1]);
    }
    V part = zero, weight = zero;
    for (; k < K; k += lanes) {
        const V c = coefficients<t>(r, q, k, K - k, even, class_weight);
        part = add_product(part, c, m - load_up_to(x + k, K - k, largest));
        weight += c;
    }
    gaps.add(part);
    weights.add(weight);
    gap = finish(gaps);
    C = are_labels(t) ? r.smoothing_sum : finish(weights);
}

// c_k in double, weighted.
template <class T>
INLINE double coefficient(const general_rows<T> &r, ptrdiff_t i, ptrdiff_t k, double weight,
                          double smoothed)
{
    const double own = weight * own_part(r, i, k);
    return r.smoothing ? own + smoothed * r.smoothing[k] : own;
}

// The terms of row i, which stand in grad, become its gradient.
template <targets t, class T>
INLINE void finish_general_row(const general_rows<T> &r, ptrdiff_t i, double C, double rest,
                               double weight, double smoothed)
{
    using V = vec<T>;
    constexpr ptrdiff_t lanes = V::lanes;
    const ptrdiff_t K = r.K;
    T *grad = r.grad + i * K, at_label(0);
    const T *q = are_labels(t) ? nullptr : r.probabilities + i * K;
    const V factor(static_cast<T>(C / (1 + rest))), one(T(1)),
        scale(static_cast<T>(are_labels(t) ? smoothed : weight)),
        even(static_cast<T>(r.smoothing ? r.smoothing[0] : 0.0)),
        class_weight(static_cast<T>(r.class_weight ? r.class_weight[0] : 1.0));
    const ptrdiff_t y = are_labels(t) ? static_cast<ptrdiff_t>(r.labels[i]) : 0;
    if constexpr (are_labels(t))
        at_label = slope_at(grad[y], coefficient(r, i, y, weight, smoothed), C, rest);
    for (ptrdiff_t k = 0; k < K; k += lanes) {
        const V e = load_up_to(grad + k, K - k, T(0));
        const V c = coefficients<t>(r, q, k, K - k, even, class_weight);
        store_up_to(grad + k, subtract_product(e * factor, c, scale), K - k);
        if (lane_bits(e == one) != 0) {
            T term[lanes];
            e.store(term);
            for (ptrdiff_t j = 0; j < lanes; ++j)
                if (term[j] == T(1))
                    grad[k + j] =
                        slope_at(term[j], coefficient(r, i, k + j, weight, smoothed), C, rest);
        }
    }
    if constexpr (are_labels(t))
        grad[y] = at_label;
}

// Each step is done for all rows of a block before the next step: the steps of one row depend on
// each other, those of different rows do not.
template <targets t, class T> NOINLINE double long_general_rows(const general_rows<T> &r)
{
    using V = vec<T>;
    const ptrdiff_t K = r.K, fitting = K < block_entries ? block_entries / K : 1;
    const ptrdiff_t most = fitting < block_rows ? fitting : block_rows;
    T maxima[block_rows], rest[block_rows], logs[block_rows];
    double value[block_rows], C[block_rows];
    bool done[block_rows];
    exact_sum sum;
    for (ptrdiff_t first = 0; first < r.n; first += most) {
        const ptrdiff_t n = r.n - first < most ? r.n - first : most;
        const ptrdiff_t ahead = n * K * static_cast<ptrdiff_t>(sizeof(T));
        for (ptrdiff_t i = 0; i < n; ++i)
            maxima[i] = row_max(r.x + (first + i) * K, K);
        for (ptrdiff_t i = 0; i < n; ++i) {
            const T *x = r.x + (first + i) * K;
            const double weight = target_weight_of(r, first + i);
            const double smoothed = sample_weight_of(r, first + i);
            row_sums<t>(r, first + i, maxima[i], value[i], C[i]);
            const double scale = are_labels(t) ? smoothed : weight;
            // in T: the gradient's numbers must be finite, too
            done[i] = !is_finite(static_cast<T>(value[i])) || (weight == 0 && smoothed == 0) ||
                      !is_finite(static_cast<T>(C[i])) || !is_finite(static_cast<T>(C[i] * scale));
            rest[i] = T(0);
            if (done[i]) {
                value[i] = any_row(r, first + i, r.grad ? r.grad + (first + i) * K : nullptr);
                continue;
            }
            value[i] *= scale;
            C[i] *= scale;
            if constexpr (are_labels(t)) {
                const double x_y = static_cast<double>(x[r.labels[first + i]]);
                value[i] += weight * (static_cast<double>(maxima[i]) - x_y);
                C[i] += weight;
            }
            T *grad = r.grad ? r.grad + (first + i) * K : nullptr;
            rest[i] = static_cast<T>(grad ? row_exp<true>(x, K, maxima[i], grad, ahead)
                                          : row_exp<false>(x, K, maxima[i], grad, ahead));
        }
        for (ptrdiff_t i = 0; i < n; i += V::lanes)
            store_up_to(logs + i, log1p_nonnegative(load_up_to(rest + i, n - i, T(0))), n - i);
        for (ptrdiff_t i = 0; i < n; ++i) {
            if (!done[i])
                value[i] = add_product(value[i], C[i], static_cast<double>(logs[i]));
            sum.add(value[i]);
            if (r.values)
                r.values[first + i] = value[i];
        }
        for (ptrdiff_t i = 0; r.grad && i < n; ++i)
            if (!done[i])
                finish_general_row<t>(r, first + i, C[i], static_cast<double>(rest[i]),
                                      target_weight_of(r, first + i),
                                      sample_weight_of(r, first + i));
    }
    return sum.total();
}

// ---- the function
// ---------------------------------------------------------------------------------------------

template <targets t, class T> INLINE double general_rows_of(const general_rows<T> &r)
{
    constexpr targets form = t == targets::even_labels ? targets::labels
                             : t == targets::even_weighted_probabilities
                                 ? targets::weighted_probabilities
                                 : t;
    return r.K <= short_row ? short_general_rows<form>(r) : long_general_rows<t>(r);
}

template <int K, class T> INLINE double few_smoothed_classes_from(const general_rows<T> &r)
{
    if constexpr (K > 8)
        return general_rows_of<targets::labels>(r);
    else
        return r.K == K ? few_smoothed_classes<K>(r) : few_smoothed_classes_from<K + 1>(r);
}

// Returns the sum of the values. Either labels or probabilities are null; of labels there is
// smoothing, and of probabilities both weights are the same. n_targets and n_samples, the numbers
// of weights, are 1 or n.
template <class T>
double cross_entropy_general_rows(const T *x, ptrdiff_t n, ptrdiff_t K, const int64_t *labels,
                                  const T *probabilities, const double *target_weight,
                                  ptrdiff_t n_targets, const double *sample_weight,
                                  ptrdiff_t n_samples, double factor, const double *class_weight,
                                  const double *smoothing, double *values, T *grad)
{
    if (n <= 0 || K <= 0)
        return 0;
    exact_sum total;
    bool even = true;
    for (ptrdiff_t k = 0; smoothing && k < K; ++k) {
        total.add(smoothing[k]);
        even = even && smoothing[k] == smoothing[0];
    }
    for (ptrdiff_t k = 0; class_weight && k < K; ++k)
        even = even && class_weight[k] == class_weight[0];
    const general_rows<T> r = {x,
                               n,
                               K,
                               labels,
                               probabilities,
                               target_weight,
                               sample_weight,
                               n_targets == 1,
                               n_samples == 1,
                               factor,
                               class_weight,
                               smoothing,
                               total.total(),
                               values,
                               grad};
    if (labels && K <= 8)
        return few_smoothed_classes_from<1>(r);
    if (labels)
        return even ? general_rows_of<targets::even_labels>(r)
                    : general_rows_of<targets::labels>(r);
    if (class_weight || smoothing)
        return even ? general_rows_of<targets::even_weighted_probabilities>(r)
                    : general_rows_of<targets::weighted_probabilities>(r);
    return general_rows_of<targets::probabilities>(r);
}
