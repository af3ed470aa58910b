/* GroupNorm and modulation as one affine (norm.h). */
#include <math.h>

#include "norm.h"
#include "ref.h"

void lx_group_norm_affine_ref(const LxExec *x, const LxGroupNormAffineArgs *a)
{
    (void)x;
    const int width = a->c / a->groups;
    for (int n = 0; n < a->n; n++)
        for (int c = 0; c < a->cs; c++) {
            double scale = 0, shift = 0;
            if (c < a->c) {
                double sum = 0, sum2 = 0;
                for (int row = 0; row < a->rows; row++)
                    for (int i = c / width * width; i < (c / width + 1) * width; i++) {
                        const float *s = a->stats + ((size_t)n * (size_t)a->rows + (size_t)row) * 2 * (size_t)a->cs;
                        sum += s[i];
                        sum2 += s[a->cs + i];
                    }
                const double mean = sum / a->count, var = sum2 / a->count - mean * mean;
                const double r = a->weight[c] / sqrt((var > 0 ? var : var < 0 ? 0 : var) + a->eps); /* a NaN stays one */
                const double m = a->m ? a->m[(size_t)n * (size_t)a->m_stride + (size_t)c] : 1;
                scale = m * r;
                shift = m * (a->bias[c] - mean * r);
            }
            a->scale[n * a->cs + c] = (float)scale;
            a->shift[n * a->cs + c] = (float)shift;
        }
}
