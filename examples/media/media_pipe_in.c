/* Frames from standard input: y4m, which says what it is, or bare RGB of a size that the caller knows. */
#define _POSIX_C_SOURCE 200809L /* poll, read */
#include "media_internal.h"
#include "media_y4m.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

enum { LOOK_AROUND_MS = 100 }; /* how often a pipe that gives nothing is left, to see whether to stop */

struct MediaPipeIn {
    MediaY4m y4m; /* of bare RGB too */
    bool raw;
    bool (*stop)(void);
    uint8_t buffer[1 << 16];
    size_t at, filled;
    uint8_t *pixels; /* a frame as it comes */
    size_t frame_size;
    struct SwsContext *convert;
    MediaPicture picture;
    int64_t n_frames;
    bool cut;
};

/* More bytes into the empty buffer; false at the end, or where it is time to stop. */
static bool refill(MediaPipeIn *p)
{
    p->at = p->filled = 0;
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (p->stop()) return false;
        if (poll(&input, 1, LOOK_AROUND_MS) <= 0) continue;
        const ssize_t n = read(STDIN_FILENO, p->buffer, sizeof p->buffer);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n <= 0) return false;
        p->filled = (size_t)n;
        return true;
    }
}

/* How many of `size` bytes came. */
static size_t take(MediaPipeIn *p, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size && (p->at < p->filled || refill(p))) {
        const size_t left = p->filled - p->at, n = left < size - done ? left : size - done;
        memcpy(to + done, p->buffer + p->at, n);
        p->at += n;
        done += n;
    }
    return done;
}

/* A line without its newline; MEDIA_END where nothing came, MEDIA_FAILED where it has no end. */
static MediaNext take_line(MediaPipeIn *p, char line[MEDIA_Y4M_LINE])
{
    for (size_t n = 0; n < MEDIA_Y4M_LINE; n++) {
        uint8_t c;
        if (!take(p, &c, 1)) return n ? MEDIA_FAILED : MEDIA_END;
        line[n] = c == '\n' ? 0 : (char)c;
        if (c == '\n') return MEDIA_FRAME;
    }
    return MEDIA_FAILED;
}

static bool open_frames(MediaPipeIn *p, MediaRational rate, MediaError *e)
{
    char line[MEDIA_Y4M_LINE];
    if (!p->raw && take_line(p, line) != MEDIA_FRAME) line[0] = 0; /* refused as every other line that is no header */
    if (!p->raw && !media_y4m_parse(&p->y4m, line, e)) return false;
    MediaY4m *y = &p->y4m;
    if (!y->rate.num) y->rate = rate;
    if (!media_picture_alloc(&p->picture, y->width, y->height, "standard input", e)) return false;
    p->frame_size = (size_t)av_image_get_buffer_size(y->format, y->width, y->height, 1);
    p->pixels = calloc(1, p->frame_size + 64); /* swscale may read a little past a row */
    if (!p->pixels ||
        (!p->raw && !media_colour_to_rgb(&p->convert, y->width, y->height, y->format, AV_PIX_FMT_RGB24,
                                         AVCOL_SPC_UNSPECIFIED, y->full)))
        return media_fail(e, "not enough memory for %d x %d pixels", y->width, y->height);
    return true;
}

bool media_pipe_in_open(MediaPipeIn **out, const MediaPipe *pipe, MediaRational rate, MediaError *e)
{
    *out = NULL;
    MediaPipeIn *p = calloc(1, sizeof *p);
    if (!p) return media_fail(e, "not enough memory to read standard input");
    p->stop = pipe->stop;
    p->raw = pipe->width > 0;
    p->y4m = (MediaY4m){pipe->width, pipe->height, rate, {1, 1}, AV_PIX_FMT_RGB24, true};
    const bool ok = open_frames(p, rate, e);
    if (!ok) media_pipe_in_close(&p);
    *out = p;
    return ok;
}

void media_pipe_in_info(const MediaPipeIn *p, MediaReaderInfo *out)
{
    const MediaRational rate = p->y4m.rate;
    *out = (MediaReaderInfo){.video = !p->raw, .time_base = {rate.den, rate.num}, .frame_rate = rate,
                             .pixel_aspect = p->y4m.aspect};
}

MediaNext media_pipe_in_next(MediaPipeIn *p, MediaFrame *out, MediaError *e)
{
    char line[MEDIA_Y4M_LINE];
    const MediaNext marker = p->raw ? MEDIA_FRAME : take_line(p, line);
    if (marker == MEDIA_END) return MEDIA_END;
    if (marker == MEDIA_FAILED || (!p->raw && strncmp(line, "FRAME", 5))) {
        media_fail(e, "the y4m on standard input is damaged after frame %lld", (long long)p->n_frames);
        return MEDIA_FAILED;
    }
    const size_t n = take(p, p->pixels, p->frame_size);
    p->cut = n < p->frame_size && (n || !p->raw) && !p->stop();
    if (n < p->frame_size) return MEDIA_END;
    const MediaY4m *y = &p->y4m;
    if (p->raw) {
        memcpy(p->picture.rgb, p->pixels, p->frame_size);
    } else {
        uint8_t *planes[4], *rgb[4] = {p->picture.rgb};
        int strides[4];
        const int row = 3 * y->width;
        av_image_fill_arrays(planes, strides, p->pixels, y->format, y->width, y->height, 1);
        sws_scale(p->convert, (const uint8_t *const *)planes, strides, 0, y->height, rgb, (const int[4]){row});
    }
    *out = (MediaFrame){.picture = p->picture, .pts = p->n_frames++, .duration = 1};
    return MEDIA_FRAME;
}

bool media_pipe_in_cut(const MediaPipeIn *p)
{
    return p->cut;
}

void media_pipe_in_close(MediaPipeIn **pipe)
{
    MediaPipeIn *p = *pipe;
    if (!p) return;
    sws_freeContext(p->convert);
    media_picture_free(&p->picture);
    free(p->pixels);
    free(p);
    *pipe = NULL;
}
