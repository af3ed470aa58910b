/* liax-convert: a checkpoint of a LIA-X model becomes a .liax file. */
#include <stdio.h>

#include "map.h"
#include "program.h"

static const char help[] =
    "usage: liax-convert IN OUT.liax [--dtype f32|f16|bf16] [--controls FILE.json] [--license TEXT] [--source TEXT]\n"
    "\n"
    "Converts a LIA-X checkpoint. IN is a torch checkpoint (zip or legacy) or a safetensors file; it is read as data,\n"
    "nothing in it is ever run. OUT.liax appears only when it is complete.\n"
    "\n"
    "  --dtype D        stores all weights as f32, f16 or bf16; left out: each as it is, f64 as f32\n"
    "  --controls FILE  the names, ranges and vectors of the controls, instead of the published ones\n"
    "  --license TEXT   licence of the weights, kept in OUT.liax\n"
    "  --source TEXT    where the weights came from, likewise; left out: the name of IN\n"
    "  --help, --version\n"
    "\n"
    LX_LICENSE_NOTICE " They may not be used commercially.\n";

int main(int argc, char **argv)
{
    const char *files[2] = {NULL, NULL}, *dtype = NULL;
    LxConvertOptions o = {0};
    const LxOption options[] = {{"dtype", &dtype, NULL}, {"controls", &o.controls, NULL}, {"license", &o.license, NULL}, {"source", &o.source, NULL}};
    const LxUsage usage = {"liax-convert", help, options, sizeof options / sizeof *options, files, 2};
    const int status = lx_tool_arguments(&usage, argc, argv);
    if (status >= 0) return status;
    o.has_dtype = dtype != NULL;
    if (dtype && !lx_parse_dtype(dtype, &o.dtype)) return lx_tool_usage(&usage, "--dtype %s is not f32, f16 or bf16", dtype);

    LxLog log = lx_tool_log("liax-convert");
    lx_tool_catch_signals();
    const LiaxStatus st = lx_convert(files[0], files[1], &o, &log);
    if (!st && !o.license) fprintf(stderr, "liax-convert: %s\n", LX_LICENSE_NOTICE);
    return lx_tool_exit(st);
}
