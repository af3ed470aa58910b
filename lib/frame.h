/* Pictures at the library's edge: checked, brought to the network's size, and brought back. */
#ifndef LX_FRAME_H
#define LX_FRAME_H

#include "resample.h"
#include "run.h"

/* One axis of a resize, where kernels can read it. */
typedef struct LxFrameAxis {
    LxAxis host;
    LxResizeAxis axis;
    void *memory; /* the device's copy, where its memory is not the host's */
} LxFrameAxis;

/* Memory of one stream of pictures; grows when a larger picture comes. Zeroed memory holds nothing. */
typedef struct LxFrames {
    LxFrameAxis in_x, in_y, out_x, out_y;
    float *room;     /* device memory: rows of floats */
    size_t room_floats;
    uint8_t *pixels; /* device memory: a picture of the host's, where the device cannot reach that */
    size_t pixel_bytes;
} LxFrames;

void lx_frames_drop(LxFrames *f, LxDevice *d);

/**
 * A caller's picture with everything filled in: strides, matrix, range, siting. It lies in host memory or in the device's.
 * LIAX_E_ARG or LIAX_E_UNSUPPORTED with a sentence that begins with `what`.
 */
LiaxStatus lx_image_check(LiaxImage *out, const LiaxImage *given, const char *what, LxDevice *d, LxLog *log);

/** A checked picture to the network's input `to` [1,3,S,S], in f32 with the filter. LIAX_E_MEMORY, LIAX_E_DEVICE. */
LiaxStatus lx_frame_in(LxFrames *f, LxRun *r, const LiaxImage *image, LxFilter filter, LxTensor to, LxLog *log);

/** The same for a source: 8-bit pictures by Pillow's 8-bit bicubic, floats by a bicubic in f32. */
LiaxStatus lx_frame_in_source(LxFrames *f, LxRun *r, const LiaxImage *image, LxTensor to, LxLog *log);

/**
 * The network's output `from` [1,3,S,S] into a checked picture: written when the call returns if it lies in host memory, in the
 * order of its stream if it lies in the device's. LIAX_E_MEMORY, LIAX_E_DEVICE.
 */
LiaxStatus lx_frame_out(LxFrames *f, LxRun *r, LxTensor from, const LiaxImage *image, LxLog *log);

#endif
