/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interposes the functions that make, open, write and free an archive for
 * writing.  An armed archive is opened by envelope_archive_write_open*(), and
 * in no other way.
 *
 * A program that finds archive_write_open2() and others through dlsym(3) on
 * libarchive itself bypasses this module.  If it has found the functions for
 * options in the same way, libarchive refuses the module "envelope" as unknown;
 * if not, the archive is armed and archive_write_header() refuses it.
 */
#include "filter/door/preload.h"

#include <errno.h>
#include <stdlib.h>
#include <wchar.h>

#include "filter/door/preload_names.h"

/* The archive's handle, if the program makes the call and the archive must be
 * encrypted; NULL if libarchive must handle the call. */
static struct envl_request *
armed(struct archive *a)
{
    struct envl_request *handle = NULL;

    if (!envl_guard_holds(a))
        handle = envl_handle_find(a);
    return handle != NULL && handle->armed ? handle : NULL;
}

/* Refuse an armed archive that was opened in another way. */
static int
refuse_unopened(struct archive *a)
{
    (void)archive_write_fail(a); /* so that closing does not write, either */
    return envl_refuse(a, EINVAL,
                       "the archive was to be encrypted, but was not opened in "
                       "a way that allows it; nothing was written");
}

/* Refuse bsdtar -r and -u, and other programs that would append. */
static int
refuse_update(struct archive *a, int fd)
{
    bool is_update;

    if (envl_find_update(&is_update, a, fd, "write") != ARCHIVE_OK)
        return ARCHIVE_FATAL;
    if (!is_update)
        return ARCHIVE_OK;
    return envl_refuse(a, EOPNOTSUPP,
                       "cannot append: an envelope is written as a whole, to a "
                       "descriptor that is only for writing");
}

/* Until ends(), calls go straight to libarchive.  A program that has ignored
 * the failure of an earlier call is stopped before a file is touched. */
static bool
begins(struct envl_request *handle, struct archive **outer)
{
    const char *why = NULL;

    if (handle->refused)
        why = "an option was refused before";
    else if (handle->opened)
        why = "the archive is open already";
    else if (!handle->switched)
        why = ENVL_WRITER_VARIABLE " has options of the envelope, but does not "
                                   "switch the filter on; use --add-filter "
                                   "envelope";
    if (why != NULL) {
        (void)envl_refuse(handle->handle.archive, EINVAL, "%s", why);
        return false;
    }
    *outer = envl_guard_enter(handle->handle.archive);
    return true;
}

static int
ends(struct envl_request *handle, struct archive *outer, int r)
{
    envl_guard_leave(outer);
    handle->opened = r == ARCHIVE_OK;
    return r;
}

ENVELOPE_EXPORT struct archive *
archive_write_new(void)
{
    struct archive *a = ENVL_REAL(archive_write_new)();

    envl_handle_drop(a); /* in case an archive was freed without this module */
    if (a != NULL && envl_options_begin(a, ENVL_WRITING) != ARCHIVE_OK) {
        (void)archive_write_free(a); /* nothing was written */
        a = NULL;
    }
    return a;
}

ENVELOPE_EXPORT int
archive_write_open(struct archive *a, void *client_data,
                   archive_open_callback *open_callback,
                   archive_write_callback *write_callback,
                   archive_close_callback *close_callback)
{
    if (armed(a) == NULL)
        return ENVL_REAL(archive_write_open)(a, client_data, open_callback,
                                             write_callback, close_callback);
    return archive_write_open2(a, client_data, open_callback, write_callback,
                               close_callback, NULL);
}

ENVELOPE_EXPORT int
archive_write_open2(struct archive *a, void *client_data,
                    archive_open_callback *open_callback,
                    archive_write_callback *write_callback,
                    archive_close_callback *close_callback,
                    archive_free_callback *free_callback)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;

    if (handle == NULL)
        return ENVL_REAL(archive_write_open2)(a, client_data, open_callback,
                                              write_callback, close_callback,
                                              free_callback);
    if (!begins(handle, &outer))
        return ARCHIVE_FATAL;
    return ends(handle, outer,
                envelope_archive_write_open(a, handle->options, client_data,
                                            open_callback, write_callback,
                                            close_callback, free_callback));
}

ENVELOPE_EXPORT int
archive_write_open_filename(struct archive *a, const char *name)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;

    if (handle == NULL)
        return ENVL_REAL(archive_write_open_filename)(a, name);
    if (!begins(handle, &outer))
        return ARCHIVE_FATAL;
    return ends(handle, outer,
                envelope_archive_write_open_filename(a, handle->options, name));
}

ENVELOPE_EXPORT int
archive_write_open_filename_w(struct archive *a, const wchar_t *name)
{
    char *narrow = NULL;
    int r = ARCHIVE_FATAL;

    if (armed(a) == NULL)
        return ENVL_REAL(archive_write_open_filename_w)(a, name);
    if (envl_narrow(&narrow, a, name)) {
        r = archive_write_open_filename(a, narrow);
        free(narrow);
    }
    return r;
}

ENVELOPE_EXPORT int
archive_write_open_file(struct archive *a, const char *name)
{
    return archive_write_open_filename(a, name);
}

ENVELOPE_EXPORT int
archive_write_open_fd(struct archive *a, int fd)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;

    if (handle == NULL)
        return ENVL_REAL(archive_write_open_fd)(a, fd);
    if (refuse_update(a, fd) != ARCHIVE_OK || !begins(handle, &outer))
        return ARCHIVE_FATAL;
    return ends(handle, outer,
                envelope_archive_write_open_fd(a, handle->options, fd));
}

ENVELOPE_EXPORT int
archive_write_open_FILE(struct archive *a, FILE *file)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;

    if (handle == NULL)
        return ENVL_REAL(archive_write_open_FILE)(a, file);
    if (!begins(handle, &outer))
        return ARCHIVE_FATAL;
    return ends(handle, outer,
                envelope_archive_write_open_FILE(a, handle->options, file));
}

ENVELOPE_EXPORT int
archive_write_open_memory(struct archive *a, void *buffer, size_t size,
                          size_t *used)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;

    if (handle == NULL)
        return ENVL_REAL(archive_write_open_memory)(a, buffer, size, used);
    if (!begins(handle, &outer))
        return ARCHIVE_FATAL;
    return ends(handle, outer,
                envelope_archive_write_open_memory(a, handle->options, buffer,
                                                   size, used));
}

ENVELOPE_EXPORT int
archive_write_header(struct archive *a, struct archive_entry *entry)
{
    struct envl_request *handle = armed(a);

    if (handle != NULL && !handle->opened)
        return refuse_unopened(a);
    return ENVL_REAL(archive_write_header)(a, entry);
}

ENVELOPE_EXPORT int
archive_write_close(struct archive *a)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;
    int r;

    if (handle == NULL)
        return ENVL_REAL(archive_write_close)(a);
    if (!handle->opened)
        return refuse_unopened(a);
    outer = envl_guard_enter(a);
    r = envelope_archive_write_close(a);
    envl_guard_leave(outer);
    return r;
}

/* Drop the handle first: another thread may get an archive at this address. */
ENVELOPE_EXPORT int
archive_write_free(struct archive *a)
{
    struct envl_request *handle = armed(a);
    struct archive *outer;
    int r = ARCHIVE_OK, freed;

    if (handle == NULL) {
        envl_handle_drop(a);
        return ENVL_REAL(archive_write_free)(a);
    }
    if (!handle->opened)
        r = refuse_unopened(a);
    envl_handle_drop(a);
    outer = envl_guard_enter(a);
    freed = envelope_archive_write_free(a);
    envl_guard_leave(outer);
    return r != ARCHIVE_OK ? r : freed;
}

ENVELOPE_EXPORT int
archive_write_finish(struct archive *a)
{
    return archive_write_free(a);
}

/* Frees archives of every kind; libarchive's function calls its own functions,
 * which are not interposed. */
ENVELOPE_EXPORT int
archive_free(struct archive *a)
{
    if (armed(a) != NULL)
        return archive_write_free(a);
    envl_handle_drop(a);
    return ENVL_REAL(archive_free)(a);
}
