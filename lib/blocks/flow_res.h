/* FlowRes, the flow branch's residual block: a = conv1(x, z); y = a + gamma * conv2(GroupNorm(a), z). docs/network.md. */
#ifndef LX_FLOW_RES_H
#define LX_FLOW_RES_H

#include "styled_conv.h"

typedef struct LxFlowRes {
    char name[LX_KEY];
    LxStyledConv conv1, conv2;
    float *norm_weight, *norm_bias, *gamma;
    int c, groups; /* gcd(32, c) */
    size_t padded;
} LxFlowRes;

/** `key` is "dec.conv2_2.0". */
LiaxStatus lx_flow_res_bind(LxFlowRes *f, LxBind *b, LxStyles *s, const char *key, int c, int size);
void lx_flow_res_drop(LxFlowRes *f, LxDevice *d);

/** y = FlowRes(x), with `a` as memory for the middle; all [n,c,s,s]. y may be x's memory. */
void lx_flow_res(LxRun *r, const LxFlowRes *f, const LxStyled *s, LxTensor x, LxTensor a, LxTensor y);

#endif
