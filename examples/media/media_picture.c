/* Pictures in memory: orientation, alpha, resizing, and reading whatever a file holds. */
#include "media_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libswscale/swscale.h>

bool media_picture_alloc(MediaPicture *p, int64_t width, int64_t height, const char *path, MediaError *e)
{
    *p = (MediaPicture){0};
    if (width < 1 || height < 1 || width > MEDIA_MAX_SIDE || height > MEDIA_MAX_SIDE ||
        width * height > MEDIA_MAX_PIXELS)
        return media_fail(e, "%s is %lld x %lld pixels; sides of 1 to %d and %lld pixels in all can be read", path,
                          (long long)width, (long long)height, MEDIA_MAX_SIDE, (long long)MEDIA_MAX_PIXELS);
    p->rgb = malloc((size_t)width * (size_t)height * 3);
    if (!p->rgb)
        return media_fail(e, "not enough memory for %s (%lld x %lld)", path, (long long)width, (long long)height);
    p->width = (int)width;
    p->height = (int)height;
    return true;
}

void media_picture_free(MediaPicture *p)
{
    free(p->rgb);
    *p = (MediaPicture){0};
}

static void put_pixel(uint8_t *to, const uint8_t *from, int channels, const MediaLook *look)
{
    if (channels == 3 || look->published) {
        memcpy(to, from, 3);
        return;
    }
    const unsigned a = from[3];
    for (int c = 0; c < 3; c++) to[c] = (uint8_t)((from[c] * a + look->background[c] * (255 - a) + 127) / 255);
}

bool media_picture_from(MediaPicture *out, const uint8_t *pixels, int width, int height, ptrdiff_t stride, int channels,
                        MediaTurn turn, const MediaLook *look, const char *path, MediaError *e)
{
    const int w = turn.transpose ? height : width, h = turn.transpose ? width : height;
    if (out->width != w || out->height != h) { /* a video's frames reuse their buffer */
        media_picture_free(out);
        if (!media_picture_alloc(out, w, h, path, e)) return false;
    }
    for (int y = 0; y < h; y++) {
        uint8_t *to = out->rgb + (size_t)y * (size_t)w * 3;
        const int v = turn.flip_y ? h - 1 - y : y;
        if (channels == 3 && !turn.transpose && !turn.flip_x) {
            memcpy(to, pixels + v * stride, (size_t)w * 3);
            continue;
        }
        for (int x = 0; x < w; x++) {
            const int u = turn.flip_x ? w - 1 - x : x;
            const int sx = turn.transpose ? v : u, sy = turn.transpose ? u : v;
            put_pixel(to + 3 * (size_t)x, pixels + sy * stride + (ptrdiff_t)sx * channels, channels, look);
        }
    }
    return true;
}

bool media_picture_scale(const MediaPicture *from, uint8_t *to, int width, int height, int stride, MediaError *e)
{
    struct SwsContext *c = sws_getContext(from->width, from->height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_RGB24,
                                          SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL);
    if (!c)
        return media_fail(e, "cannot resize %d x %d pixels to %d x %d", from->width, from->height, width, height);
    const uint8_t *planes[4] = {from->rgb};
    const int strides[4] = {3 * from->width};
    uint8_t *to_planes[4] = {to};
    const int to_strides[4] = {stride};
    sws_scale(c, planes, strides, 0, from->height, to_planes, to_strides);
    sws_freeContext(c);
    return true;
}

/* Open for reading; a folder is refused here, since fopen takes one. */
static FILE *open_file(const char *path, MediaError *e)
{
    struct stat st;
    if (stat(path, &st)) {
        media_fail(e, "cannot read %s: %s; check the name", path, strerror(errno));
        return NULL;
    }
    if (S_ISDIR(st.st_mode)) {
        media_fail(e, "%s is a folder; name a picture, a video, or a sequence such as %s/%%d.png", path, path);
        return NULL;
    }
    FILE *f = fopen(path, "rb");
    if (!f) media_fail(e, "cannot read %s: %s", path, strerror(errno));
    return f;
}

static MediaKind sniff(FILE *f)
{
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'}, jpeg[] = {0xff, 0xd8, 0xff};
    uint8_t head[8] = {0};
    const size_t n = fread(head, 1, sizeof head, f);
    rewind(f);
    if (n >= sizeof png && !memcmp(head, png, sizeof png)) return MEDIA_KIND_PNG;
    if (n >= sizeof jpeg && !memcmp(head, jpeg, sizeof jpeg)) return MEDIA_KIND_JPEG;
    return MEDIA_KIND_OTHER;
}

bool media_kind_of(MediaKind *out, const char *path, MediaError *e)
{
    FILE *f = open_file(path, e);
    if (!f) return false;
    *out = sniff(f);
    fclose(f);
    return true;
}

static bool read_first_frame(MediaPicture *out, const char *path, const MediaLook *look, MediaError *e)
{
    MediaVideoIn *v;
    if (!media_video_in_open(&v, path, look, e)) return false;
    MediaFrame frame;
    const MediaNext next = media_video_in_next(v, &frame, e);
    bool ok = next == MEDIA_FRAME;
    if (next == MEDIA_END) media_fail(e, "%s holds no picture that can be decoded; is the file complete?", path);
    if (ok) ok = media_picture_alloc(out, frame.picture.width, frame.picture.height, path, e);
    if (ok) memcpy(out->rgb, frame.picture.rgb, (size_t)out->width * (size_t)out->height * 3);
    media_video_in_close(&v);
    return ok;
}

bool media_picture_read(MediaPicture *out, const char *path, const MediaLook *look, MediaError *e)
{
    *out = (MediaPicture){0};
    FILE *f = open_file(path, e);
    if (!f) return false;
    const MediaKind kind = sniff(f);
    bool ok;
    if (kind == MEDIA_KIND_PNG) ok = media_png_read(out, f, path, look, e);
    else if (kind == MEDIA_KIND_JPEG) ok = media_jpeg_read(out, f, path, look, e);
    else ok = read_first_frame(out, path, look, e);
    fclose(f);
    if (!ok) media_picture_free(out);
    return ok;
}
