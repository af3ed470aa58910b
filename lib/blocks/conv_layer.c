/* ConvLayer (conv_layer.h). */
#include "conv_layer.h"

#include <math.h>
#include <stdio.h>

LiaxStatus lx_conv_layer_bind(LxConvLayer *l, LxBind *b, const char *weight, const char *bias, const LxConvDesc *d, float gain)
{
    snprintf(l->name, sizeof l->name, "%s", weight);
    l->padded = (size_t)lx_stored_channels(d->co);
    LiaxStatus st = lx_bind_conv(b, weight, 0, d, gain / sqrtf((float)(d->ci * d->k * d->k)), &l->conv);
    if (!st && bias) st = lx_bind_vector(b, bias, 1, &(uint64_t){(uint64_t)d->co}, gain, l->padded, &l->bias);
    return st;
}

void lx_conv_layer_drop(LxConvLayer *l, LxDevice *d)
{
    lx_device_drop_conv(d, &l->conv);
    lx_device_drop(d, l->bias, l->padded);
    l->bias = NULL;
}

void lx_conv_layer(LxRun *r, const LxConvLayer *l, LxTensor x, LxTensor residual, float residual_weight, LxTensor y)
{
    lx_run_conv(r, l->name, &(LxConvArgs){.weights = &l->conv, .x = x, .y = y, .bias = l->bias, .slope = l->bias ? 0.2f : 1,
                                          .residual = residual, .residual_weight = residual_weight});
}
