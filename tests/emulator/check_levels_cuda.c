/*
 * The CUDA kernels, on the emulated device or a true one, as levels of the comparator (check.h): their table wears a coat that
 * does what a backend does. What the arguments point to is copied to device memory, each array by itself and exactly as long as
 * its contract says, activations in the level's storage type; then the kernel runs, and what it wrote is copied back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "cuda/cuda.h"

enum { LEVELS = 3, MAX_COPIES = 64, FIRST_WITH_TENSOR_CORES = 80 };

/* How few cases (CheckLevel.few): a GPU does all. An access of a fiber costs more, under ASan several times as much. */
#if !defined(LX_EMULATE)
enum { FEW = 0 };
#elif defined(__SANITIZE_ADDRESS__)
enum { FEW = 6 };
#else
enum { FEW = 1 };
#endif

typedef struct Coat {
    LxDtype type;
    LiaxConv choice; /* of convolutions */
    LxKernels real;
    LxConvOps conv[LX_CONV_KINDS];
} Coat;

static Coat coats[LEVELS];
static int capability; /* of the device: 80 is sm_80 */

/* ---- device memory of one call ---------------------------------------------------------------------------------------- */

typedef struct Copies {
    void *device[MAX_COPIES];
    int n;
} Copies;

static void must(cudaError_t e, const char *what)
{
    if (!e) return;
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
    abort();
}

static void *take(Copies *c, size_t bytes)
{
    void *p = NULL;
    must(c->n == MAX_COPIES ? cudaErrorMemoryAllocation : cudaMalloc(&p, bytes ? bytes : 1), "cudaMalloc");
    c->device[c->n++] = p;
    return p;
}

static void *up(Copies *c, const void *from, size_t bytes)
{
    if (!from) return NULL;
    void *p = take(c, bytes);
    must(cudaMemcpy(p, from, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    return p;
}

static float *up_floats(Copies *c, const float *from, size_t n)
{
    return up(c, from, n * sizeof(float));
}

static void down(void *to, const void *from, size_t bytes)
{
    must(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), "cudaMemcpy");
}

static void wait_for_kernels(void)
{
    must(cudaGetLastError(), "launch");
    must(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
}

static void release(Copies *c)
{
    while (c->n) cudaFree(c->device[--c->n]);
}

/* The host's tensor in `type` on the device; `outputs` are not copied there. */
static LxTensor up_tensor(Copies *c, const LxTensor *t, LxDtype type, int is_output)
{
    LxTensor d = *t;
    d.type = type;
    if (!t->data) return d;
    const size_t n = lx_tensor_floats(t), bytes = lx_tensor_bytes(&d);
    void *as_stored = malloc(bytes);
    if (!as_stored) abort();
    lx_from_f32(as_stored, t->data, type, n);
    d.data = is_output ? take(c, bytes) : up(c, as_stored, bytes);
    free(as_stored);
    return d;
}

static void down_tensor(const LxTensor *t, const LxTensor *from)
{
    const size_t bytes = lx_tensor_bytes(from);
    void *as_stored = malloc(bytes);
    if (!as_stored) abort();
    down(as_stored, from->data, bytes);
    lx_to_f32(t->data, as_stored, from->type, lx_tensor_floats(t));
    free(as_stored);
}

/* As the network has it: pictures, rgb and flow are f32. */
static LxDtype type_of(const Coat *k, const LxTensor *t)
{
    return t->c <= 4 ? LX_F32 : k->type;
}

/* ---- convolutions ------------------------------------------------------------------------------------------------------- */

static void conv_run(const LxExec *x, const LxConvArgs *a)
{
    const LxConvDesc *d = &a->weights->desc;
    const Coat *k = coats;
    while (&k->conv[d->kind] != a->weights->ops) k++;
    const LxConvOps *ops = lx_cuda_conv(d, k->type, capability, k->choice);
    Copies c = {0};
    LxConvWeights weights = *a->weights;
    weights.ops = ops;
    weights.packed = up(&c, a->weights->packed, a->weights->bytes);
    const size_t n = (size_t)a->x.n, xs = (size_t)(a->in_stride ? a->in_stride : a->x.cs), ys = (size_t)(a->out_stride ? a->out_stride : a->y.cs);
    const size_t cs = (size_t)a->y.cs, stats = n * (size_t)a->y.h * 2 * cs;
    LxConvArgs b = *a;
    b.weights = &weights;
    b.x = up_tensor(&c, &a->x, type_of(k, &a->x), 0);
    b.in_scale = up_floats(&c, a->in_scale, n * xs);
    b.in_shift = up_floats(&c, a->in_shift, n * xs);
    b.out_scale = up_floats(&c, a->out_scale, n * ys);
    b.bias = up_floats(&c, a->bias, cs);
    b.gain = up_floats(&c, a->gain, cs);
    b.offset = up_floats(&c, a->offset, cs);
    b.residual = up_tensor(&c, &a->residual, type_of(k, &a->y), 0);
    b.y = a->y.data == a->residual.data ? b.residual : up_tensor(&c, &a->y, type_of(k, &a->y), 1);
    b.stats = a->stats ? take(&c, stats * sizeof(float)) : NULL;
    const LxExec exec = {.pool = x->pool, .scratch = take(&c, ops->scratch_bytes ? ops->scratch_bytes(d, 1) : 0)};
    ops->run(&exec, &b);
    wait_for_kernels();
    down_tensor(&a->y, &b.y);
    if (a->stats) down(a->stats, b.stats, stats * sizeof(float));
    release(&c);
}

/* What that coat has beside `run`: which convolution it is depends on the shape. */
static const LxConvOps *mma_ops(const LxConvDesc *d)
{
    return lx_cuda_conv(d, LX_F16, capability, LIAX_CONV_DIRECT);
}

static size_t mma_bytes(const LxConvDesc *d)
{
    return mma_ops(d)->packed_bytes(d);
}

static void mma_pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to)
{
    mma_ops(d)->pack(pool, d, w, to);
}

/* ---- the others: coat, arguments ------------------------------------------------------------------------------------------- */

static void linear_on(const Coat *k, const LxLinearArgs *a)
{
    Copies c = {0};
    const size_t n = (size_t)a->n, in = (size_t)a->inputs, out = (size_t)a->outputs;
    LxLinearArgs b = *a;
    b.w = up_floats(&c, a->w, in * out);
    b.bias = up_floats(&c, a->bias, out);
    b.x = up_floats(&c, a->x, n * in);
    b.y = take(&c, n * out * sizeof(float));
    k->real.linear.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down(a->y, b.y, n * out * sizeof(float));
    release(&c);
}

static void navigate_on(const Coat *k, const LxNavigateArgs *a)
{
    Copies c = {0};
    const size_t n = (size_t)a->n, motions = (size_t)a->motions, out = (size_t)a->outputs;
    LxNavigateArgs b = *a;
    b.base = up_floats(&c, a->base, out);
    b.columns = up_floats(&c, a->columns, motions * out);
    b.a = up_floats(&c, a->a, n * motions);
    b.y = take(&c, n * out * sizeof(float));
    k->real.navigate.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down(a->y, b.y, n * out * sizeof(float));
    release(&c);
}

static void demodulate_on(const Coat *k, const LxDemodulateArgs *a)
{
    Copies c = {0};
    const size_t d = (size_t)a->n * (size_t)a->d_stride;
    LxDemodulateLayer layers[32];
    LxDemodulateArgs b = *a;
    for (int i = 0; i < a->n_layers; i++) {
        layers[i] = a->layers[i];
        layers[i].squares = up_floats(&c, a->layers[i].squares, (size_t)layers[i].ci * (size_t)layers[i].co);
    }
    b.layers = layers;
    b.styles = up_floats(&c, a->styles, (size_t)a->n * (size_t)a->styles_stride);
    b.d = up_floats(&c, a->d, d);
    k->real.demodulate.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down(a->d, b.d, d * sizeof(float));
    release(&c);
}

static void group_norm_affine_on(const Coat *k, const LxGroupNormAffineArgs *a)
{
    Copies c = {0};
    const size_t n = (size_t)a->n, cs = (size_t)a->cs;
    LxGroupNormAffineArgs b = *a;
    b.stats = up_floats(&c, a->stats, n * (size_t)a->rows * 2 * cs);
    b.weight = up_floats(&c, a->weight, (size_t)a->c);
    b.bias = up_floats(&c, a->bias, (size_t)a->c);
    b.m = up_floats(&c, a->m, (n - 1) * (size_t)a->m_stride + (size_t)a->c);
    b.scale = take(&c, n * cs * sizeof(float));
    b.shift = take(&c, n * cs * sizeof(float));
    k->real.group_norm_affine.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down(a->scale, b.scale, n * cs * sizeof(float));
    down(a->shift, b.shift, n * cs * sizeof(float));
    release(&c);
}

static void warp_on(const Coat *k, const LxWarpArgs *a)
{
    Copies c = {0};
    LxWarpArgs b = *a;
    b.h = up_tensor(&c, &a->h, k->type, 0);
    b.feature = up_tensor(&c, &a->feature, k->type, 0);
    b.w = up_floats(&c, a->w, 3 * (size_t)a->h.cs);
    b.m = up_floats(&c, a->m, (size_t)(a->h.n - 1) * (size_t)a->m_stride + (size_t)a->h.c);
    b.previous = up_tensor(&c, &a->previous, LX_F32, 0);
    b.flow = up_tensor(&c, &a->flow, LX_F32, 1);
    b.warped = up_tensor(&c, &a->warped, k->type, 1);
    b.blended = a->blended.data == a->h.data ? b.h : up_tensor(&c, &a->blended, k->type, 1);
    k->real.warp.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down_tensor(&a->flow, &b.flow);
    down_tensor(&a->warped, &b.warped);
    if (a->blended.data) down_tensor(&a->blended, &b.blended);
    release(&c);
}

static LxResizeAxis up_axis(Copies *c, const LxResizeAxis *a)
{
    LxResizeAxis b = *a;
    const size_t n = (size_t)a->n_out;
    b.first = up(c, a->first, n * sizeof(int));
    b.count = up(c, a->count, n * sizeof(int));
    b.weight = up_floats(c, a->weight, n * (size_t)a->taps);
    return b;
}

/* Bytes of plane p, the last row's gap left out. */
static size_t plane_bytes(const LiaxImage *image, int p)
{
    static const int bytes[] = {3, 4, 4, 1, 1, 1, 4};
    const int chroma = p && image->format != LIAX_RGBF32, columns = chroma ? (image->width + 1) / 2 : image->width, rows = chroma ? (image->height + 1) / 2 : image->height;
    return (size_t)(rows - 1) * (size_t)image->strides[p] + (size_t)columns * (size_t)(chroma && image->format == LIAX_NV12 ? 2 : bytes[image->format]);
}

static LiaxImage up_image(Copies *c, const LiaxImage *image)
{
    LiaxImage b = *image;
    for (int p = 0; p < 3; p++) b.planes[p] = image->planes[p] ? up(c, image->planes[p], plane_bytes(image, p)) : NULL;
    return b;
}

static void frame_in_on(const Coat *k, const LxFrameInArgs *a)
{
    Copies c = {0};
    LxFrameInArgs b = *a;
    const LiaxImage image = up_image(&c, a->image);
    b.image = &image;
    b.x = up_axis(&c, &a->x);
    b.y = up_axis(&c, &a->y);
    b.between = take(&c, 4 * (size_t)image.height * (size_t)a->to.w * sizeof(float));
    b.wide = take(&c, 4 * (size_t)image.width * sizeof(float));
    b.to = up_tensor(&c, &a->to, LX_F32, 1);
    k->real.frame_in.run(&(LxExec){0}, &b);
    wait_for_kernels();
    down_tensor(&a->to, &b.to);
    release(&c);
}

static void frame_out_on(const Coat *k, const LxFrameOutArgs *a)
{
    Copies c = {0};
    LxFrameOutArgs b = *a;
    const LiaxImage image = up_image(&c, a->image);
    b.image = &image;
    b.from = up_tensor(&c, &a->from, LX_F32, 0);
    b.x = up_axis(&c, &a->x);
    b.y = up_axis(&c, &a->y);
    b.between = take(&c, 4 * (size_t)a->from.h * (size_t)image.width * sizeof(float));
    b.wide = take(&c, 8 * (size_t)image.width * sizeof(float));
    k->real.frame_out.run(&(LxExec){0}, &b);
    wait_for_kernels();
    for (int p = 0; p < 3; p++)
        if (image.planes[p]) down(a->image->planes[p], image.planes[p], plane_bytes(&image, p));
    release(&c);
}

/* ---- tables ---------------------------------------------------------------------------------------------------------------- */

/* A function for each coat, since a table's functions know no more than their arguments. */
#define LX_KERNEL(name, Args)                                                                                       \
    static void name##_0(const LxExec *x, const Args *a) { (void)x; name##_on(&coats[0], a); }                       \
    static void name##_1(const LxExec *x, const Args *a) { (void)x; name##_on(&coats[1], a); }                       \
    static void (*const name##_coats[LEVELS])(const LxExec *, const Args *) = {name##_0, name##_1, name##_1};
#include "kernels.def"

static CheckLevel level_of(int i, const char *name, LxDtype type)
{
    const char *fewer = getenv("LIAX_CHECK_FEW"); /* where a tool makes kernels slow */
    CheckLevel l = {.name = name, .type = type, .few = fewer ? atoi(fewer) : FEW};
    Coat *k = &coats[i];
    k->type = type;
    k->choice = LIAX_CONV_REF;
    lx_kernels_cuda_plain(&k->real, type);
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) {
        k->conv[kind] = *k->real.conv[kind];
        k->conv[kind].run = conv_run;
        k->conv[kind].scratch_bytes = NULL;
        l.table.conv[kind] = &k->conv[kind];
    }
#define LX_KERNEL(name, Args) l.table.name.run = name##_coats[i];
#include "kernels.def"
    return l;
}

/* Tensor cores wherever they can. All but the convolutions is the reference's, which is not tested again. */
static CheckLevel mma_level(int i)
{
    const CheckLevel plain = level_of(i, "cuda mma f16", LX_F16);
    CheckLevel l = plain;
    lx_kernels_ref(&l.table);
    memcpy(l.table.conv, plain.table.conv, sizeof l.table.conv);
    l.tensor_cores = 1;
    coats[i].choice = LIAX_CONV_DIRECT;
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) {
        coats[i].conv[kind].packed_bytes = mma_bytes;
        coats[i].conv[kind].pack = mma_pack;
    }
    return l;
}

int check_levels(CheckLevel out[CHECK_MAX_LEVELS])
{
    int major = 0, minor = 0;
    must(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "cudaDeviceGetAttribute");
    must(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "cudaDeviceGetAttribute");
    capability = 10 * major + minor;
    out[0] = level_of(0, "cuda plain f32", LX_F32);
    out[1] = level_of(1, "cuda plain f16", LX_F16);
    if (capability < FIRST_WITH_TENSOR_CORES) return 2;
    out[2] = mma_level(2);
    return LEVELS;
}
