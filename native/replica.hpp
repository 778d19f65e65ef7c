// A network as streams use it: its parameters copied and packed, and compared with the network's own.
#pragma once

#include "layers.hpp"

#include <algorithm>
#include <cstring>
#include <deque>
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

// One layer. The weights lie in the copy; Uᵀ or the table is there once it is needed.
template <class T> struct Stage {
    Index inputs, hidden, F;
    const T *U, *W, *b, *d, *gU, *gW;
    const T *Wt, *Ut, *table;  // packed, packed, "I F": Uᵀ plain, + b without normalization
};

// sizes: cell, head, symbols or features I, embedding, features beside symbols, outputs.
// layers: U, W, b, d, gU, gW, h0, s0 of each; outlet: V, c, E. All are parts of `flat`; None: absent.
struct Given {
    nanobind::handle flat;
    nanobind::tuple sizes, layers, outlet;
    double zoneout;
    int threads;
};

template <class T> class Replica {
public:
    const Kernels<T>& k;
    const int threads;
    Cell cell;
    Head shows;
    Index states, inputs, embedded, beside, outputs;
    T zoneout;
    const T* E;
    Affine<T> head{};
    std::vector<Stage<T>> stages;
    std::vector<T> fresh;  // the states that sequences begin with: "numbers"

    Replica(const Kernels<T>& kernels, const Given& given)
        : k(kernels), threads(given.threads), zoneout(T(given.zoneout)) {
        read_sizes(given);
        Py_ssize_t count = PyObject_Length(given.flat.ptr());
        if (count < 0) throw nanobind::python_error();
        flat = own.in<T>(given.flat, size = count, "flat");
        copy = memory.emplace_back().template room<T>(size);
        if (size) std::memcpy(copy, flat, std::size_t(size) * sizeof(T));
        read_layers(given.layers);
        const nanobind::tuple& outlet = given.outlet;
        const T* V = part(outlet[0], outputs * stages.back().hidden, "V");
        head.width = stages.back().hidden, head.outputs = outputs;
        head.c = part(outlet[1], outputs, "c"), E = part(outlet[2], inputs * embedded, "E");
        if (!V || !head.c || !E != !embedded) throw std::invalid_argument("the outlet is incomplete");
        head.Vt = packed(V, head.width, outputs);
    }

    Index numbers() const { return Index(fresh.size()); }  // of the states of one row
    Index gates() const { return Index(gates_of(cell)); }
    bool dense() const { return embedded || beside; }  // even symbols become vectors
    Index reads() const { return (embedded ? embedded : inputs) + beside; }

    // What the first layer reads symbols, or vectors, by: built when they first come.
    void prepare(bool vectors) {
        Stage<T>& first = stages.front();
        vectors |= dense();
        if (vectors && !first.Ut) first.Ut = packed(first.U, first.inputs, first.F);
        if (!vectors && !first.table) first.table = looked_up(first);
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
            s.U = part(w[0], F * s.inputs, "U"), s.W = part(w[1], F * s.hidden, "W");
            s.b = part(w[2], F, "b"), s.d = part(w[3], F, "d");
            s.gU = part(w[4], F, "gU"), s.gW = part(w[5], F, "gW");
            if (!s.U || !s.W || !s.b || !s.gU != !s.gW) throw std::invalid_argument("a layer is incomplete");
            for (Index j = 0; j < states; j++) {
                const T* start = part(w[std::size_t(6 + j)], s.hidden, "start");
                fresh.resize(fresh.size() + std::size_t(s.hidden));
                if (start) std::copy(start, start + s.hidden, fresh.end() - s.hidden);
            }
            s.Wt = packed(s.W, s.hidden, F);
            if (!stages.empty()) s.Ut = packed(s.U, s.inputs, F);
            stages.push_back(s);
        }
        if (stages.empty()) throw std::invalid_argument("there is no layer");
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

    const T* packed(const T* matrix, Index depth, Index columns) {
        T* to = memory.emplace_back().template room<T>(k.packed_size(depth, columns));
        const Packing<T> packing{matrix, depth, columns, true, to};
        split(threads, ceil_div(columns, k.panel), 2.0 * double(depth) * double(columns),
              [&](Index begin, Index end) { k.pack(packing, begin, end); });
        return to;
    }

    const T* looked_up(const Stage<T>& s) {
        constexpr Index some = 16;  // symbols at once: what they read and write stays in the nearest cache
        T* table = memory.emplace_back().template room<T>(s.inputs * s.F);
        const Index I = s.inputs;
        split(threads, ceil_div(I, some), 8.0 * double(I) * double(s.F), [&](Index begin, Index end) {
            for (Index first = begin * some; first < std::min(end * some, I); first += some)
                for (Index f = 0; f < s.F; f++)
                    for (Index symbol = first; symbol < std::min(first + some, I); symbol++)
                        table[symbol * s.F + f] = s.U[f * I + symbol] + (s.gU ? T(0) : s.b[f]);
        });
        return table;
    }

    Views own;  // keeps the network's vector alive
    std::deque<Arena> memory;
    const T* flat;
    T* copy;
    Index size, place = 0;
};

}  // namespace elman
