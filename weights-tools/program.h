/* What the three tools share: arguments, sentences on stderr, progress with an estimate, a clean Ctrl-C, exit codes. */
#ifndef LX_PROGRAM_H
#define LX_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/half.h"
#include "core/log.h"

#define LX_EXIT_FAILED 1
#define LX_EXIT_USAGE 2
#define LX_EXIT_STOPPED 130

#define LX_LICENSE_NOTICE "The released LIA-X weights are CC BY-NC 4.0."

/* One option: `--name VALUE` or `--name=VALUE` sets *value, a bare `--name` sets *flag; one of the two is NULL. */
typedef struct LxOption {
    const char *name;
    const char **value;
    int *flag;
} LxOption;

/* What a tool accepts; `help` is printed by --help, its first line with every usage error. */
typedef struct LxUsage {
    const char *tool;
    const char *help;
    const LxOption *options;
    size_t n_options;
    const char **files; /* receives the arguments that are no options */
    size_t n_files;     /* how many there must be */
} LxUsage;

/** Read the arguments. -1: go on; otherwise the exit status (--help, --version, usage errors). */
int lx_tool_arguments(const LxUsage *usage, int argc, char **argv);

/** A usage error: one sentence on stderr; returns LX_EXIT_USAGE. */
int lx_tool_usage(const LxUsage *usage, const char *format, ...) LX_PRINTF(2, 3);

/** A log whose sentences go to stderr, with the tool's name before them. */
LxLog lx_tool_log(const char *tool);

/** From now on Ctrl-C and the like only make lx_tool_check fail, so that the tool can remove what it was writing. */
void lx_tool_catch_signals(void);

/** LIAX_OK, or LIAX_E_CANCELLED with a sentence after Ctrl-C. */
LiaxStatus lx_tool_check(LxLog *log);

/** The exit status of a tool that ended with `status`. */
int lx_tool_exit(LiaxStatus status);

/* A line on stderr with the share done and the time left: on a terminal only. Zeroed memory shows nothing. */
typedef struct LxProgress {
    const char *what;
    uint64_t total, done;
    double began, shown; /* seconds */
    int on;
} LxProgress;

void lx_progress_begin(LxProgress *p, const char *what, uint64_t total);
void lx_progress_add(LxProgress *p, uint64_t done);
void lx_progress_end(LxProgress *p);

/** The last part of a path, after the last slash. */
const char *lx_base_name(const char *path);

/** Whether a path ends in `end`. */
int lx_ends_in(const char *path, const char *end);

/** A whole number from `least` to `most`; 0 if the text is anything else. */
int lx_parse_number(const char *text, int64_t least, int64_t most, int64_t *value);

/** "f32", "f16" or "bf16"; 0 if the text is anything else. */
int lx_parse_dtype(const char *text, LxDtype *dtype);

#endif
