/* Devices over all backends, and what is common to them: packing and keeping of weights (backend.h). */
#include <string.h>

#include "backend.h"

/* In the order of backends.def; `built_in` is NULL for those in libraries of their own. */
typedef struct Entry {
    const char *name;
    const LxBackend *built_in;
} Entry;

static const Entry entries[] = {
#define LX_BACKEND(name) {#name, &lx_backend_##name},
#define LX_BACKEND_LIBRARY(name) {#name, NULL},
#include "backends.def"
#undef LX_BACKEND
#undef LX_BACKEND_LIBRARY
};

enum { N_ENTRIES = sizeof entries / sizeof *entries };

const char *lx_conv_kind_name(LxConvKind kind)
{
    switch (kind) {
#define LX_CONV(name, kind) \
    case kind: return #name;
#include "kernels.def"
    default: return "unknown";
    }
}

static LiaxStatus find(const LxBackend **out, const Entry *e, const char *dir, LxLog *log)
{
    *out = e->built_in;
    return e->built_in ? LIAX_OK : lx_backend_load(out, e->name, dir, log);
}

/* ---- opening */

/* Does "cuda:1" name the backend "cuda"? */
static int names_backend(const char *device, const char *backend)
{
    const size_t n = strlen(backend);
    return strncmp(device, backend, n) == 0 && (device[n] == 0 || device[n] == ':');
}

/* The first that can be opened. That the others cannot is no error, and no news where there is no such device. */
static LiaxStatus open_best(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log)
{
    for (int i = 0; i < N_ENTRIES; i++) {
        if (entries[i].built_in) return entries[i].built_in->open(out, options, pool, a, log);
        LxLog quiet = {0};
        const LxBackend *b;
        LiaxStatus st = find(&b, &entries[i], options->backend_dir, &quiet);
        if (!st) st = b->open(out, options, pool, a, &quiet);
        if (!st) return LIAX_OK;
        lx_say(log, b && b->count() ? LIAX_LOG_WARNING : LIAX_LOG_INFO, "no device of %s is used: %s", entries[i].name, quiet.error);
    }
    return lx_fail(log, LIAX_E_UNSUPPORTED, "this build has no backend");
}

LiaxStatus lx_device_open(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log)
{
    *out = NULL;
    const char *device = options->device ? options->device : "auto";
    if (strcmp(device, "auto") == 0) return open_best(out, options, pool, a, log);
    for (int i = 0; i < N_ENTRIES; i++) {
        if (!names_backend(device, entries[i].name)) continue;
        const LxBackend *b;
        const LiaxStatus st = find(&b, &entries[i], options->backend_dir, log);
        return st ? st : b->open(out, options, pool, a, log);
    }
    return lx_fail(log, LIAX_E_UNSUPPORTED, "device \"%.64s\" is unknown: there are \"auto\", \"cpu\", \"cuda\" and \"cuda:N\"", device);
}

LiaxStatus lx_device_reopen(LxDevice **out, const LxDevice *d, LiaxPrecision precision, LxLog *log)
{
    const LiaxModelOptions options = {.struct_size = sizeof options, .device = d->id, .precision = precision, .conv = d->conv};
    return d->backend->open(out, &options, d->pool, &d->alloc, log);
}

void lx_device_close(LxDevice **device)
{
    LxDevice *d = *device;
    *device = NULL;
    if (d) d->backend->close(d);
}

/* ---- listing: those built in first, so that number 0 is always the CPU */

/* Counts devices; with `info`, describes number `index`. */
static int32_t list(int32_t index, LiaxDeviceInfo *info)
{
    int32_t n = 0;
    for (int built_in = 1; built_in >= 0; built_in--)
        for (int i = 0; i < N_ENTRIES; i++) {
            LxLog quiet = {0};
            const LxBackend *b;
            if ((entries[i].built_in != NULL) != built_in || find(&b, &entries[i], NULL, &quiet)) continue;
            const int32_t here = b->count();
            if (info && index >= n && index < n + here) b->describe(index - n, info);
            n += here;
        }
    return n;
}

int32_t lx_device_count(void)
{
    return list(-1, NULL);
}

int lx_device_describe(int32_t index, LiaxDeviceInfo *info)
{
    return index >= 0 && index < list(index, info);
}

/* ---- weights */

/* To the device, where packing needs memory of the host's that is not the device's. */
static LiaxStatus pack_and_send(LxDevice *d, LxConvWeights *w, const float *plain, LxLog *log)
{
    void *packed = lx_alloc(&d->alloc, w->bytes);
    if (!packed) return lx_fail(log, LIAX_E_MEMORY, "out of memory for %zu bytes of weights", w->bytes);
    w->ops->pack(d->pool, &w->desc, plain, packed);
    d->backend->send(d, d->stream, w->packed, packed, w->bytes, 0, 1);
    lx_free(&d->alloc, packed, w->bytes);
    return LIAX_OK;
}

static void multiply(float *w, const LxConvDesc *d, float factor)
{
    const size_t n = (size_t)d->co * (size_t)d->ci * (size_t)(d->k * d->k);
    for (size_t i = 0; i < n; i++) w[i] *= factor;
}

LiaxStatus lx_device_pack_conv(LxDevice *d, LxConvWeights *out, const LxConvDesc *desc, float *w, LxDtype type, float factor, LxLog *log)
{
    const LxConvOps *narrow = type == LX_F32 ? NULL : d->kernels.narrow[type - 1][desc->kind];
    *out = (LxConvWeights){.desc = *desc, .ops = narrow ? narrow : d->backend->plan(d, desc), .factor = narrow ? factor : 1};
    if (!narrow) multiply(w, desc, factor);
    const size_t bytes = out->ops->packed_bytes(desc);
    out->packed = d->backend->alloc(d, bytes);
    if (!out->packed) return lx_fail(log, LIAX_E_MEMORY, "%s: out of memory for %zu bytes of weights", d->id, bytes);
    out->bytes = bytes;
    d->weight_bytes += bytes;
    LiaxStatus st = LIAX_OK;
    if (lx_device_is_host(d)) out->ops->pack(d->pool, desc, w, out->packed);
    else st = pack_and_send(d, out, w, log);
    if (narrow) multiply(w, desc, factor);
    return st;
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
    d->backend->send(d, d->stream, p, from, n * sizeof(float), 0, 1);
    for (size_t i = n; i < padded; i += 16) d->backend->send(d, d->stream, p + i, zeros, (padded - i < 16 ? padded - i : 16) * sizeof(float), 0, 1);
    return p;
}

void lx_device_drop(LxDevice *d, float *p, size_t padded)
{
    if (p) d->backend->free(d, p, padded * sizeof(float));
}

int lx_device_keep_tensor(LxDevice *d, LxTensor *t, const float *from)
{
    const size_t bytes = lx_tensor_bytes(t);
    void *stored = lx_alloc(&d->alloc, bytes);
    t->data = stored ? d->backend->alloc(d, bytes) : NULL;
    if (t->data) {
        lx_from_f32(stored, from, t->type, lx_tensor_floats(t));
        d->backend->send(d, d->stream, t->data, stored, bytes, 0, 1);
        d->weight_bytes += bytes;
    }
    lx_free(&d->alloc, stored, bytes);
    return t->data != NULL;
}

void lx_device_drop_tensor(LxDevice *d, LxTensor *t)
{
    if (t->data) d->backend->free(d, t->data, lx_tensor_bytes(t));
    *t = (LxTensor){0};
}
