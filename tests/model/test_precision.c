/* Weights and arithmetic of 16 bits: low_memory draws what the direct form draws, from memory that the host's allocator counts. */
#define _POSIX_C_SOURCE 200809L /* setenv */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "liax/liax.h"
#include "support/golden.h"

enum { S = 64, N = 3 * S * S };

/* Bytes that the library holds. */
static atomic_size_t held;

static void *count_alloc(void *ctx, size_t size, size_t align)
{
    const LiaxAllocator *libc = ctx;
    held += size;
    return libc->alloc(libc->ctx, size, align);
}

static void count_free(void *ctx, void *p, size_t size)
{
    const LiaxAllocator *libc = ctx;
    held -= size;
    libc->free(libc->ctx, p, size);
}

typedef struct Drawn {
    float picture[N];
    size_t opened;  /* bytes held once the model is open */
    size_t weights; /* of them, packed weights */
    char level[32];
} Drawn;

/* An edit of a made-up picture by $LIAX_BUILD/tests/NAME.liax. */
static void draw(const char *name, const LiaxModelOptions *options, Drawn *d)
{
    LiaxAllocator libc = lx_allocator(NULL);
    LiaxModelOptions o = *options;
    o.struct_size = sizeof o;
    o.device = "cpu";
    o.allocator = (LiaxAllocator){count_alloc, count_free, &libc};
    LiaxModel *m;
    LiaxSession *s;
    char path[256];
    uint8_t pixels[40 * 30 * 3];
    for (int i = 0; i < 40 * 30 * 3; i++) pixels[i] = (uint8_t)(i * i / 7 + i % 3 * 40);
    const LiaxImage source = {.struct_size = sizeof source, .width = 40, .height = 30, .planes = {pixels}};
    float *p = d->picture;
    LiaxImage image = {.struct_size = sizeof image, .format = LIAX_RGBF32, .width = S, .height = S, .planes = {p, p + S * S, p + 2 * S * S}};
    LiaxModelInfo info = {.struct_size = sizeof info};
    held = 0;
    snprintf(path, sizeof path, "%s/tests/%s.liax", golden_build(), name);
    assert_int_equal(liax_model_open(&m, path, &o), LIAX_OK);
    d->opened = held;
    assert_int_equal(liax_model_info(m, &info), LIAX_OK);
    d->weights = (size_t)info.memory_bytes;
    snprintf(d->level, sizeof d->level, "%s", info.level);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &source), LIAX_OK);
    assert_int_equal(liax_session_set_edit(s, "1", 0.3), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    liax_session_close(&s);
    liax_model_close(&m);
    assert_int_equal(held, 0);
}

static void synthesize(const char *dtype)
{
    assert_int_equal(golden_run("mkdir -p %s/tests && %s/bin/liax-synth --size 64 --widths 128,144,128,128,136 --motions 40 --seed 5 --dtype %s "
                                "%s/tests/wide-%s.liax >/dev/null 2>&1", golden_build(), golden_build(), dtype, golden_build(), dtype), 0);
}

static Drawn low, direct;

/* The same numbers in the same order: the same picture. Beside the weights an open model holds less than a hundredth of them: no
   second copy of a weight. */
static void low_memory_draws_the_same(void **state)
{
    const char *const *at = *state;
    char name[64];
    synthesize(at[1]);
    snprintf(name, sizeof name, "wide-%s", at[1]);
    setenv("LIAX_CPU", at[0], 1);
    draw(name, &(LiaxModelOptions){.conv = LIAX_CONV_DIRECT}, &direct);
    draw(name, &(LiaxModelOptions){.low_memory = 1}, &low);
    unsetenv("LIAX_CPU");
    assert_memory_equal(low.picture, direct.picture, sizeof low.picture);
    assert_true(low.opened - low.weights < low.weights / 100);
    assert_int_equal(low.opened - low.weights, direct.opened - direct.weights);
    if (!strcmp(at[1], "f32") || !strcmp(low.level, "ref")) assert_int_equal(low.weights, direct.weights);
    else assert_true(low.weights < 0.58 * (double)direct.weights); /* convolutions are 87 % of this model, and half as large */
}

int main(void)
{
    static const char *at[][2] = {{"avx512", "f16"}, {"avx512", "bf16"}, {"avx512", "f32"}, {"avx2", "f16"}};
    const struct CMUnitTest tests[] = {
        {"low memory, f16 weights", low_memory_draws_the_same, NULL, NULL, at[0]},
        {"low memory, bf16 weights", low_memory_draws_the_same, NULL, NULL, at[1]},
        {"low memory, f32 weights", low_memory_draws_the_same, NULL, NULL, at[2]},
        {"low memory, f16 weights, level avx2", low_memory_draws_the_same, NULL, NULL, at[3]},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
