/* ConvLayer: an EqualConv2d and, unless it is a skip, its FusedLeakyReLU. docs/network.md, "Building blocks". */
#ifndef LX_CONV_LAYER_H
#define LX_CONV_LAYER_H

#include "bind.h"
#include "run.h"

typedef struct LxConvLayer {
    char name[LX_KEY];
    LxConvWeights conv;
    float *bias;  /* NULL: no bias and no activation */
    size_t padded;
} LxConvLayer;

/**
 * Bind `<weight>` and, if `bias` is not NULL, `<bias>`. The equalised scale 1/sqrt(ci k k) is folded in, and so is `gain`,
 * which a leaky ReLU lets through: sqrt(2) for a plain FusedLeakyReLU, 1 if the result is divided by sqrt(2).
 */
LiaxStatus lx_conv_layer_bind(LxConvLayer *l, LxBind *b, const char *weight, const char *bias, const LxConvDesc *d, float gain);
void lx_conv_layer_drop(LxConvLayer *l, LxDevice *d);

/** y = layer(x) + residual_weight * residual. Without a residual pass (LxTensor){0}, 0; it may be y's own memory. */
void lx_conv_layer(LxRun *r, const LxConvLayer *l, LxTensor x, LxTensor residual, float residual_weight, LxTensor y);

#endif
