/* Videos out: H.264 or VP9 in 4:2:0, tagged; GIF and APNG; all with the times that came in. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "media_internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>

/* How to write a kind of file. */
typedef struct Encoder {
    const char *name;
    enum AVPixelFormat format;
    const char *options[8]; /* names and values */
} Encoder;

static const Encoder x264 = {"libx264", AV_PIX_FMT_YUV420P, {"crf", "17", "preset", "medium"}};
static const Encoder vp9 = {"libvpx-vp9", AV_PIX_FMT_YUV420P, {"b", "0", "crf", "20", "cpu-used", "4", "row-mt", "1"}};
static const Encoder gif = {"gif", AV_PIX_FMT_PAL8, {0}};
static const Encoder apng = {"apng", AV_PIX_FMT_RGB24, {0}};

typedef struct Kind {
    const char *ending, *muxer;
    const Encoder *encoder;
    const char *loop;           /* the muxer's option for playing again and again, or NULL */
    const char *label;          /* says "AI-generated" where the muxer has no place for it; */
    int label_size, tail_size;  /* it is written in place of the file's last bytes and ends with them */
} Kind;

static const char gif_label[] = "\x21\xfe\x0c" "AI-generated\0" ";"; /* a comment extension, and the end */
static const char apng_label[] = "\0\0\0\x14" "tEXtComment\0" "AI-generated" "\x55\x9e\x09\x42" "\0\0\0\0" "IEND\xae\x42\x60\x82";

static const Kind kinds[] = {
    {"mp4", "mp4", &x264, NULL, NULL, 0, 0},
    {"m4v", "mp4", &x264, NULL, NULL, 0, 0},
    {"mov", "mov", &x264, NULL, NULL, 0, 0},
    {"mkv", "matroska", &x264, NULL, NULL, 0, 0},
    {"webm", "webm", &vp9, NULL, NULL, 0, 0},
    {"gif", "gif", &gif, "loop", gif_label, sizeof gif_label - 1, 1},
    {"apng", "apng", &apng, "plays", apng_label, sizeof apng_label - 1, 12},
};

struct MediaVideoOut {
    char *path;
    const Kind *kind;
    MediaWriterOptions options;
    AVFormatContext *file;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *convert; /* or, for GIF: */
    MediaPalette *palette;
    uint8_t *padded; /* RGB in the encoder's size */
    MediaSound *sound;
    int64_t end, duration; /* of the frames so far; of the last one */
    bool started;          /* the header is written */
    char notice[256];
};

static const char *extension(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    return dot ? dot + 1 : "";
}

static const Kind *kind_of(const char *path)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(extension(path), kinds[i].ending)) return &kinds[i];
    return NULL;
}

bool media_video_out_known(const char *path)
{
    return kind_of(path) != NULL;
}

static bool fail_write(const MediaVideoOut *v, int rc, MediaError *e)
{
    return media_fail(e, "cannot write %s: %s; free some space or choose another place", v->path, av_err2str(rc));
}

/* 4:2:0 has no odd sizes, not even by cropping: an odd side gets a copy of its last column or row. Stretching the
   picture by a pixel instead would blur all of it. */
static int encoded_side(const MediaVideoOut *v, int n)
{
    return v->kind->encoder->format == AV_PIX_FMT_YUV420P ? n + n % 2 : n;
}

static bool open_codec(MediaVideoOut *v, MediaError *e)
{
    const MediaWriterOptions *o = &v->options;
    const AVCodec *encoder = avcodec_find_encoder_by_name(v->kind->encoder->name);
    if (!encoder)
        return media_fail(e, "cannot write %s: this FFmpeg has no %s; write numbered PNGs (out-%%d.png)", v->path,
                          v->kind->encoder->name);
    AVCodecContext *c = v->codec = avcodec_alloc_context3(encoder);
    if (!c) return media_fail(e, "not enough memory to write %s", v->path);
    c->width = encoded_side(v, o->width);
    c->height = encoded_side(v, o->height);
    c->pix_fmt = v->kind->encoder->format;
    c->time_base = (AVRational){o->time_base.num, o->time_base.den};
    c->framerate = (AVRational){o->frame_rate.num, o->frame_rate.den};
    c->sample_aspect_ratio = (AVRational){o->pixel_aspect.num, o->pixel_aspect.den};
    if (c->pix_fmt == AV_PIX_FMT_YUV420P) {
        c->colorspace = (enum AVColorSpace)media_default_matrix(o->height);
        c->color_range = AVCOL_RANGE_MPEG;
        c->chroma_sample_location = AVCHROMA_LOC_LEFT;
    }
    if (v->file->oformat->flags & AVFMT_GLOBALHEADER) c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    const char *const *options = v->kind->encoder->options;
    for (int i = 0; i < 8 && options[i]; i += 2) av_opt_set(c, options[i], options[i + 1], AV_OPT_SEARCH_CHILDREN);
    const int rc = avcodec_open2(c, encoder, NULL);
    if (rc < 0)
        return media_fail(e, "cannot encode %d x %d pixels by %s for %s: %s", c->width, c->height, encoder->name,
                          v->path, av_err2str(rc));
    return true;
}

static bool open_buffers(MediaVideoOut *v, MediaError *e)
{
    const int w = v->codec->width, h = v->codec->height;
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    v->padded = av_malloc((size_t)w * (size_t)h * 3 + 64);
    if (v->kind->encoder->format == AV_PIX_FMT_PAL8) v->palette = calloc(1, sizeof *v->palette);
    else v->convert = media_colour_from_rgb(w, h, v->kind->encoder->format, (int)v->codec->colorspace);
    if (!v->packet || !v->frame || !v->padded || (!v->convert && !v->palette))
        return media_fail(e, "not enough memory to write %s", v->path);
    v->frame->format = v->kind->encoder->format;
    v->frame->width = w;
    v->frame->height = h;
    v->frame->colorspace = v->codec->colorspace;
    v->frame->color_range = v->codec->color_range;
    if (av_frame_get_buffer(v->frame, 0) < 0) return media_fail(e, "not enough memory to write %s", v->path);
    return true;
}

static bool open_file(MediaVideoOut *v, const char *file, MediaError *e)
{
    char *url = media_url(file);
    int rc = url ? avio_open(&v->file->pb, url, AVIO_FLAG_WRITE) : AVERROR(ENOMEM);
    free(url);
    if (rc < 0) return fail_write(v, rc, e);
    v->stream = avformat_new_stream(v->file, NULL);
    if (!v->stream || avcodec_parameters_from_context(v->stream->codecpar, v->codec) < 0)
        return media_fail(e, "not enough memory to write %s", v->path);
    v->stream->time_base = v->codec->time_base;
    v->stream->avg_frame_rate = v->codec->framerate;
    v->stream->sample_aspect_ratio = v->codec->sample_aspect_ratio;
    if (v->options.sound && !media_sound_open(&v->sound, v->options.sound, v->file, v->notice, sizeof v->notice, e))
        return false;
    av_dict_set(&v->file->metadata, "comment", "AI-generated", 0);
    if (v->kind->loop) av_opt_set(v->file->priv_data, v->kind->loop, "0", 0);
    rc = avformat_write_header(v->file, NULL);
    if (rc < 0) return fail_write(v, rc, e);
    v->started = true;
    return true;
}

bool media_video_out_open(MediaVideoOut **out, const char *file, const char *path, const MediaWriterOptions *o,
                          MediaError *e)
{
    *out = NULL;
    MediaVideoOut *v = calloc(1, sizeof *v);
    if (!v) return media_fail(e, "not enough memory to write %s", path);
    v->options = *o;
    v->path = strdup(path);
    v->kind = kind_of(path);
    bool ok = v->path && avformat_alloc_output_context2(&v->file, NULL, v->kind->muxer, NULL) >= 0;
    if (!ok) media_fail(e, "not enough memory to write %s", path);
    if (ok) ok = open_codec(v, e);
    if (ok) ok = open_buffers(v, e);
    if (ok) ok = open_file(v, file, e);
    if (!ok) media_video_out_close(&v);
    *out = v;
    return ok;
}

const char *media_video_out_notice(const MediaVideoOut *v)
{
    return v->notice;
}

static void pad(MediaVideoOut *v, const uint8_t *rgb)
{
    const int w = v->options.width, h = v->options.height, wide = v->codec->width, high = v->codec->height;
    for (int y = 0; y < high; y++) {
        uint8_t *row = v->padded + (size_t)y * (size_t)wide * 3;
        memcpy(row, rgb + (size_t)(y < h ? y : h - 1) * (size_t)w * 3, (size_t)w * 3);
        if (wide > w) memcpy(row + 3 * (size_t)w, row + 3 * (size_t)(w - 1), 3);
    }
}

static void convert(MediaVideoOut *v)
{
    const int w = v->codec->width, h = v->codec->height, strides[4] = {3 * w};
    const uint8_t *planes[4] = {v->padded};
    AVFrame *f = v->frame;
    if (v->convert) sws_scale(v->convert, planes, strides, 0, h, f->data, f->linesize);
    else media_palette_apply(v->palette, v->padded, w, h, f->data[0], f->linesize[0], (uint32_t *)(void *)f->data[1]);
}

/* Hand a frame (NULL: the end) to the encoder and write what comes out. */
static bool encode(MediaVideoOut *v, const AVFrame *frame, MediaError *e)
{
    int rc = avcodec_send_frame(v->codec, frame);
    while (rc >= 0) {
        rc = avcodec_receive_packet(v->codec, v->packet);
        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) return true;
        if (rc < 0) break;
        v->packet->duration = v->duration; /* counts for the last one only: the others end where the next begins */
        v->packet->stream_index = v->stream->index;
        av_packet_rescale_ts(v->packet, v->codec->time_base, v->stream->time_base);
        rc = av_interleaved_write_frame(v->file, v->packet);
        if (rc >= 0) rc = v->file->pb->error;
    }
    return fail_write(v, rc, e);
}

bool media_video_out_frame(MediaVideoOut *v, const uint8_t *rgb, int64_t pts, int64_t duration, MediaError *e)
{
    if (av_frame_make_writable(v->frame) < 0) return media_fail(e, "not enough memory to write %s", v->path);
    pad(v, rgb);
    convert(v);
    v->frame->pts = pts;
    v->duration = duration;
    v->end = pts + duration;
    return encode(v, v->frame, e) && (!v->sound || media_sound_until(v->sound, v->end, v->options.time_base, e));
}

static void write_label(MediaVideoOut *v)
{
    AVIOContext *file = v->file->pb;
    if (!v->kind->label || !(file->seekable & AVIO_SEEKABLE_NORMAL)) return;
    avio_flush(file);
    avio_seek(file, avio_size(file) - v->kind->tail_size, SEEK_SET);
    avio_write(file, (const uint8_t *)v->kind->label, v->kind->label_size);
}

bool media_video_out_finish(MediaVideoOut *v, bool all, MediaError *e)
{
    if (!encode(v, NULL, e)) return false;
    if (v->sound && all && !media_sound_until(v->sound, INT64_MAX, v->options.time_base, e)) return false;
    if (v->sound && !media_sound_finish(v->sound, e)) return false;
    v->started = false;
    int rc = av_write_trailer(v->file);
    if (rc >= 0) write_label(v);
    if (rc >= 0) rc = v->file->pb->error;
    const int closed = avio_closep(&v->file->pb);
    if (rc >= 0) rc = closed;
    return rc >= 0 || fail_write(v, rc, e);
}

void media_video_out_close(MediaVideoOut **video)
{
    MediaVideoOut *v = *video;
    if (!v) return;
    if (v->started) av_write_trailer(v->file); /* frees what the muxer holds; the file itself is deleted */
    if (v->file) avio_closep(&v->file->pb);
    avformat_free_context(v->file);
    media_sound_close(&v->sound);
    avcodec_free_context(&v->codec);
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    sws_freeContext(v->convert);
    av_freep(&v->padded);
    free(v->palette);
    free(v->path);
    free(v);
    *video = NULL;
}
