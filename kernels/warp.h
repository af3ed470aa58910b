/* Contract of warp: the flow head, sampling of the source's feature, mask and blend in one call. */
#ifndef LX_WARP_H
#define LX_WARP_H

#include "core/tensor.h"
#include "exec.h"

/*
 * For every frame n and pixel (y, x) of h [n,c,s,s]:
 *
 *     flow[j]  = sum over ci of w[j][ci] * m[n][ci] * h[ci] + bias[j] + U(previous flow)[j]        j = 0, 1, 2
 *     gx       = (-1 + 2 x/(s-1)) + tanh(flow[0]),  gy = (-1 + 2 y/(s-1)) + tanh(flow[1])
 *     mask     = 1 / (1 + exp(-flow[2]))
 *     warped   = mask * sample(feature, (gx + 1)/2 * (s-1), (gy + 1)/2 * (s-1))
 *     blended  = warped + (1 - mask) * h
 *
 * sample is bilinear over the four neighbouring pixels, those outside the picture being zero; U brings [3,s/2,s/2] to
 * [3,s,s] by zero-stuffing and FIR * 4 with pad (2,1), as LX_UPSAMPLE_CONV2D's first step (conv.h). s >= 2.
 *
 * feature has one frame that all share, or n. blended may be h's own memory; its data may be NULL where nobody wants it.
 * Error: the flow (8 + sqrt(c)) * 2^-24 times its sum over absolute values; the rest as far as that moves it, plus
 * 2^-20 times the magnitudes of what is sampled and blended.
 */
typedef struct LxWarpArgs {
    LxTensor h, feature;
    const float *w;    /* [3][h.cs], zero beyond c */
    const float *m;    /* [n][m_stride] */
    int m_stride;
    float bias[3];
    LxTensor previous; /* [n,3,s/2,s/2]; data NULL and n 0: none */
    LxTensor flow;     /* out [n,3,s,s] */
    LxTensor warped;   /* out [n,c,s,s] */
    LxTensor blended;  /* out [n,c,s,s] */
} LxWarpArgs;

#endif
