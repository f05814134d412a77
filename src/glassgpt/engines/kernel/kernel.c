/* kernel.c: the whole model - forward, backward, Adam - for one instruction set (-DGLASS_ISA=avx512).
 *
 * It owns no memory and has no state: every call gets the sizes and one workspace (layout.h), so that
 * many models train side by side. It makes no libc call. Forward and backward are in pairs, in the model's order;
 * `C` and `H` are arguments so that common shapes are compiled with constants (at the end of the file). */
#include "adam.h"
#include "attention.h"
#include "export.h"

/* ---- normalisation: y = x scale, scale = (mean of x^2 + 1e-5)^-1/2 ---- */

INLINE void norm_forward(double *y, double *scale, const double *x, int64_t stride, int64_t n, int64_t C) {
    for (int64_t t = 0; t < n; t++, y += stride, x += stride) {
        vec squares = splat(0);
        for (int64_t i = 0; i < C; i += LANES) squares = muladd(load(x + i), load(x + i), squares);
        scale[t] = 1.0 / root(splat(sum(squares) / (double)C + 1e-5))[0];
        for (int64_t i = 0; i < C; i += LANES) store(y + i, load(x + i) * scale[t]);
    }
}

/* dx = scale (dy - y mean(dy y)) + add; `dscale` (sum of dy x) only for an onlooker */
INLINE void norm_backward(double *dx, double *dscale, const double *dy, const double *x, const double *y,
                          const double *scale, const double *add, int64_t stride, int64_t n, int64_t C) {
    for (int64_t t = 0; t < n; t++, dx += stride, dy += stride, x += stride, y += stride) {
        vec along = splat(0);
        for (int64_t i = 0; i < C; i += LANES) along = muladd(load(dy + i), load(y + i), along);
        double mean = sum(along) / (double)C;
        for (int64_t i = 0; i < C; i += LANES) {
            vec d = muladd(load(y + i), splat(-mean), load(dy + i)) * scale[t];
            if (add) d += load(add + t * stride + i);
            store(dx + i, d);
        }
        if (dscale) {
            vec total = splat(0);
            for (int64_t i = 0; i < C; i += LANES) total = muladd(load(dy + i), load(x + i), total);
            dscale[t] = sum(total);
        }
    }
}

/* ---- token and position embedding ---- */

INLINE void embed_forward(const Model *m, const int32_t *tokens, int64_t n, int64_t C, const int keep) {
    const int64_t c = ROUND8(C);
    const Weights w = weights_at(&m->z, m->weights);
    for (int64_t t = 0; t < n; t++)
        for (int64_t i = 0; i < C; i += LANES) {
            vec tok = load(w.wte + tokens[t] * c + i), pos = load(w.wpe + t * c + i);
            store(m->site.embd + t * c + i, tok + pos);
            if (keep) store(m->site.tok + t * c + i, tok), store(m->site.pos + t * c + i, pos);
        }
}

INLINE void embed_backward(const Model *m, const int32_t *tokens, int64_t n, int64_t C) {
    const int64_t c = ROUND8(C);
    const Weights d = weights_at(&m->z, m->grads);
    for (int64_t t = 0; t < n; t++)
        for (int64_t i = 0; i < C; i += LANES) {
            vec g = load(m->dsite.embd + t * c + i);
            double *dwte = d.wte + tokens[t] * c + i, *dwpe = d.wpe + t * c + i;
            store(dwte, load(dwte) + g);
            store(dwpe, load(dwpe) + g);
        }
}

/* ---- softmax over the vocabulary and -log of the target's probability ---- */

INLINE double cross_entropy_forward(const Model *m, const int32_t *targets, int64_t n) {
    const Sizes *z = &m->z;
    for (int64_t t = 0; t < n; t++) {
        softmax_forward(m->site.probs + t * z->v, m->site.logits + t * z->v, z->V, (z->V + LANES - 1) / LANES * LANES);
        m->site.losses[t] = m->site.probs[t * z->v + targets[t]];
    }
    double total = 0;
    for (int64_t t = 0; t < n; t += LANES) store(m->site.losses + t, -vlog(load(m->site.losses + t)));
    for (int64_t t = 0; t < n; t++) total += m->site.losses[t];
    return m->site.loss[0] = total * (1.0 / (double)n);
}

INLINE void cross_entropy_backward(const Model *m, const int32_t *targets, int64_t n, double weight, const int keep) {
    const Sizes *z = &m->z;
    const double share = weight * (1.0 / (double)n);
    for (int64_t t = 0; t < n; t++) {
        const double *probs = m->site.probs + t * z->v;
        double *dlogits = m->dsite.logits + t * z->v;
        for (int64_t i = 0; i < z->V; i += LANES) store(dlogits + i, load(probs + i) * share);
        dlogits[targets[t]] -= share;
        if (keep) {
            double *dprobs = m->dsite.probs + t * z->v;
            for (int64_t i = 0; i < z->V; i++) dprobs[i] = 0;
            dprobs[targets[t]] = -share / probs[targets[t]];
            m->dsite.losses[t] = share;
        }
    }
    if (keep) m->dsite.loss[0] = weight;
}

/* ---- one layer: x (T, C) -> mlp_resid (T, C) ---- */

INLINE void layer_forward(const Model *m, int64_t layer, const double *x, int64_t n, int64_t C, const int keep) {
    const int64_t F = 4 * C, c = ROUND8(C), f = ROUND8(F), qkv = ROUND8(3 * C);
    const LayerSites s = layer_values(m, layer);
    const LayerTransposed w = layer_transposed(m, layer);

    norm_forward(s.attn_norm, s.attn_norm_scale, x, c, n, C);
    product(PLAIN, (Target){s.q, 0, 0, qkv}, s.attn_norm, c, w.qkv, qkv, n, C, 3 * C);
    if (attends_in_lanes(&m->z)) attention_in_lanes_forward(&m->z, s, m->spread + layer * m->layer_spread, n, keep);
    else attention_by_heads_forward(&m->z, &m->head, s, n, keep);
    product(ADD, (Target){s.attn_resid, keep ? s.out : 0, x, c}, s.heads, c, w.wo, c, n, C, C);

    norm_forward(s.mlp_norm, s.mlp_norm_scale, s.attn_resid, c, n, C);
    product(RELU, (Target){s.relu, keep ? s.fc1 : 0, 0, f}, s.mlp_norm, c, w.fc1, f, n, C, F);
    product(ADD, (Target){s.mlp_resid, keep ? s.fc2 : 0, s.attn_resid, c}, s.relu, f, w.fc2, c, n, F, C);
}

/* The gradient of a weight matrix w (rows, columns): added up in m->grads, or, with `adam`, spent on a step at once. */
INLINE void weight_backward(const Model *m, const Adam *adam, double *w, const double *dy, int64_t dy_stride,
                            const double *x, int64_t x_stride, int64_t rows, int64_t n, int64_t columns) {
    const int64_t stride = ROUND8(columns);
    if (adam) outer_adam(adam, w, stride, dy, dy_stride, x, x_stride, rows, n, columns);
    else outer(MORE, w + (m->grads - m->weights), stride, dy, dy_stride, x, x_stride, rows, n, columns);
}

/* d.mlp_resid is given; dx (T, C) comes out. With `adam`, weights change after their last use. */
INLINE void layer_backward(const Model *m, int64_t layer, const double *x, double *dx, int64_t n, int64_t C,
                           const int keep, const Adam *adam) {
    const int64_t F = 4 * C, c = ROUND8(C), f = ROUND8(F), qkv = ROUND8(3 * C);
    const LayerSites s = layer_values(m, layer), d = layer_gradients(m, layer);
    const LayerWeights w = layer_weights(m, m->weights, layer);

    product(GATE, (Target){d.fc1, keep ? d.relu : 0, s.relu, f}, d.mlp_resid, c, w.fc2, f, n, C, F);
    product(PLAIN, (Target){d.mlp_norm, 0, 0, c}, d.fc1, f, w.fc1, c, n, F, C);
    norm_backward(d.attn_resid, keep ? d.mlp_norm_scale : 0, d.mlp_norm, s.attn_resid, s.mlp_norm, s.mlp_norm_scale,
                  d.mlp_resid, c, n, C);
    weight_backward(m, adam, w.fc2, d.mlp_resid, c, s.relu, f, C, n, F);
    weight_backward(m, adam, w.fc1, d.fc1, f, s.mlp_norm, c, F, n, C);

    product(PLAIN, (Target){d.heads, 0, 0, c}, d.attn_resid, c, w.wo, c, n, C, C);
    if (attends_in_lanes(&m->z)) attention_in_lanes_backward(&m->z, s, d, m->spread + layer * m->layer_spread, n, keep);
    else attention_by_heads_backward(&m->z, &m->head, s, d, n, keep);
    product(PLAIN, (Target){d.attn_norm, 0, 0, c}, d.q, qkv, w.wq, c, n, 3 * C, C);
    norm_backward(dx, keep ? d.attn_norm_scale : 0, d.attn_norm, x, s.attn_norm, s.attn_norm_scale, d.attn_resid, c, n,
                  C);
    weight_backward(m, adam, w.wo, d.attn_resid, c, s.heads, c, C, n, C);
    weight_backward(m, adam, w.wq, d.q, qkv, s.attn_norm, c, 3 * C, n, C);
}

/* ---- the model ---- */

/* The stream a layer reads, and its gradient: the layer below's output, or the normalised embedding. */
INLINE double *stream_into(const Model *m, int64_t layer) {
    return layer ? layer_values(m, layer - 1).mlp_resid : m->site.norm;
}
INLINE double *stream_gradient_into(const Model *m, int64_t layer) {
    return layer ? layer_gradients(m, layer - 1).mlp_resid : m->dsite.norm;
}

INLINE void transpose_weights(const Model *m, int64_t C) {
    const int64_t F = 4 * C, c = ROUND8(C), f = ROUND8(F), qkv = ROUND8(3 * C);
    transpose(m->lm_head_transposed, m->z.v, weights_at(&m->z, m->weights).lm_head, c, m->z.V, C);
    for (int64_t layer = 0; layer < m->z.L; layer++) {
        const LayerWeights w = layer_weights(m, m->weights, layer);
        const LayerTransposed to = layer_transposed(m, layer);
        transpose(to.qkv, qkv, w.wq, c, 3 * C, C);
        transpose(to.wo, c, w.wo, c, C, C);
        transpose(to.fc1, f, w.fc1, c, F, C);
        transpose(to.fc2, c, w.fc2, f, C, F);
    }
}

INLINE void forward_stream(const Model *m, const int32_t *tokens, int64_t n, int64_t C, const int keep) {
    embed_forward(m, tokens, n, C, keep);
    norm_forward(m->site.norm, m->site.norm_scale, m->site.embd, ROUND8(C), n, C);
    for (int64_t layer = 0; layer < m->z.L; layer++) layer_forward(m, layer, stream_into(m, layer), n, C, keep);
}
/* rows (first to first + n) of the logits (T, V) */
INLINE void logits_forward(const Model *m, int64_t first, int64_t n, int64_t C) {
    const int64_t c = ROUND8(C), v = m->z.v;
    product(PLAIN, (Target){m->site.logits + first * v, 0, 0, v}, stream_into(m, m->z.L) + first * c, c,
            m->lm_head_transposed, v, n, C, m->z.V);
}
/* tokens (n + 1): n inputs, each followed by its target */
INLINE double forward(const Model *m, const int32_t *tokens, int64_t n, int64_t C, const int keep) {
    forward_stream(m, tokens, n, C, keep);
    logits_forward(m, 0, n, C);
    return cross_entropy_forward(m, tokens + 1, n);
}

INLINE void backward(const Model *m, const int32_t *tokens, int64_t n, double weight, int64_t C, const int keep,
                     const Adam *adam) {
    const int64_t c = ROUND8(C), embedding = (m->z.V + m->z.T) * c;
    const Weights w = weights_at(&m->z, m->weights);
    double *last = stream_into(m, m->z.L), *dlast = stream_gradient_into(m, m->z.L);

    cross_entropy_backward(m, tokens + 1, n, weight, keep);
    product(PLAIN, (Target){dlast, 0, 0, c}, m->dsite.logits, m->z.v, w.lm_head, c, n, m->z.V, C);
    weight_backward(m, adam, w.lm_head, m->dsite.logits, m->z.v, last, c, m->z.V, n, C);
    for (int64_t layer = m->z.L - 1; layer >= 0; layer--)
        layer_backward(m, layer, stream_into(m, layer), stream_gradient_into(m, layer), n, C, keep, adam);
    norm_backward(m->dsite.embd, keep ? m->dsite.norm_scale : 0, m->dsite.norm, m->site.embd, m->site.norm,
                  m->site.norm_scale, 0, c, n, C);
    if (adam)
        for (int64_t i = 0; i < embedding; i += LANES) store(m->grads + i, splat(0));
    embed_backward(m, tokens, n, C);
    if (adam) adam_flat(adam, m->weights, embedding);
}

/* ---- compiled with constants for the common shapes, and for any ---- */

NOINLINE double forward_any(const Model *m, const int32_t *tokens, int64_t n) {
    return forward(m, tokens, n, m->z.C, 1);
}
NOINLINE void backward_any(const Model *m, const int32_t *tokens, int64_t n, double weight) {
    backward(m, tokens, n, weight, m->z.C, 1, 0);
}
NOINLINE double forward_bulk(const Model *m, const int32_t *tokens, int64_t n) {
    return forward(m, tokens, n, m->z.C, 0);
}
NOINLINE double step_any(const Model *m, const int32_t *tokens, int64_t n, const Adam *adam) {
    double loss = forward(m, tokens, n, m->z.C, 0);
    if (__builtin_isfinite(loss)) backward(m, tokens, n, 1, m->z.C, 0, adam);
    return loss;
}
NOINLINE double step_16(const Model *m, const int32_t *tokens, int64_t n, const Adam *adam) {
    double loss = forward(m, tokens, n, 16, 0);
    if (__builtin_isfinite(loss)) backward(m, tokens, n, 1, 16, 0, adam);
    return loss;
}

/* ---- the phases, as Python calls them ---- */

#define JOIN(a, b, c) a##b##_##c
#define NAME2(isa, name) JOIN(glass_, name, isa)
#define NAME(name) NAME2(GLASS_ISA, name)

enum { DONE, LOSS_NOT_FINITE, WEIGHT_NOT_FINITE };

/* The mean loss of one document, tokens (n + 1); every site can be read afterwards. */
EXPORT double NAME(forward)(const Dims *dims, double *workspace, const int32_t *tokens, int64_t n) {
    const Model m = model_at(dims, workspace);
    transpose_weights(&m, m.z.C);
    return forward_any(&m, tokens, n);
}

/* After `forward` of the same document: every site's gradient, and `weight` times the parameters' added up. */
EXPORT void NAME(backward)(const Dims *dims, double *workspace, const int32_t *tokens, int64_t n, double weight) {
    const Model m = model_at(dims, workspace);
    if (m.state[0])
        for (int64_t i = 0; i < m.n_weights; i += LANES) store(m.grads + i, splat(0));
    m.state[0] = 0;
    backward_any(&m, tokens, n, weight);
}

INLINE void copy(double *to, const double *from, int64_t n) {
    for (int64_t i = 0; i < n; i += LANES) store(to + i, load(from + i));
}
NOINLINE int all_finite(const double *x, int64_t n) {
    vec trace = splat(0);
    for (int64_t i = 0; i < n; i += LANES) trace += load(x + i) - load(x + i);
    return sum(trace) == 0;
}

/* One Adam step with the current gradients; they can be read until the next `backward` resets them.
 * If a weight is not finite after it, everything stays as it was and the answer is WEIGHT_NOT_FINITE. */
EXPORT int32_t NAME(update)(const Dims *dims, double *workspace, const Hyper *hyper) {
    const Model m = model_at(dims, workspace);
    const Adam adam = adam_begin(hyper, m.n_weights);
    copy(m.backup, m.weights, 3 * m.n_weights);
    adam_flat(&adam, m.weights, m.n_weights);
    if (!all_finite(m.weights, m.n_weights)) {
        copy(m.weights, m.backup, 3 * m.n_weights);
        return WEIGHT_NOT_FINITE;
    }
    m.state[0] = 1;
    return DONE;
}

/* The logits (V) after the last of n tokens. */
EXPORT void NAME(logits)(const Dims *dims, double *workspace, const int32_t *tokens, int64_t n, double *logits) {
    const Model m = model_at(dims, workspace);
    transpose_weights(&m, m.z.C);
    forward_stream(&m, tokens, n, m.z.C, 0);
    logits_forward(&m, n - 1, 1, m.z.C);
    for (int64_t i = 0; i < m.z.V; i++) logits[i] = m.site.logits[(n - 1) * m.z.v + i];
}

/* The loss of every document: number i is tokens[offsets[i]] to tokens[offsets[i + 1] - 1]. */
EXPORT void NAME(evaluate)(const Dims *dims, double *workspace, int64_t n_docs, const int32_t *tokens,
                           const int64_t *offsets, double *losses) {
    const Model m = model_at(dims, workspace);
    transpose_weights(&m, m.z.C);
    for (int64_t i = 0; i < n_docs; i++)
        losses[i] = forward_bulk(&m, tokens + offsets[i], offsets[i + 1] - offsets[i] - 1);
}

/* What many steps share. The rate of step s (from 0) is learning_rate (1 - s / num_steps). */
typedef struct {
    double learning_rate, beta1, beta2, eps;
    int64_t num_steps;
} Schedule;

INLINE Hyper hyper_at(const Schedule *to, int64_t step) {
    double left = 1 - (double)step / (double)to->num_steps;
    return (Hyper){to->learning_rate * (left > 0 ? left : 0), to->beta1, to->beta2, to->eps, step + 1};
}

/* Documents in training order: number i is tokens[offsets[i]] to tokens[offsets[i + 1] - 1]. */
typedef struct {
    int64_t count;
    const int32_t *tokens;
    const int64_t *offsets;
} Documents;

/* Up to `n` steps from step `start` on, one document each; returns how many were taken whole. */
INLINE int64_t steps(const Model *m, const Schedule *schedule, const Documents *of, int64_t start, int64_t n,
                     double *losses) {
    for (int64_t i = 0; i < n; i++) {
        const Hyper hyper = hyper_at(schedule, start + i);
        const Adam adam = adam_begin(&hyper, m->n_weights);
        const int64_t *at = of->offsets + (start + i) % of->count, T = at[1] - at[0] - 1;
        transpose_weights(m, m->z.C);
        losses[i] = m->z.C == 16 ? step_16(m, of->tokens + at[0], T, &adam) : step_any(m, of->tokens + at[0], T, &adam);
        if (!__builtin_isfinite(losses[i])) return i;
    }
    return n;
}

/* Many whole steps: the bits of forward, backward(weight 1), update, one by one. Stops before the first step whose loss or
 * whose new weights are not finite (`reason`), with the state before that step. Gradients are lost.
 * Weights are not watched during the run: what is not finite stays so, hence one look at the end and, if
 * need be, the same run again from the start, looking after every step.
 * Steps taken are added to `done`, which is right even if the caller is interrupted on the way back. */
EXPORT void NAME(run)(const Dims *dims, double *workspace, const Schedule *schedule, int64_t n_documents,
                      const int32_t *tokens, const int64_t *offsets, int64_t start, int64_t n, double *losses,
                      int64_t *done, int32_t *reason) {
    const Model m = model_at(dims, workspace);
    const Documents of = {n_documents, tokens, offsets};
    m.state[0] = 1;
    copy(m.backup, m.weights, 3 * m.n_weights);
    const int64_t taken = steps(&m, schedule, &of, start, n, losses);
    *reason = taken < n ? LOSS_NOT_FINITE : DONE;
    if (all_finite(m.weights, m.n_weights)) {
        *done += taken;
        return;
    }
    *reason = WEIGHT_NOT_FINITE;
    copy(m.weights, m.backup, 3 * m.n_weights);
    int64_t good = 0;
    while (steps(&m, schedule, &of, start + good, 1, losses + good) && all_finite(m.weights, m.n_weights)) good++;
    copy(m.weights, m.backup, 3 * m.n_weights);
    *done += steps(&m, schedule, &of, start, good, losses);
}

/* Multiplies and adds in registers as fast as this core can; returns the floating point operations done. */
EXPORT double NAME(peak)(int64_t rounds, double *sink) {
    enum { CHAINS = 12 };
    vec x[CHAINS], a = splat(0.999), b = splat(0.001);
    for (int i = 0; i < CHAINS; i++) x[i] = splat(i);
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++) x[i] = muladd(x[i], a, b);
    vec total = splat(0);
    for (int i = 0; i < CHAINS; i++) total += x[i];
    *sink = sum(total);
    return 2.0 * LANES * CHAINS * (double)rounds;
}
