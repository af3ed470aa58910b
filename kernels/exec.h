/* What every kernel gets beside its arguments. */
#ifndef LX_EXEC_H
#define LX_EXEC_H

#include "core/threads.h"

/* The pool to spread the work over, scratch memory where the kernel said that it needs some, and the device's own stream of
   this work (NULL where the device is the host). */
typedef struct LxExec {
    LxPool *pool;
    void *scratch;
    void *stream;
} LxExec;

#endif
