/* Reading, checking and packing weights (bind.h). */
#include "bind.h"

static LiaxStatus grow(LxBind *b, size_t floats)
{
    if (floats <= b->host_floats) return LIAX_OK;
    lx_free(&b->device->alloc, b->host, b->host_floats * sizeof(float));
    b->host_floats = 0;
    b->host = lx_alloc(&b->device->alloc, floats * sizeof(float));
    if (!b->host) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for a tensor of %zu values", floats);
    b->host_floats = floats;
    return LIAX_OK;
}

LiaxStatus lx_bind_read(LxBind *b, const char *key, uint32_t rank, const uint64_t *dims)
{
    const LxTensorEntry *t;
    LiaxStatus st = lx_container_expect(b->file, key, rank, dims, &t, b->log);
    if (!st) st = grow(b, (size_t)t->count);
    if (!st) st = lx_container_read_f32(b->file, t, b->host, b->log);
    if (st) return st;
    b->floats_read += (int64_t)t->count;
    if (b->progress && b->progress(b->progress_ctx, (double)b->floats_read / (double)b->floats_total))
        return lx_fail(b->log, LIAX_E_CANCELLED, "loading was stopped at tensor %s", key);
    return LIAX_OK;
}

LiaxStatus lx_bind_vector(LxBind *b, const char *key, uint32_t rank, const uint64_t *dims, float factor, size_t padded, float **out)
{
    LiaxStatus st = lx_bind_read(b, key, rank, dims);
    if (st) return st;
    size_t n = 1;
    for (uint32_t i = 0; i < rank; i++) n *= (size_t)dims[i];
    for (size_t i = 0; i < n; i++) b->host[i] *= factor;
    *out = lx_device_keep(b->device, b->host, n, padded);
    return *out ? LIAX_OK : lx_fail(b->log, LIAX_E_MEMORY, "out of memory for tensor %s", key);
}

LiaxStatus lx_bind_conv(LxBind *b, const char *key, int modulated, const LxConvDesc *d, float factor, LxConvWeights *out)
{
    const uint64_t dims[5] = {1, (uint64_t)d->co, (uint64_t)d->ci, (uint64_t)d->k, (uint64_t)d->k};
    LiaxStatus st = lx_bind_read(b, key, modulated ? 5 : 4, modulated ? dims : dims + 1);
    if (st) return st;
    const LxTensorEntry *t = lx_container_find(b->file, key);
    return lx_device_pack_conv(b->device, out, d, b->host, t->scale == 1 ? t->dtype : LX_F32, factor, b->log);
}

void lx_bind_end(LxBind *b)
{
    lx_free(&b->device->alloc, b->host, b->host_floats * sizeof(float));
    b->host = NULL;
    b->host_floats = 0;
}
