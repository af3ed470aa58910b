/* What the tests of the public interface share (fixture.h). */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/golden.h"

char model_path[256];
LiaxModel *model;

LiaxImage rgb(uint8_t *bytes, int w, int h)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGB24, .width = w, .height = h, .planes = {bytes}};
}

Picture *driver(int which)
{
    Picture *p = calloc(1, sizeof *p);
    for (int i = 0; i < W * H * 3; i++) p->bytes[i] = (uint8_t)((i * 37 + which * i / 3 + which * 50) % 256);
    p->image = rgb(p->bytes, W, H);
    p->image.pts = 1000 + which;
    p->image.user = p;
    return p;
}

LiaxImage raw(float *to)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .format = LIAX_RGBF32, .width = S, .height = S, .planes = {to, to + S * S, to + 2 * S * S}};
}

LiaxSession *session(const LiaxSessionOptions *o)
{
    LiaxSession *s;
    assert_int_equal(liax_session_open(&s, model, o), LIAX_OK);
    return s;
}

LiaxSession *session_with_source(LiaxMode mode, int batch)
{
    LiaxSession *s = session(&(LiaxSessionOptions){.struct_size = sizeof(LiaxSessionOptions), .mode = mode, .max_batch = batch});
    Picture *p = driver(9);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    free(p);
    return s;
}

int open_group(void **state)
{
    (void)state;
    golden_convert("tiny-64", "pt");
    snprintf(model_path, sizeof model_path, "%s/tests/tiny-64-pt.liax", golden_build());
    return liax_model_open(&model, model_path, NULL);
}

int close_group(void **state)
{
    (void)state;
    liax_model_close(&model);
    return model != NULL;
}

void render_with(const LiaxModelOptions *o, float *out)
{
    LiaxModel *m;
    LiaxSession *s;
    Picture *p = driver(9);
    LiaxImage image = raw(out);
    assert_int_equal(liax_model_open(&m, model_path, o), LIAX_OK);
    assert_int_equal(liax_session_open(&s, m, NULL), LIAX_OK);
    assert_int_equal(liax_session_set_source(s, &p->image), LIAX_OK);
    assert_int_equal(liax_session_render(s, &image), LIAX_OK);
    free(p);
    liax_session_close(&s);
    liax_model_close(&m);
}
