/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the parts of the preload module: the options that a program has set
 * for an archive, and libarchive's functions that the module interposes.
 */
#ifndef ENVL_PRELOAD_H
#define ENVL_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>

#include <envelope/archive.h>

#include "filter/archive/handles.h"
#include "filter/stream/options.h"

/* The state of an archive that has options, or that envelope_archive_write_
 * open*() has opened.  Like the archive it belongs to one thread at a time. */
struct envl_request {
    struct envl_handle handle;       /* first: found by its address */
    struct envelope_option *options; /* ends with { NULL, NULL } */
    size_t n_options;
    bool armed;              /* the output must be encrypted */
    bool switched;           /* the command switches the filter on */
    bool by_tar;             /* bsdtar's own variable had options */
    bool required;           /* the input must be an envelope */
    bool passphrase, filter; /* likewise, if a passphrase but no filter is set:
                              * with the filter it is for writing */
    bool by_program; /* the program named a command that reads the archive */
    bool refused;    /* an option was refused */
    bool opened;     /* opened by envelope_archive_*(): the output is encrypted,
                      * or the input was looked at */
};

/*
 * envl_handle_find - the state of an archive; NULL if there is none
 * envl_handle_get - the same, made if there is none; NULL if memory ran out
 * envl_handle_drop - forget the archive, and wipe its options
 */
struct envl_request *envl_handle_find(struct archive *a);
struct envl_request *envl_handle_get(struct archive *a);
void envl_handle_drop(struct archive *a);

/* envl_handle_add - add a copy of an option, unless it is there already; false
 * if memory ran out */
bool envl_handle_add(struct envl_request *handle, const char *name,
                     const char *value);

/* envl_handle_lost - did memory run out for the state of any archive?  Then any
 * archive without state may have lost its options. */
bool envl_handle_lost(void);

/*
 * The source of an option.  A variable sets keys and settings, and does not
 * switch the filter on: a program that is started without the launcher would
 * ignore it.
 *
 *   BY_VARIABLE  ENVL_OPTIONS_VARIABLE, for archives of any kind
 *   BY_TAR       bsdtar's own variables: the output must be encrypted, but the
 *                command must switch the filter on
 *   BY_COMMAND   the command line, or the program
 */
enum envl_said {
    ENVL_BY_VARIABLE,
    ENVL_BY_TAR,
    ENVL_BY_COMMAND,
    ENVL_SAID_COUNT
};

/* envl_options_set_default - set the options for every archive; the module
 * keeps text for ever, and it may be NULL */
void envl_options_set_default(enum envl_said said, const char *text);

/* envl_options_begin - set these options for a new archive; returns
 * libarchive's status */
int envl_options_begin(struct archive *a, enum envl_use use);

/*
 * envelope_archive_*() calls libarchive's functions, which are interposed, too.
 * Between envl_guard_enter() and envl_guard_leave(), this thread's calls for
 * the same archive go straight to libarchive.
 *
 * envl_guard_enter - begin; returns the argument of envl_guard_leave()
 * envl_guard_leave - end
 * envl_guard_holds - is this thread between the two calls for archive a?
 */
struct archive *envl_guard_enter(struct archive *a);
void envl_guard_leave(struct archive *outer);
bool envl_guard_holds(struct archive *a);

/* ENVL_REAL(name) - libarchive's own function of that name; never NULL */
#define ENVL_REAL(name) ((__typeof__(&(name)))envl_real(#name))
void *envl_real(const char *name);

/*
 * envl_narrow - convert a file's name to the locale's encoding
 *
 * Ownership: *narrow is the caller's, free(); NULL for NULL and on failure.
 * Returns:   true; false with the error in a if memory ran out or the name
 *            cannot be converted.
 */
bool envl_narrow(char **narrow, struct archive *a, const wchar_t *name);

/*
 * envl_find_update - is fd a file that is open for both reading and writing, as
 * bsdtar -r and -u open it?
 *
 *   doing  "read" or "write", for the message
 *
 * Returns: ARCHIVE_OK; ARCHIVE_FATAL with the error in a if fd cannot be
 *          checked.
 */
int envl_find_update(bool *is_update, struct archive *a, int fd,
                     const char *doing);

/* envl_refuse - set the archive's error; returns ARCHIVE_FATAL */
int envl_refuse(struct archive *a, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
