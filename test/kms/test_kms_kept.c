/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that are kept: found again, renewed in time, forgotten. */
#include "kms/engine/kept.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

static struct fake_world fake;
static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int
set_up(void **state)
{
    (void)state;
    fake_world_init(&fake);
    fake.world.kept = &kept;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kms_kept_forget(&kept);
    kept.next = 0;
    fake_world_clear(&fake);
    return 0;
}

/* Keep these of a source. */
static void
put(const char *source, const char *id, int64_t expires)
{
    const struct kms_seeker seeker = { .world = &fake.world };
    struct kms_credentials credentials = { .expires = expires };

    kms_text_set(&credentials.id, id);
    kms_text_set(&credentials.secret, "secret");
    kms_text_set(&credentials.token, "token");
    kms_text_set(&credentials.project, "project");
    kms_kept_put(&seeker, source, &credentials);
    kms_credentials_clear(&credentials);
}

/* Is this what there is of the source?  NULL for nothing. */
static void
has(const char *source, const char *id, bool anew)
{
    const struct kms_seeker seeker = { .world = &fake.world, .anew = anew };
    struct kms_credentials credentials = { 0 };

    assert_int_equal(kms_kept_find(&credentials, &seeker, source), id != NULL);
    assert_string_equal(kms_text_get(&credentials.id), id != NULL ? id : "");
    assert_string_equal(kms_text_get(&credentials.secret),
                        id != NULL ? "secret" : "");
    assert_string_equal(kms_text_get(&credentials.token),
                        id != NULL ? "token" : "");
    assert_string_equal(kms_text_get(&credentials.project),
                        id != NULL ? "project" : "");
    kms_credentials_clear(&credentials);
}

static void
they_are_found_again(void **state)
{
    (void)state;
    has("a", NULL, false);
    put("a", "id a", 0);
    put("b", "id b", 0);
    has("a", "id a", false);
    has("b", "id b", false);
    has("c", NULL, false);
    has("", NULL, false);
    put("a", "newer", 0);
    has("a", "newer", false);
    has("b", "id b", false);
    /* The service has refused them. */
    has("a", NULL, true);
    /* In another world there is no place for them. */
    fake.world.kept = NULL;
    has("a", NULL, false);
    put("a", "lost", 0);
    fake.world.kept = &kept;
    has("a", "newer", false);
}

static void
they_are_renewed_in_time(void **state)
{
    (void)state;
    put("a", "id", fake.now + KMS_KEPT_MARGIN_S + 1);
    has("a", "id", false);
    fake.now++;
    has("a", NULL, false);
    put("a", "next", fake.now + 3600);
    has("a", "next", false);
}

static void
the_oldest_goes(void **state)
{
    char source[16];
    int i;

    (void)state;
    for (i = 0; i <= KMS_KEPT_COUNT_MAX; i++) {
        (void)snprintf(source, sizeof(source), "%d", i);
        put(source, source, 0);
    }
    has("0", NULL, false);
    for (i = 1; i <= KMS_KEPT_COUNT_MAX; i++) {
        (void)snprintf(source, sizeof(source), "%d", i);
        has(source, source, false);
    }
}

static void
they_are_wiped(void **state)
{
    size_t i;

    (void)state;
    put("a", "id", 0);
    put("b", "id", 0);
    kms_kept_forget(&kept);
    has("a", NULL, false);
    for (i = 0; i < KMS_KEPT_COUNT_MAX; i++) {
        assert_null(kept.entries[i].source.data);
        assert_null(kept.entries[i].credentials.id.data);
        assert_null(kept.entries[i].credentials.secret.data);
        assert_null(kept.entries[i].credentials.token.data);
    }
}

/* What is not whole is not kept, and what was found is not used. */
static void
memory_may_run_out(void **state)
{
    const struct kms_seeker seeker = { .world = &fake.world };
    struct kms_credentials credentials = { 0 }, found;
    size_t n = 0, failures = 0;

    (void)state;
    kms_text_set(&credentials.id, "id");
    kms_text_set(&credentials.secret, "secret");
    kms_text_set(&credentials.token, "token");
    do {
        kms_kept_forget(&kept);
        found = (struct kms_credentials){ 0 };
        memory_fail(++n);
        kms_kept_put(&seeker, "a", &credentials);
        if (!memory_failed() && !kms_kept_find(&found, &seeker, "a"))
            fail_msg("nothing was kept");
        memory_fail(0);
        failures += memory_failed();
        if (memory_failed() && found.id.len == 0 && !found.id.failed)
            has("a", NULL, false);
        else
            assert_true(memory_failed()
                        == (found.id.failed || found.secret.failed
                            || found.token.failed || found.project.failed));
        kms_credentials_clear(&found);
    } while (memory_failed());
    assert_true(failures >= 7);
    kms_credentials_clear(&credentials);
}

#define kept_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static atomic_bool is_over;

static void *
look_again_and_again(void *arg)
{
    const struct kms_seeker seeker = { .world = &fake.world };
    struct kms_credentials credentials = { 0 };

    while (!atomic_load(&is_over)) {
        (void)kms_kept_find(&credentials, &seeker, "source");
        kms_credentials_clear(&credentials);
    }
    return arg;
}

/* Another thread may hold the lock just then. */
static void
a_child_process_is_not_held_up(void **state)
{
    pthread_t thread;
    int i, status;
    pid_t pid;

    (void)state;
    put("source", "id", 0);
    kms_kept_at_fork(&kept);
    assert_int_equal(pthread_create(&thread, NULL, look_again_and_again, NULL),
                     0);
    for (i = 0; i < 200; i++) {
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            (void)alarm(60);
            has("source", "id", false);
            kms_kept_forget(&kept);
            _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
    atomic_store(&is_over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        kept_test(they_are_found_again),
        kept_test(they_are_renewed_in_time),
        kept_test(the_oldest_goes),
        kept_test(they_are_wiped),
        kept_test(memory_may_run_out),
        kept_test(a_child_process_is_not_held_up),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_kept", tests, NULL, NULL);
}
