/* Windows and weights of a resize, and the 8-bit resize that is Pillow's bit for bit. docs/network.md, "Pixels". */
#ifndef LX_RESAMPLE_H
#define LX_RESAMPLE_H

#include <stdint.h>

#include "core/alloc.h"
#include "kernels.h"

typedef enum LxFilter { LX_BILINEAR = 0, LX_BICUBIC } LxFilter;

/** Most inputs that one output depends on. */
int lx_resample_taps(LxFilter filter, int n_in, int n_out);

/** The window of output i: first input, number of inputs, and their weights, which sum to 1. */
int lx_resample_window(LxFilter filter, int n_in, int n_out, int i, int *first, double *weights);

/* An axis with its memory; made anew only when sizes change. Zeroed memory is an axis of no size. */
typedef struct LxAxis {
    LxResizeAxis axis;
    LxFilter filter;
    void *memory;
    size_t bytes;
} LxAxis;

/** Make it n_in -> n_out. 0 if there is no memory; the axis then has no size. */
int lx_axis_set(LxAxis *a, LxFilter filter, int n_in, int n_out, const LiaxAllocator *alloc);
void lx_axis_drop(LxAxis *a, const LiaxAllocator *alloc);

/**
 * Resize 8-bit RGB in 22-bit fixed point, rounded to 8 bits after each of the two passes, as Pillow does.
 * @param from  [h][w][3]
 * @param to    [h_out][w_out][3]
 * @return 0 if there is no memory for the pass between
 */
int lx_resample8(LxFilter filter, const uint8_t *from, int w, int h, uint8_t *to, int w_out, int h_out, const LiaxAllocator *alloc);

#endif
