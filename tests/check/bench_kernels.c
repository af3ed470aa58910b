/*
 * Times the kernels at the network's shapes, for every level that this machine runs:
 *
 *     bench_kernels [--json] [--threads N] [--seconds S] [--level NAME] [text that the case's name contains]
 *
 * FLOPs are those of the plain convolution (conv_up2d: nine products an input pixel), so that an algorithm that does less
 * may exceed the peak. The peak is measured before each case, since clocks and neighbours change; the memory's speed once,
 * by a triad. The bound of a case is what both allow, min(peak, FLOP/byte x memory). Not an alternative to a profile of
 * whole frames: each case's weights and tensors may stay in the caches, where the memory bounds nothing.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "liax/bandwidth.h"

enum { MAX_RUNS = 10000 };

typedef struct Options {
    int json, threads;
    double seconds;
    double bandwidth; /* GB/s, measured here */
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

/* One thing to time: `flops` where arithmetic is what bounds it, else 0; bytes are read and written once. */
typedef struct Timed {
    const char *name, *algorithm;
    void (*run)(const LxExec *x, const void *args);
    const void *args;
    void *scratch;
    double flops, bytes;
} Timed;

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const Options *o, const CheckLevel *level, const Timed *t)
{
    static double ms[MAX_RUNS];
    LxPool *pool = check_pool(o->threads);
    const LxExec x = {.pool = pool, .scratch = t->scratch};
    const double peak = t->flops > 0 && level->peak ? level->peak(pool) : 0, start = now();
    int n = -1; /* the first warms up */
    for (double end = start; n < 2 || (end - start < o->seconds && n < MAX_RUNS); n++) {
        const double t0 = now();
        t->run(&x, t->args);
        end = now();
        if (n >= 0) ms[n] = 1e3 * (end - t0);
    }
    qsort(ms, (size_t)n, sizeof *ms, by_value);
    const double best = ms[0], median = ms[n / 2], gflops = 1e-6 * t->flops / best, gigabytes = 1e-6 * t->bytes / best;
    const double memory = t->flops / t->bytes * o->bandwidth, bound = memory > 0 && memory < peak ? memory : peak;
    const double share = peak > 0 ? gflops / peak : 0, of_bound = bound > 0 ? gflops / bound : 0;
    if (o->json)
        printf("{\"level\": \"%s\", \"case\": \"%s\", \"algorithm\": \"%s\", \"threads\": %d, \"ms\": %.4f, \"median_ms\": %.4f, \"flops\": %.0f, "
               "\"bytes\": %.0f, \"gflops\": %.2f, \"gb_per_s\": %.2f, \"peak_gflops\": %.2f, \"bandwidth_gb_per_s\": %.2f, \"share_of_peak\": %.4f, "
               "\"share_of_bound\": %.4f}\n",
               level->name, t->name, t->algorithm, o->threads, best, median, t->flops, t->bytes, gflops, gigabytes, peak, o->bandwidth, share, of_bound);
    else if (t->flops > 0)
        printf("%-12s %-36s %-12s %9.3f ms (median %9.3f) %7.1f GFLOP/s, %5.1f %% of %.0f, %5.1f %% of the bound\n", level->name, t->name, t->algorithm, best,
               median, gflops, 100 * share, peak, 100 * of_bound);
    else
        printf("%-12s %-36s %-12s %9.3f ms (median %9.3f) %7.1f GB/s, %5.1f %% of %.1f\n", level->name, t->name, t->algorithm, best, median, gigabytes,
               o->bandwidth > 0 ? 100 * gigabytes / o->bandwidth : 0, o->bandwidth);
    fflush(stdout);
}

static int wanted(const Options *o, const char *name)
{
    return !o->filter || strstr(name, o->filter);
}

/* ---- convolutions ------------------------------------------------------------------------------------------------- */

static void run_conv(const LxExec *x, const void *args)
{
    const LxConvArgs *a = args;
    a->weights->ops->run(x, a);
}

static void bench_conv(const Options *o, const CheckLevel *level, const Shape *s, const LxConvOps *ops)
{
    CheckMemory m = {0};
    const LxConvDesc d = {s->kind, s->k, s->ci, s->co, s->h, s->h};
    char name[96];
    snprintf(name, sizeof name, "%s k%d %d->%d %dx%d", lx_conv_kind_name(s->kind), s->k, s->ci, s->co, s->h, s->h);
    if (!wanted(o, name) || !strncmp(ops->name, "ref", 3)) return;
    float *w = check_random(&m, (size_t)(d.co * d.ci * d.k * d.k), -1, 1);
    const LxConvWeights weights = {d, ops, check_floats(&m, ops->packed_bytes(&d) / sizeof(float)), ops->packed_bytes(&d), 1};
    ops->pack(check_pool(o->threads), &d, w, weights.packed);
    const int h = lx_conv_out(&d, d.h), ys = lx_stored_channels(d.co), xs = lx_stored_channels(d.ci);
    const LxConvArgs a = {.weights = &weights, .x = check_random_tensor(&m, 1, d.ci, d.h, d.w, -1, 1), .y = check_output(&m, 1, d.co, h, h),
                          .in_scale = check_vectors(&m, 1, d.ci, xs, -1, 1), .out_scale = check_vectors(&m, 1, d.co, ys, -1, 1),
                          .bias = check_vectors(&m, 1, d.co, ys, -1, 1), .slope = 0.2f};
    void *scratch = ops->scratch_bytes ? check_floats(&m, ops->scratch_bytes(&d, o->threads) / sizeof(float)) : NULL;
    const double bytes = (double)(lx_tensor_floats(&a.x) + lx_tensor_floats(&a.y)) * sizeof(float) + (double)weights.bytes;
    measure(o, level, &(Timed){name, ops->name, run_conv, &a, scratch, flops_of(&d), bytes});
    check_release(&m, name);
}

/* ---- the others, bound by memory ------------------------------------------------------------------------------------ */

static const CheckLevel *current; /* whose table the functions below call */

static void run_warp(const LxExec *x, const void *a) { current->table.warp.run(x, a); }
static void run_norm(const LxExec *x, const void *a) { current->table.group_norm_affine.run(x, a); }
static void run_navigate(const LxExec *x, const void *a) { current->table.navigate.run(x, a); }
static void run_linear(const LxExec *x, const void *a) { current->table.linear.run(x, a); }

static void bench_warp(const Options *o, const CheckLevel *level, int c, int size)
{
    CheckMemory m = {0};
    const LxWarpArgs a = {.h = check_random_tensor(&m, 1, c, size, size, -1, 1), .feature = check_random_tensor(&m, 1, c, size, size, -1, 1),
                          .w = check_random(&m, 3 * (size_t)c, -0.0002f, 0.0002f), .m = check_random(&m, (size_t)c, -1, 1), .m_stride = c,
                          .previous = check_random_tensor(&m, 1, 3, size / 2, size / 2, -0.002f, 0.002f), .flow = check_output(&m, 1, 3, size, size),
                          .warped = check_output(&m, 1, c, size, size), .blended = check_output(&m, 1, c, size, size)};
    char name[96];
    snprintf(name, sizeof name, "warp %d %dx%d", c, size, size);
    if (wanted(o, name)) measure(o, level, &(Timed){name, "", run_warp, &a, NULL, 0, 16.0 * (double)lx_tensor_floats(&a.h)});
    check_release(&m, name);
}

static void bench_small(const Options *o, const CheckLevel *level)
{
    CheckMemory m = {0};
    const LxGroupNormAffineArgs norm = {.stats = check_random(&m, 512 * 2 * 128, 0, 1), .weight = check_random(&m, 128, 1, 2), .bias = check_random(&m, 128, 1, 2),
                                        .scale = check_floats(&m, 128), .shift = check_floats(&m, 128), .n = 1, .rows = 512, .c = 128, .cs = 128, .groups = 32,
                                        .count = 512.0 * 512 * 4, .eps = 1e-5};
    if (wanted(o, "group_norm_affine 128 rows 512"))
        measure(o, level, &(Timed){"group_norm_affine 128 rows 512", "", run_norm, &norm, NULL, 0, 4.0 * 512 * 2 * 128});
    const LxNavigateArgs navigate = {.base = check_random(&m, 36352, -1, 1), .columns = check_random(&m, 40 * 36352, -1, 1), .a = check_random(&m, 40, -1, 1),
                                     .y = check_floats(&m, 36352), .n = 1, .motions = 40, .outputs = 36352};
    if (wanted(o, "navigate 40->36352")) measure(o, level, &(Timed){"navigate 40->36352", "", run_navigate, &navigate, NULL, 0, 4.0 * 42 * 36352});
    const LxLinearArgs linear = {.w = check_random(&m, 8192 * 512, -1, 1), .x = check_random(&m, 8192, -1, 1), .y = check_floats(&m, 512), .n = 1, .inputs = 8192, .outputs = 512};
    if (wanted(o, "linear 8192->512")) measure(o, level, &(Timed){"linear 8192->512", "", run_linear, &linear, NULL, 0, 4.0 * 8193 * 512});
    check_release(&m, "small kernels");
}

static void bench_level(const Options *o, const CheckLevel *level)
{
    current = level;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const Shape *s = &shapes[i];
        bench_conv(o, level, s, level->table.conv[s->kind]);
        bench_conv(o, level, s, level->table.bf16[s->kind]);
        const LxConvOps *const winograd[] = {level->table.winograd[0], level->table.winograd[1], level->table.winograd_bf16[0], level->table.winograd_bf16[1]};
        for (int j = 0; j < 4 && s->kind == LX_CONV2D && s->k == 3 && s->ci > 4; j++) /* what they are for: kernels.h */
            if (winograd[j]) bench_conv(o, level, s, winograd[j]);
    }
    if (!strcmp(level->table.warp.level, "ref")) return; /* a level of convolutions alone */
    bench_warp(o, level, 512, 32);
    bench_warp(o, level, 64, 512);
    bench_small(o, level);
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
    o.bandwidth = memory_bandwidth(o.threads);
    static CheckLevel levels[CHECK_MAX_LEVELS];
    const int n = check_levels(levels);
    for (int l = 0; l < n; l++) {
        if (o.level && strcmp(o.level, levels[l].name)) continue;
        bench_level(&o, &levels[l]);
    }
    return 0;
}
