/* Reader of the container `.liax`: typed metadata and a table of tensors, all checked when it is opened.
   docs/container.md describes the file byte by byte. */
#ifndef LX_CONTAINER_H
#define LX_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#include "core/file.h"
#include "core/half.h"
#include "core/log.h"
#include "liax/liax.h"

#define LX_CONTAINER_MAGIC "LIAX\r\n\x1a\n"
#define LX_CONTAINER_VERSION 1
#define LX_CONTAINER_ALIGN 64              /* of the header's length and of each tensor's data */
#define LX_CONTAINER_HEAD 64               /* bytes of the fixed head */
#define LX_CONTAINER_HEADER_MAX (64u << 20)
#define LX_CONTAINER_METAS_MAX 1024
#define LX_CONTAINER_TENSORS_MAX 16384
#define LX_RANK_MAX 8

typedef enum LxMetaType { LX_META_I64 = 1, LX_META_F64 = 2, LX_META_STRING = 3 } LxMetaType;

#define LX_META_REQUIRED 1u /* flag: a reader that does not know the key must refuse the file */

/* One metadata entry: an array of `count` values. */
typedef struct LxMeta {
    const char *key;
    LxMetaType type;
    uint32_t flags;
    uint32_t count;
    const void *values; /* int64_t[count], double[count], or `count` 0-terminated strings one after the other */
} LxMeta;

/* One tensor: row-major; value = stored number x scale. */
typedef struct LxTensorEntry {
    const char *name;
    LxDtype dtype;
    uint32_t rank;
    uint64_t dims[LX_RANK_MAX]; /* each at least 1 */
    uint64_t count;             /* product of dims; fits a size_t even as f32 */
    float scale;
    uint32_t crc;               /* CRC-32 of the data */
    uint64_t offset, bytes;     /* of the data, inside the file */
} LxTensorEntry;

/* Zeroed memory is a closed container. An open one never changes: any number of threads may read from it. */
typedef struct LxContainer {
    LxFile file;
    LiaxAllocator allocator;
    uint8_t *header; /* owns every string and value that entries point to */
    size_t header_bytes;
    LxMeta *metas;
    uint32_t n_metas;
    LxTensorEntry *tensors; /* in the order of the file */
    uint32_t n_tensors;
    uint32_t *slots; /* hash table over names: index + 1, 0 is empty */
    uint32_t n_slots;
} LxContainer;

/**
 * Check the header and both tables.
 * @param file  taken over, success or not; *file becomes a closed file
 * @param a     copied
 * @return LIAX_OK; LIAX_E_FORMAT, LIAX_E_UNSUPPORTED (version, required key, dtype or layout), LIAX_E_IO, LIAX_E_MEMORY.
 *         After a failure *c is a closed container.
 */
LiaxStatus lx_container_open(LxContainer *c, LxFile *file, const LiaxAllocator *a, LxLog *log);

/** Free everything and close the file. A closed container is fine. */
void lx_container_close(LxContainer *c);

/* ---- tensors */

/** The tensor of that name, NULL if there is none. Does not depend on the number of tensors. */
const LxTensorEntry *lx_container_find(const LxContainer *c, const char *name);

/** The tensor of that name and shape: LIAX_OK, or LIAX_E_FORMAT with a sentence that has both shapes. */
LiaxStatus lx_container_expect(const LxContainer *c, const char *name, uint32_t rank, const uint64_t *dims,
                               const LxTensorEntry **out, LxLog *log);

/** All values of a tensor as floats, to[t->count]. LIAX_OK; LIAX_E_IO; LIAX_E_FORMAT: the file was cut short meanwhile. */
LiaxStatus lx_container_read_f32(const LxContainer *c, const LxTensorEntry *t, float *to, LxLog *log);

/** The values first ... first+n-1 of a tensor, counted row-major; inside the tensor. */
LiaxStatus lx_container_read_range(const LxContainer *c, const LxTensorEntry *t, uint64_t first, size_t n, float *to, LxLog *log);

/** Compare the data with their checksum: LIAX_OK, or LIAX_E_FORMAT with a sentence. */
LiaxStatus lx_container_verify(const LxContainer *c, const LxTensorEntry *t, LxLog *log);

/** "[3,1]" into text; always 0-terminated. */
void lx_shape_text(char *text, size_t size, uint32_t rank, const uint64_t *dims);

/* ---- metadata: getters fail with LIAX_E_FORMAT and a sentence if the key is missing or of another type */

/** The entry of that key, NULL if there is none. */
const LxMeta *lx_container_meta(const LxContainer *c, const char *key);

/** A single integer. */
LiaxStatus lx_container_i64(const LxContainer *c, const char *key, int64_t *value, LxLog *log);

/** An array, which lives as long as the container is open. */
LiaxStatus lx_container_i64s(const LxContainer *c, const char *key, const int64_t **values, uint32_t *count, LxLog *log);
LiaxStatus lx_container_f64s(const LxContainer *c, const char *key, const double **values, uint32_t *count, LxLog *log);

/** String number `index` of a string array, which lives as long as the container; "" if there is none. Never NULL. */
const char *lx_container_string(const LxContainer *c, const char *key, uint32_t index);

/** How many values a key has; 0 if it is missing. */
uint32_t lx_container_count(const LxContainer *c, const char *key);

#endif
