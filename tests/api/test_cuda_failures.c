/* What a CUDA device or its library cannot do, and what becomes of it: another precision, the CPU, or a sentence and nothing left
   behind (support/cuda_device.h). */
#define _GNU_SOURCE /* setenv, mkdtemp, memmem */
#include "support/cuda_device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "container.h"
#include "support/golden.h"

enum { FRAME = 3 * S * S };

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
        const char *wrong = i ? golden_compare_f16(got, ref, FRAME)
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
    need_emulator();
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
}

static void not_understood(void **state)
{
    (void)state;
    if (cuda.counts) expect_failure("cuda:1", LIAX_PRECISION_AUTO, LIAX_E_UNSUPPORTED, "last is cuda:0");
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
    need_emulator();
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
    need_emulator();
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
    FILE *f = fopen(cuda_library, "rb");
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

/* test_cuda_failures [PATTERN]: the tests of such names, or all */
int main(int argc, char **argv)
{
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_too_narrow),  cmocka_unit_test(not_there),   cmocka_unit_test(not_understood),
        cmocka_unit_test(out_of_memory),   cmocka_unit_test(lost_device), cmocka_unit_test(other_interfaces),
    };
    return cmocka_run_group_tests(tests, open_cuda, close_group);
}
