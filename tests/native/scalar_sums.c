/* Sums over all steps and rows, and the head.
 *
 * Gradients of weights: eight shards of the rows, each summed by steps and in them by rows, then added along a tree.
 */
#include "scalar.h"

static void join(REAL *shard, int *full, int into, int from) {
    if (full[from]) shard[into] = full[into] ? shard[into] + shard[from] : shard[from], full[into] = 1;
}

/* Σ shards along the tree; some may have no rows. */
static REAL over_shards(REAL *shard, int *full) {
    for (int k = 1; fault == LEFT_TO_RIGHT && k < SHARDS; k++) join(shard, full, 0, k), full[k] = 0;
    for (int half = 1; half < SHARDS; half *= 2)
        for (int s = 0; s < SHARDS; s += 2 * half) join(shard, full, s, s + half);
    return full[0] ? shard[0] : 0;
}

static I64 begin(I64 rows, int shard) {
    return fault == FOUR_SHARDS ? rows * (shard < 4 ? shard : 4) / 4 : rows * shard / SHARDS;
}

/* One number of a sum: l, or l r. */
static REAL term(const Outer *o, I64 t, I64 r, I64 f, I64 j, REAL sum) {
    const I64 at = t * o->B + r;
    const REAL l = o->left[at * o->F + f];
    if (!o->right) return o->times ? madd(l, o->times[at * o->F + f], sum) : sum + l;
    const REAL right = (o->reset && o->reset[at] ? o->anew + r * o->J : o->right + at * o->J)[j];
    return madd(l, right * (o->mask ? o->mask[r * o->J + j] : 1), sum);
}

/* out "F J" = Σ left "T B F" ⊗ right "T B J", or added to it; without right: Σ left, times `times` if there. */
void outer(const Outer *o) {
    const unsigned mode = flush();
    for (I64 f = 0; f < o->F; f++)
        for (I64 j = 0; j < o->J; j++) {
            REAL shard[SHARDS] = {0}, *to = o->out + f * o->J + j;
            int full[SHARDS] = {0};
            for (int s = 0; s < SHARDS; s++)
                for (I64 t = 0; t < o->T; t++)
                    for (I64 r = begin(o->B, s); r < begin(o->B, s + 1); r++)
                        shard[s] = term(o, t, r, f, j, shard[s]), full[s] = 1;
            const REAL sum = over_shards(shard, full);
            *to = o->add ? *to + sum : sum;
        }
    restore(mode);
}

/* out "F I" = Σ rows "T B F" of each symbol, or "I F" if not turned. */
void by_symbol(const Layer *l, const REAL *rows, I64 F, REAL *out, I64 turned) {
    const unsigned mode = flush();
    for (I64 f = 0; f < F; f++)
        for (I64 i = 0; i < l->I; i++) {
            REAL shard[SHARDS] = {0};
            int full[SHARDS] = {0};
            for (int s = 0; s < SHARDS; s++)
                for (I64 t = 0; t < l->T; t++)
                    for (I64 r = begin(l->B, s); r < begin(l->B, s + 1); r++) {
                        const REAL row = rows[(t * l->B + r) * F + f];
                        if (l->symbols[t * l->B + r] != i) continue;
                        shard[s] += row, full[s] = 1;
                    }
            out[turned ? f * l->I + i : i * F + f] = over_shards(shard, full);
        }
    restore(mode);
}

/* y "N O" = start + left "N K" · right, right[o * across + k * down]. */
void affine(const REAL *left, const REAL *right, const REAL *start, REAL *y, const I64 *sizes) {
    const unsigned mode = flush();
    const I64 N = sizes[0], K = sizes[1], O = sizes[2], across = sizes[3], down = sizes[4];
    for (I64 n = 0; n < N; n++)
        for (I64 o = 0; o < O; o++)
            y[n * O + o] = chain(start ? start[o] : 0, left + n * K, 1, right + o * across, down, K);
    restore(mode);
}

/* A row of logits becomes dy: scale (softmax − [k]). Returns log Σ exp(y) − y_k, the log called back. */
double softmax(REAL *y, I64 O, I64 k, REAL scale, Apply apply, double (*log_of)(double)) {
    const unsigned mode = flush();
    REAL lane[LANES] = {0}, top = y[0];
    const REAL chosen = y[k];
    for (I64 o = 0; o < O; o++) top = y[o] > top ? y[o] : top;
    for (I64 o = 0; o < O; o++) y[o] -= top;
    apply(FT_EXP, y, O);
    for (I64 o = 0; o < O; o++) lane[o % LANES] += y[o];
    const REAL total = over_lanes(lane), factor = scale / total;
    const double nats = log_of((double)total) - (double)(chosen - top);
    for (I64 o = 0; o < O; o++) y[o] *= factor;
    y[k] -= scale;
    restore(mode);
    return nats;
}
