/*
 * Kernels on the CPU. Each CUDA thread is a fiber with a stack of its own; the fibers of a block take turns on the host thread
 * that launched, in a shuffled order, and give way only where threads wait for each other: at barriers and in what a warp does
 * together. Where no fiber can go on, they wait for ever: the program ends and says where each stands.
 */
#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "fibers.h"

#if defined(LX_EMU_ASAN)
#include <sanitizer/common_interface_defs.h>
#endif

__thread LxEmuPlace lx_emu_place = {};

/* lx_emu_switch(&from, to): keep the stack pointer and what a callee keeps, and go on with another stack. */
extern "C" void lx_emu_switch(void **from, void *to);

#if defined(__x86_64__)
asm(R"(
    .text
    .globl lx_emu_switch
    .hidden lx_emu_switch
    .type lx_emu_switch, @function
lx_emu_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size lx_emu_switch, .-lx_emu_switch
)");
enum { KEPT = 6, RETURN = 6, FRAME = 8 }; /* words: registers, where the return address lies, all */
#elif defined(__aarch64__)
asm(R"(
    .text
    .globl lx_emu_switch
    .hidden lx_emu_switch
    .type lx_emu_switch, %function
lx_emu_switch:
    sub sp, sp, #160
    stp x19, x20, [sp, #0]
    stp x21, x22, [sp, #16]
    stp x23, x24, [sp, #32]
    stp x25, x26, [sp, #48]
    stp x27, x28, [sp, #64]
    stp x29, x30, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mov x9, sp
    str x9, [x0]
    mov sp, x1
    ldp x19, x20, [sp, #0]
    ldp x21, x22, [sp, #16]
    ldp x23, x24, [sp, #32]
    ldp x25, x26, [sp, #48]
    ldp x27, x28, [sp, #64]
    ldp x29, x30, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    add sp, sp, #160
    ret
    .size lx_emu_switch, .-lx_emu_switch
)");
enum { RETURN = 11, FRAME = 20 };
#else
#error "the emulator switches stacks on x86-64 and aarch64 only"
#endif

namespace {

constexpr int WARP = 32;
constexpr size_t STACK = 128 << 10, SHARED = 232448, RED = 64; /* bytes; RED lies between pieces of shared memory */

enum State { READY, AT_BARRIER, TOGETHER, DONE };

struct Fiber {
    void *sp = nullptr;
    char *stack = nullptr; /* NULL until it first runs, and when it is done */
    void *fake = nullptr;  /* ASan's */
    uint3 thread = {};
    State state = READY;
    const char *where = ""; /* file of the barrier, or what the warp does */
    int line = 0;
    unsigned mask = 0;
    void *record = nullptr;
};

struct Piece {
    const void *key;
    size_t at, bytes;
};

/* What a host thread needs to run blocks; kept until the thread ends. */
struct Engine {
    std::vector<Fiber> fibers;
    std::vector<int> order;
    std::vector<char *> stacks;
    std::vector<Piece> pieces;
    char *shared = nullptr;
    size_t shared_used = 0;
    Fiber *running = nullptr;
    void *scheduler = nullptr;
    const void *host_stack = nullptr;
    size_t host_stack_bytes = 0;
    void *host_fake = nullptr;
    const LxEmuLaunch *launch = nullptr;
    int live = 0, at_barrier = 0;
    uint64_t random = 0;

    ~Engine()
    {
        for (char *s : stacks) munmap(s, STACK);
        if (shared) munmap(shared, SHARED);
    }
};

thread_local std::unique_ptr<Engine> kept_engine; /* closed with the thread */
__thread Engine *engine_of_thread __attribute__((tls_model("initial-exec")));

Engine &engine()
{
    if (!engine_of_thread) {
        kept_engine = std::make_unique<Engine>();
        engine_of_thread = kept_engine.get();
    }
    return *engine_of_thread;
}

void *pages(size_t bytes)
{
    void *p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) lx_emu_fail("out of memory for %zu bytes of stack or shared memory", bytes);
    return p;
}

unsigned draw(Engine &e)
{
    e.random = e.random * 6364136223846793005ull + 1442695040888963407ull;
    return static_cast<unsigned>(e.random >> 33);
}

/* The fake-stack handle belongs to the one who leaves; `done` leaves for good. */
void leave(Engine &e, void **from_sp, void *to_sp, void **fake, bool done, const void *stack, size_t bytes)
{
#if defined(LX_EMU_ASAN)
    __sanitizer_start_switch_fiber(done ? nullptr : fake, stack, bytes);
#else
    (void)done, (void)stack, (void)bytes;
#endif
    lx_emu_switch(from_sp, to_sp);
#if defined(LX_EMU_ASAN)
    __sanitizer_finish_switch_fiber(*fake, nullptr, nullptr);
#endif
    (void)e, (void)fake;
}

/* Back to the scheduler, in `state`. */
void give_way(Engine &e, State state)
{
    Fiber *f = e.running;
    f->state = state;
    leave(e, &f->sp, e.scheduler, &f->fake, state == DONE, e.host_stack, e.host_stack_bytes);
}

void fiber_main()
{
    Engine &e = engine();
#if defined(LX_EMU_ASAN)
    __sanitizer_finish_switch_fiber(nullptr, &e.host_stack, &e.host_stack_bytes);
#endif
    e.launch->call();
    give_way(e, DONE);
    std::abort(); /* a fiber that is done is never run again */
}

void begin(Engine &e, Fiber &f)
{
    if (e.stacks.empty()) e.stacks.push_back(static_cast<char *>(pages(STACK)));
    f.stack = e.stacks.back();
    e.stacks.pop_back();
    /* stacks begin at different lines of a page, or those of a block would all be in the same few sets of the caches */
    const size_t colour = reinterpret_cast<uintptr_t>(f.stack) / STACK % 61 * 9 * 64;
    void **frame = reinterpret_cast<void **>(f.stack + STACK - colour) - FRAME - 2; /* so that fiber_main finds the stack as after a call */
    std::memset(frame, 0, FRAME * sizeof *frame);
    frame[RETURN] = reinterpret_cast<void *>(fiber_main);
    f.sp = frame;
}

void resume(Engine &e, Fiber &f)
{
    if (!f.stack) begin(e, f);
    e.running = &f;
    lx_emu_place.thread = f.thread;
    leave(e, &e.scheduler, f.sp, &e.host_fake, false, f.stack, STACK);
    e.running = nullptr;
    if (f.state != DONE) return;
    ASAN_UNPOISON_MEMORY_REGION(f.stack, STACK);
    e.stacks.push_back(f.stack);
    f.stack = nullptr;
    e.live--;
}

/* ---- failing ------------------------------------------------------------------------------------------------------- */

const char *describe(const Fiber &f, char to[160])
{
    const char *name = std::strrchr(f.where, '/');
    if (f.state == AT_BARRIER) std::snprintf(to, 160, "at the barrier of %s:%d", name ? name + 1 : f.where, f.line);
    else if (f.state == TOGETHER) std::snprintf(to, 160, "in %s with lanes %08x", f.where, f.mask);
    else std::snprintf(to, 160, f.state == DONE ? "done" : "ready");
    return to;
}

/* How many threads stand where. */
[[noreturn]] void deadlock(Engine &e, const char *what)
{
    std::fprintf(stderr, "cuda_emulator: %s\n", what);
    std::vector<std::pair<std::string, int>> places;
    for (const Fiber &f : e.fibers) {
        char text[160];
        const std::string place = describe(f, text);
        size_t i = 0;
        while (i < places.size() && places[i].first != place) i++;
        if (i == places.size()) places.push_back({place, 0});
        places[i].second++;
    }
    for (const auto &p : places) std::fprintf(stderr, "  %d threads %s\n", p.second, p.first.c_str());
    lx_emu_fail("deadlock");
}

/* ---- blocks ----------------------------------------------------------------------------------------------------------- */

bool same_place(const char *a, const char *b) { return a == b || !std::strcmp(a, b); }

void shuffle(Engine &e)
{
    for (size_t i = e.order.size(); i > 1; i--) std::swap(e.order[i - 1], e.order[draw(e) % i]);
}

void release_barrier(Engine &e)
{
    const Fiber *first = nullptr;
    for (Fiber &f : e.fibers) {
        if (!first) first = &f;
        if (f.line != first->line || !same_place(f.where, first->where)) deadlock(e, "a block waits at two different barriers");
        f.state = READY;
    }
    e.at_barrier = 0;
}

void poison_shared(Engine &e)
{
    for (const Piece &p : e.pieces) std::memset(e.shared + p.at, 0xff, p.bytes);
}

void run_block(Engine &e)
{
    const dim3 &d = e.launch->block;
    const int n = static_cast<int>(e.fibers.size());
    for (int i = 0; i < n; i++) {
        const unsigned u = static_cast<unsigned>(i);
        e.fibers[static_cast<size_t>(i)] = Fiber();
        e.fibers[static_cast<size_t>(i)].thread = {u % d.x, u / d.x % d.y, u / d.x / d.y};
    }
    poison_shared(e);
    shuffle(e);
    e.live = n;
    e.at_barrier = 0;
    unsigned slow = 0;
    for (unsigned pass = 0; e.live; pass++) {
        bool moved = false, held = false;
        /* some warps fall behind for a while, a quarter as fast, so that what needs a barrier between warps shows without it */
        if (pass % 64 == 0) slow = n > WARP ? static_cast<unsigned>(e.random >> 40) : 0;
        /* another beginning and direction each time: as good as a new shuffle, and cheaper */
        const int first = static_cast<int>(draw(e) % static_cast<unsigned>(n));
        const bool back = draw(e) & 1;
        for (int i = 0; i < n; i++) {
            const int at = first + (back ? n - 1 - i : i), index = e.order[static_cast<size_t>(at < n ? at : at - n)];
            Fiber &f = e.fibers[static_cast<size_t>(index)];
            if (f.state != READY) continue;
            if (pass % 4 && slow >> index / WARP % 24 & 1) {
                held = true;
                continue;
            }
            moved = true;
            resume(e, f);
        }
        if (e.at_barrier && e.at_barrier == n) release_barrier(e);
        else if (e.at_barrier && e.at_barrier == e.live) deadlock(e, "a barrier that only a part of the block reaches: the others have returned");
        else if (e.live && !moved && !held) deadlock(e, "no thread can go on");
    }
}

} // namespace

void lx_emu_run(const LxEmuLaunch &launch, uint64_t seed)
{
    Engine &e = engine();
    if (e.launch) lx_emu_fail("kernel %s is launched by a kernel", launch.name);
    e.launch = &launch;
    e.random = seed * 0x9e3779b97f4a7c15ull + 1;
    e.fibers.assign(launch.block.x * launch.block.y * launch.block.z, Fiber());
    e.order.resize(e.fibers.size());
    for (size_t i = 0; i < e.order.size(); i++) e.order[i] = static_cast<int>(i);
    if (!e.shared) e.shared = static_cast<char *>(pages(SHARED));
    e.pieces.clear();
    e.shared_used = 0;
    ASAN_POISON_MEMORY_REGION(e.shared, SHARED);
    lx_emu_place.block_dim = launch.block;
    lx_emu_place.grid_dim = launch.grid;
    lx_emu_shared(nullptr, launch.shared);
    uint3 &b = lx_emu_place.block;
    for (b.z = 0; b.z < launch.grid.z; b.z++)
        for (b.y = 0; b.y < launch.grid.y; b.y++)
            for (b.x = 0; b.x < launch.grid.x; b.x++) run_block(e);
    e.launch = nullptr;
}

void lx_emu_fail(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    std::fputs("cuda_emulator: ", stderr);
    std::vfprintf(stderr, format, list);
    const Engine *e = engine_of_thread;
    if (e && e->launch) {
        const uint3 &b = lx_emu_place.block;
        std::fprintf(stderr, "\n  in kernel %s, block (%u,%u,%u)", e->launch->name, b.x, b.y, b.z);
        if (e->running) std::fprintf(stderr, ", thread (%u,%u,%u)", e->running->thread.x, e->running->thread.y, e->running->thread.z);
    }
    std::fputc('\n', stderr);
    std::abort();
}

void *lx_emu_shared(const void *key, size_t bytes)
{
    Engine &e = engine();
    for (const Piece &p : e.pieces)
        if (p.key == key) return e.shared + p.at;
    const size_t at = e.shared_used;
    e.shared_used = (at + bytes + RED + 127) / 128 * 128;
    if (e.shared_used > SHARED) lx_emu_fail("more than %zu bytes of shared memory", SHARED);
    e.pieces.push_back({key, at, bytes});
    ASAN_UNPOISON_MEMORY_REGION(e.shared + at, bytes);
    std::memset(e.shared + at, 0xff, bytes);
    return e.shared + at;
}

void lx_emu_barrier(const char *file, int line)
{
    Engine &e = engine();
    Fiber *f = e.running;
    f->where = file;
    f->line = line;
    e.at_barrier++;
    give_way(e, AT_BARRIER);
}

void lx_emu_together(unsigned mask, const char *what, void *record, void (*op)(void *const lanes[32], const char *what))
{
    Engine &e = engine();
    Fiber *const f = e.running;
    const int index = static_cast<int>(f - e.fibers.data()), lane = index % WARP;
    Fiber *const warp = f - lane;
    const int lanes = std::min(WARP, static_cast<int>(e.fibers.size()) - (index - lane));
    if (!(mask >> lane & 1)) lx_emu_fail("%s: lane %d is not in its own mask %08x", what, lane, mask);
    if (lanes < WARP && mask >> lanes) lx_emu_fail("%s: mask %08x names lanes beyond the block's %d", what, mask, lanes);
    f->where = what;
    f->mask = mask;
    f->record = record;
    f->state = TOGETHER;
    for (int i = 0; i < lanes; i++) {
        if (!(mask >> i & 1)) continue;
        const Fiber &o = warp[i];
        if (o.state == DONE) lx_emu_fail("%s: lane %d of mask %08x has returned", what, i, mask);
        if (o.state != TOGETHER) {
            give_way(e, TOGETHER); /* somebody will come later and see all of us */
            return;
        }
        if (o.mask != mask || !same_place(o.where, what))
            lx_emu_fail("%s with lanes %08x: lane %d is in %s with lanes %08x", what, mask, i, o.where, o.mask);
    }
    void *records[WARP] = {};
    static char nothing; /* stands for "takes part" where there is no record */
    for (int i = 0; i < lanes; i++)
        if (mask >> i & 1) records[i] = warp[i].record ? warp[i].record : &nothing;
    op(records, what);
    for (int i = 0; i < lanes; i++)
        if (mask >> i & 1) warp[i].state = READY;
}
