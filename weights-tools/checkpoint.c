/* Checkpoints of any format (checkpoint.h): which format it is, the list of tensors, strided reading. */
#include "checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/hash.h"
#include "program.h"

#define TENSORS_MAX (1u << 20)
#define RAW_BYTES 65536

size_t lx_element_size(LxElement e)
{
    static const size_t sizes[] = {0, 8, 4, 2, 2};
    return sizes[e];
}

/* ---- the list */

/* Sets count and span; 0 if they do not fit numel elements. */
static int measure(LxSourceTensor *t, uint64_t numel)
{
    size_t count = 1;
    uint64_t last = 0;
    for (uint32_t i = 0; i < t->rank; i++)
        if (t->dims[i] > SIZE_MAX / 16 || !lx_mul_size(count, (size_t)t->dims[i], &count)) return 0;
    t->count = count;
    if (!count) return 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        if (t->dims[i] == 1) continue;
        if (t->strides[i] > numel / (t->dims[i] - 1)) return 0;
        last += t->strides[i] * (t->dims[i] - 1);
        if (last >= numel) return 0;
    }
    t->span = last + 1;
    return numel > 0;
}

LiaxStatus lx_checkpoint_add(LxCheckpoint *c, const LxSourceTensor *given, uint64_t numel, LxLog *log)
{
    LxSourceTensor t = *given;
    if (!measure(&t, numel)) {
        char shape[128];
        lx_shape_text(shape, sizeof shape, t.rank, t.dims);
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s: shape %s reaches beyond the %llu elements of its data", c->file.name, t.name,
                       shape, (unsigned long long)numel);
    }
    if (c->n_tensors == TENSORS_MAX) return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: more than %u tensors", c->file.name, TENSORS_MAX);
    if (c->n_tensors == c->room) {
        const size_t room = 2 * c->room + 64;
        LxSourceTensor *grown = realloc(c->tensors, room * sizeof *grown);
        if (!grown) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for %zu tensors", c->file.name, room);
        c->tensors = grown;
        c->room = room;
    }
    const size_t bytes = strlen(t.name) + 1;
    char *name = malloc(bytes);
    if (!name) return lx_fail(log, LIAX_E_MEMORY, "%s: no memory for a name", c->file.name);
    t.name = memcpy(name, t.name, bytes);
    c->tensors[c->n_tensors++] = t;
    return LIAX_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const LxSourceTensor *)a)->name, ((const LxSourceTensor *)b)->name);
}

const LxSourceTensor *lx_checkpoint_find(const LxCheckpoint *c, const char *name)
{
    const LxSourceTensor key = {.name = (char *)(uintptr_t)name};
    return c->n_tensors ? bsearch(&key, c->tensors, c->n_tensors, sizeof key, by_name) : NULL;
}

static LiaxStatus sort_tensors(LxCheckpoint *c, LxLog *log)
{
    if (!c->n_tensors) return lx_fail(log, LIAX_E_FORMAT, "%s: has no tensors", c->file.name);
    qsort(c->tensors, c->n_tensors, sizeof *c->tensors, by_name);
    for (size_t i = 1; i < c->n_tensors; i++)
        if (!strcmp(c->tensors[i - 1].name, c->tensors[i].name))
            return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s is there twice", c->file.name, c->tensors[i].name);
    return LIAX_OK;
}

/* ---- opening */

static LiaxStatus read_format(LxCheckpoint *c, LxLog *log)
{
    uint8_t head[9] = {0};
    const size_t n = c->file.size < sizeof head ? (size_t)c->file.size : sizeof head;
    const LiaxStatus st = lx_file_read(&c->file, 0, head, n, log);
    if (st) return st;
    if (!memcmp(head, "PK", 2)) return lx_torch_zip_read(c, log);
    if (!memcmp(head, "\x80\x02\x8a\x0a", 4)) return lx_torch_legacy_read(c, log);
    if (head[8] == '{') return lx_safetensors_read(c, log);
    if (!memcmp(head, LX_CONTAINER_MAGIC, 8)) return lx_fail(log, LIAX_E_FORMAT, "%s: is a .liax file already", c->file.name);
    return lx_fail(log, LIAX_E_FORMAT, "%s: is neither a torch checkpoint (zip or legacy) nor a safetensors file", c->file.name);
}

LiaxStatus lx_checkpoint_open_file(LxCheckpoint *c, LxFile *file, LxLog *log)
{
    *c = (LxCheckpoint){.file = *file};
    *file = (LxFile){.fd = -1};
    LiaxStatus st = read_format(c, log);
    if (!st) st = sort_tensors(c, log);
    if (st) lx_checkpoint_close(c);
    return st;
}

LiaxStatus lx_checkpoint_open(LxCheckpoint *c, const char *path, LxLog *log)
{
    LxFile file;
    const LiaxStatus st = lx_file_open(&file, path, log);
    return st ? st : lx_checkpoint_open_file(c, &file, log);
}

void lx_checkpoint_close(LxCheckpoint *c)
{
    for (size_t i = 0; i < c->n_tensors; i++) free(c->tensors[i].name);
    free(c->tensors);
    free(c->storages);
    free(c->window);
    lx_file_close(&c->file);
    *c = (LxCheckpoint){.file.fd = -1};
}

/* ---- reading */

static void to_floats(float *to, const uint8_t *from, LxElement e, size_t n)
{
    static const LxDtype dtypes[] = {LX_F32, LX_F32, LX_F32, LX_F16, LX_BF16};
    if (e != LX_EL_F64) {
        lx_to_f32(to, from, dtypes[e], n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double d;
        memcpy(&d, from + 8 * i, 8);
        to[i] = (float)d;
    }
}

/* Compares a storage with its checksum, once. */
static LiaxStatus check_storage(const LxCheckpoint *c, LxStorage *s, LxLog *log)
{
    if (!s || !s->has_crc) return LIAX_OK;
    uint8_t part[RAW_BYTES];
    uint32_t crc = 0;
    const uint64_t bytes = s->numel * s->element_size;
    for (uint64_t done = 0; done < bytes;) {
        const size_t n = bytes - done < sizeof part ? (size_t)(bytes - done) : sizeof part;
        LiaxStatus st = lx_tool_check(log);
        if (!st) st = lx_file_read(&c->file, s->offset + done, part, n, log);
        if (st) return st;
        crc = lx_crc32(crc, part, n);
        done += n;
    }
    if (crc != s->crc)
        return lx_fail(log, LIAX_E_FORMAT, "%s: storage %s: checksum %08x, expected %08x", c->file.name, s->key, crc, s->crc);
    s->has_crc = 0;
    return LIAX_OK;
}

static LiaxStatus read_plain(const LxCheckpoint *c, const LxSourceTensor *t, uint64_t first, size_t n, float *to, LxLog *log)
{
    uint8_t part[RAW_BYTES];
    const size_t size = t->element_size, most = sizeof part / size;
    for (size_t done = 0; done < n;) {
        const size_t m = n - done < most ? n - done : most;
        const LiaxStatus st = lx_file_read(&c->file, t->offset + (first + done) * size, part, m * size, log);
        if (st) return st;
        to_floats(to + done, part, t->element, m);
        done += m;
    }
    return LIAX_OK;
}

/* The window holds the whole tensor wherever its span is at most twice its size: then it is read once. */
static LiaxStatus open_window(LxCheckpoint *c, const LxSourceTensor *t, LxLog *log)
{
    free(c->window);
    c->window_of = t;
    c->window_n = 0;
    c->window_room = t->span < 2 * t->count + 4096 ? t->span : 2 * t->count + 4096;
    c->window = malloc((size_t)c->window_room * t->element_size);
    if (c->window) return LIAX_OK;
    c->window_of = NULL;
    return lx_fail(log, LIAX_E_MEMORY, "%s: tensor %.200s: no memory", c->file.name, t->name);
}

static LiaxStatus read_strided(LxCheckpoint *c, const LxSourceTensor *t, uint64_t first, size_t n, float *to, LxLog *log)
{
    LiaxStatus st = c->window_of == t ? LIAX_OK : open_window(c, t, log);
    for (size_t k = 0; k < n && !st; k++) {
        uint64_t rest = first + k, at = 0;
        for (uint32_t i = t->rank; i-- > 0; rest /= t->dims[i]) at += rest % t->dims[i] * t->strides[i];
        if (at < c->window_first || at - c->window_first >= c->window_n) {
            c->window_first = at;
            c->window_n = t->span - at < c->window_room ? t->span - at : c->window_room;
            st = lx_file_read(&c->file, t->offset + at * t->element_size, c->window, (size_t)c->window_n * t->element_size, log);
        }
        if (!st) to_floats(to + k, c->window + (at - c->window_first) * t->element_size, t->element, 1);
    }
    return st;
}

LiaxStatus lx_checkpoint_read(LxCheckpoint *c, const LxSourceTensor *t, uint64_t first, size_t n, float *to, LxLog *log)
{
    uint64_t plain = 1;
    int is_plain = 1;
    for (uint32_t i = t->rank; i-- > 0; plain *= t->dims[i]) is_plain &= t->dims[i] == 1 || t->strides[i] == plain;
    const LiaxStatus st = check_storage(c, t->storage, log);
    if (st) return st;
    return is_plain ? read_plain(c, t, first, n, to, log) : read_strided(c, t, first, n, to, log);
}
