/* liax bench: the time of a driving frame's encoder, of the decoder, and of a whole frame; with --layers, of every layer,
   beside what the machine's arithmetic and memory would allow (a roofline). */
#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "bandwidth.h"
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

enum { MAX_LAYERS = 4096 };

typedef struct Bench {
    Engine e;
    MediaPicture driving, drawn; /* S x S */
    float *alpha;
    LiaxImage in, out;
    double *ms; /* [runs] */
} Bench;

typedef struct Timing {
    double min, median;
} Timing;

typedef struct Layer {
    char layer[96], kernel[32], algorithm[48];
    int in_channels, out_channels, height, width;
    double ms, flops, bytes;
} Layer;

typedef struct Layers {
    Layer *rows;
    int n, at;        /* at: the row that comes next in the frame being drawn */
    double peak;      /* GFLOP/s */
    double bandwidth; /* GB/s; 0: not known */
} Layers;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static LiaxStatus run_encoder(Bench *b)
{
    return liax_session_encode_motion(b->e.session, &b->in, b->alpha);
}

static LiaxStatus run_decoder(Bench *b)
{
    return liax_session_animate_motion(b->e.session, b->alpha, &b->out);
}

static LiaxStatus run_frame(Bench *b)
{
    return liax_animate_frame(b->e.session, &b->in, &b->out);
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int measure(Bench *b, LiaxStatus (*run)(Bench *), int runs, Timing *out)
{
    for (int i = -1; i < runs; i++) { /* -1 warms up */
        const double start = now_ms();
        const int code = engine_check(&b->e, run(b), "measure");
        if (code || interrupted()) return code ? code : EXIT_INTERRUPTED;
        if (i >= 0) b->ms[i] = now_ms() - start;
        progress_frame();
    }
    qsort(b->ms, (size_t)runs, sizeof *b->ms, by_value);
    *out = (Timing){b->ms[0], (b->ms[(runs - 1) / 2] + b->ms[runs / 2]) / 2};
    return EXIT_OK;
}

/* Every frame runs the same layers in the same order; a row keeps its shortest time. */
static void on_layer(void *ctx, const LiaxLayerInfo *l)
{
    Layers *all = ctx;
    if (all->at == MAX_LAYERS) return;
    Layer *row = &all->rows[all->at++];
    if (all->at <= all->n) {
        if (l->ms < row->ms) row->ms = l->ms;
        return;
    }
    all->n = all->at;
    *row = (Layer){.in_channels = l->in_channels,
                   .out_channels = l->out_channels,
                   .height = l->height,
                   .width = l->width,
                   .ms = l->ms,
                   .flops = l->flops,
                   .bytes = l->bytes};
    snprintf(row->layer, sizeof row->layer, "%s", l->layer);
    snprintf(row->kernel, sizeof row->kernel, "%s", l->kernel);
    snprintf(row->algorithm, sizeof row->algorithm, "%s", l->algorithm);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* What the machine can do, at its best moment. The triad is the host's memory, which says nothing about another device. */
static int measure_machine(Bench *b, Layers *out)
{
    double peak = 0;
    const int code = engine_check(&b->e, liax_model_peak(b->e.model, &peak), "measure the machine's peak");
    out->peak = larger(out->peak, peak);
    if (!strcmp(b->e.info.device, "cpu")) out->bandwidth = larger(out->bandwidth, memory_bandwidth(b->e.info.threads));
    return code;
}

/* Frames with a clock at every layer. */
static int profile(Bench *b, int runs, Layers *out)
{
    *out = (Layers){.rows = calloc(MAX_LAYERS, sizeof *out->rows)};
    if (!out->rows) return say_error("not enough memory");
    int code = measure_machine(b, out);
    if (!code) code = engine_check(&b->e, liax_session_profile(b->e.session, on_layer, out), "measure layers");
    for (int i = 0; !code && i < runs; i++) {
        out->at = 0;
        code = engine_check(&b->e, run_frame(b), "measure layers");
        progress_frame();
    }
    liax_session_profile(b->e.session, NULL, NULL);
    return code ? code : measure_machine(b, out);
}

static double share(double of, double whole)
{
    return whole > 0 ? of / whole : 0;
}

static double gflops(const Layer *l)
{
    return share(1e-6 * l->flops, l->ms);
}

/* FLOP for each byte read or written; 0: not known. */
static double intensity(const Layer *l)
{
    return share(l->flops, l->bytes);
}

/* GFLOP/s that peak and memory allow; 0: not known. */
static double bound(const Layers *all, const Layer *l)
{
    const double memory = intensity(l) * all->bandwidth;
    return memory > 0 && memory < all->peak ? memory : l->flops > 0 ? all->peak : 0;
}

static json_t *layers_json(const Layers *all)
{
    json_t *rows = json_array();
    for (int i = 0; i < all->n; i++) {
        const Layer *l = &all->rows[i];
        json_array_append_new(
            rows, json_pack("{s:s, s:s, s:s, s:[i,i,i,i], s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "layer", l->layer,
                            "kernel", l->kernel, "algorithm", l->algorithm, "shape", l->in_channels, l->out_channels,
                            l->height, l->width, "ms", l->ms, "flops", l->flops, "bytes", l->bytes, "gflops", gflops(l),
                            "share_of_peak", share(gflops(l), all->peak), "flop_per_byte", intensity(l), "bound_gflops",
                            bound(all, l), "share_of_bound", share(gflops(l), bound(all, l))));
    }
    return rows;
}

static void layers_text(const Layers *all)
{
    printf("\n%-34s %-16s %-16s %-18s %9s %9s %6s %9s %9s %6s\n", "layer", "kernel", "algorithm", "in>out x h x w", "ms",
           "GFLOP/s", "peak", "FLOP/byte", "bound", "share");
    for (int i = 0; i < all->n; i++) {
        const Layer *l = &all->rows[i];
        printf("%-34s %-16s %-16s ", l->layer, l->kernel, l->algorithm);
        if (l->flops > 0) {
            char shape[48];
            snprintf(shape, sizeof shape, "%d>%d x %d x %d", l->in_channels, l->out_channels, l->height, l->width);
            printf("%-18s %9.3f %9.1f %5.1f%% %9.1f %9.1f %5.1f%%\n", shape, l->ms, gflops(l),
                   100 * share(gflops(l), all->peak), intensity(l), bound(all, l), 100 * share(gflops(l), bound(all, l)));
        } else {
            printf("%-18s %9.3f\n", "", l->ms);
        }
    }
    printf("peak measured here: %.1f GFLOP/s", all->peak);
    if (all->bandwidth > 0) printf(", memory %.1f GB/s; bound = min(peak, FLOP/byte x memory)", all->bandwidth);
    printf("\n");
}

static int report(const Settings *s, const LiaxModelInfo *m, const Timing t[3], const Layers *all)
{
    static const char *const names[3] = {"encoder_ms", "decoder_ms", "frame_ms"};
    if (!s->json) {
        printf("%s, %s weights, %s on %s (%s), %d threads, size %d\n", m->family, m->dtype, m->precision, m->device,
               m->level, m->threads, m->size);
        for (int i = 0; i < 3; i++) printf("%-12s min %9.3f  median %9.3f\n", names[i], t[i].min, t[i].median);
        if (s->layers) layers_text(all);
        return finish_stdout();
    }
    json_t *root = json_pack("{s:i, s:s, s:s, s:s, s:i}", "threads", (int)m->threads, "level", m->level, "precision",
                             m->precision, "dtype", m->dtype, "size", (int)m->size);
    for (int i = 0; i < 3; i++)
        json_object_set_new(root, names[i], json_pack("{s:f, s:f}", "min", t[i].min, "median", t[i].median));
    if (s->layers)
        json_object_update_new(root, json_pack("{s:o, s:f, s:f}", "layers", layers_json(all), "peak_gflops", all->peak,
                                               "bandwidth_gb_per_s", all->bandwidth));
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(root);
    return finish_stdout();
}

/* A picture with edges and slopes; which one does not matter to the time. */
static int prepare(Bench *b, const Settings *s)
{
    const int size = b->e.info.size;
    MediaError error;
    if (!media_picture_alloc(&b->driving, size, size, "the test picture", &error) ||
        !media_picture_alloc(&b->drawn, size, size, "the result", &error))
        return say_error("%s", error.text);
    for (int i = 0; i < size * size * 3; i++) b->driving.rgb[i] = (uint8_t)((i * 7 + i / (3 * size) * 13) ^ (i >> 9));
    b->alpha = calloc((size_t)b->e.info.motions, sizeof *b->alpha);
    b->ms = calloc((size_t)s->runs, sizeof *b->ms);
    if (!b->alpha || !b->ms) return say_error("not enough memory");
    b->in = image_of(&b->driving);
    b->out = image_of(&b->drawn);
    return engine_check(&b->e, liax_session_set_source(b->e.session, &b->in), "take the test picture");
}

int run_bench(const Settings *s)
{
    Bench b = {0};
    Timing t[3];
    Layers layers = {0};
    int code = engine_open(&b.e, s, LIAX_RELATIVE);
    if (!code) code = prepare(&b, s);
    progress_start(s, "measurement", 3 * ((int64_t)s->runs + 1) + (s->layers ? s->runs : 0));
    if (!code) code = measure(&b, run_encoder, s->runs, &t[0]);
    if (!code) code = measure(&b, run_decoder, s->runs, &t[1]);
    if (!code) code = measure(&b, run_frame, s->runs, &t[2]);
    if (!code && s->layers) code = profile(&b, s->runs, &layers);
    progress_clear();
    if (!code) code = report(s, &b.e.info, t, &layers);
    engine_close(&b.e);
    free(layers.rows);
    free(b.alpha);
    free(b.ms);
    media_picture_free(&b.driving);
    media_picture_free(&b.drawn);
    return code;
}
