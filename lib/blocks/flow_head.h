/* The flow head and what its flow does: ToFlow, warp, mask and blend. docs/network.md, "Decoder". */
#ifndef LX_FLOW_HEAD_H
#define LX_FLOW_HEAD_H

#include "styles.h"

typedef struct LxFlowHead {
    char name[LX_KEY];
    float *w; /* [3][stored channels] */
    float bias[3];
    size_t padded;
    int style_at;
} LxFlowHead;

/** `key` is "dec.flow2". */
LiaxStatus lx_flow_head_bind(LxFlowHead *f, LxBind *b, LxStyles *s, const char *key, int c);
void lx_flow_head_drop(LxFlowHead *f, LxDevice *d);

/**
 * From h [n,c,s,s] the flow [n,3,s,s], which adds to the upsampled `previous` if that has memory; with it the feature, warped
 * and masked, into `warped`, and blended into h itself if `blend`.
 */
void lx_flow_head(LxRun *r, const LxFlowHead *f, const LxStyled *s, LxTensor h, LxTensor feature, LxTensor previous, LxTensor flow,
                  LxTensor warped, int blend);

#endif
