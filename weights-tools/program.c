/* Arguments, sentences, progress and signals of the tools (program.h). */
#define _POSIX_C_SOURCE 200809L
#include "program.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

void lx_tool_catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN; /* a file-size limit becomes a failed write, which has a sentence */
    sigaction(SIGXFSZ, &action, NULL);
}

LiaxStatus lx_tool_check(LxLog *log)
{
    return stopped ? lx_fail(log, LIAX_E_CANCELLED, "stopped; nothing was written") : LIAX_OK;
}

int lx_tool_exit(LiaxStatus status)
{
    return status == LIAX_OK ? 0 : status == LIAX_E_CANCELLED ? LX_EXIT_STOPPED : LX_EXIT_FAILED;
}

static void print_sentence(void *ctx, LiaxLogLevel level, const char *sentence)
{
    (void)level;
    fprintf(stderr, "%s: %s\n", (const char *)ctx, sentence);
}

LxLog lx_tool_log(const char *tool)
{
    return (LxLog){.sink = print_sentence, .ctx = (void *)(uintptr_t)tool};
}

/* ---- arguments */

int lx_tool_usage(const LxUsage *usage, const char *format, ...)
{
    fprintf(stderr, "%s: ", usage->tool);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "; %.*s\n", (int)strcspn(usage->help, "\n"), usage->help);
    return LX_EXIT_USAGE;
}

static const LxOption *find_option(const LxUsage *usage, const char *name, size_t length)
{
    for (size_t i = 0; i < usage->n_options; i++)
        if (strlen(usage->options[i].name) == length && !memcmp(usage->options[i].name, name, length)) return &usage->options[i];
    return NULL;
}

/* argv[*i] is an option: takes it, and its value with it. */
static int take_option(const LxUsage *usage, int argc, char **argv, int *i)
{
    const char *name = argv[*i] + 2, *equals = strchr(name, '=');
    const LxOption *o = find_option(usage, name, equals ? (size_t)(equals - name) : strlen(name));
    if (strncmp(argv[*i], "--", 2) || !o) return lx_tool_usage(usage, "unknown option %s", argv[*i]);
    if (o->flag) {
        if (equals) return lx_tool_usage(usage, "option --%s takes no value", o->name);
        *o->flag = 1;
        return -1;
    }
    if (*o->value) return lx_tool_usage(usage, "option --%s is there twice", o->name);
    if (!equals && *i + 1 >= argc) return lx_tool_usage(usage, "option --%s needs a value", o->name);
    *o->value = equals ? equals + 1 : argv[++*i];
    return -1;
}

int lx_tool_arguments(const LxUsage *usage, int argc, char **argv)
{
    size_t n = 0;
    int options = 1;
    for (int i = 1; i < argc; i++) {
        if (options && !strcmp(argv[i], "--")) {
            options = 0;
        } else if (options && !strcmp(argv[i], "--help")) {
            return printf("%s", usage->help) < 0;
        } else if (options && !strcmp(argv[i], "--version")) {
            return printf("%s %s\n", usage->tool, LIAX_VERSION_STRING) < 0;
        } else if (options && argv[i][0] == '-' && argv[i][1]) {
            const int status = take_option(usage, argc, argv, &i);
            if (status >= 0) return status;
        } else {
            if (n == usage->n_files) return lx_tool_usage(usage, "one argument too many: %s", argv[i]);
            usage->files[n++] = argv[i];
        }
    }
    return n == usage->n_files ? -1 : lx_tool_usage(usage, "%zu file name%s expected, %zu found", usage->n_files, usage->n_files == 1 ? "" : "s", n);
}

int lx_parse_number(const char *text, int64_t least, int64_t most, int64_t *value)
{
    char *end;
    if (!*text || strspn(text, "-0123456789") != strlen(text)) return 0;
    errno = 0;
    const long long v = strtoll(text, &end, 10);
    if (errno || *end || v < least || v > most) return 0;
    *value = v;
    return 1;
}

int lx_parse_dtype(const char *text, LxDtype *dtype)
{
    for (LxDtype t = LX_F32; t <= LX_BF16; t++)
        if (!strcmp(text, lx_dtype_name(t))) {
            *dtype = t;
            return 1;
        }
    return 0;
}

const char *lx_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

int lx_ends_in(const char *path, const char *end)
{
    const size_t n = strlen(path), m = strlen(end);
    return n >= m && !strcmp(path + n - m, end);
}

/* ---- progress */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void lx_progress_begin(LxProgress *p, const char *what, uint64_t total)
{
    *p = (LxProgress){.what = what, .total = total ? total : 1, .began = seconds(), .on = isatty(2)};
}

void lx_progress_add(LxProgress *p, uint64_t done)
{
    p->done += done;
    if (!p->on) return;
    const double now = seconds(), share = (double)p->done / (double)p->total;
    if (now - p->shown < 0.2) return;
    p->shown = now;
    fprintf(stderr, "\r%s: %3.0f %%, %.0f s left   ", p->what, 100 * share, (now - p->began) * (1 - share) / share);
}

void lx_progress_end(LxProgress *p)
{
    if (p->on) fprintf(stderr, "\r%*s\r", (int)strlen(p->what) + 32, "");
    p->on = 0;
}
