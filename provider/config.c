/* SPDX-License-Identifier: Apache-2.0 */
/* What openssl.cnf and the environment say, for streams that do not. */
#define _GNU_SOURCE /* secure_getenv(): nothing is taken in setuid programs */
#include "provider/provider.h"

#include <stdlib.h>

#include <openssl/params.h>

#define PROPERTIES_KEY "properties"

void
envl_config_read(struct envl_provider *prov)
{
    struct envl_config *config = &prov->config;
    /* The core sets the pointers; what is not configured stays NULL. */
    union {
        const char **in;
        char **out;
    } recipients = { &config->recipients },
      identities = { &config->identities },
      passphrase_file = { &config->passphrase_file },
      threads = { &config->threads }, properties = { &config->properties };
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_RECIPIENTS, recipients.out,
                                      0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_IDENTITIES, identities.out,
                                      0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_PASSPHRASE_FILE,
                                      passphrase_file.out, 0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_THREADS, threads.out, 0),
        OSSL_PARAM_construct_utf8_ptr(PROPERTIES_KEY, properties.out, 0),
        OSSL_PARAM_construct_end(),
    };

    if (prov->get_params != NULL)
        (void)prov->get_params(prov->core, params); /* all are optional */
}

/* A list from the environment or else the configuration; it may be shared
 * with the settings because they only read it. */
static char *
find_text(const char *variable, const char *configured)
{
    const char *value = secure_getenv(variable);

    if (value == NULL || *value == '\0')
        value = configured;
    return (char *)(uintptr_t)value;
}

int
envl_config_apply(const struct envl_provider *prov,
                  struct envl_settings *settings, bool encrypting,
                  struct envl_err *err)
{
    const struct envl_config *config = &prov->config;
    unsigned long threads;
    char *end;

    if (prov->bad_properties) {
        (void)envl_fail(err, ENVELOPE_R_PARAMETER,
                        "properties = %s in the provider's section of "
                        "openssl.cnf cannot be read",
                        config->properties);
        return 0;
    }
    if (settings->threads == 0 && config->threads != NULL) {
        threads = strtoul(config->threads, &end, 10);
        if (*end != '\0' || threads > ENVL_PARAM_THREADS_MAX) {
            (void)envl_fail(err, ENVELOPE_R_PARAMETER,
                            "threads = %s in the provider's section of "
                            "openssl.cnf: not a number from 0 to %d",
                            config->threads, ENVL_PARAM_THREADS_MAX);
            return 0;
        }
        settings->threads = (unsigned)threads;
    }
    if (encrypting) {
        /* Also beside a key: that is refused, and must not go unnoticed. */
        if (settings->recipients == NULL && settings->recipient.count == 0
            && settings->passphrase.data == NULL)
            settings->recipients =
                find_text(ENVELOPE_ENV_RECIPIENTS, config->recipients);
        return 1;
    }
    if (settings->has_kek)
        return 1;
    if (settings->identities == NULL && settings->identity.count == 0)
        settings->identities =
            find_text(ENVELOPE_ENV_IDENTITIES, config->identities);
    if (settings->passphrase.data == NULL && settings->passphrase_file == NULL)
        settings->passphrase_file =
            find_text(ENVELOPE_ENV_PASSPHRASE_FILE, config->passphrase_file);
    return 1;
}
