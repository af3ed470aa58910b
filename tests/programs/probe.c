/* The helper of the tests of liax: its sub-commands. Built by liax_tests.sh. */
#define _GNU_SOURCE /* wait4 */
#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* rss COMMAND...: the largest resident size of a program, in kilobytes */
int probe_rss(int argc, char **argv)
{
    (void)argc;
    const pid_t child = fork();
    if (!child) {
        execvp(argv[0], argv);
        _exit(127);
    }
    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child) return 1;
    printf("%ld\n", usage.ru_maxrss);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int n_arguments; /* at least */
        int (*run)(int argc, char **argv);
    } commands[] = {
        {"video", 4, probe_make_video}, {"show", 1, probe_show}, {"picture", 2, probe_make_picture},
        {"pixel", 1, probe_pixel},      {"npy", 3, probe_npy},   {"png", 3, probe_png_npy},
        {"rss", 1, probe_rss},           {"encoder", 1, probe_encoder},
        {"patch-motion", 4, probe_patch_motion}, {"gradient", 2, probe_make_gradient}, {"blocks", 6, probe_blocks},
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (argc >= 2 + commands[i].n_arguments && !strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 2, argv + 2);
    fprintf(stderr, "probe: unknown command or too few arguments\n");
    return 2;
}
