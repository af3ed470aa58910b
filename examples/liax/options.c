/* Reading the command line by a command's option table, and printing the table as --help. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { MAX_OPTIONS = 40, LONG_ONLY = 256 /* getopt's codes of options without a letter start here */ };

static void *field(Settings *s, const Option *o)
{
    return (char *)s + o->field;
}

bool take_flag(Settings *s, const Option *o, const char *text)
{
    (void)text;
    *(bool *)field(s, o) = true;
    return true;
}

bool take_value(Settings *s, const Option *o, const char *text)
{
    (void)text;
    *(int *)field(s, o) = o->value;
    return true;
}

bool take_text(Settings *s, const Option *o, const char *text)
{
    *(const char **)field(s, o) = text;
    return true;
}

static bool parse_int(const char *text, int lowest, int highest, int *out)
{
    char *end;
    errno = 0;
    const long n = strtol(text, &end, 10);
    if (end == text || *end || errno || n < lowest || n > highest) return false;
    *out = (int)n;
    return true;
}

bool take_count(Settings *s, const Option *o, const char *text)
{
    if (parse_int(text, 1, 1000000, field(s, o))) return true;
    say_usage("--%s %s: give a whole number from 1", o->name, text);
    return false;
}

bool take_choice(Settings *s, const Option *o, const char *text)
{
    const size_t length = strlen(text);
    int index = 0;
    for (const char *p = o->argument; p; p = strchr(p, '|'), index++) {
        if (*p == '|') p++;
        if (length && !strncmp(p, text, length) && (p[length] == '|' || !p[length])) {
            *(int *)field(s, o) = index;
            return true;
        }
    }
    say_usage("--%s %s: give one of %s", o->name, text, o->argument);
    return false;
}

bool take_edit(Settings *s, const Option *o, const char *text)
{
    const char *equals = strrchr(text, '=');
    char *end = NULL;
    const double value = equals ? strtod(equals + 1, &end) : 0;
    if (!equals || equals == text || end == equals + 1 || *end || !isfinite(value)) {
        say_usage("--%s %s: give a control and a number, as in --edit yaw=0.3", o->name, text);
        return false;
    }
    Edit *edits = realloc(s->edits, ((size_t)s->n_edits + 1) * sizeof *edits);
    if (edits) s->edits = edits;
    char *name = edits ? strdup(text) : NULL;
    if (!name) {
        say_usage("not enough memory for so many --edit");
        return false;
    }
    name[equals - text] = 0;
    s->edits[s->n_edits++] = (Edit){name, value};
    return true;
}

/* "512x384" */
static bool parse_size(const char *text, int *width, int *height)
{
    char *end;
    errno = 0;
    const long w = strtol(text, &end, 10);
    if (end == text || errno || *end != 'x' || w < 1 || w > MEDIA_MAX_SIDE) return false;
    *width = (int)w;
    return parse_int(end + 1, 1, MEDIA_MAX_SIDE, height);
}

bool take_size(Settings *s, const Option *o, const char *text)
{
    if (!strcmp(text, "source")) return s->size = SIZE_SOURCE, true;
    if (!strcmp(text, "model")) return s->size = SIZE_MODEL, true;
    if (parse_size(text, &s->width, &s->height)) return s->size = SIZE_GIVEN, true;
    say_usage("--%s %s: give source, model, or pixels as in 512x512 (at most %d a side)", o->name, text,
              MEDIA_MAX_SIDE);
    return false;
}

bool take_raw_size(Settings *s, const Option *o, const char *text)
{
    if (parse_size(text, &s->raw_width, &s->raw_height)) return true;
    say_usage("--%s %s: give pixels as in 512x512 (at most %d a side)", o->name, text, MEDIA_MAX_SIDE);
    return false;
}

/* 29.97 means 30000/1001, and so on: the rates of television are whole numbers times 1000/1001 */
static MediaRational rate_of(double fps)
{
    const double television = fps * 1.001;
    if (fabs(fps - round(fps)) > 1e-9 && fabs(television - round(television)) < 0.0055)
        return (MediaRational){(int)round(television) * 1000, 1001};
    return (MediaRational){(int)round(fps * 1000), 1000};
}

bool take_rate(Settings *s, const Option *o, const char *text)
{
    char *end;
    const double fps = strtod(text, &end);
    MediaRational r = {0, 1};
    if (end != text && fps >= 0.01 && fps <= 1000000 && *end == '/' && parse_int(end + 1, 1, 1000000, &r.den) &&
        fps == floor(fps))
        r.num = (int)fps;
    else if (end != text && !*end && fps >= 0.01 && fps <= 1000)
        r = fps == floor(fps) ? (MediaRational){(int)fps, 1} : rate_of(fps);
    if (r.num) return s->fps = r, true;
    say_usage("--%s %s: give frames per second, as in 25, 29.97 or 30000/1001", o->name, text);
    return false;
}

bool take_colour(Settings *s, const Option *o, const char *text)
{
    static const struct {
        const char *name;
        unsigned rgb;
    } names[] = {{"white", 0xffffff}, {"black", 0x000000}, {"gray", 0x808080}, {"green", 0x00ff00}};
    unsigned long rgb = ULONG_MAX;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcasecmp(text, names[i].name)) rgb = names[i].rgb;
    if (text[0] == '#' && strspn(text + 1, "0123456789abcdefABCDEF") == 6 && strlen(text) == 7)
        rgb = strtoul(text + 1, NULL, 16);
    if (rgb == ULONG_MAX) {
        say_usage("--%s %s: give white, black, gray, green, or a colour as #rrggbb", o->name, text);
        return false;
    }
    for (int c = 0; c < 3; c++) s->look.background[c] = (uint8_t)(rgb >> (16 - 8 * c));
    return true;
}

static int count(const Command *c)
{
    int n = 0;
    while (c->options[n].name) n++;
    return n < MAX_OPTIONS ? n : MAX_OPTIONS;
}

static int refuse(const Command *c, int code, char **argv)
{
    const char *what = optopt && optopt < LONG_ONLY ? (char[]){'-', (char)optopt, 0} : argv[optind - 1];
    if (code == ':') return say_usage("%s needs a value; see liax %s --help", argv[optind - 1], c->name);
    return say_usage("%s is no option of this command; see liax %s --help", what, c->name);
}

static int check_needed(const Settings *s, const Command *c)
{
    for (const Option *o = c->options; o->name; o++) {
        if (o->take != take_text || !o->value) continue;
        const char *text = *(const char *const *)(const void *)((const char *)s + o->field);
        if (!text) return say_usage("-%c %s is missing; see liax %s --help", o->letter, o->argument, c->name);
    }
    return EXIT_OK;
}

int settings_parse(Settings *out, const Command *c, int argc, char **argv)
{
    *out = (Settings){.runs = 5, .look.background = {255, 255, 255}};
    struct option longs[MAX_OPTIONS + 1] = {{0}};
    char shorts[2 * MAX_OPTIONS + 2] = ":";
    const int n = count(c);
    size_t at = 1;
    for (int i = 0; i < n; i++) {
        const Option *o = &c->options[i];
        longs[i] = (struct option){o->name, o->argument ? required_argument : no_argument, NULL, LONG_ONLY + i};
        if (o->letter) shorts[at++] = o->letter;
        if (o->letter && o->argument) shorts[at++] = ':';
    }
    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (code == '?' || code == ':') return refuse(c, code, argv);
        int i = code - LONG_ONLY;
        for (int k = 0; k < n && code < LONG_ONLY; k++)
            if (c->options[k].letter == code) i = k;
        if (!c->options[i].take(out, &c->options[i], optarg)) return EXIT_USAGE;
    }
    if (out->help) return EXIT_OK;
    if (optind < argc)
        return say_usage("%s: this argument belongs to no option; see liax %s --help", argv[optind], c->name);
    return check_needed(out, c);
}

void settings_free(Settings *s)
{
    for (int i = 0; i < s->n_edits; i++) free(s->edits[i].name);
    free(s->edits);
    s->edits = NULL;
    s->n_edits = 0;
}

void settings_help(const Command *c)
{
    printf("usage: liax %s", c->name);
    for (const Option *o = c->options; o->name; o++)
        if (o->take == take_text && o->value) printf(" -%c %s", o->letter, o->argument);
    printf(" [options]\n\n%s\n\n", c->summary);
    for (const Option *o = c->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%c%c%s --%s %s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
                 o->letter ? "," : " ", o->name, o->argument ? o->argument : "");
        printf("  %-36s %s\n", left, o->help);
    }
}
