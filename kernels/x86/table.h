/* What a level adds to the table of kernels. */
#include "x86/simd.h"
#include "x86/x86.h"

void LX_LEVEL_NAME(lx_kernels)(LxKernels *k)
{
    k->conv[LX_CONV2D] = &LX_LEVEL_NAME(lx_conv2d_direct);
    k->conv[LX_CONV_UP2D] = &LX_LEVEL_NAME(lx_conv_up2d_direct);
    k->conv[LX_UPSAMPLE_CONV2D] = &LX_LEVEL_NAME(lx_upsample_conv2d_direct);
    k->conv[LX_CONV_DOWN2D] = &LX_LEVEL_NAME(lx_conv_down2d_direct);
    for (int kind = 0; kind < LX_CONV_KINDS; kind++)
        for (int type = 0; type < 2; type++) k->narrow[type][kind] = &LX_LEVEL_NAME(lx_conv_narrow)[type][kind];
    k->winograd[0] = &LX_LEVEL_NAME(lx_conv2d_winograd2);
    k->winograd[1] = &LX_LEVEL_NAME(lx_conv2d_winograd4);
#define LX_KERNEL(name, Args)                    \
    k->name.run = LX_LEVEL_NAME(lx_##name);      \
    k->name.level = LX_LEVEL_STRING;
#include "kernels.def"
}
