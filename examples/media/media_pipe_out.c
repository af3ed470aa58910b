/* Frames for the next program in a pipe: y4m in 4:2:0, or bare RGB. Each is flushed, so that the reader has it at once. */
#include "media_internal.h"
#include "media_y4m.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/imgutils.h>
#include <libswscale/swscale.h>

struct MediaPipeOut {
    FILE *file;
    int width, height;
    bool raw;
    struct SwsContext *convert;
    uint8_t *pixels; /* a frame as it goes out; NULL for bare RGB */
    size_t frame_size;
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
    p->frame_size = (size_t)av_image_get_buffer_size(AV_PIX_FMT_YUV420P, o->width, o->height, 1);
    p->pixels = malloc(p->frame_size + 64); /* swscale may write a little past a row */
    p->convert = media_colour_from_rgb(o->width, o->height, AV_PIX_FMT_YUV420P, media_default_matrix(o->height));
    if (!p->pixels || !p->convert) return media_fail(e, "not enough memory for %d x %d pixels", o->width, o->height);
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
    p->file = media_target_fopen(target);
    const bool ok = !p->file ? fail(e) : o->raw || open_y4m(p, o, e);
    if (!ok) media_pipe_out_close(&p);
    *out = p;
    return ok;
}

bool media_pipe_out_frame(MediaPipeOut *p, const uint8_t *rgb, MediaError *e)
{
    const size_t rgb_size = 3 * (size_t)p->width * (size_t)p->height;
    bool ok;
    if (p->raw) {
        ok = fwrite(rgb, 1, rgb_size, p->file) == rgb_size;
    } else {
        uint8_t *planes[4];
        int strides[4];
        av_image_fill_arrays(planes, strides, p->pixels, AV_PIX_FMT_YUV420P, p->width, p->height, 1);
        sws_scale(p->convert, (const uint8_t *[4]){rgb}, (const int[4]){3 * p->width}, 0, p->height, planes, strides);
        ok = fputs("FRAME\n", p->file) >= 0 && fwrite(p->pixels, 1, p->frame_size, p->file) == p->frame_size;
    }
    return (ok && !fflush(p->file)) || fail(e);
}

bool media_pipe_out_finish(MediaPipeOut *p, MediaError *e)
{
    const bool ok = !fclose(p->file);
    p->file = NULL;
    return ok || fail(e);
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
