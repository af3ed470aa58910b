/* PNG in and out by libpng: every bit depth and colour type becomes 8-bit RGB. */
#include "media_internal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

/* All that a jump out of libpng must not lose: kept outside the function that setjmp returns into. */
typedef struct PngState {
    png_structp png;
    png_infop info;
    uint8_t *pixels;
    png_bytep *rows;
    const char *path;
    MediaError *error;
} PngState;

static void on_error(png_structp png, png_const_charp message)
{
    PngState *s = png_get_error_ptr(png);
    media_fail(s->error, "%s is not a PNG that can be read: %s", s->path, message);
    longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static MediaTurn png_turn(const PngState *s)
{
    png_uint_32 size = 0;
    png_bytep exif = NULL;
    if (!png_get_eXIf_1(s->png, s->info, &size, &exif)) return (MediaTurn){0};
    return media_exif_turn(exif, size);
}

/* Decodes into s->pixels. False after an error, which jumps. */
static bool decode(PngState *s, FILE *f, int *width, int *height, int *channels)
{
    if (setjmp(png_jmpbuf(s->png))) return false;
    png_init_io(s->png, f);
    png_set_user_limits(s->png, MEDIA_MAX_SIDE, MEDIA_MAX_SIDE);
    png_read_info(s->png, s->info);
    png_set_expand(s->png); /* palette, gray below 8 bits and tRNS, all to 8 bits with alpha where there is any */
    png_set_scale_16(s->png);
    png_set_gray_to_rgb(s->png);
    png_set_interlace_handling(s->png);
    png_read_update_info(s->png, s->info);
    const int64_t w = png_get_image_width(s->png, s->info), h = png_get_image_height(s->png, s->info);
    const size_t row = png_get_rowbytes(s->png, s->info);
    if (w * h > MEDIA_MAX_PIXELS) png_error(s->png, "it has too many pixels");
    s->pixels = malloc(row * (size_t)h);
    s->rows = malloc((size_t)h * sizeof *s->rows);
    if (!s->pixels || !s->rows) png_error(s->png, "not enough memory");
    for (int64_t y = 0; y < h; y++) s->rows[y] = s->pixels + row * (size_t)y;
    png_read_image(s->png, s->rows);
    png_read_end(s->png, s->info);
    *width = (int)w;
    *height = (int)h;
    *channels = png_get_channels(s->png, s->info);
    return true;
}

bool media_png_read(MediaPicture *out, FILE *f, const char *path, const MediaLook *look, MediaError *e)
{
    PngState s = {.path = path, .error = e};
    int width = 0, height = 0, channels = 0;
    s.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &s, on_error, on_warning);
    s.info = s.png ? png_create_info_struct(s.png) : NULL;
    bool ok = s.info || media_fail(e, "not enough memory for %s", path);
    if (ok) ok = decode(&s, f, &width, &height, &channels);
    if (ok) {
        const MediaTurn turn = look->published ? (MediaTurn){0} : png_turn(&s);
        ok = media_picture_from(out, s.pixels, width, height, (ptrdiff_t)width * channels, channels, turn, look, path,
                                e);
    }
    png_destroy_read_struct(&s.png, &s.info, NULL);
    free(s.pixels);
    free(s.rows);
    return ok;
}

static void on_write_error(png_structp png, png_const_charp message)
{
    PngState *s = png_get_error_ptr(png);
    media_fail(s->error, "cannot write %s: %s", s->path, errno ? strerror(errno) : message);
    longjmp(png_jmpbuf(png), 1);
}

static bool encode(PngState *s, FILE *f, const uint8_t *rgb, int width, int height)
{
    static char keyword[] = "Comment", comment[] = "AI-generated"; /* png_text wants them writable */
    if (setjmp(png_jmpbuf(s->png))) return false;
    png_text text = {.compression = PNG_TEXT_COMPRESSION_NONE, .key = keyword, .text = comment};
    png_init_io(s->png, f);
    png_set_IHDR(s->png, s->info, (png_uint_32)width, (png_uint_32)height, 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_set_text(s->png, s->info, &text, 1);
    png_write_info(s->png, s->info);
    for (int y = 0; y < height; y++) png_write_row(s->png, rgb + (size_t)y * (size_t)width * 3);
    png_write_end(s->png, s->info);
    return true;
}

bool media_png_write(const char *file, const char *path, const uint8_t *rgb, int width, int height, MediaError *e)
{
    PngState s = {.path = path, .error = e};
    FILE *f = fopen(file, "wb");
    if (!f) return media_fail(e, "cannot write %s: %s", path, strerror(errno));
    errno = 0;
    s.png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &s, on_write_error, on_warning);
    s.info = s.png ? png_create_info_struct(s.png) : NULL;
    bool ok = s.info || media_fail(e, "not enough memory to write %s", path);
    if (ok) ok = encode(&s, f, rgb, width, height);
    png_destroy_write_struct(&s.png, &s.info);
    if (fclose(f) && ok)
        ok = media_fail(e, "cannot write %s: %s; free some space or choose another disk", path, strerror(errno));
    return ok;
}
