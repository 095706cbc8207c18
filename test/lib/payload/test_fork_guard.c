/* SPDX-License-Identifier: Apache-2.0 */
/* Fork guards: a process has its own, and none of its ancestors'. */
#include "lib/payload/fork_guard.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/support/support.h"

#define GENERATIONS 4

/* In the place of libc's: an old kernel knows no MADV_WIPEONFORK, and an
 * emulator takes whatever comes, and does nothing. */
static enum advice { TO_KERNEL, REFUSE, BELIEVE } advice_goes;

int
madvise(void *p, size_t len, int advice)
{
    if (advice_goes == TO_KERNEL)
        return (int)syscall(SYS_madvise, p, len, advice);
    errno = EINVAL;
    return advice_goes == BELIEVE ? 0 : -1;
}

/* What holds in this process must be what it has set, the last count. */
static bool
is_right(const struct envl_fork_guard *guards, size_t count, size_t own)
{
    size_t i;

    for (i = 0; i < count; i++) {
        if (envl_fork_guard_holds(&guards[i]) != (i >= count - own))
            return false;
    }
    return true;
}

/* Two guards in each of a line of processes. */
static bool
descend(struct envl_fork_watch *watch, struct envl_fork_guard *guards,
        size_t count, int generations)
{
    int status = -1;
    pid_t child;

    envl_fork_guard_set(&guards[count++], watch);
    envl_fork_guard_set(&guards[count++], watch);
    if (!is_right(guards, count, 2))
        return false;
    if (generations == 1)
        return true;
    if ((child = fork()) == 0)
        _exit(is_right(guards, count, 0)
                      && descend(watch, guards, count, generations - 1)
                  ? 0
                  : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0
           && is_right(guards, count, 2);
}

static void
a_line_of_processes(void **state)
{
    struct envl_fork_watch *watch = envl_fork_watch_new();
    struct envl_fork_guard guards[2 * GENERATIONS];

    (void)state;
    assert_non_null(watch);
    assert_true(descend(watch, guards, 0, GENERATIONS));
    envl_fork_watch_free(watch);
}

static void
the_process_id_serves_too(void **state)
{
    struct envl_fork_guard guards[2 * GENERATIONS];

    (void)state;
    assert_true(descend(NULL, guards, 0, GENERATIONS));
    envl_fork_watch_free(NULL);
}

static void
no_page_that_is_wiped(void **state)
{
    struct envl_fork_guard guards[2 * GENERATIONS];
    struct envl_fork_watch *watch;
    int i;

    (void)state;
    for (i = REFUSE; i <= BELIEVE; i++) {
        advice_goes = (enum advice)i;
        watch = envl_fork_watch_new();
        advice_goes = TO_KERNEL;
        assert_non_null(watch);
        assert_true(descend(watch, guards, 0, GENERATIONS));
        envl_fork_watch_free(watch);
    }
}

/* Brothers have the same number, and none the other's guards. */
static void
several_children(void **state)
{
    struct envl_fork_watch *watch = envl_fork_watch_new();
    struct envl_fork_guard guards[2 * GENERATIONS];
    int i, status;
    pid_t child;

    (void)state;
    assert_non_null(watch);
    for (i = 0; i < 3; i++) {
        envl_fork_guard_set(&guards[0], watch);
        child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(!envl_fork_guard_holds(&guards[0])
                          && descend(watch, guards, 1, 2)
                      ? 0
                      : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_true(envl_fork_guard_holds(&guards[0]));
    }
    envl_fork_watch_free(watch);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_processes),
        cmocka_unit_test(the_process_id_serves_too),
        cmocka_unit_test(no_page_that_is_wiped),
        cmocka_unit_test(several_children),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
