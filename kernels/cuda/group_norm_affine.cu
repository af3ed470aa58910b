/* GroupNorm and modulation as one affine (norm.h): a block for each group and frame. */
#include "norm.h"

#include "device.h"
#include "plain.h"

enum { THREADS = 128 };

static __global__ void __launch_bounds__(THREADS, 1) group_norm_affine_kernel(LxGroupNormAffineArgs a)
{
    LX_SHARED(double, sums, [2][THREADS]);
    const int width = a.c / a.groups, first = blockIdx.x * width, me = threadIdx.x;
    const float *stats = a.stats + (size_t)blockIdx.y * a.rows * 2 * a.cs;
    double sum = 0, sum2 = 0;
    for (int i = me; i < a.rows * width; i += THREADS) {
        const float *s = stats + (size_t)(i / width) * 2 * a.cs + first + i % width;
        sum += s[0];
        sum2 += s[a.cs];
    }
    sums[0][me] = sum;
    sums[1][me] = sum2;
    for (int n = THREADS / 2; n; n /= 2) {
        __syncthreads();
        if (me >= n) continue;
        sums[0][me] += sums[0][me + n];
        sums[1][me] += sums[1][me + n];
    }
    __syncthreads();
    const double mean = sums[0][0] / a.count, var = sums[1][0] / a.count - mean * mean;
    const double r = 1 / sqrt((var < 0 ? 0 : var) + a.eps); /* a NaN stays one */
    const size_t frame = (size_t)blockIdx.y * a.cs;
    for (int c = first + me; c < first + width; c += THREADS) {
        const double m = a.m ? a.m[(size_t)blockIdx.y * a.m_stride + c] : 1, weight = a.weight[c] * r;
        a.scale[frame + c] = (float)(m * weight);
        a.shift[frame + c] = (float)(m * (a.bias[c] - mean * weight));
    }
    if (blockIdx.x) return;
    for (int c = a.c + me; c < a.cs; c += THREADS) a.scale[frame + c] = a.shift[frame + c] = 0;
}

void lx_group_norm_affine_cuda(const LxExec *x, const LxGroupNormAffineArgs *a)
{
    LX_LAUNCH(group_norm_affine_kernel, dim3(a->groups, a->n), THREADS, 0, x->stream, *a);
}
