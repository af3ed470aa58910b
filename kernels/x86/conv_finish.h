/* From sums to outputs: scale, bias, activation, residual and statistics (conv.h), one row of a tile at a time. */
#ifndef LX_X86_CONV_FINISH_H
#define LX_X86_CONV_FINISH_H

#include <string.h>

#include "x86/conv_load.h"
#include "x86/upsampled.h"

#define LX_FINISH_PIXELS 16

/* Pixels x ... x+n-1 of row y of the output, from sums that lie `step` floats apart; `fir`: each from four of them. */
typedef struct OutputRow {
    const ConvTile *t;
    int y, x, n, fir;
    ptrdiff_t step;
    const float *sums;
} OutputRow;

LX_INLINE LxV vector_or(const int width, const float *p, size_t at, float otherwise)
{
    return p ? lxv_load_w(width, p + at) : lxv_set(otherwise);
}

/* The FIR * 4 along a row whose columns went through [1,3,3,1]. */
LX_INLINE LxV fir_along(const float *from, ptrdiff_t step)
{
    return lxv_mul(lxv_set(1.0f / 16), fir_sum(lxv_load(from), lxv_load(from + step), lxv_load(from + 2 * step), lxv_load(from + 3 * step)));
}

/* One vector of channels, c being the first, along the row. */
LX_INLINE void finish_vector(const int width, const int fir, const OutputRow *o, int v)
{
    const ConvTile *t = o->t;
    const LxConvArgs *a = t->a;
    const int c = (t->v + v) * LX_LANES;
    const size_t frame = (size_t)t->n * (size_t)(a->out_stride ? a->out_stride : a->y.cs);
    const LxV scale = vector_or(width, a->out_scale, frame + (size_t)c, 1), bias = vector_or(width, a->bias, (size_t)c, 0);
    const LxV gain = vector_or(width, a->gain, (size_t)c, 1), offset = vector_or(width, a->offset, (size_t)c, 0);
    const LxV slope = lxv_set(a->slope), weight = lxv_set(a->residual_weight);
    const float *from = o->sums + v * LX_LANES;
    float *y = lx_tensor_pixel(&a->y, t->n, o->y, o->x) + c;
    const float *residual = a->residual.data && !a->residual_up ? lx_tensor_pixel(&a->residual, t->n, o->y, o->x) + c : NULL;
    LxV sum = lxv_zero(), sum2 = lxv_zero();
    for (int i = 0; i < o->n; i++, from += o->step, y += a->y.cs) {
        LxV u = lxv_fma(fir ? fir_along(from, o->step) : lxv_load(from), scale, bias);
        u = lxv_fma(gain, lxv_select_ge0(u, u, lxv_mul(u, slope)), offset);
        if (residual) u = lxv_fma(weight, lxv_load_w(width, residual + (ptrdiff_t)i * a->y.cs), u);
        else if (a->residual.data) u = lxv_fma(weight, upsampled_at(width, &a->residual, t->n, o->y, o->x + i, c), u);
        lxv_store_w(width, y, u);
        sum = lxv_add(sum, u);
        sum2 = lxv_fma(u, u, sum2);
    }
    if (!a->stats) return;
    float *s1 = t->stats + v * LX_LANES, *s2 = s1 + t->p->group * LX_LANES;
    lxv_store(s1, lxv_add(lxv_load(s1), sum));
    lxv_store(s2, lxv_add(lxv_load(s2), sum2));
}

static void finish_row(const OutputRow *o)
{
    const ConvTile *t = o->t;
    const int cs = t->a->y.cs, end = (t->v + t->vectors) * LX_LANES;
    if (cs == 4) {
        if (o->fir) finish_vector(4, 1, o, 0);
        else finish_vector(4, 0, o, 0);
        return;
    }
    for (int v = 0; v < t->vectors; v++) {
        if (o->fir) finish_vector(LX_LANES, 1, o, v);
        else finish_vector(LX_LANES, 0, o, v);
    }
    if (t->v + t->vectors == t->p->vectors && end < cs)
        for (int i = 0; i < o->n; i++) memset(lx_tensor_pixel(&t->a->y, t->n, o->y, o->x + i) + end, 0, (size_t)(cs - end) * sizeof(float));
}

/* All rows of a tile whose sums are outputs, so many pixels at a time that both stay in a first-level cache. */
static void finish_plain(const ConvTile *t)
{
    const int step = t->p->group * LX_LANES;
    for (int r = 0; r < t->rows; r++)
        for (int x = 0; x < t->cols; x += LX_FINISH_PIXELS)
            finish_row(&(OutputRow){t, t->y + r, t->x + x, lx_min(LX_FINISH_PIXELS, t->cols - x), 0, step, t->sums + ((ptrdiff_t)r * t->pitch + x) * step});
}

LX_INLINE void negate(float *p, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += LX_LANES) lxv_store(p + i, lxv_sub(lxv_zero(), lxv_load(p + i)));
}

/* Row r of a transposed convolution's outputs: FIR * 4 over four rows of sums into `line`, then along it. With `tails` what lies
   outside the transposed convolution is subtracted. */
static void finish_fir_row(const ConvTile *t, int r, int tails)
{
    const ptrdiff_t step = t->p->group * LX_LANES, row = t->pitch * step, last = (t->sums_w - 1) * step;
    const int y = 2 * t->y + r, x = 2 * t->x, n = 2 * t->cols;
    const float *s0 = t->sums + r * row, *s1 = s0 + row, *s2 = s1 + row, *s3 = s2 + row;
    const LxV above = lxv_set(tails && y == 0 ? -1 : 1), below = lxv_set(tails && y == t->a->y.h - 1 ? -1 : 1);
    for (ptrdiff_t i = 0; i <= last + step - LX_LANES; i += LX_LANES)
        lxv_store(t->line + i, fir_sum(lxv_mul(above, lxv_load(s0 + i)), lxv_load(s1 + i), lxv_load(s2 + i), lxv_mul(below, lxv_load(s3 + i))));
    if (tails && x == 0) negate(t->line, step);
    if (tails && x + n == t->a->y.w) negate(t->line + last, step);
    finish_row(&(OutputRow){t, y, x, n, 1, step, t->line});
}

static void finish_fir(const ConvTile *t, int tails)
{
    for (int r = 0; r < 2 * t->rows; r++) finish_fir_row(t, r, tails);
}

#endif
