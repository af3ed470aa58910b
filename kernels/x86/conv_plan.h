/*
 * How a direct convolution is cut up. An item of work is a band of rows, or a part of it, times a group of output channels;
 * it walks over its band tile by tile, and over the input channels block by block:
 *
 *     for each tile of the band
 *         for each block of input channels
 *             fill the tile, with its halo, in scratch memory: affine, zero padding, FIR          conv_load.h
 *             for each panel of output channels: sums += tile x weights                          gemm.h
 *         sums -> y: FIR where there is one, scale, bias, activation, residual, statistics           conv_finish.h
 *
 * Where several groups would fill the same tiles, and the picture is small enough for a third-level cache, it is filled as a
 * whole before the items begin, and tiles are windows of it.
 *
 * All of it follows from the shape, so that results depend on nothing else. Sizes are for a second-level cache of 512 KiB.
 */
#ifndef LX_X86_CONV_PLAN_H
#define LX_X86_CONV_PLAN_H

#include "conv.h"
#include "x86/gemm.h"

#define LX_BLOCK 128   /* input channels at a time; twice as many of conv_down2d 3x3, whose tiles are small */
#define LX_MIN_ITEMS 32 /* items wanted, so that small pictures keep many threads busy */
#define LX_SHARED_BYTES (16 << 20) /* of pictures that are filled as a whole */
#define LX_TOGETHER 8   /* of them at most at once, for a batch to share weights */
#define LX_FILL_ROWS 8  /* of them in one item */

typedef struct ConvPlan {
    LxConvDesc d;
    int grid_h, grid_w;         /* what the tiles cover: outputs; of a transposed convolution inputs */
    int rows, cols;             /* of a tile, at most */
    int bands, tiles;           /* bands of rows; tiles across a band */
    int deep;                   /* rows of a band: those of a tile, or of several, one below another */
    int span, parts;            /* columns of a band in one item; items along a band */
    int tile_h, tile_w;         /* with halo, at most */
    int sums_h, sums_w;         /* likewise: what the products give */
    int step;                   /* rows and columns of a filled picture from one of the grid to the next */
    int filled_h, filled_w;     /* of the whole picture, filled */
    int together;               /* frames that are filled as a whole at once; 0: items fill their tiles */
    int ci, block;              /* input channels as tiles keep them; in one block */
    int taps;                   /* k * k */
    int vectors, group, groups; /* of output channels; vectors in an item, a multiple of LX_PANEL; items across */
    int y_cs;
    size_t sums_at, line_at, stats_at, wide_at, slot_floats; /* parts of a slot's scratch; the tile is at 0 */
    size_t frame_floats;        /* of a picture filled as a whole */
} ConvPlan;

LX_INLINE int lx_min(int a, int b) { return a < b ? a : b; }
LX_INLINE int lx_max(int a, int b) { return a > b ? a : b; }
LX_INLINE int ceil_div(int a, int b) { return (a + b - 1) / b; }
LX_INLINE size_t larger(size_t a, size_t b) { return a > b ? a : b; }
LX_INLINE size_t whole_lines(size_t floats) { return (floats + 15) / 16 * 16; }

/* Whether tiles are of inputs, and outputs twice their size come from a transposed convolution. */
LX_INLINE int is_transposed(const LxConvDesc *d) { return d->kind == LX_CONV_UP2D || d->kind == LX_UPSAMPLE_CONV2D; }

/* Rows and columns of input that a tile of so many needs. */
static int halo_size(const LxConvDesc *d, int n)
{
    if (d->kind == LX_CONV_DOWN2D) return d->k == 3 ? 2 * n + 1 : n; /* for k = 1 only the samples kept are blurred */
    return n + d->k - 1;
}

/* Rows and columns of sums: of a transposed convolution those that the FIR after it takes. */
static int sums_size(const LxConvDesc *d, int n)
{
    return is_transposed(d) ? 2 * n + 3 : n;
}

/* Tiles of a transposed convolution are narrow, since the sums that neighbours share are kept from tile to tile, and high,
   since those of the next band are not. Those of conv_down2d are low, lower of many channels, for they take over what is blurred from the
   tile above, and wide, those of a 1x1 most, for memory to be read in long rows. */
static void plan_tiles(ConvPlan *p)
{
    const int pixels = p->d.kind != LX_CONV_DOWN2D ? 256 : p->d.k == 3 && p->ci > 32 ? 64 : 128;
    const int wide = is_transposed(&p->d) ? 8 : p->d.kind == LX_CONV_DOWN2D && p->d.k == 1 ? pixels : 32;
    p->tiles = ceil_div(p->grid_w, wide);
    p->cols = ceil_div(p->grid_w, p->tiles);
    p->bands = ceil_div(p->grid_h, lx_min(pixels / p->cols, 32));
    p->rows = ceil_div(p->grid_h, p->bands);
}

/* Output rows for each row of the grid. */
LX_INLINE int rows_out(const LxConvDesc *d) { return is_transposed(d) ? 2 : 1; }

static void plan_parts(ConvPlan *p, int parts)
{
    p->span = ceil_div(p->tiles, lx_max(parts, 1)) * p->cols;
    p->parts = ceil_div(p->grid_w, p->span);
}

/* Whether the tiles of a band lie one below another, and each takes over the rows that are blurred along x already. */
LX_INLINE int goes_down(const ConvPlan *p) { return p->d.kind == LX_CONV_DOWN2D && p->ci == p->block; }

/* Enough items: by channels first, then by columns, then by rows, which costs a transposed convolution most. The parts of a
   band are not more than its output rows, so that each has a slot for its statistics. */
static void plan_items(ConvPlan *p)
{
    const LxConvDesc *d = &p->d;
    const int channels = is_transposed(d) ? 32 : d->kind == LX_CONV_DOWN2D || d->k == 1 ? 128 : 64;
    p->group = lx_max(channels / (LX_PANEL * LX_LANES), 1) * LX_PANEL;
    p->groups = ceil_div(p->vectors, p->group);
    for (; p->group > LX_PANEL && p->groups * p->bands < LX_MIN_ITEMS; p->groups = ceil_div(p->vectors, p->group))
        p->group = p->group / LX_PANEL / 2 * LX_PANEL;
    plan_parts(p, lx_min(ceil_div(LX_MIN_ITEMS, p->groups * p->bands), p->tiles));
    while (p->groups * p->bands * p->parts < LX_MIN_ITEMS && p->rows > 1 && p->rows * p->cols >= 8 * LX_ROWS) {
        p->rows = (p->rows + 1) / 2;
        p->bands = ceil_div(p->grid_h, p->rows);
    }
    const int fewest = rows_out(d) * (p->grid_h - (p->bands - 1) * p->rows);
    if (p->parts > fewest) plan_parts(p, fewest);
    p->deep = p->rows;
    if (!goes_down(p)) return;
    p->deep *= lx_max(p->groups * p->bands * p->parts / LX_MIN_ITEMS, 1);
    p->bands = ceil_div(p->grid_h, p->deep);
}

static void plan_filling(ConvPlan *p)
{
    p->step = p->d.kind == LX_CONV_DOWN2D && p->d.k == 3 ? 2 : 1;
    p->filled_h = halo_size(&p->d, p->grid_h), p->filled_w = halo_size(&p->d, p->grid_w);
    p->frame_floats = whole_lines((size_t)p->filled_h * (size_t)p->filled_w * (size_t)p->ci);
    const size_t frames = LX_SHARED_BYTES / sizeof(float) / p->frame_floats;
    p->together = p->groups > 1 ? (int)(frames < LX_TOGETHER ? frames : LX_TOGETHER) : 0;
}

static ConvPlan conv_plan(const LxConvDesc *d)
{
    ConvPlan p = {.d = *d, .taps = d->k * d->k, .y_cs = lx_stored_channels(d->co)};
    const int outputs = !is_transposed(d);
    p.grid_h = outputs ? lx_conv_out(d, d->h) : d->h;
    p.grid_w = outputs ? lx_conv_out(d, d->w) : d->w;
    p.ci = d->ci <= 4 ? 4 : ceil_div(d->ci, LX_LANES) * LX_LANES;
    p.block = lx_min(p.ci, d->kind == LX_CONV_DOWN2D && d->k == 3 ? 2 * LX_BLOCK : LX_BLOCK);
    p.vectors = ceil_div(d->co, LX_LANES);
    plan_tiles(&p);
    plan_items(&p);
    plan_filling(&p);
    p.tile_h = halo_size(d, p.rows), p.tile_w = halo_size(d, p.cols);
    p.sums_h = sums_size(d, p.rows), p.sums_w = sums_size(d, p.cols);

    const size_t channels = (size_t)(p.group * LX_LANES), block = (size_t)p.block;
    const size_t sums = (size_t)(p.sums_h * p.sums_w + 1) * channels; /* and a pixel that nobody reads */
    const size_t fir = is_transposed(d) ? (size_t)p.sums_w * channels : 0;
    const size_t blurred = d->kind == LX_CONV_DOWN2D ? 4 * (size_t)(p.together ? p.filled_w : p.tile_w) * block : 0;
    p.sums_at = p.together ? 0 : whole_lines((size_t)(p.tile_h * p.tile_w) * block);
    p.line_at = p.sums_at + whole_lines(sums);
    p.stats_at = p.line_at + whole_lines(larger(fir, blurred));
    p.wide_at = p.stats_at + 2 * channels;
    p.slot_floats = p.wide_at + LX_CHUNK_BYTES / sizeof(float);
    return p;
}

/* One tile and one block of input channels, as an item comes to it. */
typedef struct ConvTile {
    const ConvPlan *p;
    const LxConvArgs *a;
    int n;                /* frame */
    int y, x, rows, cols; /* on the plan's grid */
    int from_y, from_x;   /* the tile's first pixel in the picture as it is filled */
    int tile_h, tile_w, sums_h, sums_w;
    int pitch;            /* pixels from one row of sums to the next */
    int carried;          /* columns of sums that the tile before left */
    int blurred;          /* rows of `line` that the tile above left */
    int c, channels;      /* of the input: first, how many */
    int v, vectors;       /* of the output: first, how many */
    const float *filled;  /* this frame, filled as a whole; NULL: it is not */
    const float *window;  /* what the products read: the tile in `filled` or in `tile` */
    int row_step, pixel_step; /* floats from one of its rows, and pixels, to the next */
    LxDtype weights;      /* as they are packed */
    int pairs;            /* they are pairs of bf16, as the window's pixels are: half a float a channel */
    float *tile, *sums, *line, *stats, *wide;
} ConvTile;

#endif
