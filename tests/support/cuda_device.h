/*
 * Tests on a CUDA device, through the public interface. The device is the emulated one (tests/emulator), or a true one where
 * LIAX_TEST_CUDA names a folder that has libliax-cuda.so and, with the runtime for the test's own calls, libcuda-calls.so.
 */
#ifndef CUDA_DEVICE_H
#define CUDA_DEVICE_H

#include "support/fixture.h"

/* The emulator's: what is there of a program's objects; kernels run and graphs launched so far. Zeros on a true device. */
typedef struct Counts {
    long alive, kernels, replays;
} Counts;

/* The runtime, as a host that uses CUDA itself calls it. Results: 0 is success. */
typedef struct CudaCalls {
    int (*alloc)(void **p, size_t bytes);
    int (*free)(void *p);
    int (*copy)(void *to, const void *from, size_t bytes, int kind);
    int (*memory)(size_t *left, size_t *total);
    int (*stream_create)(void **s);
    int (*stream_destroy)(void *s);
    int (*driver_call)(const char *name, void **call, unsigned version, unsigned long long flags, int *found);
    void (*counts)(Counts *c); /* NULL: the device is a true one */
} CudaCalls;

enum { TO_DEVICE = 1, TO_HOST = 2 };

extern CudaCalls cuda;
extern char cuda_folder[400], cuda_library[512]; /* where libliax-cuda.so is; its path */
extern char small_path[300]; /* mini-8, where the numbers do not matter: an emulated frame of tiny-64 takes a quarter of a second */

/** Group setup: the runtime's calls, the models, and what open_group does. */
int open_cuda(void **state);

Counts counts(void);

/** Skips the test on a true device, with a sentence. */
void need_emulator(void);

/** The calling thread's own context. */
void *own_context(void);

/* Sentences that the library said, by level; for LiaxModelOptions.log. */
typedef struct Said {
    char error[512], warning[512], info[512];
} Said;
void hear(void *said, LiaxLogLevel level, const char *sentence);

LiaxModelOptions on(const char *device, LiaxPrecision precision);
LiaxModel *open_on(const char *path, const char *device, LiaxPrecision precision);
LiaxSession *session_on(LiaxModel *m, int batch, LiaxMode mode);
void give_source(LiaxSession *s);
void check_precision(const LiaxModel *m, const char *precision);

#endif
