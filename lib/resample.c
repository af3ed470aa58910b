/* Resizes: windows, weights, and Pillow's 8-bit arithmetic (resample.h). */
#include "resample.h"

#include <math.h>
#include <string.h>

static double weight(LxFilter filter, double x)
{
    x = fabs(x);
    if (filter == LX_BILINEAR) return x < 1 ? 1 - x : 0;
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

/* Half the window's width in inputs: the filter's radius, stretched when shrinking. */
static double reach(LxFilter filter, int n_in, int n_out)
{
    const double scale = (double)n_in / n_out;
    return (filter == LX_BICUBIC ? 2 : 1) * (scale > 1 ? scale : 1);
}

int lx_resample_taps(LxFilter filter, int n_in, int n_out)
{
    return (int)ceil(reach(filter, n_in, n_out)) * 2 + 1;
}

int lx_resample_window(LxFilter filter, int n_in, int n_out, int i, int *first, double *weights)
{
    const double scale = (double)n_in / n_out, stretch = scale > 1 ? scale : 1, half = reach(filter, n_in, n_out);
    const double centre = (i + 0.5) * scale;
    int lo = (int)(centre - half + 0.5), hi = (int)(centre + half + 0.5);
    if (lo < 0) lo = 0;
    if (hi > n_in) hi = n_in;
    double sum = 0;
    for (int j = lo; j < hi; j++) sum += weights[j - lo] = weight(filter, (j - centre + 0.5) / stretch);
    for (int j = 0; j < hi - lo; j++) weights[j] /= sum;
    *first = lo;
    return hi - lo;
}

int lx_axis_set(LxAxis *a, LxFilter filter, int n_in, int n_out, const LiaxAllocator *alloc)
{
    if (a->axis.n_in == n_in && a->axis.n_out == n_out && a->filter == filter) return 1;
    lx_axis_drop(a, alloc);
    const int taps = lx_resample_taps(filter, n_in, n_out);
    const size_t n = (size_t)n_out, weights = n * (size_t)taps;
    /* the doubles of one window come first, so that all parts are aligned */
    const size_t bytes = (size_t)taps * sizeof(double) + weights * sizeof(float) + 2 * n * sizeof(int);
    char *memory = lx_alloc_zero(alloc, bytes);
    if (!memory) return 0;
    double *window = (double *)(void *)memory;
    float *w = (float *)(void *)(memory + (size_t)taps * sizeof(double));
    int *first = (int *)(void *)(w + weights), *count = first + n;
    for (int i = 0; i < n_out; i++) {
        count[i] = lx_resample_window(filter, n_in, n_out, i, &first[i], window);
        for (int j = 0; j < count[i]; j++) w[(size_t)i * (size_t)taps + (size_t)j] = (float)window[j];
    }
    *a = (LxAxis){{n_in, n_out, taps, first, count, w}, filter, memory, bytes};
    return 1;
}

void lx_axis_drop(LxAxis *a, const LiaxAllocator *alloc)
{
    lx_free(alloc, a->memory, a->bytes);
    *a = (LxAxis){0};
}

/* One pass: `n_out` samples from `n_in`, both `step` bytes apart, for each of `lines` lines, `line_in` and `line_out` apart. */
typedef struct Pass {
    LxFilter filter;
    int n_in, n_out, lines;
    size_t step, line_in, line_out;
} Pass;

static void run_pass(const Pass *p, const uint8_t *from, uint8_t *to, double *window)
{
    for (int i = 0; i < p->n_out; i++) {
        int first;
        const int n = lx_resample_window(p->filter, p->n_in, p->n_out, i, &first, window);
        for (int j = 0; j < n; j++) window[j] = trunc(window[j] * (1 << 22) + (window[j] >= 0 ? 0.5 : -0.5));
        for (int line = 0; line < p->lines; line++)
            for (int c = 0; c < 3; c++) {
                const uint8_t *s = from + (size_t)line * p->line_in + (size_t)first * p->step + (size_t)c;
                int64_t sum = 1 << 21;
                for (int j = 0; j < n; j++) sum += (int64_t)window[j] * s[(size_t)j * p->step];
                const int64_t v = sum < 0 ? 0 : sum >> 22;
                to[(size_t)line * p->line_out + (size_t)i * p->step + (size_t)c] = v > 255 ? 255 : (uint8_t)v;
            }
    }
}

int lx_resample8(LxFilter filter, const uint8_t *from, int w, int h, uint8_t *to, int w_out, int h_out, const LiaxAllocator *alloc)
{
    const size_t row_in = (size_t)w * 3, row = (size_t)w_out * 3, between_bytes = (size_t)h * row;
    const int taps_x = lx_resample_taps(filter, w, w_out), taps_y = lx_resample_taps(filter, h, h_out);
    const size_t window_bytes = (size_t)(taps_x > taps_y ? taps_x : taps_y) * sizeof(double);
    uint8_t *between = lx_alloc(alloc, between_bytes);
    double *window = lx_alloc(alloc, window_bytes);
    const int ok = between && window;
    if (ok) {
        if (w == w_out) memcpy(between, from, between_bytes);
        else run_pass(&(Pass){filter, w, w_out, h, 3, row_in, row}, from, between, window);
        if (h == h_out) memcpy(to, between, between_bytes);
        else run_pass(&(Pass){filter, h, h_out, w_out, row, 3, 3}, between, to, window); /* a "line" is a column */
    }
    lx_free(alloc, between, between_bytes);
    lx_free(alloc, window, window_bytes);
    return ok;
}
