/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists and changes the recipients of an existing key envelope.  The data key
 * stays the same, and the RecipientInfos that are kept stay byte for byte.  A
 * recipient that is removed may still have the data key, or an old copy of the
 * header.
 */
#ifndef ENVL_CMS_EDIT_H
#define ENVL_CMS_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/cms/entry.h"
#include "lib/header/labels.h"
#include "lib/keys/identity.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/recipient.h"

/* What has become of a recipient. */
enum envl_change { ENVL_KEPT, ENVL_REMOVED, ENVL_ADDED };

struct envl_key_envelope_entry {
    enum envl_change change; /* envl_key_envelope_compare() */
    struct envl_description description;
    unsigned char *id; /* owned; NULL for an issuer and serial number */
    size_t id_len;
    char *service, *service_key; /* owned; NULL if the type is not "kms" */
};

/*
 * envl_key_envelope_list - list the recipients, in the order of the message;
 * each recipient of a kari is an entry of its own.  No key is used
 *
 * Ownership: *list is the caller's, envl_key_envelope_list_free(); NULL on
 *            failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_KEY_ENVELOPE; _MEMORY.
 */
enum envelope_reason
envl_key_envelope_list(struct envl_key_envelope_entry **list, size_t *count,
                       const unsigned char *der, size_t len,
                       const struct envl_libctx *ctx, struct envl_err *err);
void envl_key_envelope_list_free(struct envl_key_envelope_entry *list,
                                 size_t count);

/*
 * envl_key_envelope_compare - list the recipients of two messages, each of them
 * once: first those of the old message, kept (byte for byte) or removed; then
 * those that the new message adds
 *
 * Ownership, Returns: as envl_key_envelope_list().
 */
enum envelope_reason
envl_key_envelope_compare(struct envl_key_envelope_entry **list, size_t *count,
                          const unsigned char *old_der, size_t old_len,
                          const unsigned char *der, size_t len,
                          const struct envl_libctx *ctx, struct envl_err *err);

/* Which of the present recipients are kept. */
enum envl_edit_mode {
    ENVL_EDIT_ADD,     /* all */
    ENVL_EDIT_REPLACE, /* all but those that the identity opens */
    ENVL_EDIT_ALL      /* none: new recipients replace all */
};

/* How a message is to be changed.  All pointers are borrowed. */
struct envl_edit {
    enum envl_edit_mode mode;
    const struct envl_recipients *recipients; /* to be added */
    const struct envl_key_settings *settings; /* of recipients: have the KEK
                                               * and the passphrase */
    const struct envl_labels *labels;         /* for key services, or NULL */
    const char *removed; /* identifiers to remove, as the argument of
                          * envl_key_envelope_remove(); or NULL */
};

/*
 * envl_key_envelope_add - add recipients to a message
 *
 * Identifiers are claims: whoever can write to the file can give his entry the
 * identifier of somebody else's key.  So an entry with the identifier of a new
 * recipient is replaced.  Only the entry that an identity has opened is proven:
 * it is kept if a new recipient is the same key, by the same identifier.
 *
 * Entries that envl_key_envelope_clean() would remove are removed, too.
 *
 * ENVL_EDIT_REPLACE also removes the entry that was opened, unless it is kept
 * as above; all other entries that the same key or passphrase opens, since a
 * key may be there twice, by its certificate's identifier and by its own; and
 * all entries with its identifier or with the same key of a service.  If
 * another identity is a recipient, too, it is not clear which to remove: the
 * function fails, as it does if not all entries could be tried.
 *
 *   identities  one of them must open the message; the cost is bounded as
 *               FORMAT 5 says
 *   dek         receives the data key, ENVL_DEK_LEN bytes, which the caller
 *               cleanses; NULL if the caller does not want it
 *   opened      set to whether an identity opened the message: then a failure
 *               is due to the recipients
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER if several identities are
 *            recipients, if an entry to be removed has other recipients, and as
 *            envl_key_envelope_remove(); ENVELOPE_R_TOO_MANY_RECIPIENTS, also
 *            if a reader's limits would keep it from trying the new passphrase;
 *            what envl_key_envelope_open() and _build() return.
 */
enum envelope_reason envl_key_envelope_add(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const struct envl_identities *identities,
    const struct envl_edit *edit, unsigned char *dek, bool *opened,
    struct envl_err *err);

/*
 * envl_key_envelope_is_done - do the entries look as if recipients had replaced
 * identities already?
 *
 * An entry must have the identifier of each recipient, which is only a claim.
 * No entry may have the identifier of an identity, be of the kind of a secret
 * among identities, or be one that envl_key_envelope_clean() removes.  *is is
 * false if this cannot be known: for recipients that are passphrases,
 * key-encryption keys or keys of services, and for an identity in hardware that
 * does not show its public half.
 *
 *   identities  none of them opens the message
 *   removed     as in struct envl_edit: no entry may have these identifiers
 *   alone       no other entry is allowed
 *
 * Returns: ENVELOPE_OK with *is; ENVELOPE_R_PARAMETER as
 *          envl_key_envelope_remove(); ENVELOPE_R_KEY_ENVELOPE; _MEMORY.
 */
enum envelope_reason envl_key_envelope_is_done(
    bool *is, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const struct envl_identities *identities,
    const struct envl_recipients *recipients, const char *removed, bool alone,
    struct envl_err *err);

/*
 * envl_key_envelope_clean - remove the entries that this project would never
 * write, such as RSAES-PKCS1-v1_5: its readers skip them, but other programs
 * open the message with them
 *
 * Ownership: *der is freed and replaced by a new message, or unchanged.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER if no recipient would be left;
 *            ENVELOPE_R_KEY_ENVELOPE; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_envelope_clean(unsigned char **der, size_t *len,
                                             const struct envl_libctx *ctx,
                                             struct envl_err *err);

/*
 * envl_key_envelope_reencrypt - let key services encrypt their key-encryption
 * keys again; no key is seen here, and the other recipients stay as they are
 *
 *   identities  URIs; the recipients that match one of them are changed
 *   labels      the header's labels, or NULL
 *   to_uri      the service's key to encrypt with; NULL for the same as now
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_NO_MATCH if no recipient matches;
 *            ENVELOPE_R_TOO_MANY_RECIPIENTS if more match than
 *            ENVL_SERVICE_CALL_MAX; what a key service returns;
 *            ENVELOPE_R_KEY_ENVELOPE; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_envelope_reencrypt(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const struct envl_identities *identities,
    const struct envl_labels *labels, const char *to_uri, struct envl_err *err);

/*
 * envl_key_envelope_remove - remove recipients from a message
 *
 *   ids  identifiers in hexadecimal, one a line, or at least the first 8
 *        digits of an identifier; all recipients with that identifier are
 *        removed.  An identifier that no recipient has is no error
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER for a line that is not
 *            hexadecimal, or shorter than 8 digits and no whole identifier, or
 *            the beginning of several; for some but not all recipients of a
 *            kari; or if no recipient would be left;
 *            ENVELOPE_R_KEY_ENVELOPE; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_envelope_remove(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const char *ids, struct envl_err *err);

/*
 * envl_key_envelope_absent - find the identifiers that no recipient had
 *
 *   list  the result of envl_key_envelope_compare()
 *   ids   the argument of envl_key_envelope_remove()
 *
 * Ownership: *absent is the caller's, OPENSSL_free(): one identifier a line,
 *            each line ended by LF; NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_key_envelope_absent(char **absent,
                         const struct envl_key_envelope_entry *list,
                         size_t count, const char *ids, struct envl_err *err);

#endif
