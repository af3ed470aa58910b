/* People that a model never saw: identities, motions as the training draws them, and regressors that read motions off pictures. */
#ifndef PEOPLE_H
#define PEOPLE_H

#include <stdint.h>

#include "portrait/portrait.h"
#include "ridge.h"

enum { HELD_OUT = 1000 }; /* identities below this are never trained on */

/* What is read off pictures; the first PARAMETERS_POSE move the whole head. */
enum { YAW, PITCH, ROLL, MOVE_X, MOVE_Y, SCALE, PARAMETERS_POSE, JAW = PARAMETERS_POSE, SMILE, POUT, OH, CHEEKS, BLINK, WINK, BROWS, GAZE_X, GAZE_Y, PARAMETERS };

/** Numbers that look random, from a seed (splitmix64). */
uint64_t people_mix(uint64_t x);

/** A motion from the training's distribution. */
PortraitMotion people_motion(uint64_t seed);

/**
 * m_s + (m_t - m_0). Where that would leave the training's range, m_t is moved until it does not: the driver goes as far as the
 * source can follow.
 */
PortraitMotion people_follow(const PortraitMotion *s, PortraitMotion *t, const PortraitMotion *zero);

/** Name and range of a parameter, in the renderer's units. */
const char *people_parameter_name(int which);
double people_parameter_range(int which);

/** All parameters of a motion. */
void people_parameters(const PortraitMotion *m, double to[PARAMETERS]);

/**
 * A regressor of one person, learned from n drawings.
 * @param at  NULL: in all poses, for the pose; else in this pose, its drawings differing in their expressions alone, for those
 * @return NULL if there is no memory
 */
Ridge *people_learn(PortraitBoard *board, int size, const PortraitIdentity *who, uint64_t seed, const PortraitMotion *at, int n);

/** Parameters of a picture: the pose off one regressor, the expression off the other. */
void people_read(const Ridge *anywhere, const Ridge *here, const uint8_t *picture, double to[PARAMETERS]);

#endif
