/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a call, in order.  Each of them is the same for all services. */
#include "kms/engine/call.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "kms/engine/kept.h"
#include "kms/engine/reply.h"
#include "kms/engine/request.h"
#include "kms/engine/target.h"

static enum envelope_reason
refuse(const struct kms_call *call, const char *what, struct envl_err *err)
{
    return envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED, "%s: %s",
                     call->asked->title, what);
}

/* Has a field of the request this in it? */
static bool
asks_with(const struct kms_call *call, enum kms_what what)
{
    const struct kms_field *field = call->action->request;

    while (field->name != NULL && field->what != what)
        field++;
    return field->name != NULL;
}

/* Labels */

/* Nobody is asked about a context that is missing. */
static enum envelope_reason
check_old_labels(const struct kms_call *call, struct envl_err *err)
{
    if (call->wrapped->has_context && !call->from->binds_labels)
        return refuse(call,
                      "the key in the header belongs to labels, and none would "
                      "be sent: add context=labels to the URI, or "
                      "request-context to kms.conf",
                      err);
    if (call->wrapped->has_context && call->labels_len == 0)
        return refuse(call,
                      "the key in the header belongs to labels, and the stream "
                      "has none",
                      err);
    if (!call->wrapped->has_context && call->from->needs_labels)
        return refuse(call,
                      "the key in the header does not belong to labels: take "
                      "context=labels out of the URI",
                      err);
    return ENVELOPE_OK;
}

static enum envelope_reason
set_labels(struct kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc = ENVELOPE_OK;

    if (call->wrapped != NULL)
        rc = check_old_labels(call, err);
    if (rc != ENVELOPE_OK || call->made == NULL)
        return rc;
    if (call->to->needs_labels && call->labels_len == 0)
        return refuse(
            call, "context=labels needs labels, and the stream has none", err);
    /* A service that has one context for both keys keeps it. */
    call->made->has_context =
        call->wrapped != NULL && !asks_with(call, KMS_NEW_LABELS)
            ? call->wrapped->has_context
            : call->to->binds_labels && call->labels_len > 0;
    return ENVELOPE_OK;
}

/* Re-encryption */

static bool
same_or_none(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* One request is for one place, with the credentials of one profile. */
static enum envelope_reason
check_place(struct kms_call *call, struct envl_err *err)
{
    const struct kms_target *from = call->from, *to = call->to;

    if (call->action->name == NULL)
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: the service does not encrypt a key anew: rewrap "
                         "without --by-service",
                         from->title);
    if (!kms_endpoint_same(&from->endpoint, &to->endpoint)
        || !same_or_none(from->region, to->region)
        || !same_or_none(from->profile, to->profile))
        return envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                         "%s: the old and the new key are in different regions "
                         "or sections, or belong to different profiles or "
                         "endpoints: rewrap without --by-service",
                         from->title);
    return from->api->may_reencrypt != NULL
               ? from->api->may_reencrypt(call, err)
               : ENVELOPE_OK;
}

/* Asking */

static enum envelope_reason
find_credentials(struct kms_call *call, bool anew, struct envl_err *err)
{
    const struct kms_seeker seeker = {
        .world = call->world,
        .ctx = call->ctx,
        .profile = call->asked->profile,
        .own = call->asked->own,
        .anew = anew,
    };

    kms_credentials_clear(&call->credentials);
    return call->asked->api->credentials != NULL
               ? call->asked->api->credentials(&call->credentials, &seeker, err)
               : ENVELOPE_OK;
}

static enum envelope_reason
refresh(void *arg, struct envl_err *err)
{
    struct kms_call *call = arg;
    struct kms_credentials old = call->credentials;
    enum envelope_reason rc;

    call->credentials = (struct kms_credentials){ 0 };
    rc = find_credentials(call, true, err);
    if (rc != ENVELOPE_OK) { /* these are the ones that were refused */
        kms_credentials_clear(&call->credentials);
        call->credentials = old;
        return rc;
    }
    if (kms_credentials_same(&old, &call->credentials))
        rc = ENVELOPE_R_NO_MATCH;
    else
        call->is_denied = false;
    kms_credentials_clear(&old);
    return rc;
}

static enum envelope_reason
build(void *arg, struct kms_request *request, int64_t now, struct envl_err *err)
{
    struct kms_call *call = arg;

    call->is_denied = false; /* what an attempt before was told is over */
    return kms_request_build(call, request, now, err);
}

static enum envelope_reason
ask(struct kms_call *call, struct envl_err *err)
{
    const struct kms_operation operation = {
        .arg = call,
        .build = build,
        .parse = kms_reply_understand,
        .refresh = refresh,
        .send = call->asked->api->send,
        .attempts = call->asked->api->attempts,
        .milliseconds = call->asked->milliseconds,
    };
    const struct kms_endpoint *endpoint = &call->asked->endpoint;
    enum envelope_reason rc = find_credentials(call, false, err);
    char where[300]; /* as far as it tells services apart */

    (void)snprintf(where, sizeof(where), "%s %s%s", call->asked->title,
                   kms_text_get(&endpoint->host),
                   kms_text_get(&endpoint->path));
    if (rc == ENVELOPE_OK
        && kms_kept_is_denied(call->world, where, &call->credentials))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       "%s: it refused these credentials a moment ago, and is "
                       "not asked again so soon",
                       call->asked->title);
    else if (rc == ENVELOPE_OK)
        rc = kms_exchange(call->world, &operation, err);
    if (rc != ENVELOPE_OK && call->is_denied)
        kms_kept_deny(call->world, where, &call->credentials);
    return rc;
}

/* In the mode in which the service only encrypts, the key is ours. */
static enum envelope_reason
make_kek(struct kms_call *call, struct envl_err *err)
{
    if (!asks_with(call, KMS_PLAINTEXT))
        return ENVELOPE_OK;
    return RAND_priv_bytes_ex(call->ctx->libctx, call->kek, ENVL_KEK_LEN, 0) > 0
               ? ENVELOPE_OK
               : envl_fail_crypto(err, "make a key-encryption key");
}

enum envelope_reason
kms_call_check(struct kms_target *target, enum envl_kms_use use,
               struct envl_err *err)
{
    const struct kms_call call = {
        .world = target->world,
        .asked = target,
        .kind = use == ENVL_KMS_RECIPIENT ? KMS_GENERATE : KMS_DECRYPT,
    };
    struct kms_text path = { 0 };
    enum envelope_reason rc = kms_target_aim(target, NULL, err);

    if (rc == ENVELOPE_OK && target->api->path != NULL)
        rc = target->api->path(&path, &call, err);
    kms_text_clear(&path);
    return rc;
}

static void
begin(struct kms_call *call)
{
    call->asked = call->from != NULL ? call->from : call->to;
    call->action = &call->asked->shape->actions[call->kind];
    if (call->made != NULL) {
        memset(call->made, 0, sizeof(*call->made));
        (void)strcpy(call->made->service, call->to->api->scheme);
    }
}

enum envelope_reason
kms_call_run(struct kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc;

    begin(call);
    rc = kms_target_aim(call->asked,
                        call->wrapped != NULL ? call->wrapped->key : NULL, err);
    if (rc == ENVELOPE_OK && call->kind == KMS_REENCRYPT)
        rc = kms_target_aim(call->to, NULL, err);
    if (rc == ENVELOPE_OK && call->kind == KMS_REENCRYPT)
        rc = check_place(call, err);
    if (rc == ENVELOPE_OK)
        rc = set_labels(call, err);
    if (rc == ENVELOPE_OK)
        rc = make_kek(call, err);
    if (rc == ENVELOPE_OK)
        rc = kms_request_fill(call, err);
    if (rc == ENVELOPE_OK)
        rc = ask(call, err);
    if (rc == ENVELOPE_OK && call->made != NULL && call->made->blob_len == 0)
        rc =
            envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                      "%s: the reply has no encrypted key", call->asked->title);
    kms_credentials_clear(&call->credentials);
    kms_text_clear(&call->content);
    return rc;
}
