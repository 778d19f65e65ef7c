// exp, tanh, sigmoid and log of a Vec: no branches, at most one division, the same bits wherever FMA is.
//
// Errors in units of the last place of the exact result, float32 over all 2³² arguments, float64 over random
// ones of all magnitudes (native/tests/math_all.cpp measures, tests/slow/ulp.py refuses more than the bound):
//               float32: bound, found      float64: bound, found          without FMA one unit more
//     exp                1.5    1.48                2      1.64
//     sigmoid            2      1.93                2.5    2.11
//     tanh               2      1.73                2      1.75
//     log                1      0.84                1      0.83
// NaN gives NaN; tanh(-x) = -tanh(x), |tanh(x)| <= 1, 0 <= sigmoid(x) <= 1; f(±0) and f(±inf) are exact.
// Where the exact result is below the smallest normal number the result is not above it, and 0 or that number
// while Denormals lives. Source of the constants: benchmarks/native/coefficients.py.
//
// s = 2^n without a conversion: added to `shifter` (1.5 · 2^52 + bias in float64) a number is rounded to the
// integer n, with n + bias in the lowest bits, which a shift moves into the exponent. A limit is the first
// operand of min and max, because these give the second where one is NaN.
#pragma once

#include "coefficients.hpp"
#include "simd.hpp"

namespace elman::ELMAN_ISA {

template <class T> struct Format;  // bits of the fraction, and the number √½ as bits
template <> struct Format<float> {
    static constexpr int fraction = 23;
    static constexpr Bits<float>::Unsigned one = 0x3f800000, root_half = 0x3f3504f3;
};
template <> struct Format<double> {
    static constexpr int fraction = 52;
    static constexpr Bits<double>::Unsigned one = 0x3ff0000000000000, root_half = 0x3fe6a09e667f3bcd;
};

template <int k = 0, class T, int n> ELMAN_INLINE Vec<T> polynomial(Vec<T> x, const T (&c)[n]) {
    if constexpr (k == n - 1) return Vec<T>::all(c[k]);
    else return fma(polynomial<k + 1>(x, c), x, Vec<T>::all(c[k]));
}

template <class T> ELMAN_INLINE Vec<T> power_of_two(Vec<T> shifted) {
    return shift_left<Format<T>::fraction>(shifted);
}

// e^x = 2^n e^r with r in [0, log 2] (a little less or more), n at most the exponent of the largest number:
// above it r grows, and e^r until the product is infinite. From exp_zero down n is -bias, which makes s = 0.
template <class T> ELMAN_INLINE Vec<T> exp(Vec<T> x) {
    using K = Coefficients<T>;
    using V = Vec<T>;
    const V shifter = V::all(K::shifter), before = V::all(T(-0.4999));  // -0.5 would send 0 to n = -1
    V limited = max(V::all(K::exp_zero), x);
    V shifted = min(V::all(K::shifter + K::bias), fma(limited, V::all(K::log2_e), before) + shifter);
    V n = shifted - shifter;
    V r = fnma(n, V::all(K::ln2_low), fnma(n, V::all(K::ln2_high), limited));
    return polynomial(r, K::exponential) * power_of_two(shifted);
}

// σ(x) = c / (c + s c e^r) with e^-x = s e^r. The scale c moves the places where c e^r and the sum round
// coarsely away from those where the quotient has fine units: with c = 1 the error reaches 2.4 units. With
// this c it could reach 2.2, where c e^r is just above 1: 1.05 from r and the polynomial, 0.67 from the sum,
// 0.5 from the quotient. Where the result is below the smallest normal number n stays and r grows, and c e^r
// with it, up to infinity.
template <class T> ELMAN_INLINE Vec<T> sigmoid(Vec<T> x) {
    using K = Coefficients<T>;
    using V = Vec<T>;
    const V shifter = V::all(K::shifter), scale = V::all(K::scaled[0]);
    V limited = min(V::all(K::sigmoid_one), x);
    V shifted = min(V::all(K::shifter + K::bias), fma(limited, V::all(-K::log2_e), shifter));
    V n = shifted - shifter;
    V r = fnma(n, V::all(K::ln2_low), fnma(n, V::all(K::ln2_high), -limited));
    return scale / fma(power_of_two(shifted), polynomial(r, K::scaled), scale);
}

// With c = v coth v, an even polynomial: tanh v = v / c, and e^2v = (c + v) / (c - v), so that
//     tanh x = 1 - 2 / (1 + e^2x) = 1 - 2 (c - v) / (c - v + s (c + v)),    |x| = v + n log(2)/2,  s = 2^n.
// The first serves near 0, the second elsewhere; n = 0 makes v = |x|, and the divisor 2c.
template <class T> ELMAN_INLINE Vec<T> tanh(Vec<T> x) {
    using K = Coefficients<T>;
    using V = Vec<T>;
    const V shifter = V::all(K::shifter), sign = V::bits(sign_bit<T>);
    V limited = min(V::all(K::tanh_one), abs(x));
    Mask<T> near = less(limited, V::all(K::tanh_near));
    V shifted = select(near, shifter, fma(limited, V::all(2 * K::log2_e), shifter));
    V v = fnma(shifted - shifter, V::all(K::half_ln2), limited);
    V c = polynomial(v * v, K::hyperbolic);
    V below = c - v, above = c + v;
    V half = select(near, v, below);
    V quotient = (half + half) / fma(power_of_two(shifted), above, below);
    V y = select(near, quotient, V::all(1) - quotient);
    return bit_or(y, bit_and(x, sign));
}

// x = 2^n m with m in [√½, √2): log x = n log 2 + log m. With f = m - 1, s = f / (2 + f), z = s²:
//     log m = 2 atanh(s) = f - (f²/2 - s (f²/2 + z p(z))),
// whose first term is exact and the others small.
template <class T> ELMAN_INLINE Vec<T> log(Vec<T> x) {
    using K = Coefficients<T>;
    using V = Vec<T>;
    using U = typename Bits<T>::Unsigned;
    constexpr int fraction = Format<T>::fraction;
    constexpr U unit = U(1) << fraction, root_half = Format<T>::root_half;
    constexpr T up = T(unit);  // 2^fraction, whose own last bit is 1

    Mask<T> denormal = less(x, V::bits(unit));
    V moved = add_bits(select(denormal, x * V::all(up), x), V::bits(Format<T>::one - root_half));
    V m = add_bits(bit_and(moved, V::bits(unit - 1)), V::bits(root_half));
    V n = bit_or(shift_right<fraction>(moved), V::all(up)) -
          select(denormal, V::all(up + K::bias + fraction), V::all(up + K::bias));

    V f = m - V::all(1);
    V s = f / (V::all(2) + f), z = s * s, h = V::all(T(0.5)) * f * f;
    V rest = fma(s, fma(z, polynomial(z, K::logarithm), h), n * V::all(K::ln2_low));
    V y = fma(n, V::all(K::ln2_high), f - (h - rest));

    y = select(less(x, V::all(T(__builtin_inf()))), y, x);
    y = select(equal(x, V::zero()), V::all(T(-__builtin_inf())), y);
    return select(less(x, V::zero()), V::all(T(__builtin_nan(""))), y);
}

}  // namespace elman::ELMAN_ISA
