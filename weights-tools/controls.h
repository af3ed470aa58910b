/* The named controls of a model: what each adds to the motion values, and its useful range. */
#ifndef LX_CONTROLS_H
#define LX_CONTROLS_H

#include <stddef.h>
#include <stdint.h>

#include "container_write.h"
#include "core/log.h"

#define LX_CONTROL_NAME 64 /* bytes of a name, with the final zero */
#define LX_CONTROL_NOTE 256

typedef struct LxControlEntry {
    char name[LX_CONTROL_NAME], note[LX_CONTROL_NOTE];
    double min, max;
    int one_sided;
    double *vector; /* [motions], inside LxControls.vectors */
} LxControlEntry;

/* Zeroed memory is an empty set. */
typedef struct LxControls {
    LxControlEntry *entries;
    double *vectors; /* [n, motions] */
    uint32_t n;
    size_t motions;
} LxControls;

/** The published controls of a model with 40 motions; for other models one control for each motion. LIAX_E_MEMORY. */
LiaxStatus lx_controls_default(LxControls *c, size_t motions, LxLog *log);

/** Read a controls.json (docs/container.md). LIAX_E_IO; LIAX_E_FORMAT; LIAX_E_MEMORY. */
LiaxStatus lx_controls_read(LxControls *c, const char *path, size_t motions, LxLog *log);

/** The metadata `controls.*`. LIAX_E_MEMORY. */
LiaxStatus lx_controls_write(const LxControls *c, LxWriter *w, LxLog *log);

void lx_controls_close(LxControls *c);

#endif
