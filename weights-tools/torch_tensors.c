/* Storages and tensors of a torch pickle (torch_tensors.h). */
#include "torch_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define PATH_MAX_BYTES 1024

/* ---- storages */

static void set_element(LxStorage *s, const LxValue *type)
{
    static const struct {
        const char *name;
        LxElement element;
        size_t size;
    } types[] = {{"DoubleStorage", LX_EL_F64, 8}, {"FloatStorage", LX_EL_F32, 4}, {"HalfStorage", LX_EL_F16, 2}, {"BFloat16Storage", LX_EL_BF16, 2},
                 {"LongStorage", LX_EL_OTHER, 8}, {"IntStorage", LX_EL_OTHER, 4}, {"ShortStorage", LX_EL_OTHER, 2}, {"CharStorage", LX_EL_OTHER, 1},
                 {"ByteStorage", LX_EL_OTHER, 1}, {"BoolStorage", LX_EL_OTHER, 1}, {"ComplexFloatStorage", LX_EL_OTHER, 8},
                 {"ComplexDoubleStorage", LX_EL_OTHER, 16}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strlen(types[i].name) == type->length && !memcmp(types[i].name, type->text, type->length)) {
            s->element = types[i].element;
            s->element_size = types[i].size;
        }
}

/* A key as a C string; 0 if it cannot be one. */
static int copy_key(char key[64], const LxValue *v)
{
    if (!v || v->kind != LX_V_STRING || !v->length || v->length > 63 || memchr(v->text, 0, v->length)) return 0;
    memcpy(key, v->text, v->length);
    key[v->length] = 0;
    return 1;
}

static LiaxStatus read_storage(LxStorage *s, const LxCheckpoint *c, const LxPickle *p, const LxValue *storage, LxLog *log)
{
    const LxValue *args = &p->values[storage->i], *numel = lx_pickle_item(p, args, 4);
    *s = (LxStorage){0};
    if (!copy_key(s->key, lx_pickle_item(p, args, 2)) || numel->kind != LX_V_INT || numel->i < 0 || numel->i > INT64_MAX / 16)
        return lx_fail(log, LIAX_E_FORMAT, "%s: a storage has an impossible key or length", c->file.name);
    const LxValue *type = lx_pickle_item(p, args, 1);
    set_element(s, type);
    if (!s->element_size)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: storage %s: unknown type %.*s", c->file.name, s->key,
                       (int)(type->length < 40 ? type->length : 40), type->text);
    s->numel = (uint64_t)numel->i;
    return LIAX_OK;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const LxStorage *)a)->key, ((const LxStorage *)b)->key);
}

LiaxStatus lx_torch_list_storages(LxCheckpoint *c, const LxPickle *p, LxLog *log)
{
    size_t n = 0, kept = 0;
    for (uint32_t i = 0; i < p->n_values; i++) n += p->values[i].kind == LX_V_STORAGE;
    LxStorage *s = c->storages = malloc((n ? n : 1) * sizeof *s);
    if (!s) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for %zu storages", c->file.name, n);
    for (uint32_t i = 0; i < p->n_values; i++) {
        if (p->values[i].kind != LX_V_STORAGE) continue;
        const LiaxStatus st = read_storage(&s[kept++], c, p, &p->values[i], log);
        if (st) return st;
    }
    qsort(s, n, sizeof *s, by_key);
    for (size_t i = kept = 0; i < n; i++) {
        if (kept && !strcmp(s[kept - 1].key, s[i].key)) {
            if (s[kept - 1].numel == s[i].numel && s[kept - 1].element == s[i].element && s[kept - 1].element_size == s[i].element_size) continue;
            return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s is mentioned with two types or lengths", c->file.name, s[i].key);
        }
        s[kept++] = s[i];
    }
    c->n_storages = kept;
    return LIAX_OK;
}

LxStorage *lx_torch_find_storage(const LxCheckpoint *c, const char *key)
{
    LxStorage want = {0};
    snprintf(want.key, sizeof want.key, "%s", key);
    return c->n_storages ? bsearch(&want, c->storages, c->n_storages, sizeof want, by_key) : NULL;
}

/* ---- tensors */

/* The way from the root to a value: "gen.module.dec.input.input". */
typedef struct Path {
    char text[PATH_MAX_BYTES];
    size_t length;
} Path;

/* Legacy: the sixth item of a storage's id is None, or (view key, offset, numel) for a part of the storage. */
static int narrow_to_view(const LxPickle *p, const LxValue *id, uint64_t *begin, uint64_t *numel)
{
    const LxValue *view = lx_pickle_item(p, id, 5);
    if (!view || view->kind == LX_V_NONE) return 1;
    const LxValue *offset = lx_pickle_item(p, view, 1), *length = lx_pickle_item(p, view, 2);
    if (!length || offset->kind != LX_V_INT || length->kind != LX_V_INT || offset->i < 0 || length->i < 0) return 0;
    if ((uint64_t)offset->i > *numel || (uint64_t)length->i > *numel - (uint64_t)offset->i) return 0;
    *begin = (uint64_t)offset->i;
    *numel = (uint64_t)length->i;
    return 1;
}

/* A tuple of whole numbers from 0 on into `to`; 0 if it is anything else. */
static int read_numbers(const LxPickle *p, const LxValue *tuple, uint64_t to[LX_RANK_MAX])
{
    if (tuple->kind != LX_V_TUPLE || tuple->n > LX_RANK_MAX) return 0;
    for (uint32_t i = 0; i < tuple->n; i++) {
        const LxValue *v = lx_pickle_item(p, tuple, i);
        if (v->kind != LX_V_INT || v->i < 0) return 0;
        to[i] = (uint64_t)v->i;
    }
    return 1;
}

static LiaxStatus add_tensor(LxCheckpoint *c, const LxPickle *p, const LxValue *v, const Path *path, LxLog *log)
{
    const LxValue *args = &p->values[v->i], *storage = lx_pickle_item(p, args, 0), *offset = lx_pickle_item(p, args, 1);
    const LxValue *size = lx_pickle_item(p, args, 2), *stride = lx_pickle_item(p, args, 3);
    LxSourceTensor t = {.name = (char *)(uintptr_t)path->text, .rank = size->n};
    if (storage->kind != LX_V_STORAGE || offset->kind != LX_V_INT || offset->i < 0 || !read_numbers(p, size, t.dims) ||
        !read_numbers(p, stride, t.strides) || stride->n != size->n)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: impossible arguments of _rebuild_tensor_v2", c->file.name, path->text);
    const LxValue *id = &p->values[storage->i];
    char key[64];
    LxStorage *s = copy_key(key, lx_pickle_item(p, id, 2)) ? lx_torch_find_storage(c, key) : NULL;
    if (!s || !s->is_found) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: its storage is missing", c->file.name, path->text);
    uint64_t begin = 0, numel = s->numel;
    if (!narrow_to_view(p, id, &begin, &numel) || (uint64_t)offset->i > numel)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: begins at element %lld of a storage of %llu", c->file.name, path->text,
                       (long long)offset->i, (unsigned long long)numel);
    t.element = s->element;
    t.element_size = s->element_size;
    t.storage = s;
    t.offset = s->offset + (begin + (uint64_t)offset->i) * s->element_size;
    return lx_checkpoint_add(c, &t, numel - (uint64_t)offset->i, log);
}

/* Appends ".KEY" to the path; 0 if it does not fit. Bytes that no key of ours has become '?'. */
static int enter(Path *path, const LxValue *key, uint32_t index)
{
    char *to = path->text + path->length;
    size_t room = sizeof path->text - path->length, used = 0;
    if (path->length) to[used++] = '.';
    if (key && key->kind == LX_V_STRING) {
        if (key->length + 2 > room) return 0;
        for (uint32_t i = 0; i < key->length; i++) to[used++] = (char)(key->text[i] > 32 && key->text[i] < 127 ? key->text[i] : '?');
    } else if (room < 24) {
        return 0;
    } else {
        used += (size_t)snprintf(to + used, room - used, "%lld", key && key->kind == LX_V_INT ? (long long)key->i : (long long)index);
    }
    to[used] = 0;
    path->length += used;
    return path->length + 2 < sizeof path->text;
}

static LiaxStatus walk(LxCheckpoint *c, LxPickle *p, uint32_t number, Path *path, int depth, LxLog *log)
{
    LxValue *v = &p->values[number];
    if (v->kind == LX_V_TENSOR) return add_tensor(c, p, v, path, log);
    if (v->is_seen || (v->kind != LX_V_TUPLE && v->kind != LX_V_LIST && v->kind != LX_V_DICT)) return LIAX_OK;
    if (depth == DEPTH_MAX) return lx_fail(log, LIAX_E_FORMAT, "%s: %.200s is nested deeper than %d", c->file.name, path->text, DEPTH_MAX);
    v->is_seen = 1;
    LiaxStatus st = LIAX_OK;
    uint32_t index = 0;
    for (uint32_t cell = v->first; cell && !st; index++) {
        const LxValue *key = v->kind == LX_V_DICT ? &p->values[p->cells[cell - 1].value] : NULL;
        if (key) cell = p->cells[cell - 1].next;
        const size_t length = path->length;
        if (!enter(path, key, index)) return lx_fail(log, LIAX_E_FORMAT, "%s: %.200s: a key is too long", c->file.name, path->text);
        st = walk(c, p, p->cells[cell - 1].value, path, depth + 1, log);
        path->length = length;
        path->text[length] = 0;
        cell = p->cells[cell - 1].next;
    }
    return st;
}

LiaxStatus lx_torch_list_tensors(LxCheckpoint *c, LxPickle *p, LxLog *log)
{
    Path path = {.length = 0};
    return walk(c, p, p->root, &path, 0, log);
}
