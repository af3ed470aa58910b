/* Who is drawn: every trait from one seed. */
#include "portrait_internal.h"

#include <string.h>

typedef struct Palette {
    int n;
    unsigned char rgb[10][3];
} Palette;

/* sRGB; neighbours mix well, so that the tones between them are met as well */
static const Palette skins = {9, {{255, 224, 205}, {247, 208, 182}, {238, 190, 158}, {226, 172, 134}, {206, 150, 110},
                                  {180, 124, 86}, {150, 98, 66}, {118, 74, 50}, {88, 56, 40}}};
static const Palette hairs = {10, {{28, 22, 22}, {44, 30, 24}, {66, 42, 28}, {94, 60, 36}, {128, 84, 48}, {140, 66, 34},
                                   {178, 132, 78}, {214, 178, 118}, {150, 148, 148}, {216, 214, 210}}};
static const Palette irises = {7, {{62, 38, 24}, {84, 52, 28}, {104, 76, 36}, {92, 104, 60}, {72, 110, 96},
                                   {84, 124, 156}, {110, 128, 142}}};
static const Palette cloths = {10, {{58, 72, 108}, {150, 58, 58}, {62, 104, 88}, {206, 170, 88}, {226, 222, 214},
                                    {52, 52, 58}, {120, 88, 128}, {92, 140, 170}, {204, 124, 92}, {110, 116, 84}}};
static const Palette walls = {10, {{206, 220, 226}, {232, 220, 202}, {196, 210, 190}, {224, 200, 196}, {160, 178, 196},
                                   {238, 236, 230}, {120, 138, 150}, {204, 196, 220}, {148, 160, 140}, {240, 206, 160}}};

static PortraitColour colour(const unsigned char *p)
{
    /* gamma 2: the inverse of the square root that ends the drawing */
    const float r = p[0] / 255.0f, g = p[1] / 255.0f, b = p[2] / 255.0f;
    return (PortraitColour){r * r, g * g, b * b};
}

static PortraitColour pick(const Palette *p, float where)
{
    const float x = portrait_clamp(where, 0, 0.9999f) * (float)(p->n - 1);
    const int i = (int)x;
    return portrait_mix(colour(p->rgb[i]), colour(p->rgb[i + 1]), x - (float)i);
}

static PortraitColour pick_one(const Palette *p, uint64_t *s)
{
    return colour(p->rgb[portrait_random(s) % (uint64_t)p->n]);
}

static void shape(PortraitIdentity *id, uint64_t *s, float fem)
{
    id->width = portrait_uniform(s, 0.70f, 0.80f);
    id->depth = portrait_uniform(s, 0.84f, 0.92f);
    id->taper = portrait_uniform(s, 0.06f, 0.19f) + 0.06f * fem;
    id->square = portrait_uniform(s, 2.1f, 2.9f) - 0.3f * fem;
    id->chin = portrait_uniform(s, 0.02f, 0.09f);
    id->eye_x = portrait_uniform(s, 0.31f, 0.36f);
    id->eye_y = portrait_uniform(s, -0.02f, 0.05f);
    id->eye_w = portrait_uniform(s, 0.165f, 0.20f);
    id->eye_h = portrait_uniform(s, 0.085f, 0.125f) + 0.01f * fem;
    id->eye_tilt = portrait_uniform(s, -0.10f, 0.22f);
    id->iris_r = portrait_uniform(s, 0.088f, 0.102f);
    id->brow_y = portrait_uniform(s, 0.20f, 0.25f);
    id->brow_thick = portrait_uniform(s, 0.026f, 0.050f) - 0.010f * fem;
    id->brow_arch = portrait_uniform(s, 0.015f, 0.05f);
    id->brow_tilt = portrait_uniform(s, -0.025f, 0.012f);
    id->nose_len = portrait_uniform(s, 0.33f, 0.43f);
    id->nose_w = portrait_uniform(s, 0.105f, 0.160f);
    id->nose_h = portrait_uniform(s, 0.14f, 0.23f);
    id->nose_up = portrait_uniform(s, -0.02f, 0.03f);
    id->mouth_y = id->eye_y - id->nose_len - portrait_uniform(s, 0.17f, 0.22f);
    id->mouth_w = portrait_uniform(s, 0.26f, 0.33f);
    id->lip_up = portrait_uniform(s, 0.055f, 0.088f);
    id->lip_low = id->lip_up * portrait_uniform(s, 1.1f, 1.6f);
    id->cheekbone = portrait_uniform(s, 0.0f, 0.05f);
    id->ear = portrait_uniform(s, 0.85f, 1.15f);
    id->neck = portrait_uniform(s, 0.38f, 0.48f) - 0.05f * fem;
    id->shoulders = portrait_uniform(s, 1.35f, 1.60f) - 0.15f * fem;
}

static void skin(PortraitIdentity *id, uint64_t *s, float fem)
{
    const float tone = portrait_uniform(s, 0, 1);
    id->skin = pick(&skins, tone);
    const float old = portrait_uniform(s, 0, 1);
    id->age = old > 0.55f ? (old - 0.55f) / 0.45f : 0;
    id->freckles = tone < 0.35f && portrait_uniform(s, 0, 1) < 0.3f ? portrait_uniform(s, 0.4f, 1.0f) : 0;
    id->blush = portrait_uniform(s, 0.1f, 0.5f) + 0.3f * fem;
    id->lipstick = fem > 0.5f ? portrait_uniform(s, -0.4f, 1.0f) : 0;
    id->lipstick = portrait_clamp(id->lipstick, 0, 1);
    id->lash = portrait_uniform(s, 0, 0.5f) + 0.5f * fem;
    const PortraitColour rose = {0.62f, 0.16f, 0.17f}, red = {0.52f, 0.03f, 0.07f};
    id->lips = portrait_mix(portrait_tint(id->skin, (PortraitColour){0.86f, 0.56f, 0.55f}), rose, 0.25f);
    id->lips = portrait_mix(id->lips, red, 0.75f * id->lipstick);
    /* dark skins go with dark eyes and hair most of the time, as they do in life */
    float eye = portrait_uniform(s, 0, 1);
    if (tone > 0.5f) eye *= 0.35f;
    id->iris = pick(&irises, eye);
    float where = portrait_uniform(s, 0, 0.78f);
    if (tone > 0.5f) where *= 0.3f;
    if (id->age > 0.4f && portrait_uniform(s, 0, 1) < 0.7f) where = portrait_uniform(s, 0.85f, 1.0f);
    id->hair_colour = pick(&hairs, where);
    if (portrait_uniform(s, 0, 1) < 0.05f) id->hair_colour = (PortraitColour){0.25f, 0.10f, 0.35f};
    id->brow_colour = portrait_mix(portrait_dim(id->hair_colour, 0.55f), (PortraitColour){0.03f, 0.02f, 0.02f}, 0.35f);
}

static void dress(PortraitIdentity *id, uint64_t *s, float fem)
{
    static const int his[8] = {PORTRAIT_HAIR_SHORT, PORTRAIT_HAIR_PARTED, PORTRAIT_HAIR_SHORT, PORTRAIT_HAIR_BUZZ,
                               PORTRAIT_HAIR_CURLY, PORTRAIT_HAIR_FRINGE, PORTRAIT_HAIR_PARTED, PORTRAIT_HAIR_NONE};
    static const int hers[8] = {PORTRAIT_HAIR_LONG, PORTRAIT_HAIR_BOB, PORTRAIT_HAIR_BUN, PORTRAIT_HAIR_LONG,
                                PORTRAIT_HAIR_CURLY, PORTRAIT_HAIR_FRINGE, PORTRAIT_HAIR_BOB, PORTRAIT_HAIR_SHORT};
    const int style = (int)(portrait_random(s) & 7);
    id->hair = fem > 0.5f ? hers[style] : his[style];
    id->hairline = portrait_uniform(s, 0.55f, 0.66f) + (fem > 0.5f ? 0 : 0.08f * id->age);
    id->hair_volume = portrait_uniform(s, 0.07f, 0.15f);
    id->hair_wave = portrait_uniform(s, 0, 1);
    id->hair_part = portrait_uniform(s, -0.35f, 0.35f);
    id->hair_length = portrait_uniform(s, 0, 1);
    const float beard = portrait_uniform(s, 0, 1);
    id->beard = fem > 0.5f || beard < 0.5f ? PORTRAIT_BEARD_NONE
              : beard < 0.65f ? PORTRAIT_BEARD_STUBBLE : beard < 0.73f ? PORTRAIT_BEARD_MOUSTACHE
              : beard < 0.83f ? PORTRAIT_BEARD_GOATEE : PORTRAIT_BEARD_FULL;
    const float specs = portrait_uniform(s, 0, 1);
    id->glasses = specs < 0.80f ? 0 : specs < 0.9f ? 1 : 2;
    id->frame = specs < 0.87f ? (PortraitColour){0.02f, 0.02f, 0.03f} : (PortraitColour){0.16f, 0.06f, 0.03f};
    id->clothes = (int)(portrait_random(s) % PORTRAIT_CLOTHES);
    id->cloth = pick_one(&cloths, s);
    id->cloth2 = pick_one(&cloths, s);
    id->wall = pick_one(&walls, s);
    id->wall2 = portrait_mix(pick_one(&walls, s), id->wall, 0.5f);
    id->scene = (int)(portrait_random(s) % 4);
    id->light_x = portrait_uniform(s, 0.25f, 0.75f) * (portrait_random(s) & 1 ? 1.0f : -1.0f);
    id->light_y = portrait_uniform(s, 0.25f, 0.65f);
    id->light_warm = portrait_uniform(s, -0.6f, 1.0f);
}

void portrait_identity(PortraitIdentity *id, uint64_t seed)
{
    memset(id, 0, sizeof *id);
    uint64_t s = seed * 0x2545f4914f6cdd1du + 0x1234567u;
    const float fem = portrait_uniform(&s, 0, 1) < 0.5f ? 0 : 1;
    shape(id, &s, fem);
    skin(id, &s, fem);
    dress(id, &s, fem);
    id->noise = (uint32_t)portrait_random(&s) | 1;
}

void portrait_identity_mirror(PortraitIdentity *id)
{
    id->hair_part = 0;
    id->light_x = 0;
    id->noise = 0;
}

unsigned portrait_identity_bytes(void)
{
    return (unsigned)sizeof(PortraitIdentity);
}
