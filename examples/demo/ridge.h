/* Kernel ridge regression of motion parameters from pictures: learns one person from drawings, then reads other pictures. */
#ifndef RIDGE_H
#define RIDGE_H

#include <stdint.h>

typedef struct Ridge Ridge;

typedef enum RidgeKernel {
    RIDGE_GAUSSIAN, /* its width the median distance: for what moves the whole head */
    RIDGE_LINEAR    /* for small changes of a head that stays */
} RidgeKernel;

/**
 * Learn `outputs` values from n pictures [h][w][3], from the means of 2x2 pixels.
 * @param values  [n][outputs]
 * @return NULL if there is no memory or the system is singular; freed with ridge_free
 */
Ridge *ridge_learn(const uint8_t *const *pictures, const double *values, int n, int outputs, int w, int h, RidgeKernel kernel);

/** values[outputs] of one picture. */
void ridge_read(const Ridge *r, const uint8_t *picture, double *values);
void ridge_free(Ridge *r);

#endif
