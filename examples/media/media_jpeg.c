/* JPEG in by libjpeg-turbo, turned upright by its EXIF orientation. */
#include "media_internal.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h> /* after jpeglib.h */

enum { MARKER_EXIF = JPEG_APP0 + 1 };

/* libjpeg's error manager, extended; a jump out of libjpeg loses nothing that is in here. */
typedef struct JpegState {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf jump;
    struct jpeg_decompress_struct jpeg;
    uint8_t *pixels;
    const char *path;
    MediaError *error;
} JpegState;

static void on_error(j_common_ptr jpeg)
{
    JpegState *s = (JpegState *)jpeg->err;
    char message[JMSG_LENGTH_MAX];
    jpeg->err->format_message(jpeg, message);
    media_fail(s->error, "%s is not a JPEG that can be read: %s", s->path, message);
    longjmp(s->jump, 1);
}

/* libjpeg fills the rest of a truncated file with gray and only warns; a gray half face is no portrait */
static void on_message(j_common_ptr jpeg, int level)
{
    if (level < 0 && jpeg->err->msg_code == JWRN_JPEG_EOF) on_error(jpeg);
}

static MediaTurn jpeg_turn(const JpegState *s)
{
    static const uint8_t magic[6] = "Exif\0";
    for (const struct jpeg_marker_struct *m = s->jpeg.marker_list; m; m = m->next)
        if (m->marker == MARKER_EXIF && m->data_length > sizeof magic && !memcmp(m->data, magic, sizeof magic))
            return media_exif_turn(m->data + sizeof magic, m->data_length - sizeof magic);
    return (MediaTurn){0};
}

static bool decode(JpegState *s, FILE *f)
{
    struct jpeg_decompress_struct *j = &s->jpeg;
    if (setjmp(s->jump)) return false;
    jpeg_stdio_src(j, f);
    jpeg_save_markers(j, MARKER_EXIF, 0xffff);
    jpeg_read_header(j, TRUE);
    if (j->jpeg_color_space == JCS_CMYK || j->jpeg_color_space == JCS_YCCK)
        return media_fail(s->error, "%s is a CMYK JPEG, for printing; save it as RGB first", s->path);
    if (j->image_width > MEDIA_MAX_SIDE || j->image_height > MEDIA_MAX_SIDE ||
        (int64_t)j->image_width * j->image_height > MEDIA_MAX_PIXELS)
        return media_fail(s->error, "%s is %u x %u pixels, which is too large; make it smaller first", s->path,
                          j->image_width, j->image_height);
    j->out_color_space = JCS_RGB;
    j->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(j);
    const size_t row = (size_t)j->output_width * 3;
    s->pixels = malloc(row * j->output_height);
    if (!s->pixels) return media_fail(s->error, "not enough memory for %s", s->path);
    while (j->output_scanline < j->output_height) {
        JSAMPROW line = s->pixels + row * j->output_scanline;
        jpeg_read_scanlines(j, &line, 1);
    }
    return true;
}

bool media_jpeg_read(MediaPicture *out, FILE *f, const char *path, const MediaLook *look, MediaError *e)
{
    JpegState *s = calloc(1, sizeof *s);
    if (!s) return media_fail(e, "not enough memory for %s", path);
    s->path = path;
    s->error = e;
    s->jpeg.err = jpeg_std_error(&s->manager);
    s->manager.error_exit = on_error;
    s->manager.emit_message = on_message;
    jpeg_create_decompress(&s->jpeg);
    bool ok = decode(s, f);
    if (ok) {
        const int w = (int)s->jpeg.output_width, h = (int)s->jpeg.output_height;
        const MediaTurn turn = look->published ? (MediaTurn){0} : jpeg_turn(s);
        ok = media_picture_from(out, s->pixels, w, h, (ptrdiff_t)w * 3, 3, turn, look, path, e);
    }
    jpeg_destroy_decompress(&s->jpeg);
    free(s->pixels);
    free(s);
    return ok;
}
