/* Reading and writing motion files (motion_file.h): what both forms have in common. */
#include "motion_internal.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENDING ".liaxm"

enum { MAX_MOTIONS = 65536 };

/* ---- reading */

bool motion_is_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return false;
    const int c = getc(f);
    rewind(f);
    const bool is = c == '{' || motion_binary_is(f);
    fclose(f);
    return is;
}

bool motion_damaged(const char *path, const char *what, MediaError *e)
{
    return media_fail(e, "%s is no motion file that can be read: %s; write it again with liax motion", path, what);
}

bool motion_frame_damaged(const char *path, int64_t i, MediaError *e)
{
    char what[64];
    snprintf(what, sizeof what, "frame %lld is wrong", (long long)i);
    return motion_damaged(path, what, e);
}

static bool is_fingerprint(const char *text)
{
    return strlen(text) <= 64 && strspn(text, "0123456789abcdef") == strlen(text);
}

static bool is_positive(MediaRational r)
{
    return r.num > 0 && r.den > 0;
}

bool motion_begin(Motion *m, int64_t n_frames, const char *path, MediaError *e)
{
    MotionHead *h = &m->head;
    if (!is_fingerprint(h->fingerprint)) return motion_damaged(path, "its fingerprint is none of a model", e);
    if (h->size < 1 || h->motions < 1 || h->motions > MAX_MOTIONS)
        return motion_damaged(path, "its size or its number of motion values is wrong", e);
    if (!is_positive(h->frame_rate) || !is_positive(h->time_base))
        return motion_damaged(path, "its fps or time_base is not two numbers from 1", e);
    if (n_frames < 1) return motion_damaged(path, "it has no frames", e);
    h->n_frames = 0;
    m->times = calloc((size_t)n_frames, 2 * sizeof *m->times);
    m->alphas = calloc((size_t)n_frames, (size_t)h->motions * sizeof *m->alphas);
    return (m->times && m->alphas) || media_fail(e, "not enough memory for %s", path);
}

float *motion_next(Motion *m)
{
    return m->alphas + m->head.n_frames * m->head.motions;
}

/* Times rise, and stay so small that no sum of two of them wraps. */
static bool times_are_right(const Motion *m, int64_t pts, int64_t duration)
{
    const int64_t i = m->head.n_frames;
    return duration >= 1 && duration <= INT_MAX && pts <= INT64_MAX / 2 && pts >= INT64_MIN / 2 &&
           (i == 0 || pts > m->times[2 * (i - 1)]);
}

bool motion_add(Motion *m, int64_t pts, int64_t duration, const char *path, MediaError *e)
{
    const float *alpha = motion_next(m);
    const int64_t i = m->head.n_frames;
    bool right = times_are_right(m, pts, duration);
    for (int k = 0; k < m->head.motions; k++) right = right && isfinite(alpha[k]);
    if (!right) return motion_frame_damaged(path, i, e);
    m->times[2 * i] = pts;
    m->times[2 * i + 1] = duration;
    m->head.n_frames++;
    return true;
}

bool motion_read_stream(Motion *m, FILE *f, const char *path, MediaError *e)
{
    *m = (Motion){0};
    const bool binary = motion_binary_is(f);
    rewind(f);
    const bool ok = binary ? motion_binary_read(m, f, path, e) : motion_json_read(m, f, path, e);
    if (!ok) motion_free(m);
    return ok;
}

bool motion_read(Motion *m, const char *path, MediaError *e)
{
    FILE *f = fopen(path, "rb");
    if (!f) return media_fail(e, "cannot read %s: %s", path, strerror(errno));
    const bool ok = motion_read_stream(m, f, path, e);
    fclose(f);
    return ok;
}

MotionFrame motion_frame(const Motion *m, int64_t i)
{
    return (MotionFrame){m->times[2 * i], m->times[2 * i + 1], m->alphas + i * m->head.motions};
}

void motion_free(Motion *m)
{
    free(m->times);
    free(m->alphas);
    *m = (Motion){0};
}

/* ---- writing */

static bool fail(const MotionWriter *w, MediaError *e)
{
    if (errno == EPIPE) return media_fail(e, "%s", ""); /* the reader has had enough; it needs no sentence */
    return media_fail(e, "cannot write %s: %s; free some space or choose another place", w->target.path,
                      strerror(errno));
}

static bool check(const MotionWriter *w, MediaError *e)
{
    return (w->file && !ferror(w->file)) || fail(w, e);
}

static bool is_binary(const char *path)
{
    const size_t n = strlen(path), ending = sizeof ENDING - 1;
    return n >= ending && !strcasecmp(path + n - ending, ENDING);
}

bool motion_writer_open(MotionWriter *w, const char *path, bool overwrite, const LiaxModelInfo *model,
                        MediaRational frame_rate, MediaRational time_base, MediaError *e)
{
    *w = (MotionWriter){.binary = is_binary(path)};
    w->head = (MotionHead){.size = model->size, .motions = model->motions, .frame_rate = frame_rate, .time_base = time_base};
    if (!is_fingerprint(model->fingerprint))
        return media_fail(e, "cannot write %s: the model's fingerprint is damaged; convert the model again", path);
    strcpy(w->head.fingerprint, model->fingerprint);
    if (!media_target_open(&w->target, path, overwrite, e)) return false;
    w->file = media_target_fopen(&w->target);
    if (!w->file) return fail(w, e);
    if (w->binary && fseek(w->file, 0, SEEK_CUR))
        return media_fail(e, "%s is a pipe, which only a motion file in JSON can go through; choose another name", path);
    if (w->binary) motion_binary_head(w);
    else motion_json_start(w);
    return check(w, e);
}

bool motion_writer_add(MotionWriter *w, const MotionFrame *f, MediaError *e)
{
    if (!w->binary) motion_json_frame(w, f);
    else if (!motion_binary_frame(w, f)) return media_fail(e, "not enough memory to write %s", w->target.path);
    w->head.n_frames++;
    return check(w, e);
}

bool motion_writer_finish(MotionWriter *w, MediaError *e)
{
    bool ok = true;
    if (!w->binary) motion_json_end(w);
    else if ((ok = !fseek(w->file, 0, SEEK_SET))) motion_binary_head(w);
    ok = ok ? check(w, e) : fail(w, e);
    if (fclose(w->file) && ok) ok = fail(w, e);
    w->file = NULL;
    return ok && media_target_commit(&w->target, e);
}

void motion_writer_close(MotionWriter *w)
{
    if (w->file) fclose(w->file);
    media_target_discard(&w->target);
    *w = (MotionWriter){0};
}
