/* One portrait moves as a stream of driving frames does; all pictures are raw RGB of 256 x 256, which FFmpeg reads and writes:
 *     ffmpeg -i driving.mp4 -s 256x256 -pix_fmt rgb24 -f rawvideo - | ./hello model.liax portrait.rgb >out.rgb */
#include <liax/liax.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    static unsigned char face[256 * 256 * 3], frame[sizeof face];
    LiaxImage portrait = {.struct_size = sizeof portrait, .width = 256, .height = 256, .planes = {face}};
    LiaxImage driving = {.struct_size = sizeof driving, .width = 256, .height = 256, .planes = {frame}};
    LiaxModel *model = NULL;
    LiaxSession *session = NULL;
    FILE *f = argc == 3 ? fopen(argv[2], "rb") : NULL;
    if (!f || fread(face, sizeof face, 1, f) != 1) return fprintf(stderr, "usage: hello MODEL PORTRAIT.rgb <driving.rgb >out.rgb\n"), 2;
    LiaxStatus st = liax_model_open(&model, argv[1], NULL);
    if (!st) st = liax_session_open(&session, model, NULL);
    if (!st) st = liax_session_set_source(session, &portrait);
    while (!st && fread(frame, sizeof frame, 1, stdin) == 1) {
        st = liax_animate_frame(session, &driving, &driving); /* the result takes the driving frame's place */
        if (!st) fwrite(frame, sizeof frame, 1, stdout);
    }
    if (st) fprintf(stderr, "hello: %s %s\n", liax_status_name(st), liax_session_error(session));
    liax_session_close(&session);
    liax_model_close(&model);
    return fclose(f) || st;
}
