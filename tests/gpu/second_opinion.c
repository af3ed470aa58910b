/* second_opinion.h */
#include "second_opinion.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(LX_EMULATE)
enum { WORKSPACE = 1 << 16 };
#else
enum { WORKSPACE = 256 << 20 };
#endif

static size_t product_inputs(const LxConvDesc *d)
{
    return (size_t)d->h * (size_t)d->w * (size_t)d->ci;
}

static size_t product_outputs(const LxConvDesc *d)
{
    return (size_t)d->h * (size_t)d->w * (size_t)d->co;
}

/* x[0] times the plain weights, by ours. */
static void run_product(const Product *p, uint16_t *to)
{
    const LxConvWeights weights = take_weights(&p->d, p->plain);
    const LxExec exec = {.scratch = take(weights.ops->scratch_bytes(&p->d, 1)), .stream = stream};
    LxConvArgs a = {.weights = &weights, .x = tensor_of(p->d.ci, p->d.h, p->d.w), .y = tensor_of(p->d.co, p->d.h, p->d.w), .slope = 1};
    a.x.data = p->x[0], a.y.data = p->ours;
    weights.ops->run(&exec, &a);
    fetch_halves(to, p->ours, product_outputs(&p->d));
    cudaFree(weights.packed), cudaFree(exec.scratch);
}

/* The same of absolute values: what rounding can act on. x[0] and the weights are as they were afterwards. */
static void run_magnitude(Product *p)
{
    const size_t n = product_inputs(&p->d), count = weight_count(&p->d);
    float *const plain = p->plain, *const absolute = host(count * sizeof *absolute);
    uint16_t *const x = host(2 * n);
    void *const there = p->x[0];
    fetch_halves(x, there, n);
    for (size_t i = 0; i < n; i++) x[i] &= 0x7fff;
    for (size_t i = 0; i < count; i++) absolute[i] = fabsf(plain[i]);
    p->plain = absolute, p->x[0] = take(2 * n);
    must(cudaMemcpy(p->x[0], x, 2 * n, cudaMemcpyHostToDevice), "cudaMemcpy");
    run_product(p, p->mag);
    cudaFree(p->x[0]);
    p->plain = plain, p->x[0] = there;
    free(x);
    free(absolute);
}

Product product_of(const LxConvDesc *d)
{
    const size_t n = product_outputs(d);
    Product p = {.d = *d, .plain = random_weights(d), .ours = take(2 * n), .theirs = take(2 * n), .want = host(2 * n), .mag = host(2 * n), .got = host(2 * n)};
    for (int i = 0; i < SETS; i++) p.x[i] = take_random(product_inputs(d), LX_F16, 1);
    run_product(&p, p.want);
    run_magnitude(&p);
    return p;
}

void free_product(Product *p)
{
    for (int i = 0; i < SETS; i++) cudaFree(p->x[i]);
    cudaFree(p->ours), cudaFree(p->theirs);
    free(p->plain), free(p->want), free(p->mag), free(p->got);
}

/* Both sum `terms` products in f32, in an order of their own, and may cut sums toward zero: 8 + sqrt(terms) + terms/4 units of 2^-24 of
   the magnitude each (as the comparator has it for tensor cores). Both are stored as f16: half a unit, 2^-11, of what is stored. */
static double largest_difference(const Product *p)
{
    const double terms = (double)p->d.ci * p->d.k * p->d.k, units = 2 * ldexp(8 + sqrt(terms) + terms / 4, -24) * (1 + ldexp(1, -10)); /* mag is f16, too */
    double largest = 0;
    for (size_t i = 0; i < product_outputs(&p->d); i++) {
        const double want = lx_f16_to_f32(p->want[i]), got = lx_f16_to_f32(p->got[i]), mag = lx_f16_to_f32(p->mag[i]);
        const double share = fabs(got - want) / (units * mag + ldexp(fabs(got) + fabs(want), -11) + ldexp(1, -24)); /* the last: f16's least */
        if (!(share <= largest)) largest = isfinite(share) ? share : DBL_MAX;
    }
    return largest;
}

/* The weights on the device: for cuDNN [co,k,k,ci], for cuBLASLt [ci,co]. */
static void *take_theirs(const Product *p, VendorKind kind)
{
    const int ci = p->d.ci, co = p->d.co, taps = p->d.k * p->d.k;
    uint16_t *const w = host(2 * weight_count(&p->d));
    for (int o = 0; o < co; o++)
        for (int i = 0; i < ci; i++)
            for (int t = 0; t < taps; t++)
                w[kind == VENDOR_CUDNN ? ((size_t)o * taps + t) * ci + i : (size_t)i * co + o] = lx_f32_to_f16(p->plain[((size_t)o * ci + i) * taps + t]);
    void *const there = take(2 * weight_count(&p->d));
    must(cudaMemcpy(there, w, 2 * weight_count(&p->d), cudaMemcpyHostToDevice), "cudaMemcpy");
    free(w);
    return there;
}

static void run_theirs(const void *x, int set)
{
    vendor_run(((void *const *)x)[set]);
}

Opinion second_opinion(const Product *p, VendorKind kind, char why[256])
{
    const LxConvDesc *d = &p->d;
    const size_t n = product_outputs(d);
    void *const weights = take_theirs(p, kind);
    const VendorProduct v = {kind, d->k, d->ci, d->co, d->h, d->w, p->x[0], weights, p->theirs, take(WORKSPACE), WORKSPACE, stream};
    Opinion o = {0};
    char said[256] = "";
    const char *no = NULL;
    for (; (no = vendor_prepare(&v, o.nth)) == NULL; o.nth++) {
        must(cudaMemsetAsync(p->theirs, 0xff, 2 * n, stream), "cudaMemset"); /* NaN */
        vendor_run(p->x[0]);
        fetch_halves(p->got, p->theirs, n);
        o.difference = largest_difference(p);
        no = vendor_failed();
        if (!no && o.difference <= 1) {
            o.time = timed(run_theirs, p->x);
            no = vendor_failed();
            if (!no && o.time.median > 0) break;
            o.time = (Timing){0};
            if (!no) no = "it cannot be recorded";
        }
        snprintf(said, sizeof said, "%dx%d, %d to %d channels: %s", d->k, d->k, d->ci, d->co, no ? no : "its outputs differ from ours by more than rounding");
    }
    if (!(o.time.median > 0)) snprintf(why, 256, "%s", *said ? said : no);
    cudaFree(weights), cudaFree(v.workspace);
    return o;
}
