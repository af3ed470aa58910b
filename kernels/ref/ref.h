/* The reference level: each kernel as its contract's formula, in double; obvious rather than fast. */
#ifndef LX_REF_H
#define LX_REF_H

#include "kernels.h"

extern const LxConvOps lx_conv_ref, lx_conv_ref_bf16; /* all four kinds */

void lx_linear_ref(const LxExec *x, const LxLinearArgs *a);
void lx_navigate_ref(const LxExec *x, const LxNavigateArgs *a);
void lx_demodulate_ref(const LxExec *x, const LxDemodulateArgs *a);
void lx_group_norm_affine_ref(const LxExec *x, const LxGroupNormAffineArgs *a);
void lx_warp_ref(const LxExec *x, const LxWarpArgs *a);
void lx_frame_in_ref(const LxExec *x, const LxFrameInArgs *a);
void lx_frame_out_ref(const LxExec *x, const LxFrameOutArgs *a);

/** Element (n, c, y, x) of a tensor of half the size, zero-stuffed by 2 and filtered by FIR * 4 with pad (2,1). */
double lx_ref_upsampled(const LxTensor *half, int n, int y, int x, int c);

#endif
