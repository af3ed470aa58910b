/* liax motion: the motion values of a video, or of another motion file, into a motion file, an array, or both. */
#include "commands.h"
#include "driver.h"
#include "npy_write.h"

#include <stdlib.h>

typedef struct MotionOutput {
    MotionWriter file;
    NpyFile npy;
    float *alpha;
    int motions;
    int64_t n_frames;
} MotionOutput;

static int open_output(MotionOutput *o, const Settings *s, const Engine *e, const Driver *d)
{
    MediaError error;
    char shape[24];
    snprintf(shape, sizeof shape, "%d", e->info.motions);
    o->motions = e->info.motions;
    o->alpha = calloc((size_t)o->motions, sizeof *o->alpha);
    if (!o->alpha) return say_error("not enough memory");
    if (s->output &&
        !motion_writer_open(&o->file, s->output, s->overwrite, &e->info, d->info.frame_rate, d->info.time_base, &error))
        return say_media_error(&error);
    if (s->npy && !npy_open(&o->npy, s->npy, s->overwrite, shape, &error)) return say_media_error(&error);
    return EXIT_OK;
}

static int encode(MotionOutput *o, const Engine *e, const DriverFrame *f)
{
    MediaError error;
    MotionFrame frame = {f->pts, f->duration, f->alpha};
    if (!f->alpha) {
        const LiaxImage image = image_of(&f->picture);
        const int code = engine_check(e, liax_session_encode_motion(e->session, &image, o->alpha), "encode a frame");
        if (code) return code;
        frame.alpha = o->alpha;
    }
    if (o->file.file && !motion_writer_add(&o->file, &frame, &error)) return say_media_error(&error);
    if (o->npy.file && !npy_add(&o->npy, frame.alpha, (size_t)o->motions, &error)) return say_media_error(&error);
    o->n_frames++;
    progress_frame();
    return EXIT_OK;
}

static int finish(MotionOutput *o, int code)
{
    MediaError error;
    if (code == EXIT_INTERRUPTED && !o->n_frames)
        say_error("interrupted before the first frame was done, so nothing was written");
    if ((code != EXIT_OK && code != EXIT_INTERRUPTED) || !o->n_frames) return code;
    if (o->file.file && !motion_writer_finish(&o->file, &error)) return say_media_error(&error);
    if (o->npy.file && !npy_finish(&o->npy, &error)) return say_media_error(&error);
    progress_end();
    return code;
}

static int encode_all(const Settings *s, const Engine *e, Driver *d)
{
    MotionOutput o = {0};
    DriverFrame f;
    bool more = true;
    int code = open_output(&o, s, e, d);
    progress_start(s, "frame", d->info.n_frames);
    while (!code) {
        code = driver_next(d, &f, &more);
        if (code || !more) break;
        code = interrupted() ? EXIT_INTERRUPTED : encode(&o, e, &f);
    }
    code = finish(&o, code);
    motion_writer_close(&o.file);
    npy_close(&o.npy);
    free(o.alpha);
    return code;
}

int run_motion(const Settings *s)
{
    MediaError error;
    Engine e = {0};
    Driver d = {0};
    if (!s->output && !s->npy) return say_usage("name a motion file with -o, or an array with --npy");
    if ((s->output && !media_target_check(s->output, s->overwrite, &error)) ||
        (s->npy && !npy_check(s->npy, s->overwrite, &error)))
        return say_media_error(&error);
    int code = engine_open(&e, s, LIAX_RELATIVE);
    if (!code) code = driver_open(&d, s->driving, s, &e);
    if (!code) code = encode_all(s, &e, &d);
    driver_close(&d);
    engine_close(&e);
    return code;
}
