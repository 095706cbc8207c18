/* SPDX-License-Identifier: Apache-2.0 */
/* The options of reading and writing an archive, and their names, which
 * <envelope/archive.h> lists. */
#ifndef ENVL_OPTIONS_H
#define ENVL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <envelope/envelope.h>

#include "filter/carrier/kind.h"
#include "lib/base/err.h"
#include "lib/base/octets.h"
#include "lib/base/waiting.h"

/*
 * Called when the data to encrypt ends, before its last chunk is encrypted: is
 * the data complete?  Any thread may call it, and it may wait.
 *
 *   size  bytes of the data
 *   stop  ends a wait; or NULL
 *
 * Returns: ENVELOPE_OK, or the reason that the stream fails with.
 */
typedef enum envelope_reason envl_confirm_fn(void *arg, uint64_t size,
                                             const struct envl_stop *stop,
                                             struct envl_err *err);

/*
 * Ownership: the structure owns its members, envl_options_clear(), unless a
 * comment says otherwise.  Texts are NULL and numbers negative if not set.
 */
struct envl_options {
    char *recipients, *identities, *labels; /* lists, one entry a line */
    char *required_labels;                  /* of what is read; as labels */
    char *signers, *signed_by;              /* lists of keys of signatures */
    char *passphrase, *passphrase_file;
    /* No option names the members up to wants_sums. */
    unsigned char *kek;        /* ENVELOPE_KEY_LENGTH bytes */
    struct envl_octets in_use; /* files not to be read as keys
                                * (lib/base/file.h) */
    const struct envelope_passphrase_callback *callback; /* borrowed */
    const char *dashes; /* before an option's name in messages; borrowed */
    /* Called before a failure's records in libcrypto's queue are dropped; or
     * NULL. */
    void (*trace)(void);
    envl_confirm_fn *confirm_end; /* NULL: do not ask */
    void *confirm_arg;            /* borrowed */
    bool wants_sums;              /* encrypting: for envl_codec_describe() */
    enum envl_carrier carrier;
    long piece_len;
    long any_end; /* do not ask for the archive's own end */
    long xbcloud;
    long threads, reserve, work_factor;
    long allow_expired, skip_expired, allow_usage, require_post_quantum;
    long require; /* the input must be an envelope */
};

/* What an archive is opened for. */
enum envl_use { ENVL_READING = 1, ENVL_WRITING = 2 };

/* More traits: the value is 1 or 0, and 1 without a value; the value is secret
 * and does not belong on a command line, where other users see it. */
#define ENVL_OPTION_SWITCH 4u
#define ENVL_OPTION_SECRET 8u

struct envl_option_name {
    const char *name;
    unsigned traits; /* enum envl_use, and the two above */
};

/* envl_option_name - the i-th of all options, from 0; NULL after the last */
const struct envl_option_name *envl_option_name(size_t i);

/* envl_option_find - the option of this name; NULL if there is none */
const struct envl_option_name *envl_option_find(const char *name);

/* envl_options_init - set nothing but carrier, the default carrier */
void envl_options_init(struct envl_options *options, enum envl_carrier carrier);

/*
 * envl_options_set - set an option by its name
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER naming the option and what it
 *          takes; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_options_set(struct envl_options *options,
                                      const char *name, const char *value,
                                      struct envl_err *err);

/*
 * envl_options_note - note a file that carries the data or the output, so that
 * no key or passphrase is read from it: the file of fd, unless fd is -1, and
 * the file of this name, unless name is NULL
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
