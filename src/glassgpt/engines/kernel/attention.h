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

/* A row of C channels is `vecs` vectors; heads of D lanes make `parts` different vectors of scores, each of which serves
 * `wide` vectors of channels (two where a head is wider than a vector). Within a part, a score stands on all `group` lanes
 * of its head. */
#define LANES_T 32 /* attends_in_lanes: at most this many positions */
/* clang-format off */
#define IN_LANES(C, D)                                                          \
    enum { vecs = C / LANES, parts = D > LANES ? C / D : vecs, wide = vecs / parts, \
           group = D > LANES ? LANES : D, row = parts * LANES };                \
    const double shrink = root(splat(1.0 / D))[0]
/* clang-format on */

/* sums of each head's D products, from `vecs` vectors */
INLINE void head_sums(vec *sums, const vec *products, const int parts, const int wide, const int group) {
    UNROLL
    for (int p = 0; p < parts; p++) {
        vec total = products[p * wide];
        for (int i = 1; i < wide; i++) total += products[p * wide + i];
        sums[p] = group_sum(total, group);
    }
}
/* where head h's score stands */
#define HEAD_PART(h, D) ((h) * D / (D > LANES ? D : LANES))
#define HEAD_LANE(h, D) (D > LANES ? 0 : (h) * D % LANES)

INLINE void attention_in_lanes_forward(const Sizes *z, LayerSites s, double *spread, int64_t n, const int keep) {
    enum { C = 16, D = 4 };
    IN_LANES(C, D);
    for (int64_t t = 0; t < n; t++) {
        double *weights = spread + t * z->T * C; /* (S, parts, LANES) */
        vec q[vecs], score[LANES_T + LANES][parts], top[parts], total[parts], mixed[vecs];
        UNROLL
        for (int j = 0; j < vecs; j++) q[j] = load(s.q + t * z->qkv + j * LANES) * shrink;
        for (int64_t S = 0; S <= t; S++) {
            vec products[vecs];
            UNROLL
            for (int j = 0; j < vecs; j++) products[j] = q[j] * load(s.k + S * z->qkv + j * LANES);
            head_sums(score[S], products, parts, wide, group);
            UNROLL
            for (int p = 0; p < parts; p++) top[p] = S ? larger(top[p], score[S][p]) : score[S][p];
            if (keep)
                for (int h = 0; h < C / D; h++) s.scores[(h * z->T + t) * z->s + S] = score[S][HEAD_PART(h, D)][HEAD_LANE(h, D)];
        }
        for (int i = 0; i < group; i++)
            for (int p = 0; p < parts; p++) score[t + 1 + i][p] = top[p]; /* past the end of the last group */
        for (int p = 0; p < parts; p++) total[p] = splat(0);
        for (int j = 0; j < vecs; j++) mixed[j] = splat(0);
        /* A score stands on all lanes of its head, so the lanes of `group` positions' scores are put into one vector for one
         * exp, and spread again: a quarter of the exps (0.2 us a step). */
        for (int64_t S = 0; S <= t; S += group)
            UNROLL
            for (int p = 0; p < parts; p++) {
                vec e = score[S][p];
                UNROLL
                for (int i = 1; i < group; i++) e = where(every(i, group), score[S + i][p], e);
                e = vexp(e - top[p]);
                UNROLL
                for (int i = 0; i < group; i++) score[S + i][p] = group_spread(e, i);
            }
        for (int64_t S = 0; S <= t; S++) {
            UNROLL
            for (int p = 0; p < parts; p++) total[p] += score[S][p];
            UNROLL
            for (int j = 0; j < vecs; j++) mixed[j] = muladd(score[S][j / wide], load(s.v + S * z->qkv + j * LANES), mixed[j]);
        }
        UNROLL
        for (int p = 0; p < parts; p++) total[p] = 1.0 / total[p];
        UNROLL
        for (int j = 0; j < vecs; j++) store(s.heads + t * z->c + j * LANES, mixed[j] * total[j / wide]);
        for (int64_t S = 0; S <= t; S++)
            UNROLL
            for (int p = 0; p < parts; p++) store(weights + S * row + p * LANES, score[S][p] * total[p]);
        if (keep)
            for (int h = 0; h < C / D; h++)
                for (int64_t S = 0; S < n; S++) {
                    int64_t at = (h * z->T + t) * z->s + S;
                    if (S > t) s.scores[at] = -__builtin_inf();
                    s.weights[at] = S > t ? 0 : weights[S * row + HEAD_PART(h, D) * LANES + HEAD_LANE(h, D)];
                }
    }
}

INLINE void attention_in_lanes_backward(const Sizes *z, LayerSites s, LayerSites d, const double *spread, int64_t n,
                                        const int keep) {
    enum { C = 16, D = 4 };
    IN_LANES(C, D);
    for (int64_t t = 0; t < n; t++)
        for (int j = 0; j < 2 * vecs; j++) store(d.k + t * z->qkv + j * LANES, splat(0)); /* k and v */
    for (int64_t t = 0; t < n; t++) {
        const double *weights = spread + t * z->T * C; /* (S, parts, LANES) */
        vec q[vecs], dheads[vecs], dweight[LANES_T][parts], mean[parts], dq[vecs];
        UNROLL
        for (int j = 0; j < vecs; j++) {
            q[j] = load(s.q + t * z->qkv + j * LANES) * shrink;
            dheads[j] = load(d.heads + t * z->c + j * LANES);
            dq[j] = splat(0);
        }
        for (int p = 0; p < parts; p++) mean[p] = splat(0);
        for (int64_t S = 0; S <= t; S++) {
            vec products[vecs];
            UNROLL
            for (int j = 0; j < vecs; j++) {
                double *dv = d.v + S * z->qkv + j * LANES;
                store(dv, muladd(load(weights + S * row + j / wide * LANES), dheads[j], load(dv)));
                products[j] = dheads[j] * load(s.v + S * z->qkv + j * LANES);
            }
            head_sums(dweight[S], products, parts, wide, group);
            UNROLL
            for (int p = 0; p < parts; p++) mean[p] = muladd(load(weights + S * row + p * LANES), dweight[S][p], mean[p]);
        }
        for (int64_t S = 0; S <= t; S++) {
            vec dscore[parts];
            UNROLL
            for (int p = 0; p < parts; p++) dscore[p] = load(weights + S * row + p * LANES) * (dweight[S][p] - mean[p]);
            UNROLL
            for (int j = 0; j < vecs; j++) {
                double *dk = d.k + S * z->qkv + j * LANES;
                store(dk, muladd(dscore[j / wide], q[j], load(dk)));
                dq[j] = muladd(dscore[j / wide], load(s.k + S * z->qkv + j * LANES), dq[j]);
            }
            if (keep)
                for (int h = 0; h < C / D; h++) d.scores[(h * z->T + t) * z->s + S] = dscore[HEAD_PART(h, D)][HEAD_LANE(h, D)];
        }
        UNROLL
        for (int j = 0; j < vecs; j++) store(d.q + t * z->qkv + j * LANES, dq[j] * shrink);
        if (keep)
            for (int h = 0; h < C / D; h++)
                for (int64_t S = 0; S < n; S++) {
                    int64_t at = (h * z->T + t) * z->s + S;
                    if (S > t) d.scores[at] = 0;
                    d.weights[at] = S > t ? 0 : dweight[S][HEAD_PART(h, D)][HEAD_LANE(h, D)];
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
        vec e = where(below(j, n), vexp(load(scores + j) - top), splat(0));
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
