/* Writing .npy files (npy_write.h). */
#include "npy_write.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

enum { HEADER = 128 }; /* a fixed size, so that the shape can be filled in later */

static bool write_header(NpyFile *n)
{
    char text[2 * HEADER], shape[96];
    const uint16_t one = 1;
    const char order = *(const uint8_t *)&one ? '<' : '>'; /* as this machine's floats are */
    snprintf(shape, sizeof shape, "(%lld, %s)", n->count, n->shape);
    snprintf(text, sizeof text, "\x93NUMPY\x01%c%c%c{'descr': '%cf4', 'fortran_order': False, 'shape': %s, }", 0,
             HEADER - 10, 0, order, shape);
    const size_t length = 10 + strlen(text + 10);
    memset(text + length, ' ', HEADER - length);
    text[HEADER - 1] = '\n';
    return fwrite(text, 1, HEADER, n->file) == HEADER;
}

static bool fail(const NpyFile *n, MediaError *e)
{
    return media_fail(e, "cannot write %s: %s; free some space or choose another place", n->target.path,
                      strerror(errno));
}

bool npy_check(const char *path, bool overwrite, MediaError *e)
{
    if (media_is_pipe(path)) return media_fail(e, "--npy -: an array cannot go through a pipe; name a file");
    return media_target_check(path, overwrite, e);
}

bool npy_open(NpyFile *n, const char *path, bool overwrite, const char *shape, MediaError *e)
{
    *n = (NpyFile){0};
    snprintf(n->shape, sizeof n->shape, "%s", shape);
    if (!media_target_open(&n->target, path, overwrite, e)) return false;
    n->file = media_target_fopen(&n->target);
    return (n->file && write_header(n)) || fail(n, e);
}

bool npy_add(NpyFile *n, const float *values, size_t n_values, MediaError *e)
{
    n->count++;
    return fwrite(values, sizeof *values, n_values, n->file) == n_values || fail(n, e);
}

bool npy_finish(NpyFile *n, MediaError *e)
{
    bool ok = !fseek(n->file, 0, SEEK_SET) && write_header(n);
    ok = !fclose(n->file) && ok;
    n->file = NULL;
    return ok ? media_target_commit(&n->target, e) : fail(n, e);
}

void npy_close(NpyFile *n)
{
    if (n->file) fclose(n->file);
    media_target_discard(&n->target);
    *n = (NpyFile){0};
}
