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
    if (rate == 0) rate = 1e-200; /* a step too small to see, instead of a division by zero */
    return (Adam){splat(h->beta1), splat(h->beta2), root(splat(1 / bias2)) / rate, splat(h->eps / rate),
                  n_weights, 2 * n_weights, 3 * n_weights};
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

/* ---- a matrix and its gradient dy^T x in one go ---- */

/* A square of LANES x LANES weights whose roots are still being taken while the gradient of the next is
 * multiplied out. Without this delay the processor's scheduler fills with operations that wait for roots, and no
 * product gets through: 23.2 cycles a vector instead of 19.7 (Zen 4, 7 positions). Being a square, its
 * transposed copy for the next forward pass is written from registers meanwhile. */
typedef struct {
    double *p, *copy; /* (rows, columns), (columns, rows) */
    int64_t stride, copy_stride, rows;
    double root_v[LANES * LANES] __attribute__((aligned(64)));
} Square;

INLINE void square_begin(const Adam *adam, Square *square, int64_t rows, Tile g) {
    square->rows = rows;
    UNROLL
    for (int i = 0; i < LANES; i++)
        if (i < rows) store(square->root_v + i * LANES, adam_moments(adam, square->p + i * square->stride, g[i][0]));
}
INLINE void square_settle(const Adam *adam, Square *square, int64_t rows) {
    vec w[LANES];
    UNROLL
    for (int i = 0; i < LANES; i++)
        w[i] = i < rows ? adam_weights(adam, square->p + i * square->stride, load(square->root_v + i * LANES)) : splat(0);
    transpose_square(w);
    UNROLL
    for (int i = 0; i < LANES; i++) store(square->copy + i * square->copy_stride, w[i]);
}

#define FEW 24 /* positions for which this pays; the square's few sums at once are slow for more */

/* w (rows, columns) takes Adam's step for the gradient dy^T (rows, n) x (n, columns) */
INLINE void outer_adam(const Adam *given, double *w, int64_t stride, double *copy, int64_t copy_stride, const double *dy,
                       int64_t dy_stride, const double *x, int64_t x_stride, int64_t rows, int64_t n, int64_t columns) {
    const Adam adam = *given; /* a copy: it stays in registers */
    Square square;
    square.rows = 0;
    square.stride = stride;
    square.copy_stride = copy_stride;
    if (n > FEW) outer(PLAIN, w + adam.to_grad, stride, dy, dy_stride, x, x_stride, rows, n, columns);
    for (int64_t r = 0; r < rows; r += LANES)
        for (int64_t c = 0; c < columns; c += LANES) {
            const int64_t height = rows - r < LANES ? rows - r : LANES;
            double *p = w + r * stride + c;
            Tile g;
            UNROLL
            for (int i = 0; i < LANES; i++) g[i][0] = n > FEW && i < height ? load(p + adam.to_grad + i * stride) : splat(0);
            if (n <= FEW) accumulate(LANES, 1, g, (Factors){dy + r, x + c, 1, dy_stride, x_stride, n});
            if (square.rows) square_settle(&adam, &square, LANES);
            square.p = p;
            square.copy = copy + c * copy_stride + r;
            if (height == LANES) square_begin(&adam, &square, LANES, g);
            else { /* the last rows: lm_head's only */
                square_begin(&adam, &square, height, g);
                square_settle(&adam, &square, height);
                square.rows = 0;
            }
        }
    if (square.rows) square_settle(&adam, &square, LANES);
}

/* all of a flat stretch whose gradients are in memory */
INLINE void adam_flat(const Adam *given, double *w, int64_t n) {
    const Adam adam = *given;
    for (int64_t i = 0; i < n; i += LANES) adam_weights(&adam, w + i, adam_moments(&adam, w + i, load(w + adam.to_grad + i)));
}
