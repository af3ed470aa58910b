/*
 * One vector of floats, as the kernels of this folder see it. Their text exists once and is compiled for each level:
 *
 *     *_avx2.c                      8 lanes, __m256      -mavx2 -mfma -mf16c
 *     *_avx512.c                   16 lanes, __m512      -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
 *     *_avx512bf16.c               likewise              and -mavx512bf16
 *     *_avx512.c, LX_SIMD_PAIRS    16 lanes, 2 x __m256  -mavx2 -mfma -mf16c
 *
 * The third form exists for tests on machines without AVX-512: it runs the 16-lane text, with its tile sizes, tails and
 * work split. What it does not show: that the __m512 lines below say the same, and how fast they are.
 */
#ifndef LX_X86_SIMD_H
#define LX_X86_SIMD_H

#include <immintrin.h>
#include <stdint.h>

#include "core/compiler.h"

#if defined(LX_SIMD_PAIRS)
#define LX_LEVEL_NAME(name) name##_avx512_pairs
#define LX_LEVEL_STRING "avx512-pairs"
#define LX_LANES 16
#elif defined(__AVX512BF16__)
#define LX_LEVEL_NAME(name) name##_avx512bf16
#define LX_LEVEL_STRING "avx512bf16"
#define LX_LANES 16
#elif defined(__AVX512F__)
#define LX_LEVEL_NAME(name) name##_avx512
#define LX_LEVEL_STRING "avx512"
#define LX_LANES 16
#else
#define LX_LEVEL_NAME(name) name##_avx2
#define LX_LEVEL_STRING "avx2"
#define LX_LANES 8
#endif

/* The line at p will be read: bring it to the second-level cache. Any address is allowed. */
LX_INLINE void lx_prefetch(const float *p) { _mm_prefetch((const char *)p, _MM_HINT_T1); }

/* ---- eight lanes ------------------------------------------------------------------------------------------------ */

#if LX_LANES == 8 || defined(LX_SIMD_PAIRS)

LX_INLINE __m256i lx_first_8(int n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

LX_INLINE __m256 lx_f16_8(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

LX_INLINE __m256 lx_bf16_8(const uint16_t *p)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)p)), 16));
}

/* To bf16, ties to even; NaN stays NaN. */
LX_INLINE void lx_store_bf16_8(uint16_t *to, __m256 v)
{
    const __m256i bits = _mm256_castps_si256(v), high = _mm256_srli_epi32(bits, 16), one = _mm256_set1_epi32(1);
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(_mm256_set1_epi32(0x7fff), _mm256_and_si256(high, one))), 16);
    const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q)), quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    const __m256i b = _mm256_blendv_epi8(rounded, quiet, nan);
    _mm_storeu_si128((__m128i *)(void *)to, _mm_packus_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1)));
}

/* c + a[1] b[1] + a[0] b[0] of pairs of bf16: products are exact, and each sum rounded. */
LX_INLINE __m256 lx_dot_8(__m256 a, __m256 b, __m256 c)
{
    const __m256 odd = _mm256_castsi256_ps(_mm256_set1_epi32(-65536));
    c = _mm256_fmadd_ps(_mm256_and_ps(a, odd), _mm256_and_ps(b, odd), c);
    return _mm256_fmadd_ps(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(a), 16)),
                           _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(b), 16)), c);
}

LX_INLINE float lx_sum_8(__m256 v)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}

#endif

#if LX_LANES == 8

typedef __m256 LxV;

LX_INLINE LxV lxv_zero(void) { return _mm256_setzero_ps(); }
LX_INLINE LxV lxv_set(float f) { return _mm256_set1_ps(f); }
LX_INLINE LxV lxv_load(const float *p) { return _mm256_loadu_ps(p); }
LX_INLINE void lxv_store(float *p, LxV v) { _mm256_storeu_ps(p, v); }
LX_INLINE LxV lxv_add(LxV a, LxV b) { return _mm256_add_ps(a, b); }
LX_INLINE LxV lxv_sub(LxV a, LxV b) { return _mm256_sub_ps(a, b); }
LX_INLINE LxV lxv_mul(LxV a, LxV b) { return _mm256_mul_ps(a, b); }

/* a * b + c, rounded once. */
LX_INLINE LxV lxv_fma(LxV a, LxV b, LxV c) { return _mm256_fmadd_ps(a, b, c); }

/* v >= 0 ? a : b; b where v is NaN. */
LX_INLINE LxV lxv_select_ge0(LxV v, LxV a, LxV b)
{
    return _mm256_blendv_ps(b, a, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_GE_OQ));
}

/* A lane that holds a pair of bf16 numbers: c + a[1] b[1] + a[0] b[0]. And as many numbers rounded to bf16, ties to even. */
LX_INLINE LxV lxv_dot(LxV a, LxV b, LxV c) { return lx_dot_8(a, b, c); }
LX_INLINE void lxv_store_bf16(uint16_t *to, LxV v) { lx_store_bf16_8(to, v); }

/* As many f16 or bf16 numbers, exactly. */
LX_INLINE LxV lxv_load_f16(const uint16_t *p) { return lx_f16_8(p); }
LX_INLINE LxV lxv_load_bf16(const uint16_t *p) { return lx_bf16_8(p); }

/* The first n lanes, 0 <= n <= LX_LANES; the others are zero and are not read. */
LX_INLINE LxV lxv_load_n(const float *p, int n) { return _mm256_maskload_ps(p, lx_first_8(n)); }

/* Four lanes; the others are zero, and stay untouched in memory. (A masked store takes tens of cycles on AMD's Zen 3.) */
LX_INLINE LxV lxv_load_4(const float *p) { return _mm256_zextps128_ps256(_mm_loadu_ps(p)); }
LX_INLINE void lxv_store_4(float *p, LxV v) { _mm_storeu_ps(p, _mm256_castps256_ps128(v)); }

LX_INLINE float lxv_sum(LxV v) { return lx_sum_8(v); }

/* ---- sixteen lanes as two times eight ---------------------------------------------------------------------------- */

#elif defined(LX_SIMD_PAIRS)

typedef struct LxV {
    __m256 lo, hi;
} LxV;

#define LX_PAIR(lo, hi) ((LxV){lo, hi})

LX_INLINE LxV lxv_zero(void) { return LX_PAIR(_mm256_setzero_ps(), _mm256_setzero_ps()); }
LX_INLINE LxV lxv_set(float f) { return LX_PAIR(_mm256_set1_ps(f), _mm256_set1_ps(f)); }
LX_INLINE LxV lxv_load(const float *p) { return LX_PAIR(_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)); }
LX_INLINE void lxv_store(float *p, LxV v) { _mm256_storeu_ps(p, v.lo), _mm256_storeu_ps(p + 8, v.hi); }
LX_INLINE LxV lxv_add(LxV a, LxV b) { return LX_PAIR(_mm256_add_ps(a.lo, b.lo), _mm256_add_ps(a.hi, b.hi)); }
LX_INLINE LxV lxv_sub(LxV a, LxV b) { return LX_PAIR(_mm256_sub_ps(a.lo, b.lo), _mm256_sub_ps(a.hi, b.hi)); }
LX_INLINE LxV lxv_mul(LxV a, LxV b) { return LX_PAIR(_mm256_mul_ps(a.lo, b.lo), _mm256_mul_ps(a.hi, b.hi)); }
LX_INLINE float lxv_sum(LxV v) { return lx_sum_8(_mm256_add_ps(v.lo, v.hi)); }
LX_INLINE LxV lxv_load_f16(const uint16_t *p) { return LX_PAIR(lx_f16_8(p), lx_f16_8(p + 8)); }
LX_INLINE LxV lxv_load_bf16(const uint16_t *p) { return LX_PAIR(lx_bf16_8(p), lx_bf16_8(p + 8)); }
LX_INLINE LxV lxv_dot(LxV a, LxV b, LxV c) { return LX_PAIR(lx_dot_8(a.lo, b.lo, c.lo), lx_dot_8(a.hi, b.hi, c.hi)); }
LX_INLINE void lxv_store_bf16(uint16_t *to, LxV v) { lx_store_bf16_8(to, v.lo), lx_store_bf16_8(to + 8, v.hi); }
LX_INLINE LxV lxv_load_4(const float *p) { return LX_PAIR(_mm256_zextps128_ps256(_mm_loadu_ps(p)), _mm256_setzero_ps()); }
LX_INLINE void lxv_store_4(float *p, LxV v) { _mm_storeu_ps(p, _mm256_castps256_ps128(v.lo)); }

LX_INLINE LxV lxv_fma(LxV a, LxV b, LxV c)
{
    return LX_PAIR(_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi));
}

LX_INLINE LxV lxv_select_ge0(LxV v, LxV a, LxV b)
{
    return LX_PAIR(_mm256_blendv_ps(b.lo, a.lo, _mm256_cmp_ps(v.lo, _mm256_setzero_ps(), _CMP_GE_OQ)),
                   _mm256_blendv_ps(b.hi, a.hi, _mm256_cmp_ps(v.hi, _mm256_setzero_ps(), _CMP_GE_OQ)));
}

LX_INLINE LxV lxv_load_n(const float *p, int n)
{
    return LX_PAIR(_mm256_maskload_ps(p, lx_first_8(n)), _mm256_maskload_ps(p + 8, lx_first_8(n - 8)));
}

/* ---- sixteen lanes ----------------------------------------------------------------------------------------------- */

#else

typedef __m512 LxV;

LX_INLINE __mmask16 lx_first_16(int n) { return (__mmask16)((1u << n) - 1); }

LX_INLINE LxV lxv_zero(void) { return _mm512_setzero_ps(); }
LX_INLINE LxV lxv_set(float f) { return _mm512_set1_ps(f); }
LX_INLINE LxV lxv_load(const float *p) { return _mm512_loadu_ps(p); }
LX_INLINE void lxv_store(float *p, LxV v) { _mm512_storeu_ps(p, v); }
LX_INLINE LxV lxv_add(LxV a, LxV b) { return _mm512_add_ps(a, b); }
LX_INLINE LxV lxv_sub(LxV a, LxV b) { return _mm512_sub_ps(a, b); }
LX_INLINE LxV lxv_mul(LxV a, LxV b) { return _mm512_mul_ps(a, b); }
LX_INLINE LxV lxv_fma(LxV a, LxV b, LxV c) { return _mm512_fmadd_ps(a, b, c); }
LX_INLINE LxV lxv_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p)); }
LX_INLINE LxV lxv_load_n(const float *p, int n) { return _mm512_maskz_loadu_ps(lx_first_16(n), p); }
LX_INLINE LxV lxv_load_4(const float *p) { return _mm512_zextps128_ps512(_mm_loadu_ps(p)); }
LX_INLINE void lxv_store_4(float *p, LxV v) { _mm_storeu_ps(p, _mm512_castps512_ps128(v)); }

LX_INLINE LxV lxv_load_bf16(const uint16_t *p)
{
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)p)), 16));
}

#if defined(__AVX512BF16__)

/* Both take subnormal numbers for zero. */
LX_INLINE LxV lxv_dot(LxV a, LxV b, LxV c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }
LX_INLINE void lxv_store_bf16(uint16_t *to, LxV v) { _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh(v)); }

#else

LX_INLINE LxV lxv_dot(LxV a, LxV b, LxV c)
{
    const __m512i odd = _mm512_set1_epi32(-65536), p = _mm512_castps_si512(a), q = _mm512_castps_si512(b);
    c = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(p, odd)), _mm512_castsi512_ps(_mm512_and_si512(q, odd)), c);
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(p, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(q, 16)), c);
}

LX_INLINE void lxv_store_bf16(uint16_t *to, LxV v)
{
    const __m512i bits = _mm512_castps_si512(v), high = _mm512_srli_epi32(bits, 16), even = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(_mm512_set1_epi32(0x7fff), even)), 16);
    const __m512i b = _mm512_mask_or_epi32(rounded, _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q), high, _mm512_set1_epi32(0x40));
    _mm256_storeu_si256((__m256i *)(void *)to, _mm512_cvtepi32_epi16(b));
}

#endif

LX_INLINE LxV lxv_select_ge0(LxV v, LxV a, LxV b)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_GE_OQ), b, a);
}

LX_INLINE float lxv_sum(LxV v)
{
    __m256 s = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

#endif

/* ---- pixels: of four stored channels, or of whole vectors; `width` is 4 or LX_LANES, and constant -------------------- */

LX_INLINE LxV lxv_load_w(const int width, const float *p) { return width == LX_LANES ? lxv_load(p) : lxv_load_4(p); }

LX_INLINE void lxv_store_w(const int width, float *p, LxV v)
{
    if (width == LX_LANES) lxv_store(p, v);
    else lxv_store_4(p, v);
}

#endif
