/* liax-convert on files that are wrong: cut short, flipped, lying about sizes, or not a LIA-X model. Each is refused with
   a sentence and without an output file. */
#define _POSIX_C_SOURCE 200809L /* fileno, readdir */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>

#include "lia_x_layout.h"
#include "synth.h"
#include "tools/tools.h"

static const char *at(const char *name)
{
    return scratch("test_damage", name);
}

/* Converts some bytes; whatever happens, nothing but a complete output stays. 1: refused. */
static int is_refused(const uint8_t *data, size_t size, LxLog *log)
{
    const LxConvertOptions o = {.source = "x"};
    *log = (LxLog){0};
    save_file(at("in"), data, size);
    unlink(at("out.liax"));
    const LiaxStatus st = lx_convert(at("in"), at("out.liax"), &o, log);
    if ((st == LIAX_OK) != file_exists(at("out.liax"))) fail_msg("status %d, and the output is there or not", st);
    if (st && (!log->error[0] || strchr(log->error, '\n'))) fail_msg("no sentence: %s", log->error);
    return st != LIAX_OK;
}

static void refuse(const uint8_t *data, size_t size, const char *expected)
{
    LxLog log;
    if (!is_refused(data, size, &log)) fail_msg("accepted, expected: %s", expected);
    if (!strstr(log.error, expected)) fail_msg("\"%s\", expected: %s", log.error, expected);
}

static void test_no_leftovers(void **state)
{
    DIR *dir = opendir(at(""));
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (strstr(e->d_name, "tmp")) fail_msg("%s was left", e->d_name);
    closedir(dir);
    (void)state;
}

/* ---- any file: cut short, bits flipped */

static void truncate_everywhere(const char *path)
{
    size_t n;
    LxLog log;
    uint8_t *data = load_file(path, &n);
    for (size_t cut = 1; cut < n; cut = cut < 300 ? cut + 1 : cut * 2) /* from the end, then from the beginning */
        if (!is_refused(data, n - cut, &log)) fail_msg("%s: accepted without its last %zu bytes", path, cut);
    for (size_t size = 0; size < n; size = size < 64 ? size + 1 : size + n / 60)
        if (!is_refused(data, size, &log)) fail_msg("%s: accepted its first %zu bytes", path, size);
    free(data);
}

/* Where the file has checksums, a flipped bit is refused or was in bytes of no meaning: then the model is the same. */
static void flip_bits(const char *path, int flips, int has_checksums)
{
    size_t n;
    LxLog log;
    char good[80] = "";
    uint64_t r = 7;
    uint8_t *data = load_file(path, &n);
    for (int i = 0; i <= flips; i++) {
        r = r * 6364136223846793005u + 1442695040888963407u;
        const size_t from_end = (size_t)(r >> 33) % (i % 3 ? n : 30000 < n ? 30000 : n), bit = (size_t)(r >> 29) & 7;
        uint8_t *p = &data[i % 3 == 2 ? from_end : n - 1 - from_end];
        if (i) *p ^= (uint8_t)(1 << bit);
        if (!is_refused(data, n, &log)) {
            LxContainer c = open_container(at("out.liax"));
            if (!i) snprintf(good, sizeof good, "%s", lx_container_string(&c, "fingerprint", 0));
            else if (has_checksums) assert_string_equal(lx_container_string(&c, "fingerprint", 0), good);
            lx_container_close(&c);
        }
        if (i) *p ^= (uint8_t)(1 << bit);
    }
    assert_true(good[0]);
    free(data);
}

static const char *synth_file(void)
{
    LxLog log = {0};
    LxSynth s = {.sizes = {.levels = 2, .widths = {8, 8, 4}, .motions = 3}};
    LxSpec *specs = lx_lia_x_layout(&s.sizes, &s.n_specs);
    s.specs = specs;
    if (lx_synth_safetensors(&s, LX_F32, at("synth.safetensors"), &log)) fail_msg("%s", log.error);
    free(specs);
    return at("synth.safetensors");
}

static void test_truncation(void **state)
{
    truncate_everywhere(golden_path("tiny-64.pt"));
    truncate_everywhere(golden_path("tiny-64-legacy.pt"));
    truncate_everywhere(synth_file());
    (void)state;
}

static void test_flipped_bits(void **state)
{
    flip_bits(golden_path("tiny-64.pt"), 300, 1);
    flip_bits(golden_path("tiny-64-legacy.pt"), 60, 0);
    flip_bits(synth_file(), 60, 0);
    (void)state;
}

/* ---- zip */

/* Offset of `what` in data, the `skip`th one. */
static size_t find(const uint8_t *data, size_t n, const char *what, size_t length, int skip)
{
    for (size_t i = 0; i + length <= n; i++)
        if (!memcmp(data + i, what, length) && !skip--) return i;
    fail_msg("nothing to damage");
    return 0;
}

static void test_zip_fields(void **state)
{
    size_t n;
    uint8_t *good = load_file(golden_path("tiny-64.pt"), &n), *data = malloc(n);
    const size_t central = find(good, n, "PK\1\2", 4, 0), end = find(good, n, "PK\5\6", 4, 0), last = n - 22;
    /* the central entry of storage 3 */
    size_t entry = central;
    while (memcmp(good + entry + 46 + get32(good + entry + 28) % 65536 - 7, "/data/3", 7)) entry += 46u + (get32(good + entry + 28) & 0xffff) + (get32(good + entry + 28) >> 16);
    const struct {
        size_t offset;
        uint32_t value;
        int bytes;
        const char *expected;
    } cases[] = {
        {central, 0, 1, "no entry of the central directory"},
        {entry + 8, 1, 1, "compressed or encrypted"},
        {entry + 10, 8, 1, "compressed or encrypted"},
        {entry + 16, 0x12345678, 4, "storage 3: checksum"},
        {central + 16, 0x12345678, 4, "checksum"},
        {entry + 20, 1, 4, "compressed or encrypted"},
        {entry + 24, 1, 4, "compressed or encrypted"},
        {entry + 28, 0xffff, 2, "an entry beyond the central directory"},
        {entry + 42, 0xfffffffe, 4, "no local header"},
        {entry + 42, 0xffffffff, 4, "bad Zip64 sizes"},
        {entry + 42, 5, 4, "no local header"},
        {entry + 24, 0xffffffff, 4, "bad Zip64 sizes"},
        {get32(good + entry + 42), 0, 4, "no local header"},
        {get32(good + entry + 42) + 28, 0xffff, 2, ""},
        {last + 10, 0, 2, ""},
        {last + 10, 0xfffe, 2, "does not fit"},
        {last + 12, 0, 4, ""},
        {last + 12, 0xfffffffe, 4, "does not fit"},
        {last + 16, 0, 4, ""},
        {last + 20, 1, 2, "no end record"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memcpy(data, good, n);
        memcpy(data + cases[i].offset, &cases[i].value, (size_t)cases[i].bytes);
        refuse(data, n, cases[i].expected);
    }
    memcpy(data, good, n); /* two entries of one name */
    data[entry + 46 + (get32(good + entry + 28) & 0xffff) - 1] = '4';
    refuse(data, n, "is there twice");
    assert_int_equal(end, last);
    free(good);
    free(data);
    (void)state;
}

/* The plain end record saturated: then everything is taken from the Zip64 one, which torch always writes. */
static void test_zip64_end(void **state)
{
    size_t n;
    LxLog log;
    uint8_t *data = load_file(golden_path("tiny-64.pt"), &n);
    memset(data + n - 22 + 8, 255, 12);
    if (is_refused(data, n, &log)) fail_msg("%s", log.error);
    data[n - 22 - 20] = 0;
    refuse(data, n, "no Zip64 locator");
    free(data);
    (void)state;
}

/* ---- safetensors */

/* The synthetic file with one piece of its header replaced by another of the same length. */
static void refuse_header(const char *from, const char *to, const char *expected)
{
    size_t n;
    uint8_t *data = load_file(synth_file(), &n);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(data + find(data, n, from, strlen(from), 0), to, strlen(to));
    refuse(data, n, expected);
    free(data);
}

static void test_safetensors_header(void **state)
{
    refuse_header("\"dec.rgb2.bias\"", "\"dec.rgb2.bixs\"", "tensor dec.rgb2.bias is missing");
    refuse_header("\"dec.flow2.bias\":", "\"dec.flow2.bias\";", "header, offset");
    refuse_header("\"dec.rgb2.bias\":{\"dtype\":\"F32\",\"shape\":[1,3,1,1]", "\"dec.rgb2.bias\":{\"dtype\":\"F32\",\"shape\":[1,1,3,1]",
                  "tensor dec.rgb2.bias: shape [1,1,3,1], expected [1,3,1,1]");
    refuse_header("\"dec.rgb2.bias\":{\"dtype\":\"F32\"", "\"dec.rgb2.bias\":{\"dtype\":\"I32\"", "no floating-point numbers");
    refuse_header("\"dec.rgb2.bias\":{\"dtype\":\"F32\"", "\"dec.rgb2.bias\":{\"dtype\":\"F16\"", "do not match its shape");
    refuse_header("\"dec.rgb2.bias\":{\"dtype\"", "\"dec.rgb2.bias\":{\"dtypo\"", "tensor dec.rgb2.bias");
    refuse_header("\"dec.rgb2.bias\"", "\"dec.rgb_512.b\"", "");
    refuse_header("\"data_offsets\":[0,48]", "\"data_offsets\":[48,0]", "data_offsets are not inside");
    refuse_header("\"data_offsets\":[0,48]", "\"data_offsets\":[0,99]", "do not match its shape");
    refuse_header("\"data_offsets\":[0,48]", "\"data_offsets\":[-1,4]", "data_offsets are not inside");
    refuse_header("\"data_offsets\":[0,48]", "\"data_offsets\":[0.48]", "data_offsets are not inside");
    refuse_header("\"shape\":[4,3,1,1]", "\"shape\":[4,-3,1,]", "header, offset");
    refuse_header("\"shape\":[4,3,1,1]", "\"shape\":[-4,3,11]", "impossible shape");
    (void)state;
}

/* One tensor more than the model has, beside the others. */
static void test_extra_tensor(void **state)
{
    size_t n;
    uint8_t *data = load_file(synth_file(), &n), *more = calloc(1, n + 256);
    const uint64_t length = get64(data), data_bytes = n - 8 - length;
    char entry[128];
    const int used = snprintf(entry, sizeof entry, "{\"dec.more\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%llu,%llu]},",
                              (unsigned long long)data_bytes, (unsigned long long)data_bytes + 4);
    put64(more, length + (uint64_t)used - 1);
    memcpy(more + 8, entry, (size_t)used);
    memcpy(more + 8 + used, data + 9, n - 9);
    refuse(more, n + (size_t)used - 1 + 4, "tensor dec.more was found, expected none of that name");
    free(data);
    free(more);
    (void)state;
}

/* A safetensors file of a header and some zeros. */
static void refuse_json(const char *json, size_t zeros, const char *expected)
{
    const size_t n = strlen(json);
    uint8_t *data = calloc(1, 8 + n + zeros);
    put64(data, n);
    memcpy(data + 8, json, n);
    refuse(data, 8 + n + zeros, expected);
    free(data);
}

static void test_safetensors_files(void **state)
{
    refuse_json("{}", 0, "has no tensors");
    refuse_json("{\"a\": 1}", 0, "tensor a");
    refuse_json("{\"a\": {}, \"a\": {}}", 0, "duplicate");
    refuse_json("{\"__metadata__\": {\"x\": \"y\"}}", 0, "has no tensors");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "holds no LIA-X model");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "8 bytes of data, its tensors take 4");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "a");
    refuse_json("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "at most 8");
    refuse_json("{\"a.dec.input.input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                "\"b.dec.input.input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "holds two models");
    refuse_json("{\"dec.input.input\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "is missing");
    char deep[4096] = "{\"a\":";
    memset(deep + 5, '[', sizeof deep - 6);
    refuse_json(deep, 0, "header, offset");
    uint8_t huge[16] = {255, 255, 255, 255, 255, 255, 255, 127, '{'};
    refuse(huge, sizeof huge, "header of 9223372036854775807 bytes");
    refuse((const uint8_t *)"", 0, "is neither");
    refuse((const uint8_t *)"PK", 2, "truncated");
    refuse((const uint8_t *)"GIF89a, and then something", 26, "is neither");
    (void)state;
}

/* ---- legacy files around pickles made by hand */

#define MAGIC "\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
#define PROTOCOL "\x80\2M\xe9\3."
#define SYSTEM "\x80\2}X\x0d\0\0\0little_endian\x88s."
#define STORAGE(key, numel) "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" key "X\3\0\0\0cpuK" numel "NtQ"
#define TENSOR(storage, offset, size, stride) "ctorch._utils\n_rebuild_tensor_v2\n(" storage offset size stride "\x89}tR"
#define ONE_KEY "\x80\2]X\1\0\0\0" "1a."
#define FOUR "\4\0\0\0\0\0\0\0" "0123456789abcdef"

#define REFUSE_LEGACY(object, rest, expected) \
    refuse((const uint8_t *)(MAGIC PROTOCOL SYSTEM "\x80\2" object "." rest), sizeof(MAGIC PROTOCOL SYSTEM "\x80\2" object "." rest) - 1, expected)

static void test_legacy_files(void **state)
{
#define NAMED(tensor) "}X\1\0\0\0t" tensor "s"
#define GOOD STORAGE("1", "\4")
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), ONE_KEY FOUR, "holds no LIA-X model");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\1", "K\4\x85", "K\1\x85")), ONE_KEY FOUR, "tensor t: shape [4] reaches beyond");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\5", "K\0\x85", "K\1\x85")), ONE_KEY FOUR, "tensor t: begins at element 5");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "J\xff\xff\xff\xff", "K\1\x85", "K\1\x85")), ONE_KEY FOUR, "impossible arguments");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\2K\2\x86", "K\1\x85")), ONE_KEY FOUR, "impossible arguments");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\2K\2\x86", "K\2K\2\x86")), ONE_KEY FOUR, "reaches beyond");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\2\x85", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85")), ONE_KEY FOUR, "reaches beyond");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x85", "K\0\x85")), ONE_KEY FOUR, "reaches beyond");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "J\xff\xff\xff\xff\x85", "K\1\x85")), ONE_KEY FOUR, "impossible arguments");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t", "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")), ONE_KEY FOUR, "impossible arguments");
    REFUSE_LEGACY(NAMED(TENSOR("N", "K\0", "K\4\x85", "K\1\x85")), ONE_KEY FOUR, "belongs to no tensor");
    REFUSE_LEGACY(NAMED(TENSOR(STORAGE("1", "\5"), "K\0", "K\4\x85", "K\1\x85")), ONE_KEY FOUR, "4 elements, expected 5");
    REFUSE_LEGACY(NAMED(TENSOR(STORAGE("2", "\4"), "K\0", "K\4\x85", "K\1\x85")), ONE_KEY FOUR, "belongs to no tensor");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), "\x80\2].", "its storage is missing");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), "\x80\2N.", "list of storage keys is missing");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), "\x80\2](X\1\0\0\0" "1X\1\0\0\0" "1e." FOUR FOUR, "or is there twice");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), ONE_KEY "\4\0\0\0\0\0\0\0" "0123", "4 elements, expected 4 and");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")), ONE_KEY FOUR "x", "the storages end at offset");
    REFUSE_LEGACY("(" GOOD STORAGE("1", "\5") "t", ONE_KEY FOUR, "two types or lengths");
    REFUSE_LEGACY("(X\7\0\0\0storagectorch\nOddStorage\nX\1\0\0\0" "1X\3\0\0\0cpuK\4NtQ", ONE_KEY FOUR, "unknown type OddStorage");
    REFUSE_LEGACY("(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" "1X\3\0\0\0cpuJ\xff\xff\xff\xffNtQ", ONE_KEY FOUR, "impossible key or length");
    REFUSE_LEGACY("}q\0X\1\0\0\0ah\0s", "\x80\2].", "has no tensors");  /* a dict that contains itself */
    REFUSE_LEGACY("]q\0h\0a", "\x80\2].", "has no tensors");            /* a list that does */
    REFUSE_LEGACY("]q\0(h\0h\0te", "\x80\2].", "no list");              /* and nearly a tuple that does */
    REFUSE_LEGACY("]q\0((h\0h\0te", "\x80\2].", "has no tensors");
    REFUSE_LEGACY("cposix\nsystem\nX\2\0\0\0id\x85R", ONE_KEY FOUR, "global posix.system");
    REFUSE_LEGACY(NAMED(TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85")) "X\1\0\0\0t" TENSOR(GOOD, "K\0", "K\4\x85", "K\1\x85") "s", ONE_KEY FOUR, "tensor t is there twice");
    (void)state;
}

static void test_legacy_heads(void **state)
{
#define REFUSE_BYTES(bytes, expected) refuse((const uint8_t *)(bytes), sizeof(bytes) - 1, expected)
#define REST SYSTEM "\x80\2N." "\x80\2]."
    REFUSE_BYTES("\x80\2\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x18." PROTOCOL REST, "magic number");
    REFUSE_BYTES(MAGIC "\x80\2M\xea\3." REST, "legacy protocol 1002");
    REFUSE_BYTES(MAGIC PROTOCOL "\x80\2}X\x0d\0\0\0little_endian\x89s." "\x80\2N." "\x80\2].", "little-endian machine");
    REFUSE_BYTES(MAGIC PROTOCOL "\x80\2}." "\x80\2N." "\x80\2].", "little-endian machine");
    REFUSE_BYTES(MAGIC PROTOCOL REST, "has no tensors");
    (void)state;
}

/* Sixty-five lists in one another are too many; sixty tuples, each twice in the next, would be 2^60 ways to walk. */
static void test_nesting(void **state)
{
    static const char head[] = MAGIC PROTOCOL SYSTEM "\x80\2", tail[] = ".\x80\2].";
    uint8_t data[4096];
    size_t n = sizeof head - 1;
    memcpy(data, head, n);
    data[n++] = ']';
    for (int i = 0; i < 70; i++) data[n++] = 0x85;
    memcpy(data + n, tail, sizeof tail - 1);
    refuse(data, n + sizeof tail - 1, "nested deeper than 64");

    n = sizeof head - 1;
    data[n++] = ')';
    for (int i = 0; i < 60; i++) {
        const uint8_t twice[] = {'q', (uint8_t)i, 'h', (uint8_t)i, 0x86};
        memcpy(data + n, twice, sizeof twice);
        n += sizeof twice;
    }
    memcpy(data + n, tail, sizeof tail - 1);
    refuse(data, n + sizeof tail - 1, "has no tensors");
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation), cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_zip_fields), cmocka_unit_test(test_zip64_end),
        cmocka_unit_test(test_safetensors_header), cmocka_unit_test(test_extra_tensor), cmocka_unit_test(test_safetensors_files), cmocka_unit_test(test_legacy_files),
        cmocka_unit_test(test_legacy_heads), cmocka_unit_test(test_nesting), cmocka_unit_test(test_no_leftovers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
