/* The pickle machine on byte strings made by hand: what it builds, and one sentence with an offset for everything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "torch_pickle.h"

/* Runs a pickle; the log's sentence is in `log`. */
static LiaxStatus run(LxPickle *p, const void *data, size_t size, LxLog *log)
{
    *log = (LxLog){0};
    *p = (LxPickle){.data = data, .size = size, .base = 1000, .name = "a pickle", .log = log};
    return lx_pickle_run(p);
}

static void refuse(const void *data, size_t size, const char *expected)
{
    LxPickle p;
    LxLog log;
    if (!run(&p, data, size, &log)) fail_msg("accepted, expected: %s", expected);
    if (!strstr(log.error, expected)) fail_msg("\"%s\", expected: %s", log.error, expected);
    lx_pickle_close(&p);
}

#define REFUSE(bytes, expected) refuse(bytes, sizeof(bytes) - 1, expected)

static void test_values(void **state)
{
    /* {'a': (1, -2, 300, None, True), 'b': [bigint]} */
    static const char bytes[] = "\x80\2}q\0(X\1\0\0\0a(K\1J\xfe\xff\xff\xffM\x2c\1N\x88tX\1\0\0\0b](\x8a\x0a" "0123456789eu.";
    LxPickle p;
    LxLog log;
    assert_int_equal(run(&p, bytes, sizeof bytes - 1, &log), LIAX_OK);
    const LxValue *dict = &p.values[p.root];
    assert_int_equal(dict->kind, LX_V_DICT);
    assert_int_equal(dict->n, 4);
    const LxValue *tuple = &p.values[p.cells[p.cells[dict->first - 1].next - 1].value];
    assert_int_equal(tuple->kind, LX_V_TUPLE);
    static const int64_t want[] = {1, -2, 300, 0, 1};
    for (uint32_t i = 0; i < 5; i++) assert_int_equal(lx_pickle_item(&p, tuple, i)->i, want[i]);
    assert_null(lx_pickle_item(&p, tuple, 5));
    lx_pickle_close(&p);
    (void)state;
}

static void test_refusals(void **state)
{
    REFUSE("", "offset 1000: truncated, expected STOP");
    REFUSE("\x80\2", "offset 1002: truncated, expected STOP");
    REFUSE("\x80", "truncated opcode");
    REFUSE("\x80\x7f.", "unknown protocol");
    REFUSE("N\xff.", "offset 1001: unknown opcode 0xff");
    REFUSE("N0.", "unknown opcode 0x30");
    REFUSE("cos\nsystem\n(X\2\0\0\0lstR.", "global os.system");
    REFUSE("cbuiltins\neval\n.", "global builtins.eval");
    REFUSE("ctorch\nload\n.", "global torch.load");
    REFUSE("ccollections\nOrdered", "truncated in the name of a global");
    REFUSE("ccollections\nOrderedDict\nK\1\x85R.", "OrderedDict with arguments");
    REFUSE("ctorch\nFloatStorage\n)R.", "a storage type is called");
    REFUSE("ctorch._utils\n_rebuild_tensor_v2\n)R.", "fewer than 4 arguments");
    REFUSE("ctorch._utils\n_rebuild_parameter\n)R.", "without arguments");
    REFUSE(")R.", "REDUCE without");
    REFUSE("NNR.", "REDUCE without");
    REFUSE("R.", "REDUCE without");
    REFUSE("(t(R.", "REDUCE without");
    REFUSE("NQ.", "persistent id");
    REFUSE("Q.", "persistent id");
    REFUSE("X\x7\0\0\0storageNNNN(tQ.", "persistent id");
    REFUSE("(X\x7\0\0\0storageNNNNtQ.", "persistent id");
    REFUSE("X\xff\xff\xff\xff" "a.", "truncated string");
    REFUSE("\x8a\xff" "a.", "truncated string");
    REFUSE("G1234", "truncated opcode");
    REFUSE("t.", "TUPLE without a mark");
    REFUSE("\x85.", "more than is on the stack");
    REFUSE("(\x85.", "more than is on the stack");
    REFUSE("NN\x87.", "more than is on the stack");
    REFUSE("NNs.", "no dict");
    REFUSE("s.", "no dict");
    REFUSE("(NNs.", "no dict");
    REFUSE("}(NNNu.", "without a value");
    REFUSE("(NNu.", "no dict");
    REFUSE("u.", "no dict");
    REFUSE("}NNu.", "no dict");
    REFUSE("}(Na.", "no list");
    REFUSE("a.", "no list");
    REFUSE("](NNe", "truncated, expected STOP");
    REFUSE("e.", "no list");
    REFUSE("q\1.", "nothing to remember");
    REFUSE("(q\0.", "nothing to remember");
    REFUSE("Nr\xff\xff\xff\xff.", "beyond the number of values");
    REFUSE("h\0.", "never set");
    REFUSE("Nq\0j\1\0\0\0.", "never set");
    REFUSE("Nb.", "BUILD without");
    REFUSE("NN.", "STOP without exactly one");
    REFUSE(".", "STOP without exactly one");
    REFUSE("(.", "STOP without exactly one");
    (void)state;
}

/* A megabyte of one opcode: the answer comes at once, and without recursion. */
static void test_bombs(void **state)
{
    enum { N = 1 << 20 };
    char *bytes = malloc(N + 8);
    assert_non_null(bytes);
    static const struct {
        const char *first, *repeated;
    } bombs[] = {{"", "("}, {"", "]"}, {")", "\x85"}, {"Nq\0", "h\0"}, {"]q\0", "h\0"}, {"", "}("}, {"]", "]a"}, {"N", "\x86"}};
    for (size_t i = 0; i < sizeof bombs / sizeof *bombs; i++) {
        const size_t first = i == 3 || i == 4 ? 3 : strlen(bombs[i].first);
        const size_t unit = i == 3 || i == 4 ? 2 : strlen(bombs[i].repeated);
        memcpy(bytes, bombs[i].first, first);
        size_t n = first;
        for (; n + unit <= N; n += unit) memcpy(bytes + n, bombs[i].repeated, unit);
        LxPickle p;
        LxLog log;
        assert_int_not_equal(run(&p, bytes, n, &log), LIAX_OK);
        assert_true(log.error[0]);
        lx_pickle_close(&p);
    }
    free(bytes);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_refusals), cmocka_unit_test(test_bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
