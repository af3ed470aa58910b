/* Styles from base, columns and motion (styles.h). */
#include "styles.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

LiaxStatus lx_styles_begin(LxStyles *s, LxBind *b, int latent, int motions, int total, int max_layers, const float *q)
{
    const LiaxAllocator *a = &b->device->alloc;
    s->latent = latent;
    s->motions = motions;
    s->total = (total + 15) / 16 * 16;
    s->q = q;
    s->max_layers = max_layers;
    s->host_matrix = lx_alloc_zero(a, (size_t)s->total * (size_t)latent * sizeof(float));
    s->host_offset = lx_alloc_zero(a, (size_t)s->total * sizeof(float));
    s->host_columns = lx_alloc_zero(a, (size_t)s->total * (size_t)motions * sizeof(float));
    s->layers = lx_alloc_zero(a, (size_t)max_layers * sizeof *s->layers);
    if (!s->host_matrix || !s->host_offset || !s->host_columns || !s->layers)
        return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for styles of %d channels", total);
    return LIAX_OK;
}

typedef struct ColumnsJob {
    const LxStyles *s;
    int first;
} ColumnsJob;

/* One channel's row of columns: its modulation weights times Q, a block of motions at a time. */
static void columns_of_channel(void *arg, int channel, int slot)
{
    (void)slot;
    const ColumnsJob *j = arg;
    const LxStyles *s = j->s;
    const size_t o = (size_t)(j->first + channel), motions = (size_t)s->motions;
    const float *w = s->host_matrix + o * (size_t)s->latent;
    enum { BLOCK = 64 };
    for (size_t at = 0; at < motions; at += BLOCK) {
        const size_t n = motions - at < BLOCK ? motions - at : BLOCK;
        double sum[BLOCK] = {0};
        for (size_t i = 0; i < (size_t)s->latent; i++)
            for (size_t m = 0; m < n; m++) sum[m] += (double)w[i] * s->q[i * motions + at + m];
        for (size_t m = 0; m < n; m++) s->host_columns[(at + m) * (size_t)s->total + o] = (float)sum[m];
    }
}

LiaxStatus lx_styles_bind(LxStyles *s, LxBind *b, const char *key, int ci, int *style_at)
{
    char name[LX_KEY];
    const float factor = 1 / sqrtf((float)s->latent);
    *style_at = s->used;
    snprintf(name, sizeof name, "%s.modulation.weight", key);
    LiaxStatus st = lx_bind_read(b, name, 2, (uint64_t[]){(uint64_t)ci, (uint64_t)s->latent});
    if (st) return st;
    float *matrix = s->host_matrix + (size_t)s->used * (size_t)s->latent;
    for (size_t i = 0; i < (size_t)ci * (size_t)s->latent; i++) matrix[i] = b->host[i] * factor;
    snprintf(name, sizeof name, "%s.modulation.bias", key);
    st = lx_bind_read(b, name, 1, &(uint64_t){(uint64_t)ci});
    if (st) return st;
    memcpy(s->host_offset + s->used, b->host, (size_t)ci * sizeof(float));
    ColumnsJob job = {s, s->used};
    lx_parallel(b->device->pool, ci, columns_of_channel, &job);
    s->used += lx_stored_channels(ci);
    return LIAX_OK;
}

LiaxStatus lx_styles_demodulate(LxStyles *s, LxBind *b, const float *w, int ci, int co, int taps, float factor, int style_at, int *d_at)
{
    const size_t n = (size_t)ci * (size_t)co;
    float *squares = lx_alloc(&b->device->alloc, n * sizeof(float));
    if (!squares) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for %zu demodulation sums", n);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (int t = 0; t < taps; t++) {
            const double v = (double)w[i * (size_t)taps + (size_t)t] * factor;
            sum += v * v;
        }
        squares[i] = (float)sum;
    }
    float *kept = lx_device_keep(b->device, squares, n, n);
    lx_free(&b->device->alloc, squares, n * sizeof(float));
    if (!kept) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for %zu demodulation sums", n);
    *d_at = s->d_total;
    s->layers[s->n_layers++] = (LxDemodulateLayer){kept, ci, co, style_at, s->d_total};
    s->d_total += (lx_stored_channels(co) + 15) / 16 * 16;
    return LIAX_OK;
}

static void drop_host(LxStyles *s, const LiaxAllocator *a)
{
    lx_free(a, s->host_matrix, (size_t)s->total * (size_t)s->latent * sizeof(float));
    lx_free(a, s->host_offset, (size_t)s->total * sizeof(float));
    lx_free(a, s->host_columns, (size_t)s->total * (size_t)s->motions * sizeof(float));
    s->host_matrix = s->host_offset = s->host_columns = NULL;
}

LiaxStatus lx_styles_end(LxStyles *s, LxBind *b)
{
    const size_t total = (size_t)s->total;
    s->matrix = lx_device_keep(b->device, s->host_matrix, total * (size_t)s->latent, total * (size_t)s->latent);
    s->offset = lx_device_keep(b->device, s->host_offset, total, total);
    s->columns = lx_device_keep(b->device, s->host_columns, total * (size_t)s->motions, total * (size_t)s->motions);
    drop_host(s, &b->device->alloc);
    if (!s->matrix || !s->offset || !s->columns) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for styles of %zu channels", total);
    return LIAX_OK;
}

void lx_styles_drop(LxStyles *s, LxDevice *d)
{
    const size_t total = (size_t)s->total;
    drop_host(s, &d->alloc);
    lx_device_drop(d, s->matrix, total * (size_t)s->latent);
    lx_device_drop(d, s->offset, total);
    lx_device_drop(d, s->columns, total * (size_t)s->motions);
    for (int i = 0; i < s->n_layers; i++) lx_device_drop(d, (float *)s->layers[i].squares, (size_t)s->layers[i].ci * (size_t)s->layers[i].co);
    lx_free(&d->alloc, s->layers, (size_t)s->max_layers * sizeof *s->layers);
    *s = (LxStyles){0};
}

void lx_styles_base(LxRun *r, const LxStyles *s, const float *z, float *base)
{
    lx_run_linear(r, "styles.base", &(LxLinearArgs){s->matrix, s->offset, z, base, 1, s->latent, s->total});
}

LxStyled lx_styles(LxRun *r, const LxStyles *s, const float *base, const float *a, int n)
{
    const LxStyled y = {lx_arena_take(&r->arena, (size_t)n * (size_t)s->total * sizeof(float)),
                        lx_arena_take(&r->arena, (size_t)n * (size_t)s->d_total * sizeof(float)), s->total, s->d_total};
    lx_run_navigate(r, "styles.navigate", &(LxNavigateArgs){base, s->columns, a, y.m, n, s->motions, s->total});
    lx_run_demodulate(r, "styles.demodulate", &(LxDemodulateArgs){s->layers, s->n_layers, y.m, y.d, n, s->total, s->d_total});
    return y;
}
