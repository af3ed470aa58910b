/* Made-up weights (synth.h), from a generator that counts: any part of any tensor can be drawn at any time. */
#include "synth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "out_file.h"
#include "program.h"

#define CHUNK 65536 /* values */

int lx_synth_sizes(LxLiaXSizes *sizes, int64_t size, double scale)
{
    *sizes = (LxLiaXSizes){0};
    for (int n = 1; n <= LX_LIA_X_LEVELS; n++)
        if (size == (int64_t)4 << n) sizes->levels = n;
    for (int i = 0; i <= sizes->levels; i++) {
        const int from_top = sizes->levels - i;
        const double width = round((from_top < 3 ? 64 << from_top : 512) * scale);
        if (!(width >= 1 && width <= 65536)) return 0;
        sizes->widths[i] = (uint64_t)width;
    }
    return sizes->levels > 0;
}

/* SplitMix64's output function: 64 well mixed bits of a counter. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Close to a standard normal number: four 16-bit uniform ones added up, mean 0, variance 1, never beyond 3.5. The sums
   are integers, so every machine draws the same. */
static float normal(uint64_t key, uint64_t i)
{
    const uint64_t r = mix(key + i * 0x9e3779b97f4a7c15u);
    const int sum = (int)(r & 0xffff) + (int)(r >> 16 & 0xffff) + (int)(r >> 32 & 0xffff) + (int)(r >> 48) - 2 * 65535;
    return (float)sum * 2.6429e-5f; /* sqrt(3) / 65536 */
}

static uint64_t key_of(uint64_t seed, const char *name)
{
    uint64_t h = mix(seed + 0x9e3779b97f4a7c15u);
    for (; *name; name++) h = mix(h ^ (uint64_t)(unsigned char)*name);
    return h;
}

/* value = offset + factor * normal; both per output channel of flow and rgb. */
typedef struct Law {
    float factor[3], offset[3];
} Law;

static Law same(float factor, float offset)
{
    return (Law){{factor, factor, factor}, {offset, offset, offset}};
}

/* Root mean square of rgb's input at a level: each level adds a warped feature to the upsampled sum so far and then
   passes it through four residual blocks, whose rectified halves share a positive mean and so do not just average. The
   numbers fit models of 64x64 to 512x512 with seeds 0 and 1. */
static float rgb_input(int level)
{
    float square = 0;
    for (int i = 0; i <= level; i++) square = 0.14f + 2.8f * square;
    return sqrtf(square);
}

/* Flow, mask and rgb add up over the levels: each gets a share that shrinks, so that the picture's values stay within
   about +-1 and tanh(flow) at 0.1 to 0.2. A level's raw flow has a standard deviation of about 1.2; the leaky rectifier
   lifts rgb by 0.45 of its input's, which rgb's bias takes back. */
static Law law_of(const LxSynth *s, const LxSpec *t)
{
    const float level = (float)t->level, sign = t->level % 2 ? -1 : 1;
    const float flow = 0.11f * powf(0.7f, level) / 1.2f, mask = 0.45f * powf(0.75f, level) / 1.2f;
    const float rgb = 0.32f / sqrtf((float)s->sizes.levels);
    switch (t->role) {
    case LX_ROLE_WEIGHT: return same(1, 0);
    case LX_ROLE_BIAS: return same(0.2f, 0);
    case LX_ROLE_STYLE_WEIGHT: return same(0.4f, 0);
    case LX_ROLE_STYLE_BIAS: case LX_ROLE_NORM_WEIGHT: return same(0.2f, 1);
    case LX_ROLE_GAMMA: return same(0.2f, 0);
    case LX_ROLE_LATENT: return same(2, 0);
    case LX_ROLE_DIRECTION: return same(1, 0);
    case LX_ROLE_FLOW: return (Law){{flow, flow, mask}, {0}};
    case LX_ROLE_FLOW_BIAS: return (Law){{0}, {0.02f * sign, -0.02f * sign, 0.1f * sign}};
    case LX_ROLE_RGB: return same(rgb / rgb_input(t->level), 0);
    case LX_ROLE_RGB_BIAS: return same(0.05f, -0.45f * rgb);
    case LX_ROLE_FIR: case LX_ROLE_FIR_UP: break; /* not drawn */
    }
    return same(0, 0);
}

LiaxStatus lx_synth_read(void *synth, size_t spec, uint64_t first, size_t n, float *to, LxLog *log)
{
    (void)log;
    const LxSynth *s = synth;
    const LxSpec *t = &s->specs[spec];
    if (t->role == LX_ROLE_FIR || t->role == LX_ROLE_FIR_UP) {
        for (size_t i = 0; i < n; i++) to[i] = lx_fir((size_t)first + i) * (t->role == LX_ROLE_FIR_UP ? 4 : 1);
        return LIAX_OK;
    }
    const Law law = law_of(s, t);
    const uint64_t key = key_of(s->seed, t->name);
    const uint64_t per_channel = t->count % 3 ? t->count : t->count / 3;
    const int is_rgb_or_flow = t->role >= LX_ROLE_FLOW && t->role <= LX_ROLE_RGB_BIAS;
    for (size_t i = 0; i < n; i++) {
        const size_t c = is_rgb_or_flow ? (size_t)((first + i) / per_channel) : 0;
        to[i] = law.offset[c] + law.factor[c] * normal(key, first + i);
    }
    return LIAX_OK;
}

/* ---- safetensors */

/* The JSON header, padded so that the data begin at a multiple of 8; to be freed. */
static char *make_header(const LxSynth *s, LxDtype dtype, size_t *length)
{
    const size_t room = s->n_specs * 256 + 16;
    char *text = malloc(room);
    if (!text) return NULL;
    const char *type = dtype == LX_F32 ? "F32" : dtype == LX_F16 ? "F16" : "BF16";
    uint64_t at = 0;
    size_t used = (size_t)snprintf(text, room, "{");
    for (size_t i = 0; i < s->n_specs; i++) {
        const LxSpec *t = &s->specs[i];
        const uint64_t end = at + t->count * lx_dtype_size(dtype);
        char shape[128];
        lx_shape_text(shape, sizeof shape, t->rank, t->dims);
        used += (size_t)snprintf(text + used, room - used, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%llu,%llu]}",
                                 i ? "," : "", t->name, type, shape, (unsigned long long)at, (unsigned long long)end);
        at = end;
    }
    text[used++] = '}';
    while (used % 8) text[used++] = ' ';
    *length = used;
    return text;
}

static LiaxStatus write_tensor(const LxSynth *s, size_t spec, LxDtype dtype, float *chunk, LxOutput *out, LxProgress *progress, LxLog *log)
{
    const uint64_t count = s->specs[spec].count;
    LiaxStatus st = LIAX_OK;
    for (uint64_t done = 0; done < count && !st;) {
        const size_t n = count - done < CHUNK ? (size_t)(count - done) : CHUNK;
        st = lx_tool_check(log);
        if (!st) st = lx_synth_read((void *)(uintptr_t)s, spec, done, n, chunk, log);
        lx_from_f32(chunk, chunk, dtype, n);
        if (!st) st = lx_output_write(out, chunk, n * lx_dtype_size(dtype), log);
        done += n;
        lx_progress_add(progress, n);
    }
    return st;
}

LiaxStatus lx_synth_safetensors(const LxSynth *s, LxDtype dtype, const char *path, LxLog *log)
{
    LxOutput out = {0};
    LxProgress progress = {0};
    size_t length = 0;
    uint64_t total = 0;
    for (size_t i = 0; i < s->n_specs; i++) total += s->specs[i].count;
    char *header = make_header(s, dtype, &length);
    float *chunk = malloc(CHUNK * sizeof *chunk);
    LiaxStatus st = header && chunk ? lx_output_open(&out, path, log) : lx_fail(log, LIAX_E_MEMORY, "%s: no memory", path);
    const uint64_t prefix = length;
    if (!st) st = lx_output_write(&out, &prefix, 8, log);
    if (!st) st = lx_output_write(&out, header, length, log);
    lx_progress_begin(&progress, lx_base_name(path), total);
    for (size_t i = 0; i < s->n_specs && !st; i++) st = write_tensor(s, i, dtype, chunk, &out, &progress, log);
    lx_progress_end(&progress);
    if (!st) st = lx_output_commit(&out, log);
    lx_output_close(&out);
    free(header);
    free(chunk);
    return st;
}
