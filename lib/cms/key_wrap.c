/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's key wrap cipher also checks the integrity of what it unwraps. */
#include "lib/cms/key_wrap.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"

const unsigned char envl_key_wrap_der[ENVL_KEY_WRAP_DER_LEN] = {
    ENVL_DER_SEQUENCE,
    11,
    ENVL_DER_OID,
    9,
    0x60,
    0x86,
    0x48,
    0x01,
    0x65,
    0x03,
    0x04,
    0x01,
    0x2d
};

bool
envl_key_wrap(unsigned char wrapped[ENVL_WRAPPED_LEN],
              const struct envl_libctx *ctx,
              const unsigned char kek[ENVL_KEK_LEN],
              const unsigned char cek[ENVL_CEK_LEN])
{
    EVP_CIPHER *aes = envl_fetch_cipher(ctx, ENVL_AES_256_WRAP);
    EVP_CIPHER_CTX *cctx = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = false;

    if (aes != NULL && cctx != NULL) {
        EVP_CIPHER_CTX_set_flags(cctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        ok = EVP_EncryptInit_ex2(cctx, aes, kek, NULL, NULL)
             && EVP_EncryptUpdate(cctx, wrapped, &n, cek, ENVL_CEK_LEN)
             && n == ENVL_WRAPPED_LEN;
    }
    EVP_CIPHER_CTX_free(cctx);
    EVP_CIPHER_free(aes);
    return ok;
}

bool
envl_key_unwrap(unsigned char cek[ENVL_CEK_LEN], const struct envl_libctx *ctx,
                const unsigned char kek[ENVL_KEK_LEN],
                const struct envl_der *wrapped)
{
    EVP_CIPHER *aes = envl_fetch_cipher(ctx, ENVL_AES_256_WRAP);
    EVP_CIPHER_CTX *cctx = EVP_CIPHER_CTX_new();
    unsigned char out[ENVL_WRAPPED_LEN];
    int n = 0;
    bool ok = false;

    if (aes != NULL && cctx != NULL && wrapped->len == ENVL_WRAPPED_LEN) {
        EVP_CIPHER_CTX_set_flags(cctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
        ok = EVP_DecryptInit_ex2(cctx, aes, kek, NULL, NULL)
             && EVP_DecryptUpdate(cctx, out, &n, wrapped->p, ENVL_WRAPPED_LEN)
             && n == ENVL_CEK_LEN;
    }
    if (ok)
        memcpy(cek, out, ENVL_CEK_LEN);
    OPENSSL_cleanse(out, sizeof(out));
    EVP_CIPHER_CTX_free(cctx);
    EVP_CIPHER_free(aes);
    return ok;
}
