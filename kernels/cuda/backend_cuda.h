/* The CUDA backend's own structs: an open device, and a stream with its staging memory. */
#ifndef BACKEND_CUDA_H
#define BACKEND_CUDA_H

#include "backend.h"
#include "cuda.h"

/* The driver's own calls for the calling thread's context. To put a caller's device back with cudaSetDevice would open a context
   there if it had none. Results: 0 is success. */
typedef int LxGetContext(void **context);
typedef int LxSetContext(void *context);

typedef struct LxCuda {
    LxDevice device;
    int number, capability; /* capability: of its architecture, 10 * major + minor */
    void *context;
    LxGetContext *get_context;
    LxSetContext *set_context;
} LxCuda;

/* LIAX_OK, or a status with the sentence "cuda:0 failed: ..." for what the runtime said. */
LiaxStatus lx_cuda_status(const LxDevice *d, cudaError_t e, LxLog *log);

/* Of LxBackend: backend_stream.c */
LiaxStatus lx_cuda_stream_open(LxDevice *d, LxStream **out, LxLog *log);
void lx_cuda_stream_close(LxDevice *d, LxStream *s);
void lx_cuda_send(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows);
LiaxStatus lx_cuda_receive(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows, LxLog *log);
void lx_cuda_copy(LxDevice *d, LxStream *s, void *to, const void *from, size_t size);
LiaxStatus lx_cuda_wait(LxDevice *d, LxStream *s, LxLog *log);
void lx_cuda_follow(LxDevice *d, LxStream *s, void *callers);
LiaxStatus lx_cuda_lead(LxDevice *d, LxStream *s, void *callers, LxLog *log);
LiaxStatus lx_cuda_record(LxDevice *d, LxStream *s, LxLog *log);
LiaxStatus lx_cuda_recorded(LxDevice *d, LxStream *s, void **out, LxLog *log);
LiaxStatus lx_cuda_replay(LxDevice *d, LxStream *s, void *recording, LxLog *log);
void lx_cuda_forget(LxDevice *d, void *recording);

#endif
