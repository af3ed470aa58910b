/*
 * libliax: portrait animation and editing with LIA-X, in C.
 *
 * One portrait and one driving frame go in, the portrait in the driver's motion comes out (examples/hello.c):
 *
 *     LiaxModel *model;
 *     LiaxSession *session;
 *     liax_model_open(&model, "model.liax", NULL);
 *     liax_session_open(&session, model, NULL);
 *     liax_session_set_source(session, &portrait);
 *     while (next_frame(&driving))
 *         liax_animate_frame(session, &driving, &out);
 *     liax_session_close(&session);
 *     liax_model_close(&model);
 *
 * A model is immutable and may be shared by any number of threads; a session belongs to one thread at a time (only
 * liax_session_cancel may be called from elsewhere). The library never prints, never exits and keeps no global state.
 *
 * Structs. Every public struct starts with `struct_size`: set it to sizeof, zero the rest, and every zero means "the
 * default". Callers compiled against an older (smaller) or a newer (larger) header work.
 *
 * Statuses. 0 is done, above 0 is "not yet", below 0 failed. Results that are pointers are NULL after a failure. The
 * sentence for a human is in LiaxModelOptions.error, in liax_session_error() and goes to the log callback.
 */
#ifndef LIAX_H
#define LIAX_H

#include <stddef.h>
#include <stdint.h>

#include "version.h"

#if defined(__GNUC__)
#define LIAX_API __attribute__((visibility("default")))
#else
#define LIAX_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- statuses -------------------------------------------------------------------------------------------------- */

typedef int32_t LiaxStatus;
enum {
    LIAX_OK = 0,
    LIAX_AGAIN = 1,         /* not yet: pull before the next push, or push before the next pull */
    LIAX_END = 2,           /* the stream was ended by liax_session_push(s, NULL), and every frame has been pulled */
    LIAX_E_ARG = -1,        /* an argument is wrong; nothing was changed */
    LIAX_E_MEMORY = -2,     /* an allocation failed */
    LIAX_E_IO = -3,         /* a file cannot be opened or read */
    LIAX_E_FORMAT = -4,     /* a file is not what it should be */
    LIAX_E_UNSUPPORTED = -5,/* valid, but this build, machine or version cannot do it */
    LIAX_E_DEVICE = -6,     /* the device failed or was lost */
    LIAX_E_CANCELLED = -7,  /* stopped by liax_session_cancel or by a progress callback */
    LIAX_E_STATE = -8       /* called too early: no source, no driving frame yet */
};

/** A short English name of a status, "ok" or "out of memory"; never NULL. */
LIAX_API const char *liax_status_name(LiaxStatus status);

/** The version of the library that is running, as "0.1.0". */
LIAX_API const char *liax_version(void);

/** The LIAX_API_VERSION that the running library was built with. */
LIAX_API uint32_t liax_api_version(void);

/* ---- pictures -------------------------------------------------------------------------------------------------- */

typedef enum LiaxFormat {
    LIAX_RGB24 = 0, /* plane 0: R, G, B bytes */
    LIAX_RGBA,      /* plane 0: R, G, B, A bytes; A is ignored on input and 255 on output */
    LIAX_BGRA,      /* plane 0: B, G, R, A bytes; likewise */
    LIAX_GRAY8,     /* plane 0: luma bytes, full range */
    LIAX_NV12,      /* plane 0: Y; plane 1: U, V bytes at half width and half height, both rounded up */
    LIAX_I420,      /* planes 0, 1, 2: Y, U, V; U and V at half width and half height, both rounded up */
    LIAX_RGBF32     /* planes 0, 1, 2: R, G, B floats, -1 black ... 1 white, not clamped on output */
} LiaxFormat;

typedef enum LiaxMatrix { LIAX_MATRIX_AUTO = 0, LIAX_MATRIX_BT601, LIAX_MATRIX_BT709 } LiaxMatrix;
typedef enum LiaxRange { LIAX_RANGE_AUTO = 0, LIAX_RANGE_LIMITED, LIAX_RANGE_FULL } LiaxRange;
typedef enum LiaxSiting { LIAX_SITING_AUTO = 0, LIAX_SITING_LEFT, LIAX_SITING_CENTER } LiaxSiting;
typedef enum LiaxAlpha { LIAX_ALPHA_IGNORE = 0 } LiaxAlpha;
typedef enum LiaxMemory { LIAX_MEMORY_HOST = 0, LIAX_MEMORY_CUDA } LiaxMemory;

/**
 * One picture. The pixels belong to the caller; an input is read during the call and never kept, an output is written
 * whole or not at all. In a device's memory both happen in the order of `stream`: after all that was given to it before
 * the call, and before all that is given to it later; the call does not wait until the output is written, and a failure
 * to write it is that of the session's next call. Width and height are 1 to 32768. Strides are bytes from one row to the
 * next, at least a row's length; 0 means just that. matrix, range and siting speak of NV12 and I420 alone: AUTO is BT.709
 * from 720 lines and BT.601 below, limited range, left siting.
 */
typedef struct LiaxImage {
    size_t struct_size;
    LiaxFormat format;
    int32_t width, height;
    void *planes[4];
    ptrdiff_t strides[4];
    LiaxMemory memory; /* where the planes are; a model accepts host memory and its own device's */
    int32_t device;    /* the device's number, where memory is not the host's */
    void *stream;      /* the caller's stream, likewise: a cudaStream_t; NULL is the default stream */
    LiaxMatrix matrix;
    LiaxRange range;
    LiaxSiting siting;
    LiaxAlpha alpha;
    int64_t pts; /* any value of the caller's: comes back with the frame that this one became */
    void *user;  /* likewise */
} LiaxImage;

/* ---- model ----------------------------------------------------------------------------------------------------- */

typedef struct LiaxModel LiaxModel;
typedef struct LiaxSession LiaxSession;

typedef enum LiaxPrecision { LIAX_PRECISION_AUTO = 0, LIAX_PRECISION_F32, LIAX_PRECISION_BF16, LIAX_PRECISION_F16 } LiaxPrecision;
typedef enum LiaxConv { LIAX_CONV_AUTO = 0, LIAX_CONV_REF, LIAX_CONV_DIRECT, LIAX_CONV_WINOGRAD } LiaxConv;
typedef enum LiaxLogLevel { LIAX_LOG_ERROR = 0, LIAX_LOG_WARNING, LIAX_LOG_INFO, LIAX_LOG_DEBUG } LiaxLogLevel;

/** Memory of the host's. `align` is a power of two; free gets the size that alloc got. */
typedef struct LiaxAllocator {
    void *(*alloc)(void *ctx, size_t size, size_t align);
    void (*free)(void *ctx, void *p, size_t size);
    void *ctx;
} LiaxAllocator;

/** Progress of a long call, 0 to 1. A result other than 0 aborts it: the call returns LIAX_E_CANCELLED. */
typedef int (*LiaxProgress)(void *ctx, double done);

typedef struct LiaxModelOptions {
    size_t struct_size;
    const char *device;      /* "cpu", "cuda" (its number 0), "cuda:N", "auto"; NULL is "auto": CUDA, or else the CPU */
    const char *backend_dir; /* looked into first for libliax-cuda.so; then beside this library, in liax/ there, and in LIBDIR/liax */
    LiaxPrecision precision; /* of computing, whatever the file holds; AUTO is F32 on a CPU, F16 on CUDA. A model whose
                                first frame is not finite in F16 goes on in F32, with a warning in the log. BF16 is for CPUs:
                                convolutions multiply bf16 numbers and add in f32, with packed weights half as large as
                                F32's, by the instructions of AVX512_BF16 where there are any; on other processors slower
                                than F32. By Winograd's method they err somewhat more than with conv = DIRECT */
    LiaxConv conv;           /* forces one algorithm for convolutions; AUTO picks the fastest for each shape. WINOGRAD is for
                                3x3 of stride 1 (four times the weights' memory, or 1.8 times), DIRECT computes the others */
    int32_t threads;         /* 0: the CPUs that this process is really allowed (affinity, cgroup quota) */
    const uint64_t *cpu_mask;/* CPUs that the workers may run on, bit i of word i/64; NULL: the process's own */
    size_t cpu_mask_words;
    /* Not 0: less memory, slower. On a CPU no convolution is transformed for Winograd's method, and weights that the file has
       as f16 or bf16 stay so in memory: they are widened each time they are used, to the same numbers and so the same pictures
       as conv = DIRECT gives. f32 weights stay f32. */
    int32_t low_memory;
    LiaxAllocator allocator; /* used for every block; zero: the C library's */
    void (*log)(void *ctx, LiaxLogLevel level, const char *sentence);
    void *log_ctx;
    char *error;             /* receives the sentence of a failed open, 0-terminated */
    size_t error_size;
    /* A loop of the host's: calls fn(arg, i) for every i in 0 ... n-1, in any order and on any threads, and returns when
       all are done. NULL: the model's own thread pool. It must accept calls from several threads at once. */
    void (*parallel_for)(void *ctx, int32_t n, void (*fn)(void *arg, int32_t i), void *arg);
    void *parallel_ctx;
    LiaxProgress progress;   /* of loading */
    void *progress_ctx;
} LiaxModelOptions;

/**
 * Open a model that liax-convert wrote.
 * @param out      NULL after a failure; closed with liax_model_close
 * @param options  NULL: all defaults. Read during the call; log, allocator and parallel_for are kept with the model
 * @return LIAX_OK; LIAX_E_IO, LIAX_E_FORMAT, LIAX_E_MEMORY, LIAX_E_UNSUPPORTED, LIAX_E_DEVICE, LIAX_E_CANCELLED, LIAX_E_ARG
 */
LIAX_API LiaxStatus liax_model_open(LiaxModel **out, const char *path, const LiaxModelOptions *options);

/** The same from memory, which stays the caller's and must live as long as the model. */
LIAX_API LiaxStatus liax_model_open_memory(LiaxModel **out, const void *data, size_t size, const LiaxModelOptions *options);

/** Close a model whose sessions are all closed; sets *model to NULL. NULL and a pointer to NULL are fine. */
LIAX_API void liax_model_close(LiaxModel **model);

typedef struct LiaxModelInfo {
    size_t struct_size;
    const char *family;      /* "lia_x" */
    int32_t size;            /* S: the network draws S x S pixels */
    int32_t motions;         /* M: motion values per frame */
    int32_t widths[16];      /* channels at 4x4, 8x8, ... S x S */
    int32_t n_widths;
    int32_t n_controls;
    int64_t parameters;
    const char *dtype;       /* of the file's weights: "f32", "f16", "bf16" or "mixed" */
    const char *precision;   /* of computing: "f32", "bf16", "f16" */
    const char *device;      /* "cpu", "cuda:0" */
    const char *level;       /* instructions in use: "ref", "avx2", "avx512", "avx512bf16"; for a GPU its architecture */
    int32_t threads;
    const char *license;     /* of the weights, as the container says; "" if it does not */
    const char *source;      /* where the weights came from, likewise */
    const char *fingerprint; /* SHA-256 over the tensors, 64 hexadecimal digits */
    int64_t memory_bytes;    /* allocated for the packed weights */
} LiaxModelInfo;

/** Facts about a model; the strings live as long as it does. LIAX_OK; LIAX_E_ARG. */
LIAX_API LiaxStatus liax_model_info(const LiaxModel *model, LiaxModelInfo *out);

typedef struct LiaxControl {
    size_t struct_size;
    const char *name;   /* "yaw"; what liax_session_set_edit takes */
    const char *note;   /* what the signs do, where that is known; else "" */
    double min, max;    /* useful values, as advice for a user interface: nothing is clamped to them */
    int32_t one_sided;  /* not 0: a sweep goes from 0 to the value and back, never to the other sign */
    const float *vector;/* [motions]: what a value of 1 adds to the motion values */
} LiaxControl;

/** Control number `index`, 0 to n_controls-1; the strings live as long as the model. LIAX_OK; LIAX_E_ARG. */
LIAX_API LiaxStatus liax_model_control(const LiaxModel *model, int32_t index, LiaxControl *out);

/**
 * Measure the arithmetic peak of what the model computes with, in GFLOP/s over all its threads: the denominator of
 * "share of peak". Runs for about a third of a second. LIAX_OK; LIAX_E_ARG.
 */
LIAX_API LiaxStatus liax_model_peak(const LiaxModel *model, double *gflops);

/* ---- session --------------------------------------------------------------------------------------------------- */

typedef enum LiaxMode {
    LIAX_RELATIVE = 0, /* the source moves as the driver moves away from an anchor, by default its first frame */
    LIAX_ABSOLUTE,     /* the source takes the driver's motion as it is; accepts no edits */
    LIAX_EDIT_VIDEO    /* relative, and the first driving frame is the source as well */
} LiaxMode;

typedef struct LiaxSessionOptions {
    size_t struct_size;
    LiaxMode mode;
    int32_t max_batch; /* frames computed together, 1 to 64; 0: 1 */
    int32_t max_delay; /* frames that may wait before a pull gives one; 0: max_batch. 1 is for live use */
    int32_t newest_wins; /* not 0: a push into a full queue replaces the newest frame that waits, instead of LIAX_AGAIN */
    int32_t width, height; /* of the output; 0: the output image's own */
    LiaxProgress progress; /* of every call that draws or encodes */
    void *progress_ctx;
} LiaxSessionOptions;

/**
 * Open a session: the memory for one stream of frames, all of it taken here.
 * @param options  NULL: all defaults
 * @return LIAX_OK; LIAX_E_ARG; LIAX_E_MEMORY; LIAX_E_DEVICE. The sentence goes to the model's log.
 */
LIAX_API LiaxStatus liax_session_open(LiaxSession **out, LiaxModel *model, const LiaxSessionOptions *options);

/** Close a session; sets *session to NULL. NULL and a pointer to NULL are fine. */
LIAX_API void liax_session_close(LiaxSession **session);

/** The sentence of the last failure in this session, "" if there was none; valid until the next call. */
LIAX_API const char *liax_session_error(const LiaxSession *session);

/**
 * Take the portrait. It is resized to S x S (8-bit bicubic, as Pillow does; the aspect ratio is not kept) and encoded;
 * a new source ends the stream of the old one: queued frames are dropped, the anchor is forgotten unless it was set by
 * one of the liax_session_set_anchor calls; edits stay.
 * @return LIAX_OK; LIAX_E_ARG; LIAX_E_CANCELLED and LIAX_E_DEVICE leave the session without a source
 */
LIAX_API LiaxStatus liax_session_set_source(LiaxSession *session, const LiaxImage *image);

/**
 * Set one control to a value; a control set twice keeps its last value, 0 removes it. Applies to frames pushed later.
 * @param name   a control's name, or a motion's number "0" ... "M-1", which names the control whose vector is that unit
 *               vector if there is one
 * @param value  any finite number; never clamped
 * @return LIAX_OK; LIAX_E_ARG: unknown name, value not finite, or absolute mode
 */
LIAX_API LiaxStatus liax_session_set_edit(LiaxSession *session, const char *name, double value);

/** Remove all edits. */
LIAX_API LiaxStatus liax_session_clear_edits(LiaxSession *session);

/**
 * The motion that relative animation starts from. By default it is the first driving frame's.
 * @param motion  [M] values from liax_session_encode_motion, copied; NULL: the next driving frame's
 * @return LIAX_OK; LIAX_E_ARG: a value is not finite, or the mode is absolute
 */
LIAX_API LiaxStatus liax_session_set_anchor(LiaxSession *session, const float *motion);

/** The same from a picture, resized as driving frames are. LIAX_OK; LIAX_E_ARG; LIAX_E_CANCELLED; LIAX_E_DEVICE. */
LIAX_API LiaxStatus liax_session_set_anchor_image(LiaxSession *session, const LiaxImage *image);

/**
 * Draw the source with its present edits.
 * @param out  format, size and planes set by the caller; pts and user are left alone
 * @return LIAX_OK; LIAX_E_STATE: no source; LIAX_E_ARG; LIAX_E_CANCELLED; LIAX_E_DEVICE
 */
LIAX_API LiaxStatus liax_session_render(LiaxSession *session, LiaxImage *out);

/**
 * One driving frame in, one frame out. The driving frame is resized to S x S (float, antialiased bilinear), the output
 * to `out` likewise; 8-bit outputs are (x + 1) * 127.5, clamped and rounded.
 * @return LIAX_OK; LIAX_E_STATE: no source, or pushed frames wait; LIAX_E_ARG; LIAX_E_CANCELLED; LIAX_E_DEVICE
 */
LIAX_API LiaxStatus liax_animate_frame(LiaxSession *session, const LiaxImage *driving, LiaxImage *out);

/**
 * Take one driving frame, with the edits as they are now.
 * @param driving  NULL: end of the stream, give out what waits
 * @return LIAX_OK; LIAX_AGAIN: the queue is full, pull first; LIAX_E_STATE: no source, or the stream has ended;
 *         LIAX_E_ARG; LIAX_E_CANCELLED; LIAX_E_DEVICE. On anything but LIAX_OK the frame was not taken.
 */
LIAX_API LiaxStatus liax_session_push(LiaxSession *session, const LiaxImage *driving);

/**
 * Give out the oldest frame that is due; pts and user are those of the driving frame that it came from.
 * @return LIAX_OK; LIAX_AGAIN: push first; LIAX_END: drained, a new stream may be pushed; LIAX_E_ARG;
 *         LIAX_E_CANCELLED and LIAX_E_DEVICE: the frames of the failed batch are lost
 */
LIAX_API LiaxStatus liax_session_pull(LiaxSession *session, LiaxImage *out);

/**
 * Write the last frame drawn once more, into another format or size.
 * @return LIAX_OK; LIAX_E_STATE: nothing was drawn yet; LIAX_E_ARG
 */
LIAX_API LiaxStatus liax_session_last(LiaxSession *session, LiaxImage *out);

/** The motion values of a driving picture, motion [M]. LIAX_OK; LIAX_E_ARG; LIAX_E_CANCELLED; LIAX_E_DEVICE. */
LIAX_API LiaxStatus liax_session_encode_motion(LiaxSession *session, const LiaxImage *image, float *motion);

/** liax_animate_frame with motion values [M] in the place of a driving frame, as liax_session_encode_motion gives them. */
LIAX_API LiaxStatus liax_session_animate_motion(LiaxSession *session, const float *motion, LiaxImage *out);

/* Frames of a sweep. */
#define LIAX_SWEEP_FRAMES 64

/**
 * Draw frame `index`, 0 to 63, of the walk through the present edits: up to them in 16 steps, back to the source, to
 * their opposite and back; if a one-sided control is among them, to them twice. Frame 0 is at 1/16, frame 63 at 0.
 * @return as liax_session_render
 */
LIAX_API LiaxStatus liax_session_sweep(LiaxSession *session, int32_t index, LiaxImage *out);

/**
 * Stop the call that runs in this session; it returns LIAX_E_CANCELLED soon. With no call running, the next one that
 * draws or encodes is stopped. Safe from any thread and from a signal handler.
 */
LIAX_API void liax_session_cancel(LiaxSession *session);

/* One kernel call of a frame, as seen by the callback of liax_session_profile. */
typedef struct LiaxLayerInfo {
    size_t struct_size;
    const char *layer;     /* "dec.level64.flow_res.0.conv1" */
    const char *kernel;    /* "conv2d" */
    const char *algorithm; /* "direct 6x16" */
    int32_t in_channels, out_channels, height, width; /* of the output */
    double ms;
    double flops;          /* of the plain form: 2 for each multiplication and addition of a direct convolution */
    double bytes;          /* read and written once */
} LiaxLayerInfo;

/** Call fn after every kernel with its time; NULL ends it. For measuring: it adds a little to each frame. */
LIAX_API LiaxStatus liax_session_profile(LiaxSession *session, void (*fn)(void *ctx, const LiaxLayerInfo *layer), void *ctx);

/* ---- devices --------------------------------------------------------------------------------------------------- */

typedef struct LiaxDeviceInfo {
    size_t struct_size;
    char id[32];          /* what LiaxModelOptions.device takes */
    char name[128];       /* "AMD EPYC 7B13" */
    char level[32];       /* best instructions, or the GPU's architecture */
    int32_t threads;      /* CPUs really allowed, or multiprocessors */
    int64_t memory_bytes; /* of the device; 0: unknown */
} LiaxDeviceInfo;

/** How many devices a model could be opened on; 1 at least. */
LIAX_API int32_t liax_device_count(void);

/** Facts about device `index`. LIAX_OK; LIAX_E_ARG. */
LIAX_API LiaxStatus liax_device_get(int32_t index, LiaxDeviceInfo *out);

#ifdef __cplusplus
}
#endif
#endif
