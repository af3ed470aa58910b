/* The pickle machine (torch_pickle.h). Memory grows with the bytes read: each opcode adds at most one value and each
   value that is popped into a container one cell, so a short pickle cannot ask for much. */
#include "torch_pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MARK UINT32_MAX /* on the stack */
#define NOTHING UINT32_MAX

static LiaxStatus bad(LxPickle *p, size_t at, const char *what)
{
    return lx_fail(p->log, LIAX_E_FORMAT, "%s: pickle, offset %llu: %s", p->name, (unsigned long long)(p->base + at), what);
}

/* Room for one more element; 0 without memory. */
static int grow(void **array, uint32_t n, uint32_t *room, size_t size)
{
    if (n < *room) return 1;
    const uint32_t more = *room ? 2 * *room : 256;
    void *grown = more > *room ? realloc(*array, more * size) : NULL;
    if (!grown) return 0;
    *array = grown;
    *room = more;
    return 1;
}

static LiaxStatus no_memory(LxPickle *p)
{
    return lx_fail(p->log, LIAX_E_MEMORY, "%s: no memory for its pickle", p->name);
}

/* ---- stack and values */

static LiaxStatus push_number(LxPickle *p, uint32_t number)
{
    if (!grow((void **)&p->stack, p->n_stack, &p->stack_room, sizeof *p->stack)) return no_memory(p);
    p->stack[p->n_stack++] = number;
    return LIAX_OK;
}

static LiaxStatus push(LxPickle *p, LxValue v)
{
    if (!grow((void **)&p->values, p->n_values, &p->values_room, sizeof *p->values)) return no_memory(p);
    p->values[p->n_values++] = v;
    return push_number(p, p->n_values - 1);
}

/* The number of the value `depth` below the top; NOTHING if there is none. */
static uint32_t peek(const LxPickle *p, uint32_t depth)
{
    return depth < p->n_stack ? p->stack[p->n_stack - 1 - depth] : NOTHING; /* a mark is NOTHING, too */
}

static LiaxStatus append(LxPickle *p, uint32_t container, uint32_t item)
{
    if (!grow((void **)&p->cells, p->n_cells, &p->cells_room, sizeof *p->cells)) return no_memory(p);
    LxValue *v = &p->values[container];
    p->cells[p->n_cells++] = (LxCell){item, 0};
    if (v->last) p->cells[v->last - 1].next = p->n_cells;
    else v->first = p->n_cells;
    v->last = p->n_cells;
    v->n++;
    return LIAX_OK;
}

/* Pops everything from stack position `from` on into a container. */
static LiaxStatus pop_into(LxPickle *p, uint32_t container, uint32_t from)
{
    LiaxStatus st = LIAX_OK;
    for (uint32_t i = from; i < p->n_stack && !st; i++) st = append(p, container, p->stack[i]);
    p->n_stack = from;
    return st;
}

/* Stack position of the last mark; NOTHING if there is none. */
static uint32_t find_mark(const LxPickle *p)
{
    for (uint32_t i = p->n_stack; i-- > 0;)
        if (p->stack[i] == MARK) return i;
    return NOTHING;
}

const LxValue *lx_pickle_item(const LxPickle *p, const LxValue *v, uint32_t index)
{
    if (!v || (v->kind != LX_V_TUPLE && v->kind != LX_V_LIST) || index >= v->n) return NULL;
    uint32_t cell = v->first;
    while (index--) cell = p->cells[cell - 1].next;
    return &p->values[p->cells[cell - 1].value];
}

int lx_pickle_is_text(const LxValue *v, const char *text)
{
    return v && v->kind == LX_V_STRING && v->length == strlen(text) && !memcmp(v->text, text, v->length);
}

/* ---- opcodes */

static LiaxStatus op_global(LxPickle *p, size_t at)
{
    static const struct {
        const char *name;
        LxGlobal what;
    } known[] = {{"collections\nOrderedDict\n", LX_G_ORDERED_DICT},
                 {"torch._utils\n_rebuild_tensor_v2\n", LX_G_REBUILD_TENSOR},
                 {"torch._utils\n_rebuild_parameter\n", LX_G_REBUILD_PARAMETER}};
    const uint8_t *text = p->data + p->at, *end = p->data + p->size;
    const uint8_t *line = memchr(text, '\n', (size_t)(end - text));
    const uint8_t *last = line ? memchr(line + 1, '\n', (size_t)(end - line - 1)) : NULL;
    if (!last) return bad(p, at, "truncated in the name of a global");
    const size_t module = (size_t)(line - text), length = (size_t)(last - text) + 1;
    p->at += length;
    LxValue v = {.kind = LX_V_GLOBAL, .text = line + 1, .length = (uint32_t)(last - line - 1), .i = -1};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strlen(known[i].name) == length && !memcmp(known[i].name, text, length)) v.i = known[i].what;
    if (module == 5 && !memcmp(text, "torch", 5) && v.length > 7 && !memcmp(last - 7, "Storage", 7)) v.i = LX_G_STORAGE;
    if (v.i >= 0) return push(p, v);

    char name[120];
    snprintf(name, sizeof name, "%.*s.%.*s", (int)(module < 50 ? module : 50), text, (int)(v.length < 50 ? v.length : 50), line + 1);
    for (char *s = name; *s; s++)
        if ((unsigned char)*s < 33 || (unsigned char)*s > 126) *s = '?';
    return lx_fail(p->log, LIAX_E_UNSUPPORTED, "%s: pickle, offset %llu: global %s is none that a state_dict needs, and nothing is ever run",
                   p->name, (unsigned long long)(p->base + at), name);
}

static LiaxStatus op_reduce(LxPickle *p, size_t at)
{
    const uint32_t args = peek(p, 0), callable = peek(p, 1);
    if (args == NOTHING || callable == NOTHING || p->values[args].kind != LX_V_TUPLE || p->values[callable].kind != LX_V_GLOBAL)
        return bad(p, at, "REDUCE without a global and a tuple");
    const uint32_t n = p->values[args].n;
    p->n_stack -= 2;
    switch ((LxGlobal)p->values[callable].i) {
    case LX_G_ORDERED_DICT:
        return n ? bad(p, at, "OrderedDict with arguments") : push(p, (LxValue){.kind = LX_V_DICT});
    case LX_G_REBUILD_TENSOR:
        return n < 4 ? bad(p, at, "_rebuild_tensor_v2 with fewer than 4 arguments") : push(p, (LxValue){.kind = LX_V_TENSOR, .i = args});
    case LX_G_REBUILD_PARAMETER:
        return n < 1 ? bad(p, at, "_rebuild_parameter without arguments") : push_number(p, p->cells[p->values[args].first - 1].value);
    case LX_G_STORAGE: break;
    }
    return bad(p, at, "a storage type is called");
}

static LiaxStatus op_persid(LxPickle *p, size_t at)
{
    const uint32_t id = peek(p, 0);
    const LxValue *v = id == NOTHING ? NULL : &p->values[id], *type = lx_pickle_item(p, v, 1);
    if (!v || v->kind != LX_V_TUPLE || !lx_pickle_is_text(lx_pickle_item(p, v, 0), "storage") || v->n < 5 || type->kind != LX_V_GLOBAL ||
        type->i != LX_G_STORAGE)
        return bad(p, at, "a persistent id that is no storage");
    p->n_stack--;
    return push(p, (LxValue){.kind = LX_V_STORAGE, .i = id});
}

/* A new container from the values above the last mark. */
static LiaxStatus op_tuple_from_mark(LxPickle *p, size_t at)
{
    const uint32_t mark = find_mark(p);
    if (mark == NOTHING) return bad(p, at, "TUPLE without a mark");
    LiaxStatus st = push(p, (LxValue){.kind = LX_V_TUPLE});
    if (st) return st;
    const uint32_t tuple = p->stack[--p->n_stack];
    st = pop_into(p, tuple, mark + 1);
    p->n_stack = mark;
    return st ? st : push_number(p, tuple);
}

static LiaxStatus op_small_tuple(LxPickle *p, uint32_t n, size_t at)
{
    for (uint32_t i = 0; i < n; i++)
        if (peek(p, i) == NOTHING) return bad(p, at, "a tuple of more than is on the stack");
    LiaxStatus st = push(p, (LxValue){.kind = LX_V_TUPLE});
    if (st) return st;
    const uint32_t tuple = p->stack[--p->n_stack];
    st = pop_into(p, tuple, p->n_stack - n);
    return st ? st : push_number(p, tuple);
}

/* Adds the values from stack position `from` on to the container below them (and below the mark). */
static LiaxStatus op_fill(LxPickle *p, LxValueKind kind, uint32_t from, int has_mark, size_t at)
{
    const uint32_t below = (uint32_t)has_mark + 1;
    if (from == NOTHING || from < below || p->stack[from - below] == MARK || p->values[p->stack[from - below]].kind != kind)
        return bad(p, at, kind == LX_V_DICT ? "items for what is no dict" : "items for what is no list");
    if (kind == LX_V_DICT && (p->n_stack - from) % 2) return bad(p, at, "a dict key without a value");
    for (uint32_t i = from; i < p->n_stack; i++)
        if (p->stack[i] == MARK) return bad(p, at, "a mark among items");
    const LiaxStatus st = pop_into(p, p->stack[from - below], from);
    p->n_stack = from - (uint32_t)has_mark;
    return st;
}

static LiaxStatus op_put(LxPickle *p, uint32_t index, size_t at)
{
    const uint32_t top = peek(p, 0);
    if (top == NOTHING) return bad(p, at, "nothing to remember");
    if (index > p->n_values) return bad(p, at, "a memo number beyond the number of values");
    while (p->n_memo <= index) {
        if (!grow((void **)&p->memo, p->n_memo, &p->memo_room, sizeof *p->memo)) return no_memory(p);
        p->memo[p->n_memo++] = 0;
    }
    p->memo[index] = top + 1;
    return LIAX_OK;
}

static LiaxStatus op_get(LxPickle *p, uint32_t index, size_t at)
{
    if (index >= p->n_memo || !p->memo[index]) return bad(p, at, "a memo number that was never set");
    return push_number(p, p->memo[index] - 1);
}

static LiaxStatus op_long(LxPickle *p, const uint8_t *bytes, uint32_t n)
{
    if (n > 8) return push(p, (LxValue){.kind = LX_V_LONG, .text = bytes, .length = n});
    uint64_t v = n && bytes[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (uint32_t i = n; i-- > 0;) v = v << 8 | bytes[i];
    int64_t i;
    memcpy(&i, &v, 8);
    return push(p, (LxValue){.kind = LX_V_INT, .i = i});
}

/* Little-endian argument of n bytes. */
static uint32_t argument(const uint8_t *a, uint32_t n)
{
    uint32_t v = 0;
    for (uint32_t i = n; i-- > 0;) v = v << 8 | a[i];
    return v;
}

/* Bytes of the fixed argument of an opcode; -1: unknown. */
static int argument_bytes(uint8_t op)
{
    switch (op) {
    case 0x80: case 'q': case 'h': case 'K': case 0x8a: return 1;
    case 'M': return 2;
    case 'r': case 'j': case 'X': case 'J': return 4;
    case 'G': return 8;
    case '.': case '(': case 'c': case 'R': case 'b': case 'Q': case '}': case ']': case ')': case 't': case 0x85: case 0x86: case 0x87:
    case 's': case 'u': case 'a': case 'e': case 'N': case 0x88: case 0x89: return 0;
    default: return -1;
    }
}

/* Opcodes that only push a value that the argument `a` or the bytes after it hold. */
static LiaxStatus push_scalar(LxPickle *p, uint8_t op, const uint8_t *a, size_t at)
{
    const uint32_t length = op == 'X' ? argument(a, 4) : op == 0x8a ? a[0] : 0;
    if (length > p->size - p->at) return bad(p, at, "truncated string or number");
    const uint8_t *bytes = p->data + p->at;
    p->at += length;
    switch (op) {
    case 'X': return push(p, (LxValue){.kind = LX_V_STRING, .text = bytes, .length = length});
    case 0x8a: return op_long(p, bytes, length);
    case 'K': return push(p, (LxValue){.kind = LX_V_INT, .i = a[0]});
    case 'M': return push(p, (LxValue){.kind = LX_V_INT, .i = argument(a, 2)});
    case 'J': return op_long(p, a, 4);
    case 'G': return push(p, (LxValue){.kind = LX_V_FLOAT});
    case 'N': return push(p, (LxValue){.kind = LX_V_NONE});
    default: return push(p, (LxValue){.kind = LX_V_BOOL, .i = op == 0x88});
    }
}

static LiaxStatus step(LxPickle *p, uint8_t op, const uint8_t *a, size_t at)
{
    const uint32_t mark = op == 'u' || op == 'e' ? find_mark(p) : NOTHING;
    switch (op) {
    case 0x80: return a[0] >= 2 && a[0] <= 5 ? LIAX_OK : bad(p, at, "unknown protocol");
    case '(': return push_number(p, MARK);
    case 'c': return op_global(p, at);
    case 'R': return op_reduce(p, at);
    case 'Q': return op_persid(p, at);
    case '}': return push(p, (LxValue){.kind = LX_V_DICT});
    case ']': return push(p, (LxValue){.kind = LX_V_LIST});
    case ')': return push(p, (LxValue){.kind = LX_V_TUPLE});
    case 't': return op_tuple_from_mark(p, at);
    case 0x85: case 0x86: case 0x87: return op_small_tuple(p, op - 0x84u, at);
    case 's': return op_fill(p, LX_V_DICT, p->n_stack >= 2 ? p->n_stack - 2 : NOTHING, 0, at);
    case 'a': return op_fill(p, LX_V_LIST, p->n_stack >= 1 ? p->n_stack - 1 : NOTHING, 0, at);
    case 'u': return op_fill(p, LX_V_DICT, mark == NOTHING ? NOTHING : mark + 1, 1, at);
    case 'e': return op_fill(p, LX_V_LIST, mark == NOTHING ? NOTHING : mark + 1, 1, at);
    case 'q': return op_put(p, a[0], at);
    case 'r': return op_put(p, argument(a, 4), at);
    case 'h': return op_get(p, a[0], at);
    case 'j': return op_get(p, argument(a, 4), at);
    case 'b': /* the state of an object says nothing of its tensors */
        if (peek(p, 0) == NOTHING || peek(p, 1) == NOTHING) return bad(p, at, "BUILD without an object and a state");
        p->n_stack--;
        return LIAX_OK;
    default: return push_scalar(p, op, a, at);
    }
}

LiaxStatus lx_pickle_run(LxPickle *p)
{
    for (;;) {
        const size_t at = p->at;
        if (at >= p->size) return bad(p, at, "truncated, expected STOP");
        const uint8_t op = p->data[p->at++];
        const int bytes = argument_bytes(op);
        if (bytes < 0)
            return lx_fail(p->log, LIAX_E_FORMAT, "%s: pickle, offset %llu: unknown opcode 0x%02x", p->name, (unsigned long long)(p->base + at), op);
        if ((size_t)bytes > p->size - p->at) return bad(p, at, "truncated opcode");
        const uint8_t *a = p->data + p->at;
        p->at += (size_t)bytes;
        if (op == '.') {
            p->root = peek(p, 0);
            return p->n_stack == 1 && p->root != NOTHING ? LIAX_OK : bad(p, at, "STOP without exactly one value");
        }
        const LiaxStatus st = step(p, op, a, at);
        if (st) return st;
    }
}

void lx_pickle_close(LxPickle *p)
{
    free(p->values);
    free(p->cells);
    free(p->stack);
    free(p->memo);
    *p = (LxPickle){0};
}
