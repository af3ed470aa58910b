/* What the x86 levels give the CPU backend beside their kernels, and the kernels themselves, by level. */
#ifndef LX_X86_H
#define LX_X86_H

#include "core/threads.h"
#include "kernels.h"

/* Each is defined by the file of its level. lx_peak: GFLOP/s of independent f32 multiply-adds in registers over all slots
   of the pool, best of three short runs. The level avx512_pairs is the 16-lane text on pairs of 8 lanes, for tests
   (x86/simd.h); the library does not contain it. */
#define LX_X86_LEVEL(level)                                                             \
    extern const LxConvOps lx_conv_direct_##level[LX_CONV_KINDS], lx_conv_bf16_##level[LX_CONV_KINDS]; \
    extern const LxConvOps lx_conv_narrow_##level[2][LX_CONV_KINDS];                    \
    extern const LxConvOps lx_conv2d_winograd2_##level, lx_conv2d_winograd4_##level;    \
    extern const LxConvOps lx_conv2d_winograd2_bf16_##level, lx_conv2d_winograd4_bf16_##level; \
    void lx_linear_##level(const LxExec *x, const LxLinearArgs *a);                     \
    void lx_navigate_##level(const LxExec *x, const LxNavigateArgs *a);                 \
    void lx_demodulate_##level(const LxExec *x, const LxDemodulateArgs *a);             \
    void lx_group_norm_affine_##level(const LxExec *x, const LxGroupNormAffineArgs *a); \
    void lx_warp_##level(const LxExec *x, const LxWarpArgs *a);                         \
    void lx_frame_in_##level(const LxExec *x, const LxFrameInArgs *a);                  \
    void lx_frame_out_##level(const LxExec *x, const LxFrameOutArgs *a);                \
    double lx_peak_##level(LxPool *pool);

LX_X86_LEVEL(avx2)
LX_X86_LEVEL(avx512)
LX_X86_LEVEL(avx512_pairs)

void lx_kernels_avx512_pairs(LxKernels *k);

/* Beside the level avx512, for processors with AVX512_BF16: LxKernels.bf16 and winograd_bf16 alone, and the peak of its pairs. */
extern const LxConvOps lx_conv_bf16_avx512bf16[LX_CONV_KINDS], lx_conv2d_winograd2_bf16_avx512bf16, lx_conv2d_winograd4_bf16_avx512bf16;
void lx_kernels_avx512bf16(LxKernels *k);
double lx_peak_avx512bf16(LxPool *pool);

#undef LX_X86_LEVEL
#endif
