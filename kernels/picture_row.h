/* Rows of a caller's picture, in any of its formats, as floats R, G, B, 0 in -1 ... 1, and back. */
#ifndef LX_PICTURE_ROW_H
#define LX_PICTURE_ROW_H

#include "liax/liax.h"

/** Row y of `image`, whose strides and YUV fields are set, to 4 floats a pixel. 8-bit samples v become (v/255 - 0.5)*2. */
void lx_picture_row_in(const LiaxImage *image, int y, float *to);

/**
 * Rows y and y+1, y being even, of `image` from 4 floats a pixel; the second may be NULL on the last row. 8-bit samples
 * are (clamp(v, -1, 1) + 1) * 127.5 rounded, NaN gives 0. The chroma of a pair of rows is that of their mean.
 */
void lx_picture_rows_out(const LiaxImage *image, int y, const float *first, const float *second);

#endif
