// logsumexp, softmax and log_softmax along the middle axis of a C-contiguous (outer, K, inner)
// array: rows whose entries are `inner` elements apart. m and rest are those of rows.h.
//
// A strided row is called a column here. Neighbouring columns fill the vectors, so nothing is
// transposed or copied. A block is wide enough for memory to be read in long contiguous pieces, and
// chunk_terms entries of a column are processed at a time, so that the state of a column (maximum,
// sums) is loaded and stored once a chunk.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#  include "elementary.h"
#  include "long_rows.h"
#  include "short_rows.h"
#  include "rows.h"
#endif

// What is done with a piece of a block: n <= chunk_terms entries of `count` <= lanes columns.
enum class pass { maxima, few_terms, many_terms, scale };

// The state of a block's columns. It is no part of strided_block, whose members stay in registers
// only where no address of them is taken.
template <class T> struct column_state {
    static constexpr ptrdiff_t lanes = vec<T>::lanes, widest = max_column_bytes / sizeof(T);
    T m[widest], factor[widest];
    vec<T> few[widest / lanes];
    lane_counter<T> ties[widest / lanes];
    accumulator<T> total[widest / lanes];
};

// A block of columns: x and out (K, width), the entries of a column `step` elements apart; out of
// logsumexp is (width,).
template <class T> struct strided_block {
    using V = vec<T>;
    static constexpr ptrdiff_t lanes = V::lanes;
    const T *x;
    ptrdiff_t step, K, width;
    T *out, *m, *factor;
    V *few;
    lane_counter<T> *ties;
    accumulator<T> *total;

    INLINE strided_block(const T *x_, ptrdiff_t step_, ptrdiff_t K_, ptrdiff_t width_, T *out_,
                         column_state<T> &state)
        : x(x_), step(step_), K(K_), width(width_), out(out_), m(state.m), factor(state.factor),
          few(state.few), ties(state.ties), total(state.total)
    {
    }

    INLINE void find_maxima(ptrdiff_t k, ptrdiff_t n, ptrdiff_t c, ptrdiff_t count)
    {
        V largest = V::load(m + c);
        const T *from = x + k * step + c;
        for (ptrdiff_t j = 0; j < n; ++j)
            largest = max(load_up_to(from + j * step, count, T(0)), largest);
        largest.store(m + c);
    }

    // The sum of the terms exp(x - m) below the maximum; those of softmax are stored. All entries
    // are loaded before any is stored: where `step` is a multiple of 4096 bytes, a load after a
    // store would often wait for it (4K aliasing).
    template <form f> INLINE V sum_terms(ptrdiff_t k, ptrdiff_t n, ptrdiff_t c, ptrdiff_t count)
    {
        const V largest = V::load(m + c);
        const T *from = x + k * step + c;
        V chunk(T(0)), v[chunk_terms];
        lane_counter<T> equal = ties[c / lanes];
        for (ptrdiff_t j = 0; j < n; ++j)
            v[j] = load_up_to(from + j * step, count, T(0));
        ptrdiff_t done = 0;
        for (; done + 4 <= n; done += 4)
            add_terms<keep::terms>(reinterpret_cast<V(&)[4]>(v[done]), largest, chunk, equal);
        for (; done < n; ++done)
            add_terms<keep::terms>(reinterpret_cast<V(&)[1]>(v[done]), largest, chunk, equal);
        for (ptrdiff_t j = 0; f == form::softmax && j < n; ++j)
            store_up_to(out + (k + j) * step + c, v[j], count);
        ties[c / lanes] = equal;
        return chunk;
    }

    template <form f> INLINE void scale(ptrdiff_t k, ptrdiff_t n, ptrdiff_t c, ptrdiff_t count)
    {
        const V base = V::load(m + c), by = V::load(factor + c);
        const T *from = (f == form::softmax ? out : x) + k * step + c;
        V v[chunk_terms];
        for (ptrdiff_t j = 0; j < n; ++j)
            v[j] = load_up_to(from + j * step, count, T(0));
        for (ptrdiff_t j = 0; j < n; ++j)
            store_up_to(out + (k + j) * step + c, apply_to<f, T>(v[j], base, by), count);
    }

    template <pass p, form f>
    INLINE void piece(ptrdiff_t k, ptrdiff_t n, ptrdiff_t c, ptrdiff_t count)
    {
        if constexpr (p == pass::maxima)
            find_maxima(k, n, c, count);
        else if constexpr (p == pass::few_terms)
            few[c / lanes] = sum_terms<f>(k, n, c, count);
        else if constexpr (p == pass::many_terms)
            total[c / lanes].add(sum_terms<f>(k, n, c, count));
        else
            scale<f>(k, n, c, count);
    }

    // All pieces. n and count are constants where the vectors are full, so the compiler unrolls.
    template <pass p, form f> INLINE void pieces()
    {
        for (ptrdiff_t k = 0; k < K; k += chunk_terms) {
            ptrdiff_t c = 0;
            if (K - k >= chunk_terms) {
                for (; c + lanes <= width; c += lanes)
                    piece<p, f>(k, chunk_terms, c, lanes);
            } else {
                for (; c + lanes <= width; c += lanes)
                    piece<p, f>(k, K - k, c, lanes);
            }
            if (c < width)
                piece<p, f>(k, K - k < chunk_terms ? K - k : chunk_terms, c, width - c);
        }
    }

    template <form f> INLINE void find_factors()
    {
        for (ptrdiff_t c = 0; c < width; c += lanes) {
            const ptrdiff_t v = c / lanes;
            const V rest = rest_of_lanes(total[v], few[v], ties[v], V::load(m + c), K);
            const V by = f == form::softmax ? V(1) / (rest + V(1)) : log1p_nonnegative(rest);
            by.store(factor + c);
        }
        for (ptrdiff_t c = 0; f != form::softmax && c < width; ++c)
            if (!is_finite(m[c])) {
                m[c] = logsumexp_not_finite(x + c, step, K, m[c]);
                factor[c] = 0;
            }
    }

    template <form f> INLINE void run()
    {
        for (ptrdiff_t v = 0; v * lanes < width; ++v) {
            V(-constants<T>::infinity).store(m + v * lanes);
            few[v] = V(T(0));
            ties[v].clear();
            total[v].clear();
        }
        pieces<pass::maxima, f>();
        if (K < chunk_terms)
            pieces<pass::few_terms, f>();
        else
            pieces<pass::many_terms, f>();
        find_factors<f>();
        if constexpr (f == form::logsumexp) {
            for (ptrdiff_t c = 0; c < width; ++c)
                out[c] = m[c] + factor[c];
        } else {
            pieces<pass::scale, f>();
        }
    }
};

// The columns from `first` to `last` - 1 of the outer * inner columns of x (outer, K, inner); out
// of logsumexp is (outer, inner).
template <form f, class T>
INLINE void strided_range(const T *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first, ptrdiff_t last,
                          T *out)
{
    constexpr ptrdiff_t size = sizeof(T), max_columns = max_column_bytes / size;
    if (K == 0) {
        for (ptrdiff_t i = first; f == form::logsumexp && i < last; ++i)
            out[i] = -constants<T>::infinity;
        return;
    }
    const ptrdiff_t fitting = block_bytes / (K * size) / min_columns * min_columns;
    ptrdiff_t widest = fitting < min_columns   ? min_columns
                       : fitting < max_columns ? fitting
                                               : max_columns;
    if (K * size * min_columns > uncached_bytes)
        widest = max_columns;
    column_state<T> state;
    for (ptrdiff_t i = first, width; i < last; i += width) {
        const ptrdiff_t o = i / inner, c = i % inner;
        width = last - i < widest ? last - i : widest;
        width = width < inner - c ? width : inner - c;
        T *to = f == form::logsumexp ? out + i : out + o * K * inner + c;
        strided_block<T>(x + o * K * inner + c, inner, K, width, to, state).template run<f>();
    }
}

template <class T>
void logsumexp_strided(const T *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first, ptrdiff_t last,
                       T *out)
{
    strided_range<form::logsumexp>(x, K, inner, first, last, out);
}
template <class T>
void softmax_strided(const T *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first, ptrdiff_t last,
                     T *out)
{
    strided_range<form::softmax>(x, K, inner, first, last, out);
}
template <class T>
void log_softmax_strided(const T *x, ptrdiff_t K, ptrdiff_t inner, ptrdiff_t first, ptrdiff_t last,
                         T *out)
{
    strided_range<form::log_softmax>(x, K, inner, first, last, out);
}
