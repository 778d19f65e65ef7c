// Readouts and heads as Python hands them over.
#pragma once

#include "layers.hpp"

namespace elman {

constexpr Index BLOCK = 1 << 20;  // outputs held at once
constexpr Index TILE = 64;        // rows of logits that stay in the nearest cache

// sizes: N rows, their width R, outputs O; arrays: rows, V, c, y. y = rows Vᵀ + c.
template <class T>
void head_outputs(const Kernels<T>& k, const nanobind::tuple& sizes, const nanobind::tuple& arrays, int threads) {
    expect(sizes, 3, "sizes"), expect(arrays, 4, "arrays");
    const Index N = size_of(sizes, 0), R = size_of(sizes, 1), O = size_of(sizes, 2);
    hold_together({N, R, O});
    Views views;
    Affine<T> f{R, O, views.in<T>(arrays[0], N * R, "rows")};
    const T* V = views.in<T>(arrays[1], O * R, "V");
    f.c = views.in<T>(arrays[2], O, "c");
    f.y = views.out<T>(arrays[3], N * O, "y");
    if (!f.c || !f.rows || !V || !f.y) throw std::invalid_argument("an array that is needed is None");
    nanobind::gil_scoped_release released;
    Packs<T> packs(k, threads);
    packs.add(&f.Vt, V, R, O, true);
    packs.pack();
    split(threads, N, double(N) * double(R) * double(O), [&](Index begin, Index end) { k.outputs(f, begin, end); });
}

template <class T> void head_gradients(const Kernels<T>& k, const Outer<T>& V, T* dc, int threads) {
    add_up(k, V, threads);
    Outer<T> c = V;
    c.columns = 1, c.right = nullptr, c.out = dc;
    add_rows(k, c, threads);
}

// sizes: T, B, R, O; arrays: dy, rows, V, dV, dc, drows. dV and dc are added to, drows is written.
template <class T>
void head_inputs(const Kernels<T>& k, const nanobind::tuple& sizes, const nanobind::tuple& arrays, int threads) {
    expect(sizes, 4, "sizes"), expect(arrays, 6, "arrays");
    const Index steps = size_of(sizes, 0), batch = size_of(sizes, 1), R = size_of(sizes, 2), O = size_of(sizes, 3);
    hold_together({steps, batch, R, O});
    const Index N = steps * batch;
    Views views;
    const T *dy = views.in<T>(arrays[0], N * O, "dy"), *rows = views.in<T>(arrays[1], N * R, "rows");
    const T* V = views.in<T>(arrays[2], O * R, "V");
    T *dV = views.out<T>(arrays[3], O * R, "dV"), *dc = views.out<T>(arrays[4], O, "dc");
    Affine<T> f{R, O};
    f.y = const_cast<T*>(dy), f.drows = views.out<T>(arrays[5], N * R, "drows");
    if (!dy || !rows || !V || !dV || !dc || !f.drows) throw std::invalid_argument("an array that is needed is None");
    nanobind::gil_scoped_release released;
    Packs<T> packs(k, threads);
    packs.add(&f.V, V, O, R, false);
    packs.pack();
    split(threads, N, double(N) * double(R) * double(O), [&](Index begin, Index end) { k.inputs(f, begin, end); });
    head_gradients(k, Outer<T>{steps, batch, O, R, dy, rows, dV, true}, dc, threads);
}

// The sum of the rows' nats: in each shard in order, the shards along the tree.
inline double tree_sum(const double* nats, Index steps, Index batch) {
    double shard[SHARDS] = {};
    for (Index s = 0; s < SHARDS; s++)
        for (Index t = 0; t < steps; t++)
            for (Index r = batch * s / SHARDS; r < batch * (s + 1) / SHARDS; r++) shard[s] += nats[t * batch + r];
    for (Index half = 1; half < SHARDS; half *= 2)
        for (Index s = 0; s < SHARDS; s += 2 * half) shard[s] += shard[s + half];
    return shard[0];
}

// Softmax and cross-entropy over V and c, with the way back.
template <class T> struct SoftmaxLoss {
    Index steps, batch, R, O;
    const T *rows, *V, *c;
    const Index* targets;
    const double* weights;  // none: 1
    T *dV, *dc, *drows;     // dV and dc are added to, drows is written
    double total, share;
};

// The loss; logits live for a block.
template <class T> double softmax_pass(const Kernels<T>& k, const SoftmaxLoss<T>& h, int threads) {
    static thread_local Arena logits, losses;
    const Index batch = h.batch, R = h.R, O = h.O, depth = std::max<Index>(1, BLOCK / std::max<Index>(1, batch * O));
    Affine<T> f{R, O};
    f.c = h.c;
    Packs<T> packs(k, threads);
    packs.add(&f.Vt, h.V, R, O, true), packs.add(&f.V, h.V, O, R, false);
    packs.pack();
    double* nats = losses.room<double>(h.steps * batch);
    T* y = logits.room<T>(std::min(depth, h.steps) * batch * O);
    for (Index t = 0; t < h.steps; t += depth) {
        const Index count = std::min(depth, h.steps - t), at = t * batch, M = count * batch;
        f.rows = h.rows + at * R, f.y = y, f.drows = h.drows + at * R;
        const double* weights = h.weights ? h.weights + at : nullptr;
        const Softmax<T> s{O, y, h.targets + at, weights, h.total, h.share, nats + at};
        split(threads, M, 2.0 * double(M) * double(R) * double(O), [&](Index begin, Index end) {
            for (Index row = begin; row < end; row += TILE) {
                const Index last = std::min(row + TILE, end);
                k.outputs(f, row, last), k.softmax(s, row, last), k.inputs(f, row, last);
            }
        });
        head_gradients(k, Outer<T>{count, batch, O, R, y, f.rows, h.dV, true}, h.dc, threads);
    }
    return tree_sum(nats, h.steps, batch) / h.total;
}

// sizes: T, B, R, O; arrays: rows, V, c, targets, weights, dV, dc, drows. Returns the loss.
template <class T>
double softmax_loss(const Kernels<T>& k, const nanobind::tuple& sizes, const nanobind::tuple& arrays, double total,
                    double share, int threads) {
    expect(sizes, 4, "sizes"), expect(arrays, 8, "arrays");
    SoftmaxLoss<T> h{size_of(sizes, 0), size_of(sizes, 1), size_of(sizes, 2), size_of(sizes, 3)};
    hold_together({h.steps, h.batch, h.R, h.O});
    const Index N = h.steps * h.batch;
    Views views;
    h.rows = views.in<T>(arrays[0], N * h.R, "rows"), h.V = views.in<T>(arrays[1], h.O * h.R, "V");
    h.c = views.in<T>(arrays[2], h.O, "c"), h.targets = symbols_in(views, arrays[3], N, h.O, "targets");
    h.weights = views.in<double>(arrays[4], N, "weights");
    h.dV = views.out<T>(arrays[5], h.O * h.R, "dV"), h.dc = views.out<T>(arrays[6], h.O, "dc");
    h.drows = views.out<T>(arrays[7], N * h.R, "drows"), h.total = total, h.share = share;
    if (!h.rows || !h.V || !h.c || !h.targets || !h.dV || !h.dc || !h.drows)
        throw std::invalid_argument("an array that is needed is None");
    nanobind::gil_scoped_release released;
    return softmax_pass(k, h, threads);
}

// sizes: N, R, O; arrays: rows, V, c, targets, nats, guesses. What symbols cost, and which were the most probable.
template <class T>
void judge_symbols(const Kernels<T>& k, const nanobind::tuple& sizes, const nanobind::tuple& arrays, int threads) {
    expect(sizes, 3, "sizes"), expect(arrays, 6, "arrays");
    const Index N = size_of(sizes, 0), R = size_of(sizes, 1), O = size_of(sizes, 2);
    hold_together({N, R, O});
    Views views;
    const T *rows = views.in<T>(arrays[0], N * R, "rows"), *V = views.in<T>(arrays[1], O * R, "V");
    const T* c = views.in<T>(arrays[2], O, "c");
    const Index* targets = symbols_in(views, arrays[3], N, O, "targets");
    double* nats = views.out<double>(arrays[4], N, "nats");
    Index* guesses = views.out<Index>(arrays[5], N, "guesses");
    if (!rows || !V || !c || !targets || !nats || !guesses)
        throw std::invalid_argument("an array that is needed is None");

    nanobind::gil_scoped_release released;
    Affine<T> f{R, O};
    f.c = c;
    Packs<T> packs(k, threads);
    packs.add(&f.Vt, V, R, O, true);
    packs.pack();
    split(threads, N, double(N) * double(R) * double(O), [&](Index begin, Index end) {
        T* y = own_scratch().room<T>(TILE * O);
        for (Index row = begin; row < end; row += TILE) {
            const Index count = std::min(TILE, end - row);
            Affine<T> tile = f;
            tile.rows = rows + row * R, tile.y = y;
            k.outputs(tile, 0, count);
            k.judge(Softmax<T>{O, y, targets + row, nullptr, 1.0, 1.0, nats + row}, guesses + row, 0, count);
        }
    });
}

struct SymbolArrays {
    nanobind::handle symbols, rows, out;
};

// sizes: T, B, F, I. out ("I F") = Σ rows of each symbol.
template <class T>
void symbol_sums(const Kernels<T>& k, const nanobind::tuple& sizes, const SymbolArrays& arrays, int threads) {
    expect(sizes, 4, "sizes");
    const Index steps = size_of(sizes, 0), batch = size_of(sizes, 1), F = size_of(sizes, 2), I = size_of(sizes, 3);
    hold_together({steps, batch, F, I});
    Views views;
    const Index* symbols = symbols_in(views, arrays.symbols, steps * batch, I, "symbols");
    const T* rows = views.in<T>(arrays.rows, steps * batch * F, "rows");
    T* out = views.out<T>(arrays.out, I * F, "out");
    if (!symbols || !rows || !out) throw std::invalid_argument("an array that is needed is None");
    nanobind::gil_scoped_release released;
    const Numbered found(symbols, steps * batch, I);
    sum_by_symbol(k, found, BySymbol<T>{steps, batch, F, I, rows, nullptr, nullptr, out}, false, threads);
}

}  // namespace elman
