/* Weights and arithmetic of 16 bits: low_memory draws what the direct form draws, from memory that the host's allocator counts; bf16
   draws nearly what f32 draws. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "liax/liax.h"
#include "support/golden.h"

enum { S = 64, N = 3 * S * S };

/* Bytes that the library holds. */
static atomic_size_t held;

static void *count_alloc(void *ctx, size_t size, size_t align)
{
    const LiaxAllocator *libc = ctx;
    held += size;
    return libc->alloc(libc->ctx, size, align);
}

static void count_free(void *ctx, void *p, size_t size)
{
    const LiaxAllocator *libc = ctx;
    held -= size;
    libc->free(libc->ctx, p, size);
}

typedef struct Drawn {
    float picture[N];
    size_t opened;  /* bytes held once the model is open */
    size_t weights; /* of them, packed weights */
    char level[32];
} Drawn;

/* An edit of a made-up picture by $LIAX_BUILD/tests/NAME.liax. */
static void draw(const char *name, const LiaxModelOptions *options, Drawn *d)
{
    LiaxAllocator libc = lx_allocator(NULL);
    LiaxModelOptions o = *options;
    o.struct_size = sizeof o;
    o.device = "cpu";
    o.allocator = (LiaxAllocator){count_alloc, count_free, &libc};
    LiaxModel *m;
    LiaxSession *s;
    char path[256];
    uint8_t pixels[40 * 30 * 3];
    for (int i = 0; i < 40 * 30 * 3; i++) pixels[i] = (uint8_t)(i * i / 7 + i % 3 * 40);
    const LiaxImage source = {.struct_size = sizeof source, .width = 40, .height = 30, .planes = {pixels}};
    float *p = d->picture;
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = S, .height = S, .planes = {p, p + S * S, p + 2 * S * S}};
    LiaxModelInfo info = {.struct_size = sizeof info};
    held = 0;
    snprintf(path, sizeof path, "%s/tests/%s.liax", golden_build(), name);
    assert_int_equal(liax_model_open(&m, path, &o), LIAX_OK);
    d->opened = held;
    assert_int_equal(liax_model_info(m, &info), LIAX_OK);
    d->weights = (size_t)info.memory_bytes;
    snprintf(d->level, sizeof d->level, "%s", info.level);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "1", 0.3), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    assert_int_equal(held, 0);
}

static void synthesize(const char *dtype)
{
    assert_int_equal(golden_run("mkdir -p %s/tests && %s/bin/liax-synth --size 64 --widths %s --motions 40 --seed 5 --dtype %s "
                                "%s/tests/wide-%s.liax >/dev/null 2>&1", golden_build(), golden_build(),
                                SANITIZED ? "128,144,128,40,24" : "128,144,128,128,136", dtype, golden_build(), dtype), 0);
}

static Drawn low, direct;

/* The same numbers in the same order: the same picture. Beside the weights an open model holds less than a hundredth of them: no
   second copy of a weight. */
static void low_memory_draws_the_same(void **state)
{
    const char *const *at = *state;
    char name[64];
    synthesize(at[1]);
    snprintf(name, sizeof name, "wide-%s", at[1]);
    setenv("LIAX_CPU", at[0], 1);
    draw(name, &(LiaxModelOptions){.conv = LIAX_CONV_DIRECT}, &direct);
    draw(name, &(LiaxModelOptions){.low_memory = 1}, &low);
    unsetenv("LIAX_CPU");
    assert_memory_equal(low.picture, direct.picture, sizeof low.picture);
    assert_true(low.opened - low.weights < low.weights / 100);
    assert_int_equal(low.opened - low.weights, direct.opened - direct.weights);
    if (!strcmp(at[1], "f32") || !strcmp(low.level, "ref")) assert_int_equal(low.weights, direct.weights);
    else assert_true(low.weights < 0.58 * (double)direct.weights); /* convolutions are 87 % of this model, and half as large */
}

/* ---- the demo model in bf16: drawn portraits, FRAMES driving frames ------------------------------------------------ */

enum { D = 128, FRAMES = SANITIZED ? 1 : 4, PIXELS = 3 * D * D };

typedef struct Clip {
    uint8_t *frames[1 + FRAMES]; /* the source first */
} Clip;

static int open_demo(void **state)
{
    static Clip clip;
    const char *build = golden_build();
    char folder[256], name[32];
    int w, h;
    if (golden_run("mkdir -p %s/tests/demo && %s/bin/liax-convert examples/demo/demo.safetensors %s/tests/demo.liax >/dev/null 2>&1", build, build, build) ||
        golden_run("%s/bin/liax-portrait --seed 3 --size %dx%d -o %s/tests/demo/source.png", build, D, D, build) ||
        golden_run("%s/bin/liax-portrait --seed 9 --size %dx%d --fps 2 --frames %d -o %s/tests/demo", build, D, D, FRAMES, build))
        return -1;
    snprintf(folder, sizeof folder, "%s/tests/demo", build);
    setenv("LIAX_GOLDEN", folder, 1);
    for (int i = 0; i <= FRAMES; i++) {
        snprintf(name, sizeof name, i ? "%05d.png" : "source.png", i - 1);
        clip.frames[i] = golden_png(name, &w, &h);
    }
    unsetenv("LIAX_GOLDEN");
    *state = &clip;
    return 0;
}

static int close_demo(void **state)
{
    const Clip *clip = *state;
    for (int i = 0; i <= FRAMES; i++) free(clip->frames[i]);
    return 0;
}

static LiaxImage square(uint8_t *pixels)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .width = D, .height = D, .planes = {pixels}};
}

/* The clip animated: 8-bit pictures. */
static void animate(const Clip *clip, LiaxPrecision precision, LiaxConv conv, int threads, int batch, uint8_t *to)
{
    char path[256];
    snprintf(path, sizeof path, "%s/tests/demo.liax", golden_build());
    LiaxModel *m;
    LiaxSession *s;
    const LiaxModelOptions o = {.struct_size = sizeof o, .device = "cpu", .precision = precision, .conv = conv, .threads = threads};
    LiaxModelInfo info = {.struct_size = sizeof info};
    assert_int_equal(liax_model_open(&m, path, &o), LIAX_OK);
    assert_int_equal(liax_model_info(m, &info), LIAX_OK);
    assert_string_equal(info.precision, precision == LIAX_PRECISION_BF16 ? "bf16" : "f32");
    assert_int_equal(info.size, D);
    assert_int_equal(liax_session_open(&s, m, &(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .max_batch = batch}), LIAX_OK);
    LiaxImage image = square(clip->frames[0]);
    assert_int_equal(liax_session_set_source(s, &image), LIAX_OK);
    int drawn = 0;
    for (int i = 1; i <= FRAMES + 1; i++) {
        if (i <= FRAMES) image = square(clip->frames[i]);
        assert_int_equal(liax_session_push(s, i <= FRAMES ? &image : NULL), LIAX_OK);
        for (LiaxStatus st = LIAX_OK; st == LIAX_OK; drawn += st == LIAX_OK) {
            LiaxImage out = square(to + (drawn < FRAMES ? drawn : 0) * PIXELS);
            st = liax_session_pull(s, &out);
            assert_true(st >= LIAX_OK);
        }
    }
    assert_int_equal(drawn, FRAMES);
    liax_session_close(&s);
    liax_model_close(&m);
}

static uint8_t in_f32[FRAMES * PIXELS], in_bf16[FRAMES * PIXELS], again[FRAMES * PIXELS];

/* Every convolution that may be is computed so, and those that are the fastest. */
static void bf16_is_near_f32(void **state)
{
    static const LiaxConv convs[] = {LIAX_CONV_AUTO, LIAX_CONV_DIRECT, LIAX_CONV_WINOGRAD};
    animate(*state, LIAX_PRECISION_F32, LIAX_CONV_DIRECT, 0, 1, in_f32);
    for (int c = 0; c < 3; c++) {
        double squares = 0;
        animate(*state, LIAX_PRECISION_BF16, convs[c], 0, 1, in_bf16);
        for (int i = 0; i < FRAMES * PIXELS; i++) squares += pow(in_f32[i] - in_bf16[i], 2);
        const double psnr = 10 * log10(255 * 255.0 * FRAMES * PIXELS / squares);
        if (!(psnr >= 45 && psnr < 70)) fail_msg("conv %d in bf16 is %.2f dB from f32", convs[c], psnr); /* above 70 something computed in f32 */
    }
}

static void bf16_is_the_same_however(void **state)
{
    animate(*state, LIAX_PRECISION_BF16, LIAX_CONV_AUTO, 1, 1, in_bf16);
    animate(*state, LIAX_PRECISION_BF16, LIAX_CONV_AUTO, 3, 1, again);
    assert_memory_equal(again, in_bf16, sizeof again);
    animate(*state, LIAX_PRECISION_BF16, LIAX_CONV_AUTO, 2, 3, again);
    assert_memory_equal(again, in_bf16, sizeof again);
}

static void bf16_takes_less_memory(void **state)
{
    (void)state;
    static Drawn bf16, least, f32;
    synthesize("f32");
    draw("wide-f32", &(LiaxModelOptions){.precision = LIAX_PRECISION_BF16}, &bf16);
    draw("wide-f32", &(LiaxModelOptions){.precision = LIAX_PRECISION_BF16, .low_memory = 1}, &least);
    draw("wide-f32", &(LiaxModelOptions){.conv = LIAX_CONV_DIRECT}, &f32);
    assert_int_equal(bf16.opened - bf16.weights, f32.opened - f32.weights);
    assert_int_equal(least.opened - least.weights, f32.opened - f32.weights);
    if (!strcmp(f32.level, "ref")) return;
    assert_true(least.weights < 0.58 * (double)f32.weights); /* as above */
    assert_true(bf16.weights > least.weights && bf16.weights < 1.87 * (double)f32.weights); /* at most 36 halves in place of 9 floats */
}

static void refused(const LiaxModelOptions *options, const char *words)
{
    char path[256], error[256] = "";
    LiaxModelOptions o = *options;
    LiaxModel *m;
    snprintf(path, sizeof path, "%s/tests/demo.liax", golden_build());
    o.struct_size = sizeof o, o.device = "cpu", o.error = error, o.error_size = sizeof error;
    assert_int_equal(liax_model_open(&m, path, &o), LIAX_E_UNSUPPORTED);
    if (!strstr(error, words)) fail_msg("\"%s\" lacks \"%s\"", error, words);
}

static void what_no_cpu_computes(void **state)
{
    (void)state;
    refused(&(LiaxModelOptions){.precision = LIAX_PRECISION_F16}, "f32 or bf16");
}

int main(void)
{
    static const char *at[][2] = {{"avx512", "f16"}, {"avx512", "bf16"}, {"avx512", "f32"}, {"avx2", "f16"}};
    const struct CMUnitTest tests[] = {
        {"low memory, f16 weights", low_memory_draws_the_same, NULL, NULL, at[0]},
        {"low memory, bf16 weights", low_memory_draws_the_same, NULL, NULL, at[1]},
        {"low memory, f32 weights", low_memory_draws_the_same, NULL, NULL, at[2]},
        {"low memory, f16 weights, level avx2", low_memory_draws_the_same, NULL, NULL, at[3]},
        cmocka_unit_test_setup_teardown(bf16_is_near_f32, open_demo, close_demo),
        cmocka_unit_test_setup_teardown(bf16_is_the_same_however, open_demo, close_demo),
        cmocka_unit_test(bf16_takes_less_memory),
        cmocka_unit_test_setup_teardown(what_no_cpu_computes, open_demo, close_demo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
