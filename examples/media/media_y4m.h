/*
 * The header of YUV4MPEG2, the format of uncompressed video in pipes: one line, then "FRAME\n" and the planes of each
 * frame. https://wiki.multimedia.cx/index.php/YUV4MPEG2
 */
#ifndef MEDIA_Y4M_H
#define MEDIA_Y4M_H

#include "media.h"

enum { MEDIA_Y4M_LINE = 1024 }; /* a longer line is no header */

typedef struct MediaY4m {
    int width, height;
    MediaRational rate;   /* num 0: not said */
    MediaRational aspect; /* of a pixel */
    int format;           /* AV_PIX_FMT_* */
    bool full;            /* range */
} MediaY4m;

/** Read a header, without its newline. Sizes are checked; what is not 8 bits of a known layout is refused. */
bool media_y4m_parse(MediaY4m *out, const char *line, MediaError *e);
/** The header of 4:2:0 in limited range, with its newline. */
void media_y4m_header(char line[MEDIA_Y4M_LINE], const MediaY4m *y);

#endif
