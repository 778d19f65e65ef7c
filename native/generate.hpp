// Generation: step, weigh, draw, feed back, all rows of a block together.
//
// As src/elman/drawing.py does it, to the letter: in float64, equals in the order of the symbols, one uniform
// double for each symbol through the inverse of the cumulative distribution.
#pragma once

#include "stream.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

namespace elman {

// As elman.drawing.Weighing; 1 and a large number are no limits, −1 is no symbol.
struct Weighing {
    double temperature = 1, top_p = 1;
    Index top_k = std::numeric_limits<Index>::max(), fresh_after = -1;
    std::vector<Index> banned;
};

// From logits to a symbol.
class Drawing {
public:
    Drawing(const Kernels<double>& kernels, const Weighing& weighing, Index symbols)
        : w(weighing), k(kernels), count(symbols), z(std::size_t(count)), e(z), ranked(z.size()) {}

    // −1: a logit is not finite.
    template <class T> Index draw(const T* y, double chance) {
        bool finite = true;
        for (Index j = 0; j < count; j++) z[std::size_t(j)] = double(y[j]), finite &= std::isfinite(y[j]);
        if (!finite) return -1;
        for (const Index symbol : w.banned) z[std::size_t(symbol)] = -infinity;
        double top = -infinity;
        for (const double each : z) top = each > top ? each : top;
        for (double& each : z) each -= top;
        if (w.temperature != 0 && w.temperature != 1)
            for (double& each : z) each /= w.temperature;
        const Index limit = w.temperature == 0 ? 1 : std::min(w.top_k, count);
        if (limit < count || w.top_p < 1) keep(limit);
        else exponentials(count);
        return inverse(chance);
    }

    const Weighing w;

private:
    static constexpr double infinity = std::numeric_limits<double>::infinity();

    struct Ranked {
        double z;
        Index symbol;
    };

    void exponentials(Index many) {
        constexpr int exp = 2;
        k.apply(exp, z.data(), e.data(), many);
    }

    // Leave weights to the most probable alone.
    void keep(Index limit) {
        for (Index j = 0; j < count; j++) ranked[std::size_t(j)] = {z[std::size_t(j)], j};
        const auto before = [](const Ranked& a, const Ranked& b) {
            return a.z > b.z || (a.z == b.z && a.symbol < b.symbol);
        };
        if (limit < count) std::partial_sort(ranked.begin(), ranked.begin() + limit, ranked.end(), before);
        else std::sort(ranked.begin(), ranked.end(), before);
        for (Index j = 0; j < limit; j++) z[std::size_t(j)] = ranked[std::size_t(j)].z;
        exponentials(limit);
        sorted.assign(e.begin(), e.begin() + limit);
        const Index kept = w.top_p < 1 ? share(limit) : limit;
        std::fill(e.begin(), e.end(), 0.0);
        for (Index j = 0; j < kept; j++) e[std::size_t(ranked[std::size_t(j)].symbol)] = sorted[std::size_t(j)];
    }

    // The fewest that together reach the share top_p.
    Index share(Index limit) {
        std::partial_sum(sorted.begin(), sorted.end(), z.begin());
        const double reached = w.top_p * z[std::size_t(limit - 1)];
        return std::min(limit, 1 + (std::lower_bound(z.begin(), z.begin() + limit, reached) - z.begin()));
    }

    Index inverse(double chance) {
        std::partial_sum(e.begin(), e.end(), e.begin());
        // The first sum above: by halves, without branches that nobody could foretell.
        const double sought = chance * e.back();
        Index at = 0;
        for (Index left = count; left > 1;) {
            const Index half = left / 2;
            at += e[std::size_t(at + half - 1)] <= sought ? half : 0;
            left -= half;
        }
        return at;
    }

    const Kernels<double>& k;
    const Index count;
    std::vector<double> z, e, sorted;
    std::vector<Ranked> ranked;
};

// Rows that draw, each from its own chances.
struct Samples {
    Index rows, length;
    const Index* places;    // "N"
    Index* last;            // "N": the symbol before; then the last one drawn
    const double* chances;  // "N L", from 0 to below 1
    Index* drawn;           // "N L"
};

// Rows [first, end); returns how many symbols each has got: fewer when a logit is not finite.
template <class T>
Index generate_rows(Handle<T>& handle, Block<T>& block, Drawing& drawing, const Samples& s, Index first,
                    Index end) {
    const Index count = end - first, Y = handle.net.outputs, fresh_after = drawing.w.fresh_after;
    for (Index r = 0; r < count; r++) block.enter(handle.row(s.places[first + r]), r, count);
    Index t = 0;
    for (bool finite = true; t < s.length && finite; t += finite) {
        {
            const Denormals flushed;  // but not where symbols are drawn: a temperature may be that small
            for (Index r = 0; r < count; r++) block.put(r, s.last[first + r], nullptr);
            block.run(1, count), block.outputs(0, 1, count, block.y), block.go_on(1, count);
        }
        for (Index r = 0; r < count && finite; r++) {
            const Index at = (first + r) * s.length + t;
            const Index symbol = drawing.draw(block.y + r * Y, s.chances[at]);
            finite = symbol >= 0;
            if (finite) s.drawn[at] = s.last[first + r] = symbol;
            if (finite && symbol == fresh_after) block.enter(handle.net.fresh.data(), r, count);
        }
    }
    for (Index r = 0; r < count; r++) block.leave(handle.row(s.places[first + r]), r, count);
    return t;
}

// Returns how many symbols every row has got.
template <class T>
Index generate(Handle<T>& handle, const Kernels<double>& kernels, const Samples& s, const Weighing& w) {
    const typename Handle<T>::Busy now(handle);
    handle.check_places(s.places, s.rows);
    const nanobind::gil_scoped_release released;
    handle.check(handle.net.unchanged());
    handle.net.prepare(false);
    std::vector<Drawing> drawings(handle.blocks.size(), Drawing(kernels, w, handle.net.outputs));
    std::vector<Index> lengths(handle.blocks.size(), s.length);
    handle.over_rows(s.rows, s.length, [&](int worker, Index first, Index end) {
        const std::size_t own = std::size_t(worker);
        const Index drawn = generate_rows(handle, *handle.blocks[own], drawings[own], s, first, end);
        lengths[own] = std::min(lengths[own], drawn);
    });
    return *std::min_element(lengths.begin(), lengths.end());
}

}  // namespace elman
