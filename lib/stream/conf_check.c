/* SPDX-License-Identifier: Apache-2.0 */
/* Finds mistakes that libcrypto ignores, in sections that it reads and in
 * sections that it never reads. */
#include "lib/stream/conf_impl.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "lib/payload/workers.h"

#define DEFAULT_SECTION "default"

/* The names in a section of algorithms. */
#define DEFAULT_PROPERTIES "default_properties"
#define FIPS_MODE "fips_mode"

/* The names in a provider's section that libcrypto uses itself. */
static const char *const core_names[] = { ENVL_CONF_ACTIVATE,
                                          ENVL_CONF_IDENTITY, "module",
                                          ENVL_CONF_SOFT_LOAD };

static const struct setting {
    const char *name;
    unsigned max; /* the maximum of a number, or ENVL_CONF_TEXT */
} settings[] = {
#define SETTING(name, field, max) { name, max },
    ENVL_CONF_SETTINGS(SETTING)
#undef SETTING
};

struct question {
    const struct envl_conf *conf;
    const char *provider;
    struct envl_err *err;
};

static enum envelope_reason
fail_section(const struct envl_conf *conf, const char *name, const char *value,
             struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                     "%s: %s = %s: there is no section [%s]", conf->file, name,
                     value, value);
}

static const struct setting *
find_setting(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    }
    return NULL;
}

static bool
is_core_name(const char *name)
{
    size_t i;

    for (i = 0; i < sizeof(core_names) / sizeof(core_names[0]); i++) {
        if (strcmp(core_names[i], envl_conf_skip_dot(name)) == 0)
            return true;
    }
    return false;
}

/* Is it a boolean for libcrypto, in a section of algorithms? */
static bool
is_boolean(const char *value)
{
    static const char *const words[] = { "TRUE", "true", "Y",     "y",
                                         "YES",  "yes",  "FALSE", "false",
                                         "N",    "n",    "NO",    "no" };
    size_t i;

    for (i = 0; value != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(words[i], value) == 0)
            return true;
    }
    return false;
}

/* Set the query in a scratch context, to see whether libcrypto can read it. */
static enum envelope_reason
check_properties(const struct envl_conf *conf, const char *section,
                 const char *value, struct envl_err *err)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    enum envelope_reason rc = ENVELOPE_OK;
    char where[ENVL_DETAIL_MAX / 2];

    if (libctx == NULL)
        return envl_fail_memory(err);
    ERR_set_mark();
    (void)snprintf(where, sizeof(where), ": section [%s]: %s = %s", section,
                   DEFAULT_PROPERTIES, value);
    if (!EVP_set_default_properties(libctx, value))
        rc = envl_conf_fail(conf, where, err);
    ERR_pop_to_mark();
    OSSL_LIB_CTX_free(libctx);
    return rc;
}

/* libcrypto stops reading this section at an unknown name, without a
 * message. */
static enum envelope_reason
check_algorithms(const struct envl_conf *conf, const char *name,
                 struct envl_err *err)
{
    STACK_OF(CONF_VALUE) *section = envl_conf_find_section(conf, name);
    const CONF_VALUE *item;
    int i;

    for (i = 0; i < sk_CONF_VALUE_num(section); i++) {
        item = sk_CONF_VALUE_value(section, i);
        if (strcmp(item->name, DEFAULT_PROPERTIES) == 0) {
            if (check_properties(conf, name, item->value, err) != ENVELOPE_OK)
                return err->reason;
        } else if (strcmp(item->name, FIPS_MODE) != 0) {
            return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                             "%s: section [%s]: %s: no setting of algorithms; "
                             "there are %s and %s",
                             conf->file, name, item->name, DEFAULT_PROPERTIES,
                             FIPS_MODE);
        } else if (!is_boolean(item->value)) {
            return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                             "%s: section [%s]: %s = %s: say yes or no",
                             conf->file, name, FIPS_MODE, item->value);
        }
    }
    return ENVELOPE_OK;
}

enum envelope_reason
envl_conf_number(unsigned *number, const char *setting, const char *value,
                 const char *place, struct envl_err *err)
{
    const struct setting *known = find_setting(setting);
    unsigned max = known != NULL ? known->max : 0, result = 0;
    const char *digit = value;

    if (value == NULL)
        return ENVELOPE_OK;
    if (max == 1 && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)) {
        *number = value[0] == 'y';
        return ENVELOPE_OK;
    }
    while (*digit >= '0' && *digit <= '9' && result <= max)
        result = 10 * result + (unsigned)(*digit++ - '0');
    if (digit == value || *digit != '\0' || result > max)
        return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                         "%s: %s = %s: must be a number from 0 to %u", place,
                         setting, value, max);
    *number = result;
    return ENVELOPE_OK;
}

/* Check a setting of the provider: its name and its value. */
static enum envelope_reason
check_setting(const struct question *question,
              const struct envl_conf_entry *entry, const CONF_VALUE *item)
{
    const struct setting *setting = find_setting(item->name);
    char place[ENVL_DETAIL_MAX / 2];
    unsigned ignored;

    if (setting == NULL && !is_core_name(item->name))
        return envl_fail(question->err, ENVELOPE_R_CONFIGURATION,
                         "%s: section [%s]: %s: no setting of the "
                         "provider %s; OSSL_PROVIDER-envelope(7) lists "
                         "what there is",
                         question->conf->file, entry->item->value, item->name,
                         question->provider);
    if (setting == NULL || setting->max == ENVL_CONF_TEXT)
        return ENVELOPE_OK;
    (void)snprintf(place, sizeof(place), "%s: section [%s]",
                   question->conf->file, entry->item->value);
    return envl_conf_number(&ignored, item->name, item->value, place,
                            question->err);
}

static bool
check_provider(void *arg, const struct envl_conf_entry *entry)
{
    struct question *question = arg;
    int i;

    if (entry->section == NULL) {
        (void)fail_section(question->conf, entry->item->name,
                           entry->item->value, question->err);
        return false;
    }
    if (strcmp(entry->name, question->provider) != 0)
        return true;
    for (i = 0; i < sk_CONF_VALUE_num(entry->section); i++) {
        if (check_setting(question, entry,
                          sk_CONF_VALUE_value(entry->section, i))
            != ENVELOPE_OK)
            return false;
    }
    return true;
}

static bool
has_setting(const STACK_OF(CONF_VALUE) * section)
{
    size_t i;

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (envl_conf_core_value(section, settings[i].name) != NULL)
            return true;
    }
    return false;
}

static bool
is_not_section(void *arg, const struct envl_conf_entry *entry)
{
    return entry->section != arg;
}

/* Does libcrypto never get to the section that this item names? */
static bool
is_lost(const struct envl_conf *conf, const char *provider,
        const CONF_VALUE *item)
{
    STACK_OF(CONF_VALUE) *named = envl_conf_find_section(conf, item->value);

    if (strcmp(item->name, ENVL_CONF_INIT_KEY) == 0)
        return strcmp(item->section, DEFAULT_SECTION) != 0;
    if (named == NULL)
        return false;
    if (strcmp(item->name, ENVL_CONF_PROVIDERS_MODULE) == 0
        || strcmp(item->name, ENVL_CONF_ALGORITHMS_MODULE) == 0)
        return envl_conf_init_name(conf) == NULL;
    return strcmp(envl_conf_skip_dot(item->name), provider) == 0
           && has_setting(named) && envl_conf_each(conf, is_not_section, named);
}

/*
 * A section that libcrypto never gets to has no effect: openssl_conf is inside
 * a section, misspelt or missing, or its section names another list of
 * providers.  A file without openssl_conf is fine if it has no such section,
 * as for openssl req.
 */
static enum envelope_reason
check_lost(const struct envl_conf *conf, const char *provider,
           struct envl_err *err)
{
    STACK_OF(OPENSSL_CSTRING) * names;
    STACK_OF(CONF_VALUE) * section;
    const CONF_VALUE *item, *lost = NULL;
    int i, k;

    if (conf->conf == NULL)
        return ENVELOPE_OK;
    if ((names = NCONF_get_section_names(conf->conf)) == NULL)
        return envl_fail_memory(err);
    /* Sections come in no order.  Report openssl_conf first: it is the
     * cause. */
    for (i = 0; i < sk_OPENSSL_CSTRING_num(names); i++) {
        section =
            envl_conf_find_section(conf, sk_OPENSSL_CSTRING_value(names, i));
        for (k = 0; k < sk_CONF_VALUE_num(section); k++) {
            item = sk_CONF_VALUE_value(section, k);
            if (is_lost(conf, provider, item)
                && (lost == NULL
                    || strcmp(item->name, ENVL_CONF_INIT_KEY) == 0))
                lost = item;
        }
    }
    sk_OPENSSL_CSTRING_free(names);
    if (lost == NULL)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                     "%s: section [%s]: %s = %s: libcrypto never looks there; "
                     "put %s = SECTION above all sections, and providers = "
                     "LIST into SECTION",
                     conf->file, lost->section, lost->name, lost->value,
                     ENVL_CONF_INIT_KEY);
}

enum envelope_reason
envl_conf_check(const struct envl_conf *conf, const char *provider,
                struct envl_err *err)
{
    struct question question = { .conf = conf,
                                 .provider = provider,
                                 .err = err };
    const char *name = envl_conf_init_name(conf);
    STACK_OF(CONF_VALUE) *init = envl_conf_find_section(conf, name);
    const CONF_VALUE *item;
    int i;

    if (conf->include.reason != ENVELOPE_OK) {
        *err = conf->include;
        return err->reason;
    }
    if (name != NULL && init == NULL)
        return fail_section(conf, ENVL_CONF_INIT_KEY, name, err);
    for (i = 0; i < sk_CONF_VALUE_num(init); i++) {
        item = sk_CONF_VALUE_value(init, i);
        if (envl_conf_find_module(item->name) != NULL
            && envl_conf_find_section(conf, item->value) == NULL)
            return fail_section(conf, item->name, item->value, err);
        if (envl_conf_is_module(item, ENVL_CONF_ALGORITHMS_MODULE)
            && check_algorithms(conf, item->value, err) != ENVELOPE_OK)
            return err->reason;
    }
    return envl_conf_each(conf, check_provider, &question)
               ? check_lost(conf, provider, err)
               : ENVELOPE_R_CONFIGURATION;
}

enum envelope_reason
envl_conf_check_active(const struct envl_conf *conf, const char *provider,
                       struct envl_err *err)
{
    size_t i;

    if (envl_conf_activates(conf, provider))
        return ENVELOPE_OK;
    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (envl_conf_get(conf, provider, settings[i].name) != NULL)
            return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                             "%s: the section of the provider %s has %s, which "
                             "counts only with activate = 1",
                             conf->file, provider, settings[i].name);
    }
    return ENVELOPE_OK;
}
