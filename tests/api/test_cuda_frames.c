/*
 * What a CUDA device computes, through the public interface: whole frames, batches, recordings, threads, several devices, many
 * frames (support/cuda_device.h). It is compared with the golden data in f32; in f16 with a bound that follows from the storage type.
 */
#define _GNU_SOURCE /* setenv */
#include "support/cuda_device.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/golden.h"

enum { FRAME = 3 * S * S };

/* ---- what it computes */

enum { DRIVING = 5 };

/* Each tier, forced, and what the table chooses. */
typedef struct Way {
    LiaxPrecision precision;
    LiaxConv conv;
    char algorithm[16]; /* "": whichever */
} Way;

static Way plain_f32 = {LIAX_PRECISION_F32, LIAX_CONV_REF, "plain f32"}, plain_f16 = {LIAX_PRECISION_F16, LIAX_CONV_REF, "plain f16"},
           tensor_cores = {LIAX_PRECISION_F16, LIAX_CONV_DIRECT, "mma f16"}, by_table = {LIAX_PRECISION_F16, LIAX_CONV_AUTO, ""};

static LiaxModelOptions on_way(const Way *w)
{
    LiaxModelOptions o = on("cuda", w->precision);
    o.conv = w->conv;
    return o;
}

/* Each convolution of more than four channels by this algorithm. */
static void see_algorithm(void *ctx, const LiaxLayerInfo *l)
{
    const char *const want = ctx;
    const int wide = strstr(l->kernel, "conv") && l->in_channels > 4 && l->out_channels > 4;
    if (wide && strcmp(l->algorithm, want)) fail_msg("%s: \"%s\", not \"%s\"", l->layer, l->algorithm, want);
}

static LiaxImage golden_image(const char *file, uint8_t **pixels)
{
    char path[96];
    int w, h;
    snprintf(path, sizeof path, "tiny-64/%s", file);
    *pixels = golden_png(path, &w, &h);
    return rgb(*pixels, w, h);
}

/* Of the array, n of `parts` equal parts. */
static void check_golden(const char *path, const float *got, int n, int parts, LiaxPrecision precision)
{
    const Golden g = golden_find(path);
    Array want = golden_read(path);
    const size_t size = want.n / (size_t)parts * (size_t)n;
    const char *wrong = precision == LIAX_PRECISION_F32 ? golden_compare(got, want.f, size, g.tolerance, g.rms, 1) : golden_compare_f16(got, want.f, size);
    golden_free(&want);
    if (wrong) fail_msg("%s: %s", path, wrong);
}

/* Frames 0, 1, 2, ... of a stream are run, recorded and replayed; on the emulated device these three, under ASan the first alone, and
   each tier once: that passes are recorded is shown to ASan by smaller models. */
static void golden_frames(void **state)
{
    Way *way = *state;
    const LiaxPrecision precision = way->precision;
    const int n = SANITIZED ? 1 : cuda.counts ? 3 : DRIVING;
    if (SANITIZED && (way == &plain_f16 || way == &by_table)) skip();
    const LiaxModelOptions o = on_way(way);
    LiaxModel *m;
    assert_int_equal(liax_model_open(&m, model_path, &o), LIAX_OK);
    check_precision(m, precision == LIAX_PRECISION_F32 ? "f32" : "f16");
    LiaxModelInfo info = {.struct_size = sizeof info};
    liax_model_info(m, &info);
    if (way == &tensor_cores && strcmp(info.level, "sm_75") == 0) {
        print_message("# skipped: no tensor cores that the tier uses\n");
        liax_model_close(&m);
        skip();
    }
    static float frames[DRIVING][FRAME], motions[DRIVING][M];
    uint8_t *pixels[DRIVING + 1];
    LiaxImage driving[DRIVING];
    const LiaxImage source = golden_image("source.png", &pixels[DRIVING]);
    for (int i = 0; i < DRIVING; i++) {
        char file[32];
        snprintf(file, sizeof file, "driving-%d.png", i);
        driving[i] = golden_image(file, &pixels[i]);
    }
    LiaxSession *s = session_on(m, 1, LIAX_RELATIVE);
    LiaxImage out = raw(frames[0]);
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    check_golden("tiny-64/reconstruct.npy", frames[0], 1, 1, precision);
    if (*way->algorithm) liax_session_profile(s, see_algorithm, way->algorithm);
    assert_int_equal(liax_session_set_edit(s, "1", 0.9), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", -0.7), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    check_golden("tiny-64/edit.npy", frames[0], 1, 1, precision);
    liax_session_profile(s, NULL, NULL);
    const Counts before = counts();
    for (int i = 0; i < n; i++) {
        out = raw(frames[i]);
        assert_int_equal(liax_animate_frame(s, &driving[i], &out), LIAX_OK);
    }
    if (cuda.counts) assert_true(counts().replays - before.replays >= 2 * (n - 1)); /* encoding and drawing, all but their first time */
    check_golden("tiny-64/animate_relative.npy", frames[0], n, DRIVING, precision);
    for (int i = 0; i < n; i++) assert_int_equal(liax_session_encode_motion(s, &driving[i], motions[i]), LIAX_OK);
    check_golden("tiny-64/alpha_driving.npy", motions[0], n, DRIVING, precision);
    for (int i = 0; i <= DRIVING; i++) free(pixels[i]);
    liax_session_close(&s);
    liax_model_close(&m);
}

/* A made-up model whose layers are as wide as the real network's, or whose pictures are as large. */
typedef struct Synth {
    const char *name, *options;
    int size;
} Synth;

static void draw_synth(const Synth *y, const char *path, const LiaxModelOptions *o, float *out)
{
    LiaxModel *m;
    LiaxSession *s;
    Picture *source = driver(9), *p = driver(1);
    const int plane = y->size * y->size;
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = y->size, .height = y->size, .planes = {out, out + plane, out + 2 * plane}};
    assert_int_equal(liax_model_open(&m, path, o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, &(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = LIAX_ABSOLUTE}), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &source->image), LIAX_OK);
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    free(source);
    free(p);
}

/* Two ways of the CPU's differ by the noise of f32: ten times that is allowed, as for the golden data. */
static void made_up(void **state)
{
    const Synth *y = *state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* minutes; the comparator shows the kernels to ASan */
#endif
    if (cuda.counts && y->size > 32) {
        print_message("# skipped: minutes on an emulated device\n");
        skip();
    }
    const size_t n = 3 * (size_t)y->size * (size_t)y->size;
    float *const best = calloc(3 * n, sizeof *best), *const other = best + n, *const got = other + n;
    char path[512];
    snprintf(path, sizeof path, "%s/tests/%s.liax", golden_build(), y->name);
    assert_int_equal(golden_run("rm -f %s && %s/bin/liax-synth --size %d %s --motions 40 %s", path, golden_build(), y->size, y->options, path), 0);
    LiaxModelOptions o = on("cpu", LIAX_PRECISION_F32);
    draw_synth(y, path, &o, best);
    o.conv = LIAX_CONV_DIRECT;
    draw_synth(y, path, &o, other);
    double noise = 0, peak = 0;
    for (size_t i = 0; i < n; i++) {
        noise = fmax(noise, fabs((double)best[i] - other[i]));
        peak = fmax(peak, fabs((double)other[i]));
    }
    o = on_way(&plain_f32);
    draw_synth(y, path, &o, got);
    const char *wrong = golden_compare(got, other, n, 10 * fmax(noise, peak / (1 << 20)), 0, 1);
    if (wrong) fail_msg("plain f32: %s", wrong);
    const Way *const halves[] = {&plain_f16, &tensor_cores};
    for (int k = cuda.counts ? 1 : 0; k < 2; k++) { /* plain f16 is plain f32's text; on the emulated device golden_frames is enough for it */
        o = on_way(halves[k]);
        draw_synth(y, path, &o, got);
        double rms = 0;
        for (size_t i = 0; i < n; i++) rms += pow((double)got[i] - other[i], 2) / (double)n;
        wrong = golden_compare_f16(got, other, n);
        if (wrong) fail_msg("%s: %s", halves[k]->algorithm, wrong);
        assert_true(sqrt(rms) > noise); /* that it was f16 */
    }
    free(best);
}

static void stream_of(LiaxModel *m, int batch, int n, float (*to)[FRAME])
{
    LiaxSession *s = session_on(m, batch, LIAX_RELATIVE);
    give_source(s);
    int taken = 0;
    for (int i = 0; i <= n; i++) {
        Picture *p = i < n ? driver(i) : NULL;
        assert_int_equal(liax_session_push(s, p ? &p->image : NULL), LIAX_OK);
        free(p);
        for (LiaxStatus st = LIAX_OK; st == LIAX_OK;) {
            LiaxImage out = raw(to[taken < n ? taken : 0]);
            st = liax_session_pull(s, &out);
            assert_true(st >= 0);
            if (st) break;
            assert_int_equal(out.pts, 1000 + taken);
            taken++;
        }
    }
    assert_int_equal(taken, n);
    liax_session_close(&s);
}

enum { N = 7 };

static void batches_equal_single_frames(void **state)
{
    (void)state;
    static float want[N][FRAME], got[N][FRAME];
    LiaxModel *m = open_on(small_path, "cuda", LIAX_PRECISION_F16);
    stream_of(m, 1, N, want);
    for (int batch = 2; batch <= 3; batch++) {
        stream_of(m, batch, N, got);
        assert_memory_equal(want, got, sizeof want);
    }
    /* three by one, so that a recording of one frame is there, then three at once */
    LiaxSession *s = session_on(m, 3, LIAX_RELATIVE);
    give_source(s);
    for (int i = 0; i < 6; i++) {
        Picture *p = driver(i);
        LiaxImage out = raw(got[i]);
        assert_int_equal(i < 3 ? liax_animate_frame(s, &p->image, &out) : liax_session_push(s, &p->image), LIAX_OK);
        free(p);
    }
    for (int i = 3; i < 6; i++) {
        LiaxImage out = raw(got[i]);
        assert_int_equal(liax_session_pull(s, &out), LIAX_OK);
    }
    assert_memory_equal(want, got, sizeof *want * 6);
    liax_session_close(&s);
    liax_model_close(&m);
}

typedef struct Thread {
    pthread_t id;
    LiaxModel *m;
    float frames[N][FRAME];
} Thread;

static void *run_thread(void *arg)
{
    Thread *t = arg;
    stream_of(t->m, 2, N, t->frames);
    return own_context();
}

static void sessions_in_threads(void **state)
{
    (void)state;
    static float want[N][FRAME];
    static Thread threads[3];
    LiaxModel *m = open_on(small_path, "cuda:0", LIAX_PRECISION_F16);
    stream_of(m, 2, N, want);
    for (int i = 0; i < 3; i++) {
        threads[i].m = m;
        assert_int_equal(pthread_create(&threads[i].id, NULL, run_thread, &threads[i]), 0);
    }
    for (int i = 0; i < 3; i++) {
        void *left;
        pthread_join(threads[i].id, &left);
        assert_null(left); /* these threads had no device of their own, and have none now */
        assert_memory_equal(want, threads[i].frames, sizeof want);
    }
    liax_model_close(&m);
}

static void two_devices(void **state)
{
    (void)state;
    static float a[N][FRAME], b[N][FRAME];
    setenv("LX_EMULATE_DEVICES", "2", 1);
    const LiaxModelOptions o = on("cuda:1", LIAX_PRECISION_F16);
    LiaxModel *first, *second;
    const LiaxStatus st = liax_model_open(&second, small_path, &o);
    if (st == LIAX_E_UNSUPPORTED && !cuda.counts) {
        print_message("# skipped: there is one device\n");
        skip();
    }
    assert_int_equal(st, LIAX_OK);
    first = open_on(small_path, "cuda", LIAX_PRECISION_F16);
    LiaxModelInfo info = {.struct_size = sizeof info};
    liax_model_info(second, &info);
    assert_string_equal(info.device, "cuda:1");
    if (cuda.counts) assert_string_equal(info.level, "sm_90");
    assert_true(info.memory_bytes > 0);
    stream_of(first, 2, 3, a);
    stream_of(second, 2, 3, b);
    assert_memory_equal(a, b, sizeof *a * 3);
    assert_null(own_context());
    double gflops = 0;
    assert_int_equal(liax_model_peak(second, &gflops), LIAX_OK);
    assert_true(gflops > 0);
    liax_model_close(&first);
    liax_model_close(&second);
    unsetenv("LX_EMULATE_DEVICES");
}

static void count_layer(void *ctx, const LiaxLayerInfo *layer)
{
    *(int *)ctx += layer->ms >= 0;
}

/* Watching the kernels one by one changes nothing, and a cancelled pass leaves the recording as it was. */
static void watched_and_cancelled(void **state)
{
    (void)state;
    static float want[FRAME], got[FRAME];
    LiaxModel *m = open_on(small_path, "cuda", LIAX_PRECISION_F16);
    LiaxSession *s = session_on(m, 1, LIAX_RELATIVE);
    give_source(s);
    LiaxImage out = raw(want);
    int layers = 0;
    for (int i = 0; i < 5; i++) {
        out = raw(i ? got : want);
        if (i == 2) liax_session_profile(s, count_layer, &layers);
        if (i == 3) liax_session_profile(s, NULL, NULL);
        if (i == 4 || i == 1) { /* while it is recorded, and when it is replayed */
            liax_session_cancel(s);
            assert_int_equal(liax_session_render(s, &out), LIAX_E_CANCELLED);
        }
        assert_int_equal(liax_session_render(s, &out), LIAX_OK);
        if (i) assert_memory_equal(want, got, sizeof want);
    }
    assert_true(layers > 10);
    liax_session_close(&s);
    liax_model_close(&m);
}

/* Bytes of this process in memory. */
static long resident(void)
{
    long all, here = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &all, &here) != 2) fail_msg("/proc/self/statm cannot be read");
    fclose(f);
    return here * sysconf(_SC_PAGESIZE);
}

/* Growth is measured from a tenth of the frames on. Of the host's memory a page a frame would be a leak of whatever is asked for
   each frame, and a MiB may be the allocator's. Of the device's nothing may go. */
static void many_frames(void **state)
{
    (void)state;
    const int frames = cuda.counts ? 60 : 1000;
    static float out[FRAME];
    LiaxModel *m = open_on(cuda.counts ? small_path : model_path, "cuda", LIAX_PRECISION_F16);
    LiaxSession *s = session_on(m, 2, LIAX_RELATIVE);
    give_source(s);
    long host = 0, alive = 0;
    size_t left = 0, left_then = 0, total;
    for (int i = 0; i < frames; i++) {
        if (i == frames / 10) {
            host = resident();
            alive = counts().alive;
            assert_int_equal(cuda.memory(&left_then, &total), 0);
        }
        Picture *p = driver(i % 11);
        LiaxImage image = raw(out);
        if (i % 20 == 0) give_source(s);
        assert_int_equal(liax_session_set_edit(s, "1", 0.1 * (i % 7)), LIAX_OK);
        if (i % 3) {
            assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
        } else {
            for (int k = 0; k < 2; k++) assert_int_equal(liax_session_push(s, &p->image), LIAX_OK);
            for (int k = 0; k < 2; k++) assert_int_equal(liax_session_pull(s, &image), LIAX_OK);
        }
        free(p);
    }
    const long grown = resident() - host;
    assert_int_equal(cuda.memory(&left, &total), 0);
    print_message("# %d frames: the host's memory grew by %ld KiB, the device's by %ld KiB\n", frames, grown / 1024, ((long)left_then - (long)left) / 1024);
    assert_int_equal(counts().alive, alive);
    assert_true(left >= left_then);
#if !defined(__SANITIZE_ADDRESS__) /* which keeps what was freed */
    assert_true(grown < frames * sysconf(_SC_PAGESIZE) + (1 << 20));
#endif
    liax_session_close(&s);
    liax_model_close(&m);
}

/* test_cuda_frames [PATTERN]: the tests of such names, or all */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    static Synth wide = {"wide-32", "--widths 256,256,128,128", 32}, large = {"large-512", "--scale 0.25", 512};
    const struct CMUnitTest tests[] = {
        {"golden_frames, plain f32", golden_frames, NULL, NULL, &plain_f32},
        {"golden_frames, plain f16", golden_frames, NULL, NULL, &plain_f16},
        {"golden_frames, tensor cores", golden_frames, NULL, NULL, &tensor_cores},
        {"golden_frames, f16 by the table", golden_frames, NULL, NULL, &by_table},
        {"made_up with wide layers", made_up, NULL, NULL, &wide},
        {"made_up with large pictures", made_up, NULL, NULL, &large},
        cmocka_unit_test(batches_equal_single_frames),
        cmocka_unit_test(sessions_in_threads),
        cmocka_unit_test(two_devices),
        cmocka_unit_test(watched_and_cancelled),
        cmocka_unit_test(many_frames),
    };
    return cmocka_run_group_tests(tests, open_cuda, close_group);
}
