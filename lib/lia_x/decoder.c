/* The decoder: styles of a frame and the source's features -> image. docs/network.md, "Decoder". */
#include <stdio.h>
#include <string.h>

#include "lia_x.h"

/* Levels are named 512 (at 8x8), 2, 3, ... in the checkpoint: "_512" or the number, as it is glued to "conv". */
static const char *const level_tags[LX_LEVELS] = {"_512", "2", "3", "4", "5", "6", "7"};

static LiaxStatus bind_input(LxLiaX *m, LxBind *b)
{
    const size_t c = (size_t)m->latent;
    LiaxStatus st = lx_bind_read(b, "dec.input.input", 4, (uint64_t[]){1, c, 4, 4});
    if (st) return st;
    LxTensor *input = &m->dec.input;
    *input = lx_tensor_of(m->storage, NULL, 1, m->latent, 4, 4);
    const size_t floats = lx_tensor_floats(input), cs = (size_t)input->cs;
    float *nhwc = lx_alloc_zero(&b->device->alloc, floats * sizeof(float));
    if (!nhwc) return lx_fail(b->log, LIAX_E_MEMORY, "out of memory for dec.input");
    for (size_t i = 0; i < c; i++)
        for (size_t p = 0; p < 16; p++) nhwc[p * cs + i] = b->host[i * 16 + p];
    const int kept = lx_device_keep_tensor(b->device, input, nhwc);
    lx_free(&b->device->alloc, nhwc, floats * sizeof(float));
    return kept ? LIAX_OK : lx_fail(b->log, LIAX_E_MEMORY, "out of memory for dec.input");
}

static LiaxStatus bind_level(LxLiaX *m, LxBind *b, int i)
{
    LxLevel *l = &m->dec.levels[i];
    const int size = lx_level_size(i), ci = m->sizes.widths[i], c = m->sizes.widths[i + 1];
    const char *tag = level_tags[i];
    char key[LX_KEY], bias[LX_KEY];
    snprintf(l->name, sizeof l->name, "level%d", size);
    snprintf(key, sizeof key, "dec.conv%s_1", tag);
    LiaxStatus st = lx_styled_conv_bind(&l->up, b, &m->styles, key, &(LxConvDesc){LX_CONV_UP2D, 3, ci, c, size / 2, size / 2});
    for (int j = 0; !st && j < LX_RESIDUALS; j++) {
        snprintf(key, sizeof key, "dec.conv%s_2.%d", tag, j);
        st = lx_flow_res_bind(&l->flow_res[j], b, &m->styles, key, c, size);
    }
    snprintf(key, sizeof key, "dec.flow%s", tag);
    if (!st) st = lx_flow_head_bind(&l->flow, b, &m->styles, key, c);
    if (!st && i) {
        snprintf(key, sizeof key, "dec.conv%s_2_up.1.weight", tag);
        snprintf(bias, sizeof bias, "dec.conv%s_2_up.2.bias", tag);
        st = lx_conv_layer_bind(&l->rgb_up, b, key, bias, &(LxConvDesc){LX_UPSAMPLE_CONV2D, 3, ci, c, size / 2, size / 2}, 1.41421356f);
    }
    for (int j = 0; !st && j < LX_RESIDUALS; j++) {
        snprintf(key, sizeof key, "dec.conv%s_2_rgb.%d", tag, j);
        st = lx_rgb_res_bind(&l->rgb_res[j], b, key, c, size);
    }
    snprintf(key, sizeof key, "dec.rgb%s", tag);
    if (!st) st = lx_to_rgb_bind(&l->rgb, b, key, c, size);
    return st;
}

LiaxStatus lx_decoder_bind(LxLiaX *m, LxBind *b)
{
    LiaxStatus st = bind_input(m, b);
    if (!st) st = lx_styled_conv_bind(&m->dec.conv1, b, &m->styles, "dec.conv1", &(LxConvDesc){LX_CONV2D, 3, m->latent, m->latent, 4, 4});
    for (int i = 0; !st && i < m->n_levels; i++) st = bind_level(m, b, i);
    return st;
}

void lx_decoder_drop(LxLiaX *m, LxDevice *d)
{
    lx_device_drop_tensor(d, &m->dec.input);
    lx_styled_conv_drop(&m->dec.conv1, d);
    for (int i = 0; i < m->n_levels; i++) {
        LxLevel *l = &m->dec.levels[i];
        lx_styled_conv_drop(&l->up, d);
        lx_flow_head_drop(&l->flow, d);
        lx_conv_layer_drop(&l->rgb_up, d);
        lx_to_rgb_drop(&l->rgb, d);
        for (int j = 0; j < LX_RESIDUALS; j++) {
            lx_flow_res_drop(&l->flow_res[j], d);
            lx_rgb_res_drop(&l->rgb_res[j], d);
        }
    }
}

static void tap(LxRun *r, const LxLevel *l, const char *what, LxTensor t)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", l->name, what);
    lx_run_tap(r, name, t);
}

/* Memory for the tensors that live from one level to the next: each level writes one of the pair and reads the other. */
typedef struct Pair {
    void *memory[2];
} Pair;

/* Each of the pair as large as the largest level of its parity. With channels 0 they are the level's, of the stored type; flow
   and rgb are always f32. */
static Pair take_pair(LxRun *r, const LxLiaX *m, int n, int channels)
{
    Pair p;
    size_t most[2] = {0, 0};
    for (int i = -1; i < m->n_levels; i++) {
        const int size = i < 0 ? 4 : lx_level_size(i);
        const LxTensor t = lx_tensor_of(channels ? LX_F32 : m->storage, NULL, n, channels ? channels : m->sizes.widths[i + 1], size, size);
        if (lx_tensor_bytes(&t) > most[i & 1]) most[i & 1] = lx_tensor_bytes(&t);
    }
    for (int k = 0; k < 2; k++) p.memory[k] = lx_arena_take(&r->arena, most[k]);
    return p;
}

/* One level: h of the level before -> h; flow likewise; g and rgb likewise. `t` is memory for one tensor of this level. */
static void decode_level(LxRun *r, const LxLiaX *m, int i, const LxStyled *s, LxTensor feature, LxTensor *h, LxTensor *g, LxTensor *flow,
                         LxTensor *rgb, const LxTensor next[4], LxTensor t)
{
    const LxLevel *l = &m->dec.levels[i];
    const int last = i == m->n_levels - 1;
    lx_styled_conv(r, &l->up, s, *h, next[0], &(LxStyledExtra){0});
    *h = next[0];
    tap(r, l, "up", *h);
    for (int j = 0; j < LX_RESIDUALS; j++) lx_flow_res(r, &l->flow_res[j], s, *h, t, *h);
    tap(r, l, "res", *h);
    lx_flow_head(r, &l->flow, s, *h, feature, *flow, next[2], next[1], !last || r->tap); /* nobody reads the last h */
    *flow = next[2];
    tap(r, l, "flow", *flow);
    tap(r, l, "warp", next[1]);
    tap(r, l, "h", *h);
    if (i) lx_conv_layer(r, &l->rgb_up, *g, next[1], 1, next[1]);
    *g = next[1];
    for (int j = 0; j < LX_RESIDUALS; j++) lx_rgb_res(r, &l->rgb_res[j], *g, t);
    tap(r, l, "g", *g);
    lx_to_rgb(r, &l->rgb, *g, *rgb, next[3]);
    *rgb = next[3];
    tap(r, l, "rgb", *rgb);
}

/* The constant input of every frame. */
static LxTensor inputs(LxRun *r, const LxLiaX *m, int n)
{
    const LxTensor x = m->dec.input;
    if (n == 1) return x;
    const LxTensor all = lx_arena_tensor(&r->arena, x.type, n, m->latent, 4, 4);
    for (int i = 0; i < n; i++) lx_run_copy(r, lx_tensor_frame(all, i), x);
    return all;
}

void lx_decode(LxRun *r, const LxLiaX *m, const LxSourceView *source, const float *a, LxTensor out)
{
    const size_t mark = lx_arena_mark(&r->arena);
    const int n = out.n, *w = m->sizes.widths, S = m->sizes.size;
    const LxStyled s = lx_styles(r, &m->styles, source->base, a, n);
    const Pair hs = take_pair(r, m, n, 0), gs = take_pair(r, m, n, 0), flows = take_pair(r, m, n, 3), rgbs = take_pair(r, m, n, 3);
    const LxTensor largest = lx_tensor_of(m->storage, NULL, n, w[m->n_levels], S, S);
    size_t most = lx_tensor_bytes(&largest);
    for (int i = 0; i < m->n_levels; i++) {
        const LxTensor t = lx_tensor_of(m->storage, NULL, n, w[i + 1], lx_level_size(i), lx_level_size(i));
        if (lx_tensor_bytes(&t) > most) most = lx_tensor_bytes(&t);
    }
    void *middle = lx_arena_take(&r->arena, most);

    LxTensor h = lx_tensor_of(m->storage, hs.memory[1], n, m->latent, 4, 4), g = {0}, flow = {0}, rgb = {0};
    lx_styled_conv(r, &m->dec.conv1, &s, inputs(r, m, n), h, &(LxStyledExtra){0});
    lx_run_tap(r, "conv1", h);
    for (int i = 0; i < m->n_levels; i++) {
        const int size = lx_level_size(i), c = w[i + 1], k = i & 1;
        const LxTensor next[4] = {lx_tensor_of(m->storage, hs.memory[k], n, c, size, size), lx_tensor_of(m->storage, gs.memory[k], n, c, size, size),
                                  lx_tensor(flows.memory[k], n, 3, size, size),
                                  i == m->n_levels - 1 ? out : lx_tensor(rgbs.memory[k], n, 3, size, size)};
        decode_level(r, m, i, &s, source->features[i], &h, &g, &flow, &rgb, next, lx_tensor_of(m->storage, middle, n, c, size, size));
    }
    lx_arena_release(&r->arena, mark);
}
