// What a head shows to users, from rows of outputs y.  Letters as in src/elman/heads:
//     softmax    o = exp(y − max y) / Σ exp(y − max y)        sigmoid    o = 1 / (1 + exp(−y))
//     gaussian   m, and √ exp(v) with v = 8 asinh(s / 8): exp(v / 2) = (u + √(u² + 1))⁴, u = s / 8
// No exponent is positive, and no small number is the difference of large ones.
#pragma once

#include "head.hpp"

namespace elman::ELMAN_ISA {

template <class T> void show_probabilities(T* y, Index count) {
    T greatest;
    const Vec<T> total = Vec<T>::all(exponentials(y, count, &greatest));
    for (Index j = 0; j < count; j += Vec<T>::lanes)
        store_columns(load_columns(y + j, count - j) / total, y + j, count - j);
}

template <class T> void show_chances(T* y, Index count) {
    const Vec<T> one = Vec<T>::all(1);
    for (Index j = 0; j < count; j += Vec<T>::lanes) {
        Vec<T> x = load_columns(y + j, count - j), e = exp(-abs(x));
        store_columns(select(less(x, Vec<T>::zero()), e, one) / (one + e), y + j, count - j);
    }
}

template <class T> void show_deviations(T* s, Index count) {
    const Vec<T> one = Vec<T>::all(1);
    for (Index j = 0; j < count; j += Vec<T>::lanes) {
        Vec<T> u = load_columns(s + j, count - j) * Vec<T>::all(T(0.125)), r = abs(u);
        r = r + sqrt(fma(r, r, one));
        r = r * r, r = r * r;
        store_columns(select(less(u, Vec<T>::zero()), one / r, r), s + j, count - j);
    }
}

template <class T> void show(const Shown<T>& s, Index begin, Index end) {
    for (Index r = begin; r < end; r++) {
        T* row = s.shown + r * s.outputs;
        if (row != s.y + r * s.outputs) copy(s.y + r * s.outputs, row, s.outputs);
        if (s.head == Head::softmax) show_probabilities(row, s.outputs);
        if (s.head == Head::sigmoid) show_chances(row, s.outputs);
        if (s.head == Head::gaussian) show_deviations(row + s.outputs / 2, s.outputs / 2);
    }
}

}  // namespace elman::ELMAN_ISA
