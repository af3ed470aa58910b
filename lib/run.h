/* One pass through a network: the device, the scratch memory and the watchers, and the one place where kernels are called. */
#ifndef LX_RUN_H
#define LX_RUN_H

#include <stdatomic.h>

#include "backend.h"
#include "core/arena.h"
#include "core/log.h"

/* A pass that is the same every time: once it has been run, the device records it and then replays the recording. Zeroed
   memory is a pass that was not run yet. */
typedef struct LxRecording {
    enum { LX_PASS_NEW = 0, LX_PASS_RUN_ONCE, LX_PASS_BEING_RECORDED, LX_PASS_RECORDED } state;
    void *made; /* the backend's */
} LxRecording;

/* A pass with arena.base NULL measures: no kernel is called, `calls` and the arena's peak tell what a real pass needs. */
typedef struct LxRun {
    LxDevice *device;
    LxStream *stream;
    LxLog *log;        /* for sentences about the device */
    LxArena arena;
    LxRecording *recording; /* of the pass that runs; NULL: it has none */
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

/** Begin a pass that has a recording. 0: it was replayed, and only lx_run_end is left to call; 1: call its kernels. */
int lx_run_begin_recorded(LxRun *r, int expected, LxRecording *recording);

/** LIAX_OK, or why the pass was stopped. The device may still be at work on it. */
LiaxStatus lx_run_end(LxRun *r);

/** Show an intermediate to the test that wants it, in host memory and as f32. `name` is "level64.flow". */
void lx_run_tap(LxRun *r, const char *name, LxTensor t);

/** Copy a tensor of the same shape and type; not counted as a call. */
void lx_run_copy(LxRun *r, LxTensor to, LxTensor from);

/* One call of each kernel; `layer` is its name in profiles. */
void lx_run_conv(LxRun *r, const char *layer, const LxConvArgs *a);
#define LX_KERNEL(name, Args) void lx_run_##name(LxRun *r, const char *layer, const Args *a);
#include "kernels.def"

#endif
