/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the context once, under a lock.  After a failure the next call tries
 * again. */
#include "filter/stream/library.h"

#include <pthread.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

#include "lib/stream/conf.h"
#include "lib/stream/defaults.h"

/* Load openssl.cnf as libcrypto does, but report every mistake in it. */
static enum envelope_reason
load_configuration(struct envl_library *library, struct envl_err *err)
{
    enum envelope_reason rc;

    rc = envl_conf_read(&library->conf, library->libctx, ENVL_CONF_FIRST, err);
    if (rc == ENVELOPE_OK)
        rc = envl_conf_check(library->conf, ENVELOPE_PROVIDER_NAME, err);
    if (rc == ENVELOPE_OK)
        rc = envl_conf_check_active(library->conf, ENVELOPE_PROVIDER_NAME, err);
    if (rc == ENVELOPE_OK)
        rc = envl_conf_load(library->conf, library->libctx, err);
    return rc;
}

/* The fetched cipher holds a reference to the provider and keeps it loaded. */
static enum envelope_reason
make(struct envl_library *library, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    OSSL_PROVIDER *provider = NULL;

    library->libctx = OSSL_LIB_CTX_new();
    if (library->libctx != NULL
        && OSSL_PROVIDER_add_builtin(library->libctx, ENVELOPE_PROVIDER_NAME,
                                     envelope_provider_init)) {
        rc = load_configuration(library, err);
        if (rc == ENVELOPE_OK)
            provider =
                OSSL_PROVIDER_load(library->libctx, ENVELOPE_PROVIDER_NAME);
    }
    if (provider != NULL)
        library->cipher = EVP_CIPHER_fetch(
            library->libctx, ENVELOPE_CIPHER_NAME, ENVELOPE_PROPERTIES);
    if (library->cipher != NULL)
        return ENVELOPE_OK;
    if (rc == ENVELOPE_OK)
        rc = envl_fail_crypto(err, "set the provider up");
    if (provider != NULL)
        (void)OSSL_PROVIDER_unload(provider);
    envl_conf_free(library->conf);
    library->conf = NULL;
    OSSL_LIB_CTX_free(library->libctx);
    library->libctx = NULL;
    return rc;
}

enum envelope_reason
envl_library_get(const struct envl_library **out, struct envl_err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct envl_library library;
    enum envelope_reason rc = ENVELOPE_OK;

    pthread_mutex_lock(&lock);
    ERR_set_mark();
    envl_err_begin();
    if (library.cipher == NULL)
        rc = make(&library, err);
    ERR_pop_to_mark();
    pthread_mutex_unlock(&lock);
    *out = rc == ENVELOPE_OK ? &library : NULL;
    return rc;
}

enum envelope_reason
envl_library_identities(struct envl_key_settings *settings,
                        struct envl_err *err)
{
    const struct envl_library *library;
    struct envl_defaults defaults;
    enum envelope_reason rc = envl_library_get(&library, err);

    if (rc != ENVELOPE_OK)
        return rc;
    envl_defaults_get(&defaults, library->conf, ENVELOPE_PROVIDER_NAME);
    return envl_defaults_identities(&defaults, settings, err);
}

enum envelope_reason
envl_library_insists(bool *does, struct envl_err *err)
{
    struct envl_key_settings settings = { .signed_by = NULL };
    enum envelope_reason rc = envl_library_identities(&settings, err);

    *does = settings.signed_by != NULL || settings.required_labels != NULL;
    envl_key_settings_clear(&settings);
    return rc;
}
