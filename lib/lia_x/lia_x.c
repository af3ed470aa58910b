/* The LIA-X family: sizes, binding, and the three passes (family.h). */
#include "lia_x.h"

#include <stdio.h>
#include <string.h>

static LiaxStatus read_sizes(LxSizes *out, const LxContainer *c, LxLog *log)
{
    int64_t size, motions;
    const int64_t *widths;
    uint32_t n;
    LiaxStatus st = lx_container_i64(c, "size", &size, log);
    if (!st) st = lx_container_i64(c, "motions", &motions, log);
    if (!st) st = lx_container_i64s(c, "widths", &widths, &n, log);
    if (st) return st;
    int levels = 0;
    while (levels < LX_LEVELS && (4 << levels) < size) levels++;
    if (size < 8 || (4 << levels) != size)
        return lx_fail(log, LIAX_E_FORMAT, "%s: size %lld, expected 8, 16, ... 512", c->file.name, (long long)size);
    if (n != (uint32_t)levels + 1)
        return lx_fail(log, LIAX_E_FORMAT, "%s: %u widths, expected %d for size %lld", c->file.name, n, levels + 1, (long long)size);
    *out = (LxSizes){.size = (int)size, .n_widths = (int)n};
    for (uint32_t i = 0; i < n; i++) {
        if (widths[i] < 1 || widths[i] > 8192)
            return lx_fail(log, LIAX_E_FORMAT, "%s: width %lld, expected 1 to 8192", c->file.name, (long long)widths[i]);
        out->widths[i] = (int)widths[i];
    }
    if (motions < 1 || motions > widths[0])
        return lx_fail(log, LIAX_E_FORMAT, "%s: %lld motions, expected 1 to %lld, the latent's size", c->file.name, (long long)motions, (long long)widths[0]);
    out->motions = (int)motions;
    return LIAX_OK;
}

/* Q [latent][M] into host memory of its own. */
static LiaxStatus bind_directions(LxLiaX *m, LxBind *b)
{
    const size_t n = (size_t)m->latent * (size_t)m->sizes.motions;
    LiaxStatus st = lx_bind_read(b, "dec.direction.Q", 2, (uint64_t[]){(uint64_t)m->latent, (uint64_t)m->sizes.motions});
    if (st) return st;
    m->q = lx_alloc(&b->device->alloc, n * sizeof(float));
    if (!m->q) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for %zu values of dec.direction.Q", n);
    memcpy(m->q, b->host, n * sizeof(float));
    return LIAX_OK;
}

/* Floats of all styles: conv1; at each level the upsampling convolution, eight of the residual blocks, and the flow head. */
static int style_floats(const LxSizes *s)
{
    int total = lx_stored_channels(s->widths[0]);
    for (int i = 1; i < s->n_widths; i++) total += lx_stored_channels(s->widths[i - 1]) + (2 * LX_RESIDUALS + 1) * lx_stored_channels(s->widths[i]);
    return total;
}

static void unbind(void **weights, LxDevice *d)
{
    LxLiaX *m = *weights;
    *weights = NULL;
    if (!m) return;
    lx_encoder_drop(m, d);
    lx_decoder_drop(m, d);
    lx_styles_drop(&m->styles, d);
    lx_free(&d->alloc, m->q, (size_t)m->latent * (size_t)m->sizes.motions * sizeof(float));
    lx_free(&d->alloc, m, sizeof *m);
}

static LiaxStatus bind(void **out, LxBind *b, const LxSizes *sizes)
{
    LxLiaX *m = *out = lx_alloc_zero(&b->device->alloc, sizeof *m);
    if (!m) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for a model");
    m->sizes = *sizes;
    m->n_levels = sizes->n_widths - 1;
    m->latent = sizes->widths[0];
    m->storage = b->device->storage;
    LiaxStatus st = bind_directions(m, b);
    if (!st) st = lx_encoder_bind(m, b);
    const int styled = 1 + m->n_levels * (1 + 2 * LX_RESIDUALS);
    if (!st) st = lx_styles_begin(&m->styles, b, m->latent, sizes->motions, style_floats(sizes), styled, m->q);
    if (!st) st = lx_decoder_bind(m, b);
    if (!st) st = lx_styles_end(&m->styles, b);
    return st;
}

LxSourceView lx_source_view(const LxLiaX *m, void *memory)
{
    LxArena parts = {.base = memory, .size = SIZE_MAX};
    LxSourceView v = {.base = lx_arena_take(&parts, (size_t)m->styles.total * sizeof(float))};
    for (int i = 0; i < m->n_levels; i++) {
        const int size = lx_level_size(i);
        v.features[i] = lx_arena_tensor(&parts, m->storage, 1, m->sizes.widths[i + 1], size, size);
    }
    v.bytes = parts.peak;
    return v;
}

static size_t source_bytes(const void *weights)
{
    return lx_source_view(weights, NULL).bytes;
}

static void encode_source(LxRun *r, const void *weights, LxTensor image, void *source, float *motion)
{
    const LxLiaX *m = weights;
    const LxSourceView v = lx_source_view(m, source);
    const size_t mark = lx_arena_mark(&r->arena);
    float *z = lx_arena_take(&r->arena, (size_t)m->latent * sizeof(float));
    lx_encode(r, m, image, v.features, z, motion);
    lx_run_tap(r, "z", (LxTensor){z, 1, m->latent, 1, 1, 1, m->latent, LX_F32});
    for (int i = 0; i < m->n_levels; i++) {
        char name[16];
        snprintf(name, sizeof name, "feat%d", lx_level_size(i));
        lx_run_tap(r, name, v.features[i]);
    }
    lx_styles_base(r, &m->styles, z, v.base);
    lx_arena_release(&r->arena, mark);
}

static void encode_motion(LxRun *r, const void *weights, LxTensor images, float *motion)
{
    const LxLiaX *m = weights;
    const size_t mark = lx_arena_mark(&r->arena);
    float *z = lx_arena_take(&r->arena, (size_t)images.n * (size_t)m->latent * sizeof(float));
    lx_encode(r, m, images, NULL, z, motion);
    lx_run_tap(r, "z_driving", (LxTensor){z, images.n, m->latent, 1, 1, 1, m->latent, LX_F32});
    lx_arena_release(&r->arena, mark);
}

static void draw(LxRun *r, const void *weights, const void *source, const float *a, LxTensor out)
{
    const LxSourceView v = lx_source_view(weights, (void *)(uintptr_t)source); /* only read through */
    lx_decode(r, weights, &v, a, out);
}

const LxFamily lx_family_lia_x = {"lia_x", read_sizes, bind, unbind, source_bytes, encode_source, encode_motion, draw};
