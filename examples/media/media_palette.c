/*
 * Pictures in 256 colours, for GIF. The colours: a picture's are sorted into bins of 5 bits a channel, and the cube of bins
 * is cut into 256 boxes, each time the fullest and longest at its median (Heckbert 1982, median cut). They are kept for the
 * pictures that follow as long as they suit them, so that what does not move does not flicker. Between them: a colour becomes a
 * pattern of 4 x 4 that has its mean (Knoll's pattern dithering), which, unlike diffusing errors, is the same for the same
 * colour at the same place in every frame.
 */
#include "media_internal.h"

#include <string.h>

enum { SIDE = MEDIA_PALETTE_SIDE, FINE = MEDIA_PALETTE_FINE, COLOURS = 256, PATTERN = MEDIA_PALETTE_PATTERN };

/* Levels that a colour may make up for. By more, patterns near the edge of the colours that there are get speckles. */
enum { REACH = 12 };

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

/* Each colour is the mean of the pixels in its box. */
static void mean_colours(MediaPalette *p, const uint8_t *rgb, size_t n_pixels)
{
    uint64_t sums[COLOURS][4] = {{0}};
    for (size_t i = 0; i < n_pixels; i++) {
        uint64_t *sum = sums[p->colour_of[bin_of_pixel(rgb + 3 * i)]];
        for (int c = 0; c < 3; c++) sum[c] += rgb[3 * i + (size_t)c];
        sum[3]++;
    }
    for (int k = 0; k < COLOURS; k++) {
        const uint64_t n = sums[k][3];
        for (int c = 0; c < 3; c++) p->colours[k][c] = n ? (uint8_t)((sums[k][c] + n / 2) / n) : 0;
    }
}

static void choose_colours(MediaPalette *p, const uint8_t *rgb, size_t n_pixels)
{
    Box boxes[COLOURS];
    memset(p->bins, 0, sizeof p->bins);
    for (size_t i = 0; i < n_pixels; i++) p->bins[bin_of_pixel(rgb + 3 * i)]++;
    p->n_colours = cut_all(p->bins, boxes);
    number_bins(p, boxes, p->n_colours);
    mean_colours(p, rgb, n_pixels);
    memset(p->known, 0, sizeof p->known);
}

static int nearest(const MediaPalette *p, const int rgb[3])
{
    int best = 0, least = INT32_MAX;
    for (int k = 0; k < p->n_colours; k++) {
        const uint8_t *q = p->colours[k];
        const int r = rgb[0] - q[0], g = rgb[1] - q[1], b = rgb[2] - q[2], distance = r * r + g * g + b * b;
        if (distance < least) least = distance, best = k;
    }
    return best;
}

/* Green counts most for the eye, blue least. */
static int brightness(const uint8_t q[3])
{
    return 3 * q[0] + 6 * q[1] + q[2];
}

/* Colours that have the wanted one as their mean, so far as they can: each makes up for what those before it missed. Sorted from
   dark to bright, so that the pattern's places are filled in an order that the eye does not see. */
static void make_pattern(const MediaPalette *p, const int want[3], uint8_t pattern[PATTERN])
{
    int missed[3] = {0};
    for (int i = 0; i < PATTERN; i++) {
        const int k = nearest(p, (const int[3]){want[0] + missed[0], want[1] + missed[1], want[2] + missed[2]});
        for (int c = 0; c < 3; c++) {
            missed[c] += want[c] - p->colours[k][c];
            missed[c] = missed[c] < -REACH ? -REACH : missed[c] > REACH ? REACH : missed[c];
        }
        int at = i;
        for (; at > 0 && brightness(p->colours[pattern[at - 1]]) > brightness(p->colours[k]); at--) pattern[at] = pattern[at - 1];
        pattern[at] = (uint8_t)k;
    }
}

/* The pattern of a pixel's colour, to 6 bits a channel; made when it is first asked for. */
static const uint8_t *pattern_of(MediaPalette *p, const uint8_t *rgb)
{
    int want[3], bin = 0;
    for (int c = 0; c < 3; c++) {
        const int level = (rgb[c] * (FINE - 1) + 127) / 255;
        want[c] = level * 255 / (FINE - 1);
        bin = bin * FINE + level;
    }
    if (!p->known[bin]) make_pattern(p, want, p->patterns[bin]);
    p->known[bin] = 1;
    return p->patterns[bin];
}

/* How far the patterns' means are from the picture's colours: the mean of the squared distances. */
static double misfit(MediaPalette *p, const uint8_t *rgb, size_t n_pixels)
{
    double sum = 0;
    for (size_t i = 0; i < n_pixels; i++) {
        const uint8_t *pattern = pattern_of(p, rgb + 3 * i);
        for (int c = 0; c < 3; c++) {
            int total = 0;
            for (int k = 0; k < PATTERN; k++) total += p->colours[pattern[k]][c];
            const double d = (double)total / PATTERN - rgb[3 * i + (size_t)c];
            sum += d * d;
        }
    }
    return sum / (double)n_pixels;
}

void media_palette_apply(MediaPalette *p, const uint8_t *rgb, int width, int height, uint8_t *to, int stride,
                         uint32_t *colours)
{
    /* in which order a pattern's places turn bright (Bayer 1973) */
    static const uint8_t order[4][4] = {{0, 8, 2, 10}, {12, 4, 14, 6}, {3, 11, 1, 9}, {15, 7, 13, 5}};
    const size_t n_pixels = (size_t)width * (size_t)height;
    if (!p->n_colours || misfit(p, rgb, n_pixels) > p->limit) {
        choose_colours(p, rgb, n_pixels);
        p->limit = 2 * misfit(p, rgb, n_pixels) + 12; /* 2 levels in each channel more: not seen in a moving picture */
    }
    for (int k = 0; k < COLOURS; k++)
        colours[k] = 0xff000000u | (uint32_t)p->colours[k][0] << 16 | (uint32_t)p->colours[k][1] << 8 | p->colours[k][2];
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            to[(ptrdiff_t)y * stride + x] = pattern_of(p, rgb + 3 * ((size_t)y * (size_t)width + (size_t)x))[order[y & 3][x & 3]];
}
