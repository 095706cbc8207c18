/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking into a key envelope that exists, and changing for whom it is: the
 * data key stays the same, and so do the recipients that are kept, byte for
 * byte.  A recipient that is removed may still have the data key, or an old
 * copy of the header.
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
    unsigned char *id; /* owned; NULL if it is named in another way */
    size_t id_len;
    char *service, *service_key; /* owned; of "kms", else NULL */
};

/*
 * envl_key_envelope_list - the recipients, in the order of the message, each
 * of a kari on its own; nothing is opened or derived
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
 * envl_key_envelope_compare - the recipients of two messages, each of them
 * once: those of the old one, kept to the byte or removed, then those that were
 * added
 *
 * Ownership, Returns: as envl_key_envelope_list().
 */
enum envelope_reason
envl_key_envelope_compare(struct envl_key_envelope_entry **list, size_t *count,
                          const unsigned char *old_der, size_t old_len,
                          const unsigned char *der, size_t len,
                          const struct envl_libctx *ctx, struct envl_err *err);

/* Beside whom new recipients come. */
enum envl_edit_mode {
    ENVL_EDIT_ADD,     /* all that there are */
    ENVL_EDIT_REPLACE, /* all but those that the identity opens */
    ENVL_EDIT_ALL      /* nobody */
};

/* What is to become of a message.  All is borrowed. */
struct envl_edit {
    enum envl_edit_mode mode;
    const struct envl_recipients *recipients; /* to be added */
    const struct envl_key_settings *settings; /* that they were loaded from:
                                               * the key and the passphrase */
    const struct envl_labels *labels;         /* for key services, or NULL */
    const char *removed; /* who goes, as envl_key_envelope_remove() takes it;
                          * or NULL */
};

/*
 * envl_key_envelope_add - let other recipients open it
 *
 * Identifiers are claims: whoever can write to the file can give his entry the
 * identifier of somebody else's key.  So an entry that bears the identifier of
 * a new recipient is replaced.  The one that was opened is no claim: if a new
 * recipient is the key that has opened it, by the same identifier, it is kept.
 *
 * What envl_key_envelope_clean() would take out goes.
 *
 * With ENVL_EDIT_REPLACE the entry that was opened goes, unless it is kept; all
 * that the same key or passphrase opens: a key may be there twice, by its
 * certificate's identifier and by its own; and all that bear its identifier, or
 * name the same key of a service.  If other identities are recipients, too, it is
 * not said who shall go, and nothing is changed; nor is it if not all of them
 * could be tried.
 *
 *   identities  of which one opens it now; cost is bounded as FORMAT 5 says
 *   dek         receives the data key, ENVL_DEK_LEN bytes, which the caller
 *               cleanses; NULL where it is not wanted
 *   opened      set to whether one of identities opened it: a failure is the
 *               recipients' then
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER if several identities are
 *            recipients, if an entry that is to go has other recipients, and as
 *            envl_key_envelope_remove(); ENVELOPE_R_TOO_MANY_RECIPIENTS, also
 *            where no reader would get as far as the new passphrase; what
 *            envl_key_envelope_open() and _build() return.
 */
enum envelope_reason envl_key_envelope_add(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const struct envl_identities *identities,
    const struct envl_edit *edit, unsigned char *dek, bool *opened,
    struct envl_err *err);

/*
 * envl_key_envelope_is_done - does it look as if recipients had taken the place
 * of identities already?
 *
 * Each recipient is there by its identifier, which is a claim.  No entry may be
 * one of identities, or a secret of a kind that is among them, or one that
 * envl_key_envelope_clean() takes out.  It is never so where that cannot be
 * known: for recipients that are passphrases, key-encryption keys or keys of
 * services, and for an identity in hardware that does not show its name.
 *
 *   identities  which do not open it
 *   removed     as in struct envl_edit: none of them may be there
 *   alone       there may be nobody else
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
 * envl_key_envelope_clean - take out the entries that this project would never
 * write, such as RSAES-PKCS1-v1_5: it passes them over, but other programs open
 * the message with them
 *
 * Ownership: *der is replaced by another one, or stays.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER if nobody would be left;
 *            ENVELOPE_R_KEY_ENVELOPE; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_envelope_clean(unsigned char **der, size_t *len,
                                             const struct envl_libctx *ctx,
                                             struct envl_err *err);

/*
 * envl_key_envelope_reencrypt - let key services encrypt their keys anew, by
 * themselves; nothing is opened, and the other recipients stay as they are
 *
 *   identities  URIs: the recipients that match one of them are meant
 *   labels      of the header, or NULL
 *   to_uri      the key to encrypt for; NULL for the same key as now
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_NO_MATCH if no recipient is meant;
 *            ENVELOPE_R_TOO_MANY_RECIPIENTS if more are than may be asked
 *            about; what a key service returns; ENVELOPE_R_KEY_ENVELOPE; _CRYPTO;
 *            _MEMORY.
 */
enum envelope_reason envl_key_envelope_reencrypt(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const struct envl_identities *identities,
    const struct envl_labels *labels, const char *to_uri, struct envl_err *err);

/*
 * envl_key_envelope_remove - take recipients out
 *
 *   ids  identifiers in hexadecimal, one a line, or at least the first 8
 *        digits of one; all recipients of that identifier go, and where there
 *        is none it is gone already
 *
 * Ownership: *out is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_PARAMETER for what is no identifier, is
 *            shorter and none, or begins several, for some but not all
 *            recipients of a kari, or if no recipient would be left;
 *            ENVELOPE_R_KEY_ENVELOPE; _CRYPTO; _MEMORY.
 */
enum envelope_reason envl_key_envelope_remove(
    unsigned char **out, size_t *out_len, const unsigned char *der, size_t len,
    const struct envl_libctx *ctx, const char *ids, struct envl_err *err);

/*
 * envl_key_envelope_absent - those identifiers that no recipient has had
 *
 *   list  of envl_key_envelope_compare()
 *   ids   as envl_key_envelope_remove() has taken them
 *
 * Ownership: *absent is the caller's, OPENSSL_free(): one a line, each ended by
 *            LF; NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason
envl_key_envelope_absent(char **absent,
                         const struct envl_key_envelope_entry *list,
                         size_t count, const char *ids, struct envl_err *err);

#endif
