// Layer normalization of one row: all gates of all units of a sequence.  Letters as in engines/normalization.py:
//     x̂ = (x − mean x) / √(var x + ε)        row = g x̂
//     dx = (dx̂ − mean dx̂ − x̂ mean(x̂ dx̂)) / √(var x + ε)        dx̂ = g drow
// Sums over a row are sums of its lanes, then one fixed tree: no bit depends on the instruction set.
#pragma once

#include "gemm.hpp"

namespace elman::ELMAN_ISA {

constexpr double EPSILON = 1e-5;

// Σ f(j) over the row, f given the first of some columns and how many count; lanes that do not count are zero.
template <class T, class F> ELMAN_INLINE T row_sum(Index width, F&& f) {
    Vec<T> total = Vec<T>::zero();
    for (Index j = 0; j < width; j += Vec<T>::lanes) {
        const Index left_over = width - j;
        Vec<T> part = f(j, left_over);
        total = total + (left_over >= Vec<T>::lanes
                             ? part : select(Mask<T>::first(int(left_over)), part, Vec<T>::zero()));
    }
    return sum(total);
}

template <class T> void normalize(T* row, const T* gain, Index width, T* hat, T* scale) {
    const T mean = row_sum<T>(width, [&](Index j, Index n) { return load_columns(row + j, n); }) / T(width);
    const T variance = row_sum<T>(width, [&](Index j, Index n) {
        Vec<T> off = load_columns(row + j, n) - Vec<T>::all(mean);
        return off * off;
    }) / T(width);
    *scale = T(1) / T(__builtin_sqrt(double(variance) + EPSILON));
    for (Index j = 0; j < width; j += Vec<T>::lanes) {
        Vec<T> x = (load_columns(row + j, width - j) - Vec<T>::all(mean)) * Vec<T>::all(*scale);
        store_columns(x, hat + j, width - j);
        store_columns(x * load_columns(gain + j, width - j), row + j, width - j);
    }
}

template <class T>
void normalize_backward(const T* drow, const T* gain, Index width, const T* hat, T scale, T* out) {
    auto dhat = [&](Index j, Index n) { return load_columns(drow + j, n) * load_columns(gain + j, n); };
    const T mean = row_sum<T>(width, dhat) / T(width);
    const T slope = row_sum<T>(width, [&](Index j, Index n) {
        return dhat(j, n) * load_columns(hat + j, n);
    }) / T(width);
    for (Index j = 0; j < width; j += Vec<T>::lanes) {
        const Index n = width - j;
        Vec<T> dx = dhat(j, n) - Vec<T>::all(mean);
        dx = fnma(load_columns(hat + j, n), Vec<T>::all(slope), dx);
        store_columns(dx * Vec<T>::all(scale), out + j, n);
    }
}

}  // namespace elman::ELMAN_ISA
