/* What a call of a kernel computes and moves, for profiles and their rooflines. */
#ifndef LX_COSTS_H
#define LX_COSTS_H

#include "kernels.h"
#include "liax/liax.h"

/* Channels, height, width, flops and bytes of the call (LiaxLayerInfo); its other fields are zero. What is no picture is one pixel. */
LiaxLayerInfo lx_cost_conv(const LxConvArgs *a);
#define LX_KERNEL(name, Args) LiaxLayerInfo lx_cost_##name(const Args *a);
#include "kernels.def"

#endif
