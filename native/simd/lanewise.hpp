// What 16-byte registers without masked loads share: NEON and the baseline, four registers to a Vec.
#pragma once

#include "masks.hpp"

namespace elman::ELMAN_ISA {

constexpr int register_bytes = 16;

// NEON's own min and max treat NaN otherwise than x86 does.
template <class F> ELMAN_INLINE F smaller(F a, F b) { return a < b ? a : b; }
template <class F> ELMAN_INLINE F larger(F a, F b) { return a > b ? a : b; }

ELMAN_INLINE auto widened_register(const std::int8_t* p) {
    return Register<float, 4>::Type{float(p[0]), float(p[1]), float(p[2]), float(p[3])};
}
ELMAN_INLINE auto widened_register(const Bfloat16* p) {
    using Half = std::uint32_t;
    const Register<float, 4>::Unsigned wide{Half(p[0].bits), Half(p[1].bits), Half(p[2].bits), Half(p[3].bits)};
    return (Register<float, 4>::Type)(wide << 16);
}

template <class T> ELMAN_INLINE auto load_first(const T* p, int n) {
    typename Register<T, register_bytes / sizeof(T)>::Type a = {};
    for (int j = 0; j < int(register_bytes / sizeof(T)); ++j)
        if (j < n) a[j] = p[j];
    return a;
}

template <class T, class F> ELMAN_INLINE void store_first(T* p, int n, F a) {
    for (int j = 0; j < int(register_bytes / sizeof(T)); ++j)
        if (j < n) p[j] = a[j];
}

}  // namespace elman::ELMAN_ISA
