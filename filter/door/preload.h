/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the preload module share: the options that a program has
 * given an archive, and libarchive's own functions behind the module's.
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

/* An archive that has options, or that envelope_archive_write_open*() has
 * opened.  Like the archive it belongs to one thread at a time. */
struct envl_request {
    struct envl_handle handle;       /* first: found by its address */
    struct envelope_option *options; /* ends with { NULL, NULL } */
    size_t n_options;
    bool armed;    /* what is written must be encrypted, ... */
    bool switched; /* ... and will be: the command switches the filter on */
    bool by_tar;   /* a variable of bsdtar has been met */
    bool required; /* what is read must be an envelope: for itself, ... */
    bool passphrase, filter; /* ... or for a passphrase that is the reader's */
    bool by_program;         /* the program named a command that reads it */
    bool refused;            /* an option of it was not good */
    bool opened;             /* what was written will be encrypted, or what is
                              * read has been looked at */
};

/*
 * envl_handle_find - NULL if there is none
 * envl_handle_get - made if there is none; NULL if memory ran out
 * envl_handle_drop - forget the archive, and wipe its options
 */
struct envl_request *envl_handle_find(struct archive *a);
struct envl_request *envl_handle_get(struct archive *a);
void envl_handle_drop(struct archive *a);

/* envl_handle_add - an option, copied, unless it is there; false if memory
 * ran out */
bool envl_handle_add(struct envl_request *handle, const char *name,
                     const char *value);

/* envl_handle_lost - has memory run out for one?  Then nobody knows whose it
 * was. */
bool envl_handle_lost(void);

/* Bits: what an option is about. */
/*
 * Who has said an option.  A variable gives keys and settings, and switches
 * nothing on: a program that is started without the launcher does not see it.
 *
 *   BY_VARIABLE  ENVL_OPTIONS_VARIABLE, for archives of any kind
 *   BY_TAR       bsdtar's own variables: what is written has to be encrypted,
 *                but the command must say so, too
 *   BY_COMMAND   the command line, or the program
 */
enum envl_said {
    ENVL_BY_VARIABLE,
    ENVL_BY_TAR,
    ENVL_BY_COMMAND,
    ENVL_SAID_COUNT
};

/* envl_options_set_default - options for every archive; the text is the
 * module's, for good; or NULL */
void envl_options_set_default(enum envl_said said, const char *text);

/* envl_options_begin - give them to a new archive; libarchive's status */
int envl_options_begin(struct archive *a, enum envl_use use);

/*
 * envelope_archive_*() calls libarchive's functions, which are interposed as
 * well.  Between the two calls below those of this thread that concern the
 * same archive are libarchive's business.
 *
 * envl_guard_enter returns what envl_guard_leave wants.
 */
struct archive *envl_guard_enter(struct archive *a);
void envl_guard_leave(struct archive *outer);
bool envl_guard_holds(struct archive *a);

/* ENVL_REAL(name) - libarchive's own function of that name; never NULL */
#define ENVL_REAL(name) ((__typeof__(&(name)))envl_real(#name))
void *envl_real(const char *name);

/*
 * envl_narrow - a file's name in the locale's own bytes
 *
 * Ownership: *narrow is the caller's, free(); NULL for NULL and on failure.
 * Returns:   false if there is no memory or no way to say it; a says so.
 */
bool envl_narrow(char **narrow, struct archive *a, const wchar_t *name);

/*
 * envl_find_update - is it a file that bsdtar -r or -u, or another program, has
 * open for both reading and writing?
 *
 *   doing  "read" or "write", for the message
 *
 * Returns: ARCHIVE_OK; ARCHIVE_FATAL if that cannot be known, and a says why.
 */
int envl_find_update(bool *is_update, struct archive *a, int fd,
                     const char *doing);

/* Put the text where the program finds it; returns ARCHIVE_FATAL. */
int envl_refuse(struct archive *a, int number, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
