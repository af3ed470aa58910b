/* What all checks share: guarded memory, random numbers, verdicts (check.h). */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GUARD = 256 };

static LxDtype stored;

void check_begin(const CheckLevel *level)
{
    check_seed(1);
    stored = level->type;
}

int check_turn(const CheckLevel *level, unsigned n)
{
    static unsigned turn;
    return !level->few || turn++ % (n * (unsigned)level->few) == 0;
}

LxPool *check_pool(int slots)
{
    static LxPool *pools[CHECK_MAX_SLOTS + 1];
    if (!pools[slots]) {
        const LiaxModelOptions o = {.struct_size = sizeof o, .threads = slots};
        const LiaxAllocator a = lx_allocator(&o.allocator);
        LxLog log = {0};
        if (lx_pool_open(&pools[slots], &o, &a, &log)) abort();
    }
    return pools[slots];
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

struct CheckBlock {
    CheckBlock *next;
    size_t bytes;
    char *memory; /* GUARD, bytes, GUARD */
};

float *check_floats(CheckMemory *m, size_t n)
{
    CheckBlock *b = malloc(sizeof *b);
    const size_t bytes = n * sizeof(float), whole = (2 * GUARD + bytes + 63) / 64 * 64;
    char *memory = aligned_alloc(64, whole);
    if (!b || !memory) abort();
    memset(memory, 0xff, whole); /* NaN */
    *b = (CheckBlock){m->blocks, bytes, memory};
    m->blocks = b;
    return (float *)(memory + GUARD);
}

int check_guards(const CheckMemory *m)
{
    for (const CheckBlock *b = m->blocks; b; b = b->next)
        for (int i = 0; i < GUARD; i++)
            if (b->memory[i] != (char)0xff || b->memory[GUARD + b->bytes + (size_t)i] != (char)0xff) return 0;
    return 1;
}

void check_release(CheckMemory *m, const char *what)
{
    const int intact = check_guards(m);
    while (m->blocks) {
        CheckBlock *b = m->blocks;
        m->blocks = b->next;
        free(b->memory);
        free(b);
    }
    if (!intact) fail_msg("%s: wrote outside its memory", what);
}

static uint32_t random_state;

void check_seed(uint32_t seed)
{
    random_state = seed * 2654435761u + 12345;
}

uint32_t check_draw(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static float draw(float lo, float hi)
{
    float v = lo + (hi - lo) * ((float)check_draw() / 16777216.0f);
    uint16_t half;
    if (stored != LX_F16) return v;
    lx_from_f32(&half, &v, LX_F16, 1);
    lx_to_f32(&v, &half, LX_F16, 1);
    return v;
}

float *check_vectors(CheckMemory *m, int n, int c, int stride, float lo, float hi)
{
    float *p = check_floats(m, (size_t)n * (size_t)stride);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < stride; j++) p[(size_t)i * (size_t)stride + (size_t)j] = j < c ? draw(lo, hi) : 0;
    return p;
}

float *check_random(CheckMemory *m, size_t n, float lo, float hi)
{
    float *p = check_floats(m, n);
    for (size_t i = 0; i < n; i++) p[i] = draw(lo, hi);
    return p;
}

LxTensor check_random_tensor(CheckMemory *m, int n, int c, int h, int w, float lo, float hi)
{
    LxTensor t = lx_tensor(NULL, n, c, h, w);
    t.data = check_vectors(m, n * h * w, c, t.cs, lo, hi);
    return t;
}

LxTensor check_output(CheckMemory *m, int n, int c, int h, int w)
{
    LxTensor t = lx_tensor(NULL, n, c, h, w);
    t.data = check_floats(m, lx_tensor_floats(&t));
    return t;
}

float *check_copy(CheckMemory *m, const float *from, size_t n)
{
    if (!from) return NULL;
    float *p = check_floats(m, n);
    memcpy(p, from, n * sizeof *p);
    return p;
}

float *check_absolute(CheckMemory *m, const float *from, size_t n)
{
    float *p = check_copy(m, from, n);
    for (size_t i = 0; p && i < n; i++) p[i] = fabsf(p[i]);
    return p;
}

float *check_whole(CheckMemory *m, const float *from, size_t n)
{
    float *p = check_copy(m, from, n);
    for (size_t i = 0; p && i < n; i++) p[i] = rintf(p[i]);
    return p;
}

/* ---- verdicts ---------------------------------------------------------------------------------------------------- */

void check_value(const char *what, size_t at, double got, double want, double limit)
{
    if (isnan(want) ? isnan(got) : fabs(got - want) <= limit) return; /* written so that NaN fails */
    fail_msg("%s: element %zu is %.9g, reference %.9g, off by %.3g, limit %.3g", what, at, got, want, fabs(got - want), limit);
}

double check_rounding(double want)
{
    return stored == LX_F16 ? fabs(want) / 2048 + ldexp(1, -25) : CHECK_U * fabs(want); /* the least step of binary16 is 2^-24 */
}

void check_values(const char *what, const float *got, const float *want, const float *mag, double k, size_t n)
{
    for (size_t i = 0; i < n; i++) check_value(what, i, got[i], want[i], k * CHECK_U * mag[i] + check_rounding(want[i]));
}

void check_same(const char *what, const void *got, const void *want, size_t bytes)
{
    if (memcmp(got, want, bytes)) fail_msg("%s: differs", what);
}

void check_padding(const char *what, const LxTensor *t)
{
    const size_t n = lx_tensor_floats(t);
    for (size_t i = 0; i < n; i++)
        if ((int)(i % (size_t)t->cs) >= t->c && t->data[i] != 0) fail_msg("%s: padding channel at %zu is %g", what, i, t->data[i]);
}
