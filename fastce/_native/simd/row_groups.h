// Groups of rows, as many as a vector has lanes: loaded so that each lane is a row, and back; the
// maxima or sums of vectors that lie along the rows, one lane for each.
#if !defined(SIMD_LEVEL)
#  include "alone.h"
#  include "scalar.h"
#  include "vector.h"
#endif

struct larger {
    template <class V> INLINE static V of(V a, V b) { return max(a, b); }
};
struct added {
    template <class V> INLINE static V of(V a, V b) { return a + b; }
};

// Lane i of the result: the lanes of r[i], combined by F.
template <class F, class T, int N> INLINE vec<T> reduce_each(vec<T> (&r)[N])
{
    static_assert(N == vec<T>::lanes, "one vector for each lane");
    transpose_tile(r);
    UNROLL
    for (int width = N / 2; width > 0; width /= 2) {
        UNROLL
        for (int j = 0; j < width; ++j)
            r[j] = F::of(r[j], r[j + width]);
    }
    return r[0];
}

// Small integers as reals.
template <class T> INLINE vec<T> reals_of(const typename constants<T>::integer *n)
{
    using C = constants<T>;
    const integers<T> raised = integers<T>::load(n) + integers<T>(C::integer_magic_bits);
    return from_bits(raised) - vec<T>(C::integer_magic);
}

// Labels below 2^24 as reals.
template <class T> INLINE vec<T> reals_of_labels(const int64_t *labels)
{
    vec<T> result;
    if constexpr (has_permute) {
        convert(labels, result);
    } else {
        T lane[vec<T>::lanes];
        for (int i = 0; i < vec<T>::lanes; ++i)
            lane[i] = static_cast<T>(labels[i]);
        result = vec<T>::load(lane);
    }
    return result;
}

// Whether `lanes` rows of K numbers can be loaded so that each lane is a row.
template <class T, int K> constexpr bool loads_rows = K > 1 && K <= vec<T>::lanes &&K <= 8;
// How many vectors that takes.
template <class T, int K>
constexpr int row_vectors = K <= 4 && has_permute ? K
                            : vec<T>::lanes < 8   ? vec<T>::lanes
                                                  : 8;
// How many numbers behind the last row are read.
template <class T, int K>
constexpr ptrdiff_t row_overlap = has_permute && K <= 4 ? 0 : row_vectors<T, K> - K;

// Where the numbers of `lanes` rows of K <= 3 stand in K vectors, or those of K vectors in rows:
// for each vector, indices into the first two of the others, and for the lanes of `beyond` into the
// third.
template <class T, int K> struct places {
    static constexpr int lanes = vec<T>::lanes;
    using index = typename constants<T>::integer;
    index two[K][lanes], third[K][lanes];
    unsigned beyond[K];
    constexpr explicit places(bool rows) : two(), third(), beyond()
    {
        for (int k = 0; k < K; ++k)
            for (int j = 0; j < lanes; ++j) {
                const int at = k * lanes + j, place = rows ? j * K + k : at % K * lanes + at / K;
                const bool in_two = place < 2 * lanes;
                two[k][j] = static_cast<index>(in_two ? place : 0);
                third[k][j] = static_cast<index>(in_two ? 0 : place - 2 * lanes);
                beyond[k] |= in_two ? 0u : 1u << j;
            }
    }
};
template <class T, int K> INLINE void permute_rows(vec<T> (&c)[K], const places<T, K> &from)
{
    vec<T> r[K];
    UNROLL
    for (int k = 0; k < K; ++k) {
        r[k] = permute(c[0], from.two[k], c[1]);
        if constexpr (K > 2)
            r[k] = select(mask_of_bits(r[k], from.beyond[k]), permute(c[2], from.third[k], c[2]),
                          r[k]);
    }
    UNROLL
    for (int k = 0; k < K; ++k)
        c[k] = r[k];
}

// The same for rows of four: two numbers of half of the rows to a vector, then halves are joined.
template <class T> struct places_of_four {
    static constexpr int lanes = vec<T>::lanes;
    using index = typename constants<T>::integer;
    index low[lanes], high[lanes], first[lanes], second[lanes];
    constexpr places_of_four() : low(), high(), first(), second()
    {
        constexpr int half = lanes / 2, quarter = lanes / 4;
        for (int j = 0; j < lanes; ++j) {
            const int row = j / 4, k = j % 4;
            low[j] = static_cast<index>(j % half * 4 + j / half);
            high[j] = low[j] + 2;
            first[j] = static_cast<index>((k < 2 ? k * half : lanes + (k - 2) * half) + row);
            second[j] = first[j] + quarter;
        }
    }
};
template <class T> INLINE void load_fours(vec<T> (&c)[4])
{
    static constexpr places_of_four<T> from;
    join_halves(c, permute(c[0], from.low, c[1]), permute(c[2], from.low, c[3]),
                permute(c[0], from.high, c[1]), permute(c[2], from.high, c[3]));
}
template <class T> INLINE void store_fours(vec<T> (&c)[4])
{
    static constexpr places_of_four<T> from;
    vec<T> r[4];
    join_halves(r, c[0], c[1], c[2], c[3]);
    c[0] = permute(r[0], from.first, r[2]);
    c[1] = permute(r[0], from.second, r[2]);
    c[2] = permute(r[1], from.first, r[3]);
    c[3] = permute(r[1], from.second, r[3]);
}

// c[k] = number k of each row.
template <class T, int K> INLINE void load_rows(const T *x, vec<T> (&c)[row_vectors<T, K>])
{
    using V = vec<T>;
    if constexpr (has_permute && K <= 4) {
        UNROLL
        for (int k = 0; k < K; ++k)
            c[k] = V::load(x + k * V::lanes);
        if constexpr (K == 4) {
            load_fours(c);
        } else {
            static constexpr places<T, K> from(true);
            permute_rows(c, from);
        }
    } else if constexpr (row_vectors<T, K> < V::lanes) {
        load_row_pairs(x, c, K);
    } else {
        UNROLL
        for (int j = 0; j < V::lanes; ++j)
            c[j] = V::load(x + j * K);
        transpose_tile(c);
    }
}

template <class T, int K> INLINE void store_rows(T *x, vec<T> (&c)[row_vectors<T, K>])
{
    using V = vec<T>;
    for (int k = K; k < row_vectors<T, K>; ++k)
        c[k] = c[0];
    if constexpr (has_permute && K <= 4) {
        if constexpr (K == 4) {
            store_fours(c);
        } else {
            static constexpr places<T, K> from(false);
            permute_rows(c, from);
        }
        UNROLL
        for (int k = 0; k < K; ++k)
            c[k].store(x + k * V::lanes);
    } else if constexpr (row_vectors<T, K> < V::lanes) {
        store_row_pairs(x, c, K);
    } else {
        // what a store writes of the next rows, the next stores write over
        transpose_tile(c);
        UNROLL
        for (int j = 0; j < V::lanes; ++j) {
            if (j * K + V::lanes <= V::lanes * K)
                c[j].store(x + j * K);
            else
                c[j].store_first(x + j * K, K);
        }
    }
}
