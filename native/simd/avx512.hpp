// AVX-512 (F, VL, DQ, BW): one register of 64 bytes is a whole Vec; masks have registers of their own.
#pragma once

namespace elman::ELMAN_ISA {

constexpr int register_bytes = 64;

// Some forms name a mask of all lanes: without one GCC's header reads a variable it never set, and warns.
ELMAN_INLINE __m512 fused(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
ELMAN_INLINE __m512d fused(__m512d a, __m512d b, __m512d c) { return _mm512_fmadd_pd(a, b, c); }
ELMAN_INLINE __m512 fused_minus(__m512 a, __m512 b, __m512 c) { return _mm512_fnmadd_ps(a, b, c); }
ELMAN_INLINE __m512d fused_minus(__m512d a, __m512d b, __m512d c) { return _mm512_fnmadd_pd(a, b, c); }
ELMAN_INLINE __m512 smaller(__m512 a, __m512 b) { return _mm512_mask_min_ps(a, 0xffff, a, b); }
ELMAN_INLINE __m512d smaller(__m512d a, __m512d b) { return _mm512_mask_min_pd(a, 0xff, a, b); }
ELMAN_INLINE __m512 larger(__m512 a, __m512 b) { return _mm512_mask_max_ps(a, 0xffff, a, b); }
ELMAN_INLINE __m512d larger(__m512d a, __m512d b) { return _mm512_mask_max_pd(a, 0xff, a, b); }
ELMAN_INLINE __m512 root(__m512 a) { return _mm512_mask_sqrt_ps(a, 0xffff, a); }
ELMAN_INLINE __m512d root(__m512d a) { return _mm512_mask_sqrt_pd(a, 0xff, a); }

ELMAN_INLINE __m256 low_half(__m512 a) { return _mm512_maskz_extractf32x8_ps(0xff, a, 0); }
ELMAN_INLINE __m256d low_half(__m512d a) { return _mm512_maskz_extractf64x4_pd(0xf, a, 0); }
ELMAN_INLINE __m256 high_half(__m512 a) { return _mm512_maskz_extractf32x8_ps(0xff, a, 1); }
ELMAN_INLINE __m256d high_half(__m512d a) { return _mm512_maskz_extractf64x4_pd(0xf, a, 1); }
ELMAN_INLINE __m128 low_half(__m256 a) { return _mm256_castps256_ps128(a); }
ELMAN_INLINE __m128d low_half(__m256d a) { return _mm256_castpd256_pd128(a); }
ELMAN_INLINE __m128 high_half(__m256 a) { return _mm256_extractf128_ps(a, 1); }
ELMAN_INLINE __m128d high_half(__m256d a) { return _mm256_extractf128_pd(a, 1); }

ELMAN_INLINE __m512 widened_register(const std::int8_t* p) {
    const __m512i wide = _mm512_maskz_cvtepi8_epi32(0xffff, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    return _mm512_maskz_cvtepi32_ps(0xffff, wide);
}
ELMAN_INLINE __m512 widened_register(const Bfloat16* p) {
    const __m512i place = _mm512_set_epi32(0xf0000, 0xe0000, 0xd0000, 0xc0000, 0xb0000, 0xa0000, 0x90000, 0x80000,
                                           0x70000, 0x60000, 0x50000, 0x40000, 0x30000, 0x20000, 0x10000, 0);
    const __m512i half = _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    return (__m512)_mm512_maskz_permutexvar_epi16(0xaaaaaaaa, place, half);  // one instruction, a shift is two
}

template <class T, int n> struct MaskOf;
template <> struct MaskOf<float, 16> { using Type = __mmask16; };
template <> struct MaskOf<double, 8> { using Type = __mmask8; };
template <class T, int n> using MaskRegister = typename MaskOf<T, n>::Type;

// T and n are named by the caller, as for masks made of lanes.
template <class, int> ELMAN_INLINE __mmask16 compare_less(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
template <class, int> ELMAN_INLINE __mmask8 compare_less(__m512d a, __m512d b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
template <class, int> ELMAN_INLINE __mmask16 compare_less_equal(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
template <class, int> ELMAN_INLINE __mmask8 compare_less_equal(__m512d a, __m512d b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
}
template <class, int> ELMAN_INLINE __mmask16 compare_equal(__m512 a, __m512 b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
template <class, int> ELMAN_INLINE __mmask8 compare_equal(__m512d a, __m512d b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}

template <class, int> ELMAN_INLINE __m512 choose(__mmask16 mask, __m512 a, __m512 b) {
    return _mm512_mask_blend_ps(mask, b, a);
}
template <class, int> ELMAN_INLINE __m512d choose(__mmask8 mask, __m512d a, __m512d b) {
    return _mm512_mask_blend_pd(mask, b, a);
}

template <class T, int n> ELMAN_INLINE MaskRegister<T, n> first_lanes(int count) {
    return MaskRegister<T, n>((1u << count) - 1u);
}

ELMAN_INLINE __m512 load_first(const float* p, int n) {
    return _mm512_maskz_loadu_ps(first_lanes<float, 16>(n), p);
}
ELMAN_INLINE __m512d load_first(const double* p, int n) {
    return _mm512_maskz_loadu_pd(first_lanes<double, 8>(n), p);
}
ELMAN_INLINE void store_first(float* p, int n, __m512 a) {
    _mm512_mask_storeu_ps(p, first_lanes<float, 16>(n), a);
}
ELMAN_INLINE void store_first(double* p, int n, __m512d a) {
    _mm512_mask_storeu_pd(p, first_lanes<double, 8>(n), a);
}

}  // namespace elman::ELMAN_ISA
