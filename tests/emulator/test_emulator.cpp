/* The emulator itself: what is right runs and is exact; what is wrong on a GPU is found here, each by its own sentence. */
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "expect_end.h"
#include "fibers.h"

namespace {

constexpr unsigned ALL = 0xffffffffu;

/* ---- kernels that are right -------------------------------------------------------------------------------------------- */

__global__ void reverse(const float *from, float *to)
{
    LX_SHARED(float, tile, [256]);
    const int i = static_cast<int>(threadIdx.x), n = static_cast<int>(blockDim.x), at = static_cast<int>(blockIdx.x) * n;
    tile[i] = from[at + i];
    __syncthreads();
    to[at + i] = tile[n - 1 - i];
}

__global__ void sums(const float *from, float *to)
{
    LX_SHARED_DYNAMIC(float, partial);
    float v = from[threadIdx.x];
    for (int bits = 16; bits; bits /= 2) v += __shfl_xor_sync(ALL, v, bits);
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x) return;
    for (unsigned i = 1; i < blockDim.x / 32; i++) v += partial[i];
    *to = v;
}

__global__ void shuffles(int *to)
{
    const int lane = static_cast<int>(threadIdx.x);
    int *out = to + 8 * lane;
    out[0] = __shfl_sync(ALL, lane, 5);
    out[1] = __shfl_sync(ALL, lane, 3, 8);
    out[2] = __shfl_up_sync(ALL, lane, 2u);
    out[3] = __shfl_down_sync(ALL, lane, 3u, 16);
    out[4] = __shfl_xor_sync(ALL, lane, 9);
    out[5] = static_cast<int>(__ballot_sync(ALL, lane % 3 == 0));
    out[6] = lane < 16 ? __any_sync(0x0000ffffu, lane == 15) : __all_sync(0xffff0000u, lane > 15); /* halves of the warp apart */
    atomicAdd(to + 256, lane);
    out[7] = lane;
}

/* ---- kernels that are wrong ---------------------------------------------------------------------------------------------- */

__global__ void no_barrier(const float *from, float *to)
{
    LX_SHARED(float, tile, [64]);
    tile[threadIdx.x] = from[threadIdx.x];
    to[threadIdx.x] = tile[63 - threadIdx.x];
}

__global__ void half_barrier(float *to)
{
    if (threadIdx.x < 32) return;
    __syncthreads();
    *to = 0;
}

__global__ void two_barriers(float *to)
{
    if (threadIdx.x < 32) __syncthreads();
    else
        __syncthreads();
    *to = 0;
}

__global__ void barrier_and_warp(float *to)
{
    if (threadIdx.x == 3) __syncthreads();
    else
        __syncwarp();
    *to = 0;
}

__global__ void lane_has_returned(int *to)
{
    if (threadIdx.x == 7) return;
    *to = __shfl_xor_sync(ALL, 1, 1);
}

__global__ void lane_takes_no_part(int *to)
{
    if (threadIdx.x < 16) *to = __shfl_sync(0x0000ffffu, 1, 20);
}

__global__ void another_mask(int *to)
{
    *to = __shfl_sync(threadIdx.x < 16 ? ALL : 0xffff0000u, 1, 20);
}

__global__ void beyond_shared(float *to)
{
    LX_SHARED(float, tile, [32]);
    const float *p = tile; /* an index into the array itself is the other sanitizer's */
    tile[threadIdx.x] = 1;
    __syncthreads();
    to[threadIdx.x] = p[threadIdx.x + 1];
}

__global__ void beyond_device(float *to) { to[threadIdx.x + 1] = 1; }

__global__ void never(float *) {}

/* ---- helpers ---------------------------------------------------------------------------------------------------------------- */

template <typename T> T *device(size_t n)
{
    void *p;
    assert_int_equal(cudaMalloc(&p, n * sizeof(T)), cudaSuccess);
    return static_cast<T *>(p);
}

template <typename T> std::vector<T> fetched(const T *p, size_t n)
{
    std::vector<T> v(n);
    assert_int_equal(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return v;
}

float *counted(size_t n)
{
    std::vector<float> v(n);
    for (size_t i = 0; i < n; i++) v[i] = static_cast<float>(i);
    float *p = device<float>(n);
    assert_int_equal(cudaMemcpy(p, v.data(), n * sizeof(float), cudaMemcpyHostToDevice), cudaSuccess);
    return p;
}

struct Setting {
    const char *name;
    Setting(const char *n, const char *value) : name(n) { setenv(n, value, 1); }
    ~Setting() { unsetenv(name); }
};

/* ---- tests ------------------------------------------------------------------------------------------------------------------ */

void test_blocks(void **)
{
    for (unsigned n : {1u, 31u, 64u, 256u}) {
        float *from = counted(3 * n), *to = device<float>(3 * n);
        LX_LAUNCH(reverse, 3, n, 0, nullptr, from, to);
        const auto v = fetched(to, 3 * n);
        for (unsigned i = 0; i < 3 * n; i++) assert_true(v[i] == static_cast<float>(i / n * n + n - 1 - i % n));
        cudaFree(from), cudaFree(to);
    }
}

void test_sums(void **)
{
    float *from = counted(128), *to = device<float>(1);
    LX_LAUNCH(sums, 1, 128, 4 * sizeof(float), nullptr, from, to);
    assert_true(fetched(to, 1)[0] == 127 * 64);
    cudaFree(from), cudaFree(to);
}

void test_shuffles(void **)
{
    int *to = device<int>(257);
    cudaMemset(to, 0, 257 * sizeof(int));
    LX_LAUNCH(shuffles, 1, 32, 0, nullptr, to);
    const auto v = fetched(to, 257);
    for (int lane = 0; lane < 32; lane++) {
        const int *out = &v[static_cast<size_t>(8 * lane)];
        const int want[8] = {5, lane / 8 * 8 + 3, lane < 2 ? lane : lane - 2, lane % 16 < 13 ? lane + 3 : lane, lane ^ 9, 0x49249249, 1, lane};
        for (int i = 0; i < 8; i++) assert_int_equal(out[i], want[i]);
    }
    assert_int_equal(v[256], 31 * 16);
    cudaFree(to);
}

/* Every half there and back; rounding of what lies between, with ties to even, checked in double. */
void test_halves(void **)
{
    for (unsigned u = 0; u < 65536; u++) {
        const auto h = static_cast<unsigned short>(u);
        const float f = lx_emu_half_to_float(h);
        if (f != f) continue;
        assert_int_equal(lx_emu_float_to_half(f), h);
        const float next = lx_emu_half_to_float(static_cast<unsigned short>(h + 1));
        if (h & 0x8000 || next != next || next > 65504) continue;
        const float middle = static_cast<float>((static_cast<double>(f) + next) / 2);
        assert_int_equal(lx_emu_float_to_half(middle), h & 1 ? h + 1 : h);
        assert_int_equal(lx_emu_float_to_half(std::nextafter(middle, 1e9f)), h + 1);
        assert_int_equal(lx_emu_float_to_half(std::nextafter(middle, 0.0f)), h);
        assert_int_equal(lx_emu_double_to_half(middle), h & 1 ? h + 1 : h);
        assert_int_equal(lx_emu_double_to_half(std::nextafter(static_cast<double>(middle), 1e9)), h + 1);
        assert_int_equal(lx_emu_double_to_half(std::nextafter(static_cast<double>(middle), 0.0)), h);
    }
    assert_int_equal(lx_emu_float_to_half(65519.99f), 0x7bff);
    assert_int_equal(lx_emu_float_to_half(65520), 0x7c00);
    assert_int_equal(lx_emu_float_to_half(-INFINITY), 0xfc00);
    assert_true(std::isnan(__half2float(__float2half(NAN))));
    assert_int_equal(__hfma(__half(3.0f), __half(0.333251953125f), __half(-1.0f)).x, __half(-0.000244140625f).x);
}

void test_graph(void **)
{
    float *a = counted(8), *b = device<float>(8);
    cudaStream_t s, side;
    cudaEvent_t fork_event, join_event;
    cudaStreamCreate(&s), cudaStreamCreate(&side), cudaEventCreate(&fork_event), cudaEventCreate(&join_event);
    cudaGraph_t g;
    cudaGraphExec_t x;
    assert_int_equal(cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal), cudaSuccess);
    cudaEventRecord(fork_event, s);
    cudaStreamWaitEvent(side, fork_event, 0);
    LX_LAUNCH(reverse, 1, 8, 0, side, a, b);
    cudaEventRecord(join_event, side);
    cudaStreamWaitEvent(s, join_event, 0);
    cudaMemcpyAsync(a, b, 8 * sizeof(float), cudaMemcpyDeviceToDevice, s);
    assert_int_equal(cudaStreamEndCapture(s, &g), cudaSuccess);
    assert_true(fetched(a, 1)[0] == 0); /* nothing has run */
    assert_int_equal(cudaGraphInstantiate(&x, g, 0), cudaSuccess);
    for (int i = 1; i <= 3; i++) {
        cudaGraphLaunch(x, s);
        assert_true(fetched(a, 1)[0] == static_cast<float>(i % 2 ? 7 : 0));
    }
    /* work of a side stream that does not come back; waiting within a capture */
    cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal);
    cudaEventRecord(fork_event, s);
    cudaStreamWaitEvent(side, fork_event, 0);
    LX_LAUNCH(reverse, 1, 8, 0, side, a, b);
    cudaGraph_t none;
    assert_int_equal(cudaStreamEndCapture(s, &none), cudaErrorStreamCaptureUnjoined);
    cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal);
    assert_int_equal(cudaStreamSynchronize(s), cudaErrorStreamCaptureUnsupported);
    assert_int_equal(cudaStreamEndCapture(s, &none), cudaErrorStreamCaptureInvalidated);
    cudaGetLastError();
    cudaGraphExecDestroy(x), cudaGraphDestroy(g), cudaEventDestroy(fork_event), cudaEventDestroy(join_event);
    cudaStreamDestroy(s), cudaStreamDestroy(side), cudaFree(a), cudaFree(b);
}

void test_failures(void **)
{
    int n;
    void *p;
    {
        const Setting s("LX_EMULATE_DEVICES", "0");
        assert_int_equal(cudaGetDeviceCount(&n), cudaErrorNoDevice);
        assert_int_equal(n, 0);
    }
    {
        const Setting s("LX_EMULATE_OLD_DRIVER", "1");
        assert_int_equal(cudaGetDeviceCount(&n), cudaErrorInsufficientDriver);
    }
    {
        const Setting s("LX_EMULATE_NO_MEMORY_AT", "2");
        void *q;
        assert_int_equal(cudaMalloc(&p, 64), cudaSuccess);
        assert_int_equal(cudaMallocHost(&q, 64), cudaErrorMemoryAllocation);
        assert_null(q);
        cudaFree(p);
    }
    {
        const Setting s("LX_EMULATE_DEVICES", "2");
        cudaDeviceProp prop;
        assert_int_equal(cudaGetDeviceProperties(&prop, 1), cudaSuccess);
        assert_int_equal(cudaSetDevice(2), cudaErrorInvalidDevice);
    }
    cudaGetLastError();
    size_t left, total;
    cudaMemGetInfo(&left, &total);
    assert_int_equal(left, total);
    assert_int_equal(cudaMalloc(&p, total), cudaErrorMemoryAllocation);
    LX_LAUNCH(never, 1, 1025, 0, nullptr, nullptr);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
    LX_LAUNCH(never, 1, 32, 60 << 10, nullptr, nullptr);
    assert_int_equal(cudaGetLastError(), cudaErrorInvalidConfiguration);
    assert_int_equal(cudaGetLastError(), cudaSuccess);
    expect_end("lost as wanted", [] {
        setenv("LX_EMULATE_LOST_AT", "2", 1);
        LX_LAUNCH(never, 1, 1, 0, nullptr, nullptr);
        const bool before = cudaDeviceSynchronize() == cudaSuccess;
        LX_LAUNCH(never, 1, 1, 0, nullptr, nullptr);
        void *q;
        if (before && cudaDeviceSynchronize() == cudaErrorLaunchFailure && cudaMalloc(&q, 4) == cudaErrorLaunchFailure) std::fputs("lost as wanted", stderr);
        _exit(1);
    });
}

/* Each order of threads shows the missing barrier somewhere: the right answer needs a writer before each of its readers. */
void test_missing_barrier(void **)
{
    float *from = counted(64), *to = device<float>(64);
    LX_LAUNCH(no_barrier, 1, 64, 0, nullptr, from, to);
    int poisoned = 0;
    for (float v : fetched(to, 64)) poisoned += v != v;
    assert_int_equal(poisoned, 32); /* of each pair of threads, the one that came first */
    cudaFree(from), cudaFree(to);
}

void test_waiting(void **)
{
    float *to = device<float>(64);
    int *out = device<int>(64);
    expect_end("only a part of the block reaches", [=] { LX_LAUNCH(half_barrier, 1, 64, 0, nullptr, to); });
    expect_end("two different barriers", [=] { LX_LAUNCH(two_barriers, 1, 64, 0, nullptr, to); });
    expect_end("no thread can go on", [=] { LX_LAUNCH(barrier_and_warp, 1, 32, 0, nullptr, to); });
    expect_end("has returned", [=] { LX_LAUNCH(lane_has_returned, 1, 32, 0, nullptr, out); });
    expect_end("which takes no part", [=] { LX_LAUNCH(lane_takes_no_part, 1, 32, 0, nullptr, out); });
    expect_end("with lanes", [=] { LX_LAUNCH(another_mask, 1, 32, 0, nullptr, out); });
    expect_end("in kernel half_barrier, block (0,0,0)", [=] { LX_LAUNCH(half_barrier, 1, 64, 0, nullptr, to); });
    cudaFree(to), cudaFree(out);
}

void test_memory(void **)
{
    float *to = device<float>(32), host[32] = {0};
    expect_end("a pointer to the host's memory", [&] { LX_LAUNCH(never, 1, 1, 0, nullptr, host); });
    expect_end("is not the host's memory", [=] { cudaMemcpy(to, to, 4, cudaMemcpyHostToDevice); });
    expect_end("not within one allocation", [&] { cudaMemcpy(to, host, 132, cudaMemcpyHostToDevice); });
    expect_end("freed before", [=] { cudaFree(to), cudaFree(to); });
    expect_end("", [=] { *static_cast<volatile float *>(to) = 1; }); /* host code in device memory: SIGSEGV */
#if defined(LX_EMU_ASAN)
    expect_end("use-after-poison", [=] { LX_LAUNCH(beyond_shared, 1, 32, 0, nullptr, to); });
    expect_end("use-after-poison", [=] { LX_LAUNCH(beyond_device, 1, 32, 0, nullptr, to); });
#else
    (void)beyond_shared, (void)beyond_device;
#endif
    for (float v : fetched(to, 32)) assert_true(v != v); /* new memory is NaN */
    cudaFree(to);
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),  cmocka_unit_test(test_sums),     cmocka_unit_test(test_shuffles),
        cmocka_unit_test(test_halves),  cmocka_unit_test(test_graph),    cmocka_unit_test(test_failures),
        cmocka_unit_test(test_missing_barrier), cmocka_unit_test(test_waiting), cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests_name("emulator", tests, nullptr, nullptr);
}
