/*
 * Motion files: what a video does, without its pictures. The fingerprint of the model that encoded it, S, M, the frame
 * rate, and for every frame its time and its M motion values; as JSON or in binary (docs/container.md, "Motion files").
 */
#ifndef MOTION_FILE_H
#define MOTION_FILE_H

#include <stdio.h>

#include "tool.h"

typedef struct MotionFrame {
    int64_t pts, duration; /* in units of the time base */
    const float *alpha;    /* [motions] */
} MotionFrame;

/* What is said once for all frames. */
typedef struct MotionHead {
    char fingerprint[65];
    int size, motions; /* S, M */
    MediaRational frame_rate, time_base;
    int64_t n_frames;
} MotionHead;

/* A motion file in memory. Zeroed is empty. */
typedef struct Motion {
    MotionHead head;
    int64_t *times; /* pts, duration of each frame */
    float *alphas;  /* [n_frames, motions] */
} Motion;

bool motion_is_file(const char *path); /* does it begin as JSON or as the binary form does? */
bool motion_read(Motion *m, const char *path, MediaError *e);
bool motion_read_stream(Motion *m, FILE *f, const char *path, MediaError *e); /* one that can seek */
MotionFrame motion_frame(const Motion *m, int64_t i);
void motion_free(Motion *m);

/* A motion file being written, frame by frame. Zeroed is closed. */
typedef struct MotionWriter {
    MediaTarget target;
    FILE *file;
    bool binary;
    MotionHead head; /* n_frames counts those written */
    uint32_t sum;    /* binary: the checksum of the frames so far */
} MotionWriter;

/** Binary where the name ends in .liaxm, else JSON. */
bool motion_writer_open(MotionWriter *w, const char *path, bool overwrite, const LiaxModelInfo *model,
                        MediaRational frame_rate, MediaRational time_base, MediaError *e);
bool motion_writer_add(MotionWriter *w, const MotionFrame *f, MediaError *e);
bool motion_writer_finish(MotionWriter *w, MediaError *e);
void motion_writer_close(MotionWriter *w); /* what was not finished is deleted */

#endif
