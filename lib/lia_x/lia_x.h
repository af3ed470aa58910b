/* The weights of a LIA-X model, and its two halves. docs/network.md describes the network tensor by tensor. */
#ifndef LX_LIA_X_H
#define LX_LIA_X_H

#include "blocks/conv_layer.h"
#include "blocks/enc_res.h"
#include "blocks/flow_head.h"
#include "blocks/flow_res.h"
#include "blocks/rgb_res.h"
#include "blocks/styled_conv.h"
#include "blocks/styles.h"
#include "blocks/to_rgb.h"
#include "family.h"

enum { LX_LEVELS = 7, LX_RESIDUALS = 4 };

/* The encoder: an image to its latent z and motion alpha, with the features that the decoder warps. */
typedef struct LxEncoder {
    LxConvLayer block1;        /* 3 -> w[n], at S */
    LxEncRes down[LX_LEVELS];  /* down[i]: w[i+1] at 8*2^i -> w[i] at half of it; down[0] is block_512 */
    float *block8;             /* [latent][16 * stored channels of w[0]]: the 4x4 convolution as a matrix */
    float *to_alpha, *to_alpha_bias; /* enc_r2t: [M][latent], [M] */
} LxEncoder;

/* One level of the decoder, at 8*2^i. */
typedef struct LxLevel {
    char name[16];             /* "level64" */
    LxStyledConv up;           /* conv*_1 */
    LxFlowRes flow_res[LX_RESIDUALS];
    LxFlowHead flow;
    LxConvLayer rgb_up;        /* conv*_2_up; unused at level 8 */
    LxRgbRes rgb_res[LX_RESIDUALS];
    LxToRgb rgb;
} LxLevel;

typedef struct LxDecoder {
    LxTensor input;            /* [1,w[0],4,4] */
    LxStyledConv conv1;
    LxLevel levels[LX_LEVELS];
} LxDecoder;

typedef struct LxLiaX {
    LxSizes sizes;
    int n_levels;              /* n_widths - 1 */
    int latent;                /* widths[0] */
    LxDtype storage;           /* of activations on the device that it is bound to */
    float *q;                  /* host: [latent][M], orthonormal columns */
    LxEncoder enc;
    LxDecoder dec;
    LxStyles styles;
} LxLiaX;

/* What drawing needs of one source, all in one block of device memory. */
typedef struct LxSourceView {
    float *base;                       /* [styles.total] */
    LxTensor features[LX_LEVELS];      /* coarse to fine: [1,w[i+1],8*2^i,8*2^i] */
    size_t bytes;
} LxSourceView;

/** Where the parts of a source lie in its memory. */
LxSourceView lx_source_view(const LxLiaX *m, void *memory);

/** Side of level i: 8, 16, ... S. */
static inline int lx_level_size(int i)
{
    return 8 << i;
}

LiaxStatus lx_encoder_bind(LxLiaX *m, LxBind *b);
void lx_encoder_drop(LxLiaX *m, LxDevice *d);

/**
 * images [n,3,S,S] -> z [n][latent], alpha [n][M] (device).
 * @param features  n_levels tensors, coarse to fine, that receive the features (n is 1 then); NULL: they are not kept
 */
void lx_encode(LxRun *r, const LxLiaX *m, LxTensor images, const LxTensor *features, float *z, float *alpha);

LiaxStatus lx_decoder_bind(LxLiaX *m, LxBind *b);
void lx_decoder_drop(LxLiaX *m, LxDevice *d);

/** A source and motions a [n][M] (device) -> out [n,3,S,S], not clamped. */
void lx_decode(LxRun *r, const LxLiaX *m, const LxSourceView *source, const float *a, LxTensor out);

#endif
