/* Writer of the container `.liax` (container_write.h). The host is little-endian. */
#include "container_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TENSOR_CRC 24 /* offsets in a tensor's entry */
#define TENSOR_OFFSET 32
#define TENSOR_BYTES 40

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

static void put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

/* `size` zero bytes at the end of the header, rounded up to 8; NULL once something failed. */
static uint8_t *extend(LxWriter *w, size_t size)
{
    size = (size + 7) / 8 * 8;
    if (!w->used) w->used = LX_CONTAINER_HEAD;
    if (w->used + size > LX_CONTAINER_HEADER_MAX - LX_CONTAINER_ALIGN) w->failed = 1;
    if (w->failed) return NULL;
    if (!w->header || w->used + size + LX_CONTAINER_ALIGN > w->room) {
        const size_t room = 2 * (w->used + size + LX_CONTAINER_ALIGN);
        uint8_t *grown = realloc(w->header, room);
        if (!grown) {
            w->failed = 1;
            return NULL;
        }
        memset(grown + w->room, 0, room - w->room);
        w->header = grown;
        w->room = room;
    }
    uint8_t *p = w->header + w->used;
    w->used += size;
    return p;
}

/* A metadata entry with room for its values; returns where they go. */
static uint8_t *meta_entry(LxWriter *w, const char *key, LxMetaType type, uint32_t flags, uint32_t count, size_t bytes)
{
    const size_t key_bytes = strlen(key) + 1, values_at = 16 + (key_bytes + 7) / 8 * 8, length = (values_at + bytes + 7) / 8 * 8;
    uint8_t *p = extend(w, length);
    if (!p) return NULL;
    put32(p, (uint32_t)length);
    put32(p + 4, (uint32_t)type | flags << 16);
    put32(p + 8, (uint32_t)key_bytes);
    put32(p + 12, count);
    memcpy(p + 16, key, key_bytes);
    w->n_metas++;
    return p + values_at;
}

void lx_writer_i64s(LxWriter *w, const char *key, uint32_t flags, const int64_t *values, uint32_t count)
{
    uint8_t *p = meta_entry(w, key, LX_META_I64, flags, count, count * sizeof *values);
    if (p && count) memcpy(p, values, count * sizeof *values);
}

void lx_writer_f64s(LxWriter *w, const char *key, uint32_t flags, const double *values, uint32_t count)
{
    uint8_t *p = meta_entry(w, key, LX_META_F64, flags, count, count * sizeof *values);
    if (p && count) memcpy(p, values, count * sizeof *values);
}

void lx_writer_strings(LxWriter *w, const char *key, uint32_t flags, const char *const *values, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += strlen(values[i]) + 1;
    uint8_t *p = meta_entry(w, key, LX_META_STRING, flags, count, bytes);
    for (uint32_t i = 0; p && i < count; i++) {
        const size_t n = strlen(values[i]) + 1;
        memcpy(p, values[i], n);
        p += n;
    }
}

void lx_writer_fingerprint(LxWriter *w)
{
    uint8_t *p = meta_entry(w, LX_FINGERPRINT, LX_META_STRING, 0, 1, 65);
    if (p) w->fingerprint = (size_t)(p - w->header);
}

void lx_writer_tensor(LxWriter *w, const char *name, LxDtype dtype, uint32_t rank, const uint64_t *dims)
{
    const size_t name_bytes = strlen(name) + 1, name_at = 48 + 8 * (size_t)rank;
    uint8_t *p = extend(w, name_at + name_bytes);
    size_t *entries = p ? realloc(w->entries, (w->n_tensors + 1) * sizeof *entries) : NULL;
    if (!entries) {
        w->failed = 1;
        return;
    }
    w->entries = entries;
    entries[w->n_tensors++] = (size_t)(p - w->header);
    uint64_t bytes = lx_dtype_size(dtype);
    for (uint32_t i = 0; i < rank; i++) {
        bytes *= dims[i];
        put64(p + 48 + 8 * (size_t)i, dims[i]);
    }
    const float scale = 1;
    put32(p, (uint32_t)((name_at + name_bytes + 7) / 8 * 8));
    put32(p + 4, (uint32_t)name_bytes);
    put32(p + 8, (uint32_t)dtype);
    put32(p + 12, rank);
    memcpy(p + 20, &scale, 4);
    put64(p + TENSOR_BYTES, bytes);
    memcpy(p + name_at, name, name_bytes);
}

/* Gives every tensor its place in the file; the fixed head, but for its checksum. */
static void lay_out(LxWriter *w)
{
    const size_t header_bytes = (w->used + LX_CONTAINER_ALIGN - 1) / LX_CONTAINER_ALIGN * LX_CONTAINER_ALIGN;
    uint64_t at = header_bytes;
    for (uint32_t i = 0; i < w->n_tensors; i++) {
        uint8_t *p = w->header + w->entries[i];
        put64(p + TENSOR_OFFSET, at);
        at = (at + get64(p + TENSOR_BYTES) + LX_CONTAINER_ALIGN - 1) / LX_CONTAINER_ALIGN * LX_CONTAINER_ALIGN;
    }
    w->used = header_bytes;
    memcpy(w->header, LX_CONTAINER_MAGIC, 8);
    put32(w->header + 8, LX_CONTAINER_VERSION);
    put32(w->header + 12, (uint32_t)header_bytes);
    put64(w->header + 16, at);
    put32(w->header + 24, w->n_metas);
    put32(w->header + 28, w->n_tensors);
}

/* The line of tensor `current` in the fingerprint: "NAME DTYPE [DIMS]\n". */
static void begin_tensor(LxWriter *w)
{
    if (w->current == w->n_tensors) return;
    const uint8_t *p = w->header + w->entries[w->current];
    uint64_t dims[LX_RANK_MAX];
    uint32_t rank, dtype;
    memcpy(&dtype, p + 8, 4);
    memcpy(&rank, p + 12, 4);
    memcpy(dims, p + 48, rank * sizeof *dims);
    char shape[256];
    lx_shape_text(shape, sizeof shape, rank, dims);
    const char *name = (const char *)p + 48 + 8 * (size_t)rank, *type = lx_dtype_name((LxDtype)dtype);
    lx_sha256_add(&w->sha, name, strlen(name));
    lx_sha256_add(&w->sha, " ", 1);
    lx_sha256_add(&w->sha, type, strlen(type));
    lx_sha256_add(&w->sha, " ", 1);
    lx_sha256_add(&w->sha, shape, strlen(shape));
    lx_sha256_add(&w->sha, "\n", 1);
    w->done = 0;
    w->crc = 0;
}

LiaxStatus lx_writer_begin(LxWriter *w, const char *path, LxLog *log)
{
    if (w->failed || !w->header || w->n_tensors > LX_CONTAINER_TENSORS_MAX || w->n_metas > LX_CONTAINER_METAS_MAX)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: no memory for the header, or more in it than a container can hold", path);
    LiaxStatus st = lx_output_open(&w->out, path, log);
    if (st) return st;
    lay_out(w);
    lx_sha256_begin(&w->sha);
    begin_tensor(w);
    return lx_output_write(&w->out, w->header, w->used, log);
}

/* Bytes of the current tensor; the last ones complete its entry. */
static LiaxStatus write_bytes(LxWriter *w, const void *data, size_t size, LxLog *log)
{
    LiaxStatus st = lx_output_write(&w->out, data, size, log);
    if (st) return st;
    lx_sha256_add(&w->sha, data, size);
    w->crc = lx_crc32(w->crc, data, size);
    w->done += size;
    uint8_t *p = w->header + w->entries[w->current];
    if (w->done < get64(p + TENSOR_BYTES)) return LIAX_OK;
    put32(p + TENSOR_CRC, w->crc);
    w->current++;
    begin_tensor(w);
    return lx_output_pad(&w->out, LX_CONTAINER_ALIGN, log);
}

LiaxStatus lx_writer_values(LxWriter *w, const float *values, size_t n, LxLog *log)
{
    uint32_t dtype;
    memcpy(&dtype, w->header + w->entries[w->current] + 8, 4);
    if (dtype == LX_F32) return write_bytes(w, values, n * sizeof *values, log);
    uint8_t part[32768];
    LiaxStatus st = LIAX_OK;
    for (size_t done = 0; done < n && !st;) {
        const size_t m = n - done < sizeof part / 2 ? n - done : sizeof part / 2;
        lx_from_f32(part, values + done, (LxDtype)dtype, m);
        st = write_bytes(w, part, 2 * m, log);
        done += m;
    }
    return st;
}

LiaxStatus lx_writer_end(LxWriter *w, LxLog *log)
{
    uint8_t digest[32];
    lx_sha256_end(&w->sha, digest);
    for (int i = 0; i < 32 && w->fingerprint; i++) snprintf((char *)w->header + w->fingerprint + 2 * i, 3, "%02x", digest[i]);
    put32(w->header + 32, lx_crc32(0, w->header, w->used));
    const LiaxStatus st = lx_output_patch(&w->out, 0, w->header, w->used, log);
    return st ? st : lx_output_commit(&w->out, log);
}

void lx_writer_close(LxWriter *w)
{
    lx_output_close(&w->out);
    free(w->header);
    free(w->entries);
    *w = (LxWriter){0};
}
