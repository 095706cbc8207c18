/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calls of PHP's openssl_encrypt() and openssl_decrypt(), with its buffer:
 * the length of the data and one block.
 *     one_shot encrypt|decrypt IN OUT
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

static int
fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

int
main(int argc, char **argv)
{
    int encrypt = argc > 1 && strcmp(argv[1], "encrypt") == 0;
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(NULL, "envelope");
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "ENVELOPE", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *in, *out;
    FILE *file;
    long len;
    int n = 0, last = 0;

    if (argc != 4 || provider == NULL || cipher == NULL || ctx == NULL
        || (file = fopen(argv[2], "rb")) == NULL || fseek(file, 0, SEEK_END)
        || (len = ftell(file)) < 0)
        return fail("cannot begin");
    rewind(file);
    in = malloc((size_t)len + 1);
    out = malloc((size_t)len + (size_t)EVP_CIPHER_get_block_size(cipher));
    if (in == NULL || out == NULL
        || fread(in, 1, (size_t)len, file) != (size_t)len)
        return fail("cannot read");
    (void)fclose(file);

    if (!EVP_CipherInit_ex(ctx, cipher, NULL, NULL, NULL, encrypt)
        || !EVP_CipherInit_ex(ctx, NULL, NULL, NULL, NULL, encrypt)
        || !EVP_CipherUpdate(ctx, out, &n, in, (int)len)
        || !EVP_CipherFinal(ctx, out + n, &last))
        return fail("the cipher failed");

    if ((file = fopen(argv[3], "wb")) == NULL
        || fwrite(out, 1, (size_t)n + (size_t)last, file)
               != (size_t)n + (size_t)last
        || fclose(file) != 0)
        return fail("cannot write");
    free(in);
    free(out);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_PROVIDER_unload(provider);
    return 0;
}
