/* The surfaces of a portrait as triangles, turned and moved into the picture. */
#include "portrait_shape.h"

#include <stdlib.h>
#include <string.h>

#define PI_F 3.14159265f
#define MAX_ROWS 96
#define HEAD_COLS 32 /* times detail, 1..3 */
#define HEAD_SIZE 0.74f /* half head heights of half a picture */

/* Two rigid frames; a point between them (neck, long hair) takes a share of each. */
typedef struct Pose {
    float r[3][3];
    PortraitVec pivot; /* top of the neck in the head's frame; what the head turns about */
    PortraitVec head;  /* the pivot in the picture */
    PortraitVec body;  /* the same point of the body */
    float head_size, body_size;
} Pose;

typedef struct Builder {
    PortraitMesh *mesh;
    const PortraitIdentity *id;
    const PortraitMotion *m;
    Pose pose;
    int failed;
} Builder;

static void make_pose(Pose *p, const PortraitMotion *m)
{
    const float *v = m->v;
    const float cy = cosf(v[PORTRAIT_YAW]), sy = sinf(v[PORTRAIT_YAW]);
    const float cp = cosf(v[PORTRAIT_PITCH]), sp = sinf(v[PORTRAIT_PITCH]);
    const float cr = cosf(v[PORTRAIT_ROLL]), sr = sinf(v[PORTRAIT_ROLL]);
    /* roll (clockwise for the viewer) * pitch (up) * yaw (to the viewer's right) */
    const float yaw[3][3] = {{cy, 0, sy}, {0, 1, 0}, {-sy, 0, cy}};
    const float pitch[3][3] = {{1, 0, 0}, {0, cp, sp}, {0, -sp, cp}};
    const float roll[3][3] = {{cr, sr, 0}, {-sr, cr, 0}, {0, 0, 1}};
    float t[3][3];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            t[i][j] = pitch[i][0] * yaw[0][j] + pitch[i][1] * yaw[1][j] + pitch[i][2] * yaw[2][j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) p->r[i][j] = roll[i][0] * t[0][j] + roll[i][1] * t[1][j] + roll[i][2] * t[2][j];
    p->head_size = HEAD_SIZE * (1 + v[PORTRAIT_SCALE]);
    p->body_size = HEAD_SIZE * (1 + 0.5f * v[PORTRAIT_SCALE]);
    p->pivot = (PortraitVec){0, -0.62f, -0.18f};
    const float low = 0.02f + HEAD_SIZE * p->pivot.y;
    p->body = (PortraitVec){0.5f * v[PORTRAIT_X], low + 0.5f * v[PORTRAIT_Y], HEAD_SIZE * p->pivot.z};
    p->head = (PortraitVec){v[PORTRAIT_X], low + v[PORTRAIT_Y], HEAD_SIZE * p->pivot.z};
}

/* A point of the head's frame in the picture; `body` 0 goes with the head, 1 with the shoulders. */
static PortraitVec place(const Pose *p, PortraitVec q, float body)
{
    const PortraitVec d = {q.x - p->pivot.x, q.y - p->pivot.y, q.z - p->pivot.z};
    const float h = p->head_size, b = p->body_size;
    PortraitVec a = {p->head.x + h * (p->r[0][0] * d.x + p->r[0][1] * d.y + p->r[0][2] * d.z),
                     p->head.y + h * (p->r[1][0] * d.x + p->r[1][1] * d.y + p->r[1][2] * d.z),
                     p->head.z + h * (p->r[2][0] * d.x + p->r[2][1] * d.y + p->r[2][2] * d.z)};
    const PortraitVec c = {p->body.x + b * d.x, p->body.y + b * d.y, p->body.z + b * d.z};
    a = (PortraitVec){portrait_mixf(a.x, c.x, body), portrait_mixf(a.y, c.y, body), portrait_mixf(a.z, c.z, body)};
    return a;
}

static int reserve(Builder *b, int n_v, int n_t)
{
    PortraitMesh *m = b->mesh;
    if (m->n_v + n_v > m->max_v) {
        const int n = 2 * (m->n_v + n_v);
        void *p = realloc(m->v, (size_t)n * sizeof *m->v);
        if (!p) return b->failed = -1;
        m->v = p;
        m->max_v = n;
    }
    if (m->n_t + n_t > m->max_t) {
        const int n = 2 * (m->n_t + n_t);
        void *p = realloc(m->t, (size_t)n * sizeof *m->t);
        if (!p) return b->failed = -1;
        m->t = p;
        m->max_t = n;
    }
    return 0;
}

static void vertex(Builder *b, int surface, PortraitVec at, PortraitVec rest, float body)
{
    const float k = surface == PORTRAIT_CAP ? portrait_hair_edge(b->id, surface, rest) : portrait_shade(b->id, surface, rest);
    b->mesh->v[b->mesh->n_v++] = (PortraitVertex){place(&b->pose, at, body), {0, 0, 0}, rest, k};
}

static void triangle(Builder *b, int surface, int i, int j, int k)
{
    b->mesh->t[b->mesh->n_t++] = (PortraitTriangle){{i, j, k}, (uint8_t)surface};
}

/* Join a grid of rows (top to bottom) and columns (left to right seen from outside) that starts at vertex `first`. */
static void join(Builder *b, int surface, int first, int rows, int cols, int closed)
{
    for (int i = 0; i + 1 < rows; i++)
        for (int j = 0; j < cols - !closed; j++) {
            const int k = j + 1 == cols ? 0 : j + 1;
            const int a = first + i * cols + j, c = first + i * cols + k, d = a + cols, e = c + cols;
            /* diagonals mirrored at the middle, so that a symmetric head has a symmetric mesh */
            if (2 * j < cols) {
                triangle(b, surface, a, d, c);
                triangle(b, surface, c, d, e);
            } else {
                triangle(b, surface, a, d, e);
                triangle(b, surface, a, e, c);
            }
        }
}

static void head_columns(int cols, PortraitMeridian *columns)
{
    for (int j = 0; j < cols; j++) {
        const float u = ((float)j + 0.5f) * 2 / (float)cols - 1;
        columns[j] = portrait_head_meridian(PI_F * u * (0.45f + 0.55f * u * u)); /* most columns in front */
    }
}

/* Heights of the head's rows, top first: evenly spread over the egg, and close together at the lips. */
static int head_rows(const PortraitIdentity *id, int n, float *rows)
{
    static const float lips[8] = {0.11f, 0.07f, 0.035f, PORTRAIT_SLIT, -PORTRAIT_SLIT, -0.035f, -0.07f, -0.11f};
    int count = 0, lip = 0;
    for (int i = 0; i <= n; i++) {
        const float y = cosf(PI_F * (float)i / (float)n);
        if (fabsf(y - id->mouth_y) < 0.125f) continue;
        if (y < id->mouth_y)
            while (lip < 8) rows[count++] = id->mouth_y + lips[lip++];
        rows[count++] = y;
    }
    return count;
}

static void build_head(Builder *b, int detail)
{
    float rows[MAX_ROWS];
    PortraitMeridian columns[3 * HEAD_COLS];
    const int cols = HEAD_COLS * detail, n = head_rows(b->id, 24 * detail, rows);
    if (reserve(b, n * cols, 2 * n * cols)) return;
    const int first = b->mesh->n_v;
    head_columns(cols, columns);
    for (int i = 0; i < n; i++) {
        const PortraitParallel row = portrait_head_parallel(b->id, rows[i]);
        for (int j = 0; j < cols; j++) {
            const PortraitVec egg = portrait_head_egg(row, columns[j]);
            PortraitVec p = portrait_head_express(b->id, b->m, egg);
            p.z += portrait_head_relief(b->id, egg);
            vertex(b, PORTRAIT_HEAD, p, egg, 0);
        }
    }
    join(b, PORTRAIT_HEAD, first, n, cols, 1);
}

static void build_ball(Builder *b, int surface, PortraitVec c, PortraitVec r, float lean, int rows, int cols)
{
    if (reserve(b, rows * cols, 2 * rows * cols)) return;
    const int first = b->mesh->n_v;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < cols; j++) {
            const float f = PI_F * (float)i / (float)(rows - 1), t = 2 * PI_F * ((float)j + 0.5f) / (float)cols;
            const PortraitVec q = {-sinf(f) * sinf(t), cosf(f), -sinf(f) * cosf(t)};
            const PortraitVec p = {c.x + r.x * q.x + lean * r.z * q.z, c.y + r.y * q.y, c.z + r.z * q.z};
            vertex(b, surface, p, q, 0);
        }
    join(b, surface, first, rows, cols, 1);
}

static void build_ears(Builder *b, int detail)
{
    const PortraitIdentity *id = b->id;
    for (int k = -1; k <= 1; k += 2) {
        const float s = (float)k, w = portrait_head_width(id, id->eye_y - 0.1f);
        build_ball(b, PORTRAIT_EAR, (PortraitVec){s * (w + 0.015f), id->eye_y - 0.12f, -0.06f},
                   (PortraitVec){0.055f * id->ear, 0.20f * id->ear, 0.115f * id->ear}, s * -0.45f, 7 + 2 * detail, 8 + 4 * detail);
    }
}

static void build_cap(Builder *b, int detail)
{
    const PortraitIdentity *id = b->id;
    if (id->hair == PORTRAIT_HAIR_NONE) return;
    PortraitMeridian columns[3 * HEAD_COLS];
    const int cols = HEAD_COLS * detail, n = 18 * detail;
    if (reserve(b, n * cols, 2 * n * cols)) return;
    const int first = b->mesh->n_v;
    const float curl = id->hair == PORTRAIT_HAIR_CURLY ? 1 : 0;
    const float thick = id->hair == PORTRAIT_HAIR_BUZZ ? 0.02f : id->hair == PORTRAIT_HAIR_BUN ? 0.05f
                      : id->hair_volume + 0.12f * curl;
    head_columns(cols, columns);
    for (int i = 0; i < n; i++) {
        const float y = cosf(0.70f * PI_F * (float)i / (float)(n - 1));
        const PortraitParallel row = portrait_head_parallel(id, y);
        for (int j = 0; j < cols; j++) {
            const PortraitVec e = portrait_head_egg(row, columns[j]);
            const float ax = id->noise ? e.x : fabsf(e.x);
            /* thin at the forehead and the nape, full on top */
            float w = thick * portrait_mixf(0.45f, 1, portrait_step(0.25f, 0.95f, y)) + 0.015f;
            if (id->hair == PORTRAIT_HAIR_PARTED) {
                const float x = id->noise ? e.x - id->hair_part : 0.2f + ax;
                w *= 0.75f + 0.45f * portrait_step(0, 0.25f, fabsf(x));
            }
            if (curl > 0) w += 0.05f * portrait_noise(7 * ax + 9, 7 * e.y + 5 * e.z, id->noise);
            w += 0.012f * portrait_noise(9 * ax, 4 * e.z, id->noise + 5);
            /* the shell closes on the skin at the hairline; a fringe hangs free */
            const float edge = portrait_hair_edge(id, PORTRAIT_CAP, e), loose = id->hair == PORTRAIT_HAIR_FRINGE && e.z > 0.3f ? 0.45f : 0.12f;
            w *= loose + (1 - loose) * portrait_step(-0.03f, 0.30f, edge);
            const PortraitVec p = {e.x * (1 + w / id->width), e.y + (y > 0 ? y * w : 0.3f * y * w), e.z * (1 + w / id->depth)};
            vertex(b, PORTRAIT_CAP, p, e, 0);
        }
    }
    join(b, PORTRAIT_CAP, first, n, cols, 1);
}

/* Long hair: a curtain from ear to ear round the back, its lower end lying on the shoulders. */
static void build_curtain(Builder *b, int detail)
{
    const PortraitIdentity *id = b->id;
    if (id->hair != PORTRAIT_HAIR_BOB && id->hair != PORTRAIT_HAIR_LONG) return;
    const int cols = 20 * detail, n = 10 * detail, is_long = id->hair == PORTRAIT_HAIR_LONG;
    if (reserve(b, n * cols, 2 * n * cols)) return;
    const int first = b->mesh->n_v;
    const float low = is_long ? -1.35f - 0.5f * id->hair_length : -0.62f - 0.30f * id->hair_length;
    const float vol = 0.45f * id->hair_volume + 0.035f;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < cols; j++) {
            const float f = (float)i / (float)(n - 1), y = portrait_mixf(0.45f, low, f);
            const float t = PI_F * (1 - 0.62f * (2 * ((float)j + 0.5f) / (float)cols - 1)); /* round the back */
            const float tip = is_long ? 0.10f * f : 0.10f * portrait_step(0.3f, 0.8f, f) - 0.16f * portrait_step(0.8f, 1, f);
            const float wave = 0.035f * id->hair_wave * sinf(9 * y + 1.7f);
            const float r = id->width + vol + tip + wave, up = y > 0 ? portrait_head_width(id, y) / id->width : 1;
            const PortraitVec p = {-r * up * sinf(t), y, (0.80f * up + vol + 0.5f * tip) * cosf(t) - 0.04f};
            vertex(b, PORTRAIT_BACK, p, p, 0.7f * portrait_step(-0.7f, -1.5f, y));
        }
    join(b, PORTRAIT_BACK, first, n, cols, 0);
}

static void build_neck(Builder *b, int detail)
{
    const PortraitIdentity *id = b->id;
    const int cols = 16 * detail, n = 5 * detail;
    if (reserve(b, n * cols, 2 * n * cols)) return;
    const int first = b->mesh->n_v;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < cols; j++) {
            const float f = (float)i / (float)(n - 1), t = 2 * PI_F * ((float)j + 0.5f) / (float)cols;
            const float r = id->neck * (1 + 0.10f * (1 - f) + 0.08f * portrait_step(0.40f, 0.8f, f));
            const PortraitVec p = {-r * sinf(t), -0.45f - 0.90f * f, -0.92f * r * cosf(t) - 0.10f - 0.06f * f};
            vertex(b, PORTRAIT_NECK, p, p, portrait_step(0.05f, 0.85f, f));
        }
    join(b, PORTRAIT_NECK, first, n, cols, 1);
}

static void build_body(Builder *b, int detail)
{
    /* height, half-width of the narrowest shoulders, depth: collar to below the picture */
    static const float outline[7][3] = {{-0.99f, 0.49f, 0.49f}, {-1.05f, 0.52f, 0.50f}, {-1.17f, 0.74f, 0.52f},
                                        {-1.31f, 0.95f, 0.54f}, {-1.52f, 1.06f, 0.57f}, {-1.90f, 1.10f, 0.60f},
                                        {-2.90f, 1.12f, 0.60f}};
    const PortraitIdentity *id = b->id;
    const int cols = 20 * detail, n = 8 * detail;
    if (reserve(b, n * cols, 2 * n * cols)) return;
    const int first = b->mesh->n_v;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < cols; j++) {
            const float f = 5.999f * (float)i / (float)(n - 1), t = 2 * PI_F * ((float)j + 0.5f) / (float)cols;
            const int k = (int)f;
            const float u = f - (float)k;
            const float y = portrait_mixf(outline[k][0], outline[k + 1][0], u);
            const float grow = portrait_mixf(id->neck / 0.43f, id->shoulders / 1.12f, portrait_clamp(f / 3, 0, 1));
            const float low = f < 3 && cosf(t) < 0 ? portrait_bump(4 * sinf(t) * sinf(t)) * (1 - f / 3) : 0;
            const float w = grow * portrait_mixf(outline[k][1], outline[k + 1][1], u);
            const float d = portrait_mixf(outline[k][2], outline[k + 1][2], u);
            const PortraitVec p = {-w * sinf(t), y - 0.15f * low,
                                   -d * (cosf(t) < 0 ? 1.0f : 1.15f) * cosf(t) - 0.15f};
            vertex(b, PORTRAIT_BODY, p, p, 1);
        }
    join(b, PORTRAIT_BODY, first, n, cols, 1);
}

/* One flat strip of the spectacles between two polylines; rest.x tells how far along. */
static void build_strip(Builder *b, const PortraitVec *in, const PortraitVec *out, int n, int closed)
{
    if (reserve(b, 2 * n, 2 * n)) return;
    const int first = b->mesh->n_v;
    for (int i = 0; i < n; i++) {
        vertex(b, PORTRAIT_FRAME, in[i], (PortraitVec){in[i].x, in[i].y, 0}, 0);
        vertex(b, PORTRAIT_FRAME, out[i], (PortraitVec){out[i].x, out[i].y, 1}, 0);
    }
    for (int i = 0; i < n - !closed; i++) {
        const int a = first + 2 * i, c = first + 2 * ((i + 1) % n);
        triangle(b, PORTRAIT_FRAME, a, a + 1, c);
        triangle(b, PORTRAIT_FRAME, c, a + 1, c + 1);
    }
}

static void build_glasses(Builder *b)
{
    const PortraitIdentity *id = b->id;
    if (!id->glasses) return;
    enum { N = 32 };
    PortraitVec in[N], out[N];
    const float z = portrait_head_front(id, id->eye_y) * 0.97f + 0.05f, rx = 0.235f, ry = id->glasses == 1 ? 0.205f : 0.165f;
    const float power = id->glasses == 1 ? 1.0f : 0.55f;
    for (int k = -1; k <= 1; k += 2) {
        const float s = (float)k, cx = s * (id->eye_x + 0.005f), cy = id->eye_y - 0.01f;
        for (int i = 0; i < N; i++) {
            const float t = 2 * PI_F * (float)i / N, c = cosf(t), q = sinf(t);
            const float x = s * copysignf(powf(fabsf(c), power), c), y = copysignf(powf(fabsf(q), power), q);
            in[i] = (PortraitVec){cx + (rx - 0.026f) * x, cy + (ry - 0.026f) * y, z - 0.12f * portrait_max(0, s * x)};
            out[i] = (PortraitVec){cx + rx * x, cy + ry * y, z - 0.12f * portrait_max(0, s * x)};
        }
        build_strip(b, in, out, N, 1);
        const float x0 = s * (id->eye_x + rx - 0.005f), x1 = s * (portrait_head_width(id, id->eye_y) + 0.045f);
        const PortraitVec top[2] = {{x0, cy + 0.075f, z - 0.12f}, {x1, cy + 0.045f, -0.05f}};
        const PortraitVec low[2] = {{x0, cy + 0.035f, z - 0.12f}, {x1, cy + 0.005f, -0.05f}};
        build_strip(b, top, low, 2, 0);
    }
    const float edge = id->eye_x - rx + 0.02f;
    const PortraitVec top[3] = {{-edge, id->eye_y + 0.05f, z}, {0, id->eye_y + 0.075f, z + 0.05f}, {edge, id->eye_y + 0.05f, z}};
    const PortraitVec low[3] = {{-edge, id->eye_y + 0.02f, z}, {0, id->eye_y + 0.045f, z + 0.05f}, {edge, id->eye_y + 0.02f, z}};
    build_strip(b, top, low, 3, 0);
}

static void normals(PortraitMesh *m)
{
    for (int i = 0; i < m->n_t; i++) {
        PortraitVertex *a = &m->v[m->t[i].v[0]], *b = &m->v[m->t[i].v[1]], *c = &m->v[m->t[i].v[2]];
        const PortraitVec u = {b->at.x - a->at.x, b->at.y - a->at.y, b->at.z - a->at.z};
        const PortraitVec v = {c->at.x - a->at.x, c->at.y - a->at.y, c->at.z - a->at.z};
        const PortraitVec n = {u.y * v.z - u.z * v.y, u.z * v.x - u.x * v.z, u.x * v.y - u.y * v.x};
        PortraitVertex *corner[3] = {a, b, c};
        for (int k = 0; k < 3; k++) {
            corner[k]->n.x += n.x;
            corner[k]->n.y += n.y;
            corner[k]->n.z += n.z;
        }
    }
    for (int i = 0; i < m->n_v; i++) {
        PortraitVertex *v = &m->v[i];
        const float q = 1 / sqrtf(v->n.x * v->n.x + v->n.y * v->n.y + v->n.z * v->n.z + 1e-20f);
        v->n = (PortraitVec){v->n.x * q, v->n.y * q, v->n.z * q};
        /* a little perspective, about the picture's middle */
        const float near = 1 / (1 - 0.12f * v->at.z);
        v->at.x *= near;
        v->at.y *= near;
    }
}

int portrait_mesh_build(PortraitMesh *mesh, const PortraitIdentity *id, const PortraitMotion *m, int detail)
{
    Builder b = {mesh, id, m, {{{0}}, {0, 0, 0}, {0, 0, 0}, {0, 0, 0}, 0, 0}, 0};
    mesh->n_v = mesh->n_t = 0;
    make_pose(&b.pose, m);
    build_body(&b, detail);
    build_neck(&b, detail);
    build_head(&b, detail);
    build_ears(&b, detail);
    build_cap(&b, detail);
    build_curtain(&b, detail);
    if (id->hair == PORTRAIT_HAIR_BUN)
        build_ball(&b, PORTRAIT_KNOT, (PortraitVec){0, 1.00f, -0.42f}, (PortraitVec){0.30f, 0.27f, 0.27f}, 0, 8 * detail, 10 * detail);
    build_glasses(&b);
    if (!b.failed) normals(mesh);
    return b.failed;
}

void portrait_mesh_free(PortraitMesh *mesh)
{
    free(mesh->v);
    free(mesh->t);
    memset(mesh, 0, sizeof *mesh);
}
