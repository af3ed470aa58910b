/* Scratch memory of one stream of work: taken in order, given back in reverse, sized by a pass that only measures. */
#ifndef LX_ARENA_H
#define LX_ARENA_H

#include <stddef.h>

#include "tensor.h"

/* With base NULL it measures: the pointers that it gives are not to be followed, and `peak` ends as the size that the real
   pass needs. */
typedef struct LxArena {
    char *base;
    size_t size, used, peak;
} LxArena;

/** The place to return to with lx_arena_release. */
size_t lx_arena_mark(const LxArena *a);
void lx_arena_release(LxArena *a, size_t mark);

/** `size` bytes on a 64-byte boundary, contents undefined. The real pass takes what the measuring one took. */
void *lx_arena_take(LxArena *a, size_t size);

/** A picture-like tensor, contents undefined. */
LxTensor lx_arena_tensor(LxArena *a, LxDtype type, int n, int c, int h, int w);

#endif
