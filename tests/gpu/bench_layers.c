/*
 * bench_layers MODEL FOLDER: what every layer of a frame takes on the device that FOLDER/libliax-cuda.so opens, as JSON.
 *
 * The layers are those of a profiled frame; a profile waits after each, so that its times are too long for short ones. So every
 * convolution is also timed by itself: passes over three sets of random data of its shape, so that the second-level cache does not
 * hold what a frame would not find there, are recorded as a graph, which is replayed between two events. Beside it the same product
 * by cuDNN (conv2d) and cuBLASLt (1x1, also of conv_down2d), without what ours does before and after it; and a large matrix product
 * by cuBLASLt, which the shares are of. What could not be measured is null.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/cuda.h"
#include "liax/liax.h"
#include "vendor.h"

enum { MAX_LAYERS = 2048, SETS = 3, BLOCK = 1 << 20, WORKSPACE = 256 << 20 };
#if defined(LX_EMULATE) /* only to be seen to run */
enum { PASSES = 3, WARM = 0, RUNS = 2, MATRIX = 64 };
#else
enum { PASSES = 6, WARM = 4, RUNS = 20, MATRIX = 8192 };
#endif

/* Milliseconds of one pass over RUNS replays; median 0: not measured. */
typedef struct Timing {
    double median, p10, p90;
} Timing;

typedef struct Layer {
    LiaxLayerInfo info; /* ms is the profile's */
    char layer[96], kernel[32], algorithm[48];
    LxConvDesc desc; /* k is 0 where it is no convolution */
    Timing ours, cudnn, cublaslt;
} Layer;

typedef struct Frame {
    Layer layers[MAX_LAYERS];
    int n, at; /* at: the next of the frame that is drawn now */
} Frame;

static cudaStream_t stream;
static char no_cudnn[256], no_cublaslt[256]; /* why they were not measured */

/* The end of the program: what is wrong with a benchmark's device is not to be borne with. */
static void must(cudaError_t e, const char *what)
{
    if (!e) return;
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(e));
    exit(1);
}

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

/* ---- timing ------------------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static Timing timed(void (*run)(const void *arg, int set), const void *arg)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t ready = NULL;
    cudaEvent_t from, to;
    double ms[RUNS];
    run(arg, 0); /* in the open: what is loaded and chosen at the first call is no part of the recording */
    must(cudaStreamSynchronize(stream), "first pass");
    must(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
    for (int i = 0; i < PASSES; i++) run(arg, i % SETS);
    must(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
    must(cudaGraphInstantiate(&ready, graph, 0), "cudaGraphInstantiate");
    must(cudaEventCreateWithFlags(&from, cudaEventDefault), "cudaEventCreate");
    must(cudaEventCreateWithFlags(&to, cudaEventDefault), "cudaEventCreate");
    for (int i = -WARM; i < RUNS; i++) {
        float took = 0;
        cudaEventRecord(from, stream);
        must(cudaGraphLaunch(ready, stream), "cudaGraphLaunch");
        cudaEventRecord(to, stream);
        must(cudaEventSynchronize(to), "replay");
        must(cudaEventElapsedTime(&took, from, to), "cudaEventElapsedTime");
        if (i >= 0) ms[i] = took / PASSES;
    }
    cudaEventDestroy(from);
    cudaEventDestroy(to);
    cudaGraphExecDestroy(ready);
    cudaGraphDestroy(graph);
    qsort(ms, RUNS, sizeof *ms, by_value);
    return (Timing){(ms[RUNS / 2 - 1] + ms[RUNS / 2]) / 2, ms[RUNS / 10], ms[RUNS - 1 - RUNS / 10]};
}

/* ---- device memory with random numbers ------------------------------------------------------------------------------------ */

static void *take(size_t bytes)
{
    void *p = NULL;
    must(cudaMalloc(&p, bytes ? bytes : 1), "cudaMalloc");
    return p;
}

static float draw(void)
{
    return (float)rand() / (float)RAND_MAX * 2 - 1;
}

/* n numbers of -size ... size, the same BLOCK of them over and over. */
static void *take_random(size_t n, LxDtype type, float size)
{
    const size_t unit = lx_dtype_size(type);
    static float plain[BLOCK];
    static char stored[BLOCK * sizeof(float)];
    for (size_t i = 0; i < BLOCK && i < n; i++) plain[i] = size * draw();
    lx_from_f32(stored, plain, type, BLOCK);
    char *p = take(n * unit);
    for (size_t at = 0; at < n; at += BLOCK) must(cudaMemcpy(p + at * unit, stored, (n - at < BLOCK ? n - at : BLOCK) * unit, cudaMemcpyHostToDevice), "cudaMemcpy");
    return p;
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

/* A tensor as the network has it: pictures are f32. */
static LxTensor tensor_of(int c, int h, int w)
{
    LxTensor t = lx_tensor(NULL, 1, c, h, w);
    t.type = c <= 4 ? LX_F32 : LX_F16;
    return t;
}

static Timing time_ours(const LxConvDesc *d, int capability)
{
    const LxConvOps *ops = lx_cuda_conv(d, LX_F16, capability, LIAX_CONV_AUTO);
    const size_t count = (size_t)d->co * (size_t)d->ci * (size_t)(d->k * d->k), bytes = ops->packed_bytes(d);
    const float size = 1.7f / sqrtf((float)(d->ci * d->k * d->k)); /* outputs are about as large as inputs */
    float *plain = malloc(count * sizeof *plain);
    void *packed = malloc(bytes);
    if (!plain || !packed) exit(1);
    for (size_t i = 0; i < count; i++) plain[i] = size * draw();
    ops->pack(NULL, d, plain, packed);
    const LxConvWeights weights = {*d, ops, take(bytes), bytes, 1};
    must(cudaMemcpy(weights.packed, packed, bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
    free(packed);
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

/* ---- NVIDIA's ------------------------------------------------------------------------------------------------------------------ */

static void run_cudnn(const void *x, int set)
{
    vendor_run_conv(((void *const *)x)[set]);
}

static void run_cublaslt(const void *x, int set)
{
    vendor_run_matmul(((void *const *)x)[set]);
}

/* pixels times ci, by ci times co; k = 0: a matrix product. */
static Timing time_vendor(int k, int ci, int co, int h, int w, char why[256])
{
    const size_t pixels = (size_t)h * (size_t)w;
    void *x[SETS], *weights = take_random((size_t)(k ? k * k : 1) * (size_t)ci * (size_t)co, LX_F16, 1 / sqrtf((float)ci)), *y = take(2 * pixels * (size_t)co);
    const VendorMemory m = {take(WORKSPACE), WORKSPACE, stream};
    for (int i = 0; i < SETS; i++) x[i] = take_random(pixels * (size_t)ci, LX_F16, 1);
    Timing t = {0};
    const char *no = k ? vendor_prepare_conv(&m, k, ci, co, h, w, x[0], weights, y) : vendor_prepare_matmul(&m, (int)pixels, ci, co, weights, y);
    if (!no) {
        t = timed(k ? run_cudnn : run_cublaslt, x);
        no = vendor_failed();
    }
    if (no) {
        snprintf(why, 256, "%s", no);
        t = (Timing){0};
    }
    for (int i = 0; i < SETS; i++) cudaFree(x[i]);
    cudaFree(weights), cudaFree(y), cudaFree(m.workspace);
    return t;
}

/* ---- the report -------------------------------------------------------------------------------------------------------------------- */

static void put_timing(const char *key, const Timing *t)
{
    if (t->median > 0) printf(", \"%s\": {\"ms\": %.6f, \"p10\": %.6f, \"p90\": %.6f}", key, t->median, t->p10, t->p90);
    else printf(", \"%s\": null", key);
}

static void put_text(const char *key, const char *text)
{
    printf(", \"%s\": \"", key);
    for (; *text; text++)
        if (*text != '"' && *text != '\\' && (unsigned char)*text >= 32) putchar(*text);
    putchar('"');
}

static void report(const Frame *f, const LiaxModelInfo *info, double fma_gflops, const Timing *matrix)
{
    printf("{\"size\": %d, \"parameters\": %lld, \"fma_tflops\": %.3f, \"matmul_tflops\": ", info->size, (long long)info->parameters, fma_gflops / 1e3);
    if (matrix->median > 0) printf("%.3f", 2e-9 * pow(MATRIX, 3) / matrix->median);
    else printf("null");
    printf(", \"matmul_size\": %d", MATRIX);
    put_text("no_cudnn", no_cudnn);
    put_text("no_cublaslt", no_cublaslt);
    printf(", \"layers\": [");
    for (int i = 0; i < f->n; i++) {
        const Layer *l = &f->layers[i];
        printf("%s\n{\"layer\": \"%s\", \"kernel\": \"%s\", \"algorithm\": \"%s\", \"k\": %d, \"shape\": [%d, %d, %d, %d], \"flops\": %.0f, \"bytes\": %.0f, \"profiled_ms\": %.6f",
               i ? "," : "", l->layer, l->kernel, l->algorithm, l->desc.k, l->info.in_channels, l->info.out_channels, l->info.height, l->info.width, l->info.flops,
               l->info.bytes, l->info.ms);
        put_timing("ours", &l->ours);
        put_timing("cudnn", &l->cudnn);
        put_timing("cublaslt", &l->cublaslt);
        putchar('}');
    }
    printf("]}\n");
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: bench_layers MODEL FOLDER\n");
        return 2;
    }
    static Frame f;
    LiaxModelInfo info = {.struct_size = sizeof info};
    const double fma_gflops = profile(&f, argv[1], argv[2], &info);
    int major = 0, minor = 0;
    must(cudaSetDevice(0), "cudaSetDevice");
    must(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0), "cudaDeviceGetAttribute");
    must(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0), "cudaDeviceGetAttribute");
    must(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreate");
    for (int i = 0; i < f.n; i++) {
        Layer *l = &f.layers[i];
        const LxConvDesc *d = &l->desc;
        int same = 0;
        while (same < i && memcmp(&f.layers[same].desc, d, sizeof *d)) same++;
        if (!d->k || same < i) { /* no convolution, or one of a shape that was timed */
            if (d->k) l->ours = f.layers[same].ours, l->cudnn = f.layers[same].cudnn, l->cublaslt = f.layers[same].cublaslt;
            continue;
        }
        l->ours = time_ours(d, 10 * major + minor);
        if (d->ci < 8 || d->co < 8) continue; /* eight halves are the least that tensor cores load */
        if (d->kind == LX_CONV2D) l->cudnn = time_vendor(d->k, d->ci, d->co, d->h, d->w, no_cudnn);
        if (d->k == 1) l->cublaslt = time_vendor(0, d->ci, d->co, lx_conv_out(d, d->h), lx_conv_out(d, d->w), no_cublaslt);
    }
    const Timing matrix = time_vendor(0, MATRIX, MATRIX, MATRIX, 1, no_cublaslt);
    report(&f, &info, fma_gflops, &matrix);
    return 0;
}
