/* The same product by ours and by NVIDIA's libraries: compared, then timed. */
#ifndef SECOND_OPINION_H
#define SECOND_OPINION_H

#include "bench_device.h"
#include "vendor.h"

/* A conv2d without affine, bias and activation, whose channels are multiples of 16. Outputs in the host's memory: ours, ours of
   absolute values, theirs. */
typedef struct Product {
    LxConvDesc d;
    float *plain;                  /* weights [co,ci,k,k] */
    void *x[SETS], *ours, *theirs; /* f16 on the device */
    uint16_t *want, *mag, *got;
} Product;

/* difference: the largest of an output from ours, in shares of what rounding allows; nth: how many algorithms that were said to be
   faster were passed over, since they differed by more or failed. */
typedef struct Opinion {
    Timing time;
    double difference;
    int nth;
} Opinion;

/** Random inputs and weights, and what ours make of them. */
Product product_of(const LxConvDesc *d);
void free_product(Product *p);

/** The fastest of their algorithms whose outputs are ours within what rounding allows; where none is, `why`, a sentence. */
Opinion second_opinion(const Product *p, VendorKind kind, char why[256]);

#endif
