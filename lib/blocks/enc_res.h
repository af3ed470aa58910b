/* EncRes, the encoder's residual block: y = (conv2(conv1(x)) + skip(x)) / sqrt(2), half the size. docs/network.md, "Encoder". */
#ifndef LX_ENC_RES_H
#define LX_ENC_RES_H

#include "conv_layer.h"

typedef struct LxEncRes {
    LxConvLayer conv1, conv2, skip;
} LxEncRes;

/** `key` is "enc.enc_2r.block2.0", size that of the input. */
LiaxStatus lx_enc_res_bind(LxEncRes *e, LxBind *b, const char *key, int ci, int co, int size);
void lx_enc_res_drop(LxEncRes *e, LxDevice *d);

/** x [n,ci,s,s], y [n,co,s/2,s/2]. */
void lx_enc_res(LxRun *r, const LxEncRes *e, LxTensor x, LxTensor y);

#endif
