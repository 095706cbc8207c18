/* SPDX-License-Identifier: Apache-2.0 */
/*
 * execkms://NAME/KEY: a program of the administrator's, a helper, does what a
 * service does.  It is started for each operation and talks JSON; the protocol
 * is in envelope-kms-helper(7).
 */
#include "kms/engine/service.h"

#include <stdio.h>
#include <string.h>

#include "kms/core/json.h"
#include "kms/http/exchange.h"
#include "kms/site/section.h"

#define ATTEMPTS_MAX 2 /* where the helper says that it may help */
#define TIMEOUT_S_MAX 600
#define ARGS_MAX 16

enum { KEY = KMS_SETTING_KEY, EXEC, ARGS, TIMEOUT };

static const struct kms_setting settings[] = {
    [KEY] = { .name = "key" },
    [EXEC] = { .name = "exec", .is_path = true },
    [ARGS] = { .name = "args" },
    [TIMEOUT] = { .name = "timeout", .fallback = "30" },
    { .name = NULL },
};

/* One operation. */
struct call {
    const struct kms_world *world;
    struct kms_section section;
    struct kms_text key; /* NAME/KEY */
    char *argv[1 + ARGS_MAX + 1];
    unsigned milliseconds;
    struct kms_text request;
    struct kms_json *reply;
};

/* The section */

static enum envelope_reason
read_timeout(struct call *call, struct envl_err *err)
{
    const char *text = kms_section_get(&call->section, TIMEOUT);
    unsigned seconds = 0;

    for (; *text >= '0' && *text <= '9' && seconds <= TIMEOUT_S_MAX; text++)
        seconds = 10 * seconds + (unsigned)(*text - '0');
    if (*text != '\0' || seconds < 1 || seconds > TIMEOUT_S_MAX)
        return kms_section_fail(&call->section, TIMEOUT,
                                "has to be 1 to 600 seconds", err);
    call->milliseconds = 1000 * seconds;
    return ENVELOPE_OK;
}

/* Split the arguments where they stand. */
static enum envelope_reason
read_command(struct call *call, struct envl_err *err)
{
    struct kms_text *values = call->section.values;
    char *rest = values[ARGS].data, *word;
    size_t n = 0;

    if (*kms_section_get(&call->section, EXEC) == '\0')
        return kms_section_fail(&call->section, EXEC, "is missing", err);
    call->argv[n++] = values[EXEC].data;
    while ((word = strsep(&rest, " \t")) != NULL) {
        if (*word == '\0')
            continue;
        if (n > ARGS_MAX)
            return kms_section_fail(&call->section, ARGS, "has more than 16",
                                    err);
        call->argv[n++] = word;
    }
    return ENVELOPE_OK;
}

/* The caller closes it, also after a failure. */
static enum envelope_reason
call_open(struct call *call, const struct kms_world *world,
          const struct kms_uri *uri, struct envl_err *err)
{
    enum envelope_reason rc;

    memset(call, 0, sizeof(*call));
    call->world = world;
    rc = kms_section_read(&call->section, settings, world, uri, err);
    if (rc == ENVELOPE_OK)
        rc = read_command(call, err);
    if (rc == ENVELOPE_OK)
        rc = read_timeout(call, err);
    if (rc == ENVELOPE_OK)
        rc = kms_section_key(&call->key, &call->section, uri, err);
    return rc;
}

static void
call_close(struct call *call)
{
    kms_json_free(call->reply);
    kms_text_clear(&call->request);
    kms_text_clear(&call->key);
    kms_section_clear(&call->section);
}

/* The request */

/* The labels, as they were sent the first time; wrapped is NULL then. */
static bool
sends_context(const struct kms_job *job, const struct envl_kms_wrapped *wrapped)
{
    return job->labels != NULL && job->labels_len > 0
           && (wrapped == NULL || wrapped->has_context);
}

/* All but a target. */
static void
begin(struct call *call, const char *operation, const struct kms_job *job,
      const struct envl_kms_wrapped *wrapped)
{
    struct kms_text *request = &call->request;

    kms_json_begin(request);
    kms_json_add_raw(request, "version", "1");
    kms_json_add(request, "operation", operation);
    kms_json_add(request, "key", kms_section_key_only(&call->key));
    if (sends_context(job, wrapped))
        kms_json_add_labels(request, "context", job->labels, job->labels_len);
    if (wrapped != NULL)
        kms_json_add_base64(request, "ciphertext", wrapped->blob,
                            wrapped->blob_len);
}

/* The reply */

static enum envelope_reason
fail_reply(const struct call *call, enum envelope_reason reason,
           const char *what, struct envl_err *err)
{
    return envl_fail(err, reason, "execkms://%s: the helper's reply %s",
                     call->section.name, what);
}

static enum envelope_reason
fail_refused(const struct call *call, bool again, struct envl_err *err)
{
    char service[sizeof("execkms://") + KMS_SECTION_NAME_LEN_MAX];

    (void)snprintf(service, sizeof(service), "execkms://%s",
                   call->section.name);
    return kms_fail_service(
        err, again ? ENVELOPE_R_KEY_SERVICE : ENVELOPE_R_KEY_SERVICE_REFUSED,
        service, kms_json_text(call->reply, "error.code"),
        kms_json_text(call->reply, "error.message"),
        kms_json_text(call->reply, "error.request"));
}

static enum envelope_reason
read_reply(struct call *call, const struct kms_text *output, bool *again,
           struct envl_err *err)
{
    enum envelope_reason rc;

    kms_json_free(call->reply);
    rc = kms_json_parse(&call->reply, kms_text_get(output), output->len, err);
    if (rc == ENVELOPE_R_KEY_SERVICE)
        return fail_reply(call, rc, "is not one JSON object", err);
    if (rc != ENVELOPE_OK || !kms_json_has(call->reply, "error"))
        return rc;
    *again = kms_json_bool(call->reply, "error.retry", false);
    return fail_refused(call, *again, err);
}

static enum envelope_reason
ask_once(struct call *call, bool *again, struct envl_err *err)
{
    const struct kms_world *world = call->world;
    struct kms_text output = { 0 };
    enum envelope_reason rc = world->guard(world->arg, call->argv[0], err);

    *again = false;
    if (rc == ENVELOPE_OK)
        rc = world->run(world->arg, &output, KMS_REPLY_LEN_MAX, call->argv,
                        &call->request, call->milliseconds, err);
    if (rc == ENVELOPE_OK)
        rc = read_reply(call, &output, again, err);
    kms_text_clear(&output);
    return rc;
}

/* Send what begin() has begun; the reply is an object without an error, about
 * the key that is expected. */
static enum envelope_reason
ask(struct call *call, const struct kms_text *expected, struct envl_err *err)
{
    enum envelope_reason rc;
    const char *key;
    unsigned attempt = 1;
    bool again;

    kms_json_end(&call->request);
    kms_text_add(&call->request, "\n");
    if (call->request.failed)
        return envl_fail_memory(err);
    rc = ask_once(call, &again, err);
    for (; again && attempt < ATTEMPTS_MAX; attempt++) {
        call->world->sleep(call->world->arg, KMS_SLOW_PAUSE_MS);
        rc = ask_once(call, &again, err);
    }
    if (rc != ENVELOPE_OK)
        return rc;
    key = kms_json_text(call->reply, "key");
    if (key == NULL)
        return fail_reply(call, ENVELOPE_R_KEY_SERVICE, "names no key", err);
    if (strcmp(key, kms_section_key_only(expected)) != 0)
        return fail_reply(call, ENVELOPE_R_KEY_SERVICE_REFUSED,
                          "names another key than it was asked for", err);
    return ENVELOPE_OK;
}

static enum envelope_reason
take_kek(unsigned char kek[ENVL_KEK_LEN], const struct call *call,
         struct envl_err *err)
{
    if (kms_take_kek(kek, call->reply, "plaintext"))
        return ENVELOPE_OK;
    return fail_reply(call, ENVELOPE_R_KEY_SERVICE,
                      "has no plaintext of 32 bytes in base64", err);
}

static enum envelope_reason
take_wrapped(struct envl_kms_wrapped *made, const struct call *call,
             const struct kms_text *key, struct envl_err *err)
{
    long len = kms_json_octets(call->reply, "ciphertext", made->blob,
                               sizeof(made->blob));

    if (len <= 0 || !kms_set_key(made, key->data))
        return fail_reply(call, ENVELOPE_R_KEY_SERVICE,
                          "has no ciphertext of 1 to 8192 bytes in base64",
                          err);
    made->blob_len = (size_t)len;
    return ENVELOPE_OK;
}

/* The operations */

static enum envelope_reason
exec_check(const struct kms_world *world, const struct kms_uri *uri,
           enum envl_kms_use use, struct envl_err *err)
{
    struct call call;
    enum envelope_reason rc = call_open(&call, world, uri, err);

    (void)use;
    call_close(&call);
    return rc;
}

static bool
exec_matches(const struct kms_world *world, const struct kms_uri *uri,
             const char *key)
{
    return kms_section_matches(settings, world, uri, key);
}

static enum envelope_reason
exec_generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
              const struct kms_job *job, struct envl_err *err)
{
    struct call call;
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    if (rc == ENVELOPE_OK) {
        made->has_context = sends_context(job, NULL);
        begin(&call, "generate", job, NULL);
        rc = ask(&call, &call.key, err);
    }
    if (rc == ENVELOPE_OK)
        rc = take_wrapped(made, &call, &call.key, err);
    if (rc == ENVELOPE_OK)
        rc = take_kek(kek, &call, err);
    call_close(&call);
    return rc;
}

static enum envelope_reason
exec_unwrap(unsigned char kek[ENVL_KEK_LEN],
            const struct envl_kms_wrapped *wrapped, const struct kms_job *job,
            struct envl_err *err)
{
    struct call call;
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    if (rc == ENVELOPE_OK) {
        begin(&call, "decrypt", job, wrapped);
        rc = ask(&call, &call.key, err);
    }
    if (rc == ENVELOPE_OK)
        rc = take_kek(kek, &call, err);
    call_close(&call);
    return rc;
}

static enum envelope_reason
exec_rewrap(struct envl_kms_wrapped *made,
            const struct envl_kms_wrapped *wrapped, const struct kms_job *job,
            const struct kms_uri *to, struct envl_err *err)
{
    struct call call;
    struct kms_text to_key = { 0 };
    enum envelope_reason rc = call_open(&call, job->world, job->uri, err);

    if (rc == ENVELOPE_OK)
        rc = kms_section_key(&to_key, &call.section, to, err);
    if (rc == ENVELOPE_OK) {
        made->has_context = sends_context(job, wrapped);
        begin(&call, "rewrap", job, wrapped);
        kms_json_add(&call.request, "to", kms_section_key_only(&to_key));
        rc = ask(&call, &to_key, err);
    }
    if (rc == ENVELOPE_OK)
        rc = take_wrapped(made, &call, &to_key, err);
    kms_text_clear(&to_key);
    call_close(&call);
    return rc;
}

/* Nothing but the key's name comes from a URI. */
static const char *const no_parameters[] = { NULL };

const struct kms_service kms_service_exec = {
    .scheme = "execkms",
    .parameters = no_parameters,
    .check = exec_check,
    .matches = exec_matches,
    .generate = exec_generate,
    .unwrap = exec_unwrap,
    .rewrap = exec_rewrap,
};
