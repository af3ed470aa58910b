/* How many rows products take at a time: what costs are counted with too (cpu/plan.c), on machines without these kernels as well. */
#ifndef LX_X86_TILES_H
#define LX_X86_TILES_H

#define LX_ROWS 6         /* pixels, or Winograd's tiles, at a time (gemm.h) */
#define LX_BLOCK_TILES 24 /* most of Winograd's tiles in a block (winograd_plan.h), a multiple of LX_ROWS */

#endif
