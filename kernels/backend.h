/* What a backend is: a list of devices, and of an open device its memory, its kernels and its way to pack weights. */
#ifndef LX_BACKEND_H
#define LX_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/log.h"
#include "core/threads.h"
#include "kernels.h"
#include "liax/liax.h"

/* An open device, immutable and shared by all sessions of a model. A backend's own struct begins with it. */
typedef struct LxDevice {
    const struct LxBackend *backend;
    LiaxAllocator alloc;
    LxPool *pool;        /* for host work, and for kernels where the device is the host */
    LxKernels kernels;
    LiaxPrecision precision;
    char id[32];         /* "cpu" */
    char level[32];      /* "avx2" */
    size_t weight_bytes; /* allocated by lx_device_pack_conv and lx_device_keep */
} LxDevice;

typedef struct LxBackend {
    const char *name;
    /** Number of devices here, and facts about one of them. */
    int32_t (*count)(void);
    void (*describe)(int32_t index, LiaxDeviceInfo *info);
    /** Open the device that options->device names ("auto" is the best). The pool comes from the model. Sentence on failure. */
    LiaxStatus (*open)(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log);
    void (*close)(LxDevice *d);
    /** Memory of the device, aligned to 64 bytes; NULL if there is none left. */
    void *(*alloc)(LxDevice *d, size_t size);
    void (*free)(LxDevice *d, void *p, size_t size);
    /** Copies between host and device memory; return when done. */
    void (*upload)(LxDevice *d, void *to, const void *from, size_t size);
    void (*download)(LxDevice *d, void *to, const void *from, size_t size);
    /** Which algorithm a convolution gets (LiaxModelOptions.conv). */
    const LxConvOps *(*plan)(const LxDevice *d, const LxConvDesc *desc);
    /** GFLOP/s of the arithmetic that the kernels are made of, measured now over all threads. */
    double (*peak)(LxDevice *d);
} LxBackend;

#define LX_BACKEND(name) extern const LxBackend lx_backend_##name;
#include "backends.def"
#undef LX_BACKEND

/** Open by options->device: the backend whose name it begins with; NULL and "auto" are the best there is. */
LiaxStatus lx_device_open(LxDevice **out, const LiaxModelOptions *options, LxPool *pool, const LiaxAllocator *a, LxLog *log);

/** Sets *device to NULL. */
void lx_device_close(LxDevice **device);

/** Facts about device number `index` over all backends; 0 if there is no such device. */
int lx_device_describe(int32_t index, LiaxDeviceInfo *info);
int32_t lx_device_count(void);

/**
 * Choose an algorithm and pack weights for it.
 * @param w  [co,ci,k,k] floats of the host's, with all constants folded in
 * @return LIAX_OK; LIAX_E_MEMORY with a sentence. Freed by lx_device_drop_conv, also when half made.
 */
LiaxStatus lx_device_pack_conv(LxDevice *d, LxConvWeights *out, const LxConvDesc *desc, const float *w, LxLog *log);
void lx_device_drop_conv(LxDevice *d, LxConvWeights *w);

/** A vector of the model's in device memory: `n` floats from the host, zeros up to `padded`. NULL if there is no memory. */
float *lx_device_keep(LxDevice *d, const float *from, size_t n, size_t padded);
void lx_device_drop(LxDevice *d, float *p, size_t padded);

#endif
