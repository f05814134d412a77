/* attention.h: scores, softmax and weighted sums of every head, forward and backward, two ways.
 *
 * In lanes (16 channels, 4 heads, few positions): a vector is a piece of heads x head_dim; a few shuffles
 * put each head's score on all its lanes, and everything after that is elementwise.
 * By heads (any size): each head is packed into rows of its own and its four products go through matmul.h,
 * leaving out the blocks that the causal mask empties.
 *
 * `keep`: also store what only an onlooker needs (scores, their gradient, exact -inf and 0 where masked). */
#pragma once
#include "elementary.h"
#include "layout.h"
#include "matmul.h"

/* ---- in lanes ---- */

/* Each lane gets its head's sum over D lanes of p, a whole row of C: D is a power of two or a multiple of LANES. */
INLINE void head_sums(vec *p, const int vecs, const int D) {
    if (D <= LANES) {
        for (int j = 0; j < vecs; j++) p[j] = group_sum(p[j], D);
        return;
    }
    const int per_head = D / LANES;
    for (int j = 0; j < vecs; j += per_head) {
        vec total = p[j];
        for (int i = 1; i < per_head; i++) total += p[j + i];
        total = group_sum(total, LANES);
        for (int i = 0; i < per_head; i++) p[j + i] = total;
    }
}

#define LANES_T 32 /* attends_in_lanes: at most this many positions */

INLINE void attention_in_lanes_forward(const Sizes *z, LayerSites s, double *spread, const int C, const int D,
                                       int64_t n, const int keep) {
    enum { MOST = 16 / LANES };
    const int vecs = C / LANES;
    const double shrink = root(splat(1.0 / D))[0];
    for (int64_t t = 0; t < n; t++) {
        double *row = spread + t * z->T * C; /* (S, C) */
        vec q[MOST], score[LANES_T][MOST], top[MOST], total[MOST], mixed[MOST];
        for (int j = 0; j < vecs; j++) q[j] = load(s.q + t * z->qkv + j * LANES) * shrink;
        for (int64_t S = 0; S <= t; S++) {
            for (int j = 0; j < vecs; j++) score[S][j] = q[j] * load(s.k + S * z->qkv + j * LANES);
            head_sums(score[S], vecs, D);
            for (int j = 0; j < vecs; j++) top[j] = S ? larger(top[j], score[S][j]) : score[S][j];
            if (keep)
                for (int64_t h = 0; h < z->H; h++) s.scores[(h * z->T + t) * z->s + S] = score[S][h * D / LANES][h * D % LANES];
        }
        for (int j = 0; j < vecs; j++) total[j] = mixed[j] = splat(0);
        for (int64_t S = 0; S <= t; S++)
            for (int j = 0; j < vecs; j++) {
                score[S][j] = vexp(score[S][j] - top[j]);
                total[j] += score[S][j];
                mixed[j] = muladd(score[S][j], load(s.v + S * z->qkv + j * LANES), mixed[j]);
            }
        for (int j = 0; j < vecs; j++) total[j] = 1.0 / total[j];
        for (int j = 0; j < vecs; j++) store(s.heads + t * z->c + j * LANES, mixed[j] * total[j]);
        for (int64_t S = 0; S <= t; S++)
            for (int j = 0; j < vecs; j++) store(row + S * C + j * LANES, score[S][j] * total[j]);
        if (keep)
            for (int64_t h = 0; h < z->H; h++)
                for (int64_t S = 0; S < n; S++) {
                    int64_t at = (h * z->T + t) * z->s + S;
                    if (S > t) s.scores[at] = -__builtin_inf();
                    s.weights[at] = S > t ? 0 : row[S * C + h * D];
                }
    }
}

INLINE void attention_in_lanes_backward(const Sizes *z, LayerSites s, LayerSites d, const double *spread, const int C,
                                        const int D, int64_t n, const int keep) {
    enum { MOST = 16 / LANES };
    const int vecs = C / LANES;
    const double shrink = root(splat(1.0 / D))[0];
    for (int64_t t = 0; t < n; t++)
        for (int j = 0; j < 2 * vecs; j++) store(d.k + t * z->qkv + j * LANES, splat(0)); /* k and v */
    for (int64_t t = 0; t < n; t++) {
        const double *row = spread + t * z->T * C; /* (S, C) */
        vec q[MOST], dheads[MOST], dweight[LANES_T][MOST], mean[MOST], dq[MOST];
        for (int j = 0; j < vecs; j++) {
            q[j] = load(s.q + t * z->qkv + j * LANES);
            dheads[j] = load(d.heads + t * z->c + j * LANES);
            mean[j] = dq[j] = splat(0);
        }
        for (int64_t S = 0; S <= t; S++) {
            for (int j = 0; j < vecs; j++) {
                double *dv = d.v + S * z->qkv + j * LANES;
                store(dv, muladd(load(row + S * C + j * LANES), dheads[j], load(dv)));
                dweight[S][j] = dheads[j] * load(s.v + S * z->qkv + j * LANES);
            }
            head_sums(dweight[S], vecs, D);
            for (int j = 0; j < vecs; j++) mean[j] = muladd(load(row + S * C + j * LANES), dweight[S][j], mean[j]);
        }
        for (int64_t S = 0; S <= t; S++)
            for (int j = 0; j < vecs; j++) {
                vec dscore = load(row + S * C + j * LANES) * (dweight[S][j] - mean[j]);
                vec dproduct = dscore * shrink;
                double *dk = d.k + S * z->qkv + j * LANES;
                store(dk, muladd(dproduct, q[j], load(dk)));
                dq[j] = muladd(dproduct, load(s.k + S * z->qkv + j * LANES), dq[j]);
                if (keep)
                    for (int64_t h = 0; h < z->H; h++)
                        if (h * D / LANES == j) d.scores[(h * z->T + t) * z->s + S] = dscore[h * D % LANES];
            }
        for (int j = 0; j < vecs; j++) store(d.q + t * z->qkv + j * LANES, dq[j]);
        if (keep)
            for (int64_t h = 0; h < z->H; h++)
                for (int64_t S = 0; S < n; S++) {
                    int64_t at = (h * z->T + t) * z->s + S;
                    if (S > t) d.scores[at] = 0;
                    d.weights[at] = S > t ? 0 : dweight[S][h * D / LANES][h * D % LANES];
                }
    }
}

/* ---- by heads ---- */

#define BLOCK 16 /* rows whose common causal limit bounds the products, a multiple of TILE_ROWS */

/* rows of one head: to (T, D) = scale * from */
INLINE void pack_head(const Sizes *z, double *to, const double *from, int64_t stride, double scale, int64_t n) {
    for (int64_t t = 0; t < n; t++)
        for (int64_t i = 0; i < z->D; i++) to[t * z->d + i] = from[t * stride + i] * scale;
}
INLINE void unpack_head(const Sizes *z, double *to, int64_t stride, const double *from, double scale, int64_t n) {
    for (int64_t t = 0; t < n; t++)
        for (int64_t i = 0; i < z->D; i++) to[t * stride + i] = from[t * z->d + i] * scale;
}

INLINE void softmax_forward(double *weights, const double *scores, int64_t n, int64_t width) {
    vec top = splat(-__builtin_inf()), total = splat(0);
    for (int64_t j = 0; j < n; j += LANES)
        top = larger(top, where(below(j, n), load(scores + j), splat(-__builtin_inf())));
    top = splat(largest(top));
    for (int64_t j = 0; j < width; j += LANES) {
        vec e = (vec)((mask)vexp(load(scores + j) - top) & below(j, n));
        store(weights + j, e);
        total += e;
    }
    vec shrink = splat(1.0 / sum(total));
    for (int64_t j = 0; j < width; j += LANES) store(weights + j, load(weights + j) * shrink);
}

NOINLINE void attention_by_heads_forward(const Sizes *z, const HeadScratch *head, LayerSites s, int64_t n, int keep) {
    const double shrink = root(splat(1.0 / z->D))[0];
    for (int64_t h = 0; h < z->H; h++) {
        double *weights = s.weights + h * z->T * z->s, *scores = keep ? s.scores + h * z->T * z->s : weights; /* (T, S) */
        pack_head(z, head->q, s.q + h * z->D, z->qkv, shrink, n);
        pack_head(z, head->k, s.k + h * z->D, z->qkv, 1, n);
        pack_head(z, head->v, s.v + h * z->D, z->qkv, 1, n);
        transpose(head->transposed, z->s, head->k, z->d, n, z->d);
        for (int64_t t = 0; t < n; t += BLOCK) {
            int64_t rows = n - t < BLOCK ? n - t : BLOCK, seen = t + rows, width = (seen + LANES - 1) / LANES * LANES;
            product(PLAIN, (Target){scores + t * z->s, 0, 0, z->s}, head->q + t * z->d, z->d, head->transposed, z->s,
                    rows, z->D, seen);
            for (int64_t i = t; i < seen; i++) softmax_forward(weights + i * z->s, scores + i * z->s, i + 1, width);
            product(PLAIN, (Target){head->grad + t * z->d, 0, 0, z->d}, weights + t * z->s, z->s, head->v, z->d, rows,
                    seen, z->D);
        }
        unpack_head(z, s.heads + h * z->D, z->c, head->grad, 1, n);
        if (keep)
            for (int64_t t = 0; t < n; t++)
                for (int64_t S = t + 1; S < n; S++) scores[t * z->s + S] = -__builtin_inf(), weights[t * z->s + S] = 0;
    }
}

/* dweights and weights of one row -> dscores: w (dw - sum w dw); masked weights are 0 */
INLINE void softmax_backward(double *dscores, const double *dweights, const double *weights, int64_t width) {
    vec total = splat(0);
    for (int64_t j = 0; j < width; j += LANES) total = muladd(load(weights + j), load(dweights + j), total);
    vec mean = splat(sum(total));
    for (int64_t j = 0; j < width; j += LANES) store(dscores + j, load(weights + j) * (load(dweights + j) - mean));
}

/* y (S, D) = x^T z for x (T, S) that is 0 above the diagonal: rows from the block's first position on */
INLINE void causal_outer(const Sizes *z, double *y, const double *x, const double *rows, int64_t n) {
    for (int64_t S = 0; S < n; S += BLOCK)
        outer(PLAIN, y + S * z->d, z->d, x + S * z->s + S, z->s, rows + S * z->d, z->d,
              n - S < BLOCK ? n - S : BLOCK, n - S, z->D);
}

NOINLINE void attention_by_heads_backward(const Sizes *z, const HeadScratch *head, LayerSites s, LayerSites d, int64_t n,
                                          int keep) {
    const double shrink = root(splat(1.0 / z->D))[0];
    for (int64_t h = 0; h < z->H; h++) {
        const double *weights = s.weights + h * z->T * z->s; /* (T, S), as the next two */
        double *dweights = d.weights + h * z->T * z->s, *dscores = keep ? d.scores + h * z->T * z->s : dweights;
        pack_head(z, head->q, s.q + h * z->D, z->qkv, shrink, n);
        pack_head(z, head->k, s.k + h * z->D, z->qkv, 1, n);
        pack_head(z, head->v, s.v + h * z->D, z->qkv, 1, n);
        pack_head(z, head->dheads, d.heads + h * z->D, z->c, 1, n);
        transpose(head->transposed, z->s, head->v, z->d, n, z->d);
        for (int64_t t = 0; t < n; t += BLOCK) {
            int64_t rows = n - t < BLOCK ? n - t : BLOCK, seen = t + rows, width = (seen + LANES - 1) / LANES * LANES;
            product(PLAIN, (Target){dweights + t * z->s, 0, 0, z->s}, head->dheads + t * z->d, z->d, head->transposed,
                    z->s, rows, z->D, seen);
            for (int64_t i = t; i < seen; i++)
                softmax_backward(dscores + i * z->s, dweights + i * z->s, weights + i * z->s, width);
            product(PLAIN, (Target){head->grad + t * z->d, 0, 0, z->d}, dscores + t * z->s, z->s, head->k, z->d, rows,
                    seen, z->D);
        }
        unpack_head(z, d.q + h * z->D, z->qkv, head->grad, shrink, n);
        causal_outer(z, head->grad, dscores, head->q, n);
        unpack_head(z, d.k + h * z->D, z->qkv, head->grad, 1, n);
        causal_outer(z, head->grad, weights, head->dheads, n);
        unpack_head(z, d.v + h * z->D, z->qkv, head->grad, 1, n);
        if (keep)
            for (int64_t t = 0; t < n; t++)
                for (int64_t S = t + 1; S < n; S++) dscores[t * z->s + S] = dweights[t * z->s + S] = 0;
    }
}
