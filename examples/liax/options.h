/* The option tables: one row per option drives both getopt_long and --help. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "tool.h"

struct Option {
    char letter;          /* 0: long only */
    const char *name;
    const char *argument; /* NULL: takes none; for take_choice the choices, "auto|f32|f16" */
    bool (*take)(Settings *s, const Option *o, const char *text); /* false: said what was wrong */
    size_t field;         /* of Settings */
    int value;            /* for take_value; for a needed option not 0 */
    const char *help;
};

bool take_flag(Settings *s, const Option *o, const char *text);   /* bool field = true */
bool take_value(Settings *s, const Option *o, const char *text);  /* int field = value */
bool take_text(Settings *s, const Option *o, const char *text);   /* const char * field */
bool take_count(Settings *s, const Option *o, const char *text);  /* int field, 1 and more */
bool take_choice(Settings *s, const Option *o, const char *text); /* int field = index among the choices */
bool take_edit(Settings *s, const Option *o, const char *text);
bool take_size(Settings *s, const Option *o, const char *text);
bool take_raw_size(Settings *s, const Option *o, const char *text);
bool take_rate(Settings *s, const Option *o, const char *text);
bool take_colour(Settings *s, const Option *o, const char *text);

#endif
