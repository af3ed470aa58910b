/* The progress line on a terminal: frames, frames a second, time left. The program has one terminal, so one state. */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, isatty */
#include "tool.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct {
    bool shown, drawn;
    const char *what;
    int64_t total, done;
    double start, last; /* seconds; of the first frame, of the last drawing */
} bar;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void draw(double share)
{
    const double t = now(), done = (double)bar.done + share, rate = done / (t - bar.start + 1e-9);
    if (bar.drawn && t - bar.last < 0.1) return;
    bar.last = t;
    bar.drawn = true;
    fprintf(stderr, "\r\033[K%s %lld", bar.what, (long long)bar.done);
    if (bar.total > 0) fprintf(stderr, "/%lld (%.0f%%)", (long long)bar.total, 100 * done / (double)bar.total);
    if (done > 0) fprintf(stderr, "  %.3g fps", rate);
    if (done > 0 && (double)bar.total > done) {
        const long left = (long)(((double)bar.total - done) / rate + 0.5);
        fprintf(stderr, "  ETA %ld:%02ld", left / 60, left % 60);
    }
    fflush(stderr);
}

void progress_start(const Settings *s, const char *what, int64_t total)
{
    bar.shown = !s->quiet && isatty(STDERR_FILENO);
    bar.drawn = false;
    bar.what = what;
    bar.total = total;
    bar.done = 0;
    bar.start = now();
    if (bar.shown) draw(0);
}

void progress_frame(void)
{
    bar.done++;
    if (bar.shown) draw(0);
}

void progress_part(double share)
{
    if (bar.shown) draw(share);
}

void progress_clear(void)
{
    if (bar.drawn) fputs("\r\033[K", stderr);
    bar.drawn = false;
}

void progress_end(void)
{
    if (!bar.shown) return;
    bar.drawn = false; /* the last frame may have come too soon after the one before to be drawn */
    draw(0);
    fputc('\n', stderr);
    bar.drawn = bar.shown = false;
}
