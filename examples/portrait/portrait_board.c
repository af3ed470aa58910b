/* The drawing board: triangles to samples, samples to pixels, and the flow between two pictures. */
#include "portrait_internal.h"

#include <stdlib.h>
#include <string.h>

PortraitBoard *portrait_board_new(int width, int height, int aa)
{
    if (width < 8 || height < 8 || width > 8192 || height > 8192 || aa < 1 || aa > 6) return NULL;
    PortraitBoard *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->width = width;
    b->height = height;
    b->aa = aa;
    const int least = width < height ? width : height;
    b->detail = least <= 96 ? 1 : least <= 640 ? 2 : 3;
    b->samples = malloc((size_t)width * (size_t)height * (size_t)(aa * aa) * sizeof *b->samples);
    b->pixels = malloc((size_t)width * (size_t)height * sizeof *b->pixels);
    b->smooth = malloc((size_t)width * (size_t)height);
    if (!b->samples || !b->pixels || !b->smooth) {
        portrait_board_free(b);
        return NULL;
    }
    return b;
}

void portrait_board_free(PortraitBoard *b)
{
    if (!b) return;
    portrait_mesh_free(&b->mesh);
    free(b->samples);
    free(b->pixels);
    free(b->smooth);
    free(b);
}

/* Samples to picture units: (sample + 0.5 - offset) * unit. */
typedef struct Scale {
    float unit, mid_x, mid_y;
} Scale;

static Scale scale_of(const PortraitBoard *b)
{
    const int least = b->width < b->height ? b->width : b->height;
    return (Scale){2.0f / (float)(least * b->aa), 0.5f * (float)(b->width * b->aa), 0.5f * (float)(b->height * b->aa)};
}

static inline PortraitVec blend(const PortraitVec *p, const PortraitVec *q, const PortraitVec *r, float a, float b)
{
    const float c = 1 - a - b;
    return (PortraitVec){a * p->x + b * q->x + c * r->x, a * p->y + b * q->y + c * r->y, a * p->z + b * q->z + c * r->z};
}

/* Narrow lo..hi to where start + slope * x >= 0, with a sample to spare: the exact test follows. */
static inline void narrow(float start, float slope, float inverse, float *lo, float *hi)
{
    const float zero = -start * inverse;
    if (slope > 1e-6f) *lo = portrait_max(zero - 1, *lo);
    else if (slope < -1e-6f) *hi = portrait_min(zero + 2, *hi);
}

/* First and last sample between three corners, inside the picture. */
static int first(float p, float q, float r, int samples)
{
    return (int)-portrait_floor(-portrait_min(portrait_max(portrait_min(p, portrait_min(q, r)) - 0.5f, 0), (float)samples));
}

static int last(float p, float q, float r, int samples)
{
    return (int)portrait_floor(portrait_max(portrait_min(portrait_max(p, portrait_max(q, r)) - 0.5f, (float)(samples - 1)), -1));
}

static void fill(PortraitBoard *board, int which, Scale s)
{
    const PortraitTriangle *t = &board->mesh.t[which];
    const PortraitVertex *p = &board->mesh.v[t->v[0]], *q = &board->mesh.v[t->v[1]], *r = &board->mesh.v[t->v[2]];
    const float clear = 0.08f; /* the edge bends less than this within a triangle */
    const int hairy = t->surface == PORTRAIT_CAP && !(p->k > clear && q->k > clear && r->k > clear);
    if (t->surface == PORTRAIT_CAP && p->k < -clear && q->k < -clear && r->k < -clear) return;
    const int two_sided = t->surface == PORTRAIT_BACK || t->surface == PORTRAIT_FRAME;
    const float inv = 1 / s.unit;
    const float px = p->at.x * inv + s.mid_x, py = s.mid_y - p->at.y * inv, qx = q->at.x * inv + s.mid_x;
    const float qy = s.mid_y - q->at.y * inv, rx = r->at.x * inv + s.mid_x, ry = s.mid_y - r->at.y * inv;
    const float area = (qx - px) * (ry - py) - (qy - py) * (rx - px); /* negative is front: y is down here */
    if (area == 0 || (!two_sided && area > 0)) return;
    const int w = board->width * board->aa, h = board->height * board->aa;
    const int x0 = first(px, qx, rx, w), x1 = last(px, qx, rx, w), y0 = first(py, qy, ry, h), y1 = last(py, qy, ry, h);
    const float k = 1 / area, ax = (qy - ry) * k, ay = (rx - qx) * k, bx = (ry - py) * k, by = (px - rx) * k;
    const float cx = -ax - bx, inv_a = 1 / ax, inv_b = 1 / bx, inv_c = 1 / cx;
    const float pz = p->at.z, qz = q->at.z, rz = r->at.z;
    for (int y = y0; y <= y1; y++) {
        const float dy = (float)y + 0.5f - ry;
        PortraitSample *row = board->samples + (size_t)y * (size_t)w;
        float lo = (float)x0, hi = (float)x1;
        if (x1 - x0 > 6) {
            const float a0 = ax * (0.5f - rx) + ay * dy, b0 = bx * (0.5f - rx) + by * dy;
            narrow(a0, ax, inv_a, &lo, &hi);
            narrow(b0, bx, inv_b, &lo, &hi);
            narrow(1 - a0 - b0, cx, inv_c, &lo, &hi);
        }
        const int end = (int)portrait_max(hi, -1);
        for (int x = (int)portrait_min(lo, (float)w); x <= end; x++) {
            const float dx = (float)x + 0.5f - rx, a = ax * dx + ay * dy, b = bx * dx + by * dy;
            if (a < 0 || b < 0 || a + b > 1) continue;
            const float z = a * pz + b * qz + (1 - a - b) * rz;
            if (z <= row[x].z) continue;
            if (hairy && portrait_hair_edge(&board->id, t->surface, blend(&p->rest, &q->rest, &r->rest, a, b)) < 0) continue;
            row[x] = (PortraitSample){(uint32_t)which & 0xffffff, t->surface, a, b, z};
        }
    }
}

/* What painting needs to know of a sample. */
typedef struct Point {
    PortraitVec rest, n;
    float shade;
} Point;

static Point point_of(const PortraitBoard *b, const PortraitSample *s)
{
    const PortraitTriangle *t = &b->mesh.t[s->triangle];
    const PortraitVertex *p = &b->mesh.v[t->v[0]], *q = &b->mesh.v[t->v[1]], *r = &b->mesh.v[t->v[2]];
    const float c = 1 - s->a - s->b, shade = t->surface == PORTRAIT_CAP ? 1 : s->a * p->k + s->b * q->k + c * r->k;
    return (Point){blend(&p->rest, &q->rest, &r->rest, s->a, s->b), blend(&p->n, &q->n, &r->n, s->a, s->b), shade};
}

static PortraitColour paint_point(const PortraitBoard *b, int surface, const Point *p)
{
    PortraitVec n = p->n;
    const float len = 1 / sqrtf(n.x * n.x + n.y * n.y + n.z * n.z + 1e-12f), side = n.z < 0 ? -len : len;
    n = (PortraitVec){n.x * side, n.y * side, n.z * side};
    return portrait_paint(&b->id, &b->stage, &b->motion, surface, p->rest, n, p->shade);
}

/* A bright spot must not outweigh its neighbours: every sample counts for white at most. */
static PortraitColour paint_sample(const PortraitBoard *b, const PortraitSample *s, int sx, int sy, Scale sc)
{
    PortraitColour c;
    if (s->surface == PORTRAIT_SURFACES) {
        c = portrait_paint_wall(&b->id, &b->stage, ((float)sx + 0.5f - sc.mid_x) * sc.unit, (sc.mid_y - (float)sy - 0.5f) * sc.unit);
    } else {
        const Point p = point_of(b, s);
        c = paint_point(b, s->surface, &p);
    }
    return (PortraitColour){portrait_min(c.r, 1), portrait_min(c.g, 1), portrait_min(c.b, 1)};
}

static const PortraitSample *corner(const PortraitBoard *b, int px, int py)
{
    return b->samples + (size_t)(py * b->aa) * (size_t)(b->width * b->aa) + (size_t)(px * b->aa);
}

/* Does one smooth surface fill the pixel? */
static int uniform(const PortraitBoard *b, int px, int py)
{
    const PortraitSample *s = corner(b, px, py);
    const size_t w = (size_t)(b->width * b->aa);
    int same = 1;
    for (int i = 0; i < b->aa; i++)
        for (int j = 0; j < b->aa; j++) {
            const PortraitSample *t = s + (size_t)i * w + j;
            same &= (t->surface == s->surface) & (fabsf(t->z - s->z) <= 0.03f);
        }
    return same;
}

static PortraitColour paint_all(const PortraitBoard *b, int px, int py, Scale sc)
{
    const int aa = b->aa, w = b->width * aa;
    const PortraitSample *s = corner(b, px, py);
    PortraitColour sum = {0, 0, 0};
    for (int i = 0; i < aa; i++)
        for (int j = 0; j < aa; j++) {
            const PortraitColour c = paint_sample(b, s + (size_t)i * (size_t)w + j, px * aa + j, py * aa + i, sc);
            sum = (PortraitColour){sum.r + c.r, sum.g + c.g, sum.b + c.b};
        }
    return portrait_dim(sum, 1 / (float)(aa * aa));
}

/* The first guess: a uniform pixel is painted once, at its middle. */
static PortraitColour guess(const PortraitBoard *b, int px, int py, int smooth, Scale sc)
{
    if (!smooth) return paint_all(b, px, py, sc);
    const PortraitSample *s = corner(b, px, py), *e = s + (size_t)(b->aa - 1) * (size_t)(b->width * b->aa + 1);
    if (s->surface == PORTRAIT_SURFACES) {
        const float half = 0.5f * (float)b->aa;
        return portrait_paint_wall(&b->id, &b->stage, ((float)(px * b->aa) + half - sc.mid_x) * sc.unit, (sc.mid_y - (float)(py * b->aa) - half) * sc.unit);
    }
    const Point p = point_of(b, s), q = point_of(b, e);
    const Point mid = {{0.5f * (p.rest.x + q.rest.x), 0.5f * (p.rest.y + q.rest.y), 0.5f * (p.rest.z + q.rest.z)},
                       {p.n.x + q.n.x, p.n.y + q.n.y, p.n.z + q.n.z}, 0.5f * (p.shade + q.shade)};
    const PortraitColour c = paint_point(b, s->surface, &mid);
    return (PortraitColour){portrait_min(c.r, 1), portrait_min(c.g, 1), portrait_min(c.b, 1)};
}

static float apart(PortraitColour a, PortraitColour b)
{
    return fabsf(a.r - b.r) + fabsf(a.g - b.g) + fabsf(a.b - b.b);
}

/* All samples count where a pixel differs from its neighbours. */
static PortraitColour resolve(const PortraitBoard *b, int x, int y, Scale sc)
{
    const size_t at = (size_t)y * (size_t)b->width + (size_t)x;
    const PortraitColour *c = b->pixels + at;
    if (b->aa == 1 || !b->smooth[at]) return *c;
    const float limit = 0.07f;
    const int busy = (x > 0 && apart(c[0], c[-1]) > limit) || (x + 1 < b->width && apart(c[0], c[1]) > limit) ||
                     (y > 0 && apart(c[0], c[-b->width]) > limit) || (y + 1 < b->height && apart(c[0], c[b->width]) > limit);
    return busy ? paint_all(b, x, y, sc) : *c;
}

static uint8_t to_byte(float linear)
{
    return (uint8_t)(sqrtf(portrait_clamp(linear, 0, 1)) * 255 + 0.5f);
}

void portrait_draw(PortraitBoard *b, const PortraitIdentity *id, const PortraitMotion *m, uint8_t *rgb)
{
    b->id = *id;
    b->motion = *m;
    b->stage = portrait_stage(id);
    const size_t n = (size_t)b->width * (size_t)b->height * (size_t)(b->aa * b->aa);
    for (size_t i = 0; i < n; i++) b->samples[i] = (PortraitSample){0, PORTRAIT_SURFACES, 0, 0, -1e9f};
    const Scale sc = scale_of(b);
    if (!portrait_mesh_build(&b->mesh, id, m, b->detail))
        for (int i = 0; i < b->mesh.n_t; i++) fill(b, i, sc);
    for (int y = 0; y < b->height; y++)
        for (int x = 0; x < b->width; x++) {
            const size_t at = (size_t)y * (size_t)b->width + (size_t)x;
            b->smooth[at] = (uint8_t)uniform(b, x, y);
            b->pixels[at] = guess(b, x, y, b->smooth[at], sc);
        }
    for (int y = 0; y < b->height; y++)
        for (int x = 0; x < b->width; x++) {
            const PortraitColour c = resolve(b, x, y, sc);
            *rgb++ = to_byte(c.r);
            *rgb++ = to_byte(c.g);
            *rgb++ = to_byte(c.b);
        }
}

/* The sample nearest a pixel's middle. */
static const PortraitSample *middle(const PortraitBoard *b, int px, int py)
{
    const int half = b->aa / 2;
    return b->samples + (size_t)(py * b->aa + half) * (size_t)(b->width * b->aa) + (size_t)(px * b->aa + half);
}

void portrait_labels(const PortraitBoard *b, uint8_t *labels)
{
    for (int y = 0; y < b->height; y++)
        for (int x = 0; x < b->width; x++) {
            const PortraitSample *s = middle(b, x, y);
            if (s->surface == PORTRAIT_SURFACES) {
                *labels++ = 0;
                continue;
            }
            const PortraitTriangle *t = &b->mesh.t[s->triangle];
            const PortraitVertex *v = b->mesh.v;
            *labels++ = (uint8_t)portrait_label(&b->id, &b->motion, t->surface, blend(&v[t->v[0]].rest, &v[t->v[1]].rest, &v[t->v[2]].rest, s->a, s->b));
        }
}

/* Lids and gaze move paint over the surface: where is the paint at `rest` of picture `b` found on the resting surface
 * of picture `o`? 0 if nowhere. */
static int eye_moves(const PortraitBoard *b, const PortraitBoard *o, PortraitVec rest, float *dx, float *dy)
{
    const PortraitIdentity *id = &b->id;
    const int right = rest.x > 0, lid = right ? PORTRAIT_BLINK_R : PORTRAIT_BLINK_L;
    const float s = right ? 1.0f : -1.0f, u = s * (rest.x - s * id->eye_x) / id->eye_w;
    const float v = (rest.y - id->eye_y) / id->eye_h - id->eye_tilt * u, high = 2.0f, deep = -1.6f;
    *dx = *dy = 0;
    if (rest.z < 0.05f || fabsf(u) >= 1 || v > high || v < deep) return 1;
    const float up = portrait_lid_up(id, u, b->motion.v[lid]), low = portrait_lid_low(id, u, b->motion.v[lid]);
    const float up2 = portrait_lid_up(id, u, o->motion.v[lid]), low2 = portrait_lid_low(id, u, o->motion.v[lid]);
    if (v >= up || v <= low) {
        const float end = v >= up ? high : deep, from = v >= up ? up : low, to = v >= up ? up2 : low2;
        const float v2 = to + (v - from) / (end - from) * (end - to);
        *dy = (v2 - v) * id->eye_h;
        return 1;
    }
    *dx = 0.42f * id->eye_w * (o->motion.v[PORTRAIT_GAZE_X] - b->motion.v[PORTRAIT_GAZE_X]);
    *dy = 0.40f * id->eye_h * (o->motion.v[PORTRAIT_GAZE_Y] - b->motion.v[PORTRAIT_GAZE_Y]);
    const float u2 = u + s * *dx / id->eye_w, v2 = v + *dy / id->eye_h;
    return fabsf(u2) < 1 && v2 < portrait_lid_up(id, u2, o->motion.v[lid]) && v2 > portrait_lid_low(id, u2, o->motion.v[lid]);
}

/* Move `at` by (dx, dy) on the resting surface, as the triangle's corners tell. */
static void slide(PortraitVec *at, const PortraitVertex *p, const PortraitVertex *q, const PortraitVertex *r, float dx, float dy)
{
    const float ax = p->rest.x - r->rest.x, ay = p->rest.y - r->rest.y, bx = q->rest.x - r->rest.x, by = q->rest.y - r->rest.y;
    const float det = ax * by - ay * bx;
    if (fabsf(det) < 1e-7f) return;
    const float a = (dx * by - dy * bx) / det, b = (ax * dy - ay * dx) / det;
    at->x += a * (p->at.x - r->at.x) + b * (q->at.x - r->at.x);
    at->y += a * (p->at.y - r->at.y) + b * (q->at.y - r->at.y);
}

static int find(const PortraitBoard *b, const PortraitBoard *o, const PortraitSample *s, Scale sc, PortraitVec *at)
{
    const int head = s->surface == PORTRAIT_HEAD;
    const PortraitTriangle *t = &b->mesh.t[s->triangle];
    const PortraitVertex *v = b->mesh.v, *w = o->mesh.v;
    *at = blend(&w[t->v[0]].at, &w[t->v[1]].at, &w[t->v[2]].at, s->a, s->b);
    float dx = 0, dy = 0;
    int ok = 1;
    if (head) {
        const PortraitVec rest = blend(&v[t->v[0]].rest, &v[t->v[1]].rest, &v[t->v[2]].rest, s->a, s->b);
        /* what opens between the lips was not there before */
        const float open = portrait_mouth(&b->id, &b->motion).open, open2 = portrait_mouth(&o->id, &o->motion).open;
        if (fabsf(rest.y - b->id.mouth_y) < PORTRAIT_SLIT && fabsf(rest.x) < b->id.mouth_w && open > open2 + 0.03f) ok = open2 > 0.6f * open;
        ok &= eye_moves(b, o, rest, &dx, &dy);
        if (dx != 0 || dy != 0) slide(at, &w[t->v[0]], &w[t->v[1]], &w[t->v[2]], dx, dy);
    }
    const int x = (int)floorf(at->x / sc.unit + sc.mid_x), y = (int)floorf(sc.mid_y - at->y / sc.unit);
    if (x < 0 || y < 0 || x >= b->width * b->aa || y >= b->height * b->aa) return 0;
    const PortraitSample *there = &o->samples[(size_t)y * (size_t)(b->width * b->aa) + (size_t)x];
    return ok && there->surface == s->surface && fabsf(there->z - at->z) < 0.05f;
}

void portrait_flow(const PortraitBoard *b, const PortraitBoard *other, float *flow, float *seen)
{
    const Scale sc = scale_of(b);
    const int least = b->width < b->height ? b->width : b->height, half = b->aa / 2;
    const size_t plane = (size_t)b->width * (size_t)b->height;
    size_t i = 0;
    for (int py = 0; py < b->height; py++)
        for (int px = 0; px < b->width; px++, i++) {
            const PortraitSample *s = middle(b, px, py);
            flow[i] = flow[plane + i] = 0;
            if (s->surface == PORTRAIT_SURFACES) {
                seen[i] = middle(other, px, py)->surface == PORTRAIT_SURFACES;
                continue;
            }
            PortraitVec at;
            const float x = ((float)(px * b->aa + half) + 0.5f - sc.mid_x) * sc.unit;
            const float y = (sc.mid_y - (float)(py * b->aa + half) - 0.5f) * sc.unit;
            seen[i] = (float)find(b, other, s, sc, &at);
            flow[i] = (at.x - x) * (float)least / (float)b->width;
            flow[plane + i] = -(at.y - y) * (float)least / (float)b->height;
        }
}
