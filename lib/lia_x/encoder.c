/* The encoder: image -> features, latent z, motion alpha. docs/network.md, "Encoder". */
#include <math.h>
#include <stdio.h>

#include "lia_x.h"

/* block8 as a matrix over the 4x4 tensor in memory order: [latent][y][x][stored channels], padding zero. */
static LiaxStatus bind_block8(LxLiaX *m, LxBind *b)
{
    const size_t latent = (size_t)m->latent, cs = (size_t)lx_stored_channels(m->latent), n = latent * 16 * cs;
    LiaxStatus st = lx_bind_read(b, "enc.enc_2r.block8.weight", 4, (uint64_t[]){latent, latent, 4, 4});
    if (st) return st;
    float *matrix = lx_alloc_zero(&b->device->alloc, n * sizeof(float));
    if (!matrix) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for enc.enc_2r.block8");
    const float factor = 1 / sqrtf((float)(m->latent * 16));
    for (size_t o = 0; o < latent; o++)
        for (size_t c = 0; c < latent; c++)
            for (size_t t = 0; t < 16; t++) matrix[(o * 16 + t) * cs + c] = b->host[(o * latent + c) * 16 + t] * factor;
    m->enc.block8 = lx_device_keep(b->device, matrix, n, n);
    lx_free(&b->device->alloc, matrix, n * sizeof(float));
    return m->enc.block8 ? LIAX_OK : lx_fail(b->log, LIAX_E_MEMORY, "out of memory for enc.enc_2r.block8");
}

/* Floats of block8's matrix. */
static size_t block8_floats(const LxLiaX *m)
{
    return (size_t)m->latent * 16 * (size_t)lx_stored_channels(m->latent);
}

LiaxStatus lx_encoder_bind(LxLiaX *m, LxBind *b)
{
    LxEncoder *e = &m->enc;
    const int n = m->n_levels, *w = m->sizes.widths;
    char key[LX_KEY];
    LiaxStatus st = lx_conv_layer_bind(&e->block1, b, "enc.enc_2r.block1.0.weight", "enc.enc_2r.block1.1.bias",
                                       &(LxConvDesc){LX_CONV2D, 1, 3, w[n], m->sizes.size, m->sizes.size}, 1.41421356f);
    for (int i = n - 1; !st && i >= 0; i--) {
        if (i) snprintf(key, sizeof key, "enc.enc_2r.block%d.0", n + 1 - i);
        else snprintf(key, sizeof key, "enc.enc_2r.block_512");
        st = lx_enc_res_bind(&e->down[i], b, key, w[i + 1], w[i], lx_level_size(i));
    }
    if (!st) st = bind_block8(m, b);
    const uint64_t latent = (uint64_t)m->latent, motions = (uint64_t)m->sizes.motions;
    if (!st) st = lx_bind_vector(b, "enc.enc_r2t.0.weight", 2, (uint64_t[]){motions, latent}, 1 / sqrtf((float)latent), motions * latent, &e->to_alpha);
    if (!st) st = lx_bind_vector(b, "enc.enc_r2t.0.bias", 1, &motions, 1, motions, &e->to_alpha_bias);
    return st;
}

void lx_encoder_drop(LxLiaX *m, LxDevice *d)
{
    LxEncoder *e = &m->enc;
    lx_conv_layer_drop(&e->block1, d);
    for (int i = 0; i < m->n_levels; i++) lx_enc_res_drop(&e->down[i], d);
    lx_device_drop(d, e->block8, block8_floats(m));
    lx_device_drop(d, e->to_alpha, (size_t)m->sizes.motions * (size_t)m->latent);
    lx_device_drop(d, e->to_alpha_bias, (size_t)m->sizes.motions);
    *e = (LxEncoder){0};
}

void lx_encode(LxRun *r, const LxLiaX *m, LxTensor images, const LxTensor *features, float *z, float *alpha)
{
    const LxEncoder *e = &m->enc;
    const size_t mark = lx_arena_mark(&r->arena);
    const int n = m->n_levels, *w = m->sizes.widths;
    const LxDtype type = r->device->storage;
    LxTensor x = features ? features[n - 1] : lx_arena_tensor(&r->arena, type, images.n, w[n], images.h, images.w);
    lx_conv_layer(r, &e->block1, images, (LxTensor){0}, 0, x);
    for (int i = n - 1; i >= 0; i--) {
        const int half = lx_level_size(i) / 2;
        /* the last one is read by `linear`, in f32 */
        const LxTensor y = features && i ? features[i - 1] : lx_arena_tensor(&r->arena, i ? type : LX_F32, images.n, w[i], half, half);
        lx_enc_res(r, &e->down[i], x, y);
        x = y;
    }
    lx_run_tap(r, "enc.block_512", x);
    const int inputs = 16 * x.cs;
    lx_run_linear(r, "enc.enc_2r.block8", &(LxLinearArgs){e->block8, NULL, x.data, z, images.n, inputs, m->latent});
    lx_run_linear(r, "enc.enc_r2t", &(LxLinearArgs){e->to_alpha, e->to_alpha_bias, z, alpha, images.n, m->latent, m->sizes.motions});
    lx_arena_release(&r->arena, mark);
}
