/* The flow head (flow_head.h). */
#include "flow_head.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* [1,3,c,1,1] in b->host to three padded rows on the device. */
static LiaxStatus keep_rows(LxFlowHead *f, LxBind *b, int c)
{
    const size_t bytes = 3 * f->padded * sizeof(float);
    float *rows = lx_alloc_zero(&b->device->alloc, bytes);
    if (!rows) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for %s", f->name);
    const float factor = 1 / sqrtf((float)c);
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < c; i++) rows[(size_t)j * f->padded + (size_t)i] = b->host[j * c + i] * factor;
    f->w = lx_device_keep(b->device, rows, 3 * f->padded, 3 * f->padded);
    lx_free(&b->device->alloc, rows, bytes);
    return f->w ? LIAX_OK : lx_fail(b->log, LIAX_E_MEMORY, "out of memory for %s", f->name);
}

LiaxStatus lx_flow_head_bind(LxFlowHead *f, LxBind *b, LxStyles *s, const char *key, int c)
{
    char name[LX_KEY];
    snprintf(f->name, sizeof f->name, "%s", key);
    f->padded = (size_t)lx_stored_channels(c);
    snprintf(name, sizeof name, "%s.conv.weight", key);
    LiaxStatus st = lx_bind_read(b, name, 5, (uint64_t[]){1, 3, (uint64_t)c, 1, 1});
    if (!st) st = keep_rows(f, b, c);
    snprintf(name, sizeof name, "%s.conv", key);
    if (!st) st = lx_styles_bind(s, b, name, c, &f->style_at);
    snprintf(name, sizeof name, "%s.bias", key);
    if (!st) st = lx_bind_read(b, name, 4, (uint64_t[]){1, 3, 1, 1});
    if (!st) memcpy(f->bias, b->host, sizeof f->bias);
    return st;
}

void lx_flow_head_drop(LxFlowHead *f, LxDevice *d)
{
    lx_device_drop(d, f->w, 3 * f->padded);
    f->w = NULL;
}

void lx_flow_head(LxRun *r, const LxFlowHead *f, const LxStyled *s, LxTensor h, LxTensor feature, LxTensor previous, LxTensor flow,
                  LxTensor warped, int blend)
{
    lx_run_warp(r, f->name, &(LxWarpArgs){.h = h, .feature = feature, .w = f->w, .m = s->m + f->style_at, .m_stride = s->m_stride,
                                          .bias = {f->bias[0], f->bias[1], f->bias[2]}, .previous = previous, .flow = flow,
                                          .warped = warped, .blended = blend ? h : (LxTensor){0}});
}
