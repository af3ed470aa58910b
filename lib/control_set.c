/* Controls: named directions in the space of motions (model.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

LiaxStatus lx_control_set_read(LxControlSet *c, const LxContainer *container, int motions, const LiaxAllocator *a, LxLog *log)
{
    uint32_t n, n_max, n_one, n_vector;
    const double *vectors;
    *c = (LxControlSet){.motions = motions, .container = container};
    if (lx_container_count(container, "controls.name") == 0) return LIAX_OK;
    LiaxStatus st = lx_container_f64s(container, "controls.min", &c->min, &n, log);
    if (!st) st = lx_container_f64s(container, "controls.max", &c->max, &n_max, log);
    if (!st) st = lx_container_i64s(container, "controls.one_sided", &c->one_sided, &n_one, log);
    if (!st) st = lx_container_f64s(container, "controls.vector", &vectors, &n_vector, log);
    if (st) return st;
    if (n != lx_container_count(container, "controls.name") || n_max != n || n_one != n || (uint64_t)n * (uint64_t)motions != n_vector)
        return lx_fail(log, LIAX_E_FORMAT, "%s: controls: %u names, %u ranges, %u vector values, expected as many for %d motions",
                       container->file.name, lx_container_count(container, "controls.name"), n, n_vector, motions);
    c->vectors = lx_alloc(a, n_vector * sizeof(float));
    if (!c->vectors) return lx_fail(log, LIAX_E_MEMORY, "out of memory for %u controls", n);
    c->n = (int)n;
    for (uint32_t i = 0; i < n_vector; i++) {
        c->vectors[i] = (float)vectors[i];
        if (!isfinite(c->vectors[i])) return lx_fail(log, LIAX_E_FORMAT, "%s: controls: a vector has a value that is not finite", container->file.name);
    }
    return LIAX_OK;
}

void lx_control_set_drop(LxControlSet *c, const LiaxAllocator *a)
{
    lx_free(a, c->vectors, (size_t)c->n * (size_t)c->motions * sizeof(float));
    *c = (LxControlSet){0};
}

static int is_unit_vector(const LxControlSet *c, int control, int motion)
{
    const float *v = c->vectors + (size_t)control * (size_t)c->motions;
    for (int m = 0; m < c->motions; m++)
        if (v[m] != (m == motion)) return 0;
    return 1;
}

/* "37" -> 37; -1 if it is not a motion's number in plain digits. */
static int motion_number(const LxControlSet *c, const char *name)
{
    const size_t length = strlen(name);
    if (!length || length > 6 || strspn(name, "0123456789") != length) return -1;
    const long v = strtol(name, NULL, 10);
    return v < c->motions ? (int)v : -1;
}

int lx_control_set_find(const LxControlSet *c, const char *name)
{
    for (int i = 0; i < c->n; i++)
        if (strcmp(lx_container_string(c->container, "controls.name", (uint32_t)i), name) == 0) return i;
    const int motion = motion_number(c, name);
    if (motion < 0) return -1;
    for (int i = 0; i < c->n; i++)
        if (is_unit_vector(c, i, motion)) return i;
    return c->n + motion;
}

void lx_control_set_add(const LxControlSet *c, int index, double value, float *delta)
{
    if (index >= c->n) delta[index - c->n] += (float)value;
    else
        for (int m = 0; m < c->motions; m++) delta[m] += (float)(value * c->vectors[(size_t)index * (size_t)c->motions + (size_t)m]);
}

int lx_control_set_one_sided(const LxControlSet *c, int index)
{
    if (index < c->n) return c->one_sided[index] != 0;
    const int id = index - c->n; /* the published mouth motions */
    return id == 6 || id == 25 || id == 16 || id == 19;
}
