/* Multiply-adds alone (peak_cuda.h). */
#include "peak_cuda.h"

enum { THREADS = 256, CHAINS = 8 };

/* Independent chains hide the latency of one; the store is never reached, which the compiler cannot know. */
__global__ void multiply_adds(float *out, float x, int rounds)
{
    float sum[CHAINS];
    for (int i = 0; i < CHAINS; i++) sum[i] = x + (float)(threadIdx.x + i);
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * x + x;
    float all = 0;
    for (int i = 0; i < CHAINS; i++) all += sum[i];
    if (all == -1) *out = all;
}

cudaError_t lx_cuda_probe(void)
{
    cudaFuncAttributes a;
    return cudaFuncGetAttributes(&a, multiply_adds);
}

/* Milliseconds of one launch; 0 if it failed. */
static float time_of(int blocks, int rounds, cudaEvent_t from, cudaEvent_t to, void *stream)
{
    float ms = 0;
    cudaEventRecord(from, static_cast<cudaStream_t>(stream));
    LX_LAUNCH(multiply_adds, blocks, THREADS, 0, stream, static_cast<float *>(nullptr), 0.5f, rounds);
    cudaEventRecord(to, static_cast<cudaStream_t>(stream));
    if (cudaEventSynchronize(to) || cudaEventElapsedTime(&ms, from, to)) return 0;
    return ms;
}

double lx_cuda_peak(void *stream)
{
    int device = 0, processors = 0;
    cudaEvent_t from = nullptr, to = nullptr;
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
    double best = 0;
    if (!cudaEventCreateWithFlags(&from, cudaEventDefault) && !cudaEventCreateWithFlags(&to, cudaEventDefault)) {
        const int blocks = 8 * processors;
        int rounds = 64;
        float ms = time_of(blocks, rounds, from, to, stream);
        while (ms > 0 && ms < 10 && rounds < 1 << 24) ms = time_of(blocks, rounds *= 2, from, to, stream); /* long enough for the clock */
        for (int i = 0; ms > 0 && i < 5; i++) {
            const double gflops = 2e-6 * CHAINS * THREADS * blocks * rounds / ms;
            if (gflops > best) best = gflops;
            ms = time_of(blocks, rounds, from, to, stream);
        }
    }
    if (from) cudaEventDestroy(from);
    if (to) cudaEventDestroy(to);
    return best;
}
