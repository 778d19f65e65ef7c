// Layers as Python hands them over: tuples of arrays, None for what is absent.
#pragma once

#include "passes.hpp"
#include "views.hpp"

namespace elman {

struct Layer {
    int cell;
    nanobind::tuple sizes, weights, course, tape;
};

inline Index size_of(const nanobind::tuple& sizes, std::size_t k) {
    const Index size = nanobind::cast<Index>(sizes[k]);
    if (size < 0 || size > (Index(1) << 40)) throw std::invalid_argument("a size is out of range");
    return size;
}

// Products of sizes count elements; no array has so many that the count could overflow.
inline void hold_together(std::initializer_list<Index> sizes) {
    double elements = 1;
    for (const Index size : sizes) elements *= double(std::max<Index>(size, 1));
    if (elements > 1e15) throw std::invalid_argument("sizes are out of range");
}

inline void expect(const nanobind::tuple& values, std::size_t count, const char* name) {
    if (values.size() != count) throw std::invalid_argument(std::string(name) + " is incomplete");
}

inline const Index* symbols_in(Views& views, nanobind::handle array, Index count, Index limit, const char* name) {
    const Index* symbols = views.in<Index>(array, count, name);
    for (Index k = 0; symbols && k < count; k++)
        if (symbols[k] < 0 || symbols[k] >= limit)
            throw std::invalid_argument(std::string(name) + " hold " + std::to_string(symbols[k]) + "; expected 0 to " +
                                        std::to_string(limit - 1));
    return symbols;
}

// A layer whose arrays have been checked.
template <class T> struct Checked : Ready<T> {
    using Ready<T>::cell, Ready<T>::states, Ready<T>::F, Ready<T>::p, Ready<T>::U, Ready<T>::W, Ready<T>::symbols;
    Views views;

    explicit Checked(const Layer& l) {
        expect(l.sizes, 4, "sizes"), expect(l.weights, 6, "weights"), expect(l.course, 8, "course");
        expect(l.tape, 10, "tape");
        if (l.cell < 0 || l.cell > 3) throw std::invalid_argument("no such cell");
        cell = Cell(l.cell), states = cell == Cell::lstm ? 2 : 1;
        p.steps = size_of(l.sizes, 0), p.batch = size_of(l.sizes, 1);
        p.inputs = size_of(l.sizes, 2), p.hidden = size_of(l.sizes, 3);
        if (p.hidden < 1 || p.inputs < 1) throw std::invalid_argument("a layer without units or inputs");
        F = Index(gates_of(cell)) * p.hidden;
        hold_together({p.steps + 1, p.batch, F, std::max(p.inputs, p.hidden)});
        U = need(in(l.weights[0], F * p.inputs, "U")), W = need(in(l.weights[1], F * p.hidden, "W"));
        p.b = need(in(l.weights[2], F, "b")), p.d = in(l.weights[3], F, "d");
        p.gU = in(l.weights[4], F, "gU"), p.gW = in(l.weights[5], F, "gW");
        if (!p.gU != !p.gW) throw std::invalid_argument("one gain of layer normalization is absent");
        read_course(l.course);
        read_tape(l.tape);
    }

    const T* in(nanobind::handle array, Index count, const char* name) { return views.in<T>(array, count, name); }
    T* out(nanobind::handle array, Index count, const char* name) { return views.out<T>(array, count, name); }

    template <class P> static P need(P pointer) {
        if (!pointer) throw std::invalid_argument("an array that is needed is None");
        return pointer;
    }

    void read_course(const nanobind::tuple& course) {
        const Index rows = p.batch * p.hidden;
        p.live = views.in<Index>(course[0], p.steps, "live");
        for (Index t = 0; p.live && t < p.steps; t++)
            if (p.live[t] < 0 || p.live[t] > p.batch) throw std::invalid_argument("live is out of range");
        p.reset = views.in<std::uint8_t>(course[1], p.steps * p.batch, "reset");
        p.mask = in(course[4], rows, "mask");
        p.zoneout = T(nanobind::cast<double>(course[5]));
        for (Index s = 0; s < states; s++) {
            p.anew[s] = in(course[std::size_t(2 + s)], rows, "anew");
            if (p.reset) need(p.anew[s]);
            p.held[s] = in(course[std::size_t(6 + s)], p.steps * rows, "held");
        }
    }

    void read_tape(const nanobind::tuple& tape) {
        const Index places = p.steps * p.batch, slots = (p.steps + 1) * p.batch * p.hidden;
        p.x = in(tape[0], places * p.inputs, "x");
        symbols = symbols_in(views, tape[1], places, p.inputs, "symbols");
        if (!p.x == !symbols) throw std::invalid_argument("x or symbols, one of them");
        for (Index s = 0; s < states; s++) p.states[s] = need(out(tape[std::size_t(2 + s)], slots, "states"));
        p.gates = out(tape[4], places * F, "gates");
        p.kept = out(tape[5], cell == Cell::gru || cell == Cell::lstm ? places * p.hidden : 0, "kept");
        p.hat_x = out(tape[6], places * F, "hat_x"), p.scale_x = out(tape[7], places, "scale_x");
        p.hat_h = out(tape[8], places * F, "hat_h"), p.scale_h = out(tape[9], places, "scale_h");
        if (p.gates) need(p.kept);
    }
};

template <class T> void forward_layer(const Kernels<T>& k, const Layer& layer, int threads) {
    Checked<T> c(layer);
    nanobind::gil_scoped_release released;
    forward_pass(k, c, threads);
}

template <class T>
void backward_layer(const Kernels<T>& k, const Layer& layer, const nanobind::tuple& flow,
                    const nanobind::tuple& gradient, int threads) {
    Checked<T> c(layer);
    Pass<T>& p = c.p;
    expect(flow, 8, "flow"), expect(gradient, 6, "gradient");
    const Index places = p.steps * p.batch, rows = p.batch * p.hidden, F = c.F;
    for (Index s = 0; s < c.states; s++) {
        p.dstates[s] = c.need(c.out(flow[std::size_t(s)], (p.steps + 1) * rows, "dstates"));
        p.danew[s] = c.out(flow[std::size_t(2 + s)], rows, "danew");
        if (p.reset) c.need(p.danew[s]);
    }
    c.need(p.gates);
    if (p.gU) c.need(p.hat_x), c.need(p.scale_x), c.need(p.hat_h), c.need(p.scale_h);
    T* const du = c.out(flow[4], places * F, "du");
    p.du = c.cell == Cell::gru ? c.need(du) : p.gates;
    p.dr = p.gU ? c.need(c.out(flow[5], places * F, "dr")) : p.du;
    p.da_x = p.gU ? c.need(c.out(flow[6], places * F, "da_x")) : p.gates;
    p.dx = c.out(flow[7], places * p.inputs, "dx");
    Into<T> into;
    into.U = c.need(c.out(gradient[0], F * p.inputs, "dU")), into.W = c.need(c.out(gradient[1], F * p.hidden, "dW"));
    into.b = c.need(c.out(gradient[2], F, "db")), into.d = c.out(gradient[3], F, "dd");
    into.gU = c.out(gradient[4], F, "dgU"), into.gW = c.out(gradient[5], F, "dgW");

    nanobind::gil_scoped_release released;
    backward_pass(k, c, into, threads);
}

}  // namespace elman
