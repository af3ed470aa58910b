/*
 * The runtime's names (cuda_emulator.h). A device's memory is one reservation that host code cannot touch; it is opened while a
 * kernel or a copy runs. Streams do at once what they are given, or record it while they are captured.
 */
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fibers.h"

namespace {

constexpr int MAX_DEVICES = 8;
constexpr size_t ALIGN = 512, RED = 512, LARGE = 8 << 20; /* bytes; RED lies behind each allocation */

std::recursive_mutex lock; /* of all below */

/* A counter of the environment's: whether this is the n-th call since the value was set. */
struct Countdown {
    const char *name;
    std::string value;
    long left = 0;

    bool now()
    {
        const char *v = std::getenv(name);
        if (value != (v ? v : "")) {
            value = v ? v : "";
            left = std::strtol(value.c_str(), nullptr, 10);
        }
        return left > 0 && --left == 0;
    }
};
Countdown no_memory = {"LX_EMULATE_NO_MEMORY_AT", "", 0}, lost_at = {"LX_EMULATE_LOST_AT", "", 0};

long from_environment(const char *name, long otherwise)
{
    const char *v = std::getenv(name);
    return v && *v ? std::strtol(v, nullptr, 10) : otherwise;
}

struct Device {
    char *memory = nullptr;
    size_t bytes = 0, used = 0;
    std::map<size_t, size_t> taken; /* where: bytes asked for */
    size_t opened = 0;              /* bytes that this process can touch now */
};

Device devices[MAX_DEVICES];
std::set<void *> streams, events; /* that are there */
std::map<const char *, size_t> pinned, managed;
std::map<const void *, size_t> shared_limits; /* of kernels, where more than 48 KiB were asked for */
bool lost = false;
uint64_t launches = 0;
long replays = 0, graphs = 0;
thread_local int current = 0;
thread_local bool has_context = false; /* of device `current` */
thread_local cudaError_t last_error = cudaSuccess;

cudaError_t result(cudaError_t e)
{
    if (e) last_error = e;
    return e;
}

/* What every call begins with. */
cudaError_t usable()
{
    if (std::getenv("LX_EMULATE_OLD_DRIVER")) return cudaErrorInsufficientDriver;
    if (from_environment("LX_EMULATE_DEVICES", 1) < 1) return cudaErrorNoDevice;
    lost = lost && std::getenv("LX_EMULATE_LOST_AT");
    return lost ? cudaErrorLaunchFailure : cudaSuccess;
}

int device_count()
{
    const long n = from_environment("LX_EMULATE_DEVICES", 1);
    return n > MAX_DEVICES ? MAX_DEVICES : static_cast<int>(n);
}

Device &reserved(int i)
{
    Device &d = devices[i];
    if (d.memory) return d;
    d.bytes = static_cast<size_t>(from_environment("LX_EMULATE_MEMORY", 1l << 30)) / ALIGN * ALIGN;
    void *p = mmap(nullptr, d.bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) lx_emu_fail("no address space for %zu bytes of device memory", d.bytes);
    d.memory = static_cast<char *>(p);
    ASAN_POISON_MEMORY_REGION(d.memory, d.bytes);
    return d;
}

int device_of(const void *p)
{
    const char *c = static_cast<const char *>(p);
    for (int i = 0; i < MAX_DEVICES; i++)
        if (devices[i].memory && c >= devices[i].memory && c < devices[i].memory + devices[i].bytes) return i;
    return -1;
}

bool within(const std::map<const char *, size_t> &blocks, const void *p)
{
    const char *c = static_cast<const char *>(p);
    auto i = blocks.upper_bound(c);
    return i != blocks.begin() && c < (--i)->first + i->second;
}

int running = 0; /* kernels and copies */

/* Opens what is allocated, or closes it again. */
void protect()
{
    for (Device &d : devices) {
        size_t to = 0;
        if (running && !d.taken.empty()) to = (d.taken.rbegin()->first + d.taken.rbegin()->second + 4095) / 4096 * 4096;
        if (to > d.opened) mprotect(d.memory + d.opened, to - d.opened, PROT_READ | PROT_WRITE);
        if (!running && d.opened) mprotect(d.memory, d.opened, PROT_NONE);
        d.opened = running && to < d.opened ? d.opened : to;
    }
}

/* Opens all devices' memory to this process while it lives. */
struct Opened {
    Opened()
    {
        std::lock_guard<std::recursive_mutex> hold(lock);
        running++;
        protect();
    }
    ~Opened()
    {
        std::lock_guard<std::recursive_mutex> hold(lock);
        running--;
        static unsigned turn;
        size_t opened = 0;
        for (const Device &d : devices) opened += d.opened;
        if (!running && (opened < LARGE || ++turn % 16 == 0)) protect(); /* closing much memory takes longer than a kernel */
    }
};

/* Fails unless a copy's end is what its kind says, and within one allocation where that is the device's. */
void check_end(const char *what, const void *p, size_t bytes, bool on_device)
{
    const int i = device_of(p);
    if (within(managed, p)) return;
    if (on_device != (i >= 0)) lx_emu_fail("%s: %p is not the %s's memory", what, p, on_device ? "device" : "host");
    if (i < 0) return;
    const size_t at = static_cast<size_t>(static_cast<const char *>(p) - devices[i].memory);
    auto k = devices[i].taken.upper_bound(at);
    if (k == devices[i].taken.begin() || at + bytes > (--k)->first + k->second) lx_emu_fail("%s: %zu bytes at %p are not within one allocation", what, bytes, p);
}

bool to_device(cudaMemcpyKind k, const void *p)
{
    return k == cudaMemcpyDefault ? device_of(p) >= 0 : k == cudaMemcpyHostToDevice || k == cudaMemcpyDeviceToDevice;
}

bool from_device(cudaMemcpyKind k, const void *p)
{
    return k == cudaMemcpyDefault ? device_of(p) >= 0 : k == cudaMemcpyDeviceToHost || k == cudaMemcpyDeviceToDevice;
}

} // namespace

/* A graph is what was recorded, in its order. */
struct LxEmuGraph {
    std::vector<std::function<void()>> work;
    std::set<LxEmuStream *> open; /* streams that record into it and have not come back to the first one */
    LxEmuStream *first;
};

struct LxEmuStream {
    int device;
    LxEmuGraph *graph; /* recorded into; NULL */
    bool invalid;      /* the capture is */
    cudaStreamCaptureMode mode;
    std::thread::id by; /* who captures */
};

struct LxEmuEvent {
    bool timed;
    LxEmuGraph *graph; /* that it was recorded in; NULL */
    LxEmuStream *stream;
    std::chrono::steady_clock::time_point time;
};

namespace {

/* Do it now, or record it. */
cudaError_t submit(cudaStream_t s, std::function<void()> work)
{
    const cudaError_t e = usable();
    if (e) return result(e);
    if (s && !streams.count(s)) lx_emu_fail("work is given to a stream that is not there");
    if (s && s->invalid) return result(cudaErrorStreamCaptureInvalidated);
    if (s && s->graph) {
        s->graph->work.push_back(std::move(work));
        if (s != s->graph->first) s->graph->open.insert(s);
    } else {
        work();
    }
    return cudaSuccess;
}

/* What must not be asked of a stream that is captured. */
cudaError_t not_captured(cudaStream_t s)
{
    const cudaError_t e = usable();
    if (e) return result(e);
    if (s && !streams.count(s)) lx_emu_fail("a stream that is not there is waited for");
    if (!s || !s->graph) return cudaSuccess;
    s->invalid = true;
    return result(cudaErrorStreamCaptureUnsupported);
}

/* Captures forbid calls that may wait: in the global mode to every thread, in the thread-local one to the thread that captures. */
cudaError_t nothing_captured()
{
    const cudaError_t e = usable();
    if (e) return result(e);
    for (void *p : streams) {
        LxEmuStream *s = static_cast<LxEmuStream *>(p);
        if (!s->graph || (s->mode != cudaStreamCaptureModeGlobal && s->by != std::this_thread::get_id())) continue;
        s->invalid = true;
        return result(cudaErrorStreamCaptureUnsupported);
    }
    return cudaSuccess;
}

template <typename T> cudaError_t host_block(T &blocks, void **p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *p = nullptr;
    const cudaError_t e = nothing_captured();
    if (e) return e;
    if (no_memory.now()) return result(cudaErrorMemoryAllocation);
    *p = std::aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);
    if (!*p) return result(cudaErrorMemoryAllocation);
    std::memset(*p, 0xff, bytes);
    blocks[static_cast<const char *>(*p)] = bytes;
    return cudaSuccess;
}

} // namespace

/* ---- errors and devices ------------------------------------------------------------------------------------------------ */

static const struct {
    cudaError_t e;
    const char *name, *text;
} errors[] = {
    {cudaSuccess, "cudaSuccess", "no error"},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument"},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory"},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver", "CUDA driver version is insufficient for CUDA runtime version"},
    {cudaErrorInvalidDeviceFunction, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {cudaErrorNoKernelImageForDevice, "cudaErrorNoKernelImageForDevice", "no kernel image is available for execution on the device"},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected"},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready"},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cudaErrorStreamCaptureUnsupported, "cudaErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing"},
    {cudaErrorStreamCaptureInvalidated, "cudaErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture"},
    {cudaErrorStreamCaptureUnmatched, "cudaErrorStreamCaptureUnmatched", "capture was not ended in the same stream as it began"},
    {cudaErrorStreamCaptureUnjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
};

const char *cudaGetErrorName(cudaError_t e)
{
    for (const auto &k : errors)
        if (k.e == e) return k.name;
    return "cudaErrorUnknown";
}

const char *cudaGetErrorString(cudaError_t e)
{
    for (const auto &k : errors)
        if (k.e == e) return k.text;
    return "unknown error";
}

cudaError_t cudaPeekAtLastError() { return usable() == cudaErrorLaunchFailure ? cudaErrorLaunchFailure : last_error; }

cudaError_t cudaGetLastError()
{
    const cudaError_t e = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return e;
}

cudaError_t cudaDriverGetVersion(int *version)
{
    const char *old = std::getenv("LX_EMULATE_OLD_DRIVER");
    *version = !old ? CUDART_VERSION : std::strcmp(old, "none") ? 11000 : 0;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 0;
    const cudaError_t e = usable();
    if (e && !lost) return result(e);
    *count = device_count();
    return result(e);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int device)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (device < 0 || device >= device_count()) return result(cudaErrorInvalidDevice);
    const int capability = static_cast<int>(from_environment("LX_EMULATE_CAPABILITY", 90));
    *p = cudaDeviceProp();
    std::snprintf(p->name, sizeof p->name, "Emulated GPU %d", device);
    p->totalGlobalMem = reserved(device).bytes;
    p->sharedMemPerBlock = 48 << 10;
    p->sharedMemPerBlockOptin = capability >= 90 ? 227 << 10 : capability >= 80 ? 99 << 10 : 64 << 10;
    p->sharedMemPerMultiprocessor = p->sharedMemPerBlockOptin + 1024;
    p->regsPerBlock = 65536;
    p->warpSize = 32;
    p->maxThreadsPerBlock = 1024;
    p->major = capability / 10;
    p->minor = capability % 10;
    p->multiProcessorCount = 4;
    p->l2CacheSize = 4 << 20;
    p->pciBusID = device + 1;
    p->memoryBusWidth = 64;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr attr, int device)
{
    cudaDeviceProp p;
    const cudaError_t e = cudaGetDeviceProperties(&p, device);
    if (e) return e;
    switch (attr) {
    case cudaDevAttrClockRate: *value = 1000000; break;
    case cudaDevAttrMemoryClockRate: *value = 1000000; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrGlobalMemoryBusWidth: *value = p.memoryBusWidth; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(p.sharedMemPerBlockOptin); break;
    default: return result(cudaErrorInvalidValue);
    }
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
    const cudaError_t e = usable();
    if (e) return result(e);
    if (device < 0 || device >= device_count()) return result(cudaErrorInvalidDevice);
    current = device;
    has_context = true;
    return cudaSuccess;
}

static int get_context(void **context)
{
    *context = has_context ? &devices[current] : nullptr;
    return 0;
}

static int set_context(void *context)
{
    has_context = context != nullptr;
    current = context ? static_cast<int>(static_cast<Device *>(context) - devices) : 0;
    return 0;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char *symbol, void **call, unsigned, unsigned long long, cudaDriverEntryPointQueryResult *found)
{
    *call = !std::strcmp(symbol, "cuCtxGetCurrent")   ? reinterpret_cast<void *>(get_context)
            : !std::strcmp(symbol, "cuCtxSetCurrent") ? reinterpret_cast<void *>(set_context)
                                                      : nullptr;
    if (found) *found = *call ? cudaDriverEntryPointSuccess : cudaDriverEntryPointSymbolNotFound;
    return result(usable());
}

cudaError_t cudaGetDevice(int *device)
{
    *device = current;
    return result(usable());
}

cudaError_t cudaDeviceSynchronize()
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    return nothing_captured();
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    const cudaError_t e = usable();
    if (e) return result(e);
    const Device &d = reserved(current);
    *total = d.bytes;
    *free_bytes = d.bytes - d.used;
    return cudaSuccess;
}

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

cudaError_t cudaMalloc(void **p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *p = nullptr;
    const cudaError_t e = nothing_captured();
    if (e) return e;
    if (no_memory.now()) return result(cudaErrorMemoryAllocation);
    if (!bytes) return cudaSuccess;
    Device &d = reserved(current);
    size_t at = 0; /* the first gap that is large enough */
    for (const auto &t : d.taken) {
        if (t.first - at >= bytes + RED) break;
        at = (t.first + t.second + RED + ALIGN - 1) / ALIGN * ALIGN;
    }
    if (bytes > d.bytes || at + bytes + RED > d.bytes) return result(cudaErrorMemoryAllocation);
    d.taken[at] = bytes;
    d.used += bytes;
    *p = d.memory + at;
    ASAN_UNPOISON_MEMORY_REGION(*p, bytes);
    const Opened opened;
    std::memset(*p, 0xff, bytes);
    return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!p) return result(usable());
    if (managed.count(static_cast<char *>(p))) {
        managed.erase(static_cast<char *>(p));
        std::free(p);
        return result(usable());
    }
    const int i = device_of(p);
    if (i < 0) lx_emu_fail("cudaFree: %p is not device memory", p);
    Device &d = devices[i];
    auto t = d.taken.find(static_cast<size_t>(static_cast<char *>(p) - d.memory));
    if (t == d.taken.end()) lx_emu_fail("cudaFree: %p was not allocated, or was freed before", p);
    ASAN_POISON_MEMORY_REGION(p, t->second);
    d.used -= t->second;
    d.taken.erase(t);
    return result(usable());
}

cudaError_t cudaMallocManaged(void **p, size_t bytes, unsigned) { return host_block(managed, p, bytes); }
cudaError_t cudaHostAlloc(void **p, size_t bytes, unsigned) { return host_block(pinned, p, bytes); }
cudaError_t cudaMallocHost(void **p, size_t bytes) { return host_block(pinned, p, bytes); }

cudaError_t cudaFreeHost(void *p)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (p && !pinned.erase(static_cast<char *>(p))) lx_emu_fail("cudaFreeHost: %p is not pinned memory", p);
    std::free(p);
    return result(usable());
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *a, const void *p)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    const int i = device_of(p);
    *a = cudaPointerAttributes();
    a->type = i >= 0 ? cudaMemoryTypeDevice : within(managed, p) ? cudaMemoryTypeManaged : within(pinned, p) ? cudaMemoryTypeHost : cudaMemoryTypeUnregistered;
    a->device = i >= 0 ? i : -1;
    a->devicePointer = i >= 0 ? const_cast<void *>(p) : nullptr;
    a->hostPointer = i >= 0 ? nullptr : const_cast<void *>(p);
    return result(usable());
}

cudaError_t cudaMemcpy2DAsync(void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, cudaMemcpyKind kind, cudaStream_t s)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!width || !height) return result(usable());
    check_end("cudaMemcpy", to, (height - 1) * to_pitch + width, to_device(kind, to));
    check_end("cudaMemcpy", from, (height - 1) * from_pitch + width, from_device(kind, from));
    /* a graph reads the host's memory when it is replayed, so that must be pinned and stay */
    for (const void *p : {static_cast<const void *>(to), from})
        if (s && s->graph && device_of(p) < 0 && !within(pinned, p) && !within(managed, p)) {
            s->invalid = true;
            return result(cudaErrorStreamCaptureUnsupported);
        }
    return submit(s, [=] {
        const Opened opened;
        for (size_t y = 0; y < height; y++) std::memmove(static_cast<char *>(to) + y * to_pitch, static_cast<const char *>(from) + y * from_pitch, width);
    });
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, cudaMemcpyKind kind, cudaStream_t s)
{
    return cudaMemcpy2DAsync(to, bytes, from, bytes, bytes, 1, kind, s);
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, cudaMemcpyKind kind)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    const cudaError_t e = nothing_captured();
    return e ? e : cudaMemcpyAsync(to, from, bytes, kind, nullptr);
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes, cudaStream_t s)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!bytes) return result(usable());
    check_end("cudaMemset", to, bytes, true);
    return submit(s, [=] {
        const Opened opened;
        std::memset(to, value, bytes);
    });
}

cudaError_t cudaMemset(void *to, int value, size_t bytes) { return cudaMemsetAsync(to, value, bytes, nullptr); }

/* ---- streams and events ---------------------------------------------------------------------------------------------------- */

/* An object of the program's, kept among `all` while it is there. */
template <typename T> static cudaError_t create(T **out, std::set<void *> &all, const T &object)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *out = nullptr;
    const cudaError_t e = usable();
    if (e) return result(e);
    *out = new T(object);
    all.insert(*out);
    return cudaSuccess;
}

template <typename T> static cudaError_t destroy(const char *call, std::set<void *> &all, T *object)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!all.erase(object)) lx_emu_fail("%s: what it is given is not there", call);
    delete object;
    return result(usable());
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned) { return create(s, streams, {current, nullptr, false, cudaStreamCaptureModeGlobal, {}}); }

cudaError_t cudaStreamCreate(cudaStream_t *s) { return cudaStreamCreateWithFlags(s, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t s) { return destroy("cudaStreamDestroy", streams, s); }

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    return not_captured(s);
}

cudaError_t cudaStreamQuery(cudaStream_t s) { return cudaStreamSynchronize(s); }

cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!events.count(e)) lx_emu_fail("cudaStreamWaitEvent: there is no such event");
    if (s && e->graph && s->graph != e->graph) { /* it joins the capture */
        if (s->graph) return result(cudaErrorStreamCaptureUnsupported);
        s->graph = e->graph;
        s->graph->open.insert(s);
    } else if (s && e->graph && s == s->graph->first) {
        s->graph->open.erase(e->stream);
    }
    return result(usable());
}

cudaError_t cudaLaunchHostFunc(cudaStream_t s, void (*fn)(void *), void *arg)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    return submit(s, [=] { fn(arg); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned flags) { return create(e, events, {!(flags & cudaEventDisableTiming), nullptr, nullptr, {}}); }

cudaError_t cudaEventCreate(cudaEvent_t *e) { return cudaEventCreateWithFlags(e, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t e) { return destroy("cudaEventDestroy", events, e); }

cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!events.count(e)) lx_emu_fail("cudaEventRecord: there is no such event");
    e->graph = s ? s->graph : nullptr;
    e->stream = s;
    e->time = std::chrono::steady_clock::now();
    return result(usable());
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (!events.count(e)) lx_emu_fail("an event that is not there is waited for");
    return result(e->graph ? cudaErrorStreamCaptureUnsupported : usable());
}

cudaError_t cudaEventQuery(cudaEvent_t e) { return cudaEventSynchronize(e); }

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
    if (!from->timed || !to->timed) return result(cudaErrorInvalidResourceHandle);
    *ms = std::chrono::duration<float, std::milli>(to->time - from->time).count();
    return result(usable());
}

/* ---- graphs ------------------------------------------------------------------------------------------------------------------ */

cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode mode)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    const cudaError_t e = usable();
    if (e) return result(e);
    if (!s || s->graph) return result(cudaErrorStreamCaptureUnsupported);
    s->graph = new LxEmuGraph{{}, {}, s};
    s->mode = mode;
    s->by = std::this_thread::get_id();
    graphs++;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *g = nullptr;
    LxEmuGraph *graph = s ? s->graph : nullptr;
    if (!graph || graph->first != s) return result(cudaErrorStreamCaptureUnmatched);
    bool invalid = false;
    for (void *p : streams) {
        LxEmuStream *k = static_cast<LxEmuStream *>(p);
        if (k->graph != graph) continue;
        invalid = invalid || k->invalid;
        k->graph = nullptr;
        k->invalid = false;
    }
    for (void *p : events)
        if (static_cast<LxEmuEvent *>(p)->graph == graph) static_cast<LxEmuEvent *>(p)->graph = nullptr;
    const cudaError_t e = usable() ? usable() : invalid ? cudaErrorStreamCaptureInvalidated : graph->open.empty() ? cudaSuccess : cudaErrorStreamCaptureUnjoined;
    if (e) cudaGraphDestroy(graph);
    else *g = graph;
    return result(e);
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus *status)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *status = !s || !s->graph ? cudaStreamCaptureStatusNone : s->invalid ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
    return result(usable());
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *x, cudaGraph_t g, unsigned long long)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    *x = nullptr;
    const cudaError_t e = nothing_captured();
    if (e) return e;
    *x = new LxEmuGraph(*g);
    graphs++;
    return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) { return result(usable()); }

cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s)
{
    const cudaError_t e = not_captured(s);
    if (e) return e;
    {
        std::lock_guard<std::recursive_mutex> hold(lock);
        replays++;
    }
    for (const auto &w : x->work) w();
    return result(usable());
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    graphs -= x != nullptr;
    delete x;
    return result(usable());
}

cudaError_t cudaGraphDestroy(cudaGraph_t g) { return cudaGraphExecDestroy(g); }

void lx_emu_counts(LxEmuCounts *counts)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    long alive = static_cast<long>(streams.size() + events.size() + pinned.size() + managed.size()) + graphs;
    for (const Device &d : devices) alive += static_cast<long>(d.taken.size());
    *counts = {alive, static_cast<long>(launches), replays};
}

/* ---- launches ------------------------------------------------------------------------------------------------------------------ */

cudaError_t lx_emu_has_image(cudaFuncAttributes *a)
{
    a->binaryVersion = static_cast<int>(from_environment("LX_EMULATE_CAPABILITY", 90));
    return result(a->binaryVersion < 75 ? cudaErrorNoKernelImageForDevice : usable());
}

cudaError_t lx_emu_func_attribute(const void *kernel, cudaFuncAttribute a, int value)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    if (a != cudaFuncAttributeMaxDynamicSharedMemorySize) return result(usable());
    cudaDeviceProp p;
    const cudaError_t e = cudaGetDeviceProperties(&p, current);
    if (e) return e;
    if (value < 0 || static_cast<size_t>(value) > p.sharedMemPerBlockOptin) return result(cudaErrorInvalidValue);
    shared_limits[kernel] = static_cast<size_t>(value);
    return cudaSuccess;
}

static bool is_taken(const Device &d, const char *p)
{
    const size_t at = static_cast<size_t>(p - d.memory);
    auto t = d.taken.upper_bound(at);
    return t != d.taken.begin() && at <= (--t)->first + t->second;
}

/* Addresses of this process lie between these on Linux; of two numbers side by side, the upper would be 21845 to 32767. */
void lx_emu_check_argument(const char *kernel, const void *p, size_t bytes)
{
    std::lock_guard<std::recursive_mutex> hold(lock);
    for (size_t at = 0; at + sizeof(uintptr_t) <= bytes; at += sizeof(uintptr_t)) {
        uintptr_t v;
        std::memcpy(&v, static_cast<const char *>(p) + at, sizeof v);
        if (v >> 32 < 0x5500 || v >> 32 > 0x7fff || (v & 0xffffffff) < 1 << 20) continue; /* the last: a small number before padding */
        const void *q = reinterpret_cast<const void *>(v);
        const int i = device_of(q);
        if (i >= 0 && !is_taken(devices[i], static_cast<const char *>(q))) continue; /* padding, with what lay there by chance */
        if (i < 0 && msync(reinterpret_cast<void *>(v & ~static_cast<uintptr_t>(4095)), 1, MS_ASYNC)) continue; /* nothing is there: padding */
        if (i >= 0 && i != current) lx_emu_fail("kernel %s gets a pointer to memory of device %d, but runs on device %d", kernel, i, current);
        if (i < 0 && !within(managed, q) && !within(pinned, q)) lx_emu_fail("kernel %s gets a pointer to the host's memory at byte %zu of an argument", kernel, at);
    }
}

void lx_emu_launch(LxEmuLaunch launch, cudaStream_t s)
{
    std::unique_lock<std::recursive_mutex> hold(lock);
    const dim3 &g = launch.grid, &b = launch.block;
    const auto limit = shared_limits.find(launch.kernel);
    if (!g.x || !g.y || !g.z || g.x > 0x7fffffff || g.y > 65535 || g.z > 65535 || !b.x || !b.y || !b.z || b.z > 64 ||
        static_cast<unsigned long>(b.x) * b.y * b.z > 1024 || launch.shared > (limit == shared_limits.end() ? 48u << 10 : limit->second)) {
        result(cudaErrorInvalidConfiguration);
        return;
    }
    if (s && streams.count(s) && s->device != current) {
        result(cudaErrorInvalidResourceHandle);
        return;
    }
    const auto work = [launch] {
        uint64_t seed;
        {
            std::lock_guard<std::recursive_mutex> counting(lock);
            lost = lost || lost_at.now();
            if (lost) return;
            seed = ++launches + 1000003u * static_cast<uint64_t>(from_environment("LX_EMULATE_SEED", 1));
        }
        const Opened opened;
        lx_emu_run(launch, seed);
    };
    const bool recorded = s && streams.count(s) && s->graph;
    if (!recorded) {
        if (usable() || (s && !streams.count(s))) {
            submit(s, [] {});
            return;
        }
        hold.unlock(); /* kernels of several threads run at the same time */
        work();
        return;
    }
    submit(s, work);
}
