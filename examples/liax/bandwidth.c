/* The triad of the STREAM benchmark (bandwidth.h). */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "bandwidth.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

enum { BLOCK = 1024, BLOCKS = 32 << 10 /* 128 MB an array */, PASSES = 6, MAX_THREADS = 256 };

/* One thread's share of the arrays. */
typedef struct Part {
    float *a, *b, *c;
    int first, end; /* blocks */
    pthread_t thread;
} Part;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void triad_block(float *restrict a, const float *restrict b, const float *restrict c)
{
    for (int i = 0; i < BLOCK; i++) a[i] = b[i] + 0.5f * c[i];
}

static void *triad(void *arg)
{
    const Part *p = arg;
    for (size_t i = (size_t)p->first * BLOCK; i < (size_t)p->end * BLOCK; i += BLOCK) triad_block(p->a + i, p->b + i, p->c + i);
    return NULL;
}

/* Memory that was never written is one page of zeros. */
static void *fill(void *arg)
{
    const Part *p = arg;
    for (size_t i = (size_t)p->first * BLOCK; i < (size_t)p->end * BLOCK; i++) p->a[i] = 0, p->b[i] = 1, p->c[i] = 2;
    return NULL;
}

static bool on_all(Part *parts, int threads, void *(*run)(void *))
{
    int started = 0;
    while (started < threads && !pthread_create(&parts[started].thread, NULL, run, &parts[started])) started++;
    for (int i = 0; i < started; i++) pthread_join(parts[i].thread, NULL);
    return started == threads;
}

double memory_bandwidth(int threads)
{
    if (threads < 1 || threads > MAX_THREADS) return 0;
    const size_t elements = (size_t)BLOCKS * BLOCK;
    float *memory = malloc(3 * elements * sizeof *memory);
    if (!memory) return 0;
    Part parts[MAX_THREADS];
    for (int i = 0; i < threads; i++)
        parts[i] = (Part){.a = memory, .b = memory + elements, .c = memory + 2 * elements, .first = BLOCKS * i / threads, .end = BLOCKS * (i + 1) / threads};
    double best = 0;
    bool ok = on_all(parts, threads, fill);
    for (int pass = 0; ok && pass < PASSES; pass++) {
        const double start = now();
        ok = on_all(parts, threads, triad);
        const double rate = 3e-9 * (double)(elements * sizeof *memory) / (now() - start);
        if (rate > best) best = rate;
    }
    free(memory);
    return ok ? best : 0;
}
