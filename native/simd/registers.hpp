// One hardware register: the vector types of GCC and Clang, on which + - * / & | ^ << >> < == ?: work lane by
// lane, and the few operations that go by a name of the instruction set (simd/<target>.hpp).
//
// The operators are the IEEE operations: no approximate reciprocal, no contraction (-ffp-contract=off).
#pragma once

#include "../kernels.hpp"

#include <cstddef>
#include <cstdint>

#if ELMAN_TARGET_AVX2 || ELMAN_TARGET_AVX512
#include <immintrin.h>
#elif ELMAN_TARGET_NEON
#include <arm_neon.h>
#endif

#define ELMAN_INLINE inline __attribute__((always_inline))

namespace elman::ELMAN_ISA {

template <class T> struct Bits;  // integers as wide as T
template <> struct Bits<float> { using Unsigned = std::uint32_t; using Signed = std::int32_t; };
template <> struct Bits<double> { using Unsigned = std::uint64_t; using Signed = std::int64_t; };

template <class T, int n> struct Register {
    typedef T Type __attribute__((vector_size(n * sizeof(T))));
    typedef T Unaligned __attribute__((vector_size(n * sizeof(T)), aligned(alignof(T)), may_alias));
    typedef typename Bits<T>::Unsigned Unsigned __attribute__((vector_size(n * sizeof(T))));
    typedef typename Bits<T>::Signed Signed __attribute__((vector_size(n * sizeof(T))));
};

}  // namespace elman::ELMAN_ISA

#if ELMAN_TARGET_AVX512
#include "avx512.hpp"
#elif ELMAN_TARGET_AVX2
#include "avx2.hpp"
#elif ELMAN_TARGET_NEON
#include "neon.hpp"
#elif ELMAN_TARGET_BASELINE
#include "baseline.hpp"
#else
#error "define one of ELMAN_TARGET_BASELINE, ELMAN_TARGET_AVX2, ELMAN_TARGET_AVX512, ELMAN_TARGET_NEON"
#endif
