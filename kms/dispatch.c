/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the service of a URI and opens the targets of a call.  What goes out is whole,
 * or nothing. */
#include "kms/dispatch.h"

#include <string.h>

#include <openssl/crypto.h>

#include "kms/core/text.h"
#include "kms/engine/call.h"
#include "kms/engine/target.h"
#include "lib/keys/kms_schemes.h"

#define DECLARE(name, scheme, title) extern const struct kms_api kms_api_##name;
ENVL_KMS_SCHEMES(DECLARE)

#define ROW(name, scheme, title) { scheme, &kms_api_##name },
#define OTHER_ROW(name, scheme) { scheme, &kms_api_##name },
static const struct {
    const char *scheme;
    const struct kms_api *api;
} services[] = { ENVL_KMS_SCHEMES(ROW) ENVL_KMS_OTHER_SCHEMES(OTHER_ROW) };
#define SERVICE_COUNT (sizeof(services) / sizeof(services[0]))

#define SCHEME_SHOWN_MAX 40

/* Of a URI only the scheme is shown: what is after it may be a secret. */
static enum envelope_reason
fail_unknown(const char *uri, struct envl_err *err)
{
    struct kms_text known = { 0 };
    size_t i, shown = strcspn(uri, ":/?#");

    for (i = 0; i < SERVICE_COUNT; i++)
        kms_text_addf(&known, "%s%s", i > 0 ? ", " : "", services[i].scheme);
    (void)envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                    "%.*s: no such key service, only: %s",
                    shown < SCHEME_SHOWN_MAX ? (int)shown : SCHEME_SHOWN_MAX,
                    uri, kms_text_get(&known));
    kms_text_clear(&known);
    return err->reason;
}

/* NULL for a scheme that there is not. */
static const struct kms_api *
find_api(const char *uri)
{
    size_t i;

    for (i = 0; i < SERVICE_COUNT; i++) {
        if (kms_uri_scheme_is(uri, services[i].scheme))
            return services[i].api;
    }
    return NULL;
}

/* target is all zero before; the caller closes it, also after a failure. */
static enum envelope_reason
open_target(struct kms_target *target, const struct kms_world *world,
            const char *uri, enum envl_kms_use use, struct envl_err *err)
{
    const struct kms_api *api = find_api(uri);

    return api != NULL ? kms_target_open(target, api, world, uri, use, err)
                       : fail_unknown(uri, err);
}

static bool
leads_to(const struct kms_target *target,
         const struct envl_kms_wrapped *wrapped)
{
    return target->api->public_key == NULL
           && strcmp(target->api->scheme, wrapped->service) == 0
           && kms_target_matches(target, wrapped->key);
}

/* The same for a key that is to be opened: a header never leads elsewhere. */
static enum envelope_reason
open_match(struct kms_target *target, const struct kms_world *world,
           const struct envl_kms_wrapped *wrapped,
           const struct envl_kms_call *call, struct envl_err *err)
{
    enum envelope_reason rc =
        open_target(target, world, call->uri, ENVL_KMS_IDENTITY, err);

    if (rc == ENVELOPE_OK && !leads_to(target, wrapped))
        rc = envl_fail(err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                       "%s: the key in the header is another one: %.200s",
                       target->title, wrapped->key);
    return rc;
}

static struct kms_call
make_call(const struct kms_world *world, const struct envl_kms_call *call,
          enum kms_action_kind kind)
{
    return (struct kms_call){
        .world = world,
        .ctx = call->ctx,
        .labels = call->labels,
        .labels_len = call->labels != NULL ? call->labels_len : 0,
        .kind = kind,
    };
}

enum envelope_reason
kms_dispatch_check(const struct kms_world *world, const char *uri,
                   enum envl_kms_use use, struct envl_err *err)
{
    struct kms_target target = { 0 };
    enum envelope_reason rc = open_target(&target, world, uri, use, err);

    if (rc == ENVELOPE_OK)
        rc = kms_call_check(&target, use, err);
    kms_target_close(&target);
    return rc;
}

bool
kms_dispatch_matches(const struct kms_world *world, const char *uri,
                     const struct envl_kms_wrapped *wrapped)
{
    struct envl_err ignored;
    struct kms_target target = { 0 };
    bool yes = open_target(&target, world, uri, ENVL_KMS_IDENTITY, &ignored)
                   == ENVELOPE_OK
               && leads_to(&target, wrapped);

    kms_target_close(&target);
    return yes;
}

enum envelope_reason
kms_dispatch_generate(const struct kms_world *world,
                      struct envl_kms_wrapped *made,
                      unsigned char kek[ENVL_KEK_LEN],
                      const struct envl_kms_call *asked, struct envl_err *err)
{
    struct kms_call call = make_call(world, asked, KMS_GENERATE);
    struct kms_target to = { 0 };
    struct envl_kms_wrapped fresh;
    enum envelope_reason rc =
        open_target(&to, world, asked->uri, ENVL_KMS_RECIPIENT, err);

    call.to = &to;
    call.made = &fresh;
    call.kek = kek;
    if (rc == ENVELOPE_OK)
        rc = kms_call_run(&call, err);
    if (rc == ENVELOPE_OK)
        *made = fresh;
    else
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_target_close(&to);
    return rc;
}

enum envelope_reason
kms_dispatch_unwrap(const struct kms_world *world,
                    unsigned char kek[ENVL_KEK_LEN],
                    const struct envl_kms_wrapped *wrapped,
                    const struct envl_kms_call *asked, struct envl_err *err)
{
    struct kms_call call = make_call(world, asked, KMS_DECRYPT);
    struct kms_target from = { 0 };
    enum envelope_reason rc = open_match(&from, world, wrapped, asked, err);

    call.from = &from;
    call.wrapped = wrapped;
    call.kek = kek;
    if (rc == ENVELOPE_OK)
        rc = kms_call_run(&call, err);
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(kek, ENVL_KEK_LEN);
    kms_target_close(&from);
    return rc;
}

enum envelope_reason
kms_dispatch_rewrap(const struct kms_world *world,
                    struct envl_kms_wrapped *made,
                    const struct envl_kms_wrapped *wrapped,
                    const struct envl_kms_call *asked, const char *to_uri,
                    struct envl_err *err)
{
    struct kms_call call = make_call(world, asked, KMS_REENCRYPT);
    struct kms_target from = { 0 }, to = { 0 };
    struct envl_kms_wrapped fresh;
    enum envelope_reason rc = open_match(&from, world, wrapped, asked, err);

    if (rc == ENVELOPE_OK)
        rc = open_target(&to, world, to_uri, ENVL_KMS_RECIPIENT, err);
    /* Only the service itself can read what it has encrypted. */
    if (rc == ENVELOPE_OK && to.api != from.api)
        rc = envl_fail(err, ENVELOPE_R_UNREADABLE_KEY,
                       "%s cannot encrypt a key for %s", from.api->scheme,
                       to.api->scheme);
    call.from = &from;
    call.to = &to;
    call.wrapped = wrapped;
    call.made = &fresh;
    if (rc == ENVELOPE_OK)
        rc = kms_call_run(&call, err);
    if (rc == ENVELOPE_OK)
        *made = fresh;
    kms_target_close(&to);
    kms_target_close(&from);
    return rc;
}

bool
kms_dispatch_is_public(const char *uri)
{
    const struct kms_api *api = find_api(uri);

    return api != NULL && api->public_key != NULL;
}

enum envelope_reason
kms_dispatch_public_key(const struct kms_world *world, unsigned char *der,
                        size_t *len, const struct envl_kms_call *asked,
                        struct envl_err *err)
{
    struct kms_target target = { 0 };
    enum envelope_reason rc =
        open_target(&target, world, asked->uri, ENVL_KMS_RECIPIENT, err);

    if (rc == ENVELOPE_OK)
        rc = target.api->public_key(&target, asked->ctx, der, len, err);
    kms_target_close(&target);
    return rc;
}

enum envelope_reason
kms_dispatch_decrypt(const struct kms_world *world,
                     unsigned char key[ENVL_KEK_LEN],
                     struct envl_kms_encrypted *encrypted,
                     const struct envl_kms_call *asked, struct envl_err *err)
{
    struct kms_target target = { 0 };
    enum envelope_reason rc =
        open_target(&target, world, asked->uri, ENVL_KMS_IDENTITY, err);

    if (rc == ENVELOPE_OK)
        rc = target.api->decrypt(&target, asked->ctx, key, encrypted, err);
    if (rc != ENVELOPE_OK)
        OPENSSL_cleanse(key, ENVL_KEK_LEN);
    kms_target_close(&target);
    return rc;
}
