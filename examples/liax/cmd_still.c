/* liax edit and liax sweep: frames from one portrait and its edits. */
#include "commands.h"
#include "output.h"

static int draw_still(Engine *e, const Settings *s, const MediaPicture *source, int n_frames)
{
    const MediaRational rate = s->fps.num ? s->fps : (MediaRational){12, 1}; /* the published clips' */
    const MediaReaderInfo timing = {.time_base = {rate.den, rate.num}, .frame_rate = rate, .pixel_aspect = {1, 1}};
    const OutputPlan plan = {
        .width = source->width, .height = source->height, .left = *source, .timing = &timing, .moving = n_frames > 1};
    Output o = {0};
    int code = output_open(&o, s, e, &plan);
    progress_start(s, "frame", n_frames);
    for (int i = 0; !code && i < n_frames; i++) {
        LiaxImage *image = output_image(&o);
        const LiaxStatus status = interrupted()  ? LIAX_E_CANCELLED
                                  : n_frames > 1 ? liax_session_sweep(e->session, i, image)
                                                 : liax_session_render(e->session, image);
        code = engine_check(e, status, "draw a frame");
        if (!code) code = output_frame(&o, e, source, i, 1);
    }
    code = output_end(&o, code);
    output_close(&o);
    return code;
}

static int run_still(const Settings *s, int n_frames)
{
    MediaError error;
    MediaPicture source = {0};
    Engine e = {0};
    int code = output_check(s, n_frames > 1);
    if (!code && !media_picture_read(&source, s->source, &s->look, &error)) code = say_error("%s", error.text);
    if (!code) code = engine_open(&e, s, LIAX_RELATIVE);
    if (!code) {
        const LiaxImage image = image_of(&source);
        code = engine_check(&e, liax_session_set_source(e.session, &image), "take the portrait");
    }
    if (!code) code = draw_still(&e, s, &source, n_frames);
    engine_close(&e);
    media_picture_free(&source);
    return code;
}

int run_edit(const Settings *s)
{
    return run_still(s, 1);
}

int run_sweep(const Settings *s)
{
    if (!s->n_edits) return say_usage("name what to sweep, as in --edit yaw=0.3");
    return run_still(s, LIAX_SWEEP_FRAMES);
}
