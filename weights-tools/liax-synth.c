/* liax-synth: a LIA-X model of any size with made-up weights, for tests and measurements. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_write.h"
#include "synth.h"
#include "program.h"

static const char help[] =
    "usage: liax-synth --size S (--scale s | --widths w4,w8,...) --motions M [--seed N] [--dtype D] OUT\n"
    "\n"
    "Writes a LIA-X model with made-up weights: its pictures mean nothing, its speed and memory are a real model's.\n"
    "OUT ends in .liax, or in .safetensors for a checkpoint that liax-convert reads.\n"
    "\n"
    "  --size S       picture size: 8, 16, 32, 64, 128, 256 or 512\n"
    "  --scale s      channel multiplier; the released model has size 512, scale 2, 40 motions (3.64 GB)\n"
    "  --widths LIST  channels at 4x4, 8x8, ... SxS instead, as in 16,16,8,4,2\n"
    "  --motions M    motion directions, 1 to the channels at 4x4\n"
    "  --seed N       another number, another model; 0 if left out\n"
    "  --dtype D      f32, f16 or bf16; f32 if left out\n"
    "  --help, --version\n";

/* "16,16,8" into sizes->widths, one for each resolution. */
static int parse_widths(LxLiaXSizes *sizes, const char *list)
{
    char part[16];
    int n = 0;
    for (const char *p = list;; p++) {
        const size_t length = strcspn(p, ",");
        int64_t width;
        if (n > sizes->levels || length >= sizeof part) return 0;
        snprintf(part, sizeof part, "%.*s", (int)length, p);
        if (!lx_parse_number(part, 1, 65536, &width)) return 0;
        sizes->widths[n++] = (uint64_t)width;
        p += length;
        if (!*p) return n == sizes->levels + 1;
    }
}

static LiaxStatus write_container(const LxSynth *synth, LxDtype dtype, const char *path, LxLog *log)
{
    LxControls controls;
    LxDtype *dtypes = malloc(synth->n_specs * sizeof *dtypes);
    LiaxStatus st = dtypes ? lx_controls_default(&controls, (size_t)synth->sizes.motions, log) : lx_fail(log, LIAX_E_MEMORY, "no memory");
    for (size_t i = 0; i < synth->n_specs && dtypes; i++) dtypes[i] = dtype;
    if (!st) {
        char source[64];
        snprintf(source, sizeof source, "liax-synth, seed %llu", (unsigned long long)synth->seed);
        const LxModelSource s = {.sizes = synth->sizes, .specs = synth->specs, .n_specs = synth->n_specs, .dtypes = dtypes,
                                 .read = lx_synth_read, .ctx = (void *)(uintptr_t)synth, .controls = &controls,
                                 .license = "none: made-up numbers", .source = source, .generator = "liax-synth " LIAX_VERSION_STRING};
        st = lx_model_write(&s, path, log);
        lx_controls_close(&controls);
    }
    free(dtypes);
    return st;
}

int main(int argc, char **argv)
{
    const char *out = NULL, *size_text = NULL, *scale_text = NULL, *widths = NULL, *motions_text = NULL, *seed_text = NULL, *dtype_text = NULL;
    const LxOption options[] = {{"size", &size_text, NULL}, {"scale", &scale_text, NULL}, {"widths", &widths, NULL},
                                {"motions", &motions_text, NULL}, {"seed", &seed_text, NULL}, {"dtype", &dtype_text, NULL}};
    const LxUsage usage = {"liax-synth", help, options, sizeof options / sizeof *options, &out, 1};
    const int status = lx_tool_arguments(&usage, argc, argv);
    if (status >= 0) return status;

    int64_t size, motions, seed = 0;
    LxDtype dtype = LX_F32;
    LxSynth synth = {0};
    char *end = NULL;
    const double scale = scale_text ? strtod(scale_text, &end) : 1;
    if (!size_text || !motions_text || !scale_text == !widths)
        return lx_tool_usage(&usage, "--size, --motions and one of --scale and --widths are needed");
    if (scale_text && (end == scale_text || *end || !(scale > 0 && scale <= 64)))
        return lx_tool_usage(&usage, "--scale %s is no number above 0 and up to 64", scale_text);
    if (!lx_parse_number(size_text, 8, 512, &size) || !lx_synth_sizes(&synth.sizes, size, scale))
        return lx_tool_usage(&usage, "--size %s with this scale is no size of a model", size_text);
    if (widths && !parse_widths(&synth.sizes, widths))
        return lx_tool_usage(&usage, "--widths %s: %d numbers from 1 to 65536 expected", widths, synth.sizes.levels + 1);
    if (!lx_parse_number(motions_text, 1, (int64_t)synth.sizes.widths[0], &motions))
        return lx_tool_usage(&usage, "--motions %s is no number from 1 to %llu", motions_text, (unsigned long long)synth.sizes.widths[0]);
    if (seed_text && !lx_parse_number(seed_text, 0, INT64_MAX, &seed)) return lx_tool_usage(&usage, "--seed %s is no number", seed_text);
    if (dtype_text && !lx_parse_dtype(dtype_text, &dtype)) return lx_tool_usage(&usage, "--dtype %s is not f32, f16 or bf16", dtype_text);
    const int is_checkpoint = lx_ends_in(out, ".safetensors");
    if (!is_checkpoint && !lx_ends_in(out, ".liax")) return lx_tool_usage(&usage, "%s ends neither in .liax nor in .safetensors", out);

    synth.sizes.motions = (uint64_t)motions;
    synth.seed = (uint64_t)seed;
    LxLog log = lx_tool_log("liax-synth");
    lx_tool_catch_signals();
    LxSpec *specs = lx_lia_x_layout(&synth.sizes, &synth.n_specs);
    synth.specs = specs;
    LiaxStatus st = specs ? LIAX_OK : lx_fail(&log, LIAX_E_MEMORY, "no memory");
    if (!st) st = is_checkpoint ? lx_synth_safetensors(&synth, dtype, out, &log) : write_container(&synth, dtype, out, &log);
    free(specs);
    return lx_tool_exit(st);
}
