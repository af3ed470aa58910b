/* The formula of a convolution on the emulated device, for fake_vendor.c. */
#ifndef FAKE_PRODUCT_H
#define FAKE_PRODUCT_H

/* y[h,w,co] = the k x k convolution of x[h,w,ci], padding k/2; halves. Weight (co, tap, ci) lies at co*by_co + tap*by_tap + ci*by_ci. */
typedef struct FakeProduct {
    const void *x, *weights;
    void *y;
    int h, w, ci, co, k, by_co, by_tap, by_ci;
    int wrong; /* the last input channel is left out */
} FakeProduct;

#ifdef __cplusplus
extern "C"
#endif
void fake_product(void *stream, const FakeProduct *p);

#endif
