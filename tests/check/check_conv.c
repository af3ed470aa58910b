/* Checks of the four convolutions (conv.h). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* What a case uses beside weights, x and y. */
enum {
    IN_SCALE = 1, IN_SHIFT = 2, OUT_SCALE = 4, BIAS = 8, GAIN = 16, OFFSET = 32, SLOPE = 64, RESIDUAL = 128,
    STATS = 256, ALIAS = 512, UP = 1024, STRIDES = 2048, ALL = 511
};

typedef struct Case {
    int k, ci, co, h, w, n;
    unsigned options;
} Case;

/* One way to compute a kind. */
typedef struct Form {
    LxConvKind kind;
    const LxConvOps *ops;
    int m; /* outputs of a Winograd tile, down and across; 0: direct */
    int bf16; /* it computes in bf16 */
    const CheckLevel *level;
} Form;

/* A case with its inputs; weights are plain [co,ci,k,k]. */
typedef struct Inputs {
    LxConvDesc desc;
    LxConvArgs args; /* without weights, y and stats */
    float *w, factor; /* factor: only of weights that are kept in 16 bits */
    unsigned options;
    char name[128];
} Inputs;

typedef struct Outputs {
    LxTensor y;
    float *stats;
    size_t stats_floats;
} Outputs;

static size_t weight_count(const LxConvDesc *d)
{
    return (size_t)d->co * (size_t)d->ci * (size_t)(d->k * d->k);
}

static Inputs make_inputs(CheckMemory *m, LxConvKind kind, const Case *c)
{
    Inputs in = {.desc = {kind, c->k, c->ci, c->co, c->h, c->w}, .factor = 1, .options = c->options};
    const unsigned o = c->options;
    const int n = c->n ? c->n : 1, oh = lx_conv_out(&in.desc, c->h), ow = lx_conv_out(&in.desc, c->w);
    const int xs = lx_stored_channels(c->ci), ys = lx_stored_channels(c->co);
    LxConvArgs *a = &in.args;
    snprintf(in.name, sizeof in.name, "%s k%d %d->%d %dx%d n%d options %u", lx_conv_kind_name(kind), c->k, c->ci, c->co, c->h, c->w, n, o);
    in.w = check_random(m, weight_count(&in.desc), -1, 1);
    a->x = check_random_tensor(m, n, c->ci, c->h, c->w, -1, 1);
    a->in_stride = o & STRIDES ? (xs + 47) / 16 * 16 : 0;
    a->out_stride = o & STRIDES ? (ys + 31) / 16 * 16 : 0;
    if (o & IN_SCALE) a->in_scale = check_vectors(m, n, c->ci, a->in_stride ? a->in_stride : xs, -2, 2);
    if (o & IN_SHIFT) a->in_shift = check_vectors(m, n, c->ci, a->in_stride ? a->in_stride : xs, -2, 2);
    if (o & OUT_SCALE) a->out_scale = check_vectors(m, n, c->co, a->out_stride ? a->out_stride : ys, -2, 2);
    if (o & BIAS) a->bias = check_vectors(m, 1, c->co, ys, -2, 2);
    if (o & GAIN) a->gain = check_vectors(m, 1, c->co, ys, -2, 2);
    if (o & OFFSET) a->offset = check_vectors(m, 1, c->co, ys, -2, 2);
    a->slope = o & SLOPE ? 0.2f : 1;
    a->residual_weight = -0.7f;
    a->residual_up = o & RESIDUAL && o & UP;
    if (o & RESIDUAL) a->residual = a->residual_up ? check_random_tensor(m, n, c->co, oh / 2, ow / 2, -9, 9) : check_random_tensor(m, n, c->co, oh, ow, -9, 9);
    return in;
}

/* The same case on absolute values: each output is then the magnitude that its error is measured by. That of LX_UPSAMPLE_CONV2D has
   the FIR's tails: it is LX_CONV_UP2D's with the kernel turned. */
static Inputs absolute(CheckMemory *m, const Inputs *in)
{
    Inputs out = *in;
    LxConvArgs *a = &out.args;
    const size_t n = (size_t)a->x.n, xs = (size_t)(a->in_stride ? a->in_stride : a->x.cs);
    const size_t cs = (size_t)lx_stored_channels(in->desc.co), ys = a->out_stride ? (size_t)a->out_stride : cs;
    out.w = check_absolute(m, in->w, weight_count(&in->desc));
    if (in->desc.kind == LX_UPSAMPLE_CONV2D) {
        out.desc.kind = LX_CONV_UP2D;
        for (size_t i = 0; i < weight_count(&in->desc); i++) out.w[i] = fabsf(in->w[i / 9 * 9 + 8 - i % 9]);
    }
    a->x.data = check_absolute(m, a->x.data, lx_tensor_floats(&a->x));
    a->in_scale = check_absolute(m, a->in_scale, n * xs);
    a->in_shift = check_absolute(m, a->in_shift, n * xs);
    a->out_scale = check_absolute(m, a->out_scale, n * ys);
    a->bias = check_absolute(m, a->bias, cs);
    a->gain = check_absolute(m, a->gain, cs);
    a->offset = check_absolute(m, a->offset, cs);
    a->slope = 1;
    a->residual.data = check_absolute(m, a->residual.data, lx_tensor_floats(&a->residual));
    a->residual_weight = fabsf(a->residual_weight);
    return out;
}

/* ---- magnitudes of Winograd's method -------------------------------------------------------------------------------- */

typedef struct Square {
    double at[6][6];
} Square;

/* The transforms of tiles of m x m outputs in one dimension: with points p, output i takes the sum over p of p^i (kernel g)_p (input d)_p,
   and (kernel g)_p = sum of g[k] p^k / prod(p - q), (input d)_p = sum of d[j] times the coefficients of prod(x - q), q being the other
   points. Infinity has g[2] and the product of all. */
typedef struct Transforms {
    int m;
    Square output, kernel, input;
} Transforms;

static Transforms transforms_of(int m)
{
    const double r = m == 2 ? 1 : sqrt(0.5), points[] = {0, r, -r, 2 * r, -2 * r};
    Transforms t = {.m = m};
    for (int p = 0; p <= m + 1; p++) {
        double *coefficients = t.input.at[p], scale = 1;
        coefficients[0] = 1;
        for (int q = 0; q <= m; q++) {
            if (q == p) continue;
            for (int c = 5; c >= 0; c--) coefficients[c] = (c ? coefficients[c - 1] : 0) - points[q] * coefficients[c];
            if (p <= m) scale *= points[p] - points[q];
        }
        for (int k = 0; k < 3; k++) t.kernel.at[p][k] = p <= m ? pow(points[p], k) / scale : k == 2;
        for (int i = 0; i < m; i++) t.output.at[i][p] = p <= m ? pow(points[p], i) : i == m - 1;
    }
    return t;
}

/* By how much they amplify a kernel's tap k and input j of a tile on their way to output i: the sum over p of absolute values. */
static double path(const Transforms *t, int i, int k, int j)
{
    double sum = 0;
    for (int p = 0; p < t->m + 2; p++) sum += fabs(t->output.at[i][p] * t->kernel.at[p][k] * t->input.at[p][j]);
    return sum;
}

/* All inputs of a tile together: the largest over i and k. */
static double amplification(const Transforms *t)
{
    double largest = 0;
    for (int i = 0; i < t->m; i++)
        for (int k = 0; k < 3; k++) {
            double sum = 0;
            for (int j = 0; j < t->m + 2; j++) sum += path(t, i, k, j);
            largest = fmax(largest, sum);
        }
    return largest;
}

/* The largest |u| of a channel in the footprint of each output's tile. */
static LxTensor footprints(CheckMemory *m, const LxConvArgs *a, int tile)
{
    const LxTensor *x = &a->x;
    LxTensor out = *x;
    out.data = check_random(m, lx_tensor_floats(x), 0, 0);
    for (int n = 0; n < x->n; n++)
        for (int i = 0; i < x->h * x->w * x->c; i++) {
            const int c = i % x->c, col = i / x->c % x->w, row = i / x->c / x->w, top = row / tile * tile - 1, left = col / tile * tile - 1;
            const size_t at = (size_t)n * (size_t)(a->in_stride ? a->in_stride : x->cs) + (size_t)c;
            float *largest = &lx_tensor_pixel(&out, n, row, col)[c];
            for (int y = top < 0 ? 0 : top; y < top + tile + 2 && y < x->h; y++)
                for (int z = left < 0 ? 0 : left; z < left + tile + 2 && z < x->w; z++) {
                    const float u = (a->in_scale ? a->in_scale[at] : 1) * lx_tensor_pixel(x, n, y, z)[c] + (a->in_shift ? a->in_shift[at] : 0);
                    *largest = fmaxf(*largest, fabsf(u));
                }
        }
    return out;
}

/* conv.h: errors are measured by the weights' absolute sums times the inputs' largest values. */
static Inputs footprint_magnitude(CheckMemory *m, const Inputs *in, int tile)
{
    Inputs out = absolute(m, in);
    const Transforms t = transforms_of(tile);
    const double amplified = pow(amplification(&t), 2);
    const size_t n = weight_count(&in->desc) / 9;
    float *w = check_floats(m, n);
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t t = 0; t < 9; t++) sum += out.w[9 * i + t];
        w[i] = (float)(amplified * sum);
    }
    out.w = w;
    out.desc.k = 1;
    out.args.x = footprints(m, &in->args, tile);
    out.args.in_scale = out.args.in_shift = NULL;
    return out;
}

/* ---- Winograd's method in bf16 --------------------------------------------------------------------------------------- */

/* to = a from a', of n x n from k x k; `mag`: of absolute values. */
static void transform(const Square *a, int n, int k, const Square *from, Square *to, Square *mag)
{
    for (int i = 0; i < n * n; i++) {
        double *sum = &to->at[i / n][i % n], *absolute_sum = &mag->at[i / n][i % n];
        *sum = *absolute_sum = 0;
        for (int j = 0; j < k * k; j++) {
            const double term = a->at[i / n][j / k] * a->at[i % n][j % k] * from->at[j / k][j % k];
            *sum += term, *absolute_sum += fabs(term);
        }
    }
}

static float rounded_to_bf16(double v)
{
    return lx_bf16_to_f32(lx_f32_to_bf16((float)v));
}

/* All factors of one kernel or tile, rounded to bf16 as conv.h says; and by how much more where f32 may have come to the other side of a tie. */
typedef struct Factors {
    float value[36], off[36];
} Factors;

static Factors rounded_factors(const Square *a, int n, int k, const Square *from)
{
    Square to, mag;
    Factors out;
    transform(a, n, k, from, &to, &mag);
    for (int i = 0; i < n * n; i++) {
        const double v = to.at[i / n][i % n], error = 8 * CHECK_U * mag.at[i / n][i % n];
        out.value[i] = rounded_to_bf16(v);
        out.off[i] = rounded_to_bf16(v + error) - rounded_to_bf16(v - error);
    }
    return out;
}

static double affine(const LxConvArgs *a, int n, int y, int x, int c)
{
    if (y < 0 || y >= a->x.h || x < 0 || x >= a->x.w) return 0;
    const size_t at = (size_t)n * (size_t)(a->in_stride ? a->in_stride : a->x.cs) + (size_t)c;
    return (double)(a->in_scale ? a->in_scale[at] : 1) * lx_tensor_pixel(&a->x, n, y, x)[c] + (a->in_shift ? a->in_shift[at] : 0);
}

/* C of one tile and output channel, and its error in units of `unit`. */
static void model_tile(const Transforms *t, int ci, const Factors *v, const Factors *u, double unit, Square *c, Square *error)
{
    const int n = t->m + 2;
    Square products, errors, unused;
    for (int i = 0; i < n * n; i++) {
        double sum = 0, off = 0;
        for (int k = 0; k < ci; k++) {
            const double a = fabs(v[k].value[i]), b = fabs(u[k].value[i]);
            sum += (double)v[k].value[i] * u[k].value[i];
            off += a * b + ((a + v[k].off[i]) * u[k].off[i] + b * v[k].off[i]) / unit;
        }
        products.at[i / n][i % n] = sum, errors.at[i / n][i % n] = off;
    }
    transform(&t->output, t->m, n, &products, c, &unused);
    transform(&t->output, t->m, n, &errors, &unused, error);
}

/* What is left of the case, and of its magnitudes, once C is known: a 1x1 convolution of it that changes nothing. */
static void model(CheckMemory *m, const Inputs *in, int tile, double unit, Inputs *rest, Inputs *magnitude)
{
    const LxConvDesc *d = &in->desc;
    const LxConvArgs *a = &in->args;
    const Transforms t = transforms_of(tile);
    const size_t ci = (size_t)d->ci, co = (size_t)d->co;
    Factors *u = calloc(co * ci, sizeof *u), *v = calloc(ci, sizeof *v);
    LxTensor c = lx_tensor(NULL, a->x.n, d->co, d->h, d->w), error = c;
    c.data = check_random(m, lx_tensor_floats(&c), 0, 0), error.data = check_random(m, lx_tensor_floats(&c), 0, 0);
    for (size_t i = 0; i < co * ci; i++) {
        Square g = {{{0}}};
        for (int k = 0; k < 9; k++) g.at[k / 3][k % 3] = in->w[9 * i + (size_t)k];
        u[i] = rounded_factors(&t.kernel, tile + 2, 3, &g);
    }
    for (int n = 0; n < a->x.n; n++)
        for (int y = 0; y < d->h; y += tile)
            for (int x = 0; x < d->w; x += tile) {
                for (int k = 0; k < d->ci; k++) {
                    Square g;
                    for (int i = 0; i < (tile + 2) * (tile + 2); i++)
                        g.at[i / (tile + 2)][i % (tile + 2)] = affine(a, n, y - 1 + i / (tile + 2), x - 1 + i % (tile + 2), k);
                    v[k] = rounded_factors(&t.input, tile + 2, tile + 2, &g);
                }
                for (int o = 0; o < d->co; o++) {
                    Square sums, errors;
                    model_tile(&t, d->ci, v, u + (size_t)o * ci, unit, &sums, &errors);
                    for (int i = 0; i < tile * tile; i++) {
                        if (y + i / tile >= d->h || x + i % tile >= d->w) continue;
                        lx_tensor_pixel(&c, n, y + i / tile, x + i % tile)[o] = (float)sums.at[i / tile][i % tile];
                        lx_tensor_pixel(&error, n, y + i / tile, x + i % tile)[o] = (float)errors.at[i / tile][i % tile];
                    }
                }
            }
    free(u);
    free(v);
    *rest = *in, *magnitude = absolute(m, in);
    rest->w = magnitude->w = check_random(m, co * co, 0, 0);
    for (size_t o = 0; o < co; o++) rest->w[o * co + o] = 1;
    rest->desc.k = magnitude->desc.k = 1;
    rest->desc.ci = magnitude->desc.ci = d->co;
    rest->args.x = c, magnitude->args.x = error;
    rest->args.in_scale = rest->args.in_shift = magnitude->args.in_scale = magnitude->args.in_shift = NULL;
}

static Outputs run_case(CheckMemory *m, const LxConvOps *ops, const Inputs *in, int slots)
{
    const int h = lx_conv_out(&in->desc, in->desc.h), w = lx_conv_out(&in->desc, in->desc.w), n = in->args.x.n;
    Outputs out = {0};
    LxConvArgs a = in->args;
    const LxConvWeights weights = {in->desc, ops, check_floats(m, ops->packed_bytes(&in->desc) / sizeof(float)), ops->packed_bytes(&in->desc), in->factor};
    ops->pack(check_pool(slots), &in->desc, in->w, weights.packed);
    a.weights = &weights;
    if (in->options & ALIAS && in->options & RESIDUAL && !a.residual_up) {
        a.residual.data = check_copy(m, a.residual.data, lx_tensor_floats(&a.residual));
        out.y = a.residual;
    } else {
        out.y = check_output(m, n, in->desc.co, h, w);
    }
    if (in->options & STATS) {
        out.stats_floats = (size_t)(n * h * 2 * out.y.cs);
        out.stats = check_floats(m, out.stats_floats);
    }
    a.y = out.y;
    a.stats = out.stats;
    const size_t scratch = ops->scratch_bytes ? ops->scratch_bytes(&in->desc, slots) : 0;
    const LxExec x = {.pool = check_pool(slots), .scratch = check_floats(m, scratch / sizeof(float))};
    ops->run(&x, &a);
    return out;
}

/* Sums over the rows of each frame, since a kernel is free to put them into any row's slot. */
static void compare_stats(const Inputs *in, const Outputs *got, const Outputs *want, const Outputs *mag, double k)
{
    const int cs = got->y.cs, h = got->y.h;
    for (int n = 0; n < got->y.n; n++)
        for (int i = 0; i < 2 * cs; i++) {
            double sums[3] = {0};
            for (int row = 0; row < h; row++) {
                const size_t at = ((size_t)n * (size_t)h + (size_t)row) * 2 * (size_t)cs + (size_t)i;
                sums[0] += got->stats[at], sums[1] += want->stats[at], sums[2] += mag->stats[at];
            }
            const double limit = ((i < cs ? k : 2 * k) + 8 + sqrt((double)h * got->y.w)) * CHECK_U * sums[2];
            check_value(in->name, (size_t)i, sums[0], sums[1], limit);
            if (i % cs >= in->desc.co && sums[0] != 0) fail_msg("%s: sum of padding channel %d is %g", in->name, i, sums[0]);
        }
}

static const LxConvOps *reference(LxConvKind kind)
{
    LxKernels ref;
    lx_kernels_ref(&ref);
    return ref.conv[kind];
}

static const LxConvOps *reference_bf16(LxConvKind kind)
{
    LxKernels ref;
    lx_kernels_ref(&ref);
    return ref.bf16[kind];
}

/* What Winograd's method is not for is the direct form's, and what is large not for slow levels. */
static int takes(const Form *f, const Case *c)
{
    const double multiply_adds = (double)(c->k * c->k) * c->ci * c->co * c->h * c->w;
    return f->m ? c->k == 3 && c->ci > 4 : !f->level->few || multiply_adds < 2e7 / f->level->few;
}

/* More units of magnitude: sums of 8 products at a time are cut, by 2^-23 of what was summed so far at most; and half a unit of f16,
   2^-11, of what is multiplied, unless that is the input itself. (Factors are halves here and divided by powers of two: exact.) */
static double tensor_core_units(const Inputs *in)
{
    const LxConvDesc *d = &in->desc;
    const int rounded = in->args.in_scale || in->args.in_shift || d->kind == LX_CONV_DOWN2D || d->kind == LX_UPSAMPLE_CONV2D;
    return d->ci * d->k * d->k / 4.0 + (rounded ? 8192 : 0);
}

/* The case whose outputs are the magnitudes that conv.h measures errors by, and how many units of them f32 may be off. */
static Inputs magnitudes(CheckMemory *m, const Form *f, const Inputs *in)
{
    return f->m ? footprint_magnitude(m, in, f->m) : absolute(m, in);
}

static double units(const Form *f, const LxConvDesc *d)
{
    return f->m ? 24 + sqrt((double)d->ci) : 8 + sqrt((double)(d->ci * d->k * d->k));
}

static void compare_inputs(CheckMemory *m, const Form *f, const Inputs *in)
{
    double k = units(f, &in->desc);
    const int modelled = f->m && f->bf16;
    Inputs rest = *in, positive;
    if (modelled) model(m, in, f->m, k * CHECK_U, &rest, &positive);
    else positive = magnitudes(m, f, in);
    const Outputs want = run_case(m, f->bf16 && !modelled ? reference_bf16(f->kind) : reference(f->kind), &rest, 2);
    const Outputs mag = run_case(m, reference(positive.desc.kind), &positive, 2), got = run_case(m, f->ops, in, 2);
    if (f->level->tensor_cores) k += tensor_core_units(in);
    if (f->bf16) k *= 1 + 1.0 / 512; /* rounding to bf16 may make a weight's magnitude so much larger */
    check_padding(in->name, &got.y);
    check_values(in->name, got.y.data, want.y.data, mag.y.data, k, lx_tensor_floats(&got.y));
    if (got.stats) compare_stats(in, &got, &want, &mag, k);
}

/* The same case with whole numbers, at most 4 after the affine and 256/64 of it after a FIR: bf16 holds them exactly, so that
   rounding a little more or less before the taps cannot excuse a wrong sum. */
static Inputs whole_numbers(CheckMemory *m, const Inputs *in)
{
    Inputs out = *in;
    LxConvArgs *a = &out.args;
    const size_t n = (size_t)a->x.n * (size_t)(a->in_stride ? a->in_stride : a->x.cs);
    a->x.data = check_whole(m, a->x.data, lx_tensor_floats(&a->x));
    a->in_scale = check_whole(m, a->in_scale, n);
    a->in_shift = check_whole(m, a->in_shift, n);
    return out;
}

static void compare(const Form *f, const Case *c)
{
    if (!takes(f, c)) return;
    CheckMemory m = {0};
    Inputs in = make_inputs(&m, f->kind, c);
    if (f->bf16 && !f->m) in = whole_numbers(&m, &in);
    compare_inputs(&m, f, &in);
    check_release(&m, in.name);
}

/* ---- groups of cases ---------------------------------------------------------------------------------------------- */

static int rounded_up(LxConvKind kind, int size)
{
    return kind == LX_CONV_DOWN2D ? (size + 1) / 2 * 2 : size;
}

static int smallest_k(LxConvKind kind)
{
    return kind == LX_CONV2D || kind == LX_CONV_DOWN2D ? 1 : 3;
}

/* Channels about every vector's length, both ways, on the smallest and on odd pictures. */
static void sizes(const Form *f)
{
    static const int channels[] = {1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 33, 40, 64, 65};
    static const int pictures[][2] = {{1, 1}, {1, 4}, {2, 1}, {3, 5}, {7, 7}, {8, 6}};
    enum { N = sizeof channels / sizeof *channels };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 6; j++)
            for (int k = smallest_k(f->kind); k <= 3; k += 2) {
                if (!check_turn(f->level, 5)) continue;
                const int h = rounded_up(f->kind, pictures[j][0]), w = rounded_up(f->kind, pictures[j][1]);
                compare(f, &(Case){k, channels[i], channels[(i * 7 + j) % N], h, w, 1, ALL});
            }
}

static void options(const Form *f)
{
    for (int k = smallest_k(f->kind); k <= 3; k += 2)
        for (unsigned o = 0; o <= ALL; o++) {
            if (!check_turn(f->level, 11)) continue;
            const unsigned how = o & RESIDUAL && o & 1 ? ALIAS : 0, strides = o % 3 == 0 ? STRIDES : 0;
            const int small = o % 5 == 0;
            const Case c = {k, small ? 3 : 20, small ? 2 : 24, 4, 6, o % 7 == 0 ? 2 : 1, o | how | strides};
            compare(f, &c);
            if (o & RESIDUAL) {
                const Case up = {k, c.ci, c.co, f->kind == LX_CONV_DOWN2D ? 8 : 4, f->kind == LX_CONV_DOWN2D ? 4 : 6, c.n, (c.options & ~(unsigned)ALIAS) | UP};
                compare(f, &up);
            }
        }
}

/* Larger than one tile, one block of input channels, one item of output channels. */
static void tiles(const Form *f)
{
    static const Case cases[] = {
        {3, 144, 20, 5, 6, 1, ALL}, {3, 270, 9, 4, 3, 1, ALL}, {3, 8, 200, 6, 5, 1, ALL}, {3, 5, 136, 18, 17, 1, ALL},
        {3, 12, 20, 71, 5, 1, ALL}, {3, 12, 20, 6, 73, 1, ALL}, {3, 3, 24, 37, 45, 1, ALL}, {3, 9, 3, 66, 67, 1, ALL},
        {1, 144, 20, 5, 6, 1, ALL}, {1, 16, 300, 9, 7, 1, ALL}, {1, 7, 12, 71, 73, 1, ALL}, {1, 3, 64, 40, 33, 1, ALL},
        {1, 70, 3, 37, 45, 1, ALL}, {1, 5, 12, 139, 263, 1, ALL}, {3, 5, 12, 514, 64, 1, ALL}, {3, 12, 20, 90, 86, 1, ALL}, {3, 1024, 8, 40, 44, 1, ALL}, {3, 9, 12, 2, 400, 1, ALL}, {3, 9, 12, 1, 410, 1, ALL},
        {3, 40, 136, 10, 9, 1, ALL & ~IN_SHIFT}, {3, 40, 136, 10, 9, 1, ALL & ~IN_SHIFT & ~IN_SCALE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].k < smallest_k(f->kind)) continue;
        Case c = cases[i];
        c.h = rounded_up(f->kind, c.h), c.w = rounded_up(f->kind, c.w);
        compare(f, &c);
    }
}

/* The network's own, narrower where the reference would take long. */
static void network(const Form *f)
{
    static const Case cases[] = {
        {3, 1024, 512, 4, 4, 1, ALL}, {3, 256, 256, 8, 8, 1, ALL}, {3, 256, 128, 16, 16, 1, ALL}, {3, 64, 32, 32, 32, 1, ALL},
        {3, 32, 16, 64, 64, 1, ALL}, {3, 16, 16, 128, 128, 1, ALL}, {1, 3, 64, 64, 64, 1, ALL}, {1, 128, 3, 64, 64, 1, ALL | UP},
        {1, 64, 128, 32, 32, 1, ALL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].k >= smallest_k(f->kind)) compare(f, &cases[i]);
}

/* Three frames together give what each gives alone. */
static void batch(const Form *f)
{
    static const Case cases[] = {{3, 20, 24, 6, 10, 3, ALL}, {3, 140, 72, 34, 36, 3, ALL}, {3, 3, 3, 4, 4, 3, ALL}, {3, 8, 20, 82, 78, 3, ALL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!takes(f, &cases[i])) continue;
        CheckMemory m = {0};
        const Inputs in = make_inputs(&m, f->kind, &cases[i]);
        const Outputs all = run_case(&m, f->ops, &in, 2);
        for (int n = 0; n < in.args.x.n; n++) {
            Inputs one = in;
            LxConvArgs *a = &one.args;
            a->x = lx_tensor_frame(a->x, n);
            a->residual = lx_tensor_frame(a->residual, n);
            a->in_scale += n * a->x.cs, a->in_shift += n * a->x.cs, a->out_scale += n * all.y.cs;
            const Outputs got = run_case(&m, f->ops, &one, 2);
            check_same(in.name, got.y.data, lx_tensor_frame(all.y, n).data, lx_tensor_floats(&got.y) * sizeof(float));
            check_same(in.name, got.stats, all.stats + (size_t)n * got.stats_floats, got.stats_floats * sizeof(float));
        }
        check_release(&m, in.name);
    }
}

static void slots(const Form *f)
{
    static const Case cases[] = {{3, 20, 24, 18, 22, 2, ALL}, {3, 140, 136, 20, 36, 1, ALL}, {3, 20, 24, 58, 56, 1, ALL}, {1, 5, 12, 128, 130, 1, ALL}};
    static const int counts[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].k < smallest_k(f->kind) || !takes(f, &cases[i])) continue;
        CheckMemory m = {0};
        const Inputs in = make_inputs(&m, f->kind, &cases[i]);
        const Outputs one = run_case(&m, f->ops, &in, 1);
        for (int j = 1; j < 4; j++) {
            const Outputs got = run_case(&m, f->ops, &in, counts[j]);
            check_same(in.name, got.y.data, one.y.data, lx_tensor_floats(&got.y) * sizeof(float));
            check_same(in.name, got.stats, one.stats, got.stats_floats * sizeof(float));
        }
        check_release(&m, in.name);
    }
}

/* Is the pixel among the inputs of the tile that output (y, x) lies in? */
static int in_footprint(int tile, int y, int x, const int pixel[2])
{
    const int dy = pixel[0] - y / tile * tile, dx = pixel[1] - x / tile * tile;
    return dy >= -1 && dy <= tile && dx >= -1 && dx <= tile;
}

/* A NaN in one input reaches the outputs that it reaches in the reference, and no others: by Winograd's method, none beyond
   the tiles that have it among their inputs. */
static void nans(const Form *f)
{
    static const int where[][2] = {{0, 0}, {4, 5}, {9, 11}};
    for (int k = smallest_k(f->kind); k <= 3; k += 2)
        for (int i = 0; i < 4; i++) {
            const Case c = {k, 20, 24, 10, 12, 1, ALL & ~(unsigned)STATS};
            if (!takes(f, &c)) continue;
            CheckMemory m = {0};
            Inputs in = make_inputs(&m, f->kind, &c);
            if (i < 3) lx_tensor_pixel(&in.args.x, 0, where[i][0], where[i][1])[7 * i] = NAN;
            else in.args.residual.data[in.args.residual.cs + 3] = NAN;
            const Outputs want = run_case(&m, reference(f->kind), &in, 2), got = run_case(&m, f->ops, &in, 2);
            const size_t n = lx_tensor_floats(&got.y), cs = (size_t)got.y.cs;
            for (size_t at = 0; at < n; at++) {
                const int pixel = (int)(at / cs), differ = !isnan(got.y.data[at]) != !isnan(want.y.data[at]);
                const int spread = f->m && i < 3 && !isnan(want.y.data[at]) && in_footprint(f->m, pixel / got.y.w, pixel % got.y.w, where[i]);
                if ((int)(at % cs) < got.y.c && differ && !spread)
                    fail_msg("%s: element %zu is %g, reference %g", in.name, at, got.y.data[at], want.y.data[at]);
            }
            check_release(&m, in.name);
        }
}

/* One pixel 10^4 times its neighbours (128 times, where outputs must stay below 65504): what it shares a tile with may be worse
   for it, nothing else. */
static void outlier(const Form *f)
{
    static const int where[][2] = {{0, 0}, {4, 7}, {10, 8}};
    for (int i = 0; i < 3; i++) {
        CheckMemory m = {0};
        const Inputs in = make_inputs(&m, f->kind, &(Case){3, 24, 20, 12, 14, 1, ALL});
        for (int c = 0; c < 24; c++) lx_tensor_pixel(&in.args.x, 0, where[i][0], where[i][1])[c] *= f->level->type == LX_F16 ? 128 : 1e4f;
        compare_inputs(&m, f, &in);
        check_release(&m, in.name);
    }
}

/* Single taps times a single pixel: each sum has one term, and its error the limit of that term's own way through the transforms.
   Sums over whole tiles, whose limits are of the worst signs, let a wrong constant of the transforms pass. */
static void impulses(const Form *f)
{
    enum { CI = 8, TAPS = 9 };
    const int m = f->m, size = 3 * m; /* the middle tile has others on all sides */
    const Transforms t = transforms_of(m);
    CheckMemory memory = {0};
    Inputs in = make_inputs(&memory, f->kind, &(Case){3, CI, TAPS, size, size, m * m, 0});
    memset(in.w, 0, weight_count(&in.desc) * sizeof(float));
    for (int tap = 0; tap < TAPS; tap++) in.w[tap * CI * TAPS + tap] = 1; /* output channel `tap` has that one, of channel 0 */
    memset(in.args.x.data, 0, lx_tensor_bytes(&in.args.x));
    for (int n = 0; n < m * m; n++) lx_tensor_pixel(&in.args.x, n, m + n / m, m + n % m)[0] = 1;
    const Outputs got = run_case(&memory, f->ops, &in, 2);
    for (int n = 0; n < m * m; n++)
        for (int at = 0; at < size * size * TAPS; at++) {
            const int tap = at % TAPS, x = at / TAPS % size, y = at / TAPS / size;
            const int dy = m + n / m - y / m * m + 1, dx = m + n % m - x / m * m + 1; /* the pixel's place among the tile's inputs */
            const int inside = dy >= 0 && dx >= 0 && dy < m + 2 && dx < m + 2;
            const double limit = inside ? (24 + sqrt(CI)) * CHECK_U * path(&t, y % m, tap / 3, dy) * path(&t, x % m, tap % 3, dx) : 0;
            const int hit = y % m + tap / 3 == dy && x % m + tap % 3 == dx;
            check_value(in.name, (size_t)at, lx_tensor_pixel(&got.y, n, y, x)[tap], hit, limit);
        }
    check_release(&memory, in.name);
}

/* Weights kept in 16 bits give what the same numbers give in f32, to the last bit, and take half the memory. */
static void compare_narrow(const CheckLevel *level, LxConvKind kind, LxDtype type, const Case *c)
{
    CheckMemory m = {0};
    const LxConvOps *wide = level->table.conv[kind], *narrow = level->table.narrow[type - 1][kind];
    Inputs in = make_inputs(&m, kind, c);
    const size_t n = weight_count(&in.desc);
    for (size_t i = 0; i < n; i++) {
        uint16_t stored;
        if (i % 5 == 0) in.w[i] *= 1e-5f; /* subnormal in f16 */
        lx_from_f32(&stored, &in.w[i], type, 1);
        lx_to_f32(&in.w[i], &stored, type, 1);
    }
    in.factor = 0.0371f;
    const Outputs got = run_case(&m, narrow, &in, 2);
    for (size_t i = 0; i < n; i++) in.w[i] *= in.factor;
    const Outputs want = run_case(&m, wide, &in, 2);
    check_same(in.name, got.y.data, want.y.data, lx_tensor_floats(&got.y) * sizeof(float));
    check_same(in.name, got.stats, want.stats, got.stats_floats * sizeof(float));
    if (2 * narrow->packed_bytes(&in.desc) != wide->packed_bytes(&in.desc)) fail_msg("%s: %zu bytes of weights", in.name, narrow->packed_bytes(&in.desc));
    check_release(&m, in.name);
}

/* What is multiplied is rounded by half a unit, 2^-9, at most. */
static void bf16_rounding(const Form *f)
{
    CheckMemory m = {0};
    const Inputs in = make_inputs(&m, f->kind, &(Case){3, 20, 24, 6, 10, 2, ALL}), positive = magnitudes(&m, f, &in);
    const Outputs want = run_case(&m, reference(f->kind), &in, 2), mag = run_case(&m, reference(positive.desc.kind), &positive, 2), got = run_case(&m, f->ops, &in, 2);
    const double half = 1.0 / 512 / CHECK_U; /* of an input, and of a weight */
    check_values(in.name, got.y.data, want.y.data, mag.y.data, 2.01 * half + units(f, &in.desc), lx_tensor_floats(&got.y));
    check_release(&m, in.name);
}

/* Numbers about ties and ends of the range, then their negatives. */
enum { TIES = 28 };

static float near_tie(int i)
{
    static const uint32_t bits[TIES / 2] = {0x3f800000, 0x3f807fff, 0x3f808000, 0x3f808001, 0x3f817fff, 0x3f818000, 0x3f818001, 0x3fffffff,
                                            0x7f7f0000, 0x00000000, 0x00800000, 0x00ff8000, 0x7f800001, 0x7fffffff};
    float f;
    memcpy(&f, &bits[i % (TIES / 2)], sizeof f);
    return i < TIES / 2 ? f : -f;
}

/* One channel and one weight of 1: the output is the input, rounded to nearest, ties to even, wherever in a row it lies; NaN stays NaN. */
static void bf16_ties(const Form *f)
{
    CheckMemory m = {0};
    for (int width = 1; width <= TIES; width++) {
        Inputs in = make_inputs(&m, f->kind, &(Case){1, 1, 1, 1, width, 1, 0});
        in.w[0] = 1;
        for (int i = 0; i < width; i++) lx_tensor_pixel(&in.args.x, 0, 0, i)[0] = near_tie(i);
        const Outputs got = run_case(&m, f->ops, &in, 1);
        for (int i = 0; i < width; i++) {
            const float want = rounded_to_bf16(lx_tensor_pixel(&in.args.x, 0, 0, i)[0]);
            check_value(in.name, (size_t)i, lx_tensor_pixel(&got.y, 0, 0, i)[0], want, 0);
        }
    }
    check_release(&m, "rounding to bf16");
}

static int has_narrow(const LxKernels *k)
{
    return k->narrow[0][0] != NULL;
}

static void narrow_same(const CheckLevel *level)
{
    static const Case cases[] = {{3, 3, 20, 6, 10, 1, ALL}, {1, 5, 9, 4, 6, 2, ALL}, {3, 20, 3, 10, 8, 1, ALL}, {3, 24, 72, 18, 20, 1, ALL}, {3, 270, 40, 8, 8, 1, ALL},
                                 {1, 500, 136, 8, 6, 1, ALL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int kind = 0; kind < LX_CONV_KINDS; kind++)
            for (int type = LX_F16; type <= LX_BF16; type++)
                if (cases[i].k >= smallest_k((LxConvKind)kind)) compare_narrow(level, (LxConvKind)kind, (LxDtype)type, &cases[i]);
}

#define GROUP(name, group)                        \
    static void name##_##group(const CheckLevel *l) \
    {                                               \
        Form f = name##_form(&l->table);            \
        f.level = l;                                \
        group(&f);                                  \
    }

#define FORM(name, kind, member, m, bf16)       \
    static Form name##_form(const LxKernels *k) \
    {                                           \
        return (Form){kind, k->member, m, bf16, NULL}; \
    }                                           \
    static int has_##name(const LxKernels *k)   \
    {                                           \
        return k->member && k->member != reference(kind) && k->member != reference_bf16(kind); \
    }                                           \
    GROUP(name, sizes)                          \
    GROUP(name, options)                        \
    GROUP(name, tiles)                          \
    GROUP(name, network)                        \
    GROUP(name, batch)                          \
    GROUP(name, slots)                          \
    GROUP(name, nans)

FORM(conv2d, LX_CONV2D, conv[LX_CONV2D], 0, 0)
FORM(conv_up2d, LX_CONV_UP2D, conv[LX_CONV_UP2D], 0, 0)
FORM(upsample_conv2d, LX_UPSAMPLE_CONV2D, conv[LX_UPSAMPLE_CONV2D], 0, 0)
FORM(conv_down2d, LX_CONV_DOWN2D, conv[LX_CONV_DOWN2D], 0, 0)
FORM(winograd2, LX_CONV2D, winograd[0], 2, 0)
FORM(winograd4, LX_CONV2D, winograd[1], 4, 0)
FORM(winograd2_bf16, LX_CONV2D, winograd_bf16[0], 2, 1)
FORM(winograd4_bf16, LX_CONV2D, winograd_bf16[1], 4, 1)
FORM(conv2d_bf16, LX_CONV2D, bf16[LX_CONV2D], 0, 1)
FORM(conv_up2d_bf16, LX_CONV_UP2D, bf16[LX_CONV_UP2D], 0, 1)
FORM(upsample_conv2d_bf16, LX_UPSAMPLE_CONV2D, bf16[LX_UPSAMPLE_CONV2D], 0, 1)
FORM(conv_down2d_bf16, LX_CONV_DOWN2D, bf16[LX_CONV_DOWN2D], 0, 1)
GROUP(conv2d, outlier)
GROUP(conv_up2d, outlier)
GROUP(upsample_conv2d, outlier)
GROUP(conv_down2d, outlier)
GROUP(winograd2, outlier)
GROUP(winograd4, outlier)
GROUP(winograd2, impulses)
GROUP(winograd4, impulses)
GROUP(winograd2_bf16, impulses)
GROUP(winograd2_bf16, bf16_rounding)
GROUP(winograd2_bf16, outlier)
GROUP(winograd4_bf16, bf16_rounding)
GROUP(winograd4_bf16, outlier)
GROUP(conv2d_bf16, bf16_rounding)
GROUP(conv_up2d_bf16, bf16_rounding)
GROUP(upsample_conv2d_bf16, bf16_rounding)
GROUP(conv_down2d_bf16, bf16_rounding)
GROUP(conv2d_bf16, bf16_ties)

#define TESTS(name)                                     \
    {#name, "sizes", has_##name, name##_sizes},          \
    {#name, "options", has_##name, name##_options},      \
    {#name, "tiles", has_##name, name##_tiles},          \
    {#name, "network shapes", has_##name, name##_network}, \
    {#name, "batch", has_##name, name##_batch},          \
    {#name, "slots", has_##name, name##_slots},          \
    {#name, "nan", has_##name, name##_nans}

#define TEST(name, group) {#name, #group, has_##name, name##_##group}

const CheckTest check_conv_tests[] = {
    TESTS(conv2d), TESTS(conv_up2d), TESTS(upsample_conv2d), TESTS(conv_down2d), TESTS(winograd2), TESTS(winograd4),
    TEST(conv2d, outlier), TEST(conv_up2d, outlier), TEST(upsample_conv2d, outlier), TEST(conv_down2d, outlier),
    TEST(winograd2, outlier), TEST(winograd4, outlier), TEST(winograd2, impulses), TEST(winograd4, impulses),
    TESTS(conv2d_bf16), TESTS(conv_up2d_bf16), TESTS(upsample_conv2d_bf16), TESTS(conv_down2d_bf16),
    TEST(conv2d_bf16, bf16_rounding), TEST(conv_up2d_bf16, bf16_rounding), TEST(upsample_conv2d_bf16, bf16_rounding),
    TEST(conv_down2d_bf16, bf16_rounding), TEST(conv2d_bf16, bf16_ties),
    TESTS(winograd2_bf16), TEST(winograd2_bf16, impulses), TEST(winograd2_bf16, bf16_rounding), TEST(winograd2_bf16, outlier),
    TESTS(winograd4_bf16), TEST(winograd4_bf16, bf16_rounding), TEST(winograd4_bf16, outlier),
    {"narrow weights", "the same bits", has_narrow, narrow_same}, {0}};
