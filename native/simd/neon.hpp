// NEON on aarch64: registers of 16 bytes with fused multiply-add; the bits are those of AVX2 and AVX-512.
#pragma once

#include "lanewise.hpp"

namespace elman::ELMAN_ISA {

ELMAN_INLINE float32x4_t fused(float32x4_t a, float32x4_t b, float32x4_t c) { return vfmaq_f32(c, a, b); }
ELMAN_INLINE float64x2_t fused(float64x2_t a, float64x2_t b, float64x2_t c) { return vfmaq_f64(c, a, b); }
ELMAN_INLINE float32x4_t fused_minus(float32x4_t a, float32x4_t b, float32x4_t c) {
    return vfmsq_f32(c, a, b);
}
ELMAN_INLINE float64x2_t fused_minus(float64x2_t a, float64x2_t b, float64x2_t c) {
    return vfmsq_f64(c, a, b);
}
ELMAN_INLINE float32x4_t root(float32x4_t a) { return vsqrtq_f32(a); }
ELMAN_INLINE float64x2_t root(float64x2_t a) { return vsqrtq_f64(a); }

}  // namespace elman::ELMAN_ISA
