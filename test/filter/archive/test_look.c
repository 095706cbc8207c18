/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The look at what is to be read: one that fails is a failure, and nothing
 * goes to libarchive unseen.  Where the options insist on an envelope,
 * nothing else is read.
 */
/* It has an inline pread(), and that is defined here. */
#undef _FORTIFY_SOURCE
/* With 64 bits open() and open64() are the same, and both are defined here.  With
 * 32 open() is the name of another one. */
#if __SIZEOF_LONG__ >= 8
#undef _FILE_OFFSET_BITS
#undef _TIME_BITS
#define REAL_OPEN "open"
#define REAL_FSTAT "fstat"
#define REAL_LSEEK "lseek"
#define REAL_PREAD "pread"
#else
#define REAL_OPEN "open64"
#define REAL_FSTAT "__fstat64_time64"
#define REAL_LSEEK "lseek64"
#define REAL_PREAD "pread64"
#endif

#define _GNU_SOURCE /* RTLD_NEXT, fopencookie */
#include "test/filter/archive/support.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* The system's calls, of which one fails once */

enum call { NO_CALL, OPEN, FSTAT, LSEEK, PREAD, READ };

static struct {
    enum call call;
    unsigned number; /* of its calls, counted from 1 */
    int error;
    bool failed;
} fault;

static bool
must_fail(enum call call)
{
    if (fault.call != call || --fault.number > 0)
        return false;
    fault.call = NO_CALL;
    fault.failed = true;
    errno = fault.error;
    return true;
}

static void
fail_once(enum call call, unsigned number, int error)
{
    fault.call = call;
    fault.number = number;
    fault.error = error;
    fault.failed = false;
}

#define REAL(function, name) ((__typeof__(&(function)))dlsym(RTLD_NEXT, name))

ENVELOPE_EXPORT int
open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list list;

    va_start(list, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(list, mode_t);
    va_end(list);
    return must_fail(OPEN) ? -1 : REAL(open, REAL_OPEN)(path, flags, mode);
}

ENVELOPE_EXPORT int
fstat(int fd, struct stat *status)
{
    return must_fail(FSTAT) ? -1 : REAL(fstat, REAL_FSTAT)(fd, status);
}

ENVELOPE_EXPORT off_t
lseek(int fd, off_t at, int whence)
{
    return must_fail(LSEEK) ? -1 : REAL(lseek, REAL_LSEEK)(fd, at, whence);
}

ENVELOPE_EXPORT ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
    return must_fail(PREAD) ? -1 : REAL(pread, REAL_PREAD)(fd, buf, len, at);
}

ENVELOPE_EXPORT ssize_t
readv(int fd, const struct iovec *parts, int count)
{
    return must_fail(READ) ? -1 : REAL(readv, "readv")(fd, parts, count);
}

#if defined __GLIBC__ && __SIZEOF_LONG__ >= 8
ENVELOPE_EXPORT int open64(const char *path, int flags, ...)
    __attribute__((alias("open")));
ENVELOPE_EXPORT off_t lseek64(int fd, off_t at, int whence)
    __attribute__((alias("lseek")));
ENVELOPE_EXPORT ssize_t pread64(int fd, void *buf, size_t len, off_t at)
    __attribute__((alias("pread")));
#endif

/* Looks that fail */

/* No member of anything came out: not even the carrier's. */
static void
assert_nothing(struct support_outcome o, int error)
{
    assert_int_equal(o.status, ARCHIVE_FATAL);
    assert_int_equal(o.error, error);
    assert_string_equal(o.list, "");
}

static struct octets
sealed_one(void)
{
    return support_write(&support_one_short, TO_MEMORY, IN("tar"));
}

static struct octets
plain_one(void)
{
    return support_write(&support_one_short, TO_MEMORY, NULL);
}

/* The calls of that kind fail in turn: nothing comes out, and why is said. */
static void
a_call_fails(bool by_name, enum call call, unsigned count, int error)
{
    struct octets bytes[] = { sealed_one(), plain_one() };
    const char *name = support_path("look");
    size_t i;
    unsigned n;

    for (i = 0; i < COUNT_OF(bytes); i++) {
        support_save(name, bytes[i]);
        for (n = 1; n <= count; n++) {
            struct support_outcome o = { 0 };
            struct archive *a = support_reader();
            int fd = open(name, O_RDONLY | O_CLOEXEC), status;

            assert_true(fd >= 0);
            fail_once(call, n, error);
            status =
                by_name
                    ? envelope_archive_read_open_filename(a, NULL, name, 10240)
                    : envelope_archive_read_open_fd(a, NULL, fd, 10240);
            support_note(&o, a, status);
            assert_true(fault.failed);
            while (status == ARCHIVE_OK && support_next(a, &o))
                ;
            assert_nothing(o, error);
            if (call != OPEN && call != FSTAT)
                assert_non_null(strstr(o.text, strerror(error)));
            (void)archive_read_free(a); /* it failed */
            assert_int_equal(close(fd), 0);
        }
        support_drop(&bytes[i]);
    }
}

static void
a_look_that_fails(void **state)
{
    static const int errors[] = { EIO, ENOMEM, ESTALE, EMFILE };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(errors); i++) {
        a_call_fails(true, OPEN, 1, errors[i]);
        a_call_fails(true, FSTAT, 2, errors[i]);
        a_call_fails(true, LSEEK, 3, errors[i]);
        a_call_fails(true, PREAD, 1, errors[i]);
        a_call_fails(false, FSTAT, 2, errors[i]);
        a_call_fails(false, LSEEK, 3, errors[i]);
        a_call_fails(false, PREAD, 1, errors[i]);
    }
}

static void
a_pipe_that_fails(void **state)
{
    struct octets sealed = sealed_one();
    struct support_outcome o;

    (void)state;
    fail_once(READ, 1, EIO);
    o = support_read(OURS, FROM_PIPE, NULL, sealed);
    assert_true(fault.failed);
    assert_nothing(o, EIO);
    support_drop(&sealed);
}

/* What cannot be sought in is read in order, and decrypted. */
static void
no_seeking(void **state)
{
    static const int errors[] = { ESPIPE, EINVAL };
    struct octets bytes[] = { sealed_one(), plain_one() };
    size_t i, j;
    unsigned n;

    (void)state;
    for (i = 0; i < COUNT_OF(bytes); i++) {
        for (j = 0; j < COUNT_OF(errors); j++) {
            for (n = 1; n <= 2; n++) {
                fail_once(LSEEK, n, errors[j]);
                assert_reads(support_read(OURS, FROM_FD, NULL, bytes[i]),
                             &support_one_short);
                assert_true(fault.failed);
            }
        }
        support_drop(&bytes[i]);
    }
}

/* A FILE on something of the program's own */

struct cookie {
    struct octets bytes;
    size_t at;
};

static ssize_t
cookie_read(void *data, char *buf, size_t len)
{
    struct cookie *cookie = data;

    if (must_fail(READ))
        return -1;
    if (len > cookie->bytes.len - cookie->at)
        len = cookie->bytes.len - cookie->at;
    memcpy(buf, cookie->bytes.data + cookie->at, len);
    cookie->at += len;
    return (ssize_t)len;
}

static int
cookie_seek(void *data, off64_t *at, int whence)
{
    struct cookie *cookie = data;

    if (must_fail(LSEEK))
        return -1;
    if (whence == SEEK_CUR)
        *at += (off64_t)cookie->at;
    else if (whence == SEEK_END)
        *at += (off64_t)cookie->bytes.len;
    cookie->at = (size_t)*at;
    return 0;
}

static struct support_outcome
read_cookie(struct octets bytes, enum call call, unsigned number, int error)
{
    const cookie_io_functions_t functions = { .read = cookie_read,
                                              .seek = cookie_seek };
    struct cookie cookie = { bytes, 0 };
    FILE *file = fopencookie(&cookie, "r", functions);
    struct archive *a = support_reader();
    struct support_outcome o = { 0 };
    int status;

    assert_non_null(file);
    fail_once(call, number, error);
    status = envelope_archive_read_open_FILE(a, NULL, file);
    support_note(&o, a, status);
    while (status == ARCHIVE_OK && support_next(a, &o))
        ;
    fault.call = NO_CALL;
    support_note(&o, a, archive_read_free(a));
    assert_int_equal(fclose(file), 0);
    return o;
}

static void
a_stream_that_fails(void **state)
{
    struct octets bytes[] = { sealed_one(), plain_one() };
    size_t i;
    unsigned n;

    (void)state;
    for (i = 0; i < COUNT_OF(bytes); i++) {
        assert_reads(read_cookie(bytes[i], NO_CALL, 0, 0), &support_one_short);
        assert_nothing(read_cookie(bytes[i], READ, 1, EIO), EIO);
        assert_true(fault.failed);
        for (n = 1; n <= 3; n++) {
            assert_nothing(read_cookie(bytes[i], LSEEK, n, EIO), EIO);
            assert_true(fault.failed);
        }
        support_drop(&bytes[i]);
    }
}

/* Files of the system that are longer than they say */
static void
a_file_that_has_no_size(void **state)
{
    struct support_outcome o = { 0 };
    struct archive *a = archive_read_new();
    int status;

    (void)state;
    if (access("/proc/self/status", R_OK) != 0)
        skip();
    assert_int_equal(archive_read_support_format_raw(a), ARCHIVE_OK);
    status = envelope_archive_read_open_filename(a, OPTIONS({ "require", "1" }),
                                                 "/proc/self/status", 10240);
    support_note(&o, a, status);
    assert_refused(o, EILSEQ, "status, and the options, the environment ");
    (void)archive_read_free(a); /* it was not opened */
}

/* Envelopes that are insisted on */

static struct octets
zeros(size_t len)
{
    struct octets bytes = { calloc(1, len), len };

    assert_non_null(bytes.data);
    return bytes;
}

static void
what_must_be_an_envelope(void **state)
{
    const struct {
        struct octets bytes;
        const char *says;
    } inputs[] = {
        { plain_one(), ", and the options, the environment " },
        { support_write(&support_some_zip, TO_MEMORY, NULL),
          "not an envelope" },
        { support_octets("", 0), "is empty" },
        { support_octets("ENV", 3), "not an envelope" },
        { zeros(100000), "nothing but zeros" },
    };
    const struct envelope_option options[][3] = {
        { AS_OPS, { NULL, NULL } },
        { { "identity", "/none" }, { NULL, NULL } },
        { { "passphrase", "open" }, { NULL, NULL } },
        { { "passphrase-file", "/none" }, { NULL, NULL } },
        { { "require", "1" }, { NULL, NULL } },
        { AS_OPS, { "require", "1" }, { NULL, NULL } },
    };
    unsigned source;
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT_OF(inputs); i++) {
        for (j = 0; j < COUNT_OF(options); j++) {
            for (source = 0; source < SUPPORT_SOURCES; source++) {
                struct support_outcome o =
                    support_read(OURS, source, options[j], inputs[i].bytes);

                assert_refused(o, EILSEQ, "envelope: not an envelope: ");
                assert_refused(o, EILSEQ, inputs[i].says);
                assert_string_equal(o.list, "");
            }
        }
        free(inputs[i].bytes.data);
    }
}

static void
what_need_not_be_one(void **state)
{
    struct octets plain = plain_one(), sealed = sealed_one();
    unsigned source;

    (void)state;
    for (source = 0; source < SUPPORT_SOURCES; source++) {
        assert_reads(support_read(OURS, source, NULL, plain),
                     &support_one_short);
        assert_reads(support_read(OURS, source,
                                  OPTIONS(AS_OPS, { "require", "0" }), plain),
                     &support_one_short);
        assert_reads(
            support_read(OURS, source, OPTIONS({ "require", "1" }), sealed),
            &support_one_short);
        assert_refused(
            support_read(OURS, source, OPTIONS({ "require", "1" }), plain),
            EILSEQ, "not an envelope");
    }
    support_drop(&plain);
    support_drop(&sealed);
}

/* They are looked at before the source is. */
static void
options_of_what_is_no_envelope(void **state)
{
    const struct envelope_option bad[][2] = {
        { { "nonesuch", "1" }, { NULL, NULL } },
        { { "", "1" }, { NULL, NULL } },
        { { "identity", NULL }, { NULL, NULL } },
        { { "identity", "" }, { NULL, NULL } },
        { { "threads", "65" }, { NULL, NULL } },
        { { "threads", "two" }, { NULL, NULL } },
        { { "require", "2" }, { NULL, NULL } },
        { { "require", "yes" }, { NULL, NULL } },
        { { "require", NULL }, { NULL, NULL } },
        { { "carrier", "zip" }, { NULL, NULL } },
    };
    struct octets plain = plain_one();
    unsigned source;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT_OF(bad); i++) {
        for (source = 0; source < SUPPORT_SOURCES; source++)
            assert_refused(support_read(OURS, source, bad[i], plain), EINVAL,
                           "option");
    }
    support_drop(&plain);
}

/* Keys of the environment: they insist on nothing. */
static int
setup(void **state)
{
    (void)support_setup(state);
    return setenv(ENVELOPE_ENV_IDENTITIES, support_path("ops.key"), 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_that_fails),
        cmocka_unit_test(a_pipe_that_fails),
        cmocka_unit_test(no_seeking),
        cmocka_unit_test(a_stream_that_fails),
        cmocka_unit_test(a_file_that_has_no_size),
        cmocka_unit_test(what_must_be_an_envelope),
        cmocka_unit_test(what_need_not_be_one),
        cmocka_unit_test(options_of_what_is_no_envelope),
    };

    return cmocka_run_group_tests_name("look", tests, setup, support_teardown);
}
