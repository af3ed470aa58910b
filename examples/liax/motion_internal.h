/* What the two forms of motion files share (motion_file.h). */
#ifndef MOTION_INTERNAL_H
#define MOTION_INTERNAL_H

#include "motion_file.h"

/* ---- reading: a form fills in the head, begins, then adds every frame */

bool motion_damaged(const char *path, const char *what, MediaError *e); /* these two return false */
bool motion_frame_damaged(const char *path, int64_t i, MediaError *e);
/** Check the head and make room for n_frames; the head's own count starts at 0. */
bool motion_begin(Motion *m, int64_t n_frames, const char *path, MediaError *e);
/** Where the next frame's values belong. */
float *motion_next(Motion *m);
/** Check those values and the times, and count the frame. */
bool motion_add(Motion *m, int64_t pts, int64_t duration, const char *path, MediaError *e);

bool motion_json_read(Motion *m, FILE *f, const char *path, MediaError *e);
bool motion_binary_read(Motion *m, FILE *f, const char *path, MediaError *e);

/* ---- writing: whether the stream took it is left to ferror */

void motion_json_start(const MotionWriter *w);
void motion_json_frame(const MotionWriter *w, const MotionFrame *f);
void motion_json_end(const MotionWriter *w);

bool motion_binary_is(FILE *f); /* does the file begin as this form does? Reads its first bytes. */
void motion_binary_head(const MotionWriter *w); /* once before the frames, once over itself when they are known */
bool motion_binary_frame(MotionWriter *w, const MotionFrame *f); /* false: not enough memory */

#endif
