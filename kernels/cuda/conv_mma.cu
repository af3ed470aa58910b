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

/* Blocks on a multiprocessor: 64 KB of stages for 8 warps, 48 KB or less for 4. The shift's masks would not fit into the 128
   registers that two blocks of 8 warps leave. */
constexpr int blocks_of(int warps, int affine) { return warps == 4 ? 3 : affine == SCALE_AND_SHIFT ? 1 : 2; }

/* BM pixels times BN channels by WARPS_M x WARPS_N warps. */
template <int BM, int BN, int WARPS_M, int WARPS_N, int AFFINE>
static __global__ void __launch_bounds__(32 * WARPS_M * WARPS_N, blocks_of(WARPS_M * WARPS_N, AFFINE)) conv_mma_kernel(const Gemm g)
{
#if defined(HAS_INSTRUCTIONS)
    enum {
        THREADS = 32 * WARPS_M * WARPS_N, WM = BM / WARPS_M, WN = BN / WARPS_N, MI = WM / 16, NI = WN / 8,
        PIXELS = BM * STEP * 2, STAGE = PIXELS + BN * STEP * 2,                   /* bytes */
        LOADS_A = BM * 4 / THREADS, ACROSS_B = BN / 8, LOADS_B = 32 * ACROSS_B / THREADS, /* pieces that a thread copies in a step */
        VECTORS = BN / 4, LANES = THREADS / VECTORS                              /* in the end: threads along channels and pixels */
    };
    static_assert(THREADS / ACROSS_B == 16 && LOADS_B == 2, "a thread's two rows of weights are 16 apart");
    static_assert(BM * BN * 4 <= STAGES * STAGE, "the sums take the stages' place");
    LX_SHARED_DYNAMIC(unsigned char, shared);
    unsigned *const scales = (unsigned *)(shared + STAGES * STAGE), *const shifts = scales + g.cs / 2;
    LX_SHARED(unsigned short, inside, [BM / 16][8][2]); /* [][r][i]: of row r + 8i; a bit for each tap, whether it is in the picture */

    const int me = threadIdx.x, lane = me % 32, warp = me / 32, m_warp = warp % WARPS_M * WM, n_warp = warp / WARPS_M * WN, n0 = blockIdx.y * BN;
    const int split = blockIdx.z % g.splits, nth = blockIdx.z / g.splits / g.parts, frame = g.frame + nth;
    const Part &part = g.part[blockIdx.z / g.splits % g.parts];
    const int count = part.rows * part.cols, taps = part.y.n * part.x.n, taps_x = part.x.n, steps = (taps * g.cs + STEP - 1) / STEP;
    const int begin = steps * split / g.splits, end = steps * (split + 1) / g.splits;
    const __half *const source = (const __half *)g.x + (size_t)(g.source_frame + nth) * g.h * g.w * g.cs;
    const __half *const weights = (const __half *)g.weights;
    const int tap0 = part.y.index * g.k + part.x.index, down = part.y.step * g.k; /* taps of the weights */
    const float power = keep_affine<THREADS, AFFINE>(g, frame, scales, shifts);

    for (int tile = blockIdx.x * g.tiles; tile < ((int)blockIdx.x + 1) * g.tiles; tile++) {
        const int m0 = tile * BM;
        if (m0 >= count) break;

        /* ---- what this thread copies: piece me%4 of LOADS_A rows of pixels, piece me%ACROSS_B of two rows of weights */
        const int piece = me % 4;
        int pixel[LOADS_A];
        unsigned within[LOADS_A / 2]; /* rows 2i and 2i + 1, a bit for each tap from 0 and from 16 on */
        LX_UNROLL
        for (int i = 0; i < LOADS_A; i++) {
            const int r = me / 4 + i * (THREADS / 4), m = m0 + r;
            const int y = (part.first_row + m / part.cols) * g.stride + part.y.first, x = m % part.cols * g.stride + part.x.first;
            pixel[i] = y * g.w + x;
            unsigned seen = 0;
            for (int t = 0; t < taps && m < count; t++) {
                const int ty = y + t / taps_x, tx = x + t % taps_x;
                if (ty >= 0 && ty < g.h && tx >= 0 && tx < g.w) seen |= 1u << t;
            }
            if (AFFINE == SCALE_AND_SHIFT && piece == 0) inside[r / 16][r % 8][r / 8 % 2] = (unsigned short)seen;
            within[i / 2] = i % 2 ? within[i / 2] | seen << 16 : seen;
        }
        Place next = place_of(begin * STEP, g.cs);
        const auto load = [&](int step) {
            unsigned char *const stage = shared + (step - begin) % STAGES * STAGE;
            Place run[2] = {next, next}; /* a step is two runs of 16 channels */
            advance(&run[1], 16, g.cs);
            const Place mine = piece < 2 ? run[0] : run[1];
            const int tap = mine.tap, ty = row_of(tap, taps_x), offset = ty * g.w + tap - ty * taps_x;
            LX_UNROLL
            for (int i = 0; i < LOADS_A; i++) {
                const int r = me / 4 + i * (THREADS / 4), there = within[i / 2] >> (i % 2 * 16 + tap) & 1;
                const __half *from = there ? source + (size_t)(pixel[i] + offset) * g.cs + mine.c + piece % 2 * 8 : source;
                lx_cp_async(stage + r * (STEP * 2) + (piece ^ (r / 2 & 3)) * 16, from, there);
            }
            LX_UNROLL
            for (int i = 0; i < 2; i++) {
                const int r = me / ACROSS_B + i * 16, n = n0 + me % ACROSS_B * 8, there = run[i].tap < taps && n < g.co;
                const int y = row_of(run[i].tap, taps_x), row = tap0 + y * down + (run[i].tap - y * taps_x) * part.x.step;
                const __half *from = there ? weights + ((size_t)row * g.cs + run[i].c + r % 16) * g.co + n : weights;
                lx_cp_async(stage + PIXELS + r * (BN * 2) + (me % ACROSS_B ^ (r & 7)) * 16, from, there);
            }
            advance(&next, STEP, g.cs);
        };

        /* ---- sums: MI x NI pieces of 16 pixels times 8 channels */
        float sum[MI][NI][4];
        LX_UNROLL
        for (int i = 0; i < MI; i++)
            LX_UNROLL
            for (int j = 0; j < NI; j++)
                LX_UNROLL
                for (int k = 0; k < 4; k++) sum[i][j][k] = 0;
        for (int s = begin; s < begin + STAGES - 1; s++) {
            if (s < end) load(s);
            lx_cp_async_commit();
        }
        __syncthreads(); /* the affine, and which pixels are inside */
        Place at = place_of(begin * STEP, g.cs);
        const int a_row = m_warp + lane % 16, a_piece = lane / 16 ^ (lane % 16 / 2 & 3);
        const int b_row = lane & 15, b_piece = n_warp / 8 + lane / 16;

        for (int step = begin; step < end; step++) {
            lx_cp_async_wait<STAGES - 2>();
            __syncthreads(); /* this step's copies are there for all, and nobody reads the stage before it any more */
            if (step + STAGES - 1 < end) load(step + STAGES - 1);
            lx_cp_async_commit();
            const unsigned char *const stage = shared + (step - begin) % STAGES * STAGE;
            LX_UNROLL
            for (int k = 0; k < STEP / 16; k++) {
                unsigned b[NI][2];
                LX_UNROLL
                for (int j = 0; j < NI; j += 2) {
                    unsigned r[4];
                    lx_ldmatrix_transposed(r, stage + PIXELS + (k * 16 + b_row) * (BN * 2) + ((b_piece + j) ^ (b_row & 7)) * 16);
                    b[j][0] = r[0], b[j][1] = r[1], b[j + 1][0] = r[2], b[j + 1][1] = r[3];
                }
                const unsigned char *const rows = stage + a_row * (STEP * 2) + (a_piece ^ 2 * k) * 16;
                LX_UNROLL
                for (int i = 0; i < MI; i++) {
                    unsigned a[4];
                    lx_ldmatrix(a, rows + i * 16 * (STEP * 2));
                    if (AFFINE != NONE) apply<AFFINE>(a, scales + at.c / 2 + lane % 4, shifts + at.c / 2 + lane % 4, inside[m_warp / 16 + i][lane / 4], at.tap);
                    LX_UNROLL
                    for (int j = 0; j < NI; j++) lx_mma(sum[i][j], a, b[j]);
                }
                if (AFFINE != NONE) advance(&at, 16, g.cs);
            }
        }

        /* ---- the sums through shared memory, so that a thread has four channels in a row: [BM][BN], the eight channels i of
           row r at i ^ (r & 3) */
        lx_cp_async_wait<0>();
        __syncthreads();
        float *const sums = (float *)shared;
        LX_UNROLL
        for (int i = 0; i < MI; i++)
            LX_UNROLL
            for (int j = 0; j < NI; j++)
                LX_UNROLL
                for (int k = 0; k < 2; k++) {
                    const int r = m_warp + i * 16 + k * 8 + lane / 4;
                    *(float2 *)(sums + r * BN + ((n_warp / 8 + j) ^ (r & 3)) * 8 + lane % 4 * 2) = make_float2(sum[i][j][2 * k] * power, sum[i][j][2 * k + 1] * power);
                }
        __syncthreads();
        const int vector = me % VECTORS, c = n0 + 4 * vector;
        float4 stats = lx_all4(0), stats2 = stats;
        if (c < (g.sums ? g.co : g.f.cs)) {
            Factors factors = {};
            if (!g.sums) factors = factors_at(g.f, frame, c);
            for (int r = me / VECTORS; r < BM && m0 + r < count; r += LANES) {
                const int m = m0 + r, y = part.at_y + m / part.cols * g.apart, x = part.at_x + m % part.cols * g.apart;
                const float4 v = lx_load4(sums + r * BN + (vector / 2 ^ (r & 3)) * 8 + vector % 2 * 4);
                if (g.sums) {
                    lx_store4(g.sums + split * g.split_floats + ((size_t)y * g.sums_w + x) * g.co + c, v);
                    continue;
                }
                const float4 stored = finish4(g.f, factors, frame, y, x, c, v);
                stats = lx_add4(stats, stored);
                stats2 = lx_fma4(stored, stored, stats2);
            }
        }
        __syncthreads(); /* the stages are free again */
        if (g.sums || !g.f.stats) continue;
        share_stats(sums, LANES, BN, me / VECTORS, 4 * vector, stats, stats2);
        store_stats(g.f, frame, g.first_slot + blockIdx.x, gridDim.x, g.first_slot + g.slots, tile > (int)blockIdx.x * g.tiles, sums, LANES, BN, n0);
    }
#endif
}

template <int BM, int BN, int WARPS_M, int WARPS_N, int AFFINE> static void launch(const Gemm &g, dim3 grid, void *stream)
{
    const auto kernel = conv_mma_kernel<BM, BN, WARPS_M, WARPS_N, AFFINE>;
    const size_t bytes = STAGES * (BM + BN) * STEP * 2 + (AFFINE == NONE ? 0 : 4 * (size_t)g.cs);
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)bytes);
    LX_LAUNCH(kernel, grid, 32 * WARPS_M * WARPS_N, bytes, stream, g);
}

template <int BM, int BN, int WARPS_M, int WARPS_N> static void launch_tile(const Gemm &g, dim3 grid, void *stream)
{
    if (g.in_shift) launch<BM, BN, WARPS_M, WARPS_N, SCALE_AND_SHIFT>(g, grid, stream);
    else if (g.in_scale) launch<BM, BN, WARPS_M, WARPS_N, SCALE>(g, grid, stream);
    else launch<BM, BN, WARPS_M, WARPS_N, NONE>(g, grid, stream);
}

void lx_launch_conv_mma(const Gemm *g, int bm, int bn, dim3 grid, void *stream)
{
    if (bn == 128) launch_tile<128, 128, 2, 4>(*g, grid, stream);
    else if (bm == 128) launch_tile<128, 64, 2, 2>(*g, grid, stream);
    else launch_tile<64, 64, 2, 2>(*g, grid, stream);
}
