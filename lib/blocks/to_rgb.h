/* ToRGB: rgb = leaky(conv1x1(g)) + bias + Upsample(rgb of the level before). docs/network.md, "Decoder". */
#ifndef LX_TO_RGB_H
#define LX_TO_RGB_H

#include "conv_layer.h"

typedef struct LxToRgb {
    LxConvLayer conv;
    float *offset; /* the bias after the activation */
} LxToRgb;

/** `key` is "dec.rgb2". */
LiaxStatus lx_to_rgb_bind(LxToRgb *t, LxBind *b, const char *key, int c, int size);
void lx_to_rgb_drop(LxToRgb *t, LxDevice *d);

/** g [n,c,s,s]; previous [n,3,s/2,s/2] or (LxTensor){0}; rgb [n,3,s,s]. */
void lx_to_rgb(LxRun *r, const LxToRgb *t, LxTensor g, LxTensor previous, LxTensor rgb);

#endif
