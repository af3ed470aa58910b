/*
 * A fake of what vendor.c calls of cuDNN and cuBLASLt, compiled against their headers, on the emulated device: the formula, by
 * fake_product.cpp. It is strict about what it is given. Of ALGORITHMS algorithms, all but the last ones are wrong: LIAX_FAKE_WRONG
 * says how many. Without the headers it is empty.
 */
#if defined(__has_include)
#if __has_include(<cudnn.h>) && __has_include(<cublasLt.h>)
#define HAS_HEADERS
#endif
#endif

#if defined(HAS_HEADERS)
#include <cublasLt.h>
#include <cudnn.h>
#include <stdlib.h>
#include <string.h>

#include "fake_product.h"

enum { ALGORITHMS = 3 };

static int is_wrong(int algorithm)
{
    const char *wrong = getenv("LIAX_FAKE_WRONG");
    return wrong && algorithm < atoi(wrong);
}

/* ---- cuDNN: descriptors are their numbers */

struct cudnnContext {
    cudaStream_t stream;
};
struct cudnnTensorStruct {
    int c, h, w;
};
struct cudnnFilterStruct {
    int co, ci, h, w;
};
struct cudnnConvolutionStruct {
    int pad;
    cudnnMathType_t math;
};

#define EXPORT __attribute__((visibility("default")))
#define CREATE(call, Type) \
    EXPORT cudnnStatus_t call(Type *out) { return (*out = calloc(1, sizeof **out)) ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR; }
CREATE(cudnnCreate, cudnnHandle_t)
CREATE(cudnnCreateTensorDescriptor, cudnnTensorDescriptor_t)
CREATE(cudnnCreateFilterDescriptor, cudnnFilterDescriptor_t)
CREATE(cudnnCreateConvolutionDescriptor, cudnnConvolutionDescriptor_t)

EXPORT cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnSetTensor4dDescriptor(cudnnTensorDescriptor_t t, cudnnTensorFormat_t format, cudnnDataType_t type, int n, int c, int h, int w)
{
    *t = (struct cudnnTensorStruct){c, h, w};
    return format == CUDNN_TENSOR_NHWC && type == CUDNN_DATA_HALF && n == 1 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

EXPORT cudnnStatus_t cudnnSetFilter4dDescriptor(cudnnFilterDescriptor_t f, cudnnDataType_t type, cudnnTensorFormat_t format, int co, int ci, int h, int w)
{
    *f = (struct cudnnFilterStruct){co, ci, h, w};
    return format == CUDNN_TENSOR_NHWC && type == CUDNN_DATA_HALF && h == w ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

EXPORT cudnnStatus_t cudnnSetConvolution2dDescriptor(cudnnConvolutionDescriptor_t c, int pad_h, int pad_w, int u, int v, int dilation_h, int dilation_w,
                                                     cudnnConvolutionMode_t mode, cudnnDataType_t type)
{
    c->pad = pad_h;
    const int plain = pad_h == pad_w && u == 1 && v == 1 && dilation_h == 1 && dilation_w == 1;
    return plain && mode == CUDNN_CROSS_CORRELATION && type == CUDNN_DATA_FLOAT ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

EXPORT cudnnStatus_t cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t c, cudnnMathType_t math)
{
    c->math = math;
    return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnConvolutionForward(cudnnHandle_t handle, const void *alpha, const cudnnTensorDescriptor_t xd, const void *x, const cudnnFilterDescriptor_t wd,
                                             const void *w, const cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t algorithm, void *workspace, size_t bytes,
                                             const void *beta, const cudnnTensorDescriptor_t yd, void *y)
{
    (void)workspace, (void)bytes;
    const int fits = wd->ci == xd->c && wd->co == yd->c && xd->h == yd->h && xd->w == yd->w && c->pad == wd->h / 2 && c->math == CUDNN_TENSOR_OP_MATH;
    if (!fits || *(const float *)alpha != 1 || *(const float *)beta != 0) return CUDNN_STATUS_BAD_PARAM;
    const int taps = wd->h * wd->w;
    fake_product(handle->stream, &(FakeProduct){x, w, y, xd->h, xd->w, wd->ci, wd->co, wd->h, taps * wd->ci, wd->ci, 1, is_wrong((int)algorithm)});
    return CUDNN_STATUS_SUCCESS;
}

EXPORT cudnnStatus_t cudnnFindConvolutionForwardAlgorithmEx(cudnnHandle_t handle, const cudnnTensorDescriptor_t xd, const void *x, const cudnnFilterDescriptor_t wd,
                                                            const void *w, const cudnnConvolutionDescriptor_t c, const cudnnTensorDescriptor_t yd, void *y,
                                                            const int wanted, int *found, cudnnConvolutionFwdAlgoPerf_t *best, void *workspace, size_t bytes)
{
    (void)handle, (void)xd, (void)x, (void)wd, (void)w, (void)c, (void)yd, (void)y, (void)workspace, (void)bytes;
    *found = wanted < ALGORITHMS ? wanted : ALGORITHMS;
    for (int i = 0; i < *found; i++) best[i] = (cudnnConvolutionFwdAlgoPerf_t){.algo = (cudnnConvolutionFwdAlgo_t)i, .mathType = CUDNN_TENSOR_OP_MATH};
    return CUDNN_STATUS_SUCCESS;
}

EXPORT const char *cudnnGetErrorString(cudnnStatus_t st)
{
    return st ? "fake_vendor.c refused it" : "success";
}

/* ---- cuBLASLt: columns are contiguous, so that y[pixels,co] = x[pixels,ci] w[ci,co] is its D[co,pixels] = A[co,ci] B[ci,pixels] */

EXPORT cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle)
{
    return (*handle = calloc(1, 8)) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

EXPORT cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *d, cublasComputeType_t compute, cudaDataType_t scale)
{
    *d = calloc(1, sizeof **d);
    return *d && compute == CUBLAS_COMPUTE_32F && scale == CUDA_R_32F ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *m, cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld)
{
    *m = calloc(1, sizeof **m);
    if (!*m || type != CUDA_R_16F || (uint64_t)ld != rows) return CUBLAS_STATUS_NOT_SUPPORTED;
    (*m)->data[0] = rows, (*m)->data[1] = cols;
    return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t m)
{
    free(m);
    return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *p)
{
    return (*p = calloc(1, sizeof **p)) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

EXPORT cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p, cublasLtMatmulPreferenceAttributes_t what, const void *value, size_t size)
{
    (void)p, (void)value;
    return what == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES && size == sizeof(size_t) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

EXPORT cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                                     cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t to, cublasLtMatmulPreference_t p, int wanted,
                                                     cublasLtMatmulHeuristicResult_t *best, int *found)
{
    (void)handle, (void)d, (void)p;
    const int fits = a->data[1] == b->data[0] && to->data[0] == a->data[0] && to->data[1] == b->data[1] && c == to;
    *found = fits ? wanted < ALGORITHMS ? wanted : ALGORITHMS : 0;
    memset(best, 0, (size_t)wanted * sizeof *best);
    for (int i = 0; i < *found; i++) best[i].algo.data[0] = (uint64_t)i;
    return CUBLAS_STATUS_SUCCESS;
}

EXPORT cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t d, const void *alpha, const void *a, cublasLtMatrixLayout_t ad, const void *b,
                                     cublasLtMatrixLayout_t bd, const void *beta, const void *c, cublasLtMatrixLayout_t cd, void *to, cublasLtMatrixLayout_t td,
                                     const cublasLtMatmulAlgo_t *algorithm, void *workspace, size_t bytes, cudaStream_t stream)
{
    (void)handle, (void)d, (void)cd, (void)td, (void)workspace, (void)bytes;
    if (*(const float *)alpha != 1 || *(const float *)beta != 0 || c != to) return CUBLAS_STATUS_INVALID_VALUE;
    const int co = (int)ad->data[0], ci = (int)ad->data[1];
    fake_product(stream, &(FakeProduct){b, a, to, (int)bd->data[1], 1, ci, co, 1, 1, 0, co, is_wrong((int)algorithm->data[0])});
    return CUBLAS_STATUS_SUCCESS;
}
#else
typedef int no_headers; /* ISO C wants something in a file */
#endif
