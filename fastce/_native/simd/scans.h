// Scans of labels and targets: each returns the index of the first invalid entry, or -1, and counts
// the ignored entries.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

// Entries between two tests; the loop in between has no branch, so the compiler vectorises it.
constexpr ptrdiff_t scan_entries = 2048;

// Of labels: classes from 0 to n_classes - 1. `is_bad` has the form that compilers vectorise best.
struct label_rule {
    using integer = int64_t;
    int64_t n_classes, ignore;
    INLINE label_rule(int64_t n, int64_t i) : n_classes(n), ignore(i) {}
    INLINE integer ignores(int64_t y) const { return y == ignore; }
    INLINE integer is_bad(int64_t y, integer ignored) const
    {
        return (static_cast<uint64_t>(y) >= static_cast<uint64_t>(n_classes)) & !ignored;
    }
};

// Of targets: from 0 to `highest` (NaN as `ignore`: no entry is ignored).
template <class T> struct interval_rule {
    using integer = typename constants<T>::integer;
    T highest, ignore;
    INLINE interval_rule(T h, T i) : highest(h), ignore(i) {}
    INLINE integer ignores(T t) const { return t == ignore; }
    INLINE integer is_bad(T t, integer ignored) const
    {
        const integer fits = (t >= 0) & (t <= highest);
        return !(ignored | fits);
    }
};

template <class T, class Rule>
INLINE ptrdiff_t scan(const T *t, ptrdiff_t n, const Rule &rule, ptrdiff_t *n_ignored)
{
    using I = typename Rule::integer;
    ptrdiff_t ignored = 0;
    for (ptrdiff_t start = 0; start < n; start += scan_entries) {
        const ptrdiff_t stop = n - start < scan_entries ? n : start + scan_entries;
        I bad = 0, skipped = 0;
        for (ptrdiff_t i = start; i < stop; ++i) {
            const I skip = rule.ignores(t[i]);
            skipped += skip;
            bad |= rule.is_bad(t[i], skip);
        }
        for (ptrdiff_t i = start; bad && i < stop; ++i)
            if (rule.is_bad(t[i], rule.ignores(t[i])))
                return i;
        ignored += static_cast<ptrdiff_t>(skipped);
    }
    *n_ignored = ignored;
    return -1;
}

inline ptrdiff_t scan_labels(const int64_t *y, ptrdiff_t n, int64_t n_classes, int64_t ignore,
                             ptrdiff_t *n_ignored)
{
    return scan(y, n, label_rule(n_classes, ignore), n_ignored);
}

template <class T>
ptrdiff_t scan_interval(const T *t, ptrdiff_t n, T highest, T ignore, ptrdiff_t *n_ignored)
{
    return scan(t, n, interval_rule<T>(highest, ignore), n_ignored);
}
