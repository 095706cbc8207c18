/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposes the functions that open an archive for reading.
 * envelope_archive_read_open*() decrypts an envelope and leaves all other
 * archives to libarchive.
 *
 * Not covered: archive_read_open1() with callbacks that were set one by one,
 * archive_read_open_filenames() with several names, and functions that were
 * found through dlsym(3) on libarchive itself.  An envelope that is opened in
 * such a way is not decrypted: the program finds an archive of ciphertext, or
 * none.  If the archive must be an envelope, archive_read_next_header() refuses
 * it.
 */
#include "filter/door/preload.h"

#include <errno.h>
#include <stdlib.h>
#include <wchar.h>

#include "filter/carrier/reader.h"
#include "filter/stream/source.h"
#include "lib/base/err.h"

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
    (void)wcsrtombs(*narrow, &from, len + 1, &state); /* cannot fail now */
    return true;
}

/*
 * bsdtar -r and -u open the file for reading and writing.  They would write at
 * the end of the plaintext archive, which is another place in an envelope: so
 * refuse envelopes.
 */
static int
refuse_update(struct archive *a, int fd)
{
    struct envl_source source = { .fd = fd };
    enum envl_carrier kind;
    struct envl_err err;
    bool is_update;

    if (envl_find_update(&is_update, a, fd, "read") != ARCHIVE_OK)
        return ARCHIVE_FATAL;
    if (!is_update)
        return ARCHIVE_OK;
    if (envl_source_peek(&source, &err) != ENVELOPE_OK)
        return envl_refuse(a, errno, "cannot read: %s", err.detail);
    if (!envl_carrier_recognise(&kind, source.start, source.start_len))
        return ARCHIVE_OK;
    return envl_refuse(a, EOPNOTSUPP,
                       "cannot append to an envelope; to be read it has to be "
                       "opened for reading only");
}

/* libarchive reads a file of patterns with an archive that it makes itself.
 * The options of the program's archives do not apply to it. */
static _Thread_local bool reads_patterns;

ENVELOPE_EXPORT struct archive *
archive_read_new(void)
{
    struct archive *a = ENVL_REAL(archive_read_new)();

    envl_handle_drop(a); /* in case an archive was freed without this module */
    if (a != NULL && !reads_patterns
        && envl_options_begin(a, ENVL_READING) != ARCHIVE_OK) {
        (void)archive_read_free(a); /* nothing was read */
        a = NULL;
    }
    return a;
}

#define READ_PATTERNS(function, character)                                 \
    ENVELOPE_EXPORT int function(struct archive *a, const character *name, \
                                 int ends_with_nul)                        \
    {                                                                      \
        int r;                                                             \
                                                                           \
        reads_patterns = true;                                             \
        r = ENVL_REAL(function)(a, name, ends_with_nul);                   \
        reads_patterns = false;                                            \
        return r;                                                          \
    }

READ_PATTERNS(archive_match_exclude_pattern_from_file, char)
READ_PATTERNS(archive_match_exclude_pattern_from_file_w, wchar_t)
READ_PATTERNS(archive_match_include_pattern_from_file, char)
READ_PATTERNS(archive_match_include_pattern_from_file_w, wchar_t)

/* Must the input be an envelope?  A passphrase that is given with the filter is
 * for writing: then input such as bsdtar's @archive need not be an envelope. */
static bool
is_required(const struct envl_request *handle)
{
    return handle->required || (handle->passphrase && !handle->filter);
}

/*
 * If bsdtar is told a command to read through, libarchive does not look for
 * compression.  Nor does this module look for an envelope, because the command
 * may decrypt it: the command gets the archive unchanged, unless the archive
 * must be an envelope.
 */
ENVELOPE_EXPORT int
archive_read_support_filter_program(struct archive *a, const char *command)
{
    struct envl_request *handle = envl_handle_get(a);

    if (handle == NULL)
        return envl_refuse(a, ENOMEM, "out of memory");
    handle->by_program = true;
    return ENVL_REAL(archive_read_support_filter_program)(a, command);
}

/* Must libarchive open the archive: inside envelope_archive_*(), or for a
 * command? */
static bool
is_libarchives(struct archive *a)
{
    const struct envl_request *handle = envl_handle_find(a);

    return envl_guard_holds(a)
           || (handle != NULL && handle->by_program && !handle->refused
               && !is_required(handle));
}

/* Get the options for opening; until ends(), calls go straight to libarchive.
 * A program that has ignored the failure of an earlier call is stopped here. */
static bool
begins(struct archive *a, const struct envelope_option **options,
       struct archive **outer)
{
    struct envl_request *handle = envl_handle_find(a);

    *options = NULL;
    if (handle == NULL ? envl_handle_lost() : handle->refused) {
        (void)envl_refuse(a, EINVAL, "an option was refused before");
        return false;
    }
    if (handle != NULL) {
        if (!envl_handle_add(handle, "require",
                             is_required(handle) ? "1" : "0")) {
            (void)envl_refuse(a, ENOMEM, "out of memory");
            return false;
        }
        *options = handle->options;
    }
    *outer = envl_guard_enter(a);
    return true;
}

static int
ends(struct archive *a, struct archive *outer, int r)
{
    struct envl_request *handle = envl_handle_find(a);

    envl_guard_leave(outer);
    if (handle != NULL)
        handle->opened = r == ARCHIVE_OK;
    return r;
}

/* Open with all callbacks; archive_read_open() and _open2() have fewer. */
static int
open_callbacks(struct archive *a, void *client_data,
               archive_open_callback *open_callback,
               archive_read_callback *read_callback,
               archive_skip_callback *skip_callback,
               archive_close_callback *close_callback)
{
    const struct envelope_option *options;
    struct archive *outer;

    if (!begins(a, &options, &outer))
        return ARCHIVE_FATAL;
    return ends(a, outer,
                envelope_archive_read_open(
                    a, options, client_data, open_callback, read_callback,
                    skip_callback, NULL, close_callback));
}

ENVELOPE_EXPORT int
archive_read_open(struct archive *a, void *client_data,
                  archive_open_callback *open_callback,
                  archive_read_callback *read_callback,
                  archive_close_callback *close_callback)
{
    if (is_libarchives(a))
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
    if (is_libarchives(a))
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
    const struct envelope_option *options;
    struct archive *outer;

    if (is_libarchives(a))
        return ENVL_REAL(archive_read_open_filename)(a, name, block_size);
    if (!begins(a, &options, &outer))
        return ARCHIVE_FATAL;
    return ends(
        a, outer,
        envelope_archive_read_open_filename(a, options, name, block_size));
}

ENVELOPE_EXPORT int
archive_read_open_filenames(struct archive *a, const char **names,
                            size_t block_size)
{
    /* Several names are volumes of one archive, which libarchive joins. */
    if (is_libarchives(a)
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

    if (is_libarchives(a))
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
    const struct envelope_option *options;
    struct archive *outer;

    if (is_libarchives(a))
        return ENVL_REAL(archive_read_open_fd)(a, fd, block_size);
    if (refuse_update(a, fd) != ARCHIVE_OK || !begins(a, &options, &outer))
        return ARCHIVE_FATAL;
    return ends(a, outer,
                envelope_archive_read_open_fd(a, options, fd, block_size));
}

ENVELOPE_EXPORT int
archive_read_open_FILE(struct archive *a, FILE *file)
{
    const struct envelope_option *options;
    struct archive *outer;

    if (is_libarchives(a))
        return ENVL_REAL(archive_read_open_FILE)(a, file);
    if (!begins(a, &options, &outer))
        return ARCHIVE_FATAL;
    return ends(a, outer, envelope_archive_read_open_FILE(a, options, file));
}

ENVELOPE_EXPORT int
archive_read_open_memory(struct archive *a, const void *buffer, size_t size)
{
    const struct envelope_option *options;
    struct archive *outer;

    if (is_libarchives(a))
        return ENVL_REAL(archive_read_open_memory)(a, buffer, size);
    if (!begins(a, &options, &outer))
        return ARCHIVE_FATAL;
    return ends(a, outer,
                envelope_archive_read_open_memory(a, options, buffer, size));
}

/* read_size only serves libarchive's own tests: ignore it. */
ENVELOPE_EXPORT int
archive_read_open_memory2(struct archive *a, const void *buffer, size_t size,
                          size_t read_size)
{
    if (is_libarchives(a))
        return ENVL_REAL(archive_read_open_memory2)(a, buffer, size, read_size);
    return archive_read_open_memory(a, buffer, size);
}

/* Must the archive be an envelope, but was opened in another way? */
static bool
is_unseen(struct archive *a)
{
    const struct envl_request *handle = envl_handle_find(a);

    if (handle == NULL || handle->opened || !is_required(handle))
        return false;
    (void)envl_refuse(a, EINVAL,
                      "the archive must be an envelope, but was not opened in "
                      "a way that shows whether it is one; nothing was read");
    return true;
}

ENVELOPE_EXPORT int
archive_read_next_header(struct archive *a, struct archive_entry **entry)
{
    return is_unseen(a) ? ARCHIVE_FATAL
                        : ENVL_REAL(archive_read_next_header)(a, entry);
}

ENVELOPE_EXPORT int
archive_read_next_header2(struct archive *a, struct archive_entry *entry)
{
    return is_unseen(a) ? ARCHIVE_FATAL
                        : ENVL_REAL(archive_read_next_header2)(a, entry);
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
