/* The cost of a convolution by each algorithm, from its shape (plan.h). */
#include "plan.h"

#include <float.h>
#include <math.h>

#include "ref/ref.h"
#include "x86/tiles.h"

/*
 * Costs in multiply-adds at the processor's peak. Measured on one thread of an AMD EPYC (Zen 3, AVX2), 2026-11-21, at 16 to
 * 1024 channels and 8x8 to 256x256 pixels. What a weight costs is the time to fetch it: from memory the first time in a
 * frame, since all weights together fit into no cache, then from the last-level cache for each block of tiles.
 */
#define DIRECT_PRODUCT 1.15
#define WINOGRAD_PRODUCT 1.2
#define TRANSFORM 12.0 /* for each channel and position of a tile, there and back */
#define FIRST_FETCH 13.0
#define FETCH 5.0

/* In bf16: AVX512_BF16 multiplies twice as many numbers at a time, and weights take half the bytes. Not measured, but the
   instructions' rate; where there are none, products cost more, and so Winograd's method pays for what it is chosen for here. */
#define BF16_SHARE 0.5

/* Of weights so large (16 MB) all layers' together decide how much memory a model takes: more of it must save a quarter of the time. */
#define LARGE 4e6
#define LARGE_SHARE 0.75

/* Channels as they are computed: in whole vectors, which are AVX2's here. */
static double in_vectors(int channels)
{
    return (channels + 7) / 8 * 8;
}

/* `share`: of what products and fetching weights cost in f32. */
static double direct_cost(const LxConvDesc *d, double share)
{
    const double weights = 9 * in_vectors(d->ci) * in_vectors(d->co);
    return share * weights * (DIRECT_PRODUCT * d->h * d->w + FIRST_FETCH);
}

/* In tiles of m x m. */
static double winograd_cost(const LxConvDesc *d, int m, double share)
{
    const double tiles = (double)((d->h + m - 1) / m) * ((d->w + m - 1) / m), rounded = LX_ROWS * ceil(tiles / LX_ROWS);
    const double positions = (m + 2) * (m + 2), channels = lx_stored_channels(d->ci) + lx_stored_channels(d->co);
    const double fetches = FIRST_FETCH + FETCH * tiles / LX_BLOCK_TILES;
    return positions * (share * d->ci * in_vectors(d->co) * (WINOGRAD_PRODUCT * rounded + fetches) + TRANSFORM * tiles * channels);
}

const LxConvOps *lx_plan_conv(const LxKernels *k, LiaxConv conv, int bf16, int low_memory, const LxConvDesc *d)
{
    if (conv == LIAX_CONV_REF) return bf16 ? &lx_conv_ref_bf16 : &lx_conv_ref;
    const LxConvOps *best = bf16 ? k->bf16[d->kind] : k->conv[d->kind];
    const LxConvOps *const *winograd = bf16 ? k->winograd_bf16 : k->winograd;
    const int suits = d->kind == LX_CONV2D && d->k == 3 && d->ci > 4;
    if (!suits || conv == LIAX_CONV_DIRECT || (conv == LIAX_CONV_AUTO && low_memory)) return best;
    const double large = 9.0 * d->ci * d->co >= LARGE ? LARGE_SHARE : 1, share = bf16 ? BF16_SHARE : 1;
    double least = conv == LIAX_CONV_WINOGRAD ? DBL_MAX : direct_cost(d, share);
    for (int i = 0; i < 2; i++) {
        const double cost = winograd_cost(d, i == 0 ? 2 : 4, share);
        if (!winograd[i] || cost >= large * least) continue;
        least = cost;
        best = winograd[i];
    }
    return best;
}
