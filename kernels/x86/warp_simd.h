/* warp (warp.h): the flow of a pixel is three dot products, then four pixels of the feature are blended. */
#include <math.h>
#include <string.h>

#include "warp.h"
#include "x86/simd.h"
#include "x86/x86.h"

/* Four pixels of the feature and their weights. */
typedef struct Sample {
    const float *pixel[4];
    float weight[4];
} Sample;

/* Component j of the previous level's flow, upsampled (conv.h): sixteenths of the four pixels around. */
static float previous_flow(const LxTensor *p, int n, int y, int x, int j)
{
    const int ys[2] = {y / 2, y & 1 ? y / 2 + 1 : y / 2 - 1}, xs[2] = {x / 2, x & 1 ? x / 2 + 1 : x / 2 - 1};
    float sum = 0;
    for (int i = 0; i < 4; i++) {
        const int py = ys[i >> 1], px = xs[i & 1];
        if (py < 0 || py >= p->h || px < 0 || px >= p->w) continue;
        sum += (i >> 1 ? 1 : 3) * (i & 1 ? 1 : 3) * (1 / 16.0f) * lx_tensor_pixel(p, n, py, px)[j];
    }
    return sum;
}

static void flow_of(const LxWarpArgs *a, int n, int y, int x, float flow[3])
{
    const float *h = lx_tensor_pixel(&a->h, n, y, x), *m = a->m + (ptrdiff_t)n * a->m_stride;
    const float *w0 = a->w, *w1 = w0 + a->h.cs, *w2 = w1 + a->h.cs;
    LxV s0 = lxv_zero(), s1 = lxv_zero(), s2 = lxv_zero();
    int c = 0;
    for (; c + LX_LANES <= a->h.c; c += LX_LANES) {
        const LxV hm = lxv_mul(lxv_load(h + c), lxv_load(m + c));
        s0 = lxv_fma(hm, lxv_load(w0 + c), s0);
        s1 = lxv_fma(hm, lxv_load(w1 + c), s1);
        s2 = lxv_fma(hm, lxv_load(w2 + c), s2);
    }
    if (c < a->h.c) { /* m has no padding */
        const int k = a->h.c - c;
        const LxV hm = lxv_mul(lxv_load_n(h + c, k), lxv_load_n(m + c, k));
        s0 = lxv_fma(hm, lxv_load_n(w0 + c, k), s0);
        s1 = lxv_fma(hm, lxv_load_n(w1 + c, k), s1);
        s2 = lxv_fma(hm, lxv_load_n(w2 + c, k), s2);
    }
    const float sums[3] = {lxv_sum(s0), lxv_sum(s1), lxv_sum(s2)};
    for (int j = 0; j < 3; j++) flow[j] = sums[j] + a->bias[j] + (a->previous.data ? previous_flow(&a->previous, n, y, x, j) : 0);
}

/* Positions in double: half a picture's width times tanh has no room for the rounding of f32. */
static Sample sample_at(const LxTensor *f, int n, double px, double py)
{
    Sample s;
    const double fx = floor(px), fy = floor(py);
    for (int k = 0; k < 4; k++) {
        const double cx = fx + (k & 1), cy = fy + (k >> 1);
        const int inside = cx >= 0 && cx < f->w && cy >= 0 && cy < f->h; /* false for NaN */
        s.weight[k] = inside ? (float)((1 - fabs(px - cx)) * (1 - fabs(py - cy))) : isnan(px + py) ? NAN : 0;
        s.pixel[k] = lx_tensor_pixel(f, f->n == 1 ? 0 : n, inside ? (int)cy : 0, inside ? (int)cx : 0);
    }
    return s;
}

/* Channels c ... c+width-1 of one pixel; h is read before blended, which may be the same memory, is written. */
LX_INLINE void blend(const int width, const Sample *s, float mask, float keep, const float *h, float *warped, float *blended, int c)
{
    LxV v = lxv_mul(lxv_set(s->weight[0]), lxv_load_w(width, s->pixel[0] + c));
    LX_UNROLL for (int i = 1; i < 4; i++) v = lxv_fma(lxv_set(s->weight[i]), lxv_load_w(width, s->pixel[i] + c), v);
    v = lxv_mul(v, lxv_set(mask));
    const LxV b = lxv_fma(lxv_set(keep), lxv_load_w(width, h + c), v);
    lxv_store_w(width, warped + c, v);
    if (blended) lxv_store_w(width, blended + c, b);
}

static void warp_pixel(const LxWarpArgs *a, int n, int y, int x)
{
    float flow[4] = {0};
    flow_of(a, n, y, x, flow);
    memcpy(lx_tensor_pixel(&a->flow, n, y, x), flow, sizeof flow);

    const double half = (a->h.w - 1) / 2.0;
    const Sample s = sample_at(&a->feature, n, x + half * tanh(flow[0]), y + half * tanh(flow[1]));
    const float e = expf(-flow[2]), mask = 1 / (1 + e), keep = isinf(e) ? 1 : e * mask; /* 1 - mask, without cancellation */
    const float *h = lx_tensor_pixel(&a->h, n, y, x);
    float *warped = lx_tensor_pixel(&a->warped, n, y, x), *blended = a->blended.data ? lx_tensor_pixel(&a->blended, n, y, x) : NULL;
    /* padding channels are zero in h and feature, and become zero */
    if (a->h.cs == 4) blend(4, &s, mask, keep, h, warped, blended, 0);
    else
        for (int c = 0; c < a->h.cs; c += LX_LANES) blend(LX_LANES, &s, mask, keep, h, warped, blended, c);
}

static void warp_row(void *arg, int row, int slot)
{
    (void)slot;
    const LxWarpArgs *a = arg;
    for (int x = 0; x < a->h.w; x++) warp_pixel(a, row / a->h.h, row % a->h.h, x);
}

void LX_LEVEL_NAME(lx_warp)(const LxExec *x, const LxWarpArgs *a)
{
    LxWarpArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, a->h.n * a->h.h, warp_row, &copy);
}
