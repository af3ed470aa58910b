/* The commands' entry points: each returns the program's exit code. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include "tool.h"

int run_animate(const Settings *s);
int run_edit(const Settings *s);
int run_edit_video(const Settings *s);
int run_sweep(const Settings *s);
int run_motion(const Settings *s);
int run_info(const Settings *s);
int run_devices(const Settings *s);
int run_bench(const Settings *s);

#endif
