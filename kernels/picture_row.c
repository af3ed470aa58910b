/* Rows of a caller's picture (picture_row.h). YUV as in ITU-R BT.601 and BT.709, 8 bits. */
#include "picture_row.h"

#include <math.h>
#include <string.h>

/* Y = kr R + kg G + kb B; limited range scales Y' by 219/255 from 16, chroma by 224/255. */
typedef struct Yuv {
    float kr, kg, kb, luma_scale, luma_zero, chroma_scale;
} Yuv;

static Yuv yuv_of(const LiaxImage *image)
{
    const int bt709 = image->matrix == LIAX_MATRIX_BT709, full = image->range == LIAX_RANGE_FULL;
    const float kr = bt709 ? 0.2126f : 0.299f, kb = bt709 ? 0.0722f : 0.114f;
    return (Yuv){kr, 1 - kr - kb, kb, full ? 1 : 219.0f / 255, full ? 0 : 16, full ? 1 : 224.0f / 255};
}

static uint8_t to_byte(float v)
{
    if (!(v > 0)) return 0; /* NaN too */
    return v >= 255 ? 255 : (uint8_t)lrintf(v);
}

static uint8_t sample_to_byte(float v)
{
    return to_byte((v + 1) * 127.5f);
}

static float byte_to_sample(float v)
{
    return (v / 255 - 0.5f) * 2;
}

static const uint8_t *row_in(const LiaxImage *image, int plane, int y)
{
    return (const uint8_t *)image->planes[plane] + (ptrdiff_t)y * image->strides[plane];
}

static uint8_t *row_out(const LiaxImage *image, int plane, int y)
{
    return (uint8_t *)image->planes[plane] + (ptrdiff_t)y * image->strides[plane];
}

/* Chroma planes: where U or V (0, 1) of column i lies in its row, and how far apart they are. */
static const uint8_t *chroma_row(const LiaxImage *image, int which, int y, int *step)
{
    *step = image->format == LIAX_NV12 ? 2 : 1;
    return image->format == LIAX_NV12 ? row_in(image, 1, y) + which : row_in(image, 1 + which, y);
}

static int clamp_index(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* U or V at luma position (x, y): bilinear between the chroma samples around it. Rows lie between two luma rows; columns
   between two luma columns (centre) or on the even ones (left). */
static float chroma_at(const LiaxImage *image, int which, int x, int y)
{
    const int cw = (image->width + 1) / 2, ch = (image->height + 1) / 2, centre = image->siting == LIAX_SITING_CENTER;
    const int x0 = x / 2, x1 = clamp_index(x & 1 ? x0 + 1 : centre ? x0 - 1 : x0, cw), y0 = y / 2, y1 = clamp_index(y & 1 ? y0 + 1 : y0 - 1, ch);
    const float near_x = centre ? 0.75f : x & 1 ? 0.5f : 1;
    int step;
    const uint8_t *a = chroma_row(image, which, y0, &step), *b = chroma_row(image, which, y1, &step);
    const float top = near_x * a[x0 * step] + (1 - near_x) * a[x1 * step], bottom = near_x * b[x0 * step] + (1 - near_x) * b[x1 * step];
    return 0.75f * top + 0.25f * bottom - 128;
}

static void yuv_row_in(const LiaxImage *image, int y, float *to)
{
    const Yuv k = yuv_of(image);
    const uint8_t *luma = row_in(image, 0, y);
    for (int x = 0; x < image->width; x++, to += 4) {
        const float l = (luma[x] - k.luma_zero) / k.luma_scale;
        const float u = chroma_at(image, 0, x, y) / k.chroma_scale, v = chroma_at(image, 1, x, y) / k.chroma_scale;
        const float r = l + 2 * (1 - k.kr) * v, b = l + 2 * (1 - k.kb) * u;
        const float g = (l - k.kr * r - k.kb * b) / k.kg;
        const float rgb[3] = {r, g, b};
        for (int j = 0; j < 3; j++) to[j] = byte_to_sample(to_byte(rgb[j]));
        to[3] = 0;
    }
}

/* Bytes from one pixel to the next, and where R, G and B are in it; 0 for formats that are not packed. */
static int packed_bytes(LiaxFormat format, int at[3])
{
    const int bgra = format == LIAX_BGRA, gray = format == LIAX_GRAY8;
    at[0] = bgra ? 2 : 0;
    at[1] = gray ? 0 : 1;
    at[2] = bgra || gray ? 0 : 2;
    return format == LIAX_RGB24 ? 3 : format == LIAX_RGBA || bgra ? 4 : gray ? 1 : 0;
}

static void float_row_in(const LiaxImage *image, int y, float *to)
{
    for (int j = 0; j < 3; j++) {
        const uint8_t *p = row_in(image, j, y);
        for (int x = 0; x < image->width; x++) memcpy(&to[4 * x + j], p + 4 * (size_t)x, 4); /* a stride may be odd */
    }
    for (int x = 0; x < image->width; x++) to[4 * x + 3] = 0;
}

void lx_picture_row_in(const LiaxImage *image, int y, float *to)
{
    int at[3];
    const int bytes = packed_bytes(image->format, at);
    if (image->format == LIAX_RGBF32) float_row_in(image, y, to);
    else if (!bytes) yuv_row_in(image, y, to);
    else {
        const uint8_t *p = row_in(image, 0, y);
        for (int x = 0; x < image->width; x++, p += bytes, to += 4) {
            for (int j = 0; j < 3; j++) to[j] = byte_to_sample(p[at[j]]);
            to[3] = 0;
        }
    }
}

static float luma_of(const Yuv *k, const float rgb[3])
{
    return k->kr * rgb[0] + k->kg * rgb[1] + k->kb * rgb[2];
}

static void packed_row_out(const LiaxImage *image, int y, const float *from, int bytes, const int at[3])
{
    uint8_t *p = row_out(image, 0, y);
    for (int x = 0; x < image->width; x++, p += bytes, from += 4) {
        for (int j = 0; j < 3; j++) p[at[j]] = sample_to_byte(from[j]);
        if (bytes == 4) p[3] = 255;
    }
}

static void gray_row_out(const LiaxImage *image, int y, const float *from)
{
    const Yuv k = {0.299f, 0.587f, 0.114f, 1, 0, 1};
    uint8_t *p = row_out(image, 0, y);
    for (int x = 0; x < image->width; x++) {
        const float rgb[3] = {sample_to_byte(from[4 * x]), sample_to_byte(from[4 * x + 1]), sample_to_byte(from[4 * x + 2])};
        p[x] = to_byte(luma_of(&k, rgb));
    }
}

static void float_row_out(const LiaxImage *image, int y, const float *from)
{
    for (int j = 0; j < 3; j++) {
        uint8_t *p = row_out(image, j, y);
        for (int x = 0; x < image->width; x++) memcpy(p + 4 * (size_t)x, &from[4 * x + j], 4);
    }
}

static void luma_row_out(const LiaxImage *image, const Yuv *k, int y, const float *from)
{
    uint8_t *p = row_out(image, 0, y);
    for (int x = 0; x < image->width; x++) {
        const float rgb[3] = {sample_to_byte(from[4 * x]), sample_to_byte(from[4 * x + 1]), sample_to_byte(from[4 * x + 2])};
        p[x] = to_byte(luma_of(k, rgb) * k->luma_scale + k->luma_zero);
    }
}

/* The mean of R, G, B that a chroma sample stands for: two rows, and the columns 2i, 2i+1 (centre) or 2i-1, 2i, 2i+1
   weighted 1, 2, 1 (left). */
static void chroma_mean(const LiaxImage *image, const float *rows[2], int i, float rgb[3])
{
    const int centre = image->siting == LIAX_SITING_CENTER;
    const int columns[3] = {clamp_index(2 * i - 1, image->width), 2 * i, clamp_index(2 * i + 1, image->width)};
    const float weights[3] = {centre ? 0 : 0.25f, 0.5f, centre ? 0.5f : 0.25f};
    for (int j = 0; j < 3; j++) {
        rgb[j] = 0;
        for (int r = 0; r < 2; r++)
            for (int c = 0; c < 3; c++) rgb[j] += 0.5f * weights[c] * sample_to_byte(rows[r][4 * columns[c] + j]);
    }
}

static void chroma_row_out(const LiaxImage *image, const Yuv *k, int y, const float *rows[2])
{
    const int nv12 = image->format == LIAX_NV12, step = nv12 ? 2 : 1;
    uint8_t *u = row_out(image, 1, y / 2), *v = nv12 ? u + 1 : row_out(image, 2, y / 2);
    for (int i = 0; i < (image->width + 1) / 2; i++) {
        float rgb[3];
        chroma_mean(image, rows, i, rgb);
        const float l = luma_of(k, rgb);
        u[i * step] = to_byte((rgb[2] - l) / (2 * (1 - k->kb)) * k->chroma_scale + 128);
        v[i * step] = to_byte((rgb[0] - l) / (2 * (1 - k->kr)) * k->chroma_scale + 128);
    }
}

void lx_picture_rows_out(const LiaxImage *image, int y, const float *first, const float *second)
{
    const float *rows[2] = {first, second ? second : first};
    const Yuv k = yuv_of(image);
    int at[3];
    const int bytes = packed_bytes(image->format, at);
    for (int r = 0; r < (second ? 2 : 1); r++) {
        if (image->format == LIAX_RGBF32) float_row_out(image, y + r, rows[r]);
        else if (image->format == LIAX_GRAY8) gray_row_out(image, y + r, rows[r]);
        else if (bytes) packed_row_out(image, y + r, rows[r], bytes, at);
        else luma_row_out(image, &k, y + r, rows[r]);
    }
    if (image->format == LIAX_NV12 || image->format == LIAX_I420) chroma_row_out(image, &k, y, rows);
}
