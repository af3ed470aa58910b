/* linear, navigate and demodulate (linear.h): bound by reading their matrices, once each. */
#include <math.h>

#include "core/tensor.h"
#include "linear.h"
#include "x86/simd.h"
#include "x86/x86.h"

#define ROWS 4      /* of a matrix at a time: independent sums, and as many streams of memory */
#define PART 64     /* outputs in an item of linear and demodulate; a multiple of ROWS */
#define COLUMNS 512 /* outputs in an item of navigate */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* out[r] = sum over i < n of w[r][i] * x[i], or of w[r][i] * x[i]^2; rows are n floats long. `rows` is constant. */
LX_INLINE void dot_rows(const int rows, const int squared, const float *w, const float *x, int n, float *out)
{
    LxV sums[ROWS];
    LX_UNROLL for (int r = 0; r < rows; r++) sums[r] = lxv_zero();
    int i = 0;
    for (; i + LX_LANES <= n; i += LX_LANES) {
        LxV v = lxv_load(x + i);
        if (squared) v = lxv_mul(v, v);
        LX_UNROLL for (int r = 0; r < rows; r++) sums[r] = lxv_fma(lxv_load(w + (ptrdiff_t)r * n + i), v, sums[r]);
    }
    if (i < n) {
        LxV v = lxv_load_n(x + i, n - i);
        if (squared) v = lxv_mul(v, v);
        LX_UNROLL for (int r = 0; r < rows; r++) sums[r] = lxv_fma(lxv_load_n(w + (ptrdiff_t)r * n + i, n - i), v, sums[r]);
    }
    LX_UNROLL for (int r = 0; r < rows; r++) out[r] = lxv_sum(sums[r]);
}

/* The same for any number of rows. */
LX_INLINE void dot(const int squared, int rows, const float *w, const float *x, int n, float *out)
{
    int r = 0;
    for (; r + ROWS <= rows; r += ROWS) dot_rows(ROWS, squared, w + (ptrdiff_t)r * n, x, n, out + r);
    for (; r < rows; r++) dot_rows(1, squared, w + (ptrdiff_t)r * n, x, n, out + r);
}

/* ---- linear ------------------------------------------------------------------------------------------------------- */

static void linear_item(void *arg, int item, int slot)
{
    (void)slot;
    const LxLinearArgs *a = arg;
    const int o = item * PART, rows = smaller(PART, a->outputs - o);
    for (int n = 0; n < a->n; n++) {
        float *y = a->y + (ptrdiff_t)n * a->outputs + o;
        dot(0, rows, a->w + (ptrdiff_t)o * a->inputs, a->x + (ptrdiff_t)n * a->inputs, a->inputs, y);
        for (int r = 0; a->bias && r < rows; r++) y[r] += a->bias[o + r];
    }
}

void LX_LEVEL_NAME(lx_linear)(const LxExec *x, const LxLinearArgs *a)
{
    LxLinearArgs copy = *a; /* lx_parallel takes no const */
    lx_parallel(x->pool, (a->outputs + PART - 1) / PART, linear_item, &copy);
}

/* ---- navigate ----------------------------------------------------------------------------------------------------- */

static void navigate_item(void *arg, int item, int slot)
{
    (void)slot;
    const LxNavigateArgs *a = arg;
    const int first = item * COLUMNS, end = smaller(first + COLUMNS, a->outputs);
    for (int o = first; o < end; o += 16)
        for (int n = 0; n < a->n; n++)
            for (int i = o; i < o + 16; i += LX_LANES) {
                LxV sum = lxv_load(a->base + i);
                for (int m = 0; m < a->motions; m++)
                    sum = lxv_fma(lxv_load(a->columns + (ptrdiff_t)m * a->outputs + i), lxv_set(a->a[n * a->motions + m]), sum);
                lxv_store(a->y + (ptrdiff_t)n * a->outputs + i, sum);
            }
}

void LX_LEVEL_NAME(lx_navigate)(const LxExec *x, const LxNavigateArgs *a)
{
    LxNavigateArgs copy = *a;
    lx_parallel(x->pool, (a->outputs + COLUMNS - 1) / COLUMNS, navigate_item, &copy);
}

/* ---- demodulate --------------------------------------------------------------------------------------------------- */

static int parts_of(const LxDemodulateLayer *l)
{
    return (lx_stored_channels(l->co) + PART - 1) / PART;
}

static void demodulate_item(void *arg, int item, int slot)
{
    (void)slot;
    const LxDemodulateArgs *a = arg;
    const LxDemodulateLayer *l = a->layers;
    while (item >= a->n * parts_of(l)) item -= a->n * parts_of(l++);
    const int n = item % a->n, o = item / a->n * PART, end = smaller(o + PART, lx_stored_channels(l->co)), rows = smaller(PART, l->co - o);
    float *d = a->d + (ptrdiff_t)n * a->d_stride + l->d_at;
    if (rows > 0) dot(1, rows, l->squares + (ptrdiff_t)o * l->ci, a->styles + (ptrdiff_t)n * a->styles_stride + l->style_at, l->ci, d + o);
    for (int i = o; i < end; i++) d[i] = i < l->co ? 1 / sqrtf(d[i] + 1e-8f) : 0;
}

void LX_LEVEL_NAME(lx_demodulate)(const LxExec *x, const LxDemodulateArgs *a)
{
    LxDemodulateArgs copy = *a;
    int items = 0;
    for (int i = 0; i < a->n_layers; i++) items += a->n * parts_of(&a->layers[i]);
    lx_parallel(x->pool, items, demodulate_item, &copy);
}
