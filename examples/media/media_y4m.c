/* Headers of YUV4MPEG2 (media_y4m.h). */
#include "media_y4m.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/pixfmt.h>

#define MAGIC "YUV4MPEG2"

/* A number from 0 up to `end`; -1: it is none. */
static int number(const char *text, char end, const char **after)
{
    char *stop;
    if (*text < '0' || *text > '9') return -1;
    const long n = strtol(text, &stop, 10);
    if (*stop != end || n > 100000000) return -1;
    *after = stop + 1;
    return (int)n;
}

/* "30000:1001" */
static bool ratio(const char *text, MediaRational *out)
{
    const char *den = text, *end;
    out->num = number(text, ':', &den);
    out->den = out->num < 0 ? -1 : number(den, 0, &end);
    if (!out->num || !out->den) *out = (MediaRational){0, 1}; /* "0:0", not known */
    return out->num >= 0 && out->den > 0;
}

static bool layout(const char *name, int *format)
{
    static const struct {
        const char *name;
        int format;
    } known[] = {{"420", AV_PIX_FMT_YUV420P},      {"420jpeg", AV_PIX_FMT_YUV420P}, {"420mpeg2", AV_PIX_FMT_YUV420P},
                 {"420paldv", AV_PIX_FMT_YUV420P}, {"422", AV_PIX_FMT_YUV422P},     {"444", AV_PIX_FMT_YUV444P},
                 {"mono", AV_PIX_FMT_GRAY8}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(name, known[i].name)) continue;
        *format = known[i].format;
        return true;
    }
    return false;
}

/* One parameter of the header: a letter and its value. Those that do not matter here pass. */
static bool take(MediaY4m *y, const char *word, MediaError *e)
{
    const char *value = word + 1, *end;
    bool ok = true;
    switch (*word) {
    case 'W':
        ok = (y->width = number(value, 0, &end)) > 0;
        break;
    case 'H':
        ok = (y->height = number(value, 0, &end)) > 0;
        break;
    case 'F':
        ok = ratio(value, &y->rate);
        break;
    case 'A':
        ok = ratio(value, &y->aspect);
        break;
    case 'C':
        if (layout(value, &y->format)) break;
        return media_fail(e, "the y4m on standard input holds %.40s, which is not taken; give 8 bits as 420, 422, 444 "
                             "or mono (ffmpeg -pix_fmt yuv420p)", value);
    case 'X':
        if (!strcmp(value, "COLORRANGE=FULL")) y->full = true;
        break;
    default:
        break;
    }
    return ok || media_fail(e, "the y4m header on standard input is damaged at %.40s", word);
}

bool media_y4m_parse(MediaY4m *out, const char *line, MediaError *e)
{
    *out = (MediaY4m){.rate = {0, 1}, .aspect = {0, 1}, .format = AV_PIX_FMT_YUV420P};
    const size_t magic = sizeof MAGIC - 1;
    if (strncmp(line, MAGIC, magic) || (line[magic] && line[magic] != ' '))
        return media_fail(e, "standard input is not y4m; use ffmpeg -f yuv4mpegpipe -, or give --raw-input WxH");
    for (const char *p = line + magic; *p;) {
        char word[MEDIA_Y4M_LINE];
        const size_t gap = strspn(p, " "), length = strcspn(p + gap, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, p + gap);
        if (!take(out, word, e)) return false;
        p += gap + length;
    }
    if (out->width < 1 || out->height < 1) return media_fail(e, "the y4m header on standard input gives no size");
    if (!out->aspect.num) out->aspect = (MediaRational){1, 1};
    return true;
}

void media_y4m_header(char line[MEDIA_Y4M_LINE], const MediaY4m *y)
{
    /* FFmpeg refuses lines of more than 96 bytes, which this cannot exceed */
    snprintf(line, MEDIA_Y4M_LINE, MAGIC " W%d H%d F%d:%d Ip A%d:%d C420jpeg XAI-generated\n", y->width, y->height,
             y->rate.num, y->rate.den, y->aspect.num, y->aspect.den);
}
