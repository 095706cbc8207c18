/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the module of key services in a world of its own, and what came
 * of it.  That nothing is handed out after a failure is looked at each time.
 */
#ifndef ENVL_TEST_KMS_TRIAL_H
#define ENVL_TEST_KMS_TRIAL_H

#include <stdio.h>

#include "kms/dispatch.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

/* "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" is 0 to 31. */
#define KEK_BASE64 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define SHORT_KEK_BASE64 "AAECAwQFBgcICQoLDA0ODw==" /* 16 bytes */

struct trial {
    const struct fake_pair *variables, *files;
    const char *labels;     /* or NULL */
    unsigned request_ms;    /* that each request takes */
    int64_t now;            /* 0: the fake world's */
    struct kms_kept *kept;  /* or NULL */
    struct fake_world fake; /* what was sent in it stays until the next */
    struct envl_kms_wrapped made;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err;
};

/* The same reply, as often as somebody may ask. */
#define SAME(reply)                \
    {                              \
        reply, reply, reply, reply \
    }

static inline void
trial_begin(struct trial *t, const struct fake_reply *replies, size_t count)
{
    fake_world_clear(&t->fake);
    t->fake.variables = t->variables;
    t->fake.files = t->files;
    t->fake.replies = replies;
    t->fake.reply_count = count;
    t->fake.request_ms = t->request_ms;
    t->fake.world.kept = t->kept;
    if (t->now != 0)
        t->fake.now = t->now;
    t->err = (struct envl_err){ 0 };
    memset(t->kek, 0xff, sizeof(t->kek));
    memset(&t->made, 0xff, sizeof(t->made));
}

static inline struct envl_kms_call
trial_call(const struct trial *t, const char *uri)
{
    static const struct envl_libctx ctx = { .propq = "" };

    return (struct envl_kms_call){
        .ctx = &ctx,
        .uri = uri,
        .labels = t->labels,
        .labels_len = t->labels != NULL ? strlen(t->labels) : 0,
    };
}

static inline void
assert_kek(const struct trial *t, enum envelope_reason rc)
{
    size_t i;

    for (i = 0; i < ENVL_KEK_LEN; i++)
        assert_int_equal(t->kek[i], rc == ENVELOPE_OK ? i : 0);
}

/* made is as it was. */
static inline void
assert_not_made(const struct trial *t, enum envelope_reason rc)
{
    struct envl_kms_wrapped untouched;

    memset(&untouched, 0xff, sizeof(untouched));
    if (rc != ENVELOPE_OK)
        assert_memory_equal(&t->made, &untouched, sizeof(untouched));
}

static inline void
assert_failure_told(const struct trial *t, enum envelope_reason rc)
{
    if (rc == ENVELOPE_OK)
        return;
    assert_int_equal(t->err.reason, rc);
    assert_true(strlen(t->err.detail) > 0);
}

static inline enum envelope_reason
trial_check(struct trial *t, const char *uri)
{
    enum envelope_reason rc;

    trial_begin(t, NULL, 0);
    rc = kms_dispatch_check(&t->fake.world, uri, ENVL_KMS_RECIPIENT, &t->err);
    assert_failure_told(t, rc);
    return rc;
}

static inline bool
trial_matches(struct trial *t, const char *uri,
              const struct envl_kms_wrapped *wrapped)
{
    trial_begin(t, NULL, 0);
    return kms_dispatch_matches(&t->fake.world, uri, wrapped);
}

static inline enum envelope_reason
trial_generate(struct trial *t, const char *uri,
               const struct fake_reply *replies, size_t count)
{
    struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, count);
    rc =
        kms_dispatch_generate(&t->fake.world, &t->made, t->kek, &call, &t->err);
    assert_kek(t, rc);
    assert_not_made(t, rc);
    assert_failure_told(t, rc);
    return rc;
}

static inline enum envelope_reason
trial_unwrap(struct trial *t, const char *uri,
             const struct envl_kms_wrapped *wrapped,
             const struct fake_reply *replies, size_t count)
{
    struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, count);
    rc = kms_dispatch_unwrap(&t->fake.world, t->kek, wrapped, &call, &t->err);
    assert_kek(t, rc);
    assert_failure_told(t, rc);
    return rc;
}

static inline enum envelope_reason
trial_rewrap(struct trial *t, const char *uri,
             const struct envl_kms_wrapped *wrapped, const char *to_uri,
             const struct fake_reply *replies, size_t count)
{
    struct envl_kms_call call = trial_call(t, uri);
    enum envelope_reason rc;

    trial_begin(t, replies, count);
    rc = kms_dispatch_rewrap(&t->fake.world, &t->made, wrapped, &call, to_uri,
                             &t->err);
    assert_not_made(t, rc);
    assert_failure_told(t, rc);
    return rc;
}

static inline struct envl_kms_wrapped
wrapped_as(const char *service, const char *key, const char *blob,
           bool has_context)
{
    struct envl_kms_wrapped wrapped = { .has_context = has_context };

    (void)snprintf(wrapped.service, sizeof(wrapped.service), "%s", service);
    (void)snprintf(wrapped.key, sizeof(wrapped.key), "%s", key);
    wrapped.blob_len = strlen(blob);
    memcpy(wrapped.blob, blob, wrapped.blob_len);
    return wrapped;
}

/* The same reply as often as it is asked for. */

static inline enum envelope_reason
trial_generate_same(struct trial *t, const char *uri, int status,
                    const char *body)
{
    const struct fake_reply reply = { status, body, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_generate(t, uri, replies, COUNT(replies));
}

static inline enum envelope_reason
trial_unwrap_same(struct trial *t, const char *uri,
                  const struct envl_kms_wrapped *wrapped, int status,
                  const char *body)
{
    const struct fake_reply reply = { status, body, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_unwrap(t, uri, wrapped, replies, COUNT(replies));
}

static inline enum envelope_reason
trial_rewrap_same(struct trial *t, const char *uri,
                  const struct envl_kms_wrapped *wrapped, const char *to_uri,
                  const char *body)
{
    const struct fake_reply reply = { 200, body, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_rewrap(t, uri, wrapped, to_uri, replies, COUNT(replies));
}

/* Blobs that no printable text is are refused, and nobody is asked. */
static inline void
trial_refuses_blobs(struct trial *t, const char *uri, const char *service,
                    const char *key, const char *body)
{
    static const char *const blobs[] = { "", "a\nb", "a\x7f", "\xc3\xa9" };
    struct envl_kms_wrapped wrapped;
    size_t i;

    for (i = 0; i < COUNT(blobs); i++) {
        wrapped = wrapped_as(service, key, blobs[i], false);
        assert_int_equal(trial_unwrap_same(t, uri, &wrapped, 200, body),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t->fake.request_count, 0);
    }
}

/* Each allocation fails once.  libcrypto may do without some of its blocks; where it
 * does not, there is no key, and the failure is one of ours or libcrypto's. */
static inline void
trial_sweep(struct trial *t, const char *uri,
            const struct envl_kms_wrapped *wrapped, const char *body)
{
    enum envelope_reason rc;
    size_t n = 0, failures = 0;

    t->labels = "a=1\n";
    do {
        memory_fail(++n);
        rc = trial_unwrap_same(t, uri, wrapped, 200, body);
        memory_fail(0);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_MEMORY
            && rc != ENVELOPE_R_CRYPTO)
            fail_msg("allocation %zu: %s", n, t->err.detail);
        failures += rc != ENVELOPE_OK;
    } while (memory_failed());
    assert_true(failures > 20);
}

/* The failure's line has this in it. */
static inline void
assert_detail(const struct trial *t, const char *part)
{
    if (strstr(t->err.detail, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, t->err.detail);
}

static inline void
assert_header(const struct trial *t, size_t i, const char *name,
              const char *value)
{
    const char *sent = fake_header(&t->fake.requests[i], name);

    assert_true(i < t->fake.request_count);
    if (value == NULL) {
        assert_null(sent);
    } else {
        assert_non_null(sent);
        assert_string_equal(sent, value);
    }
}

#endif
