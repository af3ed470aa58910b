/* The helper of the tests of liax: makes input files, and tells what output files hold. Each returns the exit code. */
#ifndef PROBE_H
#define PROBE_H

int probe_make_video(int argc, char **argv);
int probe_show(int argc, char **argv);
int probe_encoder(int argc, char **argv);
int probe_make_picture(int argc, char **argv);
int probe_make_gradient(int argc, char **argv);
int probe_blocks(int argc, char **argv);
int probe_pixel(int argc, char **argv);
int probe_npy(int argc, char **argv);
int probe_png_npy(int argc, char **argv);
int probe_patch_motion(int argc, char **argv);
int probe_rss(int argc, char **argv);

#endif
