// The loop over time, backward, written once for every cell: some rows of one layer over all steps.
//
//     da_t, du_t, dstate_{t-1} = cell.backward(dstate_t, state_{t-1}, gates, kept)
//     dh_{t-1} += Wᵀ du_t        dx_t = Uᵀ da_t
#pragma once

#include "rows.hpp"

namespace elman::ELMAN_ISA {

// Units j.. of one sequence at one step: gates become da.
template <class C, bool whole, class T>
ELMAN_INLINE void backward_units(const Rows<T>& rows, Index t, Index r, Index j) {
    const Pass<T>& p = rows.p;
    const Index H = rows.H, at = rows.at(t, r), next = at + p.batch;
    const int n = int(H - j);
    auto load = [n](const T* from) { return whole ? Vec<T>::load(from) : Vec<T>::load(from, n); };
    auto store = [n](Vec<T> value, T* to) { whole ? value.store(to) : value.store(to, n); };
    Vec<T> dafter[C::states], before[C::states], dbefore[C::states], straight[C::states];
    Vec<T> gate[C::gates], kept[C::kept + 1], da[C::gates], du[C::gates];
    for (int s = 0; s < C::states; s++) {
        dafter[s] = load(p.dstates[s] + next * H + j), before[s] = load(rows.before(s, t, r) + j);
        straight[s] = Vec<T>::zero();
        if (p.held[s]) straight[s] = load(p.held[s] + at * H + j) * dafter[s];
        else if (p.zoneout != T(0)) straight[s] = Vec<T>::all(p.zoneout) * dafter[s];
        dafter[s] = dafter[s] - straight[s];
    }
    for (int g = 0; g < C::gates; g++) gate[g] = load(p.gates + (at * C::gates + g) * H + j);
    for (int k = 0; k < C::kept; k++) kept[k] = load(p.kept + (at * C::kept + k) * H + j);
    C::backward(dafter, before, gate, kept, da, du, dbefore);
    for (int g = 0; g < C::gates; g++) {
        store(da[g], p.gates + (at * C::gates + g) * H + j);
        if (C::recurrent_bias) store(du[g], p.du + (at * C::gates + g) * H + j);
    }
    for (int s = 0; s < C::states; s++) {
        T* to = p.dstates[s] + at * H + j;
        store(load(to) + (straight[s] + dbefore[s]), to);
    }
}

// Rows that have ended hand their gradient on, and have no part in the weights'.
template <class C, class T> void pass_by(const Rows<T>& rows, Index t, Index n) {
    const Pass<T>& p = rows.p;
    const Index from = rows.at(t, n), ended = rows.count - n, H = rows.H;
    if (!ended) return;
    for (int s = 0; s < C::states; s++) {
        T *to = p.dstates[s] + from * H, *of = to + p.batch * H;
        for (Index j = 0; j < ended * H; j++) to[j] += of[j];
    }
    T* const of_gates[] = {p.gates, p.du, p.dr, p.da_x};
    for (T* gates : of_gates) clear(gates + from * rows.F, ended * rows.F);
    if (p.hat_x) clear(p.hat_x + from * rows.F, ended * rows.F), clear(p.hat_h + from * rows.F, ended * rows.F);
    if (p.dx) clear(p.dx + from * p.inputs, ended * p.inputs);
}

// While it lives, the gradient of the state before step t is that of `anew` in rows that begin again there.
template <class T> struct Restarted {
    const Rows<T>& rows;
    Index t, n;
    int states;

    Restarted(const Rows<T>& of, Index step, Index live, int count) : rows(of), t(step), n(live), states(count) {
        swap();
    }
    ~Restarted() { swap(); }

    void swap() const {
        for (Index r = 0; rows.p.reset && r < n; r++)
            for (int s = 0; s < states && rows.restarts(t, r); s++) {
                T* one = rows.p.dstates[s] + rows.at(t, r) * rows.H;
                T* other = rows.p.danew[s] + (rows.begin + r) * rows.H;
                copy(one, rows.spare, rows.H), copy(other, one, rows.H), copy(rows.spare, other, rows.H);
            }
    }
};

// dh_{t-1} += Wᵀ dr_t of rows that still run.
template <class T> void through_weights(const Rows<T>& rows, Index t, Index n) {
    const Pass<T>& p = rows.p;
    const Index H = rows.H, F = rows.F;
    const Left<T> dr{p.dr + rows.at(t, 0) * F, F, 1};
    T* dh = p.dstates[0] + rows.at(t, 0) * H;
    if (!p.mask) {
        product(dr, n, Right<T>{p.W}, H, F, Start<T>{dh, H}, Out<T>{dh, H});
        return;
    }
    product(dr, n, Right<T>{p.W}, H, F, Start<T>{nullptr, 0}, Out<T>{rows.h, H});
    const T* mask = p.mask + rows.begin * H;
    for (Index j = 0; j < n * H; j++) dh[j] += rows.h[j] * mask[j];
}

template <class C, class T> void backward_row(const Rows<T>& rows, Index t, Index r) {
    const Pass<T>& p = rows.p;
    const Index H = rows.H, F = rows.F, at = rows.at(t, r), whole = H / Vec<T>::lanes * Vec<T>::lanes;
    for (Index j = 0; j < whole; j += Vec<T>::lanes) backward_units<C, true>(rows, t, r, j);
    if (whole < H) backward_units<C, false>(rows, t, r, whole);
    if (!p.gW) return;
    normalize_backward(p.du + at * F, p.gW, F, p.hat_h + at * F, p.scale_h[at], p.dr + at * F);
    normalize_backward(p.gates + at * F, p.gU, F, p.hat_x + at * F, p.scale_x[at], p.da_x + at * F);
}

template <class T, template <class> class Functor>
void backward(const Pass<T>& p, Index begin, Index end, T* scratch) {
    using C = Functor<T>;
    const Rows<T> rows(p, C::gates, begin, end, scratch);
    for (Index t = p.steps - 1; t >= 0; t--) {
        const Index n = rows.live(t), I = p.inputs, F = rows.F;
        const Restarted<T> restarted(rows, t, n, C::states);
        for (Index r = 0; r < n; r++) backward_row<C>(rows, t, r);
        through_weights(rows, t, n);
        if (p.dx)
            product(Left<T>{p.da_x + rows.at(t, 0) * F, F, 1}, n, Right<T>{p.U}, I, F, Start<T>{nullptr, 0},
                    Out<T>{p.dx + rows.at(t, 0) * I, I});
        pass_by<C>(rows, t, n);
    }
}

}  // namespace elman::ELMAN_ISA
