/* How alike two pictures are: PSNR, SSIM, sharpness, and the best that moving the source alone could do. */
#ifndef METRICS_H
#define METRICS_H

#include <stdint.h>

/* Pixels x0 <= x < x1, y0 <= y < y1. */
typedef struct Box {
    int x0, y0, x1, y1;
} Box;

/** The box of the pixels of labels [h][w] that have any of `bits`, grown by `margin`; the whole picture if there are none. */
Box box_of(const uint8_t *labels, int w, int h, int bits, int margin);

/** Peak signal-to-noise ratio in dB of RGB pictures [h][w][3] inside a box; at most 99. */
double psnr(const uint8_t *a, const uint8_t *b, int w, Box box);

/** Structural similarity (Wang et al. 2004) of the luma, over all 8x8 windows, without weights in a window. */
double ssim(const uint8_t *a, const uint8_t *b, int w, int h);

/** Sum of squared differences between neighbouring pixels, luma. */
double gradient_energy(const uint8_t *rgb, int w, int h);

/** The best PSNR to `truth` of `source` shifted by up to 12 % and scaled by up to 12 %, edges repeated. */
double best_shift_psnr(const uint8_t *source, const uint8_t *truth, int w, int h);

/** Pearson's correlation; 0 where one of them does not vary. */
double correlation(const double *a, const double *b, int n);

#endif
