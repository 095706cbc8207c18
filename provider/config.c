/* SPDX-License-Identifier: Apache-2.0 */
/* Defaults from openssl.cnf and the environment. */
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

/* Has the core a configuration file's section for this provider? */
static bool
is_configured(const struct envl_provider *prov)
{
    const struct envl_defaults *defaults = &prov->defaults;
    char *activate = NULL, *module = NULL;
    bool is_set = false;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr("activate", &activate, 0),
        OSSL_PARAM_construct_utf8_ptr("module", &module, 0),
        OSSL_PARAM_construct_end(),
    };

    if (prov->get_params != NULL)
        (void)prov->get_params(prov->core, params);
#define IS_SET(name, field, max) is_set = is_set || defaults->field != NULL;
    ENVL_CONF_SETTINGS(IS_SET)
#undef IS_SET
    return is_set || activate != NULL || module != NULL;
}

/* The setting in which the file and the core differ, or NULL. */
static const char *
find_difference(const struct envl_provider *prov, const struct envl_conf *conf,
                const char *name)
{
    const struct {
        const char *setting, *value;
    } rows[] = {
#define ROW(name, field, max) { name, prov->defaults.field },
        ENVL_CONF_SETTINGS(ROW)
#undef ROW
    };
    const char *said;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        said = envl_conf_get(conf, name, rows[i].setting);
        if (said != rows[i].value
            && (said == NULL || rows[i].value == NULL
                || strcmp(said, rows[i].value) != 0))
            return rows[i].setting;
    }
    return NULL;
}

/* libcrypto stopped before the provider's section, or took one of its settings
 * for something else. */
static enum envelope_reason
fail_not_taken(const struct envl_conf *conf, const char *name,
               const char *setting, struct envl_err *err)
{
    const char *value = envl_conf_get(conf, name, setting);

    if (envl_conf_is_section(conf, value))
        return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                         "%s: %s = %s: there is a section [%s], which "
                         "libcrypto takes in its place; give that another name",
                         envl_conf_file(conf), setting, value, value);
    return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                     "%s: %s = %s: libcrypto has not taken it; something else "
                     "in the file is wrong, and openssl version says what, "
                     "with config_diagnostics = 1 at its top",
                     envl_conf_file(conf), setting, value);
}

/*
 * Was this file loaded?  It was if the core has the same settings; or, in the
 * global library context, if the core has none, because libcrypto loads the
 * file there by itself.  A program may also have loaded another file, or
 * another part of the file: then mistakes in this file are not reported.
 */
static enum envelope_reason
check(struct envl_provider *prov, const struct envl_conf *conf,
      const char *name, bool configured, struct envl_err *err)
{
    const char *setting = find_difference(prov, conf, name);

    if (configured
        && (!envl_conf_names(conf, name)
            || (setting != NULL
                && !envl_conf_is_section(conf,
                                         envl_conf_get(conf, name, setting)))))
        return ENVELOPE_OK;
    (void)snprintf(prov->defaults.place, sizeof(prov->defaults.place),
                   "%s: section [%s]", envl_conf_file(conf),
                   envl_conf_section(conf, name));
    prov->is_beside_other = envl_conf_activates_other(conf, name);
    if (envl_conf_check(conf, name, err) != ENVELOPE_OK)
        return err->reason;
    if (setting != NULL)
        return fail_not_taken(conf, name, setting, err);
    return ENVELOPE_OK;
}

static enum envelope_reason
check_file(struct envl_provider *prov, struct envl_err *err)
{
    char *name = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_CORE_PROV_NAME, &name, 0),
        OSSL_PARAM_construct_end(),
    };
    bool configured = is_configured(prov);
    struct envl_conf *conf;
    enum envelope_reason rc;

    if (!prov->is_global && !configured)
        return ENVELOPE_OK;
    if (prov->get_params != NULL)
        (void)prov->get_params(prov->core, params);
    rc = envl_conf_read(&conf, NULL, ENVL_CONF_AGAIN, err);
    if (rc == ENVELOPE_OK)
        rc = check(prov, conf, name != NULL ? name : ENVELOPE_PROVIDER_NAME,
                   configured, err);
    else if (rc == ENVELOPE_R_CONFIGURATION && configured)
        rc = ENVELOPE_OK; /* no setting can come from the file */
    envl_conf_free(conf);
    return rc;
}

int
envl_config_read(struct envl_provider *prov)
{
    const char *modules = envl_defaults_kms_modules();
    struct envl_defaults *defaults = &prov->defaults;
    /* The core sets the pointers; what is not configured stays NULL. */
    OSSL_PARAM params[] = {
#define PARAM(name, field, max) \
    OSSL_PARAM_construct_utf8_ptr(name, &defaults->field, 0),
        ENVL_CONF_SETTINGS(PARAM)
#undef PARAM
            OSSL_PARAM_construct_end(),
    };

    if (prov->get_params != NULL)
        (void)prov->get_params(prov->core, params); /* all are optional */
    (void)snprintf(prov->defaults.place, sizeof(prov->defaults.place),
                   "the provider's section of the program's configuration");
    prov->config_failure.reason = check_file(prov, &prov->config_failure);
    return prov->config_failure.reason != ENVELOPE_R_MEMORY
           && (modules == NULL
               || envl_text_set(&prov->kms_modules, modules, strlen(modules)));
}

enum envelope_reason
envl_config_apply(const struct envl_provider *prov,
                  struct envl_settings *settings, bool encrypting,
                  struct envl_err *err)
{
    const struct envl_defaults *defaults = &prov->defaults;
    enum envelope_reason rc;

    if (prov->config_failure.reason != ENVELOPE_OK) {
        *err = prov->config_failure;
        return err->reason;
    }
    rc = envl_defaults_threads(defaults, settings, &settings->threads, err);
    if (rc == ENVELOPE_OK && !encrypting)
        return envl_defaults_identities(defaults, &settings->keys, err);
    if (rc == ENVELOPE_OK)
        rc = envl_defaults_recipients(defaults, &settings->keys, err);
    if (rc == ENVELOPE_OK)
        rc = envl_defaults_rules(defaults, &settings->keys, err);
    return rc;
}
