// Gradients of weights: sums over all steps and rows, shard by shard, added along a fixed tree.
//
// Within a shard steps come in order, and in each step its rows. A task is some rows of one panel of the result and
// goes through all shards itself, so that neither threads nor their number have a part in the order.
#pragma once

#include "rows.hpp"

namespace elman::ELMAN_ISA {

constexpr int TREE_DEPTH = 4;  // sums that wait for another at once: 8 shards are 3 levels

inline Index shard_begin(Index batch, Index shard) { return batch * shard / SHARDS; }

// Add up the shards along the tree and return the buffer of the sum, -1 if no shard has rows.
//
// fill(shard, buffer) writes the sum of one shard, join(into, from) adds two. A shard without rows counts as zero.
template <class Fill, class Join> inline int over_shards(Index batch, Fill&& fill, Join&& join) {
    int buffer[TREE_DEPTH] = {0, 1, 2, 3}, waiting = 0;
    bool empty[TREE_DEPTH];
    for (Index shard = 0; shard < SHARDS; shard++) {
        empty[waiting] = shard_begin(batch, shard) == shard_begin(batch, shard + 1);
        if (!empty[waiting]) fill(shard, buffer[waiting]);
        waiting++;
        for (Index bits = shard; bits & 1; bits >>= 1, waiting--) {
            const int a = waiting - 2, b = waiting - 1;
            if (empty[b]) continue;
            if (!empty[a]) {
                join(buffer[a], buffer[b]);
                continue;
            }
            const int spare = buffer[a];
            buffer[a] = buffer[b], buffer[b] = spare, empty[a] = false;
        }
    }
    return empty[0] ? -1 : buffer[0];
}

// Steps and rows of a shard that are added at once: what they read and write stays in the second cache.
struct Piece {
    Index step, end_step, row, end_row;

    Index count() const { return (end_step - step) * (end_row - row); }
};

constexpr Index PIECE = 256;

inline Index piece_steps(Index rows) { return 0 < rows && rows < PIECE ? PIECE / rows : 1; }

inline Index most_tokens(Index batch) {
    const Index most = (batch + SHARDS - 1) / SHARDS;
    return piece_steps(most) * most;
}

// The right side of a piece, one panel of it: [step][row][wide].
template <class T> void pack_right(const Outer<T>& o, const Piece& piece, Index column, Index wide, T* to) {
    const Index stride = padded<T>(wide);
    for (Index t = piece.step; t < piece.end_step; t++)
        for (Index r = piece.row; r < piece.end_row; r++, to += stride) {
            const Index at = t * o.batch + r;
            const T* from = (o.reset && o.reset[at] ? o.anew + r * o.columns : o.right + at * o.columns) + column;
            for (Index j = 0; j < stride; j += Vec<T>::lanes) {
                Vec<T> value = load_columns(from + j, wide - j);
                if (o.mask) value = value * load_columns(o.mask + r * o.columns + column + j, wide - j);
                value.store(to + j);
            }
        }
}

// The left side of a piece, rows [begin, end) of the result, in groups as high as a tile: [group][step][row][tile].
template <class T> void pack_left(const Outer<T>& o, const Piece& piece, Index begin, Index end, T* to) {
    constexpr Index streams = 8;  // groups written at a time
    const Index group = piece.count() * TILE_ROWS;
    for (Index first = begin; first < end; first += streams * TILE_ROWS, to += streams * group) {
        const Index last = least(first + streams * TILE_ROWS, end);
        T* token = to;
        for (Index t = piece.step; t < piece.end_step; t++)
            for (Index r = piece.row; r < piece.end_row; r++, token += TILE_ROWS) {
                const T* from = o.left + (t * o.batch + r) * o.rows;
                T* at = token;
                Index m = first;
                for (; m + TILE_ROWS <= last; m += TILE_ROWS, at += group)
                    __builtin_memcpy(at, from + m, TILE_ROWS * sizeof(T));
                for (; m < last; m++) *at++ = from[m];
            }
    }
}

inline Index in_tiles(Index rows) { return (rows + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS; }

template <class T> Index outer_scratch(const Outer<T>& o, Index rows) {
    return most_tokens(o.batch) * (PANEL<T> + in_tiles(rows)) + TREE_DEPTH * rows * padded<T>(o.columns);
}

// Rows [begin, begin + rows) of the sum as columns of the output.
template <class T> void write_turned(const Outer<T>& o, Index begin, Index rows, const T* sum) {
    for (Index j = 0; j < o.columns; j++) {
        const Index c = j / PANEL<T> * PANEL<T>, stride = padded<T>(least(o.columns - c, PANEL<T>));
        T* to = o.out + j * o.rows + begin;
        for (Index r = 0; r < rows; r++) {
            const T value = sum ? sum[c * rows + r * stride + (j - c)] : T(0);
            to[r] = o.add ? to[r] + value : value;
        }
    }
}

// Rows [begin, end) of the sum. Of a panel of a buffer the rows lie together: [panel][row][stride].
template <class T> void outer(const Outer<T>& o, Index begin, Index end, T* scratch) {
    const Index rows = end - begin, size = rows * padded<T>(o.columns);
    const Index tokens = most_tokens(o.batch);
    T *right = scratch, *left = right + tokens * PANEL<T>, *sums = left + tokens * in_tiles(rows);
    auto fill = [&](Index shard, int buffer) {
        const Index from = shard_begin(o.batch, shard), to = shard_begin(o.batch, shard + 1);
        for (Index t = 0; t < o.steps; t += piece_steps(to - from)) {
            const Piece piece{t, least(t + piece_steps(to - from), o.steps), from, to};
            pack_left(o, piece, begin, end, left);
            for (Index c = 0; c < o.columns; c += PANEL<T>) {
                const Index wide = least(o.columns - c, PANEL<T>), stride = padded<T>(wide);
                const Out<T> out{sums + buffer * size + c * rows, stride};
                pack_right(o, piece, c, wide, right);
                product_panel(Left<T>{left, 1, TILE_ROWS, piece.count() * TILE_ROWS}, rows, Right<T>{right},
                              piece.count(), Start<T>{t ? out.at : nullptr, stride}, out, stride);
            }
        }
    };
    auto join = [&](int into, int from) {
        T *a = sums + into * size, *b = sums + from * size;
        for (Index j = 0; j < size; j += Vec<T>::lanes) (Vec<T>::load(a + j) + Vec<T>::load(b + j)).store(a + j);
    };
    const int total = o.steps ? over_shards(o.batch, fill, join) : -1;
    const T* sum = sums + total * size;
    if (o.turned) return write_turned(o, begin, rows, total < 0 ? nullptr : sum);
    for (Index r = 0; r < rows; r++)
        for (Index j = 0; j < o.columns; j += Vec<T>::lanes) {
            const Index c = j / PANEL<T> * PANEL<T>, stride = padded<T>(least(o.columns - c, PANEL<T>));
            T* to = o.out + (begin + r) * o.columns + j;
            Vec<T> value = total < 0 ? Vec<T>::zero() : Vec<T>::load(sum + c * rows + r * stride + (j - c));
            if (o.add) value = load_columns(to, o.columns - j) + value;
            store_columns(value, to, o.columns - j);
        }
}

// Some of these sums, N vectors of them, whole ones if several: what lies together is read together.
template <class T, int N> void sum_columns(const Outer<T>& o, Index column, Index end) {
    constexpr Index L = Vec<T>::lanes;
    Vec<T> waiting[TREE_DEPTH][N];
    const auto load = [&](const T* from) { return N > 1 ? Vec<T>::load(from) : load_columns(from, end - column); };
    auto fill = [&](Index shard, int buffer) {
        Vec<T> total[N];
        for (int n = 0; n < N; n++) total[n] = Vec<T>::zero();
        for (Index t = 0; t < o.steps; t++)
            for (Index r = shard_begin(o.batch, shard); r < shard_begin(o.batch, shard + 1); r++) {
                const Index at = (t * o.batch + r) * o.rows + column;
                for (int n = 0; n < N; n++) {
                    const Vec<T> value = load(o.left + at + n * L);
                    total[n] = o.times ? fma(value, load(o.times + at + n * L), total[n]) : total[n] + value;
                }
            }
        for (int n = 0; n < N; n++) waiting[buffer][n] = total[n];
    };
    auto join = [&](int into, int from) {
        for (int n = 0; n < N; n++) waiting[into][n] = waiting[into][n] + waiting[from][n];
    };
    const int total = over_shards(o.batch, fill, join);
    for (int n = 0; n < N; n++) {
        const Index wide = end - column - n * L;
        T* to = o.out + column + n * L;
        Vec<T> value = total < 0 ? Vec<T>::zero() : waiting[total][n];
        if (o.add) value = load_columns(to, wide) + value;
        store_columns(value, to, wide);
    }
}

// out[begin..end) = Σ left (⊙ times): the gradients of biases and gains.
template <class T> void sums(const Outer<T>& o, Index begin, Index end) {
    constexpr Index L = Vec<T>::lanes;
    for (; begin + 8 * L <= end; begin += 8 * L) sum_columns<T, 8>(o, begin, end);
    for (; begin + 4 * L <= end; begin += 4 * L) sum_columns<T, 4>(o, begin, end);
    for (; begin < end; begin += L) sum_columns<T, 1>(o, begin, end);
}

// sum = 0 + row at first, so that no sum is -0, then sum += row.
template <class T> inline void add_row(const T* row, T* sum, Index width, bool first) {
    for (Index j = 0; j < width; j += Vec<T>::lanes) {
        Vec<T> value = load_columns(row + j, width - j);
        store_columns((first ? Vec<T>::zero() : load_columns(sum + j, width - j)) + value, sum + j, width - j);
    }
}

// The sums of rows of some numbers, as `Sorted` has put them: shard by shard, and the shards along the tree.
template <class T> void by_symbol(const BySymbol<T>& o, Index begin, Index end, T* scratch) {
    const Index F = o.width;
    for (Index number = begin; number < end; number++) {
        const Index *place = o.places + o.begins[number], *last = o.places + o.begins[number + 1];
        bool empty[TREE_DEPTH];
        int waiting = 0;
        for (Index shard = 0; shard < SHARDS; shard++) {
            const Index limit = shard_begin(o.batch, shard + 1);
            T* sum = scratch + waiting * F;
            empty[waiting] = true;
            for (; place < last && *place % o.batch < limit; place++, empty[waiting] = false)
                add_row(o.rows + *place * F, sum, F, empty[waiting]);
            waiting++;
            for (Index bits = shard; bits & 1; bits >>= 1, waiting--) {
                if (empty[waiting - 1]) continue;
                add_row(scratch + (waiting - 1) * F, scratch + (waiting - 2) * F, F, empty[waiting - 2]);
                empty[waiting - 2] = false;
            }
        }
        copy(scratch, o.out + number * F, F);
    }
}

}  // namespace elman::ELMAN_ISA
