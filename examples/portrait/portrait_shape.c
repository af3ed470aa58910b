/* The head's resting shape, a lathe-turned egg with features standing out, and the expressions that move it. */
#include "portrait_shape.h"

static float super(float t, float n)
{
    t = portrait_clamp(t, 0, 1);
    return powf(portrait_max(0, 1 - powf(t, n)), 1 / n);
}

float portrait_head_width(const PortraitIdentity *id, float y)
{
    if (y >= 0) return id->width * super(y, 2.35f);
    return id->width * super(-y, id->square) * (1 - id->taper * portrait_step(0, 0.95f, -y));
}

float portrait_head_front(const PortraitIdentity *id, float y)
{
    if (y >= 0) return id->depth * super(y, 2.3f);
    return id->depth * super(-y, 4.5f) * (1 + 0.10f * y);
}

static float head_back(const PortraitIdentity *id, float y)
{
    if (y >= 0) return 1.05f * id->depth * super(y, 2.3f);
    return 1.05f * id->depth * super(-y, 2.2f) * (1 + 0.25f * y);
}

PortraitParallel portrait_head_parallel(const PortraitIdentity *id, float y)
{
    return (PortraitParallel){y, portrait_head_width(id, y), portrait_head_front(id, y), head_back(id, y)};
}

PortraitMeridian portrait_head_meridian(float theta)
{
    const float c = cosf(theta);
    /* faces are flatter in front than an ellipse */
    return (PortraitMeridian){sinf(theta), c > 0 ? powf(c, 0.80f) : c};
}

PortraitVec portrait_head_egg(PortraitParallel p, PortraitMeridian m)
{
    return (PortraitVec){p.width * m.x, p.y, (m.z > 0 ? p.front : p.back) * m.z};
}

static float sq(float x)
{
    return x * x;
}

static float nose(const PortraitIdentity *id, float ax, float y)
{
    const float top = id->eye_y + 0.12f, tip = id->eye_y - id->nose_len;
    const float s = (top - y) / (top - tip);
    if (s < 0 || s > 1.4f) return 0;
    const float rise = s < 1 ? s * (0.45f + 0.55f * s) : 1;
    const float under = 1 - portrait_step(0.98f, 1.24f - id->nose_up, s);
    const float wide = id->nose_w * (0.50f + 0.28f * s);
    float z = id->nose_h * rise * under * portrait_ridge(ax, wide);
    z += 0.30f * id->nose_h * portrait_spot(ax - 0.78f * id->nose_w, 0.42f * id->nose_w, y - tip - 0.025f, 0.055f);
    return z;
}

float portrait_head_relief(const PortraitIdentity *id, PortraitVec rest)
{
    const float ax = fabsf(rest.x), y = rest.y, front = portrait_step(0.05f, 0.4f, rest.z);
    if (front <= 0) return 0;
    const float dy = y - id->mouth_y, k = portrait_max(0, 1 - sq(rest.x / id->mouth_w));
    float z = nose(id, ax, y);
    z -= 0.060f * portrait_spot(ax - id->eye_x, 0.20f, y - id->eye_y - 0.03f, 0.12f);
    z += 0.045f * portrait_spot(ax - id->eye_x, 0.13f, y - id->eye_y, 0.09f);
    z += 0.030f * portrait_spot(ax, 0.50f, y - id->eye_y - id->brow_y + 0.03f, 0.08f);
    z += id->cheekbone * portrait_spot(ax - 0.45f, 0.17f, y - id->eye_y + 0.24f, 0.12f);
    z += 0.05f * portrait_spot(ax, 0.30f, dy, 0.17f);
    z += 0.032f * k * portrait_ridge(dy - 0.55f * id->lip_up, 0.70f * id->lip_up);
    z += 0.040f * k * portrait_ridge(dy + 0.55f * id->lip_low, 0.65f * id->lip_low);
    z += id->chin * portrait_spot(ax, 0.22f, y + 0.84f, 0.12f);
    z -= 0.025f * portrait_spot(ax, 0.20f, dy + id->lip_low + 0.06f, 0.05f);
    return front * z;
}

PortraitMouth portrait_mouth(const PortraitIdentity *id, const PortraitMotion *m)
{
    const float *v = m->v;
    (void)id;
    PortraitMouth mouth = {0.30f * v[PORTRAIT_JAW] * (1 - 0.25f * v[PORTRAIT_POUT]) + 0.20f * v[PORTRAIT_OH],
                           0.34f * v[PORTRAIT_POUT] + 0.42f * v[PORTRAIT_OH] - 0.06f * v[PORTRAIT_SMILE]};
    mouth.squeeze = portrait_min(mouth.squeeze, 0.52f);
    return mouth;
}

/* How much of the jaw's drop a point takes: all of the lower lip and chin, nothing above the lips and at the ears. */
static float drop(const PortraitIdentity *id, PortraitVec p)
{
    const float d = id->mouth_y - p.y;
    if (d <= 0) return 0;
    const float u = sq(p.x / id->mouth_w), lip = u < 1 ? sqrtf(1 - u) : 0;
    const float below = portrait_step(0, 0.34f, d);
    return portrait_mixf(lip, 1, below) * portrait_step(0.98f * id->width, 0.35f * id->width, fabsf(p.x));
}

PortraitVec portrait_head_express(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec rest)
{
    const float *v = m->v, front = portrait_step(-0.1f, 0.35f, rest.z);
    PortraitVec p = rest;
    if (front <= 0) return p;
    const float side = rest.x < 0 ? -1.0f : 1.0f, ax = fabsf(rest.x), dy = rest.y - id->mouth_y;
    const PortraitMouth mouth = portrait_mouth(id, m);

    const float fall = mouth.open * drop(id, rest);
    p.y -= front * fall;
    p.z -= front * 0.30f * fall;
    if (dy > 0) p.y += front * 0.10f * mouth.open * portrait_spot(rest.x, id->mouth_w, dy, 0.10f);

    const float corner = portrait_spot(ax - id->mouth_w, 0.15f, dy, 0.16f);
    const float lips = portrait_spot(rest.x, 0.42f, dy + 0.5f * fall, 0.26f);
    const float smile = v[PORTRAIT_SMILE] + 0.22f, middle = portrait_spot(rest.x, 0.16f, dy, 0.12f);
    p.y += front * smile * (0.115f * corner - 0.030f * middle);
    p.x += front * side * 0.050f * smile * corner;
    p.x -= front * rest.x * mouth.squeeze * lips;
    p.z += front * lips * (0.10f * v[PORTRAIT_POUT] + 0.07f * v[PORTRAIT_OH]);
    p.y += front * 0.60f * dy * lips * v[PORTRAIT_POUT]; /* pushed forward, the lips turn out */

    const float apple = portrait_spot(ax - 0.42f, 0.16f, rest.y - id->eye_y + 0.28f, 0.12f);
    const float puff = portrait_spot(ax - 0.46f, 0.20f, dy + 0.02f, 0.24f);
    p.y += front * 0.045f * portrait_max(smile, 0) * apple;
    p.z += front * (0.035f * portrait_max(smile, 0) * apple + 0.07f * v[PORTRAIT_CHEEKS] * puff);
    p.x += front * side * 0.085f * v[PORTRAIT_CHEEKS] * puff;

    const float brow = portrait_spot(ax - id->eye_x, 0.28f, rest.y - id->eye_y - id->brow_y, 0.125f);
    const float inner = portrait_spot(ax - 0.14f, 0.13f, rest.y - id->eye_y - id->brow_y, 0.12f);
    const float lift = v[PORTRAIT_BROWS];
    p.y += front * (lift > 0 ? 0.100f * lift * brow : lift * (0.030f * brow + 0.055f * inner));
    if (lift < 0) p.x += front * side * 0.045f * lift * inner;
    return p;
}
