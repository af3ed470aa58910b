/* Pictures and arrays for the tests of liax: made, read and compared without the code that is tested. */
#include "probe.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

enum { WIDTH = 48, HEIGHT = 32 };

/* The upright picture: red, green / blue, white quarters. */
static const uint8_t quarters[2][2][3] = {{{255, 0, 0}, {0, 255, 0}}, {{0, 0, 255}, {255, 255, 255}}};

static void fail(const char *what)
{
    fprintf(stderr, "probe: %s\n", what);
    exit(1);
}

/* Where the upright pixel (x, y) is stored, by the EXIF standard's words: "row 0 is the visual ..., column 0 the ..." */
static void stored_at(int orientation, int x, int y, int *sx, int *sy)
{
    const int right = WIDTH - 1 - x, below = HEIGHT - 1 - y;
    const int at[9][2] = {{0},    {x, y},     {right, y},     {right, below}, {x, below},
                          {y, x}, {y, right}, {below, right}, {below, x}};
    *sx = at[orientation][0];
    *sy = at[orientation][1];
}

static void put_exif(j_compress_ptr j, int orientation)
{
    const uint8_t exif[] = {'E', 'x', 'i', 'f', 0,    0, 'M', 'M', 0, 42, 0, 0, 0,
                            8,   0,   1,   1,   0x12, 0, 3,   0,   0, 0,  1, 0, (uint8_t)orientation,
                            0,   0,   0,   0,   0,    0};
    jpeg_write_marker(j, JPEG_APP0 + 1, exif, sizeof exif);
}

/* orientation 0: a CMYK picture, in no particular colours */
static void make_jpeg(const char *path, int orientation)
{
    struct jpeg_compress_struct j;
    struct jpeg_error_mgr errors;
    FILE *f = fopen(path, "wb");
    if (!f) fail(path);
    const int w = orientation > 4 ? HEIGHT : WIDTH, h = orientation > 4 ? WIDTH : HEIGHT,
              channels = orientation ? 3 : 4;
    uint8_t *pixels = calloc((size_t)w * (size_t)h, (size_t)channels);
    for (int y = 0; orientation && y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int sx, sy;
            stored_at(orientation, x, y, &sx, &sy);
            memcpy(pixels + 3 * (sy * w + sx), quarters[y >= HEIGHT / 2][x >= WIDTH / 2], 3);
        }
    j.err = jpeg_std_error(&errors);
    jpeg_create_compress(&j);
    jpeg_stdio_dest(&j, f);
    j.image_width = (JDIMENSION)w;
    j.image_height = (JDIMENSION)h;
    j.input_components = channels;
    j.in_color_space = orientation ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&j);
    jpeg_set_quality(&j, 95, TRUE);
    jpeg_start_compress(&j, TRUE);
    if (orientation) put_exif(&j, orientation);
    for (int y = 0; y < h; y++) {
        JSAMPROW row = pixels + (size_t)(y * w * channels);
        jpeg_write_scanlines(&j, &row, 1);
    }
    jpeg_finish_compress(&j);
    jpeg_destroy_compress(&j);
    free(pixels);
    fclose(f);
}

/* All pixels of one value: 16-bit RGB (0x4000, 0x8000, 0xc000), gray 100, palette entry 1 (10, 200, 30), or RGBA (200, 0, 0, 51). */
static void make_png(const char *path, const char *kind)
{
    static const struct {
        const char *name;
        int type, depth, bytes;
        uint8_t pixel[6];
    } kinds[] = {
        {"rgb16", PNG_COLOR_TYPE_RGB, 16, 6, {0x40, 0, 0x80, 0, 0xc0, 0}},
        {"gray", PNG_COLOR_TYPE_GRAY, 8, 1, {100}},
        {"palette", PNG_COLOR_TYPE_PALETTE, 8, 1, {1}},
        {"alpha", PNG_COLOR_TYPE_RGB_ALPHA, 8, 4, {200, 0, 0, 51}},
    };
    size_t k = 0;
    while (k < 4 && strcmp(kind, kinds[k].name)) k++;
    FILE *f = k < 4 ? fopen(path, "wb") : NULL;
    if (!f) fail(path);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    const png_color palette[2] = {{0, 0, 0}, {10, 200, 30}};
    png_init_io(png, f);
    png_set_IHDR(png, info, WIDTH, HEIGHT, kinds[k].depth, kinds[k].type, PNG_INTERLACE_ADAM7,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (kinds[k].type == PNG_COLOR_TYPE_PALETTE) png_set_PLTE(png, info, palette, 2);
    png_write_info(png, info);
    const int passes = png_set_interlace_handling(png);
    uint8_t row[WIDTH * 6];
    for (int x = 0; x < WIDTH; x++) memcpy(row + x * kinds[k].bytes, kinds[k].pixel, (size_t)kinds[k].bytes);
    for (int i = 0; i < passes * HEIGHT; i++) png_write_row(png, row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
}

/* picture OUT KIND: jpeg1 ... jpeg8 (EXIF orientations of the four quarters), cmyk, rgb16, gray, palette, alpha */
int probe_make_picture(int argc, char **argv)
{
    (void)argc;
    if (!strncmp(argv[1], "jpeg", 4)) make_jpeg(argv[0], argv[1][4] - '0');
    else if (!strcmp(argv[1], "cmyk")) make_jpeg(argv[0], 0);
    else make_png(argv[0], argv[1]);
    return 0;
}

static png_image read_png(const char *path, uint8_t **pixels)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    if (!png_image_begin_read_from_file(&image, path)) fail(path);
    image.format = PNG_FORMAT_RGB;
    *pixels = malloc(PNG_IMAGE_SIZE(image));
    if (!png_image_finish_read(&image, NULL, *pixels, 0, NULL)) fail(path);
    return image;
}

/* gradient OUT SIDE [box|green]: a square of more colours than GIF has; with its upper left quarter at the lower right again, or all green */
int probe_make_gradient(int argc, char **argv)
{
    const int side = atoi(argv[1]);
    const char *kind = argc > 2 ? argv[2] : "";
    uint8_t *pixels = malloc(3 * (size_t)(side * side));
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            const int shift = !strcmp(kind, "box") && x >= side / 2 && y >= side / 2 ? side / 2 : 0, u = x - shift, v = y - shift;
            const uint8_t colour[3] = {(uint8_t)(255 * u / side), (uint8_t)(255 * v / side), (uint8_t)(127 * (u + v) / side)};
            static const uint8_t green[3] = {10, 200, 30};
            memcpy(pixels + 3 * (y * side + x), !strcmp(kind, "green") ? green : colour, 3);
        }
    png_image image = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB, .width = (unsigned)side, .height = (unsigned)side};
    if (!png_image_write_to_file(&image, argv[0], 0, pixels, 0, NULL)) fail(argv[0]);
    free(pixels);
    return 0;
}

/* pixel FILE X Y ...: size and colours of a PNG */
int probe_pixel(int argc, char **argv)
{
    uint8_t *pixels;
    const png_image image = read_png(argv[0], &pixels);
    printf("%ux%u", image.width, image.height);
    for (int i = 1; i + 1 < argc; i += 2) {
        const uint8_t *p = pixels + 3 * ((unsigned)atoi(argv[i + 1]) * image.width + (unsigned)atoi(argv[i]));
        printf(" %d,%d,%d", p[0], p[1], p[2]);
    }
    printf("\n");
    free(pixels);
    return 0;
}

/* blocks A B WIDTH HEIGHT SIDE RMS: PNGs in their first WIDTH x HEIGHT pixels: the root mean square of the differences between the
   means of blocks, SIDE x SIDE each; not over RMS? */
int probe_blocks(int argc, char **argv)
{
    (void)argc;
    uint8_t *a, *b;
    const unsigned wide = read_png(argv[0], &a).width, wide_b = read_png(argv[1], &b).width;
    const int width = atoi(argv[2]), height = atoi(argv[3]), side = atoi(argv[4]);
    double sum = 0;
    int n = 0;
    for (int y = 0; y + side <= height; y += side)
        for (int x = 0; x + side <= width; x += side)
            for (unsigned c = 0; c < 3; c++, n++) {
                int difference = 0;
                for (int i = 0; i < side * side; i++) {
                    const unsigned u = (unsigned)(x + i % side), v = (unsigned)(y + i / side);
                    difference += a[3 * (v * wide + u) + c] - b[3 * (v * wide_b + u) + c];
                }
                sum += pow((double)difference / (side * side), 2);
            }
    const double rms = sqrt(sum / n);
    printf("%g\n", rms);
    free(a);
    free(b);
    return n && rms <= atof(argv[5]) ? 0 : 1;
}

/* The data of a .npy file; its shape as text. */
static void *read_npy(const char *path, const char *descr, char shape[64], size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t head[10];
    char text[512] = "";
    if (!f || fread(head, 1, 10, f) != 10 || memcmp(head, "\x93NUMPY\x01", 7)) fail(path);
    const size_t length = head[8] | (size_t)head[9] << 8;
    if (length >= sizeof text || fread(text, 1, length, f) != length || !strstr(text, descr)) fail(path);
    const char *open = strchr(text, '('), *close = open ? strchr(open, ')') : NULL;
    if (!close || close - open >= 63) fail(path);
    memcpy(shape, open, (size_t)(close - open) + 1);
    shape[close - open + 1] = 0;
    char *data = NULL;
    *size = 0;
    for (size_t n = 1; n; *size += n) {
        data = realloc(data, *size + 65536);
        n = fread(data + *size, 1, 65536, f);
    }
    fclose(f);
    return data;
}

/* npy WANT GOT TOLERANCE [FRAME ...]: largest difference of float32 arrays; of WANT's frames and the named ones of GOT */
int probe_npy(int argc, char **argv)
{
    char want_shape[64], got_shape[64];
    size_t want_size, got_size;
    float *want = read_npy(argv[0], "<f4", want_shape, &want_size),
          *got = read_npy(argv[1], "<f4", got_shape, &got_size);
    const size_t frames = argc > 3 ? (size_t)(argc - 3) : 1, n = want_size / sizeof *want / frames;
    if (argc == 3 && (strcmp(want_shape, got_shape) || want_size != got_size)) fail(got_shape);
    double worst = 0;
    for (size_t f = 0; f < frames; f++) {
        const size_t from = argc > 3 ? (size_t)atoi(argv[3 + f]) * n : 0;
        if ((from + n) * sizeof *got > got_size) fail("too few frames");
        for (size_t i = 0; i < n; i++) {
            const double d = fabs((double)want[f * n + i] - (double)got[from + i]);
            if (!(d <= worst)) worst = d; /* written so that NaN stays */
        }
    }
    printf("%s %g\n", got_shape, worst);
    free(want);
    free(got);
    return worst <= atof(argv[2]) ? 0 : 1;
}

/* png WANT.npy GOT.png TOLERANCE: a PNG against an array of bytes, rows x columns x 3 */
int probe_png_npy(int argc, char **argv)
{
    (void)argc;
    char shape[64], got[64];
    size_t size;
    uint8_t *pixels, *want = read_npy(argv[0], "|u1", shape, &size);
    const png_image image = read_png(argv[1], &pixels);
    snprintf(got, sizeof got, "(%u, %u, 3)", image.height, image.width);
    if (strcmp(shape, got)) fail(got);
    int worst = 0;
    for (size_t i = 0; i < size; i++)
        if (abs(want[i] - pixels[i]) > worst) worst = abs(want[i] - pixels[i]);
    printf("%d\n", worst);
    free(want);
    free(pixels);
    return worst <= atoi(argv[2]) ? 0 : 1;
}
