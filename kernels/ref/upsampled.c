/* Upsampling by 2 as its closed form: a sample and its nearer neighbour, 3 to 1, in both axes. */
#include "ref.h"

static double sample(const LxTensor *t, int n, int y, int x, int c)
{
    if (y < 0 || y >= t->h || x < 0 || x >= t->w) return 0;
    return lx_tensor_pixel(t, n, y, x)[c];
}

double lx_ref_upsampled(const LxTensor *half, int n, int y, int x, int c)
{
    const int i = y / 2, j = x / 2, i2 = y & 1 ? i + 1 : i - 1, j2 = x & 1 ? j + 1 : j - 1;
    return (9 * sample(half, n, i, j, c) + 3 * sample(half, n, i2, j, c) + 3 * sample(half, n, i, j2, c) + sample(half, n, i2, j2, c)) / 16;
}
