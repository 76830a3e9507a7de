/* Shifts the wall clock of a process, and of those that it starts, by TALLY_CLOCK_SHIFT seconds.

   Preloaded by tests/clock.py. Only the wall clock is shifted: sleeps, timeouts and timers, which follow the
   monotonic clock, and times of files stay as they are. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift;

__attribute__((constructor)) static void read_shift(void) {
    const char *text = getenv("TALLY_CLOCK_SHIFT");
    shift = text ? (time_t)atoll(text) : 0;
}

static int is_wall(clockid_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE; }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (!failed && is_wall(clock)) now->tv_sec += shift;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    int failed = (int)syscall(SYS_gettimeofday, now, zone);
    if (!failed) now->tv_sec += shift;
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now)) return (time_t)-1;
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

/* A deadline on the wall clock, as callers of these have computed it, is the kernel's again. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *mutex, const struct timespec *until) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec kernel = *until, now;
    if (!real) real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    /* Conditions may follow the monotonic clock, whose deadlines are far below those of the wall clock. */
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    if (until->tv_sec > now.tv_sec + 86400L * 365) kernel.tv_sec -= shift;
    return real(cond, mutex, &kernel);
}
