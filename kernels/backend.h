/* What a backend is: a list of devices, and of an open device its memory, its streams, its kernels and its way to pack weights. */
#ifndef LX_BACKEND_H
#define LX_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/log.h"
#include "core/threads.h"
#include "kernels.h"
#include "liax/liax.h"

/* Of everything that a backend in a library of its own shares with libliax: this file, the contracts of kernels/ and the
   structs of lib/core that they use. Count it up whenever one of them changes. */
enum { LX_BACKEND_ABI = 4 };

/* One stream of work on a device: what is asked on it is done in the order of asking, and may be done after the call. A
   backend's own struct begins with it. */
typedef struct LxStream {
    void *handle; /* what kernels get as LxExec.stream */
} LxStream;

/* An open device, immutable and shared by all sessions of a model. A backend's own struct begins with it. */
typedef struct LxDevice {
    const struct LxBackend *backend;
    LiaxAllocator alloc;     /* of host memory */
    LxPool *pool;            /* for host work, and for kernels where the device is the host; its layout is part of the ABI */
    LxKernels kernels;
    LiaxPrecision precision; /* as it was chosen: never AUTO */
    LiaxConv conv;
    LxDtype storage;         /* of activations */
    int slots;               /* parts of a kernel's scratch memory: how many threads of the pool may work on it at once */
    LxStream *stream;        /* for the weights, until they are all there */
    char id[32];             /* "cpu", "cuda:0" */
    char level[32];          /* "avx2", "sm_90" */
    size_t weight_bytes;     /* allocated by lx_device_pack_conv and lx_device_keep */
} LxDevice;

/* Functions of one device may run in several threads at once, but one stream belongs to one thread at a time. Between `enter`
   and `leave` on the same thread lie all others that take an open device. */
typedef struct LxBackend {
    uint32_t abi, struct_size;
    const char *name;
    LiaxMemory memory; /* where its devices' memory is. LIAX_MEMORY_HOST: pointers to it may be followed, work is done at once */

    /** Number of devices here, and facts about one of them. */
    int32_t (*count)(void);
    void (*describe)(int32_t index, LiaxDeviceInfo *info);

    /** Open the device that options->device names ("auto" is the best). The pool comes from the model. Sentence on failure. */
    LiaxStatus (*open)(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log);
    void (*close)(LxDevice *d); /* not between enter and leave */

    /** Make d the calling thread's device; `leave` with the result puts back what the caller had. */
    void *(*enter)(LxDevice *d);
    void (*leave)(LxDevice *d, void *before);

    /** Memory of the device, aligned to 64 bytes; NULL if there is none left. Freeing waits for work that may use it. */
    void *(*alloc)(LxDevice *d, size_t size);
    void (*free)(LxDevice *d, void *p, size_t size);

    /** LIAX_E_MEMORY or LIAX_E_DEVICE with a sentence. */
    LiaxStatus (*stream_open)(LxDevice *d, LxStream **out, LxLog *log);
    void (*stream_close)(LxDevice *d, LxStream *s); /* NULL is fine */

    /**
     * Copy `rows` rows of `row` bytes between the host, where they lie `stride` bytes apart, and the device, where they lie
     * without gaps. Host memory is free to be changed (sent) or to be read (received) when the call returns.
     * `receive` waits for all that was asked on the stream: LIAX_E_DEVICE with a sentence if that failed.
     */
    void (*send)(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows);
    LiaxStatus (*receive)(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows, LxLog *log);

    /** Within device memory. */
    void (*copy)(LxDevice *d, LxStream *s, void *to, const void *from, size_t size);

    /** Until all that was asked on the stream is done. LIAX_E_DEVICE with a sentence if something of it failed. */
    LiaxStatus (*wait)(LxDevice *d, LxStream *s, LxLog *log);

    /* Pictures in this backend's memory; NULL where that is the host's. check: are the planes on this device? LIAX_E_ARG with a
       sentence that begins with `what`. follow: what is asked on the stream from here on waits for what was asked on the
       caller's stream so far; `lead` the other way round, and says what could not even be asked (LIAX_E_DEVICE). */
    LiaxStatus (*check_image)(LxDevice *d, const LiaxImage *image, const char *what, LxLog *log);
    void (*follow)(LxDevice *d, LxStream *s, void *callers);
    LiaxStatus (*lead)(LxDevice *d, LxStream *s, void *callers, LxLog *log);

    /* Recordings of what is asked on a stream, to be asked again in one go; NULL where that gains nothing. From `record` to
       `recorded` everything is kept instead of done. *out is NULL after a failure, which has a sentence. */
    LiaxStatus (*record)(LxDevice *d, LxStream *s, LxLog *log);
    LiaxStatus (*recorded)(LxDevice *d, LxStream *s, void **out, LxLog *log);
    LiaxStatus (*replay)(LxDevice *d, LxStream *s, void *recording, LxLog *log);
    void (*forget)(LxDevice *d, void *recording); /* NULL is fine */

    /** Which algorithm a convolution gets (LiaxModelOptions.conv). */
    const LxConvOps *(*plan)(const LxDevice *d, const LxConvDesc *desc);

    /** GFLOP/s of the arithmetic that the kernels are made of, measured now over all threads; 0: unknown. */
    double (*peak)(LxDevice *d);
} LxBackend;

/* The one symbol of a backend in a library of its own, libliax-<name>.so. */
typedef const LxBackend *LxBackendEntry(void);
#define LX_BACKEND_SYMBOL "liax_backend_v1"

#define LX_BACKEND(name) extern const LxBackend lx_backend_##name;
#define LX_BACKEND_LIBRARY(name)
#include "backends.def"
#undef LX_BACKEND
#undef LX_BACKEND_LIBRARY

/**
 * Load libliax-<name>.so from the first place that has it: `dir` (may be NULL), beside this library, liax/ beside it, and
 * LIBDIR/liax; never from the working directory. It stays loaded.
 * @return LIAX_OK; LIAX_E_UNSUPPORTED with a sentence: not there, cannot be loaded, or made for another libliax
 */
LiaxStatus lx_backend_load(const LxBackend **out, const char *name, const char *dir, LxLog *log);

/** Open by options->device: the backend whose name it begins with. NULL and "auto" are the best there is, which says why if it
    is none but the CPU. */
LiaxStatus lx_device_open(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log);

/** The same device once more, computing in another precision. */
LiaxStatus lx_device_reopen(LxDevice **out, const LxDevice *d, LiaxPrecision precision, LxLog *log);

/** Sets *device to NULL. */
void lx_device_close(LxDevice **device);

/** Facts about device number `index` over all backends; 0 if there is no such device. */
int lx_device_describe(int32_t index, LiaxDeviceInfo *info);
int32_t lx_device_count(void);

/** May the host follow pointers to its memory? */
static inline int lx_device_is_host(const LxDevice *d)
{
    return d->backend->memory == LIAX_MEMORY_HOST;
}

/**
 * Choose an algorithm and pack weights for it.
 * @param w       [co,ci,k,k] floats of the host's; the call leaves them multiplied by `factor`
 * @param type    numbers that w holds exactly: a device that wants to keep them so multiplies by `factor` as it uses them
 * @param factor  all constants of the layer
 * @return LIAX_OK; LIAX_E_MEMORY with a sentence. Freed by lx_device_drop_conv, also when half made.
 */
LiaxStatus lx_device_pack_conv(LxDevice *d, LxConvWeights *out, const LxConvDesc *desc, float *w, LxDtype type, float factor, LxLog *log);
void lx_device_drop_conv(LxDevice *d, LxConvWeights *w);

/** A vector of the model's in device memory: `n` floats from the host, zeros up to `padded`. NULL if there is no memory. */
float *lx_device_keep(LxDevice *d, const float *from, size_t n, size_t padded);
void lx_device_drop(LxDevice *d, float *p, size_t padded);

/** A tensor of the model's in device memory: lx_tensor_floats(t) floats from the host, as its type. 0 if there is no memory. */
int lx_device_keep_tensor(LxDevice *d, LxTensor *t, const float *from);
void lx_device_drop_tensor(LxDevice *d, LxTensor *t);

#endif
