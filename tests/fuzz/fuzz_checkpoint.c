/* Fuzz target: any bytes as a checkpoint; torch zip, legacy torch or safetensors is decided by the bytes themselves. */
#include <stdlib.h>

#include "checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LxLog log = {0};
    LxFile file;
    LxCheckpoint c;
    lx_file_from_memory(&file, data, size, "fuzz.pt");
    if (lx_checkpoint_open_file(&c, &file, &log)) return 0;
    for (size_t i = 0; i < c.n_tensors; i++) {
        const LxSourceTensor *t = &c.tensors[i];
        const size_t n = t->count < 4096 ? (size_t)t->count : 4096;
        float *values = malloc(n * sizeof *values + 1);
        if (values && t->element != LX_EL_OTHER) lx_checkpoint_read(&c, t, t->count - n, n, values, &log);
        free(values);
    }
    lx_checkpoint_close(&c);
    return 0;
}
