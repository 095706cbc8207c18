/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of RecipientInfo has to say; for lib/cms alone. */
#ifndef ENVL_CMS_FORM_H
#define ENVL_CMS_FORM_H

#include "lib/cms/entry.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define ENVL_KEY_WRAP_TEXT "AES-256 key wrap"

struct envl_form {
    unsigned char tag; /* of the CHOICE (RFC 5652, 6.2) */

    /*
     * list - read the recipients of one RecipientInfo
     *
     *   to     receives them, all zero but form, place and info, and of the kind
     *          ENVL_ENTRY_OTHER; NULL to count them only
     *   count  receives how many there are
     *
     * Returns: NULL, or what is wrong with its structure.
     */
    const char *(*list)(struct envl_entry *to, size_t *count,
                        struct envl_der content);
    bool (*unwrap)(unsigned char cek[ENVL_CEK_LEN],
                   const struct envl_entry *entry,
                   const struct envl_libctx *ctx,
                   const struct envl_secret *secret);
    /* It writes a whole RecipientInfo. */
    enum envelope_reason (*wrap)(struct envl_der_writer *w,
                                 const struct envl_wrap *wrap,
                                 const struct envl_recipient *recipient,
                                 struct envl_err *err);
    void (*describe)(struct envl_description *to,
                     const struct envl_entry *entry);
};

extern const struct envl_form envl_ktri, envl_kari, envl_kekri, envl_kemri;

extern const char envl_bad_version[];   /* a fault that list() finds */
extern const char envl_bad_structure[]; /* another one */

/* The most that any of them writes: a key service's blob and key, or an RSA key
 * of 16,384 bits, and what stands around them. */
#define ENVL_INFO_LEN_MAX (ENVL_KMS_BLOB_LEN_MAX + ENVL_KMS_KEY_LEN_MAX + 1024)

/* envl_form_take_rid - a RecipientIdentifier: a subjectKeyIdentifier, for which
 * id is set, or the issuer and serial number of a certificate */
bool envl_form_take_rid(struct envl_der *id, struct envl_der *in);

/* envl_form_take_issuer - an IssuerAndSerialNumber */
bool envl_form_take_issuer(struct envl_der *in);

/*
 * envl_form_take_algorithm - what is in an AlgorithmIdentifier: an OBJECT
 * IDENTIFIER and perhaps parameters
 * envl_form_is_typed - the same of content that was taken already, as an
 * OtherKeyAttribute has it, too
 */
bool envl_form_take_algorithm(struct envl_der *content, struct envl_der *in);
bool envl_form_is_typed(struct envl_der content);

/* envl_form_take_key_id - what is in a KEKIdentifier or a RecipientKeyIdentifier:
 * a name, perhaps a date, and another attribute, whose p is NULL if there is
 * none */
bool envl_form_take_key_id(struct envl_der *id, struct envl_der *other,
                           struct envl_der in);

/* envl_form_add - put the RecipientInfo that was written after the others */
enum envelope_reason envl_form_add(struct envl_message *message,
                                   const struct envl_der_writer *w,
                                   struct envl_err *err);

#endif
