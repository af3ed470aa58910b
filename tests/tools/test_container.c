/* The container's reader: what the writer wrote comes back; every kind of damage gets a sentence, checksum right or not. */
#define _POSIX_C_SOURCE 200809L /* fileno */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "container_write.h"
#include "core/hash.h"
#include "tools/tools.h"

static uint8_t *good; /* a small container: 2 optional and 3 required keys, 3 tensors */
static size_t good_size;

static const char *at(const char *name)
{
    return scratch("test_container", name);
}

static const uint64_t dims[3][4] = {{2, 3}, {5}, {1, 2, 2, 2}};

static void write_good(const char *path, const char *extra_key, uint32_t flags)
{
    LxWriter w = {0};
    LxLog log = {0};
    const int64_t size = 64, widths[] = {16, 8};
    const double vector[] = {0.5, -1};
    const char *family = "lia_x", *names[] = {"yaw", "", "pitch"};
    lx_writer_strings(&w, "family", LX_META_REQUIRED, &family, 1);
    lx_writer_i64s(&w, "size", LX_META_REQUIRED, &size, 1);
    lx_writer_i64s(&w, "widths", LX_META_REQUIRED, widths, 2);
    lx_writer_f64s(&w, "controls.vector", 0, vector, 2);
    lx_writer_strings(&w, "controls.name", 0, names, 3);
    if (extra_key) lx_writer_i64s(&w, extra_key, flags, widths, 2);
    lx_writer_fingerprint(&w);
    lx_writer_tensor(&w, "a.weight", LX_F32, 2, dims[0]);
    lx_writer_tensor(&w, "b", LX_F16, 1, dims[1]);
    lx_writer_tensor(&w, "c.long.name", LX_BF16, 4, dims[2]);
    LiaxStatus st = lx_writer_begin(&w, path, &log);
    const float values[8] = {1, -2, 0.5f, 3, -4, 8, 0, 100};
    static const size_t counts[] = {6, 5, 8};
    for (int i = 0; i < 3 && !st; i++) st = lx_writer_values(&w, values, counts[i], &log);
    if (!st) st = lx_writer_end(&w, &log);
    lx_writer_close(&w);
    if (st) fail_msg("%s", log.error);
}

static int set_up(void **state)
{
    (void)state;
    write_good(at("good.liax"), NULL, 0);
    good = load_file(at("good.liax"), &good_size);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    free(good);
    return 0;
}

static LiaxStatus open_bytes(LxContainer *c, const uint8_t *data, size_t size, LxLog *log)
{
    LxFile f;
    *log = (LxLog){0};
    lx_file_from_memory(&f, data, size, "x.liax");
    return lx_container_open(c, &f, NULL, log);
}

/* Reads everything that an opened container has. */
static void use(const LxContainer *c)
{
    LxLog log = {0};
    for (uint32_t i = 0; i < c->n_metas; i++)
        for (uint32_t k = 0; k < c->metas[i].count && k < 4; k++) lx_container_string(c, c->metas[i].key, k);
    for (uint32_t i = 0; i < c->n_tensors; i++) {
        assert_ptr_equal(lx_container_find(c, c->tensors[i].name), &c->tensors[i]);
        free(tensor_values(c, &c->tensors[i]));
        lx_container_verify(c, &c->tensors[i], &log);
    }
}

static void fix_checksum(uint8_t *data)
{
    const uint32_t n = get32(data + 12);
    memset(data + 32, 0, 4);
    if (n >= 64 && n <= good_size) put32(data + 32, lx_crc32(0, data, n));
}

static void test_round_trip(void **state)
{
    LxContainer c = open_container(at("good.liax"));
    LxLog log = {0};
    const LxTensorEntry *t;
    int64_t size;
    assert_int_equal(c.n_tensors, 3);
    assert_int_equal(lx_container_i64(&c, "size", &size, &log), LIAX_OK);
    assert_int_equal(size, 64);
    assert_string_equal(lx_container_string(&c, "controls.name", 2), "pitch");
    assert_string_equal(lx_container_string(&c, "controls.name", 3), "");
    assert_int_equal(strlen(lx_container_string(&c, "fingerprint", 0)), 64);
    assert_int_equal(lx_container_i64(&c, "widths", &size, &log), LIAX_E_FORMAT);
    assert_string_equal(strstr(log.error, "metadata"), "metadata widths has 2 values, expected 1");
    assert_int_equal(lx_container_i64(&c, "family", &size, &log), LIAX_E_FORMAT);
    assert_int_equal(lx_container_i64(&c, "none", &size, &log), LIAX_E_FORMAT);
    assert_int_equal(lx_container_expect(&c, "c.long.name", 4, dims[2], &t, &log), LIAX_OK);
    float part[3];
    assert_int_equal(lx_container_read_range(&c, t, 5, 3, part, &log), LIAX_OK);
    assert_true(part[0] == 8 && part[1] == 0 && part[2] == 100);
    assert_int_equal(lx_container_read_range(&c, t, 6, 3, part, &log), LIAX_E_ARG);
    assert_int_equal(lx_container_expect(&c, "b", 2, dims[0], &t, &log), LIAX_E_FORMAT);
    assert_string_equal(strstr(log.error, "tensor"), "tensor b: shape [5], expected [2,3]");
    assert_int_equal(lx_container_expect(&c, "d", 2, dims[0], &t, &log), LIAX_E_FORMAT);
    assert_string_equal(strstr(log.error, "tensor"), "tensor d is missing");
    lx_container_close(&c);
    lx_container_close(&c); /* a closed container is fine */
    (void)state;
}

static void test_truncation(void **state)
{
    LxContainer c;
    LxLog log;
    for (size_t n = 0; n < good_size; n++) {
        if (!open_bytes(&c, good, n, &log)) fail_msg("accepted %zu bytes of %zu", n, good_size);
        assert_true(log.error[0]);
    }
    uint8_t *longer = calloc(1, good_size + 64);
    memcpy(longer, good, good_size);
    assert_int_equal(open_bytes(&c, longer, good_size + 64, &log), LIAX_E_FORMAT);
    free(longer);
    (void)state;
}

static void test_header_bits(void **state)
{
    LxContainer c;
    LxLog log;
    const size_t n = get32(good + 12);
    for (size_t bit = 0; bit < 8 * n; bit++) {
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (!open_bytes(&c, good, good_size, &log)) fail_msg("accepted a change of bit %zu", bit);
        assert_true(log.error[0]);
        good[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    (void)state;
}

/* Offset in the header of tensor `index`'s entry, or of metadata entry `index`. */
static size_t entry_at(uint32_t index, int is_tensor)
{
    size_t p = 64;
    if (is_tensor) index += get32(good + 24);
    while (index--) p += get32(good + p);
    return p;
}

/* The good container with one field changed and the checksum made right again: must be refused. */
static void refuse_field(size_t offset, uint64_t value, int bytes, const char *expected)
{
    LxContainer c;
    LxLog log;
    uint8_t *data = malloc(good_size);
    memcpy(data, good, good_size);
    memcpy(data + offset, &value, (size_t)bytes);
    fix_checksum(data);
    if (!open_bytes(&c, data, good_size, &log)) fail_msg("accepted %llx at offset %zu", (unsigned long long)value, offset);
    if (!strstr(log.error, expected)) fail_msg("\"%s\", expected: %s", log.error, expected);
    free(data);
}

static void test_head_fields(void **state)
{
    refuse_field(0, 0x4d, 1, "its first 8 bytes");
    refuse_field(8, 2, 4, "container version 2, this library reads version 1");
    refuse_field(8, 0, 4, "container version 0");
    refuse_field(12, 0, 4, "header length");
    refuse_field(12, 63, 4, "header length");
    refuse_field(12, 64, 4, "does not fit");
    refuse_field(12, 0xffffffc0, 4, "header length");
    refuse_field(16, good_size + 64, 8, "its header says");
    refuse_field(16, UINT64_MAX, 8, "its header says");
    refuse_field(24, 0, 4, "");
    refuse_field(24, 0xffffffff, 4, "number of metadata");
    refuse_field(28, 0, 4, "unused bytes");
    refuse_field(28, 4, 4, "does not fit");
    refuse_field(28, 0xffffffff, 4, "number of tensors");
    refuse_field(40, 1, 1, "reserved byte");
    (void)state;
}

static void test_metadata_fields(void **state)
{
    const size_t p = entry_at(1, 0); /* size: one i64, required */
    refuse_field(p, 0, 4, "does not fit");
    refuse_field(p, 0xfffffff8, 4, "does not fit");
    refuse_field(p, get32(good + p) + 4, 4, "does not fit");
    refuse_field(p + 4, 9, 2, "unknown metadata type");
    refuse_field(p + 8, 0, 4, "metadata key");
    refuse_field(p + 8, 0xffffffff, 4, "metadata key");
    refuse_field(p + 8, 3, 4, "metadata key");
    refuse_field(p + 12, 2, 4, "values do not fit");
    refuse_field(p + 12, 0xffffffff, 4, "values do not fit");
    refuse_field(p + 16, 'x', 1, "needs a reader that knows the metadata xize");
    refuse_field(entry_at(4, 0) + 12, 99, 4, "values do not fit");
    (void)state;
}

static void test_tensor_fields(void **state)
{
    const size_t p = entry_at(0, 1);
    const uint64_t offset = get64(good + p + 32);
    refuse_field(p, 0, 4, "does not fit");
    refuse_field(p, 0x7ffffff8, 4, "does not fit");
    refuse_field(p + 4, 0, 4, "tensor name");
    refuse_field(p + 4, 0xffffffff, 4, "tensor name");
    refuse_field(p + 8, 3, 4, "unknown dtype 3");
    refuse_field(p + 12, 9, 4, "rank");
    refuse_field(p + 12, 0xffffffff, 4, "rank");
    refuse_field(p + 16, 1, 4, "unknown layout 1");
    refuse_field(p + 20, 0x7fc00000, 4, "scale");
    refuse_field(p + 28, 1, 4, "reserved");
    refuse_field(p + 32, offset + 64, 8, "expected at");
    refuse_field(p + 32, offset - 64, 8, "expected at");
    refuse_field(p + 32, 0, 8, "expected at");
    refuse_field(p + 32, UINT64_MAX - 63, 8, "expected at");
    refuse_field(p + 40, 20, 8, "do not match its shape");
    refuse_field(p + 40, UINT64_MAX, 8, "do not match its shape");
    refuse_field(p + 48, 0, 8, "do not match its shape");
    refuse_field(p + 48, (uint64_t)1 << 63, 8, "do not match its shape");
    refuse_field(entry_at(2, 1) + 48, ((uint64_t)1 << 61) + 1, 8, "do not match its shape"); /* times 8 is 8 modulo 2^64 */
    (void)state;
}

static void test_duplicates(void **state)
{
    LxContainer c;
    LxLog log;
    write_good(at("twice.liax"), "size", 0);
    size_t n;
    uint8_t *data = load_file(at("twice.liax"), &n);
    assert_int_equal(open_bytes(&c, data, n, &log), LIAX_E_FORMAT);
    assert_non_null(strstr(log.error, "metadata size is there twice"));
    free(data);

    LxWriter w = {0};
    lx_writer_tensor(&w, "same", LX_F32, 1, dims[1]);
    lx_writer_tensor(&w, "same", LX_F32, 1, dims[1]);
    const float values[5] = {0};
    assert_int_equal(lx_writer_begin(&w, at("same.liax"), &log), LIAX_OK);
    assert_int_equal(lx_writer_values(&w, values, 5, &log), LIAX_OK);
    assert_int_equal(lx_writer_values(&w, values, 5, &log), LIAX_OK);
    assert_int_equal(lx_writer_end(&w, &log), LIAX_OK);
    lx_writer_close(&w);
    data = load_file(at("same.liax"), &n);
    assert_int_equal(open_bytes(&c, data, n, &log), LIAX_E_FORMAT);
    assert_non_null(strstr(log.error, "tensor same is there twice"));
    free(data);
    (void)state;
}

static void test_unknown_keys(void **state)
{
    LxContainer c;
    LxLog log;
    size_t n;
    write_good(at("optional.liax"), "later.idea", 0);
    uint8_t *data = load_file(at("optional.liax"), &n);
    assert_int_equal(open_bytes(&c, data, n, &log), LIAX_OK);
    lx_container_close(&c);
    free(data);
    write_good(at("required.liax"), "later.idea", LX_META_REQUIRED);
    data = load_file(at("required.liax"), &n);
    assert_int_equal(open_bytes(&c, data, n, &log), LIAX_E_UNSUPPORTED);
    assert_non_null(strstr(log.error, "later.idea"));
    free(data);
    (void)state;
}

/* Random words anywhere in the header, checksum right: refused with a sentence, or safe to use. */
static void test_random_words(void **state)
{
    uint8_t *data = malloc(good_size);
    uint64_t r = 1;
    int refused = 0;
    for (int i = 0; i < 50000; i++) {
        memcpy(data, good, good_size);
        for (int k = 0; k < 1 + i % 3; k++) {
            r = r * 6364136223846793005u + 1442695040888963407u;
            const size_t offset = (size_t)(r >> 33) % (get32(good + 12) - 4);
            r = r * 6364136223846793005u + 1442695040888963407u;
            const uint32_t words[] = {0, 1, 0xffffffff, 0x80000000, (uint32_t)(r >> 40), (uint32_t)(r >> 56), get32(data + offset) + 8, (uint32_t)(r >> 32)};
            put32(data + offset, words[r >> 29 & 7]);
        }
        fix_checksum(data);
        LxContainer c;
        LxLog log;
        if (open_bytes(&c, data, good_size, &log)) {
            assert_true(log.error[0]);
            refused++;
        } else {
            use(&c);
            lx_container_close(&c);
        }
    }
    free(data);
    assert_true(refused > 25000);
    (void)state;
}

static void test_data_checksums(void **state)
{
    LxContainer c;
    LxLog log;
    for (uint32_t i = 0; i < 3; i++) {
        const size_t p = entry_at(i, 1), last = (size_t)(get64(good + p + 32) + get64(good + p + 40) - 1);
        good[last] ^= 1;
        assert_int_equal(open_bytes(&c, good, good_size, &log), LIAX_OK);
        for (uint32_t k = 0; k < 3; k++) assert_int_equal(lx_container_verify(&c, &c.tensors[k], &log), k == i ? LIAX_E_FORMAT : LIAX_OK);
        lx_container_close(&c);
        good[last] ^= 1;
    }
    (void)state;
}

static void test_scale(void **state)
{
    LxContainer c;
    LxLog log;
    uint8_t *data = malloc(good_size);
    memcpy(data, good, good_size);
    const float half = 0.5f;
    memcpy(data + entry_at(0, 1) + 20, &half, 4);
    fix_checksum(data);
    assert_int_equal(open_bytes(&c, data, good_size, &log), LIAX_OK);
    float *values = tensor_values(&c, &c.tensors[0]);
    assert_true(values[1] == -1 && values[5] == 4);
    free(values);
    lx_container_close(&c);
    free(data);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_truncation), cmocka_unit_test(test_header_bits), cmocka_unit_test(test_head_fields),
        cmocka_unit_test(test_metadata_fields), cmocka_unit_test(test_tensor_fields), cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_unknown_keys), cmocka_unit_test(test_random_words), cmocka_unit_test(test_data_checksums), cmocka_unit_test(test_scale)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
