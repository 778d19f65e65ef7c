// Some rows of a pass: where their numbers lie, and what a step reads.
#pragma once

#include "normalization.hpp"

namespace elman::ELMAN_ISA {

template <class T> inline void copy(const T* from, T* to, Index count) {
    __builtin_memcpy(to, from, std::size_t(count) * sizeof(T));
}

template <class T> inline void clear(T* to, Index count) {
    __builtin_memset(to, 0, std::size_t(count) * sizeof(T));
}

// Rows [begin, begin + count) of a pass, and their scratch. F = G·H.
template <class T> struct Rows {
    const Pass<T>& p;
    Index begin, count, H, F;
    T *a, *u, *h, *spare;

    Rows(const Pass<T>& pass, Index gates, Index first, Index end, T* scratch)
        : p(pass), begin(first), count(end - first), H(pass.hidden), F(gates * H), a(scratch), u(a + count * F),
          h(u + count * F), spare(h + count * H) {}

    static Index scratch(const Pass<T>& pass, Index gates, Index rows) {
        return (rows * (2 * gates + 1) + gates) * pass.hidden;
    }

    Index live(Index t) const {
        const Index n = p.live ? least(p.live[t] - begin, count) : count;
        return n > 0 ? n : 0;
    }

    Index at(Index t, Index r) const { return t * p.batch + begin + r; }

    bool restarts(Index t, Index r) const { return p.reset && p.reset[at(t, r)]; }

    const T* before(int s, Index t, Index r) const {
        return restarts(t, r) ? p.anew[s] + (begin + r) * H : p.states[s] + at(t, r) * H;
    }
};

// What W reads of h at step t: in place, or put together where rows begin again or units are dropped.
template <class T> const T* read(const Rows<T>& rows, Index t, Index n) {
    const Pass<T>& p = rows.p;
    if (!p.mask && !p.reset) return p.states[0] + rows.at(t, 0) * rows.H;
    for (Index r = 0; r < n; r++) {
        const T* from = rows.before(0, t, r);
        const T* mask = p.mask ? p.mask + (rows.begin + r) * rows.H : nullptr;
        for (Index j = 0; j < rows.H; j += Vec<T>::lanes) {
            Vec<T> h = load_columns(from + j, rows.H - j);
            if (mask) h = h * load_columns(mask + j, rows.H - j);
            store_columns(h, rows.h + r * rows.H + j, rows.H - j);
        }
    }
    return rows.h;
}

template <class T> void normalize_in(const Rows<T>& rows, T* row, const T* gain, T* hats, T* scales, Index at) {
    T unkept;
    normalize(row, gain, rows.F, hats ? hats + at * rows.F : rows.spare, scales ? scales + at : &unkept);
}

// a = U x + b of one sequence; the product, or the symbol's row of the table, is there.
template <class T> const T* input_row(const Rows<T>& rows, Index t, Index r) {
    const Pass<T>& p = rows.p;
    T* a = rows.a + r * rows.F;
    const T* looked_up = p.symbols ? p.table + p.symbols[rows.at(t, r)] * rows.F : nullptr;
    if (!p.gU) return looked_up ? looked_up : a;
    if (looked_up) copy(looked_up, a, rows.F);
    normalize_in(rows, a, p.gU, p.hat_x, p.scale_x, rows.at(t, r));
    for (Index j = 0; j < rows.F; j += Vec<T>::lanes)
        store_columns(load_columns(a + j, rows.F - j) + load_columns(p.b + j, rows.F - j), a + j, rows.F - j);
    return a;
}

// u = W h + d of one sequence; the product is there.
template <class T> const T* recurrent_row(const Rows<T>& rows, Index t, Index r) {
    const Pass<T>& p = rows.p;
    T* u = rows.u + r * rows.F;
    if (!p.gW) return u;
    normalize_in(rows, u, p.gW, p.hat_h, p.scale_h, rows.at(t, r));
    for (Index j = 0; p.d && j < rows.F; j += Vec<T>::lanes)
        store_columns(load_columns(u + j, rows.F - j) + load_columns(p.d + j, rows.F - j), u + j, rows.F - j);
    return u;
}

}  // namespace elman::ELMAN_ISA
