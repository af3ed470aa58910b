/* Pictures in and out (frame.h). */
#include "frame.h"

#include "picture_row.h"
#include "structs.h"

/* Planes of a format, and of each the bytes of a row and the number of rows. */
static int plane_sizes(const LiaxImage *i, size_t row[3], size_t rows[3])
{
    const size_t w = (size_t)i->width, half = (w + 1) / 2, h = (size_t)i->height;
    const int yuv = i->format == LIAX_NV12 || i->format == LIAX_I420;
    rows[0] = h;
    rows[1] = rows[2] = yuv ? (h + 1) / 2 : h;
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

LiaxStatus lx_image_check(LiaxImage *out, const LiaxImage *given, const char *what, LxDevice *d, LxLog *log)
{
    if (!given) return lx_fail(log, LIAX_E_ARG, "%s: no picture was given", what);
    if (!lx_struct_in(out, sizeof *out, given)) return lx_fail(log, LIAX_E_ARG, "%s: struct_size is not the size of a LiaxImage", what);
    if (out->width < 1 || out->height < 1 || out->width > 32768 || out->height > 32768)
        return lx_fail(log, LIAX_E_ARG, "%s: %dx%d pixels, expected 1 to 32768 each way", what, (int)out->width, (int)out->height);
    if (out->memory != LIAX_MEMORY_HOST && out->memory != d->backend->memory)
        return lx_fail(log, LIAX_E_UNSUPPORTED, "%s: its memory is not the host's, but the model is on %s", what, d->id);
    size_t row[3], rows[3];
    const int planes = plane_sizes(out, row, rows);
    if (!planes) return lx_fail(log, LIAX_E_ARG, "%s: format %d is unknown", what, (int)out->format);
    for (int p = 0; p < planes; p++) {
        if (!out->planes[p]) return lx_fail(log, LIAX_E_ARG, "%s: plane %d is NULL", what, p);
        if (!out->strides[p]) out->strides[p] = (ptrdiff_t)row[p];
        if (out->strides[p] < (ptrdiff_t)row[p])
            return lx_fail(log, LIAX_E_ARG, "%s: stride %td of plane %d is less than a row's %zu bytes", what, out->strides[p], p, row[p]);
    }
    for (int p = planes; p < 4; p++) out->planes[p] = NULL;
    if (out->matrix == LIAX_MATRIX_AUTO) out->matrix = out->height >= 720 ? LIAX_MATRIX_BT709 : LIAX_MATRIX_BT601;
    if (out->range == LIAX_RANGE_AUTO) out->range = LIAX_RANGE_LIMITED;
    if (out->siting == LIAX_SITING_AUTO) out->siting = LIAX_SITING_LEFT;
    return out->memory == LIAX_MEMORY_HOST ? LIAX_OK : d->backend->check_image(d, out, what, log);
}

static LiaxStatus no_memory(const LiaxImage *image, LxLog *log)
{
    return lx_fail(log, LIAX_E_MEMORY, "out of memory for a picture of %dx%d", (int)image->width, (int)image->height);
}

/* At least `size` bytes of device memory in *p; what was there is lost. */
static int make_room(LxDevice *d, void **p, size_t *has, size_t size)
{
    if (size <= *has) return 1;
    if (*p) d->backend->free(d, *p, *has);
    *p = d->backend->alloc(d, size);
    *has = *p ? size : 0;
    return *p != NULL;
}

/* Room for `rows` rows of `width` pixels and for `wide` more; 4 floats a pixel. */
static int make_rows(LxFrames *f, LxRun *r, size_t rows, size_t width, size_t wide)
{
    void *p = f->room;
    size_t bytes = f->room_floats * sizeof(float);
    const int made = make_room(r->device, &p, &bytes, 4 * (rows * width + wide) * sizeof(float));
    f->room = p;
    f->room_floats = bytes / sizeof(float);
    return made;
}

static void drop_axis(LxFrameAxis *a, LxDevice *d)
{
    if (a->memory) d->backend->free(d, a->memory, a->host.bytes);
    lx_axis_drop(&a->host, &d->alloc);
    *a = (LxFrameAxis){0};
}

/* Make it n_in -> n_out. 0 if there is no memory; the axis then has no size. */
static int set_axis(LxFrameAxis *a, LxRun *r, LxFilter filter, int n_in, int n_out)
{
    LxDevice *d = r->device;
    if (a->axis.n_in == n_in && a->axis.n_out == n_out && a->host.filter == filter) return 1;
    drop_axis(a, d);
    if (!lx_axis_set(&a->host, filter, n_in, n_out, &d->alloc)) return 0;
    a->axis = a->host.axis;
    if (lx_device_is_host(d)) return 1;
    a->memory = d->backend->alloc(d, a->host.bytes);
    if (!a->memory) {
        drop_axis(a, d);
        return 0;
    }
    d->backend->send(d, r->stream, a->memory, a->host.memory, a->host.bytes, 0, 1);
    const char *from = a->host.memory, *to = a->memory;
    a->axis.first = (const int *)(const void *)(to + ((const char *)a->axis.first - from));
    a->axis.count = (const int *)(const void *)(to + ((const char *)a->axis.count - from));
    a->axis.weight = (const float *)(const void *)(to + ((const char *)a->axis.weight - from));
    return 1;
}

void lx_frames_drop(LxFrames *f, LxDevice *d)
{
    LxFrameAxis *const axes[4] = {&f->in_x, &f->in_y, &f->out_x, &f->out_y};
    for (int i = 0; i < 4; i++) drop_axis(axes[i], d);
    if (f->room) d->backend->free(d, f->room, f->room_floats * sizeof(float));
    if (f->pixels) d->backend->free(d, f->pixels, f->pixel_bytes);
    *f = (LxFrames){0};
}

/* ---- pictures of the host's, for a device that cannot reach them */

static size_t packed_planes(const LiaxImage *image, size_t row[3], size_t rows[3], size_t at[3], int *planes)
{
    size_t bytes = 0;
    *planes = plane_sizes(image, row, rows);
    for (int p = 0; p < *planes; p++) {
        at[p] = bytes;
        bytes += (row[p] * rows[p] + 63) / 64 * 64;
    }
    return bytes;
}

/* `on_device` is the picture where kernels can reach it: itself, or a copy whose rows have no gaps and whose pixels are still to
   be sent or received. */
static int place_on_device(LxFrames *f, LxRun *r, const LiaxImage *image, LiaxImage *on_device)
{
    *on_device = *image;
    if (image->memory == r->device->backend->memory) return 1;
    size_t row[3], rows[3], at[3];
    int planes;
    const size_t bytes = packed_planes(image, row, rows, at, &planes);
    void *pixels = f->pixels;
    const int made = make_room(r->device, &pixels, &f->pixel_bytes, bytes);
    f->pixels = pixels;
    for (int p = 0; made && p < planes; p++) {
        on_device->planes[p] = f->pixels + at[p];
        on_device->strides[p] = (ptrdiff_t)row[p];
    }
    return made;
}

static void send_planes(LxRun *r, const LiaxImage *image, const LiaxImage *on_device)
{
    size_t row[3], rows[3];
    const int planes = plane_sizes(image, row, rows);
    for (int p = 0; p < planes; p++) r->device->backend->send(r->device, r->stream, on_device->planes[p], image->planes[p], row[p], image->strides[p], rows[p]);
}

static LiaxStatus receive_planes(LxRun *r, const LiaxImage *image, const LiaxImage *on_device, LxLog *log)
{
    size_t row[3], rows[3];
    const int planes = plane_sizes(image, row, rows);
    LiaxStatus st = r->device->backend->wait(r->device, r->stream, log); /* first: a picture is written whole or not at all */
    for (int p = 0; !st && p < planes; p++)
        st = r->device->backend->receive(r->device, r->stream, image->planes[p], on_device->planes[p], row[p], image->strides[p], rows[p], log);
    return st;
}

/* Is it in the memory of a device that is not the host? */
static int has_stream(const LiaxImage *image)
{
    return image->memory != LIAX_MEMORY_HOST;
}

/* ---- in and out */

LiaxStatus lx_frame_in(LxFrames *f, LxRun *r, const LiaxImage *image, LxFilter filter, LxTensor to, LxLog *log)
{
    LxDevice *d = r->device;
    const size_t rows = (size_t)image->height, width = (size_t)to.w;
    LiaxImage there;
    if (!set_axis(&f->in_x, r, filter, image->width, to.w) || !set_axis(&f->in_y, r, filter, image->height, to.h) ||
        !make_rows(f, r, rows, width, (size_t)d->slots * (size_t)image->width) || !place_on_device(f, r, image, &there))
        return no_memory(image, log);
    if (has_stream(image)) d->backend->follow(d, r->stream, image->stream);
    else if (!lx_device_is_host(d)) send_planes(r, image, &there);
    lx_run_frame_in(r, "frame_in", &(LxFrameInArgs){&there, f->in_x.axis, f->in_y.axis, f->room, f->room + 4 * rows * width, to});
    return has_stream(image) ? d->backend->lead(d, r->stream, image->stream, log) : LIAX_OK;
}

/* Any 8-bit picture of the host's as packed RGB [h][w][3]; `row` has room for one of its rows. */
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

static LiaxStatus frame_in_source8(LxFrames *f, LxRun *r, const LiaxImage *image, LxTensor to, LxLog *log)
{
    const LiaxAllocator *a = &r->device->alloc;
    const size_t width = (size_t)image->width, rgb_bytes = 3 * width * (size_t)image->height, row_bytes = 4 * width * sizeof(float);
    const size_t size = (size_t)to.w, resized_bytes = 3 * size * size;
    uint8_t *rgb = lx_alloc(a, rgb_bytes), *resized = lx_alloc(a, resized_bytes);
    float *row = lx_alloc(a, row_bytes);
    LiaxStatus st = rgb && resized && row ? LIAX_OK : no_memory(image, log);
    if (!st) to_rgb8(image, row, rgb);
    if (!st && !lx_resample8(LX_BICUBIC, rgb, image->width, image->height, resized, to.w, to.h, a)) st = no_memory(image, log);
    if (!st) {
        const LiaxImage square = {.format = LIAX_RGB24, .width = to.w, .height = to.h, .planes = {resized}, .strides = {3 * (ptrdiff_t)size}};
        st = lx_frame_in(f, r, &square, LX_BILINEAR, to, log); /* of that size already: no resize is left to do */
    }
    lx_free(a, rgb, rgb_bytes);
    lx_free(a, resized, resized_bytes);
    lx_free(a, row, row_bytes);
    return st;
}

/* A picture of the device's is brought to the host, row by row: sources are rare. */
static LiaxStatus frame_in_source8_from_device(LxFrames *f, LxRun *r, const LiaxImage *image, LxTensor to, LxLog *log)
{
    LxDevice *d = r->device;
    size_t row[3], rows[3], at[3];
    int planes;
    const size_t bytes = packed_planes(image, row, rows, at, &planes);
    uint8_t *pixels = lx_alloc(&d->alloc, bytes);
    if (!pixels) return no_memory(image, log);
    LiaxImage host = *image;
    host.memory = LIAX_MEMORY_HOST;
    d->backend->follow(d, r->stream, image->stream);
    LiaxStatus st = LIAX_OK;
    for (int p = 0; p < planes; p++) {
        host.planes[p] = pixels + at[p];
        host.strides[p] = (ptrdiff_t)row[p];
        for (size_t y = 0; !st && y < rows[p]; y++)
            st = d->backend->receive(d, r->stream, pixels + at[p] + y * row[p], (const char *)image->planes[p] + (ptrdiff_t)y * image->strides[p], row[p], 0, 1, log);
    }
    if (!st) st = frame_in_source8(f, r, &host, to, log);
    lx_free(&d->alloc, pixels, bytes);
    return st;
}

LiaxStatus lx_frame_in_source(LxFrames *f, LxRun *r, const LiaxImage *image, LxTensor to, LxLog *log)
{
    if (image->format == LIAX_RGBF32) return lx_frame_in(f, r, image, LX_BICUBIC, to, log);
    return has_stream(image) ? frame_in_source8_from_device(f, r, image, to, log) : frame_in_source8(f, r, image, to, log);
}

LiaxStatus lx_frame_out(LxFrames *f, LxRun *r, LxTensor from, const LiaxImage *image, LxLog *log)
{
    LxDevice *d = r->device;
    const size_t rows = (size_t)from.h, width = (size_t)image->width;
    LiaxImage there;
    if (!set_axis(&f->out_x, r, LX_BILINEAR, from.w, image->width) || !set_axis(&f->out_y, r, LX_BILINEAR, from.h, image->height) ||
        !make_rows(f, r, rows, width, 2 * (size_t)d->slots * width) || !place_on_device(f, r, image, &there))
        return no_memory(image, log);
    if (has_stream(image)) d->backend->follow(d, r->stream, image->stream);
    lx_run_frame_out(r, "frame_out", &(LxFrameOutArgs){from, f->out_x.axis, f->out_y.axis, f->room, f->room + 4 * rows * width, &there});
    if (has_stream(image)) return d->backend->lead(d, r->stream, image->stream, log);
    return lx_device_is_host(d) || r->status ? LIAX_OK : receive_planes(r, image, &there, log);
}
