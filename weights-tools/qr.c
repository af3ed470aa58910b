/* QR by Householder reflections (qr.h). H_j = 1 - tau_j v v^T with v_j = 1, stored below the diagonal as LAPACK does. */
#include "qr.h"

#include <math.h>

/* Reflection that clears column j below the diagonal; its v replaces what it clears. */
static double make_reflector(double *a, size_t rows, size_t cols, size_t j)
{
    double sum = 0;
    for (size_t i = j + 1; i < rows; i++) sum += a[i * cols + j] * a[i * cols + j];
    if (sum == 0) return 0; /* nothing to clear: the identity, which keeps the sign */
    const double alpha = a[j * cols + j], beta = -copysign(sqrt(alpha * alpha + sum), alpha);
    for (size_t i = j + 1; i < rows; i++) a[i * cols + j] /= alpha - beta;
    a[j * cols + j] = beta;
    return (beta - alpha) / beta;
}

/* Column k of a, rows j and below, times H_j. */
static void reflect(double *a, size_t rows, size_t cols, size_t j, size_t k, double tau)
{
    double sum = a[j * cols + k];
    for (size_t i = j + 1; i < rows; i++) sum += a[i * cols + j] * a[i * cols + k];
    sum *= tau;
    a[j * cols + k] -= sum;
    for (size_t i = j + 1; i < rows; i++) a[i * cols + k] -= sum * a[i * cols + j];
}

void lx_qr(double *a, size_t rows, size_t cols, double *tau)
{
    for (size_t j = 0; j < cols; j++) {
        tau[j] = make_reflector(a, rows, cols, j);
        for (size_t k = j + 1; k < cols; k++) reflect(a, rows, cols, j, k, tau[j]);
    }
    for (size_t j = cols; j-- > 0;) { /* Q = H_0 ... H_j applied to the first columns of the identity */
        for (size_t k = j + 1; k < cols; k++) {
            a[j * cols + k] = 0;
            reflect(a, rows, cols, j, k, tau[j]);
        }
        a[j * cols + j] = 1 - tau[j];
        for (size_t i = j + 1; i < rows; i++) a[i * cols + j] *= -tau[j];
    }
}
