/* Every kernel of every level against the reference: one test for each kernel, level and group of cases. */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

enum { MAX_TESTS = 512 };

typedef struct State {
    const CheckTest *test;
    const CheckLevel *level;
    char name[96];
} State;

static void run_one(void **state)
{
    const State *s = *state;
    check_begin(s->level);
    s->test->run(s->level);
}

/* test_kernels [PATTERN [FEW]]: all tests, or those whose names match, as "* avx512:*"; on a slow machine a part of their cases
   (CheckLevel.few). */
int main(int argc, char **argv)
{
    static CheckLevel levels[CHECK_MAX_LEVELS];
    static State states[MAX_TESTS];
    static struct CMUnitTest tests[MAX_TESTS];
    const CheckTest *const groups[] = {check_conv_tests, check_linear_tests, check_norm_tests, check_warp_tests, check_frame_tests};
    const int n_levels = check_levels(levels);
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    for (int l = 0; l < n_levels && argc > 2; l++) levels[l].few = atoi(argv[2]);
    size_t n = 0;
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++)
        for (const CheckTest *t = groups[g]; t->run; t++)
            for (int l = 0; l < n_levels; l++) {
                if (!t->differs(&levels[l].table)) continue;
                if (n == MAX_TESTS) abort();
                State *s = &states[n];
                *s = (State){.test = t, .level = &levels[l]};
                snprintf(s->name, sizeof s->name, "%s %s: %s", t->kernel, levels[l].name, t->group);
                tests[n++] = (struct CMUnitTest){s->name, run_one, NULL, NULL, s};
            }
    /* what cmocka_run_group_tests does, whose count is the array's */
    return _cmocka_run_group_tests("kernels", tests, n, NULL, NULL);
}
