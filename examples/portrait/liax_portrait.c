/* liax-portrait: draw a still or a clip of a drawn person, with labels and motion values. */
#include "portrait.h"

#include <errno.h>
#include <getopt.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "Usage: liax-portrait [options] -o OUT.png            draw a still\n"
    "       liax-portrait --frames N [options] -o DIR     draw a clip: DIR/00000.png ...\n"
    "\n"
    "  -s, --seed N          who is drawn (default 1)\n"
    "  -c, --clip N          which clip (default 1); with a still, take frame --start of it\n"
    "  -n, --frames N        draw N frames\n"
    "      --start N         first frame of the clip (default 0)\n"
    "      --fps N           frames per second of the clip (default 25)\n"
    "  -S, --size WxH        size in pixels, 8 to 8192 (default 256x256)\n"
    "  -a, --aa N            samples per pixel and axis, 1 to 6 (default 2); 256x256 take about 7 ms with 1,\n"
    "                        15 with 2, 24 with 3, 36 with 4, 70 with 6 (one core of a Zen 3, 2026-11)\n"
    "      --params FILE     write the motion of every frame as JSON; - is standard output\n"
    "      --masks           write the labels as well: NAME-mask.png, one bit each for face, eyes, brows, mouth,\n"
    "                        hair, body, iris and inside of the mouth (1, 2, 4 ... 128)\n"
    "      --mirror          remove what leans to one side from the person\n"
    "  -o, --output PATH     a file for a still, a folder that exists for a clip\n"
    "  -h, --help            this text\n"
    "\n"
    "Motion, added to the clip's (a still has none unless --clip is given):\n"
    "  --yaw --pitch --roll (radians)  --x --y --scale  --jaw --smile --pout --oh --cheeks\n"
    "  --blink (both) --blink-left --blink-right --brows --gaze-x --gaze-y\n";

enum { OPT_START = 256, OPT_FPS, OPT_PARAMS, OPT_MASKS, OPT_MIRROR, OPT_BLINK, OPT_MOTION };

typedef struct Job {
    unsigned long long seed, clip;
    int has_clip, frames, start, width, height, aa, masks, mirror;
    float fps, add[PORTRAIT_MOTIONS];
    const char *out, *params;
} Job;

static int fail(const char *what, const char *detail)
{
    fprintf(stderr, "liax-portrait: %s%s%s\n", what, detail ? ": " : "", detail ? detail : "");
    return -1;
}

static int parse_number(const char *text, const char *what, double lo, double hi, double *out)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end != text && !*end && !errno && *out >= lo && *out <= hi) return 0;
    fprintf(stderr, "liax-portrait: %s is \"%s\", expected a number from %g to %g\n", what, text, lo, hi);
    return -1;
}

static int parse_seed(const char *text, const char *what, unsigned long long *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (end != text && !*end && !errno && text[0] != '-') return 0;
    fprintf(stderr, "liax-portrait: %s is \"%s\", expected a whole number\n", what, text);
    return -1;
}

static int parse_size(const char *text, Job *job)
{
    char tail;
    if (sscanf(text, "%dx%d%c", &job->width, &job->height, &tail) == 2 && job->width >= 8 && job->height >= 8 &&
        job->width <= 8192 && job->height <= 8192)
        return 0;
    return fail("the size is not WxH with 8 to 8192 pixels", text);
}

static int parse(int argc, char **argv, Job *job)
{
    static struct option options[16 + PORTRAIT_MOTIONS] = {
        {"seed", 1, NULL, 's'}, {"clip", 1, NULL, 'c'}, {"frames", 1, NULL, 'n'}, {"start", 1, NULL, OPT_START},
        {"fps", 1, NULL, OPT_FPS}, {"size", 1, NULL, 'S'}, {"aa", 1, NULL, 'a'}, {"params", 1, NULL, OPT_PARAMS},
        {"masks", 0, NULL, OPT_MASKS}, {"mirror", 0, NULL, OPT_MIRROR}, {"blink", 1, NULL, OPT_BLINK},
        {"output", 1, NULL, 'o'}, {"help", 0, NULL, 'h'}};
    for (int i = 0; i < PORTRAIT_MOTIONS; i++) options[13 + i] = (struct option){portrait_motion_name(i), 1, NULL, OPT_MOTION + i};
    int c;
    while ((c = getopt_long(argc, argv, "s:c:n:S:a:o:h", options, NULL)) != -1) {
        double v = 0;
        int bad = 0;
        switch (c) {
        case 's': bad = parse_seed(optarg, "--seed", &job->seed); break;
        case 'c': bad = parse_seed(optarg, "--clip", &job->clip); job->has_clip = 1; break;
        case 'n': bad = parse_number(optarg, "--frames", 1, 100000, &v); job->frames = (int)v; break;
        case OPT_START: bad = parse_number(optarg, "--start", 0, 1e7, &v); job->start = (int)v; break;
        case OPT_FPS: bad = parse_number(optarg, "--fps", 1, 1000, &v); job->fps = (float)v; break;
        case 'S': bad = parse_size(optarg, job); break;
        case 'a': bad = parse_number(optarg, "--aa", 1, 6, &v); job->aa = (int)v; break;
        case OPT_PARAMS: job->params = optarg; break;
        case OPT_MASKS: job->masks = 1; break;
        case OPT_MIRROR: job->mirror = 1; break;
        case OPT_BLINK:
            bad = parse_number(optarg, "--blink", 0, 1, &v);
            job->add[PORTRAIT_BLINK_L] = job->add[PORTRAIT_BLINK_R] = (float)v;
            break;
        case 'o': job->out = optarg; break;
        case 'h': fputs(usage, stdout); exit(0);
        default:
            if (c < OPT_MOTION) return fputs("Try 'liax-portrait --help'.\n", stderr), -1;
            bad = parse_number(optarg, portrait_motion_name(c - OPT_MOTION), -2, 2, &v);
            job->add[c - OPT_MOTION] = (float)v;
        }
        if (bad) return -1;
    }
    if (optind < argc) return fail("unexpected argument", argv[optind]);
    if (!job->out) return fail("no --output given", NULL);
    return 0;
}

static int write_png(const char *path, const Job *job, const uint8_t *pixels, int colours)
{
    png_image image;
    memset(&image, 0, sizeof image);
    image.version = PNG_IMAGE_VERSION;
    image.width = (png_uint_32)job->width;
    image.height = (png_uint_32)job->height;
    image.format = colours == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    if (png_image_write_to_file(&image, path, 0, pixels, 0, NULL)) return 0;
    fprintf(stderr, "liax-portrait: cannot write %s: %s\n", path, image.message);
    return -1;
}

/* NAME.png -> NAME-mask.png */
static void mask_path(char *out, size_t room, const char *path)
{
    const size_t n = strlen(path), cut = n > 4 && !strcmp(path + n - 4, ".png") ? n - 4 : n;
    snprintf(out, room, "%.*s-mask.png", (int)cut, path);
}

static void write_params(FILE *f, const PortraitMotion *m, int frame, int last)
{
    fprintf(f, "    {\"frame\": %d", frame);
    for (int i = 0; i < PORTRAIT_MOTIONS; i++) fprintf(f, ", \"%s\": %.5f", portrait_motion_name(i), (double)m->v[i]);
    fprintf(f, "}%s\n", last ? "" : ",");
}

static int draw_all(const Job *job, PortraitBoard *board, uint8_t *rgb, FILE *params)
{
    PortraitIdentity id;
    portrait_identity(&id, job->seed);
    if (job->mirror) portrait_identity_mirror(&id);
    const int n = job->frames ? job->frames : 1;
    if (params) fprintf(params, "{\"seed\": %llu, \"clip\": %llu, \"fps\": %g, \"frames\": [\n", job->seed, job->clip, (double)job->fps);
    for (int i = 0; i < n; i++) {
        PortraitMotion m = {{0}};
        if (job->frames || job->has_clip) portrait_motion_clip(&m, job->clip, job->start + i, job->fps);
        for (int k = 0; k < PORTRAIT_MOTIONS; k++) m.v[k] += job->add[k];
        portrait_draw(board, &id, &m, rgb);
        char path[4096], mask[4200];
        if (job->frames) snprintf(path, sizeof path, "%s/%05d.png", job->out, i);
        else snprintf(path, sizeof path, "%s", job->out);
        if (write_png(path, job, rgb, 3)) return -1;
        if (job->masks) {
            portrait_labels(board, rgb);
            mask_path(mask, sizeof mask, path);
            if (write_png(mask, job, rgb, 1)) return -1;
        }
        if (params) write_params(params, &m, job->start + i, i + 1 == n);
    }
    if (params) fputs("]}\n", params);
    return 0;
}

int main(int argc, char **argv)
{
    Job job = {.seed = 1, .clip = 1, .width = 256, .height = 256, .aa = 2, .fps = 25};
    if (parse(argc, argv, &job)) return 2;
    FILE *params = NULL;
    if (job.params) params = strcmp(job.params, "-") ? fopen(job.params, "w") : stdout;
    if (job.params && !params) return fail(job.params, strerror(errno)), 1;
    PortraitBoard *board = portrait_board_new(job.width, job.height, job.aa);
    uint8_t *rgb = malloc((size_t)job.width * (size_t)job.height * 3);
    int bad = !board || !rgb ? fail("out of memory", NULL) : draw_all(&job, board, rgb, params);
    if (params && params != stdout && fclose(params)) bad = fail(job.params, strerror(errno));
    free(rgb);
    portrait_board_free(board);
    return bad ? 1 : 0;
}
