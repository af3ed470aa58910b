/* Sound that the output cannot hold as it is: decoded, and encoded as the container's own kind, in stereo at most. */
#include "media_internal.h"

#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/audio_fifo.h>
#include <libswresample/swresample.h>

struct MediaRecode {
    AVFormatContext *to;
    AVStream *in, *out;
    AVCodecContext *decoder, *encoder;
    SwrContext *convert;
    AVAudioFifo *waiting; /* samples that do not fill a frame of the encoder yet */
    AVFrame *decoded, *converted, *piece;
    AVPacket *packet;
    int64_t next; /* time of the next frame for the encoder, in samples */
    bool begun;
};

static int supported_rate(const AVCodec *c, int rate)
{
    for (const int *r = c->supported_samplerates; r && *r; r++)
        if (*r == rate) return rate;
    return 48000;
}

static bool open_encoder(MediaRecode *r)
{
    const AVCodec *c = avcodec_find_encoder(r->to->oformat->audio_codec);
    r->encoder = c ? avcodec_alloc_context3(c) : NULL;
    if (!r->encoder) return false;
    AVCodecContext *e = r->encoder;
    e->sample_fmt = c->sample_fmts ? c->sample_fmts[0] : AV_SAMPLE_FMT_FLTP;
    e->sample_rate = supported_rate(c, r->decoder->sample_rate);
    av_channel_layout_default(&e->ch_layout, r->decoder->ch_layout.nb_channels > 1 ? 2 : 1);
    e->bit_rate = 96000 * e->ch_layout.nb_channels;
    e->time_base = (AVRational){1, e->sample_rate};
    if (r->to->oformat->flags & AVFMT_GLOBALHEADER) e->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    return avcodec_open2(e, c, NULL) >= 0;
}

static bool open_decoder(MediaRecode *r)
{
    const AVCodec *c = avcodec_find_decoder(r->in->codecpar->codec_id);
    r->decoder = c ? avcodec_alloc_context3(c) : NULL;
    if (!r->decoder || avcodec_parameters_to_context(r->decoder, r->in->codecpar) < 0) return false;
    r->decoder->pkt_timebase = r->in->time_base;
    return avcodec_open2(r->decoder, c, NULL) >= 0;
}

static bool open_buffers(MediaRecode *r)
{
    const AVCodecContext *e = r->encoder;
    r->convert = swr_alloc();
    r->waiting = av_audio_fifo_alloc(e->sample_fmt, e->ch_layout.nb_channels, e->frame_size);
    r->decoded = av_frame_alloc();
    r->converted = av_frame_alloc();
    r->piece = av_frame_alloc();
    r->packet = av_packet_alloc();
    return r->convert && r->waiting && r->decoded && r->converted && r->piece && r->packet;
}

AVStream *media_recode_open(MediaRecode **out, AVStream *in, AVFormatContext *to)
{
    MediaRecode *r = *out = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->in = in;
    r->to = to;
    if (open_decoder(r) && open_encoder(r) && open_buffers(r)) r->out = avformat_new_stream(to, NULL);
    if (r->out && avcodec_parameters_from_context(r->out->codecpar, r->encoder) < 0) r->out = NULL;
    if (r->out) r->out->time_base = r->encoder->time_base;
    AVStream *stream = r->out;
    if (!stream) media_recode_close(out);
    return stream;
}

/* Describe the frame as the encoder wants it. */
static void shape(const MediaRecode *r, AVFrame *f, int n_samples)
{
    av_frame_unref(f);
    f->format = r->encoder->sample_fmt;
    f->sample_rate = r->encoder->sample_rate;
    f->nb_samples = n_samples;
    av_channel_layout_copy(&f->ch_layout, &r->encoder->ch_layout);
}

static int encode(MediaRecode *r, const AVFrame *frame)
{
    int rc = avcodec_send_frame(r->encoder, frame);
    while (rc >= 0) {
        rc = avcodec_receive_packet(r->encoder, r->packet);
        if (rc == AVERROR(EAGAIN) || rc == AVERROR_EOF) return 0;
        if (rc < 0) return rc;
        r->packet->stream_index = r->out->index;
        av_packet_rescale_ts(r->packet, r->encoder->time_base, r->out->time_base);
        rc = av_interleaved_write_frame(r->to, r->packet);
    }
    return rc;
}

/* Encode what waits in whole frames; with `all` the rest too. */
static int encode_waiting(MediaRecode *r, bool all)
{
    int rc = 0;
    for (int n; rc >= 0 && (n = av_audio_fifo_size(r->waiting)) > 0 && (all || n >= r->encoder->frame_size);) {
        if (n > r->encoder->frame_size) n = r->encoder->frame_size;
        shape(r, r->piece, n);
        rc = av_frame_get_buffer(r->piece, 0);
        if (rc >= 0) rc = av_audio_fifo_read(r->waiting, (void **)r->piece->data, n);
        r->piece->pts = r->next;
        r->next += n;
        if (rc >= 0) rc = encode(r, r->piece);
    }
    return rc;
}

/* Damaged packets are passed over; what cannot be written is an error. */
int media_recode_packet(MediaRecode *r, const AVPacket *p)
{
    int rc = 0;
    if (avcodec_send_packet(r->decoder, p) < 0) return 0;
    while (rc >= 0 && avcodec_receive_frame(r->decoder, r->decoded) >= 0) {
        AVFrame *f = r->decoded;
        if (f->ch_layout.order == AV_CHANNEL_ORDER_UNSPEC)
            av_channel_layout_default(&f->ch_layout, f->ch_layout.nb_channels);
        if (!r->begun && f->pts != AV_NOPTS_VALUE)
            r->next = av_rescale_q(f->pts, r->in->time_base, r->encoder->time_base);
        r->begun = true;
        shape(r, r->converted, 0);
        if (swr_convert_frame(r->convert, r->converted, f) >= 0)
            rc = av_audio_fifo_write(r->waiting, (void **)r->converted->data, r->converted->nb_samples);
        if (rc >= 0) rc = encode_waiting(r, false);
        av_frame_unref(f);
    }
    return rc;
}

int media_recode_finish(MediaRecode *r)
{
    int rc = media_recode_packet(r, NULL);
    if (rc >= 0) rc = encode_waiting(r, true);
    return rc >= 0 ? encode(r, NULL) : rc;
}

void media_recode_close(MediaRecode **recode)
{
    MediaRecode *r = *recode;
    if (!r) return;
    avcodec_free_context(&r->decoder);
    avcodec_free_context(&r->encoder);
    swr_free(&r->convert);
    av_audio_fifo_free(r->waiting);
    av_frame_free(&r->decoded);
    av_frame_free(&r->converted);
    av_frame_free(&r->piece);
    av_packet_free(&r->packet);
    free(r);
    *recode = NULL;
}
