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

static int conv2d_products(const ConvTile *t, Product *out)
{
    return rows_of_taps_products(t, out, 1);
}

static const ConvForm conv2d_form = {rows_of_taps, conv2d_load, conv2d_products, finish_plain};

/* ---- conv_down2d: the tile is blurred, and for k = 1 has the kept samples only ---------------------------------------- */

static int down_products(const ConvTile *t, Product *out)
{
    return rows_of_taps_products(t, out, t->p->d.k == 3 ? 2 : 1);
}

static const ConvForm conv_down2d_form = {rows_of_taps, load_blurred, down_products, finish_plain};

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

/* Sums of one parity along an axis: n of them from `sum` on, every second; the first from pixel `pixel` of the tile on, with so
   many of the parity's taps, `tap` being the first of these. */
typedef struct Span {
    int odd, n, sum, pixel, tap, taps;
} Span;

/* What `size` inputs need, of which the tile before may have left some. `first` and `last`: they reach the picture's border. */
static int up_spans(int tails, int size, int carried, int first, int last, Span out[4])
{
    const int even = carried ? 1 : 0, odd = carried ? 2 : first;
    int n = 0;
    out[n++] = (Span){0, size + 1 - even, 1 + 2 * even, even, 0, 2};
    out[n++] = (Span){1, size + 2 - odd - last, 2 * odd, odd, 0, 1};
    if (tails && first) out[n++] = (Span){0, 1, 0, 1, 0, 1};
    if (tails && last) out[n++] = (Span){0, 1, 2 * size + 2, size, 1, 1};
    return n;
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

static Product up_product(const Span *row, const Span *col)
{
    static const unsigned char at[4] = {0, 4, 6, 8}; /* taps of each parity in packed weights */
    Product p = {.n_pieces = row->taps, .rows = row->n, .cols = col->n, .a_step = 1, .c_row = row->sum, .c_col = col->sum, .c_step = 2};
    for (int i = 0; i < p.n_pieces; i++)
        p.pieces[i] = (Piece){row->pixel + i, col->pixel, at[2 * row->odd + col->odd] + (row->tap + i) * (2 - col->odd) + col->tap, col->taps};
    return p;
}

static int up_products_of(const ConvTile *t, int tails, Product *out)
{
    const int last_row = t->y + t->rows == t->p->grid_h, last_col = t->x + t->cols == t->p->grid_w;
    Span rows[4], cols[4];
    const int n_rows = up_spans(tails, t->rows, 0, t->y == 0, last_row, rows), n_cols = up_spans(tails, t->cols, t->carried, t->x == 0, last_col, cols);
    if (t->c == 0 && !tails) clear_outside(t, last_row, last_col);
    for (int i = 0; i < n_rows; i++)
        for (int j = 0; j < n_cols; j++) *out++ = up_product(&rows[i], &cols[j]);
    return n_rows * n_cols;
}

static int up_products(const ConvTile *t, Product *out)
{
    return up_products_of(t, 0, out);
}

static void up_finish(const ConvTile *t)
{
    finish_fir(t, 0);
}

static const ConvForm conv_up2d_form = {taps_by_parity, up_load, up_products, up_finish};

/*
 * ---- upsample_conv2d: FIR and convolution commute --------------------------------------------------------------------
 *
 * It is conv_up2d with the kernel turned by 180 degrees: a quarter of the products. But the FIR's tails, a pixel beyond the
 * picture, where the contract has zeros, would reach the outermost outputs: per axis x[0]/4 times the kernel's first tap, and
 * x[h-1]/4 times its last. So the sums there are not zero, but what the FIR takes these away with: sum -1 is x[0] w[2], sum
 * 2h+1 is x[h-1] w[0], w turned, and the FIR subtracts them.
 */
static const unsigned char taps_turned[9] = {0, 2, 6, 8, 1, 7, 3, 5, 4};

static int upsample_products(const ConvTile *t, Product *out)
{
    return up_products_of(t, 1, out);
}

static void upsample_finish(const ConvTile *t)
{
    finish_fir(t, 1);
}

static const ConvForm upsample_conv2d_form = {taps_turned, up_load, upsample_products, upsample_finish};

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
