/*
 * Frames for the next program in a pipe: y4m in 4:2:0, or bare RGB. Each is flushed, so that the reader has it at once.
 * Neither form has times: frame k is the one of time k / rate. A frame takes the place nearest to its time; places before it
 * that are still empty show the frame before it again, and where its place is taken it waits for such a gap, or is left out.
 */
#include "media_internal.h"
#include "media_y4m.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

enum { MAX_GAP = 1 << 17 /* places, more than an hour of video: a file that jumps further is damaged */ };

struct MediaPipeOut {
    FILE *file;
    int width, height;
    bool raw;
    AVRational unit, place; /* seconds of the times' unit, and of a frame that goes out */
    struct SwsContext *convert; /* NULL for bare RGB */
    uint8_t *pixels;            /* a frame as it goes out */
    size_t frame_size;
    int64_t next, end;    /* the first empty place; where the last frame's time ends */
    bool begun, waiting;  /* there is a frame; it has no place yet */
    int64_t repeated, left_out;
    char notice[192];
};

static bool fail(MediaError *e)
{
    if (errno == EPIPE) return media_fail(e, "%s", ""); /* the reader has had enough; it needs no sentence */
    return media_fail(e, "cannot write the frames: %s", strerror(errno));
}

static bool open_y4m(MediaPipeOut *p, const MediaWriterOptions *o, MediaError *e)
{
    char line[MEDIA_Y4M_LINE];
    const MediaY4m y = {.width = o->width, .height = o->height, .rate = o->frame_rate, .aspect = o->pixel_aspect};
    p->convert = media_colour_from_rgb(o->width, o->height, AV_PIX_FMT_YUV420P, media_default_matrix(o->height));
    if (!p->convert) return media_fail(e, "not enough memory for %d x %d pixels", o->width, o->height);
    media_y4m_header(line, &y);
    return fputs(line, p->file) >= 0 || fail(e);
}

bool media_pipe_out_open(MediaPipeOut **out, const MediaTarget *target, const MediaWriterOptions *o, MediaError *e)
{
    *out = NULL;
    MediaPipeOut *p = calloc(1, sizeof *p);
    if (!p) return media_fail(e, "not enough memory");
    p->width = o->width;
    p->height = o->height;
    p->raw = o->raw;
    p->unit = (AVRational){o->time_base.num, o->time_base.den};
    p->place = (AVRational){o->frame_rate.den, o->frame_rate.num};
    p->frame_size = (size_t)av_image_get_buffer_size(o->raw ? AV_PIX_FMT_RGB24 : AV_PIX_FMT_YUV420P, o->width, o->height, 1);
    p->pixels = malloc(p->frame_size + 64); /* swscale may write a little past a row */
    p->file = media_target_fopen(target);
    const bool ok = !p->pixels ? media_fail(e, "not enough memory for %d x %d pixels", o->width, o->height)
                    : !p->file ? fail(e) : o->raw || open_y4m(p, o, e);
    if (!ok) media_pipe_out_close(&p);
    *out = p;
    return ok;
}

static void convert(const MediaPipeOut *p, const uint8_t *rgb)
{
    uint8_t *planes[4];
    int strides[4];
    if (p->raw) {
        memcpy(p->pixels, rgb, p->frame_size);
        return;
    }
    av_image_fill_arrays(planes, strides, p->pixels, AV_PIX_FMT_YUV420P, p->width, p->height, 1);
    sws_scale(p->convert, (const uint8_t *[4]){rgb}, (const int[4]){3 * p->width}, 0, p->height, planes, strides);
}

/* The frame into every empty place before `end`. */
static bool fill(MediaPipeOut *p, int64_t end, MediaError *e)
{
    if (end > p->next + MAX_GAP)
        return media_fail(e, "the frames' times jump further than a stream without times can follow; write a .mkv");
    for (; p->next < end; p->next++) {
        const bool ok = (p->raw || fputs("FRAME\n", p->file) >= 0) &&
                        fwrite(p->pixels, 1, p->frame_size, p->file) == p->frame_size && !fflush(p->file);
        if (!ok) return fail(e);
        p->repeated += !p->waiting;
        p->waiting = false;
    }
    return true;
}

static int64_t place_of(const MediaPipeOut *p, int64_t t)
{
    return av_rescale_q_rnd(t, p->unit, p->place, AV_ROUND_NEAR_INF);
}

bool media_pipe_out_frame(MediaPipeOut *p, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e)
{
    const int64_t place = place_of(p, pts);
    if (!p->begun) p->next = place < 0 ? place : 0; /* what is missing before the first frame shows the first */
    if (p->begun && !fill(p, place, e)) return false;
    p->left_out += p->waiting;
    convert(p, rgb);
    p->begun = p->waiting = true;
    p->end = place_of(p, pts + duration);
    return fill(p, place + 1, e);
}

bool media_pipe_out_finish(MediaPipeOut *p, MediaError *e)
{
    if (!fill(p, p->end, e)) return false;
    p->left_out += p->waiting;
    const bool ok = !fclose(p->file);
    p->file = NULL;
    return ok || fail(e);
}

const char *media_pipe_out_notice(MediaPipeOut *p)
{
    if (p->repeated || p->left_out)
        snprintf(p->notice, sizeof p->notice,
                 "the frames' times are uneven, and %s has none: at %.6g frames a second %lld were repeated and %lld left out",
                 p->raw ? "bare RGB" : "y4m", 1 / av_q2d(p->place), (long long)p->repeated, (long long)p->left_out);
    return p->notice;
}

void media_pipe_out_close(MediaPipeOut **pipe)
{
    MediaPipeOut *p = *pipe;
    if (!p) return;
    if (p->file) fclose(p->file);
    sws_freeContext(p->convert);
    free(p->pixels);
    free(p);
    *pipe = NULL;
}
