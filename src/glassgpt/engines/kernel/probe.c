/* probe.c: which of the kernels in this library the processor it runs on can execute.
 *
 * x86-64: cpuid reports what the processor has, xgetbv what the operating system saves at a thread switch
 * (Intel SDM vol. 1, 13.2 and 14.3). Elsewhere there is one instruction set and nothing to ask. */
#include <stdint.h>
#include "export.h"

enum { SSE2 = 1, AVX2 = 2, AVX512 = 4, NEON = 8, SIMD128 = 16, GENERIC = 32 };

#if defined(__x86_64__)
typedef struct {
    uint32_t a, b, c, d;
} Registers;

static Registers cpuid(uint32_t leaf) {
    Registers r;
    __asm__("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}
static uint32_t saved_state(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}
#endif

/* A set of bits: 1 sse2, 2 avx2, 4 avx512, 8 neon, 16 simd128, 32 generic. */
EXPORT int32_t glass_probe(void) {
#if defined(__x86_64__)
    const uint32_t fma = 1u << 12, osxsave = 1u << 27, avx2 = 1u << 5,
                   avx512 = 1u << 16 | 1u << 17 | 1u << 31; /* F, DQ, VL */
    const uint32_t ymm = 0x06, zmm = 0xe6;
    int32_t found = SSE2;
    uint32_t features = cpuid(1).c;
    if (cpuid(0).a < 7 || !(features & osxsave)) return found;
    uint32_t extended = cpuid(7).b, state = saved_state();
    if ((state & ymm) == ymm && features & fma && extended & avx2) found |= AVX2;
    if (found & AVX2 && (state & zmm) == zmm && (extended & avx512) == avx512) found |= AVX512;
    return found;
#elif defined(__aarch64__)
    return NEON;
#elif defined(__wasm_simd128__)
    return SIMD128;
#else
    return GENERIC;
#endif
}
