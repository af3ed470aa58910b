/* liax info and liax devices: facts, as text or as JSON. */
#include "commands.h"

#include <stdio.h>

#include <jansson.h>

static int print_json(json_t *root)
{
    if (!root) return say_error("not enough memory");
    json_dumpf(root, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(root);
    return finish_stdout();
}

static json_t *control_json(const LiaxControl *c, int motions)
{
    json_t *vector = json_array();
    for (int i = 0; i < motions; i++) json_array_append_new(vector, json_real((double)c->vector[i]));
    return json_pack("{s:s, s:s, s:f, s:f, s:b, s:o}", "name", c->name, "note", c->note, "min", c->min, "max", c->max,
                     "one_sided", c->one_sided, "vector", vector);
}

static int info_json(const Engine *e)
{
    const LiaxModelInfo *m = &e->info;
    json_t *widths = json_array(), *controls = json_array();
    for (int i = 0; i < m->n_widths; i++) json_array_append_new(widths, json_integer(m->widths[i]));
    for (int i = 0; i < m->n_controls; i++) {
        LiaxControl c = {.struct_size = sizeof c};
        if (!liax_model_control(e->model, i, &c)) json_array_append_new(controls, control_json(&c, m->motions));
    }
    return print_json(json_pack("{s:s, s:i, s:i, s:o, s:I, s:s, s:s, s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:o}", "family",
                                m->family, "size", (int)m->size, "motions", (int)m->motions, "widths", widths,
                                "parameters", (json_int_t)m->parameters, "dtype", m->dtype, "precision", m->precision,
                                "device", m->device, "level", m->level, "threads", (int)m->threads, "license",
                                m->license, "source", m->source, "fingerprint", m->fingerprint, "memory_bytes",
                                (json_int_t)m->memory_bytes, "controls", controls));
}

static int info_text(const Engine *e)
{
    const LiaxModelInfo *m = &e->info;
    printf("family       %s\nsize         %d x %d pixels, %d motion values\nparameters   %.3f M (%s)\nwidths      ",
           m->family, m->size, m->size, m->motions, 1e-6 * (double)m->parameters, m->dtype);
    for (int i = 0; i < m->n_widths; i++) printf(" %d", m->widths[i]);
    printf("\ncomputes     in %s on %s (%s, %d threads), %.1f MB of weights\n", m->precision, m->device, m->level,
           m->threads, 1e-6 * (double)m->memory_bytes);
    printf("licence      %s\nsource       %s\nfingerprint  %s\n\ncontrols\n", *m->license ? m->license : "not stated",
           *m->source ? m->source : "not stated", m->fingerprint);
    for (int i = 0; i < m->n_controls; i++) {
        LiaxControl c = {.struct_size = sizeof c};
        if (liax_model_control(e->model, i, &c)) continue;
        printf("  %-20s %6g to %-6g %s%s\n", c.name, c.min, c.max, c.one_sided ? "(one-sided) " : "", c.note);
    }
    return finish_stdout();
}

int run_info(const Settings *s)
{
    Engine e = {0};
    int code = engine_open_model(&e, s);
    if (!code) code = s->json ? info_json(&e) : info_text(&e);
    engine_close(&e);
    return code;
}

int run_devices(const Settings *s)
{
    json_t *list = json_array();
    for (int i = 0; i < liax_device_count(); i++) {
        LiaxDeviceInfo d = {.struct_size = sizeof d};
        if (liax_device_get(i, &d)) continue;
        if (!s->json) printf("%-8s %s (%s, %d %s", d.id, d.name, d.level, d.threads, i ? "multiprocessors" : "threads");
        if (!s->json) printf(d.memory_bytes ? ", %.1f GB)\n" : ")\n", 1e-9 * (double)d.memory_bytes);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:I}", "id", d.id, "name", d.name, "level", d.level,
                                              "threads", (int)d.threads, "memory_bytes", (json_int_t)d.memory_bytes));
    }
    if (s->json) return print_json(list);
    json_decref(list);
    return finish_stdout();
}
