/* Writer of the container `.liax` (docs/container.md): declare everything, begin, hand over the data in that order, end. */
#ifndef LX_CONTAINER_WRITE_H
#define LX_CONTAINER_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "container.h"
#include "core/hash.h"
#include "out_file.h"

#define LX_FINGERPRINT "fingerprint" /* key of the SHA-256 over the tensors, 64 hexadecimal digits */

/* Zeroed memory is an empty writer. */
typedef struct LxWriter {
    LxOutput out;
    uint8_t *header; /* grows with the declarations; written at the end once more, with the checksums */
    size_t used, room;
    uint32_t n_metas, n_tensors;
    size_t *entries;     /* where each tensor's entry begins in the header */
    size_t fingerprint;  /* where its value begins in the header, 0 before lx_writer_begin */
    uint32_t current;    /* the tensor whose data come next */
    uint64_t done;       /* bytes of it that are written */
    uint32_t crc;
    LxSha256 sha;
    int failed;          /* out of memory, or a name that cannot be stored; told by lx_writer_begin */
} LxWriter;

/* Declarations. All metadata come before the first tensor; failures are remembered and told by lx_writer_begin. */
void lx_writer_i64s(LxWriter *w, const char *key, uint32_t flags, const int64_t *values, uint32_t count);
void lx_writer_f64s(LxWriter *w, const char *key, uint32_t flags, const double *values, uint32_t count);
void lx_writer_strings(LxWriter *w, const char *key, uint32_t flags, const char *const *values, uint32_t count);

/** After all other metadata: room for the fingerprint, which lx_writer_end fills. */
void lx_writer_fingerprint(LxWriter *w);

void lx_writer_tensor(LxWriter *w, const char *name, LxDtype dtype, uint32_t rank, const uint64_t *dims);

/** Create the file; nothing can be declared any more. LIAX_E_IO, LIAX_E_MEMORY, LIAX_E_UNSUPPORTED: too many tensors. */
LiaxStatus lx_writer_begin(LxWriter *w, const char *path, LxLog *log);

/** The next values of the declared tensors in their order, converted to the tensor's dtype; never across two tensors. */
LiaxStatus lx_writer_values(LxWriter *w, const float *values, size_t n, LxLog *log);

/** Write the header and give the file its name. */
LiaxStatus lx_writer_end(LxWriter *w, LxLog *log);

/** Free everything; removes what was not ended. An empty writer is fine. */
void lx_writer_close(LxWriter *w);

#endif
