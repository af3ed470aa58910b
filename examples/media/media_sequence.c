/* Numbered names: "face-%d.png" or "face-%04d.png". */
#define _XOPEN_SOURCE 700 /* opendir */
#include "media_internal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The length of "%d" or "%04d" at p, and its digits; 0 if it is none. */
static size_t directive(const char *p, int *digits)
{
    size_t n = 1;
    *digits = 0;
    if (p[n] == '0') {
        n++;
        if (p[n] >= '1' && p[n] <= '9') *digits = p[n++] - '0';
    }
    return p[n] == 'd' ? n + 1 : 0;
}

bool media_pattern_parse(MediaPattern *p, const char *path)
{
    const char *percent = strchr(path, '%');
    int digits;
    for (; percent; percent = strchr(percent + 1, '%')) {
        const size_t n = directive(percent, &digits);
        if (!n || strchr(percent, '/')) continue; /* the number is in the file's name, not in a folder's */
        *p = (MediaPattern){path, (size_t)(percent - path), strlen(percent + n), digits};
        return true;
    }
    return false;
}

char *media_pattern_name(const MediaPattern *p, long number)
{
    const size_t size = p->before + p->after + 24;
    char *name = malloc(size);
    const char *after = p->path + strlen(p->path) - p->after;
    if (name) snprintf(name, size, "%.*s%0*ld%s", (int)p->before, p->path, p->digits, number, after);
    return name;
}

/* The number in a file's name that matches the pattern; -1: it does not match. */
static long number_in(const MediaPattern *p, const char *name)
{
    const char *slash = strrchr(p->path, '/'), *start = slash ? slash + 1 : p->path;
    const size_t before = p->before - (size_t)(start - p->path), length = strlen(name);
    const char *after = p->path + strlen(p->path) - p->after;
    if (length <= before + p->after || strncmp(name, start, before) || strcmp(name + length - p->after, after))
        return -1;
    const char *digits = name + before;
    const size_t n = length - before - p->after;
    for (size_t i = 0; i < n; i++)
        if (!isdigit((unsigned char)digits[i])) return -1;
    const bool filled = n > 1 && digits[0] == '0';
    if (n > 9 || (p->digits ? n < (size_t)p->digits || (filled && n != (size_t)p->digits) : filled)) return -1;
    return strtol(digits, NULL, 10);
}

bool media_pattern_lowest(const MediaPattern *p, long *out, int64_t *count, MediaError *e)
{
    const char *slash = strrchr(p->path, '/');
    const size_t length = slash ? (size_t)(slash - p->path) + 1 : 0;
    char *folder = malloc(length + 2);
    if (!folder) return media_fail(e, "not enough memory to read %s", p->path);
    memcpy(folder, p->path, length);
    memcpy(folder + length, ".", 2);
    DIR *d = opendir(folder);
    free(folder);
    if (!d) return media_fail(e, "cannot look for %s: %s", p->path, strerror(errno));
    long lowest = LONG_MAX;
    *count = 0;
    for (const struct dirent *entry; (entry = readdir(d));) {
        const long n = number_in(p, entry->d_name);
        if (n >= 0 && n < lowest) lowest = n;
        *count += n >= 0;
    }
    closedir(d);
    if (lowest == LONG_MAX) return media_fail(e, "no file matches %s; check the name and the digits", p->path);
    *out = lowest;
    return true;
}
