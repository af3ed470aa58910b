/* Tests on a CUDA device (cuda_device.h). */
#define _POSIX_C_SOURCE 200809L /* dlopen */
#include "support/cuda_device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/golden.h"

CudaCalls cuda;
char cuda_folder[400], cuda_library[512], small_path[300];

static int symbol_of(void *handle, const char *name, void *to, size_t size)
{
    const void *const symbol = dlsym(handle, name);
    if (!symbol) fprintf(stderr, "%s\n", dlerror());
    else memcpy(to, size ? symbol : (const void *)&symbol, size ? size : sizeof symbol);
    return symbol != NULL;
}

/* The address of a function. */
static int call_of(void *handle, const char *name, void *to)
{
    return symbol_of(handle, name, to, 0);
}

static int find_calls(const char *path, int emulated)
{
    void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) fprintf(stderr, "%s\n", dlerror());
    if (!handle || !emulated) return handle && symbol_of(handle, "cuda_calls", &cuda, sizeof cuda);
    return call_of(handle, "cudaMalloc", &cuda.alloc) && call_of(handle, "cudaFree", &cuda.free) && call_of(handle, "cudaMemcpy", &cuda.copy) &&
           call_of(handle, "cudaMemGetInfo", &cuda.memory) && call_of(handle, "cudaStreamCreate", &cuda.stream_create) &&
           call_of(handle, "cudaStreamDestroy", &cuda.stream_destroy) &&
           call_of(handle, "cudaGetDriverEntryPointByVersion", &cuda.driver_call) && call_of(handle, "lx_emu_counts", &cuda.counts);
}

int open_cuda(void **state)
{
    const char *true_one = getenv("LIAX_TEST_CUDA");
    char calls[512];
    if (true_one) snprintf(cuda_folder, sizeof cuda_folder, "%s", true_one);
    else snprintf(cuda_folder, sizeof cuda_folder, "%s/tests/emulator", golden_build());
    snprintf(cuda_library, sizeof cuda_library, "%s/libliax-cuda.so", cuda_folder);
    snprintf(calls, sizeof calls, "%s/libcuda-calls.so", cuda_folder);
    if (!find_calls(true_one ? calls : cuda_library, !true_one)) return -1;
    golden_convert("mini-8", "safetensors");
    snprintf(small_path, sizeof small_path, "%s/tests/mini-8-safetensors.liax", golden_build());
    return open_group(state);
}

Counts counts(void)
{
    Counts c = {0};
    if (cuda.counts) cuda.counts(&c);
    return c;
}

void need_emulator(void)
{
    if (cuda.counts) return;
    print_message("# skipped: it needs the emulated device\n");
    skip();
}

void *own_context(void)
{
    int (*get)(void **), found;
    void *call = NULL, *context = NULL;
    cuda.driver_call("cuCtxGetCurrent", &call, 11000, 0, &found);
    assert_non_null(call);
    memcpy(&get, &call, sizeof get);
    get(&context);
    return context;
}

void hear(void *said, LiaxLogLevel level, const char *sentence)
{
    Said *s = said;
    snprintf(level == LIAX_LOG_ERROR ? s->error : level == LIAX_LOG_WARNING ? s->warning : s->info, 512, "%s", sentence);
}

LiaxModelOptions on(const char *device, LiaxPrecision precision)
{
    return (LiaxModelOptions){.struct_size = sizeof(LiaxModelOptions), .device = device, .backend_dir = cuda_folder, .precision = precision};
}

LiaxModel *open_on(const char *path, const char *device, LiaxPrecision precision)
{
    char error[512] = "";
    LiaxModelOptions o = on(device, precision);
    o.error = error;
    o.error_size = sizeof error;
    LiaxModel *m;
    if (liax_model_open(&m, path, &o)) fail_msg("%s: %s", device, error);
    return m;
}

LiaxSession *session_on(LiaxModel *m, int batch, LiaxMode mode)
{
    LiaxSession *s;
    const LiaxSessionOptions o = {.struct_size = sizeof o, .max_batch = batch, .mode = mode};
    assert_int_equal(liax_session_open(&s, m, &o), LIAX_OK);
    return s;
}

void give_source(LiaxSession *s)
{
    Picture *p = driver(9);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    free(p);
}

void check_precision(const LiaxModel *m, const char *precision)
{
    LiaxModelInfo info = {.struct_size = sizeof info};
    assert_int_equal(liax_model_info(m, &info), LIAX_OK);
    assert_string_equal(info.precision, precision);
}
