/* SPDX-License-Identifier: Apache-2.0 */
/* Which service is asked, with what, and what is left after a failure; the
 * services are the test's own. */
#include "kms/dispatch.h"

#include <stdio.h>

#include "kms/engine/service.h"
#include "test/kms/world.h"
#include "test/support/support.h"

#define KEK_BYTE 0x5a
#define LABELS "host=db1\n"

/* How the services behave, and what they were asked. */
static struct {
    enum envelope_reason check, result;
    size_t blob_len; /* that they make */
    const char *key; /* that they make, and that matches */
    char calls[200]; /* "check awskms:arn generate " */
    enum envl_kms_use uses[4];
    size_t use_count;
    struct kms_job job;
} service;

static void
note(const char *what, const struct kms_uri *uri)
{
    size_t len = strlen(service.calls);

    (void)snprintf(service.calls + len, sizeof(service.calls) - len,
                   "%s %s:%s ", what, uri->scheme, uri->path);
}

static enum envelope_reason
check(const struct kms_world *world, const struct kms_uri *uri,
      enum envl_kms_use use, struct envl_err *err)
{
    assert_non_null(world);
    note("check", uri);
    assert_true(service.use_count < COUNT(service.uses));
    service.uses[service.use_count++] = use;
    return service.check == ENVELOPE_OK
               ? ENVELOPE_OK
               : envl_fail(err, service.check, "checked");
}

static bool
matches(const struct kms_world *world, const struct kms_uri *uri,
        const char *key)
{
    assert_non_null(world);
    assert_non_null(uri);
    return strcmp(key, service.key) == 0;
}

static enum envelope_reason
finish(struct envl_kms_wrapped *made, struct envl_err *err)
{
    if (made != NULL) {
        (void)kms_set_key(made, service.key);
        memset(made->blob, 'b', sizeof(made->blob));
        made->blob_len = service.blob_len;
        made->has_context = true;
    }
    return service.result == ENVELOPE_OK
               ? ENVELOPE_OK
               : envl_fail(err, service.result, "asked");
}

static enum envelope_reason
generate(struct envl_kms_wrapped *made, unsigned char kek[ENVL_KEK_LEN],
         const struct kms_job *job, struct envl_err *err)
{
    note("generate", job->uri);
    service.job = *job;
    memset(kek, KEK_BYTE, ENVL_KEK_LEN);
    return finish(made, err);
}

static enum envelope_reason
unwrap(unsigned char kek[ENVL_KEK_LEN], const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, struct envl_err *err)
{
    assert_int_equal(wrapped->blob_len, 3);
    note("unwrap", job->uri);
    service.job = *job;
    memset(kek, KEK_BYTE, ENVL_KEK_LEN);
    return finish(NULL, err);
}

static enum envelope_reason
rewrap(struct envl_kms_wrapped *made, const struct envl_kms_wrapped *wrapped,
       const struct kms_job *job, const struct kms_uri *to,
       struct envl_err *err)
{
    assert_int_equal(wrapped->blob_len, 3);
    note("rewrap", job->uri);
    note("to", to);
    service.job = *job;
    return finish(made, err);
}

static const char *const parameters[] = { "region", NULL };

#define SERVICE(name, word)           \
    const struct kms_service name = { \
        .scheme = word,               \
        .parameters = parameters,     \
        .check = check,               \
        .matches = matches,           \
        .generate = generate,         \
        .unwrap = unwrap,             \
        .rewrap = rewrap,             \
    }
SERVICE(kms_service_aws, "awskms");
SERVICE(kms_service_exec, "execkms");
SERVICE(kms_service_http, "httpkms");
SERVICE(kms_service_tencent, "tencentkms");
SERVICE(kms_service_vault, "vault");

/* What each test begins with. */
struct scene {
    struct fake_world fake;
    const struct kms_world *world;
    struct envl_libctx ctx;
    struct envl_kms_call call;
    struct envl_kms_wrapped made, wrapped;
    unsigned char kek[ENVL_KEK_LEN];
    struct envl_err err;
};

static int
set_scene(void **state)
{
    static struct scene scene;

    memset(&scene, 0, sizeof(scene));
    memset(&service, 0, sizeof(service));
    service.blob_len = 5;
    service.key = "the-key";
    fake_world_init(&scene.fake);
    scene.world = &scene.fake.world;
    scene.ctx.propq = "";
    scene.call = (struct envl_kms_call){
        .ctx = &scene.ctx,
        .uri = "awskms:///k1",
        .labels = LABELS,
        .labels_len = strlen(LABELS),
    };
    strcpy(scene.wrapped.service, "awskms");
    strcpy(scene.wrapped.key, "the-key");
    memcpy(scene.wrapped.blob, "abc", 3);
    scene.wrapped.blob_len = 3;
    strcpy(scene.made.key, "untouched");
    memset(scene.kek, 0xff, sizeof(scene.kek));
    *state = &scene;
    return 0;
}

static int
strike_scene(void **state)
{
    struct scene *scene = *state;

    fake_world_clear(&scene->fake);
    return 0;
}

static void
assert_kek_is(const struct scene *scene, unsigned char byte)
{
    size_t i;

    for (i = 0; i < sizeof(scene->kek); i++)
        assert_int_equal(scene->kek[i], byte);
}

static void
assert_job_is_the_calls(const struct scene *scene)
{
    assert_ptr_equal(service.job.world, scene->world);
    assert_ptr_equal(service.job.ctx, &scene->ctx);
    assert_ptr_equal(service.job.labels, scene->call.labels);
    assert_int_equal(service.job.labels_len, scene->call.labels_len);
}

static enum envelope_reason
do_generate(struct scene *scene)
{
    return kms_dispatch_generate(scene->world, &scene->made, scene->kek,
                                 &scene->call, &scene->err);
}

static enum envelope_reason
do_unwrap(struct scene *scene)
{
    return kms_dispatch_unwrap(scene->world, scene->kek, &scene->wrapped,
                               &scene->call, &scene->err);
}

static enum envelope_reason
do_rewrap(struct scene *scene, const char *to)
{
    return kms_dispatch_rewrap(scene->world, &scene->made, &scene->wrapped,
                               &scene->call, to, &scene->err);
}

static void
bad_uris_reach_nobody(void **state)
{
    static const char *const bad[] = {
        "",
        "awskms",
        "gcpkms:///k",
        "awskmsx:///k",
        "aws:///k",
        "file:///etc/passwd",
        "/etc/passwd",
        "awskms:///k?profile=x", /* not one of its parameters */
        "awskms:///%00",
        "awskms:///k%",
        "awskms:///k\n",
    };
    struct scene *scene = *state;
    size_t i;

    for (i = 0; i < COUNT(bad); i++) {
        scene->call.uri = bad[i];
        memset(scene->kek, 0xff, sizeof(scene->kek));
        assert_int_equal(kms_dispatch_check(scene->world, bad[i],
                                            ENVL_KMS_RECIPIENT, &scene->err),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_false(
            kms_dispatch_matches(scene->world, bad[i], &scene->wrapped));
        assert_int_equal(do_generate(scene), ENVELOPE_R_UNREADABLE_KEY);
        assert_kek_is(scene, 0);
        memset(scene->kek, 0xff, sizeof(scene->kek));
        assert_int_equal(do_unwrap(scene), ENVELOPE_R_UNREADABLE_KEY);
        assert_kek_is(scene, 0);
        assert_int_equal(do_rewrap(scene, "awskms:///k2"),
                         ENVELOPE_R_UNREADABLE_KEY);
    }
    assert_string_equal(service.calls, "");
    assert_string_equal(scene->made.key, "untouched");
}

static void
an_unknown_service_is_shown_without_the_rest(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(kms_dispatch_check(scene->world,
                                        "gcpkms://user:s3cret@h/k?token=t0p",
                                        ENVL_KMS_RECIPIENT, &scene->err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(scene->err.detail,
                        "gcpkms: no such key service, only: awskms, execkms, "
                        "httpkms, tencentkms, vault");
}

static void
each_scheme_has_its_service(void **state)
{
    static const char *const schemes[] = { "awskms", "execkms", "httpkms",
                                           "tencentkms", "vault" };
    struct scene *scene = *state;
    char uri[64];
    size_t i;

    for (i = 0; i < COUNT(schemes); i++) {
        (void)snprintf(uri, sizeof(uri), "%s:///k1", schemes[i]);
        scene->call.uri = uri;
        service.use_count = 0;
        assert_int_equal(do_generate(scene), ENVELOPE_OK);
        assert_string_equal(scene->made.service, schemes[i]);
    }
    /* RFC 3986, 3.1: in any case of letters. */
    scene->call.uri = "AwsKms:///k1";
    service.use_count = 0;
    assert_int_equal(do_generate(scene), ENVELOPE_OK);
    assert_string_equal(scene->made.service, "awskms");
}

static void
check_knows_the_use(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(kms_dispatch_check(scene->world, "awskms:///k1?region=x",
                                        ENVL_KMS_IDENTITY, &scene->err),
                     ENVELOPE_OK);
    assert_int_equal(kms_dispatch_check(scene->world, "vault:///k2",
                                        ENVL_KMS_RECIPIENT, &scene->err),
                     ENVELOPE_OK);
    assert_string_equal(service.calls, "check awskms:k1 check vault:k2 ");
    assert_int_equal(service.uses[0], ENVL_KMS_IDENTITY);
    assert_int_equal(service.uses[1], ENVL_KMS_RECIPIENT);
}

static void
matching_is_by_service_and_key(void **state)
{
    struct scene *scene = *state;

    assert_true(
        kms_dispatch_matches(scene->world, "awskms:///k1", &scene->wrapped));
    assert_false(
        kms_dispatch_matches(scene->world, "vault:///k1", &scene->wrapped));
    strcpy(scene->wrapped.key, "another");
    assert_false(
        kms_dispatch_matches(scene->world, "awskms:///k1", &scene->wrapped));
    strcpy(scene->wrapped.key, "the-key");
    strcpy(scene->wrapped.service, "AWSKMS");
    assert_false(
        kms_dispatch_matches(scene->world, "awskms:///k1", &scene->wrapped));
}

static void
generate_is_checked_and_handed_on(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(do_generate(scene), ENVELOPE_OK);
    assert_string_equal(service.calls, "check awskms:k1 generate awskms:k1 ");
    assert_int_equal(service.uses[0], ENVL_KMS_RECIPIENT);
    assert_job_is_the_calls(scene);
    assert_string_equal(scene->made.service, "awskms");
    assert_string_equal(scene->made.key, "the-key");
    assert_true(scene->made.has_context);
    assert_int_equal(scene->made.blob_len, 5);
    assert_memory_equal(scene->made.blob, "bbbbb", 5);
    assert_kek_is(scene, KEK_BYTE);
}

/* Nobody is asked about labels that are not there. */
static void
a_context_needs_labels(void **state)
{
    struct scene *scene = *state;

    scene->wrapped.has_context = true;
    scene->call.labels_len = 0;
    assert_int_equal(do_unwrap(scene), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_non_null(strstr(scene->err.detail, "the stream has none"));
    assert_null(strstr(service.calls, "unwrap"));
    assert_kek_is(scene, 0);
}

static void
a_failure_leaves_nothing(void **state)
{
    struct scene *scene = *state;

    service.result = ENVELOPE_R_KEY_SERVICE;
    assert_int_equal(do_generate(scene), ENVELOPE_R_KEY_SERVICE);
    assert_kek_is(scene, 0);
    memset(scene->kek, 0xff, sizeof(scene->kek));
    assert_int_equal(do_unwrap(scene), ENVELOPE_R_KEY_SERVICE);
    assert_kek_is(scene, 0);
    service.use_count = 0;
    assert_int_equal(do_rewrap(scene, "awskms:///k2"), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(scene->err.detail, "asked");
    assert_string_equal(scene->made.key, "untouched");
}

static void
a_failed_check_ends_it(void **state)
{
    struct scene *scene = *state;

    service.check = ENVELOPE_R_UNREADABLE_KEY;
    assert_int_equal(do_generate(scene), ENVELOPE_R_UNREADABLE_KEY);
    assert_kek_is(scene, 0);
    assert_int_equal(do_unwrap(scene), ENVELOPE_R_UNREADABLE_KEY);
    assert_int_equal(do_rewrap(scene, "awskms:///k2"),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(service.calls,
                        "check awskms:k1 check awskms:k1 check awskms:k1 ");
    assert_string_equal(scene->err.detail, "checked");
}

static void
a_reply_without_a_key_or_blob_is_nonsense(void **state)
{
    static const struct {
        const char *key;
        size_t blob_len;
    } bad[] = {
        { "", 5 },
        { "the-key", 0 },
        { "the-key", ENVL_KMS_BLOB_LEN_MAX + 1 },
    };
    struct scene *scene = *state;
    size_t i;

    for (i = 0; i < COUNT(bad); i++) {
        service.key = bad[i].key;
        service.blob_len = bad[i].blob_len;
        memset(scene->kek, 0xff, sizeof(scene->kek));
        service.use_count = 0;
        assert_int_equal(do_generate(scene), ENVELOPE_R_KEY_SERVICE);
        assert_kek_is(scene, 0);
        strcpy(scene->wrapped.key, bad[i].key);
        assert_int_equal(do_rewrap(scene, "awskms:///k2"),
                         ENVELOPE_R_KEY_SERVICE);
        assert_string_equal(scene->made.key, "untouched");
    }
}

static void
unwrap_is_handed_on(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(do_unwrap(scene), ENVELOPE_OK);
    assert_string_equal(service.calls, "check awskms:k1 unwrap awskms:k1 ");
    assert_int_equal(service.uses[0], ENVL_KMS_IDENTITY);
    assert_job_is_the_calls(scene);
    assert_kek_is(scene, KEK_BYTE);
}

static void
a_header_leads_nowhere_else(void **state)
{
    struct scene *scene = *state;

    strcpy(scene->wrapped.key, "another");
    assert_int_equal(do_unwrap(scene), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_kek_is(scene, 0);
    assert_non_null(strstr(scene->err.detail, "another"));
    assert_int_equal(do_rewrap(scene, "awskms:///k2"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    strcpy(scene->wrapped.key, "the-key");
    strcpy(scene->wrapped.service, "vault");
    assert_int_equal(do_unwrap(scene), ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(do_rewrap(scene, "vault:///k2"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_null(strstr(service.calls, "wrap"));
    assert_string_equal(scene->made.key, "untouched");
}

static void
rewrap_checks_both_ends(void **state)
{
    struct scene *scene = *state;

    assert_int_equal(do_rewrap(scene, "awskms:///k2"), ENVELOPE_OK);
    assert_string_equal(
        service.calls,
        "check awskms:k1 check awskms:k2 rewrap awskms:k1 to awskms:k2 ");
    assert_int_equal(service.uses[0], ENVL_KMS_IDENTITY);
    assert_int_equal(service.uses[1], ENVL_KMS_RECIPIENT);
    assert_job_is_the_calls(scene);
    assert_string_equal(scene->made.service, "awskms");
    assert_string_equal(scene->made.key, "the-key");
}

static void
rewrap_stays_within_a_service(void **state)
{
    static const char *const bad[] = { "vault:///k2", "gcpkms:///k2", "x" };
    struct scene *scene = *state;
    size_t i;

    for (i = 0; i < COUNT(bad); i++) {
        service.use_count = 0;
        assert_int_equal(do_rewrap(scene, bad[i]), ENVELOPE_R_UNREADABLE_KEY);
    }
    assert_null(strstr(service.calls, "rewrap"));
    assert_string_equal(scene->made.key, "untouched");
}

/* Of kms/service.h, which all services use. */

static void
failures_are_told_with_what_there_is(void **state)
{
    static const struct {
        const char *code, *message, *id, *text;
    } cases[] = {
        { "Denied", "not allowed", "1b2c",
          "awskms: Denied: not allowed (request 1b2c)" },
        { "Denied", NULL, NULL, "awskms: Denied" },
        { NULL, "not allowed", "", "awskms: not allowed" },
        { "", "", "1b2c", "awskms: no reason was given (request 1b2c)" },
        { NULL, NULL, NULL, "awskms: no reason was given" },
        { "a\x1b[2J", "b\r\nc", "\x7f", "awskms: a?[2J: b??c (request ?)" },
    };
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(kms_fail_service(&err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                                          "awskms", cases[i].code,
                                          cases[i].message, cases[i].id),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(err.reason, ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_string_equal(err.detail, cases[i].text);
    }
}

static void
long_failures_are_cut_piece_by_piece(void **state)
{
    char text[2 * ENVL_DETAIL_MAX];
    struct envl_err err;
    size_t len;

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    (void)kms_fail_service(&err, ENVELOPE_R_KEY_SERVICE, text, text, text,
                           text);
    len = strlen(err.detail);
    assert_true(len < ENVL_DETAIL_MAX - 1);
    assert_int_equal(err.detail[len - 1], ')');
    assert_non_null(strstr(err.detail, " (request x"));
}

static void
only_printable_keys_are_set(void **state)
{
    static const char *const bad[] = { "", "a\nb", "a\x7f", "\xc3\xa9" };
    struct envl_kms_wrapped made = { .key = "old" };
    char key[ENVL_KMS_KEY_LEN_MAX + 2];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++)
        assert_int_equal(kms_set_key(&made, bad[i]), 0);
    memset(key, 'k', sizeof(key));
    key[ENVL_KMS_KEY_LEN_MAX + 1] = '\0';
    assert_int_equal(kms_set_key(&made, key), 0);
    assert_string_equal(made.key, "old");
    key[ENVL_KMS_KEY_LEN_MAX] = '\0';
    assert_int_equal(kms_set_key(&made, key), 1);
    assert_string_equal(made.key, key);
}

#define IN_SCENE(test) \
    cmocka_unit_test_setup_teardown(test, set_scene, strike_scene)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_SCENE(bad_uris_reach_nobody),
        IN_SCENE(an_unknown_service_is_shown_without_the_rest),
        IN_SCENE(each_scheme_has_its_service),
        IN_SCENE(check_knows_the_use),
        IN_SCENE(matching_is_by_service_and_key),
        IN_SCENE(generate_is_checked_and_handed_on),
        IN_SCENE(a_context_needs_labels),
        IN_SCENE(a_failure_leaves_nothing),
        IN_SCENE(a_failed_check_ends_it),
        IN_SCENE(a_reply_without_a_key_or_blob_is_nonsense),
        IN_SCENE(unwrap_is_handed_on),
        IN_SCENE(a_header_leads_nowhere_else),
        IN_SCENE(rewrap_checks_both_ends),
        IN_SCENE(rewrap_stays_within_a_service),
        cmocka_unit_test(failures_are_told_with_what_there_is),
        cmocka_unit_test(long_failures_are_cut_piece_by_piece),
        cmocka_unit_test(only_printable_keys_are_set),
    };

    return cmocka_run_group_tests_name("kms dispatch", tests, NULL, NULL);
}
