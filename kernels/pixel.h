/* Contracts of frame_in and frame_out: pictures into the network's input and out of its output. */
#ifndef LX_PIXEL_H
#define LX_PIXEL_H

#include "core/tensor.h"
#include "exec.h"
#include "liax/liax.h"

/*
 * One axis of a resize (docs/network.md, "Pixels"): output i is the sum over j < count[i] of
 * weight[i*taps + j] * input[first[i] + j]. Weights sum to 1; those from count[i] on are zero.
 */
typedef struct LxResizeAxis {
    int n_in, n_out, taps;
    const int *first, *count; /* [n_out] */
    const float *weight;      /* [n_out][taps] */
} LxResizeAxis;

/*
 * frame_in: a picture to the network's input y [1,3,h,w], resized in f32, along rows first, then along columns. A sample v
 * of an 8-bit picture is (v/255 - 0.5)*2; YUV becomes R, G, B, rounded to 8 bits, first. An axis with n_in == n_out is
 * skipped, its arrays may be NULL. `between` is room for [picture's height][w][4] floats, `wide` for one picture row of
 * [width][4] floats a slot of the pool.
 * Error: 8 * 2^-24 * taps times the weighted sum over absolute values.
 */
typedef struct LxFrameInArgs {
    const LiaxImage *image; /* strides and YUV fields are set: no AUTO, no 0 */
    LxResizeAxis x, y;
    float *between, *wide;
    LxTensor to;
} LxFrameInArgs;

/*
 * frame_out: the network's output x [1,3,S,S], resized likewise, to a picture. 8 bits are (clamp(v, -1, 1) + 1) * 127.5
 * rounded to nearest, halves to even; YUV and gray come from those R, G, B. LIAX_RGBF32 is not clamped. `between` is room
 * for [S][picture's width][4] floats, `wide` for two picture rows of [width][4] floats a slot of the pool.
 */
typedef struct LxFrameOutArgs {
    LxTensor from;
    LxResizeAxis x, y;
    float *between, *wide;
    const LiaxImage *image; /* its planes are written */
} LxFrameOutArgs;

#endif
