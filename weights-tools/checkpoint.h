/* A checkpoint of any supported format as a list of named tensors, read part by part. */
#ifndef LX_CHECKPOINT_H
#define LX_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "core/log.h"

/* Element types that weights can have; LX_EL_OTHER is any other (integers, ...), which is listed but never read. */
typedef enum LxElement { LX_EL_OTHER = 0, LX_EL_F64, LX_EL_F32, LX_EL_F16, LX_EL_BF16 } LxElement;

/** Bytes of one element; 0 for LX_EL_OTHER. */
size_t lx_element_size(LxElement e);

/* A run of elements in the file that tensors are views of. */
typedef struct LxStorage {
    char key[64];
    LxElement element;
    size_t element_size;
    uint64_t numel, offset; /* elements; where they begin in the file */
    int is_found;           /* offset is set */
    uint32_t crc;           /* CRC-32 of its bytes, if has_crc; compared before the first read */
    int has_crc;
} LxStorage;

typedef struct LxSourceTensor {
    char *name; /* full path: "gen.module.dec.input.input" */
    LxElement element;
    size_t element_size;
    uint32_t rank;
    uint64_t dims[LX_RANK_MAX], strides[LX_RANK_MAX]; /* in elements */
    uint64_t count;  /* product of dims; 0: an empty tensor */
    uint64_t span;   /* elements from the first to the last in the file, both included */
    uint64_t offset; /* of the first element in the file */
    LxStorage *storage; /* NULL: the format has none */
} LxSourceTensor;

/* Zeroed memory is a closed checkpoint. */
typedef struct LxCheckpoint {
    LxFile file;
    LxSourceTensor *tensors; /* by name, after lx_checkpoint_open */
    size_t n_tensors, room;
    LxStorage *storages;
    size_t n_storages;
    /* elements window_first ... of the strided tensor that is being read */
    const LxSourceTensor *window_of;
    uint8_t *window;
    uint64_t window_first, window_n, window_room;
} LxCheckpoint;

/**
 * List the tensors of a torch zip checkpoint, a legacy torch checkpoint or a safetensors file. Everything is checked:
 * every tensor lies inside the file.
 * @return LIAX_OK; LIAX_E_FORMAT, LIAX_E_UNSUPPORTED, LIAX_E_IO, LIAX_E_MEMORY; after a failure *c is closed
 */
LiaxStatus lx_checkpoint_open(LxCheckpoint *c, const char *path, LxLog *log);

/** The same from an open file, which is taken over, success or not. */
LiaxStatus lx_checkpoint_open_file(LxCheckpoint *c, LxFile *file, LxLog *log);

void lx_checkpoint_close(LxCheckpoint *c);

/** The tensor of that full name; NULL if there is none. */
const LxSourceTensor *lx_checkpoint_find(const LxCheckpoint *c, const char *name);

/** Values first ... first+n-1, counted row-major, as floats; in ascending order for strided tensors to be fast. */
LiaxStatus lx_checkpoint_read(LxCheckpoint *c, const LxSourceTensor *t, uint64_t first, size_t n, float *to, LxLog *log);

/* ---- for the formats */

/**
 * Add a tensor, whose name is copied and whose dims, strides, element, offset and storage are set.
 * @param numel  elements from `offset` to the end of what it may use
 */
LiaxStatus lx_checkpoint_add(LxCheckpoint *c, const LxSourceTensor *t, uint64_t numel, LxLog *log);

/** Read them: file is open; they add tensors (and storages). */
LiaxStatus lx_torch_zip_read(LxCheckpoint *c, LxLog *log);
LiaxStatus lx_torch_legacy_read(LxCheckpoint *c, LxLog *log);
LiaxStatus lx_safetensors_read(LxCheckpoint *c, LxLog *log);

#endif
