/* frame_in and frame_out: both resizes in double, rows of pictures by picture_row.c (pixel.h). */
#include <string.h>

#include "picture_row.h"
#include "pixel.h"
#include "ref.h"

static int is_identity(const LxResizeAxis *axis)
{
    return axis->n_in == axis->n_out;
}

/* Output `i` of an axis over pixels that lie `step` floats apart. */
static void weighted_pixel(const LxResizeAxis *axis, int i, const float *from, size_t step, float to[4])
{
    double sum[4] = {0};
    for (int j = 0; j < axis->count[i]; j++)
        for (int c = 0; c < 4; c++) sum[c] += (double)axis->weight[(size_t)i * (size_t)axis->taps + (size_t)j] * from[(size_t)(axis->first[i] + j) * step + (size_t)c];
    for (int c = 0; c < 4; c++) to[c] = (float)sum[c];
}

/* Pixel (y, x) of the resize along the columns of `rows`, [..][width][4]. */
static void column_pixel(const LxResizeAxis *axis, const float *rows, int width, int y, int x, float to[4])
{
    const size_t step = 4 * (size_t)width;
    if (is_identity(axis)) memcpy(to, rows + (size_t)y * step + 4 * (size_t)x, 4 * sizeof(float));
    else weighted_pixel(axis, y, rows + 4 * (size_t)x, step, to);
}

void lx_frame_in_ref(const LxExec *x, const LxFrameInArgs *a)
{
    (void)x;
    const int width = a->to.w, height = a->to.h;
    if (is_identity(&a->x) && is_identity(&a->y)) {
        for (int y = 0; y < height; y++) lx_picture_row_in(a->image, y, lx_tensor_pixel(&a->to, 0, y, 0));
        return;
    }
    for (int y = 0; y < a->image->height; y++) {
        float *row = a->between + 4 * (size_t)y * (size_t)width;
        if (is_identity(&a->x)) {
            lx_picture_row_in(a->image, y, row);
            continue;
        }
        lx_picture_row_in(a->image, y, a->wide);
        for (int i = 0; i < width; i++) weighted_pixel(&a->x, i, a->wide, 4, row + 4 * (size_t)i);
    }
    for (int y = 0; y < height; y++)
        for (int i = 0; i < width; i++) column_pixel(&a->y, a->between, width, y, i, lx_tensor_pixel(&a->to, 0, y, i));
}

void lx_frame_out_ref(const LxExec *x, const LxFrameOutArgs *a)
{
    (void)x;
    const int width = a->image->width, height = a->image->height;
    const float *rows = a->from.data;
    if (!is_identity(&a->x)) {
        for (int y = 0; y < a->from.h; y++)
            for (int i = 0; i < width; i++)
                weighted_pixel(&a->x, i, lx_tensor_pixel(&a->from, 0, y, 0), 4, a->between + 4 * ((size_t)y * (size_t)width + (size_t)i));
        rows = a->between;
    }
    for (int y = 0; y < height; y += 2) {
        const int n = y + 1 < height ? 2 : 1;
        for (int r = 0; r < n; r++)
            for (int i = 0; i < width; i++) column_pixel(&a->y, rows, width, y + r, i, a->wide + 4 * ((size_t)r * (size_t)width + (size_t)i));
        lx_picture_rows_out(a->image, y, a->wide, n == 2 ? a->wide + 4 * (size_t)width : NULL);
    }
}
