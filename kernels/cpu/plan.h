/* Which algorithm a convolution gets on the CPU. */
#ifndef LX_PLAN_H
#define LX_PLAN_H

#include "kernels.h"
#include "liax/liax.h"

/**
 * The cheapest of what the table has for this shape, by a model of the cost, which for large weights counts memory too; of one kind
 * only, if `conv` names one.
 * LIAX_CONV_WINOGRAD leaves shapes that Winograd's method is not for to the direct form.
 * @param low_memory  not 0: no form whose weights take more memory than the direct one's, unless `conv` asks for it
 */
const LxConvOps *lx_plan_conv(const LxKernels *k, LiaxConv conv, int bf16, int low_memory, const LxConvDesc *d);

#endif
