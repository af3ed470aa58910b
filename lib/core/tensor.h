/* A tensor: logical indices n, c, d, h, w and where its numbers lie. */
#ifndef LX_TENSOR_H
#define LX_TENSOR_H

#include <stddef.h>

#include "half.h"

/*
 * Numbers are of `type`, channels innermost: element (n, c, z, y, x) is number (((n*d + z)*h + y)*w + x)*cs + c. A pixel's
 * channels are stored as `cs` numbers, those beyond c being zero: kernels may read them, and write them as zero. Memory is
 * the device's. d is 1 for pictures. Zeroed memory is "no tensor".
 */
typedef struct LxTensor {
    float *data; /* where the numbers are; of f32 they are read through it, of other types through a cast */
    int n, c, d, h, w;
    int cs;
    LxDtype type;
} LxTensor;

/** Stored channels for c channels: 4 up to 4, else a multiple of 16, so that a pixel begins on a vector's boundary. */
static inline int lx_stored_channels(int c)
{
    return c <= 4 ? 4 : (c + 15) / 16 * 16;
}

/** A picture-like tensor over memory that is there, or NULL. */
static inline LxTensor lx_tensor_of(LxDtype type, void *data, int n, int c, int h, int w)
{
    LxTensor t = {(float *)data, n, c, 1, h, w, lx_stored_channels(c), type};
    return t;
}

/** The same of f32. */
static inline LxTensor lx_tensor(float *data, int n, int c, int h, int w)
{
    return lx_tensor_of(LX_F32, data, n, c, h, w);
}

/** Numbers that it holds, padding included. */
static inline size_t lx_tensor_floats(const LxTensor *t)
{
    return (size_t)t->n * (size_t)t->d * (size_t)t->h * (size_t)t->w * (size_t)t->cs;
}

/** Bytes that it occupies. */
static inline size_t lx_tensor_bytes(const LxTensor *t)
{
    return lx_tensor_floats(t) * (t->type == LX_F32 ? 4 : 2);
}

/** Pixel (n, y, x) of a picture-like tensor of f32: cs floats. */
static inline float *lx_tensor_pixel(const LxTensor *t, int n, int y, int x)
{
    return t->data + (((size_t)n * (size_t)t->h + (size_t)y) * (size_t)t->w + (size_t)x) * (size_t)t->cs;
}

/** One frame of a batch. */
static inline LxTensor lx_tensor_frame(LxTensor t, int n)
{
    t.n = 1;
    t.data = (float *)(void *)((char *)t.data + (size_t)n * lx_tensor_bytes(&t));
    return t;
}

#endif
