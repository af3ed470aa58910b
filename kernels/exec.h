/* What every kernel gets beside its arguments. */
#ifndef LX_EXEC_H
#define LX_EXEC_H

#include "core/threads.h"

/* The pool to spread the work over, and scratch memory where the kernel said that it needs some. */
typedef struct LxExec {
    LxPool *pool;
    void *scratch;
} LxExec;

#endif
