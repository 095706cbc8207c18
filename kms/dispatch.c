/* SPDX-License-Identifier: Apache-2.0 */
/* Knows which services there are, and does what each of them would else have to
 * check, or to undo after a failure. */
#include "kms/dispatch.h"

#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/text.h"
#include "kms/core/uri.h"
#include "kms/engine/service.h"

static const struct kms_service *const services[] = {
    &kms_service_aws,     &kms_service_exec,  &kms_service_http,
    &kms_service_tencent, &kms_service_vault,
};
#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

#define SCHEME_SHOWN_MAX 40

/* A URI and where it leads to. */
struct route {
    const struct kms_service *service;
    struct kms_uri uri;
};

/* Of a URI only the scheme is shown: what is after it may be a secret. */
static enum envelope_reason
fail_unknown(const char *text, struct envl_err *err)
{
    struct kms_text known = { 0 };
    size_t i, shown = strcspn(text, ":/?#");

    for (i = 0; i < SERVICE_COUNT; i++)
        kms_text_addf(&known, "%s%s", i > 0 ? ", " : "", services[i]->scheme);
    (void)envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                    "%.*s: no such key service, only: %s",
                    shown < SCHEME_SHOWN_MAX ? (int)shown : SCHEME_SHOWN_MAX,
                    text, kms_text_get(&known));
    kms_text_clear(&known);
    return err->reason;
}

/* route is all zero before; the caller clears its uri, also after a failure. */
static enum envelope_reason
find(struct route *route, const char *text, struct envl_err *err)
{
    size_t i;

    for (i = 0; i < SERVICE_COUNT; i++) {
        if (!kms_uri_scheme_is(text, services[i]->scheme))
            continue;
        route->service = services[i];
        return kms_uri_parse(&route->uri, text, services[i]->parameters, err);
    }
    return fail_unknown(text, err);
}

static enum envelope_reason
find_checked(struct route *route, const struct kms_world *world,
             const char *text, enum envl_kms_use use, struct envl_err *err)
{
    enum envelope_reason rc = find(route, text, err);

    if (rc == ENVELOPE_OK)
        rc = route->service->check(world, &route->uri, use, err);
    return rc;
}

static bool
leads_to(const struct route *route, const struct kms_world *world,
         const struct envl_kms_wrapped *wrapped)
{
    return strcmp(route->service->scheme, wrapped->service) == 0
           && route->service->matches(world, &route->uri, wrapped->key);
}

/* The same for a key that is to be opened: a header never leads elsewhere, and
 * nobody is asked about a context that is missing. */
static enum envelope_reason
find_match(struct route *route, const struct kms_world *world,
           const struct envl_kms_wrapped *wrapped,
           const struct envl_kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc =
        find_checked(route, world, call->uri, ENVL_KMS_IDENTITY, err);

    if (rc == ENVELOPE_OK && !leads_to(route, world, wrapped))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       "%s: the key in the header is another one: %.200s",
                       route->service->scheme, wrapped->key);
    if (rc == ENVELOPE_OK && wrapped->has_context && call->labels_len == 0)
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       "%s: the key in the header belongs to labels, and "
                       "the stream has none",
                       route->service->scheme);
    return rc;
}

static struct kms_job
make_job(const struct kms_world *world, const struct route *route,
         const struct envl_kms_call *call)
{
    return (struct kms_job){
        .world = world,
        .ctx = call->ctx,
        .uri = &route->uri,
        .labels = call->labels,
        .labels_len = call->labels_len,
    };
}

static void
begin(struct envl_kms_wrapped *made, const struct kms_service *service)
{
    memset(made, 0, sizeof(*made));
    memcpy(made->service, service->scheme, strlen(service->scheme) + 1);
}

/* What is whole goes out. */
static enum envelope_reason
finish(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *fresh,
       struct envl_err *err)
{
    if (fresh->key[0] == '\0' || fresh->blob_len == 0
        || fresh->blob_len > sizeof(fresh->blob))
        return envl_fail(err, ENVELOPE_R_KEY_SERVICE,
                         "%s: the reply has no encrypted key", fresh->service);
    *made = *fresh;
    return ENVELOPE_OK;
}

enum envelope_reason
kms_dispatch_check(const struct kms_world *world, const char *uri,
                   enum envl_kms_use use, struct envl_err *err)
{
    struct route route = { 0 };
    enum envelope_reason rc = find_checked(&route, world, uri, use, err);

    kms_uri_clear(&route.uri);
    return rc;
}

bool
kms_dispatch_matches(const struct kms_world *world, const char *uri,
                     const struct envl_kms_wrapped *wrapped)
{
    struct envl_err ignored;
    struct route route = { 0 };
    bool yes = find(&route, uri, &ignored) == ENVELOPE_OK
               && leads_to(&route, world, wrapped);

    kms_uri_clear(&route.uri);
    return yes;
}

enum envelope_reason
kms_dispatch_generate(const struct kms_world *world,
                      struct envl_kms_wrapped *made,
                      unsigned char kek[ENVL_KEK_LEN],
                      const struct envl_kms_call *call, struct envl_err *err)
{
    struct route route = { 0 };
    struct envl_kms_wrapped fresh;
    struct kms_job job = make_job(world, &route, call);
    enum envelope_reason rc =
        find_checked(&route, world, call->uri, ENVL_KMS_RECIPIENT, err);

    if (rc == ENVELOPE_OK) {
        begin(&fresh, route.service);
        rc = route.service->generate(&fresh, kek, &job, err);
    }
    if (rc == ENVELOPE_OK)
        rc = finish(made, &fresh, err);
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_uri_clear(&route.uri);
    return rc;
}

enum envelope_reason
kms_dispatch_unwrap(const struct kms_world *world,
                    unsigned char kek[ENVL_KEK_LEN],
                    const struct envl_kms_wrapped *wrapped,
                    const struct envl_kms_call *call, struct envl_err *err)
{
    struct route route = { 0 };
    struct kms_job job = make_job(world, &route, call);
    enum envelope_reason rc = find_match(&route, world, wrapped, call, err);

    if (rc == ENVELOPE_OK)
        rc = route.service->unwrap(kek, wrapped, &job, err);
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_uri_clear(&route.uri);
    return rc;
}

/* Only the service itself can read what it has encrypted. */
static enum envelope_reason
find_target(struct route *to, const struct kms_world *world,
            const struct kms_service *service, const char *text,
            struct envl_err *err)
{
    enum envelope_reason rc =
        find_checked(to, world, text, ENVL_KMS_RECIPIENT, err);

    if (rc == ENVELOPE_OK && to->service != service)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s cannot encrypt a key for %s", service->scheme,
                       to->service->scheme);
    return rc;
}

enum envelope_reason
kms_dispatch_rewrap(const struct kms_world *world,
                    struct envl_kms_wrapped *made,
                    const struct envl_kms_wrapped *wrapped,
                    const struct envl_kms_call *call, const char *to_uri,
                    struct envl_err *err)
{
    struct route route = { 0 }, to = { 0 };
    struct envl_kms_wrapped fresh;
    struct kms_job job = make_job(world, &route, call);
    enum envelope_reason rc = find_match(&route, world, wrapped, call, err);

    if (rc == ENVELOPE_OK)
        rc = find_target(&to, world, route.service, to_uri, err);
    if (rc == ENVELOPE_OK) {
        begin(&fresh, route.service);
        rc = route.service->rewrap(&fresh, wrapped, &job, &to.uri, err);
    }
    if (rc == ENVELOPE_OK)
        rc = finish(made, &fresh, err);
    kms_uri_clear(&to.uri);
    kms_uri_clear(&route.uri);
    return rc;
}
