/* Checks of the four convolutions (conv.h). */
#include <math.h>
#include <stdio.h>
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

/* A case with its inputs; weights are plain [co,ci,k,k]. */
typedef struct Inputs {
    LxConvDesc desc;
    LxConvArgs args; /* without weights, y and stats */
    float *w;
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
    Inputs in = {.desc = {kind, c->k, c->ci, c->co, c->h, c->w}, .options = c->options};
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

/* The same case on absolute values: each output is then the magnitude that its error is measured by. */
static Inputs absolute(CheckMemory *m, const Inputs *in)
{
    Inputs out = *in;
    LxConvArgs *a = &out.args;
    const size_t n = (size_t)a->x.n, xs = (size_t)(a->in_stride ? a->in_stride : a->x.cs);
    const size_t cs = (size_t)lx_stored_channels(in->desc.co), ys = a->out_stride ? (size_t)a->out_stride : cs;
    out.w = check_absolute(m, in->w, weight_count(&in->desc));
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

static Outputs run_case(CheckMemory *m, const LxConvOps *ops, const Inputs *in, int slots)
{
    const int h = lx_conv_out(&in->desc, in->desc.h), w = lx_conv_out(&in->desc, in->desc.w), n = in->args.x.n;
    Outputs out = {0};
    LxConvArgs a = in->args;
    const LxConvWeights weights = {in->desc, ops, check_floats(m, ops->packed_bytes(&in->desc) / sizeof(float)), ops->packed_bytes(&in->desc)};
    ops->pack(&in->desc, in->w, weights.packed);
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

static void compare(const CheckLevel *level, LxConvKind kind, const Case *c)
{
    CheckMemory m = {0};
    const Inputs in = make_inputs(&m, kind, c), positive = absolute(&m, &in);
    LxKernels ref;
    lx_kernels_ref(&ref);
    const Outputs want = run_case(&m, ref.conv[kind], &in, 2), mag = run_case(&m, ref.conv[kind], &positive, 2);
    const Outputs got = run_case(&m, level->table.conv[kind], &in, 2);
    const double k = 8 + sqrt((double)(c->ci * c->k * c->k));
    check_padding(in.name, &got.y);
    check_values(in.name, got.y.data, want.y.data, mag.y.data, k, lx_tensor_floats(&got.y));
    if (got.stats) compare_stats(&in, &got, &want, &mag, k);
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
static void sizes(const CheckLevel *level, LxConvKind kind)
{
    static const int channels[] = {1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 20, 24, 31, 33, 40, 64, 65};
    static const int pictures[][2] = {{1, 1}, {1, 4}, {2, 1}, {3, 5}, {7, 7}, {8, 6}};
    enum { N = sizeof channels / sizeof *channels };
    for (int i = 0; i < N; i++)
        for (int j = 0; j < 6; j++)
            for (int k = smallest_k(kind); k <= 3; k += 2) {
                const int h = rounded_up(kind, pictures[j][0]), w = rounded_up(kind, pictures[j][1]);
                compare(level, kind, &(Case){k, channels[i], channels[(i * 7 + j) % N], h, w, 1, ALL});
            }
}

static void options(const CheckLevel *level, LxConvKind kind)
{
    for (int k = smallest_k(kind); k <= 3; k += 2)
        for (unsigned o = 0; o <= ALL; o++) {
            const unsigned how = o & RESIDUAL && o & 1 ? ALIAS : 0, strides = o % 3 == 0 ? STRIDES : 0;
            const int small = o % 5 == 0;
            const Case c = {k, small ? 3 : 20, small ? 2 : 24, 4, 6, o % 7 == 0 ? 2 : 1, o | how | strides};
            compare(level, kind, &c);
            if (o & RESIDUAL) {
                const Case up = {k, c.ci, c.co, kind == LX_CONV_DOWN2D ? 8 : 4, kind == LX_CONV_DOWN2D ? 4 : 6, c.n, (c.options & ~(unsigned)ALIAS) | UP};
                compare(level, kind, &up);
            }
        }
}

/* Larger than one tile, one block of input channels, one item of output channels. */
static void tiles(const CheckLevel *level, LxConvKind kind)
{
    static const Case cases[] = {
        {3, 144, 20, 5, 6, 1, ALL}, {3, 270, 9, 4, 3, 1, ALL}, {3, 8, 200, 6, 5, 1, ALL}, {3, 5, 136, 18, 17, 1, ALL},
        {3, 12, 20, 71, 5, 1, ALL}, {3, 12, 20, 6, 73, 1, ALL}, {3, 3, 24, 37, 45, 1, ALL}, {3, 9, 3, 66, 67, 1, ALL},
        {1, 144, 20, 5, 6, 1, ALL}, {1, 16, 300, 9, 7, 1, ALL}, {1, 7, 12, 71, 73, 1, ALL}, {1, 3, 64, 40, 33, 1, ALL},
        {1, 70, 3, 37, 45, 1, ALL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (cases[i].k < smallest_k(kind)) continue;
        Case c = cases[i];
        c.h = rounded_up(kind, c.h), c.w = rounded_up(kind, c.w);
        compare(level, kind, &c);
    }
}

/* The network's own, narrower where the reference would take long. */
static void network(const CheckLevel *level, LxConvKind kind)
{
    static const Case cases[] = {
        {3, 1024, 512, 4, 4, 1, ALL}, {3, 256, 256, 8, 8, 1, ALL}, {3, 256, 128, 16, 16, 1, ALL}, {3, 64, 32, 32, 32, 1, ALL},
        {3, 32, 16, 64, 64, 1, ALL}, {3, 16, 16, 128, 128, 1, ALL}, {1, 3, 64, 64, 64, 1, ALL}, {1, 128, 3, 64, 64, 1, ALL | UP},
        {1, 64, 128, 32, 32, 1, ALL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].k >= smallest_k(kind)) compare(level, kind, &cases[i]);
}

/* Three frames together give what each gives alone. */
static void batch(const CheckLevel *level, LxConvKind kind)
{
    static const Case cases[] = {{3, 20, 24, 6, 10, 3, ALL}, {3, 140, 72, 34, 36, 3, ALL}, {3, 3, 3, 4, 4, 3, ALL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CheckMemory m = {0};
        const Inputs in = make_inputs(&m, kind, &cases[i]);
        const Outputs all = run_case(&m, level->table.conv[kind], &in, 2);
        for (int n = 0; n < in.args.x.n; n++) {
            Inputs one = in;
            LxConvArgs *a = &one.args;
            a->x = lx_tensor_frame(a->x, n);
            a->residual = lx_tensor_frame(a->residual, n);
            a->in_scale += n * a->x.cs, a->in_shift += n * a->x.cs, a->out_scale += n * all.y.cs;
            const Outputs got = run_case(&m, level->table.conv[kind], &one, 2);
            check_same(in.name, got.y.data, lx_tensor_frame(all.y, n).data, lx_tensor_floats(&got.y) * sizeof(float));
            check_same(in.name, got.stats, all.stats + (size_t)n * got.stats_floats, got.stats_floats * sizeof(float));
        }
        check_release(&m, in.name);
    }
}

static void slots(const CheckLevel *level, LxConvKind kind)
{
    static const Case cases[] = {{3, 20, 24, 18, 22, 2, ALL}, {3, 140, 136, 20, 36, 1, ALL}};
    static const int counts[] = {1, 2, 3, 7};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CheckMemory m = {0};
        const Inputs in = make_inputs(&m, kind, &cases[i]);
        const Outputs one = run_case(&m, level->table.conv[kind], &in, 1);
        for (int j = 1; j < 4; j++) {
            const Outputs got = run_case(&m, level->table.conv[kind], &in, counts[j]);
            check_same(in.name, got.y.data, one.y.data, lx_tensor_floats(&got.y) * sizeof(float));
            check_same(in.name, got.stats, one.stats, got.stats_floats * sizeof(float));
        }
        check_release(&m, in.name);
    }
}

/* A NaN in one input reaches the outputs that it reaches in the reference, and no others. */
static void nans(const CheckLevel *level, LxConvKind kind)
{
    static const int where[][2] = {{0, 0}, {4, 5}, {9, 11}};
    for (int k = smallest_k(kind); k <= 3; k += 2)
        for (int i = 0; i < 4; i++) {
            CheckMemory m = {0};
            Inputs in = make_inputs(&m, kind, &(Case){k, 20, 24, 10, 12, 1, ALL & ~(unsigned)STATS});
            if (i < 3) lx_tensor_pixel(&in.args.x, 0, where[i][0], where[i][1])[7 * i] = NAN;
            else in.args.residual.data[in.args.residual.cs + 3] = NAN;
            LxKernels ref;
            lx_kernels_ref(&ref);
            const Outputs want = run_case(&m, ref.conv[kind], &in, 2), got = run_case(&m, level->table.conv[kind], &in, 2);
            const size_t n = lx_tensor_floats(&got.y);
            for (size_t at = 0; at < n; at++)
                if ((int)(at % (size_t)got.y.cs) < got.y.c && !isnan(got.y.data[at]) != !isnan(want.y.data[at]))
                    fail_msg("%s: element %zu is %g, reference %g", in.name, at, got.y.data[at], want.y.data[at]);
            check_release(&m, in.name);
        }
}

#define KIND(name, kind)                                                                                     \
    static int differs_##name(const LxKernels *k)                                                            \
    {                                                                                                        \
        LxKernels ref;                                                                                       \
        lx_kernels_ref(&ref);                                                                                \
        return k->conv[kind] != ref.conv[kind];                                                              \
    }                                                                                                        \
    static void name##_sizes(const CheckLevel *l) { sizes(l, kind); }                                        \
    static void name##_options(const CheckLevel *l) { options(l, kind); }                                    \
    static void name##_tiles(const CheckLevel *l) { tiles(l, kind); }                                        \
    static void name##_network(const CheckLevel *l) { network(l, kind); }                                    \
    static void name##_batch(const CheckLevel *l) { batch(l, kind); }                                        \
    static void name##_slots(const CheckLevel *l) { slots(l, kind); }                                        \
    static void name##_nans(const CheckLevel *l) { nans(l, kind); }

KIND(conv2d, LX_CONV2D)
KIND(conv_up2d, LX_CONV_UP2D)
KIND(upsample_conv2d, LX_UPSAMPLE_CONV2D)
KIND(conv_down2d, LX_CONV_DOWN2D)

#define TESTS(name)                                          \
    {#name, "sizes", differs_##name, name##_sizes},          \
    {#name, "options", differs_##name, name##_options},      \
    {#name, "tiles", differs_##name, name##_tiles},          \
    {#name, "network shapes", differs_##name, name##_network}, \
    {#name, "batch", differs_##name, name##_batch},          \
    {#name, "slots", differs_##name, name##_slots},          \
    {#name, "nan", differs_##name, name##_nans}

const CheckTest check_conv_tests[] = {TESTS(conv2d), TESTS(conv_up2d), TESTS(upsample_conv2d), TESTS(conv_down2d), {0}};
