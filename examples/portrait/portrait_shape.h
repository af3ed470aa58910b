/* The head as a surface: where its points are at rest, and how a face's expression moves them. Not for users. */
#ifndef PORTRAIT_SHAPE_H
#define PORTRAIT_SHAPE_H

#include "portrait_internal.h"

/* Half-width of the head, and its depth to the front, at height y. */
float portrait_head_width(const PortraitIdentity *id, float y);
float portrait_head_front(const PortraitIdentity *id, float y);

/* The smooth egg without features: lines round it at height y, and down it at angle theta about the vertical axis
 * (0 is the front), and the point where two cross. */
typedef struct PortraitParallel {
    float y, width, front, back;
} PortraitParallel;

typedef struct PortraitMeridian {
    float x, z; /* of width, and of front (plus) or back (minus) */
} PortraitMeridian;

PortraitParallel portrait_head_parallel(const PortraitIdentity *id, float y);
PortraitMeridian portrait_head_meridian(float theta);
PortraitVec portrait_head_egg(PortraitParallel p, PortraitMeridian m);
/* How far the features (nose, lips, sockets ...) stand out of the egg's front at a resting point. */
float portrait_head_relief(const PortraitIdentity *id, PortraitVec rest);
/* Where the expression moves a resting point of the head. */
PortraitVec portrait_head_express(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec rest);

#endif
