// Products.  Every output adds its inputs in ascending order with fused multiply-adds, one chain for each, from a
// start that the caller names. Tiles, batches, cuts of the rows and vector widths change none of its bits.
//
// The right side lies packed in panels of PANEL columns, each [depth][panel], so that a tile reads it in one
// stream; the last panel is as wide as its vectors. Measured on AVX-512: 4 × 4 vectors reach 0.98 of the peak.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

#include <type_traits>

namespace elman::ELMAN_ISA {

// A panel has four vectors. How many rows and vectors of sums the registers hold:
constexpr Index PANEL_VECTORS = 4;
#if ELMAN_TARGET_AVX512
constexpr int TILE_ROWS = 6, TILE_VECTORS = 4, NEXT_VECTORS = 4;
#elif ELMAN_TARGET_AVX2
constexpr int TILE_ROWS = 6, TILE_VECTORS = 1, NEXT_VECTORS = 3;
#else
constexpr int TILE_ROWS = 2, TILE_VECTORS = 1, NEXT_VECTORS = 0;
#endif

template <class T> constexpr Index PANEL = PANEL_VECTORS * Vec<T>::lanes;

// The element (row r, depth k) is at[r * row + k * step]; or, where rows lie in groups as high as a tile,
// at[r / TILE_ROWS * group + r % TILE_ROWS * row + k * step].
template <class T> struct Left {
    const T* at;
    std::ptrdiff_t row, step, group = 0;
};

// Where the sums of row r begin: at[r * row + column]; none: from zero. It may be the output.
template <class T> struct Start {
    const T* at;
    std::ptrdiff_t row;
};

template <class T> struct Out {
    T* at;
    std::ptrdiff_t row;
};

template <int n> struct Count {
    static constexpr int value = n;
};

inline Index least(Index a, Index b) { return a < b ? a : b; }

template <class T> inline Index vectors(Index columns) {
    return (columns + Vec<T>::lanes - 1) / Vec<T>::lanes;
}

// The columns that a packed matrix takes, for each unit of depth.
template <class T> inline Index padded(Index columns) { return vectors<T>(columns) * Vec<T>::lanes; }

template <class T> inline Vec<T> load_columns(const T* from, Index columns) {
    return columns >= Vec<T>::lanes ? Vec<T>::load(from) : Vec<T>::load(from, int(columns > 0 ? columns : 0));
}

template <class T> inline void store_columns(Vec<T> value, T* to, Index columns) {
    if (columns >= Vec<T>::lanes)
        value.store(to);
    else if (columns > 0)
        value.store(to, int(columns));
}

// The right side of a product, of T itself or narrow; int8: with the scale of each column.
template <class T, class R = T> struct Right {
    const R* at;
    const T* scales = nullptr;

    Right from(Index elements, Index columns) const { return {at + elements, scales ? scales + columns : nullptr}; }
};

// What a kernel of elements R reads: the plain matrix, or the one in its place.
template <class R, class T> inline Right<T, R> right_of(const T* plain, Stored<T> narrow) {
    if constexpr (std::is_same_v<R, T>) return {plain};
    else return {static_cast<const R*>(narrow.at), narrow.scales};
}

template <class R> constexpr bool scaled = std::is_same_v<R, std::int8_t>;

template <class T> ELMAN_INLINE Vec<T> load_start(const T* start, Index columns) {
    return start ? load_columns(start, columns) : Vec<T>::zero();
}

// What a sum begins with, and what it ends as: start + scale · sum, where there are scales.
template <class R, class T> ELMAN_INLINE Vec<T> begin_sum(const T* start, Index columns) {
    return scaled<R> ? Vec<T>::zero() : load_start(start, columns);
}

template <class T, class R> ELMAN_INLINE Vec<T> end_sum(Vec<T> sum, Right<T, R> right, const T* start, Index at,
                                                        Index columns) {
    return scaled<R> ? fma(load_columns(right.scales + at, columns), sum, load_start(start, columns)) : sum;
}

// M rows × N vectors; `columns` of them count. `stride` lies between the vectors of depth k and k + 1.
template <int M, int N, class T, class R>
ELMAN_INLINE void tile(Left<T> left, Right<T, R> right, std::ptrdiff_t stride, Index depth, Start<T> start,
                       Out<T> out, Index columns) {
    constexpr int lanes = Vec<T>::lanes;
    auto begin = [start](int m, int n) { return start.at ? start.at + m * start.row + n * lanes : nullptr; };
    Vec<T> sum[M][N];
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) sum[m][n] = begin_sum<R>(begin(m, n), columns - n * lanes);
    for (Index k = 0; k < depth; k++, right.at += stride, left.at += left.step) {
        if constexpr (M == 1) {  // what is used once is not held: AVX2 would run out of registers
            const Vec<T> l = Vec<T>::all(*left.at);
            for (int n = 0; n < N; n++) sum[0][n] = fma(l, widen(right.at + n * lanes), sum[0][n]);
        } else {
            Vec<T> r[N];
            for (int n = 0; n < N; n++) r[n] = widen(right.at + n * lanes);
            for (int m = 0; m < M; m++) {
                Vec<T> l = Vec<T>::all(left.at[m * left.row]);
                for (int n = 0; n < N; n++) sum[m][n] = fma(l, r[n], sum[m][n]);
            }
        }
    }
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) {
            const Index many = columns - n * lanes;
            const Vec<T> y = end_sum(sum[m][n], right, begin(m, n), n * lanes, many);
            store_columns(y, out.at + m * out.row + n * lanes, many);
        }
}

// M rows × one panel.
template <int M, class T, class R>
void panel_rows(Left<T> left, Right<T, R> right, Index depth, Start<T> start, Out<T> out, Index columns) {
    constexpr int lanes = Vec<T>::lanes, most = M == 1 ? int(PANEL_VECTORS) : TILE_VECTORS;
    const Index wide = vectors<T>(columns), stride = wide * lanes;
    for (Index v = 0; v < wide;) {
        const Index at = v * lanes, left_over = columns - at;
        const Right<T, R> from = right.from(at, at);
        Start<T> begin{start.at ? start.at + at : nullptr, start.row};
        Out<T> to{out.at + at, out.row};
        if (most >= 4 && wide - v >= 4)
            tile<M, most >= 4 ? 4 : 1>(left, from, stride, depth, begin, to, left_over), v += 4;
        else if (most >= 3 && wide - v >= 3)
            tile<M, most >= 3 ? 3 : 1>(left, from, stride, depth, begin, to, left_over), v += 3;
        else if (most >= 2 && wide - v >= 2)
            tile<M, most >= 2 ? 2 : 1>(left, from, stride, depth, begin, to, left_over), v += 2;
        else
            tile<M, 1>(left, from, stride, depth, begin, to, left_over), v += 1;
    }
}

// All rows × one panel.
template <class T, class R>
void product_panel(Left<T> left, Index rows, Right<T, R> right, Index depth, Start<T> start, Out<T> out,
                   Index columns) {
    auto go = [&](auto count) {
        panel_rows<decltype(count)::value>(left, right, depth, start, out, columns);
        constexpr int M = decltype(count)::value;
        left.at += M == TILE_ROWS && left.group ? left.group : M * left.row;
        start.at = start.at ? start.at + M * start.row : nullptr, out.at += M * out.row;
        rows -= M;
    };
    while (rows >= TILE_ROWS) go(Count<TILE_ROWS>{});
    if (TILE_ROWS > 4 && rows >= 4) go(Count<4>{});
    if (TILE_ROWS > 2 && rows >= 2) go(Count<2>{});
    if (rows >= 1) go(Count<1>{});
}

// One row × a whole panel and N vectors of the next: four chains alone would leave the multipliers waiting for each
// other, and a last panel of one vector would take as long as a whole one.
template <int N, class T, class R>
void two_panels(Left<T> left, Right<T, R> right, Index depth, Start<T> start, Out<T> out, Index columns) {
    constexpr int lanes = Vec<T>::lanes, P = int(PANEL_VECTORS);
    const Index stride = least(padded<T>(columns) - PANEL<T>, PANEL<T>);
    const R* next = right.at + PANEL<T> * depth;
    auto begin = [start](int n) { return start.at ? start.at + n * lanes : nullptr; };
    Vec<T> sum[P + N];
    for (int n = 0; n < P + N; n++) sum[n] = begin_sum<R>(begin(n), columns - n * lanes);
    for (Index k = 0; k < depth; k++, right.at += PANEL<T>, next += stride) {
        Vec<T> l = Vec<T>::all(left.at[k * left.step]);
        for (int n = 0; n < P; n++) sum[n] = fma(l, widen(right.at + n * lanes), sum[n]);
        for (int n = 0; n < N; n++) sum[P + n] = fma(l, widen(next + n * lanes), sum[P + n]);
    }
    for (int n = 0; n < P + N; n++) {
        const Vec<T> y = end_sum(sum[n], right, begin(n), n * lanes, columns - n * lanes);
        store_columns(y, out.at + n * lanes, columns - n * lanes);
    }
}

// Two panels of one row, if the registers hold that many sums.
template <class T, class R>
bool two_panels(Left<T> left, Right<T, R> right, Index depth, Start<T> start, Out<T> out, Index columns) {
    const Index more = vectors<T>(columns) - PANEL_VECTORS;
    if (more < 1 || least(more, PANEL_VECTORS) > NEXT_VECTORS) return false;
    if (more == 1) two_panels<1>(left, right, depth, start, out, columns);
    else if (more == 2) two_panels<2>(left, right, depth, start, out, columns);
    else if (more == 3) two_panels<3>(left, right, depth, start, out, columns);
    else two_panels<4>(left, right, depth, start, out, columns);
    return true;
}

// out = start + left · right for all rows and columns.
template <class T, class R>
void product(Left<T> left, Index rows, Right<T, R> packed, Index columns, Index depth, Start<T> start, Out<T> out) {
    for (Index c = 0; c < columns; c += PANEL<T>) {
        const Index wide = least(columns - c, PANEL<T>);
        const Start<T> begin{start.at ? start.at + c : nullptr, start.row};
        const Out<T> to{out.at + c, out.row};
        if (rows == 1 && two_panels(left, packed.from(c * depth, c), depth, begin, to, columns - c)) c += PANEL<T>;
        else product_panel(left, rows, packed.from(c * depth, c), depth, begin, to, wide);
    }
}

template <class T> Index packed_size(Index depth, Index columns) { return depth * padded<T>(columns); }

// Pack these panels of a matrix.
template <class T, class R = T> void pack(const Packing<R>& p, Index begin, Index end) {
    for (Index panel = begin; panel < end; panel++) {
        const Index first = panel * PANEL<T>, wide = least(p.columns - first, PANEL<T>), stride = padded<T>(wide);
        R* to = p.packed + first * p.depth;
        if (p.turned) {
            Index c = 0;
            for (constexpr Index side = 8; c + side <= wide; c += side) {  // what is written lies side by side
                const R* from = p.matrix + (first + c) * p.depth;
                for (Index k = 0; k < p.depth; k++)
                    for (Index j = 0; j < side; j++) to[k * stride + c + j] = from[j * p.depth + k];
            }
            for (; c < stride; c++)
                for (Index k = 0; k < p.depth; k++)
                    to[k * stride + c] = c < wide ? p.matrix[(first + c) * p.depth + k] : R{};
            continue;
        }
        if constexpr (std::is_same_v<R, T>)  // nobody packs narrow elements as they lie
            for (Index k = 0; k < p.depth; k++, to += stride)
                for (Index c = 0; c < stride; c += Vec<T>::lanes)
                    load_columns(p.matrix + k * p.columns + first + c, wide - c).store(to + c);
    }
}

}  // namespace elman::ELMAN_ISA
