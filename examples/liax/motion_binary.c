/* Motion files in binary: a head of fixed size, then frames of fixed size (docs/container.md, "Motion files"). */
#include "motion_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/crc.h>

static const uint8_t magic[12] = "LIAX-MOT\r\n\x1a\n"; /* a transfer that changes line ends damages it */

enum { VERSION = 1, HEAD = 128, TIMES = 16 };

/* Places in the head. */
enum {
    AT_VERSION = 12, AT_SIZE = 16, AT_MOTIONS = 20, AT_RATE = 24, AT_TIME_BASE = 32, AT_FRAMES = 40, AT_FRAMES_SUM = 48,
    AT_HEAD_SUM = 52, AT_FINGERPRINT = 56, AT_ZERO = 120
};

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
    return get32(p) | (uint64_t)get32(p + 4) << 32;
}

static void put32(uint8_t *p, uint32_t n)
{
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(n >> 8 * i);
}

static void put64(uint8_t *p, uint64_t n)
{
    put32(p, (uint32_t)n);
    put32(p + 4, (uint32_t)(n >> 32));
}

/* CRC-32 as in zip and PNG, of what `sum` was computed of and then `data`. */
static uint32_t add_sum(uint32_t sum, const uint8_t *data, size_t size)
{
    return ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), ~sum, data, size);
}

static uint32_t head_sum(const uint8_t head[HEAD])
{
    uint8_t copy[HEAD];
    memcpy(copy, head, HEAD);
    put32(copy + AT_HEAD_SUM, 0);
    return add_sum(0, copy, HEAD);
}

bool motion_binary_is(FILE *f)
{
    uint8_t head[sizeof magic];
    return fread(head, sizeof head, 1, f) == 1 && !memcmp(head, magic, sizeof magic);
}

/* A number from 1 that an int holds; 0: it is none. */
static int positive(const uint8_t *p)
{
    const uint32_t n = get32(p);
    return n > INT_MAX ? 0 : (int)n;
}

static MotionHead parse(const uint8_t head[HEAD])
{
    MotionHead h = {.size = positive(head + AT_SIZE),
                    .motions = positive(head + AT_MOTIONS),
                    .frame_rate = {positive(head + AT_RATE), positive(head + AT_RATE + 4)},
                    .time_base = {positive(head + AT_TIME_BASE), positive(head + AT_TIME_BASE + 4)}};
    memcpy(h.fingerprint, head + AT_FINGERPRINT, sizeof h.fingerprint - 1);
    return h;
}

/* Does the file end where its last frame does? What it says is checked against what it has before memory is taken. */
static bool length_is_right(FILE *f, uint64_t n_frames, int motions)
{
    const uint64_t each = TIMES + 4 * (uint64_t)motions;
    if (fseek(f, 0, SEEK_END)) return false;
    const long end = ftell(f);
    return end >= HEAD && !fseek(f, HEAD, SEEK_SET) && n_frames == ((uint64_t)end - HEAD) / each &&
           ((uint64_t)end - HEAD) % each == 0;
}

static bool read_frames(Motion *m, FILE *f, uint64_t n_frames, uint32_t sum, const char *path, MediaError *e)
{
    if (!motion_begin(m, (int64_t)n_frames, path, e)) return false;
    const size_t each = TIMES + 4 * (size_t)m->head.motions;
    uint8_t *frame = malloc(each);
    bool ok = frame || media_fail(e, "not enough memory for %s", path);
    uint32_t found = 0;
    for (uint64_t i = 0; ok && i < n_frames; i++) {
        ok = fread(frame, each, 1, f) == 1 || motion_damaged(path, "it is cut short", e);
        if (!ok) break;
        found = add_sum(found, frame, each);
        float *alpha = motion_next(m);
        for (int k = 0; k < m->head.motions; k++) {
            const uint32_t bits = get32(frame + TIMES + 4 * k);
            memcpy(&alpha[k], &bits, sizeof bits);
        }
        ok = motion_add(m, (int64_t)get64(frame), (int64_t)get64(frame + 8), path, e);
    }
    free(frame);
    return ok && (found == sum || motion_damaged(path, "the checksum of its frames is wrong", e));
}

bool motion_binary_read(Motion *m, FILE *f, const char *path, MediaError *e)
{
    uint8_t head[HEAD];
    if (fread(head, HEAD, 1, f) != 1) return motion_damaged(path, "it is cut short", e);
    if (get32(head + AT_VERSION) != VERSION) return motion_damaged(path, "its version is not 1", e);
    if (get32(head + AT_HEAD_SUM) != head_sum(head)) return motion_damaged(path, "its head's checksum is wrong", e);
    if (get64(head + AT_ZERO)) return motion_damaged(path, "its head does not end in zeros", e);
    m->head = parse(head);
    const uint64_t n_frames = get64(head + AT_FRAMES);
    if (!length_is_right(f, n_frames, m->head.motions))
        return motion_damaged(path, "its length is not that of its frames", e);
    return read_frames(m, f, n_frames, get32(head + AT_FRAMES_SUM), path, e);
}

void motion_binary_head(const MotionWriter *w)
{
    const MotionHead *h = &w->head;
    uint8_t head[HEAD] = {0};
    memcpy(head, magic, sizeof magic);
    put32(head + AT_VERSION, VERSION);
    put32(head + AT_SIZE, (uint32_t)h->size);
    put32(head + AT_MOTIONS, (uint32_t)h->motions);
    put32(head + AT_RATE, (uint32_t)h->frame_rate.num);
    put32(head + AT_RATE + 4, (uint32_t)h->frame_rate.den);
    put32(head + AT_TIME_BASE, (uint32_t)h->time_base.num);
    put32(head + AT_TIME_BASE + 4, (uint32_t)h->time_base.den);
    put64(head + AT_FRAMES, (uint64_t)h->n_frames);
    put32(head + AT_FRAMES_SUM, w->sum);
    memcpy(head + AT_FINGERPRINT, h->fingerprint, strlen(h->fingerprint));
    put32(head + AT_HEAD_SUM, head_sum(head));
    fwrite(head, HEAD, 1, w->file);
}

bool motion_binary_frame(MotionWriter *w, const MotionFrame *f)
{
    const size_t each = TIMES + 4 * (size_t)w->head.motions;
    uint8_t *frame = malloc(each);
    if (!frame) return false;
    put64(frame, (uint64_t)f->pts);
    put64(frame + 8, (uint64_t)f->duration);
    for (int k = 0; k < w->head.motions; k++) {
        uint32_t bits;
        memcpy(&bits, &f->alpha[k], sizeof bits);
        put32(frame + TIMES + 4 * k, bits);
    }
    w->sum = add_sum(w->sum, frame, each);
    fwrite(frame, each, 1, w->file);
    free(frame);
    return true;
}
