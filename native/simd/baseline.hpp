// The baseline: registers of 16 bytes on any processor (SSE2 on x86-64), without a name of an instruction. A
// product and a sum are rounded apart, so its bits are not those of the others.
#pragma once

#include "lanewise.hpp"

namespace elman::ELMAN_ISA {

template <class F> ELMAN_INLINE F fused(F a, F b, F c) { return a * b + c; }
template <class F> ELMAN_INLINE F fused_minus(F a, F b, F c) { return c - a * b; }

ELMAN_INLINE float root_of(float a) { return __builtin_sqrtf(a); }
ELMAN_INLINE double root_of(double a) { return __builtin_sqrt(a); }
template <class F> ELMAN_INLINE F root(F a) {
    for (int j = 0; j < int(register_bytes / sizeof(a[0])); ++j) a[j] = root_of(a[j]);
    return a;
}

}  // namespace elman::ELMAN_ISA
