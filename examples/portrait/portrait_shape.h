/* The head as a surface: where its points are at rest, and how a face's expression moves them. Not for users. */
#ifndef PORTRAIT_SHAPE_H
#define PORTRAIT_SHAPE_H

#include "portrait_internal.h"

/* Half-width of the head, and its depth to the front and to the back, at height y. */
float portrait_head_width(const PortraitIdentity *id, float y);
float portrait_head_front(const PortraitIdentity *id, float y);
float portrait_head_back(const PortraitIdentity *id, float y);

/* The smooth egg without features at angle theta about the vertical axis (0 is the front) and height y. */
PortraitVec portrait_head_egg(const PortraitIdentity *id, float theta, float y);
/* How far the features (nose, lips, sockets ...) stand out of the egg's front at a resting point. */
float portrait_head_relief(const PortraitIdentity *id, PortraitVec rest);
/* Where the expression moves a resting point of the head. */
PortraitVec portrait_head_express(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec rest);

#endif
