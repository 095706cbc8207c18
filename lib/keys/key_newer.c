/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at the algorithm in each SubjectPublicKeyInfo and PrivateKeyInfo. */
#include "lib/keys/key_newer.h"

#include <stdbool.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "lib/base/der.h"
#include "lib/keys/key_kind.h"

/* clang-format off */
static const struct {
    unsigned char der[13];
    size_t len;
} algorithms[] = {
    /* id-alg-ml-kem-512, -768 and -1024, without their last number */
    { { ENVL_DER_OID, 9,
        0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04 }, 10 },
    /* id-ml-dsa-65 */
    { { ENVL_DER_OID, 9,
        0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12 }, 11 },
    { { ENVL_KEY_HYBRID_OID }, 10 },
    { { ENVL_KEY_XWING_OID }, 13 },
};
/* clang-format on */

static bool
is_newer(const unsigned char *der, size_t len)
{
    struct envl_der in = { der, len }, key, version, algorithm;
    size_t i;

    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &key))
        return false;
    (void)envl_der_take(&key, ENVL_DER_INTEGER, &version); /* of private keys */
    if (!envl_der_take(&key, ENVL_DER_SEQUENCE, &algorithm))
        return false;
    for (i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (envl_der_take_just(&algorithm, algorithms[i].der,
                               algorithms[i].len))
            return true;
    }
    return false;
}

static bool
has_newer(BIO *bio)
{
    char *label = NULL, *header = NULL;
    unsigned char *body = NULL;
    bool found = false;
    long len = 0;

    while (!found && PEM_read_bio(bio, &label, &header, &body, &len) > 0) {
        found = is_newer(body, (size_t)len);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(body, (size_t)len);
    }
    return found;
}

enum envelope_reason
envl_key_newer_check(const struct envl_key_text *text, const char *name,
                     struct envl_err *err)
{
    bool found;
    BIO *bio;

    if (OpenSSL_version_num() >= ENVL_ML_KEM_SINCE)
        return ENVELOPE_OK;
    ERR_set_mark();
    bio = BIO_new_mem_buf(text->data, (int)text->len);
    found = bio != NULL && (is_newer(text->data, text->len) || has_newer(bio));
    BIO_free(bio);
    ERR_pop_to_mark();
    if (bio == NULL)
        return envl_fail_memory(err);
    if (!found)
        return ENVELOPE_OK;
    return envl_fail(
        err, ENVELOPE_R_NO_ALGORITHM,
        "%s: ML-KEM and ML-DSA keys need OpenSSL 3.5 or newer, and this is %s",
        name, OpenSSL_version(OPENSSL_VERSION_STRING));
}
