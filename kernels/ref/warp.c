/* The flow head, sampling, mask and blend (warp.h). */
#include "warp.h"

#include <math.h>

#include "ref.h"

/* Weight and pixel of one corner of the bilinear sample; weight 0 outside the picture. */
typedef struct Corner {
    double weight;
    const float *pixel;
} Corner;

static void corners(const LxTensor *f, int n, double gx, double gy, Corner out[4])
{
    const double px = (gx + 1) / 2 * (f->w - 1), py = (gy + 1) / 2 * (f->h - 1), fx = floor(px), fy = floor(py);
    for (int k = 0; k < 4; k++) {
        const double cx = fx + (k & 1), cy = fy + (k >> 1);
        const int inside = cx >= 0 && cx <= f->w - 1 && cy >= 0 && cy <= f->h - 1; /* false for NaN */
        out[k].weight = inside ? (1 - fabs(px - cx)) * (1 - fabs(py - cy)) : isnan(px + py) ? NAN : 0;
        out[k].pixel = lx_tensor_pixel(f, f->n == 1 ? 0 : n, inside ? (int)cy : 0, inside ? (int)cx : 0);
    }
}

static void warp_pixel(const LxWarpArgs *a, int n, int y, int x)
{
    const float *h = lx_tensor_pixel(&a->h, n, y, x), *m = a->m + (size_t)n * (size_t)a->m_stride;
    double flow[3];
    for (int j = 0; j < 3; j++) {
        flow[j] = a->bias[j] + (a->previous.data ? lx_ref_upsampled(&a->previous, n, y, x, j) : 0);
        for (int c = 0; c < a->h.c; c++) flow[j] += (double)a->w[j * a->h.cs + c] * m[c] * h[c];
    }
    float *out = lx_tensor_pixel(&a->flow, n, y, x);
    for (int j = 0; j < a->flow.cs; j++) out[j] = j < 3 ? (float)flow[j] : 0;

    Corner k[4];
    corners(&a->feature, n, -1 + 2.0 * x / (a->h.w - 1) + tanh(flow[0]), -1 + 2.0 * y / (a->h.h - 1) + tanh(flow[1]), k);
    const double mask = 1 / (1 + exp(-flow[2]));
    float *warped = lx_tensor_pixel(&a->warped, n, y, x), *blended = a->blended.data ? lx_tensor_pixel(&a->blended, n, y, x) : NULL;
    for (int c = 0; c < a->h.cs; c++) {
        double v = 0;
        for (int i = 0; i < 4; i++) v += k[i].weight * k[i].pixel[c];
        v *= mask;
        const double b = v + (1 - mask) * h[c]; /* read before blended, which may be h, is written */
        warped[c] = c < a->h.c ? (float)v : 0;
        if (blended) blended[c] = c < a->h.c ? (float)b : 0;
    }
}

static void warp_row(void *arg, int row, int slot)
{
    (void)slot;
    const LxWarpArgs *a = arg;
    for (int x = 0; x < a->h.w; x++) warp_pixel(a, row / a->h.h, row % a->h.h, x);
}

void lx_warp_ref(const LxExec *x, const LxWarpArgs *a)
{
    LxWarpArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, a->h.n * a->h.h, warp_row, &copy);
}
