/* Sound from one file into another, up to where the pictures have come: packets are copied as they are, or recoded. */
#include "media_internal.h"

#include <stdlib.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

struct MediaSound {
    AVFormatContext *from, *to;
    AVStream *in, *out;
    AVPacket *packet;
    MediaRecode *recode; /* NULL: packets are copied */
    bool holding; /* the packet waits for its time */
    bool ended;
    int64_t start;
};

/* The output's stream, for packets as they are. */
static AVStream *add_copy(const MediaSound *s)
{
    AVStream *out = avformat_new_stream(s->to, NULL);
    if (!out || avcodec_parameters_copy(out->codecpar, s->in->codecpar) < 0) return NULL;
    out->codecpar->codec_tag = 0; /* the other container has its own */
    out->time_base = s->in->time_base;
    return out;
}

static const char *language(const AVStream *stream)
{
    const AVDictionaryEntry *entry = av_dict_get(stream->metadata, "language", NULL, 0);
    return entry ? entry->value : NULL;
}

/* Can the output's kind of file hold these packets? Its table of codecs knows more than its muxer takes, so a scratch one is
   begun with them. */
static bool can_copy(const MediaSound *s)
{
    if (avformat_query_codec(s->to->oformat, s->in->codecpar->codec_id, FF_COMPLIANCE_NORMAL) != 1) return false;
    MediaSound scratch = {.in = s->in};
    uint8_t *bytes = NULL;
    bool can = avformat_alloc_output_context2(&scratch.to, s->to->oformat, NULL, NULL) >= 0 &&
               avio_open_dyn_buf(&scratch.to->pb) >= 0;
    can = can && add_copy(&scratch) && avformat_init_output(scratch.to, NULL) >= 0;
    if (scratch.to && scratch.to->pb) avio_close_dyn_buf(scratch.to->pb, &bytes);
    av_free(bytes);
    avformat_free_context(scratch.to);
    return can;
}

/* Choose the stream that players would; the notice says what became of it and of others. */
static void add_stream(MediaSound *s, char *notice, size_t notice_size)
{
    const int i = av_find_best_stream(s->from, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (i < 0) return;
    int others = 0;
    for (unsigned n = 0; n < s->from->nb_streams; n++) {
        if ((int)n == i) continue;
        others += s->from->streams[n]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        s->from->streams[n]->discard = AVDISCARD_ALL;
    }
    s->in = s->from->streams[i];
    s->start = media_start_time(s->from, (MediaRational){s->in->time_base.num, s->in->time_base.den});
    const AVCodecParameters *was = s->in->codecpar;
    char more[64] = "", recoded[160] = "";
    if (can_copy(s)) {
        s->out = add_copy(s);
    } else {
        s->out = media_recode_open(&s->recode, s->in, s->to);
        const AVCodecParameters *is = s->out ? s->out->codecpar : NULL;
        const bool mixed = is && is->ch_layout.nb_channels < was->ch_layout.nb_channels;
        snprintf(recoded, sizeof recoded, "the sound (%s) cannot live in a %s file and was %s%s%s",
                 avcodec_get_name(was->codec_id), s->to->oformat->name, is ? "encoded again as " : "left out",
                 is ? avcodec_get_name(is->codec_id) : "", mixed ? " in stereo" : "");
    }
    if (s->out) av_dict_set(&s->out->metadata, "language", language(s->in), 0);
    if (others && s->out) snprintf(more, sizeof more, "of %d tracks of sound one was taken", others + 1);
    snprintf(notice, notice_size, "%s%s%s", recoded, *recoded && *more ? "; " : "", more);
}

bool media_sound_open(MediaSound **out, const char *path, AVFormatContext *to, char *notice, size_t notice_size,
                      MediaError *e)
{
    *out = NULL;
    MediaSound *s = calloc(1, sizeof *s);
    char *url = media_url(path);
    if (s) s->packet = av_packet_alloc(), s->to = to;
    int rc = s && url && s->packet ? avformat_open_input(&s->from, url, NULL, NULL) : AVERROR(ENOMEM);
    free(url);
    if (rc >= 0) rc = avformat_find_stream_info(s->from, NULL);
    if (rc < 0) {
        media_sound_close(&s);
        return media_fail(e, "cannot read the sound of %s: %s", path, av_err2str(rc));
    }
    add_stream(s, notice, notice_size);
    if (s->out) *out = s;
    else media_sound_close(&s);
    return true;
}

/* The next packet of the stream into s->packet; false at the end, which a damaged file has earlier. */
static bool fetch(MediaSound *s)
{
    while (!s->holding && !s->ended) {
        s->ended = av_read_frame(s->from, s->packet) < 0;
        if (s->ended) break;
        s->holding = s->packet->stream_index == s->in->index;
        if (!s->holding) av_packet_unref(s->packet);
    }
    return s->holding;
}

static int put(MediaSound *s, AVPacket *p)
{
    if (s->recode) {
        const int rc = media_recode_packet(s->recode, p);
        av_packet_unref(p);
        return rc;
    }
    av_packet_rescale_ts(p, s->in->time_base, s->out->time_base);
    p->stream_index = s->out->index;
    p->pos = -1;
    return av_interleaved_write_frame(s->to, p); /* takes the packet's data */
}

static bool fail(int rc, MediaError *e)
{
    return media_fail(e, "cannot write the sound: %s", av_err2str(rc));
}

bool media_sound_until(MediaSound *s, int64_t t, MediaRational time_base, MediaError *e)
{
    while (fetch(s)) {
        AVPacket *p = s->packet;
        const int64_t at = p->dts != AV_NOPTS_VALUE ? p->dts : p->pts;
        if (at != AV_NOPTS_VALUE &&
            av_compare_ts(at - s->start, s->in->time_base, t, (AVRational){time_base.num, time_base.den}) >= 0)
            return true;
        if (p->pts != AV_NOPTS_VALUE) p->pts -= s->start;
        if (p->dts != AV_NOPTS_VALUE) p->dts -= s->start;
        s->holding = false;
        const int rc = put(s, p);
        if (rc < 0) return fail(rc, e);
    }
    return true;
}

bool media_sound_finish(MediaSound *s, MediaError *e)
{
    const int rc = s->recode ? media_recode_finish(s->recode) : 0;
    return rc >= 0 || fail(rc, e);
}

void media_sound_close(MediaSound **sound)
{
    MediaSound *s = *sound;
    if (!s) return;
    media_recode_close(&s->recode);
    avformat_close_input(&s->from);
    av_packet_free(&s->packet);
    free(s);
    *sound = NULL;
}
