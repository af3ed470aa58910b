/* Devices over all backends, and what is common to them: packing and keeping of weights (backend.h). */
#include <string.h>

#include "backend.h"

static const LxBackend *const backends[] = {
#define LX_BACKEND(name) &lx_backend_##name,
#include "backends.def"
#undef LX_BACKEND
};

enum { N_BACKENDS = sizeof backends / sizeof *backends };

const char *lx_conv_kind_name(LxConvKind kind)
{
    switch (kind) {
#define LX_CONV(name, kind) \
    case kind: return #name;
#include "kernels.def"
    default: return "unknown";
    }
}

/* Does "cuda:1" name the backend "cuda"? */
static int names_backend(const char *device, const char *backend)
{
    const size_t n = strlen(backend);
    return strncmp(device, backend, n) == 0 && (device[n] == 0 || device[n] == ':');
}

LiaxStatus lx_device_open(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log)
{
    *out = NULL;
    const char *device = options->device ? options->device : "auto";
    for (int i = 0; i < N_BACKENDS; i++)
        if (strcmp(device, "auto") == 0 || names_backend(device, backends[i]->name)) return backends[i]->open(out, options, pool, a, log);
    return lx_fail(log, LIAX_E_UNSUPPORTED, "device \"%.64s\": this build has none of that name; it has \"cpu\"", device);
}

void lx_device_close(LxDevice **device)
{
    LxDevice *d = *device;
    *device = NULL;
    if (d) d->backend->close(d);
}

int32_t lx_device_count(void)
{
    int32_t n = 0;
    for (int i = 0; i < N_BACKENDS; i++) n += backends[i]->count();
    return n;
}

int lx_device_describe(int32_t index, LiaxDeviceInfo *info)
{
    for (int i = 0; index >= 0 && i < N_BACKENDS; i++) {
        const int32_t n = backends[i]->count();
        if (index < n) {
            backends[i]->describe(index, info);
            return 1;
        }
        index -= n;
    }
    return 0;
}

LiaxStatus lx_device_pack_conv(LxDevice *d, LxConvWeights *out, const LxConvDesc *desc, const float *w, LxLog *log)
{
    *out = (LxConvWeights){.desc = *desc, .ops = d->backend->plan(d, desc)};
    const size_t bytes = out->ops->packed_bytes(desc);
    out->packed = d->backend->alloc(d, bytes);
    if (!out->packed) return lx_fail(log, LIAX_E_MEMORY, "out of memory for %zu bytes of weights", bytes);
    out->bytes = bytes;
    d->weight_bytes += bytes;
    out->ops->pack(desc, w, out->packed);
    return LIAX_OK;
}

void lx_device_drop_conv(LxDevice *d, LxConvWeights *w)
{
    if (w->packed) d->backend->free(d, w->packed, w->bytes);
    *w = (LxConvWeights){0};
}

float *lx_device_keep(LxDevice *d, const float *from, size_t n, size_t padded)
{
    float *p = d->backend->alloc(d, padded * sizeof(float));
    if (!p) return NULL;
    d->weight_bytes += padded * sizeof(float);
    static const float zeros[16];
    d->backend->upload(d, p, from, n * sizeof(float));
    for (size_t i = n; i < padded; i += 16) d->backend->upload(d, p + i, zeros, (padded - i < 16 ? padded - i : 16) * sizeof(float));
    return p;
}

void lx_device_drop(LxDevice *d, float *p, size_t padded)
{
    if (p) d->backend->free(d, p, padded * sizeof(float));
}
