// Products.  Every output adds its inputs in ascending order with fused multiply-adds, one chain for each, from a
// start that the caller names. Tiles, batches, cuts of the rows and vector widths change none of its bits.
//
// The right side lies packed in panels of PANEL columns, each [depth][panel], so that a tile reads it in one
// stream; the last panel is as wide as its vectors. Measured on AVX-512: 4 × 4 vectors reach 0.98 of the peak.
#pragma once

#include "kernels.hpp"
#include "simd.hpp"

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

// M rows × N vectors; `columns` of them count. `stride` lies between the vectors of depth k and k + 1.
template <class T, int M, int N>
ELMAN_INLINE void tile(Left<T> left, const T* right, std::ptrdiff_t stride, Index depth, Start<T> start, Out<T> out,
                       Index columns) {
    constexpr int lanes = Vec<T>::lanes;
    Vec<T> sum[M][N];
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++)
            sum[m][n] = start.at ? load_columns(start.at + m * start.row + n * lanes, columns - n * lanes)
                                 : Vec<T>::zero();
    for (Index k = 0; k < depth; k++, right += stride, left.at += left.step) {
        Vec<T> r[N];
        for (int n = 0; n < N; n++) r[n] = Vec<T>::load(right + n * lanes);
        for (int m = 0; m < M; m++) {
            Vec<T> l = Vec<T>::all(left.at[m * left.row]);
            for (int n = 0; n < N; n++) sum[m][n] = fma(l, r[n], sum[m][n]);
        }
    }
    for (int m = 0; m < M; m++)
        for (int n = 0; n < N; n++) store_columns(sum[m][n], out.at + m * out.row + n * lanes, columns - n * lanes);
}

// M rows × one panel.
template <class T, int M>
void panel_rows(Left<T> left, const T* right, Index depth, Start<T> start, Out<T> out, Index columns) {
    constexpr int lanes = Vec<T>::lanes, most = M == 1 ? int(PANEL_VECTORS) : TILE_VECTORS;
    const Index wide = vectors<T>(columns), stride = wide * lanes;
    for (Index v = 0; v < wide;) {
        const Index at = v * lanes, left_over = columns - at;
        const T* from = right + at;
        Start<T> begin{start.at ? start.at + at : nullptr, start.row};
        Out<T> to{out.at + at, out.row};
        if (most >= 4 && wide - v >= 4)
            tile<T, M, most >= 4 ? 4 : 1>(left, from, stride, depth, begin, to, left_over), v += 4;
        else if (most >= 3 && wide - v >= 3)
            tile<T, M, most >= 3 ? 3 : 1>(left, from, stride, depth, begin, to, left_over), v += 3;
        else if (most >= 2 && wide - v >= 2)
            tile<T, M, most >= 2 ? 2 : 1>(left, from, stride, depth, begin, to, left_over), v += 2;
        else
            tile<T, M, 1>(left, from, stride, depth, begin, to, left_over), v += 1;
    }
}

// All rows × one panel.
template <class T>
void product_panel(Left<T> left, Index rows, const T* right, Index depth, Start<T> start, Out<T> out, Index columns) {
    auto go = [&](auto count) {
        panel_rows<T, decltype(count)::value>(left, right, depth, start, out, columns);
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
template <class T, int N>
void two_panels(Left<T> left, const T* right, Index depth, Start<T> start, Out<T> out, Index columns) {
    constexpr int lanes = Vec<T>::lanes, P = int(PANEL_VECTORS);
    const Index stride = least(padded<T>(columns) - PANEL<T>, PANEL<T>);
    const T* next = right + PANEL<T> * depth;
    Vec<T> sum[P + N];
    for (int n = 0; n < P + N; n++)
        sum[n] = start.at ? load_columns(start.at + n * lanes, columns - n * lanes) : Vec<T>::zero();
    for (Index k = 0; k < depth; k++, right += PANEL<T>, next += stride) {
        Vec<T> l = Vec<T>::all(left.at[k * left.step]);
        for (int n = 0; n < P; n++) sum[n] = fma(l, Vec<T>::load(right + n * lanes), sum[n]);
        for (int n = 0; n < N; n++) sum[P + n] = fma(l, Vec<T>::load(next + n * lanes), sum[P + n]);
    }
    for (int n = 0; n < P + N; n++) store_columns(sum[n], out.at + n * lanes, columns - n * lanes);
}

// Two panels of one row, if the registers hold that many sums.
template <class T>
bool two_panels(Left<T> left, const T* right, Index depth, Start<T> start, Out<T> out, Index columns) {
    const Index more = vectors<T>(columns) - PANEL_VECTORS;
    if (more < 1 || least(more, PANEL_VECTORS) > NEXT_VECTORS) return false;
    if (more == 1) two_panels<T, 1>(left, right, depth, start, out, columns);
    else if (more == 2) two_panels<T, 2>(left, right, depth, start, out, columns);
    else if (more == 3) two_panels<T, 3>(left, right, depth, start, out, columns);
    else two_panels<T, 4>(left, right, depth, start, out, columns);
    return true;
}

// out = start + left · right for all rows and columns.
template <class T>
void product(Left<T> left, Index rows, const T* packed, Index columns, Index depth, Start<T> start, Out<T> out) {
    for (Index c = 0; c < columns; c += PANEL<T>) {
        const Index wide = least(columns - c, PANEL<T>);
        const Start<T> begin{start.at ? start.at + c : nullptr, start.row};
        const Out<T> to{out.at + c, out.row};
        if (rows == 1 && two_panels(left, packed + c * depth, depth, begin, to, columns - c)) c += PANEL<T>;
        else product_panel(left, rows, packed + c * depth, depth, begin, to, wide);
    }
}

template <class T> Index packed_size(Index depth, Index columns) { return depth * padded<T>(columns); }

// Pack these panels of a matrix.
template <class T> void pack(const Packing<T>& p, Index begin, Index end) {
    for (Index panel = begin; panel < end; panel++) {
        const Index first = panel * PANEL<T>, wide = least(p.columns - first, PANEL<T>), stride = padded<T>(wide);
        T* to = p.packed + first * p.depth;
        if (p.turned) {
            Index c = 0;
            for (constexpr Index side = 8; c + side <= wide; c += side) {  // what is written lies side by side
                const T* from = p.matrix + (first + c) * p.depth;
                for (Index k = 0; k < p.depth; k++)
                    for (Index j = 0; j < side; j++) to[k * stride + c + j] = from[j * p.depth + k];
            }
            for (; c < stride; c++)
                for (Index k = 0; k < p.depth; k++)
                    to[k * stride + c] = c < wide ? p.matrix[(first + c) * p.depth + k] : T(0);
            continue;
        }
        for (Index k = 0; k < p.depth; k++, to += stride)
            for (Index c = 0; c < stride; c += Vec<T>::lanes)
                load_columns(p.matrix + k * p.columns + first + c, wide - c).store(to + c);
    }
}

}  // namespace elman::ELMAN_ISA
