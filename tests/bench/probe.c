/*
 * Are cores free? One thread pinned to each of the CPUs named does multiplications and additions in registers:
 *
 *     probe SECONDS CPU...
 *
 * prints what each reached, in GFLOP/s, as a JSON array. A thread that shares its CPU, or its CPU's clock, shows less
 * than one that runs alone. The loop is plain C, so its rate is no peak of the machine.
 */
#define _GNU_SOURCE /* pthread_setaffinity_np */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MAX_CPUS = 256, CHAINS = 32, STEPS = 4096 };

static pthread_barrier_t together;
static double seconds;

typedef struct Worker {
    pthread_t thread;
    int cpu, pinned;
    double gflops;
} Worker;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float multiply_add(float v[CHAINS])
{
    for (int i = 0; i < STEPS; i++)
        for (int j = 0; j < CHAINS; j++) v[j] = v[j] * 0.5f + 1.0f;
    return v[0];
}

static void *work(void *arg)
{
    Worker *w = arg;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)w->cpu, &set);
    w->pinned = pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
    float v[CHAINS] = {0};
    volatile float sink = multiply_add(v); /* so that the work is done */
    pthread_barrier_wait(&together);
    const double start = now();
    double end = start;
    long blocks = 0;
    for (; end - start < seconds; end = now(), blocks++) sink = multiply_add(v);
    (void)sink;
    w->gflops = 2.0 * CHAINS * STEPS * (double)blocks / (end - start) / 1e9;
    return NULL;
}

int main(int argc, char **argv)
{
    static Worker workers[MAX_CPUS];
    const int n = argc - 2;
    seconds = argc > 1 ? atof(argv[1]) : 0;
    if (n < 1 || n > MAX_CPUS || !(seconds > 0 && seconds <= 60)) {
        fprintf(stderr, "usage: probe SECONDS CPU...\n");
        return 2;
    }
    pthread_barrier_init(&together, NULL, (unsigned)n);
    for (int i = 0; i < n; i++) {
        workers[i].cpu = atoi(argv[i + 2]);
        if (workers[i].cpu < 0 || workers[i].cpu >= CPU_SETSIZE || pthread_create(&workers[i].thread, NULL, work, &workers[i])) {
            fprintf(stderr, "probe: no thread for CPU %s\n", argv[i + 2]);
            return 1; /* ends the threads that wait for this one */
        }
    }
    for (int i = 0; i < n; i++) {
        pthread_join(workers[i].thread, NULL);
        if (!workers[i].pinned) {
            fprintf(stderr, "probe: CPU %d is not allowed to this process\n", workers[i].cpu);
            return 1;
        }
    }
    for (int i = 0; i < n; i++) printf("%s%.3f", i ? ", " : "[", workers[i].gflops);
    puts("]");
    return 0;
}
