/* Fuzz target: any bytes as a motion file, JSON or binary; a binary one also with its checksums made right. */
#define _POSIX_C_SOURCE 200809L /* fmemopen */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "liax/motion_file.h"

enum { HEAD = 128, AT_FRAMES_SUM = 48, AT_HEAD_SUM = 52 }; /* docs/container.md */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_read(uint8_t *data, size_t size)
{
    FILE *f = fmemopen(data, size, "rb");
    Motion m;
    MediaError error;
    if (!f) return;
    if (motion_read_stream(&m, f, "fuzz", &error)) {
        for (int64_t i = 0; i < m.head.n_frames; i++) {
            const MotionFrame frame = motion_frame(&m, i);
            for (int k = 0; k < m.head.motions; k++)
                if (!isfinite(frame.alpha[k])) abort();
        }
        motion_free(&m);
    }
    fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = size ? malloc(size) : NULL;
    if (!copy) return 0;
    memcpy(copy, data, size);
    try_read(copy, size);
    if (size >= HEAD) {
        const uint32_t frames = lx_crc32(0, copy + HEAD, size - HEAD);
        memcpy(copy + AT_FRAMES_SUM, &frames, 4);
        memset(copy + AT_HEAD_SUM, 0, 4);
        const uint32_t head = lx_crc32(0, copy, HEAD);
        memcpy(copy + AT_HEAD_SUM, &head, 4);
        try_read(copy, size);
    }
    free(copy);
    return 0;
}
