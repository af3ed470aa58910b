/*
 * What the goldens' program needs of cmocka, for a processor that has no cmocka here: the same names, TAP out. A test that is
 * skipped prints nothing: the levels that the other processor never has are no tests of it.
 */
#ifndef CMOCKA_H
#define CMOCKA_H

#include <stdio.h>
#include <stdlib.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state);
    int (*teardown)(void **state);
    void *state;
};

enum { CMOCKA_FAILED = 1, CMOCKA_SKIPPED = 2 };

static jmp_buf cmocka_end; /* of the test that runs */
static int cmocka_runs;

static _Noreturn void cmocka_leave(int how)
{
    if (cmocka_runs) longjmp(cmocka_end, how);
    exit(1); /* between tests, as where a model cannot be opened */
}

#define skip() cmocka_leave(CMOCKA_SKIPPED)
#define fail_msg(...) (printf("# "), printf(__VA_ARGS__), printf("\n"), cmocka_leave(CMOCKA_FAILED))
#define assert_true(x) ((x) ? (void)0 : fail_msg("%s:%d: %s", __FILE__, __LINE__, #x))
#define assert_int_equal(a, b) assert_true((a) == (b))

static int cmocka_run(const struct CMUnitTest *test)
{
    void *state = test->state;
    cmocka_runs = 1;
    const int how = setjmp(cmocka_end);
    if (!how) test->run(&state);
    cmocka_runs = 0;
    return how;
}

static int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t n, void *setup, void *teardown)
{
    static int number;
    int failed = 0;
    (void)group, (void)setup, (void)teardown;
    for (size_t i = 0; i < n; i++) {
        const int how = cmocka_run(&tests[i]);
        if (how == CMOCKA_SKIPPED) continue;
        printf("%s %d - %s\n", how ? "not ok" : "ok", ++number, tests[i].name);
        failed += how != 0;
    }
    return failed;
}

#endif
