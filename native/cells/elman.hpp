// Elman's simple recurrent network, one step of a few units.  Letters as in src/elman/cells/elman.py:
//     p = a + u        h1 = f(p)        dp = dh1 f'(p)   da = du = dp
// f' is written through h1, so forward and backward agree whatever the rounding of f.
#pragma once

#include "../math.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct ElmanTanh {
    using V = Vec<T>;
    static constexpr int gates = 1, states = 1, kept = 0;
    static constexpr bool recurrent_bias = false;

    static inline void forward(const V* a, const V* u, const V*, V* after, V* gate, V*) {
        V h1 = tanh(a[0] + u[0]);
        after[0] = gate[0] = h1;
    }

    static inline void backward(const V* dafter, const V*, const V* gate, const V*, V* da, V*, V* dbefore) {
        V h1 = gate[0];
        da[0] = dafter[0] * fnma(h1, h1, V::all(1));
        dbefore[0] = V::zero();
    }
};

template <class T> struct ElmanRelu {
    using V = Vec<T>;
    static constexpr int gates = 1, states = 1, kept = 0;
    static constexpr bool recurrent_bias = false;

    static inline void forward(const V* a, const V* u, const V*, V* after, V* gate, V*) {
        V p = a[0] + u[0];
        V h1 = select(less(p, V::zero()), V::zero(), p);
        after[0] = gate[0] = h1;
    }

    static inline void backward(const V* dafter, const V*, const V* gate, const V*, V* da, V*, V* dbefore) {
        da[0] = select(less(V::zero(), gate[0]), dafter[0], V::zero());
        dbefore[0] = V::zero();
    }
};

}  // namespace elman::ELMAN_ISA
