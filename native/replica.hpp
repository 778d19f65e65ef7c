// A network as streams use it: its parameters copied and packed, and compared with the network's own.
#pragma once

#include "matrices.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace elman {

constexpr Index WATCHED = 64;  // bytes of the network that a step compares

inline void prefetch(const void* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

// One layer. Uᵀ or the table is there once it is needed.
template <class T> struct Stage {
    Index inputs, hidden, F;
    const T *b, *d, *gU, *gW;
    Stored<T> U, Wt, Ut, table;  // of the first layer; packed, packed, by symbol: if plain + b without normalization
};

// sizes: cell, head, symbols or features I, embedding, features beside symbols, outputs.
// layers: U, W, b, d, gU, gW, h0, s0 of each; outlet: V, c, E. All are parts of `flat`; None: absent. In a narrow
// storage, U, W, V and E are pairs instead: the elements, and the scales of the rows or None.
struct Given {
    nanobind::handle flat;
    nanobind::tuple sizes, layers, outlet;
    double zoneout;
    int storage, threads;
};

template <class T> class Replica {
public:
    const Kernels<T>& k;
    const int threads;
    Matrices<T> matrices;
    Cell cell;
    Head shows;
    Index states, inputs, embedded, beside, outputs;
    T zoneout;
    Stored<T> E;
    Affine<T> head{};
    std::vector<Stage<T>> stages;
    std::vector<T> fresh;  // the states that sequences begin with: "numbers"

    Replica(const Kernels<T>& kernels, const Given& given)
        : k(kernels), threads(given.threads), matrices(kernels, given.storage, given.threads),
          zoneout(T(given.zoneout)) {
        read_sizes(given);
        Py_ssize_t count = PyObject_Length(given.flat.ptr());
        if (count < 0) throw nanobind::python_error();
        flat = own.in<T>(given.flat, size = count, "flat");
        copy = memory.template room<T>(size);
        if (size) std::memcpy(copy, flat, std::size_t(size) * sizeof(T));
        read_layers(given.layers);
        read_outlet(given.outlet);
    }

    Index numbers() const { return Index(fresh.size()); }  // of the states of one row
    Index gates() const { return Index(gates_of(cell)); }
    bool dense() const { return embedded || beside; }  // even symbols become vectors
    Index reads() const { return (embedded ? embedded : inputs) + beside; }

    // What the first layer reads symbols, or vectors, by: built when they first come.
    void prepare(bool vectors) {
        Stage<T>& first = stages.front();
        vectors |= dense();
        if (vectors && !first.Ut.at) first.Ut = matrices.packed(first.U, first.inputs, first.F);
        if (!vectors && !first.table.at)
            first.table = matrices.table(first.U, first.gU ? nullptr : first.b, first.F, first.inputs);
    }

    bool unchanged() const { return !size || !std::memcmp(flat, copy, std::size_t(size) * sizeof(T)); }

    // The same of a few bytes, others each time.
    bool unchanged_here() {
        const Index bytes = size * Index(sizeof(T)), length = std::min(WATCHED, bytes - place);
        const char *theirs = reinterpret_cast<const char*>(flat), *ours = reinterpret_cast<const char*>(copy);
        const bool same = !std::memcmp(theirs + place, ours + place, std::size_t(length));
        place = place + length < bytes ? place + length : 0;
        prefetch(theirs + place), prefetch(ours + place);
        return same;
    }

private:
    void read_sizes(const Given& given) {
        Index sizes[6];
        expect(given.sizes, 6, "sizes"), expect(given.outlet, 3, "outlet");
        for (std::size_t j = 0; j < 6; j++) {
            sizes[j] = nanobind::cast<Index>(given.sizes[j]);
            if (sizes[j] < 0 || sizes[j] > INT32_MAX) throw std::invalid_argument("a size is out of range");
        }
        if (sizes[0] > 3 || sizes[1] > 3 || !sizes[2] || !sizes[5])
            throw std::invalid_argument("there is no such network");
        cell = Cell(sizes[0]), shows = Head(sizes[1]), states = cell == Cell::lstm ? 2 : 1;
        inputs = sizes[2], embedded = sizes[3], beside = sizes[4], outputs = sizes[5];
    }

    void read_layers(const nanobind::tuple& layers) {
        Index below = reads();
        for (nanobind::handle layer : layers) {
            const nanobind::tuple w = nanobind::cast<nanobind::tuple>(layer);
            Stage<T> s{};
            expect(w, 8, "a layer");
            const Index F = PyObject_Length(w[2].ptr());
            s.inputs = below, s.F = F, s.hidden = below = F / gates();
            if (F <= 0 || F % gates()) throw std::invalid_argument("a layer is incomplete");
            Views views;
            const Stored<T> U = matrix(views, w[0], F, s.inputs, "U"), W = matrix(views, w[1], F, s.hidden, "W");
            s.b = part(w[2], F, "b"), s.d = part(w[3], F, "d");
            s.gU = part(w[4], F, "gU"), s.gW = part(w[5], F, "gW");
            if (!U.at || !W.at || !s.b || !s.gU != !s.gW) throw std::invalid_argument("a layer is incomplete");
            for (Index j = 0; j < states; j++) {
                const T* start = part(w[std::size_t(6 + j)], s.hidden, "start");
                fresh.resize(fresh.size() + std::size_t(s.hidden));
                if (start) std::copy(start, start + s.hidden, fresh.end() - s.hidden);
            }
            s.Wt = matrices.packed(W, s.hidden, F);
            if (!stages.empty()) s.Ut = matrices.packed(U, s.inputs, F);
            else s.U = matrices.plain(U) ? U : matrices.kept(U, F * s.inputs);
            stages.push_back(s);
        }
        if (stages.empty()) throw std::invalid_argument("there is no layer");
    }

    void read_outlet(const nanobind::tuple& outlet) {
        Views views;
        head.width = stages.back().hidden, head.outputs = outputs;
        const Stored<T> V = matrix(views, outlet[0], outputs, head.width, "V");
        E = matrix(views, outlet[2], inputs, embedded, "E"), head.c = part(outlet[1], outputs, "c");
        if (!V.at || !head.c || !E.at != !embedded) throw std::invalid_argument("the outlet is incomplete");
        head.narrow = matrices.packed(V, head.width, outputs), head.Vt = matrices.plain(head.narrow);
        if (E.at && !matrices.plain(E)) E = matrices.kept(E, inputs * embedded);
    }

    // Where the copy has what this part of the flat vector holds.
    const T* part(nanobind::handle array, Index count, const char* name) {
        Views views;
        const T* at = views.in<T>(array, count, name);
        if (!at) return nullptr;
        if (at < flat || at + count > flat + size)
            throw std::invalid_argument(std::string(name) + " is no part of the flat vector");
        return copy + (at - flat);
    }

    // A plain matrix lies in the copy, a narrow one with the views.
    Stored<T> matrix(Views& views, nanobind::handle given, Index rows, Index depth, const char* name) {
        if (given.is_none() || matrices.storage == Storage::plain) return {part(given, rows * depth, name)};
        return matrices.read(views, given, rows, depth, name);
    }

    Views own;  // keeps the network's vector alive
    Arena memory;
    const T* flat;
    T* copy;
    Index size, place = 0;
};

}  // namespace elman
