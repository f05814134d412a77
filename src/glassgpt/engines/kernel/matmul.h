/* matmul.h: every product of the model is one tile: acc[r][j] += a[r, k] * b[k][j] for all k, in order.
 *
 *   product   y[t][:]  = sum_i x[t][i]  w[i][:]     a = x: rows are positions, k runs along a row
 *   outer     dw[o][:] = sum_t dy[t][o] x[t][:]     a = dy: rows are its columns, k runs over positions
 *
 * All positions at once, up to TILE_ROWS x TILE_VECS accumulators in registers, exact sizes, no sum across lanes.
 * Sums run over k from 0 in every case, whatever the tile: specialised and general code give the same bits.
 * What happens to a finished tile is its `Finish`, known when compiled. */
#pragma once
#include "vector.h"

typedef enum {
    PLAIN, /* y = acc                                              */
    ADD,   /* raw = acc; y = acc + other: the residual stream      */
    RELU,  /* raw = acc; y = max(0, acc)                           */
    GATE,  /* raw = acc; y = acc where other > 0: ReLU's backward  */
    MORE,  /* y = y + acc, the chain of sums continued from y      */
} Finish;

typedef struct {
    double *y, *raw;     /* (rows, columns) both; raw only if somebody looks (may be null) */
    const double *other; /* (rows, columns) */
    int64_t stride;      /* of y, raw and other */
} Target;

typedef struct { /* the two factors: a[r * a_row + k * a_step], b[k * b_step + j] */
    const double *a, *b;
    int64_t a_row, a_step, b_step, depth;
} Factors;

typedef vec Tile[TILE_ROWS][TILE_VECS];

INLINE void accumulate(const int rows, const int vecs, Tile acc, Factors of) {
    KEEP_LOOP
    for (int64_t k = 0; k < of.depth; k++) {
        vec column[TILE_VECS];
        UNROLL
        for (int j = 0; j < vecs; j++) column[j] = load(of.b + k * of.b_step + j * LANES);
        UNROLL
        for (int r = 0; r < rows; r++) {
            vec element = splat(of.a[r * of.a_row + k * of.a_step]);
            UNROLL
            for (int j = 0; j < vecs; j++) acc[r][j] = muladd(element, column[j], acc[r][j]);
        }
    }
}

INLINE void tile(const Finish finish, const int rows, const int vecs, Target to, Factors of) {
    Tile acc;
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int j = 0; j < vecs; j++) acc[r][j] = finish == MORE ? load(to.y + r * to.stride + j * LANES) : splat(0);
    accumulate(rows, vecs, acc, of);
    UNROLL
    for (int r = 0; r < rows; r++)
        UNROLL
        for (int j = 0; j < vecs; j++) {
            int64_t at = r * to.stride + j * LANES;
            vec sum = acc[r][j];
            if (finish == ADD || finish == RELU || finish == GATE)
                if (to.raw) store(to.raw + at, sum);
            if (finish == ADD) sum += load(to.other + at);
            if (finish == RELU) sum = larger(sum, splat(0));
            if (finish == GATE) sum = where(load(to.other + at) > splat(0), sum, splat(0));
            store(to.y + at, sum);
        }
}

INLINE Target target_at(Target to, int64_t offset) {
    return (Target){to.y + offset, to.raw ? to.raw + offset : 0, to.other ? to.other + offset : 0, to.stride};
}

/* `vecs` columns of all rows: the last two tiles share what is left (9 rows are 5 + 4, not 8 + 1) */
INLINE void panel(const Finish finish, const int vecs, int64_t column, Target to, Factors of, int64_t rows) {
    to = target_at(to, column);
    of.b += column;
    KEEP_LOOP
    while (rows > 0) {
        int64_t height = rows >= 2 * TILE_ROWS ? TILE_ROWS : rows > TILE_ROWS ? (rows + 1) / 2 : rows;
#define TILE(r) case r: tile(finish, r, vecs, to, of); break;
        switch (height) {
            TILE(1) TILE(2) TILE(3) TILE(4)
#if TILE_ROWS == 8
            TILE(5) TILE(6) TILE(7) TILE(8)
#endif
        }
#undef TILE
        of.a += height * of.a_row;
        to = target_at(to, height * to.stride);
        rows -= height;
    }
}

/* Panels of three vectors, the rest in twos: one alone has too few sums at once to hide the latency of muladd. */
INLINE void matmul_fixed(const Finish finish, Target to, Factors of, int64_t rows, int64_t columns) {
    const int64_t vecs = (columns + LANES - 1) / LANES, rest = vecs % 3;
    const int64_t twos = TILE_VECS == 2 ? vecs / 2 : rest == 2 ? 1 : rest == 1 && vecs > 1 ? 2 : 0;
    const int64_t threes = TILE_VECS == 2 ? 0 : vecs / 3 - (twos == 2);
    int64_t column = 0;
    KEEP_LOOP
    for (int64_t i = 0; i < threes; i++, column += TILE_VECS * LANES) panel(finish, TILE_VECS, column, to, of, rows);
    KEEP_LOOP
    for (int64_t i = 0; i < twos; i++, column += 2 * LANES) panel(finish, 2, column, to, of, rows);
    if (column < columns) panel(finish, 1, column, to, of, rows);
}

/* Compiled once for all sizes; for AVX-512 also in place where the sizes are known (the 16-channel step): 7 % sooner.
 * Other instruction sets gain nothing from it, and clang takes minutes over it. */
#if defined(__AVX512F__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define IN_PLACE 1
#else
#define IN_PLACE 0
#endif
NOINLINE void matmul_plain(Target to, Factors of, int64_t rows, int64_t columns) { matmul_fixed(PLAIN, to, of, rows, columns); }
NOINLINE void matmul_add(Target to, Factors of, int64_t rows, int64_t columns) { matmul_fixed(ADD, to, of, rows, columns); }
NOINLINE void matmul_relu(Target to, Factors of, int64_t rows, int64_t columns) { matmul_fixed(RELU, to, of, rows, columns); }
NOINLINE void matmul_gate(Target to, Factors of, int64_t rows, int64_t columns) { matmul_fixed(GATE, to, of, rows, columns); }
NOINLINE void matmul_more(Target to, Factors of, int64_t rows, int64_t columns) { matmul_fixed(MORE, to, of, rows, columns); }

INLINE void matmul(const Finish finish, Target to, Factors of, int64_t rows, int64_t columns) {
    if (IN_PLACE && __builtin_constant_p(columns)) matmul_fixed(finish, to, of, rows, columns);
    else if (finish == PLAIN) matmul_plain(to, of, rows, columns);
    else if (finish == ADD) matmul_add(to, of, rows, columns);
    else if (finish == RELU) matmul_relu(to, of, rows, columns);
    else if (finish == GATE) matmul_gate(to, of, rows, columns);
    else matmul_more(to, of, rows, columns);
}

/* y (rows, columns) = x (rows, depth) w (depth, columns) */
INLINE void product(const Finish finish, Target to, const double *x, int64_t x_stride, const double *w,
                    int64_t w_stride, int64_t rows, int64_t depth, int64_t columns) {
    matmul(finish, to, (Factors){x, w, x_stride, 1, w_stride, depth}, rows, columns);
}
/* dw (rows, columns) = dy^T (rows, n) x (n, columns) */
INLINE void outer(const Finish finish, double *dw, int64_t dw_stride, const double *dy, int64_t dy_stride,
                  const double *x, int64_t x_stride, int64_t rows, int64_t n, int64_t columns) {
    matmul(finish, (Target){dw, 0, 0, dw_stride}, (Factors){dy, x, 1, dy_stride, x_stride, n}, rows, columns);
}

/* to (columns, rows) = from (rows, columns), whole squares of LANES; rows past the last read as 0 */
INLINE void transpose(double *to, int64_t to_stride, const double *from, int64_t from_stride, int64_t rows,
                      int64_t columns) {
    for (int64_t r = 0; r < rows; r += LANES)
        for (int64_t c = 0; c < columns; c += LANES) {
            vec square[LANES];
            UNROLL
            for (int i = 0; i < LANES; i++)
                square[i] = r + i < rows ? load(from + (r + i) * from_stride + c) : splat(0);
            transpose_square(square);
            UNROLL
            for (int i = 0; i < LANES; i++) store(to + (c + i) * to_stride + r, square[i]);
        }
}
