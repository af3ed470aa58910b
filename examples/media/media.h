/*
 * Pictures and videos in and out, for the command-line tool and the demos: 8-bit RGB frames with exact times.
 *
 * Readers take PNG, JPEG, numbered sequences, pipes and whatever FFmpeg's libraries read, one frame at a time; writers
 * make PNG, numbered PNGs, videos and pipes. Every function that can fail returns false and leaves one sentence in
 * MediaError; the sentence is empty where the reader of a pipe has gone, which needs no words.
 */
#ifndef MEDIA_H
#define MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MEDIA_MAX_SIDE 32768
#define MEDIA_MAX_PIXELS ((int64_t)1 << 28) /* a picture of a few bytes must not ask for gigabytes */

typedef struct MediaError {
    char text[768];
} MediaError;

/** Write the sentence; returns false, so that callers can `return media_fail(...)`. */
bool media_fail(MediaError *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

typedef struct MediaRational {
    int num, den;
} MediaRational;

/* How a decoded picture becomes RGB. */
typedef struct MediaLook {
    bool published;        /* as the published program: EXIF orientation ignored, alpha dropped */
    uint8_t background[3]; /* otherwise alpha is composited on this */
} MediaLook;

/* Say nothing of FFmpeg's own messages, or its warnings too. */
void media_init(bool verbose);

/** Version and licence of FFmpeg's libraries; what links them is under that licence as a whole. */
const char *media_ffmpeg_version(void);
const char *media_ffmpeg_license(void);

/* ---- pictures -------------------------------------------------------------------------------------------------- */

/* Rows of 3 * width bytes, without gaps. Zeroed is empty. */
typedef struct MediaPicture {
    int width, height;
    uint8_t *rgb;
} MediaPicture;

bool media_picture_alloc(MediaPicture *p, int64_t width, int64_t height, const char *path, MediaError *e);
void media_picture_free(MediaPicture *p);

/** Read one picture: PNG, JPEG, or the first frame of what FFmpeg reads. */
bool media_picture_read(MediaPicture *out, const char *path, const MediaLook *look, MediaError *e);

/** Resize `from` into the width x height pixels at `to`, rows `stride` bytes apart. */
bool media_picture_scale(const MediaPicture *from, uint8_t *to, int width, int height, int stride, MediaError *e);

/* ---- reading frames -------------------------------------------------------------------------------------------- */

typedef struct MediaReader MediaReader;

typedef struct MediaReaderInfo {
    bool sound;               /* there is some */
    bool video;               /* a video with times of its own; else pictures at the caller's rate */
    MediaRational time_base;  /* seconds of one unit of pts */
    MediaRational frame_rate; /* average */
    MediaRational pixel_aspect;
    int64_t n_frames;         /* as far as the file says; 0: unknown */
} MediaReaderInfo;

typedef enum MediaNext { MEDIA_FAILED = -1, MEDIA_END = 0, MEDIA_FRAME = 1 } MediaNext;

typedef struct MediaFrame {
    MediaPicture picture; /* belongs to the reader, until its next call */
    int64_t pts, duration; /* in units of the time base */
} MediaFrame;

/**
 * Open a video, one picture, or a numbered sequence ("face-%d.png", "%04d" too; counted from its lowest number).
 * @param rate  frames per second of pictures; a video has its own
 */
bool media_reader_open(MediaReader **out, const char *path, const MediaLook *look, MediaRational rate, MediaError *e);

/* What comes through standard input. */
typedef struct MediaPipe {
    int width, height;  /* of bare RGB; 0: y4m */
    bool (*stop)(void); /* asked while the pipe gives nothing: true ends the stream */
} MediaPipe;

/** Open standard input; the rate is that of bare RGB, and of y4m that does not say one. */
bool media_reader_open_pipe(MediaReader **out, const MediaPipe *pipe, MediaRational rate, MediaError *e);
const MediaReaderInfo *media_reader_info(const MediaReader *r);
MediaNext media_reader_next(MediaReader *r, MediaFrame *out, MediaError *e);
/** A sentence about what was left out so far, such as damaged frames; "" if nothing was. */
const char *media_reader_notice(MediaReader *r);
void media_reader_close(MediaReader **r);

/* ---- writing frames -------------------------------------------------------------------------------------------- */

typedef struct MediaWriter MediaWriter;

typedef struct MediaWriterOptions {
    int width, height;
    MediaRational time_base, frame_rate, pixel_aspect;
    bool moving;           /* more than one frame may come: one PNG would not do */
    bool overwrite;
    bool raw;              /* "-" is bare RGB, not y4m */
    const char *sound;     /* file whose sound is copied; NULL: none */
} MediaWriterOptions;

/**
 * Start a file, under a temporary name in its folder until media_writer_finish. The kind is the name's: "out.png",
 * "out-%d.png" (counted from 1), a video: mp4, m4v, mov, mkv with H.264, webm, gif, apng, or
 * uncompressed: y4m, "-" (standard output).
 */
bool media_writer_open(MediaWriter **out, const char *path, const MediaWriterOptions *o, MediaError *e);
bool media_writer_frame(MediaWriter *w, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e);
/** Complete the file and give it its name. `all`: every frame came, so sound that goes on after the last one is kept too. */
bool media_writer_finish(MediaWriter *w, bool all, MediaError *e);
/** A sentence on what the user should know, such as sound that was dropped; "" if there is nothing. */
const char *media_writer_notice(const MediaWriter *w);
/** The same of what only the end shows: frames repeated and left out where times are uneven and the output has none. */
const char *media_writer_end_notice(const MediaWriter *w);
/** Frees the writer; what was not finished is deleted. */
void media_writer_close(MediaWriter **w);

/** Refuse early what media_writer_open would refuse: an unknown kind, several frames into one PNG, a file that exists. */
bool media_writer_check(const char *path, bool moving, bool overwrite, MediaError *e);

/* ---- files under a temporary name ------------------------------------------------------------------------------ */

/* An output that gets its name only when it is complete. Zeroed is empty. */
typedef struct MediaTarget {
    char *path, *temp; /* temp is NULL where path is a device or a pipe and is written directly */
    bool standard;     /* the path was "-": standard output */
} MediaTarget;

/** Does the name stand for standard input or output? */
bool media_is_pipe(const char *path);

bool media_target_open(MediaTarget *t, const char *path, bool overwrite, MediaError *e);
const char *media_target_name(const MediaTarget *t); /* the file to write to */
FILE *media_target_fopen(const MediaTarget *t);      /* opened for writing; NULL: see errno */
bool media_target_commit(MediaTarget *t, MediaError *e);
void media_target_discard(MediaTarget *t);
bool media_target_check(const char *path, bool overwrite, MediaError *e);

#endif
