/*
 * A picture in 256 colours of its own, for GIF: the colours are sorted into bins of 5 bits a channel, and the cube of bins
 * is cut into 256 boxes, each time the fullest and longest at its median (Heckbert 1982, median cut).
 */
#include "media_internal.h"

#include <string.h>

enum { SIDE = MEDIA_PALETTE_SIDE, COLOURS = 256 };

typedef struct Box {
    int from[3], to[3]; /* bins of R, G, B; `to` is one past */
    int axis, cut;      /* where it is cut in two */
    double weight;      /* pixels times length; 0: one bin holds them all */
} Box;

static int bin_of(int r, int g, int b)
{
    return (r * SIDE + g) * SIDE + b;
}

/* Find where to cut: across the longest range that is in use, so that half of the pixels are on each side. */
static void measure(const uint32_t *bins, Box *box)
{
    uint32_t slices[3][SIDE] = {{0}}, n = 0;
    int longest = 0;
    for (int r = box->from[0]; r < box->to[0]; r++)
        for (int g = box->from[1]; g < box->to[1]; g++)
            for (int b = box->from[2]; b < box->to[2]; b++) {
                const uint32_t c = bins[bin_of(r, g, b)];
                slices[0][r] += c, slices[1][g] += c, slices[2][b] += c;
                n += c;
            }
    for (int axis = 0; axis < 3; axis++) {
        const uint32_t *slice = slices[axis];
        int first = box->from[axis], last = box->to[axis] - 1;
        while (first < last && !slice[first]) first++;
        while (last > first && !slice[last]) last--;
        if (last - first <= longest) continue;
        longest = last - first;
        box->axis = axis;
        box->cut = first + 1;
        for (uint32_t sum = slice[first]; box->cut < last && sum + slice[box->cut] <= n / 2; box->cut++)
            sum += slice[box->cut];
    }
    box->weight = (double)n * longest;
}

static int cut_all(const uint32_t *bins, Box boxes[COLOURS])
{
    int n = 1;
    boxes[0] = (Box){.to = {SIDE, SIDE, SIDE}};
    measure(bins, &boxes[0]);
    while (n < COLOURS) {
        Box *best = boxes;
        for (int i = 1; i < n; i++)
            if (boxes[i].weight > best->weight) best = &boxes[i];
        if (!(best->weight > 0)) break;
        Box *rest = &boxes[n++];
        *rest = *best;
        rest->from[best->axis] = best->to[best->axis] = best->cut;
        measure(bins, best);
        measure(bins, rest);
    }
    return n;
}

/* Which colour the bins of each box become. */
static void number_bins(MediaPalette *p, const Box *boxes, int n)
{
    for (int i = 0; i < n; i++)
        for (int r = boxes[i].from[0]; r < boxes[i].to[0]; r++)
            for (int g = boxes[i].from[1]; g < boxes[i].to[1]; g++)
                memset(&p->colour_of[bin_of(r, g, boxes[i].from[2])], i, (size_t)(boxes[i].to[2] - boxes[i].from[2]));
}

static int bin_of_pixel(const uint8_t *rgb)
{
    return bin_of(rgb[0] * SIDE / 256, rgb[1] * SIDE / 256, rgb[2] * SIDE / 256);
}

/* Each colour is the mean of the pixels in its box: 0xAARRGGBB. */
static void mean_colours(const MediaPalette *p, const uint8_t *rgb, size_t n_pixels, uint32_t colours[COLOURS])
{
    uint64_t sums[COLOURS][4] = {{0}};
    for (size_t i = 0; i < n_pixels; i++) {
        uint64_t *sum = sums[p->colour_of[bin_of_pixel(rgb + 3 * i)]];
        for (int c = 0; c < 3; c++) sum[c] += rgb[3 * i + (size_t)c];
        sum[3]++;
    }
    for (int k = 0; k < COLOURS; k++) {
        const uint64_t n = sums[k][3];
        colours[k] = 0xff000000u;
        for (int c = 0; c < 3 && n; c++) colours[k] |= (uint32_t)((sums[k][c] + n / 2) / n) << (16 - 8 * c);
    }
}

void media_palette_apply(MediaPalette *p, const uint8_t *rgb, int width, int height, uint8_t *to, int stride,
                         uint32_t *colours)
{
    const size_t n_pixels = (size_t)width * (size_t)height;
    Box boxes[COLOURS];
    memset(p->bins, 0, sizeof p->bins);
    for (size_t i = 0; i < n_pixels; i++) p->bins[bin_of_pixel(rgb + 3 * i)]++;
    number_bins(p, boxes, cut_all(p->bins, boxes));
    mean_colours(p, rgb, n_pixels, colours);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            to[(ptrdiff_t)y * stride + x] = p->colour_of[bin_of_pixel(rgb + 3 * ((size_t)y * (size_t)width + (size_t)x))];
}
