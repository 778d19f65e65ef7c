// AVX2 with FMA: registers of 32 bytes, two to a Vec.
#pragma once

#include "masks.hpp"

namespace elman::ELMAN_ISA {

constexpr int register_bytes = 32;

ELMAN_INLINE __m256 fused(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
ELMAN_INLINE __m256d fused(__m256d a, __m256d b, __m256d c) { return _mm256_fmadd_pd(a, b, c); }
ELMAN_INLINE __m256 fused_minus(__m256 a, __m256 b, __m256 c) { return _mm256_fnmadd_ps(a, b, c); }
ELMAN_INLINE __m256d fused_minus(__m256d a, __m256d b, __m256d c) { return _mm256_fnmadd_pd(a, b, c); }
ELMAN_INLINE __m256 smaller(__m256 a, __m256 b) { return _mm256_min_ps(a, b); }
ELMAN_INLINE __m256d smaller(__m256d a, __m256d b) { return _mm256_min_pd(a, b); }
ELMAN_INLINE __m256 larger(__m256 a, __m256 b) { return _mm256_max_ps(a, b); }
ELMAN_INLINE __m256d larger(__m256d a, __m256d b) { return _mm256_max_pd(a, b); }
ELMAN_INLINE __m256 root(__m256 a) { return _mm256_sqrt_ps(a); }
ELMAN_INLINE __m256d root(__m256d a) { return _mm256_sqrt_pd(a); }

ELMAN_INLINE __m128 low_half(__m256 a) { return _mm256_castps256_ps128(a); }
ELMAN_INLINE __m128d low_half(__m256d a) { return _mm256_castpd256_pd128(a); }
ELMAN_INLINE __m128 high_half(__m256 a) { return _mm256_extractf128_ps(a, 1); }
ELMAN_INLINE __m128d high_half(__m256d a) { return _mm256_extractf128_pd(a, 1); }

ELMAN_INLINE __m256 widened_register(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
}
ELMAN_INLINE __m256 widened_register(const Bfloat16* p) {
    const __m256i place = _mm256_set_epi32(0x0f0e8080, 0x0d0c8080, 0x0b0a8080, 0x09088080,  // 80: a byte of zero
                                           0x07068080, 0x05048080, 0x03028080, 0x01008080);
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return (__m256)_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), place);
}

ELMAN_INLINE __m256 load_first(const float* p, int n) {
    return _mm256_maskload_ps(p, (__m256i)first_lanes<float, 8>(n));
}
ELMAN_INLINE __m256d load_first(const double* p, int n) {
    return _mm256_maskload_pd(p, (__m256i)first_lanes<double, 4>(n));
}
ELMAN_INLINE void store_first(float* p, int n, __m256 a) {
    _mm256_maskstore_ps(p, (__m256i)first_lanes<float, 8>(n), a);
}
ELMAN_INLINE void store_first(double* p, int n, __m256d a) {
    _mm256_maskstore_pd(p, (__m256i)first_lanes<double, 4>(n), a);
}

}  // namespace elman::ELMAN_ISA
