/* What each control of a model does to people that it never saw. */
#ifndef EVAL_CONTROLS_H
#define EVAL_CONTROLS_H

#include <liax/liax.h>
#include <stdint.h>

#include "portrait/portrait.h"

/**
 * Set each control to five values over its range, on `people` people, read the motion off the pictures, and print for each: the
 * change of the wanted parameter, the largest change of another one, both in shares of the parameters' ranges, and whether the
 * wanted one goes one way only. Controls that name no parameter of the drawings are left out, and said to be.
 * @return 0 without memory or on a failure of the library
 */
int eval_controls(LiaxModel *model, PortraitBoard *board, int size, int people, uint64_t seed);

#endif
