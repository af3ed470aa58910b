/* What the files of examples/media share among themselves. */
#ifndef MEDIA_INTERNAL_H
#define MEDIA_INTERNAL_H

#include "media.h"

#include <stdio.h>

/* How to turn stored pixels upright: output pixel (x, y) is stored pixel (x, y), or (y, x) if transposed, counted from
   the far side where flipped. Zeroed changes nothing. */
typedef struct MediaTurn {
    bool transpose, flip_x, flip_y; /* the flips are of the output */
} MediaTurn;

/** Turn `pixels` (rows of channels * width bytes; 3 or 4 channels) upright, composite alpha, and make them RGB. */
bool media_picture_from(MediaPicture *out, const uint8_t *pixels, int width, int height, ptrdiff_t stride, int channels,
                        MediaTurn turn, const MediaLook *look, const char *path, MediaError *e);

/** The orientation that EXIF data (beginning with its TIFF header) asks for. */
MediaTurn media_exif_turn(const uint8_t *tiff, size_t size);

bool media_png_read(MediaPicture *out, FILE *f, const char *path, const MediaLook *look, MediaError *e);
bool media_png_write(const char *file, const char *path, const uint8_t *rgb, int width, int height, MediaError *e);
bool media_jpeg_read(MediaPicture *out, FILE *f, const char *path, const MediaLook *look, MediaError *e);

/* What a file's first bytes say. */
typedef enum MediaKind { MEDIA_KIND_OTHER, MEDIA_KIND_PNG, MEDIA_KIND_JPEG } MediaKind;
bool media_kind_of(MediaKind *out, const char *path, MediaError *e);

/* A numbered name, "face-%04d.png" (media_sequence.c). Zeroed is none. */
typedef struct MediaPattern {
    const char *path;
    size_t before, after; /* lengths of the path's parts before and after the %d */
    int digits;           /* at least so many, filled with zeros; 0: as many as there are */
} MediaPattern;

bool media_pattern_parse(MediaPattern *p, const char *path); /* false: no number in it */
/** The lowest number that a file has, and how many files there are. */
bool media_pattern_lowest(const MediaPattern *p, long *out, int64_t *count, MediaError *e);
char *media_pattern_name(const MediaPattern *p, long number); /* malloc */

/* A video being read (media_video_in.c). */
typedef struct MediaVideoIn MediaVideoIn;
bool media_video_in_open(MediaVideoIn **out, const char *path, const MediaLook *look, MediaError *e);
void media_video_in_info(const MediaVideoIn *v, MediaReaderInfo *out);
MediaNext media_video_in_next(MediaVideoIn *v, MediaFrame *out, MediaError *e);
int64_t media_video_in_damaged(const MediaVideoIn *v); /* frames that could not be decoded */
void media_video_in_close(MediaVideoIn **v);

/* A video being written (media_video_out.c). */
typedef struct MediaVideoOut MediaVideoOut;
bool media_video_out_known(const char *path); /* can a video of this name be written? */
bool media_video_out_open(MediaVideoOut **out, const char *file, const char *path, const MediaWriterOptions *o,
                          MediaError *e);
bool media_video_out_frame(MediaVideoOut *v, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e);
bool media_video_out_finish(MediaVideoOut *v, bool all, MediaError *e);
const char *media_video_out_notice(const MediaVideoOut *v);
void media_video_out_close(MediaVideoOut **v);

/* FFmpeg's way to name a file, whatever colons are in it; malloc. */
char *media_url(const char *path);

/* Frames from standard input (media_pipe_in.c). */
typedef struct MediaPipeIn MediaPipeIn;
bool media_pipe_in_open(MediaPipeIn **out, const MediaPipe *pipe, MediaRational rate, MediaError *e);
void media_pipe_in_info(const MediaPipeIn *p, MediaReaderInfo *out);
MediaNext media_pipe_in_next(MediaPipeIn *p, MediaFrame *out, MediaError *e);
bool media_pipe_in_cut(const MediaPipeIn *p); /* did it end within a frame? */
void media_pipe_in_close(MediaPipeIn **p);

/* Frames as y4m or bare RGB, to standard output or a file (media_pipe_out.c). */
typedef struct MediaPipeOut MediaPipeOut;
bool media_pipe_out_open(MediaPipeOut **out, const MediaTarget *target, const MediaWriterOptions *o, MediaError *e);
bool media_pipe_out_frame(MediaPipeOut *p, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e);
bool media_pipe_out_finish(MediaPipeOut *p, MediaError *e);
const char *media_pipe_out_notice(MediaPipeOut *p); /* of frames repeated and left out so far */
void media_pipe_out_close(MediaPipeOut **p);

/* Converters between RGB and YUV (media_colour.c); formats are AV_PIX_FMT_*, matrices AVCOL_SPC_*. */
struct SwsContext;
int media_default_matrix(int height); /* of YUV that is not tagged: BT.709 from 720 lines, else BT.601 */
bool media_colour_to_rgb(struct SwsContext **c, int width, int height, int format, int to, int matrix, bool full);
struct SwsContext *media_colour_from_rgb(int width, int height, int to, int matrix); /* NULL: no memory */

/* Where a file's clock starts, in units of time_base: subtracted from pictures and sound alike. */
struct AVFormatContext;
int64_t media_start_time(const struct AVFormatContext *file, MediaRational time_base);

/* 256 colours for the frames of a clip (media_palette.c). Zeroed is new. */
enum { MEDIA_PALETTE_SIDE = 32, MEDIA_PALETTE_FINE = 64, MEDIA_PALETTE_PATTERN = 16 };
typedef struct MediaPalette {
    int n_colours; /* 0: none are chosen yet */
    double limit;  /* of the misfit at which others are chosen */
    uint8_t colours[256][3];
    uint32_t bins[MEDIA_PALETTE_SIDE * MEDIA_PALETTE_SIDE * MEDIA_PALETTE_SIDE];
    uint8_t colour_of[MEDIA_PALETTE_SIDE * MEDIA_PALETTE_SIDE * MEDIA_PALETTE_SIDE]; /* the box that a bin is in */
    uint8_t known[MEDIA_PALETTE_FINE * MEDIA_PALETTE_FINE * MEDIA_PALETTE_FINE];     /* which patterns are made */
    uint8_t patterns[MEDIA_PALETTE_FINE * MEDIA_PALETTE_FINE * MEDIA_PALETTE_FINE][MEDIA_PALETTE_PATTERN];
} MediaPalette;
/** Indices to `to`, rows `stride` bytes apart, and 256 colours as 0xAARRGGBB. */
void media_palette_apply(MediaPalette *p, const uint8_t *rgb, int width, int height, uint8_t *to, int stride,
                         uint32_t *colours);

/* Sound that is decoded and encoded again (media_recode.c). The calls return FFmpeg's codes, below 0 for failures. */
typedef struct MediaRecode MediaRecode;
struct AVPacket;
struct AVStream;
struct AVStream *media_recode_open(MediaRecode **out, struct AVStream *in,
                                   struct AVFormatContext *to);    /* NULL: cannot be done */
int media_recode_packet(MediaRecode *r, const struct AVPacket *p); /* NULL: the decoder's end */
int media_recode_finish(MediaRecode *r);
void media_recode_close(MediaRecode **r);

/* Sound that goes from one file into another (media_sound.c). */
typedef struct MediaSound MediaSound;
bool media_sound_open(MediaSound **out, const char *path, struct AVFormatContext *to, char *notice, size_t notice_size,
                      MediaError *e);
bool media_sound_until(MediaSound *s, int64_t t, MediaRational time_base,
                       MediaError *e); /* copy what begins before t */
bool media_sound_finish(MediaSound *s, MediaError *e);
void media_sound_close(MediaSound **s);

#endif
