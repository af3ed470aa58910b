/* Streams of the CUDA backend: copies through pinned memory, order beside the caller's streams, recordings as graphs. */
#include <string.h>

#include "backend_cuda.h"

/* Copies go through one part while the other is still on its way. */
enum { PARTS = 2, PART_BYTES = 1 << 20 };

typedef struct Stream {
    LxStream base; /* handle: the cudaStream_t */
    char *pinned;  /* [PARTS][PART_BYTES] */
    cudaEvent_t sent[PARTS];
    int next;
} Stream;

static cudaStream_t cuda_stream(const LxStream *s)
{
    return (cudaStream_t)s->handle;
}

/* ---- opening and closing */

void lx_cuda_stream_close(LxDevice *d, LxStream *s)
{
    Stream *t = (Stream *)s;
    if (!t) return;
    if (s->handle) cudaStreamSynchronize(cuda_stream(s));
    for (int i = 0; i < PARTS; i++)
        if (t->sent[i]) cudaEventDestroy(t->sent[i]);
    if (t->pinned) cudaFreeHost(t->pinned);
    if (s->handle) cudaStreamDestroy(cuda_stream(s));
    lx_free(&d->alloc, t, sizeof *t);
}

LiaxStatus lx_cuda_stream_open(LxDevice *d, LxStream **out, LxLog *log)
{
    *out = NULL;
    Stream *t = lx_alloc_zero(&d->alloc, sizeof *t);
    if (!t) return lx_fail(log, LIAX_E_MEMORY, "%s: out of memory for a stream", d->id);
    cudaStream_t handle = NULL;
    void *pinned = NULL;
    cudaError_t e = cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking);
    if (!e) e = cudaMallocHost(&pinned, (size_t)PARTS * PART_BYTES);
    for (int i = 0; !e && i < PARTS; i++) e = cudaEventCreateWithFlags(&t->sent[i], cudaEventDisableTiming);
    t->base.handle = handle;
    t->pinned = pinned;
    if (!e) {
        *out = &t->base;
        return LIAX_OK;
    }
    cudaGetLastError(); /* it is said here, and no failure of later work */
    lx_cuda_stream_close(d, &t->base);
    return lx_cuda_status(d, e, log);
}

/* ---- copies */

/* Bytes at ... at+n-1 of rows that lie `stride` apart, to or from memory where they lie without gaps. */
static void copy_rows(char *packed, char *rows, size_t row, ptrdiff_t stride, size_t at, size_t n, int to_rows)
{
    while (n) {
        const size_t y = at / row, x = at % row, part = n < row - x ? n : row - x;
        char *const here = rows + (ptrdiff_t)y * stride + x;
        memcpy(to_rows ? here : packed, to_rows ? packed : here, part);
        packed += part;
        at += part;
        n -= part;
    }
}

void lx_cuda_send(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows)
{
    (void)d;
    Stream *t = (Stream *)s;
    const size_t size = row * rows;
    for (size_t at = 0; at < size; at += PART_BYTES) {
        const size_t n = size - at < PART_BYTES ? size - at : PART_BYTES;
        const int k = t->next;
        char *part = t->pinned + (size_t)k * PART_BYTES;
        t->next = (k + 1) % PARTS;
        cudaEventSynchronize(t->sent[k]);
        copy_rows(part, (char *)(uintptr_t)from, row, stride, at, n, 0);
        cudaMemcpyAsync((char *)to + at, part, n, cudaMemcpyHostToDevice, cuda_stream(s));
        cudaEventRecord(t->sent[k], cuda_stream(s));
    }
}

LiaxStatus lx_cuda_receive(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows, LxLog *log)
{
    Stream *t = (Stream *)s;
    const size_t size = row * rows;
    LiaxStatus st = lx_cuda_wait(d, s, log); /* what was sent from the pinned memory has left it, too */
    for (size_t at = 0; !st && at < size; at += PART_BYTES) {
        const size_t n = size - at < PART_BYTES ? size - at : PART_BYTES;
        cudaMemcpyAsync(t->pinned, (const char *)from + at, n, cudaMemcpyDeviceToHost, cuda_stream(s));
        st = lx_cuda_wait(d, s, log);
        if (!st) copy_rows(t->pinned, to, row, stride, at, n, 1);
    }
    return st;
}

void lx_cuda_copy(LxDevice *d, LxStream *s, void *to, const void *from, size_t size)
{
    (void)d;
    cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, cuda_stream(s));
}

LiaxStatus lx_cuda_wait(LxDevice *d, LxStream *s, LxLog *log)
{
    const cudaError_t asked = cudaGetLastError(), done = cudaStreamSynchronize(cuda_stream(s));
    if (done) cudaGetLastError();
    return lx_cuda_status(d, asked ? asked : done, log);
}

/* ---- order beside other streams */

/* What is asked on `later` from here on waits for what was asked on `earlier` so far. */
static void order(cudaStream_t earlier, cudaStream_t later)
{
    cudaEvent_t e;
    if (cudaEventCreateWithFlags(&e, cudaEventDisableTiming)) return; /* the error stays for the wait */
    cudaEventRecord(e, earlier);
    cudaStreamWaitEvent(later, e, 0);
    cudaEventDestroy(e); /* once it has happened */
}

void lx_cuda_follow(LxDevice *d, LxStream *s, void *callers)
{
    (void)d;
    order((cudaStream_t)callers, cuda_stream(s));
}

LiaxStatus lx_cuda_lead(LxDevice *d, LxStream *s, void *callers, LxLog *log)
{
    order(cuda_stream(s), (cudaStream_t)callers);
    return lx_cuda_status(d, cudaGetLastError(), log);
}

/* ---- recordings */

LiaxStatus lx_cuda_record(LxDevice *d, LxStream *s, LxLog *log)
{
    return lx_cuda_status(d, cudaStreamBeginCapture(cuda_stream(s), cudaStreamCaptureModeThreadLocal), log);
}

LiaxStatus lx_cuda_recorded(LxDevice *d, LxStream *s, void **out, LxLog *log)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t ready = NULL;
    cudaError_t e = cudaGetLastError(); /* of a launch */
    const cudaError_t ended = cudaStreamEndCapture(cuda_stream(s), &graph);
    if (!e) e = ended;
#if CUDART_VERSION >= 12000
    if (!e) e = cudaGraphInstantiate(&ready, graph, 0);
#else
    if (!e) e = cudaGraphInstantiateWithFlags(&ready, graph, 0);
#endif
    if (graph) cudaGraphDestroy(graph);
    if (e) cudaGetLastError();
    *out = ready;
    return lx_cuda_status(d, e, log);
}

LiaxStatus lx_cuda_replay(LxDevice *d, LxStream *s, void *recording, LxLog *log)
{
    return lx_cuda_status(d, cudaGraphLaunch((cudaGraphExec_t)recording, cuda_stream(s)), log);
}

void lx_cuda_forget(LxDevice *d, void *recording)
{
    (void)d;
    if (recording) cudaGraphExecDestroy((cudaGraphExec_t)recording);
}
