/* 3x3 convolutions by Winograd's method, in tiles of 2x2 or 4x4 outputs (winograd_plan.h). With `pairs`, as in gemm.h, both
   factors are rounded to bf16 once they are transformed, and multiplied as pairs of input channels. */
#ifndef LX_X86_WINOGRAD_H
#define LX_X86_WINOGRAD_H

#include "x86/conv_direct.h"
#include "x86/winograd_plan.h"
#include "x86/x86.h"

/* ---- weights: U[panel][position][input channel][channels of the panel] -------------------------------------------- */
/* pairs: U[panel][position][pair of input channels][channels of the panel][channel of the pair] */

static size_t winograd_packed_bytes(const LxConvDesc *d, int m, int pairs)
{
    return (size_t)((m + 2) * (m + 2)) * (size_t)product_steps(d->ci, pairs) * (size_t)(ceil_div(d->co, LX_LANES) * LX_LANES) * sizeof(float);
}

typedef struct WinogradPack {
    const LxConvDesc *d;
    const float *w;
    float *to;
    int m, pairs;
    double kernel[LX_MAX_POINTS][3];
} WinogradPack;

/* Input channel c of a panel: all 3x3 kernels in the same steps. `to` is the panel. */
static void pack_kernels(const WinogradPack *k, int o, int c, int width, float *to)
{
    const int points = k->m + 2, steps = product_steps(k->d->ci, k->pairs);
    double g[3][3][LX_NR] = {{{0}}}, rows[3][LX_NR];
    for (int i = 0; i < lx_min(width, k->d->co - o) && c < k->d->ci; i++)
        for (int t = 0; t < 9; t++) g[t / 3][t % 3][i] = k->w[((size_t)(o + i) * (size_t)k->d->ci + (size_t)c) * 9 + (size_t)t];
    for (int p = 0; p < points; p++) {
        for (int x = 0; x < 3; x++)
            for (int i = 0; i < LX_NR; i++)
                rows[x][i] = k->kernel[p][0] * g[0][x][i] + k->kernel[p][1] * g[1][x][i] + k->kernel[p][2] * g[2][x][i];
        for (int q = 0; q < points; q++) {
            float *u = to + ((ptrdiff_t)(p * points + q) * steps + c / (1 + k->pairs)) * width;
            uint16_t *pair = (uint16_t *)(void *)u + c % 2;
            for (int i = 0; i < width; i++) {
                const float f = (float)(k->kernel[q][0] * rows[0][i] + k->kernel[q][1] * rows[1][i] + k->kernel[q][2] * rows[2][i]);
                if (k->pairs) pair[2 * i] = lx_f32_to_bf16(f);
                else u[i] = f;
            }
        }
    }
}

static void pack_panel(void *arg, int panel, int slot)
{
    (void)slot;
    const WinogradPack *k = arg;
    const int o = panel * LX_NR, width = lx_min(LX_NR, ceil_div(k->d->co, LX_LANES) * LX_LANES - o), points = k->m + 2;
    const int steps = product_steps(k->d->ci, k->pairs);
    float *to = k->to + (size_t)o * (size_t)(points * points) * (size_t)steps;
    for (int c = 0; c < steps * (1 + k->pairs); c++) pack_kernels(k, o, c, width, to);
}

static void winograd_pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to, int m, int pairs)
{
    WinogradPack k = {.d = d, .w = w, .to = to, .m = m, .pairs = pairs};
    winograd_kernel(m, k.kernel);
    lx_parallel(pool, ceil_div(d->co, LX_NR), pack_panel, &k);
}

/* ---- inputs -> V -------------------------------------------------------------------------------------------------- */

/* A vector of V, from channel c of the tile at v on. */
LX_INLINE void store_input(const int pairs, float *v, int c, LxV u)
{
    if (pairs) lxv_store_bf16((uint16_t *)(void *)v + c, u);
    else lxv_store(v + c, u);
}

/* A tile's inputs, `row` floats from one row to the next, to all positions of v. Whole lines of 16 channels at a time, so
   that each is fetched once, even where steps are powers of two. */
LX_INLINE void transform_tile(const int m, const int pairs, const int affine, const Source *s, const float *from, ptrdiff_t row,
                              ptrdiff_t pixel, float *v, size_t step)
{
    enum { PARTS = 16 / LX_LANES };
    for (int c = 0; c < s->channels; c += 16) {
        LxV columns[PARTS][LX_MAX_POINTS][LX_MAX_POINTS], d[LX_MAX_POINTS], to[LX_MAX_POINTS], scale[PARTS], shift[PARTS];
        if (affine)
            LX_UNROLL for (int i = 0; i < PARTS; i++) {
                scale[i] = s->scale ? lxv_load(s->scale + c + i * LX_LANES) : lxv_set(1);
                shift[i] = s->shift ? lxv_load(s->shift + c + i * LX_LANES) : lxv_zero();
            }
        for (int x = 0; x < m + 2; x++)
            LX_UNROLL for (int i = 0; i < PARTS; i++) {
                const float *at = from + x * pixel + c + i * LX_LANES;
                LX_UNROLL for (int y = 0; y < m + 2; y++) {
                    d[y] = lxv_load(at + y * row);
                    if (affine) d[y] = lxv_fma(d[y], scale[i], shift[i]);
                }
                winograd_input(m, d, to);
                LX_UNROLL for (int p = 0; p < m + 2; p++) columns[i][p][x] = to[p];
            }
        for (int p = 0; p < m + 2; p++)
            LX_UNROLL for (int i = 0; i < PARTS; i++) {
                winograd_input(m, columns[i][p], to);
                LX_UNROLL for (int q = 0; q < m + 2; q++)
                    store_input(pairs, v + (size_t)(p * (m + 2) + q) * step, c + i * LX_LANES, to[q]);
            }
    }
}

/* The channels t->c ... of a block's tiles. Tiles at the border are first copied with their zeros. */
LX_INLINE void transform_block(const int m, const int pairs, const WinogradPlan *p, ConvTile *t, int block, float *v)
{
    const Source s = source_of(t);
    const int first = block * p->block_tiles, n = lx_min(p->block_tiles, p->tiles - first);
    t->tile_h = t->tile_w = m + 2;
    for (int i = 0; i < n; i++) {
        t->y = t->from_y = (first + i) / p->tiles_w * m, t->x = t->from_x = (first + i) % p->tiles_w * m;
        float *to = v + i * p->v_tile + t->c / (1 + pairs);
        if (t->y == 0 || t->x == 0 || t->y + m + 1 > s.h || t->x + m + 1 > s.w) {
            load_plain(t, 1);
            transform_tile(m, pairs, 0, &s, t->tile, (ptrdiff_t)(m + 2) * s.channels, s.channels, to, p->v_step);
            continue;
        }
        const float *from = s.x + ((ptrdiff_t)(t->y - 1) * s.w + t->x - 1) * s.cs;
        if (s.affine) transform_tile(m, pairs, 1, &s, from, (ptrdiff_t)s.w * s.cs, s.cs, to, p->v_step);
        else transform_tile(m, pairs, 0, &s, from, (ptrdiff_t)s.w * s.cs, s.cs, to, p->v_step);
    }
}

/* ---- V x U -> M -> y ---------------------------------------------------------------------------------------------- */

/* U of one position and of the panel that begins i vectors into the group. */
static const float *panel_weights(const WinogradPlan *p, const ConvTile *t, int position, int i)
{
    const int width = lx_min(LX_PANEL, t->vectors - i) * LX_LANES;
    return (const float *)t->a->weights->packed + (size_t)((t->v + i) * LX_LANES) * (size_t)(p->positions * p->steps) +
           (size_t)position * (size_t)(p->steps * width);
}

/* What comes from memory while a block is multiplied: row after row of its tiles, its outputs and what is added to them, and
   the inputs of the tiles one block later. */
typedef struct Ahead {
    int row;                   /* in the tiles */
    int y, x, later_y, later_x; /* their first outputs */
} Ahead;

static Ahead ahead_of(const WinogradPlan *p, int block)
{
    const int tile = block * p->block_tiles, later = tile + p->block_tiles;
    return (Ahead){0, tile / p->tiles_w * p->m, tile % p->tiles_w * p->m, later / p->tiles_w * p->m, later % p->tiles_w * p->m};
}

LX_INLINE void next_tile(const WinogradPlan *p, int *y, int *x)
{
    *x += p->m;
    if (*x >= p->common.d.w) *x = 0, *y += p->m;
}

/* n pixels of a row. Inline, as all that leads here, since compilers drop the call of a function that only fetches. */
LX_INLINE void fetch_pixels(const LxTensor *t, int frame, int y, int x, int n)
{
    if (y >= t->h || x >= t->w) return;
    const float *from = lx_tensor_pixel(t, frame, y, x), *end = from + (ptrdiff_t)lx_min(n, t->w - x) * t->cs;
    for (; from < end; from += 16) lx_prefetch(from);
}

LX_INLINE void fetch_row(const WinogradPlan *p, const ConvTile *t, Ahead *f)
{
    const LxConvArgs *a = t->a;
    fetch_pixels(&a->y, t->n, f->y + f->row, f->x, p->m);
    if (a->residual.data && a->residual.data != a->y.data && !a->residual_up) fetch_pixels(&a->residual, t->n, f->y + f->row, f->x, p->m);
    if (!p->strip) fetch_pixels(&a->x, t->n, f->later_y + f->row + 1, f->later_x + 1, p->m);
    if (++f->row < p->m) return;
    f->row = 0;
    next_tile(p, &f->y, &f->x);
    next_tile(p, &f->later_y, &f->later_x);
}

/* M of a group of output channels. */
static void multiply_block(const WinogradPlan *p, const ConvTile *t, int block, const float *v, float *products)
{
    const int n = lx_min(p->block_tiles, p->tiles - block * p->block_tiles), steps = p->positions * ceil_div(t->vectors, LX_PANEL);
    const int rows = p->fetch ? n * p->m : 0;
    Ahead ahead = ahead_of(p, block);
    GemmPanel *const multiply = p->pairs ? gemm_panel_pairs : gemm_panel; /* neither of them inline: it would lack registers */
    GemmPixels tiles = {.n = n};
    for (int i = 0; i < n; i++) tiles.a[i] = i * p->v_tile, tiles.c[i] = i * LX_NR;
    gemm_pixels_end(&tiles, p->block_tiles * LX_NR);
    for (int position = 0, step = 0, fetched = 0; position < p->positions; position++)
        for (int i = 0; i < t->vectors; i += LX_PANEL) {
            for (const int due = rows * ++step / steps; fetched < due; fetched++) fetch_row(p, t, &ahead);
            const int nv = lx_min(LX_PANEL, t->vectors - i);
            const float *u = panel_weights(p, t, position, i);
            const float *next = i + LX_PANEL < t->vectors ? panel_weights(p, t, position, i + LX_PANEL) : panel_weights(p, t, lx_min(position + 1, p->positions - 1), 0);
            multiply(nv, &tiles, v + (size_t)position * p->v_step, u,
                     products + (size_t)(i / LX_PANEL * p->positions + position) * p->m_step, p->steps, 0, next);
        }
}

/* One tile and vector of channels: m rows of m sums, `row` and `pixel` floats apart. */
LX_INLINE void transform_back(const int m, const float *products, size_t step, float *sums, ptrdiff_t row, ptrdiff_t pixel)
{
    LxV rows[4][LX_MAX_POINTS], s[LX_MAX_POINTS], y[4];
    for (int q = 0; q < m + 2; q++) {
        LX_UNROLL for (int p = 0; p < m + 2; p++) s[p] = lxv_load(products + (size_t)(p * (m + 2) + q) * step);
        winograd_output(m, s, y);
        LX_UNROLL for (int r = 0; r < m; r++) rows[r][q] = y[r];
    }
    for (int r = 0; r < m; r++) {
        winograd_output(m, rows[r], y);
        LX_UNROLL for (int x = 0; x < m; x++) lxv_store(sums + r * row + x * pixel, y[x]);
    }
}

/* A block's products to outputs. */
LX_INLINE void finish_block(const int m, const WinogradPlan *p, ConvTile *t, int block, const float *products)
{
    const int step = p->common.group * LX_LANES, row = LX_BACK_TILES * m * step;
    const int first = block * p->block_tiles, end = lx_min(first + p->block_tiles, p->tiles);
    for (int i = first, n; i < end; i += n) {
        t->y = i / p->tiles_w * m, t->x = i % p->tiles_w * m;
        n = lx_min(lx_min(LX_BACK_TILES, end - i), p->tiles_w - i % p->tiles_w);
        for (int v = 0; v < t->vectors; v++)
            for (int j = 0; j < n; j++)
                transform_back(m, products + (size_t)(v / LX_PANEL * p->positions) * p->m_step + (size_t)((i - first + j) * LX_NR + v % LX_PANEL * LX_LANES),
                               p->m_step, t->sums + j * m * step + v * LX_LANES, row, step);
        for (int r = 0; r < lx_min(m, t->a->y.h - t->y); r++)
            finish_row(&(OutputRow){t, t->y + r, t->x, lx_min(n * m, t->a->y.w - t->x), 0, step, t->sums + r * row});
    }
}

/* ---- run ---------------------------------------------------------------------------------------------------------- */

typedef struct WinogradJob {
    const LxConvArgs *a;
    WinogradPlan p;
    float *scratch, *strip; /* of the slots; V of a strip */
    int n, first;           /* frame, first block of the strip */
} WinogradJob;

static ConvTile winograd_tile(const WinogradJob *j, int n, int slot)
{
    float *scratch = j->scratch + (size_t)slot * j->p.slot_floats;
    return (ConvTile){.p = &j->p.common, .a = j->a, .n = n, .tile = scratch + j->p.border_at, .sums = scratch + j->p.sums_at};
}

static void transform_chunk(const WinogradPlan *p, ConvTile *t, int block, int chunk, float *v)
{
    t->c = chunk * LX_CHUNK_CHANNELS;
    t->channels = lx_min(LX_CHUNK_CHANNELS, p->common.ci - t->c);
    if (p->m == 2 && p->pairs) transform_block(2, 1, p, t, block, v);
    else if (p->m == 2) transform_block(2, 0, p, t, block, v);
    else if (p->pairs) transform_block(4, 1, p, t, block, v);
    else transform_block(4, 0, p, t, block, v);
}

/* The groups from ... to-1 of a block, from its V. */
static void finish_groups(const WinogradJob *j, ConvTile *t, int block, int from, int to, const float *v, float *scratch)
{
    const WinogradPlan *p = &j->p;
    for (int g = from; g < to; g++) {
        t->v = g * p->common.group;
        t->vectors = lx_min(p->common.group, p->common.vectors - t->v);
        t->stats = scratch + p->stats_at + 2 * (size_t)(t->v * LX_LANES);
        multiply_block(p, t, block, v, scratch);
        if (p->m == 2) finish_block(2, p, t, block, scratch);
        else finish_block(4, p, t, block, scratch);
    }
}

/* A run of blocks and the groups from ... to-1. Its statistics go to the first of its share of the rows. */
static void winograd_run_of(const WinogradJob *j, int n, int run, int from, int to, int slot)
{
    const WinogradPlan *p = &j->p;
    const ConvPlan *c = &p->common;
    float *scratch = j->scratch + (size_t)slot * p->slot_floats;
    ConvTile t = winograd_tile(j, n, slot);
    memset(scratch + p->stats_at, 0, (p->v_at - p->stats_at) * sizeof(float));
    const int first = (int)((long)p->blocks * run / p->runs), end = (int)((long)p->blocks * (run + 1) / p->runs);
    for (int block = first; block < end; block++) {
        float *v = p->strip ? j->strip + (size_t)(block - j->first) * p->v_floats : scratch + p->v_at;
        for (int i = 0; i < p->chunks && !p->strip; i++) transform_chunk(p, &t, block, i, v);
        finish_groups(j, &t, block, from, to, v, scratch);
    }
    if (!j->a->stats) return;
    t.y = (int)((long)c->d.h * run / p->runs);
    t.rows = (int)((long)c->d.h * (run + 1) / p->runs) - t.y;
    for (int g = from; g < to; g++) {
        t.v = g * c->group;
        t.vectors = lx_min(c->group, c->vectors - t.v);
        t.stats = scratch + p->stats_at + 2 * (size_t)(t.v * LX_LANES);
        write_stats(&t, 0, 1);
    }
}

static void whole_item(void *arg, int item, int slot)
{
    const WinogradJob *j = arg;
    winograd_run_of(j, item % j->a->x.n, item / j->a->x.n, 0, j->p.common.groups, slot);
}

static void strip_transform_item(void *arg, int item, int slot)
{
    const WinogradJob *j = arg;
    ConvTile t = winograd_tile(j, j->n, slot);
    const int i = item / j->p.chunks;
    transform_chunk(&j->p, &t, j->first + i, item % j->p.chunks, j->strip + (size_t)i * j->p.v_floats);
}

static void strip_multiply_item(void *arg, int item, int slot)
{
    const WinogradJob *j = arg;
    const int group = item / j->p.strip, run = j->first + item % j->p.strip;
    if (run < j->p.runs) winograd_run_of(j, j->n, run, group, group + 1, slot);
}

static size_t winograd_scratch_bytes(const LxConvDesc *d, int m, int pairs, int slots)
{
    return winograd_plan(d, m, pairs, slots).scratch_floats * sizeof(float);
}

static void winograd_run(const LxExec *x, const LxConvArgs *a, int m, int pairs)
{
    const int slots = lx_pool_slots(x->pool);
    WinogradJob j = {.a = a, .p = winograd_plan(&a->weights->desc, m, pairs, slots), .scratch = x->scratch};
    const WinogradPlan *p = &j.p;
    if (!p->strip) {
        lx_parallel(x->pool, a->x.n * p->runs, whole_item, &j);
        return;
    }
    j.strip = j.scratch + (size_t)slots * p->slot_floats;
    for (j.n = 0; j.n < a->x.n; j.n++)
        for (j.first = 0; j.first < p->blocks; j.first += p->strip) {
            lx_parallel(x->pool, lx_min(p->strip, p->blocks - j.first) * p->chunks, strip_transform_item, &j);
            lx_parallel(x->pool, p->strip * p->common.groups, strip_multiply_item, &j);
        }
}

/* ---- entries ------------------------------------------------------------------------------------------------------ */

#define WINOGRAD(name, m, pairs, words)                                                                          \
    static size_t name##_packed_bytes(const LxConvDesc *d) { return winograd_packed_bytes(d, m, pairs); }         \
    static void name##_pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to) { winograd_pack(pool, d, w, to, m, pairs); } \
    static size_t name##_scratch_bytes(const LxConvDesc *d, int slots) { return winograd_scratch_bytes(d, m, pairs, slots); } \
    static void name##_run(const LxExec *x, const LxConvArgs *a) { winograd_run(x, a, m, pairs); }                \
    const LxConvOps LX_LEVEL_NAME(lx_conv2d_##name) = {"winograd " #m "x" #m words, name##_packed_bytes, name##_pack, \
                                                       name##_scratch_bytes, name##_run};

WINOGRAD(winograd2_bf16, 2, 1, " bf16")
WINOGRAD(winograd4_bf16, 4, 1, " bf16")

#if !defined(__AVX512BF16__) /* which is there for those alone */
WINOGRAD(winograd2, 2, 0, "")
WINOGRAD(winograd4, 4, 0, "")
#endif

#endif
