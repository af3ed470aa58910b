/* Metrics of pictures (metrics.h). */
#include "metrics.h"

#include <math.h>
#include <stdlib.h>

static int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

Box box_of(const uint8_t *labels, int w, int h, int bits, int margin)
{
    Box b = {w, h, 0, 0};
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            if (!(labels[y * w + x] & bits)) continue;
            if (x < b.x0) b.x0 = x;
            if (y < b.y0) b.y0 = y;
            if (x >= b.x1) b.x1 = x + 1;
            if (y >= b.y1) b.y1 = y + 1;
        }
    if (b.x0 >= b.x1) return (Box){0, 0, w, h};
    return (Box){clamp(b.x0 - margin, 0, w), clamp(b.y0 - margin, 0, h), clamp(b.x1 + margin, 0, w), clamp(b.y1 + margin, 0, h)};
}

static double to_db(double mean_square)
{
    const double db = mean_square > 0 ? 10 * log10(255 * 255 / mean_square) : 99;
    return db < 99 ? db : 99;
}

double psnr(const uint8_t *a, const uint8_t *b, int w, Box box)
{
    double sum = 0;
    for (int y = box.y0; y < box.y1; y++)
        for (int i = 3 * (y * w + box.x0); i < 3 * (y * w + box.x1); i++) sum += (double)(a[i] - b[i]) * (a[i] - b[i]);
    return to_db(sum / (3.0 * (box.x1 - box.x0) * (box.y1 - box.y0)));
}

static double luma(const uint8_t *p)
{
    return 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2];
}

double ssim(const uint8_t *a, const uint8_t *b, int w, int h)
{
    enum { SIDE = 8, N = SIDE * SIDE };
    const double c1 = 0.01 * 255 * 0.01 * 255, c2 = 0.03 * 255 * 0.03 * 255;
    double total = 0;
    for (int y0 = 0; y0 + SIDE <= h; y0++)
        for (int x0 = 0; x0 + SIDE <= w; x0++) {
            double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
            for (int i = 0; i < N; i++) {
                const int at = 3 * ((y0 + i / SIDE) * w + x0 + i % SIDE);
                const double u = luma(a + at), v = luma(b + at);
                sa += u;
                sb += v;
                saa += u * u;
                sbb += v * v;
                sab += u * v;
            }
            const double ma = sa / N, mb = sb / N, va = (saa - sa * ma) / (N - 1), vb = (sbb - sb * mb) / (N - 1), cov = (sab - sa * mb) / (N - 1);
            total += (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
        }
    return total / ((double)(h - SIDE + 1) * (w - SIDE + 1));
}

double gradient_energy(const uint8_t *rgb, int w, int h)
{
    double sum = 0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *p = rgb + 3 * (y * w + x);
            const double here = luma(p), right = x + 1 < w ? luma(p + 3) - here : 0, down = y + 1 < h ? luma(p + 3 * w) - here : 0;
            sum += right * right + down * down;
        }
    return sum;
}

/* Mean square error of the source moved by (dx, dy) pixels and scaled about the centre, at every second pixel. */
static double moved_error(const uint8_t *source, const uint8_t *truth, int w, int h, double dx, double dy, double scale)
{
    double sum = 0;
    int n = 0;
    for (int y = 0; y < h; y += 2)
        for (int x = 0; x < w; x += 2, n++) {
            const int sx = clamp((int)lround((x - w / 2.0 - dx) / scale + w / 2.0), 0, w - 1);
            const int sy = clamp((int)lround((y - h / 2.0 - dy) / scale + h / 2.0), 0, h - 1);
            for (int c = 0; c < 3; c++) {
                const double d = source[3 * (sy * w + sx) + c] - truth[3 * (y * w + x) + c];
                sum += d * d;
            }
        }
    return sum / (3.0 * n);
}

double best_shift_psnr(const uint8_t *source, const uint8_t *truth, int w, int h)
{
    double best = moved_error(source, truth, w, h, 0, 0, 1);
    for (int s = -2; s <= 2; s++)
        for (int dy = -6; dy <= 6; dy++)
            for (int dx = -6; dx <= 6; dx++) {
                const double e = moved_error(source, truth, w, h, dx * 0.02 * w, dy * 0.02 * h, 1 + 0.06 * s);
                if (e < best) best = e;
            }
    return to_db(best);
}

double correlation(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) {
        ma += a[i] / n;
        mb += b[i] / n;
    }
    for (int i = 0; i < n; i++) {
        aa += (a[i] - ma) * (a[i] - ma);
        bb += (b[i] - mb) * (b[i] - mb);
        ab += (a[i] - ma) * (b[i] - mb);
    }
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0;
}
