/* float32 arrays for NumPy, [T, ...], written as they come: the number T is filled in at the end. */
#ifndef NPY_WRITE_H
#define NPY_WRITE_H

#include <stdio.h>

#include "media/media.h"

/* Zeroed is closed. */
typedef struct NpyFile {
    MediaTarget target;
    FILE *file;
    char shape[64]; /* of one entry: "3, 64, 64" */
    long long count;
} NpyFile;

bool npy_check(const char *path, bool overwrite, MediaError *e); /* refuse early */
bool npy_open(NpyFile *n, const char *path, bool overwrite, const char *shape, MediaError *e);
bool npy_add(NpyFile *n, const float *values, size_t n_values, MediaError *e);
bool npy_finish(NpyFile *n, MediaError *e);
void npy_close(NpyFile *n); /* what was not finished is deleted */

#endif
