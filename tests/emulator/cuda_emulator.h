/*
 * What kernels/cuda uses of the CUDA runtime, on the CPU: the tests build the very text of host code and kernels with a plain
 * compiler (-DLX_EMULATE) and run it on machines without a GPU. cuda_emulator.cpp says how kernels run.
 *
 * It is strict where hardware is lenient by chance: device memory cannot be touched by host code, nor host memory be passed to
 * a kernel; new device memory and shared memory are filled with NaN; the threads of a block run in a shuffled order, so that a
 * missing barrier shows; a barrier that only some threads reach, a shuffle from a lane that takes no part, or threads that
 * wait for ever end the program with a sentence. Streams and events are immediate: what is missing between streams is not seen.
 *
 * Environment, read at each use; counters begin again when a value changes:
 *   LX_EMULATE_DEVICES=n          devices (1); 0: cudaErrorNoDevice
 *   LX_EMULATE_OLD_DRIVER=1       cudaErrorInsufficientDriver; 0 as driver's version with LX_EMULATE_OLD_DRIVER=none
 *   LX_EMULATE_CAPABILITY=75      compute capability (90)
 *   LX_EMULATE_MEMORY=bytes       memory of each device (1 GiB); only the value at the first use counts
 *   LX_EMULATE_NO_MEMORY_AT=n     the n-th allocation of device or pinned memory fails
 *   LX_EMULATE_LOST_AT=n          the n-th launch fails, and everything after it until the variable is taken away
 *   LX_EMULATE_SEED=n             another order of threads
 */
#ifndef CUDA_EMULATOR_H
#define CUDA_EMULATOR_H

#include <stddef.h>
#include <stdint.h>

/* ---- the runtime, for C and C++ ------------------------------------------------------------------------------------- */

#define CUDART_VERSION 13000

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cudaError {
    cudaSuccess = 0,
    cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2,
    cudaErrorInvalidConfiguration = 9,
    cudaErrorInsufficientDriver = 35,
    cudaErrorInvalidDeviceFunction = 98,
    cudaErrorNoDevice = 100,
    cudaErrorInvalidDevice = 101,
    cudaErrorNoKernelImageForDevice = 209,
    cudaErrorInvalidResourceHandle = 400,
    cudaErrorNotReady = 600,
    cudaErrorLaunchFailure = 719,
    cudaErrorStreamCaptureUnsupported = 900,
    cudaErrorStreamCaptureInvalidated = 901,
    cudaErrorStreamCaptureUnmatched = 903,
    cudaErrorStreamCaptureUnjoined = 904
} cudaError_t;

const char *cudaGetErrorName(cudaError_t e);
const char *cudaGetErrorString(cudaError_t e);
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);

typedef struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem, sharedMemPerBlock, sharedMemPerBlockOptin, sharedMemPerMultiprocessor;
    int regsPerBlock, warpSize, maxThreadsPerBlock, major, minor, multiProcessorCount, l2CacheSize;
    int pciBusID, pciDeviceID, pciDomainID, memoryBusWidth;
} cudaDeviceProp;

enum cudaDeviceAttr {
    cudaDevAttrClockRate = 13,
    cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrMemoryClockRate = 36,
    cudaDevAttrGlobalMemoryBusWidth = 37,
    cudaDevAttrL2CacheSize = 38,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76,
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};

cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device);
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attr, int device);
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDevice(int *device);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total);

/* Of the driver: cuCtxGetCurrent(void **) and cuCtxSetCurrent(void *). A thread has no context until it asks for a device. */
enum cudaDriverEntryPointQueryResult { cudaDriverEntryPointSuccess, cudaDriverEntryPointSymbolNotFound };
enum { cudaEnableDefault = 0 };
cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **call, unsigned version, unsigned long long flags,
                                             enum cudaDriverEntryPointQueryResult *found);

enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
enum cudaMemoryType { cudaMemoryTypeUnregistered, cudaMemoryTypeHost, cudaMemoryTypeDevice, cudaMemoryTypeManaged };
enum { cudaHostAllocDefault = 0, cudaHostAllocPortable = 1, cudaHostAllocMapped = 2, cudaHostAllocWriteCombined = 4, cudaMemAttachGlobal = 1 };

typedef struct cudaPointerAttributes {
    enum cudaMemoryType type;
    int device;
    void *devicePointer, *hostPointer;
} cudaPointerAttributes;

typedef struct LxEmuStream *cudaStream_t;
typedef struct LxEmuEvent *cudaEvent_t;
typedef struct LxEmuGraph *cudaGraph_t;
typedef struct LxEmuGraph *cudaGraphExec_t;

cudaError_t cudaMalloc(void **p, size_t bytes);
cudaError_t cudaFree(void *p);
cudaError_t cudaMallocManaged(void **p, size_t bytes, unsigned flags);
cudaError_t cudaMallocHost(void **p, size_t bytes);
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned flags);
cudaError_t cudaFreeHost(void *p);
cudaError_t cudaPointerGetAttributes(struct cudaPointerAttributes *a, const void *p);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, enum cudaMemcpyKind kind, cudaStream_t s);
cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, enum cudaMemcpyKind kind,
                              cudaStream_t s);
cudaError_t cudaMemset(void *to, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s);

enum { cudaStreamDefault = 0, cudaStreamNonBlocking = 1 };
enum { cudaEventDefault = 0, cudaEventBlockingSync = 1, cudaEventDisableTiming = 2 };

cudaError_t cudaStreamCreate(cudaStream_t *s);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaStreamQuery(cudaStream_t s);
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned flags);
cudaError_t cudaLaunchHostFunc(cudaStream_t s, void (*fn)(void *), void *arg);
cudaError_t cudaEventCreate(cudaEvent_t *e);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t e);
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s);
cudaError_t cudaEventQuery(cudaEvent_t e);
cudaError_t cudaEventSynchronize(cudaEvent_t e);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to);

enum cudaStreamCaptureMode { cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal, cudaStreamCaptureModeRelaxed };
enum cudaStreamCaptureStatus { cudaStreamCaptureStatusNone, cudaStreamCaptureStatusActive, cudaStreamCaptureStatusInvalidated };

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g);
cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *status);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long flags);
cudaError_t cudaGraphUpload(cudaGraphExec_t x, cudaStream_t s);
cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x);
cudaError_t cudaGraphDestroy(cudaGraph_t g);

/* For tests of leaks and replays: allocations, streams, events and graphs that are there; kernels run, and graphs launched, so far. */
typedef struct LxEmuCounts {
    long alive, kernels, replays;
} LxEmuCounts;
void lx_emu_counts(LxEmuCounts *counts);

#ifdef __cplusplus
}

/* ---- what kernels are written in, for C++ ------------------------------------------------------------------------------ */

#include <cmath>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#define __restrict__ __restrict

struct uint3 { unsigned x, y, z; };
struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct int2 { int x, y; };
struct int3 { int x, y, z; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct alignas(16) float4 { float x, y, z, w; };
struct uchar3 { unsigned char x, y, z; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };

inline int2 make_int2(int x, int y) { return {x, y}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

/* Where the running thread is. Kernels look often: not thread_local, which C++ asks for by a call, and at a fixed place. */
struct LxEmuPlace {
    uint3 thread, block;
    dim3 block_dim, grid_dim;
};
extern __thread LxEmuPlace lx_emu_place __attribute__((tls_model("initial-exec")));
#define threadIdx (lx_emu_place.thread)
#define blockIdx (lx_emu_place.block)
#define blockDim (lx_emu_place.block_dim)
#define gridDim (lx_emu_place.grid_dim)
constexpr int warpSize = 32;

/** End the program with a sentence: the kernel that runs, its block and thread, and what it did. */
[[noreturn]] void lx_emu_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Shared memory is the block's, one piece for each `key`; that of the launch is key NULL, whose size is known. */
void *lx_emu_shared(const void *key, size_t bytes);

/* LX_SHARED(float, tile, [8][32]) declares shared memory; LX_SHARED_DYNAMIC(float, p) points to the launch's. */
#define LX_SHARED(type, name, ...)               \
    static const char name##_key = 0;            \
    using name##_type = type __VA_ARGS__;        \
    name##_type &name = *static_cast<name##_type *>(lx_emu_shared(&name##_key, sizeof(name##_type)))
#define LX_SHARED_DYNAMIC(type, name) type *const name = static_cast<type *>(lx_emu_shared(nullptr, 0))

void lx_emu_barrier(const char *file, int line);
#define __syncthreads() lx_emu_barrier(__FILE__, __LINE__)

/**
 * What the lanes of `mask` do together: each brings a record; when the last is there, `op` is called once with all of them,
 * NULL for lanes that take no part. Matrix instructions are modelled by it too.
 */
void lx_emu_together(unsigned mask, const char *what, void *record, void (*op)(void *const lanes[32], const char *what));

inline void __syncwarp(unsigned mask = 0xffffffffu)
{
    lx_emu_together(mask, "__syncwarp", nullptr, [](void *const *, const char *) {});
}

template <typename T> struct LxEmuShuffle {
    T value;
    int from; /* the lane */
    T result;
};

template <typename T> T lx_emu_shuffle(unsigned mask, const char *what, T value, int from)
{
    LxEmuShuffle<T> mine = {value, from, value};
    lx_emu_together(mask, what, &mine, [](void *const lanes[32], const char *name) {
        for (int i = 0; i < 32; i++) {
            if (!lanes[i]) continue;
            auto *r = static_cast<LxEmuShuffle<T> *>(lanes[i]);
            if (!lanes[r->from]) lx_emu_fail("%s: lane %d reads lane %d, which takes no part", name, i, r->from);
            r->result = static_cast<LxEmuShuffle<T> *>(lanes[r->from])->value;
        }
    });
    return mine.result;
}

inline int lx_emu_lane()
{
    const dim3 &d = lx_emu_place.block_dim;
    const uint3 &t = lx_emu_place.thread;
    return static_cast<int>((t.x + d.x * (t.y + d.y * t.z)) % 32);
}

template <typename T> T __shfl_sync(unsigned mask, T v, int from, int width = 32)
{
    return lx_emu_shuffle(mask, "__shfl_sync", v, (lx_emu_lane() & ~(width - 1)) | (from & (width - 1)));
}
template <typename T> T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32)
{
    const int lane = lx_emu_lane(), from = lane ^ bits;
    return lx_emu_shuffle(mask, "__shfl_xor_sync", v, (from & ~(width - 1)) > (lane & ~(width - 1)) ? lane : from);
}
template <typename T> T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32)
{
    const int lane = lx_emu_lane(), from = lane + static_cast<int>(by);
    return lx_emu_shuffle(mask, "__shfl_down_sync", v, (lane & (width - 1)) + static_cast<int>(by) < width ? from : lane);
}
template <typename T> T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32)
{
    const int lane = lx_emu_lane(), from = lane - static_cast<int>(by);
    return lx_emu_shuffle(mask, "__shfl_up_sync", v, (lane & (width - 1)) >= static_cast<int>(by) ? from : lane);
}

struct LxEmuVote {
    int predicate;
    unsigned ballot;
};

inline unsigned __ballot_sync(unsigned mask, int predicate)
{
    LxEmuVote mine = {predicate, 0};
    lx_emu_together(mask, "__ballot_sync", &mine, [](void *const lanes[32], const char *) {
        unsigned b = 0;
        for (int i = 0; i < 32; i++)
            if (lanes[i] && static_cast<LxEmuVote *>(lanes[i])->predicate) b |= 1u << i;
        for (int i = 0; i < 32; i++)
            if (lanes[i]) static_cast<LxEmuVote *>(lanes[i])->ballot = b;
    });
    return mine.ballot;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }

/* Blocks of one launch run one after the other, but several host threads may launch at once. */
inline int atomicAdd(int *p, int v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
inline unsigned atomicAdd(unsigned *p, unsigned v) { return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST); }
inline unsigned atomicOr(unsigned *p, unsigned v) { return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST); }
inline unsigned atomicExch(unsigned *p, unsigned v) { return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST); }
inline unsigned atomicCAS(unsigned *p, unsigned was, unsigned v)
{
    __atomic_compare_exchange_n(p, &was, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return was;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

/* Rounded as they are written: the emulated build does not contract either (-ffp-contract=off). */
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fsub_rn(float a, float b) { return a - b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline int __float2int_rn(float v) { return static_cast<int>(std::lrint(v)); }
inline float rsqrtf(float v) { return 1 / std::sqrt(v); }
inline unsigned __float_as_uint(float v) { unsigned u; std::memcpy(&u, &v, 4); return u; }
inline float __uint_as_float(unsigned u) { float v; std::memcpy(&v, &u, 4); return v; }
template <typename T> T __ldg(const T *p) { return *p; }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }

/* binary16 with conversions and arithmetic that round once, as hardware does. */
struct __half_raw { unsigned short x; };
inline float lx_emu_half_to_float(unsigned short h)
{
    const uint32_t sign = static_cast<uint32_t>(h & 0x8000) << 16, magnitude = h & 0x7fff;
    /* the exponent moved to its place, then scaled by 2^112: subnormals come out right, too */
    const float v = __uint_as_float(magnitude << 13) * __uint_as_float((127u + 112u) << 23);
    return __uint_as_float(sign | (magnitude < 0x7c00 ? __float_as_uint(v) : 0x7f800000u | magnitude << 13));
}

/* To nearest, ties to even. */
inline unsigned short lx_emu_float_to_half(float f)
{
    const uint32_t u = __float_as_uint(f), sign = u >> 16 & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000u) return 0x7fff;
    if (magnitude >= 0x477ff000u) return static_cast<unsigned short>(sign | 0x7c00); /* 65520 and more */
    if (magnitude < 0x38800000u) return static_cast<unsigned short>(sign | static_cast<uint32_t>(std::lrint(__uint_as_float(magnitude) * 16777216))); /* subnormal */
    const uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return static_cast<unsigned short>(sign | ((rounded - 0x38000000u) >> 13));
}

/* By way of the float beside it toward zero, whose last bit is set where anything was cut off: rounding that is rounding once. */
inline unsigned short lx_emu_double_to_half(double d)
{
    const float f = static_cast<float>(d);
    uint32_t u = __float_as_uint(f);
    if (std::fabs(d) < 65536 && static_cast<double>(f) != d) u = (u - (std::fabs(static_cast<double>(f)) > std::fabs(d))) | 1;
    return lx_emu_float_to_half(__uint_as_float(u));
}

struct __half {
    unsigned short x;
    __half() = default;
    __half(float f) : x(lx_emu_float_to_half(f)) {}
    __half(const __half_raw &r) : x(r.x) {}
    operator float() const { return lx_emu_half_to_float(x); }
};
typedef __half half;
struct alignas(4) __half2 { __half x, y; };
typedef __half2 half2;

inline float __half2float(__half h) { return h; }
inline __half __float2half(float f) { return __half(f); }
inline __half __float2half_rn(float f) { return __half(f); }
inline unsigned short __half_as_ushort(__half h) { return h.x; }
inline __half __ushort_as_half(unsigned short u) { return __half_raw{u}; }
inline float2 __half22float2(__half2 h) { return {h.x, h.y}; }
inline __half2 __floats2half2_rn(float a, float b) { return {__half(a), __half(b)}; }
inline __half2 __halves2half2(__half a, __half b) { return {a, b}; }
/* sums, products and quotients of two halves are exact enough in float that rounding again is rounding once */
inline __half __hadd(__half a, __half b) { return __half(float(a) + float(b)); }
inline __half __hsub(__half a, __half b) { return __half(float(a) - float(b)); }
inline __half __hmul(__half a, __half b) { return __half(float(a) * float(b)); }
inline __half __hdiv(__half a, __half b) { return __half(float(a) / float(b)); }
inline __half __hfma(__half a, __half b, __half c) { return __half_raw{lx_emu_double_to_half(double(float(a)) * float(b) + float(c))}; }
inline __half2 __hadd2(__half2 a, __half2 b) { return {__hadd(a.x, b.x), __hadd(a.y, b.y)}; }
inline __half2 __hmul2(__half2 a, __half2 b) { return {__hmul(a.x, b.x), __hmul(a.y, b.y)}; }
inline __half2 __hfma2(__half2 a, __half2 b, __half2 c) { return {__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y)}; }

/* ---- launches ------------------------------------------------------------------------------------------------------------ */

enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize = 8, cudaFuncAttributePreferredSharedMemoryCarveout = 9 };
cudaError_t lx_emu_func_attribute(const void *kernel, cudaFuncAttribute a, int value);
template <typename... P> cudaError_t cudaFuncSetAttribute(void (*kernel)(P...), cudaFuncAttribute a, int value)
{
    return lx_emu_func_attribute(reinterpret_cast<const void *>(kernel), a, value);
}

struct cudaFuncAttributes {
    int binaryVersion;
};
/* Kernels are built for 75 and up. */
cudaError_t lx_emu_has_image(cudaFuncAttributes *a);
template <typename... P> cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *a, void (*)(P...)) { return lx_emu_has_image(a); }

struct LxEmuLaunch {
    const char *name;
    const void *kernel;
    dim3 grid, block;
    size_t shared;
    std::function<void()> call; /* of one thread */
};
void lx_emu_launch(LxEmuLaunch launch, cudaStream_t s);
/* Fails where bytes that go to a kernel hold a pointer into the host's memory. */
void lx_emu_check_argument(const char *kernel, const void *p, size_t bytes);

template <typename... P, typename... A>
void lx_emu_start(const char *name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, void *stream, A... arguments)
{
    const std::tuple<P...> copy(arguments...);
    std::apply([&](const P &...p) { (lx_emu_check_argument(name, &p, sizeof p), ...); }, copy);
    lx_emu_launch({name, reinterpret_cast<const void *>(kernel), grid, block, shared, [kernel, copy] { std::apply(kernel, copy); }},
                  static_cast<cudaStream_t>(stream));
}

#define LX_LAUNCH(kernel, grid, block, shared_bytes, stream, ...) lx_emu_start(#kernel, kernel, grid, block, shared_bytes, stream, __VA_ARGS__)

#endif
#endif
