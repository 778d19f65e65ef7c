// Symbols as input: a table of the rows they look up, and the sums of what comes back to each.
#pragma once

#include "engine.hpp"

namespace elman {

// The symbols that occur, numbered in the order of their first place; so that work does not grow with the vocabulary.
// What it holds is the thread's: one at a time.
struct Numbered {
    std::int32_t *numbers, *symbols;  // of each place, of each number
    Index places, count = 0;

    Numbered(const Index* given, Index size, Index vocabulary) : places(size) {
        static thread_local Arena of_places, of_numbers, of_symbols;
        numbers = of_places.room<std::int32_t>(size);
        symbols = of_numbers.room<std::int32_t>(std::min(size, vocabulary));
        std::int32_t* number = of_symbols.room<std::int32_t>(vocabulary);
        std::fill_n(number, vocabulary, -1);
        for (Index k = 0; k < size; k++) {
            std::int32_t& n = number[given[k]];
            if (n < 0) n = std::int32_t(count), symbols[count++] = std::int32_t(given[k]);
            numbers[k] = n;
        }
    }
};

// The columns of U ("F I") of the symbols that occur, as rows; b is added if there.
template <class T>
void look_up(const Numbered& found, const T* U, const T* b, Index F, Index I, int threads, T* table) {
    split(threads, F, 8.0 * double(F) * double(found.count), [&](Index begin, Index end) {
        for (Index n = 0; n < found.count; n++)
            for (Index f = begin; f < end; f++)
                table[n * F + f] = U[f * I + found.symbols[n]] + (b ? b[f] : T(0));
    });
}

// Places in the order (number, shard, step, row), and where each number begins. It holds what is the thread's.
struct Sorted {
    Index *places, *begins;

    Sorted(const Numbered& found, Index steps, Index batch) {
        static thread_local Arena of_places, of_begins, of_next;
        places = of_places.room<Index>(found.places), begins = of_begins.room<Index>(found.count + 1);
        Index* next = of_next.room<Index>(found.count);
        std::fill_n(begins, found.count + 1, 0);
        for (Index k = 0; k < found.places; k++) begins[found.numbers[k] + 1]++;
        for (Index n = 0; n < found.count; n++) next[n] = begins[n], begins[n + 1] += begins[n];
        for (Index shard = 0; shard < SHARDS; shard++)
            for (Index t = 0; t < steps; t++)
                for (Index r = batch * shard / SHARDS; r < batch * (shard + 1) / SHARDS; r++) {
                    const Index place = t * batch + r;
                    places[next[found.numbers[place]]++] = place;
                }
    }
};

// Σ rows of each symbol: rows "T B F" → out "I F", or "F I" if turned; symbols that do not occur get zero.
template <class T>
void sum_by_symbol(const Kernels<T>& k, const Numbered& found, const BySymbol<T>& given, bool turned, int threads) {
    static thread_local Arena arena;
    BySymbol<T> job = given;
    const Sorted sorted(found, job.steps, job.batch);
    job.places = sorted.places, job.begins = sorted.begins;
    const Index F = job.width, I = job.vocabulary, count = found.count;
    T *out = job.out, *sums = job.out = arena.room<T>(count * F);
    const double work = 4.0 * double(job.steps) * double(job.batch) * double(F);
    split(threads, count, work, [&](Index begin, Index end) {
        k.by_symbol(job, begin, end, own_scratch().room<T>(4 * F));
    });
    split(threads, turned ? F : I, double(F) * double(I), [&](Index begin, Index end) {
        std::fill(out + begin * (turned ? I : F), out + end * (turned ? I : F), T(0));
        for (Index n = 0; n < count; n++) {
            const Index symbol = found.symbols[n];
            if (turned)
                for (Index f = begin; f < end; f++) out[f * I + symbol] = sums[n * F + f];
            else if (begin <= symbol && symbol < end)
                std::copy(sums + n * F, sums + (n + 1) * F, out + symbol * F);
        }
    });
}

}  // namespace elman
