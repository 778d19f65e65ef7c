// GRU, reset-after, one step of a few units.  Letters as in src/elman/cells/gru.py; gates r z n:
//     r, z = σ(a + u)       n = tanh(aₙ + r uₙ)       h1 = n + z (h0 − n)       kept: uₙ
//     dn = dh1 (1 − z)      dz = dh1 (h0 − n)         dh0 = dh1 z               dr = dpₙ uₙ
//     da = dp               du = dp but for its last third, r dpₙ
#pragma once

#include "../math.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct Gru {
    using V = Vec<T>;
    static constexpr int gates = 3, states = 1, kept = 1;
    static constexpr bool recurrent_bias = true;

    static inline void forward(const V* a, const V* u, const V* before, V* after, V* gate, V* kept) {
        V r = sigmoid(a[0] + u[0]), z = sigmoid(a[1] + u[1]);
        V n = tanh(fma(r, u[2], a[2]));
        after[0] = fma(z, before[0] - n, n);
        gate[0] = r, gate[1] = z, gate[2] = n, kept[0] = u[2];
    }

    static inline void backward(const V* dafter, const V* before, const V* gate, const V* kept, V* da, V* du,
                                V* dbefore) {
        const V one = V::all(1);
        V dh1 = dafter[0], r = gate[0], z = gate[1], n = gate[2];
        V dh0 = dh1 * z, dz = dh1 * (before[0] - n);
        V dp_n = (dh1 - dh0) * fnma(n, n, one);
        V dr = dp_n * kept[0];
        da[0] = dr * (r * (one - r)), da[1] = dz * (z * (one - z)), da[2] = dp_n;
        du[0] = da[0], du[1] = da[1], du[2] = dp_n * r;
        dbefore[0] = dh0;
    }
};

}  // namespace elman::ELMAN_ISA
