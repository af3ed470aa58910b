/* The one way to memory: every block of the library comes from the host's allocator, or else from the C library. */
#ifndef LX_ALLOC_H
#define LX_ALLOC_H

#include <stddef.h>

#include "liax/liax.h"

/* Of every block: a cache line, and the widest vector. */
#define LX_ALIGN 64

/** The allocator to use for the one given in options: itself, or the C library's if both functions are NULL. */
LiaxAllocator lx_allocator(const LiaxAllocator *given);

/** `size` bytes aligned to LX_ALIGN, contents undefined; NULL if there are none. size may be 0. */
void *lx_alloc(const LiaxAllocator *a, size_t size);

/** The same, all zero. */
void *lx_alloc_zero(const LiaxAllocator *a, size_t size);

/** Free a block of lx_alloc; `size` is what it was asked with. NULL is fine. */
void lx_free(const LiaxAllocator *a, void *p, size_t size);

/** *out = a * b; 0 if that overflows, else 1. */
int lx_mul_size(size_t a, size_t b, size_t *out);

#endif
