// The loop over time, forward, written once for every cell: some rows of one layer over all steps.
//
//     a_t = U x_t + b        u_t = W h_{t-1} (+ d)        state_t = cell.forward(a_t, u_t, state_{t-1})
#pragma once

#include "rows.hpp"

namespace elman::ELMAN_ISA {

// Units j.. of one sequence at one step. Whole: all lanes count.
template <class C, bool whole, class T>
ELMAN_INLINE void forward_units(const Rows<T>& rows, Index t, Index r, const T* a_row, const T* u_row, Index j) {
    const Pass<T>& p = rows.p;
    const Index H = rows.H, at = rows.at(t, r), next = at + p.batch;
    const int n = int(H - j);
    auto load = [n](const T* from) { return whole ? Vec<T>::load(from) : Vec<T>::load(from, n); };
    auto store = [n](Vec<T> value, T* to) { whole ? value.store(to) : value.store(to, n); };
    Vec<T> a[C::gates], u[C::gates], before[C::states], after[C::states], gate[C::gates], kept[C::kept + 1];
    for (int g = 0; g < C::gates; g++) a[g] = load(a_row + g * H + j), u[g] = load(u_row + g * H + j);
    for (int s = 0; s < C::states; s++) before[s] = load(rows.before(s, t, r) + j);
    C::forward(a, u, before, after, gate, kept);
    for (int s = 0; s < C::states; s++) {
        if (p.held[s])
            after[s] = fma(load(p.held[s] + at * H + j), before[s] - after[s], after[s]);
        else if (p.zoneout != T(0))
            after[s] = fma(Vec<T>::all(p.zoneout), before[s] - after[s], after[s]);
        store(after[s], p.states[s] + next * H + j);
    }
    if (!p.gates) return;
    for (int g = 0; g < C::gates; g++) store(gate[g], p.gates + (at * C::gates + g) * H + j);
    for (int k = 0; k < C::kept; k++) store(kept[k], p.kept + (at * C::kept + k) * H + j);
}

// Rows that have ended keep their states.
template <class C, class T> void carry(const Rows<T>& rows, Index t, Index n) {
    for (int s = 0; s < C::states && n < rows.count; s++) {
        T* from = rows.p.states[s] + rows.at(t, n) * rows.H;
        copy(from, from + rows.p.batch * rows.H, (rows.count - n) * rows.H);
    }
}

template <class T, template <class> class Functor, class R = T>
void forward(const Pass<T>& p, Index begin, Index end, T* scratch) {
    using C = Functor<T>;
    const Rows<T> rows(p, C::gates, begin, end, scratch);
    const Index H = rows.H, F = rows.F, I = p.inputs, whole = H / Vec<T>::lanes * Vec<T>::lanes;
    for (Index t = 0; t < p.steps; t++) {
        const Index n = rows.live(t);
        product(Left<T>{read(rows, t, n), H, 1}, n, right_of<R>(p.Wt, p.narrow), F, H,
                Start<T>{p.gW ? nullptr : p.d, 0}, Out<T>{rows.u, F});
        if (std::is_same_v<R, T> && p.x)  // streams look up what U makes
            product(Left<T>{p.x + rows.at(t, 0) * I, I, 1}, n, Right<T>{p.Ut}, F, I, Start<T>{p.gU ? nullptr : p.b, 0},
                    Out<T>{rows.a, F});
        for (Index r = 0; r < n; r++) {
            const T *a = input_row(rows, t, r), *u = recurrent_row(rows, t, r);
            for (Index j = 0; j < whole; j += Vec<T>::lanes) forward_units<C, true>(rows, t, r, a, u, j);
            if (whole < H) forward_units<C, false>(rows, t, r, a, u, whole);
        }
        carry<C>(rows, t, n);
    }
}

}  // namespace elman::ELMAN_ISA
