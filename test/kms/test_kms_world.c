/* SPDX-License-Identifier: Apache-2.0 */
/* The real world's small things: time, chance, environment, files. */
#include "kms/http/world.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct {
    const struct kms_world *world;
    char path[64];
    struct kms_text content;
    struct envl_err err;
} t;

static int
setup(void **state)
{
    int fd;

    (void)state;
    memset(&t, 0, sizeof(t));
    t.world = kms_world_real();
    (void)snprintf(t.path, sizeof(t.path), "/tmp/kms-world-XXXXXX");
    fd = mkstemp(t.path);
    return fd < 0 || close(fd) != 0;
}

static int
teardown(void **state)
{
    (void)state;
    kms_text_clear(&t.content);
    return unlink(t.path);
}

/* Time and chance */

static void
the_clock_is_the_systems(void **state)
{
    int64_t now = t.world->now(t.world->arg), system = time(NULL);

    (void)state;
    assert_in_range(system - now, 0, 1);
}

static void
do_nothing(int number)
{
    (void)number;
}

static void
ticks_are_milliseconds(void **state)
{
    struct sigaction action = { .sa_handler = do_nothing };
    struct itimerval timer = { { 0, 2000 }, { 0, 2000 } };
    int64_t start = t.world->ticks(t.world->arg);

    (void)state;
    /* Signals do not shorten a pause. */
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    t.world->sleep(t.world->arg, 60);
    timer = (struct itimerval){ 0 };
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
    assert_in_range(t.world->ticks(t.world->arg) - start, 59, 5000);
    start = t.world->ticks(t.world->arg);
    t.world->sleep(t.world->arg, 0);
    assert_in_range(t.world->ticks(t.world->arg) - start, 0, 5000);
}

static void
chance_is_below_its_bound(void **state)
{
    unsigned i, seen[7] = { 0 }, value;

    (void)state;
    for (i = 0; i < 1000; i++) {
        value = t.world->random(t.world->arg, COUNT(seen));
        assert_in_range(value, 0, COUNT(seen) - 1);
        seen[value]++;
    }
    for (i = 0; i < COUNT(seen); i++)
        assert_int_not_equal(seen[i], 0);
    assert_int_equal(t.world->random(t.world->arg, 1), 0);
    assert_int_equal(t.world->random(t.world->arg, 0), 0);
}

/* The environment */

static void
an_empty_variable_is_none(void **state)
{
    (void)state;
    assert_int_equal(setenv("KMS_TEST", "value", 1), 0);
    assert_string_equal(t.world->variable(t.world->arg, "KMS_TEST"), "value");
    assert_int_equal(setenv("KMS_TEST", "", 1), 0);
    assert_null(t.world->variable(t.world->arg, "KMS_TEST"));
    assert_int_equal(unsetenv("KMS_TEST"), 0);
    assert_null(t.world->variable(t.world->arg, "KMS_TEST"));
}

/* Files */

static enum envelope_reason
read_file(const char *path, size_t max)
{
    return t.world->read(t.world->arg, &t.content, path, max, &t.err);
}

static void
set_file(size_t len)
{
    unsigned char bytes[20000];
    int fd = open(t.path, O_WRONLY | O_TRUNC);

    fill(bytes, len, 1);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(close(fd), 0);
}

static void
assert_refused(const char *path, size_t max, const char *why)
{
    assert_int_equal(read_file(path, max), ENVELOPE_R_CREDENTIALS);
    assert_null(t.content.data);
    assert_non_null(strstr(t.err.detail, path));
    assert_non_null(strstr(t.err.detail, why));
}

static void
files_are_read(void **state)
{
    static const size_t lens[] = { 1, 4096, 4097, 20000 };
    unsigned char bytes[20000];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(lens); i++) {
        set_file(lens[i]);
        fill(bytes, lens[i], 1);
        kms_text_set(&t.content, "before");
        assert_int_equal(read_file(t.path, lens[i]), ENVELOPE_OK);
        assert_int_equal(t.content.len, lens[i]);
        assert_memory_equal(t.content.data, bytes, lens[i]);
    }
}

static void
an_empty_file_is_one(void **state)
{
    (void)state;
    assert_int_equal(read_file(t.path, 0), ENVELOPE_OK);
    assert_non_null(t.content.data);
    assert_int_equal(t.content.len, 0);
}

static void
a_file_may_not_be_there(void **state)
{
    char below[80];

    (void)state;
    kms_text_set(&t.content, "before");
    assert_int_equal(read_file("/nowhere/credentials", 10), ENVELOPE_OK);
    assert_null(t.content.data);
    (void)snprintf(below, sizeof(below), "%s/credentials", t.path);
    assert_int_equal(read_file(below, 10), ENVELOPE_OK);
    assert_null(t.content.data);
}

static void
bad_files_are_refused(void **state)
{
    (void)state;
    set_file(5000);
    assert_refused(t.path, 4999, "longer than 4999 bytes");
    assert_refused(t.path, 0, "longer than 0 bytes");
    assert_refused("/dev/zero", 65536, "longer than");
    assert_refused("/tmp", 10, "Is a directory");
    if (geteuid() != 0) {
        assert_int_equal(chmod(t.path, 0), 0);
        assert_refused(t.path, 5000, "Permission denied");
    }
}

/* Whoever writes to it may not have begun. */
static void
a_fifo_is_waited_for(void **state)
{
    const struct timespec moment = { 0, 50000000 };
    pid_t pid;
    int fd;

    (void)state;
    assert_int_equal(unlink(t.path), 0);
    assert_int_equal(mkfifo(t.path, 0600), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)nanosleep(&moment, NULL);
        fd = open(t.path, O_WRONLY);
        _exit(fd >= 0 && write(fd, "token", 5) == 5 ? 0 : 1);
    }
    assert_int_equal(read_file(t.path, 10), ENVELOPE_OK);
    assert_int_equal(t.content.len, 5);
    assert_memory_equal(t.content.data, "token", 5);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Each look at the clock is so many milliseconds later. */
static int64_t hurry, hurried;

int64_t __real_kms_clock_ticks(void *arg);
int64_t __wrap_kms_clock_ticks(void *arg);

int64_t
__wrap_kms_clock_ticks(void *arg)
{
    hurried += hurry;
    return __real_kms_clock_ticks(arg) + hurried;
}

/* All of it has to come in ten seconds, however often a little of it does. */
static void
a_fifo_may_not_drip(void **state)
{
    const struct timespec pause = { 0, 10000000 };
    pid_t pid;
    int fd, i;

    (void)state;
    assert_int_equal(unlink(t.path), 0);
    assert_int_equal(mkfifo(t.path, 0600), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)signal(SIGPIPE, SIG_IGN);
        fd = open(t.path, O_WRONLY);
        for (i = 0; i < 3000 && write(fd, "x", 1) == 1; i++)
            (void)nanosleep(&pause, NULL);
        _exit(i < 3000 ? 0 : 1);
    }
    hurry = 1000;
    assert_int_equal(read_file(t.path, 5000), ENVELOPE_R_CREDENTIALS);
    assert_in_range(hurried, 10000, 12000);
    hurry = hurried = 0;
    assert_non_null(strstr(t.err.detail, "timed out"));
    assert_int_equal(t.content.len, 0);
    assert_int_equal(waitpid(pid, &i, 0), pid);
    assert_int_equal(i, 0);
}

/* A shell's <(command) has a writer, who may need a moment. */
static void
a_pipe_is_waited_for(void **state)
{
    const struct timespec moment = { 0, 50000000 };
    char path[32];
    int fds[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)nanosleep(&moment, NULL);
        _exit(write(fds[1], "token", 5) == 5 ? 0 : 1);
    }
    assert_int_equal(close(fds[1]), 0);
    assert_int_equal(read_file(path, 10), ENVELOPE_OK);
    assert_int_equal(t.content.len, 5);
    assert_memory_equal(t.content.data, "token", 5);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Who may write */

static void
assert_guard(const char *path, const char *shown)
{
    enum envelope_reason rc = t.world->guard(t.world->arg, path, &t.err);

    if (shown == NULL) {
        assert_int_equal(rc, ENVELOPE_OK);
        return;
    }
    assert_int_equal(rc, ENVELOPE_R_UNREADABLE_KEY);
    if (strncmp(t.err.detail, shown, strlen(shown)) != 0)
        fail_msg("%s", t.err.detail);
    assert_non_null(strstr(t.err.detail, "others can write to it"));
}

static void
what_others_can_write_to_is_refused(void **state)
{
    static const unsigned bad[] = { 0602, 0620, 0666, 0777 };
    static const unsigned good[] = { 0600, 0644, 0755, 0400 };
    char dir[] = "/tmp/envelope-world-XXXXXX", path[64];
    size_t i;
    int fd;

    (void)state;
    assert_guard("/nowhere/kms.conf", NULL);
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/kms.conf", dir);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    for (i = 0; i < COUNT(good); i++) {
        assert_int_equal(fchmod(fd, good[i]), 0);
        assert_guard(path, NULL);
    }
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(fchmod(fd, bad[i]), 0);
        assert_guard(path, path);
    }
    assert_int_equal(fchmod(fd, 0600), 0);
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(chmod(dir, bad[i] | 0700), 0);
        assert_guard(path, dir);
        assert_int_equal(chmod(dir, bad[i] | 01700), 0);
        assert_guard(path, NULL);
    }
    assert_int_equal(chmod(dir, 0700), 0);
    if (geteuid() == 0) {
        assert_int_equal(fchown(fd, 4711, 0), 0);
        assert_guard(path, path);
        assert_int_equal(fchown(fd, 0, 4711), 0);
        assert_guard(path, NULL);
        assert_int_equal(chown(dir, 4711, 0), 0);
        assert_guard(path, dir);
        assert_int_equal(chmod(dir, 01777), 0);
        assert_guard(path, dir);
        assert_int_equal(chown(dir, 0, 0), 0);
        assert_int_equal(chmod(dir, 0700), 0);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* A link does not hide where the file lies, nor does a directory above it. */
static void
what_is_above_counts(void **state)
{
    char dir[] = "/tmp/envelope-world-XXXXXX", inner[64], path[80], link[80];
    int fd;

    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(inner, sizeof(inner), "%s/inner", dir);
    (void)snprintf(path, sizeof(path), "%s/kms.conf", inner);
    (void)snprintf(link, sizeof(link), "%s/link", dir);
    assert_int_equal(mkdir(inner, 0700), 0);
    fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(symlink("inner/kms.conf", link), 0);
    assert_guard(path, NULL);
    assert_guard(link, NULL);
    assert_int_equal(chmod(inner, 0777), 0);
    assert_guard(link, inner);
    assert_int_equal(chmod(inner, 0700), 0);
    assert_int_equal(chmod(dir, 0777), 0);
    assert_guard(path, dir);
    assert_int_equal(unlink(link), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(inner), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void
memory_may_run_out(void **state)
{
    enum envelope_reason rc = ENVELOPE_R_MEMORY;
    size_t n;

    (void)state;
    set_file(5000);
    for (n = 1; rc != ENVELOPE_OK; n++) {
        memory_fail(n);
        rc = read_file(t.path, 5000);
        memory_fail(0);
        if (rc != ENVELOPE_OK) {
            assert_int_equal(rc, ENVELOPE_R_MEMORY);
            assert_null(t.content.data);
        }
    }
    assert_true(n > 2);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_clock_is_the_systems),
        TEST(ticks_are_milliseconds),
        TEST(chance_is_below_its_bound),
        TEST(an_empty_variable_is_none),
        TEST(files_are_read),
        TEST(an_empty_file_is_one),
        TEST(a_file_may_not_be_there),
        TEST(bad_files_are_refused),
        TEST(a_fifo_is_waited_for),
        TEST(a_fifo_may_not_drip),
        TEST(a_pipe_is_waited_for),
        TEST(what_others_can_write_to_is_refused),
        TEST(what_is_above_counts),
        TEST(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
