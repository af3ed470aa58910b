/* Where drawn frames go: the picture or video to look at, the array of the network's own output, or both. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "npy_write.h"
#include "published.h"
#include "tool.h"

typedef struct OutputPlan {
    int width, height;        /* of the input picture */
    MediaPicture left;        /* size of the picture at the left with --side-by-side */
    const MediaReaderInfo *timing;
    bool moving;              /* more than one frame may come */
    const char *sound;        /* file whose sound is copied, or NULL */
} OutputPlan;

/* Zeroed is closed. */
typedef struct Output {
    const Settings *settings;
    MediaWriter *writer;  /* NULL: none wanted, as the two following */
    NpyFile npy;
    Published published;
    bool showing, raw, by_minmax;
    float *raw_pixels;    /* [3,S,S] */
    float *show_floats;   /* [3,height,total], for published pixels */
    uint8_t *show_pixels; /* height rows of 3 * total bytes */
    LiaxImage raw_image, show_image;
    int size, panel, total, width, height; /* total = panel (left) + width */
    int64_t n_frames;
} Output;

/** Refuse at once what output_open would refuse after the model is loaded. */
int output_check(const Settings *s, bool moving);
int output_open(Output *o, const Settings *s, const Engine *e, const OutputPlan *plan);
/** The image to draw into; then output_frame takes it. */
LiaxImage *output_image(Output *o);
int output_frame(Output *o, const Engine *e, const MediaPicture *left, int64_t pts, int64_t duration);
/**
 * Complete what `code` allows: after EXIT_OK and EXIT_INTERRUPTED the files get their names, after a failure none does.
 * Returns the exit code.
 */
int output_end(Output *o, int code);
void output_close(Output *o);

#endif
