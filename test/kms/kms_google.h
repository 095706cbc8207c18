/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of Google Cloud in a fake world: what the two tests of them share. */
#ifndef TEST_KMS_GOOGLE_H
#define TEST_KMS_GOOGLE_H

#include "kms/cloud/google_credentials.h"

#include "kms/engine/kept.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define FILE_NAME "/etc/google.json"
#define NAMED                                       \
    {                                               \
        "GOOGLE_APPLICATION_CREDENTIALS", FILE_NAME \
    }
#define END        \
    {              \
        NULL, NULL \
    }

static struct google {
    struct fake_world fake;
    struct kms_kept kept;
    struct fake_pair file[2]; /* the one that is looked at, by start() */
    struct envl_libctx ctx;
    struct kms_seeker seeker;
    struct kms_credentials credentials;
    struct kms_text domain;
    struct envl_err err;
} g;

static const struct fake_pair named[] = { NAMED, END };

/* A world in which the environment names this file; NULL: it is not there. */
static inline void
start(const char *file)
{
    fake_world_init(&g.fake);
    g.kept = (struct kms_kept){ .lock = PTHREAD_MUTEX_INITIALIZER };
    g.file[0] = (struct fake_pair){ FILE_NAME, file };
    g.file[1] = (struct fake_pair)END;
    g.fake.variables = named;
    g.fake.files = g.file;
    g.ctx = (struct envl_libctx){ .propq = "" };
    g.seeker = (struct kms_seeker){ .world = &g.fake.world, .ctx = &g.ctx };
    g.err.detail[0] = '\0';
}

static inline void
finish(void)
{
    kms_kept_forget(&g.kept);
    kms_credentials_clear(&g.credentials);
    kms_text_clear(&g.domain);
    fake_world_clear(&g.fake);
    assert_int_equal(memory.unwiped, 0);
}

static inline void
answer(const struct fake_reply *replies, size_t count)
{
    g.fake.replies = replies;
    g.fake.reply_count = count;
}

static inline enum envelope_reason
find(void)
{
    enum envelope_reason rc =
        kms_google_credentials(&g.credentials, &g.seeker, &g.err);

    if (rc != ENVELOPE_OK) {
        assert_int_equal(g.err.reason, rc);
        assert_int_equal(g.credentials.id.len, 0);
        assert_int_equal(g.credentials.token.len, 0);
        assert_int_equal(g.credentials.expires, 0);
        assert_true(strlen(g.err.detail) > 0);
        assert_null(strstr(g.err.detail, SECRET));
    }
    return rc;
}

static inline void
finds(const char *token)
{
    if (find() != ENVELOPE_OK)
        fail_msg("%s", g.err.detail);
    assert_string_equal(kms_text_get(&g.credentials.token), token);
}

static inline void
says(const char *text)
{
    if (strstr(g.err.detail, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, g.err.detail);
}

static inline void
fails(enum envelope_reason reason, const char *text)
{
    if ((int)find() != (int)reason)
        fail_msg("%d: %s", g.err.reason, g.err.detail);
    says(text);
}

/* Every allocation fails once; replies are sent without the copies that the fake
 * world keeps. */
static inline void
sweep(const char *file, const struct fake_pair *variables,
      enum envelope_reason (*send)(void *, struct kms_reply *,
                                   const struct kms_request *, unsigned,
                                   struct envl_err *))
{
    enum envelope_reason rc;
    size_t n = 0;

    do {
        start(file);
        g.fake.variables = variables;
        g.fake.world.send = send;
        memory_fail(++n);
        rc = find();
        if (memory_failed() && rc != ENVELOPE_R_MEMORY)
            fail_msg("allocation %zu, %s:%d: %d: %s", n, memory.failure->file,
                     memory.failure->line, rc, g.err.detail);
        memory_fail(0);
        finish();
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(n > 10);
}

#endif
