/* The table of kernels that a device fills: the reference fills it all, each level overwrites what it does better. */
#ifndef LX_KERNELS_H
#define LX_KERNELS_H

#include "conv.h"
#include "linear.h"
#include "norm.h"
#include "pixel.h"
#include "warp.h"

/* Convolutions by kind: the direct form, which takes any shape; LX_CONV2D with k = 3 and more than 4 input channels by
   Winograd's method too, in tiles of 2x2 and of 4x4, NULL where there is none; `narrow`, the direct form that keeps weights as
   the f16 or bf16 numbers that they are (LX_F16 - 1, LX_BF16 - 1) and has the same results to the last bit, NULL where there is
   none; `bf16`, the direct form in bf16, and `winograd_bf16`, by Winograd's method, like `winograd`. Then the
   others: a function and the name of the level that gave it. */
typedef struct LxKernels {
    const LxConvOps *conv[LX_CONV_KINDS], *winograd[2], *narrow[2][LX_CONV_KINDS], *bf16[LX_CONV_KINDS], *winograd_bf16[2];
#define LX_KERNEL(name, Args)                         \
    struct {                                          \
        void (*run)(const LxExec *x, const Args *a);  \
        const char *level;                            \
    } name;
#include "kernels.def"
} LxKernels;

/** "conv2d", "conv_up2d", ... */
const char *lx_conv_kind_name(LxConvKind kind);

/* Levels, in order: each is meant to run after those above it. */
void lx_kernels_ref(LxKernels *k);
void lx_kernels_avx2(LxKernels *k);
void lx_kernels_avx512(LxKernels *k);

#endif
