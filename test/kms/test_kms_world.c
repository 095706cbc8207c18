/* SPDX-License-Identifier: Apache-2.0 */
/* The real world's small things: time, chance, environment, files. */
#include "kms/world.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
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
        TEST(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
