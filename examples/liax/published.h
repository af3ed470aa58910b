/*
 * The published program's colours: pixels are clamped to [-1,1], then stretched so that the clip's minimum becomes 0
 * and its maximum 255, truncated. These are known only at the end, so the frames wait in an unnamed file.
 */
#ifndef PUBLISHED_H
#define PUBLISHED_H

#include <stdio.h>

#include "media/media.h"

/* Zeroed is closed. */
typedef struct Published {
    FILE *file;
    int width, height;
    float min, max;
    int64_t n_frames;
} Published;

/** Keep the waiting frames in the folder of `path`, which has room for the result. */
bool published_open(Published *p, const char *path, int width, int height, MediaError *e);
bool published_add(Published *p, float *planes, int64_t pts, int64_t duration, MediaError *e); /* clamps them */
/** Hand all frames to the writer. `planes` and `rgb` are room for one frame. */
bool published_write(Published *p, MediaWriter *w, float *planes, uint8_t *rgb, MediaError *e);
void published_close(Published *p);

#endif
