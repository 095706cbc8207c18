/* SPDX-License-Identifier: Apache-2.0 */
/* Directories of keys: which entries are given, in which order, and which ones
 * are refused. */
#define _GNU_SOURCE
#include "lib/keys/key_directory.h"

#include "test/support/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What was given, by its last names, with a blank after each. */
struct given {
    char names[256];
    enum envelope_reason answer;
};

static enum envelope_reason
take(void *arg, const char *path, struct envl_err *err)
{
    struct given *given = arg;

    (void)err;
    (void)strcat(given->names, strrchr(path, '/') + 1);
    (void)strcat(given->names, " ");
    return given->answer;
}

static int
make_directory(void **state)
{
    char path[] = "/tmp/envelope-unit.XXXXXX";

    *state = mkdtemp(path) != NULL ? strdup(path) : NULL;
    return *state == NULL || chdir(*state) != 0;
}

static int
remove_directory(void **state)
{
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -r '%s'", (char *)*state);
    free(*state);
    return chdir("/") != 0 || system(command) != 0;
}

static void
put(const char *name)
{
    FILE *file = fopen(name, "w");

    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
}

static void
files_are_given_in_order(void **state)
{
    struct given given = { .answer = ENVELOPE_OK };
    struct envl_err err;

    assert_true(envl_key_directory_is(*state));
    assert_false(envl_key_directory_is("nowhere"));
    put("b.pub");
    put("a:1");
    put("Z");
    put(".hidden~");
    assert_int_equal(mkdir("below~", 0700), 0);
    assert_int_equal(symlink("Z", "link"), 0);
    assert_int_equal(envl_key_directory_read(*state, take, &given, &err),
                     ENVELOPE_OK);
    assert_string_equal(given.names, "Z a:1 b.pub link ");
    assert_int_equal(envl_key_directory_read("./", take, &given, &err),
                     ENVELOPE_OK);

    given = (struct given){ .answer = ENVELOPE_R_WEAK_KEY };
    assert_int_equal(envl_key_directory_read(".", take, &given, &err),
                     ENVELOPE_R_WEAK_KEY);
    assert_string_equal(given.names, "Z ");
}

/* The entry is in the middle: what is before it is read, and nothing after. */
static void
refuse(const char *name, const char *why)
{
    struct given given = { .answer = ENVELOPE_OK };
    struct envl_err err;

    put("!");
    put("~z");
    assert_int_equal(envl_key_directory_read(".", take, &given, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, name));
    assert_non_null(strstr(err.detail, why));
    assert_null(strstr(given.names, name));
    assert_null(strstr(given.names, "~z"));
    assert_int_equal(unlink(name), 0);
    assert_int_equal(envl_key_directory_read(".", take, &given, &err),
                     ENVELOPE_OK);
}

static void
nothing_is_passed_over(void **state)
{
    static const char *const copies[] = {
        "ops.pub~",     "#ops.pub#",     "ops#",         "ops.bak",
        "ops.dpkg-bak", "ops.dpkg-dist", "ops.dpkg-new", "ops.dpkg-old",
        "ops.dpkg-tmp", "ops.old",       "ops.orig",     "ops.rej",
        "ops.rpmnew",   "ops.rpmorig",   "ops.rpmsave",  "ops.save",
        "ops.swp",      "ops.tmp",       "ops.ucf-dist", "ops.ucf-new",
        "ops.ucf-old",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(copies); i++) {
        put(copies[i]);
        refuse(copies[i], "a copy");
    }
    assert_int_equal(symlink("nowhere", "ops.pub"), 0);
    refuse("ops.pub", "No such file");
    assert_int_equal(symlink("ops.pub", "ops.pub"), 0);
    refuse("ops.pub", "Too many");
    assert_int_equal(mkfifo("ops.pub", 0600), 0);
    refuse("ops.pub", "not a regular file");
}

static void
a_name_alone_is_no_copy(void **state)
{
    static const char *const names[] = { "old", "orig.pub", "tmp", "a.old.pub",
                                         "bak" };
    struct given given = { .answer = ENVELOPE_OK };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); i++)
        put(names[i]);
    assert_int_equal(envl_key_directory_read(".", take, &given, &err),
                     ENVELOPE_OK);
    assert_string_equal(given.names, "a.old.pub bak old orig.pub tmp ");
}

static void
no_file_is_an_error(void **state)
{
    struct given given = { .answer = ENVELOPE_OK };
    struct envl_err err;

    assert_int_equal(envl_key_directory_read(*state, take, &given, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    put(".hidden");
    assert_int_equal(mkdir("below", 0700), 0);
    assert_int_equal(envl_key_directory_read(*state, take, &given, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "has no file"));
    assert_int_equal(envl_key_directory_read("nowhere", take, &given, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "nowhere: No such file"));
    assert_string_equal(given.names, "");
}

int
main(void)
{
#define IN_DIRECTORY(test) \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(files_are_given_in_order),
        IN_DIRECTORY(nothing_is_passed_over),
        IN_DIRECTORY(a_name_alone_is_no_copy),
        IN_DIRECTORY(no_file_is_an_error),
    };

    return cmocka_run_group_tests_name("key directory", tests, NULL, NULL);
}
