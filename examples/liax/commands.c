/* The commands and their options. */
#include "commands.h"
#include "options.h"

#define AT(f) offsetof(Settings, f)

#define NEEDED 1

/* clang-format off */
#define O_MODEL    {'m', "model", "MODEL", take_text, AT(model), NEEDED, "a .liax file, as liax-convert writes it"}
#define O_SOURCE   {'s', "source", "PORTRAIT", take_text, AT(source), NEEDED, "the picture to animate or edit: PNG, JPEG, ..."}
#define O_VIDEO    {'i', "input", "VIDEO", take_text, AT(driving), NEEDED, "a video, one picture, numbered pictures (in-%d.png), or - for y4m on standard input"}
#define O_OUTPUT   {'o', "output", "OUT", take_text, AT(output), 0, "a video (.mp4, .mov, .mkv, .webm, .gif, .apng, .y4m), numbered pictures (out-%d.png), a .png, or - for y4m on standard output"}
#define O_NPY      {0, "npy", "FILE", take_text, AT(npy), 0, "the network's own output, float32 [T,3,S,S]; -o may be left out"}
#define O_EDIT     {'e', "edit", "NAME=VALUE", take_edit, 0, 0, "set a control (liax info lists them); may be repeated"}
#define O_SIZE     {0, "size", "source|model|WxH", take_size, 0, 0, "of the output; source (the default) is the input picture's own; a video's odd side gets one more row"}
#define O_SIDE     {0, "side-by-side", NULL, take_flag, AT(side_by_side), 0, "put the driving or the original picture at the left"}
#define O_PUB      {0, "published-pixels", NULL, take_flag, AT(look.published), 0, "colours as the published program: stretched from the clip's minimum to its maximum; EXIF orientation and alpha ignored"}
#define O_RAW_IN   {0, "raw-input", "WxH", take_raw_size, 0, 0, "- is bare frames of so many pixels, 3 bytes R, G, B each, at --fps"}
#define O_RAW_OUT  {0, "raw-output", NULL, take_flag, AT(raw_output), 0, "-o - writes bare frames, 3 bytes R, G, B a pixel"}
#define O_BACK     {0, "background", "COLOUR", take_colour, 0, 0, "behind transparent pictures: white (the default), black, #rrggbb"}
#define O_FPS      {0, "fps", "RATE", take_rate, 0, 0, "frames per second of pictures: 25, 29.97, 30000/1001"}
#define O_YES      {'y', "overwrite", NULL, take_flag, AT(overwrite), 0, "replace files that exist"}
#define O_DEVICE   {0, "device", "ID", take_text, AT(device), 0, "cpu, cuda, cuda:N or auto (liax devices lists them)"}, \
                   {0, "precision", "auto|f32|bf16|f16", take_choice, AT(precision), 0, "of computing; auto is f32 on a CPU, f16 on CUDA; bf16 is for CPUs, by AVX512_BF16 where there is one and slower than f32 elsewhere"}, \
                   {0, "threads", "N", take_count, AT(threads), 0, "CPU threads; by default all that the process may use"}, \
                   {0, "low-memory", NULL, take_flag, AT(low_memory), 0, "less memory, slower"}, \
                   {0, "conv", "auto|ref|direct|winograd", take_choice, AT(conv), 0, "one algorithm for all convolutions"}
#define O_JSON     {0, "json", NULL, take_flag, AT(json), 0, "print JSON"}
#define O_COMMON   {'q', "quiet", NULL, take_flag, AT(quiet), 0, "no progress, no notes"}, \
                   {'v', "verbose", NULL, take_flag, AT(verbose), 0, "say more"}, \
                   {'h', "help", NULL, take_flag, AT(help), 0, "print this"}
/* clang-format on */

static const Option animate_options[] = {
    O_MODEL,
    O_SOURCE,
    {'d', "driving", "DRIVING", take_text, AT(driving), NEEDED, "a video, a motion file, one picture, numbered pictures (in-%d.png), or - for y4m on standard input"},
    O_OUTPUT,
    {0, "relative", NULL, take_value, AT(mode), LIAX_RELATIVE, "move as the driver moves away from the anchor (the default)"},
    {0, "absolute", NULL, take_value, AT(mode), LIAX_ABSOLUTE, "take the driver's motion as it is; no edits"},
    {0, "anchor", "N|FILE", take_text, AT(anchor), 0, "where relative motion starts: driving frame N, counted from 0 (the default), or another file's first"},
    O_EDIT,
    O_SIZE,
    O_SIDE,
    O_NPY,
    O_RAW_IN,
    O_RAW_OUT,
    O_FPS,
    O_BACK,
    O_PUB,
    {0, "force", NULL, take_flag, AT(force), 0, "take a motion file that another model made"},
    O_YES,
    O_DEVICE,
    O_COMMON,
    {0},
};

static const Option edit_options[] = {O_MODEL, O_SOURCE, O_OUTPUT, O_EDIT, O_SIZE, O_SIDE, O_NPY, O_RAW_OUT, O_BACK, O_PUB, O_YES, O_DEVICE, O_COMMON, {0}};

static const Option edit_video_options[] = {O_MODEL, O_VIDEO, O_OUTPUT, O_EDIT, O_SIZE, O_SIDE, O_NPY, O_RAW_IN, O_RAW_OUT, O_FPS, O_BACK, O_PUB, O_YES, O_DEVICE, O_COMMON, {0}};

static const Option sweep_options[] = {O_MODEL, O_SOURCE, O_OUTPUT, O_EDIT, O_SIZE, O_SIDE, O_NPY, O_RAW_OUT, O_FPS, O_BACK, O_PUB, O_YES, O_DEVICE, O_COMMON, {0}};

static const Option motion_options[] = {
    O_MODEL,
    {'i', "input", "VIDEO", take_text, AT(driving), NEEDED, "a video, one picture, numbered pictures (in-%d.png), - for y4m on standard input, or a motion file, to write it in the other form"},
    {'o', "output", "OUT", take_text, AT(output), 0, "the motion file, which liax animate -d takes: .liaxm is binary, every other name JSON; - for JSON on standard output"},
    {0, "npy", "FILE", take_text, AT(npy), 0, "the motion values, float32 [T,M]; -o may be left out"},
    O_RAW_IN,
    O_FPS,
    O_BACK,
    O_PUB,
    O_YES,
    O_DEVICE,
    O_COMMON,
    {0},
};

static const Option info_options[] = {O_MODEL, O_JSON, O_DEVICE, O_COMMON, {0}};

static const Option devices_options[] = {O_JSON, O_COMMON, {0}};

static const Option bench_options[] = {
    O_MODEL,
    {0, "runs", "N", take_count, AT(runs), 0, "measurements of each (5); one more before them is not counted"},
    {0, "layers", NULL, take_flag, AT(layers), 0, "a row for every layer of a frame"},
    O_JSON,
    O_DEVICE,
    O_COMMON,
    {0},
};

const Command commands[] = {
    {"animate", "Move a portrait as a driving video moves.", animate_options, run_animate},
    {"edit", "Change a portrait's pose or expression.", edit_options, run_edit},
    {"edit-video", "Change the pose or expression all through a video.", edit_video_options, run_edit_video},
    {"sweep", "A clip of 64 frames that walks to the edits and back.", sweep_options, run_sweep},
    {"motion", "Write a video's motion into a small file.", motion_options, run_motion},
    {"info", "Facts about a model, and its controls.", info_options, run_info},
    {"devices", "Where models can run on this machine.", devices_options, run_devices},
    {"bench", "How fast a model runs here.", bench_options, run_bench},
    {0},
};
