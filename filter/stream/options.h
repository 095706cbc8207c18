/* SPDX-License-Identifier: Apache-2.0 */
/* What an archive is to be written or read with, by the names that people
 * type; <envelope/archive.h> lists them. */
#ifndef ENVL_OPTIONS_H
#define ENVL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <envelope/envelope.h>

#include "filter/carrier/kind.h"
#include "lib/base/err.h"
#include "lib/base/octets.h"

/*
 * Asked when the data to encrypt ends, before its last chunk is made: is it
 * complete?  In any thread; it may wait.
 *
 * Returns: ENVELOPE_OK, or the reason that the stream fails with.
 */
typedef enum envelope_reason envl_confirm_fn(void *arg, struct envl_err *err);

/*
 * Ownership: all of it is the structure's, envl_options_clear().  Texts are
 * NULL, and numbers below zero, where nothing was said.
 */
struct envl_options {
    char *recipients, *identities, *labels; /* lists, of one entry a line */
    char *passphrase, *passphrase_file;
    unsigned char *kek; /* ENVELOPE_KEY_LENGTH bytes; no option names it */
    struct envl_octets in_use; /* files not to be read for keys
                                * (lib/base/file.h); nor it */
    const struct envelope_passphrase_callback *callback; /* borrowed; nor it */
    const char *dashes; /* before an option's name in messages; nor it */
    /* Called with the records of a failure in libcrypto's queue, before they
     * are dropped; NULL: nobody looks at them. */
    void (*trace)(void);
    envl_confirm_fn *confirm_end; /* NULL: the end is not asked for; nor it */
    void *confirm_arg;            /* borrowed */
    enum envl_carrier carrier;
    long piece_len;
    long any_end; /* do not ask for the archive's own end */
    long xbcloud;
    long threads, reserve, work_factor;
    long allow_expired, skip_expired, allow_usage, require_post_quantum;
    long require; /* what is read must be an envelope */
};

/* What an archive is opened for. */
enum envl_use { ENVL_READING = 1, ENVL_WRITING = 2 };

/* Besides its uses: 1 or 0, and whoever gives no value means 1; not for a command
 * line, where other users see it. */
#define ENVL_OPTION_SWITCH 4u
#define ENVL_OPTION_SECRET 8u

struct envl_option_name {
    const char *name;
    unsigned traits; /* enum envl_use, and the two above */
};

/* envl_option_name - the i-th of all options that there are; NULL after the
 * last */
const struct envl_option_name *envl_option_name(size_t i);

/* envl_option_find - that of a name; NULL if there is none */
const struct envl_option_name *envl_option_find(const char *name);

/* envl_options_init - nothing said; carrier is the default one */
void envl_options_init(struct envl_options *options, enum envl_carrier carrier);

/*
 * envl_options_set - take an option by its name
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER naming the option and what it
 *          takes; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_options_set(struct envl_options *options,
                                      const char *name, const char *value,
                                      struct envl_err *err);

/*
 * envl_options_note - no key or passphrase is read from a file that carries the
 * data or the output: that of a descriptor, unless it is -1, and that of a name,
 * unless it is NULL
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_options_note(struct envl_options *options, int fd,
                                       const char *name, struct envl_err *err);

/* envl_options_clear - wipe and free */
void envl_options_clear(struct envl_options *options);

/* envl_carrier_name - "raw", "tar", "xbstream", "auto" */
const char *envl_carrier_name(enum envl_carrier carrier);

#endif
