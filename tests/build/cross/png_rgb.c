/* png_rgb NAME.png >OUT: width and height as i32, then R, G, B of every pixel, of a golden picture. For golden_rgb.c. */
#include "support/golden.h"

#include <stdio.h>

int main(int argc, char **argv)
{
    int32_t sides[2];
    uint8_t *rgb = golden_png(argv[argc - 1], &sides[0], &sides[1]);
    fwrite(sides, sizeof sides, 1, stdout);
    fwrite(rgb, 3, (size_t)sides[0] * (size_t)sides[1], stdout);
    return fflush(stdout) != 0; /* a program of one picture leaves its memory to the system */
}
