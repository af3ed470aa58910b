/* Driving frames (driver.h). */
#include "driver.h"

#include <string.h>

static int open_motion(Driver *d, const Settings *s, const Engine *e)
{
    MediaError error;
    if (!motion_read(&d->motion, d->path, &error)) return say_media_error(&error);
    const MotionHead *h = &d->motion.head;
    if (h->motions != e->info.motions)
        return say_error("%s has %d motion values a frame, but the model %s has %d; encode the video with this model",
                         d->path, h->motions, s->model, e->info.motions);
    if (strcmp(h->fingerprint, e->info.fingerprint) && !s->force)
        return say_error("%s was made with another model (fingerprint %.12s..., %s has %.12s...); encode the video "
                         "with this model, or give --force",
                         d->path, h->fingerprint, s->model, e->info.fingerprint);
    d->info = (MediaReaderInfo){.time_base = h->time_base, .frame_rate = h->frame_rate, .pixel_aspect = {1, 1},
                                .n_frames = h->n_frames};
    return EXIT_OK;
}

static int open_pictures(Driver *d, const Settings *s)
{
    MediaError error;
    const MediaRational rate = s->fps.num ? s->fps : (MediaRational){25, 1};
    const MediaPipe pipe = {.width = s->raw_width, .height = s->raw_height, .stop = interrupted};
    const bool ok = media_is_pipe(d->path) ? media_reader_open_pipe(&d->reader, &pipe, rate, &error)
                                           : media_reader_open(&d->reader, d->path, &s->look, rate, &error);
    if (!ok) return interrupted() ? EXIT_INTERRUPTED : say_media_error(&error);
    d->info = *media_reader_info(d->reader);
    return EXIT_OK;
}

int driver_open(Driver *d, const char *path, const Settings *s, const Engine *e)
{
    *d = (Driver){.path = path};
    if (s->raw_width && !media_is_pipe(s->driving))
        return say_usage("--raw-input says what comes through -, but %s is read; leave --raw-input out", s->driving);
    const bool motion = motion_is_file(path);
    const int code = motion ? open_motion(d, s, e) : open_pictures(d, s);
    if (code) return code;
    if (s->fps.num && path == s->driving && (motion || d->info.video))
        return say_usage("--fps is for pictures, but %s has times of its own; leave --fps out", path);
    return EXIT_OK;
}

int driver_next(Driver *d, DriverFrame *out, bool *more)
{
    *more = false;
    if (!d->reader) {
        if (d->next >= d->motion.head.n_frames) return EXIT_OK;
        const MotionFrame m = motion_frame(&d->motion, d->next++);
        *out = (DriverFrame){.alpha = m.alpha, .pts = m.pts, .duration = m.duration};
    } else {
        MediaFrame frame;
        MediaError error;
        const MediaNext next = media_reader_next(d->reader, &frame, &error);
        if (next != MEDIA_FRAME && interrupted()) return EXIT_INTERRUPTED;
        if (next == MEDIA_FAILED) return say_media_error(&error);
        if (next == MEDIA_END && !d->next)
            return say_error("%s holds no picture that can be decoded; is the file complete?", d->path);
        if (next == MEDIA_END) return EXIT_OK;
        d->next++;
        *out = (DriverFrame){.picture = frame.picture, .pts = frame.pts, .duration = frame.duration};
    }
    *more = true;
    return EXIT_OK;
}

void driver_close(Driver *d)
{
    if (d->reader && d->next) say_notice(media_reader_notice(d->reader));
    media_reader_close(&d->reader);
    motion_free(&d->motion);
}
