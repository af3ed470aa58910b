/* Which checkpoint becomes which family of models: one map each, listed in maps.def. */
#ifndef LX_MAP_H
#define LX_MAP_H

#include "checkpoint.h"
#include "core/half.h"
#include "core/log.h"

typedef struct LxConvertOptions {
    int has_dtype;
    LxDtype dtype;        /* of all weights, if has_dtype; else each tensor keeps its own, f64 becomes f32 */
    const char *controls; /* path of a controls.json; NULL: the family's own */
    const char *license;  /* NULL: the family's word */
    const char *source;   /* NULL: the input's name without its folders */
} LxConvertOptions;

typedef struct LxMap {
    const char *family;
    /** Whether the checkpoint looks like this family: some of its keys are there. */
    int (*matches)(const LxCheckpoint *c);
    /** Check every tensor and write the container. As lx_model_write. */
    LiaxStatus (*convert)(LxCheckpoint *c, const LxConvertOptions *o, const char *out, LxLog *log);
} LxMap;

#define LX_MAP(name) extern const LxMap lx_map_##name;
#include "maps.def"
#undef LX_MAP

/** Convert a checkpoint of any format and family. Without LIAX_OK there is no file `out`, and one sentence in the log. */
LiaxStatus lx_convert(const char *in, const char *out, const LxConvertOptions *o, LxLog *log);

#endif
