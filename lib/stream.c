/* Streams of driving frames: push, pull, and both at once (session.h). */
#include <stddef.h>
#include <string.h>

#include "session.h"

/* The first frame of a video that is edited is the source too. Its motion becomes the anchor when the batch is drawn. */
static LiaxStatus source_from_frame(LiaxSession *s, LxTensor frame)
{
    return s->options.mode == LIAX_EDIT_VIDEO && !s->has_source ? lx_session_keep_source(s, frame) : LIAX_OK;
}

static LiaxStatus check_push(LiaxSession *s)
{
    if (s->ended) return lx_fail(&s->log, LIAX_E_STATE, "the stream has ended: pull until LIAX_END before a new one is pushed");
    if (!s->has_source && s->options.mode != LIAX_EDIT_VIDEO) return lx_fail(&s->log, LIAX_E_STATE, "no source: call liax_session_set_source first");
    return s->n_waiting == s->options.max_batch && !s->options.newest_wins ? LIAX_AGAIN : LIAX_OK;
}

/* A checked driving frame into the queue. */
static LiaxStatus push(LiaxSession *s, const LiaxImage *checked)
{
    const int full = s->n_waiting == s->options.max_batch, at = full ? s->n_waiting - 1 : s->n_waiting;
    const LxTensor input = lx_tensor_frame(s->place.input, at);
    lx_run_begin(&s->run, 0);
    LiaxStatus st = lx_frame_in(&s->place.frames, &s->run, checked, LX_BILINEAR, input, &s->log);
    if (!st) st = lx_run_end(&s->run);
    if (!st) st = source_from_frame(s, input);
    if (st) {
        if (full) s->n_waiting--; /* its pixels may be half overwritten */
        return st;
    }
    s->waiting[at] = (LxTicket){checked->pts, checked->user};
    lx_session_delta(s, 1, s->deltas + (size_t)at * (size_t)s->model->sizes.motions);
    s->n_waiting = at + 1;
    return LIAX_OK;
}

/* Encode and draw all frames that wait. */
static LiaxStatus draw_batch(LiaxSession *s)
{
    const int n = s->n_waiting;
    s->n_waiting = s->n_done = s->n_given = 0;
    LiaxStatus st = lx_session_motions(s, n);
    if (st) return st;
    for (int i = 0; i < n; i++) lx_session_combine(s, i, s->deltas + (size_t)i * (size_t)s->model->sizes.motions);
    st = lx_session_draw(s, n);
    if (st) return st;
    memcpy(s->done, s->waiting, (size_t)n * sizeof *s->done);
    s->n_done = n;
    return LIAX_OK;
}

/* The oldest drawn frame to the caller, with what came with it, as far as the caller's struct reaches. */
static LiaxStatus give_next(LiaxSession *s, const LiaxImage *checked, LiaxImage *out)
{
    const LiaxStatus st = lx_session_give(s, s->n_given, checked);
    if (st) return st;
    const LxTicket *t = &s->done[s->n_given++];
    if (out->struct_size >= offsetof(LiaxImage, pts) + sizeof out->pts) out->pts = t->pts;
    if (out->struct_size >= offsetof(LiaxImage, user) + sizeof out->user) out->user = t->user;
    return LIAX_OK;
}

LiaxStatus liax_session_push(LiaxSession *s, const LiaxImage *driving)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    if (!driving) {
        s->ended = 1;
        return lx_session_leave(s, LIAX_OK);
    }
    LiaxImage checked;
    LiaxStatus st = lx_image_check(&checked, driving, "driving frame", s->run.device, &s->log);
    if (!st) st = check_push(s);
    if (!st) st = push(s, &checked);
    return lx_session_leave(s, st);
}

/* LIAX_OK: a drawn frame is ready. */
static LiaxStatus make_ready(LiaxSession *s)
{
    if (s->n_given < s->n_done) return LIAX_OK;
    if (s->n_waiting && (s->ended || s->n_waiting >= s->options.max_delay)) return draw_batch(s);
    if (!s->ended) return LIAX_AGAIN;
    lx_session_restart(s);
    if (s->options.mode == LIAX_EDIT_VIDEO) s->has_source = 0;
    return LIAX_END;
}

LiaxStatus liax_session_pull(LiaxSession *s, LiaxImage *out)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage checked;
    LiaxStatus st = lx_session_check_out(s, &checked, out);
    if (!st) st = make_ready(s);
    if (!st) st = give_next(s, &checked, out);
    return lx_session_leave(s, st);
}

LiaxStatus liax_animate_frame(LiaxSession *s, const LiaxImage *driving, LiaxImage *out)
{
    if (!s) return LIAX_E_ARG;
    lx_session_enter(s);
    LiaxImage in, checked;
    LiaxStatus st = lx_image_check(&in, driving, "driving frame", s->run.device, &s->log);
    if (!st) st = lx_session_check_out(s, &checked, out);
    if (!st && (s->n_waiting || s->n_given < s->n_done)) st = lx_fail(&s->log, LIAX_E_STATE, "pushed frames wait: pull them first");
    if (!st) st = check_push(s);
    if (!st) st = push(s, &in);
    if (!st) st = draw_batch(s);
    if (!st) st = give_next(s, &checked, out);
    return lx_session_leave(s, st);
}
