/* Videos for the tests of liax, made and read by FFmpeg's libraries alone. */
#include "probe.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

typedef struct Track {
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
} Track;

static void check(int rc, const char *what)
{
    if (rc >= 0) return;
    fprintf(stderr, "probe: %s: %s\n", what, av_err2str(rc));
    exit(1);
}

static void encode(AVFormatContext *file, Track *t, const AVFrame *frame)
{
    AVPacket *p = av_packet_alloc();
    check(avcodec_send_frame(t->codec, frame), "encoding");
    while (avcodec_receive_packet(t->codec, p) >= 0) {
        p->stream_index = t->stream->index;
        if (!p->duration) p->duration = t->frame->pkt_duration;
        av_packet_rescale_ts(p, t->codec->time_base, t->stream->time_base);
        check(av_interleaved_write_frame(file, p), "writing");
    }
    av_packet_free(&p);
}

static Track add_track(AVFormatContext *file, const char *encoder)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(encoder);
    check(codec ? 0 : AVERROR_ENCODER_NOT_FOUND, encoder);
    Track t = {avcodec_alloc_context3(codec), avformat_new_stream(file, NULL), av_frame_alloc()};
    if (file->oformat->flags & AVFMT_GLOBALHEADER) t.codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    return t;
}

static void open_track(Track *t)
{
    check(avcodec_open2(t->codec, NULL, NULL), "encoder");
    check(avcodec_parameters_from_context(t->stream->codecpar, t->codec), "stream");
    t->stream->time_base = t->codec->time_base;
    if (t->codec->frame_size) t->frame->nb_samples = t->codec->frame_size;
    check(av_frame_get_buffer(t->frame, 0), "frame");
}

typedef struct Plan {
    int width, height, frames;
    int vfr, turned, plain; /* uneven times; lies on its side; one colour */
    int alpha;              /* VP9, and nothing to be seen of it */
    int channels, longer;   /* of sound; it goes on for a second after the pictures */
    int tracks;             /* of sound, all the same; the last is German and the one to be heard */
    enum AVColorSpace matrix;
    enum AVColorRange range;
    const char *sound; /* encoder */
} Plan;

static Track add_pictures(AVFormatContext *file, const Plan *plan)
{
    Track t = add_track(file, plan->alpha ? "libvpx-vp9" : "libx264");
    t.codec->width = t.frame->width = plan->width;
    t.codec->height = t.frame->height = plan->height;
    t.codec->colorspace = plan->matrix;
    t.codec->color_range = plan->range;
    t.codec->pix_fmt = t.frame->format = plan->alpha ? AV_PIX_FMT_YUVA420P : AV_PIX_FMT_YUV420P;
    t.codec->time_base = (AVRational){1, 30000};
    t.codec->framerate = (AVRational){30000, 1001};
    t.frame->pkt_duration = 1001;
    av_opt_set(t.codec->priv_data, "preset", "ultrafast", 0);
    if (plan->alpha) av_dict_set(&t.stream->metadata, "alpha_mode", "1", 0), av_opt_set_int(t.codec->priv_data, "auto-alt-ref", 0, 0);
    open_track(&t);
    return t;
}

static Track add_sound(AVFormatContext *file, const Plan *plan)
{
    Track t = add_track(file, plan->sound);
    t.codec->sample_rate = t.frame->sample_rate = 44100;
    t.codec->sample_fmt = t.codec->codec->sample_fmts[0];
    t.frame->format = t.codec->sample_fmt;
    av_channel_layout_default(&t.codec->ch_layout, plan->channels);
    t.frame->ch_layout = t.codec->ch_layout;
    t.codec->time_base = (AVRational){1, 44100};
    t.frame->nb_samples = 1024;
    open_track(&t);
    return t;
}

/* A picture that wanders: every frame differs from its neighbours. */
static void draw(AVFrame *f, int n)
{
    check(av_frame_make_writable(f), "frame");
    for (int y = 0; y < f->height; y++)
        for (int x = 0; x < f->width; x++)
            f->data[0][y * f->linesize[0] + x] = (uint8_t)(40 + (x * 3 + y * 2 + n * 5) % 160);
    for (int p = 1; p < 3; p++)
        for (int y = 0; y < f->height / 2; y++)
            memset(f->data[p] + y * f->linesize[p], 100 + p * 20 + n % 20, (size_t)f->width / 2);
}

static void play(AVFrame *f, int n)
{
    check(av_frame_make_writable(f), "sound");
    for (int i = 0; i < f->nb_samples; i++) {
        const double x = 0.3 * sin(0.06 * (double)(n * f->nb_samples + i));
        if (f->format == AV_SAMPLE_FMT_FLTP) ((float *)(void *)f->data[0])[i] = (float)x;
        else ((int16_t *)(void *)f->data[0])[i] = (int16_t)(30000 * x);
    }
    for (int c = 1; c < f->ch_layout.nb_channels; c++) memcpy(f->data[c], f->data[0], (size_t)f->nb_samples * sizeof(float));
    f->pts = (int64_t)n * f->nb_samples;
}

/* One colour: green in BT.601 of limited range, something else in any other. */
static void fill(AVFrame *f)
{
    static const int yuv[3] = {145, 54, 34};
    check(av_frame_make_writable(f), "frame");
    for (int p = 0; p < 3; p++)
        for (int y = 0; y < (p ? f->height / 2 : f->height); y++)
            memset(f->data[p] + y * f->linesize[p], yuv[p], (size_t)(p ? f->width / 2 : f->width));
    for (int y = 0; f->data[3] && y < f->height; y++) memset(f->data[3] + y * f->linesize[3], 0, (size_t)f->width);
}

static void turn(AVStream *s)
{
    int32_t *matrix = (int32_t *)(void *)av_stream_new_side_data(s, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *matrix);
    if (matrix) av_display_rotation_set(matrix, -90);
}

static Plan read_plan(int argc, char **argv)
{
    Plan p = {
        .width = atoi(argv[1]), .height = atoi(argv[2]), .frames = atoi(argv[3]), .matrix = AVCOL_SPC_UNSPECIFIED,
        .channels = 1, .tracks = 1};
    for (int i = 4; i < argc; i++) {
        if (!strcmp(argv[i], "vfr")) p.vfr = 1;
        else if (!strcmp(argv[i], "turned")) p.turned = 1;
        else if (!strcmp(argv[i], "plain")) p.plain = 1;
        else if (!strcmp(argv[i], "alpha")) p.alpha = 1;
        else if (!strcmp(argv[i], "stereo")) p.channels = 2; /* these two of aac, which is planar */
        else if (!strcmp(argv[i], "surround")) p.channels = 6;
        else if (!strcmp(argv[i], "longer")) p.longer = 1;
        else if (!strcmp(argv[i], "twice")) p.tracks = 2;
        else if (!strcmp(argv[i], "bt709")) p.matrix = AVCOL_SPC_BT709;
        else if (!strcmp(argv[i], "full")) p.range = AVCOL_RANGE_JPEG;
        else p.sound = argv[i];
    }
    return p;
}

/* Sound up to the time of frame n. */
static void play_until(AVFormatContext *file, const Plan *plan, Track *tones, int n, int *heard)
{
    for (; plan->sound && (int64_t)*heard * tones->frame->nb_samples * 30000 < (int64_t)n * 1001 * 44100; ++*heard)
        for (int k = 0; k < plan->tracks; k++) {
            play(tones[k].frame, *heard);
            encode(file, &tones[k], tones[k].frame);
        }
}

static void write_all(AVFormatContext *file, const Plan *plan, Track *pictures, Track *tones)
{
    int heard = 0;
    for (int i = 0; i < plan->frames; i++) {
        if (plan->plain) fill(pictures->frame);
        else draw(pictures->frame, i);
        pictures->frame->pts = (int64_t)i * 1001 + (plan->vfr ? i * i % 7 * 100 : 0);
        encode(file, pictures, pictures->frame);
        play_until(file, plan, tones, i, &heard);
    }
    if (plan->longer) play_until(file, plan, tones, plan->frames + 30, &heard);
    encode(file, pictures, NULL);
    for (int k = 0; plan->sound && k < plan->tracks; k++) encode(file, &tones[k], NULL);
}

/* video OUT WIDTH HEIGHT FRAMES [vfr] [turned] [plain] [alpha] [bt709] [full] [stereo|surround] [longer] [twice] [aac|pcm_s16le|flac]:
   29.97 fps; the container is OUT's */
int probe_make_video(int argc, char **argv)
{
    AVFormatContext *file = NULL;
    const Plan plan = read_plan(argc, argv);
    av_log_set_level(AV_LOG_ERROR);
    check(avformat_alloc_output_context2(&file, NULL, NULL, argv[0]), argv[0]);
    Track pictures = add_pictures(file, &plan), tones[2] = {{0}};
    if (plan.turned) turn(pictures.stream);
    for (int k = 0; plan.sound && k < plan.tracks; k++) tones[k] = add_sound(file, &plan);
    if (plan.tracks > 1) {
        av_dict_set(&tones[1].stream->metadata, "language", "deu", 0);
        tones[1].stream->disposition = AV_DISPOSITION_DEFAULT;
    }
    check(avio_open(&file->pb, argv[0], AVIO_FLAG_WRITE), argv[0]);
    check(avformat_write_header(file, NULL), argv[0]);
    write_all(file, &plan, &pictures, tones);
    check(av_write_trailer(file), argv[0]);
    avio_closep(&file->pb);
    Track *tracks[3] = {&pictures, &tones[0], &tones[1]};
    for (int i = 0; i < 3; i++) {
        avcodec_free_context(&tracks[i]->codec);
        av_frame_free(&tracks[i]->frame);
    }
    avformat_free_context(file);
    return 0;
}

static uint64_t hash_more(uint64_t h, const uint8_t *data, int size)
{
    for (int i = 0; i < size; i++) h = (h ^ data[i]) * 1099511628211u; /* FNV-1a */
    return h;
}

static void show_pictures(AVFormatContext *file, int index)
{
    AVStream *s = file->streams[index];
    AVCodecContext *c = avcodec_alloc_context3(avcodec_find_decoder(s->codecpar->codec_id));
    check(avcodec_parameters_to_context(c, s->codecpar), "decoder");
    check(avcodec_open2(c, NULL, NULL), "decoder");
    AVPacket *p = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    int n = 0;
    for (int ended = 0; !ended;) {
        ended = av_read_frame(file, p) < 0;
        if (!ended && p->stream_index != index) {
            av_packet_unref(p);
            continue;
        }
        check(avcodec_send_packet(c, ended ? NULL : p), "decoding");
        av_packet_unref(p);
        for (; avcodec_receive_frame(c, f) >= 0; n++)
            printf("at %.9f\n", (double)f->best_effort_timestamp * av_q2d(s->time_base));
    }
    printf("frames %d\n", n);
    av_packet_free(&p);
    av_frame_free(&f);
    avcodec_free_context(&c);
}

static void show_sound(AVFormatContext *file, int index)
{
    AVPacket *p = av_packet_alloc();
    uint64_t h = 1469598103934665603u;
    int n = 0;
    while (av_read_frame(file, p) >= 0) {
        if (p->stream_index == index) h = hash_more(h, p->data, p->size), n++;
        av_packet_unref(p);
    }
    const AVDictionaryEntry *language = av_dict_get(file->streams[index]->metadata, "language", NULL, 0);
    printf("sound %s %d packets %016llx\n", avcodec_get_name(file->streams[index]->codecpar->codec_id), n,
           (unsigned long long)h);
    if (language) printf("language %s\n", language->value);
    av_packet_free(&p);
}

static AVFormatContext *open_input(const char *path)
{
    AVFormatContext *file = NULL;
    check(avformat_open_input(&file, path, NULL, NULL), path);
    check(avformat_find_stream_info(file, NULL), path);
    return file;
}

/* show FILE: codec, size, colours, comment, the time of every frame, the sound's packets */
int probe_show(int argc, char **argv)
{
    (void)argc;
    av_log_set_level(AV_LOG_ERROR);
    AVFormatContext *file = open_input(argv[0]);
    const int pictures = av_find_best_stream(file, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    const int sound = av_find_best_stream(file, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    check(pictures, "no pictures");
    const AVCodecParameters *c = file->streams[pictures]->codecpar;
    const AVDictionaryEntry *comment = av_dict_get(file->metadata, "comment", NULL, 0);
    printf("video %s %dx%d %s %s\n", avcodec_get_name(c->codec_id), c->width, c->height,
           av_color_space_name(c->color_space), av_color_range_name(c->color_range));
    printf("comment %s\n", comment ? comment->value : "none");
    show_pictures(file, pictures);
    avformat_close_input(&file);
    if (sound >= 0) {
        file = open_input(argv[0]);
        show_sound(file, sound);
        avformat_close_input(&file);
    }
    return 0;
}

/* encoder NAME: is it there? */
int probe_encoder(int argc, char **argv)
{
    (void)argc;
    return !avcodec_find_encoder_by_name(argv[0]);
}
