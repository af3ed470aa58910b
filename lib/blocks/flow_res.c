/* FlowRes (flow_res.h): GroupNorm and conv2's style reach conv2 as one affine of its input. */
#include "flow_res.h"

#include <stdio.h>

static int gcd(int a, int b)
{
    return b ? gcd(b, a % b) : a;
}

LiaxStatus lx_flow_res_bind(LxFlowRes *f, LxBind *b, LxStyles *s, const char *key, int c, int size)
{
    char name[LX_KEY];
    const uint64_t n[4] = {1, (uint64_t)c, 1, 1};
    const LxConvDesc d = {LX_CONV2D, 3, c, c, size, size};
    snprintf(f->name, sizeof f->name, "%s.norm", key);
    f->c = c;
    f->groups = gcd(32, c);
    f->padded = (size_t)lx_stored_channels(c);
    snprintf(name, sizeof name, "%s.gamma", key);
    LiaxStatus st = lx_bind_vector(b, name, 4, n, 1, f->padded, &f->gamma);
    snprintf(name, sizeof name, "%s.norm.weight", key);
    if (!st) st = lx_bind_vector(b, name, 1, n + 1, 1, f->padded, &f->norm_weight);
    snprintf(name, sizeof name, "%s.norm.bias", key);
    if (!st) st = lx_bind_vector(b, name, 1, n + 1, 1, f->padded, &f->norm_bias);
    snprintf(name, sizeof name, "%s.conv1", key);
    if (!st) st = lx_styled_conv_bind(&f->conv1, b, s, name, &d);
    snprintf(name, sizeof name, "%s.conv2", key);
    if (!st) st = lx_styled_conv_bind(&f->conv2, b, s, name, &d);
    return st;
}

void lx_flow_res_drop(LxFlowRes *f, LxDevice *d)
{
    lx_styled_conv_drop(&f->conv1, d);
    lx_styled_conv_drop(&f->conv2, d);
    float **const vectors[3] = {&f->norm_weight, &f->norm_bias, &f->gamma};
    for (int i = 0; i < 3; i++) {
        lx_device_drop(d, *vectors[i], f->padded);
        *vectors[i] = NULL;
    }
}

void lx_flow_res(LxRun *r, const LxFlowRes *f, const LxStyled *s, LxTensor x, LxTensor a, LxTensor y)
{
    const size_t mark = lx_arena_mark(&r->arena), vector = (size_t)x.n * (size_t)x.cs * sizeof(float);
    float *stats = lx_arena_take(&r->arena, 2 * (size_t)x.h * vector);
    float *scale = lx_arena_take(&r->arena, vector), *shift = lx_arena_take(&r->arena, vector);
    lx_styled_conv(r, &f->conv1, s, x, a, &(LxStyledExtra){.stats = stats});
    lx_run_group_norm_affine(r, f->name, &(LxGroupNormAffineArgs){
        .stats = stats, .weight = f->norm_weight, .bias = f->norm_bias, .m = s->m + f->conv2.style_at, .scale = scale, .shift = shift,
        .n = x.n, .rows = x.h, .c = f->c, .cs = x.cs, .groups = f->groups, .m_stride = s->m_stride,
        .count = (double)x.h * x.w * (f->c / f->groups), .eps = 1e-5});
    lx_styled_conv(r, &f->conv2, s, a, y, &(LxStyledExtra){.in_scale = scale, .in_shift = shift, .gain = f->gamma, .residual = a});
    lx_arena_release(&r->arena, mark);
}
