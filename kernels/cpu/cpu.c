/* The CPU backend: host memory, and the best level of kernels that this processor runs and LIAX_CPU allows. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "plan.h"
#include "ref/ref.h"

#if defined(__x86_64__)
#include <cpuid.h>

#include "x86/x86.h"
#endif

/* A level: whether this processor runs it, what it adds to the table, and its arithmetic peak in GFLOP/s. */
typedef struct Level {
    const char *name;
    int (*runs)(void);
    void (*fill)(LxKernels *k);
    double (*peak)(LxPool *pool);
    int bf16; /* for computing in bf16 alone */
} Level;

static int always(void)
{
    return 1;
}

#if defined(__x86_64__)
static int runs_avx2(void)
{
    unsigned a, b, features = 0, d;
    __get_cpuid(1, &a, &b, &features, &d); /* f16c has no name in __builtin_cpu_supports of older compilers */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && features & bit_F16C;
}

static int runs_avx512(void)
{
    return runs_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq");
}

static int runs_avx512bf16(void)
{
    return runs_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif

/* Each level's table begins as the one before it. */
static const Level levels[] = {
    {"ref", always, lx_kernels_ref, NULL, 0},
#if defined(__x86_64__)
    {"avx2", runs_avx2, lx_kernels_avx2, lx_peak_avx2, 0},
    {"avx512", runs_avx512, lx_kernels_avx512, lx_peak_avx512, 0},
    {"avx512bf16", runs_avx512bf16, lx_kernels_avx512bf16, lx_peak_avx512bf16, 1},
#endif
};

enum { N_LEVELS = sizeof levels / sizeof *levels };

/* The best level for f32 or for bf16; LIAX_CPU, if it names one, masks those after it. */
static int best_level(int bf16)
{
    const char *mask = getenv("LIAX_CPU");
    int best = 0;
    for (int i = 1; i < N_LEVELS; i++) {
        if (mask && strcmp(mask, levels[i - 1].name) == 0) break;
        if (levels[i].runs() && levels[i].bf16 <= bf16) best = i;
    }
    return best;
}

static int32_t count(void)
{
    return 1;
}

/* "model name" of /proc/cpuinfo, where there is one. */
static void processor_name(char *to, size_t size)
{
    snprintf(to, size, "CPU");
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (f && fgets(line, sizeof line, f)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon || !colon[1]) continue;
        snprintf(to, size, "%s", colon + 2);
        to[strcspn(to, "\n")] = 0;
        break;
    }
    if (f) fclose(f);
}

static void describe(int32_t index, LiaxDeviceInfo *info)
{
    (void)index;
    snprintf(info->id, sizeof info->id, "cpu");
    processor_name(info->name, sizeof info->name);
    snprintf(info->level, sizeof info->level, "%s", levels[best_level(0)].name);
    info->threads = lx_allowed_cpus();
    const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    info->memory_bytes = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
}

typedef struct Cpu {
    LxDevice device;
    LxStream stream; /* work is done at once, so that all streams are this one */
    double (*peak)(LxPool *pool);
    int low_memory;
} Cpu;

static LiaxStatus check_options(const LiaxModelOptions *o, LxLog *log)
{
    if (o->device && strcmp(o->device, "cpu") && strcmp(o->device, "auto"))
        return lx_fail(log, LIAX_E_ARG, "device \"%.64s\": the CPU is one device, named \"cpu\"", o->device);
    if (o->precision < LIAX_PRECISION_AUTO || o->precision > LIAX_PRECISION_BF16)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "precision: the CPU backend computes in f32 or bf16");
    if (o->conv < LIAX_CONV_AUTO || o->conv > LIAX_CONV_WINOGRAD) return lx_fail(log, LIAX_E_ARG, "conv: %d is no algorithm", (int)o->conv);
    return LIAX_OK;
}

static LiaxStatus open_cpu(LxDevice **out, const LiaxModelOptions *o, LxPool *pool, const LiaxAllocator *a, LxLog *log)
{
    *out = NULL;
    const LiaxStatus st = check_options(o, log);
    if (st) return st;
    Cpu *c = lx_alloc_zero(a, sizeof *c);
    if (!c) return lx_fail(log, LIAX_E_MEMORY, "out of memory for a device");
    const int bf16 = o->precision == LIAX_PRECISION_BF16, best = best_level(bf16);
    c->device = (LxDevice){.backend = &lx_backend_cpu, .alloc = *a, .pool = pool, .precision = bf16 ? LIAX_PRECISION_BF16 : LIAX_PRECISION_F32,
                           .conv = o->conv, .storage = LX_F32, .slots = lx_pool_slots(pool), .stream = &c->stream, .id = "cpu"};
    snprintf(c->device.level, sizeof c->device.level, "%s", levels[best].name);
    for (int i = 0; i <= best; i++)
        if (levels[i].runs()) levels[i].fill(&c->device.kernels);
    c->peak = levels[best].peak;
    c->low_memory = o->low_memory;
    const int narrow = o->low_memory && !bf16 && (o->conv == LIAX_CONV_AUTO || o->conv == LIAX_CONV_DIRECT);
    if (!narrow) memset(c->device.kernels.narrow, 0, sizeof c->device.kernels.narrow);
    *out = &c->device;
    return LIAX_OK;
}

static void close_cpu(LxDevice *d)
{
    const LiaxAllocator a = d->alloc;
    lx_free(&a, d, sizeof(Cpu));
}

static void *alloc_host(LxDevice *d, size_t size)
{
    return lx_alloc(&d->alloc, size);
}

static void free_host(LxDevice *d, void *p, size_t size)
{
    lx_free(&d->alloc, p, size);
}

static void *enter(LxDevice *d)
{
    (void)d;
    return NULL;
}

static void leave(LxDevice *d, void *before)
{
    (void)d;
    (void)before;
}

static LiaxStatus stream_open(LxDevice *d, LxStream **out, LxLog *log)
{
    (void)log;
    *out = d->stream;
    return LIAX_OK;
}

static void stream_close(LxDevice *d, LxStream *s)
{
    (void)d;
    (void)s;
}

static void copy(LxDevice *d, LxStream *s, void *to, const void *from, size_t size)
{
    (void)d;
    (void)s;
    if (size) memcpy(to, from, size);
}

static void send(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows)
{
    for (size_t i = 0; i < rows; i++) copy(d, s, (char *)to + i * row, (const char *)from + (ptrdiff_t)i * stride, row);
}

static LiaxStatus receive(LxDevice *d, LxStream *s, void *to, const void *from, size_t row, ptrdiff_t stride, size_t rows, LxLog *log)
{
    (void)log;
    for (size_t i = 0; i < rows; i++) copy(d, s, (char *)to + (ptrdiff_t)i * stride, (const char *)from + i * row, row);
    return LIAX_OK;
}

static LiaxStatus wait(LxDevice *d, LxStream *s, LxLog *log)
{
    (void)d;
    (void)s;
    (void)log;
    return LIAX_OK;
}

static const LxConvOps *plan(const LxDevice *d, const LxConvDesc *desc)
{
    return lx_plan_conv(&d->kernels, d->conv, d->precision == LIAX_PRECISION_BF16, ((const Cpu *)d)->low_memory, desc);
}

static double peak(LxDevice *d)
{
    const Cpu *c = (const Cpu *)d;
    return c->peak ? c->peak(d->pool) : 0;
}

const LxBackend lx_backend_cpu = {
    .abi = LX_BACKEND_ABI, .struct_size = sizeof(LxBackend), .name = "cpu", .memory = LIAX_MEMORY_HOST,
    .count = count, .describe = describe, .open = open_cpu, .close = close_cpu, .enter = enter, .leave = leave,
    .alloc = alloc_host, .free = free_host, .stream_open = stream_open, .stream_close = stream_close,
    .send = send, .receive = receive, .copy = copy, .wait = wait, .plan = plan, .peak = peak};
