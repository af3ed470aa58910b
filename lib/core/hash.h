/* CRC-32 (each tensor's checksum) and SHA-256 (a model's fingerprint). */
#ifndef LX_HASH_H
#define LX_HASH_H

#include <stddef.h>
#include <stdint.h>

/** CRC-32 as in zip and PNG (ISO 3309), continued from `crc`; 0 begins. */
uint32_t lx_crc32(uint32_t crc, const void *data, size_t size);

typedef struct LxSha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
} LxSha256;

/** SHA-256 (FIPS 180-4). */
void lx_sha256_begin(LxSha256 *s);
void lx_sha256_add(LxSha256 *s, const void *data, size_t size);
void lx_sha256_end(LxSha256 *s, uint8_t digest[32]);

#endif
