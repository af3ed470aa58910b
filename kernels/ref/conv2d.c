/* The four convolutions as their contract (conv.h) says, in double: first the picture that the taps see, then the taps,
   then the epilogue. */
#include "conv.h"

#include <string.h>

#include "core/half.h"
#include "kernels.h"
#include "ref.h"

/* FIR of conv.h along one axis; times 2 for each axis where zeros were stuffed in. */
static const double FIR[4] = {1 / 8.0, 3 / 8.0, 3 / 8.0, 1 / 8.0};

/* A picture of doubles [h][w][c]. */
typedef struct Plane {
    double *data;
    int h, w, c;
} Plane;

typedef struct Job {
    const LxConvArgs *a;
    LxConvDesc d;
    int n;        /* the frame */
    Plane u;      /* the input after the affine */
    Plane seen;   /* what the taps see: u itself, blurred or upsampled */
    Plane spread; /* LX_CONV_UP2D: the transposed convolution before its FIR */
} Job;

static double at(const Plane *p, int y, int x, int c)
{
    if (y < 0 || y >= p->h || x < 0 || x >= p->w) return 0;
    return p->data[((size_t)y * (size_t)p->w + (size_t)x) * (size_t)p->c + (size_t)c];
}

static double *row_of(const Plane *p, int y)
{
    return p->data + (size_t)y * (size_t)p->w * (size_t)p->c;
}

static size_t doubles(const Plane *p)
{
    return (size_t)p->h * (size_t)p->w * (size_t)p->c;
}

/* Shapes of the planes; data NULL. */
static void plane_shapes(const LxConvDesc *d, Plane *u, Plane *seen, Plane *spread)
{
    *u = (Plane){NULL, d->h, d->w, d->ci};
    *seen = *spread = (Plane){NULL, 0, 0, 0};
    if (d->kind == LX_CONV_DOWN2D) *seen = (Plane){NULL, d->h + (d->k == 3 ? 1 : -1), d->w + (d->k == 3 ? 1 : -1), d->ci};
    if (d->kind == LX_UPSAMPLE_CONV2D) *seen = (Plane){NULL, 2 * d->h, 2 * d->w, d->ci};
    if (d->kind == LX_CONV_UP2D) *spread = (Plane){NULL, 2 * d->h + 1, 2 * d->w + 1, d->co};
}

static size_t scratch_bytes(const LxConvDesc *d, int slots)
{
    (void)slots;
    Plane u, seen, spread;
    plane_shapes(d, &u, &seen, &spread);
    return (doubles(&u) + doubles(&seen) + doubles(&spread)) * sizeof(double);
}

static size_t packed_bytes(const LxConvDesc *d)
{
    return (size_t)d->co * (size_t)d->ci * (size_t)(d->k * d->k) * sizeof(float);
}

/* [co][ci][k][k] to [co][k][k][ci]: a tap's channels lie together, as a pixel's do. */
static void pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to)
{
    (void)pool;
    float *p = to;
    const size_t taps = (size_t)(d->k * d->k), ci = (size_t)d->ci;
    for (size_t co = 0; co < (size_t)d->co; co++)
        for (size_t t = 0; t < taps; t++)
            for (size_t c = 0; c < ci; c++) *p++ = w[(co * ci + c) * taps + t];
}

static float rounded_to_bf16(float f)
{
    return lx_bf16_to_f32(lx_f32_to_bf16(f));
}

static void pack_rounded(LxPool *pool, const LxConvDesc *d, const float *w, void *to)
{
    pack(pool, d, w, to);
    float *p = to;
    for (size_t i = 0; i < packed_bytes(d) / sizeof(float); i++) p[i] = rounded_to_bf16(p[i]);
}

static void affine_row(void *arg, int y, int slot)
{
    (void)slot;
    const Job *j = arg;
    const LxConvArgs *a = j->a;
    double *u = row_of(&j->u, y);
    const size_t frame = (size_t)j->n * (size_t)(a->in_stride ? a->in_stride : a->x.cs);
    for (int x = 0; x < j->d.w; x++) {
        const float *p = lx_tensor_pixel(&a->x, j->n, y, x);
        for (int c = 0; c < j->d.ci; c++) {
            const double s = a->in_scale ? a->in_scale[frame + (size_t)c] : 1, t = a->in_shift ? a->in_shift[frame + (size_t)c] : 0;
            *u++ = s * p[c] + t;
        }
    }
}

/* seen[Y] = sum over j of FIR[j] u[Y - pad + j], in both axes. */
static void blur_row(void *arg, int y, int slot)
{
    (void)slot;
    const Job *j = arg;
    const int pad = j->d.k == 3 ? 2 : 1;
    double *to = row_of(&j->seen, y);
    for (int x = 0; x < j->seen.w; x++)
        for (int c = 0; c < j->seen.c; c++) {
            double sum = 0;
            for (int p = 0; p < 4; p++)
                for (int q = 0; q < 4; q++) sum += FIR[p] * FIR[q] * at(&j->u, y - pad + p, x - pad + q, c);
            *to++ = sum;
        }
}

/* Zero-stuffing and FIR * 4 with pad (2,1): seen[Y] = sum over j with Y - 2 + j even of 2 FIR[j] u[(Y - 2 + j)/2]. */
static void upsample_row(void *arg, int y, int slot)
{
    (void)slot;
    const Job *j = arg;
    double *to = row_of(&j->seen, y);
    for (int x = 0; x < j->seen.w; x++)
        for (int c = 0; c < j->seen.c; c++) {
            double sum = 0;
            for (int p = y & 1; p < 4; p += 2)
                for (int q = x & 1; q < 4; q += 2) sum += 4 * FIR[p] * FIR[q] * at(&j->u, (y + p) / 2 - 1, (x + q) / 2 - 1, c);
            *to++ = sum;
        }
}

/* What the taps see, rounded to bf16. */
static void round_row(void *arg, int y, int slot)
{
    (void)slot;
    const Plane *p = arg;
    double *row = row_of(p, y);
    for (size_t i = 0; i < (size_t)p->w * (size_t)p->c; i++) row[i] = rounded_to_bf16((float)row[i]);
}

/* The sum over one tap's channels; zero outside the picture. */
static double tap(const Job *j, const Plane *p, int y, int x, int co, int ky, int kx)
{
    if (y < 0 || y >= p->h || x < 0 || x >= p->w) return 0;
    const int k = j->d.k, ci = j->d.ci;
    const float *w = (const float *)j->a->weights->packed + (((size_t)co * (size_t)k + (size_t)ky) * (size_t)k + (size_t)kx) * (size_t)ci;
    const double *u = row_of(p, y) + (size_t)x * (size_t)ci;
    double sum = 0;
    for (int c = 0; c < ci; c++) sum += u[c] * w[c];
    return sum;
}

/* spread[Y][X] = sum over h, ky with Y = 2h + ky, likewise X, of u[h] w[ky]. */
static void spread_row(void *arg, int y, int slot)
{
    (void)slot;
    const Job *j = arg;
    double *to = row_of(&j->spread, y);
    for (int x = 0; x < j->spread.w; x++)
        for (int co = 0; co < j->d.co; co++) {
            double sum = 0;
            for (int ky = y & 1; ky < 3; ky += 2)
                for (int kx = x & 1; kx < 3; kx += 2) sum += tap(j, &j->u, (y - ky) / 2, (x - kx) / 2, co, ky, kx);
            *to++ = sum;
        }
}

/* C(u, w)[co] at one pixel of the output. */
static double convolved(const Job *j, int y, int x, int co)
{
    double sum = 0;
    if (j->d.kind == LX_CONV_UP2D) {
        for (int p = 0; p < 4; p++)
            for (int q = 0; q < 4; q++) sum += 4 * FIR[p] * FIR[q] * at(&j->spread, y - 1 + p, x - 1 + q, co);
        return sum;
    }
    const int down = j->d.kind == LX_CONV_DOWN2D, pad = down ? 0 : j->d.k / 2, stride = down ? 2 : 1;
    for (int ky = 0; ky < j->d.k; ky++)
        for (int kx = 0; kx < j->d.k; kx++) sum += tap(j, &j->seen, stride * y - pad + ky, stride * x - pad + kx, co, ky, kx);
    return sum;
}

static double residual(const Job *j, int y, int x, int co)
{
    const LxConvArgs *a = j->a;
    if (!a->residual.data) return 0;
    return a->residual_weight * (a->residual_up ? lx_ref_upsampled(&a->residual, j->n, y, x, co)
                                                : lx_tensor_pixel(&a->residual, j->n, y, x)[co]);
}

static void output_row(void *arg, int y, int slot)
{
    (void)slot;
    const Job *j = arg;
    const LxConvArgs *a = j->a;
    const size_t cs = (size_t)a->y.cs, frame = (size_t)j->n * (size_t)(a->out_stride ? a->out_stride : a->y.cs);
    float *stats = a->stats ? a->stats + ((size_t)j->n * (size_t)a->y.h + (size_t)y) * 2 * cs : NULL;
    for (int co = 0; co < a->y.cs; co++) {
        double sum = 0, sum2 = 0;
        for (int x = 0; x < a->y.w; x++) {
            double v = 0;
            if (co < j->d.co) {
                v = convolved(j, y, x, co);
                if (a->out_scale) v *= a->out_scale[frame + (size_t)co];
                if (a->bias) v += a->bias[co];
                if (v < 0) v *= a->slope;
                if (a->gain) v *= a->gain[co];
                if (a->offset) v += a->offset[co];
                v += residual(j, y, x, co);
            }
            lx_tensor_pixel(&a->y, j->n, y, x)[co] = (float)v;
            sum += v;
            sum2 += v * v;
        }
        if (stats) {
            stats[co] = (float)sum;
            stats[cs + (size_t)co] = (float)sum2;
        }
    }
}

static void run(const LxExec *x, const LxConvArgs *a)
{
    Job j = {.a = a, .d = a->weights->desc};
    plane_shapes(&j.d, &j.u, &j.seen, &j.spread);
    j.u.data = x->scratch;
    j.seen.data = j.u.data + doubles(&j.u);
    j.spread.data = j.seen.data + doubles(&j.seen);
    for (j.n = 0; j.n < a->y.n; j.n++) {
        lx_parallel(x->pool, j.u.h, affine_row, &j);
        if (j.d.kind == LX_CONV_DOWN2D) lx_parallel(x->pool, j.seen.h, blur_row, &j);
        else if (j.d.kind == LX_UPSAMPLE_CONV2D) lx_parallel(x->pool, j.seen.h, upsample_row, &j);
        else j.seen = j.u;
        if (a->weights->ops == &lx_conv_ref_bf16) lx_parallel(x->pool, j.seen.h, round_row, &j.seen);
        if (j.d.kind == LX_CONV_UP2D) lx_parallel(x->pool, j.spread.h, spread_row, &j);
        lx_parallel(x->pool, a->y.h, output_row, &j);
    }
}

const LxConvOps lx_conv_ref = {"ref", packed_bytes, pack, scratch_bytes, run};
const LxConvOps lx_conv_ref_bf16 = {"ref bf16", packed_bytes, pack_rounded, scratch_bytes, run};
