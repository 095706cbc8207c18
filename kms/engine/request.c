/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the fields of an action.  Whose key and whose labels are meant follows from
 * the field. */
#include "kms/engine/request.h"

#include <string.h>

#include <openssl/evp.h>

#include "kms/core/crc32c.h"
#include "kms/core/json.h"
#include "kms/core/text.h"

/* Octets or text that a field shows; borrowed. */
struct value {
    const void *data;
    size_t len;
};

static struct value
text_value(const char *text)
{
    return (struct value){ text, strlen(text) };
}

/* The labels, where this key has them as its context. */
static struct value
labels_of(const struct kms_call *call, const struct envl_kms_wrapped *key)
{
    if (!key->has_context)
        return (struct value){ NULL, 0 };
    return (struct value){ call->labels, call->labels_len };
}

/* NULL data: it is not sent. */
static struct value
find_value(const struct kms_call *call, const struct kms_field *field)
{
    switch (field->what) {
    case KMS_FIXED:
        return text_value(field->text);
    case KMS_KEY:
        return text_value(call->from->key_id);
    case KMS_NEW_KEY:
        return text_value(call->to->key_id);
    case KMS_BLOB:
        return (struct value){ call->wrapped->blob, call->wrapped->blob_len };
    case KMS_PLAINTEXT:
        return (struct value){ call->kek, ENVL_KEK_LEN };
    case KMS_LABELS:
        return labels_of(call, call->wrapped);
    case KMS_NEW_LABELS:
        return labels_of(call, call->made);
    default:
        return (struct value){ NULL, 0 };
    }
}

static bool
add_digest(struct kms_text *text, const struct envl_libctx *ctx,
           struct value value)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len = 0;

    if (!EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, value.data, value.len,
                      digest, &len))
        return false;
    kms_text_add_hex(text, digest, len);
    return true;
}

/* The value as it is written, between quotes unless it is JSON itself.  false: there is
 * no digest of it. */
static bool
write_value(struct kms_text *text, const struct kms_call *call,
            const struct kms_field *field, struct value value)
{
    switch (field->form) {
    case KMS_BASE64:
        kms_text_add_base64(text, value.data, value.len);
        break;
    case KMS_BASE64URL:
        kms_text_add_base64url(text, value.data, value.len);
        break;
    case KMS_HEX:
        kms_text_add_hex(text, value.data, value.len);
        break;
    case KMS_OBJECT:
    case KMS_OBJECT_TEXT:
        kms_json_labels(text, value.data, value.len);
        break;
    case KMS_CRC32C:
        kms_text_addf(text, "%lu",
                      (unsigned long)kms_crc32c(value.data, value.len));
        break;
    case KMS_SHA256:
        return add_digest(text, call->ctx, value);
    default:
        kms_text_add_bytes(text, value.data, value.len);
        break;
    }
    return true;
}

static void
add_field(struct kms_call *call, const struct kms_field *field,
          const struct kms_text *value)
{
    struct kms_text *content = &call->content;

    if (call->asked->shape->in_query) {
        kms_text_add(content, content->len > 0 ? "&" : "");
        kms_text_add_encoded(content, field->name, strlen(field->name));
        kms_text_add(content, "=");
        kms_text_add_encoded(content, kms_text_get(value), value->len);
    } else if (field->form == KMS_JSON || field->form == KMS_OBJECT) {
        kms_json_add_raw(content, field->name, kms_text_get(value));
    } else {
        kms_json_add_bytes(content, field->name, kms_text_get(value),
                           value->len);
    }
    content->failed = content->failed || value->failed;
}

static enum envelope_reason
check_context(const struct kms_call *call, const struct kms_field *field,
              size_t len, struct envl_err *err)
{
    size_t max = call->asked->api->context_max;

    if (field->what != KMS_NEW_LABELS || max == 0 || len <= max)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "%s: the labels make an encryption context of %zu bytes, "
                     "and %zu is the most: use fewer labels",
                     call->asked->title, len, max);
}

static enum envelope_reason
write_field(struct kms_call *call, const struct kms_field *field,
            struct envl_err *err)
{
    struct value value = find_value(call, field);
    struct kms_text written = { 0 };
    enum envelope_reason rc;

    if (value.data == NULL || *field->name == '\0')
        return ENVELOPE_OK;
    rc = write_value(&written, call, field, value)
             ? check_context(call, field, written.len, err)
             : envl_fail_crypto(err, "hash a value of the request");
    if (rc == ENVELOPE_OK)
        add_field(call, field, &written);
    kms_text_clear(&written);
    return rc;
}

/* Can this be what the service once made?  A header may be hostile. */
static enum envelope_reason
check_blob(const struct kms_call *call, const struct kms_field *field,
           struct envl_err *err)
{
    const struct kms_api *api = call->asked->api;
    const struct envl_kms_wrapped *wrapped = call->wrapped;
    const size_t max =
        api->blob_max != 0 ? api->blob_max : ENVL_KMS_BLOB_LEN_MAX;
    char text[ENVL_KMS_BLOB_LEN_MAX + 1];

    if (wrapped->blob_len < 1 || wrapped->blob_len > max)
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         "%s: the encrypted key in the header has %zu bytes, "
                         "and the service takes 1 to %zu",
                         call->asked->title, wrapped->blob_len, max);
    if (field->form != KMS_TEXT)
        return ENVELOPE_OK;
    memcpy(text, wrapped->blob, wrapped->blob_len);
    text[wrapped->blob_len] = '\0';
    /* A NUL would hide what is after it. */
    if (strlen(text) == wrapped->blob_len && kms_is_printable(text)
        && (api->is_blob == NULL || api->is_blob(text)))
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "%s: the encrypted key in the header is not the text that "
                     "this service makes",
                     call->asked->title);
}

enum envelope_reason
kms_request_fill(struct kms_call *call, struct envl_err *err)
{
    const struct kms_field *field = call->action->request;
    const bool is_json =
        !call->asked->shape->in_query && !kms_is_get(call->kind);
    const char *begin = call->asked->shape->begin;
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_set(&call->content, begin != NULL ? begin : is_json ? "{" : "");
    for (; rc == ENVELOPE_OK && field->name != NULL; field++) {
        if (field->what == KMS_BLOB)
            rc = check_blob(call, field, err);
        if (rc == ENVELOPE_OK)
            rc = write_field(call, field, err);
    }
    kms_text_add(&call->content, is_json ? "}" : "");
    if (rc == ENVELOPE_OK && call->content.failed)
        rc = envl_fail_memory(err);
    return rc;
}

enum envelope_reason
kms_request_build(void *arg, struct kms_request *request, int64_t now,
                  struct envl_err *err)
{
    const struct kms_call *call = arg;
    const struct kms_target *asked = call->asked;
    struct kms_text path = { 0 };
    enum envelope_reason rc = ENVELOPE_OK;

    kms_text_set(&path, asked->api->path == NULL ? "/" : "");
    if (asked->api->path != NULL)
        rc = asked->api->path(&path, call, err);
    kms_request_init(request, kms_is_get(call->kind) ? "GET" : "POST",
                     &asked->endpoint, kms_text_get(&path));
    request->path.failed = request->path.failed || path.failed;
    kms_text_clear(&path);
    request->tls = asked->tls;
    if (asked->shape->in_query)
        kms_text_addf(&request->path, "?%s", kms_text_get(&call->content));
    else
        kms_text_set(&request->body, kms_text_get(&call->content));
    return rc == ENVELOPE_OK && asked->api->sign != NULL
               ? asked->api->sign(request, call, now, err)
               : rc;
}
