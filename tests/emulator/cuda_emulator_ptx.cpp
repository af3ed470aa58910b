/* Models of PTX instructions (ptx_emulator.h), from the PTX ISA manual. */
#include "ptx_emulator.h"

#include <cmath>
#include <vector>

namespace {

/* ---- cp.async ------------------------------------------------------------------------------------------------------- */

enum { COPIES = 24, THREADS = 256 }; /* copies under way, of each thread */

struct Copy {
    void *to;
    const void *from; /* NULL: zeros */
};

/* A thread's copies, oldest first; those of one group have its number. */
struct Copies {
    Copy copy[COPIES];
    int group[COPIES];
};
thread_local std::vector<Copies> copies_of(THREADS); /* of the block that runs */

/* How many of them there are. Lies in the block's shared memory, so that every block begins anew: with all bits set, which are no
   counts. */
struct Count {
    int n, group; /* group: of copies that are asked for now */
};

Count &mine(Copies **copies)
{
    static const char key = 0;
    const dim3 &d = lx_emu_place.block_dim;
    const uint3 &t = lx_emu_place.thread;
    const unsigned thread = t.x + d.x * (t.y + d.y * t.z);
    if (thread >= THREADS) lx_emu_fail("cp.async in a block of more than %d threads", THREADS);
    *copies = &copies_of[thread];
    Count &c = static_cast<Count *>(lx_emu_shared(&key, sizeof(Count) * THREADS))[thread];
    if (c.n < 0) c.n = c.group = 0;
    return c;
}

void check_aligned(const char *what, const void *p)
{
    if (reinterpret_cast<uintptr_t>(p) % 16) lx_emu_fail("%s: an address is not a multiple of 16", what);
}

/* ---- halves ----------------------------------------------------------------------------------------------------------- */

float half_of(unsigned pair, int i) { return lx_emu_half_to_float(static_cast<unsigned short>(pair >> (16 * i))); }

/* Toward zero, as tensor cores round their sums (Fasi et al., Numerical behavior of NVIDIA tensor cores, 2021). */
float truncated(double v)
{
    const float f = static_cast<float>(v);
    return std::fabs(static_cast<double>(f)) > std::fabs(v) ? __uint_as_float(__float_as_uint(f) - 1) : f; /* infinity becomes the largest number */
}

struct Rows {
    const unsigned char *row;
    unsigned *r;
};

template <bool transposed> void load_tiles(void *const lanes[32], const char *)
{
    for (int tile = 0; tile < 4; tile++) {
        unsigned banks = 0;
        unsigned short m[8][8];
        for (int row = 0; row < 8; row++) {
            const unsigned char *from = static_cast<Rows *>(lanes[8 * tile + row])->row;
            check_aligned("ldmatrix", from);
            banks |= 1u << (reinterpret_cast<uintptr_t>(from) / 16 % 8);
            std::memcpy(m[row], from, 16);
        }
        if (banks != 0xff) lx_emu_fail("ldmatrix: rows of sub-tile %d share banks", tile);
        for (int l = 0; l < 32; l++) {
            const int g = l / 4, t = 2 * (l % 4);
            const unsigned low = transposed ? m[t][g] : m[g][t], high = transposed ? m[t + 1][g] : m[g][t + 1];
            static_cast<Rows *>(lanes[l])->r[tile] = low | high << 16;
        }
    }
}

struct Product {
    float (*d)[4];
    const unsigned *a, (*b)[2];
    int n; /* products of the same a */
};

/* Rows of halves as they lie in registers. Looped over by itself, so that compilers do several at once. */
template <int n> void widen(double (&to)[n], const unsigned short (&from)[n])
{
    for (int i = 0; i < n; i++) to[i] = lx_emu_half_to_float(from[i]);
}

typedef double Row __attribute__((vector_size(64))); /* which a compiler cuts into what its processor has */

/* Sums are exact inside, as far as double is, and truncated once. Only registers are looked at: nothing for the sanitizers. */
__attribute__((no_sanitize("address"), no_sanitize("undefined"))) void multiply(void *const lanes[32], const char *)
{
    Product *const *const p = reinterpret_cast<Product *const *>(lanes);
    unsigned short halves_a[256], halves_b[128]; /* [16][16], [16][8] */
    double a[256];
    union {
        double flat[128];
        Row row[16];
    } b;
    for (int l = 0; l < 32; l++)
        for (int j = 0; j < 4; j++)
            for (int i = 0; i < 2; i++) halves_a[(l / 4 + 8 * (j % 2)) * 16 + 2 * (l % 4) + i + 8 * (j / 2)] = static_cast<unsigned short>(p[l]->a[j] >> 16 * i);
    widen(a, halves_a);
    for (int nth = 0; nth < p[0]->n; nth++) {
        for (int l = 0; l < 32; l++)
            for (int j = 0; j < 2; j++)
                for (int i = 0; i < 2; i++) halves_b[(2 * (l % 4) + i + 8 * j) * 8 + l / 4] = static_cast<unsigned short>(p[l]->b[nth][j] >> 16 * i);
        widen(b.flat, halves_b);
        for (int m = 0; m < 16; m++) { /* a row of eight sums, of which four lanes have two each */
            Row sum;
            for (int n = 0; n < 8; n++) sum[n] = p[m % 8 * 4 + n / 2]->d[nth][m / 8 * 2 + n % 2];
            for (int k = 0; k < 16; k++) sum += a[16 * m + k] * b.row[k];
            for (int n = 0; n < 8; n++) p[m % 8 * 4 + n / 2]->d[nth][m / 8 * 2 + n % 2] = truncated(sum[n]);
        }
    }
}

} // namespace

void lx_cp_async(void *shared, const void *global, int there)
{
    check_aligned("cp.async", shared);
    check_aligned("cp.async", global);
    Copies *copies;
    Count &c = mine(&copies);
    if (c.n == COPIES) lx_emu_fail("cp.async: more than %d copies under way", COPIES);
    std::memset(shared, 0xff, 16);
    copies->copy[c.n] = {shared, there ? global : nullptr};
    copies->group[c.n++] = c.group;
}

void lx_cp_async_commit(void)
{
    Copies *copies;
    mine(&copies).group++;
}

void lx_emu_cp_async_wait(int pending)
{
    Copies *copies;
    Count &c = mine(&copies);
    int left = 0;
    for (int i = 0; i < c.n; i++) {
        const Copy copy = copies->copy[i];
        if (copies->group[i] >= c.group - pending) {
            copies->copy[left] = copy;
            copies->group[left++] = copies->group[i];
        } else if (copy.from) {
            std::memcpy(copy.to, copy.from, 16);
        } else {
            std::memset(copy.to, 0, 16);
        }
    }
    c.n = left;
}

void lx_ldmatrix(unsigned r[4], const void *row)
{
    Rows mine = {static_cast<const unsigned char *>(row), r};
    lx_emu_together(0xffffffffu, "ldmatrix", &mine, load_tiles<false>);
}

void lx_ldmatrix_transposed(unsigned r[4], const void *row)
{
    Rows mine = {static_cast<const unsigned char *>(row), r};
    lx_emu_together(0xffffffffu, "ldmatrix.trans", &mine, load_tiles<true>);
}

void lx_emu_mma(float (*d)[4], const unsigned a[4], const unsigned (*b)[2], int n)
{
    Product mine = {d, a, b, n};
    lx_emu_together(0xffffffffu, "mma", &mine, multiply);
}

unsigned lx_fma_halves(unsigned a, unsigned b, unsigned c)
{
    unsigned d = 0;
    for (int i = 0; i < 2; i++)
        d |= static_cast<unsigned>(lx_emu_double_to_half(static_cast<double>(half_of(a, i)) * half_of(b, i) + half_of(c, i))) << (16 * i);
    return d;
}

unsigned lx_mul_halves(unsigned a, unsigned b)
{
    unsigned d = 0;
    for (int i = 0; i < 2; i++) d |= static_cast<unsigned>(lx_emu_float_to_half(half_of(a, i) * half_of(b, i))) << (16 * i);
    return d;
}
