/*
 * How a Winograd convolution is cut up. Outputs are computed in tiles of m x m, each from (m+2) x (m+2) inputs with as many
 * multiplications for a pair of channels, one for each position:
 *
 *     for each block of tiles
 *         V[position][tile][input channel] = the transformed inputs: affine, zero padding            winograd.h
 *         for each group of panels of output channels
 *             for each position: M[panel][position][tile] = V[position] x U[panel][position]         gemm.h
 *             M transformed back to sums, sums -> y as a direct convolution does it                  conv_finish.h
 *
 * Where the blocks cannot keep all threads busy to their end, the V of many blocks (a strip) is made first, and then the groups
 * of each block are items of their own; smaller groups where even these are few. That costs V its way through a shared cache.
 * Results do not depend on which.
 */
#ifndef LX_X86_WINOGRAD_PLAN_H
#define LX_X86_WINOGRAD_PLAN_H

#include "x86/conv_plan.h"
#include "x86/winograd_transform.h"

#define LX_GROUP_CHANNELS 64 /* output channels in a group: its M stays in a second-level cache of 512 KiB */
#define LX_CHUNK_CHANNELS 64 /* input channels that are transformed together */
#define LX_BACK_TILES 4     /* tiles of one row that are transformed back together */
#define LX_STRIP_BYTES (16 << 20) /* most V of a strip: it stays in a last-level cache */
#define LX_FETCH_BYTES (4 << 20) /* of a picture that is fetched: it does not stay in a cache */
#define LX_MOST_IDLE 6      /* strips where more than one in so many parts of all threads' time would be lost in the end */
#define LX_ITEMS_A_SLOT 2   /* of a strip, at least */

#define LX_NR (LX_PANEL * LX_LANES)

typedef struct WinogradPlan {
    ConvPlan common;           /* d, ci, vectors, group and groups: what conv_load.h and conv_finish.h look at */
    int m, points, positions;  /* m + 2, and its square */
    int pairs, steps;          /* of bf16; steps of a product: input channels, or pairs of them */
    int v_tile;                /* floats from one tile of V to the next */
    int tiles_w, tiles, blocks;
    int block_tiles;           /* tiles in a block */
    int fetch;                 /* what a block reads and writes is fetched while it is multiplied */
    int runs;                  /* of blocks: each adds up statistics of its own */
    int chunks;                /* of input channels */
    size_t v_step, v_floats;   /* from one position to the next; of a block */
    size_t m_step;
    size_t sums_at, border_at, stats_at, v_at, slot_floats; /* parts of a slot's scratch; M is at 0 */
    int strip;                 /* blocks in a strip; 0: each slot has a V of its own */
    size_t scratch_floats;
} WinogradPlan;

/* A step that is no multiple of 4096 bytes, so that all positions of a tile find room in a first-level cache. */
LX_INLINE size_t padded_step(size_t floats)
{
    return whole_lines(floats) + 16;
}

/* An even number where they are few, for two threads or four. It depends on the shape alone, since statistics are added up by runs. */
static void plan_blocks(WinogradPlan *p)
{
    p->blocks = ceil_div(p->tiles, LX_BLOCK_TILES);
    if (p->blocks > 1) p->blocks += p->blocks % 2;
    p->block_tiles = ceil_div(ceil_div(p->tiles, p->blocks), LX_ROWS) * LX_ROWS;
    p->blocks = ceil_div(p->tiles, p->block_tiles);
}

/* Whether the threads get about as many runs each. */
static int balanced(int runs, int slots)
{
    return (ceil_div(runs, slots) * slots - runs) * LX_MOST_IDLE <= ceil_div(runs, slots) * slots;
}

/* Input channels, or pairs of them. */
LX_INLINE int product_steps(int ci, int pairs) { return pairs ? ceil_div(ci, 2) : ci; }

static WinogradPlan winograd_plan(const LxConvDesc *d, int m, int pairs, int slots)
{
    WinogradPlan p = {.m = m, .points = m + 2, .positions = (m + 2) * (m + 2), .pairs = pairs, .steps = product_steps(d->ci, pairs)};
    ConvPlan *c = &p.common;
    c->d = *d;
    c->ci = lx_stored_channels(d->ci);
    c->vectors = ceil_div(d->co, LX_LANES);
    c->group = lx_min(lx_max(LX_GROUP_CHANNELS / LX_NR, 1) * LX_PANEL, ceil_div(c->vectors, LX_PANEL) * LX_PANEL);
    p.tiles_w = ceil_div(d->w, m);
    p.tiles = p.tiles_w * ceil_div(d->h, m);
    plan_blocks(&p);
    p.runs = lx_min(p.blocks, d->h);
    p.chunks = ceil_div(c->ci, LX_CHUNK_CHANNELS);
    p.v_tile = product_steps(c->ci, pairs);
    p.v_step = padded_step((size_t)(p.block_tiles * p.v_tile));
    p.v_floats = (size_t)p.positions * p.v_step;
    if (p.runs == p.blocks && !balanced(p.runs, slots)) {
        const int most = lx_max(lx_min(p.blocks, (int)(LX_STRIP_BYTES / sizeof(float) / p.v_floats)), 1);
        p.strip = ceil_div(p.blocks, ceil_div(p.blocks, most));
        while (c->group > LX_PANEL && p.strip * ceil_div(c->vectors, c->group) < LX_ITEMS_A_SLOT * slots) c->group = c->group / LX_PANEL / 2 * LX_PANEL;
    }
    c->groups = ceil_div(c->vectors, c->group);
    /* with more groups there are products enough for all that waits */
    p.fetch = c->groups == 1 && (size_t)d->h * (size_t)d->w * (size_t)d->co * sizeof(float) >= LX_FETCH_BYTES;
    p.m_step = padded_step((size_t)((p.block_tiles + 1) * LX_NR)); /* and a tile that nobody reads */
    p.sums_at = (size_t)(c->group / LX_PANEL * p.positions) * p.m_step;
    p.border_at = p.sums_at + (size_t)(LX_BACK_TILES * m * m * c->group * LX_LANES);
    p.stats_at = p.border_at + (size_t)(p.positions * LX_CHUNK_CHANNELS);
    p.v_at = p.stats_at + (size_t)(2 * c->groups * c->group * LX_LANES);
    p.slot_floats = p.v_at + (p.strip ? 0 : p.v_floats);
    p.scratch_floats = (size_t)slots * p.slot_floats + (size_t)p.strip * p.v_floats;
    return p;
}

#endif
