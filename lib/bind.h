/* From a container's tensors to weights on a device: what every network needs while a model is opened. */
#ifndef LX_BIND_H
#define LX_BIND_H

#include "backend.h"
#include "container.h"
#include "core/log.h"

#define LX_KEY 96 /* longest tensor name that a network asks for */

typedef struct LxBind {
    const LxContainer *file;
    LxDevice *device;
    LxLog *log;
    float *host; /* room for the tensor at hand, grown as needed */
    size_t host_floats;
    LiaxProgress progress;
    void *progress_ctx;
    int64_t floats_read, floats_total;
} LxBind;

/** A tensor's values into b->host, its shape checked. LIAX_E_FORMAT, LIAX_E_IO, LIAX_E_MEMORY, LIAX_E_CANCELLED; sentence. */
LiaxStatus lx_bind_read(LxBind *b, const char *key, uint32_t rank, const uint64_t *dims);

/** A vector times `factor` in device memory, zeros up to `padded`; the tensor has `n` values and the shape given. */
LiaxStatus lx_bind_vector(LxBind *b, const char *key, uint32_t rank, const uint64_t *dims, float factor, size_t padded, float **out);

/** A convolution's weights [co,ci,k,k], or [1,co,ci,k,k] if `modulated`, times `factor`, packed; they stay in b->host. */
LiaxStatus lx_bind_conv(LxBind *b, const char *key, int modulated, const LxConvDesc *desc, float factor, LxConvWeights *out);

/** Free what the binding itself held. */
void lx_bind_end(LxBind *b);

#endif
