/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto falls back on its default provider only where none is loaded, and
 * the envelope provider is. */
#include "tools/context.h"

#include <stdint.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#include "filter/stream/library.h"
#include "lib/stream/conf.h"
#include "lib/stream/defaults.h"

enum envelope_reason
envl_context_get(struct envl_libctx *ctx, struct envl_err *err)
{
    const struct envl_library *library;
    enum envelope_reason rc = envl_library_get(&library, err);

    *ctx = (struct envl_libctx){
        .kms_modules = envl_defaults_kms_modules(),
    };
    if (rc != ENVELOPE_OK)
        return rc;
    ctx->libctx = library->libctx;
    ctx->properties = envl_conf_get(library->conf, ENVELOPE_PROVIDER_NAME,
                                    ENVL_CONF_PROPERTIES);
    ctx->propq = envl_libctx_prefer(ctx->properties, "default");
    if (ctx->propq == NULL)
        return envl_fail_memory(err);
    envl_err_begin();
    ERR_set_mark();
    rc = envl_libctx_check(ctx, err);
    if (rc != ENVELOPE_OK) {
        /* It stays for the life of the context, as the fallback would. */
        (void)OSSL_PROVIDER_load(ctx->libctx, "default");
        rc = envl_libctx_check(ctx, err);
    }
    ERR_pop_to_mark();
    if (rc != ENVELOPE_OK)
        envl_context_clear(ctx);
    return rc;
}

void
envl_context_clear(struct envl_libctx *ctx)
{
    OPENSSL_free((void *)(uintptr_t)ctx->propq);
    ctx->propq = NULL;
}
