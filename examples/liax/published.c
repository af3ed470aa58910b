/* The published program's colours (published.h). */
#define _XOPEN_SOURCE 700 /* mkstemp, fdopen */
#include "published.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool fail(MediaError *e)
{
    return media_fail(e, "cannot keep the clip's frames in a file: %s; free some space or choose another place",
                      strerror(errno));
}

bool published_open(Published *p, const char *path, int width, int height, MediaError *e)
{
    static const char name[] = ".liax-XXXXXX";
    *p = (Published){.width = width, .height = height, .min = 1, .max = -1};
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *temp = malloc(folder + sizeof name);
    if (!temp) return media_fail(e, "not enough memory");
    memcpy(temp, path, folder);
    memcpy(temp + folder, name, sizeof name);
    const int fd = mkstemp(temp);
    if (fd >= 0) unlink(temp); /* gone with the program, however that ends */
    free(temp);
    p->file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    return p->file || fail(e);
}

bool published_add(Published *p, float *planes, int64_t pts, int64_t duration, MediaError *e)
{
    const size_t n = 3 * (size_t)p->width * (size_t)p->height;
    const int64_t times[2] = {pts, duration};
    for (size_t i = 0; i < n; i++) {
        const float x = planes[i] < -1 ? -1 : planes[i] > 1 ? 1 : planes[i];
        if (x < p->min) p->min = x;
        if (x > p->max) p->max = x;
        planes[i] = x;
    }
    p->n_frames++;
    return (fwrite(times, sizeof times, 1, p->file) == 1 && fwrite(planes, sizeof *planes, n, p->file) == n) || fail(e);
}

bool published_write(Published *p, MediaWriter *w, float *planes, uint8_t *rgb, MediaError *e)
{
    const size_t plane = (size_t)p->width * (size_t)p->height;
    const float span = p->max > p->min ? p->max - p->min : 1;
    if (fseek(p->file, 0, SEEK_SET)) return fail(e);
    for (int64_t t = 0; t < p->n_frames; t++) {
        int64_t times[2];
        if (fread(times, sizeof times, 1, p->file) != 1 ||
            fread(planes, sizeof *planes, 3 * plane, p->file) != 3 * plane)
            return fail(e);
        for (size_t i = 0; i < plane; i++)
            for (size_t c = 0; c < 3; c++) rgb[3 * i + c] = (uint8_t)((planes[c * plane + i] - p->min) / span * 255);
        if (!media_writer_frame(w, rgb, times[0], times[1], e)) return false;
    }
    return true;
}

void published_close(Published *p)
{
    if (p->file) fclose(p->file);
    *p = (Published){0};
}
