/* Contract of group_norm_affine: a GroupNorm and the modulation after it as one affine for each channel. */
#ifndef LX_NORM_H
#define LX_NORM_H

#include "exec.h"

/*
 * GroupNorm of a [n,c,h,w] with `groups` groups of c/groups neighbouring channels, followed by a factor m for each channel,
 * is scale[n][c] * a + shift[n][c] with, mean and var being the group's (var without Bessel's correction):
 *
 *     r     = 1 / sqrt(var + eps)
 *     scale = m[n][c] * weight[c] * r
 *     shift = m[n][c] * (bias[c] - mean * weight[c] * r)
 *
 * stats are those of conv.h, one for each of `rows` rows; count is the number of values in a group, h*w*c/groups. Sums are
 * taken in double, in the order of the rows. scale and shift get cs floats a frame, zero beyond c.
 */
typedef struct LxGroupNormAffineArgs {
    const float *stats;          /* [n][rows][2][cs] */
    const float *weight, *bias;  /* [c] */
    const float *m;              /* [n][m_stride]; NULL: 1 */
    float *scale, *shift;        /* [n][cs] */
    int n, rows, c, cs, groups, m_stride;
    double count, eps;
} LxGroupNormAffineArgs;

#endif
