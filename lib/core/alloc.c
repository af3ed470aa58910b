/* Memory through the host's allocator (alloc.h). */
#include "alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void *libc_alloc(void *ctx, size_t size, size_t align)
{
    (void)ctx;
    if (size > SIZE_MAX - align) return NULL;
    return aligned_alloc(align, (size + align - 1) / align * align);
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
