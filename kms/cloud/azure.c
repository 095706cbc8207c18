/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Azure Key Vault and Managed HSM (API version 7.4) as a table.  Their keys are RSA
 * keys: the public half makes an ordinary recipient, and only to open it is the service
 * asked, for the version of the key that has this public half.
 */
#include "kms/cloud/azure.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "kms/core/json.h"
#include "kms/core/span.h"
#include "kms/engine/target.h"

#define SCHEME KMS_AZURE_SCHEME
#define API_VERSION "api-version=7.4"
#define MODULUS_LEN_MAX 2048 /* 16,384 bits */
#define NAME_LEN_MAX 127
#define QUERY KMS_UNRESERVED "!$&'()*+,;=:@/?%" /* RFC 3986, 3.4 */

/* The URI */

static bool
is_part(const char *text, size_t len, size_t len_max)
{
    return len > 0 && len <= len_max && strspn(text, KMS_ALNUM "-") >= len;
}

/* keys/NAME[/VERSION]; in azurekms: as others write it, NAME[/VERSION]. */
static bool
take_path(struct kms_target *target)
{
    const struct kms_uri *uri = &target->uri;
    struct kms_azure *own = target->own;
    const char *name = uri->path, *version;
    size_t len;

    if (strncmp(name, "keys/", 5) == 0)
        name += 5;
    else if (strcmp(uri->scheme, SCHEME) == 0)
        return false;
    len = strcspn(name, "/");
    version = name + len + (name[len] == '/');
    own->is_named = name[len] == '/';
    if (!is_part(name, len, NAME_LEN_MAX)
        || (own->is_named
            && !is_part(version, strlen(version), KMS_AZURE_VERSION_LEN_MAX)))
        return false;
    (void)snprintf(own->version, sizeof(own->version), "%s", version);
    kms_text_addf(&target->name, "%s/keys/%.*s", uri->authority, (int)len,
                  name);
    return true;
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    struct kms_azure *own = target->own;
    struct kms_text url = { 0 };
    enum envelope_reason rc;

    (void)use;
    own->cloud = kms_azure_cloud(uri->authority);
    if (own->cloud == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.100s: this is no host of a vault or HSM: "
                                "write it whole and in small letters, such as "
                                "NAME.vault.azure.net",
                         uri->authority);
    if (!take_path(target))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME "://%.100s/%.150s: the URI of a key is " SCHEME
                                "://HOST/keys/NAME[/VERSION]",
                         uri->authority, uri->path);
    kms_text_addf(&url, "https://%s", uri->authority);
    rc = target->name.failed || url.failed
             ? envl_fail_memory(err)
             : kms_target_endpoint(target, NULL, kms_text_get(&url), err);
    kms_text_clear(&url);
    target->key_id = kms_text_get(&target->name);
    return rc;
}

static void
close_target(struct kms_target *target)
{
    struct kms_azure *own = target->own;

    kms_text_clear(&own->page);
}

/* Requests */

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    const struct kms_azure *own = call->asked->own;

    (void)err;
    kms_text_add(path, strchr(call->asked->key_id, '/'));
    if (call->kind == KMS_LIST_VERSIONS && own->page.len > 0)
        kms_text_addf(path, "/versions?%s", own->page.data);
    else if (call->kind == KMS_LIST_VERSIONS)
        kms_text_addf(path, "/versions?" API_VERSION "&maxresults=%d",
                      KMS_AZURE_PAGE_ASKED);
    else
        kms_text_addf(path, "%s%s%s?" API_VERSION,
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
    if (!kms_is_get(call->kind))
        kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "Authorization", "Bearer %s",
                    kms_text_get(&call->credentials.token));
    return ENVELOPE_OK;
}

static enum envelope_reason
credentials(struct kms_credentials *found, const struct kms_seeker *seeker,
            struct envl_err *err)
{
    const struct kms_azure *own = seeker->own;

    return kms_azure_credentials(found, seeker, own->cloud, err);
}

/* Replies */

/* Of https://HOST/keys/NAME/VERSION, where the version begins; NULL for another key. */
static const char *
version_in(const struct kms_call *call, const char *kid)
{
    const char *name = call->asked->key_id;
    const size_t len = strlen(name);

    if (kid == NULL || strncmp(kid, "https://", 8) != 0
        || strncmp(kid + 8, name, len) != 0 || kid[8 + len] != '/')
        return NULL;
    kid += 8 + len + 1;
    return is_part(kid, strlen(kid), KMS_AZURE_VERSION_LEN_MAX) ? kid : NULL;
}

/* Any version of the key, unless one was asked for. */
static enum envelope_reason
is_key(const struct kms_call *call, enum kms_what what, const char *said,
       struct envl_err *err)
{
    const struct kms_azure *own = call->asked->own;
    const char *version = version_in(call, said);

    (void)what;
    if (version != NULL
        && (*own->version == '\0' || strcmp(version, own->version) == 0))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the reply is about another key, %.110s, than "
                     "https://%.110s/%s",
                     said, call->asked->key_id, own->version);
}

static BIGNUM *
number(const struct kms_json *json, const char *path)
{
    const char *text = kms_json_text(json, path);
    unsigned char octets[MODULUS_LEN_MAX];
    const long len = text != NULL ? kms_base64url_decode(octets, sizeof(octets),
                                                         text, strlen(text))
                                  : -1;

    return len > 0 ? BN_bin2bn(octets, (int)len, NULL) : NULL;
}

/* The SubjectPublicKeyInfo of an RSA key, whose numbers are in the reply. */
static bool
take_numbers(struct kms_azure_version *to, const struct kms_json *json,
             const struct envl_libctx *ctx)
{
    BIGNUM *n = number(json, "key.n"), *e = number(json, "key.e");
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *pctx =
        EVP_PKEY_CTX_new_from_name(ctx->libctx, "RSA", ctx->propq);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;
    unsigned char *p = to->der;
    int len = 0;

    if (n != NULL && e != NULL && build != NULL && pctx != NULL
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n)
        && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e)
        && (params = OSSL_PARAM_BLD_to_param(build)) != NULL
        && EVP_PKEY_fromdata_init(pctx) > 0
        && EVP_PKEY_fromdata(pctx, &key, EVP_PKEY_PUBLIC_KEY, params) > 0)
        len = i2d_PUBKEY(key, NULL);
    if (len > 0 && (size_t)len <= sizeof(to->der))
        len = i2d_PUBKEY(key, &p);
    else
        len = 0;
    to->der_len = len > 0 ? (size_t)len : 0;
    EVP_PKEY_free(key);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(pctx);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return to->der_len > 0;
}

static enum envelope_reason
make_key(struct kms_azure_version *to, const struct kms_json *json,
         const struct envl_libctx *ctx, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    ERR_set_mark();
    if (!take_numbers(to, json, ctx))
        rc = envl_crypto_no_memory()
                 ? envl_fail_memory(err)
                 : envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                             "the reply has no RSA key that can be read");
    ERR_pop_to_mark();
    return rc;
}

static bool
allows(const struct kms_json *json, const char *operation)
{
    char place[32];
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

/* What speaks against encrypting with it, and what to do; or NULL. */
static const char *
trouble(const struct kms_call *call, const struct kms_json *json)
{
    const int64_t now = call->world->now(call->world->arg);
    const int64_t from = kms_json_number(json, "attributes.nbf"),
                  until = kms_json_number(json, "attributes.exp");

    if (!allows(json, "wrapKey") || !allows(json, "unwrapKey"))
        return "it may not wrap and unwrap keys: allow the operations wrapKey "
               "and unwrapKey";
    if (!kms_json_bool(json, "attributes.enabled", false))
        return "it is not enabled: enable it, or make a new version";
    if (from >= 0 && from > now)
        return "its time has not begun: change its date of activation";
    if (until >= 0 && until <= now)
        return "its time is over: make a new version";
    return NULL;
}

/* call->to is set where the key is to be encrypted with.  A version of another type
 * among those that may open has no public half to be found by. */
static enum envelope_reason
take_public(const struct kms_call *call, const struct kms_json *json,
            struct envl_err *err)
{
    const char *type = kms_json_text(json, "key.kty");
    struct kms_azure_version *to = call->result;
    const char *why = NULL;

    (void)snprintf(to->version, sizeof(to->version), "%s",
                   version_in(call, kms_json_text(json, "key.kid")));
    to->der_len = 0;
    if (type == NULL)
        type = "(none)";
    if (strcmp(type, "RSA") == 0 || strcmp(type, "RSA-HSM") == 0)
        why = call->to != NULL ? trouble(call, json) : NULL;
    else if (call->to != NULL)
        why = "only RSA keys have a public half that others can encrypt with";
    else
        return ENVELOPE_OK;
    return why == NULL ? make_key(to, json, call->ctx, err)
                       : envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                                   "%.110s, of the type %.10s: %s",
                                   call->asked->key_id, type, why);
}

static enum envelope_reason
take_page(const struct kms_call *call, const struct kms_json *json,
          struct envl_err *err)
{
    struct kms_azure *own = call->asked->own;
    struct kms_azure_page *page = call->result;
    const char *version, *link = kms_json_text(json, "nextLink");
    char place[32];
    int i;

    page->count = 0;
    if (!kms_json_has(json, "value"))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "the reply has no list of versions");
    for (i = 0; i <= KMS_AZURE_PAGE_LEN; i++) {
        (void)snprintf(place, sizeof(place), "value.%d", i);
        if (!kms_json_has(json, place))
            break;
        (void)snprintf(place, sizeof(place), "value.%d.kid", i);
        version = version_in(call, kms_json_text(json, place));
        if (version == NULL || i == KMS_AZURE_PAGE_LEN)
            return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                             "the reply's list of versions has %s",
                             version == NULL
                                 ? "something that is no version of the key"
                                 : "more of them than a page can have");
        (void)snprintf(page->versions[page->count++], sizeof(page->versions[0]),
                       "%s", version);
    }
    /* Of the link to the next page the query alone is taken: a reply does not say who
     * is asked. */
    link = link != NULL ? strchr(link, '?') : NULL;
    kms_text_set(&own->page, link != NULL ? link + 1 : "");
    if (own->page.failed)
        return envl_fail_memory(err);
    if (own->page.len == 0
        || own->page.data[strspn(own->page.data, QUERY)] == '\0')
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                     "the reply's link to the next page is no URL");
}

static enum envelope_reason
take(const struct kms_call *call, const struct kms_json *json,
     struct envl_err *err)
{
    if (call->kind == KMS_PUBLIC_KEY)
        return take_public(call, json, err);
    return call->kind == KMS_LIST_VERSIONS ? take_page(call, json, err)
                                           : ENVELOPE_OK;
}

/* Whether it is that one version only that cannot be had. */
static void
advise(const struct kms_call *call, const char *code, struct envl_err *err)
{
    struct kms_azure *own = call->asked->own;

    (void)err;
    own->is_disabled = strcmp(code, "KeyDisabled") == 0;
    own->is_absent = strcmp(code, "KeyNotFound") == 0;
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
    .own_size = sizeof(struct kms_azure),
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
            },
            [KMS_LIST_VERSIONS] = { .name = "versions" },
        },
        .code_at = { "error.innererror.code", "error.innerError.code",
                     "error.code" },
        .message_at = { "error.message" },
        .rules = rules,
    },
    .blob_max = MODULUS_LEN_MAX,
    .open = open_target,
    .close = close_target,
    .is_key = is_key,
    .advise = advise,
    .take = take,
    .path = path,
    .sign = sign,
    .credentials = credentials,
    .public_key = kms_azure_public_key,
    .decrypt = kms_azure_decrypt,
};
