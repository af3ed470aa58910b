/* Sentences on stderr. */
#define _POSIX_C_SOURCE 200809L /* isatty */
#include "tool.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool quiet;

void message_init(const Settings *s)
{
    quiet = s->quiet;
}

static bool colours(void)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
}

static void say(const char *kind, const char *format, va_list args)
{
    progress_clear();
    fprintf(stderr, colours() ? "\033[1mliax:\033[0m %s" : "liax: %s", kind);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int say_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
    return EXIT_FAILED;
}

int say_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
    return EXIT_USAGE;
}

int say_media_error(const MediaError *e)
{
    return *e->text ? say_error("%s", e->text) : EXIT_FAILED;
}

static void note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("note: ", format, args);
    va_end(args);
}

void say_notice(const char *sentence)
{
    if (!quiet && *sentence) note("%s", sentence);
}

int finish_stdout(void)
{
    errno = 0;
    if (!fflush(stdout) && !ferror(stdout)) return EXIT_OK;
    if (errno == EPIPE) return EXIT_FAILED; /* the reader has had enough; it needs no sentence */
    return say_error("cannot write the result: %s", strerror(errno));
}
