/* Every golden array at every level: the intermediates of a pass, and the outputs of every mode, within MANIFEST.md's bounds.
   Each array at each level and convolution is a test of its own. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lia_x/lia_x.h"
#include "session.h"
#include "support/golden.h"

enum { DRIVING = 5, MAX_ARRAYS = 128 };

typedef struct Edit {
    const char *name;
    double value;
} Edit;

/* A golden model: its edits, and the frames of its sweeps that are stored. */
typedef struct GoldenModel {
    const char *name;
    Edit head[2], mouth[2];
    int frames[8], n_frames;
} GoldenModel;

static const GoldenModel models[] = {
    {"tiny-64", {{"1", 0.9}, {"3", -0.7}}, {{"6", 0.8}, {"2", -0.4}}, {0, 7, 15, 31, 47, 63}, 6},
    {"small-128", {{"15", 0.9}, {"7", -0.7}}, {{"16", 0.8}, {"13", -0.4}}, {7, 47}, 2},
};

/* One way to compute: a level of the CPU, or the CUDA device, a choice of convolution, and a precision; AUTO is f32. */
typedef struct Way {
    const char *level;
    LiaxConv conv;
    const char *conv_name;
    LiaxPrecision precision;
} Way;

/* Under a sanitizer small-128 is left to the ways that people use: tiny-64 runs the same code in all of them. */
static int is_run(const GoldenModel *model, const Way *way)
{
    return !SANITIZED || strcmp(model->name, "small-128") || (way->conv == LIAX_CONV_AUTO && strcmp(way->level, "ref"));
}

/* Whether ways are the CUDA device's. */
static int on_cuda(void)
{
    return getenv("LIAX_TEST_CUDA") != NULL;
}

/* What a model gave in one way: arrays by golden name. */
typedef struct Results {
    struct {
        char name[64];
        float *data;
        size_t n;
    } arrays[MAX_ARRAYS];
    int n;
    const char *prefix; /* of the names that a tap gets */
} Results;

static float *add(Results *r, const char *name, size_t n)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->arrays[i].name, name) == 0) return r->arrays[i].data;
    assert_true(r->n < MAX_ARRAYS);
    snprintf(r->arrays[r->n].name, sizeof r->arrays[r->n].name, "%s", name);
    r->arrays[r->n].n = n;
    return r->arrays[r->n++].data = calloc(n, sizeof(float));
}

static const float *find(const Results *r, const char *name, size_t n)
{
    for (int i = 0; i < r->n; i++)
        if (strcmp(r->arrays[i].name, name) == 0 && r->arrays[i].n == n) return r->arrays[i].data;
    return NULL;
}

/* NHWC to NCHW, of the host's memory. */
static void export_tensor(const LxTensor *t, float *to)
{
    for (int n = 0; n < t->n; n++)
        for (int c = 0; c < t->c; c++)
            for (int y = 0; y < t->h; y++)
                for (int x = 0; x < t->w; x++) *to++ = lx_tensor_pixel(t, n, y, x)[c];
}

/* The same of the device's. */
static void fetch_tensor(LxRun *r, const LxTensor *t, float *to)
{
    const size_t bytes = lx_tensor_bytes(t);
    LxTensor host = *t;
    void *const stored = malloc(bytes);
    host.type = LX_F32;
    host.data = calloc(lx_tensor_floats(t), sizeof(float));
    assert_int_equal(r->device->backend->receive(r->device, r->stream, stored, t->data, bytes, 0, 1, r->log), LIAX_OK);
    lx_to_f32(host.data, stored, t->type, lx_tensor_floats(t));
    export_tensor(&host, to);
    free(host.data);
    free(stored);
}

static void see(void *ctx, const char *name, const LxTensor *t)
{
    Results *r = ctx;
    if (!r->prefix) return;
    char full[80];
    snprintf(full, sizeof full, "%s%s", r->prefix, name);
    const size_t n = (size_t)t->n * (size_t)t->c * (size_t)t->h * (size_t)t->w;
    export_tensor(t, add(r, full, n));
    if (strstr(name, ".flow")) { /* the mask is the sigmoid of the third */
        full[strlen(full) - 4] = 0;
        strcat(full, "mask");
        float *mask = add(r, full, n / 3);
        for (size_t i = 0; i < n / 3; i++) mask[i] = (float)(1 / (1 + exp(-(double)lx_tensor_pixel(t, 0, (int)i / t->w, (int)i % t->w)[2])));
    }
}

static LiaxImage picture(const char *model, const char *file, uint8_t **pixels)
{
    char path[96];
    int w, h;
    snprintf(path, sizeof path, "%s/%s", model, file);
    *pixels = golden_png(path, &w, &h);
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGB24, .width = w, .height = h, .planes = {*pixels}};
}

/* A picture of S x S floats: the network's own output. */
static LiaxImage raw(float *to, int size)
{
    const size_t plane = (size_t)size * (size_t)size;
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGBF32, .width = size, .height = size, .planes = {to, to + plane, to + 2 * plane}};
}

static void set_edits(LiaxSession *s, const Edit edits[2])
{
    assert_int_equal(liax_session_clear_edits(s), LIAX_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(liax_session_set_edit(s, edits[i].name, edits[i].value), LIAX_OK);
}

/* All driving frames through a session of a mode. */
static void animate(LiaxModel *m, LiaxMode mode, const LiaxImage *source, const LiaxImage *driving, const Edit *edits, float *to)
{
    LiaxSession *s;
    assert_int_equal(liax_session_open(&s, m, &(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = mode}), LIAX_OK);
    if (source) assert_int_equal(liax_session_set_source(s, source), LIAX_OK);
    if (edits) set_edits(s, edits);
    const size_t frame = 3 * (size_t)m->sizes.size * (size_t)m->sizes.size;
    for (int i = 0; i < DRIVING; i++) {
        LiaxImage out = raw(to + (size_t)i * frame, m->sizes.size);
        assert_int_equal(liax_animate_frame(s, &driving[i], &out), LIAX_OK);
    }
    liax_session_close(&s);
}

static void sweep(LiaxSession *s, const GoldenModel *g, const Edit edits[2], int size, float *to)
{
    set_edits(s, edits);
    for (int i = 0; i < g->n_frames; i++) {
        LiaxImage out = raw(to + (size_t)i * 3 * (size_t)size * (size_t)size, size);
        assert_int_equal(liax_session_sweep(s, g->frames[i], &out), LIAX_OK);
    }
}

/* Encoding of the source and of the driving frames. */
static void run_encoder(Results *r, LiaxSession *s, const LiaxImage *source, const LiaxImage *driving)
{
    const size_t M = (size_t)s->model->sizes.motions, latent = (size_t)s->model->sizes.widths[0];
    const size_t frame = 3 * (size_t)s->model->sizes.size * (size_t)s->model->sizes.size;
    const LxTensor input = lx_tensor_frame(s->place.input, 0);
    const float *q = ((const LxLiaX *)s->place.network->weights)->q;
    memcpy(add(r, "Q", latent * M), q, latent * M * sizeof(float));
    s->run.tap = see;
    s->run.tap_ctx = r;
    r->prefix = "";
    assert_int_equal(liax_session_set_source(s, source), LIAX_OK);
    r->prefix = NULL;
    fetch_tensor(&s->run, &input, add(r, "source", frame));
    memcpy(add(r, "edit_enc.block_512", 16 * latent), find(r, "enc.block_512", 16 * latent), 16 * latent * sizeof(float));
    memcpy(add(r, "alpha", M), s->source_motion, M * sizeof(float));
    float *inputs = add(r, "driving", DRIVING * frame), *z = add(r, "z_driving", DRIVING * latent), *alpha = add(r, "alpha_driving", DRIVING * M);
    for (int i = 0; i < DRIVING; i++) {
        Results one = {.prefix = ""};
        s->run.tap_ctx = &one;
        assert_int_equal(liax_session_encode_motion(s, &driving[i], alpha + (size_t)i * M), LIAX_OK);
        fetch_tensor(&s->run, &input, inputs + (size_t)i * frame);
        memcpy(z + (size_t)i * latent, find(&one, "z_driving", latent), latent * sizeof(float));
        for (int k = 0; k < one.n; k++) free(one.arrays[k].data);
    }
    s->run.tap_ctx = r;
}

/* The latent is never formed by the engine, which goes from motion to styles: form it from what the engine does hold. */
static void form_latent(Results *r, const LiaxSession *s)
{
    const size_t M = (size_t)s->model->sizes.motions, latent = (size_t)s->model->sizes.widths[0];
    const float *z = find(r, "z", latent), *q = find(r, "Q", latent * M);
    float *delta = calloc(M, sizeof(float)), *to = add(r, "latent_edit", latent);
    lx_session_delta(s, 1, delta);
    for (size_t i = 0; i < latent; i++) {
        double sum = z[i];
        for (size_t m = 0; m < M; m++) sum += (double)q[i * M + m] * (s->source_motion[m] + delta[m]);
        to[i] = (float)sum;
    }
    free(delta);
}

static void run_pictures(Results *r, LiaxSession *s, const GoldenModel *g)
{
    const int size = s->model->sizes.size;
    const size_t frame = 3 * (size_t)size * (size_t)size;
    LiaxImage out = raw(add(r, "reconstruct", frame), size);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    set_edits(s, g->head);
    form_latent(r, s);
    r->prefix = "edit_";
    out = raw(add(r, "edit", frame), size);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    r->prefix = NULL;
    set_edits(s, g->mouth);
    out = raw(add(r, "edit_mouth", frame), size);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    sweep(s, g, g->head, size, add(r, "manipulate", (size_t)g->n_frames * frame));
    sweep(s, g, g->mouth, size, add(r, "manipulate_mouth", (size_t)g->n_frames * frame));
}

static LiaxModel *open_model(const char *name, const Way *way)
{
    char path[256], error[512] = "";
    snprintf(path, sizeof path, "%s/tests/%s-pt.liax", golden_build(), name);
    setenv("LIAX_CPU", way->level, 1);
    LiaxModel *m;
    const LiaxModelOptions o = {.struct_size = sizeof o, .device = on_cuda() ? "cuda" : NULL, .backend_dir = getenv("LIAX_TEST_CUDA"),
                                .precision = way->precision, .conv = way->conv, .error = error, .error_size = sizeof error};
    if (liax_model_open(&m, path, &o)) fail_msg("%s", error);
    return m;
}

static Results run_model(const GoldenModel *g, LiaxModel *m)
{
    Results r = {0};
    LiaxSession *s;
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    uint8_t *pixels[1 + DRIVING];
    LiaxImage source = picture(g->name, "source.png", &pixels[0]), driving[DRIVING];
    for (int i = 0; i < DRIVING; i++) {
        char file[32];
        snprintf(file, sizeof file, "driving-%d.png", i);
        driving[i] = picture(g->name, file, &pixels[1 + i]);
    }
    run_encoder(&r, s, &source, driving);
    run_pictures(&r, s, g);
    const size_t clip = DRIVING * 3 * (size_t)m->sizes.size * (size_t)m->sizes.size;
    animate(m, LIAX_RELATIVE, &source, driving, g->head, add(&r, "animate_relative", clip));
    animate(m, LIAX_ABSOLUTE, &source, driving, NULL, add(&r, "animate_absolute", clip));
    animate(m, LIAX_EDIT_VIDEO, NULL, driving, g->mouth, add(&r, "edit_video", clip));
    for (int i = 0; i < 1 + DRIVING; i++) free(pixels[i]);
    liax_session_close(&s);
    return r;
}

/* ---- tests made from the manifest */

typedef struct Case {
    char name[192];
    const Golden *golden;
    const Results *results;
    LiaxPrecision precision;
} Case;

static void compare(void **state)
{
    const Case *c = *state;
    if (!c->results) skip(); /* this machine, or this build, does not run it */
    Array want = golden_read(c->golden->path);
    char name[64];
    snprintf(name, sizeof name, "%s", strchr(c->golden->path, '/') + 1);
    *strstr(name, ".npy") = 0;
    const float *got = find(c->results, name, want.n);
    if (!got) fail_msg("%s was not computed", c->golden->path);
    const char *wrong = c->precision == LIAX_PRECISION_F16    ? golden_compare_f16(got, want.f, want.n)
                        : c->precision == LIAX_PRECISION_BF16 ? golden_compare_bf16(got, want.f, want.n)
                                                              : golden_compare(got, want.f, want.n, c->golden->tolerance, c->golden->rms, 1);
    golden_free(&want);
    if (wrong) fail_msg("%s: %s", c->name, wrong);
}

/* Goldens of the model itself: not the f16 and bf16 ones, nor 8-bit pictures. */
static int belongs(const Golden *g, const char *model)
{
    const size_t n = strlen(model);
    return strncmp(g->path, model, n) == 0 && g->path[n] == '/' && !strchr(g->path + n + 1, '/') && !strstr(g->path, "u8");
}

/* Did LIAX_CPU=level give that level here? */
static int runs(const LiaxModel *m, const Way *way)
{
    LiaxModelInfo info = {.struct_size = sizeof info};
    return on_cuda() || (liax_model_info(m, &info) == LIAX_OK && strcmp(info.level, way->level) == 0);
}

static int run_way(const GoldenModel *model, const Way *way, const Golden *goldens, size_t n)
{
    static Case cases[256];
    static struct CMUnitTest tests[256];
    size_t count = 0;
    Results r = {0};
    LiaxModel *m = open_model(model->name, way);
    const int can = runs(m, way) && is_run(model, way);
    if (can) r = run_model(model, m);
    liax_model_close(&m);
    for (size_t i = 0; i < n; i++) {
        if (!belongs(&goldens[i], model->name)) continue;
        cases[count] = (Case){.golden = &goldens[i], .results = can ? &r : NULL, .precision = way->precision};
        snprintf(cases[count].name, sizeof cases[count].name, "%s level %s conv %s", goldens[i].path, way->level, way->conv_name);
        tests[count] = (struct CMUnitTest){cases[count].name, compare, NULL, NULL, &cases[count]};
        count++;
    }
    const int failed = _cmocka_run_group_tests(model->name, tests, count, NULL, NULL);
    for (int i = 0; i < r.n; i++) free(r.arrays[i].data);
    return failed;
}

/* test_goldens [MODEL [LEVEL]]: of all golden models, or of one; at all levels, or at one. With LIAX_TEST_CUDA, a folder with
   libliax-cuda.so, on that device. */
int main(int argc, char **argv)
{
    static const Way cpu[] = {{"ref", LIAX_CONV_AUTO, "auto", 0}, {"avx2", LIAX_CONV_AUTO, "auto", 0}, {"avx2", LIAX_CONV_REF, "ref", 0},
                              {"avx2", LIAX_CONV_DIRECT, "direct", 0}, {"avx2", LIAX_CONV_WINOGRAD, "winograd", 0}, {"avx512", LIAX_CONV_AUTO, "auto", 0},
                              {"avx512", LIAX_CONV_WINOGRAD, "winograd", 0},
                              {"ref", LIAX_CONV_AUTO, "auto in bf16", LIAX_PRECISION_BF16}, {"avx2", LIAX_CONV_AUTO, "auto in bf16", LIAX_PRECISION_BF16},
                              {"avx512", LIAX_CONV_AUTO, "auto in bf16", LIAX_PRECISION_BF16}, {"avx512bf16", LIAX_CONV_AUTO, "auto in bf16", LIAX_PRECISION_BF16},
                              {"avx2", LIAX_CONV_DIRECT, "direct in bf16", LIAX_PRECISION_BF16}, {"avx2", LIAX_CONV_WINOGRAD, "winograd in bf16", LIAX_PRECISION_BF16},
                              {"avx512", LIAX_CONV_WINOGRAD, "winograd in bf16", LIAX_PRECISION_BF16},
                              {"avx512bf16", LIAX_CONV_WINOGRAD, "winograd in bf16", LIAX_PRECISION_BF16}};
    static const Way cuda[] = {{"cuda f32", LIAX_CONV_AUTO, "auto", LIAX_PRECISION_F32}, {"cuda f16", LIAX_CONV_AUTO, "auto", LIAX_PRECISION_F16},
                               {"cuda f16", LIAX_CONV_REF, "ref", LIAX_PRECISION_F16}, {"cuda f16", LIAX_CONV_DIRECT, "direct", LIAX_PRECISION_F16}};
    const Way *const ways = on_cuda() ? cuda : cpu;
    const size_t n_ways = on_cuda() ? sizeof cuda / sizeof *cuda : sizeof cpu / sizeof *cpu;
    Golden *goldens;
    const size_t n = golden_manifest(&goldens);
    int failed = 0;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        if (argc > 1 && strcmp(argv[1], models[m].name)) continue;
        golden_convert(models[m].name, "pt");
        for (size_t w = 0; w < n_ways; w++)
            if (argc < 3 || strcmp(argv[2], ways[w].level) == 0) failed += run_way(&models[m], &ways[w], goldens, n);
    }
    free(goldens);
    return failed != 0;
}
