/* Checks of warp (warp.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ref/ref.h"

enum { PREVIOUS = 1, SHARED = 2, NO_BLEND = 4, IN_PLACE = 8, FLAT = 16 };

/* `reach` is how far tanh's argument goes: 0.02 samples nearby, 3 far outside. FLAT: the flow is the bias alone, of that size. */
typedef struct Case {
    int n, c, size, options, slots;
    float reach;
} Case;

static LxWarpArgs make_args(CheckMemory *m, const Case *c)
{
    const int cs = lx_stored_channels(c->c), s = c->size;
    const float w = 2 * c->reach / (float)sqrt(c->c);
    LxWarpArgs a = {.h = check_random_tensor(m, c->n, c->c, s, s, -1, 1),
                    .feature = check_random_tensor(m, c->options & SHARED ? 1 : c->n, c->c, s, s, -1, 1),
                    .w = check_vectors(m, 3, c->c, cs, -w, w), .m_stride = c->c + 5};
    const float factor = c->options & FLAT ? 0 : 1;
    a.m = check_random(m, (size_t)(c->n * a.m_stride), -factor, factor);
    for (int j = 0; j < 3; j++) a.bias[j] = c->reach * (0.3f - 0.2f * (float)j);
    if (c->options & FLAT) a.bias[0] = c->reach, a.bias[1] = -c->reach, a.bias[2] = 2 * c->reach;
    if (c->options & PREVIOUS) a.previous = check_random_tensor(m, c->n, 3, s / 2, s / 2, -c->reach, c->reach);
    return a;
}

static void set_outputs(CheckMemory *m, LxWarpArgs *a, const Case *c)
{
    a->flow = check_output(m, c->n, 3, c->size, c->size);
    a->warped = check_output(m, c->n, c->c, c->size, c->size);
    if (c->options & NO_BLEND) return;
    a->blended = check_output(m, c->n, c->c, c->size, c->size);
    if (!(c->options & IN_PLACE)) return;
    memcpy(a->blended.data, a->h.data, lx_tensor_floats(&a->h) * sizeof(float));
    a->h = a->blended;
}

static void compare(const CheckLevel *level, const Case *c)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "warp n%d c%d %dx%d options %d reach %g", c->n, c->c, c->size, c->size, c->options, c->reach);
    const LxWarpArgs in = make_args(&m, c);
    LxWarpArgs got = in, want = in, mag = in; /* mag: only its flow is read */
    set_outputs(&m, &got, c), set_outputs(&m, &want, c), set_outputs(&m, &mag, c);
    mag.h.data = check_absolute(&m, in.h.data, lx_tensor_floats(&in.h));
    mag.w = check_absolute(&m, in.w, 3 * (size_t)in.h.cs), mag.m = check_absolute(&m, in.m, (size_t)(c->n * in.m_stride));
    for (int j = 0; j < 3; j++) mag.bias[j] = fabsf(in.bias[j]);
    mag.previous.data = check_absolute(&m, in.previous.data, lx_tensor_floats(&in.previous));
    mag.blended = (LxTensor){0};
    const LxExec x = {.pool = check_pool(c->slots)};
    lx_warp_ref(&x, &want);
    lx_warp_ref(&x, &mag);
    level->table.warp.run(&x, &got);

    const double k = 8 + sqrt(c->c), half = (c->size - 1) / 2.0;
    check_values(name, got.flow.data, want.flow.data, mag.flow.data, k, lx_tensor_floats(&got.flow));
    for (size_t i = 0; i < lx_tensor_floats(&got.warped); i++) {
        const float *f = mag.flow.data + i / (size_t)got.warped.cs * 4;
        /* features are below 1, so that a pixel's step moves a sample by at most 2; the mask's slope is at most 1/4 */
        const double moved = k * CHECK_U * (2 * half * (f[0] + f[1]) + f[2] / 4), limit = moved + 2 * ldexp(1, -20);
        const int padding = (int)(i % (size_t)got.warped.cs) >= c->c;
        check_value(name, i, got.warped.data[i], want.warped.data[i], padding ? 0 : limit + check_rounding(want.warped.data[i]));
        if (got.blended.data)
            check_value(name, i, got.blended.data[i], want.blended.data[i], padding ? 0 : limit + k * CHECK_U * f[2] / 4 + check_rounding(want.blended.data[i]));
    }
    check_release(&m, name);
}

static void sizes(const CheckLevel *l)
{
    static const int channels[] = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 20, 40}, pictures[] = {2, 4, 6, 10};
    static const float reaches[] = {0.02f, 0.3f, 3};
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 4; j++) compare(l, &(Case){1 + j % 3, channels[i], pictures[j], (i + j) % 16, 1 + i % 3, reaches[i % 3]});
    compare(l, &(Case){1, 20, 5, 0, 2, 0.3f}); /* odd: there is no previous level */
    static const float ends[] = {1, 20, 355, 709.8f, 1e4f, 1e30f};
    for (int i = 0; i < 6; i++) compare(l, &(Case){1, 5, 6, FLAT, 2, ends[i]});
}

static void options(const CheckLevel *l)
{
    for (int o = 0; o < 16; o++) compare(l, &(Case){3, 24, 8, o, 2, 0.3f});
}

static void network(const CheckLevel *l)
{
    compare(l, &(Case){1, 512, 8, 0, 2, 0.1f});
    compare(l, &(Case){1, 512, 16, PREVIOUS | IN_PLACE, 7, 0.1f});
    compare(l, &(Case){1, 128, 64, PREVIOUS, 2, 0.3f});
    compare(l, &(Case){2, 64, 128, PREVIOUS | SHARED | NO_BLEND, 2, 0.02f});
}

/* A pixel's own h, the feature that it samples, where it samples: NaN in any is NaN in what comes of it. */
static void nans(const CheckLevel *l)
{
    static const uint32_t nan = 0x7fffffff; /* all bits set */
    for (int i = 0; i < 3; i++) {
        CheckMemory m = {0};
        const Case c = {1, 20, 6, 0, 1, 0.01f};
        LxWarpArgs a = make_args(&m, &c);
        memcpy(i == 2 ? &a.bias[0] : &lx_tensor_pixel(i ? &a.feature : &a.h, 0, 3, 2)[17], &nan, sizeof nan);
        LxWarpArgs want = a;
        set_outputs(&m, &a, &c), set_outputs(&m, &want, &c);
        const LxExec x = {.pool = check_pool(1)};
        lx_warp_ref(&x, &want);
        l->table.warp.run(&x, &a);
        const LxTensor got[3] = {a.flow, a.warped, a.blended}, expected[3] = {want.flow, want.warped, want.blended};
        int seen = 0;
        for (int t = 0; t < 3; t++)
            for (size_t at = 0; at < lx_tensor_floats(&got[t]); at++) {
                if ((int)(at % (size_t)got[t].cs) >= got[t].c) continue;
                if (!isnan(got[t].data[at]) != !isnan(expected[t].data[at])) fail_msg("warp: output %d, element %zu", t, at);
                seen += isnan(got[t].data[at]) != 0;
            }
        if (!seen) fail_msg("warp: no NaN came out");
        check_release(&m, "warp");
    }
}

static int differs(const LxKernels *k)
{
    return k->warp.run != lx_warp_ref;
}

const CheckTest check_warp_tests[] = {
    {"warp", "sizes", differs, sizes},
    {"warp", "options", differs, options},
    {"warp", "network shapes", differs, network},
    {"warp", "nan", differs, nans},
    {0},
};
