/* Reader of torch zip checkpoints. Sizes and checksums come from the central directory: local headers have none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "core/hash.h"
#include "torch_pickle.h"
#include "torch_tensors.h"

#define END_BYTES 22      /* of the end record */
#define LOCATOR_BYTES 20  /* of the Zip64 locator, just before it */
#define END64_BYTES 56
#define CENTRAL_BYTES 46  /* of an entry of the central directory, before its name */
#define LOCAL_BYTES 30
#define DIRECTORY_MAX (64u << 20)
#define PICKLE_ENTRY "/data.pkl"

typedef struct Entry {
    const uint8_t *name; /* inside the directory */
    uint32_t length;
    uint32_t crc;
    int is_plain;       /* stored, not encrypted, both sizes equal */
    uint64_t size, local;
} Entry;

typedef struct Zip {
    const LxFile *file;
    uint8_t *directory;
    uint64_t directory_at, directory_bytes;
    Entry *entries; /* by name */
    uint64_t n;
} Zip;

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}

static LiaxStatus bad(const Zip *z, LxLog *log, const char *what, uint64_t offset)
{
    return lx_fail(log, LIAX_E_FORMAT, "%s: zip, offset %llu: %s", z->file->name, (unsigned long long)offset, what);
}

/* ---- the end of the file */

/* The end record: the last one whose comment reaches just to the end of the file. */
static LiaxStatus find_end(const Zip *z, uint64_t *at, uint8_t end[END_BYTES], LxLog *log)
{
    enum { MOST = END_BYTES + 65535 };
    const size_t n = z->file->size < MOST ? (size_t)z->file->size : MOST;
    uint8_t *tail = malloc(n);
    if (!tail) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory", z->file->name);
    LiaxStatus st = lx_file_read(z->file, z->file->size - n, tail, n, log);
    size_t i = n;
    while (!st && i >= END_BYTES) {
        const uint8_t *p = tail + i - END_BYTES;
        if (!memcmp(p, "PK\5\6", 4) && get(p + 20, 2) == n - i) break;
        i--;
    }
    if (!st && i < END_BYTES) st = lx_fail(log, LIAX_E_FORMAT, "%s: truncated: no end record of a zip file in its last %zu bytes", z->file->name, n);
    if (!st) {
        *at = z->file->size - n + i - END_BYTES;
        memcpy(end, tail + i - END_BYTES, END_BYTES);
    }
    free(tail);
    return st;
}

/* Where the central directory is, and how many entries it has. */
static LiaxStatus find_directory(Zip *z, LxLog *log)
{
    uint64_t at = 0;
    uint8_t end[END_BYTES];
    LiaxStatus st = find_end(z, &at, end, log);
    if (st) return st;
    z->n = get(end + 10, 2);
    z->directory_bytes = get(end + 12, 4);
    z->directory_at = get(end + 16, 4);
    uint64_t limit = at;
    if (z->n == 0xffff || z->directory_bytes == 0xffffffff || z->directory_at == 0xffffffff) {
        uint8_t locator[LOCATOR_BYTES], end64[END64_BYTES];
        if (at < LOCATOR_BYTES) return bad(z, log, "no Zip64 locator", at);
        st = lx_file_read(z->file, at - LOCATOR_BYTES, locator, sizeof locator, log);
        if (!st && memcmp(locator, "PK\6\7", 4)) st = bad(z, log, "no Zip64 locator", at - LOCATOR_BYTES);
        limit = st ? 0 : get(locator + 8, 8);
        if (!st) st = lx_file_read(z->file, limit, end64, sizeof end64, log);
        if (!st && memcmp(end64, "PK\6\6", 4)) st = bad(z, log, "no Zip64 end record", limit);
        if (st) return st;
        z->n = get(end64 + 32, 8);
        z->directory_bytes = get(end64 + 40, 8);
        z->directory_at = get(end64 + 48, 8);
    }
    if (z->directory_at > limit || z->directory_bytes > limit - z->directory_at || z->directory_bytes > DIRECTORY_MAX ||
        z->n > z->directory_bytes / CENTRAL_BYTES)
        return bad(z, log, "the central directory does not fit the file", z->directory_at);
    return LIAX_OK;
}

/* ---- the central directory */

/* Zip64 values of an entry, in the order size, stored size, local offset: those whose plain fields are all ones. */
static int read_extra(const uint8_t *extra, size_t n, uint64_t *fields[3])
{
    for (size_t at = 0; n - at >= 4;) {
        const size_t id = get(extra + at, 2), bytes = get(extra + at + 2, 2);
        const uint8_t *p = extra + at + 4;
        if (bytes > n - at - 4) return 0;
        at += 4 + bytes;
        if (id != 1) continue;
        size_t used = 0;
        for (int i = 0; i < 3; i++) {
            if (*fields[i] != 0xffffffff) continue;
            if (bytes - used < 8) return 0;
            *fields[i] = get(p + used, 8);
            used += 8;
        }
        return 1;
    }
    return *fields[0] != 0xffffffff && *fields[1] != 0xffffffff && *fields[2] != 0xffffffff;
}

static int by_name(const void *a, const void *b)
{
    const Entry *x = a, *y = b;
    const int order = memcmp(x->name, y->name, x->length < y->length ? x->length : y->length);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

static LiaxStatus read_directory(Zip *z, LxLog *log)
{
    z->directory = malloc((size_t)z->directory_bytes + 1);
    z->entries = malloc(((size_t)z->n + 1) * sizeof *z->entries);
    if (!z->directory || !z->entries) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for its directory", z->file->name);
    LiaxStatus st = lx_file_read(z->file, z->directory_at, z->directory, (size_t)z->directory_bytes, log);
    if (st) return st;
    size_t at = 0;
    for (uint64_t i = 0; i < z->n; i++) {
        const uint8_t *p = z->directory + at;
        const size_t room = (size_t)z->directory_bytes - at;
        if (room < CENTRAL_BYTES || memcmp(p, "PK\1\2", 4)) return bad(z, log, "no entry of the central directory", z->directory_at + at);
        const size_t name = get(p + 28, 2), extra = get(p + 30, 2), comment = get(p + 32, 2);
        if (room - CENTRAL_BYTES < name + extra + comment) return bad(z, log, "an entry beyond the central directory", z->directory_at + at);
        uint64_t stored = get(p + 20, 4);
        Entry *e = &z->entries[i];
        *e = (Entry){.name = p + CENTRAL_BYTES, .length = (uint32_t)name, .crc = (uint32_t)get(p + 16, 4), .size = get(p + 24, 4), .local = get(p + 42, 4)};
        uint64_t *fields[3] = {&e->size, &stored, &e->local};
        if (!read_extra(p + CENTRAL_BYTES + name, extra, fields)) return bad(z, log, "bad Zip64 sizes of an entry", z->directory_at + at);
        e->is_plain = !(get(p + 8, 2) & 1) && !get(p + 10, 2) && stored == e->size;
        at += CENTRAL_BYTES + name + extra + comment;
    }
    if (at != z->directory_bytes) return bad(z, log, "the central directory is longer than its entries", z->directory_at + at);
    qsort(z->entries, (size_t)z->n, sizeof *z->entries, by_name);
    for (uint64_t i = 1; i < z->n; i++)
        if (!by_name(&z->entries[i - 1], &z->entries[i]))
            return lx_fail(log, LIAX_E_FORMAT, "%s: entry %.*s is there twice", z->file->name, (int)z->entries[i].length, z->entries[i].name);
    return LIAX_OK;
}

static const Entry *find_entry(const Zip *z, const char *folder, size_t folder_length, const char *name)
{
    char text[1024];
    const int n = snprintf(text, sizeof text, "%.*s%s", (int)folder_length, folder, name);
    const Entry key = {.name = (const uint8_t *)text, .length = (uint32_t)n};
    if (!z->n || n < 0 || (size_t)n >= sizeof text) return NULL;
    return bsearch(&key, z->entries, (size_t)z->n, sizeof key, by_name);
}

/* Where an entry's data begin: after its local header, whose lengths differ from the central one's. */
static LiaxStatus data_offset(const Zip *z, const Entry *e, uint64_t *offset, LxLog *log)
{
    uint8_t local[LOCAL_BYTES];
    if (!e->is_plain)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: entry %.*s is compressed or encrypted", z->file->name, (int)e->length, e->name);
    if (e->local > z->directory_at || z->directory_at - e->local < LOCAL_BYTES) return bad(z, log, "no local header", e->local);
    const LiaxStatus st = lx_file_read(z->file, e->local, local, sizeof local, log);
    if (st) return st;
    if (memcmp(local, "PK\3\4", 4)) return bad(z, log, "no local header", e->local);
    *offset = e->local + LOCAL_BYTES + get(local + 26, 2) + get(local + 28, 2);
    if (*offset <= z->directory_at && e->size <= z->directory_at - *offset) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "%s: entry %.*s: %llu bytes at offset %llu reach into the central directory", z->file->name,
                   (int)e->length, e->name, (unsigned long long)e->size, (unsigned long long)*offset);
}

/* ---- the checkpoint */

/* A small entry as a whole; to be freed. */
static LiaxStatus load(const Zip *z, const Entry *e, uint8_t **data, uint64_t *offset, LxLog *log)
{
    *data = NULL;
    LiaxStatus st = data_offset(z, e, offset, log);
    if (!st && e->size > LX_PICKLE_MAX)
        st = lx_fail(log, LIAX_E_UNSUPPORTED, "%s: entry %.*s has %llu bytes, expected at most %u", z->file->name, (int)e->length, e->name,
                     (unsigned long long)e->size, LX_PICKLE_MAX);
    if (!st && !(*data = malloc((size_t)e->size + 1))) st = lx_fail(log, LIAX_E_MEMORY, "%s: no memory for its pickle", z->file->name);
    if (!st) st = lx_file_read(z->file, *offset, *data, (size_t)e->size, log);
    const uint32_t crc = st ? 0 : lx_crc32(0, *data, (size_t)e->size);
    if (!st && crc != e->crc)
        st = lx_fail(log, LIAX_E_FORMAT, "%s: entry %.*s: checksum %08x, expected %08x", z->file->name, (int)e->length, e->name, crc, e->crc);
    return st;
}

/* The one folder that has a data.pkl: its entry. */
static LiaxStatus find_pickle(const Zip *z, const Entry **pickle, LxLog *log)
{
    const size_t n = strlen(PICKLE_ENTRY);
    *pickle = NULL;
    for (uint64_t i = 0; i < z->n; i++) {
        const Entry *e = &z->entries[i];
        if (e->length < n || memcmp(e->name + e->length - n, PICKLE_ENTRY, n)) continue;
        if (*pickle) return lx_fail(log, LIAX_E_FORMAT, "%s: has more than one data.pkl", z->file->name);
        *pickle = e;
    }
    return *pickle ? LIAX_OK : lx_fail(log, LIAX_E_FORMAT, "%s: is a zip file without data.pkl, so no torch checkpoint", z->file->name);
}

static LiaxStatus check_byte_order(const Zip *z, const char *folder, size_t folder_length, LxLog *log)
{
    const Entry *e = find_entry(z, folder, folder_length, "/byteorder");
    uint8_t *text;
    uint64_t offset;
    if (!e) return LIAX_OK; /* older files: little */
    LiaxStatus st = load(z, e, &text, &offset, log);
    if (!st && (e->size != 6 || memcmp(text, "little", 6)))
        st = lx_fail(log, LIAX_E_UNSUPPORTED, "%s: was not written by a little-endian machine", z->file->name);
    free(text);
    return st;
}

static LiaxStatus find_storages(LxCheckpoint *c, const Zip *z, const char *folder, size_t folder_length, LxLog *log)
{
    for (size_t i = 0; i < c->n_storages; i++) {
        LxStorage *s = &c->storages[i];
        char name[80];
        snprintf(name, sizeof name, "/data/%s", s->key);
        const Entry *e = find_entry(z, folder, folder_length, name);
        if (!e) return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s: its entry is missing", c->file.name, s->key);
        const LiaxStatus st = data_offset(z, e, &s->offset, log);
        if (st) return st;
        if (e->size != s->numel * s->element_size)
            return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s: %llu bytes, expected %llu", c->file.name, s->key, (unsigned long long)e->size,
                           (unsigned long long)(s->numel * s->element_size));
        s->is_found = 1;
        s->crc = e->crc;
        s->has_crc = 1;
    }
    return LIAX_OK;
}

static LiaxStatus read_checkpoint(LxCheckpoint *c, Zip *z, LxLog *log)
{
    const Entry *e;
    LxPickle p = {.name = c->file.name, .log = log};
    uint8_t *data = NULL;
    LiaxStatus st = find_directory(z, log);
    if (!st) st = read_directory(z, log);
    if (!st) st = find_pickle(z, &e, log);
    if (st) return st;
    const char *folder = (const char *)e->name;
    const size_t folder_length = e->length - strlen(PICKLE_ENTRY);
    st = check_byte_order(z, folder, folder_length, log);
    if (!st) st = load(z, e, &data, &p.base, log);
    p.data = data;
    p.size = (size_t)e->size;
    if (!st) st = lx_pickle_run(&p);
    if (!st && p.at != p.size) st = bad(z, log, "bytes after the pickle's STOP", p.base + p.at);
    if (!st) st = lx_torch_list_storages(c, &p, log);
    if (!st) st = find_storages(c, z, folder, folder_length, log);
    if (!st) st = lx_torch_list_tensors(c, &p, log);
    lx_pickle_close(&p);
    free(data);
    return st;
}

LiaxStatus lx_torch_zip_read(LxCheckpoint *c, LxLog *log)
{
    Zip z = {.file = &c->file};
    const LiaxStatus st = read_checkpoint(c, &z, log);
    free(z.directory);
    free(z.entries);
    return st;
}
