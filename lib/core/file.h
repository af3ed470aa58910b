/* Bytes at an offset: of a file by pread, or of the caller's memory. Every read is checked. */
#ifndef LX_FILE_H
#define LX_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "liax/liax.h"
#include "log.h"

/* Zeroed memory with fd -1 or 0 and no data is a closed file: lx_file_close takes it. */
typedef struct LxFile {
    int fd;              /* valid if is_open */
    int is_open;
    const uint8_t *data; /* not NULL: the bytes themselves, the caller's */
    uint64_t size;
    const char *name;    /* for sentences; the caller's */
} LxFile;

/** Open a regular file for reading. `name` must outlive the file. LIAX_E_IO with a sentence. */
LiaxStatus lx_file_open(LxFile *f, const char *name, LxLog *log);

/** The caller's memory as a file. */
void lx_file_from_memory(LxFile *f, const void *data, size_t size, const char *name);

/** Read `size` bytes at `offset`; a file that is too short is LIAX_E_FORMAT, with a sentence that names the offset. */
LiaxStatus lx_file_read(const LxFile *f, uint64_t offset, void *to, size_t size, LxLog *log);

void lx_file_close(LxFile *f);

#endif
