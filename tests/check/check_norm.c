/* Checks of group_norm_affine (norm.h). */
#include <math.h>
#include <stdio.h>

#include "check.h"
#include "ref/ref.h"

static void norm_case(const CheckLevel *level, int n, int rows, int c, int groups, int with_m, int slots)
{
    CheckMemory m = {0};
    char name[96];
    snprintf(name, sizeof name, "group_norm_affine n%d rows %d c %d groups %d m %d", n, rows, c, groups, with_m);
    const int cs = lx_stored_channels(c), stride = c + 3;
    float *stats = check_floats(&m, (size_t)(n * rows * 2 * cs));
    for (int i = 0; i < n * rows; i++) { /* mean about 1, mean square about 5, of 10 values a row and channel */
        float *sum = check_vectors(&m, 1, c, cs, 0, 20), *sum2 = check_vectors(&m, 1, c, cs, 40, 60);
        for (int j = 0; j < cs; j++) stats[2 * i * cs + j] = sum[j], stats[(2 * i + 1) * cs + j] = sum2[j];
    }
    LxGroupNormAffineArgs a = {.stats = stats, .weight = check_random(&m, (size_t)c, -2, 2), .bias = check_random(&m, (size_t)c, -2, 2),
                               .m = with_m ? check_random(&m, (size_t)(n * stride), -2, 2) : NULL,
                               .n = n, .rows = rows, .c = c, .cs = cs, .groups = groups, .m_stride = stride,
                               .count = 10.0 * rows * c / groups, .eps = 1e-5};
    const size_t size = (size_t)(n * cs);
    a.scale = check_floats(&m, size), a.shift = check_floats(&m, size);
    LxGroupNormAffineArgs want = a;
    want.scale = check_floats(&m, size), want.shift = check_floats(&m, size);
    const LxExec x = {.pool = check_pool(slots)};
    lx_group_norm_affine_ref(&x, &want);
    level->table.group_norm_affine.run(&x, &a);
    for (size_t i = 0; i < size; i++) { /* sums in double: one rounding to float, and room for a last digit of it */
        check_value(name, i, a.scale[i], want.scale[i], 2 * CHECK_U * fabs(want.scale[i]));
        check_value(name, i, a.shift[i], want.shift[i], 2 * CHECK_U * (fabs(want.shift[i]) + 1e-6));
    }
    check_release(&m, name);
}

static void sizes(const CheckLevel *l)
{
    static const int shapes[][2] = {{1, 1}, {3, 3}, {4, 2}, {5, 1}, {12, 4}, {16, 16}, {17, 1}, {20, 4}, {24, 8}, {40, 8}, {96, 32}, {150, 2}};
    for (int i = 0; i < 12; i++)
        for (int n = 1; n <= 3; n += 2) norm_case(l, n, 1 + i % 5, shapes[i][0], shapes[i][1], i & 1, n);
}

static void network(const CheckLevel *l)
{
    norm_case(l, 1, 256, 256, 32, 1, 2);
    norm_case(l, 2, 8, 1024, 32, 1, 7);
}

static void nans(const CheckLevel *l)
{
    CheckMemory m = {0};
    float *stats = check_vectors(&m, 2, 8, 16, 1, 2), *scale = check_floats(&m, 16), *shift = check_floats(&m, 16);
    stats[16 + 5] = NAN; /* the second group's squares */
    const LxExec x = {.pool = check_pool(1)};
    const LxGroupNormAffineArgs a = {.stats = stats, .weight = check_random(&m, 8, 1, 2), .bias = check_random(&m, 8, 1, 2), .scale = scale, .shift = shift,
                                     .n = 1, .rows = 1, .c = 8, .cs = 16, .groups = 2, .count = 4, .eps = 1e-5};
    l->table.group_norm_affine.run(&x, &a);
    for (int i = 0; i < 8; i++)
        if (!isnan(scale[i]) != (i < 4) || !isnan(shift[i]) != (i < 4)) fail_msg("channel %d: scale %g, shift %g", i, scale[i], shift[i]);
    check_release(&m, "group_norm_affine");
}

static int differs(const LxKernels *k)
{
    return k->group_norm_affine.run != lx_group_norm_affine_ref;
}

const CheckTest check_norm_tests[] = {
    {"group_norm_affine", "sizes", differs, sizes},
    {"group_norm_affine", "network shapes", differs, network},
    {"group_norm_affine", "nan", differs, nans},
    {0},
};
