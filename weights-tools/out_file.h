/* A file that appears under its name only when it is complete: written beside it, synced, renamed. */
#ifndef LX_OUT_FILE_H
#define LX_OUT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/log.h"

/* Zeroed memory is a closed output. */
typedef struct LxOutput {
    int fd;
    char *path, *temporary; /* NULL when closed */
    uint64_t bytes;         /* written so far */
} LxOutput;

/** Create the temporary file. LIAX_E_IO, LIAX_E_MEMORY. */
LiaxStatus lx_output_open(LxOutput *o, const char *path, LxLog *log);

/** Append bytes. LIAX_E_IO. */
LiaxStatus lx_output_write(LxOutput *o, const void *data, size_t size, LxLog *log);

/** Append zeros until the length is a multiple of `align`, at most 64. */
LiaxStatus lx_output_pad(LxOutput *o, size_t align, LxLog *log);

/** Overwrite bytes that are already there. */
LiaxStatus lx_output_patch(LxOutput *o, uint64_t offset, const void *data, size_t size, LxLog *log);

/** Sync, rename to the real name, close. After a failure the temporary file is gone, and an older file untouched. */
LiaxStatus lx_output_commit(LxOutput *o, LxLog *log);

/** Remove the temporary file, if the output was not committed. A closed output is fine. */
void lx_output_close(LxOutput *o);

/** LIAX_E_ARG if the two paths are one file: a checkpoint must not be replaced by its conversion. */
LiaxStatus lx_output_differs(const char *input, const char *output, LxLog *log);

#endif
