/* vector.h: what one instruction set can do, and nothing about models.
 *
 * kernel.c is compiled once per instruction set; every difference between them is in this file: the
 * width, fused multiply-add, maximum, square root, quotient, rounding to a power of two. A product-sum is
 * always spelled `muladd` and files are compiled with -ffp-contract=off, so that no compiler decides
 * about rounding: the same source gives the same bits in a bulk run and in single phases. */
#pragma once
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define KEEP_LOOP _Pragma("clang loop unroll(disable)")
#else
#define KEEP_LOOP _Pragma("GCC unroll 1")
#define UNROLL _Pragma("GCC unroll 16") /* else gcc spills a tile's accumulators to walk over them */
#endif

/* TILE_ROWS x TILE_VECS accumulators, TILE_VECS columns and an element fill the registers; a product that is not
 * fused needs one more. */
#if defined(__AVX512F__)
#include <immintrin.h>
#define LANES 8
#define TILE_ROWS 8
#define TILE_VECS 3
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define LANES 4
#define TILE_ROWS 4
#define TILE_VECS 3
#elif defined(__aarch64__)
#include <arm_neon.h>
#define LANES 2
#define TILE_ROWS 8
#define TILE_VECS 3
#elif defined(__SSE2__)
#include <immintrin.h>
#define LANES 2
#define TILE_ROWS 4
#define TILE_VECS 2
#elif defined(__wasm_simd128__)
#include <wasm_simd128.h>
#define LANES 2
#define TILE_ROWS 4
#define TILE_VECS 2
#else /* any other machine: the compiler lowers the two lanes to scalars */
#define LANES 2
#define TILE_ROWS 4
#define TILE_VECS 2
#endif

/* `aligned(8)`: rows of odd sizes may start anywhere; an unaligned load of aligned data costs nothing. */
typedef double vec __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t mask __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef uint64_t bits __attribute__((vector_size(8 * LANES), aligned(8), may_alias)); /* wraps around */

INLINE vec load(const double *p) { return *(const vec *)p; }
INLINE void store(double *p, vec v) { *(vec *)p = v; }
INLINE vec splat(double x) { return x - (vec){0}; }

/* ---- the operations that instruction sets spell differently ---- */

#if defined(__AVX512F__)
INLINE vec where(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }
INLINE vec muladd(vec a, vec b, vec c) { return (vec)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE vec negmuladd(vec a, vec b, vec c) { return (vec)_mm512_fnmadd_pd((__m512d)a, (__m512d)b, (__m512d)c); }
INLINE vec larger(vec a, vec b) { return (vec)_mm512_max_pd((__m512d)a, (__m512d)b); }
INLINE vec root(vec x) { return (vec)_mm512_sqrt_pd((__m512d)x); }
/* a / b by a 14-bit reciprocal, one Newton step and a corrected quotient (last bit; b finite, > 0):
 * leaves the divider to the square root. Adam on Zen 4: 16.9 cycles a vector
 * instead of 24.7 with a division. */
INLINE vec quotient(vec a, vec b) {
    vec r = (vec)_mm512_rcp14_pd((__m512d)b);
    r = muladd(negmuladd(b, r, splat(1)), r, r);
    vec q = a * r;
    return muladd(negmuladd(b, q, a), r, q);
}
#elif defined(__AVX2__) && defined(__FMA__)
INLINE vec where(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }
INLINE vec muladd(vec a, vec b, vec c) { return (vec)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
INLINE vec larger(vec a, vec b) { return (vec)_mm256_max_pd((__m256d)a, (__m256d)b); }
INLINE vec root(vec x) { return (vec)_mm256_sqrt_pd((__m256d)x); }
INLINE vec quotient(vec a, vec b) { return a / b; }
#elif defined(__aarch64__)
INLINE vec where(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }
INLINE vec muladd(vec a, vec b, vec c) { return (vec)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b); }
INLINE vec larger(vec a, vec b) { return (vec)vmaxq_f64((float64x2_t)a, (float64x2_t)b); }
INLINE vec root(vec x) { return (vec)vsqrtq_f64((float64x2_t)x); }
INLINE vec quotient(vec a, vec b) { return a / b; }
#elif defined(__SSE2__)
/* where() by intrinsics: gcc 12 has an internal error in what it makes of the plain form here */
INLINE vec where(mask m, vec a, vec b) {
    return (vec)_mm_or_pd(_mm_and_pd((__m128d)m, (__m128d)a), _mm_andnot_pd((__m128d)m, (__m128d)b));
}
INLINE vec muladd(vec a, vec b, vec c) { return a * b + c; }
INLINE vec larger(vec a, vec b) { return (vec)_mm_max_pd((__m128d)a, (__m128d)b); }
INLINE vec root(vec x) { return (vec)_mm_sqrt_pd((__m128d)x); }
INLINE vec quotient(vec a, vec b) { return a / b; }
#elif defined(__wasm_simd128__)
INLINE vec where(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }
INLINE vec muladd(vec a, vec b, vec c) { return a * b + c; }
INLINE vec larger(vec a, vec b) { return (vec)wasm_f64x2_pmax((v128_t)b, (v128_t)a); }
INLINE vec root(vec x) { return (vec)wasm_f64x2_sqrt((v128_t)x); }
INLINE vec quotient(vec a, vec b) { return a / b; }
#else
INLINE vec where(mask m, vec a, vec b) { return (vec)(((mask)a & m) | ((mask)b & ~m)); }
INLINE vec muladd(vec a, vec b, vec c) { return a * b + c; }
INLINE vec larger(vec a, vec b) { return where(a > b, a, b); }
INLINE vec root(vec x) { return (vec){__builtin_sqrt(x[0]), __builtin_sqrt(x[1])}; }
INLINE vec quotient(vec a, vec b) { return a / b; }
#endif

/* ---- across lanes ---- */

#if LANES == 8
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5)
#define SWAP4(v) __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3)
#define LOW4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH4(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)
#define LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#define LOW1(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define HIGH1(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
#define SPREAD4(v, i) __builtin_shufflevector(v, v, i, i, i, i, 4 + i, 4 + i, 4 + i, 4 + i)
#define LANE_NUMBERS {0, 1, 2, 3, 4, 5, 6, 7}
#elif LANES == 4
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0, 3, 2)
#define SWAP2(v) __builtin_shufflevector(v, v, 2, 3, 0, 1)
#define SWAP4(v) (v)
#define LOW2(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define HIGH2(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#define LOW1(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define HIGH1(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#define SPREAD4(v, i) __builtin_shufflevector(v, v, i, i, i, i)
#define LANE_NUMBERS {0, 1, 2, 3}
#else
#define SWAP1(v) __builtin_shufflevector(v, v, 1, 0)
#define SWAP2(v) (v)
#define SWAP4(v) (v)
#define LOW1(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH1(a, b) __builtin_shufflevector(a, b, 1, 3)
#define LANE_NUMBERS {0, 1}
#endif

/* Every lane gets the sum (the largest) of its group of `width` lanes, a power of two known when compiled. */
INLINE vec group_sum(vec v, const int width) {
    if (width > 1) v += SWAP1(v);
    if (width > 2) v += SWAP2(v);
    if (width > 4) v += SWAP4(v);
    return v;
}
/* Every lane gets lane i of its group (width 4, or 2 where a vector has no more). */
INLINE vec group_spread(vec v, const int i) {
#if LANES >= 4
    if (i == 0) return SPREAD4(v, 0);
    if (i == 1) return SPREAD4(v, 1);
    if (i == 2) return SPREAD4(v, 2);
    return SPREAD4(v, 3);
#else
    return i ? __builtin_shufflevector(v, v, 1, 1) : __builtin_shufflevector(v, v, 0, 0);
#endif
}
/* true in lane i of every group */
INLINE mask every(const int i, const int width) {
    mask m = (mask)LANE_NUMBERS;
    for (int lane = 0; lane < LANES; lane++) m[lane] = lane % width == i ? -1 : 0;
    return m;
}
INLINE double sum(vec v) { return group_sum(v, LANES)[0]; }
INLINE double largest(vec v) {
    v = larger(v, SWAP1(v));
    v = larger(v, SWAP2(v));
    return larger(v, SWAP4(v))[0];
}
/* true in the lanes whose number, counted from `first`, is below n */
INLINE mask below(int64_t first, int64_t n) { return (vec)LANE_NUMBERS < splat((double)(n - first)); }

/* a[i][j] <-> a[j][i] for a square of LANES rows, in registers */
INLINE void transpose_square(vec a[LANES]) {
    vec b[LANES];
#if LANES == 8
    for (int i = 0; i < 4; i++) b[i] = LOW4(a[i], a[i + 4]), b[i + 4] = HIGH4(a[i], a[i + 4]);
    for (int i = 0; i < 8; i++) a[i] = b[i];
#endif
#if LANES >= 4
    for (int g = 0; g < LANES; g += 4)
        for (int i = g; i < g + 2; i++) b[i] = LOW2(a[i], a[i + 2]), b[i + 2] = HIGH2(a[i], a[i + 2]);
    for (int i = 0; i < LANES; i++) a[i] = b[i];
#endif
    for (int i = 0; i < LANES; i += 2) b[i] = LOW1(a[i], a[i + 1]), b[i + 1] = HIGH1(a[i], a[i + 1]);
    for (int i = 0; i < LANES; i++) a[i] = b[i];
}
