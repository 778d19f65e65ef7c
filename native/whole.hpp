// A plain network there and back in one call: layers on layers in one direction, rows of one length, no noise,
// softmax at every step. It does what forward, softmax and backward do one after the other, to the bit.
#pragma once

#include "heads.hpp"

#include <limits>
#include <type_traits>
#include <vector>

namespace elman {

// Parts of one piece of memory; without one it counts how much there has to be.
template <class T> struct Carving {
    T* memory;
    Index taken = 0;

    T* take(Index count) {
        T* place = memory ? memory + taken : nullptr;
        taken += ceil_div(count, 16) * 16;
        return place;
    }

    T* zeros(Index count) {
        T* place = take(count);
        if (place) std::fill_n(place, count, T(0));
        return place;
    }
};

template <class T> class Whole {
public:
    // sizes: cell, symbols or features I, outputs O; layers: U, W, b, d, gU, gW of each; outlet: V, c. All are parts
    // of `flat`, which is read at each call.
    Whole(const Kernels<T>& kernels, nanobind::handle flat, const nanobind::tuple& sizes, const nanobind::tuple& layers,
          const nanobind::tuple& outlet, int threads)
        : k(kernels), threads(threads) {
        expect(sizes, 3, "sizes"), expect(outlet, 2, "outlet");
        const Py_ssize_t count = PyObject_Length(flat.ptr());
        if (count < 0) throw nanobind::python_error();
        from = own.in<T>(flat, size = count, "flat");
        if (size_of(sizes, 0) > 3 || !layers.size()) throw std::invalid_argument("there is no such network");
        Index below = size_of(sizes, 1);
        for (nanobind::handle layer : layers) {
            levels.push_back(read_layer(Cell(size_of(sizes, 0)), nanobind::cast<nanobind::tuple>(layer), below));
            below = levels.back().p.hidden;
        }
        head.R = below, head.O = size_of(sizes, 2);
        hold_together({head.O, head.R});
        head.V = part(outlet[0], head.O * head.R, "V"), head.c = part(outlet[1], head.O, "c");
        if (!head.V || !head.c) throw std::invalid_argument("the outlet is incomplete");
    }

    // How many numbers a call needs as memory.
    Index room(Index steps, Index batch) const {
        std::vector<Ready<T>> run = levels;
        Carving<T> counting{nullptr};
        check_size(steps, batch), lay_out(run, steps, batch, counting);
        return counting.taken;
    }

    // read: symbols "T B" or None, x "T B I" or None, targets "T B", reset "T B" or None;
    // states: where rows begin, where they end, what reaches where they begin: "B H" of each layer and state;
    // into: the gradient "P", memory. Returns the loss. A symbol that is none: std::out_of_range, IndexError in Python.
    double differentiate(Index steps, Index batch, const nanobind::tuple& read, const nanobind::tuple& states,
                         const nanobind::tuple& into, double share) const {
        check_size(steps, batch);
        expect(read, 4, "read"), expect(states, 3, "states"), expect(into, 2, "into");
        std::vector<Ready<T>> run = levels;
        const Index needed = room(steps, batch), places = steps * batch;
        Views views;
        T* gradient = views.out<T>(into[0], size, "gradient");
        Carving<T> carving{views.out<T>(into[1], needed, "memory")};
        if (!gradient || !carving.memory) throw std::invalid_argument("an array that is needed is None");
        const Back back = lay_out(run, steps, batch, carving);
        run[0].symbols = views.in<Index>(read[0], places, "symbols");
        run[0].p.x = views.in<T>(read[1], places * run[0].p.inputs, "x");
        if (!run[0].symbols == !run[0].p.x) throw std::invalid_argument("x or symbols, one of them");
        SoftmaxLoss<T> h = head;
        h.steps = steps, h.batch = batch, h.total = double(places), h.share = share;
        h.targets = views.in<Index>(read[2], places, "targets");
        if (!h.targets) throw std::invalid_argument("an array that is needed is None");
        for (Ready<T>& c : run) c.p.reset = views.in<std::uint8_t>(read[3], read[3].is_none() ? 0 : places, "reset");
        const Ends<const T> starts(views, run, batch, states[0], "start");
        const Ends<T> ends(views, run, batch, states[1], "end"), dstarts(views, run, batch, states[2], "dstart");
        const nanobind::gil_scoped_release released;
        check_symbols(run[0].symbols, places, run[0].p.inputs), check_symbols(h.targets, places, head.O);
        std::fill_n(gradient, size, T(0));
        h.rows = forward(run, starts, ends), h.drows = back.dh[(run.size() - 1) % 2] + batch * head.R;
        h.dV = gradient + (head.V - from), h.dc = gradient + (head.c - from);
        const double loss = softmax_pass(k, h, threads);
        backward(run, back, gradient, dstarts);
        return loss;
    }

private:
    // What the layers use one after the other on the way back.
    struct Back {
        T* dh[2];  // "T+1 B H", of a layer and of the one below
        T *ds, *zero, *unread;
    };

    // "B H" of each layer and state, to be read or written.
    template <class E> struct Ends {
        std::vector<E*> arrays;

        Ends(Views& views, const std::vector<Ready<T>>& run, Index batch, nanobind::handle given, const char* name) {
            const nanobind::tuple all = nanobind::cast<nanobind::tuple>(given);
            expect(all, run.size() * std::size_t(run[0].states), name);
            for (std::size_t j = 0; j < all.size(); j++) {
                const Index count = batch * run[j / std::size_t(run[0].states)].p.hidden;
                if constexpr (std::is_const_v<E>)
                    arrays.push_back(views.in<T>(all[j], count, name));
                else
                    arrays.push_back(views.out<T>(all[j], count, name));
                if (!arrays.back()) throw std::invalid_argument("an array that is needed is None");
            }
        }
    };

    static void check_size(Index steps, Index batch) {
        if (steps < 1 || steps == std::numeric_limits<Index>::max() || batch < 1)
            throw std::invalid_argument("a size is out of range");
        hold_together({steps + 1, batch});
    }

    static void check_symbols(const Index* symbols, Index count, Index limit) {
        bool fit = true;
        for (Index j = 0; symbols && j < count; j++) fit &= std::uint64_t(symbols[j]) < std::uint64_t(limit);
        if (!fit) throw std::out_of_range("a symbol is out of range");
    }

    const T* part(nanobind::handle array, Index count, const char* name) {
        const T* given = own.in<T>(array, count, name);
        if (given && (given < from || given + count > from + size))
            throw std::invalid_argument(std::string(name) + " is no part of flat");
        return given;
    }

    Ready<T> read_layer(Cell cell, const nanobind::tuple& w, Index inputs) {
        expect(w, 6, "a layer");
        const Py_ssize_t biases = PyObject_Length(w[2].ptr());
        if (biases < 0) throw nanobind::python_error();
        Ready<T> c;
        c.cell = cell, c.states = cell == Cell::lstm ? 2 : 1, c.F = biases;
        Pass<T>& p = c.p;
        p.inputs = inputs, p.hidden = biases / Index(gates_of(cell));
        if (p.hidden < 1 || inputs < 1 || c.F != p.hidden * Index(gates_of(cell)))
            throw std::invalid_argument("a layer without units or inputs");
        hold_together({c.F, std::max(inputs, p.hidden)});
        c.U = part(w[0], c.F * inputs, "U"), c.W = part(w[1], c.F * p.hidden, "W");
        p.b = part(w[2], c.F, "b"), p.d = part(w[3], c.F, "d");
        p.gU = part(w[4], c.F, "gU"), p.gW = part(w[5], c.F, "gW");
        if (!c.U || !c.W || !p.b || !p.gU != !p.gW) throw std::invalid_argument("a layer is incomplete");
        return c;
    }

    Back lay_out(std::vector<Ready<T>>& run, Index steps, Index batch, Carving<T>& carving) const {
        Index widest = 0, gates = 0;
        for (const Ready<T>& c : run) widest = std::max(widest, c.p.hidden), gates = std::max(gates, c.F);
        const Index rows = batch * widest, slots = (steps + 1) * rows, places = steps * batch;
        hold_together({places + batch, std::max(gates, run[0].p.inputs)});
        const bool normal = run[0].p.gU;
        Back back{{carving.take(slots), run.size() > 1 ? carving.take(slots) : nullptr}};
        back.ds = run[0].states > 1 ? carving.take(slots) : nullptr;
        back.zero = carving.zeros(rows), back.unread = carving.zeros(2 * rows);
        T* const du = run[0].cell == Cell::gru ? carving.take(places * gates) : nullptr;
        T* const dr = normal ? carving.take(places * gates) : nullptr;
        T* const da_x = normal ? carving.take(places * gates) : nullptr;
        for (Ready<T>& c : run) {
            Pass<T>& p = c.p;
            p.steps = steps, p.batch = batch;
            for (Index s = 0; s < c.states; s++) {
                p.states[s] = carving.take((steps + 1) * batch * p.hidden);
                p.anew[s] = back.zero, p.danew[s] = back.unread + s * rows;
            }
            p.gates = carving.take(places * c.F);
            p.kept = carving.take(c.cell == Cell::gru || c.cell == Cell::lstm ? places * p.hidden : 0);
            if (normal) p.hat_x = carving.take(places * c.F), p.scale_x = carving.take(places);
            if (normal) p.hat_h = carving.take(places * c.F), p.scale_h = carving.take(places);
            p.du = du ? du : p.gates, p.dr = dr ? dr : p.du, p.da_x = da_x ? da_x : p.gates;
        }
        return back;
    }

    // Returns what the head reads.
    const T* forward(std::vector<Ready<T>>& run, const Ends<const T>& starts, const Ends<T>& ends) const {
        const T* above = nullptr;
        std::size_t at = 0;
        for (Ready<T>& c : run) {
            const Index rows = c.p.batch * c.p.hidden;
            if (above) c.p.x = above;
            for (Index s = 0; s < c.states; s++) std::copy_n(starts.arrays[at + std::size_t(s)], rows, c.p.states[s]);
            forward_pass(k, c, threads);
            for (Index s = 0; s < c.states; s++, at++)
                std::copy_n(c.p.states[s] + c.p.steps * rows, rows, ends.arrays[at]);
            above = c.p.states[0] + rows;
        }
        return above;
    }

    void backward(std::vector<Ready<T>>& run, const Back& back, T* gradient, const Ends<T>& dstarts) const {
        const auto to = [&](const T* parameter) { return parameter ? gradient + (parameter - from) : nullptr; };
        for (std::size_t level = run.size(); level-- > 0;) {
            Ready<T>& c = run[level];
            Pass<T>& p = c.p;
            const Index rows = p.batch * p.hidden;
            p.dstates[0] = back.dh[level % 2], p.dstates[1] = back.ds;
            std::fill_n(p.dstates[0], rows, T(0));
            if (c.states > 1) std::fill_n(back.ds, (p.steps + 1) * rows, T(0));
            p.dx = level ? back.dh[(level + 1) % 2] + p.batch * p.inputs : nullptr;
            backward_pass(k, c, {to(c.U), to(c.W), to(p.b), to(p.d), to(p.gU), to(p.gW)}, threads);
            for (Index s = 0; s < c.states; s++)
                std::copy_n(p.dstates[s], rows, dstarts.arrays[level * std::size_t(c.states) + std::size_t(s)]);
        }
    }

    const Kernels<T>& k;
    const int threads;
    Views own;
    const T* from;
    Index size;
    std::vector<Ready<T>> levels;
    SoftmaxLoss<T> head{};
};

}  // namespace elman
