/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials for Alibaba Cloud: their sources, in their order. */
#include "kms/cloud/ali_sources.h"

#include <stdio.h>

#include "kms/engine/kept.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define CONFIG "/home/me/.aliyun/config.json"
#define SECTIONS "/home/me/.alibabacloud/credentials"
#define METADATA "http://100.100.100.200/latest/"
#define ROLES METADATA "meta-data/ram/security-credentials/"
#define ROLE_ARN "acs:ram::154035569884:role/backup"
#define PROVIDER_ARN "acs:ram::154035569884:oidc-provider/ack"

#define KEYS(id)                                                   \
    "\"AccessKeyId\":\"" id "\",\"AccessKeySecret\":\"" id "-s\"," \
    "\"SecurityToken\":\"" id "-t\",\"Expiration\":\"2030-01-02T03:04:05Z\""
#define STS_REPLY "{\"RequestId\":\"1\",\"Credentials\":{" KEYS("sts") "}}"
#define ROLE_REPLY "{\"Code\":\"Success\"," KEYS("ecs") "}"
#define URI_REPLY "{" KEYS("uri") "}"

#define HOME               \
    {                      \
        "HOME", "/home/me" \
    }
#define END        \
    {              \
        NULL, NULL \
    }

static const struct fake_pair home[] = { HOME, END };

struct sources {
    const struct fake_pair *variables, *files;
    const struct fake_reply *replies;
    size_t reply_count;
};

static struct fake_world fake;
static struct kms_credentials credentials;
static struct envl_err err;
static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int
tear_down(void **state)
{
    (void)state;
    kms_credentials_clear(&credentials);
    kms_kept_forget(&kept);
    fake_world_clear(&fake);
    return 0;
}

static enum envelope_reason
look(const struct sources *sources, const char *profile)
{
    static const struct envl_libctx ctx = { .propq = "" };
    const struct kms_seeker seeker = {
        .world = &fake.world,
        .ctx = &ctx,
        .profile = profile,
    };
    enum envelope_reason rc;

    fake_world_clear(&fake);
    fake.variables = sources->variables;
    fake.files = sources->files;
    fake.replies = sources->replies;
    fake.reply_count = sources->reply_count;
    fake.world.kept = &kept;
    kms_text_set(&credentials.token, "of an earlier call");
    rc = kms_ali_credentials(&credentials, &seeker, &err);
    if (rc != ENVELOPE_OK) {
        assert_int_equal(err.reason, rc);
        assert_int_equal(credentials.id.len, 0);
        assert_int_equal(credentials.secret.len, 0);
        assert_int_equal(credentials.token.len, 0);
        assert_null(strstr(err.detail, "very-secret"));
    }
    return rc;
}

/* Whose id this is, with a secret and a token that go with it. */
static void
assert_found(const struct sources *sources, const char *profile, const char *id,
             bool has_token)
{
    char text[100];

    if (look(sources, profile) != ENVELOPE_OK)
        fail_msg("%s", err.detail);
    assert_string_equal(kms_text_get(&credentials.id), id);
    (void)snprintf(text, sizeof(text), "%s-s", id);
    assert_string_equal(kms_text_get(&credentials.secret), text);
    (void)snprintf(text, sizeof(text), "%s-t", has_token ? id : "");
    assert_string_equal(kms_text_get(&credentials.token),
                        has_token ? text : "");
    assert_int_equal(fake.request_count, sources->reply_count);
}

static void
assert_none(const struct sources *sources, const char *profile,
            enum envelope_reason reason, const char *detail)
{
    assert_int_equal(look(sources, profile), reason);
    if (strstr(err.detail, detail) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", detail, err.detail);
    assert_int_equal(fake.request_count, sources->reply_count);
}

/* Variables */

static void
variables_have_families(void **state)
{
    static const struct fake_pair families[][4] = {
        { { "ALIBABA_CLOUD_ACCESS_KEY_ID", "v" },
          { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "v-s" },
          { "ALIBABA_CLOUD_SECURITY_TOKEN", "v-t" },
          END },
        { { "ALICLOUD_ACCESS_KEY", "v" },
          { "ALICLOUD_SECRET_KEY", "v-s" },
          { "ALICLOUD_SECURITY_TOKEN", "v-t" },
          END },
        { { "ALICLOUD_ACCESS_KEY_ID", "v" },
          { "ALICLOUD_ACCESS_KEY_SECRET", "v-s" },
          { "ALICLOUD_SECURITY_TOKEN", "v-t" },
          END },
    };
    static const struct fake_pair mixed[] = {
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "v" },
        { "ALICLOUD_SECRET_KEY", "very-secret" },
        END,
    };
    static const struct fake_pair bad[] = {
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "v\r\nX: y" },
        { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "very-secret" },
        END,
    };
    struct sources sources = { .reply_count = 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(families); i++) {
        sources.variables = families[i];
        assert_found(&sources, NULL, "v", true);
    }
    sources.variables = mixed;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "belong together");
    sources.variables = bad;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "ALIBABA_CLOUD_ACCESS_KEY_ID has a character");
}

/* A token of somebody else's */

#define OIDC                                                 \
    { "ALIBABA_CLOUD_ROLE_ARN", ROLE_ARN },                  \
        { "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", PROVIDER_ARN }, \
    {                                                        \
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/run/token"        \
    }

static const struct fake_pair token_files[] = { { "/run/token", "a.b.c\n" },
                                                END };
static const struct fake_reply sts_reply = { 200, STS_REPLY, NULL };

#define ROLE_FORM                                          \
    "RoleArn=acs%3Aram%3A%3A154035569884%3Arole%2Fbackup&" \
    "RoleSessionName=envelope&DurationSeconds=3600"

static void
a_token_is_exchanged(void **state)
{
    static const struct fake_pair variables[] = { OIDC, END };
    const struct sources sources = { variables, token_files, &sts_reply, 1 };
    const struct sources again = { variables, token_files, NULL, 0 };
    const struct fake_request *sent = &fake.requests[0];

    (void)state;
    assert_found(&sources, NULL, "sts", true);
    assert_int_equal(credentials.expires, 1893553445);
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url,
                        "https://sts.aliyuncs.com/?Action=AssumeRoleWithOIDC&"
                        "Version=2015-04-01&Format=JSON&"
                        "Timestamp=2015-08-30T12%3A36%3A00Z");
    assert_string_equal(sent->headers,
                        "Content-Type: application/x-www-form-urlencoded\n");
    assert_string_equal(sent->body,
                        "OIDCProviderArn=acs%3Aram%3A%3A154035569884%3A"
                        "oidc-provider%2Fack&OIDCToken=a.b.c&" ROLE_FORM);
    /* And kept */
    assert_found(&again, NULL, "sts", true);
}

static void
sts_is_where_it_is_said(void **state)
{
    static const struct {
        struct fake_pair variables[7];
        const char *url;
    } cases[] = {
        { { OIDC, { "ALIBABA_CLOUD_STS_REGION", "cn-hangzhou" }, END },
          "https://sts.cn-hangzhou.aliyuncs.com/" },
        { { OIDC,
            { "ALIBABA_CLOUD_STS_REGION", "cn-hangzhou" },
            { "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "true" },
            END },
          "https://sts-vpc.cn-hangzhou.aliyuncs.com/" },
        { { OIDC,
            { "ALIBABA_CLOUD_STS_ENDPOINT", "https://sts.example" },
            END },
          "https://sts.example/" },
    };
    static const struct fake_pair evil[] = {
        OIDC, { "ALIBABA_CLOUD_STS_REGION", "x.evil.example/" }, END
    };
    static const struct fake_pair plain[] = {
        OIDC, { "ALIBABA_CLOUD_STS_ENDPOINT", "http://sts.example" }, END
    };
    struct sources sources = { NULL, token_files, &sts_reply, 1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        sources.variables = cases[i].variables;
        assert_found(&sources, NULL, "sts", true);
        assert_memory_equal(fake.requests[0].url, cases[i].url,
                            strlen(cases[i].url));
    }
    sources.reply_count = 0;
    sources.variables = evil;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "ALIBABA_CLOUD_STS_REGION: \"x.evil.example/\" is no region");
    sources.variables = plain;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "plain http");
}

static void
a_token_may_be_refused(void **state)
{
    static const struct fake_pair variables[] = { OIDC, END };
    static const struct fake_pair half[] = {
        { "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/run/token" },
        { "ALIBABA_CLOUD_ROLE_ARN", ROLE_ARN },
        END,
    };
    static const struct {
        struct fake_reply reply;
        enum envelope_reason reason;
        const char *detail;
    } cases[] = {
        { { 400,
            "{\"Code\":\"AuthenticationFail.OIDCToken.Expired\","
            "\"Message\":\"it has expired\"}",
            NULL },
          ENVELOPE_R_CREDENTIALS,
          "STS, role " ROLE_ARN
          ": HTTP status 400: AuthenticationFail.OIDCToken.Expired: it has "
          "expired; check the role's trust policy" },
        { { 200, "{}", NULL },
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no Credentials.AccessKeyId" },
        { { 200,
            "{\"Credentials\":{\"AccessKeyId\":\"i\",\"AccessKeySecret\":"
            "\"s\"}}",
            NULL },
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no Credentials.SecurityToken" },
        { { 200, "<html>", NULL }, ENVELOPE_R_KEY_SERVICE, "not a JSON" },
    };
    struct sources sources = { variables, token_files, NULL, 1 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        sources.replies = &cases[i].reply;
        assert_none(&sources, NULL, cases[i].reason, cases[i].detail);
    }
    sources.reply_count = 0;
    sources.files = home;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "/run/token: the token is missing");
    sources.variables = half;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "ALIBABA_CLOUD_OIDC_PROVIDER_ARN is missing");
}

/* Files */

static const struct fake_pair both_files[] = {
    { CONFIG,
      "{\"current\":\"main\",\"profiles\":["
      "{\"name\":\"default\",\"mode\":\"AK\",\"access_key_id\":\"d\","
      "\"access_key_secret\":\"d-s\",\"sts_token\":\"old\"},"
      "{\"name\":\"main\",\"mode\":\"StsToken\",\"access_key_id\":\"m\","
      "\"access_key_secret\":\"m-s\",\"sts_token\":\"m-t\"},"
      "{\"name\":\"role\",\"mode\":\"RamRoleArn\",\"access_key_id\":\"r\","
      "\"access_key_secret\":\"r-s\",\"ram_role_arn\":\"" ROLE_ARN "\","
      "\"ram_session_name\":\"night\",\"expired_seconds\":900,"
      "\"sts_region\":\"cn-shanghai\",\"oidc_token_file\":\"/run/token\"},"
      "{\"name\":\"token\",\"mode\":\"OIDC\",\"oidc_provider_arn\":"
      "\"" PROVIDER_ARN "\",\"oidc_token_file\":\"/run/token\","
      "\"ram_role_arn\":\"" ROLE_ARN "\"},"
      "{\"name\":\"uri\",\"mode\":\"CredentialsURI\",\"credentials_uri\":"
      "\"http://127.0.0.1:1/c?a=b\"},"
      "{\"name\":\"ecs\",\"mode\":\"EcsRamRole\",\"ram_role_name\":\"backup\"}"
      "]}" },
    { SECTIONS,
      "[default]\ntype = access_key\naccess_key_id = i\n"
      "access_key_secret = i-s\n"
      "[session]\ntype = sts\naccess_key_id = s\naccess_key_secret = s-s\n"
      "security_token = s-t\n"
      "[main]\ntype = access_key\naccess_key_id = x\n"
      "access_key_secret = y\n"
      "[assumed]\ntype = ram_role_arn\naccess_key_id = r\n"
      "access_key_secret = r-s\nrole_arn = " ROLE_ARN "\n"
      "external_id = e\nsecurity_token = old\n"
      "[machine]\ntype = ecs_ram_role\nrole_name = backup\n" },
    { "/run/token", "a.b.c\n" },
    END,
};

static void
profiles_are_found(void **state)
{
    static const struct fake_pair named[] = {
        HOME, { "ALIBABA_CLOUD_PROFILE", "session" }, END
    };
    static const struct fake_pair without_config[] = {
        HOME, { "ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "TRUE" }, END
    };
    static const struct fake_pair keys[] = {
        HOME,
        { "ALIBABA_CLOUD_ACCESS_KEY_ID", "v" },
        { "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "v-s" },
        { "ALIBABA_CLOUD_PROFILE", "session" },
        END,
    };
    struct sources sources = { .variables = home, .files = both_files };

    (void)state;
    assert_found(&sources, NULL, "m", true);
    assert_found(&sources, "default", "d", false);
    assert_found(&sources, "session", "s", true);
    sources.variables = named;
    assert_found(&sources, NULL, "s", true);
    assert_found(&sources, "default", "d", false);
    sources.variables = without_config;
    assert_found(&sources, NULL, "i", false);
    /* Who names a profile means it. */
    sources.variables = keys;
    assert_found(&sources, NULL, "v", false);
    assert_found(&sources, "session", "s", true);
}

static void
a_role_is_assumed(void **state)
{
    struct sources sources = { home, both_files, &sts_reply, 1 };
    const struct fake_request *sent = &fake.requests[0];

    (void)state;
    assert_found(&sources, "role", "sts", true);
    assert_string_equal(sent->method, "POST");
    assert_string_equal(sent->url,
                        "https://sts.cn-shanghai.aliyuncs.com/?"
                        "RoleArn=acs%3Aram%3A%3A154035569884%3Arole%2Fbackup&"
                        "RoleSessionName=night&DurationSeconds=900");
    assert_string_equal(sent->body, "");
    assert_string_equal(fake_header(sent, "x-acs-action"), "AssumeRole");
    assert_string_equal(fake_header(sent, "x-acs-version"), "2015-04-01");
    assert_non_null(strstr(fake_header(sent, "Authorization"),
                           "ACS3-HMAC-SHA256 Credential=r,"));
    assert_null(fake_header(sent, "x-acs-security-token"));

    assert_found(&sources, "assumed", "sts", true);
    assert_non_null(strstr(sent->url, "&DurationSeconds=3600&ExternalId=e"));
    assert_null(fake_header(sent, "x-acs-security-token"));

    assert_found(&sources, "token", "sts", true);
    assert_non_null(strstr(sent->body, "&OIDCToken=a.b.c&"));
    assert_null(fake_header(sent, "Authorization"));
    /* Each has its own. */
    sources.reply_count = 0;
    assert_found(&sources, "role", "sts", true);
    assert_found(&sources, "assumed", "sts", true);
}

static void
bad_profiles_are_errors(void **state)
{
    static const struct {
        const char *path, *content, *detail;
    } cases[] = {
        { CONFIG, "{", CONFIG ": it is not the JSON" },
        { CONFIG, "{\"profiles\":[{\"name\":\"default\",\"mode\":\"AK\"}]}",
          CONFIG ": profile default: access_key_id is missing or empty" },
        { CONFIG,
          "{\"profiles\":[{\"name\":\"default\",\"mode\":\"StsToken\","
          "\"access_key_id\":\"i\",\"access_key_secret\":\"very-secret\"}]}",
          CONFIG ": profile default: sts_token is missing" },
        { CONFIG,
          "{\"profiles\":[{\"name\":\"default\",\"mode\":\"AK\","
          "\"access_key_id\":\"i\",\"access_key_secret\":\"very-secret \"}]}",
          CONFIG ": profile default: access_key_secret has a character" },
        { CONFIG,
          "{\"profiles\":[{\"name\":\"default\",\"mode\":\"CloudSSO\"}]}",
          CONFIG ": profile default: mode \"CloudSSO\" cannot be used here, "
                 "only AK" },
        { CONFIG, "{\"profiles\":[{\"name\":\"default\"}]}", "mode \"\"" },
        { CONFIG, "{\"profiles\":[{},7,{\"name\":\"default\"}]}", "mode \"\"" },
        { CONFIG,
          "{\"current\":\"prod\",\"profiles\":[{\"name\":\"default\"}]}",
          CONFIG ": its current profile, prod, is not in it" },
        { CONFIG, "{\"current\":\"prod\"}", "its current profile, prod" },
        { SECTIONS, "[default]\naccess_key_id = i\n", "type \"\"" },
        { SECTIONS, "[default]\ntype = rsa_key_pair\n",
          SECTIONS ", line 1: profile default: type \"rsa_key_pair\" cannot be "
                   "used here, only access_key" },
        { SECTIONS, "[default]\ntype = CredentialsURI\n", "cannot be used" },
        { SECTIONS, "[default]\ntype = access_key\naccess_key_id = i\n",
          "access_key_secret is missing" },
        { SECTIONS, "[default]\ntype = access_key\nvery-secret\n",
          SECTIONS ", line 3: " },
    };
    struct fake_pair files[] = { END, END };
    const struct sources sources = { .variables = home, .files = files };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        files[0] = (struct fake_pair){ cases[i].path, cases[i].content };
        assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, cases[i].detail);
    }
}

static void
a_name_has_to_be_there(void **state)
{
    static const struct fake_pair by_variable[] = {
        HOME, { "ALIBABA_CLOUD_PROFILE", "absent" }, END
    };
    static const struct fake_pair by_file[] = {
        HOME, { "ALIBABA_CLOUD_CREDENTIALS_FILE", "/run/keys" }, END
    };
    struct sources sources = { .variables = home, .files = both_files };

    (void)state;
    assert_none(&sources, "absent", ENVELOPE_R_CREDENTIALS,
                "there is no profile absent, neither in ~/.aliyun/config.json "
                "nor as a section of " SECTIONS);
    sources.variables = by_variable;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "no profile absent");
    sources.variables = by_file;
    sources.files = home;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "no profile default, neither in ~/.aliyun/config.json nor as a "
                "section of /run/keys");
}

/* More than ten */
static void
profiles_may_be_many(void **state)
{
    char text[4000] = "{\"current\":\"p25\",\"profiles\":[";
    const struct fake_pair files[] = { { CONFIG, text }, END };
    const struct sources sources = { .variables = home, .files = files };
    size_t i, len;

    (void)state;
    for (i = 0; i < 30; i++) {
        len = strlen(text);
        (void)snprintf(text + len, sizeof(text) - len,
                       "%s{\"name\":\"p%zu\",\"mode\":\"AK\","
                       "\"access_key_id\":\"p%zu\",\"access_key_secret\":"
                       "\"p%zu-s\"}",
                       i > 0 ? "," : "", i, i, i);
    }
    len = strlen(text);
    (void)snprintf(text + len, sizeof(text) - len, "]}");
    assert_found(&sources, NULL, "p25", false);
    assert_found(&sources, "p9", "p9", false);
}

/* Services near by */

static const struct fake_reply machine_replies[] = {
    { 200, "the-session", NULL },
    { 200, "backup\nsecond\n", NULL },
    { 200, ROLE_REPLY, NULL },
};
static const struct fake_reply named_replies[] = {
    { 200, "the-session", NULL },
    { 200, ROLE_REPLY, NULL },
};

static void
a_machine_has_a_role(void **state)
{
    const struct sources sources = { .replies = machine_replies,
                                     .reply_count = 3 };
    const struct sources again = { .reply_count = 0 };

    (void)state;
    assert_found(&sources, NULL, "ecs", true);
    assert_int_equal(credentials.expires, 1893553445);
    assert_string_equal(fake.requests[0].method, "PUT");
    assert_string_equal(fake.requests[0].url, METADATA "api/token");
    assert_string_equal(fake.requests[0].headers,
                        "x-aliyun-ecs-metadata-token-ttl-seconds: 21600\n");
    assert_string_equal(fake.requests[1].url, ROLES);
    assert_string_equal(fake.requests[2].url, ROLES "backup");
    assert_string_equal(fake.requests[2].headers,
                        "x-aliyun-ecs-metadata-token: the-session\n");
    assert_found(&again, NULL, "ecs", true);
}

/* By a variable, and by profiles; without a session there is nothing. */
static void
a_machine_role_may_be_named(void **state)
{
    static const struct fake_pair named[] = {
        { "ALIBABA_CLOUD_ECS_METADATA", "backup" }, END
    };
    static const struct fake_reply refused = { 404, "", NULL };
    static const char *const profiles[] = { "ecs", "machine" };
    const struct sources by_variable = { named, NULL, named_replies, 2 };
    const struct sources no_session = { named, NULL, &refused, 1 };
    const struct sources of_profile = { home, both_files, named_replies, 2 };
    size_t i;

    (void)state;
    assert_found(&by_variable, NULL, "ecs", true);
    assert_string_equal(fake.requests[1].url, ROLES "backup");
    for (i = 0; i < COUNT(profiles); i++) {
        kms_kept_forget(&kept);
        assert_found(&of_profile, profiles[i], "ecs", true);
        assert_string_equal(fake.requests[1].url, ROLES "backup");
    }
    kms_kept_forget(&kept);
    assert_none(&no_session, NULL, ENVELOPE_R_CREDENTIALS, "HTTP status 404");
}

static void
a_machine_may_have_nothing(void **state)
{
    static const struct fake_pair off[] = {
        HOME, { "ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true" }, END
    };
    static const struct fake_reply replies[] = {
        { 0, NULL, NULL },
        { 500, "", NULL },
        { 200, "{\"Code\":\"Failed\",\"Message\":\"no\"}", NULL },
        { 200, "{\"Code\":\"Success\",\"AccessKeyId\":\"i\"}", NULL },
    };
    struct sources sources = { .replies = replies, .reply_count = 1 };

    (void)state;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "no credentials for Alibaba Cloud: neither "
                "ALIBABA_CLOUD_ACCESS_KEY_ID");
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "does not answer");
    sources.replies = &replies[1];
    assert_none(&sources, NULL, ENVELOPE_R_KEY_SERVICE, "HTTP status 500");
    sources = (struct sources){ .variables = off, .files = both_files };
    assert_none(&sources, "ecs", ENVELOPE_R_CREDENTIALS, "or is switched off");
    sources.files = NULL;
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "is switched off");
}

static void
a_uri_is_asked(void **state)
{
    static const struct fake_pair variables[] = {
        { "ALIBABA_CLOUD_CREDENTIALS_URI", "http://127.0.0.1:1/c?a=b" }, END
    };
    static const struct fake_pair far[] = {
        { "ALIBABA_CLOUD_CREDENTIALS_URI", "http://10.0.0.1/c" }, END
    };
    static const struct fake_reply reply = { 200, URI_REPLY, NULL };
    static const struct fake_reply bad = {
        200, "{\"AccessKeyId\":\"i\",\"AccessKeySecret\":\"very-secret\"}", NULL
    };
    struct sources sources = { variables, NULL, &reply, 1 };

    (void)state;
    assert_found(&sources, NULL, "uri", true);
    assert_string_equal(fake.requests[0].method, "GET");
    assert_string_equal(fake.requests[0].url, "http://127.0.0.1:1/c?a=b");
    sources.reply_count = 0;
    assert_found(&sources, NULL, "uri", true);
    sources = (struct sources){ home, both_files, NULL, 0 };
    assert_found(&sources, "uri", "uri", true);
    kms_kept_forget(&kept);
    sources = (struct sources){ variables, NULL, &bad, 1 };
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS,
                "ALIBABA_CLOUD_CREDENTIALS_URI: the answer has no "
                "SecurityToken");
    sources = (struct sources){ far, NULL, NULL, 0 };
    assert_none(&sources, NULL, ENVELOPE_R_CREDENTIALS, "plain http");
}

/* Memory */

static void
sweep(const struct sources *sources, const char *profile)
{
    enum envelope_reason rc;
    size_t n = 0, failures = 0;

    do {
        kms_kept_forget(&kept);
        memory_fail(++n);
        rc = look(sources, profile);
        memory_fail(0);
        if (rc != ENVELOPE_OK && rc != ENVELOPE_R_MEMORY
            && rc != ENVELOPE_R_CRYPTO)
            fail_msg("allocation %zu: %s", n, err.detail);
        failures += rc != ENVELOPE_OK;
    } while (memory_failed());
    assert_int_equal(rc, ENVELOPE_OK);
    assert_true(failures >= 3);
}

static void
memory_may_run_out(void **state)
{
    static const struct fake_pair variables[] = { OIDC, END };
    const struct sources token = { variables, token_files, &sts_reply, 1 };
    const struct sources machine = { NULL, NULL, machine_replies, 3 };
    const struct sources files = { home, both_files, &sts_reply, 1 };
    static const char *const profiles[] = { "main", "role", "session",
                                            "assumed" };
    size_t i;

    (void)state;
    sweep(&token, NULL);
    sweep(&machine, NULL);
    for (i = 0; i < COUNT(profiles); i++)
        sweep(&files, profiles[i]);
}

#define source_test(f) cmocka_unit_test_teardown(f, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        source_test(variables_have_families),
        source_test(a_token_is_exchanged),
        source_test(sts_is_where_it_is_said),
        source_test(a_token_may_be_refused),
        source_test(profiles_are_found),
        source_test(a_role_is_assumed),
        source_test(bad_profiles_are_errors),
        source_test(a_name_has_to_be_there),
        source_test(profiles_may_be_many),
        source_test(a_machine_has_a_role),
        source_test(a_machine_role_may_be_named),
        source_test(a_machine_may_have_nothing),
        source_test(a_uri_is_asked),
        source_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_ali_credentials", tests, NULL,
                                       NULL);
}
