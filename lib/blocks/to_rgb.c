/* ToRGB (to_rgb.h). */
#include "to_rgb.h"

#include <stdio.h>

LiaxStatus lx_to_rgb_bind(LxToRgb *t, LxBind *b, const char *key, int c, int size)
{
    char weight[LX_KEY], bias[LX_KEY];
    snprintf(weight, sizeof weight, "%s.conv.0.weight", key);
    snprintf(bias, sizeof bias, "%s.conv.1.bias", key);
    LiaxStatus st = lx_conv_layer_bind(&t->conv, b, weight, bias, &(LxConvDesc){LX_CONV2D, 1, c, 3, size, size}, 1.41421356f);
    snprintf(bias, sizeof bias, "%s.bias", key);
    if (!st) st = lx_bind_vector(b, bias, 4, (uint64_t[]){1, 3, 1, 1}, 1, t->conv.padded, &t->offset);
    return st;
}

void lx_to_rgb_drop(LxToRgb *t, LxDevice *d)
{
    lx_device_drop(d, t->offset, t->conv.padded);
    t->offset = NULL;
    lx_conv_layer_drop(&t->conv, d);
}

void lx_to_rgb(LxRun *r, const LxToRgb *t, LxTensor g, LxTensor previous, LxTensor rgb)
{
    lx_run_conv(r, t->conv.name, &(LxConvArgs){.weights = &t->conv.conv, .x = g, .y = rgb, .bias = t->conv.bias, .slope = 0.2f, .offset = t->offset,
                                               .residual = previous, .residual_weight = 1, .residual_up = 1});
}
