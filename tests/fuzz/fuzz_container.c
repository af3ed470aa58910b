/* Fuzz target: any bytes as a .liax file, once as they are and once with the header's checksum made right. */
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "core/hash.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_open(const uint8_t *data, size_t size)
{
    LxLog log = {0};
    LxFile file;
    LxContainer c;
    lx_file_from_memory(&file, data, size, "fuzz.liax");
    if (lx_container_open(&c, &file, NULL, &log)) return;
    for (uint32_t i = 0; i < c.n_metas; i++)
        for (uint32_t k = 0; k < c.metas[i].count && k < 8; k++) lx_container_string(&c, c.metas[i].key, k);
    for (uint32_t i = 0; i < c.n_tensors; i++) {
        float *values = malloc((size_t)c.tensors[i].count * sizeof *values);
        if (values) lx_container_read_f32(&c, &c.tensors[i], values, &log);
        free(values);
        lx_container_verify(&c, &c.tensors[i], &log);
    }
    lx_container_close(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_open(data, size);
    uint8_t *fixed = malloc(size + 1);
    if (!fixed) return 0;
    memcpy(fixed, data, size);
    uint32_t header = 0;
    if (size >= LX_CONTAINER_HEAD) memcpy(&header, fixed + 12, 4);
    if (header >= LX_CONTAINER_HEAD && header <= size) {
        const uint64_t length = size;
        memcpy(fixed + 16, &length, 8);
        memset(fixed + 32, 0, 4);
        const uint32_t crc = lx_crc32(0, fixed, header);
        memcpy(fixed + 32, &crc, 4);
        try_open(fixed, size);
    }
    free(fixed);
    return 0;
}
