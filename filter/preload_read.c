/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposed: opening an archive to read it.  envelope_archive_read_open*()
 * decrypts an envelope and leaves all else to libarchive.
 *
 * Not covered: archive_read_open1() with callbacks that were set one by one,
 * and archive_read_open_filenames() with several names.  An envelope opened
 * so is not decrypted: the program finds an archive of ciphertext, or none.
 */
#define _GNU_SOURCE /* O_ACCMODE and struct stat under -std=c11, too */
#include "filter/preload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <wchar.h>

#include "filter/carrier.h"
#include "filter/source.h"
#include "lib/err.h"

bool
envl_narrow(char **narrow, struct archive *a, const wchar_t *name)
{
    mbstate_t state = { 0 };
    const wchar_t *from = name;
    size_t len = 0;

    *narrow = NULL;
    if (name == NULL)
        return true;
    len = wcsrtombs(NULL, &from, 0, &state);
    if (len == (size_t)-1) {
        (void)envl_refuse(a, EILSEQ,
                          "the file's name cannot be said in this locale");
        return false;
    }
    *narrow = malloc(len + 1);
    if (*narrow == NULL) {
        (void)envl_refuse(a, ENOMEM, "out of memory");
        return false;
    }
    (void)wcsrtombs(*narrow, &from, len + 1, &state); /* it did before */
    return true;
}

/*
 * bsdtar -r and -u open the file for both, and would write after the end of
 * the archive that they read: at a place that means nothing in an envelope.
 * Whether it is one must be known.
 */
static int
refuse_update(struct archive *a, int fd)
{
    struct envl_source source = { .fd = fd };
    int flags = fcntl(fd, F_GETFL);
    enum envl_carrier kind;
    struct stat status;
    struct envl_err err;

    if (flags < 0 || fstat(fd, &status) != 0)
        return envl_refuse(a, errno, "cannot read: %s", strerror(errno));
    if ((flags & O_ACCMODE) != O_RDWR || !S_ISREG(status.st_mode))
        return ARCHIVE_OK;
    if (envl_source_peek(&source, &err) != ENVELOPE_OK)
        return envl_refuse(a, errno, "cannot read: %s", err.detail);
    if (!envl_carrier_recognise(&kind, source.start, source.start_len))
        return ARCHIVE_OK;
    return envl_refuse(a, EOPNOTSUPP,
                       "cannot append to an envelope; to be read it has to be "
                       "opened for reading only");
}

ENVELOPE_EXPORT struct archive *
archive_read_new(void)
{
    struct archive *a = ENVL_REAL(archive_read_new)();
    const char *defaults = envl_handle_defaults();

    envl_handle_drop(a); /* of one that was freed behind our back */
    if (a != NULL && defaults != NULL
        && archive_read_set_options(a, defaults) != ARCHIVE_OK) {
        (void)archive_read_free(a); /* nothing was read */
        a = NULL;
    }
    return a;
}

/* All callbacks there are; archive_read_open() and _open2() have fewer. */
static int
open_callbacks(struct archive *a, void *client_data,
               archive_open_callback *open_callback,
               archive_read_callback *read_callback,
               archive_skip_callback *skip_callback,
               archive_close_callback *close_callback)
{
    struct archive *outer = envl_guard_enter(a);
    int r = envelope_archive_read_open(a, envl_handle_options(a), client_data,
                                       open_callback, read_callback,
                                       skip_callback, NULL, close_callback);

    envl_guard_leave(outer);
    return r;
}

ENVELOPE_EXPORT int
archive_read_open(struct archive *a, void *client_data,
                  archive_open_callback *open_callback,
                  archive_read_callback *read_callback,
                  archive_close_callback *close_callback)
{
    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open)(a, client_data, open_callback,
                                            read_callback, close_callback);
    return open_callbacks(a, client_data, open_callback, read_callback, NULL,
                          close_callback);
}

ENVELOPE_EXPORT int
archive_read_open2(struct archive *a, void *client_data,
                   archive_open_callback *open_callback,
                   archive_read_callback *read_callback,
                   archive_skip_callback *skip_callback,
                   archive_close_callback *close_callback)
{
    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open2)(a, client_data, open_callback,
                                             read_callback, skip_callback,
                                             close_callback);
    return open_callbacks(a, client_data, open_callback, read_callback,
                          skip_callback, close_callback);
}

ENVELOPE_EXPORT int
archive_read_open_filename(struct archive *a, const char *name,
                           size_t block_size)
{
    struct archive *outer;
    int r;

    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_filename)(a, name, block_size);
    outer = envl_guard_enter(a);
    r = envelope_archive_read_open_filename(a, envl_handle_options(a), name,
                                            block_size);
    envl_guard_leave(outer);
    return r;
}

ENVELOPE_EXPORT int
archive_read_open_filenames(struct archive *a, const char **names,
                            size_t block_size)
{
    /* More than one are the volumes of one archive, for libarchive to join. */
    if (envl_guard_holds(a)
        || (names != NULL && names[0] != NULL && names[1] != NULL))
        return ENVL_REAL(archive_read_open_filenames)(a, names, block_size);
    return archive_read_open_filename(a, names != NULL ? names[0] : NULL,
                                      block_size);
}

ENVELOPE_EXPORT int
archive_read_open_filename_w(struct archive *a, const wchar_t *name,
                             size_t block_size)
{
    char *narrow = NULL;
    int r = ARCHIVE_FATAL;

    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_filename_w)(a, name, block_size);
    if (envl_narrow(&narrow, a, name)) {
        r = archive_read_open_filename(a, narrow, block_size);
        free(narrow);
    }
    return r;
}

ENVELOPE_EXPORT int
archive_read_open_file(struct archive *a, const char *name, size_t block_size)
{
    return archive_read_open_filename(a, name, block_size);
}

ENVELOPE_EXPORT int
archive_read_open_fd(struct archive *a, int fd, size_t block_size)
{
    struct archive *outer;
    int r;

    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_fd)(a, fd, block_size);
    if (refuse_update(a, fd) != ARCHIVE_OK)
        return ARCHIVE_FATAL;
    outer = envl_guard_enter(a);
    r = envelope_archive_read_open_fd(a, envl_handle_options(a), fd,
                                      block_size);
    envl_guard_leave(outer);
    return r;
}

ENVELOPE_EXPORT int
archive_read_open_FILE(struct archive *a, FILE *file)
{
    struct archive *outer;
    int r;

    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_FILE)(a, file);
    outer = envl_guard_enter(a);
    r = envelope_archive_read_open_FILE(a, envl_handle_options(a), file);
    envl_guard_leave(outer);
    return r;
}

ENVELOPE_EXPORT int
archive_read_open_memory(struct archive *a, const void *buffer, size_t size)
{
    struct archive *outer;
    int r;

    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_memory)(a, buffer, size);
    outer = envl_guard_enter(a);
    r = envelope_archive_read_open_memory(a, envl_handle_options(a), buffer,
                                          size);
    envl_guard_leave(outer);
    return r;
}

/* The size of the pieces that libarchive is given is for its own tests. */
ENVELOPE_EXPORT int
archive_read_open_memory2(struct archive *a, const void *buffer, size_t size,
                          size_t read_size)
{
    if (envl_guard_holds(a))
        return ENVL_REAL(archive_read_open_memory2)(a, buffer, size, read_size);
    return archive_read_open_memory(a, buffer, size);
}

ENVELOPE_EXPORT int
archive_read_free(struct archive *a)
{
    if (!envl_guard_holds(a))
        envl_handle_drop(a);
    return ENVL_REAL(archive_read_free)(a);
}

ENVELOPE_EXPORT int
archive_read_finish(struct archive *a)
{
    return archive_read_free(a);
}
