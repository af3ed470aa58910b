/* The models of PTX instructions (ptx_emulator.h) against layouts written out from the PTX ISA manual, and what is wrong on a
   GPU against its sentence. */
#include <cstdlib>
#include <vector>

#include "cuda/ptx.h"
#include "expect_end.h"

namespace {

unsigned short half_bits(float v) { return lx_emu_float_to_half(v); }

template <typename T> struct Device {
    T *p;
    size_t n;
    explicit Device(size_t count) : p(nullptr), n(count) { assert_int_equal(cudaMalloc(reinterpret_cast<void **>(&p), n * sizeof(T)), cudaSuccess); }
    explicit Device(const std::vector<T> &v) : Device(v.size()) { cudaMemcpy(p, v.data(), n * sizeof(T), cudaMemcpyHostToDevice); }
    Device(const Device &) = delete;
    ~Device() { cudaFree(p); }
    std::vector<T> fetched() const
    {
        std::vector<T> v(n);
        assert_int_equal(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
        return v;
    }
};

/* ---- mma -------------------------------------------------------------------------------------------------------------- */

/* d += a b, and after it, by the same instruction's wrapper, a b alone. */
__global__ void one_mma(const unsigned *a, const unsigned *b, float *d)
{
    const unsigned lane = threadIdx.x, both[2][2] = {{b[2 * lane], b[2 * lane + 1]}, {b[2 * lane], b[2 * lane + 1]}};
    float sum[2][4] = {};
    for (unsigned i = 0; i < 4; i++) sum[0][i] = d[4 * lane + i];
    lx_mma(sum, a + 4 * lane, both);
    for (unsigned i = 0; i < 8; i++) d[128 * (i / 4) + 4 * lane + i % 4] = sum[i / 4][i % 4];
}

/* The manual's three figures of m16n8k16 for .f16, element i of lane l. */
int a_row(int l, int i) { return i == 0 || i == 1 || i == 4 || i == 5 ? l / 4 : l / 4 + 8; }
int a_col(int l, int i) { return i < 4 ? l % 4 * 2 + (i & 1) : l % 4 * 2 + (i & 1) + 8; }
int b_row(int l, int i) { return i < 2 ? l % 4 * 2 + (i & 1) : l % 4 * 2 + (i & 1) + 8; }
int b_col(int l, int) { return l / 4; }
int d_row(int l, int i) { return i < 2 ? l / 4 : l / 4 + 8; }
int d_col(int l, int i) { return l % 4 * 2 + (i & 1); }

/* Integers small enough that every sum is exact, no two rows or columns alike. */
void test_mma(void **)
{
    float a[16][16], b[16][8], want[16][8];
    for (int m = 0; m < 16; m++)
        for (int k = 0; k < 16; k++) a[m][k] = static_cast<float>((7 * m + 5 * k + m * k) % 61 - 30);
    for (int k = 0; k < 16; k++)
        for (int n = 0; n < 8; n++) b[k][n] = static_cast<float>((11 * k + 3 * n + k * n) % 53 - 26);
    std::vector<unsigned> fa(128), fb(64);
    std::vector<float> fd(256);
    for (int l = 0; l < 32; l++) {
        const size_t at = static_cast<size_t>(l);
        for (int i = 0; i < 8; i++) fa[4 * at + static_cast<size_t>(i) / 2] |= static_cast<unsigned>(half_bits(a[a_row(l, i)][a_col(l, i)])) << 16 * (i & 1);
        for (int i = 0; i < 4; i++) fb[2 * at + static_cast<size_t>(i) / 2] |= static_cast<unsigned>(half_bits(b[b_row(l, i)][b_col(l, i)])) << 16 * (i & 1);
        for (int i = 0; i < 4; i++) fd[4 * at + static_cast<size_t>(i)] = static_cast<float>(1000 * d_row(l, i) + d_col(l, i));
    }
    for (int m = 0; m < 16; m++)
        for (int n = 0; n < 8; n++) {
            want[m][n] = static_cast<float>(1000 * m + n);
            for (int k = 0; k < 16; k++) want[m][n] += a[m][k] * b[k][n];
        }
    const Device<unsigned> da(fa), db(fb);
    const Device<float> dd(fd);
    LX_LAUNCH(one_mma, 1, 32, 0, nullptr, da.p, db.p, dd.p);
    const auto d = dd.fetched();
    for (int l = 0; l < 32; l++)
        for (int i = 0; i < 4; i++) {
            const int m = d_row(l, i), n = d_col(l, i);
            assert_true(d[static_cast<size_t>(4 * l + i)] == want[m][n]);
            assert_true(d[static_cast<size_t>(128 + 4 * l + i)] == want[m][n] - static_cast<float>(1000 * m + n));
        }
}

/* Sums are exact inside and cut toward zero once: 1 and 16 times 2^-24 are 1 + 2^-20; 1 and -2^-26 are the float below 1. */
void test_mma_rounding(void **)
{
    for (int down = 0; down < 2; down++) {
        std::vector<unsigned> fa(128), fb(64);
        const std::vector<float> fd(256, 1.0f);
        const float x = std::ldexp(1.0f, -12), y = down ? -std::ldexp(1.0f, -14) : x;
        for (size_t l = 0; l < 32; l++) {
            if (!down || l % 4 == 0) fa[4 * l] = fa[4 * l + 1] = half_bits(x) | static_cast<unsigned>(down ? 0 : half_bits(x)) << 16;
            if (!down) fa[4 * l + 2] = fa[4 * l + 3] = fa[4 * l];
            fb[2 * l] = fb[2 * l + 1] = half_bits(y) | static_cast<unsigned>(half_bits(y)) << 16;
        }
        const Device<unsigned> da(fa), db(fb);
        const Device<float> dd(fd);
        LX_LAUNCH(one_mma, 1, 32, 0, nullptr, da.p, db.p, dd.p);
        const auto d = dd.fetched();
        for (size_t i = 0; i < 128; i++) assert_true(d[i] == (down ? std::nextafter(1.0f, 0.0f) : 1 + std::ldexp(1.0f, -20)));
    }
}

__global__ void half_a_warp(float *to)
{
    if (threadIdx.x < 16) {
        const unsigned a[4] = {}, b[1][2] = {};
        float sum[1][4] = {};
        lx_mma(sum, a, b);
        *to = sum[0][0];
    }
}

void test_mma_needs_all_lanes(void **)
{
    const Device<float> d(4);
    expect_end("has returned", [&] { LX_LAUNCH(half_a_warp, 1, 32, 0, nullptr, d.p); });
}

/* ---- ldmatrix --------------------------------------------------------------------------------------------------------- */

/* 32 rows of 16 bytes, `stride` bytes apart, shifted by `off`; half j of row i is 8i + j. */
__global__ void one_ldmatrix(unsigned *to, int stride, int off, int transposed)
{
    LX_SHARED_DYNAMIC(unsigned char, rows);
    const int lane = static_cast<int>(threadIdx.x);
    for (int j = 0; j < 8; j++) {
        const auto v = static_cast<unsigned short>(8 * lane + j);
        std::memcpy(rows + lane * stride + off + 2 * j, &v, 2);
    }
    __syncthreads();
    unsigned r[4];
    if (transposed) lx_ldmatrix_transposed(r, rows + lane * stride + off);
    else
        lx_ldmatrix(r, rows + lane * stride + off);
    for (int i = 0; i < 4; i++) to[4 * lane + i] = r[i];
}

void test_ldmatrix(void **)
{
    const Device<unsigned> d(128);
    for (int transposed = 0; transposed < 2; transposed++) {
        LX_LAUNCH(one_ldmatrix, 1, 32, 32 * 80, nullptr, d.p, 80, 0, transposed); /* 80: rows 16 bytes apart modulo the 128 of all banks, times 5 */
        const auto r = d.fetched();
        for (unsigned l = 0; l < 32; l++)
            for (unsigned i = 0; i < 4; i++) {
                /* row l/4 and columns 2*(l%4), +1; of the transposed tile, column l/4 and rows 2*(l%4), +1 */
                const unsigned t = l % 4 * 2, g = l / 4;
                const unsigned low = transposed ? 8 * (8 * i + t) + g : 8 * (8 * i + g) + t, high = transposed ? low + 8 : low + 1;
                assert_int_equal(r[4 * l + i], low | high << 16);
            }
    }
    expect_end("share banks", [&] { LX_LAUNCH(one_ldmatrix, 1, 32, 32 * 64, nullptr, d.p, 64, 0, 0); });
    expect_end("not a multiple of 16", [&] { LX_LAUNCH(one_ldmatrix, 1, 32, 33 * 80, nullptr, d.p, 80, 8, 1); });
}

/* ---- cp.async --------------------------------------------------------------------------------------------------------- */

enum Fault { NONE, NO_WAIT, WAIT_TOO_EARLY, NO_BARRIER, NO_COMMIT };

/* Two groups of one copy each; thread i then reads what its neighbour copied first, and it alone what it copied second. */
__global__ void two_copies(const unsigned *from, unsigned *to, int fault, int off)
{
    LX_SHARED(unsigned, tile, [2][64][4]);
    const unsigned i = threadIdx.x;
    lx_cp_async(tile[0][i], from + 4 * i, 1);
    if (fault != NO_COMMIT) lx_cp_async_commit();
    lx_cp_async(reinterpret_cast<char *>(tile[1][i]) + off, from + 4 * (64 + i), i % 2 == 0); /* every other is zeros */
    lx_cp_async_commit();
    if (fault == WAIT_TOO_EARLY) lx_cp_async_wait<2>();
    else if (fault != NO_WAIT)
        lx_cp_async_wait<1>();
    if (fault != NO_BARRIER) __syncthreads();
    for (unsigned j = 0; j < 4; j++) to[8 * i + j] = tile[0][i ^ 1][j];
    lx_cp_async_wait<0>();
    for (unsigned j = 0; j < 4; j++) to[8 * i + 4 + j] = tile[1][i][j];
}

/* How many of the first copies' and of the second's words were not there. */
void missing(Fault fault, int *first, int *second)
{
    std::vector<unsigned> v(512);
    for (unsigned i = 0; i < 512; i++) v[i] = i + 1;
    const Device<unsigned> from(v), to(512);
    LX_LAUNCH(two_copies, 1, 64, 0, nullptr, from.p, to.p, fault, 0);
    const auto got = to.fetched();
    *first = *second = 0;
    for (unsigned i = 0; i < 64; i++)
        for (unsigned j = 0; j < 4; j++) {
            *first += got[8 * i + j] != 4 * (i ^ 1) + j + 1;
            *second += got[8 * i + 4 + j] != (i % 2 ? 0 : 4 * (64 + i) + j + 1);
        }
}

void test_cp_async(void **)
{
    int first, second;
    missing(NONE, &first, &second);
    assert_int_equal(first + second, 0);
    /* of each pair, the thread that comes first reads too early; NO_COMMIT: both copies are one group, the latest */
    for (Fault fault : {NO_WAIT, WAIT_TOO_EARLY, NO_COMMIT, NO_BARRIER}) {
        missing(fault, &first, &second);
        assert_int_equal(first, 128);
        assert_int_equal(second, 0);
    }
}

__global__ void too_many(const unsigned *from)
{
    LX_SHARED(unsigned, tile, [32][4]);
    for (int i = 0; i < 25; i++) lx_cp_async(tile[i], from, 1);
}

void test_cp_async_faults(void **)
{
    const Device<unsigned> from(512), to(512);
    expect_end("not a multiple of 16", [&] { LX_LAUNCH(two_copies, 1, 1, 0, nullptr, from.p, to.p, NONE, 8); });
    expect_end("not a multiple of 16", [&] { LX_LAUNCH(two_copies, 1, 1, 0, nullptr, from.p + 1, to.p, NONE, 0); });
    expect_end("copies under way", [&] { LX_LAUNCH(too_many, 1, 1, 0, nullptr, from.p); });
}

/* ---- halves -------------------------------------------------------------------------------------------------------------- */

__global__ void pairs(unsigned *to)
{
    const auto pair = [](float low, float high) { return lx_emu_float_to_half(low) | static_cast<unsigned>(lx_emu_float_to_half(high)) << 16; };
    to[0] = lx_fma_halves(pair(3, -2), pair(5, 7), pair(1, 2));
    to[1] = lx_mul_halves(pair(3, -2), pair(5, 7));
    /* (1 + 2^-10)^2 - 1: rounded once it keeps the 2^-20 that a product rounded to half has lost */
    to[2] = lx_fma_halves(pair(1 + 1 / 1024.0f, 1), pair(1 + 1 / 1024.0f, 1), pair(-1, -1));
}

void test_halves(void **)
{
    const Device<unsigned> d(3);
    LX_LAUNCH(pairs, 1, 1, 0, nullptr, d.p);
    const auto v = d.fetched();
    assert_int_equal(v[0], half_bits(16) | static_cast<unsigned>(half_bits(-12)) << 16);
    assert_int_equal(v[1], half_bits(15) | static_cast<unsigned>(half_bits(-14)) << 16);
    assert_int_equal(v[2], half_bits(std::ldexp(2049.0f, -20)));
}

} // namespace

int main()
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mma),      cmocka_unit_test(test_mma_rounding),    cmocka_unit_test(test_mma_needs_all_lanes), cmocka_unit_test(test_ldmatrix),
        cmocka_unit_test(test_cp_async), cmocka_unit_test(test_cp_async_faults), cmocka_unit_test(test_halves),
    };
    return cmocka_run_group_tests_name("ptx", tests, nullptr, nullptr);
}
