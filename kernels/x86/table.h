/* What a level adds to the table of kernels. */
#include "x86/simd.h"
#include "x86/x86.h"

void LX_LEVEL_NAME(lx_kernels)(LxKernels *k)
{
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) {
        k->conv[kind] = &LX_LEVEL_NAME(lx_conv_direct)[kind];
        k->bf16[kind] = &LX_LEVEL_NAME(lx_conv_bf16)[kind];
        for (int type = 0; type < 2; type++) k->narrow[type][kind] = &LX_LEVEL_NAME(lx_conv_narrow)[type][kind];
    }
    k->winograd[0] = &LX_LEVEL_NAME(lx_conv2d_winograd2);
    k->winograd[1] = &LX_LEVEL_NAME(lx_conv2d_winograd4);
    k->winograd_bf16[0] = &LX_LEVEL_NAME(lx_conv2d_winograd2_bf16);
    k->winograd_bf16[1] = &LX_LEVEL_NAME(lx_conv2d_winograd4_bf16);
#define LX_KERNEL(name, Args)                    \
    k->name.run = LX_LEVEL_NAME(lx_##name);      \
    k->name.level = LX_LEVEL_STRING;
#include "kernels.def"
}
