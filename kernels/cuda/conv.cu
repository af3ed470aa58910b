/*
 * The four convolutions (conv.h) as products over taps (conv_gemm.h). What is not a product over pixels as they lie has a pass
 * before it or after it:
 *
 *     conv2d           product -> outputs; few outputs: the inner dimension is split, then sums -> outputs
 *     conv_down2d      blurred picture -> product, as above
 *     conv_up2d        four products, one for each parity of row and column of the transposed convolution, -> sums;
 *                      FIR of the sums -> outputs
 *     upsample_conv2d  FIR and convolution commute: conv_up2d with the kernel turned by 180 degrees. Except for the outermost
 *                      ring of outputs, where the contract has zeros beyond the upsampled picture: those have a product of
 *                      their own over what their taps see
 *
 * The mma tier has the same plan with tiles and a product of its own (conv_mma.cu), and its blurred pictures are f16.
 *
 * Blurred pictures and sums are f32 in scratch memory, one frame and one band of rows at a time, so that they stay in the
 * second-level cache. How a shape is cut up follows from the shape alone.
 */
#include "conv_gemm.h"
#include "conv_mma.h"
#include "plain.h"

/* Blocks that fill a large GPU, and floats of scratch memory for a band. The tests set both lower, so that small pictures
   come to every branch. */
#ifndef LX_CONV_BLOCKS
#define LX_CONV_BLOCKS 192
#endif
#ifndef LX_CONV_BAND
#define LX_CONV_BAND (8 << 20)
#endif

/* ---- the plan -------------------------------------------------------------------------------------------------------- */

typedef struct Plan {
    LxConvDesc d;
    int mma;                 /* the product is the mma tier's */
    int h, w;                /* of the output */
    int ci, co;              /* as packed */
    int bm, bn, splits;
    int fir, down, ring;     /* FIR after the products; blur before them; outputs on the ring, ring_splits */
    int ring_splits;
    int seen_w, sums_w;      /* of blurred pictures; of sums */
    int band;                /* rows of outputs at a time */
    size_t split_floats;     /* of sums in one band */
    size_t sums_at, ring_at, ring_sums_at, floats; /* parts of the scratch memory; blurred rows are at 0 */
} Plan;

static int at_most(int a, int b) { return a < b ? a : b; }
static int at_least(int a, int b) { return a > b ? a : b; }

/* Rows of the blurred picture, or of sums, that `rows` rows of outputs take. */
static int seen_rows(const LxConvDesc *d, int rows) { return d->k == 3 ? 2 * rows + 1 : rows; }
static int sums_rows(const Plan *p, int rows) { return p->fir ? rows + 3 : rows; }

/* Splits of so many steps, `least` or more each, where there are so many blocks without. */
static int splits_for(int blocks, int steps, int least) { return at_least(at_most(lx_ceil_div(LX_CONV_BLOCKS, blocks), steps / least), 1); }

static Plan plan_of(const LxConvDesc *d, int mma)
{
    Plan p = {};
    p.d = *d;
    p.mma = mma;
    p.h = lx_conv_out(d, d->h), p.w = lx_conv_out(d, d->w);
    p.fir = d->kind == LX_CONV_UP2D || d->kind == LX_UPSAMPLE_CONV2D;
    p.down = d->kind == LX_CONV_DOWN2D;
    p.ci = lx_ceil_div(d->ci, CONV_STEP) * CONV_STEP;
    const int parts = p.fir ? 4 : 1, points = p.fir ? (d->h + 1) * (d->w + 1) : p.h * p.w;
    p.bn = mma ? (d->co > 64 && points > 64 ? 128 : 64) : d->co <= 16 ? 16 : 64;
    p.co = lx_ceil_div(d->co, p.bn) * p.bn;
    const int across = p.co / p.bn, least = mma ? 16 : 4;
    const int steps = p.ci / CONV_STEP * (p.fir ? 1 : d->k * d->k); /* of the part with the fewest */
    if (mma) p.bm = points > 64 ? 128 : 64;
    else p.bm = p.bn == 16 || lx_ceil_div(points, 128) * across * parts >= LX_CONV_BLOCKS ? 128 : 64;
    p.splits = splits_for(lx_ceil_div(points, p.bm) * across * parts, steps, least);
    if (d->kind == LX_UPSAMPLE_CONV2D) {
        p.ring = 2 * p.w + 2 * (p.h - 2);
        p.ring_splits = splits_for(lx_ceil_div(p.ring, p.bm) * across, 9 * steps, least);
    }
    p.seen_w = p.down ? seen_rows(d, p.w) : 0;
    p.sums_w = p.fir ? 2 * d->w + 1 : p.w;

    const int to_sums = p.fir || p.splits > 1;
    const size_t seen_floats = (size_t)p.seen_w * lx_stored_channels(d->ci) / (mma ? 2 : 1), sum_floats = to_sums ? (size_t)p.sums_w * p.co : 0;
    const size_t row_floats = (d->k == 3 ? 2 : 1) * seen_floats + sum_floats * p.splits;
    p.band = row_floats && p.h * row_floats > LX_CONV_BAND ? at_least((int)(LX_CONV_BAND / row_floats) / 2 * 2, 2) : p.h;
    p.split_floats = sum_floats * sums_rows(&p, p.band);
    p.sums_at = seen_floats * seen_rows(d, p.band);
    p.ring_at = p.sums_at + p.split_floats * p.splits;
    p.ring_sums_at = p.ring_at + (size_t)p.ring * 9 * p.ci / (mma ? 2 : 1);
    p.floats = p.ring_sums_at + (size_t)p.ring * p.co * p.ring_splits;
    return p;
}

/* ---- before the products ------------------------------------------------------------------------------------------------ */

/* What both passes read: a frame of the input, through the affine. */
typedef struct Source {
    const void *x;
    const float *scale, *shift;
    int half, h, w, cs;
} Source;

static Source source_of(const LxConvArgs *a, int frame)
{
    const size_t stride = a->in_stride ? a->in_stride : a->x.cs;
    Source s = {};
    s.x = lx_tensor_frame(a->x, frame).data;
    s.scale = a->in_scale ? a->in_scale + frame * stride : NULL;
    s.shift = a->in_shift ? a->in_shift + frame * stride : NULL;
    s.half = a->x.type == LX_F16, s.h = a->x.h, s.w = a->x.w, s.cs = a->x.cs;
    return s;
}

/* The affine of channels from c on. */
template <int V> struct Affine {
    LxChannels<V> scale, shift;
};

template <int V> LX_DEVICE Affine<V> affine_at(const Source &s, int c)
{
    Affine<V> a;
    LX_UNROLL
    for (int i = 0; i < V; i++) a.scale.v[i] = lx_vector_or(s.scale, c + 4 * i, 1), a.shift.v[i] = lx_vector_or(s.shift, c + 4 * i, 0);
    return a;
}

/* Those channels of pixel (y, x); zero outside. */
template <int V> LX_DEVICE LxChannels<V> source_at(const Source &s, const Affine<V> &a, int y, int x, int c)
{
    LxChannels<V> u = {};
    if (y < 0 || y >= s.h || x < 0 || x >= s.w) return u;
    u = lx_load_of<V>(s.x, s.half, ((size_t)y * s.w + x) * s.cs + c);
    LX_UNROLL
    for (int i = 0; i < V; i++) u.v[i] = lx_fma4(u.v[i], a.scale.v[i], a.shift.v[i]);
    return u;
}

/* [1,3,3,1] of four, times `factor`. */
template <int V> LX_DEVICE LxChannels<V> fir(float factor, const LxChannels<V> &a, const LxChannels<V> &b, const LxChannels<V> &c, const LxChannels<V> &d)
{
    LxChannels<V> sum;
    LX_UNROLL
    for (int i = 0; i < V; i++) sum.v[i] = lx_scale4(factor, lx_fma4(lx_all4(3), lx_add4(b.v[i], c.v[i]), lx_add4(a.v[i], d.v[i])));
    return sum;
}

enum { BLUR_RUN = 8 }; /* blurred pixels that a thread makes, one after the other */

/* Pixel (r, i) of `to` is the FIR of u at rows step*(first + r) - pad and columns step*i - pad and the next three. */
template <int V> static __global__ void __launch_bounds__(CONV_THREADS, 1) blur_kernel(Source s, int first, int step, int pad, int width, int half_to, void *to)
{
    const int across = s.cs / (4 * V), at = blockIdx.x * CONV_THREADS + threadIdx.x, c = at % across * 4 * V, from = at / across * BLUR_RUN;
    if (from >= width) return;
    const Affine<V> a = affine_at<V>(s, c);
    const int y = step * (first + (int)blockIdx.y) - pad;
    const auto column = [&](int x) { return fir(1.0f / 8, source_at(s, a, y, x, c), source_at(s, a, y + 1, x, c), source_at(s, a, y + 2, x, c), source_at(s, a, y + 3, x, c)); };
    int x = step * from - pad;
    LxChannels<V> u0 = column(x), u1 = column(x + 1), u2 = column(x + 2);
    for (int i = from; i < width && i < from + BLUR_RUN; i++, x += step) {
        const LxChannels<V> u3 = column(x + 3);
        lx_store_of(to, half_to, ((size_t)blockIdx.y * width + i) * s.cs + c, fir(1.0f / 8, u0, u1, u2, u3));
        if (step == 1) u0 = u1, u1 = u2, u2 = u3;
        else u0 = u2, u1 = u3, u2 = column(x + 4);
    }
}

/* Outputs on the ring are counted along the first row, the last, then down the first and last column without their ends. */
LX_DEVICE void ring_pixel(int i, int h, int w, int *y, int *x)
{
    const int sides = i - 2 * w;
    *y = i < w ? 0 : i < 2 * w ? h - 1 : 1 + sides % (h - 2);
    *x = i < 2 * w ? i % w : sides < h - 2 ? 0 : w - 1;
}

LX_DEVICE int ring_index(int y, int x, int h, int w)
{
    if (y == 0) return x;
    if (y == h - 1) return w + x;
    return 2 * w + (x ? h - 2 : 0) + y - 1;
}

/* What the nine taps of output i see of the upsampled picture: to[i][tap][channels]. */
template <int V> static __global__ void __launch_bounds__(CONV_THREADS) ring_kernel(Source s, int count, int channels, int half_to, void *to)
{
    const int across = channels / (4 * V), at = blockIdx.x * CONV_THREADS + threadIdx.x, c = at % across * 4 * V, tap = at / across % 9, i = at / across / 9;
    if (i >= count) return;
    int y, x;
    ring_pixel(i, 2 * s.h, 2 * s.w, &y, &x);
    y += tap / 3 - 1, x += tap % 3 - 1;
    LxChannels<V> sum = {};
    if (y >= 0 && y < 2 * s.h && x >= 0 && x < 2 * s.w && c < s.cs) {
        const Affine<V> a = affine_at<V>(s, c);
        for (int k = 0; k < 4; k++) {
            const LxChannels<V> u = source_at(s, a, k & 2 ? lx_other_sample(y) : y / 2, k & 1 ? lx_other_sample(x) : x / 2, c);
            LX_UNROLL
            for (int v = 0; v < V; v++) sum.v[v] = lx_fma4(lx_all4((k & 2 ? 1 : 3) * (k & 1 ? 1 : 3) / 16.0f), u.v[v], sum.v[v]);
        }
    }
    lx_store_of(to, half_to, (size_t)at * 4 * V, sum);
}

/* ---- after the products ---------------------------------------------------------------------------------------------------- */

/* Sums of the splits of one number: `floats` apart. */
typedef struct Sums {
    const float *at;
    size_t floats;
    int splits;
} Sums;

template <int V> LX_DEVICE LxChannels<V> added(const Sums &s, size_t at)
{
    LxChannels<V> sum = lx_load_of<V>(s.at, 0, at);
    for (int i = 1; i < s.splits; i++)
        LX_UNROLL
        for (int v = 0; v < V; v++) sum.v[v] = lx_add4(sum.v[v], lx_load4(s.at + i * s.floats + at + 4 * v));
    return sum;
}

typedef struct Ending {
    Finish f;
    Sums sums, ring;       /* [rows][sums_w][co]; [ring][co], `at` NULL: no ring */
    int sums_h, sums_w, co; /* sums_h: of the whole picture */
    int frame, first, first_sum; /* rows that blockIdx.y = 0 and the memory of sums begin with */
    int fir, across;       /* threads side by side along the channels */
} Ending;

/* Column x of the FIR of output row y, without its factor; sums outside are zero. */
template <int V> LX_DEVICE LxChannels<V> sums_column(const Ending &e, int y, int x, int c)
{
    LxChannels<V> rows[4];
    LX_UNROLL
    for (int i = 0; i < 4; i++) {
        const int r = y - 1 + i;
        rows[i] = {};
        if (r >= 0 && r < e.sums_h && x >= 0 && x < e.sums_w) rows[i] = added<V>(e.sums, ((size_t)(r - e.first_sum) * e.sums_w + x) * e.co + c);
    }
    return fir(1, rows[0], rows[1], rows[2], rows[3]);
}

/* A block for a row of outputs and a few threads side by side; each walks along its part of the row. */
template <int V> static __global__ void __launch_bounds__(CONV_THREADS, 1) finish_kernel(const Ending e)
{
    LX_SHARED(float, room, [2 * 4 * V * CONV_THREADS]);
    const int lanes = CONV_THREADS / e.across, lane = threadIdx.x / e.across, at = threadIdx.x % e.across * 4 * V, channels = e.across * 4 * V;
    const int c0 = blockIdx.x * channels, c = c0 + at, y = e.first + blockIdx.y;
    const int run = lx_ceil_div(e.f.w, lanes), from = lane * run, to = min(from + run, e.f.w);
    Factors factors[V];
    LX_UNROLL
    for (int v = 0; v < V; v++) factors[v] = factors_at(e.f, e.frame, c + 4 * v);
    LxChannels<V> stats = {}, stats2 = {}, u0 = {}, u1 = {}, u2 = {};
    if (e.fir && from < to) u0 = sums_column<V>(e, y, from - 1, c), u1 = sums_column<V>(e, y, from, c), u2 = sums_column<V>(e, y, from + 1, c);
    for (int x = from; x < to; x++) {
        LxChannels<V> sum;
        if (e.fir) {
            const LxChannels<V> u3 = sums_column<V>(e, y, x + 2, c);
            sum = fir(1.0f / 16, u0, u1, u2, u3);
            u0 = u1, u1 = u2, u2 = u3;
            if (e.ring.at && (y == 0 || y == e.f.h - 1 || x == 0 || x == e.f.w - 1)) sum = added<V>(e.ring, (size_t)ring_index(y, x, e.f.h, e.f.w) * e.co + c);
        } else {
            sum = added<V>(e.sums, ((size_t)(y - e.first_sum) * e.sums_w + x) * e.co + c);
        }
        const LxChannels<V> stored = finish(e.f, factors, e.frame, y, x, c, sum);
        LX_UNROLL
        for (int v = 0; v < V; v++) stats.v[v] = lx_add4(stats.v[v], stored.v[v]), stats2.v[v] = lx_fma4(stored.v[v], stored.v[v], stats2.v[v]);
    }
    if (!e.f.stats) return;
    LX_UNROLL
    for (int v = 0; v < V; v++) share_stats(room, lanes, channels, lane, at + 4 * v, stats.v[v], stats2.v[v]);
    store_stats(e.f, e.frame, y, 1, y + 1, 0, room, lanes, channels, c0);
}

/* ---- launching ------------------------------------------------------------------------------------------------------------ */

template <typename S, typename W> static void launch_tiles(const Gemm *g, const Plan *p, dim3 grid, void *stream)
{
    if (p->bn == 16) LX_LAUNCH((conv_gemm_kernel<S, W, 128, 16>), grid, CONV_THREADS, 0, stream, *g);
    else if (p->bm == 64) LX_LAUNCH((conv_gemm_kernel<S, W, 64, 64>), grid, CONV_THREADS, 0, stream, *g);
    else LX_LAUNCH((conv_gemm_kernel<S, W, 128, 64>), grid, CONV_THREADS, 0, stream, *g);
}

template <typename W> static void launch_gemm(const Gemm *g, const Plan *p, [[maybe_unused]] LxDtype source, int frames, void *stream)
{
    int points = 0;
    for (int i = 0; i < g->parts; i++) points = at_least(points, g->part[i].rows * g->part[i].cols);
    const dim3 grid(lx_ceil_div(lx_ceil_div(points, p->bm), g->tiles), p->co / p->bn, frames * g->parts * g->splits);
    if constexpr (sizeof(W) == 2) { /* tensors are f32 or of the weights' type */
        if (p->mma || source == LX_F16) {
            if (p->mma) lx_launch_conv_mma(g, p->bm, p->bn, grid, stream);
            else launch_tiles<__half, W>(g, p, grid, stream);
            return;
        }
    }
    launch_tiles<float, W>(g, p, grid, stream);
}

/* What all products of a convolution share. */
static Gemm gemm_of(const LxConvArgs *a, const Plan *p)
{
    Gemm g = {};
    g.x = a->x.data, g.in_scale = a->in_scale, g.in_shift = a->in_shift;
    g.in_stride = a->in_stride ? a->in_stride : a->x.cs;
    g.h = p->d.h, g.w = p->d.w, g.cs = a->x.cs, g.stride = 1;
    g.weights = a->weights->packed, g.k = p->d.k, g.steps = p->ci / CONV_STEP, g.co = p->co;
    g.parts = 1, g.splits = 1, g.tiles = 1, g.apart = 1;
    g.f = finish_of(a);
    return g;
}

/* The four parities of the transposed convolution (by 0, 1: even, odd), for rows y0 ... y0+rows-1 of sums. Per axis, even sum
   2q is x[q-1] w[2] + x[q] w[0], odd sum 2q+1 is x[q] w[1]; with the kernel turned, w[0] and w[2] change places. */
static void set_parities(Gemm *g, const Plan *p, int y0, int rows)
{
    const int turned = p->d.kind == LX_UPSAMPLE_CONV2D;
    const Taps even = {2, -1, turned ? 0 : 2, turned ? 2 : -2}, odd = {1, 0, 1, 0};
    for (int i = 0; i < 4; i++) {
        const int oy = i >> 1, ox = i & 1, first = (y0 - oy + 1) / 2, last = (y0 + rows - 1 - oy) / 2; /* q of the first and last row */
        Part part = {oy ? odd : even, ox ? odd : even, first, last - first + 1, p->d.w + 1 - ox, 2 * first + oy - y0, ox};
        g->part[i] = part;
    }
    g->parts = 4;
    g->apart = 2;
}

static void set_grid(Gemm *g, int k, int pad, int first_row, int rows, int cols, int at_y)
{
    const Taps taps = {k, -pad, 0, 1};
    const Part part = {taps, taps, first_row, rows, cols, at_y, 0};
    g->part[0] = part;
}

static void finish(const LxExec *x, const Gemm *g, const Plan *p, int frame, int y0, int rows, int first_sum)
{
    Ending e = {};
    e.f = g->f;
    float *scratch = (float *)x->scratch;
    e.sums.at = g->sums, e.sums.floats = p->split_floats, e.sums.splits = p->splits;
    if (p->ring) e.ring.at = scratch + p->ring_sums_at, e.ring.floats = (size_t)p->ring * p->co, e.ring.splits = p->ring_splits;
    e.sums_h = p->fir ? 2 * p->d.h + 1 : p->h, e.sums_w = p->sums_w, e.co = p->co;
    e.frame = frame, e.first = y0, e.first_sum = first_sum, e.fir = p->fir;
    const int vectors = lx_vectors(g->f.half, g->f.cs), groups = g->f.cs / (4 * vectors);
    for (e.across = 1; e.across < 8 && groups % (2 * e.across) == 0;) e.across *= 2;
    const auto ending = vectors == 2 ? finish_kernel<2> : finish_kernel<1>;
    LX_LAUNCH(ending, dim3(groups / e.across, rows), CONV_THREADS, 0, x->stream, e);
}

/* The products of the ring, for one frame. */
template <typename W> static void run_ring(const LxExec *x, const LxConvArgs *a, const Plan *p, int frame)
{
    float *scratch = (float *)x->scratch;
    const Source s = source_of(a, frame);
    const int vectors = lx_vectors(s.half, s.cs);
    const auto ring = vectors == 2 ? ring_kernel<2> : ring_kernel<1>;
    LX_LAUNCH(ring, lx_ceil_div(p->ring * 9 * p->ci / (4 * vectors), CONV_THREADS), CONV_THREADS, 0, x->stream, s, p->ring, p->ci, p->mma, scratch + p->ring_at);
    Gemm g = gemm_of(a, p);
    g.x = scratch + p->ring_at, g.in_scale = g.in_shift = NULL;
    g.h = 1, g.w = p->ring, g.cs = 9 * p->ci, g.k = 1, g.steps = 9 * p->ci / CONV_STEP;
    g.splits = p->ring_splits, g.sums = scratch + p->ring_sums_at, g.split_floats = (size_t)p->ring * p->co, g.sums_w = p->ring;
    set_grid(&g, 1, 0, 0, 1, p->ring, 0);
    launch_gemm<W>(&g, p, LX_F32, 1, x->stream);
}

/* Rows y0 ... y0+rows-1 of the outputs of so many frames; one, where scratch memory is needed. */
template <typename W> static void run_band(const LxExec *x, const LxConvArgs *a, const Plan *p, int frame, int frames, int y0, int rows)
{
    float *scratch = (float *)x->scratch;
    Gemm g = gemm_of(a, p);
    LxDtype source = a->x.type;
    g.frame = g.source_frame = frame;
    g.splits = p->splits;
    if (p->fir || p->splits > 1) g.sums = scratch + p->sums_at, g.split_floats = p->split_floats, g.sums_w = p->sums_w;
    int first_sum = y0;
    if (p->fir) {
        first_sum = at_least(y0 - 1, 0);
        set_parities(&g, p, first_sum, at_most(y0 + rows + 2, 2 * p->d.h + 1) - first_sum);
    } else {
        set_grid(&g, p->d.k, p->down ? 0 : p->d.k / 2, y0, rows, p->w, g.sums ? 0 : y0);
    }
    if (p->down) {
        const Source s = source_of(a, frame);
        const int step = p->d.k == 3 ? 1 : 2, pad = p->d.k == 3 ? 2 : 1, first = p->d.k == 3 ? 2 * y0 : y0;
        const int vectors = lx_vectors(s.half, s.cs), threads = lx_ceil_div(p->seen_w, BLUR_RUN) * (s.cs / (4 * vectors));
        const auto blur = vectors == 2 ? blur_kernel<2> : blur_kernel<1>;
        LX_LAUNCH(blur, dim3(lx_ceil_div(threads, CONV_THREADS), seen_rows(&p->d, rows)), CONV_THREADS, 0, x->stream, s, first, step, pad, p->seen_w, p->mma, scratch);
        g.x = scratch, g.in_scale = g.in_shift = NULL, g.source_frame = 0;
        g.h = seen_rows(&p->d, rows), g.w = p->seen_w, g.stride = p->d.k == 3 ? 2 : 1;
        g.part[0].first_row = 0;
        source = LX_F32;
    }
    g.first_slot = y0, g.slots = rows;
    if (g.f.stats && !g.sums) g.tiles = lx_ceil_div(lx_ceil_div(rows * p->w, p->bm), rows); /* no more blocks than slots */
    launch_gemm<W>(&g, p, source, frames, x->stream);
    if (g.sums) finish(x, &g, p, frame, y0, rows, first_sum);
}

template <typename W> static void run_conv(const LxExec *x, const LxConvArgs *a, int mma)
{
    const Plan p = plan_of(&a->weights->desc, mma);
    if (!p.floats) {
        run_band<W>(x, a, &p, 0, a->y.n, 0, p.h);
        return;
    }
    for (int frame = 0; frame < a->y.n; frame++) {
        if (p.ring) run_ring<W>(x, a, &p, frame);
        for (int y = 0; y < p.h; y += p.band) run_band<W>(x, a, &p, frame, 1, y, at_most(p.band, p.h - y));
    }
}

/* ---- packing -------------------------------------------------------------------------------------------------------------- */

static size_t weight_count(const LxConvDesc *d, int mma)
{
    const Plan p = plan_of(d, mma);
    return (size_t)(d->k * d->k) * p.ci * p.co;
}

template <int mma> static size_t scratch_bytes(const LxConvDesc *d, int slots)
{
    (void)slots;
    return plan_of(d, mma).floats * sizeof(float);
}

static void put(float *to, float v) { *to = v; }
static void put(uint16_t *to, float v) { *to = lx_f32_to_f16(v); }

/* From w [co,ci,k,k] to [k*k][ci][co], padded with zeros: an item is CONV_STEP input channels. */
template <typename Bits> struct Packing {
    const LxConvDesc *d;
    Plan p;
    const float *w;
    Bits *to;
};

template <typename Bits> static void pack_channels(void *arg, int item, int slot)
{
    (void)slot;
    const Packing<Bits> *k = (const Packing<Bits> *)arg;
    const int taps = k->d->k * k->d->k;
    for (int co = 0; co < k->p.co; co++)
        for (int ci = item * CONV_STEP; ci < (item + 1) * CONV_STEP; ci++)
            for (int tap = 0; tap < taps; tap++) {
                const int is_there = ci < k->d->ci && co < k->d->co;
                put(k->to + ((size_t)tap * k->p.ci + ci) * k->p.co + co, is_there ? k->w[((size_t)co * k->d->ci + ci) * taps + tap] : 0);
            }
}

template <typename Bits, int mma> static void pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to)
{
    Packing<Bits> k = {d, plan_of(d, mma), w, (Bits *)to};
    lx_parallel(pool, k.p.ci / CONV_STEP, pack_channels<Bits>, &k);
}

static size_t bytes_f32(const LxConvDesc *d) { return weight_count(d, 0) * 4; }
static size_t bytes_f16(const LxConvDesc *d) { return weight_count(d, 0) * 2; }
static size_t bytes_mma(const LxConvDesc *d) { return weight_count(d, 1) * 2; }
static void run_f32(const LxExec *x, const LxConvArgs *a) { run_conv<float>(x, a, 0); }
static void run_f16(const LxExec *x, const LxConvArgs *a) { run_conv<__half>(x, a, 0); }
static void run_mma(const LxExec *x, const LxConvArgs *a) { run_conv<__half>(x, a, 1); }

#define OPS(name, type, Bits, mma) {name, bytes_##type, pack<Bits, mma>, scratch_bytes<mma>, run_##type}
#define OPS_OF_KINDS(name, type, Bits, mma) {OPS(name, type, Bits, mma), OPS(name, type, Bits, mma), OPS(name, type, Bits, mma), OPS(name, type, Bits, mma)}
const LxConvOps lx_conv_cuda_f32[LX_CONV_KINDS] = OPS_OF_KINDS("plain f32", f32, float, 0);
const LxConvOps lx_conv_cuda_f16[LX_CONV_KINDS] = OPS_OF_KINDS("plain f16", f16, uint16_t, 0);
const LxConvOps lx_conv_cuda_mma[LX_CONV_KINDS] = OPS_OF_KINDS("mma f16", mma, uint16_t, 1);
