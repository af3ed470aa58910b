/* Motion files as JSON, which people and other programs read (docs/container.md, "Motion files"). */
#include "motion_internal.h"

#include <limits.h>
#include <string.h>

#include <jansson.h>

#define FORMAT "liax-motion"

enum { VERSION = 1 };

/* A whole number from 1; 0: it is none. */
static int positive(const json_t *value)
{
    const json_int_t n = json_integer_value(value);
    return n < 1 || n > INT_MAX ? 0 : (int)n;
}

static MediaRational rational(const json_t *array)
{
    return (MediaRational){positive(json_array_get(array, 0)), positive(json_array_get(array, 1))};
}

static bool read_frame(Motion *m, const json_t *frame, const char *path, MediaError *e)
{
    const json_t *alpha = json_object_get(frame, "alpha"), *pts = json_object_get(frame, "pts");
    bool right = json_is_integer(pts);
    float *to = motion_next(m);
    for (int k = 0; k < m->head.motions; k++) {
        const json_t *value = json_array_get(alpha, (size_t)k);
        right = right && json_is_number(value);
        to[k] = (float)json_number_value(value);
    }
    /* a duration of 0 is none, and refused as every other that is wrong */
    const json_int_t duration = right ? json_integer_value(json_object_get(frame, "duration")) : 0;
    return motion_add(m, json_integer_value(pts), duration, path, e);
}

static bool read_root(Motion *m, const json_t *root, const char *path, MediaError *e)
{
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *fingerprint = json_string_value(json_object_get(root, "fingerprint"));
    const json_t *frames = json_object_get(root, "frames");
    const size_t n = json_array_size(frames);
    if (!format || strcmp(format, FORMAT) || json_integer_value(json_object_get(root, "version")) != VERSION)
        return motion_damaged(path, "its format is not " FORMAT " version 1", e);
    if (!fingerprint || strlen(fingerprint) >= sizeof m->head.fingerprint)
        return motion_damaged(path, "it has no fingerprint of a model", e);
    m->head = (MotionHead){.size = positive(json_object_get(root, "size")),
                           .motions = positive(json_object_get(root, "motions")),
                           .frame_rate = rational(json_object_get(root, "fps")),
                           .time_base = rational(json_object_get(root, "time_base"))};
    strcpy(m->head.fingerprint, fingerprint);
    for (size_t i = 0; i < n; i++) /* so that memory is asked for values that are there */
        if (json_array_size(json_object_get(json_array_get(frames, i), "alpha")) != (size_t)m->head.motions)
            return motion_frame_damaged(path, (int64_t)i, e);
    bool ok = motion_begin(m, (int64_t)n, path, e);
    for (size_t i = 0; ok && i < n; i++) ok = read_frame(m, json_array_get(frames, i), path, e);
    return ok;
}

bool motion_json_read(Motion *m, FILE *f, const char *path, MediaError *e)
{
    json_error_t error;
    json_t *root = json_loadf(f, JSON_REJECT_DUPLICATES, &error);
    const bool ok = root ? read_root(m, root, path, e) : motion_damaged(path, error.text, e);
    json_decref(root);
    return ok;
}

void motion_json_start(const MotionWriter *w)
{
    const MotionHead *h = &w->head;
    fprintf(w->file, "{\"format\": \"" FORMAT "\", \"version\": %d,\n", VERSION);
    fprintf(w->file, " \"fingerprint\": \"%s\", \"size\": %d, \"motions\": %d,\n", h->fingerprint, h->size, h->motions);
    fprintf(w->file, " \"fps\": [%d, %d], \"time_base\": [%d, %d],\n \"frames\": [", h->frame_rate.num,
            h->frame_rate.den, h->time_base.num, h->time_base.den);
}

void motion_json_frame(const MotionWriter *w, const MotionFrame *f)
{
    const MotionHead *h = &w->head;
    const double time = (double)f->pts * h->time_base.num / h->time_base.den;
    fprintf(w->file, "%s\n  {\"pts\": %lld, \"duration\": %lld, \"time\": %.6f, \"alpha\": [", h->n_frames ? "," : "",
            (long long)f->pts, (long long)f->duration, time);
    for (int k = 0; k < h->motions; k++) fprintf(w->file, "%s%.9g", k ? ", " : "", (double)f->alpha[k]);
    fputs("]}", w->file);
}

void motion_json_end(const MotionWriter *w)
{
    fputs("\n]}\n", w->file);
}
