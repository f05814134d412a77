/* elementary.h: e^x and log x on every lane, the same arithmetic on every machine that has the same `muladd`.
 *
 * e^x = 2^k e^r with |r| <= ln2/2 and a polynomial of degree 11 for e^r (a minimax fit; its error is
 * 1.6e-17). Gain over libm's scalar exp: 0.8 us of a 5 us step. log follows fdlibm's e_log.c (Sun
 * Microsystems, 1993): log m = f - f^2/2 + s (f^2/2 + R(s^2)), s = f / (2 + f). */
#pragma once
#include "vector.h"

#define LN2_HIGH 6.93147180369123816490e-01 /* 21 trailing zero bits: k * LN2_HIGH is exact */
#define LN2_LOW 1.90821492927058770002e-10
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52: adding it rounds to an integer, kept in the low bits */

/* For x <= 700 or so. Below -690 the answer is 0, as libm's is below -745: so the probability of a token is either
 * a normal number, of which `vlog` is right, or 0, which stops the run. NaN stays NaN. */
INLINE vec vexp(vec x) {
    const bits zero = (bits)(x < -690.0);
    x = larger(splat(-690.0), x);
    vec shifted = muladd(x, splat(1.4426950408889634), splat(ROUNDER));
    vec k = shifted - ROUNDER;
    vec r = muladd(k, splat(-LN2_LOW), muladd(k, splat(-LN2_HIGH), x));
    vec y = splat(0x1.af38a9b0ec855p-26);
    y = muladd(y, r, splat(0x1.289185613a3d6p-22));
    y = muladd(y, r, splat(0x1.71de0dae63bb3p-19));
    y = muladd(y, r, splat(0x1.a019b90d2ae7ap-16));
    y = muladd(y, r, splat(0x1.a01a01a7c41d5p-13));
    y = muladd(y, r, splat(0x1.6c16c1788bd90p-10));
    y = muladd(y, r, splat(0x1.11111111109b3p-7));
    y = muladd(y, r, splat(0x1.5555555553d63p-5));
    y = muladd(y, r, splat(0x1.5555555555556p-3));
    y = muladd(y, r, splat(0x1.0000000000001p-1));
    y = muladd(y, r, splat(1.0));
    y = muladd(y, r, splat(1.0));
    return (vec)(((bits)y + ((bits)shifted << 52)) & ~zero); /* times 2^k: k is in the low bits of `shifted` */
}

/* For finite x >= 2^-1022; 0 gives -inf; NaN stays NaN. */
INLINE vec vlog(vec x) {
    mask k = (mask)((bits)x - 0x3fe6a09e00000000ULL) >> 52; /* from sqrt(1/2): m lies in [sqrt(1/2), sqrt(2)) */
    vec m = (vec)((bits)x - ((bits)k << 52));
    vec exponent = (vec)((bits)k + (bits)splat(ROUNDER)) - ROUNDER;
    vec f = m - 1.0, s = f / (f + 2.0), z = s * s, half = 0.5 * f * f;
    vec R = splat(1.479819860511658591e-01);
    R = muladd(R, z, splat(1.531383769920937332e-01));
    R = muladd(R, z, splat(1.818357216161805012e-01));
    R = muladd(R, z, splat(2.222219843214978396e-01));
    R = muladd(R, z, splat(2.857142874366239149e-01));
    R = muladd(R, z, splat(3.999999999940941908e-01));
    R = muladd(R, z, splat(6.666666666666735130e-01));
    vec y = muladd(exponent, splat(LN2_HIGH), f - (half - muladd(s, muladd(R, z, half), exponent * LN2_LOW)));
    y += x - x; /* NaN and infinity show */
    return where(x == 0.0, splat(-__builtin_inf()), y);
}
