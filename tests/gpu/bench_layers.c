/*
 * bench_layers MODEL FOLDER: what every layer of a frame takes on the device that FOLDER/libliax-cuda.so opens, as JSON.
 *
 * The layers are those of a profiled frame; a profile waits after each, so that its times are too long for short ones. So every
 * convolution is also timed by itself: passes over three sets of random data of its shape, so that the second-level cache does not
 * hold what a frame would not find there, are recorded as a graph, which is replayed between two events.
 *
 * With LIAX_CONV=cudnn, a second opinion: the same products by cuDNN (conv2d) and cuBLASLt (1x1, also of conv_down2d), without what
 * ours do before and after them, and a large matrix product by cuBLASLt, which the shares are of. Only those are timed whose outputs
 * are ours within what rounding allows. What could not be measured is null.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_device.h"
#include "second_opinion.h"

enum { MAX_LAYERS = 2048 };
#if defined(LX_EMULATE) /* only to be seen to run */
enum { MATRIX = 64 };
#else
enum { MATRIX = 8192 };
#endif

typedef struct Layer {
    LiaxLayerInfo info; /* ms is the profile's */
    char layer[96], kernel[32], algorithm[48];
    LxConvDesc desc; /* k is 0 where it is no convolution */
    Timing ours;
    Opinion cudnn, cublaslt;
} Layer;

typedef struct Frame {
    Layer layers[MAX_LAYERS];
    int n, at; /* at: the next of the frame that is drawn now */
} Frame;

static char no_cudnn[256], no_cublaslt[256]; /* why they were not measured */

/* ---- the layers ------------------------------------------------------------------------------------------------------- */

static int is_conv(const LiaxLayerInfo *l, LxConvDesc *d)
{
    for (int kind = 0; kind < LX_CONV_KINDS; kind++) {
        if (strcmp(l->kernel, lx_conv_kind_name((LxConvKind)kind))) continue;
        const int up = kind == LX_CONV_UP2D || kind == LX_UPSAMPLE_CONV2D, down = kind == LX_CONV_DOWN2D;
        const int h = up ? l->height / 2 : down ? l->height * 2 : l->height, w = up ? l->width / 2 : down ? l->width * 2 : l->width;
        const double outputs = kind == LX_CONV_UP2D ? (double)h * w : (double)l->height * l->width;
        *d = (LxConvDesc){(LxConvKind)kind, (int)lrint(sqrt(l->flops / (2 * outputs * l->in_channels * l->out_channels))), l->in_channels, l->out_channels, h, w};
        return 1;
    }
    return 0;
}

static void on_layer(void *ctx, const LiaxLayerInfo *info)
{
    Frame *f = ctx;
    if (f->at == MAX_LAYERS) return;
    Layer *l = &f->layers[f->at++];
    if (f->at <= f->n) { /* the shortest of all frames */
        l->info.ms = fmin(l->info.ms, info->ms);
        return;
    }
    f->n = f->at;
    l->info = *info;
    snprintf(l->layer, sizeof l->layer, "%s", info->layer);
    snprintf(l->kernel, sizeof l->kernel, "%s", info->kernel);
    snprintf(l->algorithm, sizeof l->algorithm, "%s", info->algorithm);
    if (!is_conv(info, &l->desc)) l->desc = (LxConvDesc){0};
}

/* Five profiled frames, after two that are not. */
static double profile(Frame *f, const char *path, const char *folder, LiaxModelInfo *info)
{
    char error[512] = "";
    const LiaxModelOptions o = {.struct_size = sizeof o, .device = "cuda", .backend_dir = folder, .error = error, .error_size = sizeof error};
    LiaxModel *m = NULL;
    LiaxSession *s = NULL;
    double gflops = 0;
    LiaxStatus st = liax_model_open(&m, path, &o);
    if (st) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    liax_model_info(m, info);
    const int size = info->size;
    uint8_t *pixels = malloc(6 * (size_t)size * (size_t)size);
    for (int i = 0; i < 3 * size * size; i++) pixels[i] = (uint8_t)((unsigned)rand() >> 7);
    LiaxImage in = {.struct_size = sizeof in, .format = LIAX_RGB24, .width = size, .height = size, .planes = {pixels}}, out = in;
    out.planes[0] = pixels + 3 * (size_t)size * (size_t)size;
    st = liax_session_open(&s, m, NULL);
    if (!st) st = liax_session_set_source(s, &in);
    for (int i = 0; !st && i < 7; i++) {
        f->at = 0;
        if (i == 2) liax_session_profile(s, on_layer, f);
        st = liax_animate_frame(s, &in, &out);
    }
    if (!st) st = liax_model_peak(m, &gflops);
    if (st) {
        fprintf(stderr, "%s\n", s ? liax_session_error(s) : "the session cannot be opened");
        exit(1);
    }
    free(pixels);
    liax_session_close(&s);
    liax_model_close(&m);
    return gflops;
}

/* ---- ours -------------------------------------------------------------------------------------------------------------------- */

typedef struct Ours {
    LxExec exec;
    LxConvArgs args;
    void *x[SETS];
} Ours;

static void run_ours(const void *arg, int set)
{
    const Ours *o = arg;
    LxConvArgs a = o->args;
    a.x.data = o->x[set];
    a.weights->ops->run(&o->exec, &a);
}

static Timing time_ours(const LxConvDesc *d)
{
    float *plain = random_weights(d);
    const LxConvWeights weights = take_weights(d, plain);
    const LxConvOps *ops = weights.ops;
    free(plain);
    Ours o = {.exec = {.scratch = take(ops->scratch_bytes(d, 1)), .stream = stream},
              .args = {.weights = &weights, .x = tensor_of(d->ci, d->h, d->w), .y = tensor_of(d->co, lx_conv_out(d, d->h), lx_conv_out(d, d->w)), .slope = 0.2f}};
    LxConvArgs *a = &o.args;
    for (int i = 0; i < SETS; i++) o.x[i] = take_random(lx_tensor_floats(&a->x), a->x.type, 1);
    void *const in = take_random((size_t)a->x.cs, LX_F32, 1), *const out = take_random((size_t)a->y.cs, LX_F32, 1), *const bias = take_random((size_t)a->y.cs, LX_F32, 1);
    a->in_scale = in, a->out_scale = out, a->bias = bias;
    a->y.data = take(lx_tensor_bytes(&a->y));
    const Timing t = timed(run_ours, &o);
    for (int i = 0; i < SETS; i++) cudaFree(o.x[i]);
    cudaFree(a->y.data), cudaFree(in), cudaFree(out), cudaFree(bias), cudaFree(weights.packed), cudaFree(o.exec.scratch);
    return t;
}

/* A layer's products, where NVIDIA's libraries have them. */
static void ask_vendors(Layer *l)
{
    const LxConvDesc *d = &l->desc;
    const int taken = d->kind == LX_CONV2D || (d->kind == LX_CONV_DOWN2D && d->k == 1);
    if (!taken || d->ci % 16 || d->co % 16) return; /* others are stored with padding */
    const LxConvDesc plain = {LX_CONV2D, d->k, d->ci, d->co, lx_conv_out(d, d->h), lx_conv_out(d, d->w)};
    Product p = product_of(&plain);
    if (d->kind == LX_CONV2D) l->cudnn = second_opinion(&p, VENDOR_CUDNN, no_cudnn);
    if (d->k == 1) l->cublaslt = second_opinion(&p, VENDOR_CUBLASLT, no_cublaslt);
    free_product(&p);
}

/* ---- the report -------------------------------------------------------------------------------------------------------------------- */

static void put_timing(const char *key, const Timing *t, const Opinion *o)
{
    printf(", \"%s\": ", key);
    if (!(t->median > 0)) {
        printf("null");
        return;
    }
    printf("{\"ms\": %.6f, \"p10\": %.6f, \"p90\": %.6f", t->median, t->p10, t->p90);
    if (o) printf(", \"difference\": %.3g, \"nth\": %d", o->difference, o->nth);
    putchar('}');
}

static void put_text(const char *key, const char *text)
{
    printf(", \"%s\": \"", key);
    for (; *text; text++)
        if (*text != '"' && *text != '\\' && (unsigned char)*text >= 32) putchar(*text);
    putchar('"');
}

static void report(const Frame *f, const LiaxModelInfo *info, double fma_gflops, const Opinion *matrix)
{
    printf("{\"size\": %d, \"parameters\": %lld, \"fma_tflops\": %.3f, \"matmul_tflops\": ", info->size, (long long)info->parameters, fma_gflops / 1e3);
    if (matrix->time.median > 0) printf("%.3f", 2e-9 * pow(MATRIX, 3) / matrix->time.median);
    else printf("null");
    printf(", \"matmul_size\": %d", MATRIX);
    put_timing("matmul", &matrix->time, matrix);
    put_text("no_cudnn", no_cudnn);
    put_text("no_cublaslt", no_cublaslt);
    printf(", \"layers\": [");
    for (int i = 0; i < f->n; i++) {
        const Layer *l = &f->layers[i];
        printf("%s\n{\"layer\": \"%s\", \"kernel\": \"%s\", \"algorithm\": \"%s\", \"k\": %d, \"shape\": [%d, %d, %d, %d], \"flops\": %.0f, \"bytes\": %.0f, \"profiled_ms\": %.6f",
               i ? "," : "", l->layer, l->kernel, l->algorithm, l->desc.k, l->info.in_channels, l->info.out_channels, l->info.height, l->info.width, l->info.flops,
               l->info.bytes, l->info.ms);
        put_timing("ours", &l->ours, NULL);
        put_timing("cudnn", &l->cudnn.time, &l->cudnn);
        put_timing("cublaslt", &l->cublaslt.time, &l->cublaslt);
        putchar('}');
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    const char *const conv = getenv("LIAX_CONV");
    if (argc != 3 || (conv && *conv && strcmp(conv, "cudnn"))) {
        fprintf(stderr, "usage: [LIAX_CONV=cudnn] bench_layers MODEL FOLDER\n");
        return 2;
    }
    static Frame f;
    LiaxModelInfo info = {.struct_size = sizeof info};
    const double fma_gflops = profile(&f, argv[1], argv[2], &info);
    open_device();
    const int ask = conv && *conv;
    for (int i = 0; i < f.n; i++) {
        Layer *l = &f.layers[i];
        int same = 0;
        while (same < i && memcmp(&f.layers[same].desc, &l->desc, sizeof l->desc)) same++;
        if (!l->desc.k) continue;
        if (same < i) {
            l->ours = f.layers[same].ours, l->cudnn = f.layers[same].cudnn, l->cublaslt = f.layers[same].cublaslt;
            continue;
        }
        l->ours = time_ours(&l->desc);
        if (ask) ask_vendors(l);
    }
    Opinion matrix = {0};
    if (ask) {
        Product p = product_of(&(LxConvDesc){LX_CONV2D, 1, MATRIX, MATRIX, MATRIX, 1});
        matrix = second_opinion(&p, VENDOR_CUBLASLT, no_cublaslt);
        free_product(&p);
    } else {
        snprintf(no_cudnn, sizeof no_cudnn, "not asked for (LIAX_CONV=cudnn)");
        memcpy(no_cublaslt, no_cudnn, sizeof no_cudnn);
    }
    report(&f, &info, fma_gflops, &matrix);
    return 0;
}
