/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of httpkms, and the request that they describe. */
#include "kms/site/site.h"

#include <string.h>

#include "kms/core/json.h"

const struct kms_setting kms_http_settings[] = {
    [KMS_HTTP_KEY] = { .name = "key" },
    [KMS_HTTP_URL] = { .name = "url" },
    [KMS_HTTP_GENERATE] = { .name = "generate" },
    [KMS_HTTP_DECRYPT] = { .name = "decrypt" },
    [KMS_HTTP_REWRAP] = { .name = "rewrap" },
    [KMS_HTTP_SIGNER] = { .name = "signer" },
    [KMS_HTTP_TOKEN_FILE] = { .name = "token-file", .is_path = true },
    [KMS_HTTP_TOKEN_VARIABLE] = { .name = "token-variable" },
    [KMS_HTTP_TOKEN_HEADER] = { .name = "token-header" },
    [KMS_HTTP_ID] = { .name = "id" },
    [KMS_HTTP_SECRET_FILE] = { .name = "secret-file", .is_path = true },
    [KMS_HTTP_SECRET_VARIABLE] = { .name = "secret-variable" },
    [KMS_HTTP_PROFILE] = { .name = "profile" },
    [KMS_HTTP_REGION] = { .name = "region" },
    [KMS_HTTP_SERVICE] = { .name = "service" },
    [KMS_HTTP_CA_FILE] = { .name = "ca-file", .is_path = true },
    [KMS_HTTP_CA_PATH] = { .name = "ca-path", .is_path = true },
    [KMS_HTTP_CERTIFICATE] = { .name = "certificate", .is_path = true },
    [KMS_HTTP_PRIVATE_KEY] = { .name = "private-key", .is_path = true },
    [KMS_HTTP_REQUEST_KEY] = { "request-key", "keyId", false },
    [KMS_HTTP_REQUEST_TO] = { "request-to", "newKeyId", false },
    [KMS_HTTP_REQUEST_CONTEXT] = { "request-context", "context", false },
    [KMS_HTTP_REQUEST_BLOB] = { "request-blob", "ciphertext", false },
    [KMS_HTTP_REQUEST_EXTRA] = { .name = "request-extra" },
    [KMS_HTTP_REPLY_KEY] = { "reply-key", "keyId", false },
    [KMS_HTTP_REPLY_PLAINTEXT] = { "reply-plaintext", "plaintext", false },
    [KMS_HTTP_REPLY_BLOB] = { "reply-blob", "ciphertext", false },
    [KMS_HTTP_REPLY_ERROR] = { "reply-error", "error.code", false },
    [KMS_HTTP_REPLY_MESSAGE] = { "reply-message", "error.message", false },
    [KMS_HTTP_REPLY_ID] = { "reply-id", "requestId", false },
    { .name = NULL },
};

static const char *
get(const struct kms_http_call *call, enum kms_http_setting setting)
{
    return kms_section_get(&call->section, setting);
}

/* The request's path */

/* RFC 3986, 2.3, and what a path and a query may have beside it. */
#define UNRESERVED                                         \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
    "0123456789-._~"
#define PATH UNRESERVED "/?%:@!$&'()*+,;="

static void
add_encoded(struct kms_text *path, const char *key)
{
    for (; *key != '\0'; key++) {
        if (strchr(UNRESERVED, *key) != NULL)
            kms_text_add_bytes(path, key, 1);
        else
            kms_text_addf(path, "%%%02X", (unsigned char)*key);
    }
}

static enum envelope_reason
make_path(struct kms_http_call *call, enum kms_http_setting action,
          struct envl_err *err)
{
    static const char place[] = "{key}";
    const char *from = get(call, action), *next;
    const char *key = kms_section_key_only(&call->key);

    if (*from != '/')
        return kms_section_fail(
            &call->section, action,
            *from == '\0' ? "is missing" : "has to begin with a slash", err);
    kms_text_set(&call->path, "");
    while ((next = strstr(from, place)) != NULL) {
        /* These would lead up the path, encoded or not. */
        if (strcmp(key, ".") == 0 || strcmp(key, "..") == 0)
            return kms_section_fail(&call->section, action,
                                    "the key's name has dots only", err);
        kms_text_add_bytes(&call->path, from, (size_t)(next - from));
        add_encoded(&call->path, key);
        from = next + strlen(place);
    }
    kms_text_add(&call->path, from);
    if (call->path.failed)
        return envl_fail_memory(err);
    if (strspn(call->path.data, PATH) != call->path.len)
        return kms_section_fail(&call->section, action,
                                "has a character that does not belong into "
                                "a path, or another place than {key}",
                                err);
    return ENVELOPE_OK;
}

/* The request's body */

static void
add_text(struct kms_text *body, const char *name, const char *value)
{
    if (*name != '\0')
        kms_json_add(body, name, value);
}

/* With request-extra but for its last brace, or else with a brace: what is
 * added comes after that. */
static void
begin_body(struct kms_http_call *call)
{
    const char *extra = get(call, KMS_HTTP_REQUEST_EXTRA);
    size_t len = strlen(extra);

    if (len == 0) {
        kms_json_begin(&call->body);
        return;
    }
    for (len--; len > 0 && strchr(" \t", extra[len - 1]) != NULL;)
        len--;
    kms_text_add_bytes(&call->body, extra, len);
}

/* Does all of it go together?  A file can hold anything. */
static enum envelope_reason
check_body(const struct kms_http_call *call, struct envl_err *err)
{
    struct kms_json *json = NULL;
    enum envelope_reason rc;

    if (call->body.failed)
        return envl_fail_memory(err);
    rc = kms_json_parse(&json, call->body.data, call->body.len, err);
    kms_json_free(json);
    if (rc == ENVELOPE_R_KEY_SERVICE)
        rc = kms_section_fail(&call->section, KMS_HTTP_REQUEST_EXTRA,
                              "is not a JSON object, or has a member that is "
                              "sent anyway",
                              err);
    return rc;
}

enum envelope_reason
kms_http_prepare(struct kms_http_call *call, enum kms_http_setting action,
                 struct envl_err *err)
{
    struct kms_text *body = &call->body;
    enum envelope_reason rc = make_path(call, action, err);

    if (rc != ENVELOPE_OK)
        return rc;
    begin_body(call);
    add_text(body, get(call, KMS_HTTP_REQUEST_KEY),
             kms_section_key_only(&call->key));
    if (call->to.len > 0)
        add_text(body, get(call, KMS_HTTP_REQUEST_TO),
                 kms_section_key_only(&call->to));
    if (call->has_context)
        kms_json_add_labels(body, get(call, KMS_HTTP_REQUEST_CONTEXT),
                            call->job->labels, call->job->labels_len);
    if (call->blob.len > 0)
        add_text(body, get(call, KMS_HTTP_REQUEST_BLOB), call->blob.data);
    kms_json_end(body);
    return check_body(call, err);
}

static struct kms_tls
tls(const struct kms_http_call *call)
{
    static const enum kms_http_setting places[] = { KMS_HTTP_CA_FILE,
                                                    KMS_HTTP_CA_PATH,
                                                    KMS_HTTP_CERTIFICATE,
                                                    KMS_HTTP_PRIVATE_KEY };
    const char *paths[sizeof(places) / sizeof(places[0])];
    size_t i;

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        paths[i] = get(call, places[i]);
        if (*paths[i] == '\0')
            paths[i] = NULL;
    }
    return (struct kms_tls){ paths[0], paths[1], paths[2], paths[3] };
}

enum envelope_reason
kms_http_build(void *arg, struct kms_request *request, int64_t now,
               struct envl_err *err)
{
    const struct kms_http_call *call = arg;

    kms_request_init(request, "POST", &call->endpoint,
                     kms_text_get(&call->path));
    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "Accept", "application/json");
    kms_text_add_bytes(&request->body, call->body.data, call->body.len);
    request->tls = tls(call);
    return kms_signer_sign(call->signer, request, &call->signing, now, err);
}
