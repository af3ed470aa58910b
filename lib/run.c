/* Calls of kernels, with cancelling, progress and profiles (run.h). */
#define _POSIX_C_SOURCE 200809L
#include "run.h"

#include <time.h>

void lx_run_begin(LxRun *r, int expected)
{
    r->status = LIAX_OK;
    r->calls = 0;
    r->expected = expected;
}

LiaxStatus lx_run_end(LxRun *r)
{
    return r->status;
}

void lx_run_tap(LxRun *r, const char *name, LxTensor t)
{
    if (r->tap && r->arena.base && !r->status) r->tap(r->tap_ctx, name, &t);
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

static void report(LxRun *r, double began, LiaxLayerInfo info)
{
    info.struct_size = sizeof info;
    info.ms = now_ms() - began;
    r->profile(r->profile_ctx, &info);
}

/* Multiplications and additions of the direct form: of a transposed or upsampling convolution, those of its definition
   without the zeros that were stuffed in. */
static double conv_flops(const LxConvArgs *a)
{
    const LxConvDesc *d = &a->weights->desc;
    const double outputs = d->kind == LX_CONV_UP2D ? (double)d->h * d->w : (double)a->y.h * a->y.w;
    return 2.0 * a->y.n * outputs * d->co * d->ci * d->k * d->k;
}

static LiaxLayerInfo conv_info(const char *layer, const LxConvArgs *a)
{
    const LxConvDesc *d = &a->weights->desc;
    return (LiaxLayerInfo){.layer = layer, .kernel = lx_conv_kind_name(d->kind), .algorithm = a->weights->ops->name, .in_channels = d->ci,
        .out_channels = d->co, .height = a->y.h, .width = a->y.w, .flops = conv_flops(a),
        .bytes = 4.0 * (double)(lx_tensor_floats(&a->x) + lx_tensor_floats(&a->y) + lx_tensor_floats(&a->residual)) + (double)a->weights->bytes};
}

void lx_run_conv(LxRun *r, const char *layer, const LxConvArgs *a)
{
    const LxConvOps *ops = a->weights->ops;
    const size_t mark = lx_arena_mark(&r->arena);
    const size_t bytes = ops->scratch_bytes ? ops->scratch_bytes(&a->weights->desc, lx_pool_slots(r->device->pool)) : 0;
    const LxExec x = {.pool = r->device->pool, .scratch = bytes ? lx_arena_take(&r->arena, bytes) : NULL};
    if (enter(r)) {
        const double began = r->profile ? now_ms() : 0;
        ops->run(&x, a);
        if (r->profile) report(r, began, conv_info(layer, a));
    }
    lx_arena_release(&r->arena, mark);
}

#define LX_KERNEL(name, Args)                                                                                    \
    void lx_run_##name(LxRun *r, const char *layer, const Args *a)                                               \
    {                                                                                                            \
        if (!enter(r)) return;                                                                                   \
        const LxExec x = {.pool = r->device->pool};                                                              \
        const double began = r->profile ? now_ms() : 0;                                                          \
        r->device->kernels.name.run(&x, a);                                                                      \
        if (r->profile) report(r, began, (LiaxLayerInfo){.layer = layer, .kernel = #name, .algorithm = r->device->kernels.name.level}); \
    }
#include "kernels.def"
