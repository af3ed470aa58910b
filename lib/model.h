/* An open model, and its controls. */
#ifndef LX_MODEL_H
#define LX_MODEL_H

#include <pthread.h>
#include <stdatomic.h>

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

/* The weights on a device. */
typedef struct LxNetwork {
    LxDevice *device;
    void *weights;
} LxNetwork;

struct LiaxModel {
    LiaxAllocator alloc;
    LxLog log;
    LxContainer container; /* its file is closed once the weights are bound, or else with the model if `wide` may be needed */
    LxPool *pool;
    const LxFamily *family;
    LxNetwork opened;      /* as the options ask */
    LxNetwork wide;        /* the same in f32, once a session found that f16 is too narrow for this model */
    atomic_int is_wide;    /* `wide` is there, and is what new sessions take */
    pthread_mutex_t widening;
    LxSizes sizes;
    LxControlSet controls;
    int64_t parameters;
    const char *dtype;
};

/** What new sessions draw with. */
const LxNetwork *lx_model_network(const LiaxModel *m);

/** The network in f32, made if it is not there yet. Sentence on failure. */
LiaxStatus lx_model_widen(LiaxModel *m, const LxNetwork **out, LxLog *log);

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
