/* The mma tier's product (conv_mma.cu), for the plans of conv.cu. */
#ifndef LX_CUDA_CONV_MMA_H
#define LX_CUDA_CONV_MMA_H

#include "conv_gemm.h"

/** The product of g by tiles of 128x128, 128x64 or 64x64; x and weights are f16, cs a multiple of 16. */
void lx_launch_conv_mma(const Gemm *g, int bm, int bn, dim3 grid, void *stream);

#endif
