/* The CUDA backend: the devices that a driver knows, and libliax-cuda.so's one symbol. The driver is found by the runtime, which
   is part of this library, when the first call asks for devices; without one there are none. */
#include "backend_cuda.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peak_cuda.h"

static const LxBackend backend;

/* ---- what there is */

/* How many devices, or why none: a sentence. */
static LiaxStatus count_devices(int *n, LxLog *log)
{
    *n = 0;
    const cudaError_t e = cudaGetDeviceCount(n);
    if (!e && *n > 0) return LIAX_OK;
    cudaGetLastError();
    *n = 0;
    int driver = 0;
    cudaDriverGetVersion(&driver);
    if (e == cudaErrorInsufficientDriver && !driver) return lx_fail(log, LIAX_E_UNSUPPORTED, "cuda: this machine has no NVIDIA driver (libcuda.so.1)");
    if (e == cudaErrorInsufficientDriver)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "cuda: the NVIDIA driver is too old: it knows CUDA %d.%d, and this build needs one that knows %d.%d", driver / 1000,
                       driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (!e || e == cudaErrorNoDevice) return lx_fail(log, LIAX_E_UNSUPPORTED, "cuda: the NVIDIA driver finds no device");
    return lx_fail(log, LIAX_E_DEVICE, "cuda: %s", cudaGetErrorString(e));
}

static int32_t count(void)
{
    LxLog quiet = {0};
    int n;
    count_devices(&n, &quiet);
    return n;
}

/* 90 and "sm_90" */
static int architecture(int number, char *to, size_t size)
{
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, number);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, number);
    snprintf(to, size, "sm_%d%d", major, minor);
    return 10 * major + minor;
}

static void describe(int32_t index, LiaxDeviceInfo *info)
{
    struct cudaDeviceProp p;
    int processors = 0;
    snprintf(info->id, sizeof info->id, "cuda:%d", (int)index);
    architecture(index, info->level, sizeof info->level);
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, index);
    info->threads = processors;
    if (cudaGetDeviceProperties(&p, index)) return;
    snprintf(info->name, sizeof info->name, "%.127s", p.name);
    info->memory_bytes = (int64_t)p.totalGlobalMem;
}

LiaxStatus lx_cuda_status(const LxDevice *d, cudaError_t e, LxLog *log)
{
    if (!e) return LIAX_OK;
    if (e == cudaErrorMemoryAllocation) return lx_fail(log, LIAX_E_MEMORY, "%s: out of memory", d->id);
    return lx_fail(log, LIAX_E_DEVICE, "%s failed: %s", d->id, cudaGetErrorString(e));
}

/* ---- opening */

/* "cuda", "cuda:1", "auto" */
static LiaxStatus read_number(const char *device, int n, int *number, LxLog *log)
{
    *number = 0;
    const char *colon = device ? strchr(device, ':') : NULL;
    if (!colon) return LIAX_OK;
    char *end;
    const long i = strtol(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end) return lx_fail(log, LIAX_E_ARG, "device \"%.64s\": give \"cuda\", or \"cuda:\" and a number", device);
    if (i >= n) return lx_fail(log, LIAX_E_UNSUPPORTED, "device \"%.64s\": this machine's last is cuda:%d", device, n - 1);
    *number = (int)i;
    return LIAX_OK;
}

static LiaxStatus check_options(const LiaxModelOptions *o, LxLog *log)
{
    if (o->precision != LIAX_PRECISION_AUTO && o->precision != LIAX_PRECISION_F32 && o->precision != LIAX_PRECISION_F16)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "precision: the CUDA backend computes in f16 or f32");
    if (o->conv == LIAX_CONV_WINOGRAD)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "conv: the CUDA backend has no Winograd convolutions; leave it at auto, or choose direct or ref");
    if (o->conv < LIAX_CONV_AUTO || o->conv > LIAX_CONV_WINOGRAD) return lx_fail(log, LIAX_E_ARG, "conv: %d is no algorithm", (int)o->conv);
    return LIAX_OK;
}

static void *driver_call(const char *name)
{
    void *call = NULL;
#if CUDART_VERSION >= 12050
    enum cudaDriverEntryPointQueryResult found;
    const cudaError_t e = cudaGetDriverEntryPointByVersion(name, &call, 11000, cudaEnableDefault, &found);
#elif CUDART_VERSION >= 12000
    enum cudaDriverEntryPointQueryResult found;
    const cudaError_t e = cudaGetDriverEntryPoint(name, &call, cudaEnableDefault, &found);
#else
    const cudaError_t e = cudaGetDriverEntryPoint(name, &call, cudaEnableDefault);
#endif
    return e ? NULL : call;
}

static LiaxStatus find_driver_calls(LxCuda *c, LxLog *log)
{
    void *const get = driver_call("cuCtxGetCurrent"), *const set = driver_call("cuCtxSetCurrent");
    if (!get || !set) return lx_fail(log, LIAX_E_DEVICE, "%s: the driver lacks cuCtxGetCurrent or cuCtxSetCurrent", c->device.id);
    memcpy(&c->get_context, &get, sizeof get); /* ISO C knows no cast from data to functions */
    memcpy(&c->set_context, &set, sizeof set);
    return LIAX_OK;
}

/* The device's context, current when this returns LIAX_OK. */
static LiaxStatus open_context(LxCuda *c, LxLog *log)
{
    cudaError_t e = cudaSetDevice(c->number);
    if (!e) e = cudaFree(NULL); /* opens the context where cudaSetDevice does not */
    if (!e && c->get_context(&c->context)) e = cudaErrorInvalidDevice;
    if (!e) e = lx_cuda_probe();
    if (!e) return LIAX_OK;
    cudaGetLastError();
    if (e == cudaErrorNoKernelImageForDevice || e == cudaErrorInvalidDeviceFunction)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: this build has no kernels for its architecture, %s", c->device.id, c->device.level);
    return lx_cuda_status(&c->device, e, log);
}

static void close_cuda(LxDevice *d)
{
    LxCuda *c = (LxCuda *)d;
    void *const before = backend.enter(d);
    lx_cuda_stream_close(d, d->stream);
    backend.leave(d, before);
    const LiaxAllocator a = d->alloc;
    lx_free(&a, c, sizeof *c);
}

static LiaxStatus open_cuda(LxDevice **out, const LiaxModelOptions *o, LxPool *pool, const LiaxAllocator *a, LxLog *log)
{
    *out = NULL;
    int n, number;
    LiaxStatus st = check_options(o, log);
    if (!st) st = count_devices(&n, log);
    if (!st) st = read_number(o->device, n, &number, log);
    if (st) return st;
    LxCuda *c = lx_alloc_zero(a, sizeof *c);
    if (!c) return lx_fail(log, LIAX_E_MEMORY, "out of memory for a device");
    LxDevice *d = &c->device;
    const int f32 = o->precision == LIAX_PRECISION_F32;
    *d = (LxDevice){.backend = &backend, .alloc = *a, .pool = pool, .precision = f32 ? LIAX_PRECISION_F32 : LIAX_PRECISION_F16, .conv = o->conv,
                    .storage = f32 ? LX_F32 : LX_F16, .slots = 1};
    c->number = number;
    snprintf(d->id, sizeof d->id, "cuda:%d", number);
    c->capability = architecture(number, d->level, sizeof d->level);
    lx_kernels_cuda_plain(&d->kernels, d->storage);
    st = find_driver_calls(c, log);
    if (!st) {
        void *before = NULL;
        c->get_context(&before);
        st = open_context(c, log);
        if (!st) st = lx_cuda_stream_open(d, &d->stream, log);
        c->set_context(before);
    }
    if (st) lx_free(a, c, sizeof *c);
    else *out = d;
    return st;
}

/* ---- the calling thread's device */

static void *enter(LxDevice *d)
{
    const LxCuda *c = (const LxCuda *)d;
    void *before = NULL;
    c->get_context(&before);
    c->set_context(c->context);
    cudaGetLastError(); /* what is found from here on is of this call */
    return before;
}

static void leave(LxDevice *d, void *before)
{
    ((const LxCuda *)d)->set_context(before);
}

/* ---- memory */

static void *alloc_device(LxDevice *d, size_t size)
{
    (void)d;
    void *p = NULL;
    if (!cudaMalloc(&p, size ? size : 1)) return p;
    cudaGetLastError(); /* the caller says it */
    return NULL;
}

static void free_device(LxDevice *d, void *p, size_t size)
{
    (void)d;
    (void)size;
    cudaFree(p);
}

static LiaxStatus check_image(LxDevice *d, const LiaxImage *image, const char *what, LxLog *log)
{
    const LxCuda *c = (const LxCuda *)d;
    if (image->device != c->number) return lx_fail(log, LIAX_E_ARG, "%s: is on cuda:%d, but the model is on %s", what, (int)image->device, d->id);
    for (int p = 0; p < 4 && image->planes[p]; p++) {
        struct cudaPointerAttributes a;
        if (cudaPointerGetAttributes(&a, image->planes[p]) || (a.type != cudaMemoryTypeDevice && a.type != cudaMemoryTypeManaged)) {
            cudaGetLastError();
            return lx_fail(log, LIAX_E_ARG, "%s: plane %d is not in CUDA memory", what, p);
        }
        if (a.type == cudaMemoryTypeDevice && a.device != c->number)
            return lx_fail(log, LIAX_E_ARG, "%s: plane %d is on cuda:%d, but the model is on %s", what, p, a.device, d->id);
    }
    return LIAX_OK;
}

static const LxConvOps *plan(const LxDevice *d, const LxConvDesc *desc)
{
    return lx_cuda_conv(desc, d->storage, ((const LxCuda *)d)->capability, d->conv);
}

static double peak(LxDevice *d)
{
    return lx_cuda_peak(d->stream->handle);
}

static const LxBackend backend = {
    .abi = LX_BACKEND_ABI, .struct_size = sizeof(LxBackend), .name = "cuda", .memory = LIAX_MEMORY_CUDA,
    .count = count, .describe = describe, .open = open_cuda, .close = close_cuda, .enter = enter, .leave = leave,
    .alloc = alloc_device, .free = free_device, .stream_open = lx_cuda_stream_open, .stream_close = lx_cuda_stream_close,
    .send = lx_cuda_send, .receive = lx_cuda_receive, .copy = lx_cuda_copy, .wait = lx_cuda_wait,
    .check_image = check_image, .follow = lx_cuda_follow, .lead = lx_cuda_lead,
    .record = lx_cuda_record, .recorded = lx_cuda_recorded, .replay = lx_cuda_replay, .forget = lx_cuda_forget,
    .plan = plan, .peak = peak};

LIAX_API const LxBackend *liax_backend_v1(void);
const LxBackend *liax_backend_v1(void)
{
    return &backend;
}
