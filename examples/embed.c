/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the provider into the program: no module to find, no openssl.cnf, no
 * environment, and a library context of its own.  Encrypts a text for a key
 * that it makes, and decrypts it again.  Link with -lenvelope -lcrypto.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

/* One stream at once; *key is the PEM of a recipient or an identity. */
static int
crypt_once(const EVP_CIPHER *cipher, int encrypt, BIO *key, unsigned char *out,
           const unsigned char *in, int in_len)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_PARAM params[2];
    int n = 0, last = 0;
    char *pem;
    long len = BIO_get_mem_data(key, &pem);

    params[0] = OSSL_PARAM_construct_octet_string(
        encrypt ? ENVELOPE_PARAM_RECIPIENT : ENVELOPE_PARAM_IDENTITY, pem,
        (size_t)len);
    params[1] = OSSL_PARAM_construct_end();
    if (!EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, params)
        || !EVP_CipherUpdate(ctx, out, &n, in, in_len)
        || !EVP_CipherFinal_ex(ctx, out + n, &last))
        n = -1;
    EVP_CIPHER_CTX_free(ctx);
    return n < 0 ? -1 : n + last;
}

int
main(void)
{
    static const char text[] = "the only copy of the data";
    unsigned char
        sealed[sizeof(text) + ENVELOPE_UPDATE_SLACK + ENVELOPE_BLOCK_SIZE];
    unsigned char opened[sizeof(sealed) + 1] = { 0 };
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    BIO *public = BIO_new(BIO_s_mem()), *private = BIO_new(BIO_s_mem());
    OSSL_PROVIDER *envelope = NULL, *standard;
    EVP_CIPHER *cipher = NULL;
    EVP_PKEY *key = NULL;
    int len = -1;

    standard = OSSL_PROVIDER_load(libctx, "default");
    if (OSSL_PROVIDER_add_builtin(libctx, ENVELOPE_PROVIDER_NAME,
                                  envelope_provider_init))
        envelope = OSSL_PROVIDER_load(libctx, ENVELOPE_PROVIDER_NAME);
    if (envelope != NULL)
        cipher =
            EVP_CIPHER_fetch(libctx, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    key = EVP_PKEY_Q_keygen(libctx, NULL, "X25519");
    if (cipher != NULL && PEM_write_bio_PUBKEY(public, key)
        && PEM_write_bio_PrivateKey(private, key, NULL, NULL, 0, NULL, NULL))
        len = crypt_once(cipher, 1, public, sealed, (const unsigned char *)text,
                         (int)sizeof(text));
    if (len > 0) {
        printf("%zu bytes became %d\n", sizeof(text), len);
        len = crypt_once(cipher, 0, private, opened, sealed, len);
    }
    if (len == (int)sizeof(text) && memcmp(text, opened, sizeof(text)) == 0)
        printf("and came back: %s\n", (const char *)opened);
    else
        ERR_print_errors_fp(stderr);

    EVP_PKEY_free(key);
    EVP_CIPHER_free(cipher);
    BIO_free(public);
    BIO_free(private);
    OSSL_PROVIDER_unload(envelope);
    OSSL_PROVIDER_unload(standard);
    OSSL_LIB_CTX_free(libctx);
    return len == (int)sizeof(text) ? 0 : 1;
}
