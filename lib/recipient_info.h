/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One RecipientInfo of a key envelope (FORMAT 5.1): adding it to a CMS
 * message, telling what it is, and opening it.
 */
#ifndef ENVL_RECIPIENT_INFO_H
#define ENVL_RECIPIENT_INFO_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/cms.h>

#include "lib/err.h"
#include "lib/identity.h"
#include "lib/kari.h"
#include "lib/kek_source.h"
#include "lib/keys.h"
#include "lib/libctx.h"
#include "lib/recipient.h"

/*
 * envl_recipient_info_add - wrap cms's content-encryption key for recipient i;
 * a key service is asked for a new key
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_UNSUPPORTED_KEY if this libcrypto has no
 *          RecipientInfo for it; what a key service returns; _CRYPTO; _MEMORY.
 */
enum envelope_reason
envl_recipient_info_add(CMS_ContentInfo *cms, const struct envl_libctx *ctx,
                        const struct envl_recipients *recipients, size_t i,
                        const struct envl_settings *settings,
                        struct envl_err *err);

/*
 * envl_recipient_info_wrap - wrap the content-encryption key that cms has for
 * a recipient that was added to it, where cms is not about to be encrypted
 * but was opened
 *
 * Returns: ENVELOPE_OK; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_recipient_info_wrap(CMS_ContentInfo *cms,
                                              const struct envl_libctx *ctx,
                                              CMS_RecipientInfo *info,
                                              struct envl_err *err);

/* envl_recipient_info_set_oaep - the padding with which an RSA key encrypts;
 * pctx may be NULL: 1 or 0 */
int envl_recipient_info_set_oaep(EVP_PKEY_CTX *pctx,
                                 const struct envl_libctx *ctx);

enum envl_info_kind {
    ENVL_INFO_RSA,
    ENVL_INFO_EC,
    ENVL_INFO_ML_KEM,
    ENVL_INFO_KEK, /* what kind of KEK: source.kind */
    ENVL_INFO_OTHER,
    ENVL_INFO_KIND_COUNT
};

/* All pointers are borrowed from the CMS message, unless it says otherwise. */
struct envl_recipient_info {
    enum envl_info_kind kind;
    CMS_RecipientInfo *info;
    const struct envl_kari *kari;   /* of ENVL_INFO_EC; it knows the rest */
    int part;                       /* of kari */
    const unsigned char *encrypted; /* of a ktri: the encrypted key, or NULL; it
                                     * points into the DER that was given */
    size_t encrypted_len;
    size_t key_len; /* bytes of the modulus or of a coordinate of the key that
                     * it was made for; 0 if it has none */
    const unsigned char *id; /* NULL if there is none that can be told */
    size_t id_len;
    struct envl_kek_source source;
};

/*
 * envl_recipient_info_parse - tell what a RecipientInfo is; anything that
 * FORMAT 5.1 does not allow is ENVL_INFO_OTHER
 *
 *   kari  the same as a kari, if it is one that FORMAT 5.1 allows, or NULL
 *   part  counts the recipients within one RecipientInfo (kari), from 0
 *   der   the same in DER, len bytes, which must stay; a ktri and a kemri need it
 *
 * Returns: 1, or 0 if there is no such part.
 */
int envl_recipient_info_parse(struct envl_recipient_info *to,
                              CMS_RecipientInfo *info,
                              const struct envl_kari *kari, int part,
                              const unsigned char *der, size_t len);

/* envl_recipient_info_describe - its kind in words, for messages */
const char *
envl_recipient_info_describe(const struct envl_recipient_info *info);

/* What a key can open, as far as kind and size go. */
struct envl_fit {
    enum envl_info_kind kind; /* ENVL_INFO_OTHER: nothing */
    const char *dh;           /* "X25519" or "X448", static, or NULL */
    size_t key_len;           /* as in the info; 0 if the key does not tell */
};

/*
 * envl_fit_of_key - what can key open?
 * envl_recipient_info_is_kind - is info made for keys of this kind?
 * envl_recipient_info_fits - and of this size, so that key can open it?
 */
struct envl_fit envl_fit_of_key(const EVP_PKEY *key);
bool envl_recipient_info_is_kind(const struct envl_recipient_info *info,
                                 const struct envl_fit *fit);
bool envl_recipient_info_fits(const struct envl_recipient_info *info,
                              const struct envl_fit *fit);

/*
 * envl_recipient_info_open_key - try to open it with the private key, where
 * it is neither a ktri nor a kari; for ML-KEM cms was made with the identity's
 * property query
 * envl_recipient_info_open_kek - the same with a key-encryption key
 *
 * On success cms has its content-encryption key.
 * Returns: 1 or 0; records of a failure may be left in the error queue.
 */
int envl_recipient_info_open_key(CMS_ContentInfo *cms,
                                 const struct envl_recipient_info *info,
                                 const struct envl_libctx *ctx,
                                 const struct envl_identity *identity);
int envl_recipient_info_open_kek(CMS_ContentInfo *cms,
                                 const struct envl_recipient_info *info,
                                 const unsigned char kek[ENVL_KEK_LEN]);

#endif
