/* The four direct convolutions: what each loads, multiplies and finishes (conv_direct.h). */
#include "x86/conv_direct.h"
#include "x86/x86.h"

static const unsigned char rows_of_taps[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

/* Outputs a_step pixels of the tile apart. Neighbouring pixels of a tile row lie together: a row of taps is one piece. */
static int rows_of_taps_products(const ConvTile *t, Product *out, int a_step)
{
    const int k = t->p->d.k;
    *out = (Product){.n_pieces = k, .rows = t->rows, .cols = t->cols, .a_step = a_step, .c_step = 1};
    for (int ky = 0; ky < k; ky++) out->pieces[ky] = (Piece){ky, 0, ky * k, k};
    return 1;
}

/* ---- conv2d: 3x3 and 1x1 ------------------------------------------------------------------------------------------ */

static void conv2d_load(const ConvTile *t)
{
    load_plain(t, t->p->d.k / 2);
}

static int conv2d_products(const ConvTile *t, Product out[4])
{
    return rows_of_taps_products(t, out, 1);
}

static const ConvForm conv2d_form = {rows_of_taps, conv2d_load, conv2d_products, finish_plain, NULL};

/* ---- conv_down2d: the tile is blurred, and for k = 1 has the kept samples only ---------------------------------------- */

static int down_products(const ConvTile *t, Product out[4])
{
    return rows_of_taps_products(t, out, t->p->d.k == 3 ? 2 : 1);
}

static const ConvForm conv_down2d_form = {rows_of_taps, load_blurred, down_products, finish_plain, NULL};

/*
 * ---- conv_up2d: the transposed convolution by the parity of its outputs, nine products an input pixel -----------------
 *
 * Per axis, even output 2q is x[q-1] w[2] + x[q] w[0], odd output 2q+1 is x[q] w[1]. Output Y of the FIR takes Y-1 ... Y+2 of
 * them, so inputs q = y ... y+rows-1 need sums 2y-1 ... 2(y+rows)+1, which lie from 0 on, odd ones first. The tile begins
 * at y-1. Sums outside the transposed convolution, -1 and 2h+1, are zero; sums that the tile before left are not redone.
 */
static const unsigned char taps_by_parity[9] = {8, 6, 2, 0, /* even, even */ 7, 1, /* even row, odd column */ 5, 3, 4};

static void up_load(const ConvTile *t)
{
    load_plain(t, 1);
}

/* Sums of one parity along an axis, of those that `size` inputs need: how many first ones are there already, how many to do. */
typedef struct Span {
    int skip, n;
} Span;

static Span up_span(int odd, int size, int carried, int first, int last)
{
    const int skip = carried ? 1 + odd : odd && first;
    return (Span){skip, size + 1 + odd - skip - (odd && last)};
}

static void clear_outside(const ConvTile *t, int last_row, int last_col)
{
    const size_t step = (size_t)(t->p->group * LX_LANES), pitch = (size_t)t->pitch * step, w = (size_t)t->sums_w * step;
    float *end = t->sums + (size_t)(t->sums_h - 1) * pitch;
    if (t->y == 0) memset(t->sums, 0, w * sizeof(float));
    if (last_row) memset(end, 0, w * sizeof(float));
    for (float *row = t->sums; row <= end; row += pitch) {
        if (t->x == 0) memset(row, 0, step * sizeof(float));
        if (last_col) memset(row + w - step, 0, step * sizeof(float));
    }
}

static int up_products(const ConvTile *t, Product out[4])
{
    static const unsigned char at[4] = {0, 4, 6, 8}; /* taps of each parity in packed weights */
    const int last_row = t->y + t->rows == t->p->grid_h, last_col = t->x + t->cols == t->p->grid_w;
    if (t->c == 0) clear_outside(t, last_row, last_col);
    for (int i = 0; i < 4; i++) {
        const int odd_row = i >> 1, odd_col = i & 1, taps = 2 - odd_col;
        const Span rows = up_span(odd_row, t->rows, 0, t->y == 0, last_row), cols = up_span(odd_col, t->cols, t->carried, t->x == 0, last_col);
        out[i] = (Product){.n_pieces = 2 - odd_row, .rows = rows.n, .cols = cols.n, .a_step = 1,
                           .c_row = 1 - odd_row + 2 * rows.skip, .c_col = 1 - odd_col + 2 * cols.skip, .c_step = 2};
        for (int j = 0; j < out[i].n_pieces; j++) out[i].pieces[j] = (Piece){rows.skip + j, cols.skip, at[i] + j * taps, taps};
    }
    return 4;
}

static void up_finish(const ConvTile *t)
{
    finish_fir(t, 0);
}

static const ConvForm conv_up2d_form = {taps_by_parity, up_load, up_products, up_finish, NULL};

/*
 * ---- upsample_conv2d: FIR and convolution commute --------------------------------------------------------------------
 *
 * It is conv_up2d with the kernel turned by 180 degrees: a quarter of the products. Except on the outermost ring of outputs,
 * whose taps reach where the FIR's tails would be and the contract has zeros: those are computed as the contract says.
 */
static const unsigned char taps_turned[9] = {0, 2, 6, 8, 1, 7, 3, 5, 4};
static const unsigned char turned_at[9] = {0, 4, 1, 6, 8, 7, 2, 5, 3}; /* where each tap is in that order */

static void upsample_finish(const ConvTile *t)
{
    finish_fir(t, 1);
}

static void ring_load(const ConvTile *t)
{
    load_upsampled(t, 1);
}

static int ring_products(const ConvTile *t, Product out[4])
{
    *out = (Product){.n_pieces = 9, .rows = t->rows, .cols = t->cols, .a_step = 1, .c_step = 1};
    for (int i = 0; i < 9; i++) out->pieces[i] = (Piece){i / 3, i % 3, turned_at[i], 1};
    return 1;
}

static const ConvForm ring_form = {taps_turned, ring_load, ring_products, finish_plain, NULL};

static void ring_piece(const ConvTile *t, int y, int x, int rows, int cols)
{
    if (rows <= 0 || cols <= 0) return;
    ConvTile ring = *t;
    ring.filled = NULL;
    ring.sums = t->tile + t->p->ring_at;
    ring.y = ring.from_y = y, ring.x = ring.from_x = x, ring.rows = ring.sums_h = rows, ring.cols = ring.sums_w = ring.pitch = cols;
    ring.tile_h = rows + 2, ring.tile_w = cols + 2;
    conv_tile(&ring_form, &ring);
}

/* The tile's part of the ring: rows with their corners, columns without. */
static void upsample_border(const ConvTile *t)
{
    const int h = t->a->y.h, w = t->a->y.w, y = 2 * t->y, x = 2 * t->x, rows = 2 * t->rows, cols = 2 * t->cols;
    const int inner = lx_max(y, 1), inner_rows = lx_min(y + rows, h - 1) - inner;
    if (y == 0) ring_piece(t, 0, x, 1, cols);
    if (y + rows == h) ring_piece(t, h - 1, x, 1, cols);
    if (x == 0) ring_piece(t, inner, 0, inner_rows, 1);
    if (x + cols == w) ring_piece(t, inner, w - 1, inner_rows, 1);
}

static const ConvForm upsample_conv2d_form = {taps_turned, up_load, up_products, upsample_finish, upsample_border};

/* ---- entries ------------------------------------------------------------------------------------------------------ */

#define FORM(kind, type, TYPE, pairs)                                                  \
    static size_t kind##_##type##_bytes(const LxConvDesc *d)                           \
    {                                                                                  \
        return conv_packed_bytes(d, TYPE);                                             \
    }                                                                                  \
    static void kind##_##type##_pack(LxPool *pool, const LxConvDesc *d, const float *w, void *to) \
    {                                                                                  \
        conv_pack(pool, d, w, to, kind##_form.order, TYPE, pairs);                     \
    }                                                                                  \
    static void kind##_##type##_run(const LxExec *x, const LxConvArgs *a)              \
    {                                                                                  \
        conv_run(x, a, &kind##_form, TYPE, pairs);                                     \
    }

#define FORMS(type, TYPE, pairs)              \
    FORM(conv2d, type, TYPE, pairs)           \
    FORM(conv_up2d, type, TYPE, pairs)        \
    FORM(upsample_conv2d, type, TYPE, pairs)  \
    FORM(conv_down2d, type, TYPE, pairs)

#define OPS(kind, type, name) {"direct " LX_TILE_STRING name, kind##_##type##_bytes, kind##_##type##_pack, conv_scratch_bytes, kind##_##type##_run}

#define ALL_OPS(type, name)                                       \
    {                                                             \
        [LX_CONV2D] = OPS(conv2d, type, name),                    \
        [LX_CONV_UP2D] = OPS(conv_up2d, type, name),              \
        [LX_UPSAMPLE_CONV2D] = OPS(upsample_conv2d, type, name),  \
        [LX_CONV_DOWN2D] = OPS(conv_down2d, type, name),          \
    }

FORMS(pairs, LX_BF16, 1)
const LxConvOps LX_LEVEL_NAME(lx_conv_bf16)[LX_CONV_KINDS] = ALL_OPS(pairs, " bf16");

#if !defined(__AVX512BF16__) /* which is there for them alone */
FORMS(f32, LX_F32, 0)
FORMS(f16, LX_F16, 0)
FORMS(bf16, LX_BF16, 0)
const LxConvOps LX_LEVEL_NAME(lx_conv_direct)[LX_CONV_KINDS] = ALL_OPS(f32, "");
const LxConvOps LX_LEVEL_NAME(lx_conv_narrow)[2][LX_CONV_KINDS] = {ALL_OPS(f16, ", f16 weights"), ALL_OPS(bf16, ", bf16 weights")};
#endif
