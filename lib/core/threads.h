/* Parallel loops: a model's own thread pool, or the host's. */
#ifndef LX_THREADS_H
#define LX_THREADS_H

#include <stdint.h>

#include "alloc.h"
#include "liax/liax.h"
#include "log.h"

typedef struct LxPool LxPool;

/** CPUs that this process is really allowed: affinity and cgroup quota; 1 at least. */
int lx_allowed_cpus(void);

/**
 * A pool of `threads` threads, the caller of a loop being one of them.
 * @param options  threads (0: lx_allowed_cpus), cpu_mask, parallel_for; its allocator is not read, `a` is kept
 * @return LIAX_OK; LIAX_E_MEMORY or LIAX_E_UNSUPPORTED with a sentence
 */
LiaxStatus lx_pool_open(LxPool **out, const LiaxModelOptions *options, const LiaxAllocator *a, LxLog *log);

/** Stops and joins the workers; sets *pool to NULL. */
void lx_pool_close(LxPool **pool);

/** Threads that may work on one loop: the number of slots. */
int lx_pool_slots(const LxPool *pool);

/**
 * Call fn(arg, item, slot) for every item 0 ... n-1, each once, in any order; return when all are done. Calls with one
 * slot number (0 ... lx_pool_slots-1) never overlap within a loop, so scratch memory may be kept per slot. Several threads
 * may run loops on one pool at once. Nothing is allocated. Other threads than the caller compute in the default
 * floating-point environment (round to nearest, denormals kept); the caller has seen to its own.
 */
void lx_parallel(LxPool *pool, int n, void (*fn)(void *arg, int item, int slot), void *arg);

#endif
