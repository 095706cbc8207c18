/* SPDX-License-Identifier: Apache-2.0 */
/* The versions of a key: which one is asked to decrypt, and what the process knows of
 * their public halves, which do not change. */
#include "kms/cloud/azure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kms/core/span.h"
#include "kms/engine/call.h"
#include "kms/engine/kept.h"
#include "kms/engine/source.h"

#define VERSIONS_MAX 100 /* that are looked at */
#define PAGES_MAX 40

/* A search for the version that something was encrypted for. */
struct search {
    struct kms_target *target;
    const struct envl_libctx *ctx;
    struct envl_kms_encrypted *encrypted;
    bool is_found;            /* own->version is the one */
    struct envl_err disabled; /* why one was not shown; reason 0: all were */

    int64_t deadline; /* in ticks */

    /* What is known, as it is kept.  token: a line "VERSION BASE64\n" for each; id:
     * until when no others are looked for, in seconds since the epoch; secret: not
     * empty if there are more. */
    struct kms_text source;
    struct kms_credentials known;
};

/* All the requests of a search together take no longer than those of a call. */
static enum envelope_reason
check_time(const struct search *search, struct envl_err *err)
{
    const struct kms_world *world = search->target->world;

    if (world->ticks(world->arg) < search->deadline)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                     KMS_AZURE_SCHEME
                     ": no time is left to look at more versions of the key: "
                     "set ENVELOPE_KMS_TIMEOUT to more seconds, or name the "
                     "version, " KMS_AZURE_SCHEME "://%.120s/VERSION",
                     search->target->key_id);
}

static struct kms_call
make_call(struct search *search, enum kms_action_kind kind, void *result)
{
    return (struct kms_call){
        .world = search->target->world,
        .ctx = search->ctx,
        .kind = kind,
        .from = search->target,
        .result = result,
    };
}

/* What is known */

static void
recall(struct search *search)
{
    const struct kms_seeker seeker = { .world = search->target->world };
    const struct kms_target *target = search->target;

    kms_text_addf(&search->source, "azure versions %s%s %s",
                  kms_text_get(&target->endpoint.host),
                  kms_text_get(&target->endpoint.path), target->key_id);
    (void)kms_kept_find(&search->known, &seeker, kms_text_get(&search->source));
}

/* Was the list looked at just now? */
static bool
is_fresh(const struct search *search)
{
    const struct kms_world *world = search->target->world;
    const int64_t now = world->now(world->arg);

    return strtoll(kms_text_get(&search->known.id), NULL, 10) > now;
}

/* The line of a version, or NULL. */
static const char *
find_line(const struct search *search, const char *version)
{
    const char *line = kms_text_get(&search->known.token);
    const size_t len = strlen(version);

    while (*line != '\0'
           && (strncmp(line, version, len) != 0 || line[len] != ' '))
        line = strchr(line, '\n') + 1;
    return *line != '\0' ? line : NULL;
}

/* Is the version of this line the one? */
static void
look_at_line(struct search *search, const char *line)
{
    struct kms_azure *own = search->target->own;
    struct envl_kms_encrypted *encrypted = search->encrypted;
    const int version_len = (int)strcspn(line, " ");
    const char *text = line + version_len + 1;
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    const long len =
        kms_base64_decode(der, sizeof(der), text, strcspn(text, "\n"));

    search->is_found = len > 0 && encrypted->find(encrypted, der, (size_t)len);
    if (search->is_found)
        (void)snprintf(own->version, sizeof(own->version), "%.*s", version_len,
                       line);
}

static void
look_at_known(struct search *search)
{
    const char *line = kms_text_get(&search->known.token);

    for (; *line != '\0' && !search->is_found; line = strchr(line, '\n') + 1)
        look_at_line(search, line);
}

/* Asking */

/* Ask for one version, "" for the current one, and look at it, unless it is known: then
 * it was looked at before. */
static enum envelope_reason
look_at(struct search *search, const char *version, struct envl_err *err)
{
    struct kms_azure *own = search->target->own;
    struct kms_text *known = &search->known.token;
    struct kms_azure_version got;
    struct kms_call call = make_call(search, KMS_PUBLIC_KEY, &got);
    size_t line;
    enum envelope_reason rc;

    if (find_line(search, version) != NULL)
        return ENVELOPE_OK;
    rc = check_time(search, err);
    if (rc != ENVELOPE_OK)
        return rc;
    (void)snprintf(own->version, sizeof(own->version), "%s", version);
    own->is_disabled = own->is_absent = false;
    rc = kms_call_run(&call, err);
    /* One that is disabled hides no other, nor does one that went since it was listed. */
    if (rc != ENVELOPE_OK && !own->is_named
        && (own->is_disabled || (own->is_absent && *version != '\0'))) {
        if (own->is_disabled)
            search->disabled = *err;
        return ENVELOPE_OK;
    }
    if (rc != ENVELOPE_OK || find_line(search, got.version) != NULL)
        return rc;
    line = known->len;
    kms_text_addf(known, "%s ", got.version);
    kms_text_add_base64(known, got.der, got.der_len);
    kms_text_add(known, "\n");
    if (known->failed)
        return envl_fail_memory(err);
    look_at_line(search, known->data + line);
    return ENVELOPE_OK;
}

static enum envelope_reason
list_page(struct kms_azure_page *page, struct search *search,
          struct envl_err *err)
{
    struct kms_call call = make_call(search, KMS_LIST_VERSIONS, page);
    struct envl_err why = { .detail = "" };
    enum envelope_reason rc = check_time(search, &why);

    if (rc == ENVELOPE_OK)
        rc = kms_call_run(&call, &why);
    if (rc == ENVELOPE_R_KEY_SERVICE_REFUSED)
        return envl_fail(err, rc,
                         "%.250s; what was encrypted for an older version of "
                         "the key needs the right to list versions, or its "
                         "name: " KMS_AZURE_SCHEME "://%.120s/VERSION",
                         why.detail, search->target->key_id);
    if (rc != ENVELOPE_OK)
        *err = why;
    return rc;
}

static enum envelope_reason
look_at_list(struct search *search, struct envl_err *err)
{
    struct kms_azure *own = search->target->own;
    const struct kms_world *world = search->target->world;
    struct kms_azure_page page;
    enum envelope_reason rc;
    size_t i, looked_at = 0, pages = 0;

    kms_text_set(&own->page, "");
    do {
        rc = list_page(&page, search, err);
        for (i = 0; rc == ENVELOPE_OK && !search->is_found && i < page.count;
             i++)
            rc = look_at(search, page.versions[i], err);
        if (rc != ENVELOPE_OK || search->is_found)
            return rc;
        looked_at += page.count;
    } while (own->page.len > 0 && looked_at < VERSIONS_MAX
             && ++pages < PAGES_MAX);
    kms_text_set(&search->known.secret, own->page.len > 0 ? "more" : "");
    kms_text_set(&search->known.id, "");
    kms_text_addf(&search->known.id, "%lld",
                  (long long)world->now(world->arg) + KMS_AZURE_LIST_S);
    return ENVELOPE_OK;
}

static enum envelope_reason
fail_to_find(const struct search *search, struct envl_err *err)
{
    const char *key = search->target->key_id;

    if (search->disabled.reason != ENVELOPE_OK) {
        *err = search->disabled;
        return err->reason;
    }
    if (search->known.secret.len > 0)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         KMS_AZURE_SCHEME
                         ": the key has more versions than are looked at, and "
                         "the one that opens it is not among them: name "
                         "it, " KMS_AZURE_SCHEME "://%.120s/VERSION",
                         key);
    return envl_fail(err, ENVELOPE_R_NO_MATCH,
                     KMS_AZURE_SCHEME "://%.150s: no version of it opens this",
                     key);
}

static enum envelope_reason
find_version(struct search *search, struct envl_err *err)
{
    const struct kms_world *world = search->target->world;
    struct kms_azure *own = search->target->own;
    const char *line;
    char named[sizeof(own->version)];
    unsigned milliseconds = 0;
    enum envelope_reason rc = kms_exchange_timeout(world, &milliseconds, err);

    search->deadline = world->ticks(world->arg) + milliseconds;
    memcpy(named, own->version, sizeof(named));
    if (!own->is_named)
        look_at_known(search);
    else if ((line = find_line(search, named)) != NULL)
        look_at_line(search, line);
    if (rc == ENVELOPE_OK && !search->is_found
        && (own->is_named || !is_fresh(search)))
        rc = look_at(search, named, err);
    if (rc == ENVELOPE_OK && !search->is_found && !own->is_named
        && !is_fresh(search))
        rc = look_at_list(search, err);
    return rc != ENVELOPE_OK || search->is_found ? rc
                                                 : fail_to_find(search, err);
}

/* The service */

enum envelope_reason
kms_azure_public_key(struct kms_target *target, const struct envl_libctx *ctx,
                     unsigned char *der, size_t *len, struct envl_err *err)
{
    struct kms_azure_version got;
    struct kms_call call = {
        .world = target->world,
        .ctx = ctx,
        .kind = KMS_PUBLIC_KEY,
        .to = target,
        .result = &got,
    };
    enum envelope_reason rc = kms_call_run(&call, err);

    if (rc != ENVELOPE_OK)
        return rc;
    memcpy(der, got.der, got.der_len);
    *len = got.der_len;
    return ENVELOPE_OK;
}

enum envelope_reason
kms_azure_decrypt(struct kms_target *target, const struct envl_libctx *ctx,
                  unsigned char key[ENVL_KEK_LEN],
                  struct envl_kms_encrypted *encrypted, struct envl_err *err)
{
    const struct kms_seeker seeker = { .world = target->world };
    struct search search = { .target = target,
                             .ctx = ctx,
                             .encrypted = encrypted };
    struct kms_call call = make_call(&search, KMS_DECRYPT, NULL);
    struct envl_kms_wrapped wrapped = { .blob_len = 0 };
    enum envelope_reason rc;

    recall(&search);
    rc = find_version(&search, err);
    if (search.source.failed || kms_source_failed(&search.known))
        rc = envl_fail_memory(err);
    else if (search.known.token.len > 0)
        kms_kept_put(&seeker, search.source.data, &search.known);
    if (rc == ENVELOPE_OK && encrypted->len > sizeof(wrapped.blob))
        rc = envl_fail(err, ENVELOPE_R_NO_MATCH,
                       KMS_AZURE_SCHEME ": no RSA key encrypts to so much");
    if (rc == ENVELOPE_OK) {
        memcpy(wrapped.blob, encrypted->data, encrypted->len);
        wrapped.blob_len = encrypted->len;
        call.wrapped = &wrapped;
        call.kek = key;
        rc = kms_call_run(&call, err);
    }
    kms_credentials_clear(&search.known);
    kms_text_clear(&search.source);
    return rc;
}
