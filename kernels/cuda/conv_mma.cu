/*
 * The product of conv_gemm.h by tensor cores (sm_80 and later): f16 pixels and weights, sums in f32. Plans, passes and endings
 * are conv.cu's; this is one more kernel for a Gemm.
 *
 * The inner dimension is one row of taps times channels, 32 of it a step, in four stages of shared memory: while one is
 * multiplied, three are on their way (cp.async). Outside the picture, and beyond the last channel, copies bring zeros.
 *
 *     pixels   [BM][32] halves; the 16-byte piece i of row r lies at i ^ (r/2 & 3)
 *     weights  [32][BN] halves; piece i of row r lies at i ^ (r & 7)
 *
 * so that the eight rows of each sub-tile that ldmatrix reads lie in different banks, and so do eight copies in a row.
 *
 * The affine of the input is applied between ldmatrix and mma, where a register holds two channels of one pixel: it costs one
 * instruction for each register and no pass over memory, and zero padding stays zero, since the shift of a pixel outside is
 * masked. Its factors are divided by a power of two near the largest of the frame's, which the sums are multiplied by again:
 * exact, and u stays below twice x beside its shift, whatever the modulation.
 */
#include "conv_mma.h"

#include "ptx.h"

enum { STEP = 32, STAGES = 4 };

/* nvcc compiles this for older generations, too: their kernels are empty, and never launched (conv_choice.cu). */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
#define HAS_INSTRUCTIONS
#endif

/* What the input goes through. */
enum Affine { NONE, SCALE, SCALE_AND_SHIFT };

/* Where a run of 16 channels stands in the inner dimension: every tap has a multiple of 16. */
typedef struct Place {
    int tap, c;
} Place;

[[maybe_unused]] LX_DEVICE Place place_of(int k, int cs)
{
    const Place p = {k / cs, k % cs};
    return p;
}

/* Its row among taps that are n in a row; there are three rows at most. */
[[maybe_unused]] LX_DEVICE int row_of(int tap, int n) { return (tap >= n) + (tap >= 2 * n); }

[[maybe_unused]] LX_DEVICE void advance(Place *p, int by, int cs)
{
    for (p->c += by; p->c >= cs; p->c -= cs) p->tap++;
}

/* The largest power of two that is not above v; 1 where v is zero or not finite. */
[[maybe_unused]] LX_DEVICE float power_below(float v)
{
    const unsigned exponent = __float_as_uint(v) & 0x7f800000u;
    return exponent == 0 || exponent == 0x7f800000u ? 1 : __uint_as_float(exponent);
}

/* The frame's affine as halves, divided by the power of two that is returned. The shift counts 2^-12, so that it stays below
   2^13, which is far inside the range. */
template <int THREADS, int AFFINE> LX_DEVICE float keep_affine(const Gemm &g, int frame, unsigned *scales, unsigned *shifts)
{
    if (AFFINE == NONE) return 1;
    LX_SHARED(float, largest, [THREADS / 32]);
    const float *scale = g.in_scale ? g.in_scale + (size_t)frame * g.in_stride : NULL;
    const float *shift = AFFINE == SCALE_AND_SHIFT ? g.in_shift + (size_t)frame * g.in_stride : NULL;
    float most = scale ? 0 : 1;
    for (int c = threadIdx.x; c < g.cs; c += THREADS) {
        if (scale) most = fmaxf(most, fabsf(scale[c]));
        if (shift) most = fmaxf(most, fabsf(shift[c]) / 4096);
    }
    LX_UNROLL
    for (int bits = 16; bits; bits /= 2) most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, bits));
    if (threadIdx.x % 32 == 0) largest[threadIdx.x / 32] = most;
    __syncthreads();
    LX_UNROLL
    for (int i = 0; i < THREADS / 32; i++) most = fmaxf(most, largest[i]);
    const float power = power_below(most), by = 1 / power;
    for (int c = 2 * threadIdx.x; c < g.cs; c += 2 * THREADS) {
        scales[c / 2] = scale ? lx_halves_of(scale[c] * by, scale[c + 1] * by) : lx_halves_of(by, by);
        if (shift) shifts[c / 2] = lx_halves_of(shift[c] * by, shift[c + 1] * by);
    }
    return power;
}

/* The affine of a piece of 16 pixels times 16 channels: registers 0 and 1 have two channels of rows l/4 and l/4 + 8, registers 2 and
   3 the channels 8 further. Bit `tap` of `inside` says which of the two rows are in the picture. */
template <int AFFINE> LX_DEVICE void apply(unsigned a[4], const unsigned *scales, const unsigned *shifts, const unsigned short inside[2], int tap)
{
    LX_UNROLL
    for (int i = 0; i < 4; i++) {
        const unsigned scale = scales[i / 2 * 4], seen = AFFINE == SCALE ? 0 : 0u - (inside[i % 2] >> tap & 1u);
        a[i] = AFFINE == SCALE ? lx_mul_halves(a[i], scale) : lx_fma_halves(a[i], scale, shifts[i / 2 * 4] & seen);
    }
}

/* A tile of M pixels times N channels by ACROSS_M x ACROSS_N warps, each of which has MI x NI pieces of 16 pixels times 8 channels. */
template <int M, int N, int ACROSS_M, int ACROSS_N> struct Tile {
    enum {
        BM = M, BN = N, WARPS_M = ACROSS_M, WARPS = ACROSS_M * ACROSS_N, THREADS = 32 * WARPS, WM = M / ACROSS_M, WN = N / ACROSS_N, MI = WM / 16, NI = WN / 8,
        PIXELS = M * STEP * 2, STAGE = PIXELS + N * STEP * 2, /* bytes */
        LOADS_A = M * 4 / THREADS, ACROSS_B = N / 8,          /* pieces that a thread copies in a step: of pixels; side by side, of weights */
        VECTORS = N / 4, LANES = THREADS / VECTORS            /* in the end: threads along channels and pixels */
    };
    static_assert(THREADS / ACROSS_B == 16 && 32 * ACROSS_B / THREADS == 2, "a thread copies two rows of weights, which are 16 apart");
    static_assert(M * N * 4 <= STAGES * STAGE, "the sums take the stages' place");
};

/* What of a Gemm one block computes. */
typedef struct Job {
    const Part &part;
    const __half *source, *weights;
    int frame, split, n0;   /* n0: its first channel */
    int count, taps;        /* of pixels; of taps */
    int begin, end;         /* steps */
    int tap0, down;         /* taps of the weights: the first, and from one row to the next */
} Job;

[[maybe_unused]] LX_DEVICE Job job_of(const Gemm &g, int n0)
{
    const int split = blockIdx.z % g.splits, nth = blockIdx.z / g.splits / g.parts;
    const Part &part = g.part[blockIdx.z / g.splits % g.parts];
    const int taps = part.y.n * part.x.n, steps = (taps * g.cs + STEP - 1) / STEP;
    return {part, (const __half *)g.x + (size_t)(g.source_frame + nth) * g.h * g.w * g.cs, (const __half *)g.weights, g.frame + nth, split, n0,
            part.rows * part.cols, taps, steps * split / g.splits, steps * (split + 1) / g.splits, part.y.index * g.k + part.x.index, part.y.step * g.k};
}

/* ---- what a thread copies: piece me%4 of LOADS_A rows of pixels, piece me%ACROSS_B of two rows of weights */

template <class T> struct Rows {
    int pixel[T::LOADS_A];
    unsigned within[T::LOADS_A / 2]; /* rows 2i and 2i + 1, a bit for each tap from 0 and from 16 on: whether it is in the picture */
};

/* inside[r/16][r%8][r/8%2]: the bits of row r, for the affine. */
template <class T, int AFFINE> LX_DEVICE void find_rows(Rows<T> &rows, const Gemm &g, const Job &j, int m0, unsigned short (*inside)[8][2])
{
    const int me = threadIdx.x, taps_x = j.part.x.n;
    LX_UNROLL
    for (int i = 0; i < T::LOADS_A; i++) {
        const int r = me / 4 + i * (T::THREADS / 4), m = m0 + r;
        const int y = (j.part.first_row + m / j.part.cols) * g.stride + j.part.y.first, x = m % j.part.cols * g.stride + j.part.x.first;
        rows.pixel[i] = y * g.w + x;
        unsigned seen = 0;
        for (int t = 0; t < j.taps && m < j.count; t++) {
            const int ty = y + t / taps_x, tx = x + t % taps_x;
            if (ty >= 0 && ty < g.h && tx >= 0 && tx < g.w) seen |= 1u << t;
        }
        if (AFFINE == SCALE_AND_SHIFT && me % 4 == 0) inside[r / 16][r % 8][r / 8 % 2] = (unsigned short)seen;
        rows.within[i / 2] = i % 2 ? rows.within[i / 2] | seen << 16 : seen;
    }
}

/* The step that begins at `next`, which goes on to the one after it. */
template <class T> LX_DEVICE void copy_step(const Rows<T> &rows, const Gemm &g, const Job &j, Place *next, unsigned char *stage)
{
    const int me = threadIdx.x, piece = me % 4, taps_x = j.part.x.n;
    Place run[2] = {*next, *next}; /* a step is two runs of 16 channels */
    advance(&run[1], 16, g.cs);
    const Place mine = piece < 2 ? run[0] : run[1];
    const int tap = mine.tap, ty = row_of(tap, taps_x), offset = ty * g.w + tap - ty * taps_x;
    LX_UNROLL
    for (int i = 0; i < T::LOADS_A; i++) {
        const int r = me / 4 + i * (T::THREADS / 4), there = rows.within[i / 2] >> (i % 2 * 16 + tap) & 1;
        const __half *from = there ? j.source + (size_t)(rows.pixel[i] + offset) * g.cs + mine.c + piece % 2 * 8 : j.source;
        lx_cp_async(stage + r * (STEP * 2) + (piece ^ (r / 2 & 3)) * 16, from, there);
    }
    LX_UNROLL
    for (int i = 0; i < 2; i++) {
        const int r = me / T::ACROSS_B + i * 16, n = j.n0 + me % T::ACROSS_B * 8, there = run[i].tap < j.taps && n < g.co;
        const int y = row_of(run[i].tap, taps_x), row = j.tap0 + y * j.down + (run[i].tap - y * taps_x) * j.part.x.step;
        const __half *from = there ? j.weights + ((size_t)row * g.cs + run[i].c + r % 16) * g.co + n : j.weights;
        lx_cp_async(stage + T::PIXELS + r * (T::BN * 2) + (me % T::ACROSS_B ^ (r & 7)) * 16, from, there);
    }
    advance(next, STEP, g.cs);
}

/* ---- what a warp multiplies: pixels from m_warp on, channels from n_warp on */

/* The frame's affine as keep_affine left it, and the bits of find_rows. */
typedef struct Prologue {
    const unsigned *scales, *shifts;
    const unsigned short (*inside)[8][2];
} Prologue;

/* A step of 32; `at` is where it stands in the inner dimension, and goes on where there is an affine. */
template <class T, int AFFINE> LX_DEVICE void multiply_step(float (&sum)[T::MI][T::NI][4], const unsigned char *stage, int m_warp, int n_warp, const Prologue &p, Place *at, int cs)
{
    const int lane = threadIdx.x % 32, a_row = m_warp + lane % 16, a_piece = lane / 16 ^ (lane % 16 / 2 & 3);
    const int b_row = lane & 15, b_piece = n_warp / 8 + lane / 16;
    LX_UNROLL
    for (int k = 0; k < STEP / 16; k++) {
        unsigned b[T::NI][2];
        LX_UNROLL
        for (int j = 0; j < T::NI; j += 2) {
            unsigned r[4];
            lx_ldmatrix_transposed(r, stage + T::PIXELS + (k * 16 + b_row) * (T::BN * 2) + ((b_piece + j) ^ (b_row & 7)) * 16);
            b[j][0] = r[0], b[j][1] = r[1], b[j + 1][0] = r[2], b[j + 1][1] = r[3];
        }
        const unsigned char *const rows = stage + a_row * (STEP * 2) + (a_piece ^ 2 * k) * 16;
        LX_UNROLL
        for (int i = 0; i < T::MI; i++) {
            unsigned a[4];
            lx_ldmatrix(a, rows + i * 16 * (STEP * 2));
            if (AFFINE != NONE) apply<AFFINE>(a, p.scales + at->c / 2 + lane % 4, p.shifts + at->c / 2 + lane % 4, p.inside[m_warp / 16 + i][lane / 4], at->tap);
            lx_mma(sum[i], a, b);
        }
        if (AFFINE != NONE) advance(at, 16, cs);
    }
}

/* ---- the sums through shared memory, so that a thread has four channels in a row: [BM][BN], the eight channels i of row r at
   i ^ (r & 3) */

template <class T> LX_DEVICE void share_sums(float *to, const float (&sum)[T::MI][T::NI][4], int m_warp, int n_warp, float power)
{
    const int lane = threadIdx.x % 32;
    LX_UNROLL
    for (int i = 0; i < T::MI; i++)
        LX_UNROLL
        for (int j = 0; j < T::NI; j++)
            LX_UNROLL
            for (int k = 0; k < 2; k++) {
                const int r = m_warp + i * 16 + k * 8 + lane / 4;
                *(float2 *)(to + r * T::BN + ((n_warp / 8 + j) ^ (r & 3)) * 8 + lane % 4 * 2) = make_float2(sum[i][j][2 * k] * power, sum[i][j][2 * k + 1] * power);
            }
}

/* `before`: the block has had another tile, whose statistics these join. */
template <class T> LX_DEVICE void finish_sums(float *sums, const Gemm &g, const Job &j, int m0, int before)
{
    const int vector = threadIdx.x % T::VECTORS, lane = threadIdx.x / T::VECTORS, c = j.n0 + 4 * vector;
    float4 stats = lx_all4(0), stats2 = stats;
    if (c < (g.sums ? g.co : g.f.cs)) {
        Factors factors = {};
        if (!g.sums) factors = factors_at(g.f, j.frame, c);
        for (int r = lane; r < T::BM && m0 + r < j.count; r += T::LANES) {
            const int m = m0 + r, y = j.part.at_y + m / j.part.cols * g.apart, x = j.part.at_x + m % j.part.cols * g.apart;
            const float4 v = lx_load4(sums + r * T::BN + (vector / 2 ^ (r & 3)) * 8 + vector % 2 * 4);
            if (g.sums) {
                lx_store4(g.sums + j.split * g.split_floats + ((size_t)y * g.sums_w + x) * g.co + c, v);
                continue;
            }
            const float4 stored = finish4(g.f, factors, j.frame, y, x, c, v);
            stats = lx_add4(stats, stored);
            stats2 = lx_fma4(stored, stored, stats2);
        }
    }
    __syncthreads(); /* the stages are free again */
    if (g.sums || !g.f.stats) return;
    share_stats(sums, T::LANES, T::BN, lane, 4 * vector, stats, stats2);
    store_stats(g.f, j.frame, g.first_slot + blockIdx.x, gridDim.x, g.first_slot + g.slots, before, sums, T::LANES, T::BN, j.n0);
}

/* ---- the kernel */

/* Blocks on a multiprocessor: 64 KB of stages for 8 warps, 48 KB or less for 4. The shift's masks would not fit into the 128
   registers that two blocks of 8 warps leave. */
constexpr int blocks_of(int warps, int affine) { return warps == 4 ? 3 : affine == SCALE_AND_SHIFT ? 1 : 2; }

template <class T, int AFFINE> static __global__ void __launch_bounds__(T::THREADS, blocks_of(T::WARPS, AFFINE)) conv_mma_kernel(const Gemm g)
{
#if defined(HAS_INSTRUCTIONS)
    LX_SHARED_DYNAMIC(unsigned char, shared);
    unsigned *const scales = (unsigned *)(shared + STAGES * T::STAGE), *const shifts = scales + g.cs / 2;
    LX_SHARED(unsigned short, inside, [T::BM / 16][8][2]);
    const int warp = threadIdx.x / 32, m_warp = warp % T::WARPS_M * T::WM, n_warp = warp / T::WARPS_M * T::WN;
    const Job j = job_of(g, blockIdx.y * T::BN);
    const float power = keep_affine<T::THREADS, AFFINE>(g, j.frame, scales, shifts);
    const Prologue prologue = {scales, shifts, inside};

    for (int tile = blockIdx.x * g.tiles; tile < ((int)blockIdx.x + 1) * g.tiles; tile++) {
        const int m0 = tile * T::BM;
        if (m0 >= j.count) break;
        Rows<T> rows;
        find_rows<T, AFFINE>(rows, g, j, m0, inside);
        Place next = place_of(j.begin * STEP, g.cs), at = next;
        float sum[T::MI][T::NI][4] = {};
        for (int s = 0; s < STAGES - 1; s++) {
            if (j.begin + s < j.end) copy_step(rows, g, j, &next, shared + s * T::STAGE);
            lx_cp_async_commit();
        }

        for (int step = j.begin; step < j.end; step++) {
            lx_cp_async_wait<STAGES - 2>();
            __syncthreads(); /* this step's copies are there for all, as is the affine, and nobody reads the stage before it any more */
            if (step + STAGES - 1 < j.end) copy_step(rows, g, j, &next, shared + (step + STAGES - 1 - j.begin) % STAGES * T::STAGE);
            lx_cp_async_commit();
            multiply_step<T, AFFINE>(sum, shared + (step - j.begin) % STAGES * T::STAGE, m_warp, n_warp, prologue, &at, g.cs);
        }

        lx_cp_async_wait<0>();
        __syncthreads();
        share_sums<T>((float *)shared, sum, m_warp, n_warp, power);
        __syncthreads();
        finish_sums<T>((float *)shared, g, j, m0, tile > (int)blockIdx.x * g.tiles);
    }
#endif
}

template <class T, int AFFINE> static void launch(const Gemm &g, dim3 grid, void *stream)
{
    const auto kernel = conv_mma_kernel<T, AFFINE>;
    const size_t bytes = STAGES * T::STAGE + (AFFINE == NONE ? 0 : 4 * (size_t)g.cs);
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    LX_LAUNCH(kernel, grid, T::THREADS, bytes, stream, g);
}

template <class T> static void launch_tile(const Gemm &g, dim3 grid, void *stream)
{
    if (g.in_shift) launch<T, SCALE_AND_SHIFT>(g, grid, stream);
    else if (g.in_scale) launch<T, SCALE>(g, grid, stream);
    else launch<T, NONE>(g, grid, stream);
}

void lx_launch_conv_mma(const Gemm *g, int bm, int bn, dim3 grid, void *stream)
{
    if (bn == 128) launch_tile<Tile<128, 128, 2, 4>>(*g, grid, stream);
    else if (bm == 128) launch_tile<Tile<128, 64, 2, 2>>(*g, grid, stream);
    else launch_tile<Tile<64, 64, 2, 2>>(*g, grid, stream);
}
