/* Which algorithm a convolution gets on the CPU, and what weights take in memory with it. */
#include "check.h"

#include <string.h>

#include "cpu/plan.h"

static const LxConvOps *planned(const CheckLevel *l, LiaxConv conv, int low_memory, int k, int ci, int co, int size)
{
    return lx_plan_conv(&l->table, conv, 0, low_memory, &(LxConvDesc){LX_CONV2D, k, ci, co, size, size});
}

static const LxConvOps *planned_bf16(const CheckLevel *l, LiaxConv conv, int low_memory, int k, int ci, int size)
{
    return lx_plan_conv(&l->table, conv, 1, low_memory, &(LxConvDesc){LX_CONV2D, k, ci, ci, size, size});
}

/* Bytes of all convolutions of a network with these widths at 4x4, 8x8, ...; `plain`: as they are in f32. */
static void count(const CheckLevel *l, const int *widths, int levels, int bf16, int low_memory, double *packed, double *plain)
{
    *packed = *plain = 0;
    for (int i = 1; i < levels; i++) {
        const int c = widths[i], below = widths[i - 1], size = 4 << i;
        const struct {
            LxConvDesc desc;
            int times;
        } all[] = {{{LX_CONV2D, 3, c, c, size, size}, 17}, /* 8 of the flow branch, 8 of the other, one of the encoder */
                   {{LX_CONV_UP2D, 3, below, c, size / 2, size / 2}, 1},
                   {{LX_UPSAMPLE_CONV2D, 3, below, c, size / 2, size / 2}, 1},
                   {{LX_CONV_DOWN2D, 3, c, below, size, size}, 1},
                   {{LX_CONV_DOWN2D, 1, c, below, size, size}, 1}};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) {
            const LxConvDesc *d = &all[j].desc;
            *packed += (double)all[j].times * (double)lx_plan_conv(&l->table, LIAX_CONV_AUTO, bf16, low_memory, d)->packed_bytes(d);
            *plain += 4.0 * all[j].times * d->k * d->k * d->ci * d->co;
        }
    }
}

/* The released model, 3.64e9 bytes in f32: all weights together take 2.4 times that, which leaves a session room below 2.7 times. In
   bf16 Winograd's take half of that. */
static void released_model(void **state)
{
    static const int widths[] = {1024, 1024, 1024, 1024, 1024, 512, 256, 128};
    CheckLevel levels[CHECK_MAX_LEVELS];
    (void)state;
    for (int n = check_levels(levels), i = 0; i < n; i++) {
        const double file = 3.64e9;
        double packed, plain, in_bf16;
        if (!levels[i].table.winograd[0]) continue;
        count(&levels[i], widths, 8, 0, 0, &packed, &plain);
        assert_true(plain > 0.9 * file && plain < file);
        if (!(packed + file - plain <= 2.4 * file)) fail_msg("level %s: %.2f times the weights", levels[i].name, (packed + file - plain) / file);
        count(&levels[i], widths, 8, 1, 0, &in_bf16, &plain);
        assert_true(in_bf16 <= packed / 2);
        count(&levels[i], widths, 8, 0, 1, &packed, &plain);
        assert_true(packed < 1.01 * plain); /* 3 channels become 4, nothing else */
        count(&levels[i], widths, 8, 1, 1, &packed, &plain);
        assert_true(packed < 1.01 / 2 * plain);
    }
}

static void algorithms(void **state)
{
    CheckLevel levels[CHECK_MAX_LEVELS];
    (void)state;
    for (int n = check_levels(levels), i = 0; i < n; i++) {
        const CheckLevel *l = &levels[i];
        const LxKernels *k = &l->table;
        if (!k->winograd[0]) continue;
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 512, 512, 64), k->winograd[1]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 512, 512, 16), k->winograd[1]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 512, 512, 8), k->winograd[0]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 1024, 1024, 32), k->winograd[1]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 1024, 1024, 16), k->winograd[0]); /* large */
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 1024, 1024, 8), k->conv[LX_CONV2D]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 10, 10, 256), k->winograd[1]); /* direct, 16 of both */
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 1, 512, 512, 64), k->conv[LX_CONV2D]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 0, 3, 3, 512, 64), k->conv[LX_CONV2D]);
        assert_ptr_equal(planned(l, LIAX_CONV_AUTO, 1, 3, 512, 512, 64), k->conv[LX_CONV2D]);
        assert_ptr_equal(planned(l, LIAX_CONV_DIRECT, 0, 3, 512, 512, 64), k->conv[LX_CONV2D]);
        assert_ptr_equal(planned(l, LIAX_CONV_WINOGRAD, 1, 3, 1024, 1024, 8), k->winograd[0]);
        assert_string_equal(planned(l, LIAX_CONV_REF, 0, 3, 512, 512, 64)->name, "ref");
    }
}

static void algorithms_in_bf16(void **state)
{
    CheckLevel levels[CHECK_MAX_LEVELS];
    (void)state;
    for (int n = check_levels(levels), i = 0; i < n; i++) {
        const CheckLevel *l = &levels[i];
        const LxConvOps *const direct = l->table.bf16[LX_CONV2D], *const *winograd = l->table.winograd_bf16;
        assert_true(winograd[0] && winograd[1]);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 512, 64), winograd[1]);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 512, 8), winograd[0]);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 64, 256), winograd[1]);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 8, 256), direct); /* transforms would cost more than they save */
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 1024, 16), winograd[0]);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 3, 1024, 8), direct);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 0, 1, 512, 64), direct);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_AUTO, 1, 3, 512, 64), direct);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_DIRECT, 0, 3, 512, 64), direct);
        assert_ptr_equal(planned_bf16(l, LIAX_CONV_WINOGRAD, 1, 3, 8, 256), winograd[1]);
        assert_string_equal(planned_bf16(l, LIAX_CONV_REF, 0, 3, 512, 64)->name, "ref bf16");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(released_model), cmocka_unit_test(algorithms), cmocka_unit_test(algorithms_in_bf16)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
