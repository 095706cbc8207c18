/* SPDX-License-Identifier: Apache-2.0 */
/*
 * httpkms://NAME/KEY: any service that takes and gives JSON over HTTPS.  A section of
 * kms.conf fills in the table that other services have as a constant.
 */
#include "kms/site/site.h"

#include <string.h>

#include "kms/core/json.h"
#include "kms/site/signer.h"

static const struct kms_setting settings[] = {
    [KMS_SITE_KEY] = { .name = "key" },
    [KMS_SITE_URL] = { .name = "url", .is_needed = true },
    [KMS_SITE_GENERATE] = { .name = "generate" },
    [KMS_SITE_DECRYPT] = { .name = "decrypt" },
    [KMS_SITE_REWRAP] = { .name = "rewrap" },
    [KMS_SITE_SIGNER] = { .name = "signer" },
    [KMS_SITE_TOKEN_FILE] = { .name = "token-file", .is_path = true },
    [KMS_SITE_TOKEN_VARIABLE] = { .name = "token-variable" },
    [KMS_SITE_TOKEN_HEADER] = { .name = "token-header" },
    [KMS_SITE_ID] = { .name = "id" },
    [KMS_SITE_SECRET_FILE] = { .name = "secret-file", .is_path = true },
    [KMS_SITE_SECRET_VARIABLE] = { .name = "secret-variable" },
    [KMS_SITE_PROFILE] = { .name = "profile" },
    [KMS_SITE_REGION] = { .name = "region" },
    [KMS_SITE_SERVICE] = { .name = "service" },
    [KMS_SITE_CA_FILE] = { .name = "ca-file", .is_path = true },
    [KMS_SITE_CA_PATH] = { .name = "ca-path", .is_path = true },
    [KMS_SITE_CERTIFICATE] = { .name = "certificate", .is_path = true },
    [KMS_SITE_PRIVATE_KEY] = { .name = "private-key", .is_path = true },
    [KMS_SITE_REQUEST_KEY] = { "request-key", "keyId", false, false },
    [KMS_SITE_REQUEST_TO] = { "request-to", "newKeyId", false, false },
    [KMS_SITE_REQUEST_CONTEXT] = { "request-context", "context", false, false },
    [KMS_SITE_REQUEST_BLOB] = { "request-blob", "ciphertext", false, true },
    [KMS_SITE_REQUEST_EXTRA] = { .name = "request-extra" },
    [KMS_SITE_REPLY_KEY] = { "reply-key", "keyId", false, false },
    [KMS_SITE_REPLY_PLAINTEXT] = { "reply-plaintext", "plaintext", false,
                                   true },
    [KMS_SITE_REPLY_BLOB] = { "reply-blob", "ciphertext", false, true },
    [KMS_SITE_REPLY_ERROR] = { "reply-error", "error.code", false, false },
    [KMS_SITE_REPLY_MESSAGE] = { "reply-message", "error.message", false,
                                 false },
    [KMS_SITE_REPLY_ID] = { "reply-id", "requestId", false, false },
    { .name = NULL },
};

const char *
kms_site_get(const struct kms_site *site, enum kms_site_setting setting)
{
    return kms_section_get(&site->section, setting);
}

static const char *
get_or_null(const struct kms_site *site, enum kms_site_setting setting)
{
    const char *value = kms_site_get(site, setting);

    return *value != '\0' ? value : NULL;
}

/* The table */

/* A wrong signature may come from a clock that is wrong. */
static const struct kms_rule timed_rules[] = {
    { NULL, 401, KMS_SKEWED, NULL },
    { NULL, 403, KMS_SKEWED, NULL },
    { NULL, 0, KMS_FAILED, NULL },
};

/* Fields, where a setting stands for its place. */
static const struct row {
    enum kms_action_kind action;
    bool is_reply;
    enum kms_site_setting name;
    enum kms_what what;
    enum kms_form form;
} rows[] = {
    { KMS_GENERATE, false, KMS_SITE_REQUEST_KEY, KMS_NEW_KEY, KMS_TEXT },
    { KMS_GENERATE, false, KMS_SITE_REQUEST_CONTEXT, KMS_NEW_LABELS,
      KMS_OBJECT },
    { KMS_GENERATE, true, KMS_SITE_REPLY_KEY, KMS_NEW_KEY, KMS_TEXT },
    { KMS_GENERATE, true, KMS_SITE_REPLY_BLOB, KMS_NEW_BLOB, KMS_TEXT },
    { KMS_GENERATE, true, KMS_SITE_REPLY_PLAINTEXT, KMS_PLAINTEXT, KMS_BASE64 },
    { KMS_DECRYPT, false, KMS_SITE_REQUEST_KEY, KMS_KEY, KMS_TEXT },
    { KMS_DECRYPT, false, KMS_SITE_REQUEST_CONTEXT, KMS_LABELS, KMS_OBJECT },
    { KMS_DECRYPT, false, KMS_SITE_REQUEST_BLOB, KMS_BLOB, KMS_TEXT },
    { KMS_DECRYPT, true, KMS_SITE_REPLY_KEY, KMS_KEY, KMS_TEXT },
    { KMS_DECRYPT, true, KMS_SITE_REPLY_PLAINTEXT, KMS_PLAINTEXT, KMS_BASE64 },
    { KMS_REENCRYPT, false, KMS_SITE_REQUEST_KEY, KMS_KEY, KMS_TEXT },
    { KMS_REENCRYPT, false, KMS_SITE_REQUEST_TO, KMS_NEW_KEY, KMS_TEXT },
    { KMS_REENCRYPT, false, KMS_SITE_REQUEST_CONTEXT, KMS_LABELS, KMS_OBJECT },
    { KMS_REENCRYPT, false, KMS_SITE_REQUEST_BLOB, KMS_BLOB, KMS_TEXT },
    { KMS_REENCRYPT, true, KMS_SITE_REPLY_KEY, KMS_NEW_KEY, KMS_TEXT },
    { KMS_REENCRYPT, true, KMS_SITE_REPLY_BLOB, KMS_NEW_BLOB, KMS_TEXT },
};

static void
fill_shape(struct kms_site *site)
{
    struct kms_shape *shape = &site->shape;
    struct kms_action *action;
    struct kms_field *field;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        action = &shape->actions[rows[i].action];
        action->name = settings[KMS_SITE_GENERATE + rows[i].action].name;
        field = rows[i].is_reply ? action->reply : action->request;
        while (field->name != NULL)
            field++;
        *field = (struct kms_field){
            .name = kms_site_get(site, rows[i].name),
            .what = rows[i].what,
            .form = rows[i].form,
            .optional = rows[i].name == KMS_SITE_REPLY_KEY,
        };
    }
    shape->begin = kms_text_get(&site->begin);
    shape->error_at = kms_site_get(site, KMS_SITE_REPLY_ERROR);
    shape->code_at[0] = get_or_null(site, KMS_SITE_REPLY_ERROR);
    shape->message_at[0] = get_or_null(site, KMS_SITE_REPLY_MESSAGE);
    shape->id_at[0] = get_or_null(site, KMS_SITE_REPLY_ID);
    shape->rules = kms_signer_is_timed(site->signer) ? timed_rules : NULL;
}

/* request-extra but for its last brace, or else a brace: fields come after that.  Does
 * all of it go together?  A file can hold anything. */
static enum envelope_reason
read_begin(struct kms_site *site, struct envl_err *err)
{
    const char *extra = kms_site_get(site, KMS_SITE_REQUEST_EXTRA), *name;
    struct kms_text whole = { 0 };
    struct kms_json *json = NULL;
    size_t i, len = strlen(extra);
    enum envelope_reason rc;

    if (len == 0)
        kms_json_begin(&site->begin);
    for (len -= len > 0; len > 0 && strchr(" \t", extra[len - 1]) != NULL;)
        len--;
    kms_text_add_bytes(&site->begin, extra, len);
    kms_text_add(&whole, kms_text_get(&site->begin));
    for (i = KMS_SITE_REQUEST_KEY; i <= KMS_SITE_REQUEST_BLOB; i++) {
        name = kms_site_get(site, (enum kms_site_setting)i);
        if (*name != '\0')
            kms_json_add(&whole, name, "");
    }
    kms_json_end(&whole);
    rc = site->begin.failed || whole.failed
             ? envl_fail_memory(err)
             : kms_json_parse(&json, whole.data, whole.len, err);
    kms_json_free(json);
    kms_text_clear(&whole);
    if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = kms_section_fail(&site->section, KMS_SITE_REQUEST_EXTRA,
                              "is not a JSON object, or has a member that is "
                              "sent anyway",
                              err);
    return rc;
}

/* The request's path */

/* What a path and a query may have (RFC 3986, 3.3 and 3.4). */
#define PATH                                               \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
    "0123456789-._~/?%:@!$&'()*+,;="

static enum envelope_reason
make_path(struct kms_text *path, const struct kms_site *site,
          enum kms_action_kind action, const char *key, struct envl_err *err)
{
    static const char place[] = "{key}";
    const enum kms_site_setting setting = KMS_SITE_GENERATE + action;
    const char *from = kms_site_get(site, setting), *next;

    if (*from != '/')
        return kms_section_fail(
            &site->section, setting,
            *from == '\0' ? "is missing" : "has to begin with a slash", err);
    while ((next = strstr(from, place)) != NULL) {
        /* These would lead up the path, encoded or not. */
        if (strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
            return kms_section_fail(&site->section, setting,
                                    "the key's name has dots only", err);
        kms_text_add_bytes(path, from, (size_t)(next - from));
        kms_text_add_encoded(path, key, strlen(key));
        from = next + strlen(place);
    }
    kms_text_add(path, from);
    if (path->failed)
        return envl_fail_memory(err);
    if (strspn(path->data, PATH) != path->len)
        return kms_section_fail(&site->section, setting,
                                "has a character that does not belong into a "
                                "path, or another place than {key}",
                                err);
    return ENVELOPE_OK;
}

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    return make_path(path, call->asked->own, call->kind, call->asked->key_id,
                     err);
}

/* The target */

/* What is wrong with an endpoint does not say where it stands. */
static enum envelope_reason
read_url(struct kms_target *target, struct envl_err *err)
{
    const struct kms_site *site = target->own;
    struct envl_err why;
    enum envelope_reason rc = kms_endpoint_parse(
        &target->endpoint, kms_site_get(site, KMS_SITE_URL), false, &why);

    if (rc == ENVELOPE_R_UNREADABLE_KEY)
        return kms_section_fail(&site->section, KMS_SITE_URL, why.detail, err);
    return rc == ENVELOPE_OK ? rc : envl_fail(err, rc, "%s", why.detail);
}

static enum envelope_reason
read_tls(struct kms_tls *tls, const struct kms_site *site, struct envl_err *err)
{
    *tls = (struct kms_tls){
        get_or_null(site, KMS_SITE_CA_FILE),
        get_or_null(site, KMS_SITE_CA_PATH),
        get_or_null(site, KMS_SITE_CERTIFICATE),
        get_or_null(site, KMS_SITE_PRIVATE_KEY),
    };
    if ((tls->certificate == NULL) != (tls->key == NULL))
        return kms_section_fail(&site->section, KMS_SITE_CERTIFICATE,
                                "goes together with private-key", err);
    return ENVELOPE_OK;
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    struct kms_site *site = target->own;
    enum envelope_reason rc =
        kms_section_open(&site->section, settings, target, err);

    (void)use;
    target->shape = &site->shape;
    target->profile = get_or_null(site, KMS_SITE_PROFILE);
    if (rc == ENVELOPE_OK)
        rc = read_tls(&target->tls, site, err);
    if (rc == ENVELOPE_OK)
        rc = read_url(target, err);
    if (rc == ENVELOPE_OK)
        rc = kms_signer_open(site, target->world, err);
    if (rc == ENVELOPE_OK)
        rc = read_begin(site, err);
    if (rc != ENVELOPE_OK)
        return rc;
    fill_shape(site);
    target->binds_labels = get_or_null(site, KMS_SITE_REQUEST_CONTEXT) != NULL;
    return ENVELOPE_OK;
}

static void
close_target(struct kms_target *target)
{
    struct kms_site *site = target->own;

    kms_section_clear(&site->section);
    kms_text_clear(&site->region);
    kms_text_clear(&site->begin);
}

/* Only another key has to be named. */
static enum envelope_reason
may_reencrypt(struct kms_call *call, struct envl_err *err)
{
    struct kms_site *site = call->from->own;
    struct kms_field *field = site->shape.actions[KMS_REENCRYPT].request;

    while (field->what != KMS_NEW_KEY)
        field++;
    if (strcmp(kms_text_get(&call->from->name), kms_text_get(&call->to->name))
        == 0)
        field->name = "";
    else if (*field->name == '\0')
        return kms_section_fail(&site->section, KMS_SITE_REQUEST_TO,
                                "is empty: this service does not encrypt a "
                                "key for another one",
                                err);
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "Accept", "application/json");
    return kms_signer_sign(request, call, now, err);
}

/* Nothing but the key's name comes from a URI. */
static const char *const no_parameters[] = { NULL };

const struct kms_api kms_api_site = {
    .scheme = "httpkms",
    .parameters = no_parameters,
    .own_size = sizeof(struct kms_site),
    .open = open_target,
    .close = close_target,
    .may_reencrypt = may_reencrypt,
    .path = path,
    .sign = sign,
    .credentials = kms_signer_credentials,
};
