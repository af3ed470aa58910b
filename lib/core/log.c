/* Sentences for a human (log.h). */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>

LiaxStatus lx_fail(LxLog *log, LiaxStatus status, const char *format, ...)
{
    char sentence[LX_SENTENCE]; /* not log->error itself: it may be among the arguments */
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    snprintf(log->error, sizeof log->error, "%s", sentence);
    if (log->sink) log->sink(log->ctx, LIAX_LOG_ERROR, sentence);
    return status;
}

void lx_say(LxLog *log, LiaxLogLevel level, const char *format, ...)
{
    if (!log->sink) return;
    char sentence[LX_SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    log->sink(log->ctx, level, sentence);
}
