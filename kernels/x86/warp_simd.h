/* warp (warp.h): the flow of a pixel is three dot products, then four pixels of the feature are blended. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "warp.h"
#include "x86/simd.h"
#include "x86/upsampled.h"
#include "x86/x86.h"

#define PIXELS 16 /* of a row at a time: where they sample is computed side by side, in vectors that the compiler makes */

static void flow_of(const LxWarpArgs *a, int n, int y, int x, float flow[4])
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
    float previous[4] = {0};
    if (a->previous.data) lxv_store_4(previous, upsampled_at(4, &a->previous, n, y, x, 0));
    for (int j = 0; j < 3; j++) flow[j] = sums[j] + a->bias[j] + previous[j];
}

/* Some pixels of a row from column x on: the upper left of the four pixels of the feature, how far beyond it the sample lies, mask
   and 1 - mask. `flow` is theirs, its last component halved. */
typedef struct Samples {
    int n, y, x;
    float flow[3 * PIXELS];
    int row[PIXELS], column[PIXELS];
    float down[PIXELS], right[PIXELS], mask[PIXELS], keep[PIXELS];
} Samples;

#define WHOLE 6755399441055744.0 /* 1.5 * 2^52: the sum with it is the nearest whole number's, which its last bits are */

LX_INLINE uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

/* To 2^-40, for |x| <= 40. (1 - e) / (1 + e) with e = exp(-2|x|) = 2^i exp(f), |f| <= ln(2)/2, and exp(f) its series up to f^10. */
LX_INLINE double tanh_of(double x)
{
    const double z = fabs(x) * -2.8853900817779268, sum = z + WHOLE, f = (z - (sum - WHOLE)) * 0.6931471805599453;
    double e = 1.0 / 3628800, power;
    e = e * f + 1.0 / 362880;
    e = e * f + 1.0 / 40320;
    e = e * f + 1.0 / 5040;
    e = e * f + 1.0 / 720;
    e = e * f + 1.0 / 120;
    e = e * f + 1.0 / 24;
    e = e * f + 1.0 / 6;
    e = e * f + 0.5;
    e = e * f + 1;
    e = e * f + 1;
    const uint64_t exponent = (bits_of(sum) + 1023) << 52;
    memcpy(&power, &exponent, sizeof power);
    e *= power;
    return copysign((1 - e) / (1 + e), x);
}

/* Where at + i + half * t[i] lies, or at + half * t[i]: below it the whole number, and how far. In double: half a picture's width times
   tanh has no room for the rounding of f32. */
LX_INLINE void place(double at, double step, double half, const double *t, int *below, float *beyond)
{
    for (int i = 0; i < PIXELS; i++) {
        const double p = at + step * i + half * t[i], whole = floor(p);
        below[i] = (int)(uint32_t)bits_of(whole + WHOLE); /* any number for NaN */
        beyond[i] = (float)(p - whole);
    }
}

static void place_all(Samples *s, double half)
{
    double t[3 * PIXELS];
    for (int i = 0; i < 3 * PIXELS; i++) s->flow[i] = s->flow[i] > 40 ? 40 : s->flow[i]; /* NaN stays */
    for (int i = 0; i < 3 * PIXELS; i++) s->flow[i] = s->flow[i] < -40 ? -40 : s->flow[i];
    for (int i = 0; i < 3 * PIXELS; i++) t[i] = tanh_of(s->flow[i]);
    place(s->x, 1, half, t, s->column, s->right);
    place(s->y, 0, half, t + PIXELS, s->row, s->down);
    for (int i = 0; i < PIXELS; i++) s->mask[i] = (float)(0.5 + 0.5 * t[2 * PIXELS + i]);
    for (int i = 0; i < PIXELS; i++) s->keep[i] = (float)(0.5 - 0.5 * t[2 * PIXELS + i]);
}

/* Four pixels of the feature and their weights. */
typedef struct Corners {
    const float *pixel[4];
    float weight[4];
} Corners;

static Corners corners_of(const LxTensor *f, const Samples *s, int i)
{
    const int y = s->row[i], x = s->column[i], all = x >= 0 && x + 1 < f->w && y >= 0 && y + 1 < f->h;
    const float right = s->right[i], down = s->down[i];
    const float *frame = lx_tensor_pixel(f, f->n == 1 ? 0 : s->n, 0, 0);
    Corners c = {.weight = {(1 - right) * (1 - down), right * (1 - down), (1 - right) * down, right * down}};
    for (int k = 0; k < 4; k++) {
        const int cx = x + (k & 1), cy = y + (k >> 1), inside = all || (cx >= 0 && cx < f->w && cy >= 0 && cy < f->h);
        c.pixel[k] = frame + (inside ? ((ptrdiff_t)cy * f->w + cx) * f->cs : 0);
        if (!inside) c.weight[k] *= 0; /* NaN stays */
    }
    return c;
}

/* Channels c ... c+width-1 of one pixel; h, which may be blended's memory, is read before that is written. */
LX_INLINE void blend(const int width, const Corners *s, float mask, float keep, const float *h, float *warped, float *blended, int c)
{
    LxV v = lxv_mul(lxv_set(s->weight[0]), lxv_load_w(width, s->pixel[0] + c));
    LX_UNROLL for (int i = 1; i < 4; i++) v = lxv_fma(lxv_set(s->weight[i]), lxv_load_w(width, s->pixel[i] + c), v);
    v = lxv_mul(v, lxv_set(mask));
    lxv_store_w(width, warped + c, v);
    if (blended) lxv_store_w(width, blended + c, lxv_fma(lxv_set(keep), lxv_load_w(width, h + c), v));
}

static void blend_pixel(const LxWarpArgs *a, const Samples *s, int i)
{
    const Corners k = corners_of(&a->feature, s, i);
    const int x = s->x + i;
    const float *h = lx_tensor_pixel(&a->h, s->n, s->y, x);
    float *warped = lx_tensor_pixel(&a->warped, s->n, s->y, x), *blended = a->blended.data ? lx_tensor_pixel(&a->blended, s->n, s->y, x) : NULL;
    /* padding channels are zero in h and feature, and become zero */
    if (a->h.cs == 4) blend(4, &k, s->mask[i], s->keep[i], h, warped, blended, 0);
    else
        for (int c = 0; c < a->h.cs; c += LX_LANES) blend(LX_LANES, &k, s->mask[i], s->keep[i], h, warped, blended, c);
}

static void warp_row(void *arg, int row, int slot)
{
    (void)slot;
    const LxWarpArgs *a = arg;
    Samples s = {.n = row / a->h.h, .y = row % a->h.h};
    for (s.x = 0; s.x < a->h.w; s.x += PIXELS) {
        const int n = a->h.w - s.x < PIXELS ? a->h.w - s.x : PIXELS;
        for (int i = 0; i < n; i++) {
            float flow[4] = {0};
            flow_of(a, s.n, s.y, s.x + i, flow);
            memcpy(lx_tensor_pixel(&a->flow, s.n, s.y, s.x + i), flow, sizeof flow);
            for (int j = 0; j < 3; j++) s.flow[j * PIXELS + i] = (j < 2 ? 1 : 0.5f) * flow[j];
        }
        place_all(&s, (a->h.w - 1) / 2.0);
        for (int i = 0; i < n; i++) blend_pixel(a, &s, i);
    }
}

void LX_LEVEL_NAME(lx_warp)(const LxExec *x, const LxWarpArgs *a)
{
    LxWarpArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, a->h.n * a->h.h, warp_row, &copy);
}
