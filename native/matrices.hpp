// The matrices of a stream in its storage: read from Python, packed, turned, and looked up by row.
#pragma once

#include "engine.hpp"
#include "layers.hpp"

#include <cstring>
#include <deque>
#include <type_traits>

namespace elman {

constexpr Index TABLE_ROW = 16;  // elements: a row of a narrow table is read as whole vectors of floats

template <class T> class Matrices {
public:
    const Storage storage;
    const Streaming<T>& kernels;

    Matrices(const Kernels<T>& all, int how, int workers)
        : storage(checked(how)), kernels(all.streaming[how]), k(all), threads(workers) {
        if (!kernels.bytes) throw std::invalid_argument("this element type has no such storage");
    }

    // The matrix as T, where that is how it is stored.
    const T* plain(Stored<T> matrix) const {
        return storage == Storage::plain ? static_cast<const T*>(matrix.at) : nullptr;
    }

    // From a pair of Python's, the elements and the scales of the rows or None. Elements stay with the views.
    Stored<T> read(Views& views, nanobind::handle given, Index rows, Index depth, const char* name) {
        const nanobind::tuple pair = nanobind::cast<nanobind::tuple>(given);
        expect(pair, 2, name);
        Stored<T> matrix;
        if (storage == Storage::bfloat16) matrix.at = views.in<std::uint16_t>(pair[0], rows * depth, name);
        else matrix.at = views.in<std::int8_t>(pair[0], rows * depth, name);
        const T* scales = storage == Storage::int8 ? views.in<T>(pair[1], rows, name) : nullptr;
        if (!matrix.at || !scales != (storage != Storage::int8))
            throw std::invalid_argument(std::string(name) + " is incomplete");
        if (scales) matrix.scales = static_cast<const T*>(copied(scales, rows * Index(sizeof(T))));
        return matrix;
    }

    // The matrix with its elements here.
    Stored<T> kept(Stored<T> matrix, Index count) {
        return {copied(matrix.at, count * kernels.bytes), matrix.scales};
    }

    // Of a matrix [columns][depth].
    Stored<T> packed(Stored<T> matrix, Index depth, Index columns) {
        char* to = memory.emplace_back().template room<char>(k.packed_size(depth, columns) * kernels.bytes);
        const Packing<void> packing{matrix.at, depth, columns, true, to};
        split(threads, ceil_div(columns, k.panel), 2.0 * double(depth) * double(columns),
              [&](Index begin, Index end) { kernels.pack(packing, begin, end); });
        return {to, matrix.scales};
    }

    Index table_row(Index F) const {
        return storage == Storage::plain ? F : ceil_div(F, TABLE_ROW) * TABLE_ROW;
    }

    // Uᵀ of "F I", its rows table_row(F) apart; b is added to a plain one if there.
    Stored<T> table(Stored<T> U, const T* b, Index F, Index I) {
        char* to = memory.emplace_back().template room<char>(I * table_row(F) * kernels.bytes);
        visit(U, [&](auto* from) {
            using R = std::remove_const_t<std::remove_pointer_t<decltype(from)>>;
            turn(from, b, F, I, reinterpret_cast<R*>(to));
        });
        return {to, U.scales};
    }

    // One row of "… width".
    void row(Stored<T> matrix, Index number, Index width, T* to) const {
        visit(matrix, [&](auto* elements) {
            for (Index j = 0; j < width; j++) to[j] = as_number(elements[number * width + j]);
        });
        for (Index j = 0; matrix.scales && j < width; j++) to[j] *= matrix.scales[number];
    }

private:
    static Storage checked(int how) {
        if (how < 0 || how >= STORAGES) throw std::invalid_argument("there is no such storage");
        return Storage(how);
    }

    const void* copied(const void* from, Index bytes) {
        char* to = memory.emplace_back().template room<char>(bytes);
        return std::memcpy(to, from, std::size_t(bytes));
    }

    // body(the elements, as what they are)
    template <class F> void visit(Stored<T> matrix, F&& body) const {
        if (storage == Storage::plain) body(static_cast<const T*>(matrix.at));
        else if (storage == Storage::bfloat16) body(static_cast<const Bfloat16*>(matrix.at));
        else body(static_cast<const std::int8_t*>(matrix.at));
    }

    template <class R> void turn(const R* U, [[maybe_unused]] const T* b, Index F, Index I, R* to) const {
        constexpr Index some = 16;  // symbols at once: what they read and write stays in the nearest cache
        split(threads, ceil_div(I, some), 8.0 * double(I) * double(F), [&](Index begin, Index end) {
            for (Index first = begin * some; first < std::min(end * some, I); first += some)
                for (Index f = 0; f < F; f++)
                    for (Index symbol = first; symbol < std::min(first + some, I); symbol++) {
                        R& entry = to[symbol * table_row(F) + f] = U[f * I + symbol];
                        if constexpr (std::is_same_v<R, T>) entry += b ? b[f] : T(0);
                    }
        });
    }

    static T as_number(T element) { return element; }
    static T as_number(std::int8_t element) { return T(element); }
    static T as_number(Bfloat16 element) {
        const std::uint32_t bits = std::uint32_t(element.bits) << 16;
        float value;
        std::memcpy(&value, &bits, sizeof(value));
        return T(value);
    }

    const Kernels<T>& k;
    const int threads;
    std::deque<Arena> memory;
};

}  // namespace elman
