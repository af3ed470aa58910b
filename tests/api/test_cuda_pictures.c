/* Pictures in the memory of a CUDA device, and rows of the host's (support/cuda_device.h). */
#include "support/cuda_device.h"

#include <stdlib.h>
#include <string.h>

/* A copy of a picture of the host's there; rows are `gap` bytes longer. */
static LiaxImage to_device(const LiaxImage *host, int planes, const size_t *row, const size_t *rows, size_t gap, void *stream)
{
    LiaxImage there = *host;
    there.memory = LIAX_MEMORY_CUDA;
    there.stream = stream;
    for (int p = 0; p < planes; p++) {
        there.strides[p] = (ptrdiff_t)(row[p] + gap);
        assert_int_equal(cuda.alloc(&there.planes[p], (row[p] + gap) * rows[p]), 0);
        for (size_t y = 0; y < rows[p]; y++)
            cuda.copy((char *)there.planes[p] + y * (row[p] + gap), (const char *)host->planes[p] + y * row[p], row[p], TO_DEVICE);
    }
    return there;
}

static void from_device(const LiaxImage *there, const LiaxImage *host, int planes, const size_t *row, const size_t *rows)
{
    for (int p = 0; p < planes; p++) {
        for (size_t y = 0; y < rows[p]; y++)
            cuda.copy((char *)host->planes[p] + y * row[p], (const char *)there->planes[p] + (ptrdiff_t)y * there->strides[p], row[p], TO_HOST);
        cuda.free(there->planes[p]);
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
    assert_int_equal(cuda.stream_create(&stream), 0);
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
        for (int k = 0; k < formats[f].planes; k++) cuda.free(there.planes[k]);
        free(p);
    }
    cuda.stream_destroy(stream);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_of_the_device),
        cmocka_unit_test(rows_with_gaps),
        cmocka_unit_test(pictures_refused),
    };
    return cmocka_run_group_tests(tests, open_cuda, close_group);
}
