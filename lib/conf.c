/* SPDX-License-Identifier: Apache-2.0 */
/* A walk: openssl_conf names a section of modules, of which "providers" names
 * a section of providers, each of which names its own. */
#include "lib/conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

#include "lib/workers.h"

#define DEFAULT_SECTION "default"
#define INIT_KEY "openssl_conf"
#define ALGORITHMS_MODULE "alg_section"
#define PROVIDERS_MODULE "providers"

/* What a section of algorithms can have. */
#define DEFAULT_PROPERTIES "default_properties"
#define FIPS_MODE "fips_mode"

struct envl_conf {
    char *file;
    CONF *conf;              /* NULL: it is empty */
    struct envl_err include; /* a file that it includes and that is not read */
};

/* What libcrypto knows, in its order; each names a section. */
static const struct module {
    const char *name;
    bool of_process; /* done once, whichever the library context */
} modules[] = {
    { "oid_section", true }, { "stbl_section", false },
    { "engines", true },     { ALGORITHMS_MODULE, false },
    { "ssl_conf", false },   { PROVIDERS_MODULE, false },
    { "random", false },
};

/* What libcrypto takes for itself out of a provider's section. */
static const char *const core_names[] = { "activate", "identity", "module",
                                          "soft_load" };
#define ACTIVATE core_names[0]
#define IDENTITY core_names[1]
#define SOFT_LOAD core_names[3]

static const char *const settings[] = {
#define NAME(name, field) name,
    ENVL_CONF_SETTINGS(NAME)
#undef NAME
};

/* Failure */

/* A record's text and data, ": reason: data"; nothing for no record. */
static void
add_record(char *text, size_t size, unsigned long code, const char *data)
{
    const char *reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code))
                                                : ERR_reason_error_string(code);
    size_t len = strlen(text), data_len = strlen(data);

    if (code == 0)
        return;
    while (data_len > 0 && data[data_len - 1] == ' ')
        data_len--;
    (void)snprintf(text + len, size - len, ": %s%s%.*s",
                   reason != NULL ? reason : "unknown reason",
                   data_len > 0 ? ": " : "", (int)data_len, data);
}

/* What libcrypto says of it: its newest record, and the oldest one, which is
 * nearer to the cause. */
static enum envelope_reason
fail(const struct envl_conf *conf, const char *where, struct envl_err *err)
{
    unsigned long newest, oldest;
    char text[ENVL_DETAIL_MAX] = "";
    const char *data;

    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    newest = envl_crypto_newest(&data);
    add_record(text, sizeof(text), newest, data);
    oldest = envl_crypto_oldest(&data);
    if (oldest != newest)
        add_record(text, sizeof(text), oldest, data);
    return envl_fail(err, ENVELOPE_R_CONFIGURATION, "%s%s%s", conf->file, where,
                     text);
}

/* Reading */

static bool
is_default(const char *file)
{
    const char *area = X509_get_default_cert_area();
    size_t len = strlen(area);

    return strncmp(file, area, len) == 0
           && strcmp(file + len, "/openssl.cnf") == 0;
}

/*
 * libcrypto goes on where a file or a directory that is included cannot be
 * opened.  It leaves a record of that, but for a directory only EINVAL, from
 * closing what it could not open.
 */
static enum envelope_reason
load(struct envl_conf *conf, struct envl_err *err)
{
    char where[32] = "";
    long line = 0;

    envl_err_begin();
    errno = 0;
    if (NCONF_load(conf->conf, conf->file, &line) <= 0) {
        if (line > 0)
            (void)snprintf(where, sizeof(where), ":%ld", line);
        return fail(conf, where, err);
    }
    if (envl_crypto_newest(NULL) != 0 || errno == EINVAL)
        (void)fail(conf, ": what it includes cannot be read", &conf->include);
    return ENVELOPE_OK;
}

/* Load the file, unless it is one that may be missing. */
static enum envelope_reason
load_file(struct envl_conf *conf, OSSL_LIB_CTX *libctx,
          enum envl_conf_turn turn, struct envl_err *err)
{
    struct stat status;

    if (*conf->file == '\0')
        return ENVELOPE_OK;
    if (stat(conf->file, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                             "%s: it is a directory; name a file with "
                             "OPENSSL_CONF",
                             conf->file);
        if (S_ISFIFO(status.st_mode) && turn == ENVL_CONF_AGAIN)
            return ENVELOPE_OK;
    } else if (is_default(conf->file)) {
        return ENVELOPE_OK;
    }
    if ((conf->conf = NCONF_new_ex(libctx, NULL)) == NULL)
        return envl_fail_memory(err);
    return load(conf, err);
}

enum envelope_reason
envl_conf_read(struct envl_conf **out, OSSL_LIB_CTX *libctx,
               enum envl_conf_turn turn, struct envl_err *err)
{
    struct envl_conf *conf = OPENSSL_zalloc(sizeof(*conf));
    enum envelope_reason rc;

    *out = NULL;
    ERR_set_mark();
    if (conf == NULL || (conf->file = CONF_get1_default_config_file()) == NULL)
        rc = envl_fail_memory(err);
    else
        rc = load_file(conf, libctx, turn, err);
    ERR_pop_to_mark();
    if (rc != ENVELOPE_OK) {
        envl_conf_free(conf);
        return rc;
    }
    *out = conf;
    return ENVELOPE_OK;
}

void
envl_conf_free(struct envl_conf *conf)
{
    if (conf == NULL)
        return;
    NCONF_free(conf->conf);
    OPENSSL_free(conf->file);
    OPENSSL_free(conf);
}

const char *
envl_conf_file(const struct envl_conf *conf)
{
    return conf->file;
}

/* Walking */

static STACK_OF(CONF_VALUE)
    * find_section(const struct envl_conf *conf, const char *name)
{
    STACK_OF(CONF_VALUE) * section;

    if (conf->conf == NULL || name == NULL)
        return NULL;
    ERR_set_mark();
    section = NCONF_get_section(conf->conf, name);
    ERR_pop_to_mark();
    return section;
}

/* The section of modules: its name, or NULL if there is none. */
static const char *
init_name(const struct envl_conf *conf)
{
    const char *name;

    if (conf->conf == NULL)
        return NULL;
    ERR_set_mark();
    name = NCONF_get_string(conf->conf, NULL, INIT_KEY);
    ERR_pop_to_mark();
    return name;
}

/* "name.2" is a second one of its kind.  A name can be cut short, as it can
 * for libcrypto, which takes the first that begins so. */
static const struct module *
find_module(const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t i, len = dot != NULL ? (size_t)(dot - name) : strlen(name);

    for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        if (strncmp(modules[i].name, name, len) == 0)
            return &modules[i];
    }
    return NULL;
}

static bool
is_module(const CONF_VALUE *item, const char *name)
{
    const struct module *module = find_module(item->name);

    return module != NULL && strcmp(module->name, name) == 0;
}

/* Within a provider's section, and in the list of them, it is "2.name". */
static const char *
skip_dot(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot != NULL ? dot + 1 : name;
}

static const char *
core_value(const STACK_OF(CONF_VALUE) * section, const char *name)
{
    const CONF_VALUE *item;
    int i;

    for (i = 0; i < sk_CONF_VALUE_num(section); i++) {
        item = sk_CONF_VALUE_value(section, i);
        if (strcmp(skip_dot(item->name), name) == 0)
            return item->value;
    }
    return NULL;
}

/* The words by which libcrypto 3.2 and later can be told not to. */
static bool
is_activated(const STACK_OF(CONF_VALUE) * section)
{
    static const char *const words[] = { "0", "no", "off", "false" };
    const char *value = core_value(section, ACTIVATE);
    size_t i;

    for (i = 0; value != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value, words[i]) == 0)
            return false;
    }
    return value != NULL;
}

/* A provider as the file has it. */
struct entry {
    const CONF_VALUE *item; /* of the list */
    const char *name;
    STACK_OF(CONF_VALUE) * section; /* its own, or NULL */
};

/* Takes one, and returns false to end the walk. */
typedef bool entry_fn(void *arg, const struct entry *entry);

/* Returns false if take did. */
static bool
each_provider(const struct envl_conf *conf, entry_fn *take, void *arg)
{
    STACK_OF(CONF_VALUE) *init = find_section(conf, init_name(conf)), *list;
    const CONF_VALUE *module;
    const char *identity;
    struct entry entry;
    int i, k;

    for (i = 0; i < sk_CONF_VALUE_num(init); i++) {
        module = sk_CONF_VALUE_value(init, i);
        if (!is_module(module, PROVIDERS_MODULE))
            continue;
        list = find_section(conf, module->value);
        for (k = 0; k < sk_CONF_VALUE_num(list); k++) {
            entry.item = sk_CONF_VALUE_value(list, k);
            entry.section = find_section(conf, entry.item->value);
            identity = core_value(entry.section, IDENTITY);
            entry.name =
                identity != NULL ? identity : skip_dot(entry.item->name);
            if (!take(arg, &entry))
                return false;
        }
    }
    return true;
}

/* What is asked of the walk, and the answer. */
struct question {
    const struct envl_conf *conf;
    const char *provider, *setting;
    const char *answer;
    OSSL_LIB_CTX *libctx;
    struct envl_err *err;
};

static bool
note_setting(void *arg, const struct entry *entry)
{
    struct question *question = arg;
    const CONF_VALUE *item;
    int i;

    if (strcmp(entry->name, question->provider) != 0)
        return true;
    for (i = 0; i < sk_CONF_VALUE_num(entry->section); i++) {
        item = sk_CONF_VALUE_value(entry->section, i);
        if (strcmp(item->name, question->setting) == 0)
            question->answer = item->value;
    }
    return true;
}

const char *
envl_conf_get(const struct envl_conf *conf, const char *provider,
              const char *setting)
{
    struct question question = { .provider = provider, .setting = setting };

    (void)each_provider(conf, note_setting, &question);
    return question.answer;
}

static bool
note_section(void *arg, const struct entry *entry)
{
    struct question *question = arg;

    if (strcmp(entry->name, question->provider) == 0)
        question->answer = entry->item->value;
    return true;
}

const char *
envl_conf_section(const struct envl_conf *conf, const char *provider)
{
    struct question question = { .provider = provider, .answer = "" };

    (void)each_provider(conf, note_section, &question);
    return question.answer;
}

bool
envl_conf_is_section(const struct envl_conf *conf, const char *value)
{
    return find_section(conf, value) != NULL;
}

static bool
is_not_named(void *arg, const struct entry *entry)
{
    return strcmp(entry->name, arg) != 0;
}

static bool
is_not_it(void *arg, const struct entry *entry)
{
    return strcmp(entry->name, arg) != 0 || !is_activated(entry->section);
}

static bool
is_no_other(void *arg, const struct entry *entry)
{
    return strcmp(entry->name, arg) == 0 || !is_activated(entry->section);
}

bool
envl_conf_names(const struct envl_conf *conf, const char *provider)
{
    return !each_provider(conf, is_not_named, (void *)(uintptr_t)provider);
}

bool
envl_conf_activates(const struct envl_conf *conf, const char *provider)
{
    return !each_provider(conf, is_not_it, (void *)(uintptr_t)provider);
}

bool
envl_conf_activates_other(const struct envl_conf *conf, const char *provider)
{
    return !each_provider(conf, is_no_other, (void *)(uintptr_t)provider);
}

/* Checking */

static enum envelope_reason
fail_section(const struct envl_conf *conf, const char *name, const char *value,
             struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_CONFIGURATION,
                     "%s: %s = %s: there is no section [%s]", conf->file, name,
                     value, value);
}

static bool
is_known(const CONF_VALUE *item)
{
    const char *name = skip_dot(item->name);
    size_t i;

    for (i = 0; i < sizeof(core_names) / sizeof(core_names[0]); i++) {
        if (strcmp(core_names[i], name) == 0)
            return true;
    }
    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (strcmp(settings[i], item->name) == 0)
            return true;
    }
    return false;
}

/* What libcrypto takes for a boolean in a section of algorithms. */
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

/* A scratch context tells whether libcrypto can read the query. */
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
        rc = fail(conf, where, err);
    ERR_pop_to_mark();
    OSSL_LIB_CTX_free(libctx);
    return rc;
}

/* libcrypto stops at what it does not know here, and goes on without it. */
static enum envelope_reason
check_algorithms(const struct envl_conf *conf, const char *name,
                 struct envl_err *err)
{
    STACK_OF(CONF_VALUE) *section = find_section(conf, name);
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

bool
envl_conf_threads(unsigned *threads, const char *value)
{
    size_t len = strlen(value);

    *threads = 0;
    if (len == 0 || len > 2 || strspn(value, "0123456789") != len)
        return false;
    for (; *value != '\0'; value++)
        *threads = 10 * *threads + (unsigned)(*value - '0');
    return *threads <= ENVL_THREADS_MAX;
}

/* Is it a setting of the provider, and a good one? */
static enum envelope_reason
check_setting(const struct question *question, const struct entry *entry,
              const CONF_VALUE *item)
{
    unsigned ignored;

    if (!is_known(item))
        return envl_fail(question->err, ENVELOPE_R_CONFIGURATION,
                         "%s: section [%s]: %s: no setting of the "
                         "provider %s; OSSL_PROVIDER-envelope(7) lists "
                         "what there is",
                         question->conf->file, entry->item->value, item->name,
                         question->provider);
    if (strcmp(item->name, ENVELOPE_PARAM_THREADS) == 0
        && !envl_conf_threads(&ignored, item->value))
        return envl_fail(question->err, ENVELOPE_R_CONFIGURATION,
                         "%s: section [%s]: %s = %s: must be a number from 0 "
                         "to %d",
                         question->conf->file, entry->item->value, item->name,
                         item->value, ENVL_THREADS_MAX);
    return ENVELOPE_OK;
}

static bool
check_provider(void *arg, const struct entry *entry)
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
        if (core_value(section, settings[i]) != NULL)
            return true;
    }
    return false;
}

static bool
is_not_section(void *arg, const struct entry *entry)
{
    return entry->section != arg;
}

/* Does libcrypto pass over what this was meant for? */
static bool
is_lost(const struct envl_conf *conf, const char *provider,
        const CONF_VALUE *item)
{
    STACK_OF(CONF_VALUE) *named = find_section(conf, item->value);

    if (strcmp(item->name, INIT_KEY) == 0)
        return strcmp(item->section, DEFAULT_SECTION) != 0;
    if (named == NULL)
        return false;
    if (strcmp(item->name, PROVIDERS_MODULE) == 0
        || strcmp(item->name, ALGORITHMS_MODULE) == 0)
        return init_name(conf) == NULL;
    return strcmp(skip_dot(item->name), provider) == 0 && has_setting(named)
           && each_provider(conf, is_not_section, named);
}

/*
 * What nothing leads to counts for nothing: openssl_conf is below a section's
 * head, misspelt or missing, or its section names another list.  A file without
 * it is good where it is for something else, such as openssl req.
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
    /* The sections come in no order; openssl_conf is nearest to the cause. */
    for (i = 0; i < sk_OPENSSL_CSTRING_num(names); i++) {
        section = find_section(conf, sk_OPENSSL_CSTRING_value(names, i));
        for (k = 0; k < sk_CONF_VALUE_num(section); k++) {
            item = sk_CONF_VALUE_value(section, k);
            if (is_lost(conf, provider, item)
                && (lost == NULL || strcmp(item->name, INIT_KEY) == 0))
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
                     INIT_KEY);
}

enum envelope_reason
envl_conf_check(const struct envl_conf *conf, const char *provider,
                struct envl_err *err)
{
    struct question question = { .conf = conf,
                                 .provider = provider,
                                 .err = err };
    const char *name = init_name(conf);
    STACK_OF(CONF_VALUE) *init = find_section(conf, name);
    const CONF_VALUE *item;
    int i;

    if (conf->include.reason != ENVELOPE_OK) {
        *err = conf->include;
        return err->reason;
    }
    if (name != NULL && init == NULL)
        return fail_section(conf, INIT_KEY, name, err);
    for (i = 0; i < sk_CONF_VALUE_num(init); i++) {
        item = sk_CONF_VALUE_value(init, i);
        if (find_module(item->name) != NULL
            && find_section(conf, item->value) == NULL)
            return fail_section(conf, item->name, item->value, err);
        if (is_module(item, ALGORITHMS_MODULE)
            && check_algorithms(conf, item->value, err) != ENVELOPE_OK)
            return err->reason;
    }
    return each_provider(conf, check_provider, &question)
               ? check_lost(conf, provider, err)
               : ENVELOPE_R_CONFIGURATION;
}

/* Loading */

/* libcrypto goes on where a provider cannot be activated. */
static bool
is_there(void *arg, const struct entry *entry)
{
    struct question *question = arg;

    if (!is_activated(entry->section)
        || core_value(entry->section, SOFT_LOAD) != NULL
        || OSSL_PROVIDER_available(question->libctx, entry->name))
        return true;
    (void)envl_fail(question->err, ENVELOPE_R_CONFIGURATION,
                    "%s: section [%s]: the provider %s cannot be activated; "
                    "openssl list -providers -provider %s may say why",
                    question->conf->file, entry->item->value, entry->name,
                    entry->name);
    return false;
}

/* Move what is of the process from one stack to the other. */
static bool
take_out(STACK_OF(CONF_VALUE) * init, STACK_OF(CONF_VALUE) * out)
{
    const struct module *module;
    int i = 0;

    while (i < sk_CONF_VALUE_num(init)) {
        module = find_module(sk_CONF_VALUE_value(init, i)->name);
        if (module == NULL || !module->of_process)
            i++;
        else if (sk_CONF_VALUE_push(out, sk_CONF_VALUE_value(init, i)) > 0)
            (void)sk_CONF_VALUE_delete(init, i);
        else
            return false;
    }
    return true;
}

enum envelope_reason
envl_conf_load(const struct envl_conf *conf, OSSL_LIB_CTX *libctx,
               struct envl_err *err)
{
    struct question question = { .conf = conf, .libctx = libctx, .err = err };
    STACK_OF(CONF_VALUE) *init = find_section(conf, init_name(conf)), *out;
    enum envelope_reason rc = ENVELOPE_OK;

    if (init == NULL)
        return ENVELOPE_OK;
    if ((out = sk_CONF_VALUE_new_null()) == NULL)
        return envl_fail_memory(err);
    ERR_set_mark();
    if (!take_out(init, out)) {
        rc = envl_fail_memory(err);
        goto out;
    }
    if (sk_CONF_VALUE_num(out) > 0)
        (void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
    if (CONF_modules_load(conf->conf, NULL, 0) <= 0)
        rc = fail(conf, "", err);
    else if (!each_provider(conf, is_there, &question))
        rc = err->reason;
out:
    /* They are the file's; there is room, because they came from there. */
    while (sk_CONF_VALUE_num(out) > 0)
        (void)sk_CONF_VALUE_push(init, sk_CONF_VALUE_pop(out));
    sk_CONF_VALUE_free(out);
    ERR_pop_to_mark();
    return rc;
}
