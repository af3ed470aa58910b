/* Public structs from callers of any age: they begin with their size, and what they lack is zero. */
#ifndef LX_STRUCTS_H
#define LX_STRUCTS_H

#include <stddef.h>
#include <string.h>

/** Copy a caller's struct into ours of `size` bytes; 0 if its struct_size cannot be true. */
static inline int lx_struct_in(void *to, size_t size, const void *from)
{
    size_t given;
    memcpy(&given, from, sizeof given);
    memset(to, 0, size);
    if (given < sizeof given || given > 1 << 16) return 0;
    memcpy(to, from, given < size ? given : size);
    return 1;
}

/** Copy ours into a caller's, as far as it reaches; its struct_size stays. 0 if that cannot be true. */
static inline int lx_struct_out(void *to, const void *from, size_t size)
{
    size_t given;
    memcpy(&given, to, sizeof given);
    if (given < sizeof given || given > 1 << 16) return 0;
    memset((char *)to + sizeof given, 0, given - sizeof given);
    if (given < size) size = given;
    memcpy((char *)to + sizeof given, (const char *)from + sizeof given, size - sizeof given);
    return 1;
}

#endif
