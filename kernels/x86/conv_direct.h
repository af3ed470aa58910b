/* The common course of the direct convolutions (conv_plan.h): packing of weights, items, products, statistics. */
#ifndef LX_X86_CONV_DIRECT_H
#define LX_X86_CONV_DIRECT_H

#include <assert.h>
#include <string.h>

#include "x86/conv_finish.h"

/*
 * One product: `rows` x `cols` sums from (c_row, c_col) on, c_step apart, each from `segments` pieces of consecutive tile
 * rows, `taps` neighbouring pixels long, that begin at the tile's (a_step * row, a_step * column).
 */
typedef struct Product {
    int segments, taps, a_step;
    int rows, cols, c_row, c_col, c_step;
} Product;

/* What makes one kind of convolution. */
typedef struct ConvForm {
    const unsigned char *order; /* of the taps ky*k + kx in packed weights */
    void (*load)(const ConvTile *t);
    int (*products)(const ConvTile *t, Product out[4]);
    void (*finish)(const ConvTile *t);
} ConvForm;

/* ---- weights: [panel][block of input channels][tap][input channel][channels of the panel] ------------------------- */

static size_t conv_packed_bytes(const LxConvDesc *d)
{
    const ConvPlan p = conv_plan(d);
    return (size_t)p.vectors * LX_LANES * (size_t)(p.taps * p.ci) * sizeof(float);
}

static void conv_pack(const LxConvDesc *d, const float *w, void *to, const unsigned char *order)
{
    const ConvPlan p = conv_plan(d);
    float *out = to;
    for (int v = 0; v < p.vectors; v += LX_PANEL)
        for (int block = 0; block < p.ci; block += p.block)
            for (int t = 0; t < p.taps; t++)
                for (int c = block; c < lx_min(block + p.block, p.ci); c++)
                    for (int o = v * LX_LANES; o < lx_min(v + LX_PANEL, p.vectors) * LX_LANES; o++)
                        *out++ = o < d->co && c < d->ci ? w[((size_t)o * (size_t)d->ci + (size_t)c) * (size_t)p.taps + order[t]] : 0;
}

/* ---- run ---------------------------------------------------------------------------------------------------------- */

static size_t conv_scratch_bytes(const LxConvDesc *d, int slots)
{
    return conv_plan(d).slot_floats * (size_t)slots * sizeof(float);
}

typedef struct ConvJob {
    const LxConvArgs *a;
    const ConvForm *form;
    ConvPlan p;
    float *scratch;
} ConvJob;

static void product_pixels(const ConvTile *t, const Product *q, GemmPixels *out)
{
    const int step = t->p->group * LX_LANES;
    out->n = 0;
    for (int r = 0; r < q->rows; r++)
        for (int x = 0; x < q->cols; x++) {
            assert(out->n < LX_PIXELS);
            out->a[out->n] = (r * t->tile_w + x) * q->a_step * t->channels;
            out->c[out->n++] = ((q->c_row + r * q->c_step) * t->sums_w + q->c_col + x * q->c_step) * step;
        }
    gemm_pixels_end(out, t->p->sums_h * t->p->sums_w * step);
}

/* sums += tile x weights, for one block of input channels. */
static void multiply_tile(const ConvJob *j, const ConvTile *t)
{
    const ConvPlan *p = t->p;
    const float *weights = j->a->weights->packed;
    Product products[4];
    const int n = j->form->products(t, products);
    int tap = 0;
    for (int i = 0; i < n; i++) {
        const Product *q = &products[i];
        GemmPixels pixels;
        product_pixels(t, q, &pixels);
        for (int v = 0; v < t->vectors; v += LX_PANEL) {
            const int nv = lx_min(LX_PANEL, t->vectors - v), width = nv * LX_LANES;
            const float *b = weights + (size_t)(t->v + v) * LX_LANES * (size_t)(p->taps * p->ci) + (size_t)(t->c * p->taps + tap * t->channels) * (size_t)width;
            for (int s = 0; s < q->segments; s++, b += (size_t)(q->taps * t->channels) * (size_t)width)
                gemm_panel(nv, &pixels, t->tile + (ptrdiff_t)s * t->tile_w * t->channels, b, t->sums + v * LX_LANES, q->taps * t->channels,
                           t->c > 0 || s > 0);
        }
        tap += q->segments * q->taps;
    }
}

/* The band's sums into its first row's slot, zeros into the others. */
static void write_stats(const ConvTile *t)
{
    const ConvPlan *p = t->p;
    const int cs = t->a->y.cs, c = t->v * LX_LANES, last = t->v + t->vectors == p->vectors;
    const int up = p->d.kind == LX_CONV_UP2D ? 2 : 1, channels = lx_min(t->vectors * LX_LANES, cs - c);
    for (int r = 0; r < up * t->rows; r++)
        for (int i = 0; i < 2; i++) {
            float *to = t->a->stats + (((size_t)t->n * (size_t)t->a->y.h + (size_t)(up * t->y + r)) * 2 + (size_t)i) * (size_t)cs + c;
            memset(to, 0, (size_t)(last ? cs - c : channels) * sizeof(float));
            if (r == 0) memcpy(to, t->stats + i * p->group * LX_LANES, (size_t)channels * sizeof(float));
        }
}

static void conv_item(void *arg, int item, int slot)
{
    const ConvJob *j = arg;
    const ConvPlan *p = &j->p;
    float *scratch = j->scratch + (size_t)slot * p->slot_floats;
    const int band = item / j->a->x.n % p->bands, group = item / j->a->x.n / p->bands;
    ConvTile t = {.p = p, .a = j->a, .n = item % j->a->x.n,
                  .y = band * p->rows, .v = group * p->group,
                  .tile = scratch, .sums = scratch + p->sums_at, .line = scratch + p->line_at, .stats = scratch + p->stats_at};
    t.rows = lx_min(p->rows, p->grid_h - t.y);
    t.vectors = lx_min(p->group, p->vectors - t.v);
    t.tile_h = halo_size(&p->d, t.rows), t.sums_h = sums_size(&p->d, t.rows);
    memset(t.stats, 0, 2 * (size_t)(p->group * LX_LANES) * sizeof(float));
    for (t.x = 0; t.x < p->grid_w; t.x += p->cols) {
        t.cols = lx_min(p->cols, p->grid_w - t.x);
        t.tile_w = halo_size(&p->d, t.cols), t.sums_w = sums_size(&p->d, t.cols);
        for (t.c = 0; t.c < p->ci; t.c += p->block) {
            t.channels = lx_min(p->block, p->ci - t.c);
            j->form->load(&t);
            multiply_tile(j, &t);
        }
        j->form->finish(&t);
    }
    if (j->a->stats) write_stats(&t);
}

static void conv_run(const LxExec *x, const LxConvArgs *a, const ConvForm *form)
{
    ConvJob j = {.a = a, .form = form, .p = conv_plan(&a->weights->desc), .scratch = x->scratch};
    assert(a->x.cs == lx_stored_channels(a->x.c) && a->y.cs == j.p.y_cs && a->x.n == a->y.n);
    lx_parallel(x->pool, a->x.n * j.p.bands * j.p.groups, conv_item, &j);
}

#endif
