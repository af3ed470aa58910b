/* Checks of frame_in and frame_out (pixel.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "ref/ref.h"

/* Antialiased bilinear weights (docs/network.md, "Pixels"), and the largest sum of absolute weights, which is 1. */
static LxResizeAxis make_axis(CheckMemory *m, int n_in, int n_out)
{
    LxResizeAxis axis = {.n_in = n_in, .n_out = n_out};
    if (n_in == n_out) return axis;
    const double r = (double)n_in / n_out, k = r > 1 ? r : 1;
    axis.taps = (int)ceil(2 * k) + 2;
    float *weight = check_floats(m, (size_t)(n_out * axis.taps));
    int *first = (int *)check_floats(m, (size_t)n_out), *count = (int *)check_floats(m, (size_t)n_out);
    for (int i = 0; i < n_out; i++) {
        const double centre = (i + 0.5) * r;
        const int from = (int)fmax(trunc(centre - k + 0.5), 0), to = (int)fmin(trunc(centre + k + 0.5), n_in);
        double sum = 0;
        for (int j = from; j < to; j++) sum += 1 - fabs((j + 0.5 - centre) / k);
        first[i] = from, count[i] = to - from;
        for (int j = 0; j < axis.taps; j++) weight[i * axis.taps + j] = j < count[i] ? (float)((1 - fabs((from + j + 0.5 - centre) / k)) / sum) : 0;
    }
    axis.first = first, axis.count = count, axis.weight = weight;
    return axis;
}

/* Planes of a picture, rows a little apart. `random` bytes, or 0xff. */
static size_t make_image(CheckMemory *m, LiaxImage *image, LiaxFormat format, int width, int height, int random)
{
    static const int bytes[] = {3, 4, 4, 1, 1, 1, 4}, planes[] = {1, 1, 1, 1, 2, 3, 3};
    *image = (LiaxImage){.struct_size = sizeof *image, .format = format, .width = width, .height = height,
                         .matrix = LIAX_MATRIX_BT709, .range = LIAX_RANGE_LIMITED, .siting = LIAX_SITING_LEFT};
    size_t total = 0;
    for (int p = 0; p < planes[format]; p++) {
        const int chroma = p && format != LIAX_RGBF32, columns = chroma ? (width + 1) / 2 : width, rows = chroma ? (height + 1) / 2 : height;
        const size_t row = (size_t)columns * (size_t)(chroma && format == LIAX_NV12 ? 2 : bytes[format]) + 4, floats = (row * (size_t)rows + 3) / 4;
        if (format == LIAX_RGBF32 && random) image->planes[p] = check_random(m, floats, -1, 1);
        else image->planes[p] = check_floats(m, floats);
        for (size_t i = 0; random && format != LIAX_RGBF32 && i < 4 * floats; i++) ((uint8_t *)image->planes[p])[i] = (uint8_t)check_draw();
        image->strides[p] = (ptrdiff_t)row;
        total += 4 * floats;
    }
    return total;
}

/* ---- frame_in ----------------------------------------------------------------------------------------------------- */

static void in_case(const CheckLevel *level, LiaxFormat format, int width, int height, int w, int h, int slots)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "frame_in format %d %dx%d to %dx%d", format, width, height, w, h);
    LiaxImage image;
    make_image(&m, &image, format, width, height, 1);
    LxFrameInArgs a = {.image = &image, .x = make_axis(&m, width, w), .y = make_axis(&m, height, h)};
    LxTensor out[2];
    for (int i = 0; i < 2; i++) {
        a.between = check_floats(&m, 4 * (size_t)height * (size_t)w);
        a.wide = check_floats(&m, 4 * (size_t)width * (size_t)slots);
        a.to = out[i] = check_output(&m, 1, 3, h, w);
        const LxExec x = {.pool = check_pool(slots)};
        if (i) level->table.frame_in.run(&x, &a);
        else lx_frame_in_ref(&x, &a);
    }
    check_padding(name, &out[1]);
    const double limit = (a.x.taps || a.y.taps ? 8 + a.x.taps + a.y.taps : 0) * CHECK_U; /* samples are below 1, weights sum to 1 */
    for (size_t i = 0; i < lx_tensor_floats(&out[1]); i++) check_value(name, i, out[1].data[i], out[0].data[i], limit);
    check_release(&m, name);
}

/* Width and height of the picture, then of the tensor. */
static const int frame_sizes[][4] = {{1, 1, 1, 1},   {1, 1, 8, 8},     {8, 8, 8, 8},    {8, 3, 8, 8}, {3, 8, 8, 8},
                                     {7, 5, 16, 16}, {33, 17, 16, 16}, {16, 16, 9, 9}, {40, 100, 32, 32}, {21, 12, 30, 7}};
enum { N_SIZES = sizeof frame_sizes / sizeof *frame_sizes };

static void in_sizes(const CheckLevel *l)
{
    for (int format = LIAX_RGB24; format <= LIAX_RGBF32; format++)
        for (int i = 0; i < N_SIZES; i++) in_case(l, (LiaxFormat)format, frame_sizes[i][0], frame_sizes[i][1], frame_sizes[i][2], frame_sizes[i][3], 1 + i % 3);
}

static void in_network(const CheckLevel *l)
{
    in_case(l, LIAX_RGB24, 512, 512, 256, 256, 2);
    in_case(l, LIAX_NV12, 640, 480, 512, 512, 7);
}

/* ---- frame_out ---------------------------------------------------------------------------------------------------- */

/* 8 bits: within one of the reference, and nearly always equal, since rounding seldom falls between the two. */
static void compare_bytes(const char *name, const LiaxImage *got, const LiaxImage *want, int exact)
{
    size_t total = 0, differing = 0;
    for (int p = 0; p < 3 && got->planes[p]; p++) {
        const int rows = p ? (got->height + 1) / 2 : got->height;
        const uint8_t *g = got->planes[p], *w = want->planes[p];
        for (size_t i = 0; i < (size_t)rows * (size_t)got->strides[p]; i++, total++) {
            if (g[i] == w[i]) continue;
            differing++;
            check_value(name, i, g[i], w[i], exact ? 0 : 1);
        }
    }
    if (differing > 1 + total / 1000) fail_msg("%s: %zu of %zu bytes differ", name, differing, total);
}

static void out_case(const CheckLevel *level, LiaxFormat format, int width, int height, int w, int h, int slots)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "frame_out format %d %dx%d to %dx%d", format, w, h, width, height);
    LxFrameOutArgs a = {.from = check_random_tensor(&m, 1, 3, h, w, -1.2f, 1.2f), .x = make_axis(&m, w, width), .y = make_axis(&m, h, height)};
    LiaxImage image[2];
    for (int i = 0; i < 2; i++) {
        make_image(&m, &image[i], format, width, height, 0);
        a.image = &image[i];
        a.between = check_floats(&m, 4 * (size_t)width * (size_t)h);
        a.wide = check_floats(&m, 8 * (size_t)width * (size_t)slots);
        const LxExec x = {.pool = check_pool(slots)};
        if (i) level->table.frame_out.run(&x, &a);
        else lx_frame_out_ref(&x, &a);
    }
    const double limit = 1.2 * (a.x.taps || a.y.taps ? 8 + a.x.taps + a.y.taps : 0) * CHECK_U;
    if (format != LIAX_RGBF32) compare_bytes(name, &image[1], &image[0], !a.x.taps && !a.y.taps);
    for (int p = 0; format == LIAX_RGBF32 && p < 3; p++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                float v[2];
                for (int i = 0; i < 2; i++) memcpy(&v[i], (const char *)image[i].planes[p] + y * image[i].strides[p] + 4 * x, 4);
                check_value(name, (size_t)(y * width + x), v[1], v[0], limit);
            }
    check_release(&m, name);
}

static void out_sizes(const CheckLevel *l)
{
    for (int format = LIAX_RGB24; format <= LIAX_RGBF32; format++)
        for (int i = 0; i < N_SIZES; i++) out_case(l, (LiaxFormat)format, frame_sizes[i][0], frame_sizes[i][1], frame_sizes[i][2], frame_sizes[i][3], 1 + i % 3);
}

static void out_network(const CheckLevel *l)
{
    out_case(l, LIAX_RGB24, 256, 256, 512, 512, 2);
    out_case(l, LIAX_I420, 640, 480, 512, 512, 7);
}

static int in_differs(const LxKernels *k)
{
    return k->frame_in.run != lx_frame_in_ref;
}

static int out_differs(const LxKernels *k)
{
    return k->frame_out.run != lx_frame_out_ref;
}

const CheckTest check_frame_tests[] = {
    {"frame_in", "sizes", in_differs, in_sizes},
    {"frame_in", "network shapes", in_differs, in_network},
    {"frame_out", "sizes", out_differs, out_sizes},
    {"frame_out", "network shapes", out_differs, out_network},
    {0},
};
