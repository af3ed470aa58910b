/* Sessions: source, edits, anchor, and pictures drawn one at a time (session.h). Streams are in stream.c. */
#include "session.h"

#include <math.h>
#include <string.h>

#include "structs.h"

void lx_session_enter(LiaxSession *s)
{
    fegetenv(&s->callers);
    fesetenv(FE_DFL_ENV);
    s->callers_device = s->run.device->backend->enter(s->run.device);
    s->log.error[0] = 0;
}

LiaxStatus lx_session_leave(LiaxSession *s, LiaxStatus st)
{
    s->run.device->backend->leave(s->run.device, s->callers_device);
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
    const LxPlace *p = &s->place;
    const void *w = p->network->weights;
    s->run.arena = (LxArena){0};
    lx_run_begin(&s->run, 0);
    f->encode_source(&s->run, w, lx_tensor_frame(p->input, 0), NULL, NULL);
    s->source_calls = s->run.calls;
    lx_run_begin(&s->run, 0);
    f->encode_motion(&s->run, w, p->input, NULL);
    s->motion_calls = s->run.calls;
    lx_run_begin(&s->run, 0);
    f->draw(&s->run, w, NULL, NULL, p->output);
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
    LxPlace *p = &s->place;
    const int S = s->model->sizes.size, B = s->options.max_batch;
    p->source = lx_arena_take(&a, s->model->family->source_bytes(p->network->weights));
    p->motion = lx_arena_take(&a, (size_t)B * (size_t)s->model->sizes.motions * sizeof(float));
    p->input = lx_arena_tensor(&a, LX_F32, B, 3, S, S);
    p->output = lx_arena_tensor(&a, LX_F32, B, 3, S, S);
    if (s->run.device->storage != LX_F32) p->source_image = lx_arena_tensor(&a, LX_F32, 1, 3, S, S);
    const size_t scratch = s->run.arena.peak;
    void *memory = lx_arena_take(&a, scratch);
    if (base) s->run.arena = (LxArena){memory, scratch, 0, 0};
    return a.peak;
}

static void leave_place(LiaxSession *s)
{
    LxDevice *d = s->run.device;
    LxPlace *p = &s->place;
    const size_t B = (size_t)s->options.max_batch;
    lx_frames_drop(&p->frames, d);
    for (size_t i = 0; p->motions && i < 2 * B; i++)
        if (p->motions[i].made) d->backend->forget(d, p->motions[i].made);
    lx_free(&s->model->alloc, p->motions, 2 * B * sizeof *p->motions);
    if (p->memory) d->backend->free(d, p->memory, p->bytes);
    d->backend->stream_close(d, s->run.stream);
    s->run.stream = NULL;
    *p = (LxPlace){0};
}

/* A stream and all memory on the device of a network; nothing is kept after a failure. */
static LiaxStatus take_place(LiaxSession *s, const LxNetwork *network)
{
    LxDevice *d = s->run.device = network->device;
    LxPlace *p = &s->place;
    const size_t B = (size_t)s->options.max_batch;
    *p = (LxPlace){.network = network};
    LiaxStatus st = d->backend->stream_open(d, &s->run.stream, &s->log);
    if (st) return st;
    lay_device(s, NULL);
    measure(s);
    p->bytes = lay_device(s, NULL);
    p->memory = d->backend->alloc(d, p->bytes);
    p->motions = lx_alloc_zero(&s->model->alloc, 2 * B * sizeof *p->motions);
    if (!p->memory || !p->motions) {
        st = lx_fail(&s->log, LIAX_E_MEMORY, "%s: out of memory for a session: %zu MB for frames of %d in batches of %d", d->id, p->bytes >> 20,
                     s->model->sizes.size, (int)B);
        leave_place(s);
        return st;
    }
    p->draws = p->motions + B;
    lay_device(s, p->memory);
    return LIAX_OK;
}

static LiaxStatus take_memory(LiaxSession *s)
{
    s->host_bytes = lay_host(s, NULL);
    s->host = lx_alloc_zero(&s->model->alloc, s->host_bytes);
    if (!s->host) return lx_fail(&s->log, LIAX_E_MEMORY, "out of memory for a session");
    lay_host(s, s->host);
    const LxNetwork *network = lx_model_network(s->model);
    void *const before = network->device->backend->enter(network->device);
    const LiaxStatus st = take_place(s, network);
    network->device->backend->leave(network->device, before);
    return st;
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
    s->run.cancel = &s->cancel;
    s->run.log = &s->log;
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
    if (s->place.memory) {
        void *const before = d->backend->enter(d);
        leave_place(s);
        d->backend->leave(d, before);
    }
    lx_free(&s->model->alloc, s->host, s->host_bytes);
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

static size_t motion_bytes(const LiaxSession *s, int n)
{
    return (size_t)n * (size_t)s->model->sizes.motions * sizeof(float);
}

static int all_finite(const float *x, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(x[i])) i++;
    return i == n;
}

/* Is the storage type of this source's frames still to be proven? */
static int in_doubt(const LiaxSession *s)
{
    return !s->proven && s->run.device->storage != LX_F32;
}

/* Move to the model's network in f32, with the pictures: `host` has room for the input's and the source's. */
static LiaxStatus move_to_wide(LiaxSession *s, char *host, size_t input_bytes, size_t one_bytes)
{
    LxDevice *d = s->run.device;
    const LxNetwork *wide;
    LiaxStatus st = d->backend->receive(d, s->run.stream, host, s->place.input.data, input_bytes, 0, 1, &s->log);
    if (!st) st = d->backend->receive(d, s->run.stream, host + input_bytes, s->place.source_image.data, one_bytes, 0, 1, &s->log);
    if (!st) st = lx_model_widen(s->model, &wide, &s->log);
    if (st) return st;
    LiaxSession old = {.model = s->model, .options = s->options, .run = s->run, .place = s->place};
    st = take_place(s, wide);
    if (st) {
        s->run = old.run;
        s->place = old.place;
        return st;
    }
    leave_place(&old);
    d = s->run.device;
    d->backend->send(d, s->run.stream, s->place.input.data, host, input_bytes, 0, 1);
    d->backend->send(d, s->run.stream, s->place.output.data, host + input_bytes, one_bytes, 0, 1);
    return LIAX_OK;
}

/* From here on in f32. All that was computed is lost; the source's picture is where its frame will be drawn, in the output. */
static LiaxStatus widen(LiaxSession *s)
{
    const LxTensor one = lx_tensor_frame(s->place.input, 0);
    const size_t input_bytes = lx_tensor_bytes(&s->place.input), one_bytes = lx_tensor_bytes(&one);
    char *host = lx_alloc(&s->model->alloc, input_bytes + one_bytes);
    if (!host) return lx_fail(&s->log, LIAX_E_MEMORY, "out of memory to go on in f32");
    lx_say(&s->log, LIAX_LOG_WARNING, "%s: the first frame in f16 has values that are not finite: computing in f32 from here on", s->run.device->id);
    const LiaxStatus st = move_to_wide(s, host, input_bytes, one_bytes);
    lx_free(&s->model->alloc, host, input_bytes + one_bytes);
    return st;
}

/* The pass over a source's picture, and its motion. */
static LiaxStatus encode_source(LiaxSession *s, LxTensor image)
{
    LxDevice *d = s->run.device;
    lx_run_begin(&s->run, s->source_calls);
    s->model->family->encode_source(&s->run, s->place.network->weights, image, s->place.source, s->place.motion);
    const LiaxStatus st = lx_run_end(&s->run);
    return st ? st : d->backend->receive(d, s->run.stream, s->source_motion, s->place.motion, motion_bytes(s, 1), 0, 1, &s->log);
}

LiaxStatus lx_session_keep_source(LiaxSession *s, LxTensor image)
{
    s->has_source = s->proven = 0;
    if (in_doubt(s)) lx_run_copy(&s->run, s->place.source_image, image);
    LiaxStatus st = encode_source(s, image);
    if (!st && in_doubt(s) && !all_finite(s->source_motion, (size_t)s->model->sizes.motions)) {
        st = widen(s);
        if (!st) st = encode_source(s, lx_tensor_frame(s->place.output, 0));
    }
    s->has_source = st == LIAX_OK;
    return st;
}

static LiaxStatus encode_motions(LiaxSession *s, int n)
{
    LxDevice *d = s->run.device;
    LxTensor images = s->place.input;
    images.n = n;
    if (lx_run_begin_recorded(&s->run, s->motion_calls, &s->place.motions[n - 1]))
        s->model->family->encode_motion(&s->run, s->place.network->weights, images, s->place.motion);
    const LiaxStatus st = lx_run_end(&s->run);
    return st ? st : d->backend->receive(d, s->run.stream, s->motion, s->place.motion, motion_bytes(s, n), 0, 1, &s->log);
}

/* The same, and the source encoded anew. */
static LiaxStatus start_over(LiaxSession *s)
{
    LiaxStatus st = widen(s);
    if (!st && s->has_source) st = encode_source(s, lx_tensor_frame(s->place.output, 0));
    if (st) s->has_source = 0;
    return st;
}

LiaxStatus lx_session_motions(LiaxSession *s, int n)
{
    LiaxStatus st = encode_motions(s, n);
    if (!st && in_doubt(s) && !all_finite(s->motion, (size_t)n * (size_t)s->model->sizes.motions)) {
        st = start_over(s);
        if (!st) st = encode_motions(s, n);
    }
    return st;
}

static LiaxStatus draw(LiaxSession *s, int n)
{
    LxDevice *d = s->run.device;
    LxTensor out = s->place.output;
    out.n = n;
    d->backend->send(d, s->run.stream, s->place.motion, s->motion, motion_bytes(s, n), 0, 1);
    if (lx_run_begin_recorded(&s->run, s->draw_calls, &s->place.draws[n - 1]))
        s->model->family->draw(&s->run, s->place.network->weights, s->place.source, s->place.motion, out);
    return lx_run_end(&s->run);
}

/* *finite: is all of the output? */
static LiaxStatus check_output(LiaxSession *s, int n, int *finite)
{
    LxDevice *d = s->run.device;
    LxTensor out = s->place.output;
    out.n = n;
    const size_t bytes = lx_tensor_bytes(&out);
    float *host = lx_alloc(&s->model->alloc, bytes);
    if (!host) return lx_fail(&s->log, LIAX_E_MEMORY, "out of memory to check the first frame");
    const LiaxStatus st = d->backend->receive(d, s->run.stream, host, out.data, bytes, 0, 1, &s->log);
    *finite = st || all_finite(host, lx_tensor_floats(&out));
    lx_free(&s->model->alloc, host, bytes);
    return st;
}

LiaxStatus lx_session_draw(LiaxSession *s, int n)
{
    s->has_last = 0;
    LiaxStatus st = draw(s, n);
    if (st || !in_doubt(s)) return st;
    int finite = 0;
    st = check_output(s, n, &finite);
    if (!st && !finite) {
        st = start_over(s);
        if (!st) st = draw(s, n);
    }
    s->proven = st == LIAX_OK;
    return st;
}

LiaxStatus lx_session_give(LiaxSession *s, int i, const LiaxImage *image)
{
    lx_run_begin(&s->run, 0);
    LiaxStatus st = lx_frame_out(&s->place.frames, &s->run, lx_tensor_frame(s->place.output, i), image, &s->log);
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
    const LiaxStatus st = lx_image_check(checked, out, "output picture", s->run.device, &s->log);
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
    LiaxStatus st = lx_image_check(&checked, image, "source", s->run.device, &s->log);
    if (st) return lx_session_leave(s, st);
    lx_session_restart(s);
    s->has_source = s->has_last = 0;
    const LxTensor input = lx_tensor_frame(s->place.input, 0);
    lx_run_begin(&s->run, 0);
    st = lx_frame_in_source(&s->place.frames, &s->run, &checked, input, &s->log);
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
    LiaxStatus st = lx_image_check(&checked, image, "driving picture", s->run.device, &s->log);
    if (!st && !motion) st = lx_fail(&s->log, LIAX_E_ARG, "motion: no room was given");
    if (!st && s->n_waiting) st = lx_fail(&s->log, LIAX_E_STATE, "%d pushed frames wait: pull them first", s->n_waiting);
    if (st) return lx_session_leave(s, st);
    lx_run_begin(&s->run, 0);
    st = lx_frame_in(&s->place.frames, &s->run, &checked, LX_BILINEAR, lx_tensor_frame(s->place.input, 0), &s->log);
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
    LiaxStatus st = lx_image_check(&checked, out, "output picture", s->run.device, &s->log);
    if (!st && !s->has_last) st = lx_fail(&s->log, LIAX_E_STATE, "no frame was drawn yet");
    if (!st) st = lx_session_give(s, s->last, &checked);
    return lx_session_leave(s, st);
}
