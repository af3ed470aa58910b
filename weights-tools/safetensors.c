/* Reader of safetensors: 8 bytes of length, a JSON header, then the data. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint.h"

#define HEADER_MAX (16u << 20) /* bytes; a large model's is a tenth of a megabyte */

static LxElement element_of(const char *dtype)
{
    static const char *const names[] = {"", "F64", "F32", "F16", "BF16"};
    for (int e = LX_EL_F64; e <= LX_EL_BF16; e++)
        if (!strcmp(dtype, names[e])) return (LxElement)e;
    return LX_EL_OTHER;
}

/* A JSON number that counts something; 0 if it is anything else. */
static int get_count(const json_t *value, uint64_t *count)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return 0;
    *count = (uint64_t)json_integer_value(value);
    return 1;
}

/* One entry of the header; `*bytes` is how long its data are. */
static LiaxStatus read_entry(LxCheckpoint *c, const char *name, json_t *entry, uint64_t data_at, uint64_t *bytes, LxLog *log)
{
    const char *dtype;
    json_t *shape, *offsets;
    json_error_t error;
    if (json_unpack_ex(entry, &error, JSON_STRICT, "{s:s, s:o, s:o}", "dtype", &dtype, "shape", &shape, "data_offsets", &offsets))
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: %s", c->file.name, name, error.text);
    LxSourceTensor t = {.name = (char *)(uintptr_t)name, .element = element_of(dtype), .rank = (uint32_t)json_array_size(shape)};
    uint64_t begin, end, stride = 1, count = 1;
    if (json_array_size(offsets) != 2 || !get_count(json_array_get(offsets, 0), &begin) || !get_count(json_array_get(offsets, 1), &end) ||
        begin > end || end > c->file.size - data_at)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: its data_offsets are not inside the file", c->file.name, name);
    if (!json_is_array(shape) || json_array_size(shape) > LX_RANK_MAX)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: shape is no array of at most %d numbers", c->file.name, name, LX_RANK_MAX);
    for (uint32_t i = t.rank; i-- > 0; stride *= t.dims[i]) {
        if (!get_count(json_array_get(shape, i), &t.dims[i]) || t.dims[i] > (uint64_t)1 << 40 || count > (uint64_t)1 << 40)
            return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: impossible shape", c->file.name, name);
        t.strides[i] = stride;
        count = stride * t.dims[i];
    }
    t.element_size = lx_element_size(t.element);
    t.offset = data_at + begin;
    *bytes = end - begin;
    if (t.element == LX_EL_OTHER) return lx_checkpoint_add(c, &t, UINT64_MAX, log);
    if (count > UINT64_MAX / 8 || count * t.element_size != *bytes)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: %llu bytes of data do not match its shape and dtype", c->file.name, name,
                       (unsigned long long)*bytes);
    return lx_checkpoint_add(c, &t, count, log);
}

static LiaxStatus read_entries(LxCheckpoint *c, json_t *root, uint64_t data_at, LxLog *log)
{
    const char *name;
    json_t *entry;
    uint64_t total = 0, bytes = 0;
    json_object_foreach(root, name, entry) {
        if (!strcmp(name, "__metadata__")) continue;
        const LiaxStatus st = read_entry(c, name, entry, data_at, &bytes, log);
        if (st) return st;
        total += bytes;
    }
    if (total == c->file.size - data_at) return LIAX_OK;
    return lx_fail(log, LIAX_E_FORMAT, "%s: %llu bytes of data, its tensors take %llu", c->file.name,
                   (unsigned long long)(c->file.size - data_at), (unsigned long long)total);
}

LiaxStatus lx_safetensors_read(LxCheckpoint *c, LxLog *log)
{
    uint64_t length;
    LiaxStatus st = lx_file_read(&c->file, 0, &length, 8, log);
    if (st) return st;
    if (length > HEADER_MAX || length > c->file.size - 8)
        return lx_fail(log, LIAX_E_FORMAT, "%s: header of %llu bytes, expected at most %llu", c->file.name, (unsigned long long)length,
                       (unsigned long long)(c->file.size - 8 < HEADER_MAX ? c->file.size - 8 : HEADER_MAX));
    char *text = malloc((size_t)length + 1);
    if (!text) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for a header of %llu bytes", c->file.name, (unsigned long long)length);
    st = lx_file_read(&c->file, 8, text, (size_t)length, log);
    if (!st) {
        json_error_t error;
        json_t *root = json_loadb(text, (size_t)length, JSON_REJECT_DUPLICATES, &error);
        if (json_is_object(root)) st = read_entries(c, root, 8 + length, log);
        else if (root) st = lx_fail(log, LIAX_E_FORMAT, "%s: the header is no JSON object", c->file.name);
        else st = lx_fail(log, LIAX_E_FORMAT, "%s: header, offset %d: %s", c->file.name, error.position + 8, error.text);
        json_decref(root);
    }
    free(text);
    return st;
}
