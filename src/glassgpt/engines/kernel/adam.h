/* adam.h: one Adam step for one vector of weights.
 *
 *   m = beta1 m + (1 - beta1) g        = beta1 (m - g) + g
 *   v = beta2 v + (1 - beta2) g^2      = beta2 (v - g^2) + g^2
 *   p = p - rate m / (sqrt(v / bias2) + eps)  = p - m / (scale sqrt(v) + floor)
 *
 * with rate = learning_rate / bias1. A square root keeps the divider busy for 16 cycles (Zen 4), so the rest must
 * be little and elsewhere: bias corrections and rate are two scalars, the forms on the right have a subtraction
 * (another unit) for a multiplication, the quotient is Newton's. Cycles a vector: 24.7 with a division, 16.9 so. */
#pragma once
#include "matmul.h"

typedef struct { /* one step's settings, as Python passes them; eps > 0 */
    double learning_rate, beta1, beta2, eps;
    int64_t step; /* counts from 1 */
} Hyper;

/* x^n by squaring */
INLINE double power(double x, int64_t n) {
    double result = 1;
    for (; n; n >>= 1, x *= x)
        if (n & 1) result *= x;
    return result;
}

typedef struct {
    vec beta1, beta2, scale, floor;
    int64_t to_m, to_v, to_grad; /* from a weight to its moments and gradient */
} Adam;

INLINE Adam adam_begin(const Hyper *h, int64_t n_weights) {
    const double bias1 = 1 - power(h->beta1, h->step), bias2 = 1 - power(h->beta2, h->step);
    double rate = h->learning_rate / bias1;
    if (rate < 1e-200) rate = 1e-200; /* a step too small to see, instead of a division by zero */
    /* clang-format off */
    return (Adam){splat(h->beta1), splat(h->beta2), root(splat(1 / bias2)) / rate, splat(h->eps / rate),
                  n_weights, 2 * n_weights, 3 * n_weights};
    /* clang-format on */
}

/* m, v; the root of v is what the second half waits for */
INLINE vec adam_moments(const Adam *adam, double *p, vec g) {
    vec square = g * g;
    vec m = muladd(adam->beta1, load(p + adam->to_m) - g, g);
    vec v = muladd(adam->beta2, load(p + adam->to_v) - square, square);
    store(p + adam->to_m, m);
    store(p + adam->to_v, v);
    return root(v);
}
INLINE vec adam_weights(const Adam *adam, double *p, vec root_v) {
    vec changed = load(p) - quotient(load(p + adam->to_m), muladd(adam->scale, root_v, adam->floor));
    store(p, changed);
    return changed;
}

/* all of a flat stretch whose gradients are in memory */
INLINE void adam_flat(const Adam *given, double *w, int64_t n) {
    const Adam adam = *given; /* a copy: it stays in registers */
    for (int64_t i = 0; i < n; i += LANES)
        adam_weights(&adam, w + i, adam_moments(&adam, w + i, load(w + adam.to_grad + i)));
}

/* ---- a matrix and its gradient dy^T x in one go ---- */

/* A few vectors of weights, one below the other, whose roots are still being taken while the gradient of the
 * next few is multiplied out. Without this delay the processor's scheduler fills with operations that
 * wait for roots and no product gets through: 23.2 cycles a vector instead of 19.7 (Zen 4, 7 positions). */
enum { PATCH = 4 };
typedef struct {
    double *p;
    int64_t stride, rows; /* rows 0: nothing waits */
    double root_v[PATCH * LANES] __attribute__((aligned(64)));
} Patch;

INLINE void patch_settle(const Adam *adam, Patch *patch) {
    if (patch->rows == PATCH) {
        /* clang-format off */
        UNROLL /* clang-format on */
        for (int i = 0; i < PATCH; i++) adam_weights(adam, patch->p + i * patch->stride, load(patch->root_v + i * LANES));
    } else
        for (int i = 0; i < patch->rows; i++)
            adam_weights(adam, patch->p + i * patch->stride, load(patch->root_v + i * LANES));
}
INLINE void patch_next(const Adam *adam, Patch *patch, double *p, const int rows, Factors of) {
    Tile g;
    UNROLL
    for (int i = 0; i < rows; i++) g[i][0] = splat(0);
    accumulate(rows, 1, g, of);
    patch_settle(adam, patch);
    patch->p = p;
    patch->rows = rows;
    UNROLL
    for (int i = 0; i < rows; i++) store(patch->root_v + i * LANES, adam_moments(adam, p + i * patch->stride, g[i][0]));
}

#define FEW 24 /* positions for which this pays: few sums at once are slow, and their gradient need not be stored */

/* w (rows, columns) takes Adam's step for the gradient dy^T (rows, n) x (n, columns) */
INLINE void outer_adam(const Adam *given, double *w, int64_t stride, const double *dy, int64_t dy_stride,
                       const double *x, int64_t x_stride, int64_t rows, int64_t n, int64_t columns) {
    if (n > FEW) {
        outer(PLAIN, w + given->to_grad, stride, dy, dy_stride, x, x_stride, rows, n, columns);
        return adam_flat(given, w, rows * stride);
    }
    const Adam adam = *given;
    Patch patch;
    patch.stride = stride;
    patch.rows = 0;
    for (int64_t r = 0; r < rows; r += PATCH)
        for (int64_t c = 0; c < columns; c += LANES) {
            const Factors of = {dy + r, x + c, 1, dy_stride, x_stride, n};
            double *p = w + r * stride + c;
            switch (rows - r) {
            case 1: patch_next(&adam, &patch, p, 1, of); break;
            case 2: patch_next(&adam, &patch, p, 2, of); break;
            case 3: patch_next(&adam, &patch, p, 3, of); break;
            default: patch_next(&adam, &patch, p, PATCH, of);
            }
        }
    patch_settle(&adam, &patch);
}
