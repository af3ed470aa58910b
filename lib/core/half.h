/* The dtypes of weights in files, and their conversion to and from float. */
#ifndef LX_HALF_H
#define LX_HALF_H

#include <stddef.h>
#include <stdint.h>

/* The numbers are the container's (docs/container.md). */
typedef enum LxDtype { LX_F32 = 0, LX_F16 = 1, LX_BF16 = 2 } LxDtype;

/** Bytes of one element; 0 for a number that is no dtype. */
size_t lx_dtype_size(LxDtype t);

/** "f32", "f16", "bf16". */
const char *lx_dtype_name(LxDtype t);

float lx_f16_to_f32(uint16_t h);
uint16_t lx_f32_to_f16(float f); /* to nearest, ties to even; overflow gives infinity */
float lx_bf16_to_f32(uint16_t b);
uint16_t lx_f32_to_bf16(float f); /* to nearest, ties to even; NaN stays NaN */

/** n elements of dtype `t` at `from`, little-endian and of any alignment, as floats. */
void lx_to_f32(float *to, const void *from, LxDtype t, size_t n);

/** The other way. */
void lx_from_f32(void *to, const float *from, LxDtype t, size_t n);

#endif
