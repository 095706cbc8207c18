/* SPDX-License-Identifier: Apache-2.0 */
/* A message that is being opened or changed, and the state of the attempts of
 * the identities. */
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

/* Private-key operations that one header may cost: so many for each kind of key
 * on entries with the identifier of one of the keys, and as many on all other
 * entries together. */
#define ENVL_UNWRAP_COUNT_MAX 64

/* Questions to key services that one header may cost. */
#define ENVL_SERVICE_CALL_MAX 10

/* The caller sets the first five members. */
struct envl_cms_reader {
    const unsigned char *der;
    size_t len;
    const struct envl_libctx *ctx;
    const struct envl_identities *identities; /* NULL if none is tried */
    const struct envl_labels *labels;         /* for key services, or NULL */

    struct envl_message message;
    struct envl_entry *entries; /* of message, as it was read */
    size_t count;
    bool *named; /* for each entry: its identifier is that of one of the keys */

    size_t opened_by; /* index of the opened entry, once message is open */
    const struct envl_identity
        *opened_with;       /* the key that opened it; NULL for a
                                         * secret or a key service */
    const char *opened_uri; /* of the service whose RSA key did; or NULL */
    unsigned char cek[ENVL_CEK_LEN]; /* once message is open */
    bool no_memory;
    char last_key_error[ENVL_DETAIL_MAX
                        / 4]; /* of a key that fitted and failed */

    unsigned named_unwraps[ENVL_ENTRY_KIND_COUNT]; /* operations so far */
    unsigned other_unwraps;      /* the same, on entries that are not named */
    bool too_many_unwraps;       /* an entry was skipped for that */
    uint64_t scrypt_work;        /* so far */
    bool too_much_work;          /* a passphrase's entry was skipped for that */
    unsigned passphrases;        /* entries of passphrases that were tried */
    bool too_little_work;        /* one was skipped because n is too small */
    bool too_many_passphrases;   /* one was skipped after too many others */
    unsigned service_calls;      /* so far */
    bool too_many_calls;         /* a service's entry was skipped for that */
    struct envl_err service_err; /* of a failed call; reason 0 if none failed */
};

/*
 * envl_cms_reader_begin - read and check the message, and list the recipients
 * envl_cms_reader_end - wipe and free, and restore libcrypto's error queue to
 * its state before envl_cms_reader_begin(); required also if that failed
 *
 * Returns: ENVELOPE_OK; what envl_entries_read() and envl_message_read()
 *          return.
 */
enum envelope_reason envl_cms_reader_begin(struct envl_cms_reader *o,
                                           struct envl_err *err);
void envl_cms_reader_end(struct envl_cms_reader *o);

/* envl_cms_reader_open - get the content-encryption key with the first identity
 * that opens an entry; returns what envl_key_envelope_open() does */
enum envelope_reason envl_cms_reader_open(struct envl_cms_reader *o,
                                          struct envl_err *err);

/* envl_cms_reader_fail - the failure to report after all attempts have
 * failed */
enum envelope_reason envl_cms_reader_fail(const struct envl_cms_reader *o,
                                          struct envl_err *err);

/* What happens to a recipient in a change. */
enum envl_fate {
    ENVL_STAYS,
    ENVL_GOES,   /* unless it shares its RecipientInfo with one that stays */
    ENVL_MUST_GO /* a shared RecipientInfo makes the change fail */
};

/*
 * envl_cms_reader_fates - make an array in which all recipients stay
 *
 * Ownership: *fates is the caller's, OPENSSL_free(); NULL on failure.
 */
enum envelope_reason envl_cms_reader_fates(enum envl_fate **fates,
                                           const struct envl_cms_reader *o,
                                           struct envl_err *err);

/*
 * envl_cms_reader_mark_unknown - mark entries to go that are not in FORMAT 5.1
 * or that no reader tries
 */
void envl_cms_reader_mark_unknown(enum envl_fate *fates,
                                  const struct envl_cms_reader *o);

/*
 * envl_cms_reader_drop - remove recipients from the message; o->entries stays
 * as it was read, and its indexes no longer match the message
 *
 *   fates  one for each entry
 *
 * A RecipientInfo without any recipient is removed, too.
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_PARAMETER if a recipient that must go shares
 *          its RecipientInfo, a kari, with one that stays.
 */
enum envelope_reason envl_cms_reader_drop(struct envl_cms_reader *o,
                                          const enum envl_fate *fates,
                                          struct envl_err *err);

/* envl_cms_reader_mark - mark the recipients with these identifiers to go; ids
 * and the failures are those of envl_key_envelope_remove() */
enum envelope_reason envl_cms_reader_mark(enum envl_fate *fates,
                                          const struct envl_cms_reader *o,
                                          const char *ids,
                                          struct envl_err *err);

/* The result of trying an entry. */
enum envl_opens {
    ENVL_OPENS_NOT,
    ENVL_OPENS_OTHER, /* it has another content-encryption key, of no use */
    ENVL_OPENS_SAME
};

/*
 * envl_cms_reader_again - reset the counters, before the other entries of an
 * open message are tried
 * envl_cms_reader_opens - does the identity that opened the message open entry
 * i?
 * envl_cms_reader_secret_opens - does another secret, a passphrase or a
 * key-encryption key, open entry i?
 * envl_cms_reader_opens_same - does this key open entry i, to the same
 * content-encryption key?
 *
 * envl_cms_reader_opens() and envl_cms_reader_secret_opens() may be called for
 * all entries.  An RSA key, which is slow, is tried on 64 only; passphrases are
 * tried within a reader's limits.  too_many_unwraps, too_many_passphrases and
 * too_much_work then say that an entry was skipped; no_memory says that memory
 * ran out in an attempt.  No key service is asked.
 */
void envl_cms_reader_again(struct envl_cms_reader *o);
enum envl_opens envl_cms_reader_opens(struct envl_cms_reader *o, size_t i);
bool envl_cms_reader_secret_opens(struct envl_cms_reader *o, size_t i);
bool envl_cms_reader_opens_same(const struct envl_cms_reader *o, size_t i,
                                const struct envl_identity *identity);

/* envl_cms_reader_uri - the first URI among the identities with which a service
 * may open entry i; NULL if there is none */
const char *envl_cms_reader_uri(const struct envl_cms_reader *o,
                                const struct envl_kms_module *module, size_t i);

/* envl_cms_reader_dek - decrypt the content of an open message to dek, of
 * ENVL_DEK_LEN bytes, which the caller cleanses; ENVELOPE_R_KEY_ENVELOPE if the
 * content-encryption key does not decrypt it */
enum envelope_reason envl_cms_reader_dek(const struct envl_cms_reader *o,
                                         unsigned char *dek,
                                         struct envl_err *err);

#endif
