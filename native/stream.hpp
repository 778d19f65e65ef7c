// Streams: rows of states that stay here between calls, each moved on by what it reads. One row, or thousands.
//
// A row's bits do not depend on the rows beside it. A handle serves one call at a time: one that holds the
// interpreter throughout, or one that is `Busy` while others are refused.
#pragma once

#include "block.hpp"

#include <memory>

namespace elman {

// An exception of elman.errors.
struct Refused {
    const char* type;
    std::string text;
};

constexpr Index ROWS = 48, PLACES = 64;  // what a thread does at once: a few tiles, within the nearest caches

// What rows read, and where their outputs go: "T N", "T N I", "T N Y", each none where there is none.
template <class T> struct Reading {
    Index steps, rows;
    const Index *places, *symbols;  // places: of the rows, in the store
    const T* features;
    T* outputs;
};

template <class T> class Handle {
public:
    Replica<T> net;
    std::vector<std::unique_ptr<Block<T>>> blocks;  // one for each thread

    Handle(const Kernels<T>& kernels, const Given& given, bool many) : net(kernels, given) {
        for (int worker = 0; worker < (many ? std::max(1, given.threads) : 1); worker++)
            blocks.push_back(std::make_unique<Block<T>>(net, PLACES, many ? ROWS : 1));
    }

    class Busy {
    public:
        explicit Busy(Handle& of) : handle(of) {
            handle.check_free();
            handle.busy = true;
        }
        ~Busy() { handle.busy = false; }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;

    private:
        Handle& handle;
    };

    void check_free() const {
        if (busy)
            throw Refused{"OptionError", "another thread is in a call of this stream; give each its own"};
    }

    void check(bool unchanged) const {
        if (!unchanged)
            throw Refused{"OptionError", "the network has changed since this stream was made; make a new one, "
                                         "and hand the state on: new = network.stream(old.state)"};
    }

    // The store is "rows numbers"; what new rows hold is undefined.
    void resize(Index count) {
        check_free();
        if (count < 0 || count > (Index(1) << 40) / net.numbers()) throw std::bad_alloc();
        store.resize(std::size_t(count * net.numbers())), rows = count;
    }

    T* row(Index place) { return store.data() + place * net.numbers(); }

    void check_places(const Index* places, Index count) const {
        for (Index n = 0; n < count; n++)
            if (places[n] < 0 || places[n] >= rows) throw std::invalid_argument("there is no such row");
    }

    // Each row becomes these numbers: the initial state if none.
    void put(const Index* places, Index count, const T* values) {
        check_free(), check(net.unchanged()), check_places(places, count);
        for (Index n = 0; n < count; n++) {
            const T* from = values ? values : net.fresh.data();
            std::copy(from, from + net.numbers(), row(places[n]));
        }
    }

    nanobind::bytes values(Index place) {
        check_free(), check_places(&place, 1);
        return nanobind::bytes(row(place), std::size_t(net.numbers()) * sizeof(T));
    }

    // Many steps of many rows.
    void advance(const Reading<T>& c) {
        const Busy now(*this);
        check_places(c.places, c.rows);
        const nanobind::gil_scoped_release released;
        check(net.unchanged());
        net.prepare(!c.symbols);
        over_rows(c.rows, c.steps, [&](int worker, Index begin, Index end) {
            const Denormals flushed;
            pass(*blocks[std::size_t(worker)], c, begin, end);
        });
    }

    // body(worker, begin, end) on ROWS rows at most, in as many threads as so many steps of all are worth.
    template <class F> void over_rows(Index count, Index steps, const F& body) {
        double work = double(net.head.width * net.outputs);
        for (const Stage<T>& s : net.stages) work += double(s.F) * double(s.hidden + s.inputs);
        const Index least = 8, parts = std::min(Index(blocks.size()), ceil_div(count, least));
        parallel(workers(net.threads, parts, work * double(steps) * double(count)), [&](int worker, int of) {
            const Index end = cut(count, worker + 1, of);
            for (Index first = cut(count, worker, of); first < end; first += ROWS)
                body(worker, first, std::min(first + ROWS, end));
        });
    }

protected:
    bool busy = false;

private:
    // Rows [first, end) through all steps.
    void pass(Block<T>& block, const Reading<T>& c, Index first, Index end) {
        const Index count = end - first, I = c.symbols ? net.beside : net.inputs, room = block.steps(count);
        for (Index r = 0; r < count; r++) block.enter(row(c.places[first + r]), r, count);
        for (Index t = 0; t < c.steps; t += room) {
            const Index steps = std::min(room, c.steps - t);
            for (Index u = 0; u < steps; u++)
                for (Index r = 0; r < count; r++) {
                    const Index at = (t + u) * c.rows + first + r, symbol = c.symbols ? c.symbols[at] : -1;
                    block.put(u * count + r, symbol, c.features ? c.features + at * I : nullptr);
                }
            block.run(steps, count);
            const Index joined = count == c.rows ? steps : 1;  // these lie one after the other in the outputs
            for (Index u = 0; c.outputs && u < steps; u += joined) {
                T* y = c.outputs + ((t + u) * c.rows + first) * net.outputs;
                block.outputs(u, joined, count, y), block.show(y, y, joined * count);
            }
            block.go_on(steps, count);
        }
        for (Index r = 0; r < count; r++) block.leave(row(c.places[first + r]), r, count);
    }

    std::vector<T> store;
    Index rows = 0;
};

}  // namespace elman
