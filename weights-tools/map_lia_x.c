/* LIA-X: finds the state_dict among a checkpoint's tensors, reads all sizes from shapes, checks every tensor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lia_x_layout.h"
#include "map.h"
#include "model_write.h"
#include "program.h"

#define PREFIX_MAX 512

/* Tensors of every LIA-X model; what stands before them is the way to the state_dict, as in "gen.module.". */
static const char *const anchors[] = {"enc.enc_r2t.0.weight", "enc.enc_2r.block8.weight", "dec.direction.weight", "dec.input.input"};

/* The state_dict inside a checkpoint. */
typedef struct Model {
    LxCheckpoint *checkpoint;
    char prefix[PREFIX_MAX];
    const LxSourceTensor **tensors; /* one for each LxSpec */
} Model;

/* ---- finding it */

static int is_anchored(const char *name, const char *anchor)
{
    const size_t n = strlen(name), m = strlen(anchor);
    return lx_ends_in(name, anchor) && (n == m || name[n - m - 1] == '.');
}

static int matches(const LxCheckpoint *c)
{
    for (size_t i = 0; i < c->n_tensors; i++)
        for (size_t k = 0; k < sizeof anchors / sizeof *anchors; k++)
            if (is_anchored(c->tensors[i].name, anchors[k])) return 1;
    return 0;
}

/* The prefix of the first anchor that is there; two models in one checkpoint are refused. */
static LiaxStatus find_prefix(Model *m, LxLog *log)
{
    const LxCheckpoint *c = m->checkpoint;
    const char *found = NULL;
    for (size_t k = 0; k < sizeof anchors / sizeof *anchors && !found; k++)
        for (size_t i = 0; i < c->n_tensors; i++) {
            const char *name = c->tensors[i].name;
            if (!is_anchored(name, anchors[k])) continue;
            if (found) return lx_fail(log, LIAX_E_FORMAT, "%s: holds two models: %.150s and %.150s", c->file.name, found, name);
            found = name;
            const size_t n = strlen(name) - strlen(anchors[k]);
            if (n >= PREFIX_MAX) return lx_fail(log, LIAX_E_FORMAT, "%s: %.200s is nested too deeply", c->file.name, name);
            memcpy(m->prefix, name, n);
            m->prefix[n] = 0;
        }
    return LIAX_OK;
}

static const LxSourceTensor *find(const Model *m, const char *name)
{
    char full[PREFIX_MAX + 64];
    snprintf(full, sizeof full, "%s%s", m->prefix, name);
    return lx_checkpoint_find(m->checkpoint, full);
}

/* ---- its sizes */

static uint64_t dim_of(const Model *m, const char *name, uint32_t axis)
{
    const LxSourceTensor *t = find(m, name);
    return t && axis < t->rank ? t->dims[axis] : 0;
}

/* A size is what two of three tensors say, so that one misshapen tensor is found rather than believed. */
static uint64_t vote(uint64_t a, uint64_t b, uint64_t c)
{
    return a == b || a == c ? a : b == c ? b : a ? a : b ? b : c;
}

/* Channels of a decoder level; 0 if the level is not there. */
static uint64_t level_width(const Model *m, int level)
{
    const char *t = lx_lia_x_tag(level);
    char a[64], b[64], c[64];
    snprintf(a, sizeof a, "dec.conv%s_1.activate.bias", t);
    snprintf(b, sizeof b, "dec.conv%s_2.0.norm.weight", t);
    snprintf(c, sizeof c, "dec.conv%s_2_rgb.0.conv1.1.bias", t);
    return vote(dim_of(m, a, 0), dim_of(m, b, 0), dim_of(m, c, 0));
}

static LiaxStatus find_sizes(const Model *m, LxLiaXSizes *s, LxLog *log)
{
    const char *file = m->checkpoint->file.name;
    *s = (LxLiaXSizes){0};
    s->widths[0] = vote(dim_of(m, "dec.conv1.activate.bias", 0), dim_of(m, "enc.enc_2r.block_512.conv1.1.bias", 0),
                        dim_of(m, "dec.conv1.conv.modulation.bias", 0));
    s->motions = vote(dim_of(m, "enc.enc_r2t.0.bias", 0), dim_of(m, "enc.enc_r2t.0.weight", 0), dim_of(m, "dec.direction.weight", 1));
    while (s->levels < LX_LIA_X_LEVELS && (s->widths[s->levels + 1] = level_width(m, s->levels))) s->levels++;
    if (!s->widths[0] || !s->motions) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s is missing", file, s->motions ? "dec.conv1.activate.bias" : "enc.enc_r2t.0.bias");
    if (!s->levels) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor dec.conv_512_1.activate.bias is missing", file);
    for (int i = 0; i <= s->levels; i++)
        if (s->widths[i] > 65536)
            return lx_fail(log, LIAX_E_FORMAT, "%s: %llu channels, expected at most 65536", file, (unsigned long long)s->widths[i]);
    if (s->motions > s->widths[0])
        return lx_fail(log, LIAX_E_FORMAT, "%s: %llu motions, expected at most the %llu values of the latent", file,
                       (unsigned long long)s->motions, (unsigned long long)s->widths[0]);
    return LIAX_OK;
}

/* ---- its tensors */

static LiaxStatus check_tensor(const Model *m, const LxSpec *s, const LxSourceTensor *t, LxLog *log)
{
    const char *file = m->checkpoint->file.name;
    if (!t) return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s%s is missing", file, m->prefix, s->name);
    if (t->rank != s->rank || memcmp(t->dims, s->dims, s->rank * sizeof *s->dims)) {
        char found[128], expected[128];
        lx_shape_text(found, sizeof found, t->rank, t->dims);
        lx_shape_text(expected, sizeof expected, s->rank, s->dims);
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s: shape %s, expected %s", file, t->name, found, expected);
    }
    if (t->element == LX_EL_OTHER)
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %s: elements are no floating-point numbers, expected f32, f16, bf16 or f64", file, t->name);
    return LIAX_OK;
}

/* Refuses tensors of the state_dict that no layout has. */
static LiaxStatus check_extra(const Model *m, const LxSpec *specs, size_t n, LxLog *log)
{
    const LxCheckpoint *c = m->checkpoint;
    const size_t prefix = strlen(m->prefix);
    for (size_t i = 0; i < c->n_tensors; i++) {
        const LxSourceTensor *t = &c->tensors[i];
        if (strncmp(t->name, m->prefix, prefix)) continue;
        size_t k = 0;
        while (k < n && strcmp(t->name + prefix, specs[k].name)) k++;
        if (k < n) continue;
        return lx_fail(log, LIAX_E_FORMAT, "%s: tensor %.200s was found, expected none of that name among the %zu tensors of this size", c->file.name, t->name, n);
    }
    return LIAX_OK;
}

static LxDtype dtype_of(const LxSourceTensor *t, const LxConvertOptions *o)
{
    if (o->has_dtype) return o->dtype;
    return t->element == LX_EL_F16 ? LX_F16 : t->element == LX_EL_BF16 ? LX_BF16 : LX_F32;
}

static LiaxStatus read_values(void *ctx, size_t spec, uint64_t first, size_t n, float *to, LxLog *log)
{
    const Model *m = ctx;
    return lx_checkpoint_read(m->checkpoint, m->tensors[spec], first, n, to, log);
}

static LiaxStatus write_model(Model *m, LxModelSource *s, const LxConvertOptions *o, const char *out, LxLog *log)
{
    LxControls controls = {0};
    LxDtype *dtypes = calloc(s->n_specs, sizeof *dtypes);
    m->tensors = calloc(s->n_specs, sizeof *m->tensors);
    LiaxStatus st = dtypes && m->tensors ? LIAX_OK : lx_fail(log, LIAX_E_MEMORY, "no memory for a list of tensors");
    for (size_t i = 0; i < s->n_specs && !st; i++) {
        m->tensors[i] = find(m, s->specs[i].name);
        st = check_tensor(m, &s->specs[i], m->tensors[i], log);
        if (!st) dtypes[i] = dtype_of(m->tensors[i], o);
    }
    if (!st) st = check_extra(m, s->specs, s->n_specs, log);
    const size_t motions = (size_t)s->sizes.motions;
    if (!st) st = o->controls ? lx_controls_read(&controls, o->controls, motions, log) : lx_controls_default(&controls, motions, log);
    s->dtypes = dtypes;
    s->controls = &controls;
    if (!st) st = lx_model_write(s, out, log);
    lx_controls_close(&controls);
    free(dtypes);
    free(m->tensors);
    return st;
}

static LiaxStatus convert(LxCheckpoint *c, const LxConvertOptions *o, const char *out, LxLog *log)
{
    Model m = {.checkpoint = c};
    LxModelSource s = {.read = read_values, .ctx = &m, .generator = "liax-convert " LIAX_VERSION_STRING,
                       .license = o->license ? o->license : "not stated; " LX_LICENSE_NOTICE,
                       .source = o->source ? o->source : lx_base_name(c->file.name)};
    LiaxStatus st = find_prefix(&m, log);
    if (!st) st = find_sizes(&m, &s.sizes, log);
    if (st) return st;
    LxSpec *specs = lx_lia_x_layout(&s.sizes, &s.n_specs);
    s.specs = specs;
    st = specs ? write_model(&m, &s, o, out, log) : lx_fail(log, LIAX_E_MEMORY, "no memory for a list of tensors");
    free(specs);
    return st;
}

const LxMap lx_map_lia_x = {"lia_x", matches, convert};
