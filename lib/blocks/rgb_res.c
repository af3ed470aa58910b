/* The rgb branch's residual block (rgb_res.h). */
#include "rgb_res.h"

#include <stdio.h>

static LiaxStatus bind_conv(LxConvLayer *l, LxBind *b, const char *key, const char *which, const LxConvDesc *d, float gain)
{
    char weight[LX_KEY], bias[LX_KEY];
    snprintf(weight, sizeof weight, "%s.%s.0.weight", key, which);
    snprintf(bias, sizeof bias, "%s.%s.1.bias", key, which);
    return lx_conv_layer_bind(l, b, weight, bias, d, gain);
}

LiaxStatus lx_rgb_res_bind(LxRgbRes *g, LxBind *b, const char *key, int c, int size)
{
    const LxConvDesc d = {LX_CONV2D, 3, c, c, size, size};
    LiaxStatus st = bind_conv(&g->conv1, b, key, "conv1", &d, 1.41421356f);
    if (!st) st = bind_conv(&g->conv2, b, key, "conv2", &d, 1); /* its sqrt(2) is cancelled by the sum's 1/sqrt(2) */
    return st;
}

void lx_rgb_res_drop(LxRgbRes *g, LxDevice *d)
{
    lx_conv_layer_drop(&g->conv1, d);
    lx_conv_layer_drop(&g->conv2, d);
}

void lx_rgb_res(LxRun *r, const LxRgbRes *g, LxTensor x, LxTensor t)
{
    lx_conv_layer(r, &g->conv1, x, (LxTensor){0}, 0, t);
    lx_conv_layer(r, &g->conv2, t, x, 0.70710678f, x);
}
