/* Streams a LIA-X model into a container (model_write.h). */
#include "model_write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "container_write.h"
#include "qr.h"
#include "program.h"

#define CHUNK 65536 /* values */

static uint64_t gcd(uint64_t a, uint64_t b)
{
    return b ? gcd(b, a % b) : a;
}

static int is_fir(const LxSpec *s)
{
    return s->role == LX_ROLE_FIR || s->role == LX_ROLE_FIR_UP;
}

/* Everything that the header holds. */
static LiaxStatus declare(LxWriter *w, const LxModelSource *s, LxLog *log)
{
    const char *family = "lia_x";
    const int64_t size = (int64_t)4 << s->sizes.levels, motions = (int64_t)s->sizes.motions;
    int64_t widths[LX_LIA_X_LEVELS + 1], groups[LX_LIA_X_LEVELS + 1];
    const uint32_t n = (uint32_t)s->sizes.levels + 1;
    for (uint32_t i = 0; i < n; i++) {
        widths[i] = (int64_t)s->sizes.widths[i];
        groups[i] = (int64_t)gcd(32, s->sizes.widths[i]);
    }
    lx_writer_strings(w, "family", LX_META_REQUIRED, &family, 1);
    lx_writer_i64s(w, "size", LX_META_REQUIRED, &size, 1);
    lx_writer_i64s(w, "motions", LX_META_REQUIRED, &motions, 1);
    lx_writer_i64s(w, "widths", LX_META_REQUIRED, widths, n);
    lx_writer_i64s(w, "groups", LX_META_REQUIRED, groups, n);
    lx_writer_strings(w, "license", 0, &s->license, 1);
    lx_writer_strings(w, "source", 0, &s->source, 1);
    lx_writer_strings(w, "generator", 0, &s->generator, 1);
    const LiaxStatus st = lx_controls_write(s->controls, w, log);
    lx_writer_fingerprint(w);
    for (size_t i = 0; i < s->n_specs; i++) {
        const LxSpec *t = &s->specs[i];
        if (t->role == LX_ROLE_DIRECTION) lx_writer_tensor(w, "dec.direction.Q", LX_F32, t->rank, t->dims);
        else if (!is_fir(t)) lx_writer_tensor(w, t->name, s->dtypes[i], t->rank, t->dims);
    }
    return st;
}

/* Refuses NaN, infinity, and what would become infinity in `dtype`. */
static LiaxStatus check_values(const LxSpec *t, LxDtype dtype, uint64_t first, const float *values, size_t n, LxLog *log)
{
    size_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(values[i]))
            return lx_fail(log, LIAX_E_FORMAT, "tensor %s: element %llu is %g as f32, expected a finite number", t->name,
                           (unsigned long long)(first + i), (double)values[i]);
        if (fabsf(values[i]) > fabsf(values[largest])) largest = i;
    }
    uint8_t stored[4];
    float back;
    lx_from_f32(stored, &values[largest], dtype, 1);
    lx_to_f32(&back, stored, dtype, 1);
    if (isfinite(back)) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "tensor %s: element %llu is %g, too large for %s", t->name, (unsigned long long)(first + largest),
                   (double)values[largest], lx_dtype_name(dtype));
}

static LiaxStatus check_fir(const LxModelSource *s, size_t spec, LxLog *log)
{
    const LxSpec *t = &s->specs[spec];
    const float gain = t->role == LX_ROLE_FIR_UP ? 4 : 1;
    float found[16];
    const LiaxStatus st = s->read(s->ctx, spec, 0, 16, found, log);
    for (size_t i = 0; i < 16 && !st; i++)
        if (!(fabsf(found[i] - gain * lx_fir(i)) < 1e-6f))
            return lx_fail(log, LIAX_E_FORMAT, "tensor %s: element %zu is %g, expected %g of the filter [1,3,3,1]", t->name, i,
                           (double)found[i], (double)(gain * lx_fir(i)));
    return st;
}

/* dec.direction.weight [rows, cols] -> its Q. 1e-8 is added to every element, as the published network does. */
static LiaxStatus write_q(const LxModelSource *s, size_t spec, LxWriter *w, LxLog *log)
{
    const LxSpec *t = &s->specs[spec];
    const size_t n = (size_t)t->count, cols = (size_t)t->dims[1];
    float *values = malloc(n * sizeof *values);
    double *a = malloc(n * sizeof *a), *tau = malloc(cols * sizeof *tau);
    LiaxStatus st = values && a && tau ? LIAX_OK : lx_fail(log, LIAX_E_MEMORY, "tensor %s: no memory", t->name);
    if (!st) st = s->read(s->ctx, spec, 0, n, values, log);
    if (!st) st = check_values(t, LX_F32, 0, values, n, log);
    if (!st) {
        for (size_t i = 0; i < n; i++) a[i] = (double)values[i] + 1e-8;
        lx_qr(a, (size_t)t->dims[0], cols, tau);
        for (size_t i = 0; i < n; i++) values[i] = (float)a[i];
        st = check_values(t, LX_F32, 0, values, n, log);
    }
    if (!st) st = lx_writer_values(w, values, n, log);
    free(values);
    free(a);
    free(tau);
    return st;
}

static LiaxStatus write_tensor(const LxModelSource *s, size_t spec, LxWriter *w, float *chunk, LxProgress *progress, LxLog *log)
{
    const LxSpec *t = &s->specs[spec];
    for (uint64_t done = 0; done < t->count;) {
        const size_t n = t->count - done < CHUNK ? (size_t)(t->count - done) : CHUNK;
        LiaxStatus st = lx_tool_check(log);
        if (!st) st = s->read(s->ctx, spec, done, n, chunk, log);
        if (!st) st = check_values(t, s->dtypes[spec], done, chunk, n, log);
        if (!st) st = lx_writer_values(w, chunk, n, log);
        if (st) return st;
        done += n;
        lx_progress_add(progress, n);
    }
    return LIAX_OK;
}

LiaxStatus lx_model_write(const LxModelSource *s, const char *path, LxLog *log)
{
    uint64_t total = 0;
    for (size_t i = 0; i < s->n_specs; i++) total += s->specs[i].count;
    LxWriter w = {0};
    LxProgress progress = {0};
    float *chunk = malloc(CHUNK * sizeof *chunk);
    LiaxStatus st = chunk ? declare(&w, s, log) : lx_fail(log, LIAX_E_MEMORY, "no memory for a buffer");
    if (!st) st = lx_writer_begin(&w, path, log);
    lx_progress_begin(&progress, lx_base_name(path), total);
    for (size_t i = 0; i < s->n_specs && !st; i++) {
        if (is_fir(&s->specs[i])) st = check_fir(s, i, log);
        else if (s->specs[i].role == LX_ROLE_DIRECTION) st = write_q(s, i, &w, log);
        else st = write_tensor(s, i, &w, chunk, &progress, log);
    }
    lx_progress_end(&progress);
    if (!st) st = lx_writer_end(&w, log);
    lx_writer_close(&w);
    free(chunk);
    return st;
}
