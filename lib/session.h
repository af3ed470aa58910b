/* A session: one source, its edits and anchor, and the stream of frames that is drawn from it. */
#ifndef LX_SESSION_H
#define LX_SESSION_H

#include <fenv.h>

#include "frame.h"
#include "model.h"
#include "run.h"

/* What a driving frame leaves in the queue beside its pixels, and takes along to its output. */
typedef struct LxTicket {
    int64_t pts;
    void *user;
} LxTicket;

typedef enum LxAnchor { LX_ANCHOR_NEXT = 0, LX_ANCHOR_FIRST_FRAME, LX_ANCHOR_GIVEN } LxAnchor;

/* What a session has on a device, beside run.stream and run.arena. */
typedef struct LxPlace {
    const LxNetwork *network;
    LxFrames frames;
    void *memory;         /* one block, of which the others are parts */
    size_t bytes;
    void *source;
    float *motion;        /* [max_batch][M] */
    LxTensor input;       /* [max_batch,3,S,S]: frames that wait */
    LxTensor output;      /* [max_batch,3,S,S]: frames drawn */
    LxTensor source_image; /* [1,3,S,S]; none where activations are stored as f32 */
    LxRecording *motions, *draws; /* [max_batch], host memory: the passes over 1, 2, ... frames */
} LxPlace;

struct LiaxSession {
    LiaxModel *model;
    LxLog log;
    LxRun run;
    LiaxSessionOptions options; /* max_batch and max_delay at least 1 */
    atomic_int cancel;
    LxPlace place;
    fenv_t callers;             /* floating-point environment, while a call runs */
    void *callers_device;       /* likewise, the backend's */

    /* one block of host memory */
    void *host;
    size_t host_bytes;
    double *edits;        /* [controls + motions]: value of each control, 0: not set */
    float *source_motion; /* [M] */
    float *anchor;        /* [M] */
    float *motion;        /* [max_batch][M]: of driving frames, then of what is drawn */
    float *deltas;        /* [max_batch][M]: edits of the frames that wait */
    LxTicket *waiting, *done; /* [max_batch] */

    int source_calls, motion_calls, draw_calls; /* kernel calls of each pass */
    int has_source, has_last;
    int proven;          /* the first frame of this source was finite, so that its storage type is wide enough */
    LxAnchor anchor_kind;
    int n_waiting;
    int n_done, n_given; /* frames drawn by the last batch, and how many of them were pulled */
    int last;            /* the frame of the output that was given last */
    int ended;           /* liax_session_push(s, NULL) was called */
};

/** Begin a public call: the caller's floating-point environment and device are put aside. */
void lx_session_enter(LiaxSession *s);

/** End it, with the sentence of a cancelled or failed pass; returns st. */
LiaxStatus lx_session_leave(LiaxSession *s, LiaxStatus st);

/** delta[M] = sum of the edits, each times `factor`. */
void lx_session_delta(const LiaxSession *s, double factor, float *delta);

/** Keep the source that is in the network's input tensor `image`. */
LiaxStatus lx_session_keep_source(LiaxSession *s, LxTensor image);

/** s->motion[n][M] of the first n frames of the input. */
LiaxStatus lx_session_motions(LiaxSession *s, int n);

/** Turn the driving motion s->motion[i], in place, into what is to be drawn, with the edits delta[M]. */
void lx_session_combine(LiaxSession *s, int i, const float *delta);

/** Draw s->motion[0 ... n-1] into the output. */
LiaxStatus lx_session_draw(LiaxSession *s, int n);

/** Frame i of the output into a checked picture. */
LiaxStatus lx_session_give(LiaxSession *s, int i, const LiaxImage *image);

/** A checked output picture, of the size that the options ask for if they do. */
LiaxStatus lx_session_check_out(LiaxSession *s, LiaxImage *checked, const LiaxImage *out);

/** Forget the frames that wait and those not pulled yet, and an anchor that came from a frame. */
void lx_session_restart(LiaxSession *s);

#endif
