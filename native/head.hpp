// From rows to outputs and back, and softmax with cross-entropy.  Letters as in src/elman/heads/softmax.py:
//     y = h Vᵀ + c        dh = dy V        ℓ = log Σ exp(y) − y_k        dy = w (softmax(y) − [k]) / total
#pragma once

#include "math.hpp"
#include "rows.hpp"

namespace elman::ELMAN_ISA {

template <class T, class R = T> void outputs(const Affine<T>& f, Index begin, Index end) {
    product(Left<T>{f.rows + begin * f.width, f.width, 1}, end - begin, right_of<R>(f.Vt, f.narrow), f.outputs, f.width,
            Start<T>{f.c, 0}, Out<T>{f.y + begin * f.outputs, f.outputs});
}

template <class T> void inputs(const Affine<T>& f, Index begin, Index end) {
    product(Left<T>{f.y + begin * f.outputs, f.outputs, 1}, end - begin, Right<T>{f.V}, f.width, f.outputs,
            Start<T>{nullptr, 0}, Out<T>{f.drows + begin * f.width, f.width});
}

inline double log_of(double x) {
    double lanes[Vec<double>::lanes];
    log(Vec<double>::all(x)).store(lanes);
    return lanes[0];
}

// Turn one row of logits into exp(y − max y); return the sum.
template <class T> T exponentials(T* y, Index count, T* greatest) {
    constexpr int lanes = Vec<T>::lanes;
    Vec<T> top = Vec<T>::all(y[0]);
    for (Index j = 0; j < count; j += lanes) {
        const Index n = count - j;
        Vec<T> value = load_columns(y + j, n);
        top = max(top, n >= lanes ? value : select(Mask<T>::first(int(n)), value, top));
    }
    *greatest = largest(top);
    return row_sum<T>(count, [&](Index j, Index n) {
        Vec<T> e = exp(load_columns(y + j, n) - Vec<T>::all(*greatest));
        store_columns(e, y + j, n);
        return e;
    });
}

// ℓ of some rows, unweighted, and the first of the most probable symbols; the logits are used up.
template <class T> void judge(const Softmax<T>& s, Index* guesses, Index begin, Index end) {
    for (Index r = begin; r < end; r++) {
        T *y = s.y + r * s.outputs, greatest = y[0];
        Index guess = 0;
        for (Index j = 1; j < s.outputs; j++)
            if (y[j] > greatest) greatest = y[j], guess = j;
        guesses[r] = guess;
        const T chosen = y[s.targets[r]];
        s.nats[r] = log_of(exponentials(y, s.outputs, &greatest)) - double(chosen - greatest);
    }
}

template <class T> void softmax(const Softmax<T>& s, Index begin, Index end) {
    for (Index r = begin; r < end; r++) {
        T *y = s.y + r * s.outputs, greatest;
        const double weight = s.weights ? s.weights[r] : 1.0;
        if (weight == 0) {  // whatever stands there
            clear(y, s.outputs), s.nats[r] = 0;
            continue;
        }
        const Index k = s.targets[r];
        const T chosen = y[k], total = exponentials(y, s.outputs, &greatest);
        s.nats[r] = weight * (log_of(total) - double(chosen - greatest));
        const T scale = T(weight * s.share / s.total), factor = scale / total;
        for (Index j = 0; j < s.outputs; j += Vec<T>::lanes)
            store_columns(load_columns(y + j, s.outputs - j) * Vec<T>::all(factor), y + j, s.outputs - j);
        y[k] -= scale;
    }
}

}  // namespace elman::ELMAN_ISA
