/* A pickle as data: a machine for the opcodes that torch.save writes, which builds values and never runs anything. */
#ifndef LX_TORCH_PICKLE_H
#define LX_TORCH_PICKLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/log.h"

typedef enum LxValueKind {
    LX_V_NONE, LX_V_BOOL, LX_V_INT, LX_V_LONG, LX_V_FLOAT, LX_V_STRING, /* LONG: an integer beyond 8 bytes, kept as text */
    LX_V_TUPLE, LX_V_LIST, LX_V_DICT,                                   /* a dict's cells are key, value, key, value ... */
    LX_V_GLOBAL, LX_V_STORAGE, LX_V_TENSOR
} LxValueKind;

/* What a GLOBAL names. */
typedef enum LxGlobal { LX_G_ORDERED_DICT, LX_G_REBUILD_TENSOR, LX_G_REBUILD_PARAMETER, LX_G_STORAGE } LxGlobal;

/* Values refer to each other by their number. */
typedef struct LxValue {
    LxValueKind kind;
    int is_seen;           /* for walks: containers may be shared, or contain themselves */
    uint32_t first, last;  /* cells of a tuple, list or dict: number + 1, 0 is none */
    uint32_t n;            /* how many cells */
    uint32_t length;       /* of a string, long or global, in bytes */
    const uint8_t *text;   /* inside the pickle */
    int64_t i;             /* an int or bool; a global's LxGlobal; a tensor's or storage's tuple of arguments */
} LxValue;

typedef struct LxCell {
    uint32_t value, next; /* next: number + 1 */
} LxCell;

/* Zeroed memory is an empty pickle. */
typedef struct LxPickle {
    const uint8_t *data; /* the caller's, as long as the pickle lives */
    size_t size, at;
    uint64_t base;       /* offset of data in the file, for sentences */
    const char *name;    /* of the file */
    LxLog *log;
    LxValue *values;
    LxCell *cells;
    uint32_t *stack, *memo; /* memo: number + 1 */
    uint32_t n_values, n_cells, n_stack, n_memo;
    uint32_t values_room, cells_room, stack_room, memo_room;
    uint32_t root;
} LxPickle;

#define LX_PICKLE_MAX (16u << 20) /* bytes of one pickle */

/**
 * Run a pickle up to its STOP. data, size, base, name and log are set, the rest is zero.
 * @return LIAX_OK: root is the value, at is how many bytes were used; LIAX_E_FORMAT with the offset of the opcode that
 *         is unknown, truncated or has the wrong operands; LIAX_E_UNSUPPORTED: a global that is none of torch's tensors;
 *         LIAX_E_MEMORY
 */
LiaxStatus lx_pickle_run(LxPickle *p);

void lx_pickle_close(LxPickle *p);

/** Element `index` of a tuple or list; NULL if `v` is neither or is shorter. Walks the cells. */
const LxValue *lx_pickle_item(const LxPickle *p, const LxValue *v, uint32_t index);

/** Whether `v` is a string that reads `text`. */
int lx_pickle_is_text(const LxValue *v, const char *text);

#endif
