/* Calls of kernels, with cancelling, progress and profiles (run.h). */
#define _POSIX_C_SOURCE 200809L
#include "run.h"

#include <time.h>

#include "costs.h"

void lx_run_begin(LxRun *r, int expected)
{
    r->status = LIAX_OK;
    r->calls = 0;
    r->expected = expected;
    r->recording = NULL;
}

static LiaxStatus show(LxRun *r, const char *name, const LxTensor *t)
{
    const LiaxAllocator *a = &r->device->alloc;
    const size_t n = lx_tensor_floats(t), bytes = lx_tensor_bytes(t);
    LxTensor host = *t;
    host.type = LX_F32;
    host.data = lx_alloc(a, n * sizeof(float));
    void *stored = lx_alloc(a, bytes);
    LiaxStatus st = host.data && stored ? LIAX_OK : lx_fail(r->log, LIAX_E_MEMORY, "out of memory for %s", name);
    if (!st) st = r->device->backend->receive(r->device, r->stream, stored, t->data, bytes, 0, 1, r->log);
    if (!st) {
        lx_to_f32(host.data, stored, t->type, n);
        r->tap(r->tap_ctx, name, &host);
    }
    lx_free(a, stored, bytes);
    lx_free(a, host.data, n * sizeof(float));
    return st;
}

void lx_run_tap(LxRun *r, const char *name, LxTensor t)
{
    if (r->tap && r->arena.base && !r->status) r->status = show(r, name, &t);
}

void lx_run_copy(LxRun *r, LxTensor to, LxTensor from)
{
    if (r->arena.base && !r->status) r->device->backend->copy(r->device, r->stream, to.data, from.data, lx_tensor_bytes(&from));
}

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* Count the call; 1 if its kernel is to run. */
static int enter(LxRun *r)
{
    r->calls++;
    if (!r->arena.base || r->status) return 0;
    if (r->cancel && atomic_exchange(r->cancel, 0)) r->status = LIAX_E_CANCELLED;
    else if (r->progress && r->expected && r->progress(r->progress_ctx, (double)(r->calls - 1) / r->expected)) r->status = LIAX_E_CANCELLED;
    return r->status == LIAX_OK;
}

int lx_run_begin_recorded(LxRun *r, int expected, LxRecording *recording)
{
    const LxBackend *b = r->device->backend;
    lx_run_begin(r, expected);
    if (!b->record || r->profile || r->tap) return 1;
    r->recording = recording;
    if (recording->state == LX_PASS_RECORDED) {
        if (enter(r)) r->status = b->replay(r->device, r->stream, recording->made, r->log);
        return 0;
    }
    if (recording->state == LX_PASS_RUN_ONCE) {
        r->status = b->record(r->device, r->stream, r->log);
        if (!r->status) recording->state = LX_PASS_BEING_RECORDED;
    }
    return 1;
}

/* Nothing of the pass was done yet: now it is, if all of it was recorded. */
static LiaxStatus end_recording(LxRun *r)
{
    const LxBackend *b = r->device->backend;
    LxRecording *const p = r->recording;
    LiaxStatus st = b->recorded(r->device, r->stream, &p->made, r->log);
    if (r->status) st = r->status;
    if (!st) st = b->replay(r->device, r->stream, p->made, r->log);
    if (st) {
        b->forget(r->device, p->made);
        p->made = NULL;
    }
    p->state = st ? LX_PASS_RUN_ONCE : LX_PASS_RECORDED;
    return st;
}

LiaxStatus lx_run_end(LxRun *r)
{
    if (r->recording && r->recording->state == LX_PASS_BEING_RECORDED) r->status = end_recording(r);
    else if (r->recording && r->recording->state == LX_PASS_NEW && !r->status) r->recording->state = LX_PASS_RUN_ONCE;
    return r->status;
}

/* The time at which all work so far is done. */
static double profile_ms(LxRun *r)
{
    const LiaxStatus st = r->device->backend->wait(r->device, r->stream, r->log);
    if (!r->status) r->status = st;
    return now_ms();
}

static void report(LxRun *r, double began, const char *layer, const char *kernel, const char *algorithm, LiaxLayerInfo info)
{
    info.struct_size = sizeof info;
    info.layer = layer, info.kernel = kernel, info.algorithm = algorithm;
    info.ms = profile_ms(r) - began;
    r->profile(r->profile_ctx, &info);
}

void lx_run_conv(LxRun *r, const char *layer, const LxConvArgs *a)
{
    const LxConvOps *ops = a->weights->ops;
    const size_t mark = lx_arena_mark(&r->arena);
    const size_t bytes = ops->scratch_bytes ? ops->scratch_bytes(&a->weights->desc, r->device->slots) : 0;
    const LxExec x = {r->device->pool, bytes ? lx_arena_take(&r->arena, bytes) : NULL, r->stream->handle};
    if (enter(r)) {
        const double began = r->profile ? profile_ms(r) : 0;
        ops->run(&x, a);
        if (r->profile) report(r, began, layer, lx_conv_kind_name(a->weights->desc.kind), ops->name, lx_cost_conv(a));
    }
    lx_arena_release(&r->arena, mark);
}

#define LX_KERNEL(name, Args)                                                                                    \
    void lx_run_##name(LxRun *r, const char *layer, const Args *a)                                               \
    {                                                                                                            \
        if (!enter(r)) return;                                                                                   \
        const LxExec x = {r->device->pool, NULL, r->stream->handle};                                             \
        const double began = r->profile ? profile_ms(r) : 0;                                                     \
        r->device->kernels.name.run(&x, a);                                                                      \
        if (r->profile) report(r, began, layer, #name, r->device->kernels.name.level, lx_cost_##name(a));        \
    }
#include "kernels.def"
