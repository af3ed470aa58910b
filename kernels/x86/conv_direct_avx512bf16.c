/* Convolutions in bf16 by AVX512_BF16: direct (conv_kinds.h) and by Winograd's method. */
#include "x86/conv_kinds.h"
#include "x86/winograd.h"

void lx_kernels_avx512bf16(LxKernels *k)
{
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) k->bf16[kind] = &lx_conv_bf16_avx512bf16[kind];
    k->winograd_bf16[0] = &lx_conv2d_winograd2_bf16_avx512bf16;
    k->winograd_bf16[1] = &lx_conv2d_winograd4_bf16_avx512bf16;
}
