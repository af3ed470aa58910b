/* linear, navigate and demodulate in double (linear.h). */
#include "linear.h"

#include <math.h>

#include "ref.h"

void lx_linear_ref(const LxExec *x, const LxLinearArgs *a)
{
    (void)x;
    for (int n = 0; n < a->n; n++)
        for (int o = 0; o < a->outputs; o++) {
            double sum = a->bias ? a->bias[o] : 0;
            for (int i = 0; i < a->inputs; i++) sum += (double)a->w[(size_t)o * (size_t)a->inputs + (size_t)i] * a->x[(size_t)n * (size_t)a->inputs + (size_t)i];
            a->y[(size_t)n * (size_t)a->outputs + (size_t)o] = (float)sum;
        }
}

void lx_navigate_ref(const LxExec *x, const LxNavigateArgs *a)
{
    (void)x;
    for (int n = 0; n < a->n; n++)
        for (int o = 0; o < a->outputs; o++) {
            double sum = a->base[o];
            for (int m = 0; m < a->motions; m++) sum += (double)a->columns[(size_t)m * (size_t)a->outputs + (size_t)o] * a->a[n * a->motions + m];
            a->y[(size_t)n * (size_t)a->outputs + (size_t)o] = (float)sum;
        }
}

void lx_demodulate_ref(const LxExec *x, const LxDemodulateArgs *a)
{
    (void)x;
    for (int n = 0; n < a->n; n++)
        for (int l = 0; l < a->n_layers; l++) {
            const LxDemodulateLayer *layer = &a->layers[l];
            const float *style = a->styles + (size_t)n * (size_t)a->styles_stride + layer->style_at;
            float *d = a->d + (size_t)n * (size_t)a->d_stride + layer->d_at;
            for (int co = 0; co < lx_stored_channels(layer->co); co++) {
                double sum = 1e-8;
                for (int ci = 0; co < layer->co && ci < layer->ci; ci++)
                    sum += (double)style[ci] * style[ci] * layer->squares[(size_t)co * (size_t)layer->ci + (size_t)ci];
                d[co] = co < layer->co ? (float)(1 / sqrt(sum)) : 0;
            }
        }
}
