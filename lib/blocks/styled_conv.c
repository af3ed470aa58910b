/* StyledConv (styled_conv.h). */
#include "styled_conv.h"

#include <math.h>
#include <stdio.h>

LiaxStatus lx_styled_conv_bind(LxStyledConv *l, LxBind *b, LxStyles *s, const char *key, const LxConvDesc *d)
{
    char name[LX_KEY];
    snprintf(l->name, sizeof l->name, "%s", key);
    l->padded = (size_t)lx_stored_channels(d->co);
    /* the activation's sqrt(2) goes into weights and bias; demodulation, which would cancel it, is taken without it */
    snprintf(name, sizeof name, "%s.conv.weight", key);
    LiaxStatus st = lx_bind_conv(b, name, 1, d, sqrtf(2.0f / (float)(d->ci * d->k * d->k)), &l->conv);
    /* the style comes after the weights in b->host, so the sums are taken first */
    if (!st) st = lx_styles_demodulate(s, b, b->host, d->ci, d->co, d->k * d->k, 0.70710678f, s->used, &l->d_at);
    snprintf(name, sizeof name, "%s.conv", key);
    if (!st) st = lx_styles_bind(s, b, name, d->ci, &l->style_at);
    snprintf(name, sizeof name, "%s.activate.bias", key);
    if (!st) st = lx_bind_vector(b, name, 1, &(uint64_t){(uint64_t)d->co}, 1.41421356f, l->padded, &l->bias);
    return st;
}

void lx_styled_conv_drop(LxStyledConv *l, LxDevice *d)
{
    lx_device_drop_conv(d, &l->conv);
    lx_device_drop(d, l->bias, l->padded);
    l->bias = NULL;
}

void lx_styled_conv(LxRun *r, const LxStyledConv *l, const LxStyled *s, LxTensor x, LxTensor y, const LxStyledExtra *extra)
{
    const int given = extra->in_scale != NULL;
    lx_run_conv(r, l->name, &(LxConvArgs){
        .weights = &l->conv, .x = x, .y = y,
        .in_scale = given ? extra->in_scale : s->m + l->style_at, .in_shift = extra->in_shift, .in_stride = given ? 0 : s->m_stride,
        .out_scale = s->d + l->d_at, .out_stride = s->d_stride,
        .bias = l->bias, .gain = extra->gain, .slope = 0.2f,
        .residual = extra->residual, .residual_weight = 1, .stats = extra->stats});
}
