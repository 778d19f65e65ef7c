// Whole layers and heads: which parts the threads take, and in which order the kernels follow each other.
//
// A part is some rows of a batch, or some rows of a result; no bit depends on how many parts there are.
#pragma once

#include "arena.hpp"
#include "denormals.hpp"
#include "kernels.hpp"
#include "pool.hpp"

#include <algorithm>
#include <utility>

namespace elman {

constexpr Index WORTH_A_THREAD = 1 << 17;  // multiply-adds: what several microseconds do, and a thread costs a few

constexpr Index ROWS_AT_ONCE = 264;  // of a gradient, so that it stays in the second cache

// How many threads take part in work of so many parts and multiply-adds.
inline int workers(int threads, Index parts, double work) {
    const double worth = std::max(1.0, work / double(WORTH_A_THREAD));
    return int(std::max<Index>(1, std::min<Index>({Index(threads), parts, Index(std::min(worth, 1e9))})));
}

inline Index cut(Index parts, int worker, int workers) { return parts * worker / workers; }

// body(begin, end) on parts of [0, parts), in as many threads as the work is worth.
template <class F> void split(int threads, Index parts, double work, const F& body) {
    parallel(workers(threads, parts, work), [&](int worker, int count) {
        const Denormals flushed;
        body(cut(parts, worker, count), cut(parts, worker + 1, count));
    });
}

inline Arena& own_scratch() {  // of a thread inside a part
    static thread_local Arena arena;
    return arena;
}

inline Index ceil_div(Index a, Index b) { return (a + b - 1) / b; }

// Matrices packed for a call.
template <class T> class Packs {
public:
    Packs(const Kernels<T>& kernels, int workers) : k(kernels), threads(workers) {}

    // The product reads [columns][depth] matrices turned.
    void add(const T** place, const T* matrix, Index depth, Index columns, bool turned) {
        if (!matrix) return;
        jobs[count++] = {{matrix, depth, columns, turned, nullptr}, place, size};
        size += room(depth, columns);
    }

    void pack() {
        static thread_local Arena arena;
        T* all = arena.room<T>(size);
        for (Job* at = jobs; at < jobs + count; at++) {
            Job& job = *at;
            *job.place = job.packing.packed = all + job.at;
            const Packing<T>& p = job.packing;
            split(threads, ceil_div(p.columns, k.panel), 2.0 * double(p.depth) * double(p.columns),
                  [&](Index begin, Index end) { k.pack(p, begin, end); });
        }
    }

private:
    struct Job {
        Packing<T> packing;
        const T** place;
        Index at;
    };

    Index room(Index depth, Index columns) const { return ceil_div(k.packed_size(depth, columns), 16) * 16; }

    const Kernels<T>& k;
    int threads;
    Index size = 0;
    Job jobs[2];  // no call wants more
    int count = 0;
};

inline double gates_of(Cell cell) { return cell == Cell::gru ? 3 : cell == Cell::lstm ? 4 : 1; }

template <class T> double pass_work(const Pass<T>& p, Cell cell) {
    return double(p.steps) * double(p.batch) * gates_of(cell) * double(p.hidden) * double(p.hidden + p.inputs);
}

template <class T> void run_rows(const Kernels<T>& k, Cell cell, const Pass<T>& p, bool back, int threads) {
    const auto run = (back ? k.backward : k.forward)[int(cell)];
    split(threads, p.batch, pass_work(p, cell), [&](Index begin, Index end) {
        run(p, begin, end, own_scratch().room<T>(k.pass_scratch(p, Index(gates_of(cell)), end - begin)));
    });
}

// A gradient of weights. A part is some of its rows, whole tiles of them.
template <class T> void add_up(const Kernels<T>& k, Outer<T> o, int threads) {
    if (o.rows > o.columns && !o.reset && !o.mask) {  // the left is what costs more to pack: the smaller of both
        std::swap(o.left, o.right), std::swap(o.rows, o.columns);
        o.turned = true;
    }
    const Index tiles = ceil_div(o.rows, k.tile_rows);
    const double work = double(o.steps) * double(o.batch) * double(o.rows) * double(o.columns);
    const Index most = std::max<Index>(1, ROWS_AT_ONCE / k.tile_rows);
    split(threads, tiles, work, [&](Index first, Index last) {
        T* scratch = own_scratch().room<T>(k.outer_scratch(o, most * k.tile_rows));
        for (Index tile = first; tile < last; tile += most)
            k.outer(o, tile * k.tile_rows, std::min(std::min(tile + most, last) * k.tile_rows, o.rows), scratch);
    });
}

template <class T> void add_rows(const Kernels<T>& k, const Outer<T>& o, int threads) {
    constexpr Index group = 64;  // columns: some cache lines side by side
    split(threads, ceil_div(o.rows, group), double(o.steps) * double(o.batch) * double(o.rows),
          [&](Index begin, Index end) { k.sums(o, begin * group, std::min(end * group, o.rows)); });
}

}  // namespace elman
