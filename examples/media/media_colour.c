/* Between RGB and the YUV of videos: swscale, set so that files and pipes get the same colours. */
#include "media_internal.h"

#include <libavutil/pixfmt.h>
#include <libswscale/swscale.h>

int media_default_matrix(int height)
{
    return height >= 720 ? AVCOL_SPC_BT709 : AVCOL_SPC_SMPTE170M;
}

bool media_colour_to_rgb(struct SwsContext **c, int width, int height, int format, int to, int matrix, bool full)
{
    *c = sws_getCachedContext(*c, width, height, format, width, height, to,
                              SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_BITEXACT, NULL, NULL, NULL);
    if (!*c) return false;
    const bool tagged = matrix != AVCOL_SPC_UNSPECIFIED && matrix != AVCOL_SPC_RGB;
    const int *table = sws_getCoefficients(tagged ? matrix : media_default_matrix(height));
    /* fails for pixels that have neither matrix nor range, which then need none */
    sws_setColorspaceDetails(*c, table, full, table, 1, 0, 1 << 16, 1 << 16);
    return true;
}

struct SwsContext *media_colour_from_rgb(int width, int height, int to, int matrix)
{
    struct SwsContext *c =
        sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, to,
                       SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP | SWS_BITEXACT, NULL, NULL, NULL);
    const int *table = sws_getCoefficients(matrix);
    if (c) sws_setColorspaceDetails(c, table, 1, table, 0, 0, 1 << 16, 1 << 16);
    return c;
}
