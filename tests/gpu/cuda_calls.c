/* libcuda-calls.so: the runtime for the calls of test programs (support/cuda_device.h), whose static library hides its names. */
#include "cuda/cuda.h"
#include "support/cuda_device.h"

LIAX_API extern const CudaCalls cuda_calls;
const CudaCalls cuda_calls = {
    .alloc = (int (*)(void **, size_t))cudaMalloc,
    .free = (int (*)(void *))cudaFree,
    .copy = (int (*)(void *, const void *, size_t, int))cudaMemcpy,
    .memory = (int (*)(size_t *, size_t *))cudaMemGetInfo,
    .stream_create = (int (*)(void **))cudaStreamCreate,
    .stream_destroy = (int (*)(void *))cudaStreamDestroy,
    .driver_call = (int (*)(const char *, void **, unsigned, unsigned long long, int *))cudaGetDriverEntryPointByVersion,
#if defined(LX_EMULATE)
    .counts = (void (*)(Counts *))lx_emu_counts, /* by which tests know that they had better be small */
#endif
};
