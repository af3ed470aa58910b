/* Pictures in and out (frame.h). */
#include "frame.h"

#include "picture_row.h"
#include "structs.h"

/* Planes of a format, and of each the bytes of a row and the number of rows. */
static int plane_sizes(const LiaxImage *i, size_t row[3])
{
    const size_t w = (size_t)i->width, half = (w + 1) / 2;
    switch (i->format) {
    case LIAX_RGB24: row[0] = 3 * w; return 1;
    case LIAX_RGBA:
    case LIAX_BGRA: row[0] = 4 * w; return 1;
    case LIAX_GRAY8: row[0] = w; return 1;
    case LIAX_NV12: row[0] = w; row[1] = 2 * half; return 2;
    case LIAX_I420: row[0] = w; row[1] = row[2] = half; return 3;
    case LIAX_RGBF32: row[0] = row[1] = row[2] = 4 * w; return 3;
    default: return 0;
    }
}

LiaxStatus lx_image_check(LiaxImage *out, const LiaxImage *given, const char *what, LxLog *log)
{
    if (!given) return lx_fail(log, LIAX_E_ARG, "%s: no picture was given", what);
    if (!lx_struct_in(out, sizeof *out, given)) return lx_fail(log, LIAX_E_ARG, "%s: struct_size is not the size of a LiaxImage", what);
    if (out->width < 1 || out->height < 1 || out->width > 32768 || out->height > 32768)
        return lx_fail(log, LIAX_E_ARG, "%s: %dx%d pixels, expected 1 to 32768 each way", what, (int)out->width, (int)out->height);
    if (out->memory != LIAX_MEMORY_HOST) return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: its memory is not the host's, but the model is on the CPU", what);
    size_t row[3];
    const int planes = plane_sizes(out, row);
    if (!planes) return lx_fail(log, LIAX_E_ARG, "%s: format %d is unknown", what, (int)out->format);
    for (int p = 0; p < planes; p++) {
        if (!out->planes[p]) return lx_fail(log, LIAX_E_ARG, "%s: plane %d is NULL", what, p);
        if (!out->strides[p]) out->strides[p] = (ptrdiff_t)row[p];
        if (out->strides[p] < (ptrdiff_t)row[p])
            return lx_fail(log, LIAX_E_ARG, "%s: stride %td of plane %d is less than a row's %zu bytes", what, out->strides[p], p, row[p]);
    }
    if (out->matrix == LIAX_MATRIX_AUTO) out->matrix = out->height >= 720 ? LIAX_MATRIX_BT709 : LIAX_MATRIX_BT601;
    if (out->range == LIAX_RANGE_AUTO) out->range = LIAX_RANGE_LIMITED;
    if (out->siting == LIAX_SITING_AUTO) out->siting = LIAX_SITING_LEFT;
    return LIAX_OK;
}

static LiaxStatus no_memory(const LiaxImage *image, LxLog *log)
{
    return lx_fail(log, LIAX_E_MEMORY, "out of memory for a picture of %dx%d", (int)image->width, (int)image->height);
}

/* Room for `between` rows of `width` pixels and for `wide` more; 4 floats a pixel. */
static int make_room(LxFrames *f, LxRun *r, size_t rows, size_t width, size_t wide)
{
    const size_t floats = 4 * (rows * width + wide);
    if (floats <= f->room_floats) return 1;
    lx_free(&r->device->alloc, f->room, f->room_floats * sizeof(float));
    f->room = lx_alloc(&r->device->alloc, floats * sizeof(float));
    f->room_floats = f->room ? floats : 0;
    return f->room != NULL;
}

void lx_frames_drop(LxFrames *f, const LiaxAllocator *a)
{
    LxAxis *const axes[4] = {&f->in_x, &f->in_y, &f->out_x, &f->out_y};
    for (int i = 0; i < 4; i++) lx_axis_drop(axes[i], a);
    lx_free(a, f->room, f->room_floats * sizeof(float));
    *f = (LxFrames){0};
}

LiaxStatus lx_frame_in(LxFrames *f, LxRun *r, const LiaxImage *image, LxFilter filter, LxTensor to, LxLog *log)
{
    const LiaxAllocator *a = &r->device->alloc;
    const size_t rows = (size_t)image->height, width = (size_t)to.w;
    if (!lx_axis_set(&f->in_x, filter, image->width, to.w, a) || !lx_axis_set(&f->in_y, filter, image->height, to.h, a) ||
        !make_room(f, r, rows, width, (size_t)lx_pool_slots(r->device->pool) * (size_t)image->width))
        return no_memory(image, log);
    lx_run_frame_in(r, "frame_in", &(LxFrameInArgs){image, f->in_x.axis, f->in_y.axis, f->room, f->room + 4 * rows * width, to});
    return LIAX_OK;
}

/* Any 8-bit picture as packed RGB [h][w][3]. */
static void to_rgb8(const LiaxImage *image, float *row, uint8_t *to)
{
    const LiaxImage packed = {.format = LIAX_RGB24, .width = image->width, .height = 1, .planes = {to}, .strides = {3 * (ptrdiff_t)image->width}};
    for (int y = 0; y < image->height; y++) {
        LiaxImage line = packed;
        line.planes[0] = to + (size_t)y * 3 * (size_t)image->width;
        lx_picture_row_in(image, y, row);
        lx_picture_rows_out(&line, 0, row, NULL);
    }
}

LiaxStatus lx_frame_in_source(LxFrames *f, LxRun *r, const LiaxImage *image, LxTensor to, LxLog *log)
{
    if (image->format == LIAX_RGBF32) return lx_frame_in(f, r, image, LX_BICUBIC, to, log);
    const LiaxAllocator *a = &r->device->alloc;
    const size_t pixels = (size_t)image->width * (size_t)image->height, size = (size_t)to.w, resized_bytes = 3 * size * size;
    uint8_t *rgb = lx_alloc(a, 3 * pixels), *resized = lx_alloc(a, resized_bytes);
    LiaxStatus st = rgb && resized && make_room(f, r, 0, 0, (size_t)image->width) ? LIAX_OK : no_memory(image, log);
    if (!st) to_rgb8(image, f->room, rgb);
    if (!st && !lx_resample8(LX_BICUBIC, rgb, image->width, image->height, resized, to.w, to.h, a)) st = no_memory(image, log);
    if (!st) {
        const LiaxImage square = {.format = LIAX_RGB24, .width = to.w, .height = to.h, .planes = {resized}, .strides = {3 * (ptrdiff_t)size}};
        st = lx_frame_in(f, r, &square, LX_BILINEAR, to, log); /* of that size already: no resize is left to do */
    }
    lx_free(a, rgb, 3 * pixels);
    lx_free(a, resized, resized_bytes);
    return st;
}

LiaxStatus lx_frame_out(LxFrames *f, LxRun *r, LxTensor from, const LiaxImage *image, LxLog *log)
{
    const LiaxAllocator *a = &r->device->alloc;
    const size_t rows = (size_t)from.h, width = (size_t)image->width;
    if (!lx_axis_set(&f->out_x, LX_BILINEAR, from.w, image->width, a) || !lx_axis_set(&f->out_y, LX_BILINEAR, from.h, image->height, a) ||
        !make_room(f, r, rows, width, 2 * (size_t)lx_pool_slots(r->device->pool) * width))
        return no_memory(image, log);
    lx_run_frame_out(r, "frame_out", &(LxFrameOutArgs){from, f->out_x.axis, f->out_y.axis, f->room, f->room + 4 * rows * width, image});
    return LIAX_OK;
}
