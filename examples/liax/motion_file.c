/* Reading and writing motion files (motion_file.h). */
#include "motion_file.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define FORMAT "liax-motion"

enum { VERSION = 1, MAX_MOTIONS = 65536 };

bool motion_is_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    const int c = f ? getc(f) : EOF;
    if (f) fclose(f);
    return c == '{';
}

static bool damaged(const char *path, const char *what, MediaError *e)
{
    return media_fail(e, "%s is no motion file that can be read: %s; write it again with liax motion", path, what);
}

static bool read_rational(const json_t *array, MediaRational *out)
{
    const json_int_t num = json_integer_value(json_array_get(array, 0)),
                     den = json_integer_value(json_array_get(array, 1));
    if (num < 1 || den < 1 || num > INT_MAX || den > INT_MAX) return false;
    *out = (MediaRational){(int)num, (int)den};
    return true;
}

static bool read_frame(Motion *m, const json_t *frame, int64_t i)
{
    const json_t *alpha = json_object_get(frame, "alpha"), *pts = json_object_get(frame, "pts");
    const json_int_t at = json_integer_value(pts), duration = json_integer_value(json_object_get(frame, "duration"));
    if (!json_is_integer(pts) || duration < 1 || duration > INT_MAX || at > INT64_MAX / 2 || at < INT64_MIN / 2)
        return false;
    if (json_array_size(alpha) != (size_t)m->motions || (i > 0 && at <= m->times[2 * (i - 1)])) return false;
    m->times[2 * i] = at;
    m->times[2 * i + 1] = duration;
    for (int k = 0; k < m->motions; k++) {
        const json_t *value = json_array_get(alpha, (size_t)k);
        const float x = (float)json_number_value(value);
        if (!json_is_number(value) || !isfinite(x)) return false;
        m->alphas[i * m->motions + k] = x;
    }
    return true;
}

static bool read_root(Motion *m, const json_t *root, const char *path, MediaError *e)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *fingerprint = json_string_value(json_object_get(root, "fingerprint"));
    const json_t *frames = json_object_get(root, "frames");
    const json_int_t motions = json_integer_value(json_object_get(root, "motions"));
    if (!format || strcmp(format, FORMAT) || json_integer_value(json_object_get(root, "version")) != VERSION)
        return damaged(path, "its format is not " FORMAT " version 1", e);
    if (!fingerprint || strlen(fingerprint) >= sizeof m->fingerprint)
        return damaged(path, "it has no fingerprint of a model", e);
    if (motions < 1 || motions > MAX_MOTIONS || !json_array_size(frames)) return damaged(path, "it has no frames", e);
    if (!read_rational(json_object_get(root, "fps"), &m->frame_rate) ||
        !read_rational(json_object_get(root, "time_base"), &m->time_base))
        return damaged(path, "its fps or time_base is not [number, number]", e);
    strcpy(m->fingerprint, fingerprint);
    m->size = (int)json_integer_value(json_object_get(root, "size"));
    m->motions = (int)motions;
    const size_t n = json_array_size(frames);
    m->times = calloc(n, 2 * sizeof *m->times);
    m->alphas = calloc(n, (size_t)motions * sizeof *m->alphas);
    if (!m->times || !m->alphas) return media_fail(e, "not enough memory for %s", path);
    for (; m->n_frames < (int64_t)n; m->n_frames++) {
        if (read_frame(m, json_array_get(frames, (size_t)m->n_frames), m->n_frames)) continue;
        char what[64];
        snprintf(what, sizeof what, "frame %lld is wrong", (long long)m->n_frames);
        return damaged(path, what, e);
    }
    return true;
}

bool motion_read(Motion *m, const char *path, MediaError *e)
{
    *m = (Motion){0};
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    const bool ok = root ? read_root(m, root, path, e) : damaged(path, error.text, e);
    json_decref(root);
    if (!ok) motion_free(m);
    return ok;
}

MotionFrame motion_frame(const Motion *m, int64_t i)
{
    return (MotionFrame){m->times[2 * i], m->times[2 * i + 1], m->alphas + i * m->motions};
}

void motion_free(Motion *m)
{
    free(m->times);
    free(m->alphas);
    *m = (Motion){0};
}

static bool fail(const MotionWriter *w, MediaError *e)
{
    if (errno == EPIPE) return media_fail(e, "%s", ""); /* the reader has had enough; it needs no sentence */
    return media_fail(e, "cannot write %s: %s; free some space or choose another place", w->target.path,
                      strerror(errno));
}

static bool check(MotionWriter *w, MediaError *e)
{
    return (w->file && !ferror(w->file)) || fail(w, e);
}

bool motion_writer_open(MotionWriter *w, const char *path, bool overwrite, const LiaxModelInfo *model,
                        MediaRational frame_rate, MediaRational time_base, MediaError *e)
{
    *w = (MotionWriter){.motions = model->motions, .time_base = time_base};
    if (!media_target_open(&w->target, path, overwrite, e)) return false;
    w->file = media_target_fopen(&w->target);
    if (!check(w, e)) return false;
    fprintf(w->file, "{\"format\": \"" FORMAT "\", \"version\": %d,\n", VERSION);
    fprintf(w->file, " \"fingerprint\": \"%s\", \"size\": %d, \"motions\": %d,\n", model->fingerprint, model->size,
            model->motions);
    fprintf(w->file, " \"fps\": [%d, %d], \"time_base\": [%d, %d],\n \"frames\": [", frame_rate.num, frame_rate.den,
            time_base.num, time_base.den);
    return check(w, e);
}

bool motion_writer_add(MotionWriter *w, const MotionFrame *f, MediaError *e)
{
    const double time = (double)f->pts * w->time_base.num / w->time_base.den;
    fprintf(w->file, "%s\n  {\"pts\": %lld, \"duration\": %lld, \"time\": %.6f, \"alpha\": [", w->count ? "," : "",
            (long long)f->pts, (long long)f->duration, time);
    for (int k = 0; k < w->motions; k++) fprintf(w->file, "%s%.9g", k ? ", " : "", (double)f->alpha[k]);
    fputs("]}", w->file);
    w->count++;
    return check(w, e);
}

bool motion_writer_finish(MotionWriter *w, MediaError *e)
{
    fputs("\n]}\n", w->file);
    bool ok = check(w, e);
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
