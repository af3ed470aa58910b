/* The tensors of a LIA-X checkpoint (lia_x_layout.h). */
#include "lia_x_layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compiler.h"

#define MOST 1024 /* tensors; 596 at 7 levels */

typedef struct List {
    LxSpec *specs;
    size_t n;
    int level;
    const LxLiaXSizes *sizes;
} List;

const char *lx_lia_x_tag(int level)
{
    static const char *const tags[LX_LIA_X_LEVELS] = {"_512", "2", "3", "4", "5", "6", "7"};
    return tags[level];
}

float lx_fir(size_t i)
{
    static const float taps[4] = {1, 3, 3, 1};
    return taps[i / 4] * taps[i % 4] / 64;
}

/* Adds "PREFIX" "SUFFIX" with the given dims. */
static void add(List *l, LxRole role, const char *prefix, const char *suffix, uint32_t rank, ...)
{
    LxSpec *s = &l->specs[l->n++];
    *s = (LxSpec){.role = role, .level = l->level, .rank = rank, .count = 1};
    snprintf(s->name, sizeof s->name, "%s%s", prefix, suffix);
    va_list dims;
    va_start(dims, rank);
    for (uint32_t i = 0; i < rank; i++) s->count *= s->dims[i] = va_arg(dims, uint64_t);
    va_end(dims);
}

#define U(x) ((uint64_t)(x))

static void add_modulated(List *l, const char *p, LxRole role, uint64_t ci, uint64_t co, uint64_t k)
{
    add(l, role, p, ".conv.weight", 5, U(1), co, ci, k, k);
    add(l, LX_ROLE_STYLE_WEIGHT, p, ".conv.modulation.weight", 2, ci, l->sizes->widths[0]);
    add(l, LX_ROLE_STYLE_BIAS, p, ".conv.modulation.bias", 1, ci);
}

static void add_styled(List *l, const char *p, uint64_t ci, uint64_t co)
{
    add_modulated(l, p, LX_ROLE_WEIGHT, ci, co, 3);
    add(l, LX_ROLE_BIAS, p, ".activate.bias", 1, co);
}

static void add_encoder(List *l)
{
    const uint64_t *w = l->sizes->widths, z = w[0];
    const int n = l->sizes->levels;
    add(l, LX_ROLE_WEIGHT, "enc.enc_2r.block1", ".0.weight", 4, w[n], U(3), U(1), U(1));
    add(l, LX_ROLE_BIAS, "enc.enc_2r.block1", ".1.bias", 1, w[n]);
    for (int i = n; i > 0; i--) {
        char p[32];
        if (i > 1) snprintf(p, sizeof p, "enc.enc_2r.block%d.0", n + 2 - i);
        else snprintf(p, sizeof p, "enc.enc_2r.block_512");
        const uint64_t ci = w[i], co = w[i - 1];
        add(l, LX_ROLE_WEIGHT, p, ".conv1.0.weight", 4, co, ci, U(3), U(3));
        add(l, LX_ROLE_BIAS, p, ".conv1.1.bias", 1, co);
        add(l, LX_ROLE_FIR, p, ".conv2.0.kernel", 2, U(4), U(4));
        add(l, LX_ROLE_WEIGHT, p, ".conv2.1.weight", 4, co, co, U(3), U(3));
        add(l, LX_ROLE_BIAS, p, ".conv2.2.bias", 1, co);
        add(l, LX_ROLE_FIR, p, ".skip.0.kernel", 2, U(4), U(4));
        add(l, LX_ROLE_WEIGHT, p, ".skip.1.weight", 4, co, ci, U(1), U(1));
    }
    add(l, LX_ROLE_LATENT, "enc.enc_2r.block8", ".weight", 4, z, w[0], U(4), U(4));
    add(l, LX_ROLE_WEIGHT, "enc.enc_r2t.0", ".weight", 2, l->sizes->motions, z);
    add(l, LX_ROLE_BIAS, "enc.enc_r2t.0", ".bias", 1, l->sizes->motions);
}

static void add_flow_res(List *l, const char *p, uint64_t c)
{
    char q[48];
    add(l, LX_ROLE_GAMMA, p, ".gamma", 4, U(1), c, U(1), U(1));
    add(l, LX_ROLE_NORM_WEIGHT, p, ".norm.weight", 1, c);
    add(l, LX_ROLE_BIAS, p, ".norm.bias", 1, c);
    for (int i = 1; i <= 2; i++) {
        snprintf(q, sizeof q, "%s.conv%d", p, i);
        add_styled(l, q, c, c);
    }
}

static void add_level(List *l)
{
    const uint64_t ci = l->sizes->widths[l->level], c = l->sizes->widths[l->level + 1];
    const char *t = lx_lia_x_tag(l->level);
    char p[40];
    snprintf(p, sizeof p, "dec.conv%s_1", t);
    add_styled(l, p, ci, c);
    add(l, LX_ROLE_FIR_UP, p, ".conv.blur.kernel", 2, U(4), U(4));
    for (int i = 0; i < 4; i++) {
        snprintf(p, sizeof p, "dec.conv%s_2.%d", t, i);
        add_flow_res(l, p, c);
    }
    if (l->level) {
        snprintf(p, sizeof p, "dec.conv%s_2_up", t);
        add(l, LX_ROLE_FIR_UP, p, ".0.kernel", 2, U(4), U(4));
        add(l, LX_ROLE_WEIGHT, p, ".1.weight", 4, c, ci, U(3), U(3));
        add(l, LX_ROLE_BIAS, p, ".2.bias", 1, c);
    }
    for (int i = 0; i < 8; i++) {
        snprintf(p, sizeof p, "dec.conv%s_2_rgb.%d.conv%d", t, i / 2, i % 2 + 1);
        add(l, LX_ROLE_WEIGHT, p, ".0.weight", 4, c, c, U(3), U(3));
        add(l, LX_ROLE_BIAS, p, ".1.bias", 1, c);
    }
    snprintf(p, sizeof p, "dec.rgb%s", t);
    add(l, LX_ROLE_FIR_UP, p, ".up.kernel", 2, U(4), U(4));
    add(l, LX_ROLE_RGB, p, ".conv.0.weight", 4, U(3), c, U(1), U(1));
    add(l, LX_ROLE_BIAS, p, ".conv.1.bias", 1, U(3));
    add(l, LX_ROLE_RGB_BIAS, p, ".bias", 4, U(1), U(3), U(1), U(1));
    snprintf(p, sizeof p, "dec.flow%s", t);
    add(l, LX_ROLE_FIR_UP, p, ".up.kernel", 2, U(4), U(4));
    add_modulated(l, p, LX_ROLE_FLOW, c, 3, 1);
    add(l, LX_ROLE_FLOW_BIAS, p, ".bias", 4, U(1), U(3), U(1), U(1));
}

LxSpec *lx_lia_x_layout(const LxLiaXSizes *sizes, size_t *n)
{
    const uint64_t z = sizes->widths[0];
    List l = {.specs = calloc(MOST, sizeof *l.specs), .level = -1, .sizes = sizes};
    *n = 0;
    if (!l.specs) return NULL;
    add_encoder(&l);
    add(&l, LX_ROLE_DIRECTION, "dec.direction", ".weight", 2, z, sizes->motions);
    add(&l, LX_ROLE_WEIGHT, "dec.input", ".input", 4, U(1), z, U(4), U(4));
    add_styled(&l, "dec.conv1", z, z);
    for (l.level = 0; l.level < sizes->levels; l.level++) add_level(&l);
    *n = l.n;
    return l.specs;
}
