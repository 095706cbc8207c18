/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recipient in a message (FORMAT 5.1): what its RecipientInfo says, which key
 * fits it, and wrapping or unwrapping the content-encryption key.  Each kind of
 * RecipientInfo has a file of its own: ktri, kari, kekri, kemri.
 */
#ifndef ENVL_CMS_ENTRY_H
#define ENVL_CMS_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/types.h>

#include "lib/base/err.h"
#include "lib/base/libctx.h"
#include "lib/cms/message.h"
#include "lib/header/labels.h"
#include "lib/keys/kek_source.h"
#include "lib/keys/key_settings.h"
#include "lib/keys/recipient.h"

enum envl_entry_kind {
    ENVL_ENTRY_RSA,
    ENVL_ENTRY_EC,
    ENVL_ENTRY_DH, /* X25519, X448 */
    ENVL_ENTRY_KEM,
    ENVL_ENTRY_KEK,
    ENVL_ENTRY_PASSPHRASE,
    ENVL_ENTRY_SERVICE,
    ENVL_ENTRY_OTHER, /* not in FORMAT 5.1: it is skipped */
    ENVL_ENTRY_KIND_COUNT
};

struct envl_form;
struct envl_agreement;

/* Nothing is owned: all pointers are into the message, or static. */
struct envl_entry {
    enum envl_entry_kind kind;
    const struct envl_form *form;
    size_t info_index;       /* which RecipientInfo of the message */
    struct envl_der info;    /* the whole RecipientInfo */
    struct envl_der id;      /* p is NULL for an issuer and serial number */
    struct envl_der wrapped; /* the content-encryption key, encrypted */
    size_t key_len;        /* the recipient's key: bytes of its modulus or of a
                     * coordinate; 0 if it has neither */
    const char *algorithm; /* DH, KEM: libcrypto's name of that key's type */

    struct envl_der sender; /* kari: the ephemeral key; kemri: the ciphertext */
    struct envl_der ukm;    /* kari: p is NULL if there is none */
    const struct envl_agreement *agreement; /* kari: how the KEK is derived */
    const char *digest;                     /* kemri: HKDF's hash for it */
    struct envl_kek_source source;          /* kekri */
};

/*
 * envl_entries_read - list the recipients of a message, in its order; each
 * recipient of a kari is an entry of its own.  No key is used
 *
 *   message  must outlive the entries, unchanged
 *
 * Ownership: *entries is the caller's, OPENSSL_free(); NULL on failure.
 * Returns:   ENVELOPE_OK; ENVELOPE_R_KEY_ENVELOPE for a malformed
 *            RecipientInfo, or more recipients than FORMAT 5 allows; _MEMORY.
 */
enum envelope_reason envl_entries_read(struct envl_entry **entries,
                                       size_t *count,
                                       const struct envl_message *message,
                                       struct envl_err *err);

/* Which entries a key can open. */
struct envl_fit {
    enum envl_entry_kind kind; /* ENVL_ENTRY_OTHER: none */
    const char *algorithm;     /* libcrypto's name of the algorithm, static */
    size_t key_len;            /* as in the entry; 0 if the key does not tell */
};

/*
 * envl_fit_of_key - which entries can key open?
 * envl_entry_is_kind - is the entry for keys of this kind?
 * envl_entry_fits - is it for keys of this kind and size?
 */
struct envl_fit envl_fit_of_key(const EVP_PKEY *key);
bool envl_entry_is_kind(const struct envl_entry *entry,
                        const struct envl_fit *fit);
bool envl_entry_fits(const struct envl_entry *entry,
                     const struct envl_fit *fit);

/* A private key or a key-encryption key that opens an entry.  Borrowed. */
struct envl_secret {
    EVP_PKEY *key;
    const char *propq; /* for operations with key */
    const unsigned char *kek;
};

/*
 * envl_entry_unwrap - decrypt the content-encryption key of an entry
 *
 *   secret  of the kind that the entry is for
 *   cek     receives ENVL_CEK_LEN bytes, which the caller cleanses
 *
 * Returns: true, or false if secret does not open the entry; records may be
 *          left in the error queue.  A wrong RSA key may also give true and
 *          another key, which does not decrypt the content.
 */
bool envl_entry_unwrap(unsigned char cek[ENVL_CEK_LEN],
                       const struct envl_entry *entry,
                       const struct envl_libctx *ctx,
                       const struct envl_secret *secret);

/* What is wrapped for each recipient, and with what.  Borrowed. */
struct envl_wrap {
    const struct envl_libctx *ctx;
    const unsigned char *cek;                 /* ENVL_CEK_LEN bytes */
    const struct envl_key_settings *settings; /* have the KEK and passphrase */
    const struct envl_labels *labels;         /* for key services, or NULL */
};

/*
 * envl_entry_wrap - add a RecipientInfo for a recipient to the message; for a
 * key service, ask it for a new key-encryption key
 *
 * Returns: ENVELOPE_OK; what a key service returns; ENVELOPE_R_CRYPTO; _MEMORY.
 */
enum envelope_reason envl_entry_wrap(struct envl_message *message,
                                     const struct envl_wrap *wrap,
                                     const struct envl_recipient *recipient,
                                     struct envl_err *err);

/*
 * envl_entry_is_known - is the entry in FORMAT 5.1, and does a reader try it?
 * envl_entry_post_quantum - does the entry withstand a quantum computer?
 */
bool envl_entry_is_known(const struct envl_entry *entry);
enum envl_post_quantum envl_entry_post_quantum(const struct envl_entry *entry);

/* The description of an entry, for people. */
#define ENVL_DESCRIPTION_MAX 96

struct envl_description {
    const char *type; /* one word, static: "rsa", "ec", "x25519", "x448",
                       * "ml-kem", "ml-kem-x25519", "kek", "passphrase", "kms"
                       * or "other" */
    bool known;       /* envl_entry_is_known() */
    enum envl_post_quantum post_quantum;
    char kind[ENVL_DESCRIPTION_MAX];      /* "RSA key, 3072 bits" */
    char algorithm[ENVL_DESCRIPTION_MAX]; /* "RSAES-OAEP, SHA-256" */
};

/* envl_entry_describe - write the description of an entry */
void envl_entry_describe(struct envl_description *to,
                         const struct envl_entry *entry);

/* envl_entry_kind_text - the entry's kind, static, for a list of recipients */
const char *envl_entry_kind_text(const struct envl_entry *entry);

#endif
