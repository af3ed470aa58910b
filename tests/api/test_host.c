/* The library inside a host: cancelling, threads, allocators, rounding modes, models in memory. */
#include "support/fixture.h"

#include <fenv.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int stop_at_half(void *ctx, double done)
{
    int *calls = ctx;
    (*calls)++;
    return done >= 0.5;
}

static void cancelling(void **state)
{
    (void)state;
    float out[3 * S * S], want[3 * S * S];
    LiaxImage image = raw(want);
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    image = raw(out);
    liax_session_cancel(s);
    assert_int_equal(liax_session_render(s, &image), LIAX_E_CANCELLED);
    assert_true(strlen(liax_session_error(s)) > 0);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK); /* once */
    assert_memory_equal(out, want, sizeof out);
    liax_session_close(&s);
    int calls = 0;
    s = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .progress = stop_at_half, .progress_ctx = &calls});
    Picture *p = driver(0);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_E_CANCELLED);
    assert_true(calls > 2);
    assert_int_equal(liax_session_render(s, &image), LIAX_E_STATE);
    free(p);
    liax_session_close(&s);
}

static void host_loop(void *ctx, int32_t n, void (*fn)(void *arg, int32_t i), void *arg)
{
    ++*(int *)ctx;
    for (int32_t i = n - 1; i >= 0; i--) fn(arg, i); /* backwards and on one thread: any order must do */
}

static void any_number_of_threads(void **state)
{
    (void)state;
    static float want[3 * S * S], got[3 * S * S];
    LiaxModelOptions o = {.struct_size = sizeof o, .threads = 1};
    render_with(&o, want);
    for (o.threads = 2; o.threads <= 9; o.threads += 3) {
        render_with(&o, got);
        assert_memory_equal(got, want, sizeof want);
    }
    int loops = 0;
    o = (LiaxModelOptions){.struct_size = sizeof o, .threads = 3, .parallel_for = host_loop, .parallel_ctx = &loops};
    render_with(&o, got);
    assert_true(loops > 10);
    assert_memory_equal(got, want, sizeof want);
    const uint64_t mask = 1;
    o = (LiaxModelOptions){.struct_size = sizeof o, .threads = 2, .cpu_mask = &mask, .cpu_mask_words = 1};
    render_with(&o, got);
    assert_memory_equal(got, want, sizeof want);
}

typedef struct Counting {
    pthread_mutex_t lock;
    long blocks, bytes, limit; /* limit: the allocation that fails; 0: none */
} Counting;

static void *count_alloc(void *ctx, size_t size, size_t align)
{
    Counting *c = ctx;
    pthread_mutex_lock(&c->lock);
    const int refuse = c->limit && --c->limit == 0;
    if (!refuse) {
        c->blocks++;
        c->bytes += (long)size;
    }
    pthread_mutex_unlock(&c->lock);
    return refuse ? NULL : aligned_alloc(align, (size + align - 1) / align * align);
}

static void count_free(void *ctx, void *p, size_t size)
{
    Counting *c = ctx;
    pthread_mutex_lock(&c->lock);
    c->blocks--;
    c->bytes -= (long)size;
    pthread_mutex_unlock(&c->lock);
    free(p);
}

static void allocator_sees_every_block(void **state)
{
    (void)state;
    static float out[3 * S * S];
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .allocator = {count_alloc, count_free, &c}};
    render_with(&o, out);
    assert_int_equal(c.blocks, 0);
    assert_int_equal(c.bytes, 0);
}

/* Refuse the first block, then the second, and so on: an error each time, and nothing left behind. */
static void out_of_memory_anywhere(void **state)
{
    (void)state;
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .threads = 1, .allocator = {count_alloc, count_free, &c}};
    LiaxStatus st = LIAX_E_MEMORY;
    int n = 0;
    for (; st == LIAX_E_MEMORY && n < 5000; n++) {
        LiaxModel *m = NULL;
        LiaxSession *s = NULL;
        Picture *p = driver(3);
        uint8_t bytes[27];
        LiaxImage image = rgb(bytes, 3, 3);
        c.limit = n + 1;
        st = liax_model_open(&m, model_path, &o);
        if (!st) st = liax_session_open(&s, m, NULL);
        if (!st) st = liax_session_set_source(s, &p->image);
        if (!st) st = liax_session_render(s, &image);
        free(p);
        liax_session_close(&s);
        liax_model_close(&m);
        assert_int_equal(c.blocks, 0);
    }
    assert_int_equal(st, LIAX_OK);
    assert_true(n > 100);
}

static void nothing_is_allocated_per_frame(void **state)
{
    (void)state;
    Counting c = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const LiaxModelOptions o = {.struct_size = sizeof o, .allocator = {count_alloc, count_free, &c}};
    LiaxModel *m;
    LiaxSession *s;
    Picture *p = driver(3);
    static uint8_t bytes[W * H * 3];
    LiaxImage image = rgb(bytes, W, H);
    assert_int_equal(liax_model_open(&m, model_path, &o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK); /* the first frame of a size makes room for it */
    c.limit = 1; /* from here on every allocation fails */
    for (int i = 0; i < 3; i++) assert_int_equal(liax_animate_frame(s, &p->image, &image), LIAX_OK);
    assert_int_equal(c.limit, 1);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}

typedef struct Worker {
    pthread_t thread;
    int which;
    float out[3 * S * S];
    LiaxStatus status;
} Worker;

static void *draw_in_thread(void *arg)
{
    Worker *w = arg;
    LiaxSession *s = NULL;
    Picture *source = driver(w->which), *drive = driver(w->which + 20);
    LiaxImage out = raw(w->out);
    w->status = liax_session_open(&s, model, NULL);
    if (!w->status) w->status = liax_session_set_source(s, &source->image);
    for (int i = 0; i < 3 && !w->status; i++) w->status = liax_animate_frame(s, i ? &drive->image : &source->image, &out);
    liax_session_close(&s);
    free(source);
    free(drive);
    return NULL;
}

static void eight_sessions_in_eight_threads(void **state)
{
    (void)state;
    enum { N = 8 };
    static Worker serial[N], parallel[N];
    for (int i = 0; i < N; i++) {
        serial[i].which = parallel[i].which = i;
        draw_in_thread(&serial[i]);
        assert_int_equal(serial[i].status, LIAX_OK);
    }
    for (int i = 0; i < N; i++) assert_int_equal(pthread_create(&parallel[i].thread, NULL, draw_in_thread, &parallel[i]), 0);
    for (int i = 0; i < N; i++) {
        pthread_join(parallel[i].thread, NULL);
        assert_int_equal(parallel[i].status, LIAX_OK);
        assert_memory_equal(parallel[i].out, serial[i].out, sizeof serial[i].out);
    }
}

static void callers_rounding_is_neither_used_nor_changed(void **state)
{
    (void)state;
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    static float a[3 * S * S], b[3 * S * S];
    LiaxImage out = raw(a);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    fesetround(FE_UPWARD);
    out = raw(b);
    const LiaxStatus st = liax_session_render(s, &out);
    const int mode = fegetround();
    fesetround(FE_TONEAREST);
    assert_int_equal(st, LIAX_OK);
    assert_int_equal(mode, FE_UPWARD);
    assert_memory_equal(a, b, sizeof a);
    liax_session_close(&s);
}

static void from_memory_as_from_a_file(void **state)
{
    (void)state;
    static float a[3 * S * S], b[3 * S * S];
    render_with(NULL, a);
    FILE *f = fopen(model_path, "rb");
    fseek(f, 0, SEEK_END);
    const size_t n = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = malloc(n);
    assert_int_equal(fread(data, 1, n, f), n);
    fclose(f);
    LiaxModel *m;
    LiaxSession *s;
    assert_int_equal(liax_model_open_memory(&m, data, n, NULL), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    Picture *p = driver(9);
    LiaxImage out = raw(b);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_render(s, &out), LIAX_OK);
    assert_memory_equal(a, b, sizeof a);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cancelling),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(allocator_sees_every_block),
        cmocka_unit_test(out_of_memory_anywhere),
        cmocka_unit_test(nothing_is_allocated_per_frame),
        cmocka_unit_test(eight_sessions_in_eight_threads),
        cmocka_unit_test(callers_rounding_is_neither_used_nor_changed),
        cmocka_unit_test(from_memory_as_from_a_file),
    };
    return cmocka_run_group_tests(tests, open_group, close_group);
}
