/* SPDX-License-Identifier: Apache-2.0 */
/* What openssl.cnf and the environment say, for streams that do not. */
#define _GNU_SOURCE /* secure_getenv(): nothing is taken in setuid programs */
#include "provider/provider.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/params.h>

#define PROPERTIES_KEY "properties"

int
envl_config_read(struct envl_provider *prov)
{
    const char *modules = secure_getenv(ENVELOPE_ENV_KMS_MODULES);
    struct envl_config *config = &prov->config;
    /* The core sets the pointers; what is not configured stays NULL. */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_RECIPIENTS,
                                      &config->recipients, 0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_IDENTITIES,
                                      &config->identities, 0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_PASSPHRASE_FILE,
                                      &config->passphrase_file, 0),
        OSSL_PARAM_construct_utf8_ptr(ENVELOPE_PARAM_THREADS, &config->threads,
                                      0),
        OSSL_PARAM_construct_utf8_ptr(PROPERTIES_KEY, &config->properties, 0),
        OSSL_PARAM_construct_end(),
    };

    if (prov->get_params != NULL)
        (void)prov->get_params(prov->core, params); /* all are optional */
    return modules == NULL
           || envl_settings_set_text(&prov->kms_modules, modules,
                                     strlen(modules));
}

/* Set a field to what the environment or else the configuration says. */
static int
set_default(char **field, const char *variable, const char *configured,
            struct envl_err *err)
{
    const char *value = secure_getenv(variable);

    if (value == NULL || *value == '\0')
        value = configured;
    if (value == NULL || envl_settings_set_text(field, value, strlen(value)))
        return 1;
    (void)envl_fail_memory(err);
    return 0;
}

int
envl_config_threads(const struct envl_provider *prov,
                    const struct envl_settings *settings, unsigned *threads,
                    struct envl_err *err)
{
    const char *said = prov->config.threads;
    unsigned long number;
    char *end;

    *threads = settings->threads;
    if (settings->has_threads || said == NULL)
        return 1;
    number = strtoul(said, &end, 10);
    if (end == said || *end != '\0' || number > ENVL_PARAM_THREADS_MAX) {
        (void)envl_fail(err, ENVELOPE_R_PARAMETER,
                        "threads = %s in the provider's section of "
                        "openssl.cnf: not a number from 0 to %d",
                        said, ENVL_PARAM_THREADS_MAX);
        return 0;
    }
    *threads = (unsigned)number;
    return 1;
}

int
envl_config_apply(const struct envl_provider *prov,
                  struct envl_settings *settings, bool encrypting,
                  struct envl_err *err)
{
    const struct envl_config *config = &prov->config;

    if (prov->bad_properties) {
        (void)envl_fail(err, ENVELOPE_R_PARAMETER,
                        "properties = %s in the provider's section of "
                        "openssl.cnf cannot be read",
                        config->properties);
        return 0;
    }
    if (!envl_config_threads(prov, settings, &settings->threads, err))
        return 0;
    if (encrypting) {
        /* Also beside a key: that is refused, and must not go unnoticed. */
        if (settings->recipients != NULL || settings->recipient.count > 0
            || settings->passphrase.data != NULL
            || settings->passphrase_file != NULL)
            return 1;
        return set_default(&settings->recipients, ENVELOPE_ENV_RECIPIENTS,
                           config->recipients, err);
    }
    if (settings->has_kek)
        return 1;
    if (settings->identities == NULL && settings->identity.count == 0
        && !set_default(&settings->identities, ENVELOPE_ENV_IDENTITIES,
                        config->identities, err))
        return 0;
    if (settings->passphrase.data != NULL || settings->passphrase_file != NULL)
        return 1;
    return set_default(&settings->passphrase_file, ENVELOPE_ENV_PASSPHRASE_FILE,
                       config->passphrase_file, err);
}
