// What bindings.cpp hands to the kernels: plain data, and one table of functions for each instruction set and
// element type. Nothing here is compiled into code, so that every translation unit may include it.
//
// Letters: T steps, B rows, I inputs, H hidden, G gates. Arrays are C-contiguous; "T B GH" is [T][B][G·H].
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman {

using Index = std::int64_t;

constexpr Index SHARDS = 8;  // of the rows of a batch; gradients of shards are added along a fixed tree

enum class Cell : int { tanh, relu, gru, lstm };

constexpr int MAX_STATES = 2;

// How streams keep the elements of U, W, V and E: as the network has them, or narrow. Sums are of floats anyway.
enum class Storage : int { plain, bfloat16, int8 };

constexpr int STORAGES = 3;

struct Bfloat16 {  // the upper half of a float
    std::uint16_t bits;
};

// A matrix of such elements, and of int8 the scale of each of its outputs: element = scale · int8.
template <class T> struct Stored {
    const void* at = nullptr;
    const T* scales = nullptr;
};

// How a matrix lies in memory for a product: its columns in panels, each [depth][panel].
template <class T> struct Packing {
    const T* matrix;  // [columns][depth] if turned, else [depth][columns]
    Index depth, columns;
    bool turned;
    T* packed;
};

// One layer in one direction over all steps: what the engines of Python call weights, course and tape.
template <class T> struct Pass {
    Index steps, batch, inputs, hidden;
    const T *b, *d, *gU, *gW;                     // GH each; d, gU, gW may be absent
    const T *Ut, *Wt, *U, *W;                     // packed: forward reads Uᵀ and Wᵀ, backward U and W
    Stored<T> narrow;                             // Wᵀ for kernels of a narrow storage
    const T* table;                               // "I GH": Uᵀ plain, for symbols (+ b without normalization)
    const T* x;                                   // "T B I", or
    const std::int32_t* symbols;                  // "T B": rows of the table
    const Index* live;                            // "T": rows that still run; none: all
    const std::uint8_t* reset;                    // "T B": the row begins again from `anew`
    const T* anew[MAX_STATES];                    // "B H"
    const T* mask;                                // "B H": what W reads of h
    T zoneout;                                    // the share of its old state that a unit keeps, or
    const T* held[MAX_STATES];                    // "T B H": 0 and 1
    T* states[MAX_STATES];                        // "T+1 B H"
    T *gates, *kept;                              // "T B GH", "T B KH"; none: keep nothing
    T *hat_x, *scale_x, *hat_h, *scale_h;         // of layer normalization: "T B GH", "T B"
    // Backward: gates become da.
    T* dstates[MAX_STATES];                       // "T+1 B H"
    T* danew[MAX_STATES];                         // "B H"
    T *du, *dr, *da_x;                            // "T B GH"; each may be the array before it: da, du; da
    T* dx;                                        // "T B I"
};

// Σ over shards, steps and rows of left ⊗ right: a gradient of weights.
template <class T> struct Outer {
    Index steps, batch, rows, columns;            // the sum is "rows columns"
    const T* left;                                // "T B rows"
    const T* right;                               // "T B columns"
    T* out;                                       // "rows columns"
    bool add = false;                             // to what is there
    const T* times = nullptr;                     // "T B rows": left is multiplied by it, if there
    const std::uint8_t* reset = nullptr;          // right is replaced by anew where rows begin again
    const T* anew = nullptr;                      // "B columns"
    const T* mask = nullptr;                      // "B columns": right is multiplied by it
    bool turned = false;                          // out is "columns rows"
};

// Σ rows of each number, places of a number together and in the order of the shards.
template <class T> struct BySymbol {
    Index steps, batch, width, vocabulary;
    const T* rows;                                // "T B width"
    const Index *places, *begins;                 // of the rows of number n: places[begins[n] .. begins[n + 1])
    T* out;                                       // "numbers width"
};

// y = rows Vᵀ + c and what goes back from it, for N rows.
template <class T> struct Affine {
    Index width, outputs;
    const T* rows = nullptr;                      // "N R"
    const T *Vt = nullptr, *V = nullptr, *c = nullptr;  // packed, packed, plain
    T *y = nullptr, *drows = nullptr;             // "N O", "N R"
    Stored<T> narrow{};                           // Vᵀ for kernels of a narrow storage
};

// y = a row of the table + b for N symbols.
template <class T> struct LookUp {
    Index width, stride;                          // of a row
    Stored<T> table;
    const T* b;                                   // none: zero
    const std::int32_t* symbols;                  // "N"
    T* y;                                         // "N width"
};

// Softmax and cross-entropy of N rows of logits: y becomes dy.
template <class T> struct Softmax {
    Index outputs;
    T* y;
    const Index* targets;
    const double* weights;                        // none: 1
    double total, share;
    double* nats;                                 // weighted; the caller adds them up
};

enum class Head : int { values, softmax, sigmoid, gaussian };  // what users see of y

// N rows of y as users see them.
template <class T> struct Shown {
    Index outputs;
    Head head;
    const T* y;
    T* shown;                                     // "N O" each; it may be y
};

// One step of an optimizer: constants η, λ, then the rule's own.
template <class T> struct Update {
    const double* constants;
    Index size;
    const T *x, *g, *memory;                      // "P", "P", "slots P"
    T *new_x, *new_memory;
};

// What streams do with weights of one storage; null where the element type has no such storage.
template <class T> struct Streaming {
    Index bytes = 0;                                                               // of an element
    void (*pack)(const Packing<void>&, Index begin, Index end) = nullptr;          // panels
    void (*forward[4])(const Pass<T>&, Index begin, Index end, T* scratch) = {};   // rows
    void (*outputs)(const Affine<T>&, Index begin, Index end) = nullptr;           // rows
    void (*look_up)(const LookUp<T>&, Index begin, Index end) = nullptr;           // symbols
};

template <class T> struct Kernels {
    Index panel, tile_rows;  // columns of a packed panel, rows of a tile
    Index (*packed_size)(Index depth, Index columns);
    void (*pack)(const Packing<T>&, Index begin, Index end);                       // panels
    Index (*pass_scratch)(const Pass<T>&, Index gates, Index rows);
    void (*forward[4])(const Pass<T>&, Index begin, Index end, T* scratch);        // rows
    void (*backward[4])(const Pass<T>&, Index begin, Index end, T* scratch);       // rows
    Index (*outer_scratch)(const Outer<T>&, Index rows);
    void (*outer)(const Outer<T>&, Index begin, Index end, T* scratch);            // rows of the sum
    void (*sums)(const Outer<T>&, Index begin, Index end);                         // columns of left
    void (*by_symbol)(const BySymbol<T>&, Index begin, Index end, T* scratch);     // numbers
    void (*outputs)(const Affine<T>&, Index begin, Index end);                     // rows
    void (*inputs)(const Affine<T>&, Index begin, Index end);                      // rows
    void (*softmax)(const Softmax<T>&, Index begin, Index end);                    // rows
    void (*judge)(const Softmax<T>&, Index* guesses, Index begin, Index end);      // rows
    bool (*update[4])(const Update<T>&, Index begin, Index end);                   // entries; false: not finite
    double (*squares)(const T* g, Index count);
    void (*show)(const Shown<T>&, Index begin, Index end);                         // rows
    void (*apply)(int function, const T* in, T* out, Index count);                 // tests: tanh, sigmoid, exp, log
    Streaming<T> streaming[STORAGES];
};

}  // namespace elman
