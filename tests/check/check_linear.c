/* Checks of linear, navigate and demodulate (linear.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "ref/ref.h"

static LxExec exec(int slots)
{
    return (LxExec){.pool = check_pool(slots)};
}

/* ---- linear ------------------------------------------------------------------------------------------------------- */

static void linear_case(const CheckLevel *level, int n, int inputs, int outputs, int with_bias, int slots)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "linear n%d %d->%d bias %d", n, inputs, outputs, with_bias);
    const size_t nw = (size_t)inputs * (size_t)outputs, nx = (size_t)n * (size_t)inputs, ny = (size_t)n * (size_t)outputs;
    LxLinearArgs a = {.w = check_random(&m, nw, -1, 1), .x = check_random(&m, nx, -1, 1), .n = n, .inputs = inputs, .outputs = outputs};
    if (with_bias) a.bias = check_random(&m, (size_t)outputs, -1, 1);
    LxLinearArgs positive = a, want = a;
    positive.w = check_absolute(&m, a.w, nw), positive.x = check_absolute(&m, a.x, nx), positive.bias = check_absolute(&m, a.bias, (size_t)outputs);
    a.y = check_floats(&m, ny), want.y = check_floats(&m, ny), positive.y = check_floats(&m, ny);
    const LxExec x = exec(slots);
    lx_linear_ref(&x, &want);
    lx_linear_ref(&x, &positive);
    level->table.linear.run(&x, &a);
    check_values(name, a.y, want.y, positive.y, 8 + sqrt(inputs), ny);
    if (n > 1) { /* the last frame alone */
        LxLinearArgs one = a;
        one.n = 1, one.x += nx - (size_t)inputs, one.y = check_floats(&m, (size_t)outputs);
        level->table.linear.run(&x, &one);
        check_same(name, one.y, a.y + ny - (size_t)outputs, (size_t)outputs * sizeof(float));
    }
    check_release(&m, name);
}

static void linear_sizes(const CheckLevel *l)
{
    static const int sizes[] = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40, 65};
    for (int i = 0; i < 12; i++)
        for (int j = 0; j < 12; j++) linear_case(l, 1 + (i + j) % 3, sizes[i], sizes[j], (i + j) % 2, 1 + i % 3);
}

static void linear_network(const CheckLevel *l)
{
    linear_case(l, 1, 8192, 512, 0, 2);
    linear_case(l, 3, 512, 40, 1, 2);
    linear_case(l, 1, 512, 1024, 1, 7);
}

static void linear_nan(const CheckLevel *l)
{
    CheckMemory m = {0};
    float *w = check_random(&m, 3 * 21, -1, 1), *y = check_floats(&m, 3);
    w[21 + 20] = NAN;
    const LxExec x = exec(1);
    l->table.linear.run(&x, &(LxLinearArgs){.w = w, .x = check_random(&m, 21, -1, 1), .y = y, .n = 1, .inputs = 21, .outputs = 3});
    if (isnan(y[0]) || !isnan(y[1]) || isnan(y[2])) fail_msg("a NaN weight gives %g %g %g", y[0], y[1], y[2]);
    check_release(&m, "linear");
}

/* ---- navigate ----------------------------------------------------------------------------------------------------- */

static void navigate_case(const CheckLevel *level, int n, int motions, int outputs, int slots)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "navigate n%d %d->%d", n, motions, outputs);
    const size_t nc = (size_t)motions * (size_t)outputs, na = (size_t)n * (size_t)motions, ny = (size_t)n * (size_t)outputs;
    LxNavigateArgs a = {.base = check_random(&m, (size_t)outputs, -1, 1), .columns = check_random(&m, nc, -1, 1), .a = check_random(&m, na, -1, 1),
                        .n = n, .motions = motions, .outputs = outputs};
    LxNavigateArgs positive = a, want = a;
    positive.base = check_absolute(&m, a.base, (size_t)outputs);
    positive.columns = check_absolute(&m, a.columns, nc), positive.a = check_absolute(&m, a.a, na);
    a.y = check_floats(&m, ny), want.y = check_floats(&m, ny), positive.y = check_floats(&m, ny);
    const LxExec x = exec(slots);
    lx_navigate_ref(&x, &want);
    lx_navigate_ref(&x, &positive);
    level->table.navigate.run(&x, &a);
    check_values(name, a.y, want.y, positive.y, 8 + sqrt(motions), ny);
    if (n > 1) {
        LxNavigateArgs one = a;
        one.n = 1, one.a += na - (size_t)motions, one.y = check_floats(&m, (size_t)outputs);
        level->table.navigate.run(&x, &one);
        check_same(name, one.y, a.y + ny - (size_t)outputs, (size_t)outputs * sizeof(float));
    }
    check_release(&m, name);
}

static void navigate_sizes(const CheckLevel *l)
{
    static const int motions[] = {1, 2, 5, 20, 40}, outputs[] = {16, 32, 48, 496, 512, 528, 1040};
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < 7; j++) navigate_case(l, 1 + (i + j) % 3, motions[i], outputs[j], 1 + j % 3);
}

static void navigate_network(const CheckLevel *l)
{
    navigate_case(l, 1, 40, 36352, 2);
    navigate_case(l, 3, 40, 18176, 7);
}

/* ---- demodulate --------------------------------------------------------------------------------------------------- */

static void demodulate_case(const CheckLevel *level, int n, const int (*shapes)[2], int layers, int slots)
{
    CheckMemory m = {0};
    LxDemodulateLayer list[16];
    int styles = 3, d = 0; /* style_at needs no alignment */
    for (int i = 0; i < layers; i++) {
        const int ci = shapes[i][0], co = shapes[i][1];
        list[i] = (LxDemodulateLayer){check_random(&m, (size_t)ci * (size_t)co, 0, 0.1f), ci, co, styles, d};
        styles += ci + 1;
        d += (lx_stored_channels(co) + 15) / 16 * 16 + 16;
    }
    LxDemodulateArgs a = {list, layers, check_random(&m, (size_t)(n * styles), -1, 1), check_floats(&m, (size_t)(n * d)), n, styles, d}, want = a;
    want.d = check_floats(&m, (size_t)(n * d));
    const LxExec x = exec(slots);
    lx_demodulate_ref(&x, &want);
    level->table.demodulate.run(&x, &a);
    for (int f = 0; f < n; f++)
        for (int i = 0; i < layers; i++) {
            const double k = (8 + sqrt(list[i].ci)) * CHECK_U;
            for (int c = 0; c < lx_stored_channels(list[i].co); c++) {
                const size_t at = (size_t)(f * d + list[i].d_at + c);
                check_value("demodulate", at, a.d[at], want.d[at], k * want.d[at]);
            }
        }
    check_release(&m, "demodulate");
}

static void demodulate_sizes(const CheckLevel *l)
{
    static const int shapes[][2] = {{1, 1}, {3, 5}, {4, 4}, {7, 9}, {8, 3}, {9, 16}, {15, 17}, {16, 65}, {17, 20}, {33, 64}, {40, 24}};
    for (int n = 1; n <= 3; n++) demodulate_case(l, n, shapes, 11, n);
    demodulate_case(l, 2, shapes, 1, 2);
}

static void demodulate_network(const CheckLevel *l)
{
    static const int shapes[][2] = {{1024, 1024}, {512, 512}, {512, 256}, {256, 128}, {64, 64}};
    demodulate_case(l, 2, shapes, 5, 7);
}

#define DIFFERS(name)                                \
    static int name##_differs(const LxKernels *k)    \
    {                                                \
        return k->name.run != lx_##name##_ref;       \
    }

DIFFERS(linear)
DIFFERS(navigate)
DIFFERS(demodulate)

const CheckTest check_linear_tests[] = {
    {"linear", "sizes", linear_differs, linear_sizes},
    {"linear", "network shapes", linear_differs, linear_network},
    {"linear", "nan", linear_differs, linear_nan},
    {"navigate", "sizes", navigate_differs, navigate_sizes},
    {"navigate", "network shapes", navigate_differs, navigate_network},
    {"demodulate", "sizes", demodulate_differs, demodulate_sizes},
    {"demodulate", "network shapes", demodulate_differs, demodulate_network},
    {0},
};
