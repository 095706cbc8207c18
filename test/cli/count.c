/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded, it counts what a header costs a program: how often the message is
 * parsed, and private-key operations.  They stand in the file COUNT_FILE when
 * the program ends, as "PARSES OPERATIONS".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <openssl/cms.h>
#include <openssl/evp.h>

/* Messages of this program's own making are shorter. */
#define LARGE 16384

static unsigned parses, operations;

CMS_ContentInfo *
d2i_CMS_ContentInfo(CMS_ContentInfo **cms, const unsigned char **in, long len)
{
    __typeof__(&d2i_CMS_ContentInfo) next =
        (__typeof__(next))dlsym(RTLD_NEXT, "d2i_CMS_ContentInfo");

    parses += len > LARGE;
    return next(cms, in, len);
}

int
EVP_PKEY_decrypt(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *out_len,
                 const unsigned char *in, size_t len)
{
    __typeof__(&EVP_PKEY_decrypt) next =
        (__typeof__(next))dlsym(RTLD_NEXT, "EVP_PKEY_decrypt");

    operations += out != NULL;
    return next(ctx, out, out_len, in, len);
}

int
EVP_PKEY_derive(EVP_PKEY_CTX *ctx, unsigned char *out, size_t *len)
{
    __typeof__(&EVP_PKEY_derive) next =
        (__typeof__(next))dlsym(RTLD_NEXT, "EVP_PKEY_derive");

    operations += out != NULL;
    return next(ctx, out, len);
}

__attribute__((destructor)) static void
tell(void)
{
    const char *name = getenv("COUNT_FILE");
    FILE *file = name != NULL ? fopen(name, "w") : NULL;

    if (file == NULL)
        return;
    (void)fprintf(file, "%u %u\n", parses, operations);
    (void)fclose(file);
}
