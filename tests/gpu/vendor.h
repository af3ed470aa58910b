/* NVIDIA's own libraries, for comparison alone: found at run time, and only where their headers were there when this was built. All
   pointers are device memory of the caller's; numbers are f16, sums f32, pixels NHWC. One product is prepared at a time. */
#ifndef VENDOR_H
#define VENDOR_H

#include <stddef.h>

typedef struct VendorMemory {
    void *workspace;
    size_t bytes;
    void *stream;
} VendorMemory;

/** y[h,w,co] = the k x k convolution of x[h,w,ci], padding k/2, by cuDNN's fastest algorithm, which is found by trying (x and y are
    used for that). weights [co,k,k,ci]. @return NULL, or a sentence why it cannot be */
const char *vendor_prepare_conv(const VendorMemory *m, int k, int ci, int co, int h, int w, void *x, void *weights, void *y);
void vendor_run_conv(const void *x);

/** y[pixels,co] = x[pixels,ci] weights[ci,co], by what cuBLASLt thinks fastest. @return NULL, or a sentence why it cannot be */
const char *vendor_prepare_matmul(const VendorMemory *m, int pixels, int ci, int co, void *weights, void *y);
void vendor_run_matmul(const void *x);

/** The last status of a run; NULL: done. */
const char *vendor_failed(void);

#endif
