/* Checked reads from files and memory (file.h). */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

LiaxStatus lx_file_open(LxFile *f, const char *name, LxLog *log)
{
    *f = (LxFile){.fd = -1, .name = name};
    /* O_NONBLOCK: opening a FIFO must not wait for a writer; it has no effect on regular files */
    f->fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (f->fd < 0) return lx_fail(log, LIAX_E_IO, "%s: cannot be opened: %s", name, strerror(errno));
    f->is_open = 1;
    struct stat st;
    if (fstat(f->fd, &st) || !S_ISREG(st.st_mode)) {
        lx_file_close(f);
        return lx_fail(log, LIAX_E_IO, "%s: is not a regular file", name);
    }
    f->size = (uint64_t)st.st_size;
    return LIAX_OK;
}

void lx_file_from_memory(LxFile *f, const void *data, size_t size, const char *name)
{
    *f = (LxFile){.fd = -1, .data = data, .size = size, .name = name};
}

LiaxStatus lx_file_read(const LxFile *f, uint64_t offset, void *to, size_t size, LxLog *log)
{
    if (offset > f->size || size > f->size - offset)
        return lx_fail(log, LIAX_E_FORMAT, "%s: truncated: %zu bytes wanted at offset %llu, the file has %llu", f->name, size,
                       (unsigned long long)offset, (unsigned long long)f->size);
    if (f->data) {
        if (size) memcpy(to, f->data + offset, size);
        return LIAX_OK;
    }
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(f->fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return lx_fail(log, LIAX_E_IO, "%s: read at offset %llu failed: %s", f->name, (unsigned long long)(offset + done), strerror(errno));
        if (n == 0) return lx_fail(log, LIAX_E_FORMAT, "%s: was cut short while being read, at offset %llu", f->name, (unsigned long long)(offset + done));
        done += (size_t)n;
    }
    return LIAX_OK;
}

void lx_file_close(LxFile *f)
{
    if (f->is_open) close(f->fd);
    *f = (LxFile){.fd = -1};
}
