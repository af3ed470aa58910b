/* Golden data: .npy arrays, the tolerances of MANIFEST.md, PNG pictures. Every failure here ends the test program. */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <stddef.h>
#include <stdint.h>

/* Under a sanitizer arithmetic is slow, three to twelve times: models there are smaller and clips shorter, since what their sizes
   show, numbers, is shown by the build without. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* An array in C order; exactly one of f and u is there. */
typedef struct Array {
    int rank;
    size_t dims[8], n;
    float *f;
    uint8_t *u;
} Array;

/* A line of MANIFEST.md; tolerance and rms are 0 where it gives none. */
typedef struct Golden {
    char path[96]; /* "tiny-64/edit.npy" */
    double tolerance, rms;
} Golden;

/** tests/golden, or $LIAX_GOLDEN, followed by /path; static memory that the next call overwrites. */
const char *golden_path(const char *path);

/** The build folder: $LIAX_BUILD, or "build". */
const char *golden_build(void);

/** All lines with a tolerance; the caller frees *out. */
size_t golden_manifest(Golden **out);

/** The line of a path. */
Golden golden_find(const char *path);

/** f32 or uint8. */
Array golden_read(const char *path);
void golden_free(Array *a);

/** A PNG as [h][w][3] bytes; the caller frees it. */
uint8_t *golden_png(const char *path, int *w, int *h);

/** Convert the golden checkpoint NAME.ENDING to $LIAX_BUILD/tests/NAME-ENDING.liax. */
void golden_convert(const char *name, const char *ending);

/** Run a command of the shell; its exit status. */
int golden_run(const char *format, ...);

/**
 * NULL if every |got - want| is within the tolerance and their root mean square is; else what differs, static memory.
 * scale multiplies both bounds.
 */
const char *golden_compare(const float *got, const float *want, size_t n, double tolerance, double rms, double scale);

/**
 * The same for what was computed in f16: a frame goes through at most 70 tensors that are stored with a relative error of 2^-11 at
 * most, so that the root mean square of all, independent of one another, stays below sqrt(70) * 2^-11 of the array's peak.
 */
const char *golden_compare_f16(const float *got, const float *want, size_t n);

/** And in bf16: at most 70 convolutions, each with inputs and weights of a relative error of 2^-9. */
const char *golden_compare_bf16(const float *got, const float *want, size_t n);

#endif
