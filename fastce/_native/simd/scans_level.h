/* Scans of labels and targets for one instruction set: each returns the index of the first invalid
 * entry, or -1, and counts the ignored entries. Included by each_level.h. */
#define SCAN_ENTRIES                                                                               \
    2048 /* entries between two tests; the loop in between has no branch, so it is vectorised */

static ptrdiff_t NAME(scan_labels)(const int64_t *y, ptrdiff_t n, int64_t n_classes, int64_t ignore,
                                   ptrdiff_t *n_ignored)
{
    ptrdiff_t ignored = 0;
    for (ptrdiff_t start = 0; start < n; start += SCAN_ENTRIES) {
        const ptrdiff_t stop = n - start < SCAN_ENTRIES ? n : start + SCAN_ENTRIES;
        int64_t bad = 0, skipped = 0;
        for (ptrdiff_t i = start; i < stop; ++i) {
            const int64_t skip = y[i] == ignore;
            skipped += skip;
            bad |= (((uint64_t)y[i] >= (uint64_t)n_classes) & !skip);
        }
        if (bad)
            for (ptrdiff_t i = start; i < stop; ++i)
                if (y[i] != ignore && (uint64_t)y[i] >= (uint64_t)n_classes)
                    return i;
        ignored += skipped;
    }
    *n_ignored = ignored;
    return -1;
}

/* Every entry must be from 0 to `highest`, or equal `ignore` (NaN: no entry is ignored). */
#define SCAN_INTERVAL(REAL, INTEGER, suffix)                                                       \
    static ptrdiff_t NAME(scan_interval##suffix)(const REAL *t, ptrdiff_t n, REAL highest,         \
                                                 REAL ignore, ptrdiff_t *n_ignored)                \
    {                                                                                              \
        ptrdiff_t ignored = 0;                                                                     \
        for (ptrdiff_t start = 0; start < n; start += SCAN_ENTRIES) {                              \
            const ptrdiff_t stop = n - start < SCAN_ENTRIES ? n : start + SCAN_ENTRIES;            \
            INTEGER bad = 0, skipped = 0;                                                          \
            for (ptrdiff_t i = start; i < stop; ++i) {                                             \
                const INTEGER skip = t[i] == ignore, fits = (t[i] >= 0) & (t[i] <= highest);       \
                skipped += skip;                                                                   \
                bad |= !(skip | fits);                                                             \
            }                                                                                      \
            if (bad)                                                                               \
                for (ptrdiff_t i = start; i < stop; ++i)                                           \
                    if (t[i] != ignore && !(t[i] >= 0 && t[i] <= highest))                         \
                        return i;                                                                  \
            ignored += skipped;                                                                    \
        }                                                                                          \
        *n_ignored = ignored;                                                                      \
        return -1;                                                                                 \
    }
SCAN_INTERVAL(float, int32_t, _f32)
SCAN_INTERVAL(double, int64_t, _f64)
#undef SCAN_INTERVAL
#undef SCAN_ENTRIES
