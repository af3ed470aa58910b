/* Kernel ridge regression (ridge.h). Standard form: weights = (K + lambda I)^-1 values, by Cholesky. */
#include "ridge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct Ridge {
    int n, outputs, w, h, features;
    RidgeKernel kernel;
    double gamma;      /* of the Gaussian */
    float *mean_picture; /* [features]: what the linear kernel is taken about */
    double *mean;      /* [outputs] */
    double *weights;   /* [n][outputs] */
    float *pictures;   /* [n][features] */
    double *row;       /* [n]: work of ridge_read */
    float *picture;    /* [features]: likewise */
};

/* Half-size means of 2x2 pixels, 0 ... 1: a pixel's exact place should not matter. */
static void features_of(const uint8_t *rgb, int w, int h, float *to)
{
    for (int y = 0; y + 1 < h; y += 2)
        for (int x = 0; x + 1 < w; x += 2)
            for (int c = 0; c < 3; c++) {
                const uint8_t *p = rgb + 3 * (y * w + x) + c;
                *to++ = (float)(p[0] + p[3] + p[3 * w] + p[3 * w + 3]) / 1020;
            }
}

static double distance2(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static double product(const float *a, const float *b, const float *mean, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)(a[i] - mean[i]) * (b[i] - mean[i]);
    return sum;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* k [n][n], symmetric and positive: its Cholesky factor in place, below the diagonal. 0 if it is not positive. */
static int factor(double *k, int n)
{
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = k[i * n + j];
            for (int m = 0; m < j; m++) sum -= k[i * n + m] * k[j * n + m];
            if (i == j && sum <= 0) return 0;
            k[i * n + j] = i == j ? sqrt(sum) : sum / k[j * n + j];
        }
    return 1;
}

static void solve(const double *l, int n, double *x, int step)
{
    for (int i = 0; i < n; i++) {
        for (int m = 0; m < i; m++) x[i * step] -= l[i * n + m] * x[m * step];
        x[i * step] /= l[i * n + i];
    }
    for (int i = n - 1; i >= 0; i--) {
        for (int m = i + 1; m < n; m++) x[i * step] -= l[m * n + i] * x[m * step];
        x[i * step] /= l[i * n + i];
    }
}

static void centre(Ridge *r, const double *values)
{
    for (int o = 0; o < r->outputs; o++) {
        double sum = 0;
        for (int i = 0; i < r->n; i++) sum += values[i * r->outputs + o];
        r->mean[o] = sum / r->n;
        for (int i = 0; i < r->n; i++) r->weights[i * r->outputs + o] = values[i * r->outputs + o] - r->mean[o];
    }
}

/* The width: half of the median squared distance. */
static int choose_gamma(Ridge *r)
{
    const size_t n = (size_t)r->n;
    double *sorted = malloc(n * n * sizeof *sorted);
    if (!sorted) return 0;
    for (size_t i = 0; i < n * n; i++) sorted[i] = distance2(r->pictures + i / n * (size_t)r->features, r->pictures + i % n * (size_t)r->features, r->features);
    qsort(sorted, n * n, sizeof *sorted, by_size);
    r->gamma = 0.5 / sorted[n * n / 2];
    free(sorted);
    return 1;
}

/* The kernel between a picture and picture i of those learned. */
static double kernel(const Ridge *r, const float *picture, int i)
{
    const float *learned = r->pictures + (size_t)i * (size_t)r->features;
    return r->kernel == RIDGE_LINEAR ? product(picture, learned, r->mean_picture, r->features) : exp(-r->gamma * distance2(picture, learned, r->features));
}

static int fit(Ridge *r, double *k)
{
    const int n = r->n;
    for (int i = 0; i < n; i++)
        for (int f = 0; f < r->features; f++) r->mean_picture[f] += r->pictures[(size_t)i * (size_t)r->features + (size_t)f] / (float)n;
    if (r->kernel == RIDGE_GAUSSIAN && !choose_gamma(r)) return 0;
    double trace = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j <= i; j++) k[i * n + j] = k[j * n + i] = kernel(r, r->pictures + (size_t)i * (size_t)r->features, j);
        trace += k[i * n + i];
    }
    for (int i = 0; i < n; i++) k[i * n + i] += 1e-3 * trace / n;
    if (!factor(k, n)) return 0;
    for (int o = 0; o < r->outputs; o++) solve(k, n, r->weights + o, r->outputs);
    return 1;
}

Ridge *ridge_learn(const uint8_t *const *pictures, const double *values, int n, int outputs, int w, int h, RidgeKernel kernel_kind)
{
    Ridge *r = calloc(1, sizeof *r);
    if (!r) return NULL;
    *r = (Ridge){.n = n, .outputs = outputs, .w = w, .h = h, .features = (w / 2) * (h / 2) * 3, .kernel = kernel_kind};
    const size_t N = (size_t)n;
    r->mean = calloc((size_t)outputs, sizeof *r->mean);
    r->weights = calloc(N * (size_t)outputs, sizeof *r->weights);
    r->pictures = calloc(N * (size_t)r->features, sizeof *r->pictures);
    r->row = calloc(N, sizeof *r->row);
    r->picture = calloc((size_t)r->features, sizeof *r->picture);
    r->mean_picture = calloc((size_t)r->features, sizeof *r->mean_picture);
    double *k = calloc(N * N, sizeof *k);
    int ok = r->mean && r->weights && r->pictures && r->row && r->picture && r->mean_picture && k;
    if (ok) {
        for (int i = 0; i < n; i++) features_of(pictures[i], w, h, r->pictures + (size_t)i * (size_t)r->features);
        centre(r, values);
        ok = fit(r, k);
    }
    free(k);
    if (!ok) {
        ridge_free(r);
        r = NULL;
    }
    return r;
}

void ridge_read(const Ridge *r, const uint8_t *picture, double *values)
{
    features_of(picture, r->w, r->h, r->picture);
    for (int i = 0; i < r->n; i++) r->row[i] = kernel(r, r->picture, i);
    for (int o = 0; o < r->outputs; o++) {
        values[o] = r->mean[o];
        for (int i = 0; i < r->n; i++) values[o] += r->row[i] * r->weights[i * r->outputs + o];
    }
}

void ridge_free(Ridge *r)
{
    if (!r) return;
    free(r->mean);
    free(r->weights);
    free(r->pictures);
    free(r->row);
    free(r->picture);
    free(r->mean_picture);
    free(r);
}
