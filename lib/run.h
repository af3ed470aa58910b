/* One pass through a network: the device, the scratch memory and the watchers, and the one place where kernels are called. */
#ifndef LX_RUN_H
#define LX_RUN_H

#include <stdatomic.h>

#include "backend.h"
#include "core/arena.h"
#include "core/log.h"

/* A pass with arena.base NULL measures: no kernel is called, `calls` and the arena's peak tell what a real pass needs. */
typedef struct LxRun {
    LxDevice *device;
    LxArena arena;
    LiaxStatus status; /* first failure; the kernels that would follow are skipped */
    int calls;         /* of kernels, since lx_run_begin */
    int expected;      /* calls of the whole pass, for progress; 0: unknown */
    atomic_int *cancel;
    LiaxProgress progress;
    void *progress_ctx;
    void (*profile)(void *ctx, const LiaxLayerInfo *layer);
    void *profile_ctx;
    void (*tap)(void *ctx, const char *name, const LxTensor *t); /* for tests: sees the intermediates */
    void *tap_ctx;
} LxRun;

/** Begin a pass of `expected` kernel calls. */
void lx_run_begin(LxRun *r, int expected);

/** LIAX_OK, or why the pass was stopped. */
LiaxStatus lx_run_end(LxRun *r);

/** Show an intermediate to the test that wants it. `name` is "level64.flow". */
void lx_run_tap(LxRun *r, const char *name, LxTensor t);

/* One call of each kernel; `layer` is its name in profiles. */
void lx_run_conv(LxRun *r, const char *layer, const LxConvArgs *a);
#define LX_KERNEL(name, Args) void lx_run_##name(LxRun *r, const char *layer, const Args *a);
#include "kernels.def"

#endif
