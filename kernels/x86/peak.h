/* The arithmetic peak of a level: independent multiply-adds in registers, on all slots at once; with AVX512_BF16, of pairs. */
#define _POSIX_C_SOURCE 200809L
#include <stddef.h>
#include <time.h>

#include "x86/simd.h"
#include "x86/x86.h"

#if defined(__AVX512BF16__)
enum { PAIRS = 1 };
#else
enum { PAIRS = 0 };
#endif
enum { CHAINS = 12, STEPS = 1 << 21, ITEMS = 8, RUNS = 3 }; /* 12 chains hide a latency of 4 on two units, and fit 16 registers */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void multiply_add(void *arg, int item, int slot)
{
    (void)arg, (void)slot;
    LxV v[CHAINS];
    const LxV a = lxv_set(0.5f), b = lxv_set(1.0f + (float)item);
    LX_UNROLL for (int j = 0; j < CHAINS; j++) v[j] = lxv_set((float)j);
    for (int i = 0; i < STEPS; i++)
        LX_UNROLL for (int j = 0; j < CHAINS; j++) v[j] = PAIRS ? lxv_dot(a, b, v[j]) : lxv_fma(v[j], a, b);
    LX_UNROLL for (int j = 1; j < CHAINS; j++) v[0] = lxv_add(v[0], v[j]);
    volatile float sink = lxv_sum(v[0]); /* so that the work is done */
    (void)sink;
}

double LX_LEVEL_NAME(lx_peak)(LxPool *pool)
{
    const int items = ITEMS * lx_pool_slots(pool);
    double best = 0;
    for (int i = 0; i < RUNS; i++) {
        const double t0 = seconds();
        lx_parallel(pool, items, multiply_add, NULL);
        const double rate = 2.0 * (1 + PAIRS) * CHAINS * STEPS * LX_LANES * items / (seconds() - t0) / 1e9;
        best = rate > best ? rate : best;
    }
    return best;
}
