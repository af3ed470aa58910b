/* What is painted on the face: skin, brows, eyes, nostrils, lips, beard. A function of the resting surface, so that
 * everything turns and stretches with it; only lids and gaze move over the surface. */
#include "portrait_shape.h"

static float sq(float x)
{
    return x * x;
}

static const PortraitColour dark = {0.012f, 0.006f, 0.006f};

float portrait_lid_up(const PortraitIdentity *id, float u, float blink)
{
    (void)id;
    const float k = portrait_max(0, 1 - u * u), open = 0.90f * k * (1.08f - 0.10f * u);
    return portrait_mixf(open, -0.42f * k, portrait_clamp(blink, 0, 1));
}

float portrait_lid_low(const PortraitIdentity *id, float u, float blink)
{
    (void)id;
    const float k = portrait_max(0, 1 - u * u);
    return portrait_mixf(-0.62f, -0.46f, portrait_clamp(blink, 0, 1)) * k;
}

static PortraitColour skin_base(const PortraitIdentity *id, PortraitVec p)
{
    const float ax = fabsf(p.x), nx = id->noise ? p.x : ax;
    const PortraitColour red = {1.06f, 0.72f, 0.68f}, pale = {1.05f, 1.03f, 1.0f}, tired = {0.80f, 0.70f, 0.74f};
    PortraitColour c = id->skin;
    const float cheek = portrait_spot(ax - 0.43f, 0.17f, p.y - id->eye_y + 0.30f, 0.13f);
    const float tip = portrait_spot(ax, 0.13f, p.y - id->eye_y + id->nose_len, 0.10f);
    c = portrait_stain(c, red, 0.75f * id->blush * cheek + 0.40f * tip);
    c = portrait_stain(c, pale, portrait_step(id->eye_y + 0.2f, 0.6f, p.y));
    const float socket = portrait_spot(ax - id->eye_x, 0.22f, p.y - id->eye_y, 0.14f);
    c = portrait_stain(c, tired, 0.55f * socket);
    const float bag = portrait_spot(ax - id->eye_x + 0.02f, 0.15f, p.y - id->eye_y + 1.5f * id->eye_h, 0.035f);
    c = portrait_stain(c, tired, (0.15f + 0.6f * id->age) * bag);
    c = portrait_dim(c, 1 + 0.04f * portrait_noise(5 * nx, 5 * p.y, id->noise));
    if (id->freckles > 0 && p.y < id->eye_y + 0.15f && p.y > id->mouth_y) {
        const float gx = nx * 26, gy = p.y * 26, cx = portrait_floor(gx), cy = portrait_floor(gy);
        const float ox = portrait_lattice((int32_t)cx, (int32_t)cy, 91), oy = portrait_lattice((int32_t)cx, (int32_t)cy, 92);
        const float d = sq(gx - cx - 0.5f - 0.25f * ox) + sq(gy - cy - 0.5f - 0.25f * oy);
        const float where = portrait_spot(ax - 0.28f, 0.24f, p.y - id->eye_y + 0.26f, 0.13f);
        const float amount = portrait_bump(d / 0.05f) * where * (oy > -0.2f ? 1.0f : 0.0f);
        c = portrait_stain(c, (PortraitColour){0.62f, 0.42f, 0.30f}, 0.75f * id->freckles * amount);
    }
    return c;
}

/* Lines of age and laughter, as darkening 0..1. */
static float lines(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec p)
{
    const float ax = fabsf(p.x), y = p.y, smile = portrait_max(0, m->v[PORTRAIT_SMILE]);
    const float wing = id->eye_y - id->nose_len + 0.03f, t = portrait_clamp((wing - y) / (wing - id->mouth_y + 0.06f), 0, 1);
    const float straight = portrait_mixf(id->nose_w + 0.04f, id->mouth_w + 0.10f, t);
    float d = 0;
    if (t > 0 && t < 1 && fabsf(ax - straight - 0.015f) < 0.06f) { /* the fold bends outwards by 0.03 at most and is 0.04 wide */
        const float fold = straight + 0.03f * sinf(3.1f * t);
        d = (0.10f + 0.35f * id->age + 0.35f * smile) * portrait_ridge(ax - fold, 0.020f) * portrait_step(0, 0.15f, t) * portrait_step(1, 0.75f, t);
    }
    d += 0.35f * portrait_spot(ax - id->mouth_w * 0.99f, 0.035f, y - id->mouth_y, 0.035f);
    if (y > id->eye_y - 0.2f && (id->age > 0 || m->v[PORTRAIT_BROWS] > 0.2f)) {
        const float raised = 0.5f * id->age + 0.45f * portrait_clamp(m->v[PORTRAIT_BROWS], 0, 1);
        const float row = fabsf(y - id->eye_y - id->brow_y - 0.19f + 0.10f * p.x * p.x);
        const float wrinkle = portrait_ridge(row - 0.045f, 0.010f) + portrait_ridge(row, 0.010f);
        d += 0.35f * raised * wrinkle * portrait_step(0.42f, 0.2f, ax);
        const float foot = ax - id->eye_x - id->eye_w - 0.05f;
        if (fabsf(foot) < 0.1f) {
            const float fan = fabsf(fmodf(fabsf(y - id->eye_y + 0.02f) + 0.012f, 0.05f) - 0.012f);
            d += 0.4f * id->age * portrait_spot(foot, 0.05f, fan, 0.009f) * portrait_step(0.11f, 0.06f, fabsf(y - id->eye_y));
        }
    }
    const float frown = portrait_max(0, -m->v[PORTRAIT_BROWS]);
    d += 0.45f * frown * portrait_spot(ax - 0.055f, 0.014f, y - id->eye_y - 0.17f, 0.07f);
    return d;
}

static float beard_at(const PortraitIdentity *id, PortraitVec p)
{
    const float ax = fabsf(p.x), dy = p.y - id->mouth_y;
    const float lip_gap = id->eye_y - id->nose_len - id->mouth_y;
    const float tache = portrait_step(0.90f * lip_gap, 0.6f * lip_gap, dy + 0.10f * sq(ax / id->mouth_w)) * portrait_step(-0.06f, 0.02f, dy) *
                        portrait_step(id->mouth_w + 0.07f, id->mouth_w - 0.10f, ax);
    if (id->beard == PORTRAIT_BEARD_MOUSTACHE) return tache;
    const float patch = portrait_step(1.25f, 0.85f, sq(ax / 0.23f) + sq((dy + id->lip_low + 0.19f) / 0.15f));
    if (id->beard == PORTRAIT_BEARD_GOATEE) {
        const float round = sqrtf(sq(ax / (id->mouth_w + 0.03f)) + sq((dy + 0.03f) / (id->lip_low + 0.13f)));
        const float ring = portrait_step(0.24f, 0.12f, fabsf(round - 1.05f)) * portrait_step(0.12f, 0.04f, dy);
        return portrait_max(portrait_max(tache, patch), ring);
    }
    const float cheek = id->mouth_y + 0.02f + 0.75f * portrait_step(0.36f, 0.72f, ax);
    const float jaw = portrait_step(cheek + 0.05f, cheek - 0.06f, p.y) * (p.z > -0.35f ? 1.0f : 0.0f);
    const float full = portrait_max(jaw * portrait_step(id->mouth_w * 0.4f, id->mouth_w + 0.08f, ax + portrait_max(0, -dy - id->lip_low)), tache);
    return (id->beard == PORTRAIT_BEARD_STUBBLE ? 0.38f : 1) * portrait_max(full, patch);
}

static PortraitColour iris_at(const PortraitIdentity *id, float x, float y, PortraitColour c)
{
    const float r = id->iris_r, d = sqrtf(x * x + y * y) / r;
    if (d < 1.08f) {
        const float spokes = portrait_noise(fabsf(x) * 70, y * 70, 7);
        PortraitColour iris = portrait_dim(id->iris, 0.75f + 0.9f * portrait_step(-0.2f, 1.2f, -y / r) + 0.3f * spokes);
        iris = portrait_mix(iris, portrait_dim(id->iris, 0.25f), portrait_step(0.72f, 0.98f, d));
        c = portrait_mix(iris, c, portrait_step(0.98f, 1.08f, d));
        c = portrait_mix(dark, c, portrait_step(0.40f, 0.50f, d));
    }
    return c;
}

/* One eye; u runs outwards along the opening, v up, in eye_w and eye_h. */
static PortraitColour eye(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec p, PortraitColour c,
                          float *gloss, float *flat)
{
    const int right = p.x > 0;
    const float s = right ? 1.0f : -1.0f, dx = p.x - s * id->eye_x;
    if (fabsf(dx) > 1.31f * id->eye_w) return c;
    const float u = s * dx / id->eye_w, v = (p.y - id->eye_y) / id->eye_h - id->eye_tilt * u;
    if (fabsf(u) > 1.3f || fabsf(v) > 2.2f) return c;
    const float blink = m->v[right ? PORTRAIT_BLINK_R : PORTRAIT_BLINK_L];
    const float up = portrait_lid_up(id, u, blink), low = portrait_lid_low(id, u, blink);
    if (v < up && v > low && fabsf(u) < 1) {
        const PortraitColour white = {0.86f, 0.84f, 0.82f}, pink = {0.70f, 0.36f, 0.33f};
        c = portrait_mix(pink, white, portrait_step(-1.02f, -0.80f, u));
        c = portrait_dim(c, 1 - 0.25f * u * u);
        const float gx = 0.42f * id->eye_w * m->v[PORTRAIT_GAZE_X], gy = id->eye_h * (0.12f + 0.40f * m->v[PORTRAIT_GAZE_Y]);
        const float ix = dx - gx, iy = v * id->eye_h - gy;
        c = iris_at(id, ix, iy, c);
        /* the upper lid and its lashes throw a shadow; the light leaves a spot */
        c = portrait_dim(c, portrait_mixf(0.42f, 1, portrait_step(0, 0.55f, up - v)));
        const float lx = id->noise ? (id->light_x > 0 ? 0.30f : -0.30f) : 0;
        const float spot = portrait_bump((sq(ix / id->iris_r - lx) + sq(iy / id->iris_r - 0.36f)) / 0.030f);
        c = portrait_mix(c, (PortraitColour){1, 1, 1}, portrait_min(1, 1.3f * spot));
        *gloss = 0;
        *flat = 0.65f;
        return c;
    }
    const float k = portrait_step(1.25f, 0.95f, fabsf(u)), line = 0.13f + 0.16f * id->lash;
    const float fade = portrait_step(1.28f, 0.98f, fabsf(u)), wing = portrait_max(0, u - 0.9f) * 0.6f * id->lash;
    const float rim = v - portrait_max(up, 0.06f * fade) * (fabsf(u) < 1 ? 1.0f : 0.0f) - wing;
    if (v > low && rim > -0.10f) {
        const float lash = portrait_step(line * 1.3f, line * 0.55f, rim) * fade;
        c = portrait_mix(c, portrait_dim(id->brow_colour, 0.35f), (0.70f + 0.3f * id->lash) * lash);
        const float crease = (v - up) / (2.0f - up), deep = portrait_ridge(crease - 0.36f, 0.07f);
        c = portrait_dim(c, 1 - 0.38f * k * deep);
        c = portrait_dim(c, 1 - 0.14f * k * portrait_step(0.40f, 0.15f, crease));
    } else if (v <= low) {
        c = portrait_mix(c, portrait_dim(c, 0.55f), k * portrait_ridge(low - v - 0.04f, 0.13f));
        c = portrait_stain(c, (PortraitColour){1.12f, 1.05f, 1.03f}, k * portrait_ridge(low - v - 0.32f, 0.15f));
    }
    return c;
}

static PortraitColour brow(const PortraitIdentity *id, PortraitVec p, PortraitColour c)
{
    const float ax = fabsf(p.x), u = (ax - id->eye_x - 0.01f) / (1.32f * id->eye_w);
    if (fabsf(u) > 1.05f) return c;
    const float arch = id->brow_arch * (1 - 0.6f * sq(u - 0.35f)) + id->brow_tilt * u * (u < 0.4f ? 1.0f : 0.0f) +
                       (u > 0.4f ? id->brow_tilt * (0.8f - u) : 0);
    const float y = p.y - id->eye_y - id->brow_y - arch;
    if (fabsf(y) > 1.6f * id->brow_thick + 1e-3f) return c; /* 1.05 thick and ragged by less than half */
    const float thick = id->brow_thick * (1.05f - 0.55f * portrait_step(0.1f, 1.05f, u)) * portrait_step(-1.12f, -0.85f, u) * portrait_step(1.07f, 0.75f, u);
    const float nx = id->noise ? p.x : ax;
    if (fabsf(y) > 1.5f * (thick + 1e-4f)) return c;
    const float hairs = portrait_noise(nx * 55 - p.y * 30, p.y * 22, 3);
    const float cover = portrait_step(1.25f, 0.65f, fabsf(y) / (thick + 1e-4f) - 0.15f * hairs);
    return portrait_mix(c, portrait_dim(id->brow_colour, 1 + 0.3f * hairs), 0.88f * cover);
}

static PortraitColour nostrils(const PortraitIdentity *id, PortraitVec p, PortraitColour c)
{
    const float ax = fabsf(p.x), tip = id->eye_y - id->nose_len;
    const float hole = portrait_spot(ax - 0.50f * id->nose_w, 0.27f * id->nose_w, p.y - tip + 0.035f, 0.022f);
    const float under = portrait_spot(ax, 0.95f * id->nose_w, p.y - tip + 0.055f, 0.040f);
    const float wing = portrait_spot(ax - 1.12f * id->nose_w, 0.022f, p.y - tip - 0.02f, 0.05f);
    c = portrait_stain(c, (PortraitColour){0.55f, 0.40f, 0.38f}, 0.55f * under + 0.40f * wing);
    return portrait_stain(c, (PortraitColour){0.14f, 0.05f, 0.05f}, portrait_min(1, 1.1f * hole));
}

/* Teeth, tongue and the dark between the lips; t is 0 at the lower lip and 1 at the upper. */
static PortraitColour inside(float u, float t, float open)
{
    const PortraitColour deep = {0.055f, 0.010f, 0.012f}, tooth = {0.84f, 0.82f, 0.77f}, tongue = {0.42f, 0.11f, 0.11f};
    const float down = (1 - t) * open, height = t * open;
    PortraitColour c = deep;
    c = portrait_mix(c, tongue, portrait_step(0.11f, 0.05f, height) * portrait_step(0.9f, 0.4f, fabsf(u)) * portrait_step(0.08f, 0.16f, open));
    const float shade = 1 - 0.45f * u * u;
    const float row = portrait_step(0.075f, 0.066f, down) * portrait_step(0.95f, 0.80f, fabsf(u)) * portrait_step(0.02f, 0.05f, open);
    return portrait_mix(c, portrait_dim(tooth, shade * portrait_step(-0.03f, 0.04f, down)), row);
}

static PortraitColour mouth(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec p, PortraitColour c, float *gloss)
{
    const float dy = p.y - id->mouth_y;
    if (dy > 1.4f * id->lip_up || dy < -1.3f * id->lip_low) return c;
    const float u = p.x / id->mouth_w;
    if (fabsf(u) >= 1.05f) return c;
    const float k = portrait_max(0, 1 - u * u), root = sqrtf(k);
    const PortraitMouth shape = portrait_mouth(id, m);
    if (fabsf(dy) <= PORTRAIT_SLIT) {
        const float open = shape.open * root, t = 0.5f + 0.5f * dy / PORTRAIT_SLIT;
        if (fabsf(u) >= 0.985f) return c;
        if (open < 0.025f) return portrait_mix(portrait_dim(id->lips, 0.16f), inside(u, t, open), portrait_step(0.01f, 0.025f, open));
        *gloss = 0.2f;
        return inside(u, t, open);
    }
    const float bow = 1 - 0.30f * portrait_bump(u * u / 0.02f) + 0.10f * portrait_ridge(fabsf(u) - 0.22f, 0.2f);
    const float up = id->lip_up * bow * (0.35f * k + 0.65f * root * k), low = id->lip_low * (0.4f * k + 0.6f * root);
    const float d = dy > 0 ? dy / portrait_max(up, 1e-4f) : -dy / portrait_max(low, 1e-4f);
    if (d < 1.25f) {
        PortraitColour lip = portrait_dim(id->lips, dy > 0 ? 0.80f : 1.04f);
        lip = portrait_dim(lip, 1 - 0.16f * fabsf(portrait_noise(30 * fabsf(u), 3 * dy, 11)));
        lip = portrait_dim(lip, portrait_mixf(0.55f, 1, portrait_step(0, 0.03f, fabsf(dy) - PORTRAIT_SLIT)));
        c = portrait_mix(lip, c, portrait_step(0.85f, 1.2f, d));
        *gloss = 0.25f + 0.5f * id->lipstick;
    }
    return c;
}

PortraitColour portrait_paint_face(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec rest, float *gloss,
                                   float *flat)
{
    PortraitColour c = skin_base(id, rest);
    *gloss = 0.16f;
    *flat = 0;
    if (rest.z < -0.3f) return c;
    const float line = portrait_clamp(lines(id, m, rest), 0, 0.8f);
    c = portrait_stain(c, (PortraitColour){0.50f, 0.36f, 0.33f}, line);
    const float b = id->beard ? beard_at(id, rest) : 0;
    if (b > 0) {
        const float nx = id->noise ? rest.x : fabsf(rest.x), hairs = portrait_noise(nx * 60, rest.y * 26, 5);
        c = portrait_mix(c, portrait_dim(id->brow_colour, 1.6f + 0.7f * hairs), portrait_clamp(b * (0.92f + 0.25f * hairs), 0, 0.95f));
        *gloss *= 1 - 0.7f * b;
    }
    if (rest.z > 0.05f) {
        c = nostrils(id, rest, c);
        c = mouth(id, m, rest, c, gloss);
        c = eye(id, m, rest, c, gloss, flat);
        c = brow(id, rest, c);
    }
    return c;
}

/* Is the iris seen here? */
static int on_iris(const PortraitIdentity *id, const PortraitMotion *m, PortraitVec p)
{
    const int right = p.x > 0;
    const float s = right ? 1.0f : -1.0f, dx = p.x - s * id->eye_x, u = s * dx / id->eye_w;
    const float v = (p.y - id->eye_y) / id->eye_h - id->eye_tilt * u, blink = m->v[right ? PORTRAIT_BLINK_R : PORTRAIT_BLINK_L];
    if (fabsf(u) >= 1 || v >= portrait_lid_up(id, u, blink) || v <= portrait_lid_low(id, u, blink)) return 0;
    const float gx = 0.42f * id->eye_w * m->v[PORTRAIT_GAZE_X], gy = id->eye_h * (0.12f + 0.40f * m->v[PORTRAIT_GAZE_Y]);
    return sq(dx - gx) + sq(v * id->eye_h - gy) < sq(id->iris_r);
}

int portrait_label(const PortraitIdentity *id, const PortraitMotion *m, int surface, PortraitVec rest)
{
    if (surface == PORTRAIT_BODY || surface == PORTRAIT_NECK) return PORTRAIT_LABEL_BODY;
    if (surface == PORTRAIT_CAP || surface == PORTRAIT_BACK || surface == PORTRAIT_KNOT) return PORTRAIT_LABEL_HAIR;
    if (surface != PORTRAIT_HEAD || rest.z < 0) return surface == PORTRAIT_FRAME ? PORTRAIT_LABEL_FACE : 0;
    const float ax = fabsf(rest.x), dy = rest.y - id->eye_y;
    int bits = PORTRAIT_LABEL_FACE;
    if (fabsf(ax - id->eye_x) < 1.15f * id->eye_w && fabsf(dy) < 1.35f * id->eye_h) bits |= PORTRAIT_LABEL_EYES;
    if (fabsf(ax - id->eye_x) < 1.4f * id->eye_w && fabsf(dy - id->brow_y - 0.02f) < 0.09f) bits |= PORTRAIT_LABEL_BROWS;
    if (ax < id->mouth_w + 0.06f && rest.y - id->mouth_y < id->lip_up + 0.05f && rest.y - id->mouth_y > -id->lip_low - 0.06f)
        bits |= PORTRAIT_LABEL_MOUTH;
    if (on_iris(id, m, rest)) bits |= PORTRAIT_LABEL_IRIS;
    if (fabsf(rest.y - id->mouth_y) <= PORTRAIT_SLIT && ax < id->mouth_w && portrait_mouth(id, m).open > 0.025f)
        bits |= PORTRAIT_LABEL_INSIDE;
    return bits;
}
