/*
 * Times the convolutions at the network's shapes, for every level that this machine runs:
 *
 *     bench_kernels [--json] [--threads N] [--seconds S] [--level NAME] [text that the case's name contains]
 *
 * FLOPs are those of the direct convolution (conv_up2d: nine products an input pixel). The peak is measured before each
 * case, since clocks and neighbours change.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"

typedef struct Options {
    int json, threads;
    double seconds;
    const char *level, *filter;
} Options;

/* h = w, of the input. */
typedef struct Shape {
    LxConvKind kind;
    int k, ci, co, h;
} Shape;

static const Shape shapes[] = {
    {LX_CONV2D, 3, 1024, 1024, 8},   {LX_CONV2D, 3, 512, 512, 8},    {LX_CONV2D, 3, 512, 512, 16},  {LX_CONV2D, 3, 512, 512, 32},
    {LX_CONV2D, 3, 512, 512, 64},    {LX_CONV2D, 3, 256, 256, 128},  {LX_CONV2D, 3, 128, 128, 256}, {LX_CONV2D, 3, 128, 128, 128},
    {LX_CONV2D, 3, 64, 64, 256},     {LX_CONV2D, 3, 32, 32, 256},    {LX_CONV2D, 3, 16, 16, 256},   {LX_CONV2D, 1, 3, 64, 512},
    {LX_CONV2D, 1, 64, 3, 512},      {LX_CONV_UP2D, 3, 512, 512, 8}, {LX_CONV_UP2D, 3, 512, 512, 32}, {LX_CONV_UP2D, 3, 256, 128, 64},
    {LX_CONV_UP2D, 3, 128, 64, 128}, {LX_UPSAMPLE_CONV2D, 3, 512, 512, 8}, {LX_UPSAMPLE_CONV2D, 3, 512, 512, 32},
    {LX_UPSAMPLE_CONV2D, 3, 256, 128, 64}, {LX_UPSAMPLE_CONV2D, 3, 128, 64, 128}, {LX_CONV_DOWN2D, 3, 512, 512, 16},
    {LX_CONV_DOWN2D, 3, 256, 256, 64}, {LX_CONV_DOWN2D, 3, 128, 128, 256}, {LX_CONV_DOWN2D, 1, 64, 128, 256}, {LX_CONV_DOWN2D, 1, 256, 512, 64},
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double flops_of(const LxConvDesc *d)
{
    const double outputs = (double)lx_conv_out(d, d->h) * lx_conv_out(d, d->w) * d->co;
    return 2 * outputs * d->ci * d->k * d->k / (d->kind == LX_CONV_UP2D ? 4 : 1);
}

static void bench(const Options *o, const CheckLevel *level, const Shape *s)
{
    CheckMemory m = {0};
    const LxConvDesc d = {s->kind, s->k, s->ci, s->co, s->h, s->h};
    char name[96];
    snprintf(name, sizeof name, "%s %s k%d %d->%d %dx%d", level->name, lx_conv_kind_name(s->kind), s->k, s->ci, s->co, s->h, s->h);
    if (o->filter && !strstr(name, o->filter)) return;
    const LxConvOps *ops = level->table.conv[s->kind];
    LxPool *pool = check_pool(o->threads);
    float *w = check_random(&m, (size_t)(d.co * d.ci * d.k * d.k), -1, 1);
    const LxConvWeights weights = {d, ops, check_floats(&m, ops->packed_bytes(&d) / sizeof(float)), ops->packed_bytes(&d)};
    ops->pack(&d, w, weights.packed);
    const int h = lx_conv_out(&d, d.h), ys = lx_stored_channels(d.co), xs = lx_stored_channels(d.ci);
    const LxConvArgs a = {.weights = &weights, .x = check_random_tensor(&m, 1, d.ci, d.h, d.w, -1, 1), .y = check_output(&m, 1, d.co, h, h),
                          .in_scale = check_vectors(&m, 1, d.ci, xs, -1, 1), .out_scale = check_vectors(&m, 1, d.co, ys, -1, 1),
                          .bias = check_vectors(&m, 1, d.co, ys, -1, 1), .slope = 0.2f};
    const LxExec x = {pool, ops->scratch_bytes ? check_floats(&m, ops->scratch_bytes(&d, o->threads) / sizeof(float)) : NULL};
    const double peak = level->peak ? level->peak(pool) : 0, start = now();
    double best = 1e30, t = start;
    for (int runs = 0; runs < 3 || t - start < o->seconds; runs++) {
        const double t0 = now();
        ops->run(&x, &a);
        t = now();
        if (runs > 0 && t - t0 < best) best = t - t0;
    }
    const double rate = flops_of(&d) / best / 1e9;
    if (o->json)
        printf("{\"case\": \"%s\", \"algorithm\": \"%s\", \"threads\": %d, \"ms\": %.4f, \"gflops\": %.2f, \"peak\": %.2f}\n", name, ops->name,
               o->threads, best * 1e3, rate, peak);
    else
        printf("%-52s %-14s %9.3f ms %8.1f GFLOP/s %5.1f %% of %.0f\n", name, ops->name, best * 1e3, rate, peak > 0 ? 100 * rate / peak : 0, peak);
    fflush(stdout);
    check_release(&m, name);
}

int main(int argc, char **argv)
{
    Options o = {.threads = lx_allowed_cpus(), .seconds = 0.5};
    for (int i = 1; i < argc; i++) {
        const int more = i + 1 < argc;
        if (!strcmp(argv[i], "--json")) o.json = 1;
        else if (!strcmp(argv[i], "--threads") && more) o.threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--seconds") && more) o.seconds = atof(argv[++i]);
        else if (!strcmp(argv[i], "--level") && more) o.level = argv[++i];
        else o.filter = argv[i];
    }
    if (o.threads < 1 || o.threads > CHECK_MAX_SLOTS) {
        fprintf(stderr, "--threads: expected 1 to %d\n", CHECK_MAX_SLOTS);
        return 2;
    }
    static CheckLevel levels[CHECK_MAX_LEVELS];
    const int n = check_levels(levels);
    for (int l = 0; l < n; l++) {
        if (o.level && strcmp(o.level, levels[l].name)) continue;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) bench(&o, &levels[l], &shapes[i]);
    }
    return 0;
}
