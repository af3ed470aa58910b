/* The rgb branch's residual block: g = (conv2(conv1(g)) + g) / sqrt(2). docs/network.md, "Decoder". */
#ifndef LX_RGB_RES_H
#define LX_RGB_RES_H

#include "conv_layer.h"

typedef struct LxRgbRes {
    LxConvLayer conv1, conv2;
} LxRgbRes;

/** `key` is "dec.conv2_2_rgb.0". */
LiaxStatus lx_rgb_res_bind(LxRgbRes *g, LxBind *b, const char *key, int c, int size);
void lx_rgb_res_drop(LxRgbRes *g, LxDevice *d);

/** x = RgbRes(x), in place, with t as memory for the middle; both [n,c,s,s]. */
void lx_rgb_res(LxRun *r, const LxRgbRes *g, LxTensor x, LxTensor t);

#endif
