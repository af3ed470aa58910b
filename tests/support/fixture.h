/* What the tests of the public interface share: the tiny-64 model, small pictures, sessions. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "liax/liax.h"

enum { S = 64, M = 8, W = 50, H = 38 }; /* of the model; of a picture */

/* A picture of the caller's with its memory. */
typedef struct Picture {
    LiaxImage image;
    uint8_t bytes[W * H * 4 * 3];
} Picture;

extern char model_path[256];
extern LiaxModel *model;

/** Group setup and teardown: converts and opens tiny-64. */
int open_group(void **state);
int close_group(void **state);

/** An RGB picture over the caller's bytes. */
LiaxImage rgb(uint8_t *bytes, int w, int h);

/** A picture of S x S floats: the network's own output, to[3*S*S]. */
LiaxImage raw(float *to);

/** A made-up driving frame; pts 1000 + which, user itself; freed with free. */
Picture *driver(int which);

LiaxSession *session(const LiaxSessionOptions *o);
LiaxSession *session_with_source(LiaxMode mode, int batch);

/** Open the model with options, draw the source, close everything: out[3*S*S]. */
void render_with(const LiaxModelOptions *o, float *out);

#endif
