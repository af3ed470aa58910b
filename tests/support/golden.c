/* Golden data (golden.h). */
#include "golden.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void die(const char *what, const char *path)
{
    fprintf(stderr, "golden data: %s: %s\n", path, what);
    exit(2);
}

static void *must(void *p)
{
    if (!p) die("out of memory", "test");
    return p;
}

const char *golden_path(const char *path)
{
    static char full[512];
    const char *root = getenv("LIAX_GOLDEN");
    snprintf(full, sizeof full, "%s/%s", root ? root : "tests/golden", path);
    return full;
}

const char *golden_build(void)
{
    const char *build = getenv("LIAX_BUILD");
    return build ? build : "build";
}

/* Column `i` of a Markdown row, without blanks and backquotes. */
static void column(const char *line, int i, char *to, size_t size)
{
    for (; i >= 0 && line; i--) {
        line = strchr(line, '|');
        if (line) line++;
    }
    size_t n = 0;
    for (; line && *line && *line != '|' && n + 1 < size; line++)
        if (*line != ' ' && *line != '`') to[n++] = *line;
    to[n] = 0;
}

size_t golden_manifest(Golden **out)
{
    FILE *f = fopen(golden_path("MANIFEST.md"), "r");
    if (!f) die("cannot be opened", golden_path("MANIFEST.md"));
    char line[1024], text[64];
    size_t n = 0;
    *out = NULL;
    while (fgets(line, sizeof line, f)) {
        Golden g;
        column(line, 0, g.path, sizeof g.path);
        column(line, 5, text, sizeof text);
        if (!strstr(g.path, ".npy") || !text[0]) continue;
        g.tolerance = atof(text);
        column(line, 6, text, sizeof text);
        g.rms = atof(text);
        *out = must(realloc(*out, (n + 1) * sizeof **out));
        (*out)[n++] = g;
    }
    fclose(f);
    return n;
}

Golden golden_find(const char *path)
{
    Golden *all, found = {"", 0, 0};
    const size_t n = golden_manifest(&all);
    for (size_t i = 0; i < n; i++)
        if (strcmp(all[i].path, path) == 0) found = all[i];
    free(all);
    if (!found.path[0]) die("is not in MANIFEST.md", path);
    return found;
}

/* The header is a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (1, 3, 64, 64), } */
static void read_shape(Array *a, const char *header)
{
    const char *p = strstr(header, "'shape': (");
    if (!p) die("unexpected npy header", header);
    a->n = 1;
    for (p += 10; *p && *p != ')' && a->rank < 8;) {
        char *end;
        a->dims[a->rank] = strtoul(p, &end, 10);
        a->n *= a->dims[a->rank++];
        for (p = end; *p == ',' || *p == ' ';) p++;
    }
}

/* Fortran's order of a matrix of floats to C's. */
static void transpose(Array *a)
{
    if (a->rank != 2 || !a->f) die("unexpected npy header", "Fortran order");
    const size_t rows = a->dims[0], columns = a->dims[1];
    float *t = must(malloc(a->n * sizeof *t + 1));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) t[i * columns + j] = a->f[j * rows + i];
    free(a->f);
    a->f = t;
}

Array golden_read(const char *path)
{
    const char *full = golden_path(path);
    FILE *f = fopen(full, "rb");
    unsigned char head[10];
    if (!f || fread(head, 1, 10, f) != 10) die("cannot be read", full);
    const size_t length = head[8] | (size_t)head[9] << 8;
    char header[4096] = "";
    if (length >= sizeof header || fread(header, 1, length, f) != length) die("cannot be read", full);
    Array a = {0};
    read_shape(&a, header);
    if (strstr(header, "<f4")) a.f = must(malloc(a.n * sizeof *a.f + 1));
    else if (strstr(header, "|u1")) a.u = must(malloc(a.n + 1));
    else die("neither f32 nor uint8", full);
    if (fread(a.f ? (void *)a.f : a.u, a.f ? 4 : 1, a.n, f) != a.n) die("is cut short", full);
    fclose(f);
    if (strstr(header, "'fortran_order': True")) transpose(&a);
    return a;
}

void golden_free(Array *a)
{
    free(a->f);
    free(a->u);
    *a = (Array){0};
}

int golden_run(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    const int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

void golden_convert(const char *name, const char *ending)
{
    const char *build = golden_build();
    /* over what is there, if need be: the converter replaces it in one step, and programs that run at the same time may be reading it */
    const int status = golden_run("mkdir -p %s/tests && %s/bin/liax-convert %s.%s %s/tests/%s-%s.liax >/dev/null 2>&1", build, build, golden_path(name),
                                  ending, build, name, ending);
    if (status) die("cannot be converted", name);
}

const char *golden_compare(const float *got, const float *want, size_t n, double tolerance, double rms, double scale)
{
    static char text[160];
    double worst = 0, sum = 0;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - want[i]);
        if (!(d <= worst)) { /* a NaN is the worst */
            worst = d;
            at = i;
            if (isnan(d)) break;
        }
        sum += d * d;
    }
    const double r = sqrt(sum / (double)n);
    if (worst <= tolerance * scale && (rms == 0 || r <= rms * scale)) return NULL;
    snprintf(text, sizeof text, "element %zu of %zu: got %.9g, expected %.9g; largest error %.3g (tolerance %.3g), rms %.3g (%.3g)", at, n,
             got[at], want[at], worst, tolerance * scale, r, rms * scale);
    return text;
}

static const char *compare_rounded(const float *got, const float *want, size_t n, double rms)
{
    double peak = 0;
    for (size_t i = 0; i < n; i++) peak = fmax(peak, fabs((double)want[i]));
    return golden_compare(got, want, n, HUGE_VAL, rms * peak, 1);
}

const char *golden_compare_f16(const float *got, const float *want, size_t n)
{
    return compare_rounded(got, want, n, sqrt(70) / 2048);
}

const char *golden_compare_bf16(const float *got, const float *want, size_t n)
{
    return compare_rounded(got, want, n, sqrt(140) / 512);
}
