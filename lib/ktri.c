/* SPDX-License-Identifier: Apache-2.0 */
/* The DER is walked through: CMS does not give out the encrypted key. */
#include "lib/ktri.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "lib/der.h"

const unsigned char *
envl_ktri_encrypted(const unsigned char *der, size_t len, size_t *encrypted_len)
{
    struct envl_der in = { der, len }, ktri, skipped, encrypted;

    *encrypted_len = 0;
    if (!envl_der_take(&in, ENVL_DER_SEQUENCE, &ktri)
        || !envl_der_take(&ktri, ENVL_DER_INTEGER, &skipped)
        || !envl_der_take(&ktri, ENVL_DER_ANY, &skipped)
        || !envl_der_take(&ktri, ENVL_DER_SEQUENCE, &skipped)
        || !envl_der_take(&ktri, ENVL_DER_OCTETS, &encrypted))
        return NULL;
    *encrypted_len = encrypted.len;
    return encrypted.p;
}

/* The digest by EVP_MD, as CMS sets it: keys of an engine take no names.  That of
 * MGF1 is the same if none is set (EVP_PKEY_CTX_set_rsa_mgf1_md(3)), and a TPM's
 * provider lets none be set. */
static int
set_up(EVP_PKEY_CTX *pctx)
{
    return pctx != NULL && EVP_PKEY_decrypt_init(pctx) > 0
           && EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_OAEP_PADDING) > 0
           && EVP_PKEY_CTX_set_rsa_oaep_md(pctx, EVP_sha256()) > 0;
}

int
envl_ktri_unwrap(const unsigned char *encrypted, size_t len,
                 const struct envl_libctx *ctx, EVP_PKEY *key,
                 const char *key_propq, unsigned char cek[ENVL_CEK_LEN])
{
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_pkey(ctx->libctx, key, key_propq);
    /* As much as the modulus has, not only the key. */
    unsigned char out[OPENSSL_RSA_MAX_MODULUS_BITS / 8];
    size_t out_len = sizeof(out);
    int ok;

    ok = set_up(pctx)
         && EVP_PKEY_decrypt(pctx, out, &out_len, encrypted, len) > 0
         && out_len == ENVL_CEK_LEN;
    if (ok)
        memcpy(cek, out, ENVL_CEK_LEN);
    OPENSSL_cleanse(out, sizeof(out));
    EVP_PKEY_CTX_free(pctx);
    return ok;
}
