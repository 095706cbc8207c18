/* SPDX-License-Identifier: Apache-2.0 */
/* Property queries. */
#include "lib/libctx.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

char *
envl_libctx_prefer(const char *properties, const char *provider)
{
    static const char preference[] = "?provider=";
    const char *asked = properties != NULL ? properties : "";
    size_t size =
        strlen(asked) + sizeof(",") + sizeof(preference) + strlen(provider);
    char *propq = OPENSSL_malloc(size);

    if (propq != NULL)
        (void)snprintf(propq, size, "%s%s%s%s", asked,
                       *asked != '\0' ? "," : "", preference, provider);
    return propq;
}

enum envelope_reason
envl_libctx_check(const struct envl_libctx *ctx, struct envl_err *err)
{
    EVP_CIPHER *aead = EVP_CIPHER_fetch(ctx->libctx, "AES-256-GCM", ctx->propq);

    if (aead == NULL)
        return envl_fail(err, ENVELOPE_R_NO_ALGORITHM,
                         "AES-256-GCM%s%s; load a provider that has it, such "
                         "as default",
                         ctx->properties != NULL ? " with properties " : "",
                         ctx->properties != NULL ? ctx->properties : "");
    EVP_CIPHER_free(aead);
    return ENVELOPE_OK;
}
