/*
 * The CUDA backend's host code and kernels through the public interface, on the emulated device (tests/emulator): whole frames,
 * batches, recordings, streams and pictures of the device's, several devices, and every way to fail. What it computes is compared
 * with the golden data in f32; in f16 with a bound that follows from the storage type.
 */
#define _GNU_SOURCE /* setenv, mkdtemp, dlopen */
#include "support/fixture.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "container.h"
#include "support/golden.h"

enum { FRAME = 3 * S * S };

/* ---- the emulated runtime, as a host that uses CUDA itself calls it */

typedef struct Counts {
    long alive, kernels, replays;
} Counts;

static char library[512], folder[400];
static char small_path[300]; /* mini-8, where the numbers do not matter: an emulated frame of tiny-64 takes a quarter of a second */
static int (*cuda_malloc)(void **p, size_t bytes);
static int (*cuda_free)(void *p);
static int (*cuda_memcpy)(void *to, const void *from, size_t bytes, int kind);
static int (*cuda_stream_create)(void **s);
static int (*cuda_stream_destroy)(void *s);
static int (*cuda_driver_call)(const char *name, void **call, unsigned version, unsigned long long flags, int *found);
static void (*emulator_counts)(Counts *c);
enum { TO_DEVICE = 1, TO_HOST = 2 };

static void call_of(void *handle, const char *name, void *to)
{
    void *const symbol = dlsym(handle, name);
    if (!symbol) fail_msg("%s: %s", library, dlerror());
    memcpy(to, &symbol, sizeof symbol);
}

static int open_emulator(void **state)
{
    snprintf(folder, sizeof folder, "%s/tests/emulator", golden_build());
    snprintf(library, sizeof library, "%s/libliax-cuda.so", folder);
    void *const handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    call_of(handle, "cudaMalloc", &cuda_malloc);
    call_of(handle, "cudaFree", &cuda_free);
    call_of(handle, "cudaMemcpy", &cuda_memcpy);
    call_of(handle, "cudaStreamCreate", &cuda_stream_create);
    call_of(handle, "cudaStreamDestroy", &cuda_stream_destroy);
    call_of(handle, "cudaGetDriverEntryPointByVersion", &cuda_driver_call);
    call_of(handle, "lx_emu_counts", &emulator_counts);
    golden_convert("mini-8", "safetensors");
    snprintf(small_path, sizeof small_path, "%s/tests/mini-8-safetensors.liax", golden_build());
    return open_group(state);
}

static Counts counts(void)
{
    Counts c;
    emulator_counts(&c);
    return c;
}

/* What the calling thread's own device is. */
static void *own_context(void)
{
    int (*get)(void **);
    void *call, *context;
    cuda_driver_call("cuCtxGetCurrent", &call, 11000, 0, NULL);
    memcpy(&get, &call, sizeof get);
    get(&context);
    return context;
}

/* ---- models and sessions on it */

/* Sentences that the library said, by level. */
typedef struct Said {
    char error[512], warning[512], info[512];
} Said;

static void hear(void *ctx, LiaxLogLevel level, const char *sentence)
{
    Said *s = ctx;
    snprintf(level == LIAX_LOG_ERROR ? s->error : level == LIAX_LOG_WARNING ? s->warning : s->info, 512, "%s", sentence);
}

static LiaxModelOptions on(const char *device, LiaxPrecision precision)
{
    return (LiaxModelOptions){.struct_size = sizeof(LiaxModelOptions), .device = device, .backend_dir = folder, .precision = precision};
}

static LiaxModel *open_on(const char *path, const char *device, LiaxPrecision precision)
{
    char error[512] = "";
    LiaxModelOptions o = on(device, precision);
    o.error = error;
    o.error_size = sizeof error;
    LiaxModel *m;
    if (liax_model_open(&m, path, &o)) fail_msg("%s: %s", device, error);
    return m;
}

static LiaxSession *session_on(LiaxModel *m, int batch, LiaxMode mode)
{
    LiaxSession *s;
    const LiaxSessionOptions o = {.struct_size = sizeof o, .max_batch = batch, .mode = mode};
    assert_int_equal(liax_session_open(&s, m, &o), LIAX_OK);
    return s;
}

static void give_source(LiaxSession *s)
{
    Picture *p = driver(9);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    free(p);
}

static void check_precision(const LiaxModel *m, const char *precision)
{
    LiaxModelInfo info = {.struct_size = sizeof info};
    assert_int_equal(liax_model_info(m, &info), LIAX_OK);
    assert_string_equal(info.precision, precision);
}

/* ---- what it computes */

enum { DRIVING = 5 };

static LiaxImage golden_image(const char *file, uint8_t **pixels)
{
    char path[96];
    int w, h;
    snprintf(path, sizeof path, "tiny-64/%s", file);
    *pixels = golden_png(path, &w, &h);
    return rgb(*pixels, w, h);
}

/* f32: MANIFEST.md's bound. f16: a frame goes through at most 70 tensors that are stored with a relative error of 2^-11 at most, so
   that the root mean square of all, independent of one another, stays below sqrt(70) * 2^-11 of the array's peak. */
static void check_golden(const char *path, const float *got, LiaxPrecision precision)
{
    const Golden g = golden_find(path);
    Array want = golden_read(path);
    double peak = 0;
    for (size_t i = 0; i < want.n; i++) peak = fmax(peak, fabs((double)want.f[i]));
    const char *wrong = precision == LIAX_PRECISION_F32 ? golden_compare(got, want.f, want.n, g.tolerance, g.rms, 1)
                                                        : golden_compare(got, want.f, want.n, HUGE_VAL, sqrt(70) / 2048 * peak, 1);
    golden_free(&want);
    if (wrong) fail_msg("%s: %s", path, wrong);
}

/* Frames 0, 1, 2, ... of a stream are run, recorded and replayed. */
static void golden_frames(void **state)
{
    const LiaxPrecision precision = *(const LiaxPrecision *)*state;
    LiaxModel *m = open_on(model_path, "cuda", precision);
    check_precision(m, precision == LIAX_PRECISION_F32 ? "f32" : "f16");
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
    check_golden("tiny-64/reconstruct.npy", frames[0], precision);
    assert_int_equal(liax_session_set_edit(s, "1", 0.9), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "3", -0.7), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    check_golden("tiny-64/edit.npy", frames[0], precision);
    const Counts before = counts();
    for (int i = 0; i < DRIVING; i++) {
        out = raw(frames[i]);
        assert_int_equal(liax_animate_frame(s, &driving[i], &out), LIAX_OK);
    }
    assert_true(counts().replays - before.replays >= 2 * (DRIVING - 1)); /* encoding and drawing, all but their first time */
    check_golden("tiny-64/animate_relative.npy", frames[0], precision);
    for (int i = 0; i < DRIVING; i++) assert_int_equal(liax_session_encode_motion(s, &driving[i], motions[i]), LIAX_OK);
    check_golden("tiny-64/alpha_driving.npy", motions[0], precision);
    for (int i = 0; i <= DRIVING; i++) free(pixels[i]);
    liax_session_close(&s);
    liax_model_close(&m);
}

/* Draw one frame of a 32 x 32 model whose layers are as wide as the real network's. */
static void draw_wide(const char *path, const LiaxModelOptions *o, float out[3 * 32 * 32])
{
    LiaxModel *m;
    LiaxSession *s;
    Picture *source = driver(9), *p = driver(1);
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = 32, .height = 32, .planes = {out, out + 1024, out + 2048}};
    assert_int_equal(liax_model_open(&m, path, o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, &(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = LIAX_ABSOLUTE}), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &source->image), LIAX_OK);
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    free(source);
    free(p);
}

/* The reference and the CPU's best level differ by the noise of f32: ten times that is allowed, as for the golden data. */
static void wide_layers(void **state)
{
    (void)state;
#if defined(__SANITIZE_ADDRESS__)
    skip(); /* minutes; the comparator shows the kernels to ASan */
#endif
    static float ref[3 * 32 * 32], best[3 * 32 * 32], got[3 * 32 * 32];
    char path[512];
    snprintf(path, sizeof path, "%s/tests/wide-32.liax", golden_build());
    assert_int_equal(golden_run("rm -f %s && %s/bin/liax-synth --size 32 --widths 256,256,128,128 --motions 40 %s", path, golden_build(), path), 0);
    LiaxModelOptions o = on("cpu", LIAX_PRECISION_F32);
    draw_wide(path, &o, best);
    o.conv = LIAX_CONV_REF;
    draw_wide(path, &o, ref);
    double noise = 0, peak = 0, rms = 0;
    for (int i = 0; i < 3 * 32 * 32; i++) {
        noise = fmax(noise, fabs((double)best[i] - ref[i]));
        peak = fmax(peak, fabs((double)ref[i]));
    }
    o = on("cuda", LIAX_PRECISION_F32);
    draw_wide(path, &o, got);
    const char *wrong = golden_compare(got, ref, 3 * 32 * 32, 10 * fmax(noise, peak / (1 << 20)), 0, 1);
    if (wrong) fail_msg("f32: %s", wrong);
    o = on("cuda", LIAX_PRECISION_F16);
    draw_wide(path, &o, got);
    for (int i = 0; i < 3 * 32 * 32; i++) rms += pow((double)got[i] - ref[i], 2) / (3 * 32 * 32);
    assert_true(sqrt(rms) <= sqrt(70) / 2048 * peak);
    assert_true(sqrt(rms) > noise); /* that it was f16 */
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
    LiaxModel *first = open_on(small_path, "cuda", LIAX_PRECISION_F16), *second = open_on(small_path, "cuda:1", LIAX_PRECISION_F16);
    LiaxModelInfo info = {.struct_size = sizeof info};
    liax_model_info(second, &info);
    assert_string_equal(info.device, "cuda:1");
    assert_string_equal(info.level, "sm_90");
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

/* ---- pictures in the device's memory */

/* A copy of a picture of the host's there; rows are `gap` bytes longer. */
static LiaxImage to_device(const LiaxImage *host, int planes, const size_t *row, const size_t *rows, size_t gap, void *stream)
{
    LiaxImage there = *host;
    there.memory = LIAX_MEMORY_CUDA;
    there.stream = stream;
    for (int p = 0; p < planes; p++) {
        there.strides[p] = (ptrdiff_t)(row[p] + gap);
        assert_int_equal(cuda_malloc(&there.planes[p], (row[p] + gap) * rows[p]), 0);
        for (size_t y = 0; y < rows[p]; y++)
            cuda_memcpy((char *)there.planes[p] + y * (row[p] + gap), (const char *)host->planes[p] + y * row[p], row[p], TO_DEVICE);
    }
    return there;
}

static void from_device(const LiaxImage *there, const LiaxImage *host, int planes, const size_t *row, const size_t *rows)
{
    for (int p = 0; p < planes; p++) {
        for (size_t y = 0; y < rows[p]; y++)
            cuda_memcpy((char *)host->planes[p] + y * row[p], (const char *)there->planes[p] + (ptrdiff_t)y * there->strides[p], row[p], TO_HOST);
        cuda_free(there->planes[p]);
    }
}

static void pictures_of_the_device(void **state)
{
    (void)state;
    static const struct {
        LiaxFormat format;
        int planes;
        size_t row[3], rows[3];
    } formats[] = {{LIAX_RGB24, 1, {3 * W}, {H}},
                   {LIAX_BGRA, 1, {4 * W}, {H}},
                   {LIAX_NV12, 2, {W, W}, {H, H / 2}},
                   {LIAX_I420, 3, {W, W / 2, W / 2}, {H, H / 2, H / 2}},
                   {LIAX_RGBF32, 3, {4 * W, 4 * W, 4 * W}, {H, H, H}}};
    LiaxModel *m = open_on(small_path, "cuda", LIAX_PRECISION_F16);
    void *stream;
    const Counts before = counts();
    assert_int_equal(cuda_stream_create(&stream), 0);
    for (size_t f = 0; f < sizeof formats / sizeof *formats; f++) {
        static uint8_t want[W * H * 12], got[W * H * 12];
        Picture *p = driver(3);
        for (size_t i = 0; formats[f].format == LIAX_RGBF32 && i < W * H * 3; i++) ((float *)(void *)p->bytes)[i] = (float)(i % 200) / 100 - 1;
        LiaxImage in = p->image, out_host = p->image, out_there;
        in.format = out_host.format = out_there.format = formats[f].format;
        size_t at = 0;
        for (int k = 0; k < formats[f].planes; k++) {
            in.planes[k] = p->bytes + at;
            out_host.planes[k] = want + at;
            at += formats[f].row[k] * formats[f].rows[k];
        }
        const size_t bytes = at;
        LiaxSession *a = session_on(m, 1, LIAX_ABSOLUTE), *b = session_on(m, 1, LIAX_ABSOLUTE);
        memset(in.strides, 0, sizeof in.strides);
        memset(out_host.strides, 0, sizeof out_host.strides);
        const LiaxImage there = to_device(&in, formats[f].planes, formats[f].row, formats[f].rows, 12, stream);
        assert_int_equal(liax_session_set_source(a, &in), LIAX_OK);
        assert_int_equal(liax_session_set_source(b, &there), LIAX_OK);
        for (int again = 0; again < 3; again++) {
            assert_int_equal(liax_animate_frame(a, &in, &out_host), LIAX_OK);
            LiaxImage host = out_host;
            at = 0;
            for (int k = 0; k < formats[f].planes; k++) {
                host.planes[k] = got + at;
                at += formats[f].row[k] * formats[f].rows[k];
            }
            out_there = to_device(&host, formats[f].planes, formats[f].row, formats[f].rows, 8, stream);
            assert_int_equal(liax_animate_frame(b, &there, &out_there), LIAX_OK);
            from_device(&out_there, &host, formats[f].planes, formats[f].row, formats[f].rows);
            assert_memory_equal(want, got, bytes);
        }
        liax_session_close(&a);
        liax_session_close(&b);
        for (int k = 0; k < formats[f].planes; k++) cuda_free(there.planes[k]);
        free(p);
    }
    cuda_stream_destroy(stream);
    assert_int_equal(counts().alive, before.alive);
    liax_model_close(&m);
}

/* Rows of the host's with gaps between them, which are not written. */
static void rows_with_gaps(void **state)
{
    (void)state;
    enum { GAP = 5, ROW = 3 * W + GAP };
    static uint8_t want[3 * W * H], in[ROW * H], out[ROW * H];
    LiaxModel *m = open_on(small_path, "cuda", LIAX_PRECISION_F32);
    LiaxSession *s = session_on(m, 1, LIAX_ABSOLUTE);
    give_source(s);
    Picture *p = driver(4);
    LiaxImage to = rgb(want, W, H), wide_in = rgb(in, W, H), wide_out = rgb(out, W, H);
    assert_int_equal(liax_animate_frame(s, &p->image, &to), LIAX_OK);
    memset(in, 77, sizeof in);
    memset(out, 77, sizeof out);
    for (int y = 0; y < H; y++) memcpy(in + y * ROW, p->bytes + y * 3 * W, 3 * W);
    wide_in.strides[0] = wide_out.strides[0] = ROW;
    assert_int_equal(liax_animate_frame(s, &wide_in, &wide_out), LIAX_OK);
    for (int y = 0; y < H; y++) {
        assert_memory_equal(out + y * ROW, want + y * 3 * W, 3 * W);
        for (int i = 0; i < GAP; i++) assert_int_equal(out[y * ROW + 3 * W + i], 77);
    }
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}

static void expect_refused(LiaxSession *s, const LiaxImage *in, LiaxStatus status, const char *word)
{
    float motion[M];
    assert_int_equal(liax_session_encode_motion(s, in, motion), status);
    if (!strstr(liax_session_error(s), word)) fail_msg("\"%s\" lacks \"%s\"", liax_session_error(s), word);
}

static void pictures_refused(void **state)
{
    (void)state;
    LiaxModel *m = open_on(small_path, "cuda", LIAX_PRECISION_F16);
    LiaxSession *s = session_on(m, 1, LIAX_RELATIVE), *cpu = session(NULL);
    Picture *p = driver(1);
    LiaxImage in = p->image;
    in.memory = LIAX_MEMORY_CUDA;
    expect_refused(s, &in, LIAX_E_ARG, "not in CUDA memory");
    expect_refused(cpu, &in, LIAX_E_UNSUPPORTED, "the model is on cpu");
    in.device = 1;
    expect_refused(s, &in, LIAX_E_ARG, "cuda:1");
    in.memory = (LiaxMemory)7;
    expect_refused(s, &in, LIAX_E_UNSUPPORTED, "memory");
    free(p);
    liax_session_close(&s);
    liax_session_close(&cpu);
    liax_model_close(&m);
}

/* ---- too narrow a type */

/* The model with the weights of one tensor a million times as large: features of that size do not fit f16. */
static uint8_t *model_with_large(const char *tensor, size_t *size)
{
    FILE *f = fopen(model_path, "rb");
    fseek(f, 0, SEEK_END);
    *size = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(*size);
    assert_int_equal(fread(data, 1, *size, f), *size);
    fclose(f);
    LxContainer c;
    LxFile file;
    LxLog log = {0};
    const LiaxAllocator a = lx_allocator(NULL);
    lx_file_from_memory(&file, data, *size, "test");
    assert_int_equal(lx_container_open(&c, &file, &a, &log), LIAX_OK);
    const LxTensorEntry *t = lx_container_find(&c, tensor);
    assert_non_null(t);
    assert_int_equal(t->dtype, LX_F32);
    for (uint64_t i = 0; i < t->count; i++) {
        float v;
        memcpy(&v, data + t->offset + 4 * i, 4);
        v *= 1e6f;
        memcpy(data + t->offset + 4 * i, &v, 4);
    }
    lx_container_close(&c);
    return data;
}

static void draw_from_memory(const uint8_t *data, size_t size, LiaxModelOptions *o, const char *precision, float *out)
{
    LiaxModel *m;
    assert_int_equal(liax_model_open_memory(&m, data, size, o), LIAX_OK);
    LiaxSession *s = session_on(m, 2, LIAX_RELATIVE);
    give_source(s);
    for (int i = 0; i < 2; i++) {
        Picture *p = driver(i);
        LiaxImage image = raw(out);
        assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
        free(p);
    }
    check_precision(m, precision);
    liax_session_close(&s);
    liax_model_close(&m);
}

static void f16_too_narrow(void **state)
{
    (void)state;
    static const char *const tensors[] = {"enc.enc_2r.block1.0.weight", "dec.conv2_2_up.1.weight"}; /* seen by the source, and by the first frame */
    for (int i = 0; i < 2; i++) {
        static float ref[FRAME], best[FRAME], got[FRAME];
        size_t size;
        uint8_t *data = model_with_large(tensors[i], &size);
        LiaxModelOptions o = on("cpu", LIAX_PRECISION_F32);
        draw_from_memory(data, size, &o, "f32", best);
        o.conv = LIAX_CONV_REF;
        draw_from_memory(data, size, &o, "f32", ref);
        double noise = 0, peak = 0;
        for (int k = 0; k < FRAME; k++) {
            noise = fmax(noise, fabs((double)best[k] - ref[k]));
            peak = fmax(peak, fabs((double)ref[k]));
        }
        assert_true(isfinite(peak));
        Said said = {0};
        o = on("cuda", LIAX_PRECISION_AUTO);
        o.log = hear;
        o.log_ctx = &said;
        const Counts before = counts();
        draw_from_memory(data, size, &o, "f32", got);
        assert_int_equal(counts().alive, before.alive);
        assert_non_null(strstr(said.warning, "f32 from here on"));
        /* in the second case the motions had been encoded, in f16, when the frame was found out */
        const char *wrong = i ? golden_compare(got, ref, FRAME, HUGE_VAL, sqrt(70) / 2048 * peak, 1)
                              : golden_compare(got, ref, FRAME, 10 * fmax(noise, peak / (1 << 20)), 0, 1);
        if (wrong) fail_msg("%s: %s", tensors[i], wrong);
        free(data);
    }
}

/* ---- what cannot be had */

static void expect_failure(const char *device, LiaxPrecision precision, LiaxStatus status, const char *word)
{
    char error[512] = "";
    LiaxModelOptions o = on(device, precision);
    o.error = error;
    o.error_size = sizeof error;
    LiaxModel *m = model;
    assert_int_equal(liax_model_open(&m, small_path, &o), status);
    assert_null(m);
    if (!strstr(error, word)) fail_msg("\"%s\" lacks \"%s\"", error, word);
}

/* Asked for any device, the model opens on the CPU, and says at that level why. */
static void expect_cpu(const char *word, LiaxLogLevel level)
{
    Said said = {0};
    LiaxModelOptions o = on(NULL, LIAX_PRECISION_AUTO);
    o.log = hear;
    o.log_ctx = &said;
    LiaxModel *m;
    assert_int_equal(liax_model_open(&m, small_path, &o), LIAX_OK);
    LiaxModelInfo info = {.struct_size = sizeof info};
    liax_model_info(m, &info);
    assert_string_equal(info.device, "cpu");
    assert_string_equal(said.error, "");
    if (!strstr(level == LIAX_LOG_INFO ? said.info : said.warning, word)) fail_msg("\"%s\" and \"%s\" lack \"%s\"", said.info, said.warning, word);
    liax_model_close(&m);
}

static void not_there(void **state)
{
    (void)state;
    static const struct {
        const char *variable, *value, *word;
        LiaxLogLevel level;
    } cases[] = {{"LX_EMULATE_DEVICES", "0", "no device", LIAX_LOG_INFO},
                 {"LX_EMULATE_OLD_DRIVER", "none", "no NVIDIA driver", LIAX_LOG_INFO},
                 {"LX_EMULATE_OLD_DRIVER", "1", "knows CUDA 11.0, and this build needs one that knows 13.0", LIAX_LOG_INFO},
                 {"LX_EMULATE_CAPABILITY", "61", "sm_61", LIAX_LOG_WARNING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Counts before = counts();
        setenv(cases[i].variable, cases[i].value, 1);
        expect_failure("cuda", LIAX_PRECISION_AUTO, LIAX_E_UNSUPPORTED, cases[i].word);
        expect_cpu(cases[i].word, cases[i].level);
        unsetenv(cases[i].variable);
        assert_int_equal(counts().alive, before.alive);
    }
    expect_failure("cuda:1", LIAX_PRECISION_AUTO, LIAX_E_UNSUPPORTED, "last is cuda:0");
    static const char *const wrong[] = {"cuda:", "cuda:x", "cuda:-1", "cuda:0x", "cuda: 0"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) expect_failure(wrong[i], LIAX_PRECISION_AUTO, LIAX_E_ARG, "a number");
    expect_failure("cudax", LIAX_PRECISION_AUTO, LIAX_E_UNSUPPORTED, "unknown");
    expect_failure("cuda", LIAX_PRECISION_BF16, LIAX_E_UNSUPPORTED, "f16 or f32");
    LiaxModelOptions o = on("cuda", LIAX_PRECISION_AUTO);
    o.conv = LIAX_CONV_WINOGRAD;
    LiaxModel *m;
    assert_int_equal(liax_model_open(&m, small_path, &o), LIAX_E_UNSUPPORTED);
}

/* Everything from opening a model to its second frame; the first failure, with its sentence. */
static LiaxStatus whole_job(const LiaxModelOptions *given, char sentence[512])
{
    LiaxModelOptions o = *given;
    o.error = sentence;
    o.error_size = 512;
    static float frame[FRAME];
    LiaxModel *m = NULL;
    LiaxSession *s = NULL;
    Picture *p = driver(2);
    Said said = {0};
    o.log = hear;
    o.log_ctx = &said;
    LiaxStatus st = liax_model_open(&m, small_path, &o);
    if (!st && (st = liax_session_open(&s, m, NULL))) snprintf(sentence, 512, "%s", said.error);
    if (!st) st = liax_session_set_source(s, &p->image);
    for (int i = 0; !st && i < 3; i++) {
        LiaxImage out = raw(frame);
        st = liax_animate_frame(s, &p->image, &out);
    }
    if (s && st) snprintf(sentence, 512, "%s", liax_session_error(s));
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
    return st;
}

static void out_of_memory(void **state)
{
    (void)state;
    const LiaxModelOptions o = on("cuda", LIAX_PRECISION_AUTO);
    int n = 1;
    for (LiaxStatus st = LIAX_E_MEMORY; st; n++) {
        char number[16], sentence[512] = "";
        snprintf(number, sizeof number, "%d", n);
        const Counts before = counts();
        setenv("LX_EMULATE_NO_MEMORY_AT", number, 1);
        st = whole_job(&o, sentence);
        unsetenv("LX_EMULATE_NO_MEMORY_AT");
        if (st && st != LIAX_E_MEMORY) fail_msg("allocation %d: status %d, \"%s\"", n, (int)st, sentence);
        if (st && !strstr(sentence, "out of memory")) fail_msg("allocation %d: \"%s\"", n, sentence);
        if (counts().alive != before.alive) fail_msg("allocation %d: %ld objects stay", n, counts().alive - before.alive);
    }
    assert_true(n > 40);
    setenv("LX_EMULATE_NO_MEMORY_AT", "30", 1);
    expect_cpu("out of memory", LIAX_LOG_WARNING);
    unsetenv("LX_EMULATE_NO_MEMORY_AT");
}

static void lost_device(void **state)
{
    (void)state;
    const LiaxModelOptions o = on("cuda", LIAX_PRECISION_AUTO);
    char sentence[512] = "";
    const Counts all = counts();
    assert_int_equal(whole_job(&o, sentence), LIAX_OK);
    const long kernels = counts().kernels - all.kernels;
    assert_true(kernels > 100);
    for (long n = 1; n <= kernels; n += kernels / 23) { /* in all passes: run, recorded, replayed */
        char number[16];
        snprintf(number, sizeof number, "%ld", n);
        const Counts before = counts();
        setenv("LX_EMULATE_LOST_AT", number, 1);
        const LiaxStatus st = whole_job(&o, sentence);
        unsetenv("LX_EMULATE_LOST_AT");
        own_context(); /* a call by which the emulator sees that */
        if (st != LIAX_E_DEVICE || !strstr(sentence, "cuda:0 failed: ")) fail_msg("kernel %ld: status %d, \"%s\"", n, (int)st, sentence);
        if (counts().alive != before.alive) fail_msg("kernel %ld: %ld objects stay", n, counts().alive - before.alive);
    }
}

/* ---- the library itself */

/* A library of another interface is refused, and so is one that has none. */
static void other_interfaces(void **state)
{
    (void)state;
    char directory[] = "/tmp/liax-cuda-XXXXXX", path[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/libliax-cuda.so", directory);
    FILE *f = fopen(library, "rb");
    fseek(f, 0, SEEK_END);
    const size_t size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(size);
    assert_int_equal(fread(bytes, 1, size, f), size);
    fclose(f);
    const uint32_t ours[2] = {LX_BACKEND_ABI, sizeof(LxBackend)};
    uint8_t *at = memmem(bytes, size, ours, sizeof ours);
    assert_non_null(at);
    const uint32_t theirs[3][2] = {{LX_BACKEND_ABI + 1, sizeof(LxBackend)}, {LX_BACKEND_ABI, sizeof(LxBackend) + 8}};
    static const char *const words[] = {"another libliax", "another libliax", "libliax-cuda.so"};
    for (int i = 0; i < 3; i++) {
        memcpy(at, theirs[i], sizeof theirs[i]);
        unlink(path); /* a new file: the loader knows files by their inode */
        f = fopen(path, "wb");
        assert_int_equal(fwrite(bytes, 1, i < 2 ? size : 100, f), i < 2 ? size : 100);
        fclose(f);
        LiaxModelOptions o = on("cuda", LIAX_PRECISION_AUTO);
        char error[512] = "";
        o.backend_dir = directory;
        o.error = error;
        o.error_size = sizeof error;
        LiaxModel *m;
        assert_int_equal(liax_model_open(&m, small_path, &o), LIAX_E_UNSUPPORTED);
        if (!strstr(error, words[i])) fail_msg("%s", error);
        o.device = "auto";
        assert_int_equal(liax_model_open(&m, small_path, &o), LIAX_OK);
        liax_model_close(&m);
    }
    unlink(path);
    rmdir(directory);
    free(bytes);
}

/* test_cuda_host [PATTERN]: the tests of such names, or all */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    static LiaxPrecision f32 = LIAX_PRECISION_F32, f16 = LIAX_PRECISION_F16;
    const struct CMUnitTest tests[] = {
        {"golden_frames in f32", golden_frames, NULL, NULL, &f32},
        {"golden_frames in f16", golden_frames, NULL, NULL, &f16},
        cmocka_unit_test(wide_layers),
        cmocka_unit_test(batches_equal_single_frames),
        cmocka_unit_test(sessions_in_threads),
        cmocka_unit_test(two_devices),
        cmocka_unit_test(watched_and_cancelled),
        cmocka_unit_test(pictures_of_the_device),
        cmocka_unit_test(rows_with_gaps),
        cmocka_unit_test(pictures_refused),
        cmocka_unit_test(f16_too_narrow),
        cmocka_unit_test(not_there),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(lost_device),
        cmocka_unit_test(other_interfaces),
    };
    return cmocka_run_group_tests(tests, open_emulator, close_group);
}
