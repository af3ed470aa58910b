/* NVIDIA's own libraries, for comparison alone (vendor.h). */
#define _POSIX_C_SOURCE 200809L /* dlopen */
#include "vendor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

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
    VendorMemory memory;
    void *weights, *to;
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

const char *vendor_prepare_conv(const VendorMemory *m, int k, int ci, int co, int h, int w, void *x, void *weights, void *y)
{
    const char *why = conv.handle ? NULL : open_cudnn();
    if (why) return why;
    conv.memory = *m, conv.weights = weights, conv.to = y;
    cudnnStatus_t st = dnn.cudnnSetStream(conv.handle, m->stream);
    if (!st) st = dnn.cudnnSetTensor4dDescriptor(conv.x, CUDNN_TENSOR_NHWC, CUDNN_DATA_HALF, 1, ci, h, w);
    if (!st) st = dnn.cudnnSetTensor4dDescriptor(conv.y, CUDNN_TENSOR_NHWC, CUDNN_DATA_HALF, 1, co, h, w);
    if (!st) st = dnn.cudnnSetFilter4dDescriptor(conv.w, CUDNN_DATA_HALF, CUDNN_TENSOR_NHWC, co, ci, k, k);
    if (!st) st = dnn.cudnnSetConvolution2dDescriptor(conv.conv, k / 2, k / 2, 1, 1, 1, 1, CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT);
    if (!st) st = dnn.cudnnSetConvolutionMathType(conv.conv, CUDNN_TENSOR_OP_MATH);
    int found = 0;
    cudnnConvolutionFwdAlgoPerf_t best[8];
    if (!st)
        st = dnn.cudnnFindConvolutionForwardAlgorithmEx(conv.handle, conv.x, x, conv.w, weights, conv.conv, conv.y, y, 8, &found, best, m->workspace, m->bytes);
    if (!st && (!found || best[0].status)) st = CUDNN_STATUS_NOT_SUPPORTED;
    if (st) return dnn.cudnnGetErrorString(st);
    conv.algorithm = best[0].algo; /* sorted by time */
    st = dnn.cudnnSetConvolutionMathType(conv.conv, best[0].mathType);
    return st ? dnn.cudnnGetErrorString(st) : NULL;
}

void vendor_run_conv(const void *x)
{
    const float one = 1, zero = 0;
    const cudnnStatus_t st = dnn.cudnnConvolutionForward(conv.handle, &one, conv.x, x, conv.w, conv.weights, conv.conv, conv.algorithm, conv.memory.workspace,
                                                         conv.memory.bytes, &zero, conv.y, conv.to);
    if (st) failed = dnn.cudnnGetErrorString(st);
}
#else
const char *vendor_prepare_conv(const VendorMemory *m, int k, int ci, int co, int h, int w, void *x, void *weights, void *y)
{
    (void)m, (void)k, (void)ci, (void)co, (void)h, (void)w, (void)x, (void)weights, (void)y;
    return "built without cuDNN's headers";
}

void vendor_run_conv(const void *x)
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
    VendorMemory memory;
    void *weights, *to;
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

const char *vendor_prepare_matmul(const VendorMemory *m, int pixels, int ci, int co, void *weights, void *y)
{
    const char *why = matmul.handle ? NULL : open_cublaslt();
    if (why) return why;
    matmul.memory = *m, matmul.weights = weights, matmul.to = y;
    if (matmul.a) lt.cublasLtMatrixLayoutDestroy(matmul.a), lt.cublasLtMatrixLayoutDestroy(matmul.b), lt.cublasLtMatrixLayoutDestroy(matmul.d);
    cublasLtMatmulHeuristicResult_t best;
    int found = 0;
    if (lt.cublasLtMatmulPreferenceSetAttribute(matmul.preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &m->bytes, sizeof m->bytes) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.a, CUDA_R_16F, (uint64_t)co, (uint64_t)ci, co) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.b, CUDA_R_16F, (uint64_t)ci, (uint64_t)pixels, ci) ||
        lt.cublasLtMatrixLayoutCreate(&matmul.d, CUDA_R_16F, (uint64_t)co, (uint64_t)pixels, co) ||
        lt.cublasLtMatmulAlgoGetHeuristic(matmul.handle, matmul.product, matmul.a, matmul.b, matmul.d, matmul.d, matmul.preference, 1, &best, &found) || !found)
        return "cuBLASLt has no algorithm for it";
    matmul.algorithm = best.algo;
    return NULL;
}

void vendor_run_matmul(const void *x)
{
    const float one = 1, zero = 0;
    if (lt.cublasLtMatmul(matmul.handle, matmul.product, &one, matmul.weights, matmul.a, x, matmul.b, &zero, matmul.to, matmul.d, matmul.to, matmul.d,
                          &matmul.algorithm, matmul.memory.workspace, matmul.memory.bytes, matmul.memory.stream))
        failed = "cuBLASLt failed";
}
#else
const char *vendor_prepare_matmul(const VendorMemory *m, int pixels, int ci, int co, void *weights, void *y)
{
    (void)m, (void)pixels, (void)ci, (void)co, (void)weights, (void)y;
    return "built without cuBLASLt's headers";
}

void vendor_run_matmul(const void *x)
{
    (void)x;
}
#endif
