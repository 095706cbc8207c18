/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* secure_getenv(): nothing is taken in setuid programs */
#include "lib/stream/defaults.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <envelope/envelope.h>

void
envl_defaults_get(struct envl_defaults *defaults, const struct envl_conf *conf,
                  const char *provider)
{
    *defaults = (struct envl_defaults){
#define GET(name, field, max) \
    .field = (char *)(uintptr_t)envl_conf_get(conf, provider, name),
        ENVL_CONF_SETTINGS(GET)
#undef GET
    };
    (void)snprintf(defaults->place, sizeof(defaults->place), "%s: section [%s]",
                   envl_conf_file(conf), envl_conf_section(conf, provider));
}

const char *
envl_defaults_kms_modules(void)
{
    return secure_getenv(ENVELOPE_ENV_KMS_MODULES);
}

enum envelope_reason
envl_defaults_threads(const struct envl_defaults *defaults,
                      const struct envl_settings *settings, unsigned *threads,
                      struct envl_err *err)
{
    *threads = settings->threads;
    return settings->has_threads
               ? ENVELOPE_OK
               : envl_conf_number(threads, ENVELOPE_PARAM_THREADS,
                                  defaults->threads, defaults->place, err);
}

/* Set a field from the environment, or else from the section. */
static enum envelope_reason
set_text(char **field, const char *variable, const char *configured,
         struct envl_err *err)
{
    const char *value = secure_getenv(variable);

    if (value == NULL || *value == '\0')
        value = configured;
    if (value == NULL || envl_text_set(field, value, strlen(value)))
        return ENVELOPE_OK;
    return envl_fail_memory(err);
}

enum envelope_reason
envl_defaults_recipients(const struct envl_defaults *defaults,
                         struct envl_key_settings *settings,
                         struct envl_err *err)
{
    if (settings->signers == NULL && settings->signer.count == 0
        && set_text(&settings->signers, ENVELOPE_ENV_SIGNERS, defaults->signers,
                    err)
               != ENVELOPE_OK)
        return err->reason;
    /* A key-encryption key does not count here: together with recipients it is
     * refused, and the user must see that. */
    if (settings->recipients != NULL || settings->recipient.count > 0
        || settings->passphrase.data != NULL
        || settings->passphrase_file != NULL)
        return ENVELOPE_OK;
    return set_text(&settings->recipients, ENVELOPE_ENV_RECIPIENTS,
                    defaults->recipients, err);
}

static enum envelope_reason
choose(enum envl_choice *choice, const char *setting, const char *value,
       const struct envl_defaults *defaults, struct envl_err *err)
{
    unsigned number = 0;

    if (value == NULL)
        return ENVELOPE_OK;
    if (envl_conf_number(&number, setting, value, defaults->place, err)
        != ENVELOPE_OK)
        return err->reason;
    *choice = number != 0 ? ENVL_YES : ENVL_NO;
    return ENVELOPE_OK;
}

enum envelope_reason
envl_defaults_rules(const struct envl_defaults *defaults,
                    struct envl_key_settings *settings, struct envl_err *err)
{
    bool is_open = settings->allow_expired == ENVL_UNSAID
                   && settings->skip_expired == ENVL_UNSAID;
    enum envelope_reason rc = ENVELOPE_OK;

    if (is_open)
        rc = choose(&settings->allow_expired, ENVELOPE_PARAM_ALLOW_EXPIRED,
                    defaults->allow_expired, defaults, err);
    if (rc == ENVELOPE_OK && is_open)
        rc = choose(&settings->skip_expired, ENVELOPE_PARAM_SKIP_EXPIRED,
                    defaults->skip_expired, defaults, err);
    if (rc == ENVELOPE_OK && settings->allow_usage == ENVL_UNSAID)
        rc = choose(&settings->allow_usage, ENVELOPE_PARAM_ALLOW_USAGE,
                    defaults->allow_usage, defaults, err);
    if (rc == ENVELOPE_OK && settings->require_post_quantum == ENVL_UNSAID)
        rc = choose(&settings->require_post_quantum,
                    ENVELOPE_PARAM_REQUIRE_POST_QUANTUM,
                    defaults->require_post_quantum, defaults, err);
    return rc;
}

enum envelope_reason
envl_defaults_identities(const struct envl_defaults *defaults,
                         struct envl_key_settings *settings,
                         struct envl_err *err)
{
    const char *labels = defaults->required_labels;
    enum envelope_reason rc = ENVELOPE_OK;

    if (labels != NULL && settings->required_labels == NULL
        && !envl_text_set(&settings->required_labels, labels, strlen(labels)))
        return envl_fail_memory(err);
    if (settings->signed_by == NULL && settings->signed_by_key.count == 0)
        rc = set_text(&settings->signed_by, ENVELOPE_ENV_SIGNED_BY,
                      defaults->signed_by, err);
    if (rc != ENVELOPE_OK || settings->has_kek)
        return rc;
    if (settings->identities == NULL && settings->identity.count == 0)
        rc = set_text(&settings->identities, ENVELOPE_ENV_IDENTITIES,
                      defaults->identities, err);
    if (rc != ENVELOPE_OK || settings->passphrase.data != NULL
        || settings->passphrase_file != NULL)
        return rc;
    return set_text(&settings->passphrase_file, ENVELOPE_ENV_PASSPHRASE_FILE,
                    defaults->passphrase_file, err);
}
