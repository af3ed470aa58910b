/* liax: portrait animation and editing on the command line. */
#include "tool.h"

#include <stdio.h>
#include <string.h>

static void print_help(void)
{
    printf("usage: liax COMMAND [options]\n\n");
    for (const Command *c = commands; c->name; c++) printf("  %-12s %s\n", c->name, c->summary);
    printf("\nliax COMMAND --help tells more; liax --version prints versions and licences.\n");
}

static void print_version(void)
{
    printf("liax %s (libliax %s)\n", LIAX_VERSION_STRING, liax_version());
    printf("libliax and the sources of this program are under the MIT licence. This program is linked with FFmpeg %s,\n"
           "whose licence is %s, and is as a whole under that one. A model's licence is its own: see liax info.\n",
           media_ffmpeg_version(), media_ffmpeg_license());
}

static int run(const Command *c, int argc, char **argv)
{
    Settings s;
    int code = settings_parse(&s, c, argc, argv);
    if (!code && s.help) {
        settings_help(c);
        code = finish_stdout();
    } else if (!code) {
        message_init(&s);
        media_init(s.verbose);
        interrupt_init();
        code = c->run(&s);
        progress_clear();
    }
    settings_free(&s);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) return say_usage("name a command; liax --help lists them");
    for (const Command *c = commands; c->name; c++)
        if (!strcmp(argv[1], c->name)) return run(c, argc - 1, argv + 1);
    const bool version = !strcmp(argv[1], "--version") || !strcmp(argv[1], "-V");
    if (version) print_version();
    else if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) print_help();
    else return say_usage("%s is no command; liax --help lists them", argv[1]);
    return finish_stdout();
}
