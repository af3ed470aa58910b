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
    Piece pieces[3];
    int rows, cols, a_step, c_row, c_col, c_step;
} Product;

#define LX_PRODUCTS 16 /* most of a tile */

/* What makes one kind of convolution. */
typedef struct ConvForm {
    const unsigned char *order; /* of the taps ky*k + kx in packed weights */
    void (*load)(const ConvTile *t);
    int (*products)(const ConvTile *t, Product out[LX_PRODUCTS]);
    void (*finish)(const ConvTile *t);
} ConvForm;

/* ---- weights: [panel][block of input channels][tap][input channel][channels of the panel] ------------------------- */
/* pairs: [panel][block of input channels][tap][pair of input channels][channels of the panel][channel of the pair] */

static size_t conv_packed_bytes(const LxConvDesc *d, LxDtype type)
{
    const ConvPlan p = conv_plan(d);
    return (size_t)p.vectors * LX_LANES * (size_t)(p.taps * p.ci) * lx_dtype_size(type);
}

typedef struct ConvPack {
    ConvPlan p;
    const float *w;
    char *to;
    const unsigned char *order;
    LxDtype type;
    int together; /* input channels: 2 of pairs */
} ConvPack;

/* The channels of a panel, of one or two input channels at one tap. */
static int pack_row(const ConvPack *k, int o, int width, int tap, int first, float *row)
{
    const LxConvDesc *d = &k->p.d;
    int n = 0;
    for (int i = o; i < o + width; i++)
        for (int c = first; c < first + k->together; c++)
            row[n++] = i < d->co && c < d->ci ? k->w[((size_t)i * (size_t)d->ci + (size_t)c) * (size_t)k->p.taps + k->order[tap]] : 0;
    return n;
}

static void conv_pack_panel(void *arg, int panel, int slot)
{
    (void)slot;
    const ConvPack *k = arg;
    const ConvPlan *p = &k->p;
    const int v = panel * LX_PANEL, o = v * LX_LANES, width = lx_min(LX_PANEL, p->vectors - v) * LX_LANES;
    const size_t size = lx_dtype_size(k->type);
    char *out = k->to + (size_t)o * (size_t)(p->taps * p->ci) * size;
    float row[2 * LX_PANEL * LX_LANES];
    for (int block = 0; block < p->ci; block += p->block)
        for (int t = 0; t < p->taps; t++)
            for (int c = block; c < lx_min(block + p->block, p->ci); c += k->together) {
                const size_t n = (size_t)pack_row(k, o, width, t, c, row);
                lx_from_f32(out, row, k->type, n);
                out += n * size;
            }
}

static void conv_pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to, const unsigned char *order, LxDtype type, int pairs)
{
    ConvPack k = {conv_plan(d), w, to, order, type, pairs ? 2 : 1};
    lx_parallel(pool, ceil_div(k.p.vectors, LX_PANEL), conv_pack_panel, &k);
}

/* ---- run ---------------------------------------------------------------------------------------------------------- */

static size_t conv_scratch_bytes(const LxConvDesc *d, int slots)
{
    const ConvPlan p = conv_plan(d);
    return ((size_t)p.together * p.frame_floats + (size_t)slots * p.slot_floats) * sizeof(float);
}

/* `filled` has `together` frames, [block of input channels][row][column][channel], of which the first is frame n. */
typedef struct ConvJob {
    const LxConvArgs *a;
    const ConvForm *form;
    LxDtype weights;
    int pairs;
    ConvPlan p;
    int n, frames;
    float *filled, *slots;
} ConvJob;

static ConvTile conv_tile_of(const ConvJob *j, int frame, int slot)
{
    const ConvPlan *p = &j->p;
    float *scratch = j->slots + (size_t)slot * p->slot_floats;
    return (ConvTile){.p = p, .a = j->a, .n = j->n + frame, .tile = scratch, .sums = scratch + p->sums_at, .line = scratch + p->line_at,
                      .stats = scratch + p->stats_at, .weights = j->weights, .pairs = j->pairs, .wide = scratch + p->wide_at,
                      .filled = p->together ? j->filled + (size_t)frame * p->frame_floats : NULL};
}

static void product_pixels(const ConvTile *t, const Product *q, GemmPixels *out)
{
    const int step = t->p->group * LX_LANES;
    out->n = 0;
    for (int r = 0; r < q->rows; r++)
        for (int x = 0; x < q->cols; x++) {
            assert(out->n < LX_PIXELS);
            out->a[out->n] = (r * t->row_step + x * t->pixel_step) * q->a_step;
            out->c[out->n++] = ((q->c_row + r * q->c_step) * t->pitch + q->c_col + x * q->c_step) * step;
        }
    gemm_pixels_end(out, t->pitch * t->sums_h * step);
}

/* `at` is where the panel's weights of this piece begin. */
static void multiply_piece(const ConvTile *t, int nv, const GemmPixels *pixels, const float *a, size_t at, float *sums, int k, int add)
{
    const LxConvWeights *w = t->a->weights;
    if (t->pairs) {
        const float *b = (const float *)w->packed + at / 2;
        gemm_panel_pairs(nv, pixels, a, b, sums, k, add, b);
    } else if (t->weights == LX_F32) {
        const float *b = (const float *)w->packed + at;
        gemm_panel(nv, pixels, a, b, sums, k, add, b);
    } else {
        const NarrowPanel q = {(const uint16_t *)w->packed + at, t->weights, w->factor, t->wide};
        gemm_panel_narrow(nv, pixels, a, &q, sums, k, add);
    }
}

/* sums += tile x weights, for one block of input channels. */
static void multiply_tile(const ConvForm *form, const ConvTile *t)
{
    const ConvPlan *p = t->p;
    Product products[LX_PRODUCTS];
    const int n = form->products(t, products);
    for (int i = 0; i < n; i++) {
        const Product *q = &products[i];
        GemmPixels pixels;
        product_pixels(t, q, &pixels);
        for (int v = 0; v < t->vectors; v += LX_PANEL) {
            const int nv = lx_min(LX_PANEL, t->vectors - v), width = nv * LX_LANES;
            const size_t panel = (size_t)(t->v + v) * LX_LANES * (size_t)(p->taps * p->ci), block = (size_t)t->c * (size_t)(p->taps * width);
            for (int j = 0; j < q->n_pieces; j++) {
                const Piece *e = &q->pieces[j];
                const size_t at = panel + block + (size_t)e->at * (size_t)(t->channels * width);
                multiply_piece(t, nv, &pixels, t->window + e->row * t->row_step + e->col * t->pixel_step, at, t->sums + v * LX_LANES,
                               e->taps * t->pixel_step, t->c > 0 || j > 0);
            }
        }
    }
}

/* A block of input channels in a tile. Of pairs each row is rounded in place, to its first half. */
static void load_tile(const ConvForm *form, const ConvTile *t)
{
    form->load(t);
    const int n = t->tile_w * t->channels, whole = n / LX_LANES * LX_LANES;
    for (int r = 0; t->pairs && r < t->tile_h; r++) {
        float *row = t->tile + (ptrdiff_t)r * n;
        uint16_t *to = (uint16_t *)(void *)row;
        for (int i = 0; i < whole; i += LX_LANES) lxv_store_bf16(to + i, lxv_load(row + i));
        lx_from_f32(to + whole, row + whole, LX_BF16, (size_t)(n - whole));
    }
}

/* One tile, from its inputs to its outputs. */
static void conv_tile(const ConvForm *form, ConvTile *t)
{
    const ConvPlan *p = t->p;
    for (t->c = 0; t->c < p->ci; t->c += p->block) {
        t->channels = lx_min(p->block, p->ci - t->c);
        t->pixel_step = t->pairs ? t->channels / 2 : t->channels;
        t->row_step = (t->filled ? p->filled_w : t->tile_w) * t->channels;
        if (t->filled) {
            t->window = t->filled + (size_t)t->c * (size_t)p->filled_h * (size_t)p->filled_w + (size_t)t->from_y * (size_t)t->row_step +
                        (size_t)t->from_x * (size_t)t->pixel_step;
        } else {
            load_tile(form, t);
            t->window = t->tile;
        }
        multiply_tile(form, t);
    }
    form->finish(t);
}

/* Of its band's output rows an item has every parts-th: its sums go into the first one's slot, zeros into the others. */
static void write_stats(const ConvTile *t, int part, int parts)
{
    const ConvPlan *p = t->p;
    const int cs = t->a->y.cs, c = t->v * LX_LANES, last = t->v + t->vectors == p->vectors;
    const int up = rows_out(&p->d), channels = lx_min(t->vectors * LX_LANES, cs - c);
    for (int r = part; r < up * t->rows; r += parts)
        for (int i = 0; i < 2; i++) {
            float *to = t->a->stats + (((size_t)t->n * (size_t)t->a->y.h + (size_t)(up * t->y + r)) * 2 + (size_t)i) * (size_t)cs + c;
            memset(to, 0, (size_t)(last ? cs - c : channels) * sizeof(float));
            if (r == part) memcpy(to, t->stats + i * p->group * LX_LANES, (size_t)channels * sizeof(float));
        }
}

/* The last columns of sums of a tile are the first of the next: of a transposed convolution, those that the FIR shares. */
static void carry_sums(ConvTile *t)
{
    const size_t step = (size_t)(t->p->group * LX_LANES);
    t->carried = sums_size(&t->p->d, 0);
    for (int r = 0; t->carried && r < t->sums_h; r++) {
        float *row = t->sums + (size_t)r * (size_t)t->pitch * step;
        memmove(row, row + (size_t)(t->sums_w - t->carried) * step, (size_t)t->carried * step * sizeof(float));
    }
}

static void conv_item(void *arg, int item, int slot)
{
    const ConvJob *j = arg;
    const ConvPlan *p = &j->p;
    const int part = item / j->frames % p->parts, band = item / j->frames / p->parts % p->bands, group = item / j->frames / p->parts / p->bands;
    ConvTile t = conv_tile_of(j, item % j->frames, slot);
    t.v = group * p->group, t.pitch = p->sums_w;
    t.vectors = lx_min(p->group, p->vectors - t.v);
    memset(t.stats, 0, 2 * (size_t)(p->group * LX_LANES) * sizeof(float));
    const int from = part * p->span, to = lx_min(from + p->span, p->grid_w), top = band * p->deep, bottom = lx_min(top + p->deep, p->grid_h);
    for (t.x = from; t.x < to; t.x += p->cols) {
        if (t.x > from) carry_sums(&t);
        t.cols = lx_min(p->cols, to - t.x);
        t.from_x = t.x * p->step;
        t.tile_w = halo_size(&p->d, t.cols), t.sums_w = sums_size(&p->d, t.cols);
        for (t.y = top; t.y < bottom; t.y += p->rows) {
            t.rows = lx_min(p->rows, bottom - t.y);
            t.from_y = t.y * p->step;
            t.tile_h = halo_size(&p->d, t.rows), t.sums_h = sums_size(&p->d, t.rows);
            t.blurred = t.y == top ? 0 : p->d.k == 3 ? 4 : 2; /* of four: tiles of 3x3 share a row, and a 1x1 steps over two */
            conv_tile(j->form, &t);
        }
    }
    t.y = top, t.rows = bottom - top;
    if (j->a->stats) write_stats(&t, part, p->parts);
}

/* Some rows of one block of input channels of a frame that is filled as a whole. */
static void fill_item(void *arg, int item, int slot)
{
    const ConvJob *j = arg;
    const ConvPlan *p = &j->p;
    const int bands = ceil_div(p->filled_h, LX_FILL_ROWS), frame = item / bands % j->frames, block = item / bands / j->frames;
    ConvTile t = conv_tile_of(j, frame, slot);
    t.from_y = item % bands * LX_FILL_ROWS;
    t.tile_h = lx_min(LX_FILL_ROWS, p->filled_h - t.from_y), t.tile_w = p->filled_w;
    t.c = block * p->block;
    t.channels = lx_min(p->block, p->ci - t.c);
    t.tile = j->filled + (size_t)frame * p->frame_floats + (size_t)t.c * (size_t)p->filled_h * (size_t)p->filled_w +
             (size_t)t.from_y * (size_t)p->filled_w * (size_t)t.channels;
    load_tile(j->form, &t);
}

static void conv_run(const LxExec *x, const LxConvArgs *a, const ConvForm *form, LxDtype weights, int pairs)
{
    ConvJob j = {.a = a, .form = form, .weights = weights, .pairs = pairs, .p = conv_plan(&a->weights->desc), .filled = x->scratch};
    const ConvPlan *p = &j.p;
    assert(a->x.cs == lx_stored_channels(a->x.c) && a->y.cs == p->y_cs && a->x.n == a->y.n);
    j.slots = j.filled + (size_t)p->together * p->frame_floats;
    const int most = p->together ? p->together : a->x.n;
    for (j.n = 0; j.n < a->x.n; j.n += most) {
        j.frames = lx_min(most, a->x.n - j.n);
        if (p->together) lx_parallel(x->pool, j.frames * ceil_div(p->ci, p->block) * ceil_div(p->filled_h, LX_FILL_ROWS), fill_item, &j);
        lx_parallel(x->pool, j.frames * p->parts * p->bands * p->groups, conv_item, &j);
    }
}

#endif
