/* Driving frames, from pictures or from a motion file. */
#ifndef DRIVER_H
#define DRIVER_H

#include "motion_file.h"
#include "tool.h"

/* Zeroed is closed. */
typedef struct Driver {
    const char *path;
    MediaReader *reader; /* or NULL: */
    Motion motion;
    int64_t next;
    MediaReaderInfo info; /* of a motion file too */
} Driver;

typedef struct DriverFrame {
    MediaPicture picture; /* rgb NULL: only alpha is known */
    const float *alpha;
    int64_t pts, duration;
} DriverFrame;

/** Open a video, pictures, or a motion file of the engine's model. */
int driver_open(Driver *d, const char *path, const Settings *s, const Engine *e);
/** *more is false at the end. */
int driver_next(Driver *d, DriverFrame *out, bool *more);
void driver_close(Driver *d); /* and says what was left out */

#endif
