// What streams do with weights that are stored as elements R: those of the network, or narrow ones, which become
// floats on their way into a product.
#pragma once

#include "cells/elman.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "forward.hpp"
#include "head.hpp"

namespace elman::ELMAN_ISA {

template <class T, class R> void pack_stored(const Packing<void>& p, Index begin, Index end) {
    const R* matrix = static_cast<const R*>(p.matrix);
    pack<T>(Packing<R>{matrix, p.depth, p.columns, p.turned, static_cast<R*>(p.packed)}, begin, end);
}

// The bits are those of a product with the unit vector of the symbol.
template <class T, class R> void look_up(const LookUp<T>& l, Index begin, Index end) {
    for (Index n = begin; n < end; n++) {
        const Right<T, R> row{static_cast<const R*>(l.table.at) + l.symbols[n] * l.stride, l.table.scales};
        for (Index j = 0; j < l.width; j += Vec<T>::lanes) {
            const Index many = l.width - j;
            const T* b = l.b ? l.b + j : nullptr;
            const Vec<T> start = begin_sum<R>(b, many), sum = start + widen(row.at + j);
            store_columns(end_sum(sum, row, b, j, many), l.y + n * l.width + j, many);
        }
    }
}

template <class T, class R> constexpr Streaming<T> streaming() {
    if constexpr (!std::is_same_v<R, T> && !std::is_same_v<T, float>) return {};  // narrow is what a float may be
    else
        return {Index(sizeof(R)),
                pack_stored<T, R>,
                {forward<T, ElmanTanh, R>, forward<T, ElmanRelu, R>, forward<T, Gru, R>, forward<T, Lstm, R>},
                outputs<T, R>,
                look_up<T, R>};
}

}  // namespace elman::ELMAN_ISA
