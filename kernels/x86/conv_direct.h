/* The common course of the direct convolutions (conv_plan.h): packing of weights, items, products, statistics. */
#ifndef LX_X86_CONV_DIRECT_H
#define LX_X86_CONV_DIRECT_H

#include <assert.h>
#include <string.h>

#include "x86/conv_finish.h"

/* A piece of a sum: `taps` taps that lie together in packed weights from `at` on, on neighbouring pixels of a tile row, the
   first output's first pixel being (row, col). */
typedef struct Piece {
    int row, col, at, taps;
} Piece;

/* One product: rows x cols sums from (c_row, c_col) on, c_step apart, whose pixels lie a_step apart. */
typedef struct Product {
    int n_pieces;
    Piece pieces[9];
    int rows, cols, a_step, c_row, c_col, c_step;
} Product;

/* What makes one kind of convolution. */
typedef struct ConvForm {
    const unsigned char *order; /* of the taps ky*k + kx in packed weights */
    void (*load)(const ConvTile *t);
    int (*products)(const ConvTile *t, Product out[4]);
    void (*finish)(const ConvTile *t);
    void (*border)(const ConvTile *t); /* what finish left out; NULL: nothing */
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
static void multiply_tile(const ConvForm *form, const ConvTile *t)
{
    const ConvPlan *p = t->p;
    Product products[4];
    const int n = form->products(t, products);
    for (int i = 0; i < n; i++) {
        const Product *q = &products[i];
        GemmPixels pixels;
        product_pixels(t, q, &pixels);
        for (int v = 0; v < t->vectors; v += LX_PANEL) {
            const int nv = lx_min(LX_PANEL, t->vectors - v), width = nv * LX_LANES;
            const float *panel = (const float *)t->a->weights->packed + (size_t)(t->v + v) * LX_LANES * (size_t)(p->taps * p->ci);
            const float *b = panel + (size_t)t->c * (size_t)(p->taps * width);
            for (int j = 0; j < q->n_pieces; j++) {
                const Piece *e = &q->pieces[j];
                gemm_panel(nv, &pixels, t->tile + (e->row * t->tile_w + e->col) * t->channels, b + (ptrdiff_t)e->at * t->channels * width,
                           t->sums + v * LX_LANES, e->taps * t->channels, t->c > 0 || j > 0);
            }
        }
    }
}

/* One tile, from its inputs to its outputs. */
static void conv_tile(const ConvForm *form, ConvTile *t)
{
    for (t->c = 0; t->c < t->p->ci; t->c += t->p->block) {
        t->channels = lx_min(t->p->block, t->p->ci - t->c);
        form->load(t);
        multiply_tile(form, t);
    }
    form->finish(t);
    if (form->border) form->border(t);
}

/* The band's sums into its first row's slot, zeros into the others. */
static void write_stats(const ConvTile *t)
{
    const ConvPlan *p = t->p;
    const int cs = t->a->y.cs, c = t->v * LX_LANES, last = t->v + t->vectors == p->vectors;
    const int up = is_transposed(&p->d) ? 2 : 1, channels = lx_min(t->vectors * LX_LANES, cs - c);
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
        conv_tile(j->form, &t);
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
