/* SPDX-License-Identifier: Apache-2.0 */
/* Reads the fields of an action and judges failures.  What does not hold is told with
 * the service's own words where it has any. */
#include "kms/engine/reply.h"

#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "kms/core/crc32c.h"
#include "kms/core/json.h"
#include "kms/core/text.h"

#define CODE_SIZE 81

/* One reply; json is NULL where it is none. */
struct reading {
    const struct kms_call *call;
    const struct kms_reply *reply;
    const struct kms_json *json;
    struct envl_err *err;
};

/* Failures */

/* The first of these paths that the reply has, or NULL. */
static const char *
first_text(const struct reading *r, const char *const *paths)
{
    const char *text = NULL;
    size_t i;

    for (i = 0; r->json != NULL && text == NULL && i < KMS_PATH_COUNT_MAX
                && paths[i] != NULL;
         i++)
        text = kms_json_text(r->json, paths[i]);
    return text;
}

/* "awskms: AccessDenied: not allowed (request 1b2c...); check the key's policy", each
 * part cut, so that there is room for all of them. */
static enum kms_outcome
fail(const struct reading *r, enum envelope_reason reason, const char *code,
     const char *message, const char *advice)
{
    const char *id = first_text(r, r->call->asked->shape->id_at);
    const char *colon = *code != '\0' && *message != '\0' ? ": " : "";

    if (id == NULL)
        id = kms_text_get(&r->reply->headers[KMS_REPLY_REQUEST_ID]);
    (void)envl_fail(r->err, reason, "%.80s: %.80s%s%.150s%s%.60s%s%s%s",
                    r->call->asked->title, code, colon, message,
                    *id != '\0' ? " (request " : "", id, *id != '\0' ? ")" : "",
                    advice != NULL ? "; " : "", advice != NULL ? advice : "");
    return KMS_FAILED;
}

/* What is wrong with a reply that did not say so itself, unless it did. */
static enum kms_outcome
refuse(const struct reading *r, const char *what)
{
    const char *message = first_text(r, r->call->asked->shape->message_at);

    return fail(r, ENVELOPE_R_KEY_SERVICE, what, message != NULL ? message : "",
                NULL);
}

/* "namespace#Code:url", "Code,more": the code alone. */
static void
cut_code(char code[CODE_SIZE], const char *text, bool is_smithy)
{
    size_t len = is_smithy ? strcspn(text, ",:") : strlen(text);
    const char *hash = is_smithy ? memchr(text, '#', len) : NULL;

    if (hash != NULL) {
        len -= (size_t)(hash + 1 - text);
        text = hash + 1;
    }
    (void)snprintf(code, CODE_SIZE, "%.*s",
                   len < CODE_SIZE ? (int)len : CODE_SIZE - 1, text);
}

static bool
is_meant(const struct kms_rule *rule, const char *code, int status)
{
    size_t len;

    if (rule->code == NULL)
        return rule->status == status;
    if (*rule->code == '*')
        return strstr(code, rule->code + 1) != NULL;
    len = strlen(rule->code);
    return strncmp(code, rule->code, len) == 0
           && (code[len] == '\0' || code[len] == '.');
}

static struct kms_rule
find_rule(const struct kms_shape *shape, const char *code, int status)
{
    const struct kms_rule *rule = shape->rules;
    enum kms_outcome outcome;

    for (; rule != NULL && (rule->code != NULL || rule->status != 0); rule++) {
        if (is_meant(rule, code, status))
            return *rule;
    }
    outcome = kms_outcome_of_status(status);
    return (struct kms_rule){
        .outcome = outcome,
        .advice = outcome == KMS_RETRY_SLOWLY ? "the service is asked too often"
                                              : NULL,
    };
}

static enum kms_outcome
explain(const struct reading *r)
{
    const struct kms_shape *shape = r->call->asked->shape;
    const bool is_smithy = r->call->asked->api->is_smithy;
    const char *said = first_text(r, shape->code_at);
    const char *message = first_text(r, shape->message_at);
    char code[CODE_SIZE] = "";
    struct kms_rule rule;
    bool again;

    if (said == NULL && is_smithy)
        said = kms_text_get(&r->reply->headers[KMS_REPLY_ERROR_TYPE]);
    if (said != NULL)
        cut_code(code, said, is_smithy);
    rule = find_rule(shape, code, r->reply->status);
    if (*code == '\0' && r->reply->status != 200)
        (void)snprintf(code, sizeof(code), "HTTP status %d", r->reply->status);
    if (shape->retry_at != NULL && r->json != NULL
        && kms_json_bool(r->json, shape->retry_at, false))
        rule.outcome = KMS_RETRY_SLOWLY;
    if (message == NULL)
        message = *code == '\0' ? "no reason was given" : "";
    again = rule.outcome == KMS_RETRY || rule.outcome == KMS_RETRY_SLOWLY;
    (void)fail(r,
               again ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_KEY_SERVICE_REFUSED,
               code, message, rule.advice);
    if (r->call->asked->api->advise != NULL)
        r->call->asked->api->advise(r->call, code, r->err);
    return rule.outcome;
}

/* Where an error stands, null and "" are none. */
static bool
is_failure(const struct reading *r)
{
    const char *path = r->call->asked->shape->error_at, *text;

    if (r->reply->status < 200 || r->reply->status > 299)
        return true;
    if (path == NULL || *path == '\0' || r->json == NULL
        || !kms_json_has(r->json, path))
        return false;
    text = kms_json_text(r->json, path);
    return text == NULL || *text != '\0';
}

/* Values */

/* The octets of a string in a form; -1 for none, or for more than there is room for;
 * then out is wiped. */
static long
decode(unsigned char *out, size_t room, const char *text, enum kms_form form)
{
    size_t len = 0;
    long n = -1;

    (void)ERR_set_mark();
    if (text != NULL && form == KMS_BASE64)
        n = kms_base64_decode(out, room, text, strlen(text));
    else if (text != NULL && form == KMS_BASE64URL)
        n = kms_base64url_decode(out, room, text, strlen(text));
    else if (text != NULL && form == KMS_HEX && *text != '\0'
             && OPENSSL_hexstr2buf_ex(out, room, &len, text, '\0'))
        n = (long)len;
    else if (text != NULL && form == KMS_TEXT && strlen(text) <= room
             && kms_is_printable(text)) {
        n = (long)strlen(text);
        memcpy(out, text, (size_t)n);
    }
    (void)ERR_pop_to_mark();
    if (n < 0)
        OPENSSL_cleanse(out, room);
    return n;
}

static bool
is_digest(const struct reading *r, const struct kms_field *field,
          const void *data, size_t len)
{
    const struct envl_libctx *ctx = r->call->ctx;
    const char *said = kms_json_text(r->json, field->name);
    unsigned char own[EVP_MAX_MD_SIZE], other[EVP_MAX_MD_SIZE];
    size_t own_len = 0;

    return EVP_Q_digest(ctx->libctx, "SHA256", ctx->propq, data, len, own,
                        &own_len)
           && decode(other, sizeof(other), said, KMS_HEX) == (long)own_len
           && CRYPTO_memcmp(own, other, own_len) == 0;
}

/* It was damaged on the way, or asked for and not looked at: once more. */
static enum kms_outcome
ask_again(const struct reading *r, const struct kms_field *field)
{
    char what[CODE_SIZE];

    (void)snprintf(what, sizeof(what), "the reply fails the check of %s",
                   field->name);
    (void)refuse(r, what);
    return KMS_RETRY;
}

static enum kms_outcome
check_octets(const struct reading *r, const struct kms_field *field,
             const void *data, size_t len)
{
    const bool good =
        field->form == KMS_CRC32C
            ? kms_json_number(r->json, field->name) == kms_crc32c(data, len)
            : is_digest(r, field, data, len);

    return good ? KMS_DONE : ask_again(r, field);
}

/* Taking */

static bool
is_check(const struct kms_field *field)
{
    return field->form == KMS_CRC32C || field->form == KMS_SHA256;
}

static enum envelope_reason
is_same_key(const struct kms_call *call, enum kms_what what, const char *said,
            struct envl_err *err)
{
    const struct kms_target *target =
        what == KMS_NEW_KEY ? call->to : call->from;

    if (strcmp(said, target->key_id) == 0)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                     "the reply is about another key, %.110s, than %.110s",
                     said, target->key_id);
}

/* A key whose name was not known before. */
static bool
set_named(const struct kms_call *call, const char *said)
{
    const struct kms_target *to = call->to;
    char name[sizeof(call->made->key) + 1]; /* one that is cut is too long */

    (void)snprintf(name, sizeof(name), "%s%s%s",
                   to->in_region ? to->region : "", to->in_region ? "/" : "",
                   said);
    return kms_set_key(call->made, name);
}

static enum kms_outcome
take_key(const struct reading *r, const struct kms_field *field)
{
    const struct kms_call *call = r->call;
    const char *said = kms_json_text(r->json, field->name);
    enum envelope_reason rc;
    struct envl_err why;

    if (field->optional && !kms_json_has(r->json, field->name))
        return KMS_DONE;
    if (said == NULL)
        return refuse(r, "the reply names no key");
    rc = call->asked->api->is_key != NULL
             ? call->asked->api->is_key(call, field->what, said, &why)
             : is_same_key(call, field->what, said, &why);
    if (rc == ENVELOPE_OK && field->what == KMS_NEW_KEY
        && call->to->name.len == 0 && !set_named(call, said))
        rc = envl_fail(&why, ENVELOPE_R_KEY_SERVICE,
                       "the reply names a key in a way that no header holds");
    return rc == ENVELOPE_OK ? KMS_DONE : fail(r, rc, "", why.detail, NULL);
}

static enum kms_outcome
take_blob(const struct reading *r, const struct kms_field *field)
{
    const struct kms_api *api = r->call->asked->api;
    const char *text = kms_json_text(r->json, field->name);
    struct envl_kms_wrapped *made = r->call->made;
    const size_t max = api->blob_max != 0 ? api->blob_max : sizeof(made->blob);
    char what[CODE_SIZE];
    long len;

    if (is_check(field))
        return check_octets(r, field, made->blob, made->blob_len);
    len = decode(made->blob, max, text, field->form);
    if (len > 0 && (api->is_blob == NULL || api->is_blob(text))) {
        made->blob_len = (size_t)len;
        return KMS_DONE;
    }
    (void)snprintf(what, sizeof(what),
                   "the reply has no encrypted key of 1 to %zu bytes at %s",
                   max, field->name);
    return refuse(r, what);
}

static enum kms_outcome
take_plaintext(const struct reading *r, const struct kms_field *field)
{
    unsigned char *kek = r->call->kek;
    char what[CODE_SIZE];

    if (is_check(field))
        return check_octets(r, field, kek, ENVL_KEK_LEN);
    if (decode(kek, ENVL_KEK_LEN, kms_json_text(r->json, field->name),
               field->form)
        == ENVL_KEK_LEN)
        return KMS_DONE;
    OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    (void)snprintf(what, sizeof(what), "the reply has no key of %d bytes at %s",
                   ENVL_KEK_LEN, field->name);
    return refuse(r, what);
}

static enum kms_outcome
take_field(const struct reading *r, const struct kms_field *field)
{
    switch (field->what) {
    case KMS_KEY:
    case KMS_NEW_KEY:
        return take_key(r, field);
    case KMS_NEW_BLOB:
        return take_blob(r, field);
    case KMS_PLAINTEXT:
        return take_plaintext(r, field);
    default:
        /* Of labels only where some were sent. */
        return (field->what == KMS_NEW_LABELS && !r->call->made->has_context)
                       || kms_json_bool(r->json, field->name, false)
                   ? KMS_DONE
                   : ask_again(r, field);
    }
}

static enum kms_outcome
take(const struct reading *r)
{
    const struct kms_field *field = r->call->action->reply;
    const struct kms_target *to = r->call->to;
    enum kms_outcome outcome = KMS_DONE;
    enum envelope_reason rc;
    struct envl_err why;

    for (; outcome == KMS_DONE && field->name != NULL; field++) {
        if (*field->name != '\0')
            outcome = take_field(r, field);
    }
    if (outcome == KMS_DONE && r->call->asked->api->take != NULL) {
        rc = r->call->asked->api->take(r->call, r->json, &why);
        if (rc != ENVELOPE_OK)
            outcome = fail(r, rc, "", why.detail, NULL);
    }
    if (outcome == KMS_DONE && to != NULL && r->call->made != NULL
        && to->name.len > 0
        && !kms_set_key(r->call->made, kms_text_get(&to->name)))
        outcome = fail(r, ENVELOPE_R_KEY_SERVICE, "",
                       "the key's name fits into no header", NULL);
    return outcome;
}

enum kms_outcome
kms_reply_understand(void *arg, const struct kms_reply *reply,
                     struct envl_err *err)
{
    struct kms_json *json = NULL;
    struct kms_call *call = arg;
    struct reading r = { .call = call, .reply = reply, .err = err };
    enum kms_outcome outcome = KMS_FAILED;
    struct envl_err why;
    enum envelope_reason rc = kms_json_parse(&json, kms_text_get(&reply->body),
                                             reply->body.len, &why);

    r.json = json;
    if (rc == ENVELOPE_R_MEMORY)
        (void)envl_fail_memory(err);
    else if (is_failure(&r))
        outcome = explain(&r);
    else if (json != NULL)
        outcome = take(&r);
    else
        outcome = fail(&r, rc, "", why.detail, NULL);
    call->is_denied = outcome == KMS_DENIED;
    kms_json_free(json);
    return outcome;
}

int
kms_set_key(struct envl_kms_wrapped *made, const char *key)
{
    size_t len = strlen(key);

    if (!kms_is_printable(key) || strchr(key, ' ') != NULL
        || len >= sizeof(made->key))
        return 0;
    memcpy(made->key, key, len + 1);
    return 1;
}
