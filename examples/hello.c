/*
 * The smallest program: one portrait and one driving picture in, the portrait in the driver's motion out. The pictures
 * are P6 PPM files, which any picture tool writes.
 *
 *     cc hello.c $(pkg-config --cflags --libs liax) -o hello
 *     ./hello model.liax portrait.ppm driving.ppm out.ppm
 */
#include <liax/liax.h>
#include <stdio.h>
#include <stdlib.h>

static LiaxImage read_ppm(const char *path)
{
    LiaxImage p = {.struct_size = sizeof p};
    FILE *f = fopen(path, "rb");
    const int ok = f && fscanf(f, "P6 %5d %5d 255%*c", &p.width, &p.height) == 2 && p.width > 0 && p.height > 0;
    const size_t size = ok ? (size_t)p.width * (size_t)p.height * 3 : 0;
    if (ok && (p.planes[0] = malloc(size)) && fread(p.planes[0], 1, size, f) == size) return fclose(f), p;
    fprintf(stderr, "%s: not an 8-bit P6 PPM without comments\n", path);
    exit(1);
}

static int write_ppm(const char *path, const LiaxImage *p)
{
    FILE *f = fopen(path, "wb");
    if (f) fprintf(f, "P6 %d %d 255\n", p->width, p->height);
    if (f) fwrite(p->planes[0], 3, (size_t)p->width * (size_t)p->height, f);
    if (f && !ferror(f) && !fclose(f)) return 0;
    perror(path);
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 5) return fprintf(stderr, "usage: hello MODEL PORTRAIT.ppm DRIVING.ppm OUT.ppm\n"), 2;
    char error[256] = "";
    LiaxModelOptions options = {.struct_size = sizeof options, .error = error, .error_size = sizeof error};
    LiaxSessionOptions absolute = {.struct_size = sizeof absolute, .mode = LIAX_ABSOLUTE};
    LiaxModel *model = NULL;
    LiaxSession *session = NULL;
    LiaxImage portrait = read_ppm(argv[2]), driving = read_ppm(argv[3]), out = portrait;
    out.planes[0] = malloc((size_t)out.width * (size_t)out.height * 3);

    LiaxStatus st = liax_model_open(&model, argv[1], &options);
    if (!st) st = liax_session_open(&session, model, &absolute);
    if (!st) st = liax_session_set_source(session, &portrait);
    if (!st) st = liax_animate_frame(session, &driving, &out);

    if (st) fprintf(stderr, "%s\n", *error ? error : session ? liax_session_error(session) : liax_status_name(st));
    else st = write_ppm(argv[4], &out);
    liax_session_close(&session);
    liax_model_close(&model);
    free(portrait.planes[0]);
    free(driving.planes[0]);
    free(out.planes[0]);
    return st ? 1 : 0;
}
