/* Between the two files of the emulator: the runtime's names (cuda_emulator_runtime.cpp) and kernels (cuda_emulator.cpp). */
#ifndef LX_EMULATOR_FIBERS_H
#define LX_EMULATOR_FIBERS_H

#include "cuda_emulator.h"

#if defined(__SANITIZE_ADDRESS__)
#define LX_EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LX_EMU_ASAN 1
#endif
#endif

#if defined(LX_EMU_ASAN)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

/** Run all threads of all blocks, now. */
void lx_emu_run(const LxEmuLaunch &launch, uint64_t seed);

#endif
