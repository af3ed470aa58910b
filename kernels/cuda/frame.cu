/*
 * frame_in and frame_out (pixel.h): a kernel for each axis of the resize. Colours and 8 bits are those of picture_row.c, each
 * step rounded as there: the _rn forms are never contracted.
 */
#include "pixel.h"

#include "device.h"
#include "plain.h"

enum { THREADS = 128 };

/* A picture as kernels get it; planes are device memory. */
typedef struct Picture {
    unsigned char *planes[3];
    long long strides[3];
    int width, height, format, bt709, full, centre;
} Picture;

static Picture picture_of(const LiaxImage *image)
{
    Picture p = {};
    for (int i = 0; i < 3; i++) {
        p.planes[i] = (unsigned char *)image->planes[i];
        p.strides[i] = image->strides[i];
    }
    p.width = image->width, p.height = image->height, p.format = image->format;
    p.bt709 = image->matrix == LIAX_MATRIX_BT709, p.full = image->range == LIAX_RANGE_FULL, p.centre = image->siting == LIAX_SITING_CENTER;
    return p;
}

/* Y = kr R + kg G + kb B; limited range scales Y' by 219/255 from 16, chroma by 224/255. */
typedef struct Yuv {
    float kr, kg, kb, luma_scale, luma_zero, chroma_scale;
} Yuv;

LX_DEVICE Yuv yuv_of(const Picture &p)
{
    Yuv k;
    k.kr = p.bt709 ? 0.2126f : 0.299f;
    k.kb = p.bt709 ? 0.0722f : 0.114f;
    k.kg = 1 - k.kr - k.kb;
    k.luma_scale = p.full ? 1 : 219.0f / 255;
    k.luma_zero = p.full ? 0 : 16;
    k.chroma_scale = p.full ? 1 : 224.0f / 255;
    return k;
}

/* a*b + c*d, and + e*f, every product and sum rounded */
LX_DEVICE float dot2(float a, float b, float c, float d) { return __fadd_rn(__fmul_rn(a, b), __fmul_rn(c, d)); }
LX_DEVICE float dot3(float a, float b, float c, float d, float e, float f) { return __fadd_rn(dot2(a, b, c, d), __fmul_rn(e, f)); }

LX_DEVICE unsigned char to_byte(float v)
{
    if (!(v > 0)) return 0; /* NaN too */
    return v >= 255 ? 255 : (unsigned char)__float2int_rn(v);
}

LX_DEVICE unsigned char sample_to_byte(float v) { return to_byte(__fmul_rn(__fadd_rn(v, 1), 127.5f)); }

LX_DEVICE float byte_to_sample(float v) { return __fmul_rn(__fsub_rn(__fdiv_rn(v, 255), 0.5f), 2); }

LX_DEVICE int clamp_index(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

LX_DEVICE int is_packed(int format) { return format == LIAX_RGB24 || format == LIAX_RGBA || format == LIAX_BGRA || format == LIAX_GRAY8; }

/* ---- in ------------------------------------------------------------------------------------------------------------- */

/* U or V (which: 0, 1) at luma position (x, y): bilinear between the chroma samples around it. */
LX_DEVICE float chroma_at(const Picture &p, int which, int x, int y)
{
    const int cw = (p.width + 1) / 2, ch = (p.height + 1) / 2, step = p.format == LIAX_NV12 ? 2 : 1;
    const int x0 = x / 2, x1 = clamp_index(x & 1 ? x0 + 1 : p.centre ? x0 - 1 : x0, cw), y0 = y / 2, y1 = clamp_index(y & 1 ? y0 + 1 : y0 - 1, ch);
    const float near_x = p.centre ? 0.75f : x & 1 ? 0.5f : 1;
    const int second = step == 1 && which;
    const unsigned char *plane = second ? p.planes[2] : p.planes[1] + (step == 2 ? which : 0);
    const long long stride = second ? p.strides[2] : p.strides[1];
    const unsigned char *a = plane + y0 * stride, *b = plane + y1 * stride;
    const float top = dot2(near_x, a[x0 * step], 1 - near_x, a[x1 * step]), bottom = dot2(near_x, b[x0 * step], 1 - near_x, b[x1 * step]);
    return __fsub_rn(dot2(0.75f, top, 0.25f, bottom), 128);
}

LX_DEVICE float4 yuv_pixel(const Picture &p, int y, int x)
{
    const Yuv k = yuv_of(p);
    const float l = __fdiv_rn(__fsub_rn(p.planes[0][y * p.strides[0] + x], k.luma_zero), k.luma_scale);
    const float u = __fdiv_rn(chroma_at(p, 0, x, y), k.chroma_scale), v = __fdiv_rn(chroma_at(p, 1, x, y), k.chroma_scale);
    const float r = __fadd_rn(l, __fmul_rn(2 * (1 - k.kr), v)), b = __fadd_rn(l, __fmul_rn(2 * (1 - k.kb), u));
    const float g = __fdiv_rn(__fsub_rn(__fsub_rn(l, __fmul_rn(k.kr, r)), __fmul_rn(k.kb, b)), k.kg);
    return make_float4(byte_to_sample(to_byte(r)), byte_to_sample(to_byte(g)), byte_to_sample(to_byte(b)), 0);
}

LX_DEVICE float float_at(const Picture &p, int plane, int y, int x)
{
    const unsigned char *b = p.planes[plane] + y * p.strides[plane] + 4ll * x; /* a stride may be odd */
    return __uint_as_float(b[0] | (unsigned)b[1] << 8 | (unsigned)b[2] << 16 | (unsigned)b[3] << 24);
}

/* R, G, B, 0 in -1 ... 1. */
LX_DEVICE float4 pixel_in(const Picture &p, int y, int x)
{
    if (p.format == LIAX_RGBF32) return make_float4(float_at(p, 0, y, x), float_at(p, 1, y, x), float_at(p, 2, y, x), 0);
    if (!is_packed(p.format)) return yuv_pixel(p, y, x);
    const unsigned char *row = p.planes[0] + y * p.strides[0];
    if (p.format == LIAX_GRAY8) {
        const float v = byte_to_sample(row[x]);
        return make_float4(v, v, v, 0);
    }
    const unsigned char *b = row + (p.format == LIAX_RGB24 ? 3ll : 4ll) * x;
    const float first = byte_to_sample(b[0]), g = byte_to_sample(b[1]), third = byte_to_sample(b[2]);
    return p.format == LIAX_BGRA ? make_float4(third, g, first, 0) : make_float4(first, g, third, 0);
}

/* ---- the resize -------------------------------------------------------------------------------------------------------- */

static int is_identity(const LxResizeAxis *axis) { return axis->n_in == axis->n_out; }

/* Row y of a picture along the row: a thread for each pixel of [height][width][4]. */
static __global__ void __launch_bounds__(THREADS) rows_in_kernel(Picture p, LxResizeAxis axis, int width, float *to)
{
    const int i = blockIdx.x * THREADS + threadIdx.x, y = blockIdx.y;
    if (i >= width) return;
    float4 sum = lx_all4(0);
    if (axis.n_in == axis.n_out) sum = pixel_in(p, y, i);
    else
        for (int j = 0; j < axis.count[i]; j++) sum = lx_fma4(lx_all4(axis.weight[(size_t)i * axis.taps + j]), pixel_in(p, y, axis.first[i] + j), sum);
    lx_store4(to + 4 * ((size_t)y * width + i), sum);
}

/* The same for rows that are floats already. */
static __global__ void __launch_bounds__(THREADS) rows_kernel(const float *from, LxResizeAxis axis, float *to)
{
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= axis.n_out) return;
    const float *row = from + 4 * (size_t)blockIdx.y * axis.n_in;
    float4 sum = lx_all4(0);
    for (int j = 0; j < axis.count[i]; j++) sum = lx_fma4(lx_all4(axis.weight[(size_t)i * axis.taps + j]), lx_load4(row + 4 * (axis.first[i] + j)), sum);
    lx_store4(to + 4 * ((size_t)blockIdx.y * axis.n_out + i), sum);
}

/* Pixel (y, x) along the columns of rows [..][width][4]. */
LX_DEVICE float4 column_pixel(const LxResizeAxis &axis, const float *rows, int width, int y, int x)
{
    if (axis.n_in == axis.n_out) return lx_load4(rows + 4 * ((size_t)y * width + x));
    float4 sum = lx_all4(0);
    for (int j = 0; j < axis.count[y]; j++)
        sum = lx_fma4(lx_all4(axis.weight[(size_t)y * axis.taps + j]), lx_load4(rows + 4 * ((size_t)(axis.first[y] + j) * width + x)), sum);
    return sum;
}

static __global__ void __launch_bounds__(THREADS) columns_in_kernel(const float *rows, LxResizeAxis axis, int width, float *to)
{
    const int x = blockIdx.x * THREADS + threadIdx.x;
    if (x < width) lx_store4(to + 4 * ((size_t)blockIdx.y * width + x), column_pixel(axis, rows, width, blockIdx.y, x));
}

void lx_frame_in_cuda(const LxExec *x, const LxFrameInArgs *a)
{
    const int width = a->to.w, blocks = lx_ceil_div(width, THREADS);
    float *rows = is_identity(&a->y) ? a->to.data : a->between;
    LX_LAUNCH(rows_in_kernel, dim3(blocks, a->image->height), THREADS, 0, x->stream, picture_of(a->image), a->x, width, rows);
    if (rows == a->between) LX_LAUNCH(columns_in_kernel, dim3(blocks, a->to.h), THREADS, 0, x->stream, rows, a->y, width, a->to.data);
}

/* ---- out -------------------------------------------------------------------------------------------------------------- */

LX_DEVICE float luma_of(const Yuv &k, float r, float g, float b) { return dot3(k.kr, r, k.kg, g, k.kb, b); }

/* As the 8-bit numbers that the samples are shown by. */
LX_DEVICE float4 bytes_of(float4 v) { return make_float4(sample_to_byte(v.x), sample_to_byte(v.y), sample_to_byte(v.z), 0); }

LX_DEVICE void store_float(unsigned char *to, float v)
{
    const unsigned u = __float_as_uint(v);
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(u >> 8 * i);
}

/* Everything but chroma. */
LX_DEVICE void pixel_out(const Picture &p, int y, int x, float4 v)
{
    unsigned char *row = p.planes[0] + y * p.strides[0];
    const float4 b = bytes_of(v);
    switch (p.format) {
    case LIAX_RGBF32:
        store_float(row + 4ll * x, v.x);
        store_float(p.planes[1] + y * p.strides[1] + 4ll * x, v.y);
        store_float(p.planes[2] + y * p.strides[2] + 4ll * x, v.z);
        return;
    case LIAX_RGB24:
        row[3 * x] = (unsigned char)b.x, row[3 * x + 1] = (unsigned char)b.y, row[3 * x + 2] = (unsigned char)b.z;
        return;
    case LIAX_RGBA:
    case LIAX_BGRA:
        row[4 * x + (p.format == LIAX_RGBA ? 0 : 2)] = (unsigned char)b.x;
        row[4 * x + 1] = (unsigned char)b.y;
        row[4 * x + (p.format == LIAX_RGBA ? 2 : 0)] = (unsigned char)b.z;
        row[4 * x + 3] = 255;
        return;
    case LIAX_GRAY8: row[x] = to_byte(dot3(0.299f, b.x, 0.587f, b.y, 0.114f, b.z)); return;
    default: {
        const Yuv k = yuv_of(p);
        row[x] = to_byte(__fadd_rn(__fmul_rn(luma_of(k, b.x, b.y, b.z), k.luma_scale), k.luma_zero));
    }
    }
}

/* Chroma sample i of the rows of luma y and y+1 (or y twice at the end): the mean of two rows, and of the columns 2i, 2i+1
   (centre) or 2i-1, 2i, 2i+1 weighted 1, 2, 1 (left). */
LX_DEVICE void chroma_out(const Picture &p, int y, int i, const float4 around[2][3])
{
    const float weights[3] = {p.centre ? 0 : 0.25f, 0.5f, p.centre ? 0.5f : 0.25f};
    float r = 0, g = 0, b = 0;
    for (int row = 0; row < 2; row++)
        for (int c = 0; c < 3; c++) {
            const float4 v = bytes_of(around[row][c]);
            const float weight = 0.5f * weights[c];
            r = __fadd_rn(r, __fmul_rn(weight, v.x));
            g = __fadd_rn(g, __fmul_rn(weight, v.y));
            b = __fadd_rn(b, __fmul_rn(weight, v.z));
        }
    const Yuv k = yuv_of(p);
    const float l = luma_of(k, r, g, b);
    const int nv12 = p.format == LIAX_NV12, step = nv12 ? 2 : 1;
    unsigned char *u = p.planes[1] + y / 2 * p.strides[1], *v = nv12 ? u + 1 : p.planes[2] + y / 2 * p.strides[2];
    u[i * step] = to_byte(__fadd_rn(__fmul_rn(__fdiv_rn(__fsub_rn(b, l), 2 * (1 - k.kb)), k.chroma_scale), 128));
    v[i * step] = to_byte(__fadd_rn(__fmul_rn(__fdiv_rn(__fsub_rn(r, l), 2 * (1 - k.kr)), k.chroma_scale), 128));
}

/* A thread for each 2x2 pixels of the picture. */
static __global__ void __launch_bounds__(THREADS) picture_kernel(const float *rows, LxResizeAxis axis, Picture p)
{
    const int i = blockIdx.x * THREADS + threadIdx.x, x = 2 * i, y = 2 * blockIdx.y;
    if (x >= p.width) return;
    const int chroma = p.format == LIAX_NV12 || p.format == LIAX_I420;
    float4 around[2][3]; /* rows y, y+1; columns x-1, x, x+1: those beyond the picture are its last */
    for (int r = 0; r < 2; r++)
        for (int c = chroma ? 0 : 1; c < 3; c++) {
            const int py = clamp_index(y + r, p.height), px = clamp_index(x + c - 1, p.width);
            around[r][c] = column_pixel(axis, rows, p.width, py, px);
            if (c && y + r < p.height && x + c - 1 < p.width) pixel_out(p, py, px, around[r][c]);
        }
    if (chroma) chroma_out(p, y, i, around);
}

void lx_frame_out_cuda(const LxExec *x, const LxFrameOutArgs *a)
{
    const float *rows = a->from.data;
    if (!is_identity(&a->x)) {
        LX_LAUNCH(rows_kernel, dim3(lx_ceil_div(a->x.n_out, THREADS), a->from.h), THREADS, 0, x->stream, rows, a->x, a->between);
        rows = a->between;
    }
    LX_LAUNCH(picture_kernel, dim3(lx_ceil_div(a->image->width, 2 * THREADS), lx_ceil_div(a->image->height, 2)), THREADS, 0, x->stream, rows, a->y, picture_of(a->image));
}
