/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the file and follows its names: openssl_conf names the section of
 * modules; there, "providers" names the list of providers; each provider in the
 * list names its own section. */
#include "lib/stream/conf_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

/* The modules of libcrypto, in its order; the value of each is a section. */
static const struct envl_conf_module modules[] = {
    { "oid_section", true }, { "stbl_section", false },
    { "engines", true },     { ENVL_CONF_ALGORITHMS_MODULE, false },
    { "ssl_conf", false },   { ENVL_CONF_PROVIDERS_MODULE, false },
    { "random", false },
};

/* Failure */

/* Append a record's text and data as ": reason: data"; nothing if code is 0. */
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

enum envelope_reason
envl_conf_fail(const struct envl_conf *conf, const char *where,
               struct envl_err *err)
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
 * libcrypto goes on if it cannot open an included file or directory.  For a
 * file it leaves an error record.  For a directory it only leaves errno at
 * EINVAL, from closing the directory that it did not open.  The next directory
 * may change errno; before that, libcrypto reads the next line, which calls
 * this function.
 */
static long
note_directory(BIO *file, int operation, const char *line, size_t len, int argi,
               long argl, int ret, size_t *processed)
{
    (void)line;
    (void)len;
    (void)argi;
    (void)argl;
    (void)processed;
    if (operation == BIO_CB_GETS && errno == EINVAL)
        *(bool *)(void *)BIO_get_callback_arg(file) = true;
    return ret;
}

static enum envelope_reason
load(struct envl_conf *conf, struct envl_err *err)
{
    bool is_lost = false;
    char where[32] = "";
    long line = 0;
    BIO *file;
    int loaded;

    envl_err_begin();
    if ((file = BIO_new_file(conf->file, "rb")) == NULL)
        return envl_conf_fail(conf, where, err);
    BIO_set_callback_ex(file, note_directory);
    BIO_set_callback_arg(file, (char *)&is_lost);
    errno = 0;
    loaded = NCONF_load_bio(conf->conf, file, &line);
    BIO_set_callback_ex(file, NULL);
    BIO_free(file);
    if (loaded <= 0) {
        if (line > 0)
            (void)snprintf(where, sizeof(where), ":%ld", line);
        return envl_conf_fail(conf, where, err);
    }
    if (is_lost || envl_crypto_newest(NULL) != 0)
        (void)envl_conf_fail(conf, ": what it includes cannot be read",
                             &conf->include);
    return ENVELOPE_OK;
}

/* Load the file; libcrypto's default file may be missing. */
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

STACK_OF(CONF_VALUE)
*envl_conf_find_section(const struct envl_conf *conf, const char *name)
{
    STACK_OF(CONF_VALUE) * section;

    if (conf->conf == NULL || name == NULL)
        return NULL;
    ERR_set_mark();
    section = NCONF_get_section(conf->conf, name);
    ERR_pop_to_mark();
    return section;
}

const char *
envl_conf_init_name(const struct envl_conf *conf)
{
    const char *name;

    if (conf->conf == NULL)
        return NULL;
    ERR_set_mark();
    name = NCONF_get_string(conf->conf, NULL, ENVL_CONF_INIT_KEY);
    ERR_pop_to_mark();
    return name;
}

/* "name.2" is a second module of that name.  libcrypto also accepts the
 * beginning of a name, and takes the first module that begins with it. */
const struct envl_conf_module *
envl_conf_find_module(const char *name)
{
    const char *dot = strrchr(name, '.');
    size_t i, len = dot != NULL ? (size_t)(dot - name) : strlen(name);

    for (i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        if (strncmp(modules[i].name, name, len) == 0)
            return &modules[i];
    }
    return NULL;
}

bool
envl_conf_is_module(const CONF_VALUE *item, const char *name)
{
    const struct envl_conf_module *module = envl_conf_find_module(item->name);

    return module != NULL && strcmp(module->name, name) == 0;
}

const char *
envl_conf_skip_dot(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot != NULL ? dot + 1 : name;
}

const char *
envl_conf_core_value(const STACK_OF(CONF_VALUE) * section, const char *name)
{
    const CONF_VALUE *item;
    int i;

    for (i = 0; i < sk_CONF_VALUE_num(section); i++) {
        item = sk_CONF_VALUE_value(section, i);
        if (strcmp(envl_conf_skip_dot(item->name), name) == 0)
            return item->value;
    }
    return NULL;
}

/* libcrypto 3.2 and later take these words as "do not activate". */
static bool
is_activated(const STACK_OF(CONF_VALUE) * section)
{
    static const char *const words[] = { "0", "no", "off", "false" };
    const char *value = envl_conf_core_value(section, ENVL_CONF_ACTIVATE);
    size_t i;

    for (i = 0; value != NULL && i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value, words[i]) == 0)
            return false;
    }
    return value != NULL;
}

bool
envl_conf_each(const struct envl_conf *conf, envl_conf_entry_fn *take,
               void *arg)
{
    STACK_OF(CONF_VALUE) *init =
        envl_conf_find_section(conf, envl_conf_init_name(conf));
    STACK_OF(CONF_VALUE) * list;
    const CONF_VALUE *module;
    const char *identity;
    struct envl_conf_entry entry;
    int i, k;

    for (i = 0; i < sk_CONF_VALUE_num(init); i++) {
        module = sk_CONF_VALUE_value(init, i);
        if (!envl_conf_is_module(module, ENVL_CONF_PROVIDERS_MODULE))
            continue;
        list = envl_conf_find_section(conf, module->value);
        for (k = 0; k < sk_CONF_VALUE_num(list); k++) {
            entry.item = sk_CONF_VALUE_value(list, k);
            entry.section = envl_conf_find_section(conf, entry.item->value);
            identity = envl_conf_core_value(entry.section, ENVL_CONF_IDENTITY);
            entry.name = identity != NULL
                             ? identity
                             : envl_conf_skip_dot(entry.item->name);
            if (!take(arg, &entry))
                return false;
        }
    }
    return true;
}

/* The arguments of a function for envl_conf_each(), and its answer. */
struct question {
    const struct envl_conf *conf;
    const char *provider, *setting;
    const char *answer;
    OSSL_LIB_CTX *libctx;
    struct envl_err *err;
};

static bool
note_setting(void *arg, const struct envl_conf_entry *entry)
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

    (void)envl_conf_each(conf, note_setting, &question);
    return question.answer;
}

static bool
note_section(void *arg, const struct envl_conf_entry *entry)
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

    (void)envl_conf_each(conf, note_section, &question);
    return question.answer;
}

bool
envl_conf_is_section(const struct envl_conf *conf, const char *value)
{
    return envl_conf_find_section(conf, value) != NULL;
}

static bool
is_not_named(void *arg, const struct envl_conf_entry *entry)
{
    return strcmp(entry->name, arg) != 0;
}

static bool
is_not_it(void *arg, const struct envl_conf_entry *entry)
{
    return strcmp(entry->name, arg) != 0 || !is_activated(entry->section);
}

static bool
is_no_other(void *arg, const struct envl_conf_entry *entry)
{
    return strcmp(entry->name, arg) == 0 || !is_activated(entry->section);
}

bool
envl_conf_names(const struct envl_conf *conf, const char *provider)
{
    return !envl_conf_each(conf, is_not_named, (void *)(uintptr_t)provider);
}

bool
envl_conf_activates(const struct envl_conf *conf, const char *provider)
{
    return !envl_conf_each(conf, is_not_it, (void *)(uintptr_t)provider);
}

bool
envl_conf_activates_other(const struct envl_conf *conf, const char *provider)
{
    return !envl_conf_each(conf, is_no_other, (void *)(uintptr_t)provider);
}

/* Loading */

/* Check that a provider is there: libcrypto goes on if it cannot activate
 * it. */
static bool
is_there(void *arg, const struct envl_conf_entry *entry)
{
    struct question *question = arg;

    if (!is_activated(entry->section)
        || envl_conf_core_value(entry->section, ENVL_CONF_SOFT_LOAD) != NULL
        || OSSL_PROVIDER_available(question->libctx, entry->name))
        return true;
    (void)envl_fail(question->err, ENVELOPE_R_CONFIGURATION,
                    "%s: section [%s]: the provider %s cannot be activated; "
                    "openssl list -providers -provider %s may say why",
                    question->conf->file, entry->item->value, entry->name,
                    entry->name);
    return false;
}

/* Move the modules of the process from one stack to the other. */
static bool
take_out(STACK_OF(CONF_VALUE) * init, STACK_OF(CONF_VALUE) * out)
{
    const struct envl_conf_module *module;
    int i = 0;

    while (i < sk_CONF_VALUE_num(init)) {
        module = envl_conf_find_module(sk_CONF_VALUE_value(init, i)->name);
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
    STACK_OF(CONF_VALUE) *init =
        envl_conf_find_section(conf, envl_conf_init_name(conf));
    STACK_OF(CONF_VALUE) * out;
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
        rc = envl_conf_fail(conf, "", err);
    else if (!envl_conf_each(conf, is_there, &question))
        rc = err->reason;
out:
    /* Put the modules back; there is room, because they came from there. */
    while (sk_CONF_VALUE_num(out) > 0)
        (void)sk_CONF_VALUE_push(init, sk_CONF_VALUE_pop(out));
    sk_CONF_VALUE_free(out);
    ERR_pop_to_mark();
    return rc;
}
