/* What a model family is: how its weights are bound, and the three passes that sessions are made of. */
#ifndef LX_FAMILY_H
#define LX_FAMILY_H

#include "bind.h"
#include "run.h"

#define LX_WIDTHS 16

/* Sizes of a model, as its container says; checked by the family. */
typedef struct LxSizes {
    int size;              /* S */
    int motions;           /* M */
    int widths[LX_WIDTHS]; /* channels at 4x4, 8x8, ... S x S */
    int n_widths;
} LxSizes;

typedef struct LxFamily {
    const char *name;

    /** Sizes from metadata. LIAX_E_FORMAT with a sentence. */
    LiaxStatus (*sizes)(LxSizes *out, const LxContainer *c, LxLog *log);

    /** Read and pack all weights. *out is freed by unbind, also after a failure. */
    LiaxStatus (*bind)(void **out, LxBind *b, const LxSizes *sizes);
    void (*unbind)(void **weights, LxDevice *d);

    /** Bytes of device memory that keep what drawing needs of one source. */
    size_t (*source_bytes)(const void *weights);

    /** image [1,3,S,S] -> that memory, and the source's motion [M] (device). */
    void (*encode_source)(LxRun *r, const void *weights, LxTensor image, void *source, float *motion);

    /** images [n,3,S,S] -> motion [n][M] (device). */
    void (*encode_motion)(LxRun *r, const void *weights, LxTensor images, float *motion);

    /** A source and the motion a [n][M] (device) that it is to take -> out [n,3,S,S]. */
    void (*draw)(LxRun *r, const void *weights, const void *source, const float *a, LxTensor out);
} LxFamily;

/** The family that a container names. LIAX_E_UNSUPPORTED with a sentence. */
LiaxStatus lx_family_find(const LxFamily **out, const LxContainer *c, LxLog *log);

#endif
