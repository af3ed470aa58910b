/* NVIDIA's own libraries, for comparison alone: found at run time, and only where their headers were there when this was built. All
   pointers are device memory of the caller's; numbers are f16, sums f32, pixels NHWC. One product is prepared at a time. */
#ifndef VENDOR_H
#define VENDOR_H

#include <stddef.h>

typedef enum VendorKind { VENDOR_CUDNN, VENDOR_CUBLASLT } VendorKind;

/* y[h,w,co] = the k x k convolution of x[h,w,ci], padding k/2. By cuDNN: weights [co,k,k,ci]; by cuBLASLt: k is 1, weights [ci,co]. */
typedef struct VendorProduct {
    VendorKind kind;
    int k, ci, co, h, w;
    void *x, *weights, *y, *workspace;
    size_t workspace_bytes;
    void *stream;
} VendorProduct;

/** The algorithm that comes nth among the fastest: cuDNN tries them, for which x and y are used; cuBLASLt says what it thinks.
    @return NULL, or a sentence why it cannot be; that there are no more is one */
const char *vendor_prepare(const VendorProduct *p, int nth);

/** What was prepared, for another x. */
void vendor_run(const void *x);

/** The last status of a run; NULL: done. */
const char *vendor_failed(void);

#endif
