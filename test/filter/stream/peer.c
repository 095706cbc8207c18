/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors, and threads at the far ends of pipes. */
#define _GNU_SOURCE /* F_SETPIPE_SZ, pipe2 */
#include "test/filter/stream/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READ_LEN ((size_t)65536)
#define STACK_SIZE ((size_t)8388608)

/* Milliseconds; so many only if something is wrong. */
#define PATIENCE 5000

/* Descriptors */

void
close_fd(int fd)
{
    if (fd >= 0)
        assert_int_equal(close(fd), 0);
}

/* Also used where signals come. */
static bool
write_all(int fd, const unsigned char *p, size_t len)
{
    ssize_t n;

    for (; len > 0; p += n, len -= (size_t)n) {
        n = write(fd, p, len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n < 0)
            n = 0;
    }
    return true;
}

int
file_of(struct bytes bytes)
{
    char path[] = "/tmp/envl-pump-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_true(write_all(fd, bytes.p, bytes.len));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

struct bytes
file_bytes(int fd)
{
    struct bytes bytes;
    struct stat st;
    size_t at;
    ssize_t n;

    assert_int_equal(fstat(fd, &st), 0);
    bytes =
        (struct bytes){ malloc((size_t)st.st_size + 1), (size_t)st.st_size };
    assert_non_null(bytes.p);
    for (at = 0; at<bytes.len; at += n> 0 ? (size_t)n : 0) {
        n = pread(fd, bytes.p + at, bytes.len - at, (off_t)at);
        assert_true(n > 0 || errno == EINTR);
    }
    return bytes;
}

void
set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    assert_true(flags >= 0);
    assert_int_equal(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

static void
end(struct peer *peer)
{
    peer->late = peer->stays && !nap_until(&peer->joining);
    if (close(peer->fd) != 0)
        peer->failed = true;
}

/* What the pump does not want any more is no failure here. */
static void *
feed(void *arg)
{
    struct peer *peer = arg;
    size_t at, n;
    bool going = true;

    for (at = 0; going && at < peer->bytes.len; at += n) {
        n = peer->bytes.len - at;
        if (peer->step > 0 && n > peer->step)
            n = peer->step;
        if (peer->naps > 0 && peer->naps--)
            nap();
        going = write_all(peer->fd, peer->bytes.p + at, n);
    }
    peer->failed = !going && errno != EPIPE;
    end(peer);
    return NULL;
}

static void *
drain(void *arg)
{
    struct peer *peer = arg;
    unsigned char *buf = malloc(READ_LEN);
    size_t size =
        peer->step > 0 && peer->step < READ_LEN ? peer->step : READ_LEN;
    ssize_t n = 1;

    if (buf == NULL)
        abort();
    while (n > 0) {
        if (peer->naps > 0 && peer->naps--)
            nap();
        n = read(peer->fd, buf, size);
        if (n > 0)
            put(&peer->bytes, buf, (size_t)n);
    }
    peer->failed = n < 0;
    end(peer);
    free(buf);
    return NULL;
}

void
start_quietly(pthread_t *thread, void *(*body)(void *), void *arg)
{
    pthread_attr_t attr;
    sigset_t all, old;

    /* Whatever the default is. */
    assert_int_equal(pthread_attr_init(&attr), 0);
    assert_int_equal(pthread_attr_setstacksize(&attr, STACK_SIZE), 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    assert_int_equal(pthread_create(thread, &attr, body, arg), 0);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
}

static void
make_pipe(int fds[2], size_t size)
{
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
#ifdef F_SETPIPE_SZ
    if (size > 0)
        assert_true(fcntl(fds[0], F_SETPIPE_SZ, (int)size) >= 0);
#else
    (void)size;
#endif
}

int
peer_feed(struct peer *peer)
{
    int fds[2];

    make_pipe(fds, peer->pipe_size);
    peer->fd = fds[1];
    start_quietly(&peer->thread, feed, peer);
    return fds[0];
}

int
peer_drain(struct peer *peer)
{
    int fds[2];

    make_pipe(fds, peer->pipe_size);
    peer->fd = fds[0];
    start_quietly(&peer->thread, drain, peer);
    return fds[1];
}

void
peer_join(struct peer *peer)
{
    atomic_store(&peer->joining, true);
    assert_int_equal(pthread_join(peer->thread, NULL), 0);
    assert_false(peer->failed);
    assert_false(peer->late);
}

/* The process */

void
nap(void)
{
    const struct timespec millisecond = { 0, 1000000 };

    (void)nanosleep(&millisecond, NULL);
}

bool
nap_until(const atomic_bool *done)
{
    int i;

    for (i = 0; i < PATIENCE && !atomic_load(done); i++)
        nap();
    return atomic_load(done);
}
