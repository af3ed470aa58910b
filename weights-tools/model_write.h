/* Writes a LIA-X model as a container from any source of its checkpoint tensors: a checkpoint, or made-up numbers. */
#ifndef LX_MODEL_WRITE_H
#define LX_MODEL_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "controls.h"
#include "core/half.h"
#include "core/log.h"
#include "lia_x_layout.h"

/* Gives values first ... first+n-1 of tensor `spec`, in ascending order. */
typedef LiaxStatus (*LxReadValues)(void *ctx, size_t spec, uint64_t first, size_t n, float *to, LxLog *log);

typedef struct LxModelSource {
    LxLiaXSizes sizes;
    const LxSpec *specs; /* lx_lia_x_layout of sizes */
    size_t n_specs;
    const LxDtype *dtypes; /* [n_specs]: of the output */
    LxReadValues read;
    void *ctx;
    const LxControls *controls;
    const char *license, *source, *generator;
} LxModelSource;

/**
 * Write the container, holding no more than dec.direction.weight and a few hundred KB in memory. The FIR buffers are
 * compared with the FIR and dropped; dec.direction.weight becomes dec.direction.Q, f32.
 * @return LIAX_OK; LIAX_E_FORMAT: a number that is not finite or does not fit the dtype, or another filter;
 *         LIAX_E_CANCELLED, LIAX_E_IO, LIAX_E_MEMORY. Without LIAX_OK there is no file.
 */
LiaxStatus lx_model_write(const LxModelSource *s, const char *path, LxLog *log);

#endif
