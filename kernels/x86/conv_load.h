/* Filling a tile: a block of input channels through the affine, with zeros outside the picture, blurred or not. */
#ifndef LX_X86_CONV_LOAD_H
#define LX_X86_CONV_LOAD_H

#include <string.h>

#include "x86/conv_plan.h"

/* A block of channels of one frame. Pixels of 3 channels are stored as 4 and read so: `width` is 4 or LX_LANES. */
typedef struct Source {
    const float *x, *scale, *shift;
    int h, w, cs, channels, affine;
} Source;

static Source source_of(const ConvTile *t)
{
    const LxConvArgs *a = t->a;
    const size_t frame = (size_t)t->n * (size_t)(a->in_stride ? a->in_stride : a->x.cs) + (size_t)t->c;
    return (Source){.x = lx_tensor_pixel(&a->x, t->n, 0, 0) + t->c,
                    .scale = a->in_scale ? a->in_scale + frame : NULL,
                    .shift = a->in_shift ? a->in_shift + frame : NULL,
                    .h = a->x.h, .w = a->x.w, .cs = a->x.cs, .channels = t->channels,
                    .affine = a->in_scale || a->in_shift};
}

/* Channels c ... c+width-1 of a pixel, through the affine. */
LX_INLINE LxV source_load(const int width, const Source *s, const float *pixel, int c)
{
    const LxV v = lxv_load_w(width, pixel + c);
    if (!s->affine) return v;
    const LxV scale = s->scale ? lxv_load_w(width, s->scale + c) : lxv_set(1), shift = s->shift ? lxv_load_w(width, s->shift + c) : lxv_zero();
    return lxv_fma(v, scale, shift);
}

/* The same by position: zero outside the picture. `row` is NULL for a row outside. */
LX_INLINE LxV source_at(const int width, const Source *s, const float *row, int x, int c)
{
    if (!row || x < 0 || x >= s->w) return lxv_zero();
    return source_load(width, s, row + (ptrdiff_t)x * s->cs, c);
}

static const float *source_row(const Source *s, int y)
{
    return y < 0 || y >= s->h ? NULL : s->x + (ptrdiff_t)y * s->w * s->cs;
}

LX_INLINE void copy_pixels(const int width, const Source *s, const float *from, int n, float *to)
{
    for (int i = 0; i < n; i++, from += s->cs, to += s->channels)
        for (int c = 0; c < s->channels; c += width) lxv_store_w(width, to + c, source_load(width, s, from, c));
}

/* The picture itself, with a border of `pad`. */
static void load_plain(const ConvTile *t, int pad)
{
    const Source s = source_of(t);
    const int first = t->from_x - pad, from = lx_max(first, 0), to = lx_min(first + t->tile_w, s.w);
    const size_t left = (size_t)(from - first), right = (size_t)(first + t->tile_w - to), pixel = (size_t)s.channels;
    for (int r = 0; r < t->tile_h; r++) {
        float *out = t->tile + (size_t)r * (size_t)t->tile_w * pixel;
        const float *row = source_row(&s, t->from_y - pad + r);
        if (!row) {
            memset(out, 0, (size_t)t->tile_w * pixel * sizeof(float));
            continue;
        }
        memset(out, 0, left * pixel * sizeof(float));
        if (s.channels == 4) copy_pixels(4, &s, row + (ptrdiff_t)from * s.cs, to - from, out + left * pixel);
        else copy_pixels(LX_LANES, &s, row + (ptrdiff_t)from * s.cs, to - from, out + left * pixel);
        memset(out + ((size_t)t->tile_w - right) * pixel, 0, right * pixel * sizeof(float));
    }
}

/* [1,3,3,1] of four, without its factor. */
LX_INLINE LxV fir_sum(LxV u0, LxV u1, LxV u2, LxV u3)
{
    return lxv_fma(lxv_set(3), lxv_add(u1, u2), lxv_add(u0, u3));
}

/* Along a row: to[j] = sum over i < 4 of [1,3,3,1][i] u[first + step*j + i], for j < n. */
LX_INLINE void fir_row_w(const int width, const Source *s, const float *row, int first, int step, int n, float *to)
{
    const ptrdiff_t cs = s->cs;
    for (int j = 0, x = first; j < n; j++, x += step, to += s->channels) {
        const float *p = row + x * cs;
        if (x >= 0 && x + 3 < s->w)
            for (int c = 0; c < s->channels; c += width)
                lxv_store_w(width, to + c, fir_sum(source_load(width, s, p, c), source_load(width, s, p + cs, c),
                                                   source_load(width, s, p + 2 * cs, c), source_load(width, s, p + 3 * cs, c)));
        else
            for (int c = 0; c < s->channels; c += width)
                lxv_store_w(width, to + c, fir_sum(source_at(width, s, row, x, c), source_at(width, s, row, x + 1, c),
                                                   source_at(width, s, row, x + 2, c), source_at(width, s, row, x + 3, c)));
    }
}

static void fir_row(const Source *s, const float *row, int first, int step, int n, float *to)
{
    if (!row) memset(to, 0, (size_t)n * (size_t)s->channels * sizeof(float));
    else if (s->channels == 4) fir_row_w(4, s, row, first, step, n, to);
    else fir_row_w(LX_LANES, s, row, first, step, n, to);
}

/* Down the columns of four rows that are done along x. */
LX_INLINE void blurred_vector(const int width, const float *const u[4], int i, float *out)
{
    const LxV v = fir_sum(lxv_load_w(width, u[0] + i), lxv_load_w(width, u[1] + i), lxv_load_w(width, u[2] + i), lxv_load_w(width, u[3] + i));
    lxv_store_w(width, out + i, lxv_mul(lxv_set(1.0f / 64), v));
}

/* LX_CONV_DOWN2D. Blurred pixel i takes u[i - pad] ... u[i - pad + 3]: all of them for 3x3, every second for 1x1, whose taps
   see no other. `line` keeps four rows that are done along x, by their number modulo 4. */
static void load_blurred(const ConvTile *t)
{
    const Source s = source_of(t);
    const int k3 = t->p->d.k == 3, step = k3 ? 1 : 2, pad = k3 ? 2 : 1;
    const int first_y = step * t->from_y - pad, first_x = step * t->from_x - pad, n = t->tile_w * s.channels;
    int done = first_y + t->blurred; /* the next row of u to do */
    for (int r = 0; r < t->tile_h; r++) {
        const int y = first_y + step * r;
        for (; done < y + 4; done++) fir_row(&s, source_row(&s, done), first_x, step, t->tile_w, t->line + (ptrdiff_t)(done & 3) * n);
        const float *u[4];
        for (int i = 0; i < 4; i++) u[i] = t->line + (ptrdiff_t)((y + i) & 3) * n;
        float *out = t->tile + (ptrdiff_t)r * n;
        int i = 0;
        for (; i + LX_LANES <= n; i += LX_LANES) blurred_vector(LX_LANES, u, i, out);
        for (; i < n; i += 4) blurred_vector(4, u, i, out);
    }
}

#endif
