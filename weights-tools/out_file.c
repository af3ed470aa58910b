/* Files that appear complete or not at all (out_file.h). */
#define _POSIX_C_SOURCE 200809L
#define _FILE_OFFSET_BITS 64
#include "out_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static LiaxStatus io_error(const LxOutput *o, LxLog *log, const char *what)
{
    return lx_fail(log, LIAX_E_IO, "%s: cannot be %s: %s", o->path, what, strerror(errno));
}

LiaxStatus lx_output_open(LxOutput *o, const char *path, LxLog *log)
{
    const size_t room = strlen(path) + 12;
    *o = (LxOutput){.fd = -1, .path = calloc(1, room), .temporary = calloc(1, room)};
    if (!o->path || !o->temporary) {
        lx_output_close(o);
        return lx_fail(log, LIAX_E_MEMORY, "%s: no memory", path);
    }
    snprintf(o->path, room, "%s", path);
    snprintf(o->temporary, room, "%s.tmpXXXXXX", path);
    struct stat st;
    LiaxStatus status = LIAX_OK;
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) status = lx_fail(log, LIAX_E_IO, "%s: is not a regular file", path);
    if (!status && (o->fd = mkstemp(o->temporary)) < 0) status = io_error(o, log, "created");
    if (status) {
        o->temporary[0] = 0;
        lx_output_close(o);
        return status;
    }
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(o->fd, 0666 & ~mask)) lx_say(log, LIAX_LOG_WARNING, "%s: keeps the permissions 0600", path);
    return LIAX_OK;
}

static LiaxStatus write_at(LxOutput *o, uint64_t offset, const void *data, size_t size, LxLog *log)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pwrite(o->fd, (const char *)data + done, size - done, (off_t)(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return io_error(o, log, "written");
        done += (size_t)n;
    }
    return LIAX_OK;
}

LiaxStatus lx_output_write(LxOutput *o, const void *data, size_t size, LxLog *log)
{
    const LiaxStatus st = write_at(o, o->bytes, data, size, log);
    if (!st) o->bytes += size;
    return st;
}

LiaxStatus lx_output_pad(LxOutput *o, size_t align, LxLog *log)
{
    static const char zeros[64];
    return lx_output_write(o, zeros, (align - (size_t)(o->bytes % align)) % align, log);
}

LiaxStatus lx_output_patch(LxOutput *o, uint64_t offset, const void *data, size_t size, LxLog *log)
{
    return write_at(o, offset, data, size, log);
}

/* The rename is safe on disk once its directory is; where a directory cannot be synced there is nothing to do. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash ? strdup(path) : strdup(".");
    if (!dir) return;
    if (slash) dir[slash - path + (slash == path)] = 0;
    const int fd = open(dir, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

LiaxStatus lx_output_commit(LxOutput *o, LxLog *log)
{
    LiaxStatus st = LIAX_OK;
    if (fsync(o->fd)) st = io_error(o, log, "written to disk");
    if (!st && rename(o->temporary, o->path)) st = io_error(o, log, "created");
    if (!st) {
        o->temporary[0] = 0;
        sync_directory(o->path);
    }
    lx_output_close(o);
    return st;
}

void lx_output_close(LxOutput *o)
{
    if (!o->path && !o->temporary) return;
    if (o->fd >= 0) close(o->fd);
    if (o->temporary && o->temporary[0]) unlink(o->temporary);
    free(o->path);
    free(o->temporary);
    *o = (LxOutput){.fd = -1};
}

LiaxStatus lx_output_differs(const char *input, const char *output, LxLog *log)
{
    struct stat a, b;
    if (stat(input, &a) || stat(output, &b) || a.st_dev != b.st_dev || a.st_ino != b.st_ino) return LIAX_OK;
    return lx_fail(log, LIAX_E_ARG, "%s: is the input; give another name for the output", output);
}
