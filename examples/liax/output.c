/* Where drawn frames go (output.h). */
#include "output.h"

#include <stdlib.h>

int output_check(const Settings *s, bool moving)
{
    MediaError error;
    if (!s->output && !s->npy) return say_usage("name an output with -o, or an array with --npy");
    if (s->output && !media_writer_check(s->output, moving, s->overwrite, &error)) return say_media_error(&error);
    if (s->raw_output && (!s->output || !media_is_pipe(s->output))) return say_usage("--raw-output needs -o -");
    if (s->npy && !npy_check(s->npy, s->overwrite, &error)) return say_media_error(&error);
    return EXIT_OK;
}

static void choose_size(Output *o, const OutputPlan *plan)
{
    const Settings *s = o->settings;
    o->width = s->size == SIZE_MODEL ? o->size : s->size == SIZE_GIVEN ? s->width : plan->width;
    o->height = s->size == SIZE_MODEL ? o->size : s->size == SIZE_GIVEN ? s->height : plan->height;
    if (s->side_by_side) { /* as high as the result, and not stretched */
        const double width = (double)plan->left.width * o->height / plan->left.height + 0.5;
        o->panel = width < 1 ? 1 : width > MEDIA_MAX_SIDE ? MEDIA_MAX_SIDE : (int)width;
    }
    o->total = o->panel + o->width;
}

static bool open_show(Output *o, const OutputPlan *plan, MediaError *e)
{
    const Settings *s = o->settings;
    const MediaReaderInfo *t = plan->timing;
    const MediaWriterOptions options = {
        .width = o->total, .height = o->height, .time_base = t->time_base, .frame_rate = t->frame_rate,
        .pixel_aspect = s->size == SIZE_SOURCE && !s->side_by_side ? t->pixel_aspect : (MediaRational){1, 1},
        .moving = plan->moving, .overwrite = s->overwrite, .raw = s->raw_output, .sound = plan->sound,
    };
    const size_t plane = (size_t)o->total * (size_t)o->height;
    if (!media_writer_open(&o->writer, s->output, &options, e)) return false;
    o->show_pixels = malloc(3 * plane);
    if (!o->show_pixels) return media_fail(e, "not enough memory for %d x %d pixels", o->total, o->height);
    if (!o->by_minmax) {
        o->show_image = (LiaxImage){.struct_size = sizeof(LiaxImage),
                                    .format = LIAX_RGB24,
                                    .width = o->width,
                                    .height = o->height,
                                    .planes = {o->show_pixels + 3 * (size_t)o->panel},
                                    .strides = {3 * (ptrdiff_t)o->total}};
        return true;
    }
    o->show_floats = malloc(3 * plane * sizeof *o->show_floats);
    if (!o->show_floats) return media_fail(e, "not enough memory for %d x %d pixels", o->total, o->height);
    o->show_image = image_of_floats(o->show_floats + o->panel, o->width, o->height, o->total, plane);
    return published_open(&o->published, s->output, o->total, o->height, e);
}

static bool open_raw(Output *o, MediaError *e)
{
    char shape[64];
    const size_t plane = (size_t)o->size * (size_t)o->size;
    snprintf(shape, sizeof shape, "3, %d, %d", o->size, o->size);
    if (!npy_open(&o->npy, o->settings->npy, o->settings->overwrite, shape, e)) return false;
    o->raw_pixels = malloc(3 * plane * sizeof *o->raw_pixels);
    if (!o->raw_pixels) return media_fail(e, "not enough memory for %d x %d pixels", o->size, o->size);
    o->raw_image = image_of_floats(o->raw_pixels, o->size, o->size, o->size, plane);
    return true;
}

int output_open(Output *o, const Settings *s, const Engine *e, const OutputPlan *plan)
{
    *o = (Output){.settings = s,
                  .showing = s->output != NULL,
                  .raw = s->npy != NULL,
                  .by_minmax = s->look.published,
                  .size = e->info.size};
    MediaError error;
    choose_size(o, plan);
    if (o->showing && !open_show(o, plan, &error)) return say_media_error(&error);
    if (o->raw && !open_raw(o, &error)) return say_media_error(&error);
    if (o->showing) say_notice(media_writer_notice(o->writer));
    return EXIT_OK;
}

LiaxImage *output_image(Output *o)
{
    return o->raw ? &o->raw_image : &o->show_image;
}

/* The left picture, into the bytes or, for published pixels, into the floats as the network sees it. */
static bool put_left(Output *o, const MediaPicture *left, MediaError *e)
{
    const size_t total = (size_t)o->total, plane = total * (size_t)o->height;
    if (!media_picture_scale(left, o->show_pixels, o->panel, o->height, 3 * o->total, e)) return false;
    for (int y = 0; o->by_minmax && y < o->height; y++)
        for (size_t x = 0; x < (size_t)o->panel; x++)
            for (size_t c = 0; c < 3; c++) {
                const size_t at = (size_t)y * total + x;
                o->show_floats[c * plane + at] = ((float)o->show_pixels[3 * at + c] / 255 - 0.5f) * 2;
            }
    return true;
}

static bool show(Output *o, const MediaPicture *left, int64_t pts, int64_t duration, MediaError *e)
{
    if (o->panel && !put_left(o, left, e)) return false;
    if (o->by_minmax) return published_add(&o->published, o->show_floats, pts, duration, e);
    return media_writer_frame(o->writer, o->show_pixels, pts, duration, e);
}

int output_frame(Output *o, const Engine *e, const MediaPicture *left, int64_t pts, int64_t duration)
{
    MediaError error;
    if (o->raw && !npy_add(&o->npy, o->raw_pixels, 3 * (size_t)o->size * (size_t)o->size, &error))
        return say_media_error(&error);
    if (o->raw && o->showing) {
        const int code = engine_check(e, liax_session_last(e->session, &o->show_image), "write the frame in its size");
        if (code) return code;
    }
    if (o->showing && !show(o, left, pts, duration, &error)) return say_media_error(&error);
    o->n_frames++;
    progress_frame();
    return EXIT_OK;
}

int output_end(Output *o, int code)
{
    MediaError error;
    if (code == EXIT_INTERRUPTED && !o->n_frames)
        say_error("interrupted before the first frame was done, so nothing was written");
    if ((code != EXIT_OK && code != EXIT_INTERRUPTED) || !o->n_frames) return code;
    bool ok = true;
    if (o->by_minmax && o->showing)
        ok = published_write(&o->published, o->writer, o->show_floats, o->show_pixels, &error);
    if (ok && o->showing) ok = media_writer_finish(o->writer, code == EXIT_OK, &error);
    if (ok && o->raw) ok = npy_finish(&o->npy, &error);
    if (!ok) return say_media_error(&error);
    progress_end();
    if (o->showing) say_notice(media_writer_end_notice(o->writer));
    const char *name = o->settings->output ? o->settings->output : o->settings->npy;
    if (code == EXIT_INTERRUPTED)
        say_error("interrupted; the frames that were done are in %s", media_is_pipe(name) ? "standard output" : name);
    return code;
}

void output_close(Output *o)
{
    media_writer_close(&o->writer);
    npy_close(&o->npy);
    published_close(&o->published);
    free(o->raw_pixels);
    free(o->show_floats);
    free(o->show_pixels);
}
