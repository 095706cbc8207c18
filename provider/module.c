/* SPDX-License-Identifier: Apache-2.0 */
/* The one symbol of the loadable module. */
#include <openssl/core.h>

#include <envelope/envelope.h>

ENVELOPE_EXPORT OSSL_provider_init_fn OSSL_provider_init;

int
OSSL_provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
                   const OSSL_DISPATCH **out, void **prov)
{
    return envelope_provider_init(core, in, out, prov);
}
