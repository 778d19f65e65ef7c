// Optimizers: updates of the flat parameter vector, pointwise.  Letters as in src/elman/optimizers.py:
//     x parameters, g gradient, η rate; every rule begins with x ← x − η λ x
// What comes out goes to arrays beside x and the memory, so that a step with a number that is not finite can be
// left untaken.
#pragma once

#include "rows.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct Sgd {  // v ← μ v + g,  x ← x − η v
    using V = Vec<T>;
    static constexpr int slots = 1;
    static ELMAN_INLINE V step(const double* c, V x, V g, V* m) {
        m[0] = fma(V::all(T(c[2])), m[0], g);
        return fnma(V::all(T(c[0])), m[0], x);
    }
};

template <class T> struct RmsProp {  // s ← ρ s + (1 − ρ) g²,  x ← x − η g / (√s + ε)
    using V = Vec<T>;
    static constexpr int slots = 1;
    static ELMAN_INLINE V step(const double* c, V x, V g, V* m) {
        m[0] = fma(V::all(T(c[2])), m[0], V::all(T(1 - c[2])) * (g * g));
        return x - V::all(T(c[0])) * g / (sqrt(m[0]) + V::all(T(c[3])));
    }
};

template <class T> struct AdaGrad {  // s ← s + g²,  x ← x − η g / (√s + ε)
    using V = Vec<T>;
    static constexpr int slots = 1;
    static ELMAN_INLINE V step(const double* c, V x, V g, V* m) {
        m[0] = fma(g, g, m[0]);
        return x - V::all(T(c[0])) * g / (sqrt(m[0]) + V::all(T(c[3])));
    }
};

template <class T> struct Adam {  // m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  x ← x − η̂ m / (√v ŝ + ε)
    using V = Vec<T>;
    static constexpr int slots = 2;
    static ELMAN_INLINE V step(const double* c, V x, V g, V* m) {
        m[0] = fma(V::all(T(c[2])), m[0], V::all(T(1 - c[2])) * g);
        m[1] = fma(V::all(T(c[3])), m[1], V::all(T(1 - c[3])) * (g * g));
        return x - V::all(T(c[5])) * m[0] / fma(sqrt(m[1]), V::all(T(c[6])), V::all(T(c[4])));
    }
};
// Σ g², in as many sums as a Vec has lanes, then along the tree of its lanes.
template <class T> double squares(const T* g, Index count) {
    constexpr Index lanes = Vec<double>::lanes;
    Vec<double> total = Vec<double>::zero();
    double part[lanes] = {};
    auto add = [&](const T* from, Index n) {
        for (Index k = 0; k < n; k++) part[k] = double(from[k]);
        Vec<double> x = Vec<double>::load(part);
        total = fma(x, x, total);
    };
    Index j = 0;
    for (; j + lanes <= count; j += lanes) add(g + j, lanes);
    for (double& rest : part) rest = 0;
    add(g + j, count - j);
    return sum(total);
}

// Entries [begin, end): false if one is not finite.
template <class T, template <class> class Rule> bool update(const Update<T>& o, Index begin, Index end) {
    using R = Rule<T>;
    const Vec<T> keep = Vec<T>::all(T(1 - o.constants[0] * o.constants[1]));
    Vec<T> wrong = Vec<T>::zero();
    for (Index j = begin; j < end; j += Vec<T>::lanes) {
        const Index n = end - j;
        Vec<T> memory[R::slots], x = load_columns(o.x + j, n) * keep;
        for (int s = 0; s < R::slots; s++) memory[s] = load_columns(o.memory + s * o.size + j, n);
        x = R::step(o.constants, x, load_columns(o.g + j, n), memory);
        Vec<T> nothing = x - x;  // 0, or NaN
        store_columns(x, o.new_x + j, n);
        for (int s = 0; s < R::slots; s++) {
            nothing = nothing + (memory[s] - memory[s]);
            store_columns(memory[s], o.new_memory + s * o.size + j, n);
        }
        wrong = wrong + (n >= Vec<T>::lanes ? nothing : select(Mask<T>::first(int(n)), nothing, Vec<T>::zero()));
    }
    return sum(wrong) == T(0);
}

}  // namespace elman::ELMAN_ISA
