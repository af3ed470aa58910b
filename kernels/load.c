/* Loading a backend that is a library of its own (backend.h). */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"

/* Where this build is meant to be installed; the Makefile says. */
#ifndef LX_LIBDIR
#define LX_LIBDIR "/usr/local/lib"
#endif

enum { PATH_BYTES = 4096 };

/* The folder of the file that this code is in. 0 if its name is relative: that would be looked up in the working directory. */
static int own_folder(char folder[PATH_BYTES])
{
    Dl_info info;
    if (!dladdr((const void *)&lx_backend_cpu, &info) || !info.dli_fname || info.dli_fname[0] != '/') return 0;
    const char *slash = strrchr(info.dli_fname, '/');
    return snprintf(folder, PATH_BYTES, "%.*s", (int)(slash - info.dli_fname), info.dli_fname) < PATH_BYTES;
}

/* The path of the first libliax-<name>.so that is there; else 0, and `path` says where it was looked for. */
static int find_library(char path[PATH_BYTES], const char *name, const char *dir)
{
    char own[PATH_BYTES], places[PATH_BYTES] = "";
    const int known = own_folder(own);
    const struct {
        const char *folder, *below;
    } candidates[] = {{dir && *dir ? dir : NULL, ""}, {known ? own : NULL, ""}, {known ? own : NULL, "/liax"}, {LX_LIBDIR, "/liax"}};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
        if (!candidates[i].folder) continue;
        const int n = snprintf(path, PATH_BYTES, "%s%s/libliax-%s.so", candidates[i].folder, candidates[i].below, name);
        if (n < PATH_BYTES && access(path, F_OK) == 0) return 1;
        const size_t used = strlen(places);
        snprintf(places + used, sizeof places - used, "%s%s%s", used ? ", " : "", candidates[i].folder, candidates[i].below);
    }
    memcpy(path, places, sizeof places);
    return 0;
}

LiaxStatus lx_backend_load(const LxBackend **out, const char *name, const char *dir, LxLog *log)
{
    *out = NULL;
    char path[PATH_BYTES];
    if (!find_library(path, name, dir)) return lx_fail(log, LIAX_E_UNSUPPORTED, "libliax-%s.so is in none of %.300s", name, path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return lx_fail(log, LIAX_E_UNSUPPORTED, "%.300s", dlerror());
    LxBackendEntry *entry;
    void *symbol = dlsym(library, LX_BACKEND_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry); /* ISO C knows no cast from data to functions */
    const LxBackend *b = entry ? entry() : NULL;
    if (!b) return lx_fail(log, LIAX_E_UNSUPPORTED, "%.300s: has no " LX_BACKEND_SYMBOL, path);
    if (b->abi != LX_BACKEND_ABI || b->struct_size != sizeof *b)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%.300s: made for another libliax (interface %u of %u bytes; this one has %u of %zu)", path, (unsigned)b->abi,
                       (unsigned)b->struct_size, (unsigned)LX_BACKEND_ABI, sizeof *b);
    *out = b;
    return LIAX_OK;
}
