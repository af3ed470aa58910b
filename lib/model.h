/* An open model, and its controls. */
#ifndef LX_MODEL_H
#define LX_MODEL_H

#include "backend.h"
#include "container.h"
#include "family.h"

/* Controls of a model: LiaxControl number i, i < n, and the motions themselves as numbers n ... n+motions-1. */
typedef struct LxControlSet {
    int n, motions;
    const double *min, *max;      /* the container's */
    const int64_t *one_sided;
    float *vectors;               /* [n][motions] */
    const LxContainer *container; /* has the names and notes */
} LxControlSet;

struct LiaxModel {
    LiaxAllocator alloc;
    LxLog log;
    LxContainer container; /* its file is closed once the weights are bound */
    LxPool *pool;
    LxDevice *device;
    const LxFamily *family;
    void *weights;
    LxSizes sizes;
    LxControlSet controls;
    int64_t parameters;
    const char *dtype;
};

/** Read and check the controls. LIAX_E_FORMAT, LIAX_E_MEMORY, with a sentence. */
LiaxStatus lx_control_set_read(LxControlSet *c, const LxContainer *container, int motions, const LiaxAllocator *a, LxLog *log);
void lx_control_set_drop(LxControlSet *c, const LiaxAllocator *a);

/** The number of the control that `name` names: a control's, or a motion's that is no control's unit vector; -1 if none. */
int lx_control_set_find(const LxControlSet *c, const char *name);

/** delta[motions] += value times control number `index`. */
void lx_control_set_add(const LxControlSet *c, int index, double value, float *delta);

/** Does a sweep over this control stay on one side? */
int lx_control_set_one_sided(const LxControlSet *c, int index);

#endif
