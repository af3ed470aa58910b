/* f16 and bf16 (half.h). The host is little-endian; the build refuses another. */
#include "half.h"

#include <string.h>

size_t lx_dtype_size(LxDtype t)
{
    return t == LX_F32 ? 4 : t == LX_F16 || t == LX_BF16 ? 2 : 0;
}

const char *lx_dtype_name(LxDtype t)
{
    return t == LX_F32 ? "f32" : t == LX_F16 ? "f16" : t == LX_BF16 ? "bf16" : "unknown";
}

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

static uint32_t to_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    return u;
}

float lx_f16_to_f32(uint16_t h)
{
    const uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff;
    if (exponent == 31) return from_bits(sign | 0x7f800000 | mantissa << 13);
    if (exponent) return from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    const float subnormal = (float)mantissa * 0x1p-24f;
    return sign ? -subnormal : subnormal;
}

uint16_t lx_f32_to_f16(float f)
{
    const uint32_t u = to_bits(f), sign = (u >> 16) & 0x8000, magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (magnitude >= 0x47800000) return (uint16_t)(sign | 0x7c00); /* 65536 and more */
    if (magnitude < 0x38800000) { /* subnormal: adding 0.5 leaves units of 2^-24 in the low mantissa, rounded to even */
        const float t = from_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (to_bits(t) - 0x3f000000));
    }
    const uint32_t r = magnitude + 0xfff + ((magnitude >> 13) & 1); /* may carry into infinity, rightly */
    return (uint16_t)(sign | ((r - 0x38000000) >> 13));
}

float lx_bf16_to_f32(uint16_t b)
{
    return from_bits((uint32_t)b << 16);
}

uint16_t lx_f32_to_bf16(float f)
{
    const uint32_t u = to_bits(f);
    if ((u & 0x7fffffff) > 0x7f800000) return (uint16_t)((u >> 16) | 0x40);
    return (uint16_t)((u + 0x7fff + ((u >> 16) & 1)) >> 16);
}

void lx_to_f32(float *to, const void *from, LxDtype t, size_t n)
{
    if (t == LX_F32) {
        memmove(to, from, n * 4);
        return;
    }
    const unsigned char *p = from;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, p + 2 * i, 2);
        to[i] = t == LX_F16 ? lx_f16_to_f32(h) : lx_bf16_to_f32(h);
    }
}

void lx_from_f32(void *to, const float *from, LxDtype t, size_t n)
{
    if (t == LX_F32) {
        memmove(to, from, n * 4);
        return;
    }
    unsigned char *p = to;
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = t == LX_F16 ? lx_f32_to_f16(from[i]) : lx_f32_to_bf16(from[i]);
        memcpy(p + 2 * i, &h, 2);
    }
}
