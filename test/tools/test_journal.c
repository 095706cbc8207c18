/* SPDX-License-Identifier: Apache-2.0 */
/* Journals where the disk fails: none is given up that may be needed. */
#include "tools/os/journal.h"

#include "test/filter/stream/peer.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tools/os/disk.h"

#define PATCH_AT 10
#define PATCH_LEN 9000 /* more than is compared at once */
#define START_AT 10000
#define FILE_LEN 10100

/* What is brought to the disk (ld's --wrap) */

bool __real_envl_to_disk(int fd);
bool __wrap_envl_to_disk(int fd);

static int fails_for = -1; /* a descriptor */

bool
__wrap_envl_to_disk(int fd)
{
    return fd != fails_for && __real_envl_to_disk(fd);
}

/* A file in a directory of its own, and what is to be written to it. */
struct fixture {
    char directory[32], path[48];
    int file;
    struct bytes old;
    struct envl_patch patch;
    struct envl_journal journal;
};

static int
setup(void **state)
{
    static struct fixture f;
    struct envl_err err;

    f = (struct fixture){ .directory = "/tmp/envelope-unit.XXXXXX",
                          .old = text_of_len(FILE_LEN) };
    assert_non_null(mkdtemp(f.directory));
    (void)snprintf(f.path, sizeof(f.path), "%s/file", f.directory);
    f.file = open(f.path, O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(f.file >= 0);
    assert_int_equal(write(f.file, f.old.p, FILE_LEN), FILE_LEN);
    f.patch = (struct envl_patch){ .at = PATCH_AT,
                                   .bytes = OPENSSL_zalloc(PATCH_LEN),
                                   .len = PATCH_LEN };
    assert_non_null(f.patch.bytes);
    assert_int_equal(envl_journal_init(&f.journal, f.path, f.file, &err),
                     ENVELOPE_OK);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    envl_journal_clear(&f->journal);
    OPENSSL_free(f->patch.bytes);
    drop(&f->old);
    close_fd(f->file);
    return unlink(f->path) != 0 || rmdir(f->directory) != 0;
}

static void
assert_patched(const struct fixture *f)
{
    unsigned char now[FILE_LEN];

    assert_int_equal(pread(f->file, now, FILE_LEN, 0), FILE_LEN);
    assert_memory_equal(now, f->old.p, PATCH_AT);
    assert_memory_equal(now + PATCH_AT, f->patch.bytes, PATCH_LEN);
    assert_memory_equal(now + PATCH_AT + PATCH_LEN,
                        f->old.p + PATCH_AT + PATCH_LEN,
                        FILE_LEN - PATCH_AT - PATCH_LEN);
}

static void
file_that_is_not_on_the_disk(void **state)
{
    struct fixture *f = *state;
    enum envl_journal_state found;
    struct envl_err err;

    fails_for = f->file;
    assert_int_equal(
        envl_journal_replace(&f->journal, START_AT, &f->patch, &err),
        ENVELOPE_R_WRITE);
    assert_non_null(strstr(err.detail, f->journal.name));
    assert_true(envl_journal_exists(&f->journal));
    assert_int_equal(envl_journal_recover(&f->journal, &found, &err),
                     ENVELOPE_R_WRITE);
    assert_int_equal(found, ENVL_JOURNAL_NONE);
    assert_true(envl_journal_exists(&f->journal));

    fails_for = -1;
    assert_int_equal(envl_journal_recover(&f->journal, &found, &err),
                     ENVELOPE_OK);
    assert_int_equal(found, ENVL_JOURNAL_REDONE);
    assert_false(envl_journal_exists(&f->journal));
    assert_patched(f);
}

static void
file_that_is(void **state)
{
    struct fixture *f = *state;
    struct envl_err err;

    assert_int_equal(
        envl_journal_replace(&f->journal, START_AT, &f->patch, &err),
        ENVELOPE_OK);
    assert_false(envl_journal_exists(&f->journal));
    assert_patched(f);
}

/* The patch may cover a part of the bytes that name the file, or all of them but
 * not what is around them. */
static void
anchor_that_is_written(void **state)
{
    static const uint64_t anchors[] = { PATCH_AT + PATCH_LEN - 40, PATCH_AT,
                                        0 };
    struct fixture *f = *state;
    enum envl_journal_state found;
    struct envl_err err;
    size_t i;

    for (i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++) {
        assert_int_equal(pwrite(f->file, f->old.p, FILE_LEN, 0), FILE_LEN);
        fails_for = f->file;
        assert_int_equal(
            envl_journal_replace(&f->journal, anchors[i], &f->patch, &err),
            ENVELOPE_R_WRITE);
        fails_for = -1;
        /* half of the write had been done */
        assert_int_equal(pwrite(f->file, f->old.p, FILE_LEN / 2, 0),
                         FILE_LEN / 2);
        assert_int_equal(envl_journal_recover(&f->journal, &found, &err),
                         ENVELOPE_OK);
        assert_int_equal(found, ENVL_JOURNAL_REDONE);
        assert_patched(f);
    }
}

static void
anchor_of_another_file(void **state)
{
    struct fixture *f = *state;
    enum envl_journal_state found;
    struct envl_err err;
    unsigned char other = f->old.p[START_AT] ^ 1;

    fails_for = f->file;
    assert_int_equal(
        envl_journal_replace(&f->journal, START_AT, &f->patch, &err),
        ENVELOPE_R_WRITE);
    fails_for = -1;
    assert_int_equal(pwrite(f->file, &other, 1, START_AT), 1);
    assert_int_equal(envl_journal_recover(&f->journal, &found, &err),
                     ENVELOPE_R_READ);
    assert_non_null(strstr(err.detail, "another file"));
    assert_int_equal(unlink(f->journal.name), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(file_that_is_not_on_the_disk, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(file_that_is, setup, teardown),
        cmocka_unit_test_setup_teardown(anchor_that_is_written, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(anchor_of_another_file, setup,
                                        teardown),
    };

    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
