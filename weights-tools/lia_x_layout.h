/* The tensors of a LIA-X checkpoint of given sizes: name, shape and what each is for. */
#ifndef LX_LIA_X_LAYOUT_H
#define LX_LIA_X_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#define LX_LIA_X_LEVELS 7 /* most levels: 8x8 ... 512x512 */

typedef struct LxLiaXSizes {
    int levels;                           /* n: S = 4 << n */
    uint64_t widths[LX_LIA_X_LEVELS + 1]; /* channels at 4x4, 8x8, ... SxS */
    uint64_t motions;
} LxLiaXSizes;

/* What a tensor is for: decides what the converter does with it and how liax-synth draws it. */
typedef enum LxRole {
    LX_ROLE_WEIGHT, LX_ROLE_BIAS, LX_ROLE_STYLE_WEIGHT, LX_ROLE_STYLE_BIAS, LX_ROLE_NORM_WEIGHT, LX_ROLE_GAMMA,
    LX_ROLE_LATENT,      /* enc.enc_2r.block8.weight */
    LX_ROLE_DIRECTION,   /* dec.direction.weight: stored as its Q */
    LX_ROLE_FLOW, LX_ROLE_FLOW_BIAS, LX_ROLE_RGB, LX_ROLE_RGB_BIAS,
    LX_ROLE_FIR, LX_ROLE_FIR_UP /* buffers: FIR, FIR * 4; checked and dropped */
} LxRole;

typedef struct LxSpec {
    char name[64];
    LxRole role;
    int level; /* of a decoder tensor: 0 is 8x8; else -1 */
    uint32_t rank;
    uint64_t dims[5];
    uint64_t count; /* product of dims */
} LxSpec;

/** Levels are called 512, 2, 3 ... 7, coarse to fine: "_512" or "3", as in dec.conv_512_1 and dec.conv3_1. */
const char *lx_lia_x_tag(int level);

/**
 * All tensors in the order in which a network is built: encoder fine to coarse, decoder coarse to fine.
 * @return an array of *n, to be freed with free; NULL if there is no memory
 */
LxSpec *lx_lia_x_layout(const LxLiaXSizes *sizes, size_t *n);

/** The FIR [1,3,3,1] x [1,3,3,1] / 64, element i of 16. */
float lx_fir(size_t i);

#endif
