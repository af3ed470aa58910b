/* Videos in by FFmpeg's libraries: one upright RGB frame at a time, with the file's own times. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "media_internal.h"

#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

struct MediaVideoIn {
    char *path;
    MediaLook look;
    AVFormatContext *file;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct SwsContext *convert;
    uint8_t *pixels;   /* the frame as RGB or RGBA, not yet upright */
    int pixels_stride;
    size_t pixels_size;
    MediaPicture picture;
    MediaTurn turn;
    MediaReaderInfo info;
    int64_t start, last; /* the file's first time; the pts given last, or a very small number */
    int64_t damaged;
    bool drained;
};

void media_init(bool verbose)
{
    av_log_set_level(verbose ? AV_LOG_WARNING : AV_LOG_QUIET);
}

const char *media_ffmpeg_version(void)
{
    return av_version_info();
}

const char *media_ffmpeg_license(void)
{
    return avformat_license();
}

char *media_url(const char *path)
{
    static const char scheme[] = "file:";
    char *url = malloc(sizeof scheme + strlen(path));
    if (url) strcat(strcpy(url, scheme), path);
    return url;
}

int64_t media_start_time(const AVFormatContext *file, MediaRational time_base)
{
    if (file->start_time == AV_NOPTS_VALUE || file->start_time <= 0) return 0;
    return av_rescale_q(file->start_time, AV_TIME_BASE_Q, (AVRational){time_base.num, time_base.den});
}

/* The display matrix: x' = a x + c y, y' = b x + d y, stored a b u / c d v / ... as 16.16 numbers. */
static MediaTurn stream_turn(const AVStream *stream)
{
    size_t size = 0;
    const int32_t *m = (const int32_t *)(const void *)av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (!m || size < 9 * sizeof *m) return (MediaTurn){0};
    const int64_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (llabs(b) + llabs(c) > llabs(a) + llabs(d)) return (MediaTurn){true, c < 0, b < 0};
    return (MediaTurn){false, a < 0, d < 0};
}

static void fill_info(MediaVideoIn *v)
{
    const AVRational rate = av_guess_frame_rate(v->file, v->stream, NULL);
    AVRational aspect = av_guess_sample_aspect_ratio(v->file, v->stream, NULL);
    if (aspect.num <= 0 || aspect.den <= 0) aspect = (AVRational){1, 1};
    if (v->turn.transpose) aspect = av_inv_q(aspect);
    v->info = (MediaReaderInfo){
        .sound = av_find_best_stream(v->file, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0) >= 0,
        .video = true,
        .time_base = {v->stream->time_base.num, v->stream->time_base.den},
        .frame_rate = {rate.num, rate.den},
        .pixel_aspect = {aspect.num, aspect.den},
        .n_frames = v->stream->nb_frames,
    };
    if (rate.num <= 0 || rate.den <= 0) v->info.frame_rate = (MediaRational){25, 1};
    if (v->info.n_frames <= 0 && v->file->duration > 0)
        v->info.n_frames = av_rescale_q(v->file->duration, AV_TIME_BASE_Q,
                                        av_inv_q((AVRational){v->info.frame_rate.num, v->info.frame_rate.den}));
    v->start = media_start_time(v->file, v->info.time_base);
}

/* FFmpeg's own decoders of VP8 and VP9 leave alpha out, which webm keeps beside the pictures; libvpx's take it. */
static const AVCodec *find_decoder(const AVStream *stream)
{
    const enum AVCodecID id = stream->codecpar->codec_id;
    const AVDictionaryEntry *alpha = av_dict_get(stream->metadata, "alpha_mode", NULL, 0);
    const AVCodec *decoder = NULL;
    if (alpha && !strcmp(alpha->value, "1") && id == AV_CODEC_ID_VP9) decoder = avcodec_find_decoder_by_name("libvpx-vp9");
    if (alpha && !strcmp(alpha->value, "1") && id == AV_CODEC_ID_VP8) decoder = avcodec_find_decoder_by_name("libvpx");
    return decoder ? decoder : avcodec_find_decoder(id);
}

static bool open_codec(MediaVideoIn *v, MediaError *e)
{
    const AVCodecParameters *p = v->stream->codecpar;
    const AVCodec *decoder = find_decoder(v->stream);
    if (!decoder)
        return media_fail(e, "%s holds %s, which this FFmpeg cannot decode; convert it to H.264", v->path,
                          avcodec_get_name(p->codec_id));
    v->codec = avcodec_alloc_context3(decoder);
    v->packet = av_packet_alloc();
    v->frame = av_frame_alloc();
    if (!v->codec || !v->packet || !v->frame) return media_fail(e, "not enough memory to read %s", v->path);
    v->codec->max_pixels = MEDIA_MAX_PIXELS;
    v->codec->pkt_timebase = v->stream->time_base;
    if (avcodec_parameters_to_context(v->codec, p) < 0 || avcodec_open2(v->codec, decoder, NULL) < 0)
        return media_fail(e, "%s cannot be decoded (%s); is the file complete?", v->path, decoder->name);
    return true;
}

static bool open_file(MediaVideoIn *v, MediaError *e)
{
    char *url = media_url(v->path);
    int rc = url ? avformat_open_input(&v->file, url, NULL, NULL) : AVERROR(ENOMEM);
    free(url);
    if (rc < 0 || (rc = avformat_find_stream_info(v->file, NULL)) < 0)
        return media_fail(e, "%s is not a picture or video that can be read: %s", v->path, av_err2str(rc));
    const int i = av_find_best_stream(v->file, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (i < 0) return media_fail(e, "%s holds no pictures; name a video", v->path);
    for (unsigned n = 0; n < v->file->nb_streams; n++)
        if ((int)n != i) v->file->streams[n]->discard = AVDISCARD_ALL;
    v->stream = v->file->streams[i];
    return true;
}

bool media_video_in_open(MediaVideoIn **out, const char *path, const MediaLook *look, MediaError *e)
{
    *out = NULL;
    MediaVideoIn *v = calloc(1, sizeof *v);
    if (!v) return media_fail(e, "not enough memory to read %s", path);
    v->look = *look;
    v->last = INT64_MIN;
    v->path = strdup(path);
    bool ok = v->path || media_fail(e, "not enough memory to read %s", path);
    if (ok) ok = open_file(v, e);
    if (ok) ok = open_codec(v, e);
    if (!ok) {
        media_video_in_close(&v);
        return false;
    }
    v->turn = stream_turn(v->stream);
    fill_info(v);
    *out = v;
    return true;
}

void media_video_in_info(const MediaVideoIn *v, MediaReaderInfo *out)
{
    *out = v->info;
}

int64_t media_video_in_damaged(const MediaVideoIn *v)
{
    return v->damaged;
}

/* Full range is said by the tag, or by the old yuvj formats. */
static bool is_full_range(const AVFrame *f)
{
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    return f->color_range == AVCOL_RANGE_JPEG || (d && !strncmp(d->name, "yuvj", 4));
}

static bool prepare_conversion(MediaVideoIn *v, const AVFrame *f, enum AVPixelFormat to, MediaError *e)
{
    return media_colour_to_rgb(&v->convert, f->width, f->height, f->format, to, (int)f->colorspace, is_full_range(f)) ||
           media_fail(e, "%s: pixels of the kind %s cannot be converted", v->path, av_get_pix_fmt_name(f->format));
}

static bool convert(MediaVideoIn *v, MediaError *e)
{
    const AVFrame *f = v->frame;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
    const bool alpha = d && (d->flags & (AV_PIX_FMT_FLAG_ALPHA | AV_PIX_FMT_FLAG_PAL));
    const int channels = alpha ? 4 : 3;
    if (f->width < 1 || f->height < 1 || f->width > MEDIA_MAX_SIDE || f->height > MEDIA_MAX_SIDE)
        return media_fail(e, "%s: frames of %d x %d pixels are too large; make them smaller first", v->path, f->width,
                          f->height);
    const int stride = (f->width * channels + 63) / 64 * 64;
    const size_t size = (size_t)stride * (size_t)f->height + 64; /* swscale may write a little past a row */
    if (v->pixels_size < size) {
        av_freep(&v->pixels);
        v->pixels_size = 0;
        v->pixels = av_malloc(size);
        if (!v->pixels) return media_fail(e, "not enough memory for a frame of %s", v->path);
        v->pixels_size = size;
    }
    if (!prepare_conversion(v, f, alpha ? AV_PIX_FMT_RGBA : AV_PIX_FMT_RGB24, e)) return false;
    uint8_t *planes[4] = {v->pixels};
    const int strides[4] = {stride};
    sws_scale(v->convert, (const uint8_t *const *)f->data, f->linesize, 0, f->height, planes, strides);
    return media_picture_from(&v->picture, v->pixels, f->width, f->height, stride, channels, v->turn, &v->look, v->path,
                              e);
}

/* The next decoded frame in v->frame. Damaged packets are counted and passed over; a file cut short just ends. */
static MediaNext decode(MediaVideoIn *v, MediaError *e)
{
    for (;;) {
        int rc = avcodec_receive_frame(v->codec, v->frame);
        if (rc >= 0) return MEDIA_FRAME;
        if (rc == AVERROR_EOF || v->drained) return MEDIA_END;
        if (rc == AVERROR(ENOMEM)) return media_fail(e, "not enough memory to decode %s", v->path), MEDIA_FAILED;
        if (rc != AVERROR(EAGAIN)) v->damaged++;
        rc = av_read_frame(v->file, v->packet);
        if (rc == AVERROR(EAGAIN)) continue;
        if (rc < 0) {
            if (rc != AVERROR_EOF) v->damaged++;
            v->drained = avcodec_send_packet(v->codec, NULL) < 0;
            continue;
        }
        if (v->packet->stream_index == v->stream->index) {
            if (v->packet->flags & AV_PKT_FLAG_CORRUPT) v->damaged++;
            rc = avcodec_send_packet(v->codec, v->packet);
            if (rc < 0 && rc != AVERROR(EAGAIN) && rc != AVERROR_EOF) v->damaged++;
        }
        av_packet_unref(v->packet);
    }
}

static int64_t frame_duration(const MediaVideoIn *v)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    const int64_t duration = v->frame->duration;
#else
    const int64_t duration = v->frame->pkt_duration;
#endif
    if (duration > 0) return duration;
    const AVRational one = {v->info.frame_rate.den, v->info.frame_rate.num};
    const int64_t guess = av_rescale_q(1, one, v->stream->time_base);
    return guess > 0 ? guess : 1;
}

MediaNext media_video_in_next(MediaVideoIn *v, MediaFrame *out, MediaError *e)
{
    const MediaNext next = decode(v, e);
    if (next != MEDIA_FRAME) return next;
    if (!convert(v, e)) return MEDIA_FAILED;
    const bool first = v->last == INT64_MIN;
    out->duration = frame_duration(v);
    out->pts = v->frame->best_effort_timestamp;
    if (out->pts != AV_NOPTS_VALUE) out->pts -= v->start;
    else out->pts = first ? 0 : v->last + out->duration;
    if (!first && out->pts <= v->last) out->pts = v->last + 1; /* times that stand still cannot be written */
    v->last = out->pts;
    out->picture = v->picture;
    av_frame_unref(v->frame);
    return MEDIA_FRAME;
}

void media_video_in_close(MediaVideoIn **video)
{
    MediaVideoIn *v = *video;
    if (!v) return;
    avcodec_free_context(&v->codec);
    avformat_close_input(&v->file);
    av_packet_free(&v->packet);
    av_frame_free(&v->frame);
    sws_freeContext(v->convert);
    av_freep(&v->pixels);
    media_picture_free(&v->picture);
    free(v->path);
    free(v);
    *video = NULL;
}
