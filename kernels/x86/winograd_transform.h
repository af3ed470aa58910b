/*
 * The transforms of Winograd's convolutions, by Toom and Cook: m outputs of a 3-tap filter from m + 2 inputs with m + 2
 * multiplications, as products of polynomials at m + 1 points and at infinity (Lavin and Gray, "Fast algorithms for
 * convolutional neural networks", 2016):
 *
 *     y = output((kernel g) . (input d)),  in two dimensions along the columns, then along the rows
 *
 * For m = 2 the points are 0, 1, -1. For m = 4 they are 0, r, -r, 2r, -2r with r = sqrt(1/2), whose rounding errors are half
 * of those of the usual 0, 1, -1, 2, -2.
 */
#ifndef LX_X86_WINOGRAD_TRANSFORM_H
#define LX_X86_WINOGRAD_TRANSFORM_H

#include "x86/simd.h"

#define LX_MAX_POINTS 6

#define LX_ROOT_HALF 0.70710678118654752440

/* v[i] = (product of x - p over the other points)'s coefficients times d. `m` is constant at every call. */
LX_INLINE void winograd_input(const int m, const LxV *d, LxV *v)
{
    if (m == 2) {
        v[0] = lxv_sub(d[2], d[0]);
        v[1] = lxv_add(d[2], d[1]);
        v[2] = lxv_sub(d[2], d[1]);
        v[3] = lxv_sub(d[3], d[1]);
        return;
    }
    const LxV near = lxv_fma(lxv_set(-2), d[2], d[4]), near_odd = lxv_fma(lxv_set(-2), d[1], d[3]);
    const LxV far = lxv_fma(lxv_set(-0.5f), d[2], d[4]), far_odd = lxv_fma(lxv_set(-0.5f), d[1], d[3]);
    v[0] = lxv_fma(lxv_set(-2.5f), d[2], lxv_add(d[0], d[4]));
    v[1] = lxv_fma(lxv_set((float)LX_ROOT_HALF), near_odd, near);
    v[2] = lxv_fma(lxv_set((float)-LX_ROOT_HALF), near_odd, near);
    v[3] = lxv_fma(lxv_set((float)(2 * LX_ROOT_HALF)), far_odd, far);
    v[4] = lxv_fma(lxv_set((float)(-2 * LX_ROOT_HALF)), far_odd, far);
    v[5] = lxv_fma(lxv_set(-2.5f), d[3], lxv_add(d[1], d[5]));
}

/* y[i] = sum over the points of p^i s[p]; infinity counts for the last. */
LX_INLINE void winograd_output(const int m, const LxV *s, LxV *y)
{
    const LxV sum = lxv_add(s[1], s[2]), odd = lxv_sub(s[1], s[2]);
    if (m == 2) {
        y[0] = lxv_add(s[0], sum);
        y[1] = lxv_add(odd, s[3]);
        return;
    }
    const LxV far = lxv_add(s[3], s[4]), far_odd = lxv_sub(s[3], s[4]);
    y[0] = lxv_add(s[0], lxv_add(sum, far));
    y[1] = lxv_fma(lxv_set((float)LX_ROOT_HALF), odd, lxv_mul(lxv_set((float)(2 * LX_ROOT_HALF)), far_odd));
    y[2] = lxv_fma(lxv_set(0.5f), sum, lxv_add(far, far));
    y[3] = lxv_fma(lxv_set((float)(LX_ROOT_HALF / 2)), odd, lxv_fma(lxv_set((float)(4 * LX_ROOT_HALF)), far_odd, s[5]));
}

/* Row i takes the filter's three taps to point i: powers of p over the product of p - q, q the other points. */
static void winograd_kernel(int m, double to[LX_MAX_POINTS][3])
{
    const double r = m == 2 ? 1 : LX_ROOT_HALF, points[5] = {0, r, -r, 2 * r, -2 * r};
    for (int i = 0; i <= m; i++) {
        double scale = 1;
        for (int j = 0; j <= m; j++)
            if (j != i) scale *= points[i] - points[j];
        to[i][0] = 1 / scale, to[i][1] = points[i] / scale, to[i][2] = points[i] * points[i] / scale;
    }
    to[m + 1][0] = to[m + 1][1] = 0, to[m + 1][2] = 1;
}

#endif
