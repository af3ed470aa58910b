/* Made-up weights that behave: every activation of a network with them is of order one. */
#ifndef LX_SYNTH_H
#define LX_SYNTH_H

#include <stddef.h>
#include <stdint.h>

#include "core/half.h"
#include "core/log.h"
#include "lia_x_layout.h"

typedef struct LxSynth {
    LxLiaXSizes sizes;
    const LxSpec *specs; /* lx_lia_x_layout of sizes */
    size_t n_specs;
    uint64_t seed;
} LxSynth;

/** Sizes of an S x S model: 512s, 256s, 128s, 64s channels counted from the top, as the published one. 0: no such size. */
int lx_synth_sizes(LxLiaXSizes *sizes, int64_t size, double scale);

/** Values of a tensor; they depend on the seed, the tensor's name and their index only. An LxReadValues. */
LiaxStatus lx_synth_read(void *synth, size_t spec, uint64_t first, size_t n, float *to, LxLog *log);

/** Write a checkpoint of them, as safetensors, every tensor in `dtype`. LIAX_E_IO; LIAX_E_MEMORY; LIAX_E_CANCELLED. */
LiaxStatus lx_synth_safetensors(const LxSynth *s, LxDtype dtype, const char *path, LxLog *log);

#endif
