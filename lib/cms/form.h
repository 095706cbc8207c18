/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of each kind of RecipientInfo; for lib/cms alone. */
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
     *   to     receives the entries, which are all zero before but for form,
     *          info_index, info and the kind ENVL_ENTRY_OTHER; NULL to count
     *          only
     *   count  receives the number of recipients
     *
     * Returns: NULL, or what is wrong with the RecipientInfo's structure.
     */
    const char *(*list)(struct envl_entry *to, size_t *count,
                        struct envl_der content);
    bool (*unwrap)(unsigned char cek[ENVL_CEK_LEN],
                   const struct envl_entry *entry,
                   const struct envl_libctx *ctx,
                   const struct envl_secret *secret);
    /* Writes a whole RecipientInfo. */
    enum envelope_reason (*wrap)(struct envl_der_writer *w,
                                 const struct envl_wrap *wrap,
                                 const struct envl_recipient *recipient,
                                 struct envl_err *err);
    void (*describe)(struct envl_description *to,
                     const struct envl_entry *entry);
};

extern const struct envl_form envl_ktri, envl_kari, envl_kekri, envl_kemri;

/* Results of list(). */
extern const char envl_bad_version[];
extern const char envl_bad_structure[];

/* The longest RecipientInfo that is written: it has a key service's blob and
 * key, or a ciphertext of a 16,384-bit RSA key, and the fields around them. */
#define ENVL_INFO_LEN_MAX (ENVL_KMS_BLOB_LEN_MAX + ENVL_KMS_KEY_LEN_MAX + 1024)

/* envl_form_take_rid - take a RecipientIdentifier: a subjectKeyIdentifier, for
 * which id is set, or the issuer and serial number of a certificate */
bool envl_form_take_rid(struct envl_der *id, struct envl_der *in);

/* envl_form_take_issuer - take an IssuerAndSerialNumber */
bool envl_form_take_issuer(struct envl_der *in);

/*
 * envl_form_take_algorithm - take an AlgorithmIdentifier; content receives its
 * OBJECT IDENTIFIER and parameters, if there are any
 * envl_form_is_typed - is content that was taken already an OBJECT IDENTIFIER
 * and perhaps one more element, as in an OtherKeyAttribute?
 */
bool envl_form_take_algorithm(struct envl_der *content, struct envl_der *in);
bool envl_form_is_typed(struct envl_der content);

/* envl_form_take_key_id - take the content of a KEKIdentifier or a
 * RecipientKeyIdentifier: an identifier, perhaps a date, and perhaps an
 * OtherKeyAttribute; other.p is NULL without it */
bool envl_form_take_key_id(struct envl_der *id, struct envl_der *other,
                           struct envl_der in);

/* envl_form_add - add the RecipientInfo that w has written to the message,
 * after the others */
enum envelope_reason envl_form_add(struct envl_message *message,
                                   const struct envl_der_writer *w,
                                   struct envl_err *err);

#endif
