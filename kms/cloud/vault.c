/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transit engine of HashiCorp Vault and OpenBao.  A reply names no key:
 * that it is of the right one follows from the path that was asked.
 */
#include <stdio.h>
#include <string.h>

#include "kms/cloud/vault_server.h"
#include "kms/core/json.h"
#include "kms/engine/service.h"
#include "kms/engine/text_blob.h"
#include "kms/http/exchange.h"

#define SCHEME "vault"
#define MOUNT "transit"  /* where vault:NAME is */
#define BETWEEN "/keys/" /* a mount and a name */
#define BETWEEN_LEN (sizeof(BETWEEN) - 1)

/* URIs: [//HOST/]MOUNT/keys/NAME, or NAME alone */

struct key {
    const char *mount; /* segments, borrowed */
    size_t mount_len;
    const char *name;
};

/* Segments, len bytes in all, that nobody encodes, takes out or splits. */
static bool
is_path(const char *text, size_t len)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz"
                                  "0123456789_.-";
    size_t n;

    for (;; text += n + 1, len -= n + 1) {
        n = strspn(text, allowed);
        if (n > len)
            n = len;
        if (n == 0 || (n == 1 && text[0] == '.')
            || (n == 2 && text[0] == '.' && text[1] == '.'))
            return false;
        if (n == len)
            return true;
        if (text[n] != '/')
            return false;
    }
}

/* Where "/keys/NAME" begins at the end of a path, or NULL. */
static const char *
find_keys(const char *path)
{
    const char *slash = strrchr(path, '/'), *begin;

    if (slash == NULL || (size_t)(slash - path) < BETWEEN_LEN - 1)
        return NULL;
    begin = slash - (BETWEEN_LEN - 1);
    return strncmp(begin, BETWEEN, BETWEEN_LEN) == 0 ? begin : NULL;
}

static enum envelope_reason
parse_key(struct key *key, const struct kms_uri *uri, struct envl_err *err)
{
    const char *path = uri->path, *keys = find_keys(path);

    if (keys != NULL)
        *key = (struct key){ path, (size_t)(keys - path), keys + BETWEEN_LEN };
    else if (*uri->authority == '\0' && strchr(path, '/') == NULL)
        *key = (struct key){ MOUNT, sizeof(MOUNT) - 1, path };
    else
        *key = (struct key){ "", 0, "" };
    if (is_path(key->mount, key->mount_len)
        && is_path(key->name, strlen(key->name))
        && key->mount_len + BETWEEN_LEN + strlen(key->name)
               <= ENVL_KMS_KEY_LEN_MAX)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     SCHEME ": %.160s: the URI of a key is vault:NAME, "
                            "vault:///MOUNT/keys/NAME or "
                            "vault://HOST:PORT/MOUNT/keys/NAME, with letters, "
                            "digits and _ . - in MOUNT and NAME",
                     path);
}

/* As it stands in headers; parse_key() has seen to it that it fits. */
static void
format_key(char name[ENVL_KMS_KEY_LEN_MAX + 1], const struct key *key)
{
    (void)snprintf(name, ENVL_KMS_KEY_LEN_MAX + 1, "%.*s" BETWEEN "%s",
                   (int)key->mount_len, key->mount, key->name);
}

/* Are the labels to be a part of the key? */
static bool
asks_for_context(const struct kms_uri *uri)
{
    return kms_uri_get(uri, "context") != NULL;
}

static enum envelope_reason
check(const struct kms_world *world, const struct kms_uri *uri,
      enum envl_kms_use use, struct envl_err *err)
{
    struct kms_vault_server server;
    enum envelope_reason rc;
    struct key key;

    (void)use;
    rc = parse_key(&key, uri, err);
    if (rc != ENVELOPE_OK)
        return rc;
    if (asks_for_context(uri) && !kms_uri_has(uri, "context", "labels"))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME ": %.160s: context=labels is the only context",
                         uri->path);
    rc = kms_vault_server_find(&server, world, uri, err);
    if (rc == ENVELOPE_OK)
        kms_vault_server_clear(&server);
    return rc;
}

static bool
matches(const struct kms_world *world, const struct kms_uri *uri,
        const char *name)
{
    char own[ENVL_KMS_KEY_LEN_MAX + 1];
    struct envl_err ignored;
    struct key key;

    (void)world;
    if (parse_key(&key, uri, &ignored) != ENVELOPE_OK)
        return false;
    format_key(own, &key);
    return strcmp(own, name) == 0;
}

/* Requests */

struct call {
    const struct kms_job *job;
    struct key key;
    struct kms_vault_server server;
    struct kms_text token, path, body;
    /* Where what the reply brings goes, or NULL. */
    unsigned char *kek;
    struct envl_kms_wrapped *made;
};

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    const struct call *call = arg;
    const struct kms_vault_server *server = &call->server;

    (void)now;
    (void)err;
    kms_request_init(request, "POST", &server->endpoint,
                     kms_text_get(&call->path));
    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "X-Vault-Request", "true");
    kms_request_add(request, "X-Vault-Token", "%s", kms_text_get(&call->token));
    if (server->name_space != NULL)
        kms_request_add(request, "X-Vault-Namespace", "%s", server->name_space);
    kms_text_set(&request->body, kms_text_get(&call->body));
    request->tls = server->tls;
    return ENVELOPE_OK;
}

/* Replies */

static enum kms_outcome
nonsense(const struct kms_json *json, const char *what, struct envl_err *err)
{
    kms_fail_service(err, ENVELOPE_R_KEY_SERVICE, SCHEME, NULL, what,
                     json != NULL ? kms_json_text(json, "request_id") : NULL);
    return KMS_FAILED;
}

/* "vault:v1:...", where the number is the key's version. */
static bool
is_ciphertext(const char *text)
{
    static const char begin[] = "vault:v";
    size_t digits;

    if (strncmp(text, begin, sizeof(begin) - 1) != 0)
        return false;
    text += sizeof(begin) - 1;
    digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == ':' && text[digits + 1] != '\0';
}

static int
take_wrapped(const struct call *call, const struct kms_json *json)
{
    const char *text = kms_json_text(json, "data.ciphertext");
    char name[ENVL_KMS_KEY_LEN_MAX + 1];

    format_key(name, &call->key);
    return text != NULL && is_ciphertext(text)
           && kms_text_blob_set(call->made, text)
           && kms_set_key(call->made, name);
}

static enum kms_outcome
take(const struct call *call, const struct kms_json *json, struct envl_err *err)
{
    if (call->made != NULL && !take_wrapped(call, json))
        return nonsense(json, "the reply has no encrypted key that can be kept",
                        err);
    if (call->kek != NULL && !kms_take_kek(call->kek, json, "data.plaintext"))
        return nonsense(json, "the reply has no key of 32 bytes", err);
    return KMS_DONE;
}

/* What a status means, and what to say where the server says nothing. */
static const struct status {
    int status;
    enum kms_outcome outcome;
    const char *meaning;
} statuses[] = {
    { 403, KMS_FAILED, "the token is not good, or may not do this" },
    { 404, KMS_FAILED, "no such mount or key" },
    { 412, KMS_RETRY, "the server is behind the others" },
    { 429, KMS_RETRY_SLOWLY, "too many requests" },
    { 500, KMS_RETRY, "the server failed" },
    { 502, KMS_RETRY, "the server, or one that it asks, failed" },
    { 503, KMS_RETRY, "the server is sealed, or down for maintenance" },
    { 504, KMS_RETRY, "the server does not answer" },
    { 0, KMS_FAILED, NULL }, /* any other */
};

static const struct status *
find_status(int status)
{
    const struct status *row = statuses;

    while (row->status != 0 && row->status != status)
        row++;
    return row;
}

static enum kms_outcome
take_error(const struct kms_json *json, const struct kms_reply *reply,
           struct envl_err *err)
{
    const struct status *row = find_status(reply->status);
    const char *message = NULL, *id = NULL;
    char code[32];

    if (json != NULL) {
        message = kms_json_text(json, "errors.0");
        id = kms_json_text(json, "request_id");
    }
    (void)snprintf(code, sizeof(code), "status %d", reply->status);
    kms_fail_service(err,
                     row->outcome == KMS_FAILED ? ENVELOPE_R_KEY_SERVICE_REFUSED
                                                : ENVELOPE_R_KEY_SERVICE,
                     SCHEME, code, message != NULL ? message : row->meaning,
                     id);
    return row->outcome;
}

static enum kms_outcome
parse(void *arg, const struct kms_reply *reply, struct envl_err *err)
{
    const struct call *call = arg;
    struct kms_json *json = NULL;
    struct envl_err why;
    enum kms_outcome outcome;
    enum envelope_reason rc;

    rc = kms_json_parse(&json, kms_text_get(&reply->body), reply->body.len,
                        &why);
    if (rc == ENVELOPE_R_MEMORY) {
        envl_fail_memory(err);
        return KMS_FAILED;
    }
    if (reply->status != 200)
        outcome = take_error(json, reply, err);
    else if (json != NULL)
        outcome = take(call, json, err);
    else
        outcome = nonsense(NULL, why.detail, err);
    kms_json_free(json);
    return outcome;
}

/* Operations */

/* What all of them begin with; the caller ends it, also after a failure. */
static enum envelope_reason
begin(struct call *call, const char *operation, struct envl_err *err)
{
    const struct kms_job *job = call->job;
    enum envelope_reason rc = parse_key(&call->key, job->uri, err);

    if (rc == ENVELOPE_OK)
        rc = kms_vault_server_find(&call->server, job->world, job->uri, err);
    if (rc == ENVELOPE_OK)
        rc = kms_vault_token(&call->token, job->world, err);
    if (rc == ENVELOPE_OK && asks_for_context(job->uri) && job->labels_len == 0)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       SCHEME ": context=labels needs labels, and the stream "
                              "has none");
    if (rc == ENVELOPE_OK)
        kms_text_addf(&call->path, "/v1/%.*s/%s/%s", (int)call->key.mount_len,
                      call->key.mount, operation, call->key.name);
    kms_json_begin(&call->body);
    return rc;
}

static enum envelope_reason
ask(struct call *call, struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = parse,
    };
    const struct kms_job *job = call->job;

    if (asks_for_context(job->uri))
        kms_json_add_base64(&call->body, "context", job->labels,
                            job->labels_len);
    kms_json_end(&call->body);
    if (call->body.failed || call->path.failed)
        return envl_fail_memory(err);
    return kms_exchange(job->world, &operation, err);
}

static void
end(struct call *call)
{
    kms_vault_server_clear(&call->server);
    kms_text_clear(&call->token);
    kms_text_clear(&call->path);
    kms_text_clear(&call->body);
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct kms_job *job, struct envl_err *err)
{
    struct call call = { .job = job, .kek = kek, .made = made };
    enum envelope_reason rc = begin(&call, "datakey/plaintext", err);

    made->has_context = asks_for_context(job->uri);
    if (rc == ENVELOPE_OK) {
        kms_json_add_raw(&call.body, "bits", "256");
        rc = ask(&call, err);
    }
    end(&call);
    return rc;
}

/* The text of a header's blob, where header and URI agree. */
static enum envelope_reason
get_blob(struct kms_text *blob, const struct envl_kms_wrapped *wrapped,
         const struct kms_job *job, struct envl_err *err)
{
    enum envelope_reason rc;

    if (wrapped->has_context != asks_for_context(job->uri))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                         wrapped->has_context
                             ? SCHEME ": the key in the header belongs to "
                                      "labels: add context=labels to the URI"
                             : SCHEME ": the key in the header does not "
                                      "belong to labels: take context=labels "
                                      "out of the URI");
    rc = kms_text_blob_get(blob, wrapped, err);
    if (rc == ENVELOPE_OK && !is_ciphertext(kms_text_get(blob)))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       SCHEME ": the encrypted key in the header does not "
                              "begin with vault:v and a version");
    return rc;
}

/* The service does something with the blob of a header. */
static enum envelope_reason
send_blob(struct call *call, const char *operation,
          const struct envl_kms_wrapped *wrapped, struct envl_err *err)
{
    struct kms_text blob = { 0 };
    enum envelope_reason rc = get_blob(&blob, wrapped, call->job, err);

    if (rc == ENVELOPE_OK)
        rc = begin(call, operation, err);
    if (rc == ENVELOPE_OK) {
        kms_json_add(&call->body, "ciphertext", kms_text_get(&blob));
        rc = ask(call, err);
    }
    end(call);
    kms_text_clear(&blob);
    return rc;
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, struct envl_err *err)
{
    struct call call = { .job = job, .kek = kek };

    return send_blob(&call, "decrypt", wrapped, err);
}

/* Is it the same key, on the same server, in the same use? */
static enum envelope_reason
check_same(const struct kms_job *job, const struct kms_uri *to,
           const struct envl_kms_wrapped *wrapped, struct envl_err *err)
{
    struct kms_vault_server from_server, to_server = { 0 };
    enum envelope_reason rc;

    rc = kms_vault_server_find(&from_server, job->world, job->uri, err);
    if (rc == ENVELOPE_OK)
        rc = kms_vault_server_find(&to_server, job->world, to, err);
    if (rc == ENVELOPE_OK
        && (!matches(job->world, to, wrapped->key)
            || !kms_vault_server_same(&from_server, &to_server)
            || asks_for_context(to) != asks_for_context(job->uri)))
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       SCHEME ": %.160s: the service encrypts anew for the "
                              "same key only: rewrap without --by-service",
                       to->path);
    kms_vault_server_clear(&to_server);
    kms_vault_server_clear(&from_server);
    return rc;
}

static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, const struct kms_uri *to,
       struct envl_err *err)
{
    struct call call = { .job = job, .made = made };
    enum envelope_reason rc = check_same(job, to, wrapped, err);

    made->has_context = wrapped->has_context;
    if (rc == ENVELOPE_OK)
        rc = send_blob(&call, "rewrap", wrapped, err);
    return rc;
}

static const char *const parameters[] = { "address", "context", "namespace",
                                          NULL };

const struct kms_service kms_service_vault = {
    .scheme = SCHEME,
    .parameters = parameters,
    .check = check,
    .matches = matches,
    .generate = generate,
    .unwrap = unwrap,
    .rewrap = rewrap,
};
