/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key envelope's CMS message (FORMAT 5): AuthEnvelopedData whose content is
 * the data key.  Its RecipientInfos are opaque here; lib/cms/entry.h reads
 * them.
 */
#ifndef ENVL_CMS_MESSAGE_H
#define ENVL_CMS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/aead.h"
#include "lib/base/der.h"
#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/keys/recipient.h"

/* The content-encryption key.  The holder of a copy cleanses it. */
#define ENVL_CEK_LEN 32

#define ENVL_GCM_TAG_LEN 16

struct envl_message_info {
    struct envl_der der;  /* with tag and length */
    unsigned char *owned; /* der.p; NULL if der points into the input */
};

/* All zero is a message without recipients and content. */
struct envl_message {
    struct envl_message_info *infos;
    size_t count, size;
    unsigned char nonce[ENVL_NONCE_LEN];
    unsigned char content[ENVL_DEK_LEN]; /* encrypted */
    unsigned char tag[ENVL_GCM_TAG_LEN];
};

/*
 * envl_message_read - read a message, which must be DER and have the frame of
 * FORMAT 5, to the last byte
 * envl_message_clear - free the message's memory; all zero is fine
 *
 * Ownership: the message points into der, which must outlive it.  The message
 *            is the caller's, envl_message_clear(), also on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_KEY_ENVELOPE; _MEMORY.
 */
enum envelope_reason envl_message_read(struct envl_message *message,
                                       const unsigned char *der, size_t len,
                                       struct envl_err *err);
void envl_message_clear(struct envl_message *message);

/*
 * envl_message_add - add a copy of a RecipientInfo after the others
 * envl_message_drop - remove RecipientInfo i
 * envl_message_has - is there a RecipientInfo of exactly these bytes?
 *
 * Returns: envl_message_add(): ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_message_add(struct envl_message *message,
                                      const struct envl_der *info,
                                      struct envl_err *err);
void envl_message_drop(struct envl_message *message, size_t i);
bool envl_message_has(const struct envl_message *message,
                      const struct envl_der *info);

/*
 * envl_message_write - write the message in DER; this sorts its RecipientInfos,
 * as DER sorts a SET OF
 *
 * Ownership: *der is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_MEMORY.
 */
enum envelope_reason envl_message_write(struct envl_message *message,
                                        unsigned char **der, size_t *len,
                                        struct envl_err *err);

/*
 * envl_message_encrypt - encrypt dek as the content; cek must not have
 * encrypted any other content (NIST SP 800-38D, 8)
 * envl_message_decrypt - decrypt the content to dek
 *
 *   nonce  ENVL_NONCE_LEN bytes, random
 *   dek    ENVL_DEK_LEN bytes; the caller cleanses it
 *
 * Returns: envl_message_encrypt(): ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 *          envl_message_decrypt(): true; false, with dek wiped, if the content
 *          is not authentic under cek.
 */
enum envelope_reason envl_message_encrypt(struct envl_message *message,
                                          const struct envl_libctx *ctx,
                                          const unsigned char cek[ENVL_CEK_LEN],
                                          const unsigned char *nonce,
                                          const unsigned char *dek,
                                          struct envl_err *err);
bool envl_message_decrypt(const struct envl_message *message,
                          const struct envl_libctx *ctx,
                          const unsigned char cek[ENVL_CEK_LEN],
                          unsigned char *dek);

#endif
