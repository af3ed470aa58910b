/* Sentences for a human: to the host's log callback, and into the buffer that keeps the last error. */
#ifndef LX_LOG_H
#define LX_LOG_H

#include <stddef.h>

#include "compiler.h"
#include "liax/liax.h"

#define LX_SENTENCE 512

/* Zeroed memory is a valid log that keeps the last error only. `error` is always 0-terminated. */
typedef struct LxLog {
    void (*sink)(void *ctx, LiaxLogLevel level, const char *sentence);
    void *ctx;
    char error[LX_SENTENCE];
} LxLog;

/** Say why something failed, as one sentence without a final newline; returns `status`, so that a caller can return it. */
LiaxStatus lx_fail(LxLog *log, LiaxStatus status, const char *format, ...) LX_PRINTF(3, 4);

/** Say something that is no failure. */
void lx_say(LxLog *log, LiaxLogLevel level, const char *format, ...) LX_PRINTF(3, 4);

#endif
