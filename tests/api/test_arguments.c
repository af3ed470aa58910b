/* Arguments, files and structs, good and bad: statuses, sentences, sizes of structs, facts. */
#include "support/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "support/golden.h"

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
    free(p);
    liax_session_close(&s);
}

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

/* Each has a cost, so that it has a place under the roofline; here the counts that a reader can check by hand. */
static void costs(const LiaxLayerInfo *l)
{
    assert_true(l->in_channels > 0 && l->out_channels > 0 && l->height > 0 && l->width > 0 && l->flops > 0 && l->bytes > 0);
    const double values = (double)l->in_channels * l->height * l->width, products = (double)l->in_channels * l->out_channels;
    if (!strcmp(l->kernel, "navigate")) {
        assert_true(l->flops == 2 * products);
        assert_true(l->bytes == 4 * (products + l->in_channels + 2.0 * l->out_channels));
    }
    if (!strcmp(l->kernel, "warp")) assert_true(l->flops == 18 * values && l->bytes >= 4 * 3 * values);
    if (!strcmp(l->kernel, "frame_out")) assert_true(l->height == 3 && l->width == 3 && l->flops > 2 * 27 && l->bytes == 3 * 3 * 3 + 16.0 * S * S);
}

static void count_layer(void *ctx, const LiaxLayerInfo *layer)
{
    costs(layer);
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
        cmocka_unit_test(null_arguments),
        cmocka_unit_test(failed_open_says_why),
        cmocka_unit_test(loading_can_be_stopped),
        cmocka_unit_test(bad_pictures),
        cmocka_unit_test(bad_session_options),
        cmocka_unit_test(too_early),
        cmocka_unit_test(older_and_newer_callers),
        cmocka_unit_test(facts),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
