/* The reference level's part of the table: all of it. */
#include "ref.h"

void lx_kernels_ref(LxKernels *k)
{
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) {
        k->conv[kind] = &lx_conv_ref;
        k->bf16[kind] = &lx_conv_ref_bf16;
    }
#define LX_KERNEL(name, Args)        \
    k->name.run = lx_##name##_ref; \
    k->name.level = "ref";
#include "kernels.def"
}
