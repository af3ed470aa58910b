/* What the kernels share: numbers of either storage type in vectors of four channels or eight, shared memory, sums over threads. */
#ifndef LX_CUDA_DEVICE_H
#define LX_CUDA_DEVICE_H

#include "core/compiler.h"
#include "cuda.h"

/* What nvcc says otherwise than the emulator and the host's compiler: LX_SHARED(float, tile, [8][32]) is shared memory of the
   block, LX_UNROLL stands before loops whose counters index registers. */
#if defined(__CUDACC__)
#include <cuda_fp16.h>
#define LX_SHARED(type, name, ...) __shared__ __align__(16) type name __VA_ARGS__
#undef LX_UNROLL
#define LX_UNROLL _Pragma("unroll")
#else
#undef LX_UNROLL /* the emulator has no registers to save, and sanitizers compile unrolled loops for minutes */
#define LX_UNROLL
#endif

#define LX_DEVICE static __device__ __forceinline__

static inline __host__ __device__ int lx_ceil_div(int a, int b) { return (a + b - 1) / b; }

/* ---- four channels ------------------------------------------------------------------------------------------------ */

LX_DEVICE float4 lx_all4(float v) { return make_float4(v, v, v, v); }

LX_DEVICE float4 lx_fma4(float4 a, float4 b, float4 c)
{
    return make_float4(a.x * b.x + c.x, a.y * b.y + c.y, a.z * b.z + c.z, a.w * b.w + c.w);
}

LX_DEVICE float4 lx_add4(float4 a, float4 b) { return make_float4(a.x + b.x, a.y + b.y, a.z + b.z, a.w + b.w); }

LX_DEVICE float4 lx_scale4(float s, float4 a) { return make_float4(s * a.x, s * a.y, s * a.z, s * a.w); }

LX_DEVICE float4 lx_load4(const float *p) { return *(const float4 *)p; }

LX_DEVICE float2 lx_floats_of(unsigned halves)
{
    return make_float2(__half2float(__ushort_as_half((unsigned short)halves)), __half2float(__ushort_as_half((unsigned short)(halves >> 16))));
}

LX_DEVICE unsigned lx_halves_of(float a, float b)
{
    return __half_as_ushort(__float2half_rn(a)) | (unsigned)__half_as_ushort(__float2half_rn(b)) << 16;
}

LX_DEVICE float4 lx_load4(const __half *p)
{
    const uint2 u = *(const uint2 *)p;
    const float2 a = lx_floats_of(u.x), b = lx_floats_of(u.y);
    return make_float4(a.x, a.y, b.x, b.y);
}

LX_DEVICE void lx_store4(float *p, float4 v) { *(float4 *)p = v; }

LX_DEVICE void lx_store4(__half *p, float4 v) { *(uint2 *)p = make_uint2(lx_halves_of(v.x, v.y), lx_halves_of(v.z, v.w)); }

/* Where the type is known as a number only: four channels from number `at` of a tensor's memory on. */
LX_DEVICE float4 lx_load4_of(const void *p, int half, size_t at)
{
    return half ? lx_load4((const __half *)p + at) : lx_load4((const float *)p + at);
}

LX_DEVICE void lx_store4_of(void *p, int half, size_t at, float4 v)
{
    if (half) lx_store4((__half *)p + at, v);
    else lx_store4((float *)p + at, v);
}

/* A vector that every channel has, or the same number for all. */
LX_DEVICE float4 lx_vector_or(const float *p, size_t at, float otherwise) { return p ? lx_load4(p + at) : lx_all4(otherwise); }

/* ---- V times four channels, for kernels that do little but load and store: of halves, 8 channels are 16 bytes -------------- */

template <int V> struct LxChannels {
    float4 v[V];
};

template <int V> LX_DEVICE LxChannels<V> lx_load_of(const void *p, int half, size_t at)
{
    LxChannels<V> r;
    if constexpr (V == 2)
        if (half) {
            const uint4 u = *(const uint4 *)((const __half *)p + at);
            const float2 a = lx_floats_of(u.x), b = lx_floats_of(u.y), c = lx_floats_of(u.z), d = lx_floats_of(u.w);
            r.v[0] = make_float4(a.x, a.y, b.x, b.y), r.v[1] = make_float4(c.x, c.y, d.x, d.y);
            return r;
        }
    LX_UNROLL
    for (int i = 0; i < V; i++) r.v[i] = lx_load4_of(p, half, at + 4 * i);
    return r;
}

template <int V> LX_DEVICE void lx_store_of(void *p, int half, size_t at, const LxChannels<V> &c)
{
    if constexpr (V == 2)
        if (half) {
            const float4 a = c.v[0], b = c.v[1];
            *(uint4 *)((__half *)p + at) = make_uint4(lx_halves_of(a.x, a.y), lx_halves_of(a.z, a.w), lx_halves_of(b.x, b.y), lx_halves_of(b.z, b.w));
            return;
        }
    LX_UNROLL
    for (int i = 0; i < V; i++) lx_store4_of(p, half, at + 4 * i, c.v[i]);
}

/* How many vectors a thread takes: two of halves, where channels allow. */
static inline int lx_vectors(int half, int cs) { return half && cs % 8 == 0 ? 2 : 1; }

/* ---- upsampling by 2: a sample and its nearer neighbour, 3 to 1, in both axes (conv.h) -------------------------------- */

LX_DEVICE int lx_other_sample(int i) { return i & 1 ? i / 2 + 1 : i / 2 - 1; }

/* Channels from c on of pixel (y, x) of twice the size; `frame` is where the frame begins. */
template <int V> LX_DEVICE LxChannels<V> lx_upsampled(const void *p, int half, size_t frame, int h, int w, int cs, int y, int x, int c)
{
    LxChannels<V> sum = {};
    for (int i = 0; i < 4; i++) {
        const int py = i & 2 ? lx_other_sample(y) : y / 2, px = i & 1 ? lx_other_sample(x) : x / 2;
        if (py < 0 || py >= h || px < 0 || px >= w) continue;
        const float4 weight = lx_all4((i & 2 ? 1 : 3) * (i & 1 ? 1 : 3) / 16.0f);
        const LxChannels<V> u = lx_load_of<V>(p, half, frame + ((size_t)py * w + px) * cs + c);
        LX_UNROLL
        for (int k = 0; k < V; k++) sum.v[k] = lx_fma4(weight, u.v[k], sum.v[k]);
    }
    return sum;
}

/* ---- sums over threads, the same for every thread and in the same order always ------------------------------------------ */

/* Over `width` neighbouring lanes, a power of 2. All lanes of the warp take part. */
LX_DEVICE float lx_lanes_sum(float v, int width)
{
    for (int bits = width / 2; bits; bits /= 2) v += __shfl_xor_sync(0xffffffffu, v, bits);
    return v;
}

#endif
