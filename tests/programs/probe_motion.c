/* Motion files with wrong contents and right checksums, made without the code that is tested (docs/container.md). */
#include "probe.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = 128, AT_FRAMES_SUM = 48, AT_HEAD_SUM = 52, ROOM = 1 << 20 };

/* CRC-32 bit by bit, of x^32 + x^26 + ... + 1 reflected. */
static uint32_t crc(const uint8_t *data, size_t size)
{
    uint32_t c = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        c ^= data[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xedb88320 : c >> 1;
    }
    return ~c;
}

static void put(uint8_t *p, uint32_t n)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(n >> 8 * i);
}

/* patch-motion IN OUT OFFSET HEX: a copy of IN with the bytes HEX at OFFSET, its checksums made right */
int probe_patch_motion(int argc, char **argv)
{
    static uint8_t data[ROOM];
    (void)argc;
    FILE *in = fopen(argv[0], "rb"), *out = fopen(argv[1], "wb");
    const size_t size = in && out ? fread(data, 1, ROOM, in) : 0;
    const size_t at = (size_t)atol(argv[2]), n = strlen(argv[3]) / 2;
    if (size < HEAD || at + n > size) return 1;
    for (size_t i = 0; i < n; i++) data[at + i] = (uint8_t)strtol((char[]){argv[3][2 * i], argv[3][2 * i + 1], 0}, NULL, 16);
    put(data + AT_FRAMES_SUM, crc(data + HEAD, size - HEAD));
    put(data + AT_HEAD_SUM, 0);
    put(data + AT_HEAD_SUM, crc(data, HEAD));
    const int ok = fwrite(data, 1, size, out) == size;
    fclose(in);
    return fclose(out) || !ok;
}
