/* SPDX-License-Identifier: Apache-2.0 */
/* Property queries. */
#include "lib/libctx.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

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
