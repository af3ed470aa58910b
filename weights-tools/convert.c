/* From a checkpoint's path to a container's: finds the family, leaves the rest to its map (map.h). */
#include <stddef.h>

#include "map.h"
#include "out_file.h"

LiaxStatus lx_convert(const char *in, const char *out, const LxConvertOptions *o, LxLog *log)
{
#define LX_MAP(name) &lx_map_##name,
    static const LxMap *const maps[] = {
#include "maps.def"
    };
#undef LX_MAP
    LxCheckpoint c;
    LiaxStatus st = lx_output_differs(in, out, log);
    if (!st) st = lx_checkpoint_open(&c, in, log);
    if (st) return st;
    const LxMap *map = NULL;
    for (size_t i = 0; i < sizeof maps / sizeof *maps && !map; i++)
        if (maps[i]->matches(&c)) map = maps[i];
    if (map) st = map->convert(&c, o, out, log);
    else st = lx_fail(log, LIAX_E_FORMAT, "%s: holds no LIA-X model: none of its %zu tensors is called like one, the first is %.200s", in,
                      c.n_tensors, c.tensors[0].name);
    lx_checkpoint_close(&c);
    return st;
}
