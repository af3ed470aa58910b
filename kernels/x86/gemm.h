/*
 * The product that all convolutions here are made of: rows of A are pixels of a tile in scratch memory, columns of B are
 * output channels in packed panels. Six pixels by up to LX_PANEL vectors of channels stay in registers:
 * 6x16 with 8 lanes (12 of 16 registers), 6x64 with 16 lanes (24 of 32).
 */
#ifndef LX_X86_GEMM_H
#define LX_X86_GEMM_H

#include "core/half.h"
#include "x86/simd.h"
#include "x86/tiles.h"

#if LX_LANES == 8
#define LX_PANEL 2 /* vectors in a panel of B */
#define LX_TILE_STRING "6x16"
#else
#define LX_PANEL 4
#define LX_TILE_STRING "6x64"
#endif

#define LX_CHUNK_BYTES 24576  /* of B at a time: it stays in a first-level cache of 32 KiB, beside what streams by */
#define LX_PIXELS 512         /* most pixels of one product, a multiple of LX_ROWS above */

/* Where the pixels of a product lie: offsets in floats into A and C. n is a multiple of LX_ROWS. */
typedef struct GemmPixels {
    int n;
    int a[LX_PIXELS + LX_ROWS], c[LX_PIXELS + LX_ROWS];
} GemmPixels;

/* Fill up to whole groups of LX_ROWS: the last pixel again, its results going to `dummy`. */
static void gemm_pixels_end(GemmPixels *p, int dummy)
{
    while (p->n % LX_ROWS) {
        p->a[p->n] = p->a[p->n - 1];
        p->c[p->n++] = dummy;
    }
}

/* One step of a sum: of numbers, or of pairs of bf16. */
LX_INLINE LxV gemm_step(const int pairs, float a, LxV w, LxV c)
{
    return pairs ? lxv_dot(lxv_set(a), w, c) : lxv_fma(lxv_set(a), w, c);
}

/* Six pixels, k steps: C = (add ? C : 0) + A B. `nv` is constant at every call, so that c[] lives in registers; with `pairs`,
   likewise constant, a step is of two input channels, and every element of A and B a pair of bf16. At each step a piece of what
   comes after B is fetched: `next`, `ahead` floats a step. */
LX_INLINE void gemm_rows(const int nv, const int pairs, const float *a, const int *a_at, const float *b, float *c_base, const int *c_at, int k,
                         int add, const float *next, ptrdiff_t ahead)
{
    const float *a0 = a + a_at[0], *a1 = a + a_at[1], *a2 = a + a_at[2];
    const float *a3 = a + a_at[3], *a4 = a + a_at[4], *a5 = a + a_at[5];
    LxV c[LX_ROWS][LX_PANEL];

    LX_UNROLL for (int i = 0; i < LX_ROWS; i++)
        LX_UNROLL for (int j = 0; j < nv; j++) c[i][j] = add ? lxv_load(c_base + c_at[i] + j * LX_LANES) : lxv_zero();
    for (ptrdiff_t s = 0; s < k; s++, b += nv * LX_LANES) {
        LxV w[LX_PANEL];
        lx_prefetch(next + s * ahead);
        LX_UNROLL for (int j = 0; j < nv; j++) w[j] = lxv_load(b + j * LX_LANES);
        LX_UNROLL for (int j = 0; j < nv; j++) c[0][j] = gemm_step(pairs, a0[s], w[j], c[0][j]);
        LX_UNROLL for (int j = 0; j < nv; j++) c[1][j] = gemm_step(pairs, a1[s], w[j], c[1][j]);
        LX_UNROLL for (int j = 0; j < nv; j++) c[2][j] = gemm_step(pairs, a2[s], w[j], c[2][j]);
        LX_UNROLL for (int j = 0; j < nv; j++) c[3][j] = gemm_step(pairs, a3[s], w[j], c[3][j]);
        LX_UNROLL for (int j = 0; j < nv; j++) c[4][j] = gemm_step(pairs, a4[s], w[j], c[4][j]);
        LX_UNROLL for (int j = 0; j < nv; j++) c[5][j] = gemm_step(pairs, a5[s], w[j], c[5][j]);
    }
    LX_UNROLL for (int i = 0; i < LX_ROWS; i++)
        LX_UNROLL for (int j = 0; j < nv; j++) lxv_store(c_base + c_at[i] + j * LX_LANES, c[i][j]);
}

/* Parts that k steps of a panel so wide are done in. */
LX_INLINE int gemm_chunks(int width, int k)
{
    const int chunk = LX_CHUNK_BYTES / (width * (int)sizeof(float));
    return (k + chunk - 1) / chunk;
}

/* All pixels against one panel of nv vectors, in chunks of k for which B stays in the first-level cache. `next` is the panel
   that the caller will multiply by after this one, or b: it is on its way while this one is read again for every six pixels. */
LX_INLINE void gemm_panel_nv(const int nv, const int pairs, const GemmPixels *p, const float *a, const float *b, float *c, int k, int add,
                             const float *next)
{
    const int chunks = gemm_chunks(nv * LX_LANES, k);
    const ptrdiff_t ahead = p->n ? nv * LX_LANES * LX_ROWS / p->n : 0; /* a piece may have no pixels */
    for (int j = 0; j < chunks; j++) {
        const int from = (int)((long)k * j / chunks), to = (int)((long)k * (j + 1) / chunks);
        const float *bj = b + (ptrdiff_t)from * nv * LX_LANES, *then = j + 1 < chunks ? b + (ptrdiff_t)to * nv * LX_LANES : next;
        for (int i = 0; i < p->n; i += LX_ROWS, then += ahead * (to - from))
            gemm_rows(nv, pairs, a + from, p->a + i, bj, c, p->c + i, to - from, add || j > 0, then, ahead);
    }
}

LX_INLINE void gemm_panel_of(const int pairs, int nv, const GemmPixels *p, const float *a, const float *b, float *c, int k, int add, const float *next)
{
    switch (nv) {
    case 1: gemm_panel_nv(1, pairs, p, a, b, c, k, add, next); break;
    case 2: gemm_panel_nv(2, pairs, p, a, b, c, k, add, next); break;
#if LX_PANEL == 4
    case 3: gemm_panel_nv(3, pairs, p, a, b, c, k, add, next); break;
    case 4: gemm_panel_nv(4, pairs, p, a, b, c, k, add, next); break;
#endif
    }
}

typedef void GemmPanel(int nv, const GemmPixels *p, const float *a, const float *b, float *c, int k, int add, const float *next);

static void gemm_panel(int nv, const GemmPixels *p, const float *a, const float *b, float *c, int k, int add, const float *next)
{
    gemm_panel_of(0, nv, p, a, b, c, k, add, next);
}

/* Of pairs of bf16, which lie in the place of floats; k counts pairs. */
static void gemm_panel_pairs(int nv, const GemmPixels *p, const float *a, const float *b, float *c, int k, int add, const float *next)
{
    gemm_panel_of(1, nv, p, a, b, c, k, add, next);
}

/* Weights of 16 bits: widened by the chunk into `wide`, LX_CHUNK_BYTES of room, and multiplied by `factor` as they would have
   been when they were packed. */
typedef struct NarrowPanel {
    const uint16_t *b;
    LxDtype type;
    float factor, *wide;
} NarrowPanel;

static void widen(const NarrowPanel *q, ptrdiff_t from, int n)
{
    const LxV factor = lxv_set(q->factor);
    const uint16_t *b = q->b + from;
    if (q->type == LX_F16)
        for (int i = 0; i < n; i += LX_LANES) lxv_store(q->wide + i, lxv_mul(factor, lxv_load_f16(b + i)));
    else
        for (int i = 0; i < n; i += LX_LANES) lxv_store(q->wide + i, lxv_mul(factor, lxv_load_bf16(b + i)));
}

/* gemm_panel with the same sums in the same order. */
static void gemm_panel_narrow(int nv, const GemmPixels *p, const float *a, const NarrowPanel *q, float *c, int k, int add)
{
    const int width = nv * LX_LANES, chunks = gemm_chunks(width, k);
    for (int j = 0; j < chunks; j++) {
        const int from = (int)((long)k * j / chunks), to = (int)((long)k * (j + 1) / chunks);
        widen(q, (ptrdiff_t)from * width, (to - from) * width);
        gemm_panel(nv, p, a + from, q->wide, c, to - from, add || j > 0, q->wide);
    }
}

#endif
