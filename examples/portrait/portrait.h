/* A drawn portrait: a parametric head that turns, talks and looks about, with its labels and its true optical flow.
 * Needs libc and libm only. The same identity, motion and size give the same bytes. */
#ifndef PORTRAIT_H
#define PORTRAIT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What moves. Zero is at rest: frontal, mouth closed, eyes open. Left and right are the viewer's. */
enum {
    PORTRAIT_YAW,     /**< radians, plus turns to the right; -0.7..0.7 */
    PORTRAIT_PITCH,   /**< radians, plus looks up; -0.45..0.45 */
    PORTRAIT_ROLL,    /**< radians, plus tips to the right; -0.5..0.5 */
    PORTRAIT_X,       /**< of half the shorter side, plus is right; -0.25..0.25 */
    PORTRAIT_Y,       /**< of half the shorter side, plus is up; -0.25..0.25 */
    PORTRAIT_SCALE,   /**< the head is 1 + this as large; -0.2..0.2 */
    PORTRAIT_JAW,     /**< 0..1 open */
    PORTRAIT_SMILE,   /**< -1 sad..1 smiling */
    PORTRAIT_POUT,    /**< 0..1 */
    PORTRAIT_OH,      /**< 0..1, lips round as in "O" */
    PORTRAIT_CHEEKS,  /**< 0..1 blown up */
    PORTRAIT_BLINK_L, /**< 0..1, left eye closed */
    PORTRAIT_BLINK_R, /**< 0..1, right eye closed */
    PORTRAIT_BROWS,   /**< -1 frowning..1 raised */
    PORTRAIT_GAZE_X,  /**< -1..1, plus looks right */
    PORTRAIT_GAZE_Y,  /**< -1..1, plus looks up */
    PORTRAIT_MOTIONS
};

typedef struct PortraitMotion {
    float v[PORTRAIT_MOTIONS];
} PortraitMotion;

/** Linear colour, 0..1. */
typedef struct PortraitColour {
    float r, g, b;
} PortraitColour;

enum { PORTRAIT_HAIR_NONE, PORTRAIT_HAIR_BUZZ, PORTRAIT_HAIR_SHORT, PORTRAIT_HAIR_PARTED, PORTRAIT_HAIR_FRINGE,
       PORTRAIT_HAIR_BOB, PORTRAIT_HAIR_LONG, PORTRAIT_HAIR_BUN, PORTRAIT_HAIR_CURLY, PORTRAIT_HAIRS };
enum { PORTRAIT_CLOTHES_CREW, PORTRAIT_CLOTHES_VNECK, PORTRAIT_CLOTHES_SHIRT, PORTRAIT_CLOTHES_STRIPES,
       PORTRAIT_CLOTHES_HOOD, PORTRAIT_CLOTHES };
enum { PORTRAIT_BEARD_NONE, PORTRAIT_BEARD_STUBBLE, PORTRAIT_BEARD_MOUSTACHE, PORTRAIT_BEARD_GOATEE,
       PORTRAIT_BEARD_FULL, PORTRAIT_BEARDS };

/** Who is drawn. Lengths are in half head heights, in the head's frame: x right, y up, z to the viewer. */
typedef struct PortraitIdentity {
    float width, depth, taper, square, chin;             /**< head: half-width, depth, jaw taper, squareness, chin */
    float eye_x, eye_y, eye_w, eye_h, eye_tilt, iris_r;  /**< eyes: centre, half-sizes, outer corner's lift */
    float brow_y, brow_thick, brow_arch, brow_tilt;
    float nose_len, nose_w, nose_h, nose_up;
    float mouth_y, mouth_w, lip_up, lip_low;
    float cheekbone, ear, neck, shoulders;
    float age, freckles, blush, lipstick, lash;          /**< 0..1 */
    float hairline, hair_volume, hair_wave, hair_part, hair_length;
    int hair, beard, clothes, glasses, scene;            /**< glasses: 0 none, 1 round, 2 square */
    float light_x, light_y, light_warm;                  /**< where the key light is, and its tint -1..1 */
    PortraitColour skin, hair_colour, brow_colour, iris, lips, cloth, cloth2, wall, wall2, frame;
    uint32_t noise;                                      /**< seed of the small irregularities; 0 draws none that lean */
} PortraitIdentity;

/** Fill `id` from a seed. */
void portrait_identity(PortraitIdentity *id, uint64_t seed);
/** Remove what leans to one side, so that mirrored motions give mirrored pictures. */
void portrait_identity_mirror(PortraitIdentity *id);
/** Size of a PortraitIdentity in bytes, for bindings that only pass it on. */
unsigned portrait_identity_bytes(void);

/** Name of a motion, "yaw" ...; NULL outside 0..PORTRAIT_MOTIONS-1. */
const char *portrait_motion_name(int which);
/** Smallest and largest value that is drawn well. */
void portrait_motion_range(int which, float *low, float *high);
/** One motion with every value drawn on its own: for training and tests. */
void portrait_motion_random(PortraitMotion *m, uint64_t seed, float amount);
/** Frame `frame` of the endless clip `seed` at `fps` frames per second: somebody who talks, nods and looks round. */
void portrait_motion_clip(PortraitMotion *m, uint64_t seed, int frame, float fps);

/** Bits of the label picture. A pixel may carry several. */
enum { PORTRAIT_LABEL_FACE = 1, PORTRAIT_LABEL_EYES = 2, PORTRAIT_LABEL_BROWS = 4, PORTRAIT_LABEL_MOUTH = 8,
       PORTRAIT_LABEL_HAIR = 16, PORTRAIT_LABEL_BODY = 32,
       PORTRAIT_LABEL_IRIS = 64, /* what the lids show of it */
       PORTRAIT_LABEL_INSIDE = 128 /* of the mouth */ };

/** The drawing board: geometry and sample buffers of one size, reused from picture to picture. */
typedef struct PortraitBoard PortraitBoard;

/** @param aa samples per pixel and axis, 1..6 (2 is good, 4 for print)
 *  @return NULL on a size outside 8..8192 or without memory; free with portrait_board_free. */
PortraitBoard *portrait_board_new(int width, int height, int aa);
void portrait_board_free(PortraitBoard *b);

/** Draw. @param rgb width*height*3 bytes. */
void portrait_draw(PortraitBoard *b, const PortraitIdentity *id, const PortraitMotion *m, uint8_t *rgb);
/** Labels of the picture last drawn. @param labels width*height bytes. */
void portrait_labels(const PortraitBoard *b, uint8_t *labels);
/** Where the pixels of the picture last drawn are seen in another picture of the same person.
 *  @param other  a board of the same size on which the other picture was drawn last
 *  @param flow   2 planes width*height: x, y offset to the other picture, in half widths and half heights, y down
 *  @param seen   width*height: 1 where the other picture shows that point, else 0; flow is 0 where it has no meaning */
void portrait_flow(const PortraitBoard *b, const PortraitBoard *other, float *flow, float *seen);

#ifdef __cplusplus
}
#endif
#endif
