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

/* Between two looks at what another thread will write: leaves the core to its other thread, where the compiler knows how. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_ia32_pause)
#define lx_pause() __builtin_ia32_pause()
#endif
#endif
#if !defined(lx_pause)
#define lx_pause() ((void)0)
#endif

#endif
