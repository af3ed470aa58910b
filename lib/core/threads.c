/*
 * The thread pool (threads.h): workers share a list of running loops; a loop hands out its items by an atomic counter.
 *
 * A frame is hundreds of loops one after the other, and to wake a thread that sleeps takes longer than the smaller ones. So who
 * waits, for a loop to begin or for the others to end theirs, looks for it for a short while before it sleeps, as long
 * as no thread of the pool can want its CPU.
 */
#define _GNU_SOURCE /* sched_getaffinity, cpu_set_t */
#include "threads.h"

#include <fenv.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "compiler.h"

#define SPIN_NS 50000 /* the longest that a thread looks for what it waits for */
#define SPIN_STEPS 16 /* looks between two looks at the clock */

/* One loop in progress; lives on the stack of the thread that runs it. */
typedef struct Loop {
    void (*fn)(void *arg, int item, int slot);
    void *arg;
    int n;
    atomic_int next; /* first item that nobody has taken */
    atomic_int workers; /* inside the loop now; counted up under the pool's lock, while it is in the list */
    int slots_taken; /* under the pool's lock, as are the following */
    struct Loop *previous, *following;
} Loop;

struct LxPool {
    LiaxAllocator alloc;
    int slots;
    void (*host_for)(void *ctx, int32_t n, void (*fn)(void *arg, int32_t i), void *arg);
    void *host_ctx;
    pthread_mutex_t lock;
    pthread_cond_t work; /* a loop was added, or the pool closes */
    pthread_cond_t done; /* the last worker left a loop */
    atomic_int begun;    /* loops so far, modulo what an int holds */
    atomic_int callers;  /* threads that run a loop */
    int cpus_allowed;
    Loop *loops;
    int closing;
    int started;
    cpu_set_t cpus;
    int has_cpus;
    pthread_t threads[];
};

static size_t pool_bytes(int slots)
{
    return sizeof(LxPool) + (size_t)slots * sizeof(pthread_t);
}

/* "max 100000" or "150000 100000" (cgroup v2), or two files (v1): quota / period in whole CPUs, 0 if there is none. */
static int cgroup_quota(void)
{
    double quota = -1, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "re");
    if (f) {
        if (fscanf(f, "%lf %lf", &quota, &period) != 2) quota = -1;
        fclose(f);
    } else {
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "re");
        if (f) {
            if (fscanf(f, "%lf", &quota) != 1) quota = -1;
            fclose(f);
        }
        f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "re");
        if (f) {
            if (fscanf(f, "%lf", &period) != 1) period = 0;
            fclose(f);
        }
    }
    if (quota <= 0 || period <= 0) return 0;
    return quota < period ? 1 : (int)(quota / period + 0.5);
}

int lx_allowed_cpus(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : (int)sysconf(_SC_NPROCESSORS_ONLN);
    const int quota = cgroup_quota();
    if (quota && quota < n) n = quota;
    return n < 1 ? 1 : n;
}

static void loop_items(Loop *l, int slot)
{
    for (;;) {
        const int item = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
        if (item >= l->n) return;
        l->fn(l->arg, item, slot);
    }
}

/* A loop that still has items and a free slot, or NULL; the lock is held. */
static Loop *find_loop(LxPool *p)
{
    for (Loop *l = p->loops; l; l = l->following)
        if (l->slots_taken < p->slots && atomic_load_explicit(&l->next, memory_order_relaxed) < l->n) return l;
    return NULL;
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Wait until *word is no longer `value`, but not for long, and not where other threads of the pool can want this CPU. Is it? */
static int spin_while(const LxPool *p, atomic_int *word, int value)
{
    const int64_t start = now_ns();
    while (atomic_load_explicit(&p->callers, memory_order_relaxed) + p->started <= p->cpus_allowed && now_ns() - start < SPIN_NS)
        for (int i = 0; i < SPIN_STEPS; i++) {
            if (atomic_load_explicit(word, memory_order_acquire) != value) return 1;
            lx_pause();
        }
    return 0;
}

/* A worker's part in a loop; the lock is held. Without it, since the loop is gone once nobody is inside. */
static void work_on(LxPool *p, Loop *l)
{
    const int slot = l->slots_taken++;
    atomic_fetch_add_explicit(&l->workers, 1, memory_order_relaxed);
    pthread_mutex_unlock(&p->lock);
    loop_items(l, slot);
    const int last = atomic_fetch_sub_explicit(&l->workers, 1, memory_order_release) == 1; /* from here on the loop may be gone */
    pthread_mutex_lock(&p->lock);
    if (last) pthread_cond_broadcast(&p->done);
}

static void *worker(void *arg)
{
    LxPool *p = arg;
    fesetenv(FE_DFL_ENV); /* a thread begins with its creator's: round to nearest, keep denormals, whatever that was */
    pthread_mutex_lock(&p->lock);
    for (int looked = 1; !p->closing;) {
        Loop *l = find_loop(p);
        if (l) {
            work_on(p, l);
            looked = 0;
        } else if (!looked) {
            const int begun = atomic_load_explicit(&p->begun, memory_order_relaxed);
            pthread_mutex_unlock(&p->lock);
            spin_while(p, &p->begun, begun);
            pthread_mutex_lock(&p->lock);
            looked = 1;
        } else {
            pthread_cond_wait(&p->work, &p->lock);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static LiaxStatus read_cpu_mask(LxPool *p, const LiaxModelOptions *o, LxLog *log)
{
    if (!o->cpu_mask) return LIAX_OK;
    CPU_ZERO(&p->cpus);
    for (size_t i = 0; i < o->cpu_mask_words * 64 && i < CPU_SETSIZE; i++)
        if (o->cpu_mask[i / 64] >> (i % 64) & 1) CPU_SET(i, &p->cpus);
    if (CPU_COUNT(&p->cpus) == 0) return lx_fail(log, LIAX_E_ARG, "cpu_mask: names no CPU");
    p->has_cpus = 1;
    return LIAX_OK;
}

LiaxStatus lx_pool_open(LxPool **out, const LiaxModelOptions *options, const LiaxAllocator *a, LxLog *log)
{
    *out = NULL;
    if (options->threads < 0 || options->threads > 1024)
        return lx_fail(log, LIAX_E_ARG, "threads: %d, expected 0 to 1024", (int)options->threads);
    const int slots = options->threads ? options->threads : lx_allowed_cpus();
    LxPool *p = lx_alloc_zero(a, pool_bytes(slots));
    if (!p) return lx_fail(log, LIAX_E_MEMORY, "out of memory for a pool of %d threads", slots);
    p->alloc = *a;
    p->slots = slots;
    p->host_for = options->parallel_for;
    p->host_ctx = options->parallel_ctx;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->done, NULL);
    LiaxStatus st = read_cpu_mask(p, options, log);
    atomic_init(&p->begun, 0);
    atomic_init(&p->callers, 0);
    p->cpus_allowed = lx_allowed_cpus();
    if (p->has_cpus && CPU_COUNT(&p->cpus) < p->cpus_allowed) p->cpus_allowed = CPU_COUNT(&p->cpus);
    while (!st && !p->host_for && p->started < slots - 1) {
        if (pthread_create(&p->threads[p->started], NULL, worker, p)) {
            st = lx_fail(log, LIAX_E_UNSUPPORTED, "thread %d of %d could not be started", p->started + 2, slots);
            break;
        }
        if (p->has_cpus) pthread_setaffinity_np(p->threads[p->started], sizeof p->cpus, &p->cpus);
        p->started++;
    }
    if (st) lx_pool_close(&p);
    *out = p;
    return st;
}

void lx_pool_close(LxPool **pool)
{
    LxPool *p = *pool;
    *pool = NULL;
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    p->closing = 1;
    pthread_cond_broadcast(&p->work);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->started; i++) pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->done);
    pthread_cond_destroy(&p->work);
    pthread_mutex_destroy(&p->lock);
    const LiaxAllocator a = p->alloc;
    lx_free(&a, p, pool_bytes(p->slots));
}

int lx_pool_slots(const LxPool *pool)
{
    return pool->slots;
}

/* One of the host's calls is one slot; its threads get back their floating-point environment. */
static void host_slot(void *arg, int32_t slot)
{
    fenv_t host;
    fegetenv(&host);
    fesetenv(FE_DFL_ENV);
    loop_items(arg, slot);
    fesetenv(&host);
}

static void begin_loop(LxPool *p, Loop *l)
{
    pthread_mutex_lock(&p->lock);
    l->slots_taken = 1; /* slot 0 is this thread */
    l->following = p->loops;
    if (p->loops) p->loops->previous = l;
    p->loops = l;
    pthread_mutex_unlock(&p->lock);
    atomic_fetch_add_explicit(&p->begun, 1, memory_order_relaxed);
    pthread_cond_broadcast(&p->work);
}

/* No worker comes to the loop any more; wait for those inside. */
static void end_loop(LxPool *p, Loop *l)
{
    pthread_mutex_lock(&p->lock);
    if (l->previous) l->previous->following = l->following;
    else p->loops = l->following;
    if (l->following) l->following->previous = l->previous;
    pthread_mutex_unlock(&p->lock);
    int inside = atomic_load_explicit(&l->workers, memory_order_acquire);
    while (inside && spin_while(p, &l->workers, inside)) inside = atomic_load_explicit(&l->workers, memory_order_acquire);
    if (!inside) return;
    pthread_mutex_lock(&p->lock);
    while (atomic_load_explicit(&l->workers, memory_order_acquire)) pthread_cond_wait(&p->done, &p->lock);
    pthread_mutex_unlock(&p->lock);
}

static void run_on_workers(LxPool *p, Loop *l)
{
    atomic_fetch_add_explicit(&p->callers, 1, memory_order_relaxed);
    begin_loop(p, l);
    loop_items(l, 0);
    end_loop(p, l);
    atomic_fetch_sub_explicit(&p->callers, 1, memory_order_relaxed);
}

void lx_parallel(LxPool *pool, int n, void (*fn)(void *arg, int item, int slot), void *arg)
{
    Loop l = {.fn = fn, .arg = arg, .n = n};
    atomic_init(&l.next, 0);
    atomic_init(&l.workers, 0);
    const int slots = n < pool->slots ? n : pool->slots;
    if (slots <= 1) loop_items(&l, 0);
    else if (pool->host_for) pool->host_for(pool->host_ctx, slots, host_slot, &l);
    else run_on_workers(pool, &l);
}
