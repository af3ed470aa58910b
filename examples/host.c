/*
 * A host to copy: a loop that must not wait shows pictures, another thread computes them. The loop hands over its newest
 * frame and setting by try-lock, shows the last result again meanwhile, and stops the computing thread by
 * liax_session_cancel. Made-up frames take the place of a camera's:
 *     cc host.c $(pkg-config --cflags --libs liax) -lpthread -lm -o host && ./host model.liax [SECONDS]
 */
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#include <liax/liax.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIDE = 128, BYTES = 3 * SIDE * SIDE, FRAMES_A_SECOND = 60 };

/* What both threads touch, and only while they hold the lock, which is never held while something is computed. */
typedef struct Exchange {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint8_t frame[BYTES], result[BYTES]; /* the newest of each */
    double edit;                         /* of the first control */
    bool has_frame, has_result, stop;
    long computed;
    LiaxStatus status;
} Exchange;

typedef struct Worker {
    Exchange *exchange;
    LiaxSession *session; /* belongs to the computing thread while that runs */
    const char *control;
} Worker;

static LiaxImage image_of(uint8_t *rgb)
{
    return (LiaxImage){.struct_size = sizeof(LiaxImage), .width = SIDE, .height = SIDE, .planes = {rgb}};
}

/* Wait for a frame and its setting; false: it is time to stop. */
static bool take_frame(Exchange *x, uint8_t *rgb, double *edit)
{
    pthread_mutex_lock(&x->lock);
    while (!x->has_frame && !x->stop) pthread_cond_wait(&x->changed, &x->lock);
    memcpy(rgb, x->frame, BYTES);
    *edit = x->edit;
    x->has_frame = false;
    const bool go_on = !x->stop;
    pthread_mutex_unlock(&x->lock);
    return go_on;
}

static void give_result(Exchange *x, const uint8_t *rgb, LiaxStatus status)
{
    pthread_mutex_lock(&x->lock);
    x->status = status;
    if (!status) {
        memcpy(x->result, rgb, BYTES);
        x->has_result = true;
        x->computed++;
    }
    pthread_mutex_unlock(&x->lock);
}

static void *compute(void *arg)
{
    const Worker *w = arg;
    static uint8_t rgb[BYTES];
    LiaxImage image = image_of(rgb); /* the result takes the frame's place */
    double edit;
    LiaxStatus status = LIAX_OK;
    while (!status && take_frame(w->exchange, rgb, &edit)) {
        if (w->control) status = liax_session_set_edit(w->session, w->control, edit);
        if (!status) status = liax_animate_frame(w->session, &image, &image);
        give_result(w->exchange, rgb, status);
    }
    return NULL;
}

/* A disc that swings from side to side. */
static void make_frame(uint8_t *rgb, double seconds)
{
    const double centre = SIDE / 2 + SIDE / 4 * sin(3 * seconds);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            memset(rgb + 3 * (y * SIDE + x), hypot(x - centre, y - SIDE / 2) < SIDE / 3 ? 200 : 40, 3);
}

/* What a host does for each picture on its screen. It never waits: a lock that is taken is tried again at the next. */
static void show_frames(Exchange *x, double seconds)
{
    static uint8_t frame[BYTES], shown[BYTES];
    long n_shown = 0, n_new = 0;
    const long n = (long)(seconds * FRAMES_A_SECOND);
    for (long i = 0; i < n; i++) {
        make_frame(frame, (double)i / FRAMES_A_SECOND);
        if (!pthread_mutex_trylock(&x->lock)) {
            memcpy(x->frame, frame, BYTES); /* one that was not taken yet is replaced */
            x->edit = 0.3 * sin((double)i / FRAMES_A_SECOND);
            x->has_frame = true;
            if (x->has_result) memcpy(shown, x->result, BYTES), n_new++;
            x->has_result = false;
            pthread_cond_signal(&x->changed);
            pthread_mutex_unlock(&x->lock);
        }
        n_shown++; /* here a host draws `shown` */
        nanosleep(&(struct timespec){.tv_nsec = 1000000000 / FRAMES_A_SECOND}, NULL);
    }
    printf("%ld frames shown, %ld of them new", n_shown, n_new);
}

static LiaxStatus run(LiaxModel *model, LiaxSession *session, double seconds)
{
    static Exchange x = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    static uint8_t portrait[BYTES];
    LiaxControl control = {.struct_size = sizeof control};
    Worker w = {&x, session, liax_model_control(model, 0, &control) ? NULL : control.name};
    pthread_t thread;
    make_frame(portrait, 0);
    const LiaxImage image = image_of(portrait);
    LiaxStatus status = liax_session_set_source(session, &image);
    if (status) return status;
    if (pthread_create(&thread, NULL, compute, &w)) return LIAX_E_MEMORY;
    show_frames(&x, seconds);
    pthread_mutex_lock(&x.lock);
    x.stop = true;
    pthread_cond_signal(&x.changed);
    pthread_mutex_unlock(&x.lock);
    liax_session_cancel(session); /* does not wait for the frame in work */
    pthread_join(thread, NULL);
    printf(", %ld computed\n", x.computed);
    return x.status == LIAX_E_CANCELLED ? LIAX_OK : x.status;
}

int main(int argc, char **argv)
{
    LiaxModel *model = NULL;
    LiaxSession *session = NULL;
    const double seconds = argc == 3 ? atof(argv[2]) : 5;
    if (argc < 2 || argc > 3 || !(seconds > 0 && seconds < 1e6)) return fprintf(stderr, "usage: host MODEL [SECONDS]\n"), 2;
    LiaxStatus status = liax_model_open(&model, argv[1], NULL);
    if (!status) status = liax_session_open(&session, model, NULL);
    if (!status) status = run(model, session, seconds);
    if (status) fprintf(stderr, "host: %s %s\n", liax_status_name(status), liax_session_error(session));
    liax_session_close(&session);
    liax_model_close(&model);
    return status ? 1 : 0;
}
