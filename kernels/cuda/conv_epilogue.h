/* From sums to outputs (conv.h): scale, bias, activation, residual, statistics. */
#ifndef LX_CUDA_CONV_EPILOGUE_H
#define LX_CUDA_CONV_EPILOGUE_H

#include "device.h"

enum { CONV_THREADS = 128 }; /* of a block, in all kernels of the convolutions but the mma tier's */

/* What of LxConvArgs the end needs. */
typedef struct Finish {
    void *y;
    const void *residual; /* NULL: none */
    const float *out_scale, *bias, *gain, *offset;
    float *stats;
    int h, w, cs; /* of y */
    int out_stride, half, residual_up;
    float slope, residual_weight;
} Finish;

static inline Finish finish_of(const LxConvArgs *a)
{
    Finish f = {};
    f.y = a->y.data, f.residual = a->residual.data;
    f.out_scale = a->out_scale, f.bias = a->bias, f.gain = a->gain, f.offset = a->offset, f.stats = a->stats;
    f.h = a->y.h, f.w = a->y.w, f.cs = a->y.cs;
    f.out_stride = a->out_stride ? a->out_stride : a->y.cs;
    f.half = a->y.type == LX_F16, f.residual_up = a->residual_up;
    f.slope = a->slope, f.residual_weight = a->residual_weight;
    return f;
}

/* The vectors of channels c ... c+3 of frame n. */
typedef struct Factors {
    float4 scale, bias, gain, offset;
} Factors;

LX_DEVICE Factors factors_at(const Finish &f, int n, int c)
{
    Factors k;
    k.scale = lx_vector_or(f.out_scale, (size_t)n * f.out_stride + c, 1);
    k.bias = lx_vector_or(f.bias, c, 0);
    k.gain = lx_vector_or(f.gain, c, 1);
    k.offset = lx_vector_or(f.offset, c, 0);
    return k;
}

LX_DEVICE float activated(float v, float slope) { return v >= 0 ? v : slope * v; }

/* Output pixel (y, x) of frame n from its sums, of channels from c on: stored, and returned for the statistics. */
template <int V> LX_DEVICE LxChannels<V> finish(const Finish &f, const Factors *k, int n, int y, int x, int c, const LxChannels<V> &sums)
{
    const size_t at = (((size_t)n * f.h + y) * f.w + x) * f.cs + c;
    const int h = f.h / 2, w = f.w / 2;
    LxChannels<V> to, r = {};
    if (f.residual) r = f.residual_up ? lx_upsampled<V>(f.residual, f.half, (size_t)n * h * w * f.cs, h, w, f.cs, y, x, c) : lx_load_of<V>(f.residual, f.half, at);
    LX_UNROLL
    for (int i = 0; i < V; i++) {
        float4 v = lx_fma4(sums.v[i], k[i].scale, k[i].bias);
        v = make_float4(activated(v.x, f.slope), activated(v.y, f.slope), activated(v.z, f.slope), activated(v.w, f.slope));
        v = lx_fma4(v, k[i].gain, k[i].offset);
        to.v[i] = f.residual ? lx_fma4(lx_all4(f.residual_weight), r.v[i], v) : v;
    }
    lx_store_of(f.y, f.half, at, to);
    return to;
}

LX_DEVICE float4 finish4(const Finish &f, const Factors &k, int n, int y, int x, int c, float4 sum)
{
    const LxChannels<1> sums = {{sum}};
    return finish(f, &k, n, y, x, c, sums).v[0];
}

/* Sums over a block: `lanes` threads hold sums of the same 4*groups channels, which begin at c. They meet in `room`, 2*lanes*
   channels floats, and go to slot `slot` of the frame's rows: what the block has put there `before` is added. Slots after it,
   `step` apart and below `end`, are cleared. */
LX_DEVICE void store_stats(const Finish &f, int n, int slot, int step, int end, int before, float *room, int lanes, int channels, int c)
{
    __syncthreads();
    for (int i = threadIdx.x; i < 2 * channels; i += blockDim.x) {
        float sum = 0;
        for (int l = 0; l < lanes; l++) sum += room[(i / channels * lanes + l) * channels + i % channels];
        if (c + i % channels >= f.cs) continue;
        for (int s = slot; s < end; s += step) {
            float *to = f.stats + (((size_t)n * f.h + s) * 2 + i / channels) * f.cs + c + i % channels;
            *to = before ? *to + sum : sum;
            sum = 0;
        }
    }
    __syncthreads();
}

/* Where one thread's sums of four channels meet: its lane, and where the channels lie among the block's. */
LX_DEVICE void share_stats(float *room, int lanes, int channels, int lane, int at, float4 sum, float4 sum2)
{
    lx_store4(room + lane * channels + at, sum);
    lx_store4(room + (lanes + lane) * channels + at, sum2);
}

#endif
