/* SPDX-License-Identifier: Apache-2.0 */
/* What a RecipientInfo is, in words for people; it need not be one that
 * FORMAT 5.1 has, and nothing is opened. */
#ifndef ENVL_RECIPIENT_WORDS_H
#define ENVL_RECIPIENT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/recipient_info.h"

#define ENVL_WORDS_MAX 96

struct envl_recipient_words {
    const char *type; /* one word, static: "rsa", "ec", "x25519", "x448",
                       * "ml-kem", "kek", "passphrase", "kms" or "other" */
    bool known;       /* FORMAT 5.1 has it, so that a key can open it */
    char kind[ENVL_WORDS_MAX];      /* "RSA key, 3072 bits" */
    char algorithm[ENVL_WORDS_MAX]; /* "RSAES-OAEP, SHA-256" */
};

/*
 * envl_recipient_words - describe a recipient
 *
 *   der  its whole RecipientInfo, len bytes: CMS does not give out all of it
 */
void envl_recipient_words(struct envl_recipient_words *words,
                          const struct envl_recipient_info *info,
                          const unsigned char *der, size_t len);

/*
 * envl_kemri_is_readable - is this a KEMRecipientInfo (RFC 9629) without ukm and
 * with AES-256 key wrap, as this project writes it?
 *
 * Of any other libcrypto is not asked: of the padded key wrap 3.6.0 to 3.6.3 write
 * past a buffer (CVE-2026-63072).
 */
bool envl_kemri_is_readable(const unsigned char *der, size_t len);

/* envl_recipient_id - info->id, or where libcrypto does not tell it (ML-KEM)
 * what stands in der; *len is 0 if there is none */
const unsigned char *envl_recipient_id(const struct envl_recipient_info *info,
                                       const unsigned char *der, size_t der_len,
                                       size_t *len);

#endif
