/* The drawn portraits: same bytes for the same seed, any size, mirrored pictures, labels and flow that fit. */
#include "portrait/portrait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

enum { S = 96 };

static PortraitBoard *board(int w, int h, int aa)
{
    PortraitBoard *b = portrait_board_new(w, h, aa);
    assert_non_null(b);
    return b;
}

static uint8_t *drawn(PortraitBoard *b, uint64_t seed, const PortraitMotion *m, int n)
{
    PortraitIdentity id;
    portrait_identity(&id, seed);
    uint8_t *rgb = malloc((size_t)n);
    assert_non_null(rgb);
    portrait_draw(b, &id, m, rgb);
    return rgb;
}

static void same_seed_same_bytes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        PortraitBoard *a = board(S, S, 2), *b = board(S, S, 2);
        PortraitMotion m, other;
        portrait_motion_random(&m, seed, 1);
        portrait_motion_random(&other, seed + 100, 1);
        free(drawn(b, seed + 50, &other, S * S * 3)); /* a board keeps nothing of its last picture */
        uint8_t *p = drawn(a, seed, &m, S * S * 3), *q = drawn(b, seed, &m, S * S * 3);
        assert_memory_equal(p, q, S * S * 3);
        free(q);
        q = drawn(b, seed + 1, &m, S * S * 3);
        assert_memory_not_equal(p, q, S * S * 3);
        free(p);
        free(q);
        portrait_board_free(a);
        portrait_board_free(b);
    }
}

static void every_size(void **state)
{
    (void)state;
    static const int sizes[][3] = {{8, 8, 1}, {33, 17, 3}, {64, 200, 2}, {321, 90, 1}};
    const PortraitMotion m = {{0}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const int w = sizes[i][0], h = sizes[i][1];
        PortraitBoard *b = board(w, h, sizes[i][2]);
        free(drawn(b, 3, &m, w * h * 3));
        portrait_board_free(b);
    }
    assert_null(portrait_board_new(7, 64, 2));
    assert_null(portrait_board_new(64, 9000, 2));
    assert_null(portrait_board_new(64, 64, 0));
    assert_null(portrait_board_new(64, 64, 7));
}

/* The motion seen in a mirror. */
static PortraitMotion mirrored(const PortraitMotion *m)
{
    PortraitMotion r = *m;
    static const int flip[] = {PORTRAIT_YAW, PORTRAIT_ROLL, PORTRAIT_X, PORTRAIT_GAZE_X};
    for (size_t i = 0; i < sizeof flip / sizeof *flip; i++) r.v[flip[i]] = -r.v[flip[i]];
    r.v[PORTRAIT_BLINK_L] = m->v[PORTRAIT_BLINK_R];
    r.v[PORTRAIT_BLINK_R] = m->v[PORTRAIT_BLINK_L];
    return r;
}

static void mirror_image(void **state)
{
    (void)state;
    PortraitBoard *b = board(S, S, 2);
    uint8_t *p = malloc(S * S * 3), *q = malloc(S * S * 3);
    assert_true(p && q);
    for (uint64_t seed = 0; seed < 30; seed++) {
        PortraitIdentity id;
        PortraitMotion m;
        portrait_identity(&id, seed);
        portrait_identity_mirror(&id);
        portrait_motion_random(&m, seed, 0.8f);
        const PortraitMotion r = mirrored(&m);
        portrait_draw(b, &id, &m, p);
        portrait_draw(b, &id, &r, q);
        long sum = 0;
        int off = 0;
        for (int y = 0; y < S; y++)
            for (int x = 0; x < S; x++)
                for (int c = 0; c < 3; c++) {
                    const int d = abs(p[(y * S + x) * 3 + c] - q[(y * S + S - 1 - x) * 3 + c]);
                    sum += d;
                    off += d > 24;
                }
        /* samples on an edge may fall to either side of it */
        assert_true(sum < 0.6 * S * S * 3); /* levels, on average */
        assert_true(off < S * S * 3 / 200);
    }
    free(p);
    free(q);
    portrait_board_free(b);
}

static void labels_move_with_the_face(void **state)
{
    (void)state;
    PortraitBoard *b = board(S, S, 2);
    uint8_t *rgb = malloc(S * S * 3), *lab = malloc(S * S);
    assert_true(rgb && lab);
    double x_eyes[2] = {0, 0};
    for (int k = 0; k < 2; k++) {
        PortraitIdentity id;
        PortraitMotion m = {{0}};
        m.v[PORTRAIT_X] = k ? 0.2f : -0.2f;
        portrait_identity(&id, 8);
        portrait_draw(b, &id, &m, rgb);
        portrait_labels(b, lab);
        int n[6] = {0};
        for (int i = 0; i < S * S; i++) {
            for (int bit = 0; bit < 6; bit++) n[bit] += lab[i] >> bit & 1;
            if (lab[i] & PORTRAIT_LABEL_EYES) x_eyes[k] += i % S;
        }
        for (int bit = 0; bit < 6; bit++) assert_true(n[bit] > 20);
        assert_true(n[0] > S * S / 8);
        x_eyes[k] /= n[1];
    }
    assert_true(x_eyes[1] - x_eyes[0] > 0.15 * S);
    free(rgb);
    free(lab);
    portrait_board_free(b);
}

static void flow_finds_the_pixels(void **state)
{
    (void)state;
    PortraitBoard *a = board(S, S, 2), *b = board(S, S, 2);
    uint8_t *p = malloc(S * S * 3), *q = malloc(S * S * 3);
    float *flow = malloc(2 * S * S * sizeof *flow), *seen = malloc(S * S * sizeof *seen);
    assert_true(p && q && flow && seen);
    PortraitIdentity id;
    portrait_identity(&id, 21);
    PortraitMotion m = {{0}};
    portrait_draw(a, &id, &m, p);
    portrait_flow(a, a, flow, seen); /* to itself: nothing moves and everything is seen */
    for (int i = 0; i < S * S; i++) {
        assert_true(seen[i] == 1);
        assert_true(fabsf(flow[i]) < 1e-4f && fabsf(flow[S * S + i]) < 1e-4f);
    }
    m.v[PORTRAIT_YAW] = 0.35f;
    m.v[PORTRAIT_X] = 0.1f;
    m.v[PORTRAIT_SMILE] = 0.8f;
    portrait_draw(b, &id, &m, q);
    portrait_flow(b, a, flow, seen);
    double still = 0, moved = 0;
    int n = 0;
    for (int y = 0; y < S; y++)
        for (int x = 0; x < S; x++) {
            const int i = y * S + x;
            if (!(seen[i] > 0) || (flow[i] == 0 && flow[S * S + i] == 0)) continue;
            const int sx = (int)floorf((float)x + 0.5f + flow[i] * S / 2), sy = (int)floorf((float)y + 0.5f + flow[S * S + i] * S / 2);
            if (sx < 0 || sy < 0 || sx >= S || sy >= S) continue;
            for (int c = 0; c < 3; c++) {
                moved += abs(q[i * 3 + c] - p[(sy * S + sx) * 3 + c]);
                still += abs(q[i * 3 + c] - p[i * 3 + c]);
            }
            n++;
        }
    assert_true(n > S * S / 8);
    assert_true(moved < 0.6 * still);
    free(p);
    free(q);
    free(flow);
    free(seen);
    portrait_board_free(a);
    portrait_board_free(b);
}

static void motions_have_names_and_ranges(void **state)
{
    (void)state;
    assert_null(portrait_motion_name(-1));
    assert_null(portrait_motion_name(PORTRAIT_MOTIONS));
    for (int i = 0; i < PORTRAIT_MOTIONS; i++) {
        float lo, hi;
        assert_non_null(portrait_motion_name(i));
        portrait_motion_range(i, &lo, &hi);
        assert_true(lo <= 0 && hi > 0);
        for (uint64_t seed = 0; seed < 200; seed++) {
            PortraitMotion m;
            portrait_motion_random(&m, seed, 1);
            assert_true(m.v[i] >= lo && m.v[i] <= hi);
            portrait_motion_clip(&m, seed, (int)seed * 3, 25);
            assert_true(m.v[i] >= lo && m.v[i] <= hi);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_bytes), cmocka_unit_test(every_size), cmocka_unit_test(mirror_image),
        cmocka_unit_test(labels_move_with_the_face), cmocka_unit_test(flow_finds_the_pixels),
        cmocka_unit_test(motions_have_names_and_ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
