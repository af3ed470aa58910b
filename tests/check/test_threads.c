/* The thread pool: every item once, everything done at the end, no slot twice at a time, and sleep when there is nothing to do. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "core/threads.h"

enum { SLOTS = 4, ITEMS = 37, LOOPS = 200, CALLERS = 3 };

static LxPool *open_pool(int threads)
{
    const LiaxAllocator a = lx_allocator(NULL);
    const LiaxModelOptions options = {.struct_size = sizeof options, .threads = threads};
    LxLog log = {0};
    LxPool *p;
    assert_int_equal(lx_pool_open(&p, &options, &a, &log), LIAX_OK);
    assert_int_equal(lx_pool_slots(p), threads);
    return p;
}

static void pause_us(long us)
{
    nanosleep(&(struct timespec){0, us * 1000}, NULL);
}

typedef struct Job {
    atomic_int inside[SLOTS]; /* calls with this slot now */
    atomic_int overlaps;
    int done[ITEMS]; /* plain: the end of the loop must make them seen */
    int slow;        /* the item that takes longer than anybody looks for its end; -1: none */
} Job;

static void work(void *arg, int item, int slot)
{
    Job *j = arg;
    if (atomic_fetch_add(&j->inside[slot], 1)) atomic_fetch_add(&j->overlaps, 1);
    if (item == j->slow) pause_us(300);
    j->done[item]++;
    atomic_fetch_sub(&j->inside[slot], 1);
}

/* Loops with pauses between them that threads look through, or sleep through; some have an end that is worth sleeping for.
   How many items were not done once, and slots were taken twice? */
static int run_loops(LxPool *p)
{
    int wrong = 0;
    for (int i = 0; i < LOOPS; i++) {
        Job j = {.slow = i % 5 == 0 ? i % ITEMS : -1};
        const int n = 1 + i % ITEMS;
        lx_parallel(p, n, work, &j);
        for (int k = 0; k < ITEMS; k++) wrong += j.done[k] != (k < n);
        wrong += j.overlaps;
        if (i % 7 == 0) pause_us(i % 3 ? 20 : 300);
    }
    return wrong;
}

typedef struct Caller {
    LxPool *pool;
    pthread_t thread;
    int wrong;
} Caller;

static void *call(void *arg)
{
    Caller *c = arg;
    c->wrong = run_loops(c->pool);
    return NULL;
}

typedef struct Meeting {
    atomic_int arrived;
    int expected;
    atomic_int slots[SLOTS]; /* 1: taken */
} Meeting;

static void meet(void *arg, int item, int slot)
{
    Meeting *m = arg;
    (void)item;
    atomic_fetch_add(&m->slots[slot], 1);
    atomic_fetch_add(&m->arrived, 1);
    for (int i = 0; i < 100000 && atomic_load(&m->arrived) < m->expected; i++) pause_us(50);
}

/* A loop whose items wait for each other, so that every thread must come, after all of them slept and while they look for work. */
static void all_threads_come(LxPool *p)
{
    for (int i = 0; i < 4; i++) {
        if (i < 2) pause_us(2000);
        Meeting m = {.expected = lx_pool_slots(p)};
        lx_parallel(p, m.expected, meet, &m);
        for (int k = 0; k < m.expected; k++) assert_int_equal(m.slots[k], 1);
    }
}

static void one_caller(void **state)
{
    (void)state;
    for (int threads = 1; threads <= SLOTS; threads++) {
        LxPool *p = open_pool(threads);
        all_threads_come(p);
        assert_int_equal(run_loops(p), 0);
        lx_pool_close(&p);
        assert_null(p);
    }
}

static void several_callers(void **state)
{
    (void)state;
    for (int threads = 2; threads <= SLOTS; threads += 2) {
        LxPool *p = open_pool(threads);
        Caller callers[CALLERS];
        for (int i = 0; i < CALLERS; i++) {
            callers[i].pool = p;
            assert_int_equal(pthread_create(&callers[i].thread, NULL, call, &callers[i]), 0);
        }
        for (int i = 0; i < CALLERS; i++) {
            pthread_join(callers[i].thread, NULL);
            assert_int_equal(callers[i].wrong, 0);
        }
        lx_pool_close(&p);
    }
}

static double process_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void idle_threads_sleep(void **state)
{
    (void)state;
    LxPool *p = open_pool(2);
    all_threads_come(p);
    const double before = process_seconds();
    pause_us(200000);
    const double spent = process_seconds() - before;
    if (!(spent < 0.02)) fail_msg("%.3f s of processor time in 0.2 s without a loop", spent);
    lx_pool_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_caller), cmocka_unit_test(several_callers), cmocka_unit_test(idle_threads_sleep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
