/* Memory through the host's allocator (alloc.h). */
#define _DEFAULT_SOURCE /* madvise, posix_memalign */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Weights and arenas are read in many streams at once, more than a TLB has entries for in pages of 4 KiB. */
static void *libc_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    void *p = NULL;
    const size_t huge = size / HUGE_PAGE * HUGE_PAGE;
    if (posix_memalign(&p, huge && align < HUGE_PAGE ? HUGE_PAGE : align, size)) return NULL;
#ifdef MADV_HUGEPAGE
    if (huge) madvise(p, huge, MADV_HUGEPAGE); /* a wish: nothing is lost where it is not granted */
#endif
    return p;
}

static void libc_free(void *ctx, void *p, size_t size)
{
    (void)ctx;
    (void)size;
    free(p);
}

LiaxAllocator lx_allocator(const LiaxAllocator *given)
{
    if (given && given->alloc && given->free) return *given;
    return (LiaxAllocator){libc_alloc, libc_free, NULL};
}

void *lx_alloc(const LiaxAllocator *a, size_t size)
{
    return a->alloc(a->ctx, size ? size : 1, LX_ALIGN);
}

void *lx_alloc_zero(const LiaxAllocator *a, size_t size)
{
    void *p = lx_alloc(a, size);
    if (p) memset(p, 0, size);
    return p;
}

void lx_free(const LiaxAllocator *a, void *p, size_t size)
{
    if (p) a->free(a->ctx, p, size ? size : 1);
}

int lx_mul_size(size_t a, size_t b, size_t *out)
{
    if (a && b > SIZE_MAX / a) return 0;
    *out = a * b;
    return 1;
}
