/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure Key Vault and Managed HSM (API version 7.4).  Their keys are RSA keys: the
 * public half makes an ordinary recipient, and only to open it is the service asked,
 * for the version of the key that has this public half.
 */
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "kms/cloud/azure_credentials.h"
#include "kms/core/json.h"
#include "kms/core/span.h"
#include "kms/engine/api.h"
#include "kms/engine/call.h"
#include "kms/engine/kept.h"

#define SCHEME "azurekeyvault"
#define API_VERSION "api-version=7.4"
#define MODULUS_LEN_MAX 2048 /* 16,384 bits */

#define NAME_LEN_MAX 127
#define VERSION_LEN_MAX 64
#define VERSIONS_MAX 100 /* that are looked at */
#define PAGE_LEN 10      /* as far as paths in JSON count */

struct own {
    const struct kms_azure_cloud *cloud;
    struct kms_endpoint endpoint;
    struct kms_text base; /* https://HOST/keys/NAME */
    struct kms_text name; /* HOST/keys/NAME */
    struct kms_text next; /* path and query of the next page, or empty */
    char version[VERSION_LEN_MAX
                 + 1]; /* that is asked for; "": the current one */
    bool is_named;     /* by the URI */
};

/* A version of a key. */
struct version {
    char version[VERSION_LEN_MAX + 1];
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX]; /* of its public half */
    size_t der_len;
};

/* A page of versions. */
struct page {
    char versions[PAGE_LEN][VERSION_LEN_MAX + 1];
    size_t count;
};

/* The URI */

static bool
is_part(const char *text, size_t len, size_t len_max)
{
    return len > 0 && len <= len_max && strspn(text, KMS_ALNUM "-") >= len;
}

/* keys/NAME[/VERSION], or NAME[/VERSION] as others write it. */
static bool
take_path(struct own *own, const struct kms_uri *uri)
{
    const char *name = uri->path, *version;
    size_t len;

    if (strncmp(name, "keys/", 5) == 0)
        name += 5;
    len = strcspn(name, "/");
    version = name + len + (name[len] == '/');
    if (!is_part(name, len, NAME_LEN_MAX)
        || (name[len] == '/'
            && !is_part(version, strlen(version), VERSION_LEN_MAX)))
        return false;
    (void)snprintf(own->version, sizeof(own->version), "%s", version);
    own->is_named = *version != '\0';
    kms_text_addf(&own->name, "%s/keys/%.*s", uri->authority, (int)len, name);
    kms_text_addf(&own->base, "https://%s", kms_text_get(&own->name));
    return true;
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    const char *said = kms_uri_get(uri, "endpoint");
    struct own *own = target->own;
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    (void)use;
    target->endpoint = &own->endpoint;
    own->cloud = kms_azure_cloud(uri->authority);
    if (own->cloud == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.100s: this is no host of a vault or HSM: "
                                "write it whole, such as NAME.vault.azure.net",
                         uri->authority);
    if (!take_path(own, uri))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.100s/%.150s: the URI of a key is " SCHEME
                                "://HOST/keys/NAME[/VERSION]",
                         uri->authority, uri->path);
    kms_text_addf(&url, "https://%s", uri->authority);
    if (own->name.failed || own->base.failed || url.failed)
        rc = envl_fail_memory(err);
    else
        rc = kms_endpoint_parse(&own->endpoint,
                                said != NULL ? said : kms_text_get(&url), false,
                                err);
    kms_text_clear(&url);
    target->name = kms_text_get(&own->name);
    target->key_id = kms_text_get(&own->base);
    return rc;
}

static void
close_target(struct kms_target *target)
{
    struct own *own = target->own;

    kms_endpoint_clear(&own->endpoint);
    kms_text_clear(&own->base);
    kms_text_clear(&own->name);
    kms_text_clear(&own->next);
}

/* Requests */

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    const struct own *own = call->asked->own;
    const char *name = strchr(kms_text_get(&own->name), '/');

    (void)err;
    if (call->kind == KMS_LIST_VERSIONS && own->next.len > 0)
        kms_text_add(path, kms_text_get(&own->next));
    else if (call->kind == KMS_LIST_VERSIONS)
        kms_text_addf(path, "%s/versions?" API_VERSION "&maxresults=%d", name,
                      PAGE_LEN);
    else
        kms_text_addf(path, "%s%s%s%s?" API_VERSION, name,
                      *own->version != '\0' ? "/" : "", own->version,
                      call->kind == KMS_DECRYPT ? "/unwrapkey" : "");
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    (void)now;
    (void)err;
    if (!call->action->is_get)
        kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "Authorization", "Bearer %s",
                    kms_text_get(&call->credentials.token));
    return ENVELOPE_OK;
}

static enum envelope_reason
credentials(struct kms_credentials *found, const struct kms_seeker *seeker,
            struct envl_err *err)
{
    const struct own *own = seeker->own;

    return kms_azure_credentials(found, seeker, own->cloud, err);
}

/* Replies */

/* https://HOST/keys/NAME/VERSION, of the version that was asked for if there was
 * one; where the version begins, or NULL. */
static const char *
version_in(const struct kms_call *call, const char *kid)
{
    const struct own *own = call->asked->own;
    const char *version;

    if (kid == NULL || strncmp(kid, own->base.data, own->base.len) != 0
        || kid[own->base.len] != '/')
        return NULL;
    version = kid + own->base.len + 1;
    return is_part(version, strlen(version), VERSION_LEN_MAX) ? version : NULL;
}

static enum envelope_reason
is_key(const struct kms_call *call, enum kms_what what, const char *said,
       struct envl_err *err)
{
    const struct own *own = call->asked->own;
    const char *version = version_in(call, said);

    (void)what;
    if (version != NULL
        && (*own->version == '\0' || strcmp(version, own->version) == 0))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the reply is about another key, %.110s, than %.110s/%s",
                     said, own->base.data, own->version);
}

/* The SubjectPublicKeyInfo of two numbers. */
static bool
make_key(struct version *to, const struct envl_libctx *ctx,
         const struct kms_json *json)
{
    const char *texts[] = { kms_json_text(json, "key.n"),
                            kms_json_text(json, "key.e") };
    static const char *const names[] = { OSSL_PKEY_PARAM_RSA_N,
                                         OSSL_PKEY_PARAM_RSA_E };
    unsigned char octets[MODULUS_LEN_MAX];
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->libctx, "RSA", ctx->propq);
    BIGNUM *numbers[] = { NULL, NULL };
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;
    unsigned char *p = to->der;
    bool ok = build != NULL && pctx != NULL;
    int len = 0;
    size_t i;
    long n;

    for (i = 0; i < 2 && ok; i++) {
        n = texts[i] != NULL ? kms_base64url_decode(octets, sizeof(octets),
                                                    texts[i], strlen(texts[i]))
                             : -1;
        ok = n > 0 && (numbers[i] = BN_bin2bn(octets, (int)n, NULL)) != NULL
             && OSSL_PARAM_BLD_push_BN(build, names[i], numbers[i]);
    }
    ok = ok && (params = OSSL_PARAM_BLD_to_param(build)) != NULL
         && EVP_PKEY_fromdata_init(pctx) > 0
         && EVP_PKEY_fromdata(pctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0
         && (len = i2d_PUBKEY(key, NULL)) > 0 && (size_t)len <= sizeof(to->der)
         && i2d_PUBKEY(key, &p) == len;
    to->der_len = ok ? (size_t)len : 0;
    EVP_PKEY_free(key);
    OSSL_PARAM_free(params);
    BN_free(numbers[0]);
    BN_free(numbers[1]);
    EVP_PKEY_CTX_free(pctx);
    OSSL_PARAM_BLD_free(build);
    return ok;
}

static bool
allows(const struct kms_json *json, const char *operation)
{
    char place[sizeof("key.key_ops.0")];
    const char *said;
    int i;

    for (i = 0; i < 10; i++) {
        (void)snprintf(place, sizeof(place), "key.key_ops.%d", i);
        said = kms_json_text(json, place);
        if (said != NULL && strcmp(said, operation) == 0)
            return true;
    }
    return false;
}

/* What speaks against encrypting with it, or NULL. */
static const char *
trouble(const struct kms_call *call, const struct kms_json *json)
{
    const int64_t now = call->world->now(call->world->arg);
    const int64_t from = kms_json_number(json, "attributes.nbf"),
                  until = kms_json_number(json, "attributes.exp");

    if (!allows(json, "wrapKey") || !allows(json, "unwrapKey"))
        return "the key is not one that may wrap and unwrap keys";
    if (!kms_json_bool(json, "attributes.enabled", false))
        return "the key is not enabled";
    if (from >= 0 && from > now)
        return "the key is not to be used yet";
    if (until >= 0 && until <= now)
        return "the key is not to be used any more";
    return NULL;
}

/* call->to is set where the key is to be encrypted with. */
static enum envelope_reason
take_public(const struct kms_call *call, const struct kms_json *json,
            struct envl_err *err)
{
    const char *type = kms_json_text(json, "key.kty");
    const char *version = version_in(call, kms_json_text(json, "key.kid"));
    struct version *to = call->result;
    const char *why;

    if (type == NULL
        || (strcmp(type, "RSA") != 0 && strcmp(type, "RSA-HSM") != 0))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "the key is of the type %.20s, and only RSA keys have "
                         "a public half that others can encrypt with",
                         type != NULL ? type : "(none)");
    why = call->to != NULL ? trouble(call, json) : NULL;
    if (why != NULL)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED, "%s", why);
    if (!make_key(to, call->ctx, json))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply has no RSA key that can be read");
    (void)snprintf(to->version, sizeof(to->version), "%s", version);
    return ENVELOPE_OK;
}

/* The link to the next page is followed on this service only. */
static enum envelope_reason
take_next(struct own *own, const char *link, struct envl_err *err)
{
    const char *host_end;
    const size_t len = strcspn(own->name.data, "/");

    kms_text_set(&own->next, "");
    if (link == NULL || *link == '\0')
        return ENVELOPE_OK;
    host_end = link + strlen("https://") + len;
    if (strncmp(link, "https://", 8) != 0
        || strncmp(link + 8, own->name.data, len) != 0
        || strncmp(host_end, own->name.data + len, own->name.len - len) != 0
        || strncmp(host_end + own->name.len - len, "/versions?", 10) != 0)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "the next page of versions is said to be elsewhere");
    kms_text_set(&own->next, host_end);
    return own->next.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static enum envelope_reason
take_versions(const struct kms_call *call, const struct kms_json *json,
              struct envl_err *err)
{
    struct page *page = call->result;
    const char *version;
    char place[sizeof("value.0.kid")],
        enabled[sizeof("value.0.attributes.enabled")];
    int i;

    page->count = 0;
    for (i = 0; i < PAGE_LEN; i++) {
        (void)snprintf(place, sizeof(place), "value.%d.kid", i);
        version = version_in(call, kms_json_text(json, place));
        (void)snprintf(enabled, sizeof(enabled), "value.%d.attributes.enabled",
                       i);
        /* Of one that is not enabled, the public half is not shown. */
        if (version != NULL && kms_json_bool(json, enabled, true))
            (void)snprintf(page->versions[page->count++], VERSION_LEN_MAX + 1,
                           "%s", version);
    }
    return take_next(call->asked->own, kms_json_text(json, "nextLink"), err);
}

/* Calls */

/* A version's public half, which is kept: it does not change. */
static enum envelope_reason
get_version(struct version *found, struct kms_target *target,
            const struct envl_libctx *ctx, bool to_encrypt,
            struct envl_err *err)
{
    struct own *own = target->own;
    struct kms_call call = {
        .world = target->world,
        .ctx = ctx,
        .kind = KMS_PUBLIC_KEY,
        .from = to_encrypt ? NULL : target,
        .to = to_encrypt ? target : NULL,
        .result = found,
    };
    const struct kms_seeker seeker = { .world = target->world, .ctx = ctx };
    struct kms_credentials kept = { 0 };
    struct kms_text source = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;
    long len = -1;

    kms_text_addf(&source, "%s/%s", own->base.data, own->version);
    if (!to_encrypt && kms_kept_find(&kept, &seeker, kms_text_get(&source)))
        len = kms_base64_decode(found->der, sizeof(found->der),
                                kms_text_get(&kept.token), kept.token.len);
    if (len > 0) {
        found->der_len = (size_t)len;
        (void)snprintf(found->version, sizeof(found->version), "%s",
                       kms_text_get(&kept.id));
    } else {
        rc = kms_call_run(&call, err);
        if (rc == ENVELOPE_OK) {
            kms_credentials_clear(&kept);
            kms_text_set(&kept.id, found->version);
            kms_text_add_base64(&kept.token, found->der, found->der_len);
            kms_kept_put(&seeker, kms_text_get(&source), &kept);
        }
    }
    kms_credentials_clear(&kept);
    kms_text_clear(&source);
    return rc;
}

static enum envelope_reason
public_key(struct kms_target *target, const struct envl_libctx *ctx,
           unsigned char *der, size_t *len, struct envl_err *err)
{
    struct version found;
    enum envelope_reason rc = get_version(&found, target, ctx, true, err);

    if (rc != ENVELOPE_OK)
        return rc;
    memcpy(der, found.der, found.der_len);
    *len = found.der_len;
    return ENVELOPE_OK;
}

/* Look at one version: is it the one? */
static enum envelope_reason
try_version(bool *is_found, struct kms_target *target,
            const struct envl_libctx *ctx, const char *version,
            const struct envl_kms_encrypted *encrypted, struct envl_err *err)
{
    struct own *own = target->own;
    struct version found;
    enum envelope_reason rc;

    (void)snprintf(own->version, sizeof(own->version), "%s", version);
    rc = get_version(&found, target, ctx, false, err);
    *is_found = rc == ENVELOPE_OK
                && encrypted->is_for(encrypted, found.der, found.der_len);
    if (*is_found)
        (void)snprintf(own->version, sizeof(own->version), "%s", found.version);
    return rc;
}

static enum envelope_reason
list(struct page *page, struct kms_target *target,
     const struct envl_libctx *ctx, struct envl_err *err)
{
    struct kms_call call = {
        .world = target->world,
        .ctx = ctx,
        .kind = KMS_LIST_VERSIONS,
        .from = target,
        .result = page,
    };
    const struct own *own = target->own;
    enum envelope_reason rc = kms_call_run(&call, err);
    const struct envl_err said = *err;

    if (rc == ENVELOPE_R_KEY_SERVICE_REFUSED)
        (void)envl_fail(err, rc,
                        "%.200s; the key has been rotated since: name the "
                        "version, " SCHEME "://%.100s/VERSION, or allow to "
                        "list keys",
                        said.detail, own->name.data);
    return rc;
}

/* The version that has this public half: the one that the URI names, the current one,
 * or any of the others. */
static enum envelope_reason
find_version(struct kms_target *target, const struct envl_libctx *ctx,
             const struct envl_kms_encrypted *encrypted, struct envl_err *err)
{
    struct own *own = target->own;
    char named[VERSION_LEN_MAX + 1];
    struct page page;
    struct envl_err first = { .reason = ENVELOPE_OK };
    bool found = false;
    size_t i, looked_at = 0;
    enum envelope_reason rc;

    memcpy(named, own->version, sizeof(named));
    rc = try_version(&found, target, ctx, named, encrypted, err);
    /* The current one may be disabled, and others not. */
    if (rc == ENVELOPE_R_KEY_SERVICE_REFUSED && !own->is_named) {
        first = *err;
        rc = ENVELOPE_OK;
    }
    while (rc == ENVELOPE_OK && !found && !own->is_named
           && looked_at < VERSIONS_MAX) {
        rc = list(&page, target, ctx, err);
        for (i = 0; rc == ENVELOPE_OK && i < page.count && !found; i++)
            rc = try_version(&found, target, ctx, page.versions[i], encrypted,
                             err);
        looked_at += PAGE_LEN;
        if (own->next.len == 0)
            break;
    }
    if (rc != ENVELOPE_OK || found)
        return rc;
    if (first.reason != ENVELOPE_OK) {
        *err = first;
        return first.reason;
    }
    return envl_fail(err, ENVELOPE_R_NO_MATCH,
                     SCHEME "://%.150s has no enabled version that this was "
                            "encrypted for",
                     own->name.data);
}

static enum envelope_reason
decrypt(struct kms_target *target, const struct envl_libctx *ctx,
        unsigned char key[ENVL_KEK_LEN],
        const struct envl_kms_encrypted *encrypted, struct envl_err *err)
{
    struct envl_kms_wrapped wrapped = { .blob_len = encrypted->len };
    struct kms_call call = {
        .world = target->world,
        .ctx = ctx,
        .kind = KMS_DECRYPT,
        .from = target,
        .wrapped = &wrapped,
        .kek = key,
    };
    enum envelope_reason rc;

    if (encrypted->len > sizeof(wrapped.blob))
        return envl_fail(err, ENVELOPE_R_NO_MATCH, SCHEME ": too long");
    memcpy(wrapped.blob, encrypted->data, encrypted->len);
    rc = find_version(target, ctx, encrypted, err);
    return rc == ENVELOPE_OK ? kms_call_run(&call, err) : rc;
}

static const struct kms_rule rules[] = {
    { "KeyNotFound", 0, KMS_FAILED, "check the vault and the key's name" },
    { "KeyDisabled", 0, KMS_FAILED, "the key's version has to be enabled" },
    { "ForbiddenByFirewall", 0, KMS_FAILED, "the vault's firewall forbids it" },
    { "Forbidden", 0, KMS_FAILED,
      "check whose credentials these are, and their role or access policy" },
    { "ForbiddenByPolicy", 0, KMS_FAILED,
      "check whose credentials these are, and the vault's access policy" },
    { "ForbiddenByRbac", 0, KMS_FAILED,
      "check whose credentials these are, and their role for the key" },
    { "BadParameter", 0, KMS_FAILED,
      "it is not this key, or the header was changed" },
    { "Throttled", 0, KMS_RETRY_SLOWLY, "the service is asked too often" },
    { NULL, 401, KMS_EXPIRED, "renew the credentials" },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "endpoint", NULL };

const struct kms_api kms_api_azure = {
    .scheme = SCHEME,
    .parameters = parameters,
    .own_size = sizeof(struct own),
    .shape = {
        .actions = {
            [KMS_DECRYPT] = {
                "unwrapkey",
                { KMS_CONSTANT("alg", KMS_TEXT, "RSA-OAEP-256"),
                  KMS_FIELD("value", KMS_BLOB, KMS_BASE64URL) },
                { KMS_FIELD("kid", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("value", KMS_PLAINTEXT, KMS_BASE64URL) },
            },
            [KMS_PUBLIC_KEY] = {
                .name = "get",
                .reply = { KMS_FIELD("key.kid", KMS_KEY, KMS_TEXT) },
                .take = take_public,
                .is_get = true,
            },
            [KMS_LIST_VERSIONS] = {
                .name = "versions",
                .take = take_versions,
                .is_get = true,
            },
        },
        .code_at = { "error.innererror.code", "error.code" },
        .message_at = { "error.message" },
        .rules = rules,
    },
    .blob_max = MODULUS_LEN_MAX,
    .open = open_target,
    .close = close_target,
    .is_key = is_key,
    .path = path,
    .sign = sign,
    .credentials = credentials,
    .public_key = public_key,
    .decrypt = decrypt,
};
