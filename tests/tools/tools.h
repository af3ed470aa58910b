/* Helpers of the tests of converter and container: a scratch folder, whole files, conversions that must be refused. */
#ifndef TESTS_TOOLS_H
#define TESTS_TOOLS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"
#include "map.h"
#include "support/golden.h"

/* A path in $LIAX_BUILD/tests/PROGRAM; static memory, four calls deep. */
static inline const char *scratch(const char *program, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4], folder[256];
    snprintf(folder, sizeof folder, "%s/tests/%s.files", golden_build(), program);
    mkdir(folder, 0777);
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

static inline uint8_t *load_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st)) {
        perror(path);
        exit(1);
    }
    uint8_t *data = malloc((size_t)st.st_size + 1);
    *size = data ? fread(data, 1, (size_t)st.st_size, f) : 0;
    fclose(f);
    return data;
}

static inline void save_file(const char *path, const void *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f)) {
        perror(path);
        exit(1);
    }
}

static inline int file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

/* Open a container that is there and right. */
static inline LxContainer open_container(const char *path)
{
    LxLog log = {0};
    LxFile file;
    LxContainer c = {0};
    if (lx_file_open(&file, path, &log) || lx_container_open(&c, &file, NULL, &log)) {
        fprintf(stderr, "%s\n", log.error);
        exit(1);
    }
    return c;
}

/* All values of a tensor; to be freed. */
static inline float *tensor_values(const LxContainer *c, const LxTensorEntry *t)
{
    LxLog log = {0};
    float *values = malloc((size_t)t->count * sizeof *values);
    if (!values || lx_container_read_f32(c, t, values, &log)) exit(1);
    return values;
}

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static inline uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static inline void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

#endif
