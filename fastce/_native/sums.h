// The sum of numbers in one order, for the modules of usual calls.
#pragma once

#include <cstddef>

namespace fastce {

// In the order of numpy.sum, and of pairwise_sum of sums.py: up to 128 numbers are added by eight
// sums, more by halves. Not inlined, since GCC takes the halves of a short array for an error.
#if defined(__GNUC__)
__attribute__((noinline))
#endif
inline double sum_numbers(const double *x, ptrdiff_t n)
{
    if (n > 128) {
        const ptrdiff_t half = n / 2 - n / 2 % 8;
        return sum_numbers(x, half) + sum_numbers(x + half, n - half);
    }
    double total = 0.0;
    ptrdiff_t i = 0;
    if (n >= 8) {
        double sums[8];
        for (int k = 0; k < 8; ++k)
            sums[k] = x[k];
        for (i = 8; i + 8 <= n; i += 8)
            for (int k = 0; k < 8; ++k)
                sums[k] += x[i + k];
        total = ((sums[0] + sums[1]) + (sums[2] + sums[3])) +
                ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    }
    for (; i < n; ++i)
        total += x[i];
    return total;
}

} // namespace fastce
