// The kernels of one instruction set (ELMAN_ISA) and one element type (ELMAN_REAL), as a table.
#include "backward.hpp"
#include "cells/elman.hpp"
#include "cells/gru.hpp"
#include "cells/lstm.hpp"
#include "shown.hpp"
#include "stored.hpp"
#include "sums.hpp"
#include "update.hpp"

namespace elman {
namespace ELMAN_ISA {
namespace {

// What tests and tables of functions reach by number.
template <class T> void apply(int function, const T* in, T* out, Index count) {
    for (Index j = 0; j < count; j += Vec<T>::lanes) {
        Vec<T> x = load_columns(in + j, count - j);
        Vec<T> y = function == 0 ? tanh(x) : function == 1 ? sigmoid(x) : function == 2 ? exp(x) : log(x);
        store_columns(y, out + j, count - j);
    }
}

template <class T> constexpr Kernels<T> table{
    PANEL<T>,
    TILE_ROWS,
    packed_size<T>,
    pack<T>,
    Rows<T>::scratch,
    {forward<T, ElmanTanh>, forward<T, ElmanRelu>, forward<T, Gru>, forward<T, Lstm>},
    {backward<T, ElmanTanh>, backward<T, ElmanRelu>, backward<T, Gru>, backward<T, Lstm>},
    outer_scratch<T>,
    outer<T>,
    sums<T>,
    by_symbol<T>,
    outputs<T>,
    inputs<T>,
    softmax<T>,
    judge<T>,
    {update<T, Sgd>, update<T, RmsProp>, update<T, AdaGrad>, update<T, Adam>},
    squares<T>,
    show<T>,
    apply<T>,
    {streaming<T, T>(), streaming<T, Bfloat16>(), streaming<T, std::int8_t>()},
};

}  // namespace

// Declared by bindings.cpp for every set of the build.
template <class T> const Kernels<T>& kernels();
template <> const Kernels<ELMAN_REAL>& kernels<ELMAN_REAL>() { return table<ELMAN_REAL>; }

}  // namespace ELMAN_ISA
}  // namespace elman
