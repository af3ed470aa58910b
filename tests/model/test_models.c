/* Whole models: every golden container draws the same picture, reduced dtypes draw theirs, resizes are exact, and a wide
   synthetic model draws at every level what the reference draws. */
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

#include "frame.h"
#include "session.h"
#include "support/golden.h"

enum { S = 64 };

/* `edit` of tiny-64 by a container, into [3][S][S]; z [16] if wanted. */
static void take_z(void *ctx, const char *name, const LxTensor *t)
{
    if (strcmp(name, "z") == 0) memcpy(ctx, t->data, 16 * sizeof(float));
}

static void draw_edit(const char *name, const char *ending, float *out, float *z)
{
    char path[256];
    golden_convert(name, ending);
    snprintf(path, sizeof path, "%s/tests/%s-%s.liax", golden_build(), name, ending);
    LiaxModel *m;
    LiaxSession *s;
    int w, h;
    uint8_t *pixels = golden_png("tiny-64/source.png", &w, &h);
    const LiaxImage source = {.struct_size = sizeof source, .width = w, .height = h, .planes = {pixels}};
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = S, .height = S, .planes = {out, out + S * S, out + 2 * S * S}};
    assert_int_equal(liax_model_open(&m, path, NULL), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    s->run.tap = take_z;
    s->run.tap_ctx = z;
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    s->run.tap = NULL;
    assert_int_equal(liax_session_set_edit(s, "1", 0.9), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", -0.7), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    free(pixels);
}

static void same_picture_from_every_container(void **state)
{
    const char *const *file = *state;
    static float want[3 * S * S], got[3 * S * S];
    float z[16];
    draw_edit("tiny-64", "pt", want, z);
    draw_edit(file[0], file[1], got, z);
    assert_memory_equal(got, want, sizeof want);
}

static void compare(const char *path, const float *got)
{
    const Golden g = golden_find(path);
    Array want = golden_read(path);
    const char *wrong = golden_compare(got, want.f, want.n, g.tolerance, g.rms, 1);
    golden_free(&want);
    if (wrong) fail_msg("%s: %s", path, wrong);
}

static void reduced_dtype(void **state)
{
    const char *dtype = *state;
    static float got[3 * S * S];
    float z[16];
    char name[64];
    snprintf(name, sizeof name, "tiny-64-%s", dtype);
    draw_edit(name, "pt", got, z);
    snprintf(name, sizeof name, "tiny-64/%s/z.npy", dtype);
    compare(name, z);
    snprintf(name, sizeof name, "tiny-64/%s/edit.npy", dtype);
    compare(name, got);
}

/* The other goldens' widths give GroupNorm as many groups under any sensible rule; here it is 32 groups of 2 channels. */
static void keep_res(void *ctx, const char *name, const LxTensor *t)
{
    float *to = ctx;
    if (strcmp(name, "level8.res") == 0)
        for (int c = 0; c < t->c; c++)
            for (int p = 0; p < t->h * t->w; p++) *to++ = lx_tensor_pixel(t, 0, p / t->w, p % t->w)[c];
}

static void thirty_two_groups(void **state)
{
    setenv("LIAX_CPU", *state, 1);
    char path[256];
    golden_convert("wide-8", "safetensors");
    snprintf(path, sizeof path, "%s/tests/wide-8-safetensors.liax", golden_build());
    LiaxModel *m;
    LiaxSession *s;
    int w, h;
    float out[3 * 8 * 8], res[64 * 8 * 8];
    uint8_t *pixels = golden_png("wide-8/source.png", &w, &h);
    const LiaxImage source = {.struct_size = sizeof source, .width = w, .height = h, .planes = {pixels}};
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = 8, .height = 8, .planes = {out, out + 64, out + 128}};
    assert_int_equal(liax_model_open(&m, path, NULL), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    s->run.tap = keep_res;
    s->run.tap_ctx = res;
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "37", 0.4), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "25", -0.3), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    compare("wide-8/edit_level8.res.npy", res);
    compare("wide-8/edit.npy", out);
    liax_session_close(&s);
    liax_model_close(&m);
    free(pixels);
    unsetenv("LIAX_CPU");
}

/* ---- resizes */

static const struct {
    int w, h, ow, oh;
} resizes[] = {{90, 70, 64, 64}, {48, 40, 100, 75}, {200, 150, 37, 29}};

static void eight_bit_resize(void **state)
{
    const LxFilter filter = *(const int *)*state ? LX_BICUBIC : LX_BILINEAR;
    const LiaxAllocator a = lx_allocator(NULL);
    for (size_t i = 0; i < sizeof resizes / sizeof *resizes; i++) {
        char path[96];
        int w, h;
        snprintf(path, sizeof path, "resize/%dx%d.png", resizes[i].w, resizes[i].h);
        uint8_t *from = golden_png(path, &w, &h), *got = malloc((size_t)resizes[i].ow * (size_t)resizes[i].oh * 3);
        assert_true(lx_resample8(filter, from, w, h, got, resizes[i].ow, resizes[i].oh, &a));
        snprintf(path, sizeof path, "resize/%dx%d-to-%dx%d-%s-u8.npy", w, h, resizes[i].ow, resizes[i].oh, filter == LX_BICUBIC ? "bicubic" : "bilinear");
        Array want = golden_read(path);
        assert_memory_equal(got, want.u, want.n);
        golden_free(&want);
        free(from);
        free(got);
    }
}

static void float_resize(void **state)
{
    const LxFilter filter = *(const int *)*state ? LX_BICUBIC : LX_BILINEAR;
    const LiaxAllocator a = lx_allocator(NULL);
    static const char *const levels[] = {"ref", "avx2"};
    for (int level = 0; level < 2; level++) {
        setenv("LIAX_CPU", levels[level], 1);
        LxLog log = {0};
        LxRun run = {.arena = {.base = (char *)&log}}; /* not measuring; frame_in takes nothing from it */
        LxFrames frames = {0};
        LxPool *pool;
        const LiaxModelOptions o = {.device = "cpu", .threads = 2};
        assert_int_equal(lx_pool_open(&pool, &o, &a, &log), LIAX_OK);
        assert_int_equal(lx_device_open(&run.device, &o, pool, &a, &log), LIAX_OK);
        run.stream = run.device->stream;
        for (size_t i = 0; i < sizeof resizes / sizeof *resizes; i++) {
            char path[96];
            int w, h;
            snprintf(path, sizeof path, "resize/%dx%d.png", resizes[i].w, resizes[i].h);
            uint8_t *from = golden_png(path, &w, &h);
            const int ow = resizes[i].ow, oh = resizes[i].oh;
            float *memory = aligned_alloc(64, 1 << 20), *got = malloc((size_t)ow * (size_t)oh * 3 * sizeof(float));
            const LxTensor to = lx_tensor(memory, 1, 3, oh, ow);
            LiaxImage image = {.struct_size = sizeof image, .width = w, .height = h, .planes = {from}}, checked;
            assert_int_equal(lx_image_check(&checked, &image, "test", run.device, &log), LIAX_OK);
            lx_run_begin(&run, 0);
            assert_int_equal(lx_frame_in(&frames, &run, &checked, filter, to, &log), LIAX_OK);
            for (int c = 0; c < 3; c++)
                for (int p = 0; p < ow * oh; p++) got[c * ow * oh + p] = lx_tensor_pixel(&to, 0, p / ow, p % ow)[c];
            snprintf(path, sizeof path, "resize/%dx%d-to-%dx%d-%s.npy", w, h, ow, oh, filter == LX_BICUBIC ? "bicubic" : "bilinear");
            compare(path, got);
            free(from);
            free(got);
            free(memory);
        }
        lx_frames_drop(&frames, run.device);
        lx_device_close(&run.device);
        lx_pool_close(&pool);
    }
    unsetenv("LIAX_CPU");
}

/* ---- a wide model */


static void draw_wide(const char *level, LiaxConv conv, float *out, int size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/tests/wide.liax", golden_build());
    setenv("LIAX_CPU", level, 1);
    LiaxModel *m;
    LiaxSession *s;
    uint8_t pixels[40 * 30 * 3];
    for (int i = 0; i < 40 * 30 * 3; i++) pixels[i] = (uint8_t)(i * i / 7 + i % 3 * 40);
    const LiaxImage source = {.struct_size = sizeof source, .width = 40, .height = 30, .planes = {pixels}};
    const int plane = size * size;
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = size, .height = size, .planes = {out, out + plane, out + 2 * plane}};
    assert_int_equal(liax_model_open(&m, path, &(LiaxModelOptions){.struct_size = sizeof(LiaxModelOptions), .conv = conv}), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "yaw", 0.2), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    unsetenv("LIAX_CPU");
}

/* The goldens' widths are small; here every panel and tile of the kernels is full. Levels differ by rounding alone. */
static void wide_model_at_every_level(void **state)
{
    (void)state;
    enum { SIZE = 64, N = 3 * SIZE * SIZE };
    static float want[N], got[N];
    assert_int_equal(golden_run("mkdir -p %s/tests && %s/bin/liax-synth --size 64 --widths %s --motions 40 --seed 5 %s/tests/wide.liax >/dev/null 2>&1",
                                golden_build(), golden_build(), SANITIZED ? "128,128,128,80,72" : "256,256,256,192,136", golden_build()), 0);
    draw_wide("ref", LIAX_CONV_AUTO, want, SIZE);
    double peak = 0;
    for (int i = 0; i < N; i++) peak = fmax(peak, fabs(want[i]));
    assert_true(peak > 0.2 && peak < 20);
    static const char *const levels[] = {"avx2", "avx512"}; /* the latter is the best level where there is no AVX-512 */
    static const LiaxConv convs[] = {LIAX_CONV_AUTO, LIAX_CONV_DIRECT, LIAX_CONV_WINOGRAD};
    for (int i = 0; i < 6; i++) {
        draw_wide(levels[i / 3], convs[i % 3], got, SIZE);
        const char *wrong = golden_compare(got, want, N, 4e-5 * peak, 4e-6 * peak, 1);
        if (wrong) fail_msg("%s, conv %d: %s", levels[i / 3], (int)convs[i % 3], wrong);
    }
}

int main(void)
{
    static const char *files[][2] = {{"tiny-64-legacy", "pt"}, {"tiny-64-module", "pt"}, {"tiny-64-views", "pt"}, {"tiny-64-cuda", "pt"}, {"tiny-64", "safetensors"}};
    static int bicubic = 1, bilinear = 0;
    static char f16[] = "f16", bf16[] = "bf16", ref[] = "ref", best[] = "avx512";
    const struct CMUnitTest tests[] = {
        {"same picture from tiny-64-legacy.pt", same_picture_from_every_container, NULL, NULL, files[0]},
        {"same picture from tiny-64-module.pt", same_picture_from_every_container, NULL, NULL, files[1]},
        {"same picture from tiny-64-views.pt", same_picture_from_every_container, NULL, NULL, files[2]},
        {"same picture from tiny-64-cuda.pt", same_picture_from_every_container, NULL, NULL, files[3]},
        {"same picture from tiny-64.safetensors", same_picture_from_every_container, NULL, NULL, files[4]},
        {"z and edit from f16 weights", reduced_dtype, NULL, NULL, f16},
        {"z and edit from bf16 weights", reduced_dtype, NULL, NULL, bf16},
        {"32 groups of 2 channels, level ref", thirty_two_groups, NULL, NULL, ref},
        {"32 groups of 2 channels, best level", thirty_two_groups, NULL, NULL, best},
        {"8-bit bicubic resize", eight_bit_resize, NULL, NULL, &bicubic},
        {"8-bit bilinear resize", eight_bit_resize, NULL, NULL, &bilinear},
        {"float bicubic resize", float_resize, NULL, NULL, &bicubic},
        {"float bilinear resize", float_resize, NULL, NULL, &bilinear},
        cmocka_unit_test(wide_model_at_every_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
