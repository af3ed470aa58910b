/* liax animate and liax edit-video: a frame out for every driving frame. */
#include "commands.h"
#include "driver.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

/* A number that is not a file's name. */
static bool parse_index(const char *text, int64_t *out)
{
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 9) return false;
    *out = atol(text);
    return true;
}

/* Frame `index` of `path`, which may be a motion file, becomes the anchor. */
static int set_anchor(Engine *e, const Settings *s, const char *path, int64_t index)
{
    if (media_is_pipe(path)) return say_usage("--anchor %s: a pipe can be read only once; name a file", s->anchor);
    Driver d;
    DriverFrame f;
    bool more = true;
    int code = driver_open(&d, path, s, e);
    for (int64_t i = 0; !code && more && i <= index; i++)
        code = interrupted() ? EXIT_INTERRUPTED : driver_next(&d, &f, &more);
    if (!code && !more)
        code = say_error("--anchor %s: %s has only %lld frames, counted from 0", s->anchor, path, (long long)d.next);
    if (!code && f.picture.rgb) {
        const LiaxImage image = image_of(&f.picture);
        code = engine_check(e, liax_session_set_anchor_image(e->session, &image), "take the anchor");
    } else if (!code) {
        code = engine_check(e, liax_session_set_anchor(e->session, f.alpha), "take the anchor");
    }
    driver_close(&d);
    return code;
}

static int draw(const Engine *e, const DriverFrame *f, LiaxImage *out)
{
    if (!f->picture.rgb) return engine_check(e, liax_session_animate_motion(e->session, f->alpha, out), "draw a frame");
    const LiaxImage driving = image_of(&f->picture);
    return engine_check(e, liax_animate_frame(e->session, &driving, out), "draw a frame");
}

/* `source` is NULL where the video is its own source. */
static int draw_all(Engine *e, const Settings *s, const MediaPicture *source, Driver *d)
{
    DriverFrame f = {0};
    bool more = false;
    int code = driver_next(d, &f, &more);
    if (code) return code;
    const bool has_left = f.picture.rgb != NULL;
    const MediaPicture *picture = source ? source : &f.picture;
    MediaReaderInfo timing = d->info;
    if (source) timing.pixel_aspect = (MediaRational){1, 1}; /* a portrait's pixels are square, whatever the driver's are */
    const OutputPlan plan = {
        .width = picture->width, .height = picture->height, .left = has_left ? f.picture : *picture, .timing = &timing,
        .moving = d->info.n_frames != 1, .sound = d->info.sound ? d->path : NULL,
    };
    Output o = {0};
    code = output_open(&o, s, e, &plan);
    progress_start(s, "frame", d->info.n_frames);
    while (!code && more) {
        code = interrupted() ? EXIT_INTERRUPTED : draw(e, &f, output_image(&o));
        if (!code) code = output_frame(&o, e, has_left ? &f.picture : picture, f.pts, f.duration);
        if (!code) code = driver_next(d, &f, &more);
    }
    code = output_end(&o, code);
    output_close(&o);
    return code;
}

int run_animate(const Settings *s)
{
    if (s->mode == LIAX_ABSOLUTE && s->n_edits) return say_usage("--absolute takes no --edit; leave one of them out");
    if (s->mode == LIAX_ABSOLUTE && s->anchor) return say_usage("--absolute has no --anchor; leave one of them out");
    MediaError error;
    MediaPicture source = {0};
    Engine e = {0};
    Driver d = {0};
    int64_t index = 0;
    int code = output_check(s, false);
    if (!code && !media_picture_read(&source, s->source, &s->look, &error)) code = say_error("%s", error.text);
    if (!code) code = engine_open(&e, s, (LiaxMode)s->mode);
    if (!code) code = driver_open(&d, s->driving, s, &e);
    if (!code && s->anchor)
        code = parse_index(s->anchor, &index) ? set_anchor(&e, s, s->driving, index) : set_anchor(&e, s, s->anchor, 0);
    if (!code) {
        const LiaxImage image = image_of(&source);
        code = engine_check(&e, liax_session_set_source(e.session, &image), "take the portrait");
    }
    if (!code) code = draw_all(&e, s, &source, &d);
    driver_close(&d);
    engine_close(&e);
    media_picture_free(&source);
    return code;
}

int run_edit_video(const Settings *s)
{
    Engine e = {0};
    Driver d = {0};
    int code = output_check(s, false);
    if (!code && motion_is_file(s->driving))
        code = say_usage("%s is a motion file, which has no pictures to edit; name a video", s->driving);
    if (!code) code = engine_open(&e, s, LIAX_EDIT_VIDEO);
    if (!code) code = driver_open(&d, s->driving, s, &e);
    if (!code) code = draw_all(&e, s, NULL, &d);
    driver_close(&d);
    engine_close(&e);
    return code;
}
