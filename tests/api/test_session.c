/* What sessions draw: edits, anchors, modes, streams, formats, sizes. */
#include "support/fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden.h"

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

/* Is the second half of a sweep over one edit the first half again? */
static int sweep_is_one_sided(LiaxSession *s, const char *name)
{
    float first[3 * S * S], second[3 * S * S];
    assert_int_equal(liax_session_clear_edits(s), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, name, 0.6), LIAX_OK);
    LiaxImage out = raw(first);
    assert_int_equal(liax_session_sweep(s, 10, &out), LIAX_OK);
    out = raw(second);
    assert_int_equal(liax_session_sweep(s, 42, &out), LIAX_OK);
    return memcmp(first, second, sizeof first) == 0;
}

/* The published mouth motions are one-sided by their numbers, unless a control for one of them says otherwise. */
static void one_sided_by_number_or_by_control(void **state)
{
    (void)state;
    char path[300], json[300];
    snprintf(json, sizeof json, "%s/tests/one-sided.json", golden_build());
    snprintf(path, sizeof path, "%s/tests/one-sided.liax", golden_build());
    FILE *f = fopen(json, "w");
    assert_non_null(f);
    fputs("{\"controls\": [{\"name\": \"a\", \"min\": -1, \"max\": 1, \"one_sided\": true, \"vector\": {\"1\": 1}, \"note\": \"\"}]}", f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(golden_run("rm -f %s && %s/bin/liax-convert %s %s --controls %s >/dev/null 2>&1", path, golden_build(), golden_path("tiny-64.pt"), path, json), 0);
    LiaxModel *m;
    LiaxSession *s;
    Picture *p = driver(9);
    assert_int_equal(liax_model_open(&m, path, NULL), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_true(sweep_is_one_sided(s, "a"));
    assert_true(sweep_is_one_sided(s, "1")); /* the same control */
    assert_true(sweep_is_one_sided(s, "6"));
    assert_false(sweep_is_one_sided(s, "7"));
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edits),
        cmocka_unit_test(absolute_takes_no_edits),
        cmocka_unit_test(three_kinds_of_anchor),
        cmocka_unit_test(motion_is_the_job_in_two_halves),
        cmocka_unit_test(reused_session_equals_a_fresh_one),
        cmocka_unit_test(batches_equal_single_frames),
        cmocka_unit_test(queue_rules),
        cmocka_unit_test(formats),
        cmocka_unit_test(yuv_colours),
        cmocka_unit_test(any_size),
        cmocka_unit_test(strides_and_guards),
        cmocka_unit_test(published_rounding),
        cmocka_unit_test(one_sided_by_number_or_by_control),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
