/* The families there are (family.h). */
#include "family.h"

#include <string.h>

#define LX_FAMILY(name) extern const LxFamily lx_family_##name;
#include "families.def"
#undef LX_FAMILY

static const LxFamily *const families[] = {
#define LX_FAMILY(name) &lx_family_##name,
#include "families.def"
#undef LX_FAMILY
};

LiaxStatus lx_family_find(const LxFamily **out, const LxContainer *c, LxLog *log)
{
    *out = NULL;
    const char *name = lx_container_string(c, "family", 0);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(families[i]->name, name) == 0) *out = families[i];
    return *out ? LIAX_OK : lx_fail(log, LIAX_E_UNSUPPORTED, "%s: family \"%.64s\" is unknown to this version of libliax, which knows \"lia_x\"", c->file.name, name);
}
