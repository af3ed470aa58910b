/* Opening, describing and closing a model. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "structs.h"

/* What a caller's options come to. */
static LiaxStatus read_options(LiaxModelOptions *out, const LiaxModelOptions *given)
{
    *out = (LiaxModelOptions){0};
    if (given && !lx_struct_in(out, sizeof *out, given)) return LIAX_E_ARG;
    if (out->error && out->error_size) out->error[0] = 0;
    return !out->allocator.alloc == !out->allocator.free ? LIAX_OK : LIAX_E_ARG;
}

static void count_parameters(LiaxModel *m)
{
    int used[3] = {0};
    for (uint32_t i = 0; i < m->container.n_tensors; i++) {
        m->parameters += (int64_t)m->container.tensors[i].count;
        if (strcmp(m->container.tensors[i].name, "dec.direction.Q")) used[m->container.tensors[i].dtype] = 1; /* Q is f32 always */
    }
    m->dtype = used[LX_F32] + used[LX_F16] + used[LX_BF16] > 1 ? "mixed" : used[LX_F16] ? "f16" : used[LX_BF16] ? "bf16" : "f32";
}

/* ---- the network on a device */

static void drop_network(LiaxModel *m, LxNetwork *n)
{
    if (!n->device) return;
    void *const before = n->device->backend->enter(n->device);
    if (n->weights) m->family->unbind(&n->weights, n->device);
    n->device->backend->leave(n->device, before);
    lx_device_close(&n->device);
}

/* Weights for the device that n has; `o` has the progress callback, or is NULL. */
static LiaxStatus bind(LiaxModel *m, LxNetwork *n, const LiaxModelOptions *o, LxLog *log)
{
    LxDevice *d = n->device;
    LxBind b = {.file = &m->container, .device = d, .log = log, .progress = o ? o->progress : NULL, .progress_ctx = o ? o->progress_ctx : NULL,
                .floats_total = m->parameters};
    void *const before = d->backend->enter(d);
    LiaxStatus st = m->family->bind(&n->weights, &b, &m->sizes);
    lx_bind_end(&b);
    if (!st) st = d->backend->wait(d, d->stream, log);
    d->backend->leave(d, before);
    return st;
}

static int is_auto(const LiaxModelOptions *o)
{
    return !o->device || strcmp(o->device, "auto") == 0;
}

/* "auto" falls back to the CPU if the best device has no room for the model, or fails while it is loaded. */
static LiaxStatus open_network(LiaxModel *m, const LiaxModelOptions *o)
{
    LiaxStatus st = lx_device_open(&m->opened.device, o, m->pool, &m->alloc, &m->log);
    if (st) return st;
    const int falls_back = is_auto(o) && !lx_device_is_host(m->opened.device);
    LxLog quiet = {0};
    st = bind(m, &m->opened, o, falls_back ? &quiet : &m->log);
    if (!st) return LIAX_OK;
    drop_network(m, &m->opened);
    if (!falls_back) return st;
    if (st != LIAX_E_MEMORY && st != LIAX_E_DEVICE) return lx_fail(&m->log, st, "%s", quiet.error);
    lx_say(&m->log, LIAX_LOG_WARNING, "computing on the CPU: %s", quiet.error);
    LiaxModelOptions cpu = *o;
    cpu.device = "cpu";
    return open_network(m, &cpu);
}

const LxNetwork *lx_model_network(const LiaxModel *m)
{
    return atomic_load(&m->is_wide) ? &m->wide : &m->opened;
}

LiaxStatus lx_model_widen(LiaxModel *m, const LxNetwork **out, LxLog *log)
{
    *out = &m->wide;
    pthread_mutex_lock(&m->widening);
    LiaxStatus st = LIAX_OK;
    if (!atomic_load(&m->is_wide)) {
        st = lx_device_reopen(&m->wide.device, m->opened.device, LIAX_PRECISION_F32, log);
        if (!st) st = bind(m, &m->wide, NULL, log);
        if (st) drop_network(m, &m->wide);
        else atomic_store(&m->is_wide, 1);
    }
    pthread_mutex_unlock(&m->widening);
    return st;
}

/* ---- opening */

/* From an open file, which is taken over. */
static LiaxStatus open_model(LiaxModel *m, LxFile *file, const LiaxModelOptions *o)
{
    LiaxStatus st = lx_container_open(&m->container, file, &m->alloc, &m->log);
    if (!st) st = lx_family_find(&m->family, &m->container, &m->log);
    if (!st) st = m->family->sizes(&m->sizes, &m->container, &m->log);
    if (!st) st = lx_control_set_read(&m->controls, &m->container, m->sizes.motions, &m->alloc, &m->log);
    if (!st) st = lx_pool_open(&m->pool, o, &m->alloc, &m->log);
    if (st) return st;
    count_parameters(m);
    st = open_network(m, o);
    if (!st && m->opened.device->storage == LX_F32) lx_file_close(&m->container.file); /* only its metadata are needed from here on */
    m->container.file.name = "the model's file"; /* the path was the caller's */
    return st;
}

/* A model with nothing but its log and allocator. */
static LiaxModel *new_model(const LiaxModelOptions *o)
{
    const LiaxAllocator a = lx_allocator(&o->allocator);
    LiaxModel *m = lx_alloc_zero(&a, sizeof *m);
    if (!m) return NULL;
    m->alloc = a;
    m->log.sink = o->log;
    m->log.ctx = o->log_ctx;
    atomic_init(&m->is_wide, 0);
    pthread_mutex_init(&m->widening, NULL);
    return m;
}

/* The sentence goes to the caller, who has no object to ask. */
static LiaxStatus finish_open(LiaxModel **out, LiaxModel *m, LiaxStatus st, const LiaxModelOptions *o)
{
    if (st && o->error && o->error_size) snprintf(o->error, o->error_size, "%s", m->log.error);
    if (st) liax_model_close(&m);
    *out = m;
    return st;
}

static LiaxStatus no_memory(const LiaxModelOptions *o)
{
    if (o->error && o->error_size) snprintf(o->error, o->error_size, "out of memory for a model");
    return LIAX_E_MEMORY;
}

LiaxStatus liax_model_open(LiaxModel **out, const char *path, const LiaxModelOptions *options)
{
    if (!out) return LIAX_E_ARG;
    *out = NULL;
    LiaxModelOptions o;
    LiaxStatus st = read_options(&o, options);
    if (!path) st = LIAX_E_ARG;
    if (st) return st;
    LiaxModel *m = new_model(&o);
    if (!m) return no_memory(&o);
    LxFile file = {0};
    st = lx_file_open(&file, path, &m->log);
    if (!st) st = open_model(m, &file, &o);
    return finish_open(out, m, st, &o);
}

LiaxStatus liax_model_open_memory(LiaxModel **out, const void *data, size_t size, const LiaxModelOptions *options)
{
    if (!out) return LIAX_E_ARG;
    *out = NULL;
    LiaxModelOptions o;
    LiaxStatus st = read_options(&o, options);
    if (!data) st = LIAX_E_ARG;
    if (st) return st;
    LiaxModel *m = new_model(&o);
    if (!m) return no_memory(&o);
    LxFile file;
    lx_file_from_memory(&file, data, size, "model in memory");
    st = open_model(m, &file, &o);
    return finish_open(out, m, st, &o);
}

void liax_model_close(LiaxModel **model)
{
    if (!model || !*model) return;
    LiaxModel *m = *model;
    *model = NULL;
    drop_network(m, &m->wide);
    drop_network(m, &m->opened);
    pthread_mutex_destroy(&m->widening);
    lx_pool_close(&m->pool);
    lx_control_set_drop(&m->controls, &m->alloc);
    lx_container_close(&m->container);
    const LiaxAllocator a = m->alloc;
    lx_free(&a, m, sizeof *m);
}

LiaxStatus liax_model_info(const LiaxModel *model, LiaxModelInfo *out)
{
    if (!model || !out) return LIAX_E_ARG;
    static const char *const precisions[] = {"auto", "f32", "bf16", "f16"};
    const LxContainer *c = &model->container;
    const LxDevice *d = lx_model_network(model)->device;
    LiaxModelInfo info = {
        .family = model->family->name, .size = model->sizes.size, .motions = model->sizes.motions, .n_widths = model->sizes.n_widths,
        .n_controls = model->controls.n, .parameters = model->parameters, .dtype = model->dtype,
        .precision = precisions[d->precision], .device = d->id, .level = d->level,
        .threads = lx_pool_slots(model->pool), .license = lx_container_string(c, "license", 0), .source = lx_container_string(c, "source", 0),
        .fingerprint = lx_container_string(c, "fingerprint", 0), .memory_bytes = (int64_t)d->weight_bytes};
    for (int i = 0; i < info.n_widths; i++) info.widths[i] = model->sizes.widths[i];
    return lx_struct_out(out, &info, sizeof info) ? LIAX_OK : LIAX_E_ARG;
}

LiaxStatus liax_model_control(const LiaxModel *model, int32_t index, LiaxControl *out)
{
    if (!model || !out || index < 0 || index >= model->controls.n) return LIAX_E_ARG;
    const LxControlSet *c = &model->controls;
    const LiaxControl control = {
        .name = lx_container_string(c->container, "controls.name", (uint32_t)index),
        .note = lx_container_string(c->container, "controls.note", (uint32_t)index), .min = c->min[index], .max = c->max[index],
        .one_sided = lx_control_set_one_sided(c, index), .vector = c->vectors + (size_t)index * (size_t)c->motions};
    return lx_struct_out(out, &control, sizeof control) ? LIAX_OK : LIAX_E_ARG;
}

LiaxStatus liax_model_peak(const LiaxModel *model, double *gflops)
{
    if (!model || !gflops) return LIAX_E_ARG;
    LxDevice *d = lx_model_network(model)->device;
    void *const before = d->backend->enter(d);
    *gflops = d->backend->peak(d);
    d->backend->leave(d, before);
    return LIAX_OK;
}
