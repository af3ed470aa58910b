/* What each control does (eval_controls.h). */
#include "eval_controls.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "people.h"

enum { STEPS = 5, MAX_CONTROLS = 64, LEARN_ANYWHERE = 320, LEARN_HERE = 96 };

/* The parameter that a control of that name is to move; other names are the parameters' own. */
static int wanted_parameter(const char *control)
{
    static const struct {
        const char *control;
        int parameter;
    } names[] = {{"mouth-open", JAW}, {"mouth", JAW}, {"eyes-open", BLINK}, {"eyes", BLINK}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(control, names[i].control) == 0) return names[i].parameter;
    for (int i = 0; i < PARAMETERS; i++)
        if (strcmp(control, people_parameter_name(i)) == 0) return i;
    return -1;
}

/* Means over people of what is read at each step of each control. */
typedef struct Sums {
    double read[MAX_CONTROLS][STEPS][PARAMETERS];
} Sums;

static LiaxStatus edit_person(LiaxSession *s, const LiaxModel *model, int n_controls, const Ridge *anywhere, const Ridge *here, LiaxImage *out, Sums *sums)
{
    for (int c = 0; c < n_controls; c++) {
        LiaxControl control = {.struct_size = sizeof control};
        LiaxStatus st = liax_model_control(model, c, &control);
        for (int k = 0; k < STEPS && !st; k++) {
            st = liax_session_clear_edits(s);
            if (!st) st = liax_session_set_edit(s, control.name, control.min + (control.max - control.min) * k / (STEPS - 1));
            if (!st) st = liax_session_render(s, out);
            double read[PARAMETERS];
            if (!st) people_read(anywhere, here, out->planes[0], read);
            for (int p = 0; p < PARAMETERS && !st; p++) sums->read[c][k][p] += read[p];
        }
        if (st) return st;
    }
    return LIAX_OK;
}

static void print_control(const LiaxControl *control, double read[STEPS][PARAMETERS], int people)
{
    const int wanted = wanted_parameter(control->name);
    if (wanted < 0) {
        printf("%-14s is no parameter of the drawings\n", control->name);
        return;
    }
    /* an expression cannot be read where the pose has changed: a control of the pose is only held against the pose */
    const int others = wanted < PARAMETERS_POSE ? PARAMETERS_POSE : PARAMETERS;
    double leak = 0;
    int into = wanted, rising = 0;
    for (int p = 0; p < others; p++) {
        const double change = (read[STEPS - 1][p] - read[0][p]) / people / people_parameter_range(p);
        if (p != wanted && fabs(change) > fabs(leak)) {
            leak = change;
            into = p;
        }
    }
    for (int k = 1; k < STEPS; k++) rising += read[k][wanted] > read[k - 1][wanted];
    printf("%-14s %6.2f to %5.2f   %-7s %+6.2f   most else: %-7s %+6.2f   %s\n", control->name, control->min, control->max, people_parameter_name(wanted),
           (read[STEPS - 1][wanted] - read[0][wanted]) / people / people_parameter_range(wanted), people_parameter_name(into), leak,
           rising == STEPS - 1 || rising == 0 ? "one way" : "NOT one way");
}

int eval_controls(LiaxModel *model, PortraitBoard *board, int size, int people, uint64_t seed)
{
    LiaxModelInfo info = {.struct_size = sizeof info};
    LiaxSession *s = NULL;
    const size_t bytes = (size_t)size * (size_t)size * 3;
    uint8_t *source = malloc(bytes), *drawn = malloc(bytes);
    Sums *sums = calloc(1, sizeof *sums);
    LiaxStatus st = source && drawn && sums ? liax_model_info(model, &info) : LIAX_E_MEMORY;
    if (!st) st = liax_session_open(&s, model, NULL);
    const int n_controls = info.n_controls < MAX_CONTROLS ? info.n_controls : MAX_CONTROLS;
    LiaxImage in = {.struct_size = sizeof in, .width = size, .height = size, .planes = {source}}, out = in;
    out.planes[0] = drawn;
    for (int i = 0; i < people && !st; i++) {
        const uint64_t own = people_mix(seed * 7919 + (uint64_t)i);
        PortraitIdentity who;
        portrait_identity(&who, own % HELD_OUT);
        const PortraitMotion rest = {{0}};
        Ridge *anywhere = people_learn(board, size, &who, own + 1, NULL, LEARN_ANYWHERE), *here = people_learn(board, size, &who, own + 2, &rest, LEARN_HERE);
        portrait_draw(board, &who, &rest, source);
        st = anywhere && here ? liax_session_set_source(s, &in) : LIAX_E_MEMORY;
        if (!st) st = edit_person(s, model, n_controls, anywhere, here, &out, sums);
        ridge_free(anywhere);
        ridge_free(here);
    }
    if (!st) printf("controls, from their least to their most useful value: change of what they are named for, in shares of its range\n");
    for (int c = 0; c < n_controls && !st; c++) {
        LiaxControl control = {.struct_size = sizeof control};
        liax_model_control(model, c, &control);
        print_control(&control, sums->read[c], people);
    }
    if (!st) printf("\n");
    liax_session_close(&s);
    free(sums);
    free(drawn);
    free(source);
    return st == LIAX_OK;
}
