/* bench_device.h */
#include "bench_device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 1 << 20 };
#if defined(LX_EMULATE) /* only to be seen to run */
enum { PASSES = 3, WARM = 0, RUNS = 2 };
#else
enum { PASSES = 6, WARM = 4, RUNS = 20 };
#endif

cudaStream_t stream;
static LxPool *pool; /* until the program ends */
static int capability; /* of the device: 80 is sm_80 */

void must(cudaError_t e, const char *what)
{
    if (!e) return;
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
    exit(1);
}

void open_device(void)
{
    int major = 0, minor = 0;
    LxLog log = {0};
    const LiaxModelOptions o = {.struct_size = sizeof o};
    const LiaxAllocator a = lx_allocator(NULL);
    must(cudaSetDevice(0), "cudaSetDevice");
    must(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "cudaDeviceGetAttribute");
    must(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "cudaDeviceGetAttribute");
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    capability = 10 * major + minor;
    if (!lx_pool_open(&pool, &o, &a, &log)) return;
    fprintf(stderr, "%s\n", log.error);
    exit(1);
}

/* ---- device memory with random numbers ------------------------------------------------------------------------------------ */

void *take(size_t bytes)
{
    void *p = NULL;
    must(cudaMalloc(&p, bytes ? bytes : 1), "cudaMalloc");
    return p;
}

void *host(size_t bytes)
{
    void *p = malloc(bytes);
    if (p) return p;
    fprintf(stderr, "out of memory\n");
    exit(1);
}

static float draw(void)
{
    return (float)rand() / (float)RAND_MAX * 2 - 1;
}

/* The same BLOCK of numbers over and over. */
void *take_random(size_t n, LxDtype type, float size)
{
    const size_t unit = lx_dtype_size(type);
    static float plain[BLOCK];
    static char stored[BLOCK * sizeof(float)];
    for (size_t i = 0; i < BLOCK && i < n; i++) plain[i] = size * draw();
    lx_from_f32(stored, plain, type, BLOCK);
    char *p = take(n * unit);
    for (size_t at = 0; at < n; at += BLOCK) must(cudaMemcpy(p + at * unit, stored, (n - at < BLOCK ? n - at : BLOCK) * unit, cudaMemcpyHostToDevice), "cudaMemcpy");
    return p;
}

void fetch_halves(uint16_t *to, const void *from, size_t n)
{
    must(cudaStreamSynchronize(stream), "a product");
    must(cudaMemcpy(to, from, 2 * n, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

/* ---- convolutions of ours ------------------------------------------------------------------------------------------------ */

size_t weight_count(const LxConvDesc *d)
{
    return (size_t)d->co * (size_t)d->ci * (size_t)(d->k * d->k);
}

float *random_weights(const LxConvDesc *d)
{
    const float size = 1.7f / sqrtf((float)(d->ci * d->k * d->k));
    float *w = host(weight_count(d) * sizeof *w);
    for (size_t i = 0; i < weight_count(d); i++) w[i] = lx_f16_to_f32(lx_f32_to_f16(size * draw()));
    return w;
}

LxConvWeights take_weights(const LxConvDesc *d, const float *plain)
{
    const LxConvOps *ops = lx_cuda_conv(d, LX_F16, capability, LIAX_CONV_AUTO);
    const size_t bytes = ops->packed_bytes(d);
    void *packed = host(bytes);
    ops->pack(pool, d, plain, packed);
    const LxConvWeights weights = {*d, ops, take(bytes), bytes, 1};
    must(cudaMemcpy(weights.packed, packed, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    free(packed);
    return weights;
}

LxTensor tensor_of(int c, int h, int w)
{
    LxTensor t = lx_tensor(NULL, 1, c, h, w);
    t.type = c <= 4 ? LX_F32 : LX_F16;
    return t;
}

/* ---- timing ------------------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

Timing timed(void (*run)(const void *arg, int set), const void *arg)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t ready = NULL;
    cudaEvent_t from, to;
    double ms[RUNS];
    run(arg, 0); /* in the open: what is loaded and chosen at the first call is no part of the recording */
    must(cudaStreamSynchronize(stream), "first pass");
    must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    for (int i = 0; i < PASSES; i++) run(arg, i % SETS);
    if (cudaStreamEndCapture(stream, &graph)) { /* an algorithm of NVIDIA's may do what cannot be recorded */
        cudaGetLastError();
        return (Timing){0};
    }
    must(cudaGraphInstantiate(&ready, graph, 0), "cudaGraphInstantiate");
    must(cudaEventCreateWithFlags(&from, cudaEventDefault), "cudaEventCreate");
    must(cudaEventCreateWithFlags(&to, cudaEventDefault), "cudaEventCreate");
    for (int i = -WARM; i < RUNS; i++) {
        float took = 0;
        cudaEventRecord(from, stream);
        must(cudaGraphLaunch(ready, stream), "cudaGraphLaunch");
        cudaEventRecord(to, stream);
        must(cudaEventSynchronize(to), "replay");
        must(cudaEventElapsedTime(&took, from, to), "cudaEventElapsedTime");
        if (i >= 0) ms[i] = took / PASSES;
    }
    cudaEventDestroy(from);
    cudaEventDestroy(to);
    cudaGraphExecDestroy(ready);
    cudaGraphDestroy(graph);
    qsort(ms, RUNS, sizeof *ms, by_value);
    return (Timing){(ms[RUNS / 2 - 1] + ms[RUNS / 2]) / 2, ms[RUNS / 10], ms[RUNS - 1 - RUNS / 10]};
}
