/* SPDX-License-Identifier: Apache-2.0 */
/* Property queries. */
#include "lib/base/libctx.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "lib/base/algorithms.h"

/* In bytes; every operation of this library needs more. */
#define ROOM 1048576

char *
envl_libctx_prefer(const char *properties, const char *provider)
{
    const char *asked = properties != NULL ? properties : "";
    size_t size = strlen(asked) + sizeof(",?provider=") + strlen(provider);
    char *propq = OPENSSL_malloc(size);

    if (propq == NULL)
        return NULL;
    /* A query that names a property twice is an error, and is ignored. */
    if (strstr(asked, "provider") != NULL)
        (void)snprintf(propq, size, "%s", asked);
    else
        (void)snprintf(propq, size, "%s%s?provider=%s", asked,
                       *asked != '\0' ? "," : "", provider);
    return propq;
}

/* libcrypto fails in the same way for a missing algorithm and for a lack of
 * memory.  If memory ran out there, this allocation fails, too. */
static bool
has_memory(void)
{
    void *p = OPENSSL_malloc(ROOM);

    OPENSSL_free(p);
    return p != NULL;
}

enum envelope_reason
envl_libctx_check(const struct envl_libctx *ctx, struct envl_err *err)
{
    EVP_CIPHER *aead = envl_fetch_cipher(ctx, ENVL_AES_256_GCM);

    if (aead != NULL) {
        EVP_CIPHER_free(aead);
        return ENVELOPE_OK;
    }
    if (envl_crypto_no_memory() || !has_memory())
        return envl_fail_memory(err);
    return envl_fail(err, ENVELOPE_R_NO_ALGORITHM,
                     "AES-256-GCM%s%s; load a provider that has it, such as "
                     "default",
                     ctx->properties != NULL ? " with properties " : "",
                     ctx->properties != NULL ? ctx->properties : "");
}
