/* Arithmetic alone, at full speed: the denominator of "share of peak", and the kernel that tells whether a device can run this build's. */
#ifndef PEAK_CUDA_H
#define PEAK_CUDA_H

#include "cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/** cudaSuccess if the current device runs this build's kernels. */
cudaError_t lx_cuda_probe(void);

/** GFLOP/s of float multiply-adds, measured now; 0 if that failed. */
double lx_cuda_peak(void *stream);

#ifdef __cplusplus
}
#endif
#endif
