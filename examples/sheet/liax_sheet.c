/*
 * liax-sheet: a contact sheet. Rows of PNG pictures, each row with a caption above it, all scaled to one height.
 *
 *     liax-sheet OUT.png [--height N] --row "CAPTION" A.png B.png ... [--row "CAPTION" ...]
 */
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 32, MAX_COLUMNS = 64, GAP = 6, CAPTION = 24, GLYPH_W = 5, GLYPH_H = 7, ZOOM = 2 };

/* Pixels [h][w][3]. */
typedef struct Picture {
    int w, h;
    uint8_t *rgb;
} Picture;

typedef struct Row {
    const char *caption;
    Picture pictures[MAX_COLUMNS];
    int n;
} Row;

/* Columns of 5x7 capitals and digits, least significant bit at the top; in the order of `characters`. */
static const char characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+.,:";
static const uint8_t glyphs[][GLYPH_W] = {
    {0x7e, 0x11, 0x11, 0x11, 0x7e}, {0x7f, 0x49, 0x49, 0x49, 0x36}, {0x3e, 0x41, 0x41, 0x41, 0x22}, {0x7f, 0x41, 0x41, 0x22, 0x1c},
    {0x7f, 0x49, 0x49, 0x49, 0x41}, {0x7f, 0x09, 0x09, 0x09, 0x01}, {0x3e, 0x41, 0x49, 0x49, 0x7a}, {0x7f, 0x08, 0x08, 0x08, 0x7f},
    {0x00, 0x41, 0x7f, 0x41, 0x00}, {0x20, 0x40, 0x41, 0x3f, 0x01}, {0x7f, 0x08, 0x14, 0x22, 0x41}, {0x7f, 0x40, 0x40, 0x40, 0x40},
    {0x7f, 0x02, 0x0c, 0x02, 0x7f}, {0x7f, 0x04, 0x08, 0x10, 0x7f}, {0x3e, 0x41, 0x41, 0x41, 0x3e}, {0x7f, 0x09, 0x09, 0x09, 0x06},
    {0x3e, 0x41, 0x51, 0x21, 0x5e}, {0x7f, 0x09, 0x19, 0x29, 0x46}, {0x46, 0x49, 0x49, 0x49, 0x31}, {0x01, 0x01, 0x7f, 0x01, 0x01},
    {0x3f, 0x40, 0x40, 0x40, 0x3f}, {0x1f, 0x20, 0x40, 0x20, 0x1f}, {0x3f, 0x40, 0x38, 0x40, 0x3f}, {0x63, 0x14, 0x08, 0x14, 0x63},
    {0x07, 0x08, 0x70, 0x08, 0x07}, {0x61, 0x51, 0x49, 0x45, 0x43}, {0x3e, 0x51, 0x49, 0x45, 0x3e}, {0x00, 0x42, 0x7f, 0x40, 0x00},
    {0x42, 0x61, 0x51, 0x49, 0x46}, {0x21, 0x41, 0x45, 0x4b, 0x31}, {0x18, 0x14, 0x12, 0x7f, 0x10}, {0x27, 0x45, 0x45, 0x45, 0x39},
    {0x3c, 0x4a, 0x49, 0x49, 0x30}, {0x01, 0x71, 0x09, 0x05, 0x03}, {0x36, 0x49, 0x49, 0x49, 0x36}, {0x06, 0x49, 0x49, 0x29, 0x1e},
    {0x08, 0x08, 0x08, 0x08, 0x08}, {0x08, 0x08, 0x3e, 0x08, 0x08}, {0x00, 0x60, 0x60, 0x00, 0x00}, {0x00, 0x50, 0x30, 0x00, 0x00},
    {0x00, 0x36, 0x36, 0x00, 0x00}};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "liax-sheet: %s: %s\n", what, why);
    exit(1);
}

static Picture read_png(const char *path)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path)) fail(path, image.message);
    image.format = PNG_FORMAT_RGB;
    Picture p = {(int)image.width, (int)image.height, malloc(PNG_IMAGE_SIZE(image))};
    if (!p.rgb) fail(path, "out of memory");
    if (!png_image_finish_read(&image, NULL, p.rgb, 0, NULL)) fail(path, image.message);
    return p;
}

static uint8_t *pixel(const Picture *p, int x, int y)
{
    return p->rgb + 3 * ((size_t)y * (size_t)p->w + (size_t)x);
}

/* Bilinear, enlarging or shrinking a little; enough to look at. */
static void paste(Picture *to, const Picture *from, int x0, int y0, int w, int h)
{
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const double u = (x + 0.5) * from->w / w - 0.5, v = (y + 0.5) * from->h / h - 0.5;
            const int xa = u < 0 ? 0 : (int)u, ya = v < 0 ? 0 : (int)v, xb = xa + 1 < from->w ? xa + 1 : xa, yb = ya + 1 < from->h ? ya + 1 : ya;
            const double fx = u < 0 ? 0 : u - xa, fy = v < 0 ? 0 : v - ya;
            for (int c = 0; c < 3; c++)
                pixel(to, x0 + x, y0 + y)[c] = (uint8_t)((1 - fy) * ((1 - fx) * pixel(from, xa, ya)[c] + fx * pixel(from, xb, ya)[c]) +
                                                         fy * ((1 - fx) * pixel(from, xa, yb)[c] + fx * pixel(from, xb, yb)[c]) + 0.5);
        }
}

static void write_text(Picture *to, const char *text, int x, int y)
{
    for (; *text; text++, x += (GLYPH_W + 1) * ZOOM) {
        const char *at = strchr(characters, *text >= 'a' && *text <= 'z' ? *text - 32 : *text);
        if (!at || x + GLYPH_W * ZOOM > to->w) continue;
        for (int i = 0; i < GLYPH_W * ZOOM; i++)
            for (int j = 0; j < GLYPH_H * ZOOM; j++)
                if (glyphs[at - characters][i / ZOOM] >> (j / ZOOM) & 1) memset(pixel(to, x + i, y + j), 50, 3);
    }
}

static int width_at(const Picture *p, int height)
{
    return (p->w * height + p->h / 2) / p->h;
}

static Picture lay_out(const Row *rows, int n, int height)
{
    Picture sheet = {0, n * (height + CAPTION + GAP) + GAP, NULL};
    for (int r = 0; r < n; r++) {
        int w = GAP;
        for (int i = 0; i < rows[r].n; i++) w += width_at(&rows[r].pictures[i], height) + GAP;
        if (w > sheet.w) sheet.w = w;
    }
    sheet.rgb = malloc((size_t)sheet.w * (size_t)sheet.h * 3);
    if (!sheet.rgb) fail("the sheet", "out of memory");
    memset(sheet.rgb, 246, (size_t)sheet.w * (size_t)sheet.h * 3);
    for (int r = 0; r < n; r++) {
        const int y = GAP + r * (height + CAPTION + GAP);
        write_text(&sheet, rows[r].caption, GAP, y + 4);
        for (int i = 0, x = GAP; i < rows[r].n; i++) {
            const int w = width_at(&rows[r].pictures[i], height);
            paste(&sheet, &rows[r].pictures[i], x, y + CAPTION, w, height);
            x += w + GAP;
        }
    }
    return sheet;
}

static int usage(FILE *to)
{
    fprintf(to, "Usage: liax-sheet OUT.png [--height N] --row \"CAPTION\" A.png B.png ... [--row ...]\n"
                "Rows of pictures, each under its caption, all scaled to one height (default 128).\n");
    return to == stdout ? 0 : 2;
}

int main(int argc, char **argv)
{
    static Row rows[MAX_ROWS];
    int n = 0, height = 128;
    if (argc == 2 && strcmp(argv[1], "--help") == 0) return usage(stdout);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--row") == 0 && i + 1 < argc && n < MAX_ROWS) rows[n++].caption = argv[++i];
        else if (strcmp(argv[i], "--height") == 0 && i + 1 < argc) height = atoi(argv[++i]);
        else if (n && argv[i][0] != '-' && rows[n - 1].n < MAX_COLUMNS) rows[n - 1].pictures[rows[n - 1].n++] = read_png(argv[i]);
        else return usage(stderr);
    }
    if (!n || height < 8 || height > 2048) return usage(stderr);
    Picture sheet = lay_out(rows, n, height);
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = (png_uint_32)sheet.w, .height = (png_uint_32)sheet.h};
    if (!png_image_write_to_file(&image, argv[1], 0, sheet.rgb, 0, NULL)) fail(argv[1], image.message);
    for (int r = 0; r < n; r++)
        for (int i = 0; i < rows[r].n; i++) free(rows[r].pictures[i].rgb);
    free(sheet.rgb);
    return 0;
}
