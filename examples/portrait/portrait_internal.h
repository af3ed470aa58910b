/* Shared by the renderer's files: small vectors, the mesh, the board. Not for users. */
#ifndef PORTRAIT_INTERNAL_H
#define PORTRAIT_INTERNAL_H

#include "portrait.h"

#include <math.h>
#include <stddef.h>

typedef struct PortraitVec {
    float x, y, z;
} PortraitVec;

/* The surfaces, in the order their meshes are built. */
enum { PORTRAIT_BODY, PORTRAIT_NECK, PORTRAIT_HEAD, PORTRAIT_EAR, PORTRAIT_CAP, PORTRAIT_BACK, PORTRAIT_KNOT,
       PORTRAIT_FRAME, PORTRAIT_SURFACES };

typedef struct PortraitVertex {
    PortraitVec at;   /* in the picture: x right, y up, in half shorter sides; z to the viewer */
    PortraitVec n;    /* normal in the picture's frame, unit length */
    PortraitVec rest; /* where the point is on the resting surface: what is painted is a function of this */
    float k;          /* on the cap: portrait_hair_edge; elsewhere how much light reaches the point, 0..1 */
} PortraitVertex;

typedef struct PortraitTriangle {
    int32_t v[3];
    uint8_t surface;
} PortraitTriangle;

typedef struct PortraitMesh {
    PortraitVertex *v;
    PortraitTriangle *t;
    int n_v, n_t, max_v, max_t;
} PortraitMesh;

/* One sample of the picture: the triangle seen and the weights of its first two corners. */
typedef struct PortraitSample {
    uint32_t triangle : 24, surface : 8; /* PORTRAIT_SURFACES is the background, which has no triangle */
    float a, b, z;
} PortraitSample;

/* What the painting of one person's picture needs at every sample, worked out once. */
typedef struct PortraitStage {
    PortraitVec lamp;            /* where the key light is, unit length */
    PortraitColour key;          /* its colour */
    float half_z, half_unit;     /* (lamp.x, lamp.y, half_z) * half_unit is halfway between lamp and viewer */
    PortraitVec discs[9];        /* of scene 1's wall: middle, and the radius in z */
} PortraitStage;

struct PortraitBoard {
    int width, height, aa, detail;
    PortraitMesh mesh;
    PortraitSample *samples; /* [height*aa][width*aa] */
    PortraitColour *pixels;  /* [height][width], the first guess of each pixel */
    uint8_t *smooth;         /* [height][width], 1 where one smooth surface fills the pixel */
    PortraitIdentity id;
    PortraitStage stage;
    PortraitMotion motion;
};

/* Half height of the slit between the lips on the resting surface: the mesh has a row on either side. */
#define PORTRAIT_SLIT 0.006f

static inline float portrait_clamp(float x, float lo, float hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* As fminf, fmaxf and floorf, but not calls: of a and a NaN the second counts, and floor takes what fits an int32_t. */
static inline float portrait_min(float a, float b)
{
    return a < b ? a : b;
}

static inline float portrait_max(float a, float b)
{
    return a > b ? a : b;
}

static inline float portrait_floor(float x)
{
    const float whole = (float)(int32_t)x;
    return whole > x ? whole - 1 : whole;
}

/* 0 at a and beyond, 1 at b and beyond, smooth between. Most points lie outside and need no division. */
static inline float portrait_step(float a, float b, float x)
{
    const float d = b > a ? x - a : a - x, width = b > a ? b - a : a - b;
    if (d <= 0) return 0;
    if (d >= width) return 1;
    const float t = d / width;
    return t * t * (3 - 2 * t);
}

/* A bump of height 1 and about the width of exp(-d2), exactly 0 from d2 = 4 on; cheaper than expf. */
static inline float portrait_bump(float d2)
{
    if (d2 >= 4) return 0;
    const float t = 1 - 0.25f * d2;
    return t * t * t * t;
}

/* A bump along x = 0, and one about (0, 0). Most points lie outside and need no division. */
static inline float portrait_ridge(float x, float r)
{
    if (fabsf(x) >= 2 * r) return 0;
    const float u = x / r;
    return portrait_bump(u * u);
}

static inline float portrait_spot(float x, float rx, float y, float ry)
{
    if (fabsf(x) >= 2 * rx || fabsf(y) >= 2 * ry) return 0;
    const float u = x / rx, v = y / ry;
    return portrait_bump(u * u + v * v);
}

static inline float portrait_mixf(float a, float b, float t)
{
    return a + (b - a) * t;
}

static inline PortraitColour portrait_mix(PortraitColour a, PortraitColour b, float t)
{
    return (PortraitColour){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

static inline PortraitColour portrait_dim(PortraitColour a, float t)
{
    return (PortraitColour){a.r * t, a.g * t, a.b * t};
}

static inline PortraitColour portrait_tint(PortraitColour a, PortraitColour b)
{
    return (PortraitColour){a.r * b.r, a.g * b.g, a.b * b.b};
}

/* c tinted by `tint` as far as t, 0..1: mostly not at all. */
static inline PortraitColour portrait_stain(PortraitColour c, PortraitColour tint, float t)
{
    return t == 0 ? c : portrait_mix(c, portrait_tint(c, tint), t);
}

/* SplitMix64: every seed gives a good stream, also 0, 1, 2 ... */
static inline uint64_t portrait_random(uint64_t *s)
{
    uint64_t z = (*s += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static inline float portrait_uniform(uint64_t *s, float lo, float hi)
{
    return lo + (hi - lo) * (float)(portrait_random(s) >> 40) * (1.0f / 16777216.0f);
}

/* Smooth noise in -1..1 with features of size 1; mirrored seeds do not exist, so callers pass fabsf(x) where a
 * picture has to be symmetric. */
static inline float portrait_lattice(int32_t x, int32_t y, uint32_t seed)
{
    uint32_t h = (uint32_t)x * 0x85ebca6bu ^ (uint32_t)y * 0xc2b2ae35u ^ seed * 0x27d4eb2fu;
    h ^= h >> 15;
    h *= 0x2c1b3c6du;
    h ^= h >> 12;
    return (float)(h >> 8) * (2.0f / 16777216.0f) - 1;
}

static inline float portrait_noise(float x, float y, uint32_t seed)
{
    const float fx = portrait_floor(x), fy = portrait_floor(y);
    const int32_t ix = (int32_t)fx, iy = (int32_t)fy;
    float u = x - fx, v = y - fy;
    u = u * u * (3 - 2 * u);
    v = v * v * (3 - 2 * v);
    const float a = portrait_mixf(portrait_lattice(ix, iy, seed), portrait_lattice(ix + 1, iy, seed), u);
    const float b = portrait_mixf(portrait_lattice(ix, iy + 1, seed), portrait_lattice(ix + 1, iy + 1, seed), u);
    return portrait_mixf(a, b, v);
}

/* How far the lips are apart, half width of the mouth and how round it is, with the motion in. */
typedef struct PortraitMouth {
    float open;  /* jaw drop at the middle of the lips */
    float squeeze; /* the mouth's width is (1 - this) of its resting width */
} PortraitMouth;

PortraitMouth portrait_mouth(const PortraitIdentity *id, const PortraitMotion *m);

/* Build the mesh of one portrait in the picture's frame. 0, or -1 without memory. */
int portrait_mesh_build(PortraitMesh *mesh, const PortraitIdentity *id, const PortraitMotion *m, int detail);
void portrait_mesh_free(PortraitMesh *mesh);

/* Is there hair at this point of the cap or curtain? Positive inside, in half head heights to the edge. */
float portrait_hair_edge(const PortraitIdentity *id, int surface, PortraitVec rest);

/* Lids of one eye (k = -1 left, 1 right) at u = -1..1 along the opening, in units of eye_h about the eye's centre. */
float portrait_lid_up(const PortraitIdentity *id, float u, float blink);
float portrait_lid_low(const PortraitIdentity *id, float u, float blink);

/* How much light hair, chin and collar leave to a resting point, 0..1. */
float portrait_shade(const PortraitIdentity *id, int surface, PortraitVec rest);

PortraitStage portrait_stage(const PortraitIdentity *id);

/* Colour of a point: `rest` on surface, `n` the normal in the picture, `shade` as above. */
PortraitColour portrait_paint(const PortraitIdentity *id, const PortraitStage *stage, const PortraitMotion *m, int surface,
                              PortraitVec rest, PortraitVec n, float shade);
PortraitColour portrait_paint_wall(const PortraitIdentity *id, const PortraitStage *stage, float x, float y);
/* The pieces of portrait_paint that have files of their own. */
PortraitColour portrait_paint_face(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec rest, float *gloss,
                                   float *flat);
/* Label bits of a point. */
int portrait_label(const PortraitIdentity *id, const PortraitMotion *m, int surface, PortraitVec rest);

#endif
