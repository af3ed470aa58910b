/* The four direct convolutions: what each loads, multiplies and finishes (conv_direct.h). */
#include "x86/conv_direct.h"
#include "x86/x86.h"

static const unsigned char rows_of_taps[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};

/* ---- conv2d: 3x3 and 1x1 ------------------------------------------------------------------------------------------ */

static void conv2d_load(const ConvTile *t)
{
    load_plain(t, t->p->d.k / 2);
}

/* Neighbouring pixels of a tile row lie together: a row of taps is one piece of the sum. */
static int conv2d_products(const ConvTile *t, Product out[4])
{
    const int k = t->p->d.k;
    out[0] = (Product){.segments = k, .taps = k, .a_step = 1, .rows = t->rows, .cols = t->cols, .c_step = 1};
    return 1;
}

static const ConvForm conv2d_form = {rows_of_taps, conv2d_load, conv2d_products, finish_plain};

/* ---- upsample_conv2d: the tile is a piece of the upsampled picture -------------------------------------------------- */

static void upsample_load(const ConvTile *t)
{
    load_upsampled(t, t->p->d.k / 2);
}

static const ConvForm upsample_conv2d_form = {rows_of_taps, upsample_load, conv2d_products, finish_plain};

/* ---- conv_down2d: the tile is blurred, and for k = 1 has the kept samples only ---------------------------------------- */

static int down_products(const ConvTile *t, Product out[4])
{
    const int k = t->p->d.k;
    out[0] = (Product){.segments = k, .taps = k, .a_step = k == 3 ? 2 : 1, .rows = t->rows, .cols = t->cols, .c_step = 1};
    return 1;
}

static const ConvForm conv_down2d_form = {rows_of_taps, load_blurred, down_products, finish_plain};

/*
 * ---- conv_up2d: the transposed convolution by the parity of its outputs, nine products an input pixel -----------------
 *
 * Per axis, even output 2q is x[q-1] w[2] + x[q] w[0], odd output 2q+1 is x[q] w[1]. Output Y of the FIR takes Y-1 ... Y+2 of
 * them, so inputs q = y ... y+rows-1 need sums 2y-1 ... 2(y+rows)+1, which lie from 0 on, odd ones first. The tile begins
 * at y-1. Sums outside the transposed convolution come out as zero, since x is zero there.
 */
static const unsigned char taps_by_parity[9] = {8, 6, 2, 0, /* even, even */ 7, 1, /* even row, odd column */ 5, 3, 4};

static void up_load(const ConvTile *t)
{
    load_plain(t, 1);
}

static int up_products(const ConvTile *t, Product out[4])
{
    for (int i = 0; i < 4; i++) {
        const int odd_row = i >> 1, odd_col = i & 1;
        out[i] = (Product){.segments = 2 - odd_row, .taps = 2 - odd_col, .a_step = 1,
                           .rows = t->rows + 1 + odd_row, .cols = t->cols + 1 + odd_col,
                           .c_row = 1 - odd_row, .c_col = 1 - odd_col, .c_step = 2};
    }
    return 4;
}

static const ConvForm conv_up2d_form = {taps_by_parity, up_load, up_products, finish_fir};

/* ---- entries ------------------------------------------------------------------------------------------------------ */

#define DIRECT(kind)                                                                   \
    static void kind##_pack(const LxConvDesc *d, const float *w, void *to)             \
    {                                                                                  \
        conv_pack(d, w, to, kind##_form.order);                                        \
    }                                                                                  \
    static void kind##_run(const LxExec *x, const LxConvArgs *a)                       \
    {                                                                                  \
        conv_run(x, a, &kind##_form);                                                  \
    }                                                                                  \
    const LxConvOps LX_LEVEL_NAME(lx_##kind##_direct) = {"direct " LX_TILE_STRING, conv_packed_bytes, kind##_pack, conv_scratch_bytes, kind##_run};

DIRECT(conv2d)
DIRECT(conv_up2d)
DIRECT(upsample_conv2d)
DIRECT(conv_down2d)
