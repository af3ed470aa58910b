/* Outputs under a temporary name in their own folder, renamed when complete: no half file ever bears the final name. */
#define _XOPEN_SOURCE 700 /* mkstemp, realpath */
#include "media.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool media_fail(MediaError *e, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->text, sizeof e->text, format, args);
    va_end(args);
    return false;
}

bool media_is_pipe(const char *path)
{
    return !strcmp(path, "-");
}

bool media_target_check(const char *path, bool overwrite, MediaError *e)
{
    struct stat st;
    if (!*path) return media_fail(e, "the output's name is empty; name a file");
    if (media_is_pipe(path))
        return !isatty(STDOUT_FILENO) || media_fail(e, "standard output is a terminal; add | and a program, or > and a file");
    if (stat(path, &st)) return true;
    if (S_ISDIR(st.st_mode)) return media_fail(e, "%s is a folder; name a file to write", path);
    if (S_ISREG(st.st_mode) && !overwrite)
        return media_fail(e, "%s exists already; give -y to overwrite it, or another name", path);
    return true;
}

/* "folder/.liax-XXXXXX": in the same folder, so that the rename cannot cross file systems. */
static char *temporary_template(const char *path)
{
    static const char name[] = ".liax-XXXXXX";
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    char *t = malloc(folder + sizeof name);
    if (!t) return NULL;
    memcpy(t, path, folder);
    memcpy(t + folder, name, sizeof name);
    return t;
}

/* mkstemp makes private files; the output gets the permissions that creating it plainly would give */
static void set_usual_mode(int fd)
{
    const mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask)) return; /* some file systems have no modes */
}

bool media_target_open(MediaTarget *t, const char *path, bool overwrite, MediaError *e)
{
    *t = (MediaTarget){0};
    if (!media_target_check(path, overwrite, e)) return false;
    if (media_is_pipe(path)) {
        t->path = strdup("standard output");
        t->standard = true;
        return t->path || media_fail(e, "not enough memory");
    }
    struct stat st;
    const bool exists = stat(path, &st) == 0;
    t->path = exists ? realpath(path, NULL) : strdup(path); /* a link stays one: its target is replaced */
    if (!t->path) return media_fail(e, "cannot write %s: %s", path, strerror(errno));
    if (exists && !S_ISREG(st.st_mode)) return true;
    t->temp = temporary_template(t->path);
    const int fd = t->temp ? mkstemp(t->temp) : -1;
    if (fd < 0) {
        media_fail(e, "cannot write %s: %s; choose a folder that exists and that you may write to", path,
                   strerror(errno));
        free(t->temp);
        free(t->path);
        *t = (MediaTarget){0};
        return false;
    }
    set_usual_mode(fd);
    close(fd);
    return true;
}

const char *media_target_name(const MediaTarget *t)
{
    return t->temp ? t->temp : t->path;
}

FILE *media_target_fopen(const MediaTarget *t)
{
    if (!t->standard) return fopen(media_target_name(t), "wb");
    const int fd = dup(STDOUT_FILENO); /* so that whoever opened it may close it */
    FILE *f = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!f && fd >= 0) close(fd);
    return f;
}

bool media_target_commit(MediaTarget *t, MediaError *e)
{
    const bool ok = !t->temp || !rename(t->temp, t->path);
    if (!ok) media_fail(e, "cannot give %s its name: %s", t->path, strerror(errno));
    if (ok) free(t->temp), t->temp = NULL;
    media_target_discard(t);
    return ok;
}

void media_target_discard(MediaTarget *t)
{
    if (t->temp) unlink(t->temp);
    free(t->temp);
    free(t->path);
    *t = (MediaTarget){0};
}
