/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for Huawei Cloud: their sources, in their order, and their project. */
#include "kms/cloud/huawei.h"

#include "kms/engine/kept.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define FILE_NAME "/home/me/.huaweicloud/credentials"
#define POD "http://127.0.0.1:1/v1/credentials"
#define METADATA "http://169.254.169.254"
#define IAM \
    "https://iam.cn-north-4.myhuaweicloud.com/v3/projects?name=cn-north-4"

#define HOME               \
    {                      \
        "HOME", "/home/me" \
    }
#define KEYS                        \
    { "HUAWEICLOUD_SDK_AK", "ak" }, \
    {                               \
        "HUAWEICLOUD_SDK_SK", "sk"  \
    }
#define PROJECT                                \
    {                                          \
        "HUAWEICLOUD_SDK_PROJECT_ID", "of-env" \
    }
#define IN_POD                                                \
    { "HC_CONTAINER_CREDENTIALS_FULL_URI", POD },             \
    {                                                         \
        "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/run/token" \
    }
#define FILE_OF(content)       \
    {                          \
        {                      \
            FILE_NAME, content \
        }                      \
    }

#define MACHINE_REPLY(parts)                                    \
    {                                                           \
        200,                                                    \
            "{\"credential\":{" parts                           \
            "\"expires_at\":\"2015-08-30T18:36:00.123456Z\"}}", \
            NULL                                                \
    }
#define MACHINE_KEYS                                 \
    "\"access\":\"m\",\"secret\":\"very-secret-m\"," \
    "\"securitytoken\":\"mt\","
#define MACHINE_AS(parts)                                    \
    {                                                        \
        200,                                                 \
            "{\"credential\":{" parts                        \
            "\"access\":\"m\",\"secret\":\"very-secret-m\"," \
            "\"securitytoken\":\"mt\"}}",                    \
            NULL                                             \
    }
#define POD_REPLY                                        \
    {                                                    \
        200,                                             \
            "{\"credentials\":{\"accessKeyId\":\"p\","   \
            "\"secretAccessKey\":\"very-secret-p\","     \
            "\"securityToken\":\"pt\","                  \
            "\"expiration\":\"2015-08-30T18:36:00Z\"}}", \
            NULL                                         \
    }
#define IAM_REPLY(list)                        \
    {                                          \
        200, "{\"projects\":[" list "]}", NULL \
    }
#define NOBODY        \
    {                 \
        0, NULL, NULL \
    }

#define VARIABLE_COUNT_MAX 6
#define REPLY_COUNT_MAX 4

/* One look in a world. */
struct look {
    struct fake_pair variables[VARIABLE_COUNT_MAX], files[3];
    struct fake_reply replies[REPLY_COUNT_MAX];
    size_t reply_count;
    const char *profile, *project; /* of the URI; or NULL */
};

static struct fake_world fake;
static struct kms_kept kept;
static struct kms_credentials credentials;
static struct envl_err err;

static int
set_up(void **state)
{
    (void)state;
    fake_world_init(&fake);
    kept = (struct kms_kept){ .lock = PTHREAD_MUTEX_INITIALIZER };
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kms_kept_forget(&kept);
    kms_credentials_clear(&credentials);
    fake_world_clear(&fake);
    return 0;
}

static enum envelope_reason
look(const struct look *at)
{
    const struct envl_libctx ctx = { .propq = "" };
    const struct kms_huawei own = { .region = "cn-north-4",
                                    .project = at->project };
    const struct kms_seeker seeker = {
        .world = &fake.world,
        .ctx = &ctx,
        .profile = at->profile,
        .own = &own,
    };
    enum envelope_reason rc;

    fake_world_clear(&fake);
    fake.world.kept = &kept;
    fake.variables = at->variables;
    fake.files = at->files;
    fake.replies = at->replies;
    fake.reply_count = at->reply_count;
    kms_text_set(&credentials.token, "of an earlier call");
    err = (struct envl_err){ 0 };
    rc = kms_huawei_credentials(&credentials, &seeker, &err);
    if (rc != ENVELOPE_OK) {
        assert_int_equal(err.reason, rc);
        assert_int_equal(credentials.id.len, 0);
        assert_int_equal(credentials.secret.len, 0);
        assert_int_equal(credentials.token.len, 0);
        assert_int_equal(credentials.project.len, 0);
        assert_null(strstr(err.detail, "very-secret"));
    }
    return rc;
}

/* Sources in their order */

static const struct {
    struct look at;
    const char *id, *secret, *token, *project;
    const char *last_url; /* NULL: nobody was asked */
} found[] = {
    /* Both families of variables, and the file. */
    { { .variables = { KEYS,
                       { "HUAWEICLOUD_SDK_SECURITY_TOKEN", "t" },
                       PROJECT,
                       HOME },
        .files = FILE_OF("[basic]\nak=x\nsk=y\n") },
      "ak",
      "sk",
      "t",
      "of-env",
      NULL },
    { { .variables = { { "HUAWEICLOUD_ACCESS_KEY", "g" },
                       { "HUAWEICLOUD_SECRET_KEY", "h" },
                       { "HUAWEICLOUD_PROJECT", "of-go" },
                       PROJECT } },
      "g",
      "h",
      "",
      "of-go",
      NULL },
    { { .variables = { KEYS, { "HUAWEICLOUD_PROJECT", "of-go" }, PROJECT } },
      "ak",
      "sk",
      "",
      "of-env",
      NULL },
    { { .variables = { HOME, IN_POD },
        .files = FILE_OF("[global]\nak=no\nsk=no\n[basic]\nak = x\nsk = y\n"
                         "security_token = z\nproject_id = of-file\n"
                         "iam_endpoint = https://evil.example\n") },
      "x",
      "y",
      "z",
      "of-file",
      NULL },
    { { .variables = { { "HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/f" }, PROJECT },
        .files = { { "/f", "[basic]\nak=x\nsk=y\n" } } },
      "x",
      "y",
      "",
      "of-env",
      NULL },
    /* A profile that is named counts, whatever else there is. */
    { { .variables = { KEYS, PROJECT, HOME },
        .files = FILE_OF("[backup]\nak=x\nsk=y\nproject_id=of-file\n"),
        .profile = "backup" },
      "x",
      "y",
      "",
      "of-file",
      NULL },
    /* A project alone is not that of other credentials. */
    { { .variables = { HOME, IN_POD, PROJECT },
        .files = { { FILE_NAME, "[basic]\nproject_id=of-file\n" },
                   { "/run/token", "Bearer k8s\n" } },
        .replies = { POD_REPLY },
        .reply_count = 1 },
      "p",
      "very-secret-p",
      "pt",
      "of-env",
      POD },
    /* The pod before the machine. */
    { { .variables = { IN_POD, PROJECT },
        .files = { { "/run/token", "Bearer k8s\n" } },
        .replies = { POD_REPLY },
        .reply_count = 1 },
      "p",
      "very-secret-p",
      "pt",
      "of-env",
      POD },
    { { .variables = { PROJECT },
        .replies = { { 200, "session", NULL }, MACHINE_REPLY(MACHINE_KEYS) },
        .reply_count = 2 },
      "m",
      "very-secret-m",
      "mt",
      "of-env",
      METADATA "/openstack/latest/securitykey" },
    /* The project: of the URI, then as above, then IAM's. */
    { { .variables = { KEYS, PROJECT }, .project = "of-uri" },
      "ak",
      "sk",
      "",
      "of-uri",
      NULL },
    { { .variables = { KEYS },
        .replies = { IAM_REPLY("{\"id\":\"of-iam\"}") },
        .reply_count = 1 },
      "ak",
      "sk",
      "",
      "of-iam",
      IAM },
    { { .variables = { KEYS,
                       { "HUAWEICLOUD_SDK_IAM_ENDPOINT",
                         "http://127.0.0.1:2" } },
        .replies = { { 503, "", NULL }, IAM_REPLY("{\"id\":\"of-iam\"}") },
        .reply_count = 2 },
      "ak",
      "sk",
      "",
      "of-iam",
      "http://127.0.0.1:2/v3/projects?name=cn-north-4" },
};

static void
sources_have_an_order(void **state)
{
    size_t i, count;

    (void)state;
    for (i = 0; i < COUNT(found); i++) {
        kms_kept_forget(&kept);
        if (look(&found[i].at) != ENVELOPE_OK)
            fail_msg("%zu: %s", i, err.detail);
        assert_string_equal(kms_text_get(&credentials.id), found[i].id);
        assert_string_equal(kms_text_get(&credentials.secret), found[i].secret);
        assert_string_equal(kms_text_get(&credentials.token), found[i].token);
        assert_string_equal(kms_text_get(&credentials.project),
                            found[i].project);
        count = fake.request_count;
        assert_int_equal(count, found[i].at.reply_count);
        if (found[i].last_url != NULL)
            assert_string_equal(fake.requests[count - 1].url,
                                found[i].last_url);
    }
}

static const struct {
    struct look at;
    enum envelope_reason reason;
    const char *detail;
} missing[] = {
    { { .variables = { { "HUAWEICLOUD_SDK_AK", "ak" }, HOME },
        .files = FILE_OF("[basic]\nak=x\nsk=y\n") },
      ENVELOPE_R_CREDENTIALS,
      "HUAWEICLOUD_SDK_SK is not" },
    { { .variables = { { "HUAWEICLOUD_SECRET_KEY", "very-secret" } } },
      ENVELOPE_R_CREDENTIALS,
      "HUAWEICLOUD_ACCESS_KEY is not" },
    { { .variables = { { "HUAWEICLOUD_SDK_AK", "ak" },
                       { "HUAWEICLOUD_SDK_SK", "very-secret\r\n" } } },
      ENVELOPE_R_CREDENTIALS,
      "HUAWEICLOUD_SDK_SK has a character" },
    { { .variables = { { "HUAWEICLOUD_SDK_IDP_ID", "idp" } } },
      ENVELOPE_R_CREDENTIALS,
      "HUAWEICLOUD_SDK_IDP_ID: tokens" },
    { { .variables = { HOME },
        .files = FILE_OF("[basic]\nidp_id=x\nid_token_file=/f\n") },
      ENVELOPE_R_CREDENTIALS,
      "profile basic: idp_id cannot be used" },
    { { .variables = { HOME }, .files = FILE_OF("[basic]\nak=x\n") },
      ENVELOPE_R_CREDENTIALS,
      "is there without sk" },
    { { .variables = { HOME },
        .files = FILE_OF("[other]\nak=x\nsk=y\n"),
        .profile = "none" },
      ENVELOPE_R_CREDENTIALS,
      "no section [none]" },
    { { .variables = { { "HUAWEICLOUD_SDK_CREDENTIALS_FILE", "/f" } } },
      ENVELOPE_R_CREDENTIALS,
      "/f: there is no such file" },
    { { .variables = { HOME },
        .files = FILE_OF("[basic]\nak=x\nsk=y\nproject_id=a/b\n") },
      ENVELOPE_R_CREDENTIALS,
      "a/b, is not the id" },
    /* The pod */
    { { .variables = { { "HC_CONTAINER_CREDENTIALS_FULL_URI", POD } } },
      ENVELOPE_R_CREDENTIALS,
      "AUTHORIZATION_TOKEN_FILE is not" },
    { { .variables = { { "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                         "/run/token" } } },
      ENVELOPE_R_CREDENTIALS,
      "CREDENTIALS_FULL_URI is not" },
    { { .variables = { IN_POD } },
      ENVELOPE_R_CREDENTIALS,
      "/run/token: the token is" },
    { { .variables = { { "HC_CONTAINER_CREDENTIALS_FULL_URI",
                         "http://10.0.0.1/c" },
                       { "HC_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                         "/run/token" } },
        .files = { { "/run/token", "very-secret" } } },
      ENVELOPE_R_CREDENTIALS,
      "plain http" },
    { { .variables = { IN_POD },
        .files = { { "/run/token", "very-secret" } },
        .replies = { { 503, "", NULL } },
        .reply_count = 1 },
      ENVELOPE_R_KEY_SERVICE,
      "HTTP status 503" },
    { { .variables = { IN_POD },
        .files = { { "/run/token", "very-secret" } },
        .replies = { { 200, "{\"credentials\":{\"accessKeyId\":\"a\"}}",
                       NULL } },
        .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "no credentials.secretAccessKey" },
    /* The machine */
    { { .replies = { NOBODY }, .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "agency: the metadata service: fake: no connection" },
    { { .replies = { { 200, "session", NULL }, { 404, "", NULL } },
        .reply_count = 2 },
      ENVELOPE_R_CREDENTIALS,
      "agency: the metadata service: HTTP status 404" },
    { { .replies = { { 200, "session", NULL }, { 500, "", NULL } },
        .reply_count = 2 },
      ENVELOPE_R_KEY_SERVICE,
      "the metadata service: HTTP status 500" },
    { { .replies = { { 200, "session", NULL }, NOBODY }, .reply_count = 2 },
      ENVELOPE_R_KEY_SERVICE,
      "the metadata service: fake: no connection" },
    { { .replies = { { 200, "session", NULL },
                     MACHINE_AS("\"expires_at\":\"soon\",") },
        .reply_count = 2 },
      ENVELOPE_R_CREDENTIALS,
      "does not say when they expire" },
    { { .replies = { { 200, "session", NULL }, MACHINE_AS("") },
        .reply_count = 2 },
      ENVELOPE_R_CREDENTIALS,
      "does not say when they expire" },
    { { .replies = { { 400, "", NULL } }, .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "agency: the metadata service: HTTP status 400" },
    { { .replies = { { 200, "session", NULL },
                     MACHINE_REPLY("\"access\":\"m\",\"secret\":\"s\",") },
        .reply_count = 2 },
      ENVELOPE_R_CREDENTIALS,
      "no credential.securitytoken" },
    /* IAM */
    { { .variables = { KEYS },
        .replies = { { 401, "{}", NULL } },
        .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "write project= into the URI" },
    { { .variables = { KEYS }, .replies = { IAM_REPLY("") }, .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "does not name one project for cn-north-4" },
    { { .variables = { KEYS },
        .replies = { IAM_REPLY("{\"id\":\"a\"},{\"id\":\"b\"}") },
        .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "does not name one project" },
    { { .variables = { KEYS },
        .replies = { { 200, "<html>", NULL } },
        .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "does not name one project" },
    { { .variables = { KEYS },
        .replies = { IAM_REPLY("{\"id\":\"../x\"}") },
        .reply_count = 1 },
      ENVELOPE_R_CREDENTIALS,
      "../x, is not the id" },
    { { .variables = { KEYS,
                       { "HUAWEICLOUD_SDK_IAM_ENDPOINT",
                         "http://10.0.0.1" } } },
      ENVELOPE_R_CREDENTIALS,
      "plain http" },
    { { .variables = { KEYS },
        .replies = { NOBODY, NOBODY, NOBODY, NOBODY },
        .reply_count = 4 },
      ENVELOPE_R_KEY_SERVICE,
      "no connection" },
};

static void
what_is_missing_is_told(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(missing); i++) {
        kms_kept_forget(&kept);
        if (look(&missing[i].at) != missing[i].reason
            || strstr(err.detail, missing[i].detail) == NULL)
            fail_msg("%zu: %s", i, err.detail);
        assert_int_equal(fake.request_count, missing[i].at.reply_count);
    }
}

/* What is sent */

static void
a_pod_shows_its_token(void **state)
{
    static const struct look at = { .variables = { IN_POD, PROJECT },
                                    .files = { { "/run/token",
                                                 "Bearer k8s\n" } },
                                    .replies = { POD_REPLY },
                                    .reply_count = 1 };

    (void)state;
    assert_int_equal(look(&at), ENVELOPE_OK);
    assert_string_equal(fake.requests[0].method, "POST");
    assert_string_equal(fake.requests[0].body, "{}");
    assert_string_equal(fake.requests[0].headers,
                        "Authorization: Bearer k8s\n"
                        "Content-Type: application/json\n");
    assert_int_equal(credentials.expires, INT64_C(1440959760));
}

/* With a session, and without one where there are none. */
static void
a_machine_may_lack_sessions(void **state)
{
    static const int statuses[] = { 200, 404, 405, 503 };
    struct look at = { .variables = { PROJECT },
                       .replies = { { 200, "session", NULL },
                                    MACHINE_REPLY(MACHINE_KEYS) },
                       .reply_count = 2 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(statuses); i++) {
        kms_kept_forget(&kept);
        at.replies[0].status = statuses[i];
        if (look(&at) != ENVELOPE_OK)
            fail_msg("%d: %s", statuses[i], err.detail);
        assert_string_equal(fake.requests[0].method, "PUT");
        assert_string_equal(fake.requests[0].url,
                            METADATA "/meta-data/latest/api/token");
        assert_string_equal(fake.requests[0].headers,
                            "X-Metadata-Token-Ttl-Seconds: 21600\n");
        assert_string_equal(fake.requests[1].method, "GET");
        assert_string_equal(fake.requests[1].headers,
                            i == 0 ? "X-Metadata-Token: session\n" : "");
        assert_int_equal(credentials.expires, INT64_C(1440959760));
    }
}

/* The signature was computed by huawei_lookalike.py. */
static void
iam_is_asked_with_a_signature(void **state)
{
    static const struct look at = { .variables = { KEYS },
                                    .replies = { IAM_REPLY(
                                        "{\"id\":\"of-iam\"}") },
                                    .reply_count = 1 };

    (void)state;
    assert_int_equal(look(&at), ENVELOPE_OK);
    assert_string_equal(fake.requests[0].method, "GET");
    assert_string_equal(fake.requests[0].headers,
                        "X-Sdk-Date: 20150830T123600Z\n"
                        "Authorization: SDK-HMAC-SHA256 Access=ak, "
                        "SignedHeaders=host;x-sdk-date, "
                        "Signature=306de928eb413ffe58223ffbb81c5c39"
                        "534cf096a8b4f067314d794f23d08f44\n");
}

/* Each of them is asked once, and again shortly before it expires. */
static void
what_was_asked_for_is_kept(void **state)
{
    static const struct look first = {
        .variables = { IN_POD },
        .files = { { "/run/token", "k8s" } },
        .replies = { POD_REPLY, IAM_REPLY("{\"id\":\"of-iam\"}") },
        .reply_count = 2
    };
    struct look again = first;

    (void)state;
    assert_int_equal(look(&first), ENVELOPE_OK);
    assert_int_equal(fake.request_count, 2);
    again.reply_count = 0;
    assert_int_equal(look(&again), ENVELOPE_OK);
    assert_string_equal(kms_text_get(&credentials.id), "p");
    assert_string_equal(kms_text_get(&credentials.project), "of-iam");
    assert_int_equal(fake.request_count, 0);
}

/* Replies without the copies that the fake world keeps. */
static enum envelope_reason
send_whole(void *arg, struct kms_reply *reply,
           const struct kms_request *request, unsigned milliseconds,
           struct envl_err *e)
{
    const struct fake_reply machine = MACHINE_REPLY(MACHINE_KEYS);
    const struct fake_reply iam = IAM_REPLY("{\"id\":\"of-iam\"}");
    const char *path = kms_text_get(&request->path);

    (void)arg;
    (void)milliseconds;
    kms_reply_clear(reply);
    reply->status = 200;
    kms_text_set(&reply->body, strncmp(path, "/v3", 3) == 0   ? iam.body
                               : strncmp(path, "/op", 3) == 0 ? machine.body
                                                              : "session");
    return reply->body.failed ? envl_fail_memory(e) : ENVELOPE_OK;
}

static void
memory_may_run_out(void **state)
{
    static const struct look looks[] = {
        { .variables = { HOME },
          .files = FILE_OF("[basic]\nak=x\nsk=y\nproject_id=p\n") },
        { .variables = { HOME } },
    };
    const struct envl_libctx ctx = { .propq = "" };
    const struct kms_huawei own = { .region = "cn-north-4" };
    const struct kms_seeker seeker = { .world = &fake.world,
                                       .ctx = &ctx,
                                       .own = &own };
    enum envelope_reason rc;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(looks); i++) {
        n = 0;
        do {
            kms_credentials_clear(&credentials);
            fake.world.send = send_whole;
            fake.variables = looks[i].variables;
            fake.files = looks[i].files;
            memory_fail(++n);
            rc = kms_huawei_credentials(&credentials, &seeker, &err);
            if (memory_failed() && rc != ENVELOPE_R_MEMORY
                && (memory_is_ours(memory.failure->file)
                    || (rc != ENVELOPE_OK && rc != ENVELOPE_R_CRYPTO)))
                fail_msg("%zu, allocation %zu, %s:%d: %d: %s", i, n,
                         memory.failure->file, memory.failure->line, rc,
                         err.detail);
            memory_fail(0);
        } while (memory_failed());
        if (rc != ENVELOPE_OK)
            fail_msg("%zu: %s", i, err.detail);
        assert_true(n > 5);
    }
}

#define credentials_test(f) \
    cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        credentials_test(sources_have_an_order),
        credentials_test(what_is_missing_is_told),
        credentials_test(a_pod_shows_its_token),
        credentials_test(a_machine_may_lack_sessions),
        credentials_test(iam_is_asked_with_a_signature),
        credentials_test(what_was_asked_for_is_kept),
        credentials_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_huawei_credentials", tests, NULL,
                                       NULL);
}
