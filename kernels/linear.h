/* Contracts of the small dense products: linear, navigate, demodulate. */
#ifndef LX_LINEAR_H
#define LX_LINEAR_H

#include <stddef.h>

#include "exec.h"

/*
 * linear: y[n][o] = bias[o] + sum over i of w[o][i] * x[n][i], o < outputs, i < inputs.
 * Rows of w, x and y are inputs, inputs and outputs floats long, without padding; any alignment of 4. x and y do not overlap.
 * Error: (8 + sqrt(inputs)) * 2^-24 times the same sum over absolute values.
 */
typedef struct LxLinearArgs {
    const float *w, *bias; /* bias NULL: 0 */
    const float *x;
    float *y;
    int n, inputs, outputs;
} LxLinearArgs;

/*
 * navigate: the latent linear navigation. Everything that depends on the latent z = z_s + Q a is affine in the motion a:
 *
 *     y[n][o] = base[o] + sum over m of columns[m][o] * a[n][m]
 *
 * gives all styles of a frame at once, base and columns being those of the concatenated modulation layers
 * (docs/network.md, "Styles from 40 numbers"). outputs is a multiple of 16; base, columns and y are aligned to 64 bytes.
 * Error: (8 + sqrt(motions)) * 2^-24 times the same sum over absolute values.
 */
typedef struct LxNavigateArgs {
    const float *base;    /* [outputs] */
    const float *columns; /* [motions][outputs] */
    const float *a;       /* [n][motions] */
    float *y;             /* [n][outputs] */
    int n, motions, outputs;
} LxNavigateArgs;

/*
 * demodulate: the factors that keep a modulated convolution's output at unit variance, for many layers in one call:
 *
 *     d[n][d_at + co] = 1 / sqrt(sum over ci of style[n][style_at + ci]^2 * squares[co][ci] + 1e-8)
 *
 * with squares[co][ci] = sum over taps of w[co,ci,k]^2, rows `ci` floats long. d is written as zero from co up to the
 * stored channels of co. Error: (8 + sqrt(ci)) * 2^-24 relative: all terms are positive.
 */
typedef struct LxDemodulateLayer {
    const float *squares; /* [co][ci] */
    int ci, co;
    int style_at, d_at;   /* floats; d_at a multiple of 16 */
} LxDemodulateLayer;

typedef struct LxDemodulateArgs {
    const LxDemodulateLayer *layers;
    int n_layers;
    const float *styles;           /* [n][styles_stride] */
    float *d;                      /* [n][d_stride] */
    int n, styles_stride, d_stride;
} LxDemodulateArgs;

#endif
