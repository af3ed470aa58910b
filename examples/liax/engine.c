/* The library as the commands use it: a model, a session, and sentences where something fails. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

static void on_log(void *ctx, LiaxLogLevel level, const char *sentence)
{
    Engine *e = ctx;
    if (level == LIAX_LOG_ERROR) snprintf(e->said, sizeof e->said, "%s", sentence);
    else if (level == LIAX_LOG_WARNING || e->verbose) say_notice(sentence);
}

static int on_loading(void *ctx, double done)
{
    (void)ctx;
    progress_part(done);
    return interrupted();
}

static int on_drawing(void *ctx, double done)
{
    (void)ctx;
    progress_part(done < 1 ? done : 0.999);
    return interrupted();
}

int engine_open_model(Engine *e, const Settings *s)
{
    *e = (Engine){.verbose = s->verbose};
    char sentence[512] = "";
    const LiaxModelOptions o = {
        .struct_size = sizeof o,
        .device = s->device,
        .precision = (LiaxPrecision)s->precision,
        .conv = (LiaxConv)s->conv,
        .threads = s->threads,
        .low_memory = s->low_memory,
        .log = on_log,
        .log_ctx = e,
        .error = sentence,
        .error_size = sizeof sentence,
        .progress = on_loading,
    };
    progress_start(s, "loading", 1);
    const LiaxStatus status = liax_model_open(&e->model, s->model, &o);
    progress_clear();
    if (status == LIAX_E_CANCELLED && interrupted()) return EXIT_INTERRUPTED;
    if (status)
        return say_error("cannot open the model %s: %s", s->model, *sentence ? sentence : liax_status_name(status));
    e->info.struct_size = sizeof e->info;
    return engine_check(e, liax_model_info(e->model, &e->info), "read the model's facts");
}

/* An unknown control is a mistake on the command line, not a failure of the program. */
static int set_edits(Engine *e, const Settings *s)
{
    for (int i = 0; i < s->n_edits; i++) {
        if (liax_session_set_edit(e->session, s->edits[i].name, s->edits[i].value))
            return say_usage("--edit %s=%g: %s; liax info -m %s lists the controls", s->edits[i].name,
                             s->edits[i].value, liax_session_error(e->session), s->model);
    }
    return EXIT_OK;
}

int engine_open(Engine *e, const Settings *s, LiaxMode mode)
{
    int code = engine_open_model(e, s);
    if (code) return code;
    const LiaxSessionOptions o = {.struct_size = sizeof o, .mode = mode, .progress = on_drawing};
    const LiaxStatus status = liax_session_open(&e->session, e->model, &o);
    if (status)
        return say_error("cannot start on the model %s: %s", s->model, *e->said ? e->said : liax_status_name(status));
    interrupt_watch(e->session);
    return set_edits(e, s);
}

void engine_close(Engine *e)
{
    interrupt_watch(NULL);
    liax_session_close(&e->session);
    liax_model_close(&e->model);
}

int engine_check(const Engine *e, LiaxStatus status, const char *doing)
{
    if (status == LIAX_OK) return EXIT_OK;
    if (status == LIAX_E_CANCELLED && interrupted()) return EXIT_INTERRUPTED;
    const char *sentence = e->session ? liax_session_error(e->session) : "";
    return say_error("cannot %s: %s", doing, *sentence ? sentence : liax_status_name(status));
}

LiaxImage image_of(const MediaPicture *p)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage),
                       .format = LIAX_RGB24,
                       .width = p->width,
                       .height = p->height,
                       .planes = {p->rgb}};
}

LiaxImage image_of_floats(float *planes, int width, int height, int row, size_t plane)
{
    const ptrdiff_t stride = (ptrdiff_t)row * (ptrdiff_t)sizeof(float);
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGBF32, .width = width, .height = height,
                       .planes = {planes, planes + plane, planes + 2 * plane}, .strides = {stride, stride, stride}};
}
