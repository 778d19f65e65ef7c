// Vec<T>: 64 bytes of lanes, 16 floats or 8 doubles, on every instruction set, and what is done with them.
//
// A Vec is one register, or two halves that are Vecs themselves: one zmm, two ymm, four xmm or NEON ones.
// Every operation is one IEEE operation a lane, so every instruction set with FMA gives the same bits; the
// baseline has no FMA, there fma(a, b, c) rounds twice. The bits of a NaN (sign, payload) are not promised.
//
// An array of Vecs that a loop over its elements fills stays in registers only where that loop is unrolled
// early: write #pragma GCC unroll before it.
#pragma once

#include "simd/registers.hpp"

namespace elman::ELMAN_ISA {

template <class T, int n> constexpr bool in_one_register = n * int(sizeof(T)) == register_bytes;

template <class T, int n = 64 / int(sizeof(T)), bool = in_one_register<T, n>> struct Mask {
    Mask<T, n / 2> low, high;

    static ELMAN_INLINE Mask first(int count) {  // true in the first `count` lanes, 0 <= count <= lanes
        return {Mask<T, n / 2>::first(count), Mask<T, n / 2>::first(count - n / 2)};
    }
};

template <class T, int n> struct Mask<T, n, true> {
    MaskRegister<T, n> x;

    static ELMAN_INLINE Mask first(int count) { return {first_lanes<T, n>(count)}; }
};

template <class T, int n = 64 / int(sizeof(T)), bool = in_one_register<T, n>> struct Vec {
    using Half = Vec<T, n / 2>;
    static constexpr int lanes = n;
    Half low, high;

    static ELMAN_INLINE Vec zero() { return {Half::zero(), Half::zero()}; }
    static ELMAN_INLINE Vec all(T a) { return {Half::all(a), Half::all(a)}; }
    static ELMAN_INLINE Vec bits(typename Bits<T>::Unsigned a) { return {Half::bits(a), Half::bits(a)}; }

    static ELMAN_INLINE Vec load(const T* p) { return {Half::load(p), Half::load(p + n / 2)}; }
    ELMAN_INLINE void store(T* p) const { low.store(p), high.store(p + n / 2); }

    // The first `count` lanes, 0 <= count <= lanes: nothing beyond is touched, not even as an address.
    static ELMAN_INLINE Vec load(const T* p, int count) {
        return {Half::load(p, count), Half::load(count > n / 2 ? p + n / 2 : p, count - n / 2)};
    }
    ELMAN_INLINE void store(T* p, int count) const {
        low.store(p, count), high.store(count > n / 2 ? p + n / 2 : p, count - n / 2);
    }
};

template <class T, int n> struct Vec<T, n, true> {
    using F = typename Register<T, n>::Type;
    using U = typename Register<T, n>::Unsigned;
    using Unaligned = typename Register<T, n>::Unaligned;
    static constexpr int lanes = n;
    F x;

    static ELMAN_INLINE Vec zero() { return {F{}}; }
    static ELMAN_INLINE Vec all(T a) { return {a - F{}}; }
    static ELMAN_INLINE Vec bits(typename Bits<T>::Unsigned a) { return {(F)(a + U{})}; }

    static ELMAN_INLINE Vec load(const T* p) { return {*reinterpret_cast<const Unaligned*>(p)}; }
    ELMAN_INLINE void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = x; }

    static ELMAN_INLINE Vec load(const T* p, int count) { return {load_first(p, count)}; }
    ELMAN_INLINE void store(T* p, int count) const { store_first(p, count, x); }
};

// As many elements of a narrow storage as a Vec has lanes, or of T itself; all are floats exactly.
template <int n, class R> ELMAN_INLINE Vec<float, n> widened(const R* p) {
    if constexpr (in_one_register<float, n>) return {widened_register(p)};
    else return {widened<n / 2>(p), widened<n / 2>(p + n / 2)};
}

ELMAN_INLINE Vec<float> widen(const std::int8_t* p) { return widened<Vec<float>::lanes>(p); }
ELMAN_INLINE Vec<float> widen(const Bfloat16* p) { return widened<Vec<float>::lanes>(p); }
template <class T> ELMAN_INLINE Vec<T> widen(const T* p) { return Vec<T>::load(p); }

// One operation, written once: on the register, or on both halves.
#define ELMAN_UNARY(name, expression)                                            \
    template <class T, int n> ELMAN_INLINE Vec<T, n> name(Vec<T, n> a) {         \
        using V = Vec<T, n>;                                                     \
        if constexpr (in_one_register<T, n>) return V{(expression)};             \
        else return V{name(a.low), name(a.high)};                                \
    }
#define ELMAN_BINARY(name, expression)                                           \
    template <class T, int n> ELMAN_INLINE Vec<T, n> name(Vec<T, n> a, Vec<T, n> b) { \
        using V = Vec<T, n>;                                                     \
        if constexpr (in_one_register<T, n>) return V{(expression)};             \
        else return V{name(a.low, b.low), name(a.high, b.high)};                 \
    }
#define ELMAN_TERNARY(name, expression)                                          \
    template <class T, int n> ELMAN_INLINE Vec<T, n> name(Vec<T, n> a, Vec<T, n> b, Vec<T, n> c) { \
        using V = Vec<T, n>;                                                     \
        if constexpr (in_one_register<T, n>) return V{(expression)};             \
        else return V{name(a.low, b.low, c.low), name(a.high, b.high, c.high)};  \
    }
#define ELMAN_COMPARE(name, expression)                                          \
    template <class T, int n> ELMAN_INLINE Mask<T, n> name(Vec<T, n> a, Vec<T, n> b) { \
        using M = Mask<T, n>;                                                    \
        if constexpr (in_one_register<T, n>) return M{(expression)};             \
        else return M{name(a.low, b.low), name(a.high, b.high)};                 \
    }
#define ELMAN_LOGIC(name, expression)                                            \
    template <class T, int n> ELMAN_INLINE Mask<T, n> name(Mask<T, n> a, Mask<T, n> b) { \
        using M = Mask<T, n>;                                                    \
        if constexpr (in_one_register<T, n>) return M{MaskRegister<T, n>(expression)}; \
        else return M{name(a.low, b.low), name(a.high, b.high)};                 \
    }

ELMAN_BINARY(operator+, a.x + b.x)
ELMAN_BINARY(operator-, a.x - b.x)
ELMAN_BINARY(operator*, a.x * b.x)
ELMAN_BINARY(operator/, a.x / b.x)
ELMAN_UNARY(operator-, -a.x)
ELMAN_UNARY(sqrt, root(a.x))
ELMAN_TERNARY(fma, fused(a.x, b.x, c.x))         // a b + c
ELMAN_TERNARY(fnma, fused_minus(a.x, b.x, c.x))  // c - a b
ELMAN_BINARY(min, smaller(a.x, b.x))             // a < b ? a : b, so b where either is NaN
ELMAN_BINARY(max, larger(a.x, b.x))              // a > b ? a : b, so b where either is NaN

// The lanes as unsigned integers of the same width.
ELMAN_BINARY(bit_and, (typename V::F)((typename V::U)a.x & (typename V::U)b.x))
ELMAN_BINARY(bit_or, (typename V::F)((typename V::U)a.x | (typename V::U)b.x))
ELMAN_BINARY(bit_xor, (typename V::F)((typename V::U)a.x ^ (typename V::U)b.x))
ELMAN_BINARY(add_bits, (typename V::F)((typename V::U)a.x + (typename V::U)b.x))
ELMAN_BINARY(subtract_bits, (typename V::F)((typename V::U)a.x - (typename V::U)b.x))

template <int k, class T, int n> ELMAN_INLINE Vec<T, n> shift_left(Vec<T, n> a) {
    if constexpr (in_one_register<T, n>) return {(typename Vec<T, n>::F)((typename Vec<T, n>::U)a.x << k)};
    else return {shift_left<k>(a.low), shift_left<k>(a.high)};
}

template <int k, class T, int n> ELMAN_INLINE Vec<T, n> shift_right(Vec<T, n> a) {
    if constexpr (in_one_register<T, n>) return {(typename Vec<T, n>::F)((typename Vec<T, n>::U)a.x >> k)};
    else return {shift_right<k>(a.low), shift_right<k>(a.high)};
}

// Every comparison with NaN is false.
ELMAN_COMPARE(less, (compare_less<T, n>(a.x, b.x)))
ELMAN_COMPARE(less_equal, (compare_less_equal<T, n>(a.x, b.x)))
ELMAN_COMPARE(equal, (compare_equal<T, n>(a.x, b.x)))
ELMAN_LOGIC(operator&, a.x & b.x)
ELMAN_LOGIC(operator|, a.x | b.x)

#undef ELMAN_UNARY
#undef ELMAN_BINARY
#undef ELMAN_TERNARY
#undef ELMAN_COMPARE
#undef ELMAN_LOGIC

template <class T, int n> ELMAN_INLINE Mask<T, n> operator!(Mask<T, n> a) {
    if constexpr (in_one_register<T, n>) return {MaskRegister<T, n>(~a.x)};
    else return {!a.low, !a.high};
}

template <class T, int n> ELMAN_INLINE Mask<T, n> is_nan(Vec<T, n> a) { return !equal(a, a); }

template <class T, int n> ELMAN_INLINE Vec<T, n> select(Mask<T, n> mask, Vec<T, n> a, Vec<T, n> b) {
    if constexpr (in_one_register<T, n>) return {choose<T, n>(mask.x, a.x, b.x)};
    else return {select(mask.low, a.low, b.low), select(mask.high, a.high, b.high)};
}

template <class T>
constexpr typename Bits<T>::Unsigned sign_bit = typename Bits<T>::Unsigned(1) << (8 * sizeof(T) - 1);

template <class T, int n> ELMAN_INLINE Vec<T, n> abs(Vec<T, n> a) {
    return bit_and(a, Vec<T, n>::bits(~sign_bit<T>));
}

// One tree on every instruction set: x[j] with x[j + n/2], then again on the half as long.
template <class F, class Combine> ELMAN_INLINE auto tree(F x, Combine combine) {
    constexpr int n = sizeof(F) / sizeof(x[0]);
    if constexpr (n == 2) return combine(x[0], x[1]);
    else if constexpr (sizeof(F) == 16) return combine(combine(x[0], x[2]), combine(x[1], x[3]));
    else return tree(combine(low_half(x), high_half(x)), combine);
}

template <class T, int n> ELMAN_INLINE T sum(Vec<T, n> a) {
    if constexpr (in_one_register<T, n>) return tree(a.x, [](auto p, auto q) { return p + q; });
    else return sum(a.low + a.high);
}

template <class T, int n> ELMAN_INLINE T largest(Vec<T, n> a) {  // a NaN may be passed over: see max
    if constexpr (in_one_register<T, n>) return tree(a.x, [](auto p, auto q) { return p > q ? p : q; });
    else return largest(max(a.low, a.high));
}

ELMAN_INLINE void prefetch(const void* p) { __builtin_prefetch(p); }

}  // namespace elman::ELMAN_ISA
