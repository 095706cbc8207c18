/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decrypts a range of a large stream and reads no more of the file than the
 * header and the chunks that hold the range:
 *     range ops.key data.env OFFSET LENGTH > part
 */
#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#define PRELUDE_LEN 32
#define HEADER_LENGTH_AT 20

static unsigned char in[ENVELOPE_SEALED_CHUNK_LENGTH];
static unsigned char out[ENVELOPE_SEALED_CHUNK_LENGTH + ENVELOPE_CHUNK_LENGTH];

/* The header's length stands in its prelude (format.md, 2). */
static size_t
read_header_length(FILE *file)
{
    const unsigned char *p = in + HEADER_LENGTH_AT;

    if (fread(in, 1, PRELUDE_LEN, file) != PRELUDE_LEN)
        return 0;
    rewind(file);
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

/* Give the cipher what stands before chunk 0. */
static int
give_start(EVP_CIPHER_CTX *ctx, FILE *file, size_t len)
{
    size_t want;
    int n;

    for (; len > 0; len -= want) {
        want = len < sizeof(in) ? len : sizeof(in);
        if (fread(in, 1, want, file) != want
            || !EVP_DecryptUpdate(ctx, out, &n, in, (int)want))
            return 0;
    }
    return 1;
}

/* Decrypt one chunk into out; its length, or -1.  A short one is the last. */
static int
give_chunk(EVP_CIPHER_CTX *ctx, FILE *file, unsigned long long index,
           size_t start)
{
    uint64_t number = index;
    OSSL_PARAM params[2] = {
        OSSL_PARAM_construct_uint64(ENVELOPE_PARAM_NEXT_CHUNK, &number),
        OSSL_PARAM_construct_end(),
    };
    long long at = (long long)(start + index * ENVELOPE_SEALED_CHUNK_LENGTH);
    int n = 0, last = 0;
    size_t len;

    if (!EVP_CIPHER_CTX_set_params(ctx, params)
        || fseeko(file, (off_t)at, SEEK_SET) != 0)
        return -1;
    len = fread(in, 1, sizeof(in), file);
    if (!EVP_DecryptUpdate(ctx, out, &n, in, (int)len)
        || (len < sizeof(in) && !EVP_DecryptFinal_ex(ctx, out + n, &last)))
        return -1;
    return n + last;
}

/* Write the part of each chunk that lies in the range. */
static int
copy_range(EVP_CIPHER_CTX *ctx, FILE *file, size_t start,
           unsigned long long offset, unsigned long long left)
{
    size_t skip = offset % ENVELOPE_CHUNK_LENGTH, count;
    unsigned long long i;
    int len = ENVELOPE_CHUNK_LENGTH;

    for (i = offset / ENVELOPE_CHUNK_LENGTH;
         left > 0 && len == ENVELOPE_CHUNK_LENGTH; i++) {
        len = give_chunk(ctx, file, i, start);
        if (len < 0)
            return 0;
        count = (size_t)len > skip ? (size_t)len - skip : 0;
        if (count > left)
            count = (size_t)left;
        if (fwrite(out + skip, 1, count, stdout) != count)
            return 0;
        left -= count;
        skip = 0;
    }
    return fflush(stdout) == 0;
}

int
main(int argc, char **argv)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned int slack = ENVELOPE_CHUNK_LENGTH;
    char verified[] = ENVELOPE_RELEASE_VERIFIED;
    OSSL_PARAM params[4];
    OSSL_PROVIDER *provider;
    EVP_CIPHER *cipher;
    FILE *file;
    size_t start;
    int ok;

    if (argc != 5 || (file = fopen(argv[2], "rb")) == NULL)
        return fprintf(stderr, "usage: range KEY FILE OFFSET LENGTH\n"), 2;
    provider = OSSL_PROVIDER_load(NULL, ENVELOPE_PROVIDER_NAME);
    cipher = EVP_CIPHER_fetch(NULL, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    params[0] =
        OSSL_PARAM_construct_utf8_string(ENVELOPE_PARAM_IDENTITIES, argv[1], 0);
    params[1] =
        OSSL_PARAM_construct_utf8_string(ENVELOPE_PARAM_RELEASE, verified, 0);
    params[2] = OSSL_PARAM_construct_uint(ENVELOPE_PARAM_OUTPUT_SLACK, &slack);
    params[3] = OSSL_PARAM_construct_end();
    start = read_header_length(file) + ENVELOPE_PAYLOAD_START_LENGTH;
    ok = cipher != NULL && EVP_DecryptInit_ex2(ctx, cipher, NULL, NULL, params)
         && give_start(ctx, file, start)
         && copy_range(ctx, file, start, strtoull(argv[3], NULL, 10),
                       strtoull(argv[4], NULL, 10));
    if (!ok)
        ERR_print_errors_fp(stderr);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_PROVIDER_unload(provider);
    fclose(file);
    return ok ? 0 : 1;
}
