/* Pictures written as NV12 and I420, against arithmetic of the test's own: ITU-R BT.601-7 (2.5), BT.709-6 (3), JFIF for full range. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/fixture.h"

enum { MAX_SIDE = 64, TALL = 720, MARK = 0xa5, GAP = 5 /* bytes between rows */ };

/* A way to write, and what it must mean. */
typedef struct Way {
    LiaxMatrix matrix;
    LiaxRange range;
    LiaxSiting siting;
    int width, height;
    double kr, kb;    /* R's and B's share of the luma */
    int full, centre; /* range 0 ... 255; chroma between two columns, not on the even ones */
} Way;

static const Way ways[] = {
    {LIAX_MATRIX_BT601, LIAX_RANGE_LIMITED, LIAX_SITING_LEFT, 50, 38, .299, .114, 0, 0},
    {LIAX_MATRIX_BT601, LIAX_RANGE_FULL, LIAX_SITING_CENTER, 50, 38, .299, .114, 1, 1},
    {LIAX_MATRIX_BT709, LIAX_RANGE_LIMITED, LIAX_SITING_CENTER, 51, 37, .2126, .0722, 0, 1},
    {LIAX_MATRIX_BT709, LIAX_RANGE_FULL, LIAX_SITING_LEFT, 51, 37, .2126, .0722, 1, 0},
    {LIAX_MATRIX_AUTO, LIAX_RANGE_AUTO, LIAX_SITING_AUTO, 33, 64, .299, .114, 0, 0},
    {LIAX_MATRIX_AUTO, LIAX_RANGE_AUTO, LIAX_SITING_AUTO, 9, TALL - 1, .299, .114, 0, 0},
    {LIAX_MATRIX_AUTO, LIAX_RANGE_AUTO, LIAX_SITING_AUTO, 9, TALL, .2126, .0722, 0, 0},
    {LIAX_MATRIX_BT709, LIAX_RANGE_LIMITED, LIAX_SITING_LEFT, 1, 1, .2126, .0722, 0, 0},
};

/* Channel c at (x, y), 0 ... 1, the picture's edge going on for ever. */
static double at(const uint8_t *rgb, const Way *w, int x, int y, int c)
{
    x = x < 0 ? 0 : x >= w->width ? w->width - 1 : x;
    y = y >= w->height ? w->height - 1 : y;
    return rgb[3 * (y * w->width + x) + c] / 255.;
}

static double luma(const Way *w, const double rgb[3])
{
    return w->kr * rgb[0] + (1 - w->kr - w->kb) * rgb[1] + w->kb * rgb[2];
}

static double want_y(const uint8_t *rgb, const Way *w, int x, int y)
{
    const double l = luma(w, (const double[3]){at(rgb, w, x, y, 0), at(rgb, w, x, y, 1), at(rgb, w, x, y, 2)});
    return w->full ? 255 * l : 16 + 219 * l;
}

/* U (2: from blue) or V (0: from red) of the chroma sample (i, j). It lies between rows 2j and 2j+1; in columns between 2i and
   2i+1 (centre), or on 2i, where the three around it count 1, 2, 1. */
static double want_chroma(const uint8_t *rgb, const Way *w, int i, int j, int channel)
{
    double mean[3];
    for (int c = 0; c < 3; c++) {
        double rows[2];
        for (int r = 0; r < 2; r++) {
            const double before = at(rgb, w, 2 * i - 1, 2 * j + r, c), here = at(rgb, w, 2 * i, 2 * j + r, c), after = at(rgb, w, 2 * i + 1, 2 * j + r, c);
            rows[r] = w->centre ? (here + after) / 2 : (before + 2 * here + after) / 4;
        }
        mean[c] = (rows[0] + rows[1]) / 2;
    }
    const double difference = (mean[channel] - luma(w, mean)) / (2 * (1 - (channel ? w->kb : w->kr))); /* -1/2 ... 1/2 */
    return 128 + (w->full ? 255 : 224) * difference;
}

/* Rounded to nearest, by sums of at most 16 terms of f32 below 512: 16 * 512 * 2^-24 < 0.001 beside the half. */
static void assert_near(uint8_t got, double want)
{
    want = want < 0 ? 0 : want > 255 ? 255 : want;
    if (!(fabs(got - want) <= 0.501)) fail_msg("got %d, expected %.3f", got, want);
}

/* Plane memory with a gap after each row. */
static uint8_t *plane(ptrdiff_t *stride, int row, int rows)
{
    *stride = row + GAP;
    uint8_t *p = malloc((size_t)*stride * (size_t)rows);
    assert_non_null(p);
    memset(p, MARK, (size_t)*stride * (size_t)rows);
    return p;
}

static void assert_gap(const uint8_t *p, ptrdiff_t stride, int row, int rows)
{
    for (int y = 0; y < rows; y++)
        for (int x = row; x < stride; x++) assert_int_equal(p[y * stride + x], MARK);
}

static void check(LiaxSession *s, const Way *w, LiaxFormat format)
{
    static uint8_t bytes[3 * MAX_SIDE * TALL];
    LiaxImage image = rgb(bytes, w->width, w->height);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    const int nv12 = format == LIAX_NV12, cw = (w->width + 1) / 2, ch = (w->height + 1) / 2, row = nv12 ? 2 * cw : cw;
    image = (LiaxImage){.struct_size = sizeof image, .format = format, .width = w->width, .height = w->height,
                        .matrix = w->matrix, .range = w->range, .siting = w->siting};
    image.planes[0] = plane(&image.strides[0], w->width, w->height);
    for (int p = 1; p < (nv12 ? 2 : 3); p++) image.planes[p] = plane(&image.strides[p], row, ch);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    const uint8_t *y_plane = image.planes[0], *u = image.planes[1], *v = nv12 ? u + 1 : image.planes[2];
    const ptrdiff_t v_stride = image.strides[nv12 ? 1 : 2];
    for (int y = 0; y < w->height; y++)
        for (int x = 0; x < w->width; x++) assert_near(y_plane[y * image.strides[0] + x], want_y(bytes, w, x, y));
    for (int j = 0; j < ch; j++)
        for (int i = 0; i < cw; i++) {
            assert_near(u[j * image.strides[1] + i * (nv12 ? 2 : 1)], want_chroma(bytes, w, i, j, 2));
            assert_near(v[j * v_stride + i * (nv12 ? 2 : 1)], want_chroma(bytes, w, i, j, 0));
        }
    assert_gap(y_plane, image.strides[0], w->width, w->height);
    for (int p = 1; p < (nv12 ? 2 : 3); p++) assert_gap(image.planes[p], image.strides[p], row, ch);
    for (int p = 0; p < 3; p++) free(image.planes[p]);
}

static void written(LiaxFormat format)
{
    LiaxSession *s = session_with_source(LIAX_RELATIVE, 1);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) check(s, &ways[i], format);
    liax_session_close(&s);
}

static void nv12(void **state)
{
    (void)state;
    written(LIAX_NV12);
}

static void i420(void **state)
{
    (void)state;
    written(LIAX_I420);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nv12), cmocka_unit_test(i420)};
    return cmocka_run_group_tests(tests, open_group, close_group);
}
