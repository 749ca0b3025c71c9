// Entries of rows that labels name: summed, and written to. One thread; no arithmetic to speak of,
// so there are no vectors here. Included by gather.pyx.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace fastce {

// Row o * inner + j starts at data + o * outer_stride + j * inner_stride; the entries of its
// classes are class_stride apart. Strides are in bytes.
struct gather_rows {
    char *data;
    ptrdiff_t n, n_classes, inner, outer_stride, inner_stride, class_stride;
};

// The labels of n rows, and their weights: those of the classes, those of the rows, or none.
template <class Label> struct gather_labels {
    const Label *label;
    int64_t ignore;
    const double *class_weight, *row_weight;
};

struct gather_sums {
    double total, divisor; // sums of w_i x_iy and of w_i
    bool valid;            // whether every label is a class or ignored, in rows of weight not 0
};

// A number of 16 bits as IEEE 754 defines it.
struct float16 {
    uint16_t bits;
    explicit operator double() const
    {
        const int exponent = bits >> 10 & 31, fraction = bits & 1023;
        const double size = exponent == 0    ? std::ldexp(fraction, -24)
                            : exponent != 31 ? std::ldexp(1024 + fraction, exponent - 25)
                            : fraction       ? std::numeric_limits<double>::quiet_NaN()
                                             : std::numeric_limits<double>::infinity();
        return bits >> 15 ? -size : size;
    }
};

// Calls visit(entry of row i, i, weight of row i) for the rows from first to before last that
// count; returns false at a label that is out of range.
template <class T, class Label, class Visit>
inline bool visit_entries(const gather_rows &x, const gather_labels<Label> &labels,
                          ptrdiff_t first, ptrdiff_t last, Visit visit)
{
    const double *const class_weight = labels.class_weight, *const row_weight = labels.row_weight;
    const int64_t ignore = labels.ignore;
    const uint64_t n_classes = static_cast<uint64_t>(x.n_classes);
    const ptrdiff_t class_step = x.class_stride / ptrdiff_t(sizeof(T));
    for (ptrdiff_t i = first; i < last;) {
        // the rows up to the next step of the outer axis lie at one distance
        const bool flat = x.inner == 1;
        const ptrdiff_t outer = flat ? 0 : i / x.inner, j = flat ? i : i % x.inner;
        const ptrdiff_t end = flat || last - i < x.inner - j ? last : i + x.inner - j;
        const ptrdiff_t stride = flat ? x.outer_stride : x.inner_stride;
        const T *row = reinterpret_cast<const T *>(x.data + outer * x.outer_stride + j * stride);
        const ptrdiff_t row_step = stride / ptrdiff_t(sizeof(T));
        for (; i < end; ++i, row += row_step) {
            const int64_t k = labels.label[i];
            double w = 1.0;
            if (k == ignore)
                continue;
            if (row_weight != nullptr && (w = row_weight[i]) == 0.0)
                continue;
            if (static_cast<uint64_t>(k) >= n_classes)
                return false;
            if (class_weight != nullptr)
                w = class_weight[k];
            visit(row + k * class_step, i, w);
        }
    }
    return true;
}

// The sums of one block of rows. values: minus the terms, or null. Short runs are added first, each
// by four sums, so that rounding errors do not grow with the block.
template <class T, class Label>
gather_sums sum_block(const gather_rows &x, const gather_labels<Label> &labels, ptrdiff_t first,
                      ptrdiff_t last, double *values)
{
    constexpr ptrdiff_t run = 128;
    gather_sums sums = {0.0, 0.0, true};
    if (values != nullptr)
        for (ptrdiff_t i = first; i < last; ++i)
            values[i] = 0.0;
    for (ptrdiff_t start = first; start < last && sums.valid; start += run) {
        double total[4] = {0.0, 0.0, 0.0, 0.0}, divisor = 0.0;
        const ptrdiff_t stop = last - start < run ? last : start + run;
        sums.valid =
            visit_entries<T>(x, labels, start, stop, [&](const T *entry, ptrdiff_t i, double w) {
                divisor += w;
                if (w == 0.0) // 0 times infinity is 0
                    return;
                const double term = w * static_cast<double>(*entry);
                total[(i - start) & 3] += term;
                if (values != nullptr)
                    values[i] = -term;
            });
        sums.total += (total[0] + total[1]) + (total[2] + total[3]);
        sums.divisor += divisor;
    }
    return sums;
}

// Writes to the entries of rows whose weight is not 0; the labels are valid. values: one for each
// class or row, as the weights are, or one for all. Item: the entries, or their bits.
template <class Item, class Label>
void scatter_block(const gather_rows &grad, const gather_labels<Label> &labels, ptrdiff_t first,
                   ptrdiff_t last, const Item *values)
{
    const bool by_class = labels.class_weight != nullptr, by_row = labels.row_weight != nullptr;
    visit_entries<Item>(grad, labels, first, last, [&](const Item *entry, ptrdiff_t i, double w) {
        if (w != 0.0)
            *const_cast<Item *>(entry) = values[by_class ? labels.label[i] : by_row ? i : 0];
    });
}

} // namespace fastce
