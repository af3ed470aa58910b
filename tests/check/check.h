/*
 * The comparator: every kernel of every level against the reference on the same inputs, within the error that the
 * contract states. Outputs and scratch memory lie between guards and are NaN before the kernel runs.
 */
#ifndef LX_CHECK_H
#define LX_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/threads.h"
#include "kernels.h"

/* Unit of rounding of f32. */
#define CHECK_U (1.0 / 16777216)

/* ---- levels ------------------------------------------------------------------------------------------------------ */

enum { CHECK_MAX_LEVELS = 4, CHECK_MAX_SLOTS = 256 };

typedef struct CheckLevel {
    const char *name;
    LxKernels table;
    LxDtype type; /* of stored activations and weights; the table takes f32 all the same */
    int tensor_cores; /* convolutions round what they multiply to f16, and their sums toward zero */
    int few;      /* it is slow: a part of the cases will do, the smaller the larger this is; 0: all */
    double (*peak)(LxPool *pool); /* NULL: not known */
} CheckLevel;

/** The levels beside the reference that this machine runs. */
int check_levels(CheckLevel out[CHECK_MAX_LEVELS]);

/** The level whose cases follow: inputs are rounded to its type, outputs may be by half a unit of it. */
void check_begin(const CheckLevel *level);

/** Whether to run the next of many cases alike: each, or of a slow level every (n * few)-th. */
int check_turn(const CheckLevel *level, unsigned n);

/** The pool with so many slots; open until the program ends. */
LxPool *check_pool(int slots);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

typedef struct CheckBlock CheckBlock;

/* Zeroed: no memory yet. */
typedef struct CheckMemory {
    CheckBlock *blocks;
} CheckMemory;

/** `n` floats between guards, aligned to 64 bytes, all NaN. */
float *check_floats(CheckMemory *m, size_t n);

/** The same, random in lo ... hi. */
float *check_random(CheckMemory *m, size_t n, float lo, float hi);

/** n vectors of `c` random channels, `stride` floats apart, zero beyond c. */
float *check_vectors(CheckMemory *m, int n, int c, int stride, float lo, float hi);

/** A tensor: random with zeros in padding channels, or all NaN. */
LxTensor check_random_tensor(CheckMemory *m, int n, int c, int h, int w, float lo, float hi);
LxTensor check_output(CheckMemory *m, int n, int c, int h, int w);

/** Copies of an array: as it is, its absolute values, its values rounded to whole numbers. NULL gives NULL. */
float *check_copy(CheckMemory *m, const float *from, size_t n);
float *check_absolute(CheckMemory *m, const float *from, size_t n);
float *check_whole(CheckMemory *m, const float *from, size_t n);

/** Whether every guard is as it was. */
int check_guards(const CheckMemory *m);

/** Fail the test where a guard was overwritten; free all. */
void check_release(CheckMemory *m, const char *what);

/** Random numbers begin anew with each test. */
void check_seed(uint32_t seed);
uint32_t check_draw(void);

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

/** One value; where the reference is NaN, NaN is wanted. */
void check_value(const char *what, size_t at, double got, double want, double limit);

/** What rounding a result to the level's storage type may change. */
double check_rounding(double want);

/** n values, each within k units of its magnitude and of rounding to the level's type. */
void check_values(const char *what, const float *got, const float *want, const float *mag, double k, size_t n);

/** Bitwise. */
void check_same(const char *what, const void *got, const void *want, size_t bytes);

/** Padding channels are zero. */
void check_padding(const char *what, const LxTensor *t);

/* ---- the tests of each kernel, one for a group of cases -------------------------------------------------------------- */

typedef struct CheckTest {
    const char *kernel, *group;
    int (*differs)(const LxKernels *level); /* from the reference */
    void (*run)(const CheckLevel *level);
} CheckTest;

extern const CheckTest check_conv_tests[], check_linear_tests[], check_norm_tests[], check_warp_tests[], check_frame_tests[];

#endif
