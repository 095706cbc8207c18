/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execkms://NAME/KEY: a program of the administrator's, a helper, does what a service
 * does.  It is started for each attempt and talks JSON; the protocol is in
 * envelope-kms-helper(7).
 */
#include <string.h>

#include "kms/engine/api.h"
#include "kms/site/section.h"

#define TIMEOUT_S_MAX 600
#define ARGS_MAX 16

enum { KEY = KMS_SETTING_KEY, EXEC, ARGS, TIMEOUT };

static const struct kms_setting settings[] = {
    [KEY] = { .name = "key" },
    [EXEC] = { .name = "exec", .is_path = true, .is_needed = true },
    [ARGS] = { .name = "args" },
    [TIMEOUT] = { .name = "timeout", .fallback = "30" },
    { .name = NULL },
};

struct own {
    struct kms_section section;
    char *argv[1 + ARGS_MAX + 1];
};

static enum envelope_reason
read_timeout(struct kms_target *target, const struct own *own,
             struct envl_err *err)
{
    const char *text = kms_section_get(&own->section, TIMEOUT);
    unsigned seconds = 0;

    for (; *text >= '0' && *text <= '9' && seconds <= TIMEOUT_S_MAX; text++)
        seconds = 10 * seconds + (unsigned)(*text - '0');
    if (*text != '\0' || seconds < 1 || seconds > TIMEOUT_S_MAX)
        return kms_section_fail(&own->section, TIMEOUT,
                                "has to be 1 to 600 seconds", err);
    target->milliseconds = 1000 * seconds;
    return ENVELOPE_OK;
}

/* Split the arguments where they stand. */
static enum envelope_reason
read_command(struct kms_target *target, struct envl_err *err)
{
    struct own *own = target->own;
    struct kms_text *values = own->section.values;
    char *rest = values[ARGS].data, *word;
    size_t n = 0;

    own->argv[n++] = values[EXEC].data;
    while ((word = strsep(&rest, " \t")) != NULL) {
        if (*word == '\0')
            continue;
        if (n > ARGS_MAX)
            return kms_section_fail(&own->section, ARGS, "has more than 16",
                                    err);
        own->argv[n++] = word;
    }
    /* For messages. */
    kms_text_set(&target->endpoint.host, own->argv[0]);
    return target->endpoint.host.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    struct own *own = target->own;
    enum envelope_reason rc =
        kms_section_open(&own->section, settings, target, err);

    (void)use;
    target->binds_labels = true;
    if (rc == ENVELOPE_OK)
        rc = read_command(target, err);
    return rc == ENVELOPE_OK ? read_timeout(target, own, err) : rc;
}

static void
close_target(struct kms_target *target)
{
    struct own *own = target->own;

    kms_section_clear(&own->section);
}

/* A program that fails is not run again; only a reply can ask for that. */
static enum envelope_reason
run(void *arg, struct kms_reply *reply, const struct kms_request *request,
    unsigned milliseconds, struct envl_err *err)
{
    const struct kms_call *call = arg;
    const struct kms_world *world = call->world;
    const struct own *own = call->asked->own;
    struct kms_text input = { 0 };
    enum envelope_reason rc = world->guard(world->arg, own->argv[0], err);

    kms_text_add_bytes(&input, request->body.data, request->body.len);
    kms_text_add(&input, "\n");
    if (rc == ENVELOPE_OK && input.failed)
        rc = envl_fail_memory(err);
    if (rc == ENVELOPE_OK)
        rc = world->run(world->arg, &reply->body, KMS_REPLY_LEN_MAX, own->argv,
                        &input, milliseconds, err);
    reply->status = 200;
    kms_text_clear(&input);
    return rc == ENVELOPE_R_KEY_SERVICE ? ENVELOPE_R_KEY_SERVICE_REFUSED : rc;
}

/* Nothing but the key's name comes from a URI. */
static const char *const no_parameters[] = { NULL };

#define BEGIN(operation)                    \
    KMS_CONSTANT("version", KMS_JSON, "1"), \
        KMS_CONSTANT("operation", KMS_TEXT, operation)

const struct kms_api kms_api_exec = {
    .scheme = "execkms",
    .parameters = no_parameters,
    .own_size = sizeof(struct own),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "generate",
                { BEGIN("generate"),
                  KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("context", KMS_NEW_LABELS, KMS_OBJECT) },
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("ciphertext", KMS_NEW_BLOB, KMS_BASE64),
                  KMS_FIELD("plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_DECRYPT] = {
                "decrypt",
                { BEGIN("decrypt"),
                  KMS_FIELD("key", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("context", KMS_LABELS, KMS_OBJECT),
                  KMS_FIELD("ciphertext", KMS_BLOB, KMS_BASE64) },
                { KMS_FIELD("key", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("plaintext", KMS_PLAINTEXT, KMS_BASE64) },
            },
            [KMS_REENCRYPT] = {
                "rewrap",
                { BEGIN("rewrap"),
                  KMS_FIELD("key", KMS_KEY, KMS_TEXT),
                  KMS_FIELD("context", KMS_LABELS, KMS_OBJECT),
                  KMS_FIELD("ciphertext", KMS_BLOB, KMS_BASE64),
                  KMS_FIELD("to", KMS_NEW_KEY, KMS_TEXT) },
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("ciphertext", KMS_NEW_BLOB, KMS_BASE64) },
            },
        },
        .error_at = "error",
        .retry_at = "error.retry",
        .code_at = { "error.code" },
        .message_at = { "error.message" },
        .id_at = { "error.request" },
    },
    .attempts = 2,
    .open = open_target,
    .close = close_target,
    .send = run,
};
