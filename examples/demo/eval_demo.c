/*
 * liax-eval-demo: how well a model moves drawn people that it never saw, against the drawn truth.
 *
 *     liax-eval-demo MODEL.liax [--seed N] [--people N] [--frames N] [--no-controls]
 *
 * Self-reenactment: a person, driven absolutely by drawings of the same person; the truth is the drawing. Cross-identity: a
 * person, driven relatively by another; the truth is the person drawn at m_s + (m_t - m_0). A PSNR is the mean over frames of
 * the frames' own. Beside each stands what copying the source gives, and the best shift and scale of it. A regressor that
 * learned each person from other drawings reads yaw, jaw and blink off the output. The last line is one JSON object.
 */
#include <liax/liax.h>

#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval_controls.h"
#include "metrics.h"
#include "people.h"

enum { LEARN_ANYWHERE = 320, LEARN_HERE = 64 }; /* drawings that a regressor learns from */

/* Sums over frames; one for each way to fill the frame. */
typedef struct Score {
    double whole, face, eyes, mouth, ssim, sharp;
} Score;

typedef struct Eval {
    LiaxModel *model;
    int size, people, frames, controls;
    uint64_t seed;
    PortraitBoard *board;
    uint8_t *source, *driving, *truth, *out, *labels;
    Score self, cross, copy_self, copy_cross;
    double shift_self, shift_cross;
    int n_frames;
    double *read[3], *drawn[3], *control[3]; /* yaw, jaw, blink of every self frame: off the output, as drawn, off the drawing */
} Eval;

static void fail(const char *what)
{
    fprintf(stderr, "liax-eval-demo: %s\n", what);
    exit(1);
}

static void *must(void *p)
{
    if (!p) fail("out of memory");
    return p;
}

static void check(LiaxStatus st, const LiaxSession *s)
{
    if (st) fail(*liax_session_error(s) ? liax_session_error(s) : liax_status_name(st));
}

static LiaxImage image_of(const Eval *e, uint8_t *rgb)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .width = e->size, .height = e->size, .planes = {rgb}};
}

static void add_score(const Eval *e, Score *to, const uint8_t *picture)
{
    const int s = e->size, margin = s / 32;
    to->whole += psnr(picture, e->truth, s, (Box){0, 0, s, s});
    to->face += psnr(picture, e->truth, s, box_of(e->labels, s, s, PORTRAIT_LABEL_FACE, 0));
    to->eyes += psnr(picture, e->truth, s, box_of(e->labels, s, s, PORTRAIT_LABEL_EYES | PORTRAIT_LABEL_BROWS, margin));
    to->mouth += psnr(picture, e->truth, s, box_of(e->labels, s, s, PORTRAIT_LABEL_MOUTH, margin));
    to->ssim += ssim(picture, e->truth, s, s);
    to->sharp += gradient_energy(picture, s, s) / gradient_energy(e->truth, s, s);
}

static void draw_truth(Eval *e, const PortraitIdentity *who, const PortraitMotion *m)
{
    portrait_draw(e->board, who, m, e->truth);
    portrait_labels(e->board, e->labels);
}

/* Yaw is read off by a regressor of the person in all poses; jaw and blink, which move few pixels, by one of the person in the
   pose of the frame. */
static void read_parameters(Eval *e, const Ridge *anywhere, const PortraitIdentity *who, uint64_t seed, const PortraitMotion *m)
{
    static const int which[3] = {YAW, JAW, BLINK};
    double out[PARAMETERS], truth[PARAMETERS], drawn[PARAMETERS];
    Ridge *here = must(people_learn(e->board, e->size, who, seed, m, LEARN_HERE));
    people_read(anywhere, here, e->out, out);
    people_read(anywhere, here, e->truth, truth);
    people_parameters(m, drawn);
    ridge_free(here);
    for (int k = 0; k < 3; k++) {
        e->read[k][e->n_frames] = out[which[k]];
        e->control[k][e->n_frames] = truth[which[k]];
        e->drawn[k][e->n_frames] = drawn[which[k]];
    }
}

/* One person: driven by itself, then by somebody else. */
static void person(Eval *e, LiaxSession *absolute, LiaxSession *relative, int number)
{
    const uint64_t seed = people_mix(e->seed * 1000003u + (uint64_t)number);
    PortraitIdentity who, other;
    portrait_identity(&who, seed % HELD_OUT);
    portrait_identity(&other, people_mix(seed) % HELD_OUT);
    const PortraitMotion ms = people_motion(people_mix(seed + 1)), zero = people_motion(people_mix(seed + 2));
    Ridge *ridge = must(people_learn(e->board, e->size, &who, people_mix(seed + 3), NULL, LEARN_ANYWHERE));
    LiaxImage source = image_of(e, e->source), driving = image_of(e, e->driving), out = image_of(e, e->out);
    portrait_draw(e->board, &who, &ms, e->source);
    check(liax_session_set_source(absolute, &source), absolute);
    check(liax_session_set_source(relative, &source), relative);
    portrait_draw(e->board, &other, &zero, e->driving);
    check(liax_session_set_anchor_image(relative, &driving), relative);
    for (int i = 0; i < e->frames; i++, e->n_frames++) {
        PortraitMotion mt = people_motion(people_mix(seed + 100 + (uint64_t)i));
        draw_truth(e, &who, &mt);
        memcpy(e->driving, e->truth, (size_t)e->size * (size_t)e->size * 3);
        check(liax_animate_frame(absolute, &driving, &out), absolute);
        add_score(e, &e->self, e->out);
        add_score(e, &e->copy_self, e->source);
        e->shift_self += best_shift_psnr(e->source, e->truth, e->size, e->size);
        read_parameters(e, ridge, &who, people_mix(seed + 4), &mt);

        const PortraitMotion goal = people_follow(&ms, &mt, &zero);
        portrait_draw(e->board, &other, &mt, e->driving);
        draw_truth(e, &who, &goal);
        check(liax_animate_frame(relative, &driving, &out), relative);
        add_score(e, &e->cross, e->out);
        add_score(e, &e->copy_cross, e->source);
        e->shift_cross += best_shift_psnr(e->source, e->truth, e->size, e->size);
    }
    ridge_free(ridge);
}

static void print_row(const char *name, const Score *s, double shift, int n)
{
    printf("%-22s %6.2f  %6.2f  %6.2f  %6.2f  %6.3f  %6.2f", name, s->whole / n, s->face / n, s->eyes / n, s->mouth / n, s->ssim / n, s->sharp / n);
    if (shift > 0) printf("   best shift and scale %.2f", shift / n);
    printf("\n");
}

static void report_scores(const Eval *e)
{
    static const char *const names[3] = {"yaw", "jaw", "blink"};
    const int n = e->n_frames;
    printf("%d people, %d frames each way, %d x %d, seed %llu\n\n", e->people, n, e->size, e->size, (unsigned long long)e->seed);
    printf("%-22s %6s  %6s  %6s  %6s  %6s  %6s\n", "PSNR, dB", "whole", "face", "eyes", "mouth", "ssim", "sharp");
    print_row("self", &e->self, 0, n);
    print_row("copy the source", &e->copy_self, e->shift_self, n);
    print_row("cross", &e->cross, 0, n);
    print_row("copy the source", &e->copy_cross, e->shift_cross, n);
    printf("\n");
    for (int k = 0; k < 3; k++)
        printf("%-6s read off the output correlates %.3f with the drawn one (off the drawing itself: %.3f)\n", names[k],
               correlation(e->read[k], e->drawn[k], n), correlation(e->control[k], e->drawn[k], n));
    printf("\n");
}

static void report_line(const Eval *e)
{
    const int n = e->n_frames;
    printf("{\"seed\": %llu, \"self_psnr\": %.3f, \"cross_psnr\": %.3f, \"copy_self_psnr\": %.3f, \"copy_cross_psnr\": %.3f, "
           "\"self_ssim\": %.4f, \"cross_ssim\": %.4f, \"mouth_psnr\": %.3f, \"copy_mouth_psnr\": %.3f, \"eyes_psnr\": %.3f, "
           "\"copy_eyes_psnr\": %.3f, \"sharpness\": %.4f, \"jaw_corr\": %.4f, \"blink_corr\": %.4f, \"yaw_corr\": %.4f}\n",
           (unsigned long long)e->seed, e->self.whole / n, e->cross.whole / n, e->copy_self.whole / n, e->copy_cross.whole / n, e->self.ssim / n,
           e->cross.ssim / n, e->self.mouth / n, e->copy_self.mouth / n, e->self.eyes / n, e->copy_self.eyes / n, e->self.sharp / n,
           correlation(e->read[1], e->drawn[1], n), correlation(e->read[2], e->drawn[2], n), correlation(e->read[0], e->drawn[0], n));
}

static void usage(FILE *to)
{
    fprintf(to, "Usage: liax-eval-demo MODEL.liax [--seed N] [--people N] [--frames N] [--no-controls]\n"
                "How well a model moves drawn people that it never saw; ends with one JSON line.\n"
                "  --seed N     which people and motions (default 1)\n"
                "  --people N   how many (default 16)\n"
                "  --frames N   of each, each way (default 8)\n"
                "  --no-controls   leave out what each control does\n");
}

static void options(Eval *e, int argc, char **argv, const char **model)
{
    static const struct option long_options[] = {{"seed", 1, NULL, 's'}, {"people", 1, NULL, 'p'}, {"frames", 1, NULL, 'f'}, {"no-controls", 0, NULL, 'n'}, {"help", 0, NULL, 'h'}, {0}};
    for (int c; (c = getopt_long(argc, argv, "h", long_options, NULL)) != -1;) {
        if (c == 's') e->seed = strtoull(optarg, NULL, 10);
        else if (c == 'p') e->people = atoi(optarg);
        else if (c == 'f') e->frames = atoi(optarg);
        else if (c == 'n') e->controls = 0;
        else {
            usage(c == 'h' ? stdout : stderr);
            exit(c == 'h' ? 0 : 2);
        }
    }
    if (optind + 1 != argc || e->people < 1 || e->people > 1000 || e->frames < 1 || e->frames > 1000) {
        usage(stderr);
        exit(2);
    }
    *model = argv[optind];
}

int main(int argc, char **argv)
{
    Eval e = {.people = 16, .frames = 8, .seed = 1, .controls = 1};
    const char *path;
    options(&e, argc, argv, &path);
    char error[512] = "";
    if (liax_model_open(&e.model, path, &(LiaxModelOptions){.struct_size = sizeof(LiaxModelOptions), .error = error, .error_size = sizeof error})) fail(error);
    LiaxModelInfo info = {.struct_size = sizeof info};
    liax_model_info(e.model, &info);
    e.size = info.size;
    e.board = must(portrait_board_new(e.size, e.size, 2));
    uint8_t **const pictures[] = {&e.source, &e.driving, &e.truth, &e.out, &e.labels};
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) *pictures[i] = must(malloc((size_t)e.size * (size_t)e.size * 3));
    double **const series[] = {e.read, e.drawn, e.control};
    for (int i = 0; i < 9; i++) series[i / 3][i % 3] = must(malloc((size_t)e.people * (size_t)e.frames * sizeof(double)));

    LiaxSession *absolute, *relative;
    LiaxStatus st = liax_session_open(&absolute, e.model, &(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = LIAX_ABSOLUTE});
    if (!st) st = liax_session_open(&relative, e.model, NULL);
    if (st) fail(liax_status_name(st));
    for (int i = 0; i < e.people; i++) person(&e, absolute, relative, i);
    report_scores(&e);
    if (e.controls && !eval_controls(e.model, e.board, e.size, e.people, e.seed)) fail("the controls could not be measured");
    report_line(&e);

    liax_session_close(&absolute);
    liax_session_close(&relative);
    liax_model_close(&e.model);
    portrait_board_free(e.board);
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) free(*pictures[i]);
    for (int i = 0; i < 9; i++) free(series[i / 3][i % 3]);
    return 0;
}
