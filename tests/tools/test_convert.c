/* liax-convert on files that are right: every golden checkpoint becomes the same model, whatever its format; dtypes,
   controls, refused numbers, repeatability, memory. */
#define _GNU_SOURCE /* wait4 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lia_x_layout.h"
#include "qr.h"
#include "synth.h"
#include "tools/tools.h"

static const char *at(const char *name)
{
    return scratch("test_convert", name);
}

/* Converts a golden checkpoint to `to`. */
static void convert(const char *golden, const char *to, const LxConvertOptions *o)
{
    LxLog log = {0};
    const LxConvertOptions plain = {0};
    if (lx_convert(golden_path(golden), to, o ? o : &plain, &log)) fail_msg("%s", log.error);
}

/* Every tensor of `a` is in `b`, same order and shape, values within `relative` of each other. */
static void compare(const char *a, const char *b, double relative)
{
    LxContainer x = open_container(a), y = open_container(b);
    assert_int_equal(x.n_tensors, y.n_tensors);
    for (uint32_t i = 0; i < x.n_tensors; i++) {
        const LxTensorEntry *t = &x.tensors[i], *u = &y.tensors[i];
        assert_string_equal(t->name, u->name);
        assert_int_equal(t->rank, u->rank);
        assert_memory_equal(t->dims, u->dims, t->rank * sizeof *t->dims);
        float *p = tensor_values(&x, t), *q = tensor_values(&y, u);
        for (size_t k = 0; k < t->count; k++)
            if (!(fabs((double)p[k] - q[k]) <= relative * fmax(fabs((double)p[k]), 0x1p-14))) fail_msg("%s: element %zu: %g and %g", t->name, k, p[k], q[k]);
        free(p);
        free(q);
    }
    lx_container_close(&x);
    lx_container_close(&y);
}

/* Every file holds the same model as the first. */
static void same_model(const char *first, const char *const *others)
{
    convert(first, at("plain.liax"), NULL);
    for (; *others; others++) {
        convert(*others, at("variant.liax"), NULL);
        compare(at("plain.liax"), at("variant.liax"), 0);
        LxContainer a = open_container(at("plain.liax")), b = open_container(at("variant.liax"));
        assert_string_equal(lx_container_string(&a, "fingerprint", 0), lx_container_string(&b, "fingerprint", 0));
        lx_container_close(&a);
        lx_container_close(&b);
    }
}

static void test_variants(void **state)
{
    (void)state;
    same_model("tiny-64.pt", (const char *const[]){"tiny-64-legacy.pt", "tiny-64-module.pt", "tiny-64-views.pt", "tiny-64-cuda.pt", "tiny-64.safetensors", NULL});
}

/* Parameters three dicts deep, legacy storages that are shared and strided, f64. */
static void test_rarer_variants(void **state)
{
    (void)state;
    same_model("mini-8.safetensors", (const char *const[]){"mini-8-parameters.pt", "mini-8-legacy-views.pt", "mini-8-f64.safetensors", NULL});
}

/* The f16 and bf16 goldens are the f32 one rounded, and so is what --dtype makes of it; Q is always f32. */
static void test_dtypes(void **state)
{
    static const struct {
        const char *golden;
        LxDtype dtype;
        double unit;
    } cases[] = {{"tiny-64-f16.pt", LX_F16, 0x1p-11}, {"tiny-64-bf16.pt", LX_BF16, 0x1p-8}};
    convert("tiny-64.pt", at("plain.liax"), NULL);
    for (int i = 0; i < 2; i++) {
        const LxConvertOptions o = {.has_dtype = 1, .dtype = cases[i].dtype}, back = {.has_dtype = 1, .dtype = LX_F32};
        convert(cases[i].golden, at("own.liax"), NULL);
        convert("tiny-64.pt", at("rounded.liax"), &o);
        convert(cases[i].golden, at("back.liax"), &back);
        LxContainer own = open_container(at("own.liax")), rounded = open_container(at("rounded.liax"));
        for (uint32_t k = 0; k < own.n_tensors; k++) {
            const int is_q = !strcmp(own.tensors[k].name, "dec.direction.Q");
            assert_int_equal(own.tensors[k].dtype, is_q ? LX_F32 : cases[i].dtype);
            if (!is_q) assert_int_equal(own.tensors[k].crc, rounded.tensors[k].crc);
        }
        lx_container_close(&own);
        lx_container_close(&rounded);
        compare(at("own.liax"), at("back.liax"), 0);
        compare(at("plain.liax"), at("rounded.liax"), cases[i].unit);
    }
    (void)state;
}

static void check_q(const char *golden, const char *npy)
{
    convert(golden, at("q.liax"), NULL);
    LxContainer c = open_container(at("q.liax"));
    const LxTensorEntry *t = lx_container_find(&c, "dec.direction.Q");
    Array want = golden_read(npy);
    assert_non_null(t);
    assert_int_equal(t->count, want.n);
    float *found = tensor_values(&c, t);
    const Golden g = golden_find(npy);
    const char *fault = golden_compare(found, want.f, want.n, g.tolerance, g.rms, 1);
    if (fault) fail_msg("%s: %s", npy, fault);
    free(found);
    golden_free(&want);
    lx_container_close(&c);
}

static void test_directions(void **state)
{
    check_q("tiny-64.pt", "tiny-64/Q.npy");
    check_q("tiny-64-f16.pt", "tiny-64/f16/Q.npy");
    check_q("tiny-64-bf16.pt", "tiny-64/bf16/Q.npy");
    check_q("small-128.pt", "small-128/Q.npy");
    (void)state;
}

/* LAPACK's sign where there is nothing to clear: a square matrix's last column, and a column that is clear already. */
static void test_qr_identity(void **state)
{
    double a[4] = {-3, 1, 0, -2}, tau[2];
    lx_qr(a, 2, 2, tau);
    assert_true(a[0] == 1 && a[1] == 0 && a[2] == 0 && a[3] == 1);
    (void)state;
}

static void test_nested_sizes(void **state)
{
    static const int64_t widths[] = {40, 40, 40, 24, 20, 12}, groups[] = {8, 8, 8, 8, 4, 4};
    const int64_t *found;
    int64_t value;
    uint32_t n;
    LxLog log = {0};
    convert("small-128.pt", at("small.liax"), NULL);
    LxContainer c = open_container(at("small.liax"));
    assert_int_equal(lx_container_i64(&c, "size", &value, &log), LIAX_OK);
    assert_int_equal(value, 128);
    assert_int_equal(lx_container_i64(&c, "motions", &value, &log), LIAX_OK);
    assert_int_equal(value, 20);
    assert_int_equal(lx_container_i64s(&c, "widths", &found, &n, &log), LIAX_OK);
    assert_int_equal(n, 6);
    assert_memory_equal(found, widths, sizeof widths);
    assert_int_equal(lx_container_i64s(&c, "groups", &found, &n, &log), LIAX_OK);
    assert_memory_equal(found, groups, sizeof groups);
    assert_string_equal(lx_container_string(&c, "source", 0), "small-128.pt");
    assert_non_null(strstr(lx_container_string(&c, "license", 0), "CC BY-NC 4.0"));
    lx_container_close(&c);
    (void)state;
}

static void test_repeats(void **state)
{
    size_t n, m;
    convert("tiny-64-views.pt", at("first.liax"), NULL);
    convert("tiny-64-views.pt", at("second.liax"), NULL);
    uint8_t *a = load_file(at("first.liax"), &n), *b = load_file(at("second.liax"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
    (void)state;
}

/* ---- numbers that no model has */

static void write_synth(const char *path, uint64_t motions)
{
    LxLog log = {0};
    LxSynth s = {.sizes = {.levels = 2, .widths = {8, 8, 4}, .motions = motions}};
    LxSpec *specs = lx_lia_x_layout(&s.sizes, &s.n_specs);
    s.specs = specs;
    if (lx_synth_safetensors(&s, LX_F32, path, &log)) fail_msg("%s", log.error);
    free(specs);
}

/* Puts `bits` at a value of the safetensors file's last tensor, which is dec.flow2.bias. */
static void refuse_value(uint32_t bits, const LxConvertOptions *o, const char *expected)
{
    size_t n;
    LxLog log = {0};
    write_synth(at("values.safetensors"), 3);
    uint8_t *data = load_file(at("values.safetensors"), &n);
    put32(data + n - 8, bits);
    save_file(at("values.safetensors"), data, n);
    free(data);
    unlink(at("values.liax"));
    assert_int_equal(lx_convert(at("values.safetensors"), at("values.liax"), o, &log), LIAX_E_FORMAT);
    if (!strstr(log.error, expected)) fail_msg("%s", log.error);
    assert_false(file_exists(at("values.liax")));
}

static void test_refused_numbers(void **state)
{
    const LxConvertOptions own = {0}, f16 = {.has_dtype = 1, .dtype = LX_F16}, bf16 = {.has_dtype = 1, .dtype = LX_BF16};
    refuse_value(0x7fc00000, &own, "tensor dec.flow2.bias: element 1 is nan");
    refuse_value(0xff800000, &own, "tensor dec.flow2.bias: element 1 is -inf");
    refuse_value(0x477ff000, &f16, "tensor dec.flow2.bias: element 1 is 65520, too large for f16");
    refuse_value(0x7f7fffff, &bf16, "too large for bf16");
    (void)state;
}

/* ---- controls */

static void test_default_controls(void **state)
{
    LxLog log = {0};
    const double *vectors;
    const int64_t *one_sided;
    uint32_t n;
    LxSynth s = {.sizes = {.levels = 1, .widths = {64, 8}, .motions = 40}};
    LxSpec *specs = lx_lia_x_layout(&s.sizes, &s.n_specs);
    s.specs = specs;
    assert_int_equal(lx_synth_safetensors(&s, LX_F16, at("m40.safetensors"), &log), LIAX_OK);
    free(specs);
    const LxConvertOptions o = {0};
    assert_int_equal(lx_convert(at("m40.safetensors"), at("m40.liax"), &o, &log), LIAX_OK);
    LxContainer c = open_container(at("m40.liax"));
    assert_int_equal(lx_container_count(&c, "controls.name"), 14);
    assert_string_equal(lx_container_string(&c, "controls.name", 0), "yaw");
    assert_int_equal(lx_container_f64s(&c, "controls.vector", &vectors, &n, &log), LIAX_OK);
    assert_int_equal(n, 14 * 40);
    assert_true(vectors[37] == 1 && vectors[40 + 39] == 1);
    assert_int_equal(lx_container_i64s(&c, "controls.one_sided", &one_sided, &n, &log), LIAX_OK);
    int sided = 0;
    for (uint32_t i = 0; i < n; i++) sided += one_sided[i] != 0;
    assert_int_equal(sided, 4);
    lx_container_close(&c);
    (void)state;
}

static LiaxStatus convert_with(const char *json, LxLog *log)
{
    save_file(at("controls.json"), json, strlen(json));
    const LxConvertOptions o = {.controls = at("controls.json")};
    unlink(at("controls.liax"));
    return lx_convert(golden_path("tiny-64.pt"), at("controls.liax"), &o, log);
}

static void test_controls_file(void **state)
{
    static const char *const refused[] = {
        "", "[]", "{}", "{\"controls\": 1}", "{\"controls\": [1]}", "{\"controls\": [], \"more\": 1}",
        "{\"controls\": [{\"name\": \"\", \"min\": 0, \"max\": 1, \"vector\": {\"0\": 1}}]}",
        "{\"controls\": [{\"name\": \"12\", \"min\": 0, \"max\": 1, \"vector\": {\"0\": 1}}]}",
        "{\"controls\": [{\"name\": \"Yaw\", \"min\": 0, \"max\": 1, \"vector\": {\"0\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 2, \"max\": 1, \"vector\": {\"0\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"8\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"-1\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"1\": 1, \"01\": 2}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"1\": \"x\"}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1e999, \"vector\": {\"1\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"sided\": 1, \"vector\": {\"1\": 1}}]}",
        "{\"controls\": [{\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"1\": 1}}, {\"name\": \"a\", \"min\": 0, \"max\": 1, \"vector\": {\"2\": 1}}]}"};
    LxLog log = {0};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        log.error[0] = 0;
        if (!convert_with(refused[i], &log)) fail_msg("accepted: %s", refused[i]);
        assert_true(log.error[0]);
        assert_false(file_exists(at("controls.liax")));
    }
    assert_int_equal(convert_with("{\"controls\": [{\"name\": \"smile\", \"min\": -0.5, \"max\": 1, \"one_sided\": true, "
                                  "\"vector\": {\"1\": 0.5, \"7\": -2}, \"note\": \"plus smiles\"}]}", &log), LIAX_OK);
    LxContainer c = open_container(at("controls.liax"));
    const double *vector;
    uint32_t n;
    assert_string_equal(lx_container_string(&c, "controls.note", 0), "plus smiles");
    assert_int_equal(lx_container_f64s(&c, "controls.vector", &vector, &n, &log), LIAX_OK);
    assert_true(n == 8 && vector[1] == 0.5 && vector[7] == -2 && vector[0] == 0);
    lx_container_close(&c);
    (void)state;
}

static void test_keeps_the_input(void **state)
{
    LxLog log = {0};
    const LxConvertOptions o = {0};
    size_t n, m;
    uint8_t *data = load_file(golden_path("tiny-64.pt"), &n);
    save_file(at("input.pt"), data, n);
    assert_int_equal(lx_convert(at("input.pt"), at("input.pt"), &o, &log), LIAX_E_ARG);
    uint8_t *after = load_file(at("input.pt"), &m);
    assert_int_equal(n, m);
    assert_memory_equal(data, after, n);
    free(data);
    free(after);
    (void)state;
}

/* ---- memory: less than three times the largest tensor and 64 MB, as the kernel counts it */

static void test_memory(void **state)
{
    enum { LARGEST = 256 * 256 * 16 * 4 };
    if (strstr(golden_build(), "san")) skip(); /* the sanitizers' own memory is counted, too */
    const char *in = at("memory.safetensors"), *out = at("memory.liax");
    char tool[512];
    snprintf(tool, sizeof tool, "%s/bin/liax-convert", golden_build());
    assert_int_equal(golden_run("%s/bin/liax-synth --size 256 --scale 0.5 --motions 40 %s", golden_build(), in), 0);
    const pid_t child = fork();
    if (!child) {
        execl(tool, tool, in, out, "--license", "none", (char *)NULL);
        _exit(127);
    }
    int status;
    struct rusage usage;
    assert_int_equal(wait4(child, &status, 0, &usage), child);
    assert_int_equal(status, 0);
    struct stat st;
    assert_int_equal(stat(in, &st), 0);
    const long limit = (3L * LARGEST + (64L << 20)) / 1024;
    print_message("# file %lld KB, peak %ld KB, limit %ld KB\n", (long long)st.st_size / 1024, usage.ru_maxrss, limit);
    assert_true(st.st_size / 1024 > 2 * limit);
    assert_true(usage.ru_maxrss < limit);
    unlink(in);
    unlink(out);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_rarer_variants), cmocka_unit_test(test_dtypes), cmocka_unit_test(test_directions), cmocka_unit_test(test_qr_identity),
        cmocka_unit_test(test_nested_sizes), cmocka_unit_test(test_repeats), cmocka_unit_test(test_refused_numbers),
        cmocka_unit_test(test_default_controls), cmocka_unit_test(test_controls_file), cmocka_unit_test(test_keeps_the_input),
        cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
