/*
 * Contracts of the four convolutions.
 *
 * All four share their arguments. With x [n,ci,h,w] the input, w [co,ci,k,k] the weights (constants folded in), per frame n:
 *
 *     u[ci]  = in_scale[n,ci] * x[ci] + in_shift[n,ci]          (zero outside the picture: the shift too)
 *     v[co]  = out_scale[n,co] * C(u, w)[co] + bias[co]
 *     v[co]  = gain[co] * (v >= 0 ? v : slope * v)
 *     y[co]  = v[co] + offset[co] + residual_weight * R[co]
 *
 * C is what the kind says:
 *
 *     LX_CONV2D        k x k (1 or 3), stride 1, padding k/2:                                    [h,w] -> [h,w]
 *     LX_CONV_UP2D     transposed 3x3, stride 2, no padding: [h,w] -> [2h+1,2w+1], then FIR * 4 with pad (1,1): -> [2h,2w]
 *     LX_UPSAMPLE_CONV2D  zero-stuffing by 2 and FIR * 4 with pad (2,1): [h,w] -> [2h,2w], then 3x3, padding 1
 *     LX_CONV_DOWN2D   k = 3: FIR with pad (2,2), then 3x3, stride 2, no padding; k = 1: FIR with pad (1,1), then 1x1,
 *                      stride 2: [h,w] -> [h/2,w/2]; h and w are even
 *
 * FIR is the outer product of [1,3,3,1]/8 with itself (docs/network.md). As a transposed convolution, output row Y of
 * LX_CONV_UP2D's first step is the sum over h, ky with Y = 2h + ky of x[h] w[ky].
 *
 * R is `residual` itself, of y's shape, or, with residual_up, a tensor of half the height and width brought to y's size
 * like LX_UPSAMPLE_CONV2D's first step.
 *
 * stats, if given, receives sums over y for a GroupNorm: stats[((n*h_out + row)*2 + j)*cs + c] with j = 0: the sum of
 * y[c] over that row's pixels, j = 1: of its square. A kernel may leave several rows' sums in one of their slots and zero in
 * the others, as long as which ones depends on the shape alone. Padding channels: zero.
 *
 * y and residual may be the same memory (without residual_up); x and y must not overlap. Results depend neither on the
 * number of threads nor on n.
 *
 * Error against exact arithmetic, which tests/check computes for every element: of the direct forms at most
 * (8 + sqrt(terms)) * 2^-24 times the same sum over absolute values, with what the FIR of LX_UPSAMPLE_CONV2D brings a pixel
 * beyond the picture among them: a kernel may take it in and away again. Winograd's method computes m x m outputs together, from
 * (m+2) x (m+2) inputs: at most (24 + sqrt(ci)) * 2^-24 times a^2 times, in place of the sum, that over the input channels of
 * their weights' absolute sum times the largest |u| among these inputs; a, what its transforms may amplify in one dimension, is
 * 4 for m = 2 and 12.54 for m = 4. A NaN reaches all outputs of the tiles that have it among their inputs.
 *
 * In bf16 weights, and what they are multiplied by, are rounded to bf16 first: u, or u after the FIR that comes before the
 * weights (LX_UPSAMPLE_CONV2D may round before it); to nearest, ties to even, subnormal numbers perhaps to 0. Sums are f32 as
 * above. So numbers that are bf16 already have the direct forms' bound, others 2^-9 of the magnitude more for each of the two.
 * By Winograd's method nothing is rounded but what its transforms make of u and of the weights: where that is
 * bf16 already its bound is f32's, elsewhere 2^-9 of its own magnitude, a^2 in it, more for each of the two.
 */
#ifndef LX_CONV_H
#define LX_CONV_H

#include <stddef.h>

#include "core/tensor.h"
#include "exec.h"

typedef enum LxConvKind { LX_CONV2D = 0, LX_CONV_UP2D, LX_UPSAMPLE_CONV2D, LX_CONV_DOWN2D, LX_CONV_KINDS } LxConvKind;

/* What is known when weights are packed. h and w are of the input; k is 1 or 3. */
typedef struct LxConvDesc {
    LxConvKind kind;
    int k, ci, co, h, w;
} LxConvDesc;

/* Height and width of the output. */
static inline int lx_conv_out(const LxConvDesc *d, int size)
{
    return d->kind == LX_CONV2D ? size : d->kind == LX_CONV_DOWN2D ? size / 2 : 2 * size;
}

struct LxConvOps;

/* Packed weights: made by lx_device_pack_conv, read by the `ops` that packed them and by nobody else. */
typedef struct LxConvWeights {
    LxConvDesc desc;
    const struct LxConvOps *ops;
    void *packed;
    size_t bytes;
    float factor; /* what weights that are kept in 16 bits are multiplied by as they are used; 1: they were before */
} LxConvWeights;

/* Vectors are padded with zeros to the stored channels of their tensor (cs floats) and aligned to 64 bytes; those that every
   frame has its own of lie in_stride or out_stride floats apart (a multiple of 16; 0: cs). */
typedef struct LxConvArgs {
    const LxConvWeights *weights;
    LxTensor x, y;
    const float *in_scale;  /* [n][in_stride]; NULL: 1 */
    const float *in_shift;  /* [n][in_stride]; NULL: 0 */
    const float *out_scale; /* [n][out_stride]; NULL: 1 */
    int in_stride, out_stride;
    const float *bias;      /* [y.cs]; NULL: 0 */
    const float *gain;      /* [y.cs]; NULL: 1 */
    const float *offset;    /* [y.cs]; NULL: 0 */
    float slope;            /* 1: no activation */
    LxTensor residual;      /* data NULL while there is none and n is 0 */
    float residual_weight;
    int residual_up;
    float *stats;           /* NULL: not wanted */
} LxConvArgs;

/* One algorithm for one kind of convolution. */
typedef struct LxConvOps {
    const char *name;                                             /* "direct 6x16" */
    size_t (*packed_bytes)(const LxConvDesc *d);
    void (*pack)(LxPool *pool, const LxConvDesc *d, const float *w, void *to); /* w [co,ci,k,k], plain; `to`: 64-byte aligned */
    size_t (*scratch_bytes)(const LxConvDesc *d, int slots);      /* LxExec.scratch for any n; NULL: none */
    void (*run)(const LxExec *x, const LxConvArgs *a);
} LxConvOps;

#endif
