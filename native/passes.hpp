// A layer there and back: what is packed, which kernels follow each other, which sums are taken.
#pragma once

#include "symbols.hpp"

namespace elman {

// A layer and its arrays, all there and of the right size; packs and tables are made here.
template <class T> struct Ready {
    Cell cell;
    Index states, F;
    Pass<T> p{};
    const T *U, *W;
    const Index* symbols = nullptr;  // "T B", where the layer reads no vectors
};

// Where gradients go; d, gU and gW may be absent.
template <class T> struct Into {
    T *U, *W, *b, *d, *gU, *gW;
};

template <class T> void forward_pass(const Kernels<T>& k, Ready<T>& c, int threads) {
    static thread_local Arena tables;
    Pass<T>& p = c.p;
    Packs<T> packs(k, threads);
    packs.add(&p.Wt, c.W, p.hidden, c.F, true);
    if (p.x) packs.add(&p.Ut, c.U, p.inputs, c.F, true);
    packs.pack();
    if (p.x) return run_rows(k, c.cell, p, false, threads);
    const Numbered found(c.symbols, p.steps * p.batch, p.inputs);
    T* table = tables.room<T>(found.count * c.F);
    look_up(found, c.U, p.gU ? nullptr : p.b, c.F, p.inputs, threads, table);
    p.table = table, p.symbols = found.numbers;
    run_rows(k, c.cell, p, false, threads);
}

template <class T> void backward_pass(const Kernels<T>& k, Ready<T>& c, const Into<T>& into, int threads) {
    Pass<T>& p = c.p;
    const Index F = c.F;
    Packs<T> packs(k, threads);
    packs.add(&p.W, c.W, F, p.hidden, false);
    if (p.dx) packs.add(&p.U, c.U, F, p.inputs, false);
    packs.pack();
    run_rows(k, c.cell, p, true, threads);
    Outer<T> W{p.steps, p.batch, F, p.hidden, p.dr, p.states[0], into.W};
    W.reset = p.reset, W.anew = p.anew[0], W.mask = p.mask;
    add_up(k, W, threads);
    auto add = [&](const T* left, const T* times, T* out) {
        if (out) add_rows(k, Outer<T>{p.steps, p.batch, F, 1, left, nullptr, out, false, times}, threads);
    };
    add(p.gates, nullptr, into.b), add(p.du, nullptr, into.d);
    if (p.gU) add(p.gates, p.hat_x, into.gU), add(p.du, p.hat_h, into.gW);
    if (p.x) return add_up(k, Outer<T>{p.steps, p.batch, F, p.inputs, p.da_x, p.x, into.U}, threads);
    const Numbered found(c.symbols, p.steps * p.batch, p.inputs);
    const BySymbol<T> job{p.steps, p.batch, F, p.inputs, p.da_x, nullptr, nullptr, into.U};
    sum_by_symbol(k, found, job, true, threads);
}

}  // namespace elman
