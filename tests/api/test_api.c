/* The public interface, used well and badly: statuses, sentences, streams, edits, sizes, formats, cancelling, sharing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fenv.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liax/liax.h"
#include "support/golden.h"

enum { S = 64, M = 8, W = 50, H = 38 };

static char model_path[256];
static LiaxModel *model;

/* A picture of the caller's with its memory. */
typedef struct Picture {
    LiaxImage image;
    uint8_t bytes[W * H * 4 * 3];
} Picture;

static LiaxImage rgb(uint8_t *bytes, int w, int h)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGB24, .width = w, .height = h, .planes = {bytes}};
}

static Picture *driver(int which)
{
    Picture *p = calloc(1, sizeof *p);
    for (int i = 0; i < W * H * 3; i++) p->bytes[i] = (uint8_t)((i * 37 + which * i / 3 + which * 50) % 256);
    p->image = rgb(p->bytes, W, H);
    p->image.pts = 1000 + which;
    p->image.user = p;
    return p;
}

static LiaxImage raw(float *to)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGBF32, .width = S, .height = S, .planes = {to, to + S * S, to + 2 * S * S}};
}

static LiaxSession *session(const LiaxSessionOptions *o)
{
    LiaxSession *s;
    assert_int_equal(liax_session_open(&s, model, o), LIAX_OK);
    return s;
}

static LiaxSession *session_with_source(LiaxMode mode, int batch)
{
    LiaxSession *s = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = mode, .max_batch = batch});
    Picture *p = driver(9);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    free(p);
    return s;
}

static int open_group(void **state)
{
    (void)state;
    golden_convert("tiny-64", "pt");
    snprintf(model_path, sizeof model_path, "%s/tests/tiny-64-pt.liax", golden_build());
    return liax_model_open(&model, model_path, NULL);
}

static int close_group(void **state)
{
    (void)state;
    liax_model_close(&model);
    return model != NULL;
}

/* ---- arguments and files */

static void null_arguments(void **state)
{
    (void)state;
    LiaxModel *m = NULL;
    LiaxSession *s = NULL;
    LiaxImage image = {.struct_size = sizeof image};
    assert_int_equal(liax_model_open(NULL, "x", NULL), LIAX_E_ARG);
    assert_int_equal(liax_model_open(&m, NULL, NULL), LIAX_E_ARG);
    assert_int_equal(liax_model_open_memory(&m, NULL, 0, NULL), LIAX_E_ARG);
    assert_int_equal(liax_session_open(NULL, model, NULL), LIAX_E_ARG);
    assert_int_equal(liax_session_open(&s, NULL, NULL), LIAX_E_ARG);
    assert_int_equal(liax_model_info(NULL, NULL), LIAX_E_ARG);
    assert_int_equal(liax_model_control(model, -1, NULL), LIAX_E_ARG);
    assert_int_equal(liax_session_set_source(NULL, &image), LIAX_E_ARG);
    assert_int_equal(liax_session_render(NULL, &image), LIAX_E_ARG);
    assert_int_equal(liax_animate_frame(NULL, &image, &image), LIAX_E_ARG);
    assert_int_equal(liax_session_push(NULL, NULL), LIAX_E_ARG);
    assert_int_equal(liax_session_pull(NULL, &image), LIAX_E_ARG);
    assert_int_equal(liax_session_last(NULL, &image), LIAX_E_ARG);
    assert_int_equal(liax_session_sweep(NULL, 0, &image), LIAX_E_ARG);
    assert_int_equal(liax_device_get(99, NULL), LIAX_E_ARG);
    liax_session_cancel(NULL);
    liax_session_close(NULL);
    liax_session_close(&s);
    liax_model_close(NULL);
    liax_model_close(&m);
    assert_string_equal(liax_session_error(NULL), "");
}

static void failed_open_says_why(void **state)
{
    (void)state;
    char error[256] = "x";
    LiaxModel *m = model;
    const LiaxModelOptions o = {.struct_size = sizeof o, .error = error, .error_size = sizeof error};
    assert_int_equal(liax_model_open(&m, "/nowhere/model.liax", &o), LIAX_E_IO);
    assert_null(m);
    assert_non_null(strstr(error, "/nowhere/model.liax"));
    assert_int_equal(liax_model_open(&m, "/", &o), LIAX_E_IO);
    assert_non_null(strstr(error, "regular file"));
    assert_int_equal(liax_model_open_memory(&m, "LIAX", 4, &o), LIAX_E_FORMAT);
    assert_true(strlen(error) > 10);
    assert_int_equal(liax_model_open(&m, golden_path("MANIFEST.md"), &o), LIAX_E_FORMAT);
    LiaxModelOptions bad = o;
    bad.device = "tpu";
    assert_int_equal(liax_model_open(&m, model_path, &bad), LIAX_E_UNSUPPORTED);
    assert_non_null(strstr(error, "tpu"));
    bad = o;
    bad.threads = -1;
    assert_int_equal(liax_model_open(&m, model_path, &bad), LIAX_E_ARG);
    bad = o;
    bad.precision = LIAX_PRECISION_F16;
    assert_int_equal(liax_model_open(&m, model_path, &bad), LIAX_E_UNSUPPORTED);
    bad = o;
    bad.struct_size = 3;
    assert_int_equal(liax_model_open(&m, model_path, &bad), LIAX_E_ARG);
}

static int stop_loading(void *ctx, double done)
{
    *(double *)ctx = done;
    return done > 0.5;
}

static void loading_can_be_stopped(void **state)
{
    (void)state;
    double done = 0;
    LiaxModel *m;
    const LiaxModelOptions o = {.struct_size = sizeof o, .progress = stop_loading, .progress_ctx = &done};
    assert_int_equal(liax_model_open(&m, model_path, &o), LIAX_E_CANCELLED);
    assert_null(m);
    assert_true(done > 0.5 && done < 1);
}

static void bad_pictures(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    uint8_t bytes[64] = {0};
    struct {
        LiaxImage image;
        LiaxStatus status;
        const char *word;
    } cases[] = {
        {rgb(bytes, 0, 4), LIAX_E_ARG, "0x4"},
        {rgb(bytes, 4, 40000), LIAX_E_ARG, "4x40000"},
        {rgb(NULL, 4, 4), LIAX_E_ARG, "plane 0"},
        {rgb(bytes, 4, 4), LIAX_E_ARG, "stride 11"},
        {rgb(bytes, 4, 4), LIAX_E_ARG, "format 77"},
        {rgb(bytes, 4, 4), LIAX_E_UNSUPPORTED, "memory"},
        {rgb(bytes, 4, 4), LIAX_E_ARG, "struct_size"},
        {rgb(bytes, 4, 4), LIAX_E_ARG, "plane 1"},
    };
    cases[3].image.strides[0] = 11;
    cases[4].image.format = (LiaxFormat)77;
    cases[5].image.memory = LIAX_MEMORY_CUDA;
    cases[6].image.struct_size = 0;
    cases[7].image.format = LIAX_NV12;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(liax_session_render(s, &cases[i].image), cases[i].status);
        if (!strstr(liax_session_error(s), cases[i].word)) fail_msg("\"%s\" lacks \"%s\"", liax_session_error(s), cases[i].word);
        assert_int_equal(liax_session_push(s, &cases[i].image), cases[i].status);
    }
    assert_int_equal(liax_session_set_source(s, NULL), LIAX_E_ARG);
    liax_session_close(&s);
}

static void bad_session_options(void **state)
{
    (void)state;
    LiaxSession *s = NULL;
    LiaxSessionOptions o = {.struct_size = sizeof o, .max_batch = 65};
    assert_int_equal(liax_session_open(&s, model, &o), LIAX_E_ARG);
    assert_null(s);
    o = (LiaxSessionOptions){.struct_size = sizeof o, .mode = (LiaxMode)3};
    assert_int_equal(liax_session_open(&s, model, &o), LIAX_E_ARG);
    o = (LiaxSessionOptions){.struct_size = sizeof o, .width = 8};
    assert_int_equal(liax_session_open(&s, model, &o), LIAX_E_ARG);
    o = (LiaxSessionOptions){.struct_size = 1};
    assert_int_equal(liax_session_open(&s, model, &o), LIAX_E_ARG);
}

static void too_early(void **state)
{
    (void)state;
    float out[3 * S * S], motion[M] = {0};
    LiaxImage image = raw(out);
    LiaxSession *s = session(NULL);
    Picture *p = driver(0);
    assert_int_equal(liax_session_render(s, &image), LIAX_E_STATE);
    assert_int_equal(liax_session_last(s, &image), LIAX_E_STATE);
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_E_STATE);
    assert_int_equal(liax_session_animate_motion(s, motion, &image), LIAX_E_STATE);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_E_STATE);
    assert_int_equal(liax_session_pull(s, &image), LIAX_AGAIN);
    assert_non_null(strstr(liax_session_error(s), ""));
    free(p);
    liax_session_close(&s);
}

/* ---- struct sizes */

static void older_and_newer_callers(void **state)
{
    (void)state;
    struct {
        LiaxModelInfo info;
        char more[32];
    } newer = {.info.struct_size = sizeof newer};
    memset(newer.more, 7, sizeof newer.more);
    assert_int_equal(liax_model_info(model, &newer.info), LIAX_OK);
    assert_int_equal(newer.info.size, S);
    assert_int_equal(newer.more[0], 0); /* what the library does not know is zero */
    LiaxModelInfo older = {.struct_size = offsetof(LiaxModelInfo, motions), .motions = -5};
    assert_int_equal(liax_model_info(model, &older), LIAX_OK);
    assert_int_equal(older.size, S);
    assert_int_equal(older.motions, -5); /* beyond its end nothing is written */
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    float a[3 * S * S], b[3 * S * S];
    LiaxImage out = raw(a), old = raw(b);
    old.struct_size = offsetof(LiaxImage, memory);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_int_equal(liax_session_render(s, &old), LIAX_OK);
    assert_memory_equal(a, b, sizeof a);
    liax_session_close(&s);
}

/* ---- edits, anchors, modes */

static void edits(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    float plain[3 * S * S], edited[3 * S * S], again[3 * S * S];
    LiaxImage out = raw(plain);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", 5), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "d3", 0.7), LIAX_OK); /* the same control: the last value counts */
    out = raw(edited);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_memory_not_equal(plain, edited, sizeof plain);
    assert_int_equal(liax_session_clear_edits(s), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", 0.7), LIAX_OK);
    out = raw(again);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_memory_equal(edited, again, sizeof again);
    assert_int_equal(liax_session_set_edit(s, "3", 0), LIAX_OK);
    out = raw(again);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_memory_equal(plain, again, sizeof again);
    static const char *const unknown[] = {"", "nose", "8", "-1", "1.0", "0x1", "d8", " 1"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) assert_int_equal(liax_session_set_edit(s, unknown[i], 1), LIAX_E_ARG);
    assert_int_equal(liax_session_set_edit(s, NULL, 1), LIAX_E_ARG);
    assert_int_equal(liax_session_set_edit(s, "1", NAN), LIAX_E_ARG);
    assert_int_equal(liax_session_set_edit(s, "1", INFINITY), LIAX_E_ARG);
    assert_int_equal(liax_session_set_edit(s, "1", 1e6), LIAX_OK); /* never clamped, never refused */
    liax_session_close(&s);
}

static void absolute_takes_no_edits(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_ABSOLUTE, 1);
    const float motion[M] = {0};
    assert_int_equal(liax_session_set_edit(s, "1", 1), LIAX_E_ARG);
    assert_non_null(strstr(liax_session_error(s), "absolute"));
    assert_int_equal(liax_session_set_anchor(s, motion), LIAX_E_ARG);
    Picture *p = driver(1);
    assert_int_equal(liax_session_set_anchor_image(s, &p->image), LIAX_E_ARG);
    free(p);
    liax_session_close(&s);
}

/* With an anchor, the frame that is the anchor draws the source as it is. */
static void three_kinds_of_anchor(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    Picture *first = driver(1), *second = driver(2);
    float still[3 * S * S], out[3 * S * S], motion[M];
    LiaxImage image = raw(still);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    image = raw(out);
    for (int kind = 0; kind < 3; kind++) {
        Picture *anchor = kind ? second : first;
        assert_int_equal(liax_session_set_anchor(s, NULL), LIAX_OK);
        if (kind == 1) {
            assert_int_equal(liax_session_encode_motion(s, &second->image, motion), LIAX_OK);
            assert_int_equal(liax_session_set_anchor(s, motion), LIAX_OK);
        } else if (kind == 2) assert_int_equal(liax_session_set_anchor_image(s, &second->image), LIAX_OK);
        assert_int_equal(liax_animate_frame(s, &first->image, &image), LIAX_OK);
        if (kind) assert_memory_not_equal(still, out, sizeof out);
        assert_int_equal(liax_animate_frame(s, &anchor->image, &image), LIAX_OK);
        assert_memory_equal(still, out, sizeof out);
    }
    motion[3] = NAN;
    assert_int_equal(liax_session_set_anchor(s, motion), LIAX_E_ARG);
    assert_int_equal(liax_session_animate_motion(s, motion, &image), LIAX_E_ARG);
    free(first);
    free(second);
    liax_session_close(&s);
}

static void motion_is_the_job_in_two_halves(void **state)
{
    (void)state;
    for (int mode = LIAX_RELATIVE; mode <= LIAX_ABSOLUTE; mode++) {
        LiaxSession *whole = session_with_source((LiaxMode)mode, 1), *halves = session_with_source((LiaxMode)mode, 1);
        float a[3 * S * S], b[3 * S * S], motion[M];
        for (int i = 0; i < 3; i++) {
            Picture *p = driver(i);
            LiaxImage out = raw(a);
            assert_int_equal(liax_animate_frame(whole, &p->image, &out), LIAX_OK);
            assert_int_equal(liax_session_encode_motion(halves, &p->image, motion), LIAX_OK);
            out = raw(b);
            assert_int_equal(liax_session_animate_motion(halves, motion, &out), LIAX_OK);
            assert_memory_equal(a, b, sizeof a);
            free(p);
        }
        liax_session_close(&whole);
        liax_session_close(&halves);
    }
}

static void reused_session_equals_a_fresh_one(void **state)
{
    (void)state;
    LiaxSession *old = session_with_source(LIAX_RELATIVE, 2);
    Picture *p[3] = {driver(0), driver(4), driver(7)};
    float a[3 * S * S], b[3 * S * S];
    LiaxImage out = raw(a);
    assert_int_equal(liax_session_set_edit(old, "2", 0.4), LIAX_OK);
    assert_int_equal(liax_animate_frame(old, &p[0]->image, &out), LIAX_OK);
    assert_int_equal(liax_session_push(old, &p[1]->image), LIAX_OK); /* left in the queue when the source changes */
    assert_int_equal(liax_session_set_source(old, &p[2]->image), LIAX_OK);
    assert_int_equal(liax_session_set_edit(old, "2", 0), LIAX_OK);
    assert_int_equal(liax_session_set_edit(old, "5", -0.3), LIAX_OK);
    LiaxSession *fresh = session(NULL);
    assert_int_equal(liax_session_set_source(fresh, &p[2]->image), LIAX_OK);
    assert_int_equal(liax_session_set_edit(fresh, "5", -0.3), LIAX_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(liax_animate_frame(old, &p[i]->image, &out), LIAX_OK);
        LiaxImage other = raw(b);
        assert_int_equal(liax_animate_frame(fresh, &p[i]->image, &other), LIAX_OK);
        assert_memory_equal(a, b, sizeof a);
    }
    for (int i = 0; i < 3; i++) free(p[i]);
    liax_session_close(&old);
    liax_session_close(&fresh);
}

/* ---- streams */

static void batches_equal_single_frames(void **state)
{
    (void)state;
    enum { N = 7 };
    static float want[N][3 * S * S], got[3 * S * S];
    LiaxSession *single = session_with_source(LIAX_RELATIVE, 1);
    Picture *p[N];
    for (int i = 0; i < N; i++) {
        p[i] = driver(i);
        LiaxImage out = raw(want[i]);
        if (i == 4) assert_int_equal(liax_session_set_edit(single, "1", 0.5), LIAX_OK);
        assert_int_equal(liax_animate_frame(single, &p[i]->image, &out), LIAX_OK);
    }
    for (int batch = 2; batch <= 3; batch++) {
        LiaxSession *s = session_with_source(LIAX_RELATIVE, batch);
        int pushed = 0, pulled = 0;
        LiaxStatus st;
        do {
            if (pushed == 4) assert_int_equal(liax_session_set_edit(s, "1", 0.5), LIAX_OK);
            while ((st = liax_session_push(s, pushed < N ? &p[pushed]->image : NULL)) == LIAX_OK) {
                if (pushed++ == N) break;
                if (pushed == 4) break; /* the edit must reach the fifth frame alone */
            }
            LiaxImage out = raw(got);
            while ((st = liax_session_pull(s, &out)) == LIAX_OK) {
                assert_memory_equal(got, want[pulled], sizeof got);
                assert_int_equal(out.pts, 1000 + pulled);
                assert_ptr_equal(out.user, p[pulled]);
                pulled++;
            }
        } while (st == LIAX_AGAIN);
        assert_int_equal(st, LIAX_END);
        assert_int_equal(pulled, N);
        liax_session_close(&s);
    }
    for (int i = 0; i < N; i++) free(p[i]);
    liax_session_close(&single);
}

static void queue_rules(void **state)
{
    (void)state;
    float out[3 * S * S];
    LiaxImage image = raw(out);
    Picture *p = driver(0);
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 2);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_pull(s, &image), LIAX_AGAIN); /* waits for the batch */
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_E_STATE);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_AGAIN);
    assert_int_equal(liax_session_pull(s, &image), LIAX_OK);
    assert_int_equal(liax_session_pull(s, &image), LIAX_OK);
    assert_int_equal(liax_session_push(s, NULL), LIAX_OK);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_E_STATE);
    assert_int_equal(liax_session_pull(s, &image), LIAX_END);
    assert_int_equal(liax_session_push(s, &p->image), LIAX_OK); /* a new stream */
    liax_session_close(&s);

    /* live: one frame of delay, and the newest wins */
    s = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .max_delay = 1, .newest_wins = 1});
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    for (int i = 0; i < 3; i++) {
        p->image.pts = i;
        assert_int_equal(liax_session_push(s, &p->image), LIAX_OK);
    }
    assert_int_equal(liax_session_pull(s, &image), LIAX_OK);
    assert_int_equal(image.pts, 2);
    assert_int_equal(liax_session_pull(s, &image), LIAX_AGAIN);
    free(p);
    liax_session_close(&s);
}

/* ---- formats and sizes */

/* An output of every format shows the same picture: each comes back as a driver whose motion is near the RGB one's. */
static void formats(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static uint8_t bytes[3][W * H * 4], want[W * H * 3];
    LiaxImage out = rgb(want, W, H);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    for (int format = LIAX_RGB24; format <= LIAX_BGRA; format++) {
        LiaxImage other = rgb(bytes[0], W, H);
        other.format = (LiaxFormat)format;
        const int size = format == LIAX_RGB24 ? 3 : 4, bgr = format == LIAX_BGRA;
        assert_int_equal(liax_session_last(s, &other), LIAX_OK);
        for (int i = 0; i < W * H; i++) {
            for (int c = 0; c < 3; c++) assert_int_equal(bytes[0][size * i + (bgr ? 2 - c : c)], want[3 * i + c]);
            if (size == 4) assert_int_equal(bytes[0][size * i + 3], 255);
        }
    }
    float motion[M], reference[M];
    LiaxImage grey = out; /* chroma at half size tells nothing about a gray picture, so a gray one must come back exact */
    for (int i = 0; i < W * H; i++) want[3 * i + 1] = want[3 * i + 2] = want[3 * i];
    assert_int_equal(liax_session_encode_motion(s, &grey, reference), LIAX_OK);
    for (int format = LIAX_GRAY8; format <= LIAX_I420; format++)
        for (int range = LIAX_RANGE_LIMITED; range <= LIAX_RANGE_FULL; range++) {
            LiaxImage yuv = {.struct_size = sizeof yuv, .format = (LiaxFormat)format, .width = W, .height = H, .planes = {bytes[0], bytes[1], bytes[2]}, .range = (LiaxRange)range};
            if (format != LIAX_GRAY8 && range == LIAX_RANGE_LIMITED) continue; /* limited range has fewer levels */
            for (int i = 0; i < W * H; i++) bytes[0][i] = want[3 * i];
            memset(bytes[1], 128, sizeof bytes[1]);
            memset(bytes[2], 128, sizeof bytes[2]);
            assert_int_equal(liax_session_encode_motion(s, &yuv, motion), LIAX_OK);
            for (int m = 0; m < M; m++) assert_true(fabsf(motion[m] - reference[m]) < 1e-5f);
        }
    liax_session_close(&s);
}

/* Primaries survive YUV both ways: written by the library as NV12 or I420, read back as a motion. */
static void yuv_colours(void **state)
{
    (void)state;
    static const uint8_t colours[4][3] = {{200, 30, 40}, {20, 180, 60}, {30, 60, 210}, {230, 220, 20}};
    static const struct {
        LiaxMatrix matrix;
        double kr, kb;
    } matrices[2] = {{LIAX_MATRIX_BT601, 0.299, 0.114}, {LIAX_MATRIX_BT709, 0.2126, 0.0722}};
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static uint8_t y[S * S], uv[S * S], flat[S * S * 3];
    float a[M], b[M];
    for (int k = 0; k < 8; k++) {
        const uint8_t *c = colours[k % 4];
        const double kr = matrices[k / 4].kr, kb = matrices[k / 4].kb, luma = kr * c[0] + (1 - kr - kb) * c[1] + kb * c[2];
        memset(y, (int)lround(luma * 219 / 255 + 16), sizeof y);
        for (int i = 0; i < S * S / 2; i += 2) {
            uv[i] = (uint8_t)lround((c[2] - luma) / (2 * (1 - kb)) * 224 / 255 + 128);
            uv[i + 1] = (uint8_t)lround((c[0] - luma) / (2 * (1 - kr)) * 224 / 255 + 128);
        }
        for (int i = 0; i < S * S * 3; i++) flat[i] = c[i % 3];
        LiaxImage nv12 = {.struct_size = sizeof nv12, .format = LIAX_NV12, .width = S, .height = S, .planes = {y, uv}, .matrix = matrices[k / 4].matrix};
        LiaxImage packed = rgb(flat, S, S);
        assert_int_equal(liax_session_encode_motion(s, &nv12, a), LIAX_OK);
        assert_int_equal(liax_session_encode_motion(s, &packed, b), LIAX_OK);
        for (int m = 0; m < M; m++) assert_true(fabsf(a[m] - b[m]) < 0.03f); /* two levels of rounding */
    }
    liax_session_close(&s);
}

static void any_size(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static uint8_t bytes[600 * 400 * 3];
    static const int sizes[][2] = {{1, 1}, {1, 300}, {600, 2}, {63, 65}, {600, 400}, {64, 64}, {7, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        LiaxImage image = rgb(bytes, sizes[i][0], sizes[i][1]);
        assert_int_equal(liax_session_set_source(s, &image), LIAX_OK);
        assert_int_equal(liax_animate_frame(s, &image, &image), LIAX_OK); /* in and out may be one picture */
    }
    LiaxSession *fixed = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .width = 20, .height = 10});
    LiaxImage image = rgb(bytes, 20, 10);
    assert_int_equal(liax_session_set_source(fixed, &image), LIAX_OK);
    assert_int_equal(liax_session_render(fixed, &image), LIAX_OK);
    image.width = 21;
    assert_int_equal(liax_session_render(fixed, &image), LIAX_E_ARG);
    liax_session_close(&fixed);
    liax_session_close(&s);
}

static void strides_and_guards(void **state)
{
    (void)state;
    enum { STRIDE = 3 * W + 11 };
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static uint8_t tight[W * H * 3], loose[STRIDE * H + 64];
    LiaxImage image = rgb(tight, W, H);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    memset(loose, 0xa5, sizeof loose);
    image = rgb(loose, W, H);
    image.strides[0] = STRIDE;
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    for (int y = 0; y < H; y++) {
        assert_memory_equal(tight + y * W * 3, loose + y * STRIDE, W * 3);
        for (int x = 3 * W; x < STRIDE; x++) assert_int_equal(loose[y * STRIDE + x], 0xa5);
    }
    liax_session_close(&s);
}

static void published_rounding(void **state)
{
    (void)state;
    Array want = golden_read("tiny-64/edit-90x70-u8.npy");
    int w, h;
    uint8_t *pixels = golden_png("tiny-64/source.png", &w, &h), *got = calloc((size_t)w * (size_t)h, 3);
    LiaxSession *s = session(NULL);
    LiaxImage image = rgb(pixels, w, h);
    assert_int_equal(liax_session_set_source(s, &image), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "1", 0.9), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", -0.7), LIAX_OK);
    image = rgb(got, w, h);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    int different = 0;
    for (size_t i = 0; i < want.n; i++) {
        assert_true(abs(got[i] - want.u[i]) <= 1);
        different += got[i] != want.u[i];
    }
    assert_true(different < (int)want.n / 1000); /* a difference of one is for values on the edge of rounding */
    golden_free(&want);
    free(pixels);
    free(got);
    liax_session_close(&s);
}

/* ---- cancelling, threads, hosts */

static int stop_at_half(void *ctx, double done)
{
    int *calls = ctx;
    (*calls)++;
    return done >= 0.5;
}

static void cancelling(void **state)
{
    (void)state;
    float out[3 * S * S], want[3 * S * S];
    LiaxImage image = raw(want);
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    image = raw(out);
    liax_session_cancel(s);
    assert_int_equal(liax_session_render(s, &image), LIAX_E_CANCELLED);
    assert_true(strlen(liax_session_error(s)) > 0);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK); /* once */
    assert_memory_equal(out, want, sizeof out);
    liax_session_close(&s);
    int calls = 0;
    s = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .progress = stop_at_half, .progress_ctx = &calls});
    Picture *p = driver(0);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_E_CANCELLED);
    assert_true(calls > 2);
    assert_int_equal(liax_session_render(s, &image), LIAX_E_STATE);
    free(p);
    liax_session_close(&s);
}

static void host_loop(void *ctx, int32_t n, void (*fn)(void *arg, int32_t i), void *arg)
{
    ++*(int *)ctx;
    for (int32_t i = n - 1; i >= 0; i--) fn(arg, i); /* backwards and on one thread: any order must do */
}

static void render_with(const LiaxModelOptions *o, float *out)
{
    LiaxModel *m;
    LiaxSession *s;
    Picture *p = driver(9);
    LiaxImage image = raw(out);
    assert_int_equal(liax_model_open(&m, model_path, o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}

static void any_number_of_threads(void **state)
{
    (void)state;
    static float want[3 * S * S], got[3 * S * S];
    LiaxModelOptions o = {.struct_size = sizeof o, .threads = 1};
    render_with(&o, want);
    for (o.threads = 2; o.threads <= 9; o.threads += 3) {
        render_with(&o, got);
        assert_memory_equal(got, want, sizeof want);
    }
    int loops = 0;
    o = (LiaxModelOptions){.struct_size = sizeof o, .threads = 3, .parallel_for = host_loop, .parallel_ctx = &loops};
    render_with(&o, got);
    assert_true(loops > 10);
    assert_memory_equal(got, want, sizeof want);
    const uint64_t mask = 1;
    o = (LiaxModelOptions){.struct_size = sizeof o, .threads = 2, .cpu_mask = &mask, .cpu_mask_words = 1};
    render_with(&o, got);
    assert_memory_equal(got, want, sizeof want);
}

typedef struct Counting {
    pthread_mutex_t lock;
    long blocks, bytes, limit; /* limit: the allocation that fails; 0: none */
} Counting;

static void *count_alloc(void *ctx, size_t size, size_t align)
{
    Counting *c = ctx;
    pthread_mutex_lock(&c->lock);
    const int refuse = c->limit && --c->limit == 0;
    if (!refuse) {
        c->blocks++;
        c->bytes += (long)size;
    }
    pthread_mutex_unlock(&c->lock);
    return refuse ? NULL : aligned_alloc(align, (size + align - 1) / align * align);
}

static void count_free(void *ctx, void *p, size_t size)
{
    Counting *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->blocks--;
    c->bytes -= (long)size;
    pthread_mutex_unlock(&c->lock);
    free(p);
}

static void allocator_sees_every_block(void **state)
{
    (void)state;
    static float out[3 * S * S];
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .allocator = {count_alloc, count_free, &c}};
    render_with(&o, out);
    assert_int_equal(c.blocks, 0);
    assert_int_equal(c.bytes, 0);
}

/* Refuse the first block, then the second, and so on: an error each time, and nothing left behind. */
static void out_of_memory_anywhere(void **state)
{
    (void)state;
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .threads = 1, .allocator = {count_alloc, count_free, &c}};
    LiaxStatus st = LIAX_E_MEMORY;
    int n = 0;
    for (; st == LIAX_E_MEMORY && n < 5000; n++) {
        LiaxModel *m = NULL;
        LiaxSession *s = NULL;
        Picture *p = driver(3);
        uint8_t bytes[27];
        LiaxImage image = rgb(bytes, 3, 3);
        c.limit = n + 1;
        st = liax_model_open(&m, model_path, &o);
        if (!st) st = liax_session_open(&s, m, NULL);
        if (!st) st = liax_session_set_source(s, &p->image);
        if (!st) st = liax_session_render(s, &image);
        free(p);
        liax_session_close(&s);
        liax_model_close(&m);
        assert_int_equal(c.blocks, 0);
    }
    assert_int_equal(st, LIAX_OK);
    assert_true(n > 100);
}

static void nothing_is_allocated_per_frame(void **state)
{
    (void)state;
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .allocator = {count_alloc, count_free, &c}};
    LiaxModel *m;
    LiaxSession *s;
    Picture *p = driver(3);
    static uint8_t bytes[W * H * 3];
    LiaxImage image = rgb(bytes, W, H);
    assert_int_equal(liax_model_open(&m, model_path, &o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK); /* the first frame of a size makes room for it */
    c.limit = 1; /* from here on every allocation fails */
    for (int i = 0; i < 3; i++) assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
    assert_int_equal(c.limit, 1);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}

typedef struct Worker {
    pthread_t thread;
    int which;
    float out[3 * S * S];
    LiaxStatus status;
} Worker;

static void *draw_in_thread(void *arg)
{
    Worker *w = arg;
    LiaxSession *s = NULL;
    Picture *source = driver(w->which), *drive = driver(w->which + 20);
    LiaxImage out = raw(w->out);
    w->status = liax_session_open(&s, model, NULL);
    if (!w->status) w->status = liax_session_set_source(s, &source->image);
    for (int i = 0; i < 3 && !w->status; i++) w->status = liax_animate_frame(s, i ? &drive->image : &source->image, &out);
    liax_session_close(&s);
    free(source);
    free(drive);
    return NULL;
}

static void eight_sessions_in_eight_threads(void **state)
{
    (void)state;
    enum { N = 8 };
    static Worker serial[N], parallel[N];
    for (int i = 0; i < N; i++) {
        serial[i].which = parallel[i].which = i;
        draw_in_thread(&serial[i]);
        assert_int_equal(serial[i].status, LIAX_OK);
    }
    for (int i = 0; i < N; i++) assert_int_equal(pthread_create(&parallel[i].thread, NULL, draw_in_thread, &parallel[i]), 0);
    for (int i = 0; i < N; i++) {
        pthread_join(parallel[i].thread, NULL);
        assert_int_equal(parallel[i].status, LIAX_OK);
        assert_memory_equal(parallel[i].out, serial[i].out, sizeof serial[i].out);
    }
}

static void callers_rounding_is_neither_used_nor_changed(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static float a[3 * S * S], b[3 * S * S];
    LiaxImage out = raw(a);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    fesetround(FE_UPWARD);
    out = raw(b);
    const LiaxStatus st = liax_session_render(s, &out);
    const int mode = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(st, LIAX_OK);
    assert_int_equal(mode, FE_UPWARD);
    assert_memory_equal(a, b, sizeof a);
    liax_session_close(&s);
}

static void from_memory_as_from_a_file(void **state)
{
    (void)state;
    static float a[3 * S * S], b[3 * S * S];
    render_with(NULL, a);
    FILE *f = fopen(model_path, "rb");
    fseek(f, 0, SEEK_END);
    const size_t n = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(n);
    assert_int_equal(fread(data, 1, n, f), n);
    fclose(f);
    LiaxModel *m;
    LiaxSession *s;
    assert_int_equal(liax_model_open_memory(&m, data, n, NULL), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    Picture *p = driver(9);
    LiaxImage out = raw(b);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_memory_equal(a, b, sizeof a);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
    free(data);
}

static void count_layer(void *ctx, const LiaxLayerInfo *layer)
{
    assert_int_equal(layer->struct_size, sizeof *layer);
    assert_true(layer->ms >= 0 && layer->layer && layer->kernel && layer->algorithm);
    ++*(int *)ctx;
}

static void facts(void **state)
{
    (void)state;
    LiaxModelInfo info = {.struct_size = sizeof info};
    assert_int_equal(liax_model_info(model, &info), LIAX_OK);
    assert_string_equal(info.family, "lia_x");
    assert_int_equal(info.motions, M);
    assert_int_equal(info.n_widths, 5);
    assert_int_equal(info.widths[0], 16);
    assert_int_equal(info.widths[4], 2);
    assert_string_equal(info.dtype, "f32");
    assert_int_equal(strlen(info.fingerprint), 64);
    assert_int_equal(info.n_controls, M);
    LiaxControl control = {.struct_size = sizeof control};
    assert_int_equal(liax_model_control(model, 6, &control), LIAX_OK);
    assert_string_equal(control.name, "d6");
    assert_int_equal(control.one_sided, 1);
    assert_true(control.vector[6] == 1 && control.vector[5] == 0);
    assert_int_equal(liax_model_control(model, M, &control), LIAX_E_ARG);
    LiaxDeviceInfo device = {.struct_size = sizeof device};
    assert_true(liax_device_count() >= 1);
    assert_int_equal(liax_device_get(0, &device), LIAX_OK);
    assert_string_equal(device.id, "cpu");
    assert_true(device.threads >= 1);
    assert_string_equal(liax_version(), LIAX_VERSION_STRING);
    assert_int_equal(liax_api_version(), LIAX_API_VERSION);
    for (int st = LIAX_E_STATE; st <= LIAX_END; st++) assert_string_not_equal(liax_status_name(st), "unknown status");
    assert_string_equal(liax_status_name(99), "unknown status");
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    int layers = 0;
    static uint8_t bytes[27];
    LiaxImage out = rgb(bytes, 3, 3);
    assert_int_equal(liax_session_profile(s, count_layer, &layers), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_true(layers > 50);
    liax_session_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_arguments), cmocka_unit_test(failed_open_says_why), cmocka_unit_test(loading_can_be_stopped),
        cmocka_unit_test(bad_pictures), cmocka_unit_test(bad_session_options), cmocka_unit_test(too_early),
        cmocka_unit_test(older_and_newer_callers), cmocka_unit_test(edits), cmocka_unit_test(absolute_takes_no_edits),
        cmocka_unit_test(three_kinds_of_anchor), cmocka_unit_test(motion_is_the_job_in_two_halves),
        cmocka_unit_test(reused_session_equals_a_fresh_one), cmocka_unit_test(batches_equal_single_frames), cmocka_unit_test(queue_rules),
        cmocka_unit_test(formats), cmocka_unit_test(yuv_colours), cmocka_unit_test(any_size), cmocka_unit_test(strides_and_guards),
        cmocka_unit_test(published_rounding), cmocka_unit_test(cancelling), cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(allocator_sees_every_block), cmocka_unit_test(out_of_memory_anywhere),
        cmocka_unit_test(nothing_is_allocated_per_frame), cmocka_unit_test(eight_sessions_in_eight_threads),
        cmocka_unit_test(callers_rounding_is_neither_used_nor_changed), cmocka_unit_test(from_memory_as_from_a_file), cmocka_unit_test(facts),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
