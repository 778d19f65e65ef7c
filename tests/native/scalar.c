/* One layer, forward and back: a row at a time, a unit at a time. */
#include "scalar.h"

int fault = RIGHT;

static I64 gates_of(const Layer *l) { return l->cell == LSTM ? 4 : l->cell == GRU ? 3 : 1; }

static void normalize(REAL *row, const REAL *gain, I64 n, REAL *hat, REAL *scale) {
    REAL lane[LANES] = {0}, square[LANES] = {0};
    for (I64 j = 0; j < n; j++) lane[j % LANES] += row[j];
    const REAL mean = over_lanes(lane) / (REAL)n;
    for (I64 j = 0; j < n; j++) square[j % LANES] += (row[j] - mean) * (row[j] - mean);
    *scale = (REAL)1 / (REAL)sqrt((double)(over_lanes(square) / (REAL)n) + 1e-5);
    for (I64 j = 0; j < n; j++) hat[j] = (row[j] - mean) * *scale, row[j] = hat[j] * gain[j];
}

static void normalize_back(const REAL *d, const REAL *gain, I64 n, const REAL *hat, REAL scale, REAL *out) {
    REAL lane[LANES] = {0}, slope[LANES] = {0};
    for (I64 j = 0; j < n; j++) {
        lane[j % LANES] += d[j] * gain[j];
        slope[j % LANES] += d[j] * gain[j] * hat[j];
    }
    const REAL mean = over_lanes(lane) / (REAL)n, tilt = over_lanes(slope) / (REAL)n;
    for (I64 j = 0; j < n; j++) out[j] = FMA(-hat[j], tilt, d[j] * gain[j] - mean) * scale;
}

static const REAL *before(const Layer *l, int s, I64 t, I64 r) {
    return l->reset && l->reset[t * l->B + r] ? l->anew[s] + r * l->H : l->states[s] + (t * l->B + r) * l->H;
}

static void cell_forward(const Layer *l, Apply apply, const REAL *a, const REAL *u, I64 t, I64 r) {
    const I64 H = l->H, F = gates_of(l) * H, at = t * l->B + r;
    REAL *g = l->gates + at * F, *kept = l->kept + at * H, *h1 = l->states[0] + (at + l->B) * H;
    const REAL *h0 = before(l, 0, t, r);
    for (I64 f = 0; f < F; f++) g[f] = a[f] + u[f];
    if (fault == GATES_SWAPPED && F > H)
        for (I64 j = 0; j < H; j++) kept[0] = g[j], g[j] = g[H + j], g[H + j] = kept[0];
    if (l->cell == TANH) apply(FT_TANH, g, H);
    if (l->cell == RELU)
        for (I64 j = 0; j < H; j++) g[j] = g[j] < 0 ? 0 : g[j];
    if (l->cell <= RELU) memcpy(h1, g, H * sizeof(REAL));
    if (l->cell == GRU) {
        apply(FT_SIGMOID, g, 2 * H);
        for (I64 j = 0; j < H; j++) kept[j] = u[2 * H + j], g[2 * H + j] = FMA(g[j], kept[j], a[2 * H + j]);
        apply(FT_TANH, g + 2 * H, H);
        for (I64 j = 0; j < H; j++) h1[j] = FMA(g[H + j], h0[j] - g[2 * H + j], g[2 * H + j]);
    }
    if (l->cell == LSTM) {
        const REAL *s0 = before(l, 1, t, r);
        REAL *s1 = l->states[1] + (at + l->B) * H;
        apply(FT_SIGMOID, g, 2 * H), apply(FT_TANH, g + 2 * H, H), apply(FT_SIGMOID, g + 3 * H, H);
        for (I64 j = 0; j < H; j++) kept[j] = s1[j] = FMA(g[H + j], s0[j], g[j] * g[2 * H + j]);
        apply(FT_TANH, kept, H);
        for (I64 j = 0; j < H; j++) h1[j] = g[3 * H + j] * kept[j];
    }
    for (int s = 0; s < (l->cell == LSTM ? 2 : 1); s++)
        for (I64 j = 0; j < H; j++) {
            const REAL z = l->held[s] ? l->held[s][at * H + j] : l->zoneout, old = before(l, s, t, r)[j];
            REAL *new = l->states[s] + (at + l->B) * H + j;
            if (l->held[s] || z != 0) *new = FMA(z, old - *new, *new);
        }
}

void forward(const Layer *l, Apply apply) {
    const unsigned mode = flush();
    const I64 H = l->H, F = gates_of(l) * H, B = l->B, I = l->I;
    REAL a[F], u[F], h[H];
    for (I64 t = 0; t < l->T; t++)
        for (I64 r = 0; r < B; r++) {
            const I64 at = t * B + r, states = l->cell == LSTM ? 2 : 1;
            if (l->live && r >= l->live[t]) {
                for (int s = 0; s < states; s++)
                    memcpy(l->states[s] + (at + B) * H, l->states[s] + at * H, H * sizeof(REAL));
                continue;
            }
            for (I64 j = 0; j < H; j++) h[j] = before(l, 0, t, r)[j] * (l->mask ? l->mask[r * H + j] : 1);
            for (I64 f = 0; f < F; f++) {
                const REAL b = l->gU ? 0 : l->b[f], d = l->gU || !l->d ? 0 : l->d[f];
                const REAL *U = l->U + f * I;
                a[f] = l->symbols ? U[l->symbols[at]] + b : chain(b, l->x + at * I, 1, U, 1, I);
                u[f] = chain(d, h, 1, l->W + f * H, 1, H);
            }
            if (l->gU) {
                normalize(a, l->gU, F, l->hat_x + at * F, l->scale_x + at);
                normalize(u, l->gW, F, l->hat_h + at * F, l->scale_h + at);
                for (I64 f = 0; f < F; f++) a[f] += l->b[f], u[f] += l->d ? l->d[f] : 0;
            }
            cell_forward(l, apply, a, u, t, r);
        }
    restore(mode);
}

/* Gates become da, here and in du; what reaches the state before is added to `to`. */
static void cell_backward(const Layer *l, I64 t, I64 r, REAL *to[2]) {
    const I64 H = l->H, at = t * l->B + r, G = gates_of(l);
    for (I64 j = 0; j < H; j++) {
        REAL d[2] = {0}, straight[2] = {0}, into[2] = {0}, q = l->kept[at * H * (G > 1) + j], *g[4], *du[3];
        for (int s = 0; s < (l->cell == LSTM ? 2 : 1); s++) {
            d[s] = l->dstates[s][(at + l->B) * H + j];
            straight[s] = (l->held[s] ? l->held[s][at * H + j] : l->zoneout) * d[s], d[s] -= straight[s];
        }
        for (I64 k = 0; k < G; k++) g[k] = l->gates + (at * G + k) * H + j;
        if (l->cell == TANH) *g[0] = d[0] * FMA(-*g[0], *g[0], 1);
        if (l->cell == RELU) *g[0] = *g[0] > 0 ? d[0] : 0;
        if (l->cell == GRU) {
            for (I64 k = 0; k < G; k++) du[k] = l->du + (at * G + k) * H + j;
            const REAL R = *g[0], z = *g[1], n = *g[2], dz = d[0] * (before(l, 0, t, r)[j] - n);
            into[0] = d[0] * z;
            const REAL dn = (d[0] - into[0]) * FMA(-n, n, 1), dr = dn * q;
            *g[0] = *du[0] = dr * (R * (1 - R)), *g[1] = *du[1] = dz * (z * (1 - z));
            *g[2] = dn, *du[2] = dn * R;
        }
        if (l->cell == LSTM) {
            const REAL i = *g[0], f = *g[1], c = *g[2], o = *g[3], ds = FMA(d[0] * o, FMA(-q, q, 1), d[1]);
            *g[0] = ds * c * (i * (1 - i)), *g[1] = ds * before(l, 1, t, r)[j] * (f * (1 - f));
            *g[2] = ds * i * FMA(-c, c, 1), *g[3] = d[0] * q * (o * (1 - o)), into[1] = ds * f;
        }
        for (int s = 0; s < (l->cell == LSTM ? 2 : 1); s++) to[s][j] += straight[s] + into[s];
    }
}

void backward(const Layer *l) {
    const unsigned mode = flush();
    const I64 H = l->H, F = gates_of(l) * H, B = l->B, states = l->cell == LSTM ? 2 : 1;
    for (I64 t = l->T - 1; t >= 0; t--)
        for (I64 r = 0; r < B; r++) {
            const I64 at = t * B + r, ended = l->live && r >= l->live[t];
            REAL *to[2], *const gates[] = {l->gates, l->du, l->dr, l->da_x};
            for (int s = 0; s < states; s++) {
                to[s] = l->reset && l->reset[at] && !ended ? l->danew[s] + r * H : l->dstates[s] + at * H;
                for (I64 j = 0; ended && j < H; j++) to[s][j] += l->dstates[s][(at + B) * H + j];
            }
            for (int k = 0; ended && k < 4; k++) memset(gates[k] + at * F, 0, F * sizeof(REAL));
            if (ended && l->dx) memset(l->dx + at * l->I, 0, l->I * sizeof(REAL));
            if (ended) continue;
            cell_backward(l, t, r, to);
            const I64 f = at * F;
            if (l->gU) normalize_back(l->du + f, l->gW, F, l->hat_h + f, l->scale_h[at], l->dr + f);
            if (l->gU) normalize_back(l->gates + f, l->gU, F, l->hat_x + f, l->scale_x[at], l->da_x + f);
            for (I64 j = 0; j < H; j++) {
                const REAL back = chain(l->mask ? 0 : to[0][j], l->dr + f, 1, l->W + j, H, F);
                to[0][j] = l->mask ? to[0][j] + back * l->mask[r * H + j] : back;
            }
            for (I64 i = 0; l->dx && i < l->I; i++)
                l->dx[at * l->I + i] = chain(0, l->da_x + f, 1, l->U + i, l->I, F);
        }
    restore(mode);
}
