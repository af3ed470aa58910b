/* Sessions: source, edits, anchor, and pictures drawn one at a time (session.h). Streams are in stream.c. */
#include "session.h"

#include <math.h>
#include <string.h>

#include "structs.h"

void lx_session_enter(LiaxSession *s)
{
    fegetenv(&s->callers);
    fesetenv(FE_DFL_ENV);
    s->log.error[0] = 0;
}

LiaxStatus lx_session_leave(LiaxSession *s, LiaxStatus st)
{
    fesetenv(&s->callers);
    if (st == LIAX_E_CANCELLED) lx_fail(&s->log, st, "cancelled before the frame was finished");
    return st;
}

/* ---- opening and closing */

static LiaxStatus read_options(LiaxSessionOptions *out, const LiaxSessionOptions *given, LxLog *log)
{
    *out = (LiaxSessionOptions){0};
    if (given && !lx_struct_in(out, sizeof *out, given)) return lx_fail(log, LIAX_E_ARG, "session options: struct_size is not the size of a LiaxSessionOptions");
    if (out->mode < LIAX_RELATIVE || out->mode > LIAX_EDIT_VIDEO) return lx_fail(log, LIAX_E_ARG, "session options: mode %d is unknown", (int)out->mode);
    if (out->max_batch < 0 || out->max_batch > 64) return lx_fail(log, LIAX_E_ARG, "session options: max_batch %d, expected 0 to 64", (int)out->max_batch);
    if (out->max_delay < 0) return lx_fail(log, LIAX_E_ARG, "session options: max_delay %d, expected 0 or more", (int)out->max_delay);
    if (out->width < 0 || out->height < 0 || out->width > 32768 || out->height > 32768 || !out->width != !out->height)
        return lx_fail(log, LIAX_E_ARG, "session options: output of %dx%d, expected 1 to 32768 each way, or 0x0", (int)out->width, (int)out->height);
    if (!out->max_batch) out->max_batch = 1;
    if (!out->max_delay || out->max_delay > out->max_batch) out->max_delay = out->max_batch;
    return LIAX_OK;
}

/* The passes, measured: how many kernel calls they make and how much scratch memory they need. */
static void measure(LiaxSession *s)
{
    const LxFamily *f = s->model->family;
    const void *w = s->model->weights;
    const LxTensor one = lx_tensor_frame(s->input, 0);
    lx_run_begin(&s->run, 0);
    f->encode_source(&s->run, w, one, NULL, NULL);
    s->source_calls = s->run.calls;
    lx_run_begin(&s->run, 0);
    f->encode_motion(&s->run, w, s->input, NULL);
    s->motion_calls = s->run.calls;
    lx_run_begin(&s->run, 0);
    f->draw(&s->run, w, NULL, NULL, s->output);
    s->draw_calls = s->run.calls;
}

/* Places of the host's arrays in one block; with base NULL only its size. */
static size_t lay_host(LiaxSession *s, void *base)
{
    LxArena a = {.base = base, .size = SIZE_MAX};
    const size_t M = (size_t)s->model->sizes.motions, B = (size_t)s->options.max_batch, controls = (size_t)s->model->controls.n + M;
    s->edits = lx_arena_take(&a, controls * sizeof(double));
    s->source_motion = lx_arena_take(&a, M * sizeof(float));
    s->anchor = lx_arena_take(&a, M * sizeof(float));
    s->motion = lx_arena_take(&a, B * M * sizeof(float));
    s->deltas = lx_arena_take(&a, B * M * sizeof(float));
    s->waiting = lx_arena_take(&a, B * sizeof(LxTicket));
    s->done = lx_arena_take(&a, B * sizeof(LxTicket));
    return a.peak;
}

/* The same on the device; what remains of it is the passes' scratch memory. */
static size_t lay_device(LiaxSession *s, void *base)
{
    LxArena a = {.base = base, .size = SIZE_MAX};
    const int S = s->model->sizes.size, B = s->options.max_batch;
    s->source = lx_arena_take(&a, s->model->family->source_bytes(s->model->weights));
    s->device_motion = lx_arena_take(&a, (size_t)B * (size_t)s->model->sizes.motions * sizeof(float));
    s->input = lx_arena_tensor(&a, B, 3, S, S);
    s->output = lx_arena_tensor(&a, B, 3, S, S);
    const size_t scratch = s->run.arena.peak;
    void *memory = lx_arena_take(&a, scratch);
    if (base) s->run.arena = (LxArena){memory, scratch, 0, 0};
    return a.peak;
}

static LiaxStatus take_memory(LiaxSession *s)
{
    LxDevice *d = s->run.device;
    s->host_bytes = lay_host(s, NULL);
    s->host = lx_alloc_zero(&s->model->alloc, s->host_bytes);
    if (!s->host) return lx_fail(&s->log, LIAX_E_MEMORY, "out of memory for a session");
    lay_host(s, s->host);
    lay_device(s, NULL);
    measure(s);
    s->device_bytes = lay_device(s, NULL);
    s->device_memory = d->backend->alloc(d, s->device_bytes);
    if (!s->device_memory)
        return lx_fail(&s->log, LIAX_E_MEMORY, "out of memory for a session: %zu MB for frames of %d in batches of %d", s->device_bytes >> 20,
                       s->model->sizes.size, (int)s->options.max_batch);
    lay_device(s, s->device_memory);
    return LIAX_OK;
}

LiaxStatus liax_session_open(LiaxSession **out, LiaxModel *model, const LiaxSessionOptions *options)
{
    if (!out) return LIAX_E_ARG;
    *out = NULL;
    if (!model) return LIAX_E_ARG;
    LiaxSession *s = lx_alloc_zero(&model->alloc, sizeof *s);
    if (!s) return LIAX_E_MEMORY;
    s->model = model;
    s->log = (LxLog){.sink = model->log.sink, .ctx = model->log.ctx};
    atomic_init(&s->cancel, 0);
    s->run.device = model->device;
    s->run.cancel = &s->cancel;
    LiaxStatus st = read_options(&s->options, options, &s->log);
    if (!st) st = take_memory(s);
    s->run.progress = s->options.progress;
    s->run.progress_ctx = s->options.progress_ctx;
    if (st) liax_session_close(&s);
    *out = s;
    return st;
}

void liax_session_close(LiaxSession **session)
{
    if (!session || !*session) return;
    LiaxSession *s = *session;
    *session = NULL;
    LxDevice *d = s->run.device;
    if (s->device_memory) d->backend->free(d, s->device_memory, s->device_bytes);
    lx_free(&s->model->alloc, s->host, s->host_bytes);
    lx_frames_drop(&s->frames, &s->model->alloc);
    lx_free(&s->model->alloc, s, sizeof *s);
}

const char *liax_session_error(const LiaxSession *s)
{
    return s ? s->log.error : "";
}

void liax_session_cancel(LiaxSession *s)
{
    if (s) atomic_store(&s->cancel, 1);
}

LiaxStatus liax_session_profile(LiaxSession *s, void (*fn)(void *ctx, const LiaxLayerInfo *layer), void *ctx)
{
    if (!s) return LIAX_E_ARG;
    s->run.profile = fn;
    s->run.profile_ctx = ctx;
    return LIAX_OK;
}

/* ---- passes */

LiaxStatus lx_session_keep_source(LiaxSession *s, LxTensor image)
{
    LxDevice *d = s->run.device;
    s->has_source = 0;
    lx_run_begin(&s->run, s->source_calls);
    s->model->family->encode_source(&s->run, s->model->weights, image, s->source, s->device_motion);
    const LiaxStatus st = lx_run_end(&s->run);
    if (st) return st;
    d->backend->download(d, s->source_motion, s->device_motion, (size_t)s->model->sizes.motions * sizeof(float));
    s->has_source = 1;
    return LIAX_OK;
}

LiaxStatus lx_session_motions(LiaxSession *s, int n)
{
    LxDevice *d = s->run.device;
    LxTensor images = s->input;
    images.n = n;
    lx_run_begin(&s->run, s->motion_calls);
    s->model->family->encode_motion(&s->run, s->model->weights, images, s->device_motion);
    const LiaxStatus st = lx_run_end(&s->run);
    if (!st) d->backend->download(d, s->motion, s->device_motion, (size_t)n * (size_t)s->model->sizes.motions * sizeof(float));
    return st;
}

LiaxStatus lx_session_draw(LiaxSession *s, int n)
{
    LxDevice *d = s->run.device;
    LxTensor out = s->output;
    out.n = n;
    s->has_last = 0;
    d->backend->upload(d, s->device_motion, s->motion, (size_t)n * (size_t)s->model->sizes.motions * sizeof(float));
    lx_run_begin(&s->run, s->draw_calls);
    s->model->family->draw(&s->run, s->model->weights, s->source, s->device_motion, out);
    return lx_run_end(&s->run);
}

LiaxStatus lx_session_give(LiaxSession *s, int i, const LiaxImage *image)
{
    lx_run_begin(&s->run, 0);
    LiaxStatus st = lx_frame_out(&s->frames, &s->run, lx_tensor_frame(s->output, i), image, &s->log);
    if (!st) st = lx_run_end(&s->run);
    if (st) return st;
    s->last = i;
    s->has_last = 1;
    return LIAX_OK;
}

void lx_session_delta(const LiaxSession *s, double factor, float *delta)
{
    const LxControlSet *c = &s->model->controls;
    memset(delta, 0, (size_t)c->motions * sizeof(float));
    for (int i = 0; i < c->n + c->motions; i++)
        if (s->edits[i] != 0) lx_control_set_add(c, i, s->edits[i] * factor, delta);
}

void lx_session_combine(LiaxSession *s, int i, const float *delta)
{
    const int M = s->model->sizes.motions;
    float *a = s->motion + (size_t)i * (size_t)M;
    if (s->options.mode == LIAX_ABSOLUTE) return;
    if (s->anchor_kind == LX_ANCHOR_NEXT) {
        memcpy(s->anchor, a, (size_t)M * sizeof(float));
        s->anchor_kind = LX_ANCHOR_FIRST_FRAME;
    }
    for (int m = 0; m < M; m++) a[m] = (a[m] - s->anchor[m]) + (s->source_motion[m] + delta[m]);
}

LiaxStatus lx_session_check_out(LiaxSession *s, LiaxImage *checked, const LiaxImage *out)
{
    const LiaxStatus st = lx_image_check(checked, out, "output picture", &s->log);
    if (st) return st;
    if (s->options.width && (checked->width != s->options.width || checked->height != s->options.height))
        return lx_fail(&s->log, LIAX_E_ARG, "output picture: %dx%d, but the session was opened for %dx%d", (int)checked->width,
                       (int)checked->height, (int)s->options.width, (int)s->options.height);
    return LIAX_OK;
}

void lx_session_restart(LiaxSession *s)
{
    s->n_waiting = s->n_done = s->n_given = s->ended = 0;
    if (s->anchor_kind == LX_ANCHOR_FIRST_FRAME) s->anchor_kind = LX_ANCHOR_NEXT;
}

static LiaxStatus no_source(LiaxSession *s)
{
    return lx_fail(&s->log, LIAX_E_STATE, "no source: call liax_session_set_source first");
}

/* ---- source, edits, anchor */

LiaxStatus liax_session_set_source(LiaxSession *s, const LiaxImage *image)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_image_check(&checked, image, "source", &s->log);
    if (st) return lx_session_leave(s, st);
    lx_session_restart(s);
    s->has_source = s->has_last = 0;
    const LxTensor input = lx_tensor_frame(s->input, 0);
    lx_run_begin(&s->run, 0);
    st = lx_frame_in_source(&s->frames, &s->run, &checked, input, &s->log);
    if (!st) st = lx_run_end(&s->run);
    if (!st) st = lx_session_keep_source(s, input);
    return lx_session_leave(s, st);
}

LiaxStatus liax_session_set_edit(LiaxSession *s, const char *name, double value)
{
    if (!s) return LIAX_E_ARG;
    s->log.error[0] = 0;
    if (!name) return lx_fail(&s->log, LIAX_E_ARG, "edit: no name was given");
    if (s->options.mode == LIAX_ABSOLUTE) return lx_fail(&s->log, LIAX_E_ARG, "edit %.64s: absolute animation takes no edits", name);
    const int i = lx_control_set_find(&s->model->controls, name);
    if (i < 0)
        return lx_fail(&s->log, LIAX_E_ARG, "edit %.64s: the model has no control of that name, and its motions are 0 to %d", name, s->model->sizes.motions - 1);
    if (!isfinite(value)) return lx_fail(&s->log, LIAX_E_ARG, "edit %.64s: the value is not finite", name);
    s->edits[i] = value;
    return LIAX_OK;
}

LiaxStatus liax_session_clear_edits(LiaxSession *s)
{
    if (!s) return LIAX_E_ARG;
    memset(s->edits, 0, (size_t)(s->model->controls.n + s->model->sizes.motions) * sizeof(double));
    return LIAX_OK;
}

LiaxStatus liax_session_set_anchor(LiaxSession *s, const float *motion)
{
    if (!s) return LIAX_E_ARG;
    s->log.error[0] = 0;
    if (s->options.mode == LIAX_ABSOLUTE) return lx_fail(&s->log, LIAX_E_ARG, "anchor: absolute animation has none");
    const int M = s->model->sizes.motions;
    for (int m = 0; motion && m < M; m++)
        if (!isfinite(motion[m])) return lx_fail(&s->log, LIAX_E_ARG, "anchor: motion value %d is not finite", m);
    if (motion) memcpy(s->anchor, motion, (size_t)M * sizeof(float));
    s->anchor_kind = motion ? LX_ANCHOR_GIVEN : LX_ANCHOR_NEXT;
    return LIAX_OK;
}

LiaxStatus liax_session_encode_motion(LiaxSession *s, const LiaxImage *image, float *motion)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_image_check(&checked, image, "driving picture", &s->log);
    if (!st && !motion) st = lx_fail(&s->log, LIAX_E_ARG, "motion: no room was given");
    if (!st && s->n_waiting) st = lx_fail(&s->log, LIAX_E_STATE, "%d pushed frames wait: pull them first", s->n_waiting);
    if (st) return lx_session_leave(s, st);
    lx_run_begin(&s->run, 0);
    st = lx_frame_in(&s->frames, &s->run, &checked, LX_BILINEAR, lx_tensor_frame(s->input, 0), &s->log);
    if (!st) st = lx_run_end(&s->run);
    if (!st) st = lx_session_motions(s, 1);
    if (!st) memcpy(motion, s->motion, (size_t)s->model->sizes.motions * sizeof(float));
    return lx_session_leave(s, st);
}

LiaxStatus liax_session_set_anchor_image(LiaxSession *s, const LiaxImage *image)
{
    if (!s) return LIAX_E_ARG;
    if (s->options.mode == LIAX_ABSOLUTE) return liax_session_set_anchor(s, NULL); /* which says why not */
    const LiaxStatus st = liax_session_encode_motion(s, image, s->motion);
    return st ? st : liax_session_set_anchor(s, s->motion);
}

/* ---- one picture */

/* Draw s->motion[0] and write it. */
static LiaxStatus draw_one(LiaxSession *s, const LiaxImage *checked)
{
    s->n_done = s->n_given = 0; /* the output's memory is used anew */
    LiaxStatus st = lx_session_draw(s, 1);
    return st ? st : lx_session_give(s, 0, checked);
}

/* Draw the source with its edits times `factor`. */
static LiaxStatus draw_edited(LiaxSession *s, double factor, LiaxImage *out)
{
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_session_check_out(s, &checked, out);
    if (!st && !s->has_source) st = no_source(s);
    if (!st && s->n_given < s->n_done) st = lx_fail(&s->log, LIAX_E_STATE, "%d drawn frames wait: pull them first", s->n_done - s->n_given);
    if (st) return lx_session_leave(s, st);
    lx_session_delta(s, factor, s->motion);
    for (int m = 0; m < s->model->sizes.motions; m++) s->motion[m] += s->source_motion[m];
    return lx_session_leave(s, draw_one(s, &checked));
}

LiaxStatus liax_session_render(LiaxSession *s, LiaxImage *out)
{
    return s ? draw_edited(s, 1, out) : LIAX_E_ARG;
}

LiaxStatus liax_session_sweep(LiaxSession *s, int32_t index, LiaxImage *out)
{
    if (!s) return LIAX_E_ARG;
    s->log.error[0] = 0;
    if (index < 0 || index >= LIAX_SWEEP_FRAMES) return lx_fail(&s->log, LIAX_E_ARG, "sweep: frame %d, expected 0 to %d", (int)index, LIAX_SWEEP_FRAMES - 1);
    int one_sided = 0;
    const LxControlSet *c = &s->model->controls;
    for (int i = 0; i < c->n + c->motions; i++) one_sided |= s->edits[i] != 0 && lx_control_set_one_sided(c, i);
    const int step = index % 32, k = step < 16 ? step + 1 : 31 - step; /* 1 ... 16, 15 ... 0 */
    return draw_edited(s, (index >= 32 && !one_sided ? -k : k) / 16.0, out);
}

LiaxStatus liax_session_animate_motion(LiaxSession *s, const float *motion, LiaxImage *out)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_session_check_out(s, &checked, out);
    if (!st && !motion) st = lx_fail(&s->log, LIAX_E_ARG, "motion: no values were given");
    for (int m = 0; !st && m < s->model->sizes.motions; m++)
        if (!isfinite(motion[m])) st = lx_fail(&s->log, LIAX_E_ARG, "motion: value %d is not finite", m);
    if (!st && !s->has_source) st = no_source(s);
    if (!st && (s->n_waiting || s->n_given < s->n_done)) st = lx_fail(&s->log, LIAX_E_STATE, "pushed frames wait: pull them first");
    if (st) return lx_session_leave(s, st);
    memcpy(s->motion, motion, (size_t)s->model->sizes.motions * sizeof(float));
    lx_session_delta(s, 1, s->deltas);
    lx_session_combine(s, 0, s->deltas);
    return lx_session_leave(s, draw_one(s, &checked));
}

LiaxStatus liax_session_last(LiaxSession *s, LiaxImage *out)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_image_check(&checked, out, "output picture", &s->log);
    if (!st && !s->has_last) st = lx_fail(&s->log, LIAX_E_STATE, "no frame was drawn yet");
    if (!st) st = lx_session_give(s, s->last, &checked);
    return lx_session_leave(s, st);
}
