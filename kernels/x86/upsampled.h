/* One pixel of a picture that is brought to twice its size (LX_UPSAMPLE_CONV2D's first step, conv.h). */
#ifndef LX_X86_UPSAMPLED_H
#define LX_X86_UPSAMPLED_H

#include "core/tensor.h"
#include "x86/simd.h"

/* Of an upsampled picture, sample i takes (3 u[i/2] + u[i/2 - 1]) / 4 for even i, (3 u[i/2] + u[i/2 + 1]) / 4 for odd i. */
LX_INLINE int other_sample(int i) { return i & 1 ? i / 2 + 1 : i / 2 - 1; }

/* Channels from c on of pixel (y, x) of the upsampled picture: sixteenths of four pixels, those outside being zero. */
LX_INLINE LxV upsampled_at(const int width, const LxTensor *r, int n, int y, int x, int c)
{
    const int ys[2] = {y / 2, other_sample(y)}, xs[2] = {x / 2, other_sample(x)};
    LxV sum = lxv_zero();
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++)
            if (ys[i] >= 0 && ys[i] < r->h && xs[j] >= 0 && xs[j] < r->w)
                sum = lxv_fma(lxv_set((i ? 1 : 3) * (j ? 1 : 3) / 16.0f), lxv_load_w(width, lx_tensor_pixel(r, n, ys[i], xs[j]) + c), sum);
    return sum;
}

#endif
