/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out: the n-th allocation fails, for every n.  Then an
 * archive function fails and says so, or the archive is right; nothing
 * crashes, leaks or differs, and what was not finished is not taken for whole.
 */
#include "test/filter/archive/support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "test/support/memory.h"

/* One attempt takes milliseconds; one that hangs ends the test. */
#define SECONDS_MAX 60

/* So many of libcrypto's allocations are tried; each takes a key derivation,
 * and there may be thousands. */
#ifndef TRIES
#define TRIES 8
#endif

/* libcrypto's allocations fail from the first of this file on: while it makes
 * a library context, libcrypto itself does not survive that everywhere. */
#define BEGINS_AT "provider/cipher.c"

static atomic_bool begun;

static bool
from_there_on(const char *file)
{
    if (file != NULL && strstr(file, BEGINS_AT) != NULL)
        begun = true;
    return begun;
}

static void
arm(bool (*whose)(const char *file), bool stay, size_t n)
{
    begun = false;
    memory.may_fail = whose;
    memory.stays = stay;
    memory_fail(n);
    alarm(SECONDS_MAX);
}

/* Archives that are written and read */

struct scenario {
    const char *name;
    const struct support_plan *plan;
    const struct envelope_option *seal; /* NULL: it is no envelope */
    const struct envelope_option *open;
    bool writes;
    enum support_target target; /* if it does */
    enum support_source source; /* if not */
    struct octets input;
};

static struct envelope_option to_key[] = {
    { "recipients", NULL }, { "label", "a=1" }, { "label", "b=2" },
    { "threads", "2" },     { NULL, NULL },
};
static struct envelope_option to_xbcloud[] = {
    { "recipients", NULL },    { "carrier", "xbstream" }, { "xbcloud", "1" },
    { "piece-size", "65536" }, { "threads", "2" },        { NULL, NULL },
};
static struct envelope_option as_key[] = {
    { "identities", NULL },
    { "passphrase", "open" }, /* for others; scrypt would take long */
    { "threads", "2" },
    { NULL, NULL },
};

/* For what is no envelope. */
static struct envelope_option as_anybody[] = {
    { "identities", "/none" },
    { "require", "0" },
    { NULL, NULL },
};

static struct scenario scenarios[] = {
    { .name = "write a tar to memory",
      .plan = &support_one_short,
      .seal = to_key,
      .open = as_key,
      .writes = true,
      .target = TO_MEMORY },
    { .name = "write a tar to a file",
      .plan = &support_some_tar,
      .seal = to_key,
      .open = as_key,
      .writes = true,
      .target = TO_NAME },
    { .name = "write an xbstream through callbacks",
      .plan = &support_some_tar,
      .seal = to_xbcloud,
      .open = as_key,
      .writes = true,
      .target = TO_CALLBACKS },
    { .name = "read a tar from memory",
      .plan = &support_one_short,
      .seal = to_key,
      .open = as_key,
      .source = FROM_MEMORY },
    { .name = "read a tar from a file",
      .plan = &support_some_tar,
      .seal = to_key,
      .open = as_key,
      .source = FROM_NAME },
    { .name = "read an xbstream through callbacks",
      .plan = &support_one_short,
      .seal = to_xbcloud,
      .open = as_key,
      .source = FROM_SKIPPING },
    { .name = "read a zip by its directory",
      .plan = &support_some_zip,
      .seal = to_key,
      .open = as_key,
      .source = FROM_SEEKING },
};

/* Remember the first thing that was wrong in an attempt. */
static void
blame(const char *what, const struct support_outcome *o)
{
    if (memory.failure->note[0] == '\0')
        (void)snprintf(memory.failure->note, sizeof(memory.failure->note),
                       "%s: status %d, error %d: %s", what, o->status, o->error,
                       o->text);
}

/* The program's data is let go of as often as it was taken. */
static void
judge_client(const struct support_output *out, const struct support_outcome *o)
{
    if (out->closes != out->opens)
        blame("opened and closed differently often", o);
    if (out->frees != 1)
        blame("not freed once", o);
}

/* What a write has left behind is whole only if it said so. */
static struct support_outcome
judge_target(const struct scenario *c, struct support_outcome o,
             struct octets sealed)
{
    struct support_outcome back =
        support_read(OURS, FROM_MEMORY, c->open, sealed);

    if (o.status == ARCHIVE_OK)
        return back;
    if (back.wrong)
        blame("the data is wrong", &back);
    if (sealed.len > 0 && back.status != ARCHIVE_FATAL)
        blame("the failed archive can be read", &o);
    return o;
}

static struct support_outcome
write_one(const struct scenario *c)
{
    struct support_output out = { 0 };
    struct support_outcome o = { 0 };
    struct archive *a = support_writer(c->plan);
    int status = support_open_target(a, c->target, c->seal, &out);
    struct octets sealed;

    support_note(&o, a, status);
    if (status == ARCHIVE_OK) {
        support_note(&o, a, support_add_all(a, c->plan));
        support_note(&o, a, envelope_archive_write_close(a));
    }
    (void)envelope_archive_write_free(a); /* it is closed */
    memory_fail(0);
    if (c->target == TO_CALLBACKS)
        judge_client(&out, &o);
    if (c->target == TO_NAME && access(out.path, F_OK) != 0)
        return o; /* it failed before */
    sealed = support_collect(c->target, &out);
    o = judge_target(c, o, sealed);
    support_drop(&sealed);
    return o;
}

/* The number of the next descriptor: it grows where one was lost. */
static int
next_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    return fd;
}

/* "cannot read" is said of what is no envelope, in libarchive's manner. */
static bool
says_why(const struct support_outcome *o)
{
    return support_says(o, "envelope: ") || support_says(o, "cannot read: ");
}

/* The whole archive, with all that is to be said about it in memory.failure. */
static struct support_outcome
attempt(const struct scenario *c)
{
    int fd = next_fd();
    struct support_outcome o =
        c->writes ? write_one(c)
                  : support_read(OURS, c->source, c->open, c->input);

    memory_fail(0);
    if (o.wrong)
        blame("the data is wrong", &o);
    else if (o.status == ARCHIVE_OK && o.members != c->plan->count)
        blame("members are missing", &o);
    else if (o.status != ARCHIVE_OK && o.status != ARCHIVE_FATAL)
        blame("neither right nor fatal", &o);
    else if (o.status == ARCHIVE_FATAL && !says_why(&o))
        blame("no text says why", &o);
    if (ERR_peek_error() != 0)
        blame("errors are left in the program's queue", &o);
    if (next_fd() != fd)
        blame("a descriptor was lost", &o);
    return o;
}

/* libcrypto says last that a provider or a cipher could not be set up, and not
 * why. */
static bool
is_memory(const struct support_outcome *o)
{
    return o->error == ENOMEM || support_says(o, "out of memory")
           || strstr(o->text, "cannot set the provider up") != NULL
           || strstr(o->text, "cannot initialise the cipher") != NULL;
}

static unsigned
complain(const struct scenario *c, size_t n)
{
    const struct memory_failure *last = memory.failure;

    if (last->note[0] == '\0')
        return 0;
    print_error("%s: allocation %zu (%s:%d): %s\n", c->name, n, last->file,
                last->line, last->note);
    return 1;
}

/* Sweeps over the project's own allocations */

/* Were blocks lost, and are they each time?  libcrypto keeps a set of decoders for
 * each way in which a key was read, from 3.4 on, and failing may be another way. */
static bool
loses_again(struct scenario *c, bool stay, size_t n, long *live)
{
    struct memory_failure kept = *memory.failure;
    bool loses = memory_live() != *live;

    if (loses) {
        *live = memory_live();
        arm(memory_is_ours, stay, n);
        (void)attempt(c);
        loses = memory_live() != *live;
        *memory.failure = kept;
    }
    *live = memory_live();
    return loses;
}

static unsigned
sweep(struct scenario *c, bool stay)
{
    struct support_outcome o;
    unsigned faults = 0;
    size_t n = 0;
    long live;

    if (!c->writes && c->input.data == NULL)
        c->input = support_write(c->plan, TO_MEMORY, c->seal);
    arm(memory_is_ours, stay, SIZE_MAX);
    (void)attempt(c); /* caches fill */
    live = memory_live();
    do {
        arm(memory_is_ours, stay, ++n);
        o = attempt(c);
        if (o.status != ARCHIVE_OK && !is_memory(&o))
            blame("not told as memory", &o);
        if (loses_again(c, stay, n, &live))
            blame("blocks were lost", &o);
        faults += complain(c, n);
    } while (memory_failed());
    assert_int_equal(o.status, ARCHIVE_OK);
    assert_true(n > 1); /* the failures did reach the project */
    return faults;
}

static void
sweep_all(bool writes, bool stay)
{
    unsigned faults = 0;
    size_t i;

    for (i = 0; i < COUNT_OF(scenarios); i++) {
        if (scenarios[i].writes == writes)
            faults += sweep(&scenarios[i], stay);
    }
    assert_int_equal(faults, 0);
}

static void
writing(void **state)
{
    (void)state;
    sweep_all(true, false);
}

static void
writing_from_then_on(void **state)
{
    (void)state;
    sweep_all(true, true);
}

static void
reading(void **state)
{
    (void)state;
    sweep_all(false, false);
}

static void
reading_from_then_on(void **state)
{
    (void)state;
    sweep_all(false, true);
}

/* What is no envelope passes, or fails as cleanly. */
static void
passing_through(void **state)
{
    struct scenario c = { .name = "read what is no envelope",
                          .plan = &support_one_short,
                          .open = as_anybody };
    unsigned source, faults = 0;

    (void)state;
    c.input = support_write(c.plan, TO_MEMORY, NULL);
    for (source = 0; source < SUPPORT_SOURCES; source++) {
        c.source = source;
        faults += sweep(&c, false);
    }
    support_drop(&c.input);
    assert_int_equal(faults, 0);
}

/* Sweeps in a child: what was set up once stays so, and libcrypto never tries
 * again what it could not set up. */

static unsigned
in_child(struct scenario *c, size_t n)
{
    struct support_outcome o;
    pid_t pid = fork();
    int status = -1;

    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(SECONDS_MAX / 2);
        (void)signal(SIGSEGV, SIG_DFL); /* cmocka's would go on */
        (void)attempt(c);
        if (memory.may_fail == memory_is_ours
            && (o = attempt(c)).status != ARCHIVE_OK)
            blame("the next archive fails, too", &o);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    memory_fail(0);
    if (status != 0)
        (void)snprintf(memory.failure->note, sizeof(memory.failure->note),
                       "it ended with status 0x%x", (unsigned)status);
    return complain(c, n);
}

/* In a process that has opened none before; it must be the first test. */
static void
the_first_archive(void **state)
{
    unsigned faults = 0;
    size_t n = 0;

    (void)state;
    do {
        arm(memory_is_ours, false, ++n);
        faults += in_child(&scenarios[0], n);
    } while (memory_failed());
    assert_true(n > 1);
    assert_int_equal(faults, 0);
}

static void
sweep_anybodys(struct scenario *c)
{
    unsigned faults = 0;
    size_t n, step;

    arm(from_there_on, false, SIZE_MAX);
    (void)attempt(c); /* libcrypto sets itself up */
    arm(from_there_on, false, SIZE_MAX);
    (void)attempt(c);
    step = memory.count / TRIES + 1;
    for (n = 1; n == 1 || memory_failed(); n += step) {
        arm(from_there_on, false, n);
        faults += in_child(c, n);
    }
    assert_true(n > 2 * step); /* the failures did reach libcrypto */
    assert_int_equal(faults, 0);
}

/* With a passphrase: where libcrypto reads keys, it crashes by itself. */
static void
any_allocation(void **state)
{
    struct scenario c = { .name = "write with a passphrase",
                          .plan = &support_one_short,
                          .seal = OPTIONS({ "carrier", "xbstream" },
                                          { "passphrase", "open" },
                                          { "work-factor", "14" }),
                          .open = OPTIONS({ "passphrase", "open" }),
                          .writes = true,
                          .target = TO_CALLBACKS };

    (void)state;
    sweep_anybodys(&c);
    c.name = "read with a passphrase";
    c.writes = false;
    c.source = FROM_MEMORY;
    c.input = support_write(c.plan, TO_MEMORY, c.seal);
    sweep_anybodys(&c);
    support_drop(&c.input);
}

static int
setup(void **state)
{
    (void)support_setup(state);
    to_key[0].value = to_xbcloud[0].value = support_path("ops.pem");
    as_key[0].value = support_path("ops.key");
    return 0;
}

static int
teardown(void **state)
{
    size_t i;

    alarm(0);
    for (i = 0; i < COUNT_OF(scenarios); i++)
        support_drop(&scenarios[i].input);
    return support_teardown(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_archive),
        cmocka_unit_test(writing),
        cmocka_unit_test(writing_from_then_on),
        cmocka_unit_test(reading),
        cmocka_unit_test(reading_from_then_on),
        cmocka_unit_test(passing_through),
        cmocka_unit_test(any_allocation),
    };

    memory_install(NULL);
    memory.any_thread = true; /* an archive has some of its own */
    return cmocka_run_group_tests_name("memory", tests, setup, teardown);
}
