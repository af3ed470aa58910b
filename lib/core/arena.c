/* Scratch memory taken in order (arena.h). */
#include "arena.h"

#include <assert.h>
#include <stdint.h>

size_t lx_arena_mark(const LxArena *a)
{
    return a->used;
}

void lx_arena_release(LxArena *a, size_t mark)
{
    assert(mark <= a->used);
    a->used = mark;
}

void *lx_arena_take(LxArena *a, size_t size)
{
    const size_t at = a->used;
    a->used += (size + 63) / 64 * 64;
    if (a->used > a->peak) a->peak = a->used;
    if (!a->base) return (void *)(uintptr_t)(64 + at); /* not NULL: that would mean "none" */
    assert(a->used <= a->size);
    return a->base + at;
}

LxTensor lx_arena_tensor(LxArena *a, LxDtype type, int n, int c, int h, int w)
{
    LxTensor t = lx_tensor_of(type, NULL, n, c, h, w);
    t.data = lx_arena_take(a, lx_tensor_bytes(&t));
    return t;
}
