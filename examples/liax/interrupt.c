/* Ctrl-C: the running call is cancelled, what was drawn so far is completed. A second Ctrl-C ends the program at once. */
#define _XOPEN_SOURCE 700 /* sigaction */
#include "tool.h"

#include <signal.h>
#include <stdatomic.h>

static volatile sig_atomic_t asked;
static _Atomic(LiaxSession *) watched;

static void on_signal(int number)
{
    (void)number;
    asked = 1;
    LiaxSession *s = atomic_load(&watched);
    if (s) liax_session_cancel(s);
}

void interrupt_init(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    struct sigaction hangup;
    if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
        sigaction(SIGHUP, &a, NULL); /* nohup ignores it */
    signal(SIGPIPE, SIG_IGN); /* writes fail with EPIPE instead, and files are cleaned up */
    signal(SIGXFSZ, SIG_IGN); /* likewise where file sizes are limited */
}

void interrupt_watch(LiaxSession *session)
{
    atomic_store(&watched, session);
}

bool interrupted(void)
{
    return asked;
}
