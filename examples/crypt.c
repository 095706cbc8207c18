/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypts or decrypts standard input to standard output through EVP:
 *     crypt -e ops.pem:escrow.crt < data > data.env
 *     crypt -d ops.key            < data.env > data
 */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#define PIECE 1048576

/* Room that the cipher may use beyond its input: tags and a large header when
 * encrypting, a chunk that has waited for its tag when decrypting. */
#define SLACK 65536

static EVP_CIPHER_CTX *
start(int encrypt, char *keys)
{
    char verified[] = ENVELOPE_RELEASE_VERIFIED;
    unsigned int slack = SLACK;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(encrypt ? ENVELOPE_PARAM_RECIPIENTS
                                                 : ENVELOPE_PARAM_IDENTITIES,
                                         keys, 0),
        OSSL_PARAM_construct_uint(ENVELOPE_PARAM_OUTPUT_SLACK, &slack),
        OSSL_PARAM_construct_utf8_string(ENVELOPE_PARAM_RELEASE, verified, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_CIPHER *cipher =
        EVP_CIPHER_fetch(NULL, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (!EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, params)) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

/* 1 if the whole stream went through; what was written before a failure is
 * verified, but not complete. */
static int
copy(EVP_CIPHER_CTX *ctx, unsigned char *in, unsigned char *out)
{
    size_t len;
    int n;

    while ((len = fread(in, 1, PIECE, stdin)) > 0) {
        if (!EVP_CipherUpdate(ctx, out, &n, in, (int)len)
            || fwrite(out, 1, (size_t)n, stdout) != (size_t)n)
            return 0;
    }
    return !ferror(stdin) && EVP_CipherFinal_ex(ctx, out, &n)
           && fwrite(out, 1, (size_t)n, stdout) == (size_t)n
           && fflush(stdout) == 0;
}

int
main(int argc, char **argv)
{
    unsigned char *in = OPENSSL_malloc(PIECE);
    unsigned char *out = OPENSSL_malloc(PIECE + SLACK);
    EVP_CIPHER_CTX *ctx = NULL;
    OSSL_PROVIDER *provider;
    int ok;

    if (argc != 3 || (strcmp(argv[1], "-e") != 0 && strcmp(argv[1], "-d") != 0))
        return fprintf(stderr, "usage: crypt -e KEYS | -d KEYS\n"), 2;
    provider = OSSL_PROVIDER_load(NULL, ENVELOPE_PROVIDER_NAME);
    if (provider != NULL)
        ctx = start(argv[1][1] == 'e', argv[2]);
    ok = ctx != NULL && in != NULL && out != NULL && copy(ctx, in, out);
    if (!ok)
        ERR_print_errors_fp(stderr);
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_clear_free(in, PIECE);
    OPENSSL_clear_free(out, PIECE + SLACK);
    OSSL_PROVIDER_unload(provider);
    return ok ? 0 : 1;
}
