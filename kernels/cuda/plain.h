/* The plain tier: kernels for any GPU, in f32 arithmetic. Each .cu has one contract's; table_plain.cu puts them together. */
#ifndef LX_CUDA_PLAIN_H
#define LX_CUDA_PLAIN_H

#include "cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Convolutions by kind, with weights stored as f32 and as f16. */
extern const LxConvOps lx_conv_cuda_f32[LX_CONV_KINDS], lx_conv_cuda_f16[LX_CONV_KINDS];

/* The mma tier's (conv_mma.cu), for x and y of f16 and more than four channels, on sm_80 and later. */
extern const LxConvOps lx_conv_cuda_mma[LX_CONV_KINDS];

#define LX_KERNEL(name, Args) void lx_##name##_cuda(const LxExec *x, const Args *a);
#include "kernels.def"

#ifdef __cplusplus
}
#endif

#endif
