/* What moves: names, ranges, single random motions and natural clips. */
#include "portrait_internal.h"

#include <string.h>

static const struct {
    const char *name;
    float low, high;
} motions[PORTRAIT_MOTIONS] = {
    {"yaw", -0.7f, 0.7f}, {"pitch", -0.45f, 0.45f}, {"roll", -0.5f, 0.5f}, {"x", -0.25f, 0.25f}, {"y", -0.25f, 0.25f},
    {"scale", -0.2f, 0.2f}, {"jaw", 0, 1}, {"smile", -1, 1}, {"pout", 0, 1}, {"oh", 0, 1}, {"cheeks", 0, 1},
    {"blink-left", 0, 1}, {"blink-right", 0, 1}, {"brows", -1, 1}, {"gaze-x", -1, 1}, {"gaze-y", -1, 1},
};

const char *portrait_motion_name(int which)
{
    return which < 0 || which >= PORTRAIT_MOTIONS ? NULL : motions[which].name;
}

void portrait_motion_range(int which, float *low, float *high)
{
    const int ok = which >= 0 && which < PORTRAIT_MOTIONS;
    *low = ok ? motions[which].low : 0;
    *high = ok ? motions[which].high : 0;
}

void portrait_motion_random(PortraitMotion *m, uint64_t seed, float amount)
{
    uint64_t s = seed ^ 0x6a09e667f3bcc909u;
    for (int i = 0; i < PORTRAIT_MOTIONS; i++) {
        const float at = portrait_uniform(&s, motions[i].low, motions[i].high), rest = portrait_uniform(&s, 0, 1);
        m->v[i] = motions[i].low == 0 && rest < 0.35f ? 0 : amount * at;
    }
    /* eyes mostly close together, and lips do not pout, open and round at once */
    if (portrait_uniform(&s, 0, 1) < 0.75f) m->v[PORTRAIT_BLINK_R] = m->v[PORTRAIT_BLINK_L];
    const float pick = portrait_uniform(&s, 0, 1);
    if (pick < 0.4f) m->v[PORTRAIT_POUT] = m->v[PORTRAIT_OH] = 0;
    else if (pick < 0.6f) m->v[PORTRAIT_POUT] = 0;
    else if (pick < 0.8f) m->v[PORTRAIT_OH] = 0;
    m->v[PORTRAIT_CHEEKS] *= 1 - 0.8f * m->v[PORTRAIT_JAW];
}

/* A value that wanders smoothly between targets it rests on: `beat` seconds from one target to the next. */
static float wander(uint64_t seed, int what, float t, float beat, float move)
{
    const float at = t / beat + portrait_noise((float)what, 0.5f, 77) * 8 + 16;
    const float k = floorf(at), u = portrait_step(0, move, at - k);
    const uint32_t s = (uint32_t)(seed ^ (seed >> 32)) * 31u + (uint32_t)what;
    return portrait_mixf(portrait_lattice((int32_t)k, what, s), portrait_lattice((int32_t)k + 1, what, s), u);
}

/* Eyes close about every four seconds, for a fifth of a second. */
static float blink(uint64_t seed, float t)
{
    float most = 0;
    const int32_t k = (int32_t)floorf(t / 3.4f);
    for (int32_t i = k - 1; i <= k + 1; i++) {
        const float when = ((float)i + 0.5f + 0.4f * portrait_lattice(i, 3, (uint32_t)seed)) * 3.4f;
        const float d = fabsf(t - when) / 0.16f;
        most = fmaxf(most, 1 - portrait_step(0.25f, 1, d));
    }
    return most;
}

void portrait_motion_clip(PortraitMotion *m, uint64_t seed, int frame, float fps)
{
    memset(m, 0, sizeof *m);
    uint64_t s = seed ^ 0xbb67ae8584caa73bu;
    const float talker = portrait_uniform(&s, 0.5f, 1), nodder = portrait_uniform(&s, 0.3f, 1);
    const float mood = portrait_uniform(&s, -0.25f, 0.6f), lively = portrait_uniform(&s, 0.6f, 1);
    const float t = (float)frame / fps;
    float *v = m->v;
    const float nod = sinf(t * 5.2f) * portrait_step(0.2f, 0.6f, wander(seed, 1, t, 2.4f, 0.5f)) * nodder;
    v[PORTRAIT_YAW] = 0.45f * lively * wander(seed, 2, t, 1.7f, 0.45f) + 0.04f * sinf(t * 1.3f);
    v[PORTRAIT_PITCH] = 0.17f * lively * wander(seed, 3, t, 1.9f, 0.5f) + 0.13f * nod;
    v[PORTRAIT_ROLL] = 0.20f * lively * wander(seed, 4, t, 2.3f, 0.6f) + 0.02f * sinf(t * 1.9f);
    v[PORTRAIT_X] = 0.05f * wander(seed, 5, t, 3.1f, 0.8f) + 0.10f * v[PORTRAIT_YAW];
    v[PORTRAIT_Y] = 0.03f * wander(seed, 6, t, 2.9f, 0.8f) + 0.01f * sinf(t * 2.1f);
    v[PORTRAIT_SCALE] = 0.04f * wander(seed, 7, t, 3.7f, 0.9f);
    /* speech: syllables of changing length within phrases, with pauses */
    const float phrase = portrait_step(-0.35f, 0.05f, wander(seed, 8, t, 1.3f, 0.3f));
    const float syllable = 0.5f + 0.5f * sinf(t * 17 + 2.5f * wander(seed, 9, t, 0.31f, 1));
    v[PORTRAIT_JAW] = talker * phrase * syllable * (0.45f + 0.35f * wander(seed, 10, t, 0.27f, 1));
    v[PORTRAIT_OH] = 0.6f * phrase * portrait_step(0.25f, 0.9f, wander(seed, 11, t, 0.33f, 0.8f));
    v[PORTRAIT_POUT] = 0.6f * portrait_step(0.55f, 0.95f, wander(seed, 12, t, 0.9f, 0.5f));
    v[PORTRAIT_CHEEKS] = 0.7f * (1 - phrase) * portrait_step(0.75f, 0.97f, wander(seed, 13, t, 1.2f, 0.3f));
    v[PORTRAIT_SMILE] = portrait_clamp(mood + 0.6f * wander(seed, 14, t, 2.2f, 0.4f), -1, 1);
    v[PORTRAIT_BROWS] = portrait_clamp(0.7f * wander(seed, 15, t, 1.1f, 0.3f) + 0.2f * phrase, -1, 1);
    /* the eyes arrive before the head does */
    v[PORTRAIT_GAZE_X] = portrait_clamp(0.7f * wander(seed, 16, t, 0.8f, 0.12f) +
                                        0.8f * (wander(seed, 2, t + 0.25f, 1.7f, 0.45f) - wander(seed, 2, t, 1.7f, 0.45f)), -1, 1);
    v[PORTRAIT_GAZE_Y] = 0.5f * wander(seed, 17, t, 1.0f, 0.12f);
    const float narrow = 0.15f * portrait_clamp(v[PORTRAIT_SMILE], 0, 1);
    v[PORTRAIT_BLINK_L] = v[PORTRAIT_BLINK_R] = fmaxf(blink(seed, t), narrow);
}
