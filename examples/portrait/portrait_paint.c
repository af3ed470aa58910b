/* Hair, clothes, wall and the light that falls on everything. */
#include "portrait_shape.h"

static float sq(float x)
{
    return x * x;
}

float portrait_hair_edge(const PortraitIdentity *id, int surface, PortraitVec rest)
{
    const float ax = fabsf(rest.x), nx = id->noise ? rest.x : ax;
    const float ragged = 0.016f * portrait_noise(nx * 20, rest.z * 9, id->noise + 2);
    if (surface == PORTRAIT_BACK) return 1;
    const float c = rest.z / (id->depth + 1e-4f); /* 1 in front, 0 at the ears */
    const int covers = id->hair == PORTRAIT_HAIR_BOB || id->hair == PORTRAIT_HAIR_LONG;
    float front = id->hairline - 0.30f * sq(ax / id->width) + 0.04f * portrait_ridge(ax, 0.18f) * (id->hair == PORTRAIT_HAIR_SHORT ? -1.0f : 0.0f);
    if (id->hair == PORTRAIT_HAIR_FRINGE)
        front = id->eye_y + id->brow_y + 0.12f + 0.04f * portrait_noise(nx * 13, 0.3f, id->noise + 1) + 0.10f * sq(rest.x);
    if (id->hair == PORTRAIT_HAIR_PARTED || covers) {
        const float d = id->noise ? rest.x - id->hair_part : ax;
        front = id->hairline + 0.08f - 0.55f * sq(d) - 0.10f * fabsf(d);
    }
    if (id->hair == PORTRAIT_HAIR_CURLY) front += 0.045f * portrait_noise(nx * 9, rest.z * 9, id->noise + 4);
    const float side = covers ? -0.55f : id->hair == PORTRAIT_HAIR_BUN ? id->eye_y + 0.05f : id->eye_y - 0.16f;
    const float nape = covers ? -0.60f : -0.42f;
    float edge = portrait_mixf(front, side, portrait_step(0.50f, covers ? 0.22f : 0.30f, c));
    edge = portrait_mixf(edge, nape, portrait_step(-0.02f, -0.22f, c));
    /* over and behind the ear */
    if (!covers) edge = portrait_max(edge, id->eye_y + 0.10f - 6 * sq(c + 0.04f) - 0.25f * portrait_step(0.0f, -0.25f, c));
    return rest.y - edge + ragged;
}

static PortraitColour paint_hair(const PortraitIdentity *id, int surface, PortraitVec p, PortraitVec n)
{
    const float ax = fabsf(p.x), nx = id->noise ? p.x : ax;
    const float part = id->noise && id->hair == PORTRAIT_HAIR_PARTED ? id->hair_part : 0;
    float strand, band = 0.5f;
    if (id->hair == PORTRAIT_HAIR_CURLY) {
        strand = 0.7f * portrait_noise(15 * nx + 3, 15 * p.y + 8 * p.z, id->noise) + 0.5f * portrait_noise(31 * nx, 31 * p.y, id->noise + 1);
    } else if (id->hair == PORTRAIT_HAIR_BUZZ) {
        strand = 0.5f * portrait_noise(45 * nx, 45 * p.y + 30 * p.z, id->noise);
    } else {
        /* strands run down from the parting: the angle about it tells them apart */
        const float along = 2.5f * p.y, wave = surface == PORTRAIT_BACK ? 0.12f * id->hair_wave * sinf(9 * p.y + 1.7f) : 0;
        const float across = (nx - part) * 1.6f / (0.55f + portrait_max(0, 1 - p.y)) + 0.8f * p.z + wave;
        strand = 0.55f * portrait_noise(26 * across, along, id->noise) + 0.40f * portrait_noise(70 * across, 2 * along, id->noise + 1);
        band = 0.50f + 0.10f * portrait_noise(18 * across, 0.5f, id->noise + 2);
    }
    PortraitColour c = portrait_dim(id->hair_colour, 1 + 0.42f * strand);
    const PortraitColour sheen = portrait_mix(id->hair_colour, (PortraitColour){0.9f, 0.85f, 0.8f}, 0.35f);
    c = portrait_mix(c, sheen, (id->hair == PORTRAIT_HAIR_CURLY ? 0.10f : 0.34f) * portrait_ridge(n.y - band, 0.24f) * (0.6f + 0.6f * strand));
    if (surface == PORTRAIT_BACK) c = portrait_dim(c, 0.55f + 0.35f * portrait_step(0.1f, 0.5f, p.z + 0.4f * fabsf(p.x)));
    return c;
}

static PortraitColour paint_body(const PortraitIdentity *id, PortraitVec p, float *gloss)
{
    const float ax = fabsf(p.x), y = p.y, front = p.z > -0.25f ? 1.0f : 0.0f;
    const float weave = portrait_noise(60 * ax, 60 * y, 21);
    PortraitColour c = portrait_dim(id->cloth, 1 + 0.05f * weave);
    *gloss = 0.02f;
    switch (id->clothes) {
    case PORTRAIT_CLOTHES_VNECK:
        if (front > 0 && ax < 0.62f * (y + 1.58f)) { *gloss = 0.1f; return id->skin; }
        if (front > 0 && ax < 0.62f * (y + 1.66f)) c = portrait_dim(c, 0.72f);
        break;
    case PORTRAIT_CLOTHES_SHIRT: {
        const float lapel = y + 1.42f - 0.45f * (ax - 0.10f);
        if (front > 0 && ax < 0.30f * (y + 1.36f)) return id->skin;
        if (ax < 0.55f && lapel > 0.02f) c = portrait_dim(c, 1.10f);
        else if (ax < 0.60f && lapel > -0.03f) c = portrait_dim(c, 0.62f);
        else if (front > 0 && ax < 0.055f) c = portrait_dim(c, ax > 0.045f ? 0.75f : 1.04f);
        const float by = fmodf(-y, 0.26f) - 0.13f;
        if (front > 0 && sq(p.x) + sq(by) < 0.0009f && y < -1.45f) c = id->cloth2;
        break;
    }
    case PORTRAIT_CLOTHES_STRIPES:
        if (fmodf(-y + 0.35f * ax * ax, 0.20f) < 0.085f) c = portrait_dim(id->cloth2, 1 + 0.05f * weave);
        break;
    case PORTRAIT_CLOTHES_HOOD:
        if (y > -1.22f + 0.25f * ax) c = portrait_dim(c, 0.80f + 0.3f * portrait_step(-1.25f, -1.05f, y));
        if (front > 0 && fabsf(ax - 0.16f) < 0.016f && y < -1.2f && y > -1.66f) c = (PortraitColour){0.75f, 0.73f, 0.70f};
        break;
    default:
        break;
    }
    if (id->clothes != PORTRAIT_CLOTHES_SHIRT && id->clothes != PORTRAIT_CLOTHES_VNECK && y > -1.07f) c = portrait_dim(c, 0.78f);
    return c;
}

PortraitColour portrait_paint_wall(const PortraitIdentity *id, const PortraitStage *stage, float x, float y)
{
    const float sx = id->noise ? x : fabsf(x);
    PortraitColour c = portrait_mix(id->wall2, id->wall, portrait_step(-1, 1, y + 0.15f * (id->noise ? id->light_x * x : 0)));
    if (id->scene == 1) {
        for (int i = 0; i < 9; i++) {
            const PortraitVec *disc = &stage->discs[i];
            const float r = disc->z, dx = sx - disc->x, dy = y - disc->y;
            if (fabsf(dx) >= r || fabsf(dy) >= r) continue;
            c = portrait_mix(c, (PortraitColour){1, 0.97f, 0.90f}, 0.16f * portrait_step(r, r - 0.03f, sqrtf(sq(dx) + sq(dy))));
        }
    } else if (id->scene == 2) {
        const float d = sqrtf(sq(sx) + sq(y - 0.05f));
        c = portrait_mix(c, portrait_mix(c, (PortraitColour){1, 1, 1}, 0.30f), portrait_step(0.93f, 0.915f, d));
    } else if (id->scene == 3) {
        const float t = y + 0.8f * sx;
        c = portrait_mix(c, (PortraitColour){1, 0.96f, 0.88f}, 0.14f * portrait_step(0.35f, 0.45f, t) * portrait_step(1.05f, 0.95f, t));
    }
    return portrait_dim(c, 0.98f - 0.16f * (sq(x) + sq(y)));
}

float portrait_shade(const PortraitIdentity *id, int surface, PortraitVec p)
{
    if (surface == PORTRAIT_NECK) return portrait_mixf(0.36f, 1, portrait_step(-0.72f, -1.12f, p.y));
    if (surface == PORTRAIT_BODY) return portrait_mixf(0.72f, 1, portrait_step(-1.02f, -1.25f, p.y));
    if (surface == PORTRAIT_EAR) return 1 - 0.45f * portrait_bump((sq(p.y * 1.2f) + sq(p.z)) * 2.2f) * (p.z > -0.6f ? 1.0f : 0.0f);
    if (surface != PORTRAIT_HEAD) return 1;
    float s = 1;
    if (id->hair > PORTRAIT_HAIR_BUZZ) {
        const float gap = -portrait_hair_edge(id, PORTRAIT_CAP, p);
        s = portrait_mixf(0.62f, 1, portrait_step(-0.02f, 0.16f, gap));
    }
    return s * portrait_mixf(0.70f, 1, portrait_step(-1.0f, -0.84f, p.y));
}

PortraitStage portrait_stage(const PortraitIdentity *id)
{
    PortraitStage s;
    const float q = 1 / sqrtf(sq(id->light_x) + sq(id->light_y) + 0.64f), w = id->light_warm;
    s.lamp = (PortraitVec){id->light_x * q, id->light_y * q, 0.8f * q};
    s.key = (PortraitColour){1.06f + 0.05f * w, 1.0f, 0.95f - 0.09f * w};
    s.half_z = s.lamp.z + 1;
    s.half_unit = 1 / sqrtf(s.lamp.x * s.lamp.x + s.lamp.y * s.lamp.y + s.half_z * s.half_z);
    for (int i = 0; i < 9; i++) {
        const float x = 1.1f * portrait_lattice(i, 1, id->noise), y = 1.1f * portrait_lattice(i, 2, id->noise);
        s.discs[i] = (PortraitVec){id->noise ? x : fabsf(x), y, 0.20f + 0.08f * portrait_lattice(i, 3, id->noise)};
    }
    return s;
}

/* Light that wraps round an edge by `wrap`; d is the cosine of its angle. */
static float wrapped(float d, float wrap)
{
    return portrait_clamp((d + wrap) / (1 + wrap), 0, 1);
}

static PortraitColour light(const PortraitIdentity *id, const PortraitStage *stage, PortraitColour c, PortraitVec n, float shade,
                            float gloss, float flat, int soft)
{
    const PortraitVec l = stage->lamp;
    const PortraitColour key = stage->key;
    const float d = n.x * l.x + n.y * l.y + n.z * l.z;
    /* skin lets red light pass round its edges */
    const float db = wrapped(d, 0.30f), dr = soft ? wrapped(d, 0.50f) : db, dg = soft ? wrapped(d, 0.34f) : db;
    const float sky = 0.5f + 0.5f * n.y, lit = 0.35f + 0.65f * shade;
    const PortraitColour amb = {0.27f + 0.09f * sky, 0.26f + 0.12f * sky, 0.26f + 0.16f * sky};
    PortraitColour e = {key.r * 0.70f * dr * lit + amb.r * shade, key.g * 0.70f * dg * lit + amb.g * shade,
                        key.b * 0.70f * db * lit + amb.b * shade};
    e = portrait_mix(e, (PortraitColour){0.95f * shade, 0.95f * shade, 0.95f * shade}, flat);
    c = portrait_tint(c, e);
    /* half vector for a viewer in front; a rim from behind on the dark side */
    const float h = portrait_max(0, (n.x * l.x + n.y * l.y + n.z * stage->half_z) * stage->half_unit), h2 = h * h, h4 = h2 * h2, h16 = h4 * h4 * h4 * h4;
    const float edge = 1 - portrait_max(0, n.z), rim = edge * edge * edge * (id->noise ? 0.5f - 0.5f * n.x * (l.x > 0 ? 1.0f : -1.0f) : 0.5f);
    const float add = shade * (gloss * 0.55f * h16 * h4 + 0.10f * rim);
    c.r += add * key.r;
    c.g += add * key.g;
    c.b += add * key.b;
    return c;
}

PortraitColour portrait_paint(const PortraitIdentity *id, const PortraitStage *stage, const PortraitMotion *m, int surface,
                              PortraitVec rest, PortraitVec n, float shade)
{
    float gloss = 0.05f, flat = 0;
    PortraitColour c;
    int soft = 1;
    switch (surface) {
    case PORTRAIT_HEAD: c = portrait_paint_face(id, m, rest, &gloss, &flat); break;
    case PORTRAIT_NECK: c = id->skin; break;
    case PORTRAIT_EAR: c = portrait_tint(id->skin, (PortraitColour){1.0f, 0.86f, 0.84f}); break;
    case PORTRAIT_BODY: c = paint_body(id, rest, &gloss); soft = 0; break;
    case PORTRAIT_FRAME: c = id->frame; gloss = 0.5f; soft = 0; break;
    default: c = paint_hair(id, surface, rest, n); soft = 0; break;
    }
    return light(id, stage, c, n, shade, gloss, flat, soft);
}
