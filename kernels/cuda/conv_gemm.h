/*
 * The product of all convolutions: rows are pixels of a grid, columns output channels, and the inner dimension runs over taps
 * and, for each, over the input channels, 16 at a time. Nothing is unfolded in memory: a block gathers each tap's pixels.
 *
 * A block of 128 threads makes a tile of BM pixels times BN channels. While it multiplies one step of 16 from shared memory,
 * the next is on its way into registers. Pixels are kept as [channel][pixel], with the pixels of channel k at p ^ 8(k/4), so
 * that neither the stores of a step nor the reads, four pixels at a time, meet in a bank.
 */
#ifndef LX_CUDA_CONV_GEMM_H
#define LX_CUDA_CONV_GEMM_H

#include "conv_epilogue.h"

enum { CONV_STEP = 16 }; /* input channels in a step */

/* Taps along an axis: the i-th reads the source at q*stride + first + i and takes row (column) index + i*step of the kernel. */
typedef struct Taps {
    int n, first, index, step;
} Taps;

/* One grid of output points. Point (0, 0) is output (at_y, at_x); neighbours are `apart` outputs apart. */
typedef struct Part {
    Taps y, x;
    int first_row, rows, cols; /* q along y begins at first_row */
    int at_y, at_x;
} Part;

typedef struct Gemm {
    const void *x; /* [frames][h][w][cs] */
    const float *in_scale, *in_shift;
    int in_stride, h, w, cs, stride;
    const void *weights;  /* [k*k][ci][co], both padded */
    int k, steps, co;     /* steps of input channels for each tap; co as padded */
    Part part[4];
    int parts, splits;    /* blockIdx.z is (frame * parts + part) * splits + split */
    int frame, source_frame; /* the first of the outputs and of x */
    int tiles;               /* that a block does one after the other */
    int first_slot, slots;   /* of the statistics: rows that these outputs have */
    float *sums;          /* [split][..][sums_w][co]; NULL: outputs are finished here */
    size_t split_floats;
    int sums_w, apart;
    Finish f;
} Gemm;

/* 16 bytes of a pixel's channels, as they were loaded: 4 floats or 8 halves. */
template <typename S> struct Wide {
    enum { CHANNELS = 16 / sizeof(S) };
};

LX_DEVICE void spread(const uint4 &u, const float *, float to[4])
{
    to[0] = __uint_as_float(u.x), to[1] = __uint_as_float(u.y), to[2] = __uint_as_float(u.z), to[3] = __uint_as_float(u.w);
}

LX_DEVICE void spread(const uint4 &u, const __half *, float to[8])
{
    const unsigned words[4] = {u.x, u.y, u.z, u.w};
    LX_UNROLL
    for (int i = 0; i < 4; i++) {
        const float2 v = lx_floats_of(words[i]);
        to[2 * i] = v.x, to[2 * i + 1] = v.y;
    }
}

/* Channels from `at` on; a picture of three has only four stored. */
template <typename S> LX_DEVICE uint4 load_wide(const S *at, int cs)
{
    if (sizeof(S) == 4 || cs > 4) return *(const uint4 *)at;
    const uint2 u = *(const uint2 *)at;
    return make_uint4(u.x, u.y, 0, 0);
}

/* S: the source's type, W: the weights'. Three blocks on a multiprocessor leave 168 registers a thread: too few where a source is
   narrowed on its way. */
template <typename S, typename W, int BM, int BN> static __global__ void __launch_bounds__(CONV_THREADS, sizeof(S) > sizeof(W) ? 2 : 3) conv_gemm_kernel(const Gemm g)
{
    enum {
        C = Wide<S>::CHANNELS, ACROSS = CONV_STEP / C, PASS = CONV_THREADS / ACROSS, PASSES = BM / PASS,         /* loading pixels */
        CW = Wide<W>::CHANNELS, VECTORS = CONV_STEP * BN / CW, PASSES_W = (VECTORS + CONV_THREADS - 1) / CONV_THREADS, /* and weights */
        NB = BN >= 64 ? 2 : 1, TX = BN / (4 * NB), TY = CONV_THREADS / TX, MB = BM / (4 * TY)                    /* multiplying */
    };
    LX_SHARED(float, pixels, [2][CONV_STEP][BM]);
    LX_SHARED(float, weights, [2][CONV_STEP][BN]);
    const int me = threadIdx.x, tx = me % TX, ty = me / TX, n0 = blockIdx.y * BN;
    const int split = blockIdx.z % g.splits, nth = blockIdx.z / g.splits / g.parts, frame = g.frame + nth;
    const Part &part = g.part[blockIdx.z / g.splits % g.parts];
    const int count = part.rows * part.cols, steps = part.y.n * part.x.n * g.steps;
    const int begin = (int)((long long)steps * split / g.splits), end = (int)((long long)steps * (split + 1) / g.splits);
    const S *source = (const S *)g.x + (size_t)(g.source_frame + nth) * g.h * g.w * g.cs;
    const float *scale = g.in_scale ? g.in_scale + (size_t)frame * g.in_stride : NULL;
    const float *shift = g.in_shift ? g.in_shift + (size_t)frame * g.in_stride : NULL;
    const int across = me % ACROSS * C; /* this thread's channels within a step */

    for (int tile = blockIdx.x * g.tiles; tile < ((int)blockIdx.x + 1) * g.tiles; tile++) {
        const int m0 = tile * BM;
        if (m0 >= count) break;
        int at_y[PASSES], at_x[PASSES]; /* of this thread's pixels, for the first tap */
        LX_UNROLL
        for (int i = 0; i < PASSES; i++) {
            const int m = m0 + me / ACROSS + i * PASS;
            at_y[i] = m < count ? (part.first_row + m / part.cols) * g.stride + part.y.first : -(1 << 20); /* outside for every tap */
            at_x[i] = m % part.cols * g.stride + part.x.first;
        }
        uint4 raw[PASSES], raw_w[PASSES_W];
        float factor[C], summand[C];
        unsigned seen = 0; /* which pixels lie within the picture */

        const auto load = [&](int step) {
            const int tap = step / g.steps, c = step % g.steps * CONV_STEP + across, ky = tap / part.x.n, kx = tap % part.x.n;
            seen = 0;
            LX_UNROLL
            for (int i = 0; i < PASSES; i++) {
                const int y = at_y[i] + ky, x = at_x[i] + kx;
                raw[i] = make_uint4(0, 0, 0, 0);
                if (y < 0 || y >= g.h || x < 0 || x >= g.w || c >= g.cs) continue;
                raw[i] = load_wide(source + ((size_t)y * g.w + x) * g.cs + c, g.cs);
                seen |= 1u << i;
            }
            LX_UNROLL
            for (int j = 0; j < C; j++) {
                const int stored = c + j < g.cs;
                factor[j] = scale && stored ? scale[c + j] : 1;
                summand[j] = shift && stored ? shift[c + j] : 0;
            }
            const int row = (part.y.index + ky * part.y.step) * g.k + part.x.index + kx * part.x.step;
            const W *w = (const W *)g.weights + ((size_t)row * g.steps + step % g.steps) * CONV_STEP * g.co + n0;
            LX_UNROLL
            for (int i = 0; i < PASSES_W; i++) {
                const int v = me + i * CONV_THREADS;
                if (v < VECTORS) raw_w[i] = *(const uint4 *)(w + (size_t)(v / (BN / CW)) * g.co + v % (BN / CW) * CW);
            }
        };
        const auto keep = [&](int buffer) {
            LX_UNROLL
            for (int i = 0; i < PASSES; i++) {
                float v[C];
                spread(raw[i], (const S *)NULL, v);
                const int p = me / ACROSS + i * PASS;
                LX_UNROLL
                for (int j = 0; j < C; j++) {
                    const int k = across + j;
                    pixels[buffer][k][p ^ (k >> 2 & 3) << 3] = seen >> i & 1 ? v[j] * factor[j] + summand[j] : 0;
                }
            }
            LX_UNROLL
            for (int i = 0; i < PASSES_W; i++) {
                const int at = me + i * CONV_THREADS;
                if (at >= VECTORS) continue;
                float v[CW];
                spread(raw_w[i], (const W *)NULL, v);
                LX_UNROLL
                for (int j = 0; j < CW; j += 4) lx_store4(&weights[buffer][at / (BN / CW)][at % (BN / CW) * CW + j], make_float4(v[j], v[j + 1], v[j + 2], v[j + 3]));
            }
        };

        float4 sum[MB][4][NB]; /* 4*MB pixels times 4*NB channels */
        LX_UNROLL
        for (int a = 0; a < MB; a++)
            LX_UNROLL
            for (int i = 0; i < 4; i++)
                LX_UNROLL
                for (int b = 0; b < NB; b++) sum[a][i][b] = lx_all4(0);

        if (begin < end) {
            load(begin);
            keep(0);
        }
        __syncthreads();
        for (int step = begin; step < end; step++) {
            const int buffer = (step - begin) & 1;
            if (step + 1 < end) load(step + 1);
            LX_UNROLL
            for (int k = 0; k < CONV_STEP; k++) {
                float4 u[MB], w[NB];
                LX_UNROLL
                for (int a = 0; a < MB; a++) u[a] = lx_load4(&pixels[buffer][k][(4 * ty + a * 4 * TY) ^ (k >> 2 & 3) << 3]);
                LX_UNROLL
                for (int b = 0; b < NB; b++) w[b] = lx_load4(&weights[buffer][k][4 * tx + b * 4 * TX]);
                LX_UNROLL
                for (int a = 0; a < MB; a++)
                    LX_UNROLL
                    for (int b = 0; b < NB; b++) {
                        sum[a][0][b] = lx_fma4(lx_all4(u[a].x), w[b], sum[a][0][b]);
                        sum[a][1][b] = lx_fma4(lx_all4(u[a].y), w[b], sum[a][1][b]);
                        sum[a][2][b] = lx_fma4(lx_all4(u[a].z), w[b], sum[a][2][b]);
                        sum[a][3][b] = lx_fma4(lx_all4(u[a].w), w[b], sum[a][3][b]);
                    }
            }
            if (step + 1 < end) keep(buffer ^ 1);
            __syncthreads();
        }

        LX_UNROLL
        for (int b = 0; b < NB; b++) {
            const int c = n0 + 4 * tx + b * 4 * TX;
            if (!g.sums && c >= g.f.cs) continue;
            Factors factors = {};
            if (!g.sums) factors = factors_at(g.f, frame, c);
            float4 stats = lx_all4(0), stats2 = stats;
            LX_UNROLL
            for (int a = 0; a < MB; a++)
                LX_UNROLL
                for (int i = 0; i < 4; i++) {
                    const int m = m0 + 4 * ty + a * 4 * TY + i;
                    if (m >= count) continue;
                    const int y = part.at_y + m / part.cols * g.apart, x = part.at_x + m % part.cols * g.apart;
                    if (g.sums) {
                        lx_store4(g.sums + split * g.split_floats + ((size_t)y * g.sums_w + x) * g.co + c, sum[a][i][b]);
                        continue;
                    }
                    const float4 v = finish4(g.f, factors, frame, y, x, c, sum[a][i][b]);
                    stats = lx_add4(stats, v);
                    stats2 = lx_fma4(v, v, stats2);
                }
            if (!g.sums && g.f.stats) share_stats(&pixels[0][0][0], TY, BN, ty, 4 * tx + b * 4 * TX, stats, stats2);
        }
        if (!g.sums && g.f.stats)
            store_stats(g.f, frame, g.first_slot + blockIdx.x, gridDim.x, g.first_slot + g.slots, tile > (int)blockIdx.x * g.tiles, &pixels[0][0][0], TY, BN, n0);
    }
}

#endif
