/* frame_in and frame_out (pixel.h): a pixel is four lanes along rows; along columns whole rows are vectors. */
#include <string.h>

#include "picture_row.h"
#include "pixel.h"
#include "x86/simd.h"
#include "x86/x86.h"

static int is_identity(const LxResizeAxis *axis)
{
    return axis->n_in == axis->n_out;
}

/* One row of pixels, resized to n_out pixels. */
static void resize_row(const LxResizeAxis *axis, const float *from, float *to)
{
    for (int i = 0; i < axis->n_out; i++, to += 4) {
        const float *w = axis->weight + (ptrdiff_t)i * axis->taps, *p = from + 4 * (ptrdiff_t)axis->first[i];
        __m128 sum = _mm_setzero_ps();
        for (int j = 0; j < axis->count[i]; j++) sum = _mm_fmadd_ps(_mm_set1_ps(w[j]), _mm_loadu_ps(p + 4 * j), sum);
        _mm_storeu_ps(to, sum);
    }
}

LX_INLINE void column_vector(const int width, const float *w, int count, const float *from, int step, float *to)
{
    LxV sum = lxv_zero();
    for (int j = 0; j < count; j++) sum = lxv_fma(lxv_set(w[j]), lxv_load_w(width, from + (ptrdiff_t)j * step), sum);
    lxv_store_w(width, to, sum);
}

/* Row y of the resize along the columns of `rows`, n floats each. */
static void resize_column(const LxResizeAxis *axis, const float *rows, int n, int y, float *to)
{
    if (is_identity(axis)) {
        memcpy(to, rows + (ptrdiff_t)y * n, (size_t)n * sizeof(float));
        return;
    }
    const float *w = axis->weight + (ptrdiff_t)y * axis->taps, *from = rows + (ptrdiff_t)axis->first[y] * n;
    const int count = axis->count[y];
    int i = 0;
    for (; i + LX_LANES <= n; i += LX_LANES) column_vector(LX_LANES, w, count, from + i, n, to + i);
    for (; i < n; i += 4) column_vector(4, w, count, from + i, n, to + i);
}

/* ---- frame_in ----------------------------------------------------------------------------------------------------- */

static void row_in(void *arg, int y, int slot)
{
    const LxFrameInArgs *a = arg;
    const int size = a->to.w;
    if (is_identity(&a->x)) {
        lx_picture_row_in(a->image, y, is_identity(&a->y) ? lx_tensor_pixel(&a->to, 0, y, 0) : a->between + 4 * (ptrdiff_t)y * size);
        return;
    }
    float *wide = a->wide + 4 * (ptrdiff_t)slot * a->image->width;
    lx_picture_row_in(a->image, y, wide);
    resize_row(&a->x, wide, a->between + 4 * (ptrdiff_t)y * size);
}

static void column_in(void *arg, int y, int slot)
{
    (void)slot;
    const LxFrameInArgs *a = arg;
    resize_column(&a->y, a->between, 4 * a->to.w, y, lx_tensor_pixel(&a->to, 0, y, 0));
}

void LX_LEVEL_NAME(lx_frame_in)(const LxExec *x, const LxFrameInArgs *a)
{
    LxFrameInArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, a->image->height, row_in, &copy);
    if (!is_identity(&a->x) || !is_identity(&a->y)) lx_parallel(x->pool, a->to.h, column_in, &copy);
}

/* ---- frame_out ---------------------------------------------------------------------------------------------------- */

static void row_out(void *arg, int y, int slot)
{
    (void)slot;
    const LxFrameOutArgs *a = arg;
    resize_row(&a->x, lx_tensor_pixel(&a->from, 0, y, 0), a->between + 4 * (ptrdiff_t)y * a->image->width);
}

/* Two rows of the picture: they share their chroma. */
static void pair_out(void *arg, int pair, int slot)
{
    const LxFrameOutArgs *a = arg;
    const int n = 4 * a->image->width, y = 2 * pair, two = y + 1 < a->image->height;
    const float *rows = is_identity(&a->x) ? a->from.data : a->between;
    float *first = a->wide + 2 * (ptrdiff_t)slot * n, *second = two ? first + n : NULL;
    resize_column(&a->y, rows, n, y, first);
    if (two) resize_column(&a->y, rows, n, y + 1, second);
    lx_picture_rows_out(a->image, y, first, second);
}

void LX_LEVEL_NAME(lx_frame_out)(const LxExec *x, const LxFrameOutArgs *a)
{
    LxFrameOutArgs copy = *a;
    if (!is_identity(&a->x)) lx_parallel(x->pool, a->from.h, row_out, &copy);
    lx_parallel(x->pool, (a->image->height + 1) / 2, pair_out, &copy);
}
