// Some rows that go through all layers together, a few steps at once: their passes and scratch.
//
// The kernels are those of whole runs, and so are the bits. What a layer reads in all steps goes through U in
// one product; the loop over time finds the sums in a table, as it finds those of symbols.
#pragma once

#include "replica.hpp"

namespace elman {

template <class T> class Block {
public:
    // At most `most` rows, and `places` steps × rows, at once.
    Block(const Replica<T>& replica, Index places, Index most)
        : net(replica), kernels(net.matrices.kernels), limit(places), passes(net.stages.size()) {
        for (std::size_t l = 0; l < passes.size(); l++) {
            const Stage<T>& s = net.stages[l];
            Pass<T>& p = passes[l] = Pass<T>{};
            p.inputs = s.inputs, p.hidden = s.hidden, p.zoneout = net.zoneout;
            p.b = s.b, p.d = s.d, p.gU = s.gU, p.gW = s.gW;
            p.narrow = s.Wt, p.Wt = net.matrices.plain(s.Wt);
        }
        const Index bytes = lay_out(nullptr, most);
        lay_out(memory.room<char>(bytes), most);
        for (Index n = 0; n < places; n++) order[n] = std::int32_t(n);
    }

    // How many steps of so many rows fit.
    Index steps(Index rows) const { return std::max<Index>(1, limit / rows); }

    // What place t · rows + r reads: a symbol (none: −1), features.
    void put(Index place, Index symbol, const T* features) {
        dense = net.dense() || symbol < 0;
        if (!dense) {
            numbers[place] = std::int32_t(symbol);
            return;
        }
        T* to = x + place * net.reads();
        if (net.embedded) {
            net.matrices.row(net.E, symbol, net.embedded, to), to += net.embedded;
        } else if (symbol >= 0) {
            std::fill(to, to + net.inputs, T(0));
            to[symbol] = T(1), to += net.inputs;
        }
        if (features) copy(features, to, symbol < 0 ? net.inputs : net.beside);
    }

    // From the states in slot 0 to those in slots 1 .. steps.
    void run(Index steps, Index rows) {
        for (std::size_t l = 0; l < passes.size(); l++) {
            Pass<T>& p = passes[l];
            p.steps = steps, p.batch = rows;
            p.table = l || dense ? nullptr : net.matrices.plain(net.stages[l].table), p.symbols = numbers;
            if (!p.table) {
                read(l, steps * rows);
                p.table = a, p.symbols = order;
            }
            kernels.forward[int(net.cell)](p, 0, rows, scratch);
        }
    }

    // y of steps [t, t + steps): "steps rows Y".
    void outputs(Index t, Index steps, Index rows, T* to) {
        Affine<T> f = net.head;
        f.rows = slot(passes.size() - 1, 0, t + 1, rows), f.y = to;
        kernels.outputs(f, 0, steps * rows);
    }

    void show(const T* from, T* to, Index rows) const {
        net.k.show(Shown<T>{net.outputs, net.shows, from, to}, 0, rows);
    }

    // One row's states in slot 0 become these numbers, or these numbers become they: all side by side.
    void enter(const T* row, Index r, Index rows) {
        each(r, rows, [&row](T* at, Index H) { copy(row, at, H), row += H; });
    }

    void leave(T* row, Index r, Index rows) {
        each(r, rows, [&row](T* at, Index H) { copy(at, row, H), row += H; });
    }

    // Slot t becomes slot 0.
    void go_on(Index t, Index rows) {
        for (std::size_t l = 0; l < passes.size(); l++)
            for (Index s = 0; s < net.states; s++)
                copy(slot(l, s, t, rows), slot(l, s, 0, rows), rows * net.stages[l].hidden);
    }

    T* y;  // "most Y"

private:
    static void copy(const T* from, T* to, Index count) { std::memcpy(to, from, std::size_t(count) * sizeof(T)); }

    T* slot(std::size_t l, Index s, Index t, Index rows) const {
        return passes[l].states[s] + t * rows * net.stages[l].hidden;
    }

    // a = U x + b of so many steps × rows.
    void read(std::size_t l, Index places) {
        const Stage<T>& s = net.stages[l];
        const T* b = s.gU ? nullptr : s.b;
        if (!l && !dense) {
            kernels.look_up(LookUp<T>{s.F, net.matrices.table_row(s.F), s.table, b, numbers, a}, 0, places);
            return;
        }
        Affine<T> sums{s.inputs, s.F};
        sums.rows = l ? slot(l - 1, 0, 1, passes[l].batch) : x;
        sums.narrow = s.Ut, sums.Vt = net.matrices.plain(s.Ut), sums.c = b, sums.y = a;
        kernels.outputs(sums, 0, places);
    }

    template <class F> void each(Index r, Index rows, F&& change) {
        for (std::size_t l = 0; l < passes.size(); l++)
            for (Index s = 0; s < net.states; s++) {
                const Index H = net.stages[l].hidden;
                change(slot(l, s, 0, rows) + r * H, H);
            }
    }

    // Set all pointers into this room; return how many bytes it needs.
    Index lay_out(char* room, Index most) {
        Index used = 0, widest = 1, kernel = 1;
        auto take = [&](auto*& pointer, Index count) {
            using U = std::remove_reference_t<decltype(*pointer)>;
            pointer = room ? reinterpret_cast<U*>(room + used) : nullptr;
            used += ceil_div(count * Index(sizeof(U)), 64) * 64;
        };
        for (Pass<T>& p : passes) {
            widest = std::max(widest, net.gates() * p.hidden);
            kernel = std::max(kernel, net.k.pass_scratch(p, net.gates(), most));
            for (Index s = 0; s < net.states; s++) take(p.states[s], (limit + most) * p.hidden);
        }
        take(scratch, kernel), take(a, limit * widest), take(x, limit * net.reads());
        take(y, most * net.outputs), take(numbers, limit), take(order, limit);
        return used;
    }

    const Replica<T>& net;
    const Streaming<T>& kernels;
    const Index limit;
    bool dense = false;
    std::vector<Pass<T>> passes;
    Arena memory;
    T *scratch, *a, *x;
    std::int32_t *numbers, *order;
};

}  // namespace elman
