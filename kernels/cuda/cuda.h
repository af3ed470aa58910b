/*
 * What all of kernels/cuda agrees on: the runtime's header, how a kernel is launched, and who fills the table.
 *
 * Two builds have the same text: nvcc's, for GPUs, and the tests' emulation of it on the CPU (-DLX_EMULATE), whose
 * cuda_emulator.h declares what is used of the runtime under the runtime's names, for C11 and for C++17. Host code is C (backend*.c),
 * kernels are in .cu files: C++ with the entry points below as extern "C".
 *
 * Rules for `run` of every entry of the table (LxExec.stream is the stream to launch on):
 *  - it only launches kernels and sets memory (cudaMemsetAsync): it allocates nothing, copies nothing from or to the host and
 *    waits for nothing, so that a pass can be recorded into a graph and replayed. A host array among the arguments
 *    (LxDemodulateArgs.layers) goes to the kernel by value;
 *  - tensors have the type that LxTensor.type says, LX_F32 or the table's: pictures, rgb and flow are LX_F32, features and
 *    everything between convolutions are the table's; so x and y of a convolution each have either, and the residual y's.
 *    Without `residual_up` the residual may be y's own memory. Vectors (in_scale, bias, styles, statistics, motions) are
 *    float. Sums are taken in float or better; a value is rounded to its storage type once, when it is stored;
 *  - pointers are device memory, except to the argument structs themselves, LxDemodulateArgs.layers (the array; `squares` in it
 *    is device memory) and LxFrameInArgs.image / LxFrameOutArgs.image (the struct; its planes are device memory);
 *  - scratch memory (LxConvOps.scratch_bytes) is asked for with slots = 1 and given in LxExec.scratch. LxFrameInArgs.wide has
 *    room for one row, LxFrameOutArgs.wide for two: a kernel that wants more parallelism than that computes without them;
 *  - results do not depend on the batch, and repeat from run to run: no atomic sums;
 *  - NaN and infinity in the input show in the output: the first frame in f16 is checked for them.
 * `pack` writes host memory; the backend uploads it.
 */
#ifndef LX_CUDA_H
#define LX_CUDA_H

#if defined(LX_EMULATE)
#include "cuda_emulator.h"
#elif defined(__cplusplus)
#include <cuda_runtime.h>
#else
#include <cuda_runtime_api.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

#include "kernels.h"

/** Fill all of the table with kernels that any GPU of this build runs; activations and packed weights are stored as `type`. */
void lx_kernels_cuda_plain(LxKernels *k, LxDtype type);

/** The convolution for a shape on a device of this compute capability (80: sm_80), activations and weights stored as `type`.
    conv: AUTO takes a table's choice, REF the plain tier, DIRECT tensor cores wherever they can. */
const LxConvOps *lx_cuda_conv(const LxConvDesc *d, LxDtype type, int capability, LiaxConv conv);

#ifdef __cplusplus
}
#endif

/* LX_LAUNCH(kernel, grid, block, shared_bytes, stream, arguments...): the one way to launch a kernel; stream is LxExec.stream.
   Errors are found where the stream is waited for. The emulator's header has its own. */
#if defined(__CUDACC__)
#define LX_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) \
    kernel<<<(grid), (block), (shared_bytes), static_cast<cudaStream_t>(stream)>>>(__VA_ARGS__)
#endif

#endif
