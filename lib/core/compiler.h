/* Everything that is the compiler's rather than C11's. */
#ifndef LX_COMPILER_H
#define LX_COMPILER_H

#if defined(__GNUC__)
#define LX_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define LX_INLINE static inline __attribute__((always_inline))
#define LX_RESTRICT __restrict__
#if defined(__clang__)
#define LX_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LX_UNROLL _Pragma("GCC unroll 16")
#endif
#else
#define LX_PRINTF(fmt, args)
#define LX_INLINE static inline
#define LX_RESTRICT
#define LX_UNROLL
#endif

/* Between two looks at what another thread will write. */
LX_INLINE void lx_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
