/* StyledConv: a demodulated ModulatedConv2d and its FusedLeakyReLU. docs/network.md, "Building blocks". */
#ifndef LX_STYLED_CONV_H
#define LX_STYLED_CONV_H

#include "styles.h"

typedef struct LxStyledConv {
    char name[LX_KEY];
    LxConvWeights conv;
    float *bias;
    size_t padded;
    int style_at, d_at; /* of its style and factors in LxStyled */
} LxStyledConv;

/** `key` is "dec.conv2_1"; desc is 3x3, LX_CONV2D or LX_CONV_UP2D. */
LiaxStatus lx_styled_conv_bind(LxStyledConv *l, LxBind *b, LxStyles *s, const char *key, const LxConvDesc *d);
void lx_styled_conv_drop(LxStyledConv *l, LxDevice *d);

/* What may differ from a plain StyledConv; all zero is one. */
typedef struct LxStyledExtra {
    const float *in_scale, *in_shift; /* [n][cs]: the affine to use in place of the style, which is in it already */
    const float *gain;                /* [cs] after the activation */
    LxTensor residual;                /* added, with weight 1 */
    float *stats;
} LxStyledExtra;

/** y = leaky(d * conv(m * x) + bias) and so on. */
void lx_styled_conv(LxRun *r, const LxStyledConv *l, const LxStyled *s, LxTensor x, LxTensor y, const LxStyledExtra *extra);

#endif
