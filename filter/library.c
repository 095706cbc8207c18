/* SPDX-License-Identifier: Apache-2.0 */
/* Made once, behind a lock; a failure is not remembered. */
#include "filter/library.h"

#include <pthread.h>

#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <envelope/envelope.h>

/* openssl.cnf as libcrypto loads it by itself: what is wrong in it shows where
 * it is missed. */
#define CONF_FLAGS                                                 \
    (CONF_MFLAGS_IGNORE_MISSING_FILE | CONF_MFLAGS_DEFAULT_SECTION \
     | CONF_MFLAGS_IGNORE_RETURN_CODES)

/* The provider stays loaded by the cipher, which knows it. */
static enum envelope_reason
make(struct envl_library *library, struct envl_err *err)
{
    OSSL_PROVIDER *provider = NULL;

    library->libctx = OSSL_LIB_CTX_new();
    if (library->libctx != NULL
        && OSSL_PROVIDER_add_builtin(library->libctx, ENVELOPE_PROVIDER_NAME,
                                     envelope_provider_init)) {
        (void)CONF_modules_load_file_ex(library->libctx, NULL, NULL,
                                        CONF_FLAGS);
        provider = OSSL_PROVIDER_load(library->libctx, ENVELOPE_PROVIDER_NAME);
    }
    if (provider != NULL)
        library->cipher =
            EVP_CIPHER_fetch(library->libctx, ENVELOPE_CIPHER_NAME,
                             "provider=" ENVELOPE_PROVIDER_NAME);
    if (library->cipher != NULL)
        return ENVELOPE_OK;
    (void)envl_fail_crypto(err, "set the provider up");
    if (provider != NULL)
        (void)OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(library->libctx);
    library->libctx = NULL;
    return err->reason;
}

enum envelope_reason
envl_library_get(const struct envl_library **out, struct envl_err *err)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct envl_library library;
    enum envelope_reason rc = ENVELOPE_OK;

    pthread_mutex_lock(&lock);
    ERR_set_mark();
    if (library.cipher == NULL)
        rc = make(&library, err);
    ERR_pop_to_mark();
    pthread_mutex_unlock(&lock);
    *out = rc == ENVELOPE_OK ? &library : NULL;
    return rc;
}
