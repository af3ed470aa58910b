/* Which tier a convolution gets, by its shape and the device's compute capability (10 * major + minor). */
#include "cuda.h"
#include "plain.h"

/* The first row that fits is taken. wgmma with TMA (sm_90a) will have its row before mma's.
   Below 16 channels in or out, tiles of 64 columns and steps of 32 are mostly padding. */
static const struct Row {
    const LxConvOps *ops; /* by kind */
    LxDtype type;
    int capability, can, worth; /* at least; channels in and out that it can do, and from which on it is chosen */
} table[] = {
    {lx_conv_cuda_mma, LX_F16, 80, 5, 16},
    {lx_conv_cuda_f16, LX_F16, 0, 1, 1},
    {lx_conv_cuda_f32, LX_F32, 0, 1, 1},
};

const LxConvOps *lx_cuda_conv(const LxConvDesc *d, LxDtype type, int capability, LiaxConv conv)
{
    const struct Row *r = table;
    const int channels = d->ci < d->co ? d->ci : d->co;
    for (;; r++) {
        const int plain = r->ops != lx_conv_cuda_mma;
        if (r->type == type && capability >= r->capability && channels >= (conv == LIAX_CONV_DIRECT ? r->can : r->worth) && (plain || conv != LIAX_CONV_REF))
            return &r->ops[d->kind];
    }
}
