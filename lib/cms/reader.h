/* SPDX-License-Identifier: Apache-2.0 */
/* What opening and changing a key envelope share: the message as it is read,
 * and what the identities have made of it so far. */
#ifndef ENVL_CMS_READER_H
#define ENVL_CMS_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/cms/entry.h"
#include "lib/cms/message.h"
#include "lib/keys/identity.h"
#include "lib/keys/kms.h"

/* Private-key operations that one header may cost: on entries whose identifier
 * is that of a key at hand, for each kind of key, and as many on all others. */
#define ENVL_UNWRAP_COUNT_MAX 64

/* Questions to key services that one header may cost. */
#define ENVL_SERVICE_CALL_MAX 10

/* The caller sets the first five. */
struct envl_cms_reader {
    const unsigned char *der;
    size_t len;
    const struct envl_libctx *ctx;
    const struct envl_identities *identities; /* NULL if none is tried */
    const struct envl_labels *labels;         /* for key services, or NULL */

    struct envl_message message;
    struct envl_entry *entries; /* of it, as it was read */
    size_t count;
    bool *named; /* each of them: by its identifier it is for a key at hand */

    size_t opened_by; /* which of the entries, once it is open */
    const struct envl_identity
        *opened_with;                /* with which key; NULL for a secret or
                                         * a key service */
    unsigned char cek[ENVL_CEK_LEN]; /* once it is open */
    bool no_memory;
    char last_key_error[ENVL_DETAIL_MAX
                        / 4]; /* of a key that should have fitted */

    unsigned named_unwraps[ENVL_ENTRY_KIND_COUNT]; /* operations so far */
    unsigned other_unwraps;    /* the same, on entries that are not named */
    bool too_many_unwraps;     /* an entry was left out for it */
    uint64_t scrypt_work;      /* so far */
    bool too_much_work;        /* a passphrase recipient was left out for it */
    unsigned passphrases;      /* passphrase recipients that were tried */
    bool too_little_work;      /* one was left out because n is too small */
    bool too_many_passphrases; /* or because others had been tried */
    unsigned service_calls;    /* so far */
    bool too_many_calls;       /* a recipient was left out for it */
    struct envl_err service_err; /* of one that failed; reason 0 if none did */
};

/*
 * envl_cms_reader_begin - read and check the message, and list the recipients
 * envl_cms_reader_end - wipe and free; it must follow begin, also where that
 * has failed, and leaves the error queue as begin has found it
 */
enum envelope_reason envl_cms_reader_begin(struct envl_cms_reader *o,
                                           struct envl_err *err);
void envl_cms_reader_end(struct envl_cms_reader *o);

/* envl_cms_reader_open - get the content-encryption key with the first identity
 * that opens it */
enum envelope_reason envl_cms_reader_open(struct envl_cms_reader *o,
                                          struct envl_err *err);

/* envl_cms_reader_fail - why nothing has opened it, after all has been tried */
enum envelope_reason envl_cms_reader_fail(const struct envl_cms_reader *o,
                                          struct envl_err *err);

/* What is to become of a recipient. */
enum envl_fate {
    ENVL_STAYS,
    ENVL_GOES,   /* unless it shares its entry with one that stays */
    ENVL_MUST_GO /* or nothing is changed */
};

/*
 * envl_cms_reader_fates - an array in which all recipients stay
 *
 * Ownership: *fates is the caller's, OPENSSL_free(); NULL on failure.
 */
enum envelope_reason envl_cms_reader_fates(enum envl_fate **fates,
                                           const struct envl_cms_reader *o,
                                           struct envl_err *err);

/*
 * envl_cms_reader_mark_unknown - of those that stay, what FORMAT 5.1 does not have
 * or no reader tries goes
 */
void envl_cms_reader_mark_unknown(enum envl_fate *fates,
                                  const struct envl_cms_reader *o);

/*
 * envl_cms_reader_drop - take recipients out of the message; the entries stay as
 * they were read, and their places are not those of the message any more
 *
 *   fates  of each entry
 *
 * A RecipientInfo without any recipient goes, too.
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if one that must go shares its
 *          RecipientInfo, a kari, with one that stays.
 */
enum envelope_reason envl_cms_reader_drop(struct envl_cms_reader *o,
                                          const enum envl_fate *fates,
                                          struct envl_err *err);

/* envl_cms_reader_mark - the recipients of these identifiers, as
 * envl_key_envelope_remove() takes them, must go */
enum envelope_reason envl_cms_reader_mark(enum envl_fate *fates,
                                          const struct envl_cms_reader *o,
                                          const char *ids,
                                          struct envl_err *err);

/* What comes out of a recipient. */
enum envl_opens {
    ENVL_OPENS_NOT,
    ENVL_OPENS_OTHER, /* another content-encryption key: it is of no use */
    ENVL_OPENS_SAME
};

/*
 * envl_cms_reader_again - the other recipients of an open message are to be
 * tried, too
 * envl_cms_reader_opens - does what has opened it open recipient i?
 * envl_cms_reader_secret_opens - does another one of the secrets, a passphrase
 * or a key-encryption key?
 * envl_cms_reader_opens_same - does this key open recipient i, and for the same
 * content-encryption key?
 *
 * With the first two all recipients are tried, but only 64 with an RSA key, which
 * takes much longer than others, and passphrases as far as a reader goes:
 * too_many_unwraps, too_many_passphrases and too_much_work tell that one was not,
 * and no_memory that one could not be.  No key service is asked.
 */
void envl_cms_reader_again(struct envl_cms_reader *o);
enum envl_opens envl_cms_reader_opens(struct envl_cms_reader *o, size_t i);
bool envl_cms_reader_secret_opens(struct envl_cms_reader *o, size_t i);
bool envl_cms_reader_opens_same(const struct envl_cms_reader *o, size_t i,
                                const struct envl_identity *identity);

/* envl_cms_reader_uri - the first of the identities, a URI, that recipient i may
 * be opened with at its service; NULL if there is none */
const char *envl_cms_reader_uri(const struct envl_cms_reader *o,
                                const struct envl_kms_module *module, size_t i);

/* envl_cms_reader_dek - the content, once the message is open */
enum envelope_reason envl_cms_reader_dek(const struct envl_cms_reader *o,
                                         unsigned char *dek,
                                         struct envl_err *err);

#endif
