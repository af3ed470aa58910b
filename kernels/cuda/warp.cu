/* warp (warp.h): a few lanes for each pixel, each with four channels at a time. The flow is their sum; then each blends. */
#include "warp.h"

#include "device.h"
#include "plain.h"

enum { THREADS = 128 };

typedef struct WarpParams {
    LxWarpArgs a;
    int lanes; /* for each pixel: a power of 2, 32 at most */
} WarpParams;

/* Four channels of the modulation, which has no padding. */
LX_DEVICE float4 modulation4(const LxWarpArgs &a, const float *m, int c)
{
    return make_float4(c < a.h.c ? m[c] : 0, c + 1 < a.h.c ? m[c + 1] : 0, c + 2 < a.h.c ? m[c + 2] : 0, c + 3 < a.h.c ? m[c + 3] : 0);
}

/* One axis of the bilinear sample at x + d: the first of its two samples and the weight of the second. The position is never
   added up: d has more digits than x + d. A NaN takes sample 0. */
LX_DEVICE void position(float d, int x, int *first, float *weight)
{
    const float below = floorf(d);
    *weight = d - below;
    *first = below == below ? x + (int)below : 0;
}

template <typename T> static __global__ void __launch_bounds__(THREADS) warp_kernel(const WarpParams p)
{
    const LxWarpArgs &a = p.a;
    const int w = a.h.w, h = a.h.h, cs = a.h.cs, step = 4 * p.lanes;
    const int pixels = a.h.n * h * w, group = (blockIdx.x * THREADS + threadIdx.x) / p.lanes, lane = threadIdx.x % p.lanes;
    const int inside = group < pixels, pixel = inside ? group : pixels - 1; /* nobody leaves before the sums */
    const int x = pixel % w, y = pixel / w % h, n = pixel / w / h;
    const T *from = (const T *)a.h.data + (size_t)pixel * cs;
    const float *m = a.m + (size_t)n * a.m_stride;

    float flow[3] = {0, 0, 0};
    for (int c = 4 * lane; c < cs; c += step) {
        const float4 v = lx_load4(from + c), k = modulation4(a, m, c);
        const float4 u = make_float4(v.x * k.x, v.y * k.y, v.z * k.z, v.w * k.w);
        LX_UNROLL
        for (int j = 0; j < 3; j++) {
            const float4 weight = lx_load4(a.w + j * cs + c);
            flow[j] += u.x * weight.x + u.y * weight.y + (u.z * weight.z + u.w * weight.w);
        }
    }
    float4 previous = lx_all4(0);
    if (a.previous.data) previous = lx_upsampled<1>(a.previous.data, 0, (size_t)n * a.previous.h * a.previous.w * 4, a.previous.h, a.previous.w, 4, y, x, 0).v[0];
    flow[0] = lx_lanes_sum(flow[0], p.lanes) + a.bias[0] + previous.x;
    flow[1] = lx_lanes_sum(flow[1], p.lanes) + a.bias[1] + previous.y;
    flow[2] = lx_lanes_sum(flow[2], p.lanes) + a.bias[2] + previous.z;
    if (!inside) return;
    if (lane == 0) lx_store4(a.flow.data + (size_t)pixel * 4, make_float4(flow[0], flow[1], flow[2], 0));

    const float dx = tanhf(flow[0]) * (w - 1) / 2, dy = tanhf(flow[1]) * (h - 1) / 2, mask = 1 / (1 + expf(-flow[2]));
    int x0, y0;
    float wx, wy;
    position(dx, x, &x0, &wx);
    position(dy, y, &y0, &wy);
    const T *feature = (const T *)a.feature.data + (a.feature.n == 1 ? 0 : (size_t)n * h * w * cs);
    const T *corner[4];
    float weight[4];
    LX_UNROLL
    for (int k = 0; k < 4; k++) {
        const int cx = x0 + (k & 1), cy = y0 + (k >> 1), in_picture = cx >= 0 && cx < w && cy >= 0 && cy < h;
        const float v = (k & 1 ? wx : 1 - wx) * (k >> 1 ? wy : 1 - wy);
        weight[k] = in_picture || v != v ? v : 0;
        corner[k] = feature + (in_picture ? ((size_t)cy * w + cx) * cs : 0);
    }
    for (int c = 4 * lane; c < cs; c += step) {
        float4 v = lx_all4(0);
        LX_UNROLL
        for (int k = 0; k < 4; k++) v = lx_fma4(lx_all4(weight[k]), lx_load4(corner[k] + c), v);
        v = lx_scale4(mask, v);
        float4 b = lx_fma4(lx_all4(1 - mask), lx_load4(from + c), v); /* read before blended, which may be h, is written */
        if (c + 1 > a.h.c - 1) v.y = b.y = 0; /* padding, whatever NaN the weights are */
        if (c + 2 > a.h.c - 1) v.z = b.z = 0;
        if (c + 3 > a.h.c - 1) v.w = b.w = 0;
        if (c > a.h.c - 1) v.x = b.x = 0;
        lx_store4((T *)a.warped.data + (size_t)pixel * cs + c, v);
        if (a.blended.data) lx_store4((T *)a.blended.data + (size_t)pixel * cs + c, b);
    }
}

void lx_warp_cuda(const LxExec *x, const LxWarpArgs *a)
{
    WarpParams p = {*a, 1};
    while (p.lanes < 32 && 4 * p.lanes < a->h.cs) p.lanes *= 2;
    const int blocks = lx_ceil_div(a->h.n * a->h.h * a->h.w, THREADS / p.lanes);
    if (a->h.type == LX_F16) LX_LAUNCH(warp_kernel<__half>, blocks, THREADS, 0, x->stream, p);
    else LX_LAUNCH(warp_kernel<float>, blocks, THREADS, 0, x->stream, p);
}
