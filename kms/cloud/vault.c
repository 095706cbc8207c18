/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transit engine of HashiCorp Vault and OpenBao as a table.  A reply names no key:
 * that it is of the right one follows from the path that was asked.
 */
#include <string.h>

#include "kms/cloud/vault_server.h"
#include "kms/engine/api.h"

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

struct own {
    struct key key;
    struct kms_text name_space;
};

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    const struct kms_uri *uri = &target->uri;
    struct own *own = target->own;
    enum envelope_reason rc = parse_key(&own->key, uri, err);
    const char *context = kms_uri_get(uri, "context");

    (void)use;
    if (rc != ENVELOPE_OK)
        return rc;
    if (context != NULL && strcmp(context, "labels") != 0)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         SCHEME ": %.160s: context=labels is the only context",
                         uri->path);
    kms_text_addf(&target->name, "%.*s" BETWEEN "%s", (int)own->key.mount_len,
                  own->key.mount, own->key.name);
    if (target->name.failed)
        return envl_fail_memory(err);
    target->key_id = own->key.name;
    target->binds_labels = target->needs_labels = context != NULL;
    rc = kms_vault_server_find(target, &own->name_space, err);
    target->region = kms_text_get(&own->name_space);
    return rc;
}

static void
close_target(struct kms_target *target)
{
    struct own *own = target->own;

    kms_text_clear(&own->name_space);
}

static enum envelope_reason
may_reencrypt(struct kms_call *call, struct envl_err *err)
{
    if (strcmp(kms_text_get(&call->from->name), kms_text_get(&call->to->name))
            == 0
        && call->from->binds_labels == call->to->binds_labels)
        return ENVELOPE_OK;
    return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                     SCHEME ": %.160s: the service encrypts anew for the same "
                            "key only: rewrap without --by-service",
                     call->to->uri.path);
}

/* Requests and replies */

static enum envelope_reason
path(struct kms_text *path, const struct kms_call *call, struct envl_err *err)
{
    const struct own *own = call->asked->own;

    (void)err;
    kms_text_addf(path, "/v1/%.*s/%s/%s", (int)own->key.mount_len,
                  own->key.mount, call->asked->shape->actions[call->kind].name,
                  own->key.name);
    return ENVELOPE_OK;
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    (void)now;
    (void)err;
    kms_request_add(request, "Content-Type", "application/json");
    kms_request_add(request, "X-Vault-Request", "true");
    kms_request_add(request, "X-Vault-Token", "%s",
                    kms_text_get(&call->credentials.token));
    if (*call->asked->region != '\0')
        kms_request_add(request, "X-Vault-Namespace", "%s",
                        call->asked->region);
    return ENVELOPE_OK;
}

static enum envelope_reason
credentials(struct kms_credentials *found, const struct kms_seeker *seeker,
            struct envl_err *err)
{
    return kms_vault_token(&found->token, seeker->world, err);
}

/* "vault:v1:...", where the number is the key's version. */
static bool
is_blob(const char *text)
{
    static const char begin[] = "vault:v";
    size_t digits;

    if (strncmp(text, begin, sizeof(begin) - 1) != 0)
        return false;
    text += sizeof(begin) - 1;
    digits = strspn(text, "0123456789");
    return digits > 0 && text[digits] == ':' && text[digits + 1] != '\0';
}

static const struct kms_rule rules[] = {
    { NULL, 403, KMS_FAILED, "the token is not good, or may not do this" },
    { NULL, 404, KMS_FAILED, "no such mount or key" },
    { NULL, 412, KMS_RETRY, "the server is behind the others" },
    { NULL, 500, KMS_RETRY, "the server failed" },
    { NULL, 502, KMS_RETRY, "the server, or one that it asks, failed" },
    { NULL, 503, KMS_RETRY, "the server is sealed, or down for maintenance" },
    { NULL, 504, KMS_RETRY, "the server does not answer" },
    { NULL, 0, KMS_FAILED, NULL },
};

static const char *const parameters[] = { "address", "context", "namespace",
                                          NULL };

const struct kms_api kms_api_vault = {
    .scheme = SCHEME,
    .parameters = parameters,
    .own_size = sizeof(struct own),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "datakey/plaintext",
                { KMS_CONSTANT("bits", KMS_JSON, "256"),
                  KMS_FIELD("context", KMS_NEW_LABELS, KMS_BASE64) },
                { KMS_FIELD("data.ciphertext", KMS_NEW_BLOB, KMS_TEXT),
                  KMS_FIELD("data.plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_DECRYPT] = {
                "decrypt",
                { KMS_FIELD("ciphertext", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("context", KMS_LABELS, KMS_BASE64) },
                { KMS_FIELD("data.plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "rewrap",
                { KMS_FIELD("ciphertext", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("context", KMS_LABELS, KMS_BASE64) },
                { KMS_FIELD("data.ciphertext", KMS_NEW_BLOB, KMS_TEXT) },
            },
        },
        .message_at = { "errors.0" },
        .id_at = { "request_id" },
        .rules = rules,
    },
    .open = open_target,
    .close = close_target,
    .may_reencrypt = may_reencrypt,
    .is_blob = is_blob,
    .path = path,
    .sign = sign,
    .credentials = credentials,
};
