/* liax-inspect: what is inside a .liax file; with --verify, whether it is intact. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "program.h"

static const char help[] =
    "usage: liax-inspect FILE.liax [--verify] [--json]\n"
    "\n"
    "Prints metadata, controls and the table of tensors.\n"
    "\n"
    "  --verify  read all data and compare the checksums; exit status 1 if any differs\n"
    "  --json    one JSON object on stdout\n"
    "  --help, --version\n";

static json_t *meta_json(const LxMeta *m)
{
    json_t *list = json_array();
    const char *s = m->values;
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->type == LX_META_I64) json_array_append_new(list, json_integer(((const int64_t *)m->values)[i]));
        if (m->type == LX_META_F64) json_array_append_new(list, json_real(((const double *)m->values)[i]));
        if (m->type != LX_META_STRING) continue;
        json_t *text = json_string(s);
        json_array_append_new(list, text ? text : json_null()); /* null: no UTF-8 */
        s += strlen(s) + 1;
    }
    return list;
}

static json_t *tensor_json(const LxTensorEntry *t)
{
    char crc[16];
    snprintf(crc, sizeof crc, "%08x", t->crc);
    json_t *shape = json_array();
    for (uint32_t i = 0; i < t->rank; i++) json_array_append_new(shape, json_integer((json_int_t)t->dims[i]));
    return json_pack("{s:s, s:s, s:o, s:I, s:I, s:f, s:s}", "name", t->name, "dtype", lx_dtype_name(t->dtype),
                     "shape", shape, "offset", (json_int_t)t->offset, "bytes", (json_int_t)t->bytes, "scale", (double)t->scale, "crc32", crc);
}

static LiaxStatus print_json(const LxContainer *c, int verified, LxLog *log)
{
    json_t *metadata = json_object(), *tensors = json_array();
    for (uint32_t i = 0; i < c->n_metas; i++) json_object_set_new(metadata, c->metas[i].key, meta_json(&c->metas[i]));
    for (uint32_t i = 0; i < c->n_tensors; i++) json_array_append_new(tensors, tensor_json(&c->tensors[i]));
    json_t *root = json_pack("{s:i, s:I, s:b, s:o, s:o}", "version", LX_CONTAINER_VERSION, "bytes", (json_int_t)c->file.size, "verified",
                             verified, "metadata", metadata, "tensors", tensors);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    if (!text) return lx_fail(log, LIAX_E_MEMORY, "%s: cannot be told in JSON", c->file.name);
    puts(text);
    free(text);
    return LIAX_OK;
}

/* A name as it can be printed: control characters could speak to a terminal. */
static void print_text(const char *s)
{
    for (; *s; s++) putchar((unsigned char)*s < 32 || *s == 127 ? '?' : *s);
}

static void print_meta(const LxMeta *m)
{
    const char *s = m->values;
    print_text(m->key);
    printf(":");
    for (uint32_t i = 0; i < m->count; i++) {
        if (m->type == LX_META_I64) printf(" %" PRId64, ((const int64_t *)m->values)[i]);
        if (m->type == LX_META_F64) printf(" %g", ((const double *)m->values)[i]);
        if (m->type != LX_META_STRING) continue;
        printf(" ");
        print_text(s);
        s += strlen(s) + 1;
    }
    printf("\n");
}

/* One line for each control: name, range, vector, note. */
static void print_controls(const LxContainer *c, LxLog *log)
{
    const double *min, *max, *vector;
    const int64_t *one_sided;
    uint32_t n = lx_container_count(c, "controls.name"), n_min, n_max, n_sided, n_vector;
    if (!n || lx_container_f64s(c, "controls.min", &min, &n_min, log) || lx_container_f64s(c, "controls.max", &max, &n_max, log) ||
        lx_container_i64s(c, "controls.one_sided", &one_sided, &n_sided, log) ||
        lx_container_f64s(c, "controls.vector", &vector, &n_vector, log) || n_min != n || n_max != n || n_sided != n || n_vector % n)
        return;
    printf("\n%-20s %7s %7s  motions\n", "control", "min", "max");
    for (uint32_t i = 0; i < n; i++) {
        print_text(lx_container_string(c, "controls.name", i));
        printf("%*s", (int)(21 - strlen(lx_container_string(c, "controls.name", i)) % 21), "");
        printf("%7g %7g ", min[i], max[i]);
        for (uint32_t k = 0; k < n_vector / n; k++)
            if (vector[i * (n_vector / n) + k] != 0) printf(" %u:%g", k, vector[i * (n_vector / n) + k]);
        printf("%s  ", one_sided[i] ? "  one-sided" : "");
        print_text(lx_container_string(c, "controls.note", i));
        printf("\n");
    }
}

static void print_tables(const LxContainer *c, LxLog *log)
{
    uint64_t parameters = 0;
    for (uint32_t i = 0; i < c->n_metas; i++)
        if (strncmp(c->metas[i].key, "controls.", 9)) print_meta(&c->metas[i]);
    print_controls(c, log);
    printf("\n%-48s %-5s %-22s %12s %12s  crc32\n", "tensor", "dtype", "shape", "offset", "bytes");
    for (uint32_t i = 0; i < c->n_tensors; i++) {
        const LxTensorEntry *t = &c->tensors[i];
        char shape[256];
        lx_shape_text(shape, sizeof shape, t->rank, t->dims);
        print_text(t->name);
        printf("%*s %-5s %-22s %12" PRIu64 " %12" PRIu64 "  %08x\n", (int)(48 - strlen(t->name) % 48), "", lx_dtype_name(t->dtype), shape,
               t->offset, t->bytes, t->crc);
        parameters += t->count;
    }
    printf("\n%u tensors, %" PRIu64 " numbers, %" PRIu64 " bytes\n", c->n_tensors, parameters, c->file.size);
}

/* Every checksum; the first failure is what counts, all of them are told. */
static LiaxStatus verify(const LxContainer *c, LxLog *log)
{
    LiaxStatus st = LIAX_OK;
    LxProgress progress;
    lx_progress_begin(&progress, "verifying", c->file.size);
    for (uint32_t i = 0; i < c->n_tensors; i++) {
        const LiaxStatus one = lx_container_verify(c, &c->tensors[i], log);
        if (!st) st = one;
        lx_progress_add(&progress, c->tensors[i].bytes);
    }
    lx_progress_end(&progress);
    return st;
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    int with_verify = 0, json = 0;
    const LxOption options[] = {{"verify", NULL, &with_verify}, {"json", NULL, &json}};
    const LxUsage usage = {"liax-inspect", help, options, sizeof options / sizeof *options, &path, 1};
    const int status = lx_tool_arguments(&usage, argc, argv);
    if (status >= 0) return status;

    LxLog log = lx_tool_log("liax-inspect");
    LxFile file;
    LxContainer c;
    LiaxStatus st = lx_file_open(&file, path, &log);
    if (!st) st = lx_container_open(&c, &file, NULL, &log);
    if (st) return lx_tool_exit(st);
    if (with_verify) st = verify(&c, &log);
    if (json && !st) st = print_json(&c, with_verify, &log);
    if (!json) print_tables(&c, &log);
    if (!json && with_verify && !st) printf("all checksums are right\n");
    lx_container_close(&c);
    return lx_tool_exit(st);
}
