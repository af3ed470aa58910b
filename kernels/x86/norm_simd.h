/* group_norm_affine (norm.h): channels side by side over the rows, in double; the compiler makes vectors of the inner loops. */
#include <math.h>
#include <stddef.h>

#include "norm.h"
#include "x86/simd.h"
#include "x86/x86.h"

#define SIDE 16 /* channels side by side */

/* Sums over all rows of `width` channels from c on. */
static void group_sums(const LxGroupNormAffineArgs *a, int n, int c, int width, double *sum, double *sum2)
{
    *sum = *sum2 = 0;
    for (int done = 0; done < width; done += SIDE) {
        const int side = width - done < SIDE ? width - done : SIDE;
        const float *s = a->stats + (ptrdiff_t)n * a->rows * 2 * a->cs + c + done;
        double sums[SIDE] = {0}, sums2[SIDE] = {0};
        for (int row = 0; row < a->rows; row++, s += 2 * a->cs) {
            for (int i = 0; i < side; i++) sums[i] += s[i];
            for (int i = 0; i < side; i++) sums2[i] += s[a->cs + i];
        }
        for (int i = 0; i < side; i++) *sum += sums[i], *sum2 += sums2[i];
    }
}

/* One group of one frame; the last one clears the padding channels. */
static void group_item(void *arg, int item, int slot)
{
    (void)slot;
    const LxGroupNormAffineArgs *a = arg;
    const int n = item / a->groups, group = item % a->groups, width = a->c / a->groups;
    float *scale = a->scale + (ptrdiff_t)n * a->cs, *shift = a->shift + (ptrdiff_t)n * a->cs;
    double sum, sum2;
    group_sums(a, n, group * width, width, &sum, &sum2);
    const double mean = sum / a->count, var = sum2 / a->count - mean * mean;
    const double r = 1 / sqrt((var < 0 ? 0 : var) + a->eps); /* a NaN stays one */
    for (int c = group * width; c < (group + 1) * width; c++) {
        const double m = a->m ? a->m[(ptrdiff_t)n * a->m_stride + c] : 1, w = a->weight[c] * r;
        scale[c] = (float)(m * w);
        shift[c] = (float)(m * (a->bias[c] - mean * w));
    }
    for (int c = a->c; group == a->groups - 1 && c < a->cs; c++) scale[c] = shift[c] = 0;
}

void LX_LEVEL_NAME(lx_group_norm_affine)(const LxExec *x, const LxGroupNormAffineArgs *a)
{
    LxGroupNormAffineArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, a->n * a->groups, group_item, &copy);
}
