/* linear, navigate and demodulate (linear.h). */
#include "linear.h"

#include "device.h"
#include "plain.h"

enum { THREADS = 128, WARPS = THREADS / 32 };

/* A block for each output and frame; its threads share the row. */
static __global__ void __launch_bounds__(THREADS) linear_kernel(LxLinearArgs a, int by_four)
{
    LX_SHARED(float, partial, [WARPS]);
    const size_t o = blockIdx.x, n = blockIdx.y;
    const float *w = a.w + o * a.inputs, *x = a.x + n * a.inputs;
    float sum = 0;
    if (by_four)
        for (int i = 4 * threadIdx.x; i < a.inputs; i += 4 * THREADS) {
            const float4 p = lx_load4(w + i), q = lx_load4(x + i);
            sum += p.x * q.x + p.y * q.y + (p.z * q.z + p.w * q.w);
        }
    else
        for (int i = threadIdx.x; i < a.inputs; i += THREADS) sum += w[i] * x[i];
    sum = lx_lanes_sum(sum, 32);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x) return;
    for (int i = 1; i < WARPS; i++) sum += partial[i];
    a.y[n * a.outputs + o] = sum + (a.bias ? a.bias[o] : 0);
}

void lx_linear_cuda(const LxExec *x, const LxLinearArgs *a)
{
    const int by_four = a->inputs % 4 == 0 && ((uintptr_t)a->w | (uintptr_t)a->x) % 16 == 0;
    LX_LAUNCH(linear_kernel, dim3(a->outputs, a->n), THREADS, 0, x->stream, *a, by_four);
}

/* A thread for four outputs of a frame: columns are read in whole lines. */
static __global__ void __launch_bounds__(THREADS) navigate_kernel(LxNavigateArgs a)
{
    const int o = 4 * (blockIdx.x * THREADS + threadIdx.x);
    if (o >= a.outputs) return;
    const float *motion = a.a + (size_t)blockIdx.y * a.motions;
    float4 sum = lx_load4(a.base + o);
    for (int m = 0; m < a.motions; m++) sum = lx_fma4(lx_all4(motion[m]), lx_load4(a.columns + (size_t)m * a.outputs + o), sum);
    lx_store4(a.y + (size_t)blockIdx.y * a.outputs + o, sum);
}

void lx_navigate_cuda(const LxExec *x, const LxNavigateArgs *a)
{
    LX_LAUNCH(navigate_kernel, dim3(lx_ceil_div(a->outputs, 4 * THREADS), a->n), THREADS, 0, x->stream, *a);
}

/* Layers go to the kernel by value: as many as an argument has room for, which is more than the network has. */
enum { LAYERS = 128 };
typedef struct Layers {
    LxDemodulateLayer layer[LAYERS];
    int stored[LAYERS]; /* channels of d */
} Layers;

/* A warp for each output channel of each layer; blockIdx.y is the layer, z the frame. */
static __global__ void __launch_bounds__(THREADS) demodulate_kernel(Layers layers, const float *styles, float *d, int styles_stride, int d_stride)
{
    const LxDemodulateLayer &l = layers.layer[blockIdx.y];
    const int co = blockIdx.x * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (co >= layers.stored[blockIdx.y]) return;
    const float *style = styles + (size_t)blockIdx.z * styles_stride + l.style_at;
    float sum = 0;
    if (co < l.co)
        for (int ci = lane; ci < l.ci; ci += 32) sum += style[ci] * style[ci] * l.squares[(size_t)co * l.ci + ci];
    sum = lx_lanes_sum(sum, 32);
    if (lane == 0) d[(size_t)blockIdx.z * d_stride + l.d_at + co] = co < l.co ? 1 / sqrtf(sum + 1e-8f) : 0;
}

void lx_demodulate_cuda(const LxExec *x, const LxDemodulateArgs *a)
{
    for (int first = 0; first < a->n_layers; first += LAYERS) {
        Layers layers = {};
        int n = 0, most = 0;
        for (; n < LAYERS && first + n < a->n_layers; n++) {
            layers.layer[n] = a->layers[first + n];
            layers.stored[n] = lx_stored_channels(layers.layer[n].co);
            if (layers.stored[n] > most) most = layers.stored[n];
        }
        LX_LAUNCH(demodulate_kernel, dim3(lx_ceil_div(most, WARPS), n, a->n), THREADS, 0, x->stream, layers, a->styles, a->d, a->styles_stride, a->d_stride);
    }
}
