/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread that wakes up now and then, or when a signal pokes it, and writes a
 * line.  It never holds up the work: what standard error does not take is lost.
 */
#define _GNU_SOURCE /* pipe2() */
#include "tools/os/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "filter/stream/fd.h"

#define MS 1000
#define TICK_MS 500      /* from sample to sample */
#define TERMINAL_TICKS 1 /* from line to line */
#define JSON_TICKS 2
#define LOG_TICKS 20
#define LAST_MS 1000 /* for the last line to be taken */

#define LINE_MAX_LEN 160
#define SIZE_LEN 32
#define RATE_LEN (SIZE_LEN + 2)
#define TIME_LEN 32
#define SAMPLES 10 /* the rate is that since the oldest */

struct sample {
    int64_t ms;
    uint64_t bytes;
};

struct envl_progress {
    enum envl_progress_mode mode;
    bool is_auto, is_terminal;
    bool overwrites; /* one line, again and again */
    int64_t total;
    envl_progress_fn *read;
    void *arg;
    pthread_t thread;
    int poked[2];          /* a pipe: a byte for each signal, and one to stop */
    struct envl_fd_out to; /* standard error, without blocking if it can be */
    atomic_bool stopped, done; /* as envl_progress_stop() was told */

    /* The thread's own */
    struct sample samples[SAMPLES];
    unsigned sample_count;
    int64_t start_ms;
    size_t shown;    /* length of the line on the terminal */
    bool ever_shown; /* it began to tell unasked */
};

/* Where the handler writes to; -1 if nobody listens. */
static volatile sig_atomic_t poke_fd = -1;

static void
poke(int number)
{
    int error = errno;
    ssize_t n = 0;

    (void)number;
    if (poke_fd >= 0)
        n = write(poke_fd, "", 1);
    (void)n; /* a full pipe wakes the thread, too */
    errno = error;
}

/* What is ignored stays so. */
static void catch (int number)
{
    struct sigaction action = { .sa_handler = poke, .sa_flags = SA_RESTART };
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        (void)sigaction(number, &action, NULL);
}

void
envl_progress_catch(void)
{
    catch (SIGUSR1);
#ifdef SIGINFO
    catch (SIGINFO);
#endif
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MS + now.tv_nsec / 1000000;
}

/* Text */

/* "1.5 GiB" */
static void
format_size(char text[SIZE_LEN], uint64_t bytes)
{
    static const char *const units[] = { "KiB", "MiB", "GiB",
                                         "TiB", "PiB", "EiB" };
    uint64_t unit = 1024;
    size_t i = 0;

    if (bytes < unit) {
        (void)snprintf(text, SIZE_LEN, "%" PRIu64 " bytes", bytes);
        return;
    }
    for (; bytes / unit >= 1024; unit *= 1024)
        i++;
    (void)snprintf(text, SIZE_LEN, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit,
                   bytes % unit / (unit / 1024) * 10 / 1024, units[i]);
}

/* "0:09", "1:23:45" */
static void
format_time(char text[TIME_LEN], uint64_t seconds)
{
    uint64_t minutes = seconds / 60;

    seconds %= 60;
    if (minutes < 60)
        (void)snprintf(text, TIME_LEN, "%" PRIu64 ":%02" PRIu64, minutes,
                       seconds);
    else
        (void)snprintf(text, TIME_LEN, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64,
                       minutes / 60, minutes % 60, seconds);
}

/* Bytes a second between two moments. */
static uint64_t
rate_between(struct sample from, struct sample to)
{
    uint64_t bytes = to.bytes > from.bytes ? to.bytes - from.bytes : 0;
    uint64_t ms = to.ms > from.ms ? (uint64_t)(to.ms - from.ms) : 1;

    return bytes <= UINT64_MAX / MS ? bytes * MS / ms : bytes / ms * MS;
}

/* What all lines tell. */
struct report {
    uint64_t bytes, rate, ms;
    bool done;
};

/* The last one has the rate of all, the others that of the last seconds. */
static struct report
take_report(const struct envl_progress *progress, bool done)
{
    struct sample now = { now_ms(), progress->read(progress->arg) };
    struct sample start = { progress->start_ms, 0 };
    unsigned count = progress->sample_count;
    struct sample oldest =
        progress->samples[count < SAMPLES ? 0 : count % SAMPLES];

    return (struct report){
        .bytes = now.bytes,
        .rate = rate_between(done ? start : oldest, now),
        .ms = now.ms > start.ms ? (uint64_t)(now.ms - start.ms) : 0,
        .done = done,
    };
}

static size_t
format_json(char *line, const struct envl_progress *progress,
            const struct report *report)
{
    char total[SIZE_LEN] = "null";
    int n;

    if (progress->total >= 0)
        (void)snprintf(total, sizeof(total), "%" PRId64, progress->total);
    n = snprintf(line, LINE_MAX_LEN,
                 "{\"bytes\":%" PRIu64 ",\"total\":%s,\"seconds\":%" PRIu64
                 ".%03" PRIu64 ",\"rate\":%" PRIu64 ",\"done\":%s}\n",
                 report->bytes, total, report->ms / MS, report->ms % MS,
                 report->rate, report->done ? "true" : "false");
    return n < 0 ? 0 : (size_t)n;
}

/* Read is not written and verified: no 100 % before it is done. */
static unsigned
percent_of(uint64_t bytes, uint64_t total)
{
    uint64_t percent;

    percent =
        total > UINT64_MAX / 100 ? bytes / (total / 100) : bytes * 100 / total;
    return percent < 99 ? (unsigned)percent : 99;
}

/* "512.0 MiB/s", or that nothing moves. */
static void
format_rate(char text[RATE_LEN], const struct report *report)
{
    char size[SIZE_LEN];

    if (report->rate == 0 && !report->done) {
        (void)snprintf(text, RATE_LEN, "waiting");
        return;
    }
    format_size(size, report->rate);
    (void)snprintf(text, RATE_LEN, "%s/s", size);
}

/* "1.5 GiB of 3.0 GiB, 50 %, 512.0 MiB/s, 0:03 left", without an end.  How long
 * it takes is told where that is known: not while nothing moves, nor when all is
 * read and what is left is to write it. */
static size_t
format_text(char *line, const struct envl_progress *progress,
            const struct report *report)
{
    char bytes[SIZE_LEN], rate[RATE_LEN], of[SIZE_LEN], time[TIME_LEN];
    uint64_t total = progress->total > 0 ? (uint64_t)progress->total : 0;
    int n;

    format_size(bytes, report->bytes);
    format_size(of, total);
    format_rate(rate, report);
    format_time(time, report->ms / MS);
    if (report->done || total == 0)
        n = snprintf(line, LINE_MAX_LEN, "%s in %s, %s", bytes, time, rate);
    else if (report->bytes >= total)
        n = snprintf(line, LINE_MAX_LEN, "%s of %s, finishing", bytes, of);
    else if (report->rate == 0)
        n = snprintf(line, LINE_MAX_LEN, "%s of %s, %u %%, %s", bytes, of,
                     percent_of(report->bytes, total), rate);
    else {
        format_time(time, (total - report->bytes) / report->rate);
        n = snprintf(line, LINE_MAX_LEN, "%s of %s, %u %%, %s, %s left", bytes,
                     of, percent_of(report->bytes, total), rate, time);
    }
    return n < 0 ? 0 : (size_t)n;
}

/* Output */

/* Where there is room for a line, or will be in time: write it.  A pipe that has
 * room takes a line without waiting for more. */
static void
put(const struct envl_progress *progress, const char *line, size_t len,
    int timeout_ms)
{
    struct pollfd item = { .fd = STDERR_FILENO, .events = POLLOUT };
    ssize_t n;

    if (poll(&item, 1, timeout_ms) != 1 || (item.revents & POLLOUT) == 0)
        return;
    n = envl_fd_out_try(&progress->to, line, len);
    (void)n; /* nothing depends on it */
}

/* Write over the line on the terminal; an empty one clears it. */
static void
put_over(struct envl_progress *progress, const char *text, size_t len,
         int timeout_ms)
{
    char line[2 * LINE_MAX_LEN + 4];
    struct winsize size;
    size_t blank;
    int n;

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
        && len >= size.ws_col)
        len = size.ws_col - 1u; /* a second line could not be written over */
    blank = progress->shown > len ? progress->shown - len : 0;
    n = snprintf(line, sizeof(line), "\r%.*s%*s%s", (int)len, text, (int)blank,
                 "", len == 0 ? "\r" : "");
    progress->shown = len;
    if (n > 0)
        put(progress, line, (size_t)n, timeout_ms);
}

static void
put_line(struct envl_progress *progress, const struct report *report,
         int timeout_ms)
{
    char text[LINE_MAX_LEN], line[LINE_MAX_LEN + SIZE_LEN];
    size_t len = format_text(text, progress, report);
    int n = snprintf(line, sizeof(line), "%s%.*s\n",
                     progress->overwrites ? "" : "envelope: ", (int)len, text);

    if (progress->shown > 0)
        put_over(progress, "", 0, timeout_ms);
    if (n > 0)
        put(progress, line, (size_t)n, timeout_ms);
}

static atomic_bool is_hushed;

void
envl_progress_hush(bool hushed)
{
    atomic_store(&is_hushed, hushed);
}

/* The terminal is somebody else's for now. */
static bool
is_in_background(void)
{
    pid_t group = tcgetpgrp(STDERR_FILENO);

    return (group > 0 && group != getpgrp()) || atomic_load(&is_hushed);
}

/* Each as its mode wants it. */

static void
take_sample(struct envl_progress *progress)
{
    progress->samples[progress->sample_count++ % SAMPLES] =
        (struct sample){ now_ms(), progress->read(progress->arg) };
}

static void
tell_regularly(struct envl_progress *progress)
{
    struct report report = take_report(progress, false);
    char line[LINE_MAX_LEN];
    size_t len;

    if (progress->mode == ENVL_PROGRESS_JSON) {
        len = format_json(line, progress, &report);
        put(progress, line, len, 0);
    } else if (progress->is_terminal && is_in_background()) {
        ; /* nobody asked */
    } else if (!progress->overwrites) {
        put_line(progress, &report, 0);
        progress->ever_shown = true;
    } else {
        len = format_text(line, progress, &report);
        put_over(progress, line, len, 0);
        progress->ever_shown = true;
    }
}

static void
tell_when_asked(struct envl_progress *progress)
{
    struct report report = take_report(progress, false);
    char line[LINE_MAX_LEN];
    size_t len;

    if (progress->mode == ENVL_PROGRESS_JSON) {
        len = format_json(line, progress, &report);
        put(progress, line, len, LAST_MS);
    } else {
        put_line(progress, &report, LAST_MS);
    }
}

static void
tell_last(struct envl_progress *progress, bool done)
{
    struct report report = take_report(progress, done);
    char line[LINE_MAX_LEN];
    size_t len;

    if (!done) {
        if (progress->shown > 0)
            put_over(progress, "", 0, LAST_MS);
    } else if (progress->mode == ENVL_PROGRESS_JSON) {
        len = format_json(line, progress, &report);
        put(progress, line, len, LAST_MS);
    } else if (progress->mode == ENVL_PROGRESS_TEXT
               && (!progress->is_auto || progress->ever_shown)) {
        put_line(progress, &report, LAST_MS);
    }
}

/* The thread */

/* From line to line; 0: there is none. */
static unsigned
ticks_of(const struct envl_progress *progress)
{
    if (progress->mode == ENVL_PROGRESS_NONE)
        return 0;
    if (progress->mode == ENVL_PROGRESS_JSON)
        return JSON_TICKS;
    return progress->overwrites ? TERMINAL_TICKS : LOG_TICKS;
}

/* Was it poked before the time was up? */
static bool
wait_for_poke(struct envl_progress *progress, int64_t until_ms)
{
    struct pollfd item = { .fd = progress->poked[0], .events = POLLIN };
    int64_t left = until_ms - now_ms();
    char bytes[64];

    if (left < 0)
        left = 0;
    if (poll(&item, 1, (int)left) != 1)
        return false;
    return read(progress->poked[0], bytes, sizeof(bytes)) > 0;
}

static void *
run(void *arg)
{
    struct envl_progress *progress = arg;
    const unsigned ticks = ticks_of(progress);
    int64_t next = progress->start_ms + TICK_MS;
    unsigned passed = 0;

    while (!atomic_load(&progress->stopped)) {
        if (wait_for_poke(progress, next)) {
            if (!atomic_load(&progress->stopped))
                tell_when_asked(progress);
        } else if (now_ms() >= next) {
            if (ticks > 0 && ++passed % ticks == 0)
                tell_regularly(progress);
            take_sample(progress);
            next = now_ms() + TICK_MS;
        }
    }
    tell_last(progress, atomic_load(&progress->done));
    return NULL;
}

/* All signals are blocked here: other threads take them.  So a closed pipe raises
 * none, and writing from the background stops nothing. */
static bool
start_thread(struct envl_progress *progress)
{
    sigset_t all, old;
    int error;

    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    error = pthread_create(&progress->thread, NULL, run, progress);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return error == 0;
}

static bool
is_pipe(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static bool is_shared;

void
envl_progress_share(void)
{
    is_shared = true;
}

/* Whoever is at the other end of a pipe is likely to write to the same terminal:
 * there a line is whole, and its own. */
static void
init(struct envl_progress *progress, enum envl_progress_mode mode)
{
    progress->is_terminal = isatty(STDERR_FILENO);
    progress->overwrites = progress->is_terminal && !is_pipe(STDIN_FILENO)
                           && !is_pipe(STDOUT_FILENO) && !is_shared;
    progress->is_auto = mode == ENVL_PROGRESS_AUTO;
    progress->mode = mode;
    if (progress->is_auto)
        progress->mode =
            progress->is_terminal ? ENVL_PROGRESS_TEXT : ENVL_PROGRESS_NONE;
    progress->start_ms = now_ms();
    progress->samples[0] = (struct sample){ progress->start_ms, 0 };
    progress->sample_count = 1;
    envl_fd_out_init_now(&progress->to, STDERR_FILENO);
}

static void
release(struct envl_progress *progress)
{
    envl_fd_out_clear(&progress->to);
    (void)close(progress->poked[0]);
    (void)close(progress->poked[1]);
    free(progress);
}

struct envl_progress *
envl_progress_start(enum envl_progress_mode mode, int64_t total,
                    envl_progress_fn *read, void *arg)
{
    struct envl_progress *progress;

    if (fcntl(STDERR_FILENO, F_GETFL) < 0) /* nor may a pipe take its place */
        return NULL;
    progress = calloc(1, sizeof(*progress));
    if (progress == NULL
        || pipe2(progress->poked, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(progress);
        return NULL;
    }
    progress->total = total;
    progress->read = read;
    progress->arg = arg;
    init(progress, mode);
    if (!start_thread(progress)) {
        release(progress);
        return NULL;
    }
    poke_fd = progress->poked[1];
    return progress;
}

void
envl_progress_stop(struct envl_progress *progress, bool done)
{
    ssize_t n;

    if (progress == NULL)
        return;
    poke_fd = -1;
    atomic_store(&progress->done, done);
    atomic_store(&progress->stopped, true);
    n = write(progress->poked[1], "", 1);
    (void)n; /* as in poke() */
    (void)pthread_join(progress->thread, NULL);
    release(progress);
}
