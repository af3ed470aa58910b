/* NVIDIA's own libraries, for comparison alone (vendor.h). */
#define _POSIX_C_SOURCE 200809L /* dlopen */
#include "vendor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { ALGORITHMS = 8 }; /* to choose among */

static VendorProduct now;
static const char *failed;

const char *vendor_failed(void)
{
    const char *was = failed;
    failed = NULL;
    return was;
}

#if defined(__has_include)
#if __has_include(<cudnn.h>)
#define HAS_CUDNN
#include <cudnn.h>
#endif
#if __has_include(<cublasLt.h>)
#define HAS_CUBLASLT
#include <cublasLt.h>
#endif
#endif

#if defined(HAS_CUDNN) || defined(HAS_CUBLASLT)
/* The first of `names` that the loader finds; NULL with a sentence. */
static void *library(const char *const names[], const char **why)
{
    for (int i = 0; names[i]; i++) {
        void *const handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) return handle;
    }
    *why = dlerror();
    return NULL;
}

static int find(void *handle, const char *name, void *to, const char **why)
{
    void *const symbol = dlsym(handle, name);
    memcpy(to, &symbol, sizeof symbol);
    if (!symbol) *why = dlerror();
    return symbol != NULL;
}
#endif

/* ---- cuDNN */

#if defined(HAS_CUDNN)
#define CUDNN_CALLS(call)                                                                                                               \
    call(cudnnCreate) call(cudnnSetStream) call(cudnnCreateTensorDescriptor) call(cudnnSetTensor4dDescriptor)                           \
    call(cudnnCreateFilterDescriptor) call(cudnnSetFilter4dDescriptor) call(cudnnCreateConvolutionDescriptor)                           \
    call(cudnnSetConvolution2dDescriptor) call(cudnnSetConvolutionMathType) call(cudnnFindConvolutionForwardAlgorithmEx)                \
    call(cudnnConvolutionForward) call(cudnnGetErrorString)
#define MEMBER(name) __typeof__(name) *name;
static struct {
    CUDNN_CALLS(MEMBER)
} dnn;

static struct {
    cudnnHandle_t handle; /* NULL until the library is there */
    cudnnTensorDescriptor_t x, y;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t conv;
    cudnnConvolutionFwdAlgo_t algorithm;
} conv;

static const char *open_cudnn(void)
{
    static const char *const names[] = {"libcudnn.so.9", "libcudnn.so", NULL};
    const char *why = NULL;
    void *const handle = library(names, &why);
    if (!handle) return why;
#define FIND(name) \
    if (!find(handle, #name, &dnn.name, &why)) return why;
    CUDNN_CALLS(FIND)
    cudnnStatus_t st = dnn.cudnnCreate(&conv.handle);
    if (!st) st = dnn.cudnnCreateTensorDescriptor(&conv.x);
    if (!st) st = dnn.cudnnCreateTensorDescriptor(&conv.y);
    if (!st) st = dnn.cudnnCreateFilterDescriptor(&conv.w);
    if (!st) st = dnn.cudnnCreateConvolutionDescriptor(&conv.conv);
    return st ? dnn.cudnnGetErrorString(st) : NULL;
}

static const char *prepare_conv(const VendorProduct *p, int nth)
{
    const char *why = conv.handle ? NULL : open_cudnn();
    if (why) return why;
    cudnnStatus_t st = dnn.cudnnSetStream(conv.handle, p->stream);
    if (!st) st = dnn.cudnnSetTensor4dDescriptor(conv.x, CUDNN_TENSOR_NHWC, CUDNN_DATA_HALF, 1, p->ci, p->h, p->w);
    if (!st) st = dnn.cudnnSetTensor4dDescriptor(conv.y, CUDNN_TENSOR_NHWC, CUDNN_DATA_HALF, 1, p->co, p->h, p->w);
    if (!st) st = dnn.cudnnSetFilter4dDescriptor(conv.w, CUDNN_DATA_HALF, CUDNN_TENSOR_NHWC, p->co, p->ci, p->k, p->k);
    if (!st) st = dnn.cudnnSetConvolution2dDescriptor(conv.conv, p->k / 2, p->k / 2, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    if (!st) st = dnn.cudnnSetConvolutionMathType(conv.conv, CUDNN_TENSOR_OP_MATH);
    int found = 0;
    cudnnConvolutionFwdAlgoPerf_t best[ALGORITHMS]; /* sorted by time */
    if (!st)
        st = dnn.cudnnFindConvolutionForwardAlgorithmEx(conv.handle, conv.x, p->x, conv.w, p->weights, conv.conv, conv.y, p->y, ALGORITHMS, &found, best,
                                                        p->workspace, p->workspace_bytes);
    if (!st && (nth >= found || best[nth].status)) return "cuDNN has no other algorithm for it";
    if (!st) st = dnn.cudnnSetConvolutionMathType(conv.conv, best[nth].mathType);
    if (!st) conv.algorithm = best[nth].algo;
    return st ? dnn.cudnnGetErrorString(st) : NULL;
}

static void run_conv(const void *x)
{
    const float one = 1, zero = 0;
    const cudnnStatus_t st = dnn.cudnnConvolutionForward(conv.handle, &one, conv.x, x, conv.w, now.weights, conv.conv, conv.algorithm, now.workspace,
                                                         now.workspace_bytes, &zero, conv.y, now.y);
    if (st) failed = dnn.cudnnGetErrorString(st);
}
#else
static const char *prepare_conv(const VendorProduct *p, int nth)
{
    (void)p, (void)nth;
    return "built without cuDNN's headers";
}

static void run_conv(const void *x)
{
    (void)x;
}
#endif

/* ---- cuBLASLt */

#if defined(HAS_CUBLASLT)
#define CUBLASLT_CALLS(call)                                                                                                            \
    call(cublasLtCreate) call(cublasLtMatmulDescCreate) call(cublasLtMatrixLayoutCreate) call(cublasLtMatrixLayoutDestroy)              \
    call(cublasLtMatmulPreferenceCreate) call(cublasLtMatmulPreferenceSetAttribute) call(cublasLtMatmulAlgoGetHeuristic)                \
    call(cublasLtMatmul)
#undef MEMBER
#define MEMBER(name) __typeof__(name) *name;
static struct {
    CUBLASLT_CALLS(MEMBER)
} lt;

static struct {
    cublasLtHandle_t handle; /* NULL until the library is there */
    cublasLtMatmulDesc_t product;
    cublasLtMatmulPreference_t preference;
    cublasLtMatrixLayout_t a, b, d; /* columns are contiguous there: the weights are a, the pixels b */
    cublasLtMatmulAlgo_t algorithm;
} matmul;

static const char *open_cublaslt(void)
{
    static const char *const names[] = {"libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so", NULL};
    const char *why = NULL;
    void *const handle = library(names, &why);
    if (!handle) return why;
#define FIND_LT(name) \
    if (!find(handle, #name, &lt.name, &why)) return why;
    CUBLASLT_CALLS(FIND_LT)
    if (lt.cublasLtCreate(&matmul.handle) || lt.cublasLtMatmulDescCreate(&matmul.product, CUBLAS_COMPUTE_32F, CUDA_R_32F) ||
        lt.cublasLtMatmulPreferenceCreate(&matmul.preference))
        return "cuBLASLt cannot be opened";
    return NULL;
}

static const char *prepare_matmul(const VendorProduct *p, int nth)
{
    const char *why = matmul.handle ? NULL : open_cublaslt();
    if (why) return why;
    if (matmul.a) lt.cublasLtMatrixLayoutDestroy(matmul.a), lt.cublasLtMatrixLayoutDestroy(matmul.b), lt.cublasLtMatrixLayoutDestroy(matmul.d);
    matmul.a = matmul.b = matmul.d = NULL;
    const uint64_t pixels = (uint64_t)p->h * (uint64_t)p->w;
    cublasLtMatmulHeuristicResult_t best[ALGORITHMS];
    int found = 0;
    if (lt.cublasLtMatmulPreferenceSetAttribute(matmul.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &p->workspace_bytes, sizeof p->workspace_bytes) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.a, CUDA_R_16F, (uint64_t)p->co, (uint64_t)p->ci, p->co) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.b, CUDA_R_16F, (uint64_t)p->ci, pixels, p->ci) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.d, CUDA_R_16F, (uint64_t)p->co, pixels, p->co) ||
        lt.cublasLtMatmulAlgoGetHeuristic(matmul.handle, matmul.product, matmul.a, matmul.b, matmul.d, matmul.d, matmul.preference, ALGORITHMS, best, &found) ||
        nth >= found || best[nth].state)
        return "cuBLASLt has no other algorithm for it";
    matmul.algorithm = best[nth].algo;
    return NULL;
}

static void run_matmul(const void *x)
{
    const float one = 1, zero = 0;
    if (lt.cublasLtMatmul(matmul.handle, matmul.product, &one, now.weights, matmul.a, x, matmul.b, &zero, now.y, matmul.d, now.y, matmul.d,
                          &matmul.algorithm, now.workspace, now.workspace_bytes, now.stream))
        failed = "cuBLASLt failed";
}
#else
static const char *prepare_matmul(const VendorProduct *p, int nth)
{
    (void)p, (void)nth;
    return "built without cuBLASLt's headers";
}

static void run_matmul(const void *x)
{
    (void)x;
}
#endif

/* ---- both */

const char *vendor_prepare(const VendorProduct *p, int nth)
{
    now = *p;
    return p->kind == VENDOR_CUDNN ? prepare_conv(p, nth) : prepare_matmul(p, nth);
}

void vendor_run(const void *x)
{
    if (now.kind == VENDOR_CUDNN) run_conv(x);
    else run_matmul(x);
}
