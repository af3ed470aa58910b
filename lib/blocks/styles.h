/*
 * Styles: what modulated convolutions take from the latent. Every style is affine in the latent, m = W z + b, and the latent
 * in the motion, z = z_s + Q a; so all styles of a frame are base + columns * a, with base = W z_s + b once per source and
 * columns = W Q once per model. docs/network.md, "Styles from 40 numbers".
 */
#ifndef LX_STYLES_H
#define LX_STYLES_H

#include "bind.h"
#include "run.h"

typedef struct LxStyles {
    int latent, motions;
    int total;       /* floats of all styles of a frame, each layer's padded to its stored channels, sum padded to 16 */
    int used;        /* while binding: floats given to layers so far */
    int d_total;     /* demodulation factors of a frame, likewise */
    const float *q;  /* host, [latent][motions]: the model's directions */
    float *matrix;   /* device, [total][latent]: W */
    float *offset;   /* device, [total]: b */
    float *columns;  /* device, [motions][total]: W Q */
    float *host_matrix, *host_offset, *host_columns; /* while binding */
    LxDemodulateLayer *layers;
    int n_layers, max_layers;
} LxStyles;

/* The styles of one pass. */
typedef struct LxStyled {
    float *m; /* device, [n][total] */
    float *d; /* device, [n][d_total] */
    int m_stride, d_stride;
} LxStyled;

/** Room for styles of `total` floats and at most max_layers demodulated layers. q must live as long. */
LiaxStatus lx_styles_begin(LxStyles *s, LxBind *b, int latent, int motions, int total, int max_layers, const float *q);

/** Bind "<key>.modulation.weight" and ".bias" of a layer with ci input channels; *style_at is where its style will be. */
LiaxStatus lx_styles_bind(LxStyles *s, LxBind *b, const char *key, int ci, int *style_at);

/** Add a demodulated layer: w [co,ci,k,k] host, `taps` = k*k, its values times `factor` being the layer's. */
LiaxStatus lx_styles_demodulate(LxStyles *s, LxBind *b, const float *w, int ci, int co, int taps, float factor, int style_at, int *d_at);

/** When all layers are bound: to the device. */
LiaxStatus lx_styles_end(LxStyles *s, LxBind *b);
void lx_styles_drop(LxStyles *s, LxDevice *d);

/** base [total] of a source with latent z [latent], both device memory. */
void lx_styles_base(LxRun *r, const LxStyles *s, const float *z, float *base);

/** All styles and demodulation factors of n frames with motions a [n][motions] (device), in arena memory. */
LxStyled lx_styles(LxRun *r, const LxStyles *s, const float *base, const float *a, int n);

#endif
