// LSTM, one step of a few units.  Letters as in src/elman/cells/lstm.py; gates i f g o:
//     p = a + u       i, f, o = σ(p),  g = tanh(p)       s1 = f s0 + i g       h1 = o q       kept: q = tanh(s1)
//     ds = ds1 + dh1 o (1 − q²)       ds0 = ds f         di = ds g, df = ds s0, dg = ds i, do = dh1 q
#pragma once

#include "../math.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct Lstm {
    using V = Vec<T>;
    static constexpr int gates = 4, states = 2, kept = 1;
    static constexpr bool recurrent_bias = false;

    static inline void forward(const V* a, const V* u, const V* before, V* after, V* gate, V* kept) {
        V i = sigmoid(a[0] + u[0]), f = sigmoid(a[1] + u[1]), g = tanh(a[2] + u[2]), o = sigmoid(a[3] + u[3]);
        V s1 = fma(f, before[1], i * g);
        V q = tanh(s1);
        after[0] = o * q, after[1] = s1;
        gate[0] = i, gate[1] = f, gate[2] = g, gate[3] = o, kept[0] = q;
    }

    static inline void backward(const V* dafter, const V* before, const V* gate, const V* kept, V* da, V*,
                                V* dbefore) {
        const V one = V::all(1);
        V dh1 = dafter[0], i = gate[0], f = gate[1], g = gate[2], o = gate[3], q = kept[0];
        V ds = fma(dh1 * o, fnma(q, q, one), dafter[1]);
        da[0] = ds * g * (i * (one - i)), da[1] = ds * before[1] * (f * (one - f));
        da[2] = ds * i * fnma(g, g, one), da[3] = dh1 * q * (o * (one - o));
        dbefore[0] = V::zero(), dbefore[1] = ds * f;
    }
};

}  // namespace elman::ELMAN_ISA
