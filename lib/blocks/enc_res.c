/* EncRes (enc_res.h). */
#include "enc_res.h"

#include <stdio.h>

LiaxStatus lx_enc_res_bind(LxEncRes *e, LxBind *b, const char *key, int ci, int co, int size)
{
    char weight[LX_KEY], bias[LX_KEY];
    snprintf(weight, sizeof weight, "%s.conv1.0.weight", key);
    snprintf(bias, sizeof bias, "%s.conv1.1.bias", key);
    LiaxStatus st = lx_conv_layer_bind(&e->conv1, b, weight, bias, &(LxConvDesc){LX_CONV2D, 3, ci, co, size, size}, 1.41421356f);
    snprintf(weight, sizeof weight, "%s.conv2.1.weight", key);
    snprintf(bias, sizeof bias, "%s.conv2.2.bias", key);
    /* the sum's 1/sqrt(2) cancels conv2's gain, and goes into the skip's weights */
    if (!st) st = lx_conv_layer_bind(&e->conv2, b, weight, bias, &(LxConvDesc){LX_CONV_DOWN2D, 3, co, co, size, size}, 1);
    snprintf(weight, sizeof weight, "%s.skip.1.weight", key);
    if (!st) st = lx_conv_layer_bind(&e->skip, b, weight, NULL, &(LxConvDesc){LX_CONV_DOWN2D, 1, ci, co, size, size}, 0.70710678f);
    return st;
}

void lx_enc_res_drop(LxEncRes *e, LxDevice *d)
{
    lx_conv_layer_drop(&e->conv1, d);
    lx_conv_layer_drop(&e->conv2, d);
    lx_conv_layer_drop(&e->skip, d);
}

void lx_enc_res(LxRun *r, const LxEncRes *e, LxTensor x, LxTensor y)
{
    const size_t mark = lx_arena_mark(&r->arena);
    LxTensor t = lx_arena_tensor(&r->arena, x.type, x.n, y.c, x.h, x.w);
    lx_conv_layer(r, &e->conv1, x, (LxTensor){0}, 0, t);
    lx_conv_layer(r, &e->skip, x, (LxTensor){0}, 0, y);
    lx_conv_layer(r, &e->conv2, t, y, 1, y);
    lx_arena_release(&r->arena, mark);
}
