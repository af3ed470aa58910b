/* Costs of the kernels, from their contracts (costs.h). */
#include "costs.h"

#define FLOATS(n) ((double)(n) * sizeof(float))

/* Of a transposed or upsampling convolution, those of its definition without the zeros that were stuffed in. */
LiaxLayerInfo lx_cost_conv(const LxConvArgs *a)
{
    const LxConvDesc *d = &a->weights->desc;
    const double outputs = d->kind == LX_CONV_UP2D ? (double)d->h * d->w : (double)a->y.h * a->y.w;
    return (LiaxLayerInfo){.in_channels = d->ci, .out_channels = d->co, .height = a->y.h, .width = a->y.w,
                           .flops = 2.0 * a->y.n * outputs * d->co * d->ci * d->k * d->k,
                           .bytes = (double)(lx_tensor_bytes(&a->x) + lx_tensor_bytes(&a->y) + lx_tensor_bytes(&a->residual)) + (double)a->weights->bytes};
}

LiaxLayerInfo lx_cost_linear(const LxLinearArgs *a)
{
    const double products = (double)a->outputs * a->inputs;
    return (LiaxLayerInfo){.in_channels = a->inputs, .out_channels = a->outputs, .height = 1, .width = 1, .flops = 2 * a->n * products,
                           .bytes = FLOATS(products + (double)a->n * (a->inputs + a->outputs))};
}

LiaxLayerInfo lx_cost_navigate(const LxNavigateArgs *a)
{
    const double products = (double)a->outputs * a->motions;
    return (LiaxLayerInfo){.in_channels = a->motions, .out_channels = a->outputs, .height = 1, .width = 1, .flops = 2 * a->n * products,
                           .bytes = FLOATS(products + a->outputs + (double)a->n * (a->motions + a->outputs))};
}

LiaxLayerInfo lx_cost_demodulate(const LxDemodulateArgs *a)
{
    LiaxLayerInfo info = {.height = 1, .width = 1};
    double products = 0;
    for (int i = 0; i < a->n_layers; i++) {
        info.in_channels += a->layers[i].ci;
        info.out_channels += a->layers[i].co;
        products += (double)a->layers[i].ci * a->layers[i].co;
    }
    info.flops = 2 * a->n * products;
    info.bytes = FLOATS(products + (double)a->n * (info.in_channels + info.out_channels));
    return info;
}

/* Adding up the rows' sums; the few operations for each channel after that do not count. */
LiaxLayerInfo lx_cost_group_norm_affine(const LxGroupNormAffineArgs *a)
{
    const double sums = 2.0 * a->n * a->rows * a->cs;
    return (LiaxLayerInfo){.in_channels = a->c, .out_channels = a->c, .height = 1, .width = 1, .flops = sums,
                           .bytes = FLOATS(sums + 2.0 * a->c + 3.0 * a->n * a->cs)};
}

/* For each channel three products for the flow, four for the sample, one for the mask and one for the blend. */
LiaxLayerInfo lx_cost_warp(const LxWarpArgs *a)
{
    const double values = (double)a->h.n * a->h.h * a->h.w * a->h.c;
    const size_t blended = a->blended.data ? lx_tensor_bytes(&a->blended) : 0;
    return (LiaxLayerInfo){.in_channels = a->h.c, .out_channels = a->h.c, .height = a->h.h, .width = a->h.w, .flops = 2 * 9 * values,
                           .bytes = (double)(lx_tensor_bytes(&a->h) + lx_tensor_bytes(&a->feature) + lx_tensor_bytes(&a->previous) +
                                             lx_tensor_bytes(&a->flow) + lx_tensor_bytes(&a->warped) + blended)};
}

static double picture_bytes(const LiaxImage *i)
{
    double bytes = 0;
    for (int p = 0; p < 4; p++) {
        const int32_t rows = p > 0 && (i->format == LIAX_NV12 || i->format == LIAX_I420) ? (i->height + 1) / 2 : i->height;
        if (i->planes[p]) bytes += (double)i->strides[p] * rows;
    }
    return bytes;
}

static double taps_of(const LxResizeAxis *axis)
{
    return axis->n_in == axis->n_out ? 0 : axis->taps;
}

/* Of three channels: a product for each of the picture's values, then the taps along rows and along columns. */
static LiaxLayerInfo resize_cost(const LiaxImage *image, const LxResizeAxis *x, const LxResizeAxis *y, const LxTensor *t, int height, int width)
{
    const double values = (double)image->width * image->height, rows = (double)y->n_in * x->n_out, columns = (double)y->n_out * x->n_out;
    return (LiaxLayerInfo){.in_channels = 3, .out_channels = 3, .height = height, .width = width,
                           .flops = 2 * 3 * (values + rows * taps_of(x) + columns * taps_of(y)), .bytes = picture_bytes(image) + (double)lx_tensor_bytes(t)};
}

LiaxLayerInfo lx_cost_frame_in(const LxFrameInArgs *a)
{
    return resize_cost(a->image, &a->x, &a->y, &a->to, a->to.h, a->to.w);
}

LiaxLayerInfo lx_cost_frame_out(const LxFrameOutArgs *a)
{
    return resize_cost(a->image, &a->x, &a->y, &a->from, a->image->height, a->image->width);
}
