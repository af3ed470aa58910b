/* People that a model never saw (people.h). */
#include "people.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How much of the renderer's ranges the training motions use (weights-tools/train/portraits.py). */
static const float spread[PORTRAIT_MOTIONS] = {.65f, .5f, .4f, .3f, .2f, .25f, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static const int pose[PARAMETERS_POSE] = {PORTRAIT_YAW, PORTRAIT_PITCH, PORTRAIT_ROLL, PORTRAIT_X, PORTRAIT_Y, PORTRAIT_SCALE};

uint64_t people_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

PortraitMotion people_motion(uint64_t seed)
{
    PortraitMotion m;
    portrait_motion_random(&m, seed, 1);
    for (int i = 0; i < PORTRAIT_MOTIONS; i++) m.v[i] *= spread[i];
    return m;
}

PortraitMotion people_follow(const PortraitMotion *s, PortraitMotion *t, const PortraitMotion *zero)
{
    PortraitMotion out;
    for (int k = 0; k < PORTRAIT_MOTIONS; k++) {
        float low, high;
        portrait_motion_range(k, &low, &high);
        const float goal = s->v[k] + t->v[k] - zero->v[k];
        out.v[k] = fminf(fmaxf(goal, low * spread[k]), high * spread[k]);
        t->v[k] += out.v[k] - goal;
    }
    return out;
}

const char *people_parameter_name(int which)
{
    static const char *const names[PARAMETERS] = {"yaw", "pitch", "roll", "x", "y", "scale", "jaw", "smile", "pout", "oh", "cheeks", "blink", "wink", "brows", "gaze-x", "gaze-y"};
    return names[which];
}

double people_parameter_range(int which)
{
    static const int of[PARAMETERS] = {PORTRAIT_YAW, PORTRAIT_PITCH, PORTRAIT_ROLL, PORTRAIT_X, PORTRAIT_Y, PORTRAIT_SCALE, PORTRAIT_JAW, PORTRAIT_SMILE,
                                       PORTRAIT_POUT, PORTRAIT_OH, PORTRAIT_CHEEKS, PORTRAIT_BLINK_L, PORTRAIT_BLINK_R, PORTRAIT_BROWS, PORTRAIT_GAZE_X, PORTRAIT_GAZE_Y};
    float low, high;
    portrait_motion_range(of[which], &low, &high);
    return (double)(high - low) * spread[of[which]] * (which == WINK ? 2 : 1);
}

void people_parameters(const PortraitMotion *m, double to[PARAMETERS])
{
    for (int i = 0; i < PARAMETERS_POSE; i++) to[i] = m->v[pose[i]];
    to[JAW] = m->v[PORTRAIT_JAW];
    to[SMILE] = m->v[PORTRAIT_SMILE];
    to[POUT] = m->v[PORTRAIT_POUT];
    to[OH] = m->v[PORTRAIT_OH];
    to[CHEEKS] = m->v[PORTRAIT_CHEEKS];
    to[BLINK] = 0.5 * (m->v[PORTRAIT_BLINK_L] + m->v[PORTRAIT_BLINK_R]);
    to[WINK] = m->v[PORTRAIT_BLINK_R] - m->v[PORTRAIT_BLINK_L];
    to[BROWS] = m->v[PORTRAIT_BROWS];
    to[GAZE_X] = m->v[PORTRAIT_GAZE_X];
    to[GAZE_Y] = m->v[PORTRAIT_GAZE_Y];
}

Ridge *people_learn(PortraitBoard *board, int size, const PortraitIdentity *who, uint64_t seed, const PortraitMotion *at, int n)
{
    const size_t bytes = (size_t)size * (size_t)size * 3;
    uint8_t *all = malloc((size_t)n * bytes);
    const uint8_t **pictures = malloc((size_t)n * sizeof *pictures);
    double *values = malloc((size_t)n * PARAMETERS * sizeof *values);
    Ridge *r = NULL;
    if (all && pictures && values) {
        for (int i = 0; i < n; i++) {
            PortraitMotion m = people_motion(people_mix(seed + (uint64_t)i));
            for (int k = 0; at && k < PARAMETERS_POSE; k++) m.v[pose[k]] = at->v[pose[k]];
            portrait_draw(board, who, &m, all + (size_t)i * bytes);
            pictures[i] = all + (size_t)i * bytes;
            people_parameters(&m, values + PARAMETERS * i);
        }
        r = ridge_learn(pictures, values, n, PARAMETERS, size, size, at ? RIDGE_LINEAR : RIDGE_GAUSSIAN);
    }
    free(values);
    free(pictures);
    free(all);
    return r;
}

void people_read(const Ridge *anywhere, const Ridge *here, const uint8_t *picture, double to[PARAMETERS])
{
    double of_pose[PARAMETERS];
    ridge_read(anywhere, picture, of_pose);
    ridge_read(here, picture, to);
    memcpy(to, of_pose, PARAMETERS_POSE * sizeof *to);
}
