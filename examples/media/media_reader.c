/* Frames from whatever a name stands for: a video, a pipe, one picture, or a numbered sequence of pictures. */
#define _POSIX_C_SOURCE 200809L /* strdup, access */
#include "media_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct MediaReader {
    char *path;
    MediaLook look;
    MediaReaderInfo info;
    MediaVideoIn *video;  /* or NULL: */
    MediaPipeIn *pipe;    /* or NULL: pictures */
    MediaPattern pattern; /* path NULL: a single picture */
    long first, next;     /* numbers of the sequence */
    MediaPicture picture;
    char notice[256];
};

static void count_sequence(MediaReader *r)
{
    for (long n = r->first;; n++) {
        char *name = media_pattern_name(&r->pattern, n);
        const bool exists = name && access(name, F_OK) == 0;
        free(name);
        if (!exists) return;
        r->info.n_frames++;
    }
}

static bool open_pictures(MediaReader *r, MediaRational rate, MediaError *e)
{
    r->info = (MediaReaderInfo){.time_base = {rate.den, rate.num}, .frame_rate = rate, .pixel_aspect = {1, 1}};
    if (!r->pattern.path) {
        r->info.n_frames = 1;
        return true;
    }
    int64_t count;
    if (!media_pattern_lowest(&r->pattern, &r->first, &count, e)) return false;
    r->next = r->first;
    count_sequence(r);
    if (count > r->info.n_frames)
        snprintf(r->notice, sizeof r->notice, "%.150s has more pictures after a gap in its numbers, which were left out (%lld)", r->path,
                 (long long)(count - r->info.n_frames));
    return true;
}

bool media_reader_open(MediaReader **out, const char *path, const MediaLook *look, MediaRational rate, MediaError *e)
{
    *out = NULL;
    MediaReader *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(path))) {
        free(r);
        return media_fail(e, "not enough memory to read %s", path);
    }
    r->look = *look;
    MediaKind kind = MEDIA_KIND_OTHER;
    bool ok;
    if (access(path, F_OK) && media_pattern_parse(&r->pattern, r->path)) ok = open_pictures(r, rate, e);
    else ok = media_kind_of(&kind, path, e) && (kind == MEDIA_KIND_OTHER ? media_video_in_open(&r->video, path, look, e)
                                                                         : open_pictures(r, rate, e));
    if (ok && r->video) media_video_in_info(r->video, &r->info);
    if (!ok) media_reader_close(&r);
    *out = r;
    return ok;
}

bool media_reader_open_pipe(MediaReader **out, const MediaPipe *pipe, MediaRational rate, MediaError *e)
{
    *out = NULL;
    MediaReader *r = calloc(1, sizeof *r);
    if (!r) return media_fail(e, "not enough memory to read standard input");
    const bool ok = media_pipe_in_open(&r->pipe, pipe, rate, e);
    if (ok) media_pipe_in_info(r->pipe, &r->info);
    else media_reader_close(&r);
    *out = r;
    return ok;
}

const MediaReaderInfo *media_reader_info(const MediaReader *r)
{
    return &r->info;
}

static MediaNext next_picture(MediaReader *r, MediaFrame *out, MediaError *e)
{
    const long i = r->next - r->first;
    if (i >= r->info.n_frames) return MEDIA_END;
    media_picture_free(&r->picture);
    char *name = r->pattern.path ? media_pattern_name(&r->pattern, r->next) : strdup(r->path);
    const bool ok = name ? media_picture_read(&r->picture, name, &r->look, e)
                         : media_fail(e, "not enough memory to read %s", r->path);
    free(name);
    if (!ok) return MEDIA_FAILED;
    r->next++;
    *out = (MediaFrame){.picture = r->picture, .pts = i, .duration = 1};
    return MEDIA_FRAME;
}

MediaNext media_reader_next(MediaReader *r, MediaFrame *out, MediaError *e)
{
    if (r->video) return media_video_in_next(r->video, out, e);
    return r->pipe ? media_pipe_in_next(r->pipe, out, e) : next_picture(r, out, e);
}

const char *media_reader_notice(MediaReader *r)
{
    const int64_t damaged = r->video ? media_video_in_damaged(r->video) : 0;
    if (damaged)
        snprintf(r->notice, sizeof r->notice, "%lld damaged parts of %.150s were passed over", (long long)damaged,
                 r->path);
    if (r->pipe && media_pipe_in_cut(r->pipe))
        snprintf(r->notice, sizeof r->notice, "the last frame on standard input was cut short and left out");
    return r->notice;
}

void media_reader_close(MediaReader **reader)
{
    MediaReader *r = *reader;
    if (!r) return;
    media_video_in_close(&r->video);
    media_pipe_in_close(&r->pipe);
    media_picture_free(&r->picture);
    free(r->path);
    free(r);
    *reader = NULL;
}
