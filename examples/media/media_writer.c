/* Frames into whatever a name stands for: a video, a pipe, one PNG, or numbered PNGs. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "media_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum WriterKind { WRITE_UNKNOWN, WRITE_PICTURE, WRITE_SEQUENCE, WRITE_VIDEO, WRITE_PIPE } WriterKind;

struct MediaWriter {
    char *path;
    WriterKind kind;
    MediaWriterOptions options;
    MediaTarget target;   /* of all but a sequence */
    MediaPattern pattern; /* of a sequence */
    MediaVideoOut *video;
    MediaPipeOut *pipe;
    int64_t n_frames;
};

static bool ends_in(const char *path, const char *ending)
{
    const size_t n = strlen(path), m = strlen(ending);
    return n > m && !strcasecmp(path + n - m, ending);
}

static WriterKind kind_of(const char *path, MediaPattern *pattern)
{
    if (media_is_pipe(path) || ends_in(path, ".y4m")) return WRITE_PIPE;
    if (ends_in(path, ".png")) return media_pattern_parse(pattern, path) ? WRITE_SEQUENCE : WRITE_PICTURE;
    return media_video_out_known(path) ? WRITE_VIDEO : WRITE_UNKNOWN;
}

bool media_writer_check(const char *path, bool moving, bool overwrite, MediaError *e)
{
    MediaPattern pattern = {0};
    switch (kind_of(path, &pattern)) {
    case WRITE_UNKNOWN:
        return media_fail(
            e, "%s: the kind of output is taken from the name; end it in .mp4, .mov, .mkv, .webm, .gif, .apng, .y4m, .png or -%%d.png", path);
    case WRITE_SEQUENCE: {
        char *first = media_pattern_name(&pattern, 1);
        const bool ok =
            first ? media_target_check(first, overwrite, e) : media_fail(e, "not enough memory to write %s", path);
        free(first);
        return ok;
    }
    case WRITE_PICTURE:
        if (moving)
            return media_fail(e, "%s can hold one picture only; name a video (.mp4) or numbered pictures (-%%d.png)",
                              path);
        break;
    case WRITE_VIDEO:
    case WRITE_PIPE:
        break;
    }
    return media_target_check(path, overwrite, e);
}

bool media_writer_open(MediaWriter **out, const char *path, const MediaWriterOptions *o, MediaError *e)
{
    *out = NULL;
    if (!media_writer_check(path, o->moving, o->overwrite, e)) return false;
    if (o->width < 1 || o->height < 1 || o->width > MEDIA_MAX_SIDE || o->height > MEDIA_MAX_SIDE)
        return media_fail(e, "%s: %d x %d pixels cannot be written; sides may be 1 to %d", path, o->width, o->height,
                          MEDIA_MAX_SIDE);
    MediaWriter *w = calloc(1, sizeof *w);
    if (!w || !(w->path = strdup(path))) {
        free(w);
        return media_fail(e, "not enough memory to write %s", path);
    }
    w->options = *o;
    w->kind = kind_of(w->path, &w->pattern);
    bool ok = w->kind == WRITE_SEQUENCE || media_target_open(&w->target, path, o->overwrite, e);
    if (ok && w->kind == WRITE_VIDEO) ok = media_video_out_open(&w->video, media_target_name(&w->target), path, o, e);
    if (ok && w->kind == WRITE_PIPE) ok = media_pipe_out_open(&w->pipe, &w->target, o, e);
    if (!ok) media_writer_close(&w);
    *out = w;
    return ok;
}

static bool write_numbered(MediaWriter *w, const uint8_t *rgb, MediaError *e)
{
    MediaTarget t;
    char *name = media_pattern_name(&w->pattern, (long)w->n_frames + 1);
    if (!name) return media_fail(e, "not enough memory to write %s", w->path);
    bool ok = media_target_open(&t, name, w->options.overwrite, e);
    if (ok) {
        ok = media_png_write(media_target_name(&t), name, rgb, w->options.width, w->options.height, e);
        if (ok) ok = media_target_commit(&t, e);
        else media_target_discard(&t);
    }
    free(name);
    return ok;
}

bool media_writer_frame(MediaWriter *w, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e)
{
    bool ok;
    if (w->kind == WRITE_VIDEO) ok = media_video_out_frame(w->video, rgb, pts, duration, e);
    else if (w->kind == WRITE_PIPE) ok = media_pipe_out_frame(w->pipe, rgb, pts, duration, e);
    else if (w->kind == WRITE_SEQUENCE) ok = write_numbered(w, rgb, e);
    else ok = media_png_write(media_target_name(&w->target), w->path, rgb, w->options.width, w->options.height, e);
    w->n_frames += ok;
    return ok;
}

bool media_writer_finish(MediaWriter *w, bool all, MediaError *e)
{
    if (w->kind == WRITE_VIDEO && !media_video_out_finish(w->video, all, e)) return false;
    if (w->kind == WRITE_PIPE && !media_pipe_out_finish(w->pipe, e)) return false;
    return w->kind == WRITE_SEQUENCE || media_target_commit(&w->target, e);
}

const char *media_writer_notice(const MediaWriter *w)
{
    if (w->video) return media_video_out_notice(w->video);
    if (!w->options.sound) return "";
    return w->pipe ? "y4m holds no sound, so the sound was left out" : "PNG holds no sound, so the sound was left out";
}

const char *media_writer_end_notice(const MediaWriter *w)
{
    return w->pipe ? media_pipe_out_notice(w->pipe) : "";
}

void media_writer_close(MediaWriter **writer)
{
    MediaWriter *w = *writer;
    if (!w) return;
    media_video_out_close(&w->video);
    media_pipe_out_close(&w->pipe);
    media_target_discard(&w->target);
    free(w->path);
    free(w);
    *writer = NULL;
}
