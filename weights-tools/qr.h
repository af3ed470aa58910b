/* The orthonormal factor of a tall matrix, with the signs that LAPACK gives it. */
#ifndef LX_QR_H
#define LX_QR_H

#include <stddef.h>

/**
 * Q of a = Q R by Householder reflections, as geqrf and orgqr: each column x goes to -sign(x_1)*|x|*e_1, so R's diagonal
 * may be negative. Flipping a column's sign would mirror a control.
 * @param a    [rows, cols] row-major, rows >= cols; becomes Q
 * @param tau  [cols], scratch
 */
void lx_qr(double *a, size_t rows, size_t cols, double *tau);

#endif
