/* Golden pictures (golden.h); apart from the rest, because they need libpng. */
#include "golden.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>

uint8_t *golden_png(const char *path, int *w, int *h)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *rgb = NULL;
    if (png_image_begin_read_from_file(&image, golden_path(path))) {
        image.format = PNG_FORMAT_RGB;
        rgb = malloc(PNG_IMAGE_SIZE(image));
    }
    if (!rgb || !png_image_finish_read(&image, NULL, rgb, 0, NULL)) {
        fprintf(stderr, "golden data: %s: %s\n", path, image.message);
        exit(2);
    }
    *w = (int)image.width;
    *h = (int)image.height;
    return rgb;
}
