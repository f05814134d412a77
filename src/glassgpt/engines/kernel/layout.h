/* layout.h: the one table of named arrays inside the workspace, and where each of them starts.
 *
 * All data of the kernel are in one caller-owned, zero-filled, 64-byte aligned block of doubles: weights, their two
 * moments and gradients (the same layout four times), every site and its gradient (the same layout
 * twice), scratch. Rows are padded to 8 doubles, so that a vector of any instruction set may run over the
 * end of a row; padding holds zeros. The layout depends on sizes only, never on the instruction set.
 *
 * T positions, S attended positions, C n_embd, H heads, D = C/H, F = 4C, V vocabulary. */
#pragma once
#include <stdint.h>

typedef struct {
    int32_t n_layer, n_embd, n_head, block_size, vocab_size;
} Dims;

/* Sizes and, with a small letter, row strides in doubles. q, k and v of a position share one row. */
typedef struct {
    int64_t L, T, C, H, D, F, V;
    int64_t c, f, v, s, qkv, d;
} Sizes;

#define ROUND8(n) (((n) + 7) & ~(int64_t)7)

static inline Sizes sizes_of(const Dims *dims) {
    int64_t T = dims->block_size, C = dims->n_embd, V = dims->vocab_size, D = C / dims->n_head;
    /* clang-format off */
    return (Sizes){dims->n_layer, T, C, dims->n_head, D, 4 * C, V,
                   ROUND8(C), ROUND8(4 * C), ROUND8(V), ROUND8(T), ROUND8(3 * C), ROUND8(D)};
    /* clang-format on */
}

/* Attention with lanes = heads x head_dim keeps each weight on all D lanes of its head, (T, S, C): only for the shapes
 * kernel.c compiles it for, and few positions. Otherwise heads are products, one by one. */
static inline int attends_in_lanes(const Sizes *z) { return z->C == 16 && z->H == 4 && z->T <= 32; }

/* clang-format off */
/*        field   name       rows  columns  stride */
#define PARAMETERS(A)                              \
    A(wte,        "wte",     z->V, z->C,    z->c)  \
    A(wpe,        "wpe",     z->T, z->C,    z->c)  \
    A(lm_head,    "lm_head", z->V, z->C,    z->c)

/* wq, wk, wv lie one after the other: one (3C, C) matrix */
#define LAYER_PARAMETERS(A)                        \
    A(wq,         "attn_wq", z->C, z->C,    z->c)  \
    A(wk,         "attn_wk", z->C, z->C,    z->c)  \
    A(wv,         "attn_wv", z->C, z->C,    z->c)  \
    A(wo,         "attn_wo", z->C, z->C,    z->c)  \
    A(fc1,        "mlp_fc1", z->F, z->C,    z->c)  \
    A(fc2,        "mlp_fc2", z->C, z->F,    z->f)

/* T_ (T), TC (T, C), TF (T, F), TV (T, V), QKV (T, C) inside the shared row, HTS (H, T, S), ONE () */
typedef enum { T_, TC, TF, TV, QKV, HTS, ONE } Axes;

/*        field            name               axes  elements */
#define SITES(A)                                                  \
    A(tok,            "tok",             TC,   z->T * z->c)       \
    A(pos,            "pos",             TC,   z->T * z->c)       \
    A(embd,           "embd",            TC,   z->T * z->c)       \
    A(norm_scale,     "norm.scale",      T_,   z->s)              \
    A(norm,           "norm",            TC,   z->T * z->c)

#define LAYER_SITES(A)                                            \
    A(attn_norm_scale,"attn.norm.scale", T_,   z->s)              \
    A(attn_norm,      "attn.norm",       TC,   z->T * z->c)       \
    A(q,              "attn.q",          QKV,  z->T * z->qkv)     \
    A(k,              "attn.k",          QKV,  0)                 \
    A(v,              "attn.v",          QKV,  0)                 \
    A(scores,         "attn.scores",     HTS,  z->H * z->T * z->s) \
    A(weights,        "attn.weights",    HTS,  z->H * z->T * z->s) \
    A(heads,          "attn.heads",      TC,   z->T * z->c)       \
    A(out,            "attn.out",        TC,   z->T * z->c)       \
    A(attn_resid,     "attn.resid",      TC,   z->T * z->c)       \
    A(mlp_norm_scale, "mlp.norm.scale",  T_,   z->s)              \
    A(mlp_norm,       "mlp.norm",        TC,   z->T * z->c)       \
    A(fc1,            "mlp.fc1",         TF,   z->T * z->f)       \
    A(relu,           "mlp.relu",        TF,   z->T * z->f)       \
    A(fc2,            "mlp.fc2",         TC,   z->T * z->c)       \
    A(mlp_resid,      "mlp.resid",       TC,   z->T * z->c)

#define LAST_SITES(A)                                             \
    A(logits,         "logits",          TV,   z->T * z->v)       \
    A(probs,          "probs",           TV,   z->T * z->v)       \
    A(losses,         "losses",          T_,   z->s)              \
    A(loss,           "loss",            ONE,  8)

#define WEIGHT_FIELD(field, name, rows, columns, stride) double *field;
#define SITE_FIELD(field, name, axes, elements) double *field;

typedef struct { PARAMETERS(WEIGHT_FIELD) } Weights;
typedef struct { LAYER_PARAMETERS(WEIGHT_FIELD) } LayerWeights;
typedef struct { SITES(SITE_FIELD) LAST_SITES(SITE_FIELD) } Sites;
typedef struct { LAYER_SITES(SITE_FIELD) } LayerSites;
/* clang-format on */

/* The forward pass reads every matrix transposed, (in, out): copies, rebuilt from the weights by register transposes. */
typedef struct {
    double *qkv; /* (C, 3C) */
    double *wo;  /* (C, C)  */
    double *fc1; /* (C, F)  */
    double *fc2; /* (F, C)  */
} LayerTransposed;

typedef struct {
    double *q, *k, *v, *dheads, *grad; /* (T, D) of one head, rows padded with zeros */
    double *transposed;                /* (D, S) */
} HeadScratch;

typedef struct {
    Sizes z;
    int64_t n_weights, layer_weights, layer_sites, layer_transposed, layer_spread, first_layer_weights;
    double *state;               /* [0]: 1 when the gradients have been used by an update and start from 0 */
    double *weights, *m, *v, *grads; /* n_weights each: same layout */
    Sites site, dsite;           /* values, gradients; dsite.tok and dsite.pos are dsite.embd */
    double *layers, *dlayers;    /* L x layer_sites each */
    double *lm_head_transposed;  /* (C, V) */
    double *transposed;          /* L x layer_transposed */
    double *spread;              /* L x (T, S, C): attention weights on all lanes of their head */
    HeadScratch head;
    double *backup;              /* 3 n_weights: weights and moments at the start of a bulk run */
    double *end;
} Model;

static inline double *take(double **cursor, int64_t n) {
    double *start = *cursor;
    *cursor += n;
    return start;
}

static inline Weights weights_at(const Sizes *z, double *at) {
    Weights w;
#define PLACE(field, name, rows, columns, stride) w.field = take(&at, rows * stride);
    PARAMETERS(PLACE)
    return w;
}
static inline LayerWeights layer_weights_at(const Sizes *z, double *at) {
    LayerWeights w;
    LAYER_PARAMETERS(PLACE)
#undef PLACE
    return w;
}

#define PLACE(field, name, axes, elements) s.field = take(&at, elements);
static inline Sites sites_at(const Sizes *z, double *at, double **end) {
    Sites s;
    SITES(PLACE)
    LAST_SITES(PLACE)
    *end = at;
    return s;
}
static inline LayerSites layer_sites_at(const Sizes *z, double *at) {
    LayerSites s;
    LAYER_SITES(PLACE)
    s.k = s.q + z->C;
    s.v = s.q + 2 * z->C;
    return s;
}
#undef PLACE

static inline LayerTransposed transposed_at(const Sizes *z, double *at) {
    LayerTransposed w;
    w.qkv = take(&at, z->c * z->qkv);
    w.wo = take(&at, z->c * z->c);
    w.fc1 = take(&at, z->c * z->f);
    w.fc2 = take(&at, z->f * z->c);
    return w;
}

static inline LayerWeights layer_weights(const Model *m, double *flat, int64_t layer) {
    return layer_weights_at(&m->z, flat + m->first_layer_weights + layer * m->layer_weights);
}
static inline LayerSites layer_values(const Model *m, int64_t layer) {
    return layer_sites_at(&m->z, m->layers + layer * m->layer_sites);
}
/* A sum hands its gradient on unchanged: `out` and `fc2` have the gradients of the streams they are added to. */
static inline LayerSites layer_gradients(const Model *m, int64_t layer) {
    LayerSites s = layer_sites_at(&m->z, m->dlayers + layer * m->layer_sites);
    s.out = s.attn_resid;
    s.fc2 = s.mlp_resid;
    return s;
}
static inline LayerTransposed layer_transposed(const Model *m, int64_t layer) {
    return transposed_at(&m->z, m->transposed + layer * m->layer_transposed);
}

static inline Model model_at(const Dims *dims, double *workspace) {
    Model m;
    Sizes sizes = sizes_of(dims), *z = &sizes;
    double *at = workspace;
    m.z = sizes;
    m.first_layer_weights = (2 * z->V + z->T) * z->c;
    m.layer_weights = (4 * z->C + z->F) * z->c + z->C * z->f;
    m.n_weights = m.first_layer_weights + z->L * m.layer_weights;
    m.layer_sites = 0;
#define COUNT(field, name, axes, elements) m.layer_sites += elements;
    LAYER_SITES(COUNT)
#undef COUNT
    m.layer_transposed = z->c * (z->qkv + z->c + 2 * z->f);
    m.layer_spread = attends_in_lanes(z) ? z->T * z->T * z->C : 0;

    m.state = take(&at, 8);
    m.weights = take(&at, m.n_weights);
    m.m = take(&at, m.n_weights);
    m.v = take(&at, m.n_weights);
    m.grads = take(&at, m.n_weights);
    m.lm_head_transposed = take(&at, z->c * z->v);
    m.transposed = take(&at, z->L * m.layer_transposed);
    m.spread = take(&at, z->L * m.layer_spread);
    m.site = sites_at(z, at, &at);
    m.dsite = sites_at(z, at, &at);
    m.dsite.tok = m.dsite.pos = m.dsite.embd;
    m.layers = take(&at, z->L * m.layer_sites);
    m.dlayers = take(&at, z->L * m.layer_sites);
    m.head.q = take(&at, z->T * z->d);
    m.head.k = take(&at, z->T * z->d);
    m.head.v = take(&at, z->T * z->d);
    m.head.dheads = take(&at, z->T * z->d);
    m.head.grad = take(&at, z->T * z->d);
    m.head.transposed = take(&at, z->d * z->s);
    m.backup = take(&at, 3 * m.n_weights);
    m.end = at;
    return m;
}
