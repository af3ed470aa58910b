/* Reader of the container `.liax` (container.h). Nothing in the file is trusted: every count, offset and length is
   checked before it is used, so that a damaged file gives a sentence. The host is little-endian. */
#include "container.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"

#define META_HEAD 16   /* bytes of a metadata entry before its key */
#define TENSOR_HEAD 48 /* bytes of a tensor entry before its dims */
#define CRC_AT 32      /* offset of the header's checksum */

/* Every key that this version gives a meaning; any other one is skipped unless it is flagged as required. */
static const char *const known_keys[] = {
    "family", "size", "motions", "widths", "groups", "license", "source", "generator", "fingerprint",
    "controls.name", "controls.note", "controls.min", "controls.max", "controls.one_sided", "controls.vector"};

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

static uint64_t round_up(uint64_t v, uint64_t to)
{
    return (v + to - 1) / to * to;
}

static LiaxStatus damaged(const LxContainer *c, LxLog *log, const char *what, uint64_t offset)
{
    return lx_fail(log, LIAX_E_FORMAT, "%s: damaged header: %s at offset %llu", c->file.name, what, (unsigned long long)offset);
}

void lx_shape_text(char *text, size_t size, uint32_t rank, const uint64_t *dims)
{
    if (!size) return;
    size_t used = (size_t)snprintf(text, size, "[");
    for (uint32_t i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%llu", i ? "," : "", (unsigned long long)dims[i]);
    if (used < size) snprintf(text + used, size - used, "]");
}

/* ---- opening */

/* A 0-terminated string of `bytes` bytes, zero included, with no other zero. */
static int is_string(const uint8_t *p, size_t bytes)
{
    return bytes > 1 && memchr(p, 0, bytes) == p + bytes - 1;
}

static LiaxStatus read_head(LxContainer *c, LxLog *log)
{
    uint8_t head[LX_CONTAINER_HEAD];
    if (c->file.size < sizeof head)
        return lx_fail(log, LIAX_E_FORMAT, "%s: is no .liax file: %llu bytes, expected at least %d", c->file.name,
                       (unsigned long long)c->file.size, LX_CONTAINER_HEAD);
    LiaxStatus st = lx_file_read(&c->file, 0, head, sizeof head, log);
    if (st) return st;
    if (memcmp(head, LX_CONTAINER_MAGIC, 8))
        return lx_fail(log, LIAX_E_FORMAT, "%s: is no .liax file: its first 8 bytes are not LIAX\\r\\n\\x1a\\n", c->file.name);
    if (get32(head + 8) != LX_CONTAINER_VERSION)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: container version %u, this library reads version %d", c->file.name,
                       get32(head + 8), LX_CONTAINER_VERSION);
    const uint32_t header_bytes = get32(head + 12);
    const uint64_t file_bytes = get64(head + 16);
    if (file_bytes != c->file.size)
        return lx_fail(log, LIAX_E_FORMAT, "%s: the file has %llu bytes, its header says %llu", c->file.name,
                       (unsigned long long)c->file.size, (unsigned long long)file_bytes);
    if (header_bytes < LX_CONTAINER_HEAD || header_bytes % LX_CONTAINER_ALIGN || header_bytes > LX_CONTAINER_HEADER_MAX ||
        header_bytes > file_bytes)
        return damaged(c, log, "impossible header length", 12);

    c->header = lx_alloc(&c->allocator, header_bytes);
    if (!c->header) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for a header of %u bytes", c->file.name, header_bytes);
    c->header_bytes = header_bytes;
    st = lx_file_read(&c->file, 0, c->header, header_bytes, log);
    if (st) return st;
    const uint32_t crc = get32(c->header + CRC_AT);
    memset(c->header + CRC_AT, 0, 4);
    const uint32_t found = lx_crc32(0, c->header, header_bytes);
    if (found != crc)
        return lx_fail(log, LIAX_E_FORMAT, "%s: damaged header: checksum %08x, expected %08x", c->file.name, found, crc);
    for (size_t i = CRC_AT + 4; i < LX_CONTAINER_HEAD; i++)
        if (c->header[i]) return damaged(c, log, "reserved byte is not zero", i);
    return LIAX_OK;
}

/* Values of `type` and `count` in `room` bytes, followed by less than 8 bytes of padding. */
static int values_fit(const uint8_t *p, size_t room, uint32_t type, uint32_t count)
{
    if (type == LX_META_I64 || type == LX_META_F64) return (uint64_t)count * 8 == room;
    size_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *end = used < room ? memchr(p + used, 0, room - used) : NULL;
        if (!end) return 0;
        used = (size_t)(end - p) + 1;
    }
    return room - used < 8;
}

static int is_known(const char *key)
{
    for (size_t i = 0; i < sizeof known_keys / sizeof *known_keys; i++)
        if (!strcmp(key, known_keys[i])) return 1;
    return 0;
}

/* Length of the entry at `at`, 0 if it does not fit: the entry's first field, at least `least` and a multiple of 8. */
static size_t entry_length(const LxContainer *c, size_t at, size_t least)
{
    const size_t room = c->header_bytes - at;
    if (room < least) return 0;
    const size_t n = get32(c->header + at);
    return n >= least && n <= room && n % 8 == 0 ? n : 0;
}

static LiaxStatus read_meta(LxContainer *c, size_t *at, LxLog *log)
{
    const uint8_t *p = c->header + *at;
    const size_t length = entry_length(c, *at, META_HEAD + 8);
    if (!length) return damaged(c, log, "metadata entry does not fit", *at);
    const uint32_t type = p[4] | (uint32_t)p[5] << 8, flags = p[6] | (uint32_t)p[7] << 8;
    const uint32_t key_bytes = get32(p + 8), count = get32(p + 12);
    if (key_bytes > length - META_HEAD || !is_string(p + META_HEAD, key_bytes)) return damaged(c, log, "bad metadata key", *at + 8);
    const char *key = (const char *)p + META_HEAD;
    if (flags & LX_META_REQUIRED && !is_known(key))
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: needs a reader that knows the metadata %.64s; this one does not", c->file.name, key);
    const size_t values_at = META_HEAD + (size_t)round_up(key_bytes, 8);
    *at += length;
    if (type < LX_META_I64 || type > LX_META_STRING) {
        if (is_known(key)) return damaged(c, log, "unknown metadata type", *at - length + 4);
        return LIAX_OK; /* a later version's: skipped with its key */
    }
    if (values_at > length || !values_fit(p + values_at, length - values_at, type, count))
        return damaged(c, log, "metadata values do not fit", *at - length);
    if (lx_container_meta(c, key)) return lx_fail(log, LIAX_E_FORMAT, "%s: metadata %.64s is there twice", c->file.name, key);
    c->metas[c->n_metas++] = (LxMeta){key, (LxMetaType)type, flags, count, p + values_at};
    return LIAX_OK;
}

/* Checks dims against the data's length; sets count. */
static int shape_fits(LxTensorEntry *t, const uint8_t *dims)
{
    size_t count = 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        t->dims[i] = get64(dims + 8 * i);
        if (!t->dims[i] || t->dims[i] > SIZE_MAX || !lx_mul_size(count, (size_t)t->dims[i], &count)) return 0;
    }
    t->count = count;
    return count <= SIZE_MAX / 4 && (uint64_t)count * lx_dtype_size(t->dtype) == t->bytes;
}

/* One entry of the tensor table; `*data_at` is where its data must begin, and then where the next one's must. */
static LiaxStatus read_tensor(LxContainer *c, size_t *at, uint64_t *data_at, LxLog *log)
{
    const uint8_t *p = c->header + *at;
    const size_t length = entry_length(c, *at, TENSOR_HEAD + 8);
    if (!length) return damaged(c, log, "tensor entry does not fit", *at);
    LxTensorEntry *t = &c->tensors[c->n_tensors];
    const uint32_t name_bytes = get32(p + 4), dtype = get32(p + 8), layout = get32(p + 16);
    *t = (LxTensorEntry){.dtype = (LxDtype)dtype, .rank = get32(p + 12), .crc = get32(p + 24), .offset = get64(p + 32), .bytes = get64(p + 40)};
    memcpy(&t->scale, p + 20, 4);
    if (t->rank > LX_RANK_MAX) return damaged(c, log, "impossible rank", *at + 12);
    const size_t name_at = TENSOR_HEAD + 8 * (size_t)t->rank;
    if (name_at + round_up(name_bytes, 8) != length || !is_string(p + name_at, name_bytes)) return damaged(c, log, "bad tensor name", *at + 4);
    t->name = (const char *)p + name_at;
    if (dtype > LX_BF16) return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: tensor %.200s: unknown dtype %u", c->file.name, t->name, dtype);
    if (layout) return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: tensor %.200s: unknown layout %u", c->file.name, t->name, layout);
    if (!isfinite(t->scale) || get32(p + 28)) return damaged(c, log, "bad scale or reserved field", *at + 20);
    if (!shape_fits(t, p + TENSOR_HEAD))
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: %llu bytes of data do not match its shape", c->file.name, t->name,
                       (unsigned long long)t->bytes);
    if (t->offset != *data_at || t->offset > c->file.size || t->bytes > c->file.size - t->offset)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: data of %llu bytes at offset %llu, expected at %llu in a file of %llu",
                       c->file.name, t->name, (unsigned long long)t->bytes, (unsigned long long)t->offset,
                       (unsigned long long)*data_at, (unsigned long long)c->file.size);
    *data_at = round_up(t->offset + t->bytes, LX_CONTAINER_ALIGN);
    *at += length;
    c->n_tensors++;
    return LIAX_OK;
}

/* The slot where `name` is, or the empty one where it would go (FNV-1a, linear probing, half of the slots are empty). */
static uint32_t slot_of(const LxContainer *c, const char *name)
{
    uint32_t h = 2166136261u;
    for (const char *p = name; *p; p++) h = (h ^ (uint8_t)*p) * 16777619u;
    for (h &= c->n_slots - 1; c->slots[h]; h = (h + 1) & (c->n_slots - 1))
        if (!strcmp(c->tensors[c->slots[h] - 1].name, name)) break;
    return h;
}

static LiaxStatus index_names(LxContainer *c, LxLog *log)
{
    for (c->n_slots = 2; c->n_slots < 2 * c->n_tensors;) c->n_slots *= 2;
    c->slots = lx_alloc_zero(&c->allocator, c->n_slots * sizeof *c->slots);
    if (!c->slots) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for the index of tensors", c->file.name);
    for (uint32_t i = 0; i < c->n_tensors; i++) {
        const uint32_t h = slot_of(c, c->tensors[i].name);
        if (c->slots[h]) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s is there twice", c->file.name, c->tensors[i].name);
        c->slots[h] = i + 1;
    }
    return LIAX_OK;
}

static LiaxStatus read_tables(LxContainer *c, LxLog *log)
{
    const uint32_t n_metas = get32(c->header + 24), n_tensors = get32(c->header + 28);
    if (n_metas > LX_CONTAINER_METAS_MAX) return damaged(c, log, "impossible number of metadata entries", 24);
    if (n_tensors > LX_CONTAINER_TENSORS_MAX) return damaged(c, log, "impossible number of tensors", 28);
    c->metas = lx_alloc(&c->allocator, n_metas * sizeof *c->metas);
    c->tensors = lx_alloc(&c->allocator, n_tensors * sizeof *c->tensors);
    if (!c->metas || !c->tensors) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for %u tensor entries", c->file.name, n_tensors);

    size_t at = LX_CONTAINER_HEAD;
    uint64_t data_at = c->header_bytes;
    LiaxStatus st = LIAX_OK;
    for (uint32_t i = 0; i < n_metas && !st; i++) st = read_meta(c, &at, log);
    for (uint32_t i = 0; i < n_tensors && !st; i++) st = read_tensor(c, &at, &data_at, log);
    if (st) return st;
    if (round_up(at, LX_CONTAINER_ALIGN) != c->header_bytes) return damaged(c, log, "unused bytes", at);
    if (data_at != c->file.size)
        return lx_fail(log, LIAX_E_FORMAT, "%s: the tensors end at offset %llu, the file at %llu", c->file.name,
                       (unsigned long long)data_at, (unsigned long long)c->file.size);
    return index_names(c, log);
}

LiaxStatus lx_container_open(LxContainer *c, LxFile *file, const LiaxAllocator *a, LxLog *log)
{
    *c = (LxContainer){.file = *file, .allocator = lx_allocator(a)};
    *file = (LxFile){.fd = -1};
    LiaxStatus st = read_head(c, log);
    if (!st) st = read_tables(c, log);
    if (st) lx_container_close(c);
    return st;
}

void lx_container_close(LxContainer *c)
{
    if (c->header) {
        const uint32_t n_metas = get32(c->header + 24), n_tensors = get32(c->header + 28);
        lx_free(&c->allocator, c->metas, n_metas * sizeof *c->metas);
        lx_free(&c->allocator, c->tensors, n_tensors * sizeof *c->tensors);
        lx_free(&c->allocator, c->slots, c->n_slots * sizeof *c->slots);
        lx_free(&c->allocator, c->header, c->header_bytes);
    }
    lx_file_close(&c->file);
    *c = (LxContainer){.file.fd = -1};
}

/* ---- tensors */

const LxTensorEntry *lx_container_find(const LxContainer *c, const char *name)
{
    if (!c->slots) return NULL;
    const uint32_t i = c->slots[slot_of(c, name)];
    return i ? &c->tensors[i - 1] : NULL;
}

LiaxStatus lx_container_expect(const LxContainer *c, const char *name, uint32_t rank, const uint64_t *dims,
                               const LxTensorEntry **out, LxLog *log)
{
    const LxTensorEntry *t = *out = lx_container_find(c, name);
    if (!t) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s is missing", c->file.name, name);
    if (t->rank == rank && !memcmp(t->dims, dims, rank * sizeof *dims)) return LIAX_OK;
    char found[128], expected[128];
    lx_shape_text(found, sizeof found, t->rank, t->dims);
    lx_shape_text(expected, sizeof expected, rank, dims);
    *out = NULL;
    return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s: shape %s, expected %s", c->file.name, name, found, expected);
}

LiaxStatus lx_container_read_range(const LxContainer *c, const LxTensorEntry *t, uint64_t first, size_t n, float *to, LxLog *log)
{
    const size_t size = lx_dtype_size(t->dtype);
    if (first > t->count || n > t->count - first)
        return lx_fail(log, LIAX_E_ARG, "%s: tensor %s has no values %llu to %llu", c->file.name, t->name,
                       (unsigned long long)first, (unsigned long long)(first + n));
    if (t->dtype == LX_F32) {
        const LiaxStatus st = lx_file_read(&c->file, t->offset + first * size, to, n * size, log);
        if (st) return st;
    } else {
        uint8_t part[16384];
        for (size_t done = 0; done < n;) {
            const size_t left = n - done, m = left < sizeof part / size ? left : sizeof part / size;
            const LiaxStatus st = lx_file_read(&c->file, t->offset + (first + done) * size, part, m * size, log);
            if (st) return st;
            lx_to_f32(to + done, part, t->dtype, m);
            done += m;
        }
    }
    if (t->scale != 1.0f)
        for (size_t i = 0; i < n; i++) to[i] *= t->scale;
    return LIAX_OK;
}

LiaxStatus lx_container_read_f32(const LxContainer *c, const LxTensorEntry *t, float *to, LxLog *log)
{
    return lx_container_read_range(c, t, 0, (size_t)t->count, to, log);
}

LiaxStatus lx_container_verify(const LxContainer *c, const LxTensorEntry *t, LxLog *log)
{
    uint8_t part[32768];
    uint32_t crc = 0;
    for (uint64_t done = 0; done < t->bytes;) {
        const size_t n = t->bytes - done < sizeof part ? (size_t)(t->bytes - done) : sizeof part;
        const LiaxStatus st = lx_file_read(&c->file, t->offset + done, part, n, log);
        if (st) return st;
        crc = lx_crc32(crc, part, n);
        done += n;
    }
    if (crc == t->crc) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s: checksum %08x, expected %08x", c->file.name, t->name, crc, t->crc);
}

/* ---- metadata */

const LxMeta *lx_container_meta(const LxContainer *c, const char *key)
{
    for (uint32_t i = 0; i < c->n_metas; i++)
        if (!strcmp(c->metas[i].key, key)) return &c->metas[i];
    return NULL;
}

static LiaxStatus values_of(const LxContainer *c, const char *key, LxMetaType type, const LxMeta **out, LxLog *log)
{
    *out = lx_container_meta(c, key);
    if (!*out) return lx_fail(log, LIAX_E_FORMAT, "%s: metadata %s is missing", c->file.name, key);
    if ((*out)->type == type) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "%s: metadata %s has type %d, expected %d", c->file.name, key, (int)(*out)->type, (int)type);
}

LiaxStatus lx_container_i64(const LxContainer *c, const char *key, int64_t *value, LxLog *log)
{
    const LxMeta *m;
    *value = 0;
    const LiaxStatus st = values_of(c, key, LX_META_I64, &m, log);
    if (st) return st;
    if (m->count != 1) return lx_fail(log, LIAX_E_FORMAT, "%s: metadata %s has %u values, expected 1", c->file.name, key, m->count);
    memcpy(value, m->values, 8);
    return LIAX_OK;
}

LiaxStatus lx_container_i64s(const LxContainer *c, const char *key, const int64_t **values, uint32_t *count, LxLog *log)
{
    const LxMeta *m;
    const LiaxStatus st = values_of(c, key, LX_META_I64, &m, log);
    *values = st ? NULL : m->values;
    *count = st ? 0 : m->count;
    return st;
}

LiaxStatus lx_container_f64s(const LxContainer *c, const char *key, const double **values, uint32_t *count, LxLog *log)
{
    const LxMeta *m;
    const LiaxStatus st = values_of(c, key, LX_META_F64, &m, log);
    *values = st ? NULL : m->values;
    *count = st ? 0 : m->count;
    return st;
}

const char *lx_container_string(const LxContainer *c, const char *key, uint32_t index)
{
    const LxMeta *m = lx_container_meta(c, key);
    if (!m || m->type != LX_META_STRING || index >= m->count) return "";
    const char *s = m->values;
    for (; index; index--) s += strlen(s) + 1;
    return s;
}

uint32_t lx_container_count(const LxContainer *c, const char *key)
{
    const LxMeta *m = lx_container_meta(c, key);
    return m ? m->count : 0;
}
