/* The plain tier's part of the table: all of it. */
#include "plain.h"

void lx_kernels_cuda_plain(LxKernels *k, LxDtype type)
{
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) k->conv[kind] = type == LX_F16 ? &lx_conv_cuda_f16[kind] : &lx_conv_cuda_f32[kind];
#define LX_KERNEL(name, Args)       \
    k->name.run = lx_##name##_cuda; \
    k->name.level = "plain";
#include "kernels.def"
}
