/* What the GPU's benchmarks share: the device, its memory with random numbers, convolutions of ours, times. All that fails on the
   device ends the program with a sentence: what is wrong with a benchmark's device is not to be borne with. */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include "cuda/cuda.h"
#include "liax/liax.h"

enum { SETS = 3 }; /* of inputs */

extern cudaStream_t stream;

/** The device, a stream, and threads for packing weights. */
void open_device(void);

void must(cudaError_t e, const char *what);

/** Memory of the host, or of the device: uninitialised, or n numbers of -size ... size. */
void *host(size_t bytes);
void *take(size_t bytes);
void *take_random(size_t n, LxDtype type, float size);

/** n halves from the device, when all that was asked on the stream is done. */
void fetch_halves(uint16_t *to, const void *from, size_t n);

/* Convolutions of ours, by the algorithm that the device's table gives to f16. */

size_t weight_count(const LxConvDesc *d);

/** Weights [co,ci,k,k] in the host's memory, as f16 has them; outputs are about as large as inputs. */
float *random_weights(const LxConvDesc *d);

/** The same, packed on the device; the caller frees `packed`. */
LxConvWeights take_weights(const LxConvDesc *d, const float *plain);

/** A tensor without data, as the network has it: pictures are f32. */
LxTensor tensor_of(int c, int h, int w);

/* Milliseconds of one pass; median 0: not measured. */
typedef struct Timing {
    double median, p10, p90;
} Timing;

/** Passes over all sets, recorded as a graph, which is replayed between two events. Not measured: it cannot be recorded. */
Timing timed(void (*run)(const void *arg, int set), const void *arg);

#endif
