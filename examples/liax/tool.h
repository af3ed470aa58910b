/* What the files of the program share: its settings, messages, progress and the engine it drives. */
#ifndef TOOL_H
#define TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "liax/liax.h"
#include "media/media.h"

/* Exit codes. Functions that can fail return one of these, having said why on stderr. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

/* ---- settings: what the command line said (options.c) ---------------------------------------------------------- */

typedef struct Edit {
    char *name;
    double value;
} Edit;

typedef enum SizeKind { SIZE_SOURCE = 0, SIZE_MODEL, SIZE_GIVEN } SizeKind;

typedef struct Settings {
    const char *model, *source, *driving, *output, *npy, *anchor;
    Edit *edits;
    int n_edits;
    int mode; /* LiaxMode */
    SizeKind size;
    int width, height; /* for SIZE_GIVEN */
    int raw_width, raw_height; /* of bare RGB on standard input; 0: it is y4m */
    bool raw_output;
    MediaRational fps; /* num 0: not given */
    MediaLook look;    /* --background, --published-pixels */
    bool side_by_side, overwrite, force;
    const char *device;
    int precision, conv; /* LiaxPrecision, LiaxConv */
    int threads;
    bool low_memory;
    int runs;
    bool json, layers;
    bool quiet, verbose, help;
} Settings;

typedef struct Option Option;

typedef struct Command {
    const char *name, *summary;
    const Option *options; /* ends with a zero one */
    int (*run)(const Settings *s);
} Command;

/** The commands of the program, ending with one without a name (commands.c). */
extern const Command commands[];

/** Fill `out` from argv[1...]; `settings_free` it whatever is returned. */
int settings_parse(Settings *out, const Command *c, int argc, char **argv);
void settings_free(Settings *s);
void settings_help(const Command *c);

/* ---- messages (message.c) -------------------------------------------------------------------------------------- */

void message_init(const Settings *s);
/** One sentence to stderr; returns EXIT_FAILED. */
int say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The same with a pointer to --help; returns EXIT_USAGE. */
int say_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The sentence of a failure in examples/media, which is empty where no words are needed; returns EXIT_FAILED. */
int say_media_error(const MediaError *e);
/** What is worth knowing but no failure; silent with -q. "" says nothing. */
void say_notice(const char *sentence);
/** Flush stdout; a closed pipe is quiet, a full disk is not. */
int finish_stdout(void);

/* ---- progress on a terminal (progress.c) ----------------------------------------------------------------------- */

/** Start a bar of `total` frames (0: unknown). Shows nothing where stderr is no terminal, or with -q. */
void progress_start(const Settings *s, const char *what, int64_t total);
void progress_frame(void);        /* one more is done */
void progress_part(double share); /* of the frame in work */
void progress_clear(void);        /* take the bar away before a message */
void progress_end(void);          /* leave the bar standing, complete */

/* ---- Ctrl-C (interrupt.c) -------------------------------------------------------------------------------------- */

/** From now on Ctrl-C cancels what the session does; NULL: there is no session any more. */
void interrupt_watch(LiaxSession *session);
bool interrupted(void);
void interrupt_init(void);

/* ---- the engine (engine.c) ------------------------------------------------------------------------------------- */

typedef struct Engine {
    LiaxModel *model;
    LiaxSession *session;
    LiaxModelInfo info;
    bool verbose;
    char said[512]; /* the last sentence that came through the log as an error */
} Engine;

/** Open the model and a session with the edits of the settings; engine_close it whatever is returned. */
int engine_open(Engine *e, const Settings *s, LiaxMode mode);
int engine_open_model(Engine *e, const Settings *s);
void engine_close(Engine *e);
/** EXIT_OK for LIAX_OK, EXIT_INTERRUPTED for LIAX_E_CANCELLED; otherwise says what failed. */
int engine_check(const Engine *e, LiaxStatus status, const char *doing);

/** The picture as the library takes it. */
LiaxImage image_of(const MediaPicture *p);
/** Floats [3,height,width], rows `row` floats apart. */
LiaxImage image_of_floats(float *planes, int width, int height, int row, size_t plane);

#endif
