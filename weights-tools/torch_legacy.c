/* Reader of legacy torch checkpoints: five pickles in a row, then the storages. */
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"
#include "torch_pickle.h"
#include "torch_tensors.h"

enum { MAGIC, PROTOCOL, SYSTEM, OBJECT, KEYS, PICKLES };

/* The 10 bytes of 0x1950a86a20f9469cfc6c, little-endian. */
static const uint8_t magic[10] = {0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};

/* The value of a dict's key; NULL if it has none. */
static const LxValue *get(const LxPickle *p, const LxValue *dict, const char *key)
{
    if (dict->kind != LX_V_DICT) return NULL;
    for (uint32_t cell = dict->first; cell;) {
        const uint32_t value = p->cells[cell - 1].next;
        if (lx_pickle_is_text(&p->values[p->cells[cell - 1].value], key)) return &p->values[p->cells[value - 1].value];
        cell = p->cells[value - 1].next;
    }
    return NULL;
}

static LiaxStatus check_head(const LxCheckpoint *c, const LxPickle pickles[PICKLES], LxLog *log)
{
    const LxValue *m = &pickles[MAGIC].values[pickles[MAGIC].root], *v = &pickles[PROTOCOL].values[pickles[PROTOCOL].root];
    const LxValue *little = get(&pickles[SYSTEM], &pickles[SYSTEM].values[pickles[SYSTEM].root], "little_endian");
    if (m->kind != LX_V_LONG || m->length != sizeof magic || memcmp(m->text, magic, sizeof magic))
        return lx_fail(log, LIAX_E_FORMAT, "%s: the magic number of a legacy checkpoint is wrong", c->file.name);
    if (v->kind != LX_V_INT || v->i != 1001)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: legacy protocol %lld, expected 1001", c->file.name, (long long)v->i);
    if (!little || little->kind != LX_V_BOOL || !little->i)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: was not written by a little-endian machine", c->file.name);
    return LIAX_OK;
}

/* The storages that follow the pickles, in the order of the list of keys. */
static LiaxStatus find_storages(LxCheckpoint *c, const LxPickle *keys, uint64_t at, LxLog *log)
{
    const LxValue *list = &keys->values[keys->root];
    if (list->kind != LX_V_LIST) return lx_fail(log, LIAX_E_FORMAT, "%s: the list of storage keys is missing", c->file.name);
    for (uint32_t cell = list->first; cell; cell = keys->cells[cell - 1].next) {
        const LxValue *v = &keys->values[keys->cells[cell - 1].value];
        char key[64] = "";
        if (v->kind == LX_V_STRING && v->length < sizeof key) memcpy(key, v->text, v->length);
        LxStorage *s = lx_torch_find_storage(c, key);
        if (!s || s->is_found) return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s belongs to no tensor, or is there twice", c->file.name, key);
        uint64_t numel;
        const LiaxStatus st = lx_file_read(&c->file, at, &numel, 8, log);
        if (st) return st;
        if (numel != s->numel || numel * s->element_size > c->file.size - at - 8)
            return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s, offset %llu: %llu elements, expected %llu and %llu bytes up to the file's end",
                           c->file.name, key, (unsigned long long)at, (unsigned long long)numel, (unsigned long long)s->numel,
                           (unsigned long long)(c->file.size - at - 8));
        s->offset = at + 8;
        s->is_found = 1;
        at = s->offset + numel * s->element_size;
    }
    if (at == c->file.size) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "%s: the storages end at offset %llu, the file at %llu", c->file.name, (unsigned long long)at,
                   (unsigned long long)c->file.size);
}

LiaxStatus lx_torch_legacy_read(LxCheckpoint *c, LxLog *log)
{
    const size_t size = c->file.size < LX_PICKLE_MAX ? (size_t)c->file.size : LX_PICKLE_MAX;
    uint8_t *data = malloc(size);
    if (!data) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for its pickles", c->file.name);
    LxPickle pickles[PICKLES] = {{0}};
    size_t at = 0;
    LiaxStatus st = lx_file_read(&c->file, 0, data, size, log);
    for (int i = 0; i < PICKLES && !st; i++) {
        pickles[i] = (LxPickle){.data = data + at, .size = size - at, .base = at, .name = c->file.name, .log = log};
        st = lx_pickle_run(&pickles[i]);
        at += pickles[i].at;
    }
    if (!st) st = check_head(c, pickles, log);
    if (!st) st = lx_torch_list_storages(c, &pickles[OBJECT], log);
    if (!st) st = find_storages(c, &pickles[KEYS], at, log);
    if (!st) st = lx_torch_list_tensors(c, &pickles[OBJECT], log);
    for (int i = 0; i < PICKLES; i++) lx_pickle_close(&pickles[i]);
    free(data);
    return st;
}
