/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the keys and certificates of a list of names, one after the other. */
#include "lib/keys/keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <openssl/ui.h>

#include <envelope/envelope.h>

#include "lib/base/file.h"
#include "lib/keys/engine_key.h"
#include "lib/keys/key_directory.h"
#include "lib/keys/key_newer.h"
#include "lib/keys/key_protection.h"
#include "lib/keys/key_text.h"
#include "lib/keys/kms.h"
#include "lib/keys/known_hosts.h"
#include "lib/keys/openssh.h"

#define FILE_LEN_MAX 1048576

/* URI schemes that are recognised without "//".  lib/keys/kms.c has those of
 * key services. */
static const char *const schemes[] = { "file", "handle", "object", "pkcs11",
                                       "org.openssl.engine" };

/* libcrypto's stores ignore the case of a scheme and a host: so do we. */
static bool
begins_with(const char *text, const char *word)
{
    return strncasecmp(text, word, strlen(word)) == 0;
}

/* Passphrases of stored keys */

struct asker {
    const struct envl_key_reader *reader;
    const char *name;                 /* of the source, for the question */
    const struct envl_key_text *text; /* what is in it, or NULL */
    bool asked, answered;
    struct envl_octets answer; /* owned; the callback is asked only once */
};

static const struct envl_octets *
known_passphrase(const struct asker *asker)
{
    return asker->answer.data != NULL ? &asker->answer
                                      : asker->reader->passphrase;
}

/* A pem_password_cb.  It never asks the terminal, which is the program's. */
static int
ask(char *buf, int size, int rwflag, void *varg)
{
    struct asker *asker = varg;
    const struct envl_octets *known = known_passphrase(asker);
    const struct envelope_passphrase_callback *cb = asker->reader->callback;
    const OSSL_PARAM info[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PASSPHRASE_PARAM_INFO,
                                         (char *)(uintptr_t)asker->name, 0),
        OSSL_PARAM_construct_end(),
    };
    size_t len = 0;

    (void)rwflag;
    asker->asked = true;
    if (known != NULL && known->data != NULL) {
        if (known->len > (size_t)size)
            return -1;
        memcpy(buf, known->data, known->len);
        asker->answered = true;
        return (int)known->len;
    }
    if (cb == NULL || cb->callback == NULL
        || !cb->callback(buf, (size_t)size, &len, info, cb->arg)
        || len > (size_t)size || !envl_octets_set(&asker->answer, buf, len))
        return -1;
    asker->answered = true;
    return (int)len;
}

/* Objects of one source */

static enum envelope_reason
give(const struct envl_key_reader *reader, OSSL_STORE_INFO *info,
     struct envl_key_item item, size_t *count, struct envl_err *err)
{
    switch (OSSL_STORE_INFO_get_type(info)) {
    case OSSL_STORE_INFO_PUBKEY:
        item.public_key = OSSL_STORE_INFO_get0_PUBKEY(info);
        break;
    case OSSL_STORE_INFO_PKEY:
        item.private_key = OSSL_STORE_INFO_get0_PKEY(info);
        break;
    case OSSL_STORE_INFO_CERT:
        item.cert = OSSL_STORE_INFO_get0_CERT(info);
        break;
    default:
        return ENVELOPE_OK; /* skip parameters and CRLs */
    }
    ++*count;
    return reader->take(reader->arg, &item, err);
}

/* There was no passphrase for a stored key.  Without any source of passphrases,
 * private keys are not wanted. */
static enum envelope_reason
fail_unanswered(const char *name, const struct asker *asker, const char *what,
                struct envl_err *err)
{
    if (asker->reader->passphrase == NULL)
        return envl_fail(err, ENVELOPE_R_PRIVATE_KEY,
                         "%s %s, so it is a private key: keep it off this host "
                         "and give its public key, made with openssl pkey "
                         "-pubout or ssh-keygen -y",
                         name, what);
    return envl_fail(err, ENVELOPE_R_PASSPHRASE_NEEDED,
                     "%s %s, and no passphrase was given", name, what);
}

/* Is an algorithm missing for a key, so that no passphrase would help? */
static enum envelope_reason
check_missing(const char *name, const struct asker *asker, struct envl_err *err)
{
    const struct envl_octets *passphrase = known_passphrase(asker);
    const struct envl_key_text *text = asker->text;
    enum envelope_reason rc;

    if (text == NULL)
        return ENVELOPE_OK; /* a URI */
    rc = envl_key_newer_check(text, name, err);
    if (rc != ENVELOPE_OK || passphrase == NULL)
        return rc; /* private keys are not wanted */
    return envl_key_protection_check(text->data, text->len, passphrase, name,
                                     asker->reader->ctx, err);
}

static enum envelope_reason
fail_read(const char *name, const struct asker *asker, struct envl_err *err)
{
    enum envelope_reason rc;

    if (envl_crypto_no_memory())
        return envl_fail_memory(err);
    if (asker->asked && !asker->answered)
        return fail_unanswered(name, asker, "is stored encrypted", err);
    rc = check_missing(name, asker, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (asker->asked)
        return envl_fail(err, ENVELOPE_R_WRONG_KEY,
                         "the passphrase does not open %s", name);
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY, "%s: %s", name,
                     envl_crypto_reason());
}

/* A token only says that it finds nothing, even after a wrong PIN. */
static enum envelope_reason
fail_nothing(const char *name, const struct asker *asker, struct envl_err *err)
{
    if (asker->asked && !asker->answered)
        return fail_unanswered(name, asker, "asks for a PIN", err);
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     "%s: nothing is found there: a word of it is wrong, or "
                     "the PIN",
                     name);
}

/*
 * Read a store to its end, which the store may report as an error.  At least
 * `least` objects must be there: an object that cannot be read must not be
 * skipped, because it may be somebody's only recipient.
 */
static enum envelope_reason
read_store(const struct envl_key_reader *reader, OSSL_STORE_CTX *store,
           const struct asker *asker, const struct envl_key_item *origin,
           size_t least, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    struct envl_key_item item = *origin;
    size_t objects = 0, keys = 0;
    OSSL_STORE_INFO *info;
    const unsigned long newest = ERR_peek_last_error();

    while (rc == ENVELOPE_OK && !OSSL_STORE_eof(store)) {
        info = OSSL_STORE_load(store);
        if (info != NULL) {
            objects++;
            item.is_encrypted = asker->asked;
            rc = give(reader, info, item, &keys, err);
            OSSL_STORE_INFO_free(info);
        } else if (OSSL_STORE_error(store) && !OSSL_STORE_eof(store)) {
            break;
        }
    }
    if (rc != ENVELOPE_OK)
        return rc;
    if (objects == 0 && asker->text == NULL && ERR_peek_last_error() == newest)
        return fail_nothing(origin->name, asker, err);
    if (asker->asked && objects < least + (least == 0))
        return fail_read(origin->name, asker, err);
    if (objects > 0 && objects < least
        && (rc = check_missing(origin->name, asker, err)) != ENVELOPE_OK)
        return rc;
    if (objects > 0 && objects < least)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: of %zu keys or certificates, one is damaged or "
                         "of an unknown kind",
                         origin->name, least);
    if (keys > 0)
        return ENVELOPE_OK;
    rc = check_missing(origin->name, asker, err);
    return rc != ENVELOPE_OK
               ? rc
               : envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                           "%s holds no key or certificate in PEM, DER or "
                           "OpenSSH's format",
                           origin->name);
}

/* A token asks for its PIN before it searches for a private key.  If the public
 * key is enough, tell the store so, unless the URI already has a type. */
static void
expect(const struct envl_key_reader *reader, OSSL_STORE_CTX *store,
       const char *uri)
{
    if (reader->public_half && begins_with(uri, "pkcs11:")
        && strstr(uri, "type=") == NULL)
        (void)OSSL_STORE_expect(store, OSSL_STORE_INFO_PUBKEY);
}

/* Read the objects from octets; or, if that is NULL, from uri. */
static enum envelope_reason
read_source(const struct envl_key_reader *reader,
            const struct envl_octets *octets, const char *uri,
            const struct envl_key_item *origin, struct envl_err *err)
{
    const struct envl_libctx *ctx = reader->ctx;
    UI_METHOD *ui;
    struct asker asker = { .reader = reader, .name = origin->name };
    struct envl_key_text text = { 0 };
    OSSL_STORE_CTX *store = NULL;
    enum envelope_reason rc = ENVELOPE_OK;
    BIO *bio = NULL;

    if (octets != NULL)
        rc = envl_key_text_check(&text, octets, origin->name, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (text.is_openssh)
        return envl_openssh_read(reader, &text, origin, err);
    /* Stores try one decoder after the other, and leave records of the failed
     * ones. */
    ERR_set_mark();
    ui = UI_UTIL_wrap_read_pem_callback(ask, 0);
    if (octets != NULL) {
        asker.text = &text;
        bio = BIO_new_mem_buf(text.data, (int)text.len);
    }
    if (ui != NULL && bio != NULL)
        store = OSSL_STORE_attach(bio, "file", ctx->libctx, ctx->propq, ui,
                                  &asker, NULL, NULL, NULL);
    else if (ui != NULL && octets == NULL)
        store = OSSL_STORE_open_ex(uri, ctx->libctx, ctx->propq, ui, &asker,
                                   NULL, NULL, NULL);
    if (store != NULL && octets == NULL)
        expect(reader, store, uri);
    if (ui == NULL || (octets != NULL && bio == NULL))
        rc = envl_fail_memory(err);
    else if (store == NULL && octets == NULL
             && ERR_GET_REASON(envl_crypto_newest(NULL)) == ERR_R_UNSUPPORTED)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: no provider that is loaded opens it", origin->name);
    else if (store == NULL)
        rc = fail_read(origin->name, &asker, err);
    else
        rc = read_store(reader, store, &asker, origin, text.objects, err);
    (void)OSSL_STORE_close(store); /* nothing was written */
    envl_octets_clear(&asker.answer);
    /* Records quote the whole URI, with the secrets that origin->name omits. */
    if (rc == ENVELOPE_OK || (uri != NULL && strcmp(uri, origin->name) != 0))
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    UI_destroy_method(ui);
    BIO_free(bio);
    return rc;
}

/* The same for a key of an engine, which libcrypto's stores do not reach. */
static enum envelope_reason
read_engine(const struct envl_key_reader *reader, const char *uri,
            const struct envl_key_item *origin, struct envl_err *err)
{
    UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(ask, 0);
    struct asker asker = { .reader = reader, .name = origin->name };
    struct envl_key_item item = *origin;
    enum envelope_reason rc;

    ERR_set_mark();
    rc = ui == NULL ? envl_fail_memory(err)
                    : envl_engine_key_load(&item, reader, uri, ui, &asker, err);
    item.is_encrypted = asker.asked;
    if (rc == ENVELOPE_OK)
        rc = reader->take(reader->arg, &item, err);
    else if (asker.asked && !asker.answered)
        rc = fail_unanswered(origin->name, &asker, "asks for a PIN", err);
    EVP_PKEY_free(item.public_key);
    EVP_PKEY_free(item.private_key);
    envl_octets_clear(&asker.answer);
    if (rc == ENVELOPE_OK)
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    UI_destroy_method(ui);
    return rc;
}

/* Lists */

/* Does an entry begin with a URI scheme? */
static bool
is_uri(const char *entry)
{
    size_t len = strcspn(entry, ":/\n");
    size_t i;

    if (entry[len] != ':' || len < 2)
        return false;
    if (strncmp(entry + len + 1, "//", 2) == 0 || envl_kms_is_uri(entry)
        || envl_known_hosts_is(entry))
        return true;
    for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strlen(schemes[i]) == len
            && strncasecmp(entry, schemes[i], len) == 0)
            return true;
    }
    return false;
}

/* The path in a file: URI; "" if the URI names another host, NULL if it has
 * another scheme. */
static const char *
path_of_uri(const char *uri)
{
    static const char *const begins[] = { "file://localhost/", "file:///" };
    size_t i;

    if (!begins_with(uri, "file:"))
        return NULL;
    for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++) {
        if (begins_with(uri, begins[i]))
            return uri + strlen(begins[i]) - 1;
    }
    uri += strlen("file:");
    return strncmp(uri, "//", 2) == 0 ? "" : uri;
}

/* How many bytes of a URI may be shown: those before its query and before a
 * PIN, which libp11 also accepts outside the query. */
static size_t
shown_len(const char *uri)
{
    const char *pin = strstr(uri, "pin-value=");
    size_t len = strcspn(uri, "?");

    return pin != NULL && (size_t)(pin - uri) < len ? (size_t)(pin - uri) : len;
}

static enum envelope_reason
end_source(const struct envl_key_reader *reader, const char *name,
           struct envl_err *err)
{
    return reader->end_source != NULL
               ? reader->end_source(reader->arg, name, err)
               : ENVELOPE_OK;
}

static enum envelope_reason
read_uri(const struct envl_key_reader *reader, const char *uri,
         struct envl_err *err)
{
    char *name = OPENSSL_strndup(uri, shown_len(uri));
    struct envl_key_item origin = { .name = name, .is_uri = true };
    enum envelope_reason rc;

    if (name == NULL)
        return envl_fail_memory(err);
    if (envl_kms_is_uri(uri)) {
        origin.service_uri = uri;
        rc = reader->take(reader->arg, &origin, err);
    } else if (envl_known_hosts_is(uri)) {
        rc = envl_known_hosts_read(reader, uri, err);
    } else if (envl_engine_key_is(reader->ctx, uri)) {
        rc = read_engine(reader, uri, &origin, err);
    } else {
        rc = read_source(reader, NULL, uri, &origin, err);
    }
    if (rc == ENVELOPE_OK)
        rc = end_source(reader, name, err);
    OPENSSL_free(name);
    return rc;
}

static enum envelope_reason
read_file(void *varg, const char *path, struct envl_err *err)
{
    const struct envl_key_reader *reader = varg;
    const struct envl_key_item origin = { .name = path };
    struct envl_octets content = { 0 };
    enum envelope_reason rc;

    rc = envl_file_read(&content, path, FILE_LEN_MAX, reader->in_use, err);
    if (rc == ENVELOPE_OK)
        rc = read_source(reader, &content, NULL, &origin, err);
    else if (strchr(path, ':') != NULL && access(path, F_OK) != 0)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s: %s; an option names one path: give each file by an "
                       "option of its own",
                       path, strerror(errno));
    envl_octets_clear(&content);
    return rc == ENVELOPE_OK ? end_source(reader, path, err) : rc;
}

static enum envelope_reason
read_path(const struct envl_key_reader *reader, const char *path,
          struct envl_err *err)
{
    void *arg = (void *)(uintptr_t)reader;

    return envl_key_directory_is(path)
               ? envl_key_directory_read(path, read_file, arg, err)
               : read_file(arg, path, err);
}

enum envelope_reason
envl_keys_write_path(char **entry, const char *path, struct envl_err *err)
{
    const char *scheme = is_uri(path) ? "" : *path == '/' ? "file://" : "file:";
    size_t size = strlen(scheme) + strlen(path) + 1;

    *entry = NULL;
    if (*path == '\0')
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "the name of a key is empty");
    if (strchr(path, '\n') != NULL)
        return envl_fail(err, ENVELOPE_R_PARAMETER,
                         "%s: a name with a newline cannot be used for a key",
                         path);
    if ((*entry = OPENSSL_malloc(size)) == NULL)
        return envl_fail_memory(err);
    (void)snprintf(*entry, size, "%s%s", scheme, path);
    return ENVELOPE_OK;
}

enum envelope_reason
envl_keys_read_list(const struct envl_key_reader *reader, const char *list,
                    struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    const char *path;
    size_t len;
    char *name;
    bool uri;

    while (*list != '\0' && rc == ENVELOPE_OK) {
        uri = is_uri(list);
        len = strcspn(list, uri ? "\n" : ":\n");
        if (len > 0) {
            if ((name = OPENSSL_strndup(list, len)) == NULL)
                return envl_fail_memory(err);
            path = uri ? path_of_uri(name) : name;
            if (path != NULL && *path == '\0')
                rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                               "%s: it names no file of this host: write "
                               "file:/path",
                               name);
            else
                rc = path != NULL ? read_path(reader, path, err)
                                  : read_uri(reader, name, err);
            OPENSSL_clear_free(name, len);
        }
        list += len + (list[len] != '\0');
    }
    return rc;
}

enum envelope_reason
envl_keys_read_octets(const struct envl_key_reader *reader,
                      const struct envl_octets_list *list, const char *what,
                      struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;
    char name[64];
    size_t i;

    for (i = 0; i < list->count && rc == ENVELOPE_OK; i++) {
        struct envl_key_item origin = { .name = name };

        (void)snprintf(name, sizeof(name), "%s parameter %zu", what, i + 1);
        rc = read_source(reader, &list->items[i], NULL, &origin, err);
        if (rc == ENVELOPE_OK)
            rc = end_source(reader, name, err);
    }
    return rc;
}
