/* The compiled engine again, a number at a time: the order of every sum as it is promised, in plain loops.
 *
 * Each sum is one chain of fused multiply-adds, its inputs in ascending order, from the bias or from zero.
 * tanh, sigmoid, exp and log are called back. `fault` plants an error, for the test of the tests.
 * Compiled with -DREAL=float -DFMA=fmaf, and with -DREAL=double -DFMA=fma; letters as in native/kernels.hpp.
 */
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

enum { TANH, RELU, GRU, LSTM };
enum { FT_TANH, FT_SIGMOID, FT_EXP };
enum { RIGHT, REVERSED, UNFUSED, GATES_SWAPPED, FOUR_SHARDS, LEFT_TO_RIGHT, BIAS_LAST };
enum { LANES = 64 / sizeof(REAL), SHARDS = 8 };

typedef int64_t I64;
typedef void (*Apply)(int function, REAL *in_and_out, I64 count);
typedef struct {
    I64 cell, T, B, I, H;
    const REAL *U, *W, *b, *d, *gU, *gW, *x;
    const I64 *symbols, *live;
    const uint8_t *reset;
    const REAL *anew[2], *mask, *held[2];
    REAL *states[2], *gates, *kept, *hat_x, *scale_x, *hat_h, *scale_h;
    REAL *dstates[2], *danew[2], *du, *dr, *da_x, *dx;
    REAL zoneout;
} Layer;

typedef struct {
    I64 T, B, F, J;
    const REAL *left, *right, *times, *anew, *mask;
    const uint8_t *reset;
    REAL *out;
    I64 add;
} Outer;

extern int fault;

static inline unsigned flush(void) { /* as inside the engine: denormal numbers are zero */
#if defined(__SSE2__)
    unsigned before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
#else
    return 0;
#endif
}

static inline void restore(unsigned before) {
#if defined(__SSE2__)
    _mm_setcsr(before);
#endif
    (void)before;
}

static inline REAL madd(REAL l, REAL r, REAL sum) { return fault == UNFUSED ? l * r + sum : FMA(l, r, sum); }

static inline REAL chain(REAL start, const REAL *l, I64 l_step, const REAL *r, I64 r_step, I64 n) {
    REAL sum = fault == BIAS_LAST ? 0 : start;
    for (I64 i = 0; i < n; i++) {
        I64 k = fault == REVERSED ? n - 1 - i : i;
        sum = madd(l[k * l_step], r[k * r_step], sum);
    }
    return fault == BIAS_LAST ? sum + start : sum;
}

static inline REAL over_lanes(REAL *lane) {
    for (int half = LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++) lane[j] += lane[j + half];
    return lane[0];
}
