/* Controls: the published ones, or those of a JSON file (controls.h). */
#include "controls.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define PUBLISHED_MOTIONS 40
#define CONTROLS_MAX 4096
#define JSON_MAX (16u << 20) /* bytes */

/* The directions of the released model that have a meaning, with the ranges of the published sliders (docs/network.md). */
static const struct {
    int id;
    const char *name, *note;
    double min, max;
} published[] = {
    {37, "yaw", "head, left and right", -1, 0.5},
    {39, "yaw-shoulders", "head and shoulders, left and right", -1, 0.5},
    {28, "pitch", "head, up and down", -1, 0.5},
    {15, "roll", "head tilt", -0.5, 0.5},
    {33, "roll-2", "head tilt, another way", -0.5, 0.5},
    {31, "neck", "neck, left and right", -0.5, 0.5},
    {6, "pout", "", -0.4, 0.4},
    {25, "mouth", "plus closes, minus opens", -0.4, 0.4},
    {16, "o-mouth", "mouth in the shape of an O", -0.4, 0.4},
    {19, "cheeks", "cheeks, smirk", -0.4, 0.4},
    {13, "eyes", "plus opens, minus closes", -0.4, 0.4},
    {24, "brows", "eyebrows", -0.4, 0.4},
    {17, "gaze", "eyeballs", -0.2, 0.2},
    {26, "gaze-2", "eyeballs, another way", -0.2, 0.2},
};

static int is_mouth(size_t id)
{
    return id == 6 || id == 25 || id == 16 || id == 19;
}

static LiaxStatus allocate(LxControls *c, size_t n, size_t motions, LxLog *log)
{
    *c = (LxControls){.n = (uint32_t)n, .motions = motions};
    c->entries = calloc(n ? n : 1, sizeof *c->entries);
    c->vectors = calloc((n + 1) * motions, sizeof *c->vectors);
    if (!c->entries || !c->vectors) {
        lx_controls_close(c);
        return lx_fail(log, LIAX_E_MEMORY, "no memory for %zu controls", n);
    }
    for (size_t i = 0; i < n; i++) c->entries[i].vector = c->vectors + i * motions;
    return LIAX_OK;
}

LiaxStatus lx_controls_default(LxControls *c, size_t motions, LxLog *log)
{
    const int is_published = motions == PUBLISHED_MOTIONS;
    const size_t n = is_published ? sizeof published / sizeof *published : motions;
    const LiaxStatus st = allocate(c, n, motions, log);
    for (size_t i = 0; i < n && !st; i++) {
        LxControlEntry *e = &c->entries[i];
        const size_t id = is_published ? (size_t)published[i].id : i;
        if (is_published) snprintf(e->name, sizeof e->name, "%s", published[i].name);
        else snprintf(e->name, sizeof e->name, "d%zu", i);
        if (is_published) snprintf(e->note, sizeof e->note, "%s", published[i].note);
        e->min = is_published ? published[i].min : -0.5;
        e->max = is_published ? published[i].max : 0.5;
        e->one_sided = is_mouth(id);
        e->vector[id] = 1;
    }
    return st;
}

/* ---- the JSON file */

/* Why a name cannot be one; NULL if it can. */
static const char *name_fault(const LxControls *c, size_t i, const char *name)
{
    if (!*name || strlen(name) >= LX_CONTROL_NAME) return "is empty or longer than 63 characters";
    if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(name)) return "has other characters than a-z, 0-9, _ and -";
    if (!name[strspn(name, "0123456789")]) return "is a plain number";
    for (size_t k = 0; k < i; k++)
        if (!strcmp(c->entries[k].name, name)) return "is there twice";
    return NULL;
}

static LiaxStatus read_vector(LxControlEntry *e, const json_t *vector, size_t motions, const char *path, LxLog *log)
{
    const char *key;
    json_t *value;
    if (!json_object_size(vector)) return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: vector is empty", path, e->name);
    json_object_foreach((json_t *)(uintptr_t)vector, key, value) {
        int64_t id;
        if (!lx_parse_number(key, 0, (int64_t)motions - 1, &id))
            return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: motion %.40s, expected 0 to %zu", path, e->name, key, motions - 1);
        if (!json_is_number(value)) return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: motion %s is no number", path, e->name, key);
        if (e->vector[id] != 0) return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: motion %d is there twice", path, e->name, (int)id);
        e->vector[id] = json_number_value(value);
    }
    return LIAX_OK;
}

static LiaxStatus read_control(LxControls *c, size_t i, json_t *object, const char *path, LxLog *log)
{
    LxControlEntry *e = &c->entries[i];
    const char *name, *note = "";
    json_t *vector;
    json_error_t error;
    if (json_unpack_ex(object, &error, JSON_STRICT, "{s:s, s:F, s:F, s?b, s:o, s?s}", "name", &name, "min", &e->min, "max", &e->max,
                       "one_sided", &e->one_sided, "vector", &vector, "note", &note))
        return lx_fail(log, LIAX_E_FORMAT, "%s: control %zu: %s", path, i, error.text);
    const char *fault = name_fault(c, i, name);
    if (fault) return lx_fail(log, LIAX_E_FORMAT, "%s: control %zu: name \"%.64s\" %s", path, i, name, fault);
    if (strlen(note) >= LX_CONTROL_NOTE)
        return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: note is longer than %d bytes", path, name, LX_CONTROL_NOTE - 1);
    snprintf(e->name, sizeof e->name, "%s", name);
    snprintf(e->note, sizeof e->note, "%s", note);
    if (!(e->min <= e->max))
        return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: min %g is above max %g", path, name, e->min, e->max);
    if (!json_is_object(vector)) return lx_fail(log, LIAX_E_FORMAT, "%s: control %s: vector is no object", path, name);
    return read_vector(e, vector, c->motions, path, log);
}

static LiaxStatus read_json(LxControls *c, json_t *root, const char *path, size_t motions, LxLog *log)
{
    json_t *list;
    json_error_t error;
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:o}", "controls", &list)) return lx_fail(log, LIAX_E_FORMAT, "%s: %s", path, error.text);
    if (!json_is_array(list)) return lx_fail(log, LIAX_E_FORMAT, "%s: controls is no array", path);
    const size_t n = json_array_size(list);
    if (n > CONTROLS_MAX) return lx_fail(log, LIAX_E_FORMAT, "%s: %zu controls, expected at most %d", path, n, CONTROLS_MAX);
    LiaxStatus st = allocate(c, n, motions, log);
    for (size_t i = 0; i < n && !st; i++) st = read_control(c, i, json_array_get(list, i), path, log);
    if (st) lx_controls_close(c);
    return st;
}

LiaxStatus lx_controls_read(LxControls *c, const char *path, size_t motions, LxLog *log)
{
    *c = (LxControls){0};
    LxFile f;
    LiaxStatus st = lx_file_open(&f, path, log);
    if (st) return st;
    char *text = f.size <= JSON_MAX ? malloc((size_t)f.size + 1) : NULL;
    if (!text) st = lx_fail(log, LIAX_E_FORMAT, "%s: %llu bytes, expected at most %u", path, (unsigned long long)f.size, JSON_MAX);
    if (!st) st = lx_file_read(&f, 0, text, (size_t)f.size, log);
    if (!st) {
        json_error_t error;
        json_t *root = json_loadb(text, (size_t)f.size, JSON_REJECT_DUPLICATES, &error);
        if (root) st = read_json(c, root, path, motions, log);
        else st = lx_fail(log, LIAX_E_FORMAT, "%s: line %d: %s", path, error.line, error.text);
        json_decref(root);
    }
    free(text);
    lx_file_close(&f);
    return st;
}

/* ---- metadata */

LiaxStatus lx_controls_write(const LxControls *c, LxWriter *w, LxLog *log)
{
    const size_t n = c->n ? c->n : 1;
    const char **names = calloc(n, sizeof *names), **notes = calloc(n, sizeof *notes);
    double *min = calloc(n, sizeof *min), *max = calloc(n, sizeof *max);
    int64_t *one_sided = calloc(n, sizeof *one_sided);
    const int ok = names && notes && min && max && one_sided;
    for (size_t i = 0; ok && i < c->n; i++) {
        names[i] = c->entries[i].name;
        notes[i] = c->entries[i].note;
        min[i] = c->entries[i].min;
        max[i] = c->entries[i].max;
        one_sided[i] = c->entries[i].one_sided;
    }
    if (ok) {
        lx_writer_strings(w, "controls.name", 0, names, c->n);
        lx_writer_strings(w, "controls.note", 0, notes, c->n);
        lx_writer_f64s(w, "controls.min", 0, min, c->n);
        lx_writer_f64s(w, "controls.max", 0, max, c->n);
        lx_writer_i64s(w, "controls.one_sided", 0, one_sided, c->n);
        lx_writer_f64s(w, "controls.vector", 0, c->vectors, (uint32_t)(c->n * c->motions));
    }
    free(names);
    free(notes);
    free(min);
    free(max);
    free(one_sided);
    return ok ? LIAX_OK : lx_fail(log, LIAX_E_MEMORY, "no memory for %u controls", c->n);
}

void lx_controls_close(LxControls *c)
{
    free(c->entries);
    free(c->vectors);
    *c = (LxControls){0};
}
