/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of others, exchanged for Google's: what is sent where, and what is not. */
#include "test/kms/kms_google.h"

#define AUDIENCE                                          \
    "\"//iam.googleapis.com/projects/1/locations/global/" \
    "workloadIdentityPools/p/providers/q\""
#define BARE                                                \
    "{\"type\":\"external_account\",\"audience\":" AUDIENCE \
    ",\"subject_token_type\":\"urn:ietf:params:oauth:token-type:jwt\""
#define SOURCE(members) ",\"credential_source\":{" members "}"
#define FILE_SOURCE SOURCE("\"file\":\"/token\"")
#define URL_SOURCE(url) SOURCE("\"url\":\"" url "\"")
#define JSON_FORMAT \
    ",\"format\":{\"type\":\"json\",\"subject_token_field_name\":\"id\"}"
#define IMPERSONATE(host)                                         \
    ",\"service_account_impersonation_url\":\"https://" host      \
    "/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:" \
    "generateAccessToken\""

#define STS "{\"access_token\":\"sts" SECRET "\",\"expires_in\":3600}"
#define OTHER                                                              \
    "{\"accessToken\":\"sa" SECRET "\",\"expireTime\":\"2015-08-30T14:36:" \
    "00Z\"}"

static const struct fake_reply both[] = { { 200, STS, NULL },
                                          { 200, OTHER, NULL } };

/* A file of type external_account, and its token in another one. */
static void
start_with(const char *file, const char *subject)
{
    static struct fake_pair files[3];

    start(file);
    files[0] = g.file[0];
    files[1] = (struct fake_pair){ "/token", subject };
    files[2] = (struct fake_pair)END;
    g.fake.files = files;
}

#define SCOPES                                                    \
    "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform%20" \
    "https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloudkms"
#define FORM(scope)                                                         \
    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&" \
    "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3A"      \
    "access_token&scope=" scope "&audience=%2F%2Fiam.googleapis.com%2F"     \
    "projects%2F1%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fp%2F"      \
    "providers%2Fq&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3A"       \
    "token-type%3Ajwt&subject_token=swipe-me%21"

static void
a_token_is_exchanged(void **state)
{
    (void)state;
    start_with(BARE FILE_SOURCE "}", "s" SECRET "\r\n");
    answer(both, 1);
    finds("sts" SECRET);
    assert_int_equal(g.credentials.expires, g.fake.now + 3600);
    assert_string_equal(g.fake.requests[0].method, "POST");
    assert_string_equal(g.fake.requests[0].url,
                        "https://sts.googleapis.com/v1/token");
    assert_string_equal(g.fake.requests[0].body, FORM(SCOPES));
    assert_string_equal(fake_header(&g.fake.requests[0], "Content-Type"),
                        "application/x-www-form-urlencoded");
    assert_null(fake_header(&g.fake.requests[0], "Authorization"));
    finish();
}

static void
and_that_one_for_an_account(void **state)
{
    const char *host;

    (void)state;
    start_with(BARE FILE_SOURCE IMPERSONATE(
                   "iamcredentials.googleapis.com") ",\"service_account_"
                                                    "impersonation\":{\"token_"
                                                    "lifetime_seconds\":"
                                                    "7200},\"quota_project_"
                                                    "id\":\"q\"}",
               "s" SECRET);
    answer(both, 2);
    finds("sa" SECRET);
    assert_int_equal(g.credentials.expires, g.fake.now + 7200);
    assert_string_equal(kms_text_get(&g.credentials.id), "q");
    assert_non_null(strstr(g.fake.requests[0].body, "cloud-platform&audience"));
    host = "https://iamcredentials.googleapis.com/v1/projects/-/"
           "serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken";
    assert_string_equal(g.fake.requests[1].url, host);
    assert_string_equal(fake_header(&g.fake.requests[1], "Authorization"),
                        "Bearer sts" SECRET);
    assert_string_equal(
        g.fake.requests[1].body,
        "{\"scope\":[\"https://www.googleapis.com/auth/cloud-platform\","
        "\"https://www.googleapis.com/auth/"
        "cloudkms\"],\"lifetime\":\"7200s\"}");
    finish();
}

static void
clients_and_workforces_say_who_they_are(void **state)
{
    (void)state;
    start_with(BARE FILE_SOURCE
               ",\"client_id\":\"c\",\"client_secret\":\"" SECRET
               "\",\"workforce_pool_user_project\":\"w\"}",
               "s" SECRET);
    answer(both, 1);
    finds("sts" SECRET);
    assert_string_equal(fake_header(&g.fake.requests[0], "Authorization"),
                        "Basic Yzp3aXBlLW1lIQ==");
    assert_string_equal(g.fake.requests[0].body, FORM(SCOPES));
    finish();
    start_with(BARE FILE_SOURCE ",\"workforce_pool_user_project\":\"w\"}",
               "s" SECRET);
    answer(both, 1);
    finds("sts" SECRET);
    assert_string_equal(g.fake.requests[0].body,
                        FORM(SCOPES) "&options=%7B%22userProject%22%3A%22w%22"
                                     "%7D");
    finish();
}

/* Where the token is */

static void
urls_are_asked_for_a_token(void **state)
{
    static const struct {
        const char *file, *url, *body, *authorization, *metadata;
    } cases[] = {
        { BARE SOURCE(
              "\"url\":\"http://169.254.169.254/metadata/identity/oauth2/"
              "token?api-version=2018-02-01&resource=api://x\","
              "\"headers\":{\"Metadata\":\"True\"}" JSON_FORMAT) "}",
          "http://169.254.169.254/metadata/identity/oauth2/token"
          "?api-version=2018-02-01&resource=api://x",
          "{\"id\":\"s" SECRET "\"}", NULL, "True" },
        { BARE SOURCE("\"url\":\"https://ci.example/token?a=b\",\"headers\":{"
                      "\"Authorization\":\"Bearer x\"}") "}",
          "https://ci.example/token?a=b", "s" SECRET "\n", "Bearer x", NULL },
        { BARE URL_SOURCE("http://127.0.0.1:81/") "}", "http://127.0.0.1:81/",
          "s" SECRET, NULL, NULL },
    };
    static struct fake_reply replies[2];
    const struct fake_request *request = g.fake.requests;
    const char *header;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start_with(cases[i].file, NULL);
        replies[0] = (struct fake_reply){ 200, cases[i].body, NULL };
        replies[1] = both[0];
        answer(replies, 2);
        finds("sts" SECRET);
        assert_string_equal(request->method, "GET");
        assert_string_equal(request->url, cases[i].url);
        header = fake_header(request, "Authorization");
        assert_string_equal(
            header != NULL ? header : "-",
            cases[i].authorization != NULL ? cases[i].authorization : "-");
        header = fake_header(request, "Metadata");
        assert_string_equal(header != NULL ? header : "-",
                            cases[i].metadata != NULL ? cases[i].metadata
                                                      : "-");
        assert_string_equal(g.fake.requests[1].body, FORM(SCOPES));
        finish();
    }
}

static void
bad_sources_are_told(void **state)
{
    static const struct {
        const char *members, *subject, *text;
    } cases[] = {
        { "", NULL, "credential_source has to have a file or a url" },
        { SOURCE(""), NULL, "credential_source has to have a file or a url" },
        { SOURCE("\"file\":\"/token\",\"url\":\"https://a.example/\""), NULL,
          "credential_source has to have a file or a url" },
        { SOURCE("\"file\":1"), NULL, "credential_source.file is no text" },
        { SOURCE("\"executable\":{\"command\":\"/bin/x\"}"), NULL,
          "credential_source.executable: no program is run: have it write" },
        { SOURCE("\"environment_id\":\"aws1\",\"url\":\"http://169.254.169.254/"
                 "x\""),
          NULL, "credential_source.environment_id: requests that AWS signs" },
        { SOURCE("\"certificate\":{}"), NULL,
          "credential_source.certificate: client certificates are not used" },
        { FILE_SOURCE, NULL,
          "credential_source.file: /token: there is no such file" },
        { FILE_SOURCE, "", "has no token" },
        { FILE_SOURCE, "\n", "has no token" },
        { FILE_SOURCE, SECRET "\n" SECRET, "not in one line" },
        { SOURCE("\"file\":\"/token\"" JSON_FORMAT), SECRET, "is not JSON" },
        { SOURCE("\"file\":\"/token\"" JSON_FORMAT), "{\"no\":\"" SECRET "\"}",
          "has no token" },
        { SOURCE("\"file\":\"/token\",\"format\":{\"type\":\"json\"}"), "{}",
          "there is no credential_source.format.subject_token_field_name" },
        { SOURCE("\"file\":\"/token\",\"format\":{\"type\":\"xml\"}"), SECRET,
          "credential_source.format.type has to be text or json" },
        { URL_SOURCE("http://10.0.0.1/x"), NULL, "plain http is for this" },
        { URL_SOURCE("ftp://a.example/x"), NULL, "it has to be https://host" },
        { URL_SOURCE("https://u:" SECRET "@a.example/x"), NULL,
          "no user may stand" },
        { URL_SOURCE("https://a.example"), NULL, "is not a URL with a path" },
        { URL_SOURCE("https://a.example/#x"), NULL,
          "is not a URL with a path" },
        { URL_SOURCE("x"), NULL, "is not a URL with a path" },
    };
    struct kms_text file = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        kms_text_addf(&file, "%s%s}", BARE, cases[i].members);
        start_with(file.data, cases[i].subject);
        fails(ENVELOPE_R_CREDENTIALS, cases[i].text);
        finish();
        kms_text_clear(&file);
    }
    start_with("{\"type\":\"external_account\"" FILE_SOURCE "}", SECRET);
    fails(ENVELOPE_R_CREDENTIALS, "there is no audience");
    finish();
    start_with("{\"type\":\"external_account\",\"audience\":\"a\"}", SECRET);
    fails(ENVELOPE_R_CREDENTIALS, "there is no subject_token_type");
    finish();
}

/* Hosts */

static const struct {
    const char *host; /* with its port and path */
    bool good;
} hosts[] = {
    { "%s.googleapis.com/v1/x", true },
    { "%s.us-central1.googleapis.com/v1/x", true },
    { "us-central1-%s.googleapis.com/v1/x", true },
    { "%s-net.p.googleapis.com/v1/x", true },
    { "%s.googleapis.com", false },
    { "%s.googleapis.com:8443/v1/x", false },
    { "%s.storage.googleapis.com/v1/x", false },
    { "%s.x.p.googleapis.com/v1/x", false },
    { "%s-x.googleapis.com/v1/x", false },
    { "%s-.p.googleapis.com/v1/x", false },
    { "x%s.googleapis.com/v1/x", false },
    { "%sx.googleapis.com/v1/x", false },
    { "googleapis.com/v1/x", false },
    { "%s.googleapis.com.evil.example/v1/x", false },
    { "evil.example/%s.googleapis.com", false },
    { "%s.evilgoogleapis.com/v1/x", false },
    { "%s.a.b1-.googleapis.com/v1/x", false },
    { "%s.googleapis.com@evil.example/v1/x", false },
    { "%s.googleapis.com%%2eevil.example/v1/x", false },
    { "%s.googleapis.com/v1/x?y", false },
    { "%s.googleapis.com/v1/../x", false },
    { "%s.s3ns.example/v1/x", false },
    { "127.0.0.1/v1/x", false },
};

/* Where the URL is wrong nobody is asked, and no other file is read. */
static void
tokens_go_to_google_only(void **state)
{
    static const struct {
        const char *name, *service;
        size_t request; /* the one that goes there */
    } urls[] = {
        { "token_url", "sts", 0 },
        { "service_account_impersonation_url", "iamcredentials", 1 },
    };
    struct kms_text file = { 0 }, url = { 0 };
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(hosts) * COUNT(urls); i++) {
        j = i / COUNT(hosts);
        kms_text_add(&url, "https://");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        kms_text_addf(&url, hosts[i % COUNT(hosts)].host, urls[j].service);
#pragma GCC diagnostic pop
        kms_text_addf(&file, "%s,\"%s\":\"%s\"}", BARE FILE_SOURCE,
                      urls[j].name, url.data);
        start_with(file.data, SECRET);
        answer(both, urls[j].request + 1);
        if (hosts[i % COUNT(hosts)].good) {
            assert_int_equal(find(), ENVELOPE_OK);
            assert_string_equal(g.fake.requests[urls[j].request].url, url.data);
        } else {
            fails(ENVELOPE_R_CREDENTIALS, urls[j].name);
            says("since tokens are sent there");
            assert_int_equal(g.fake.request_count, 0);
        }
        finish();
        kms_text_clear(&file);
        kms_text_clear(&url);
    }
    start_with(BARE FILE_SOURCE ",\"token_url\":\"http://sts.googleapis.com/v1/"
                                "token\"}",
               SECRET);
    fails(ENVELOPE_R_CREDENTIALS, "token_url has to be a URL at https://sts.");
    finish();
}

static void
another_cloud_has_its_own(void **state)
{
    (void)state;
    start_with(BARE FILE_SOURCE IMPERSONATE(
                   "iamcredentials.s3ns.example") ",\"universe_domain\":\"s3ns."
                                                  "example\"}",
               SECRET);
    answer(both, 2);
    finds("sa" SECRET);
    assert_string_equal(g.fake.requests[0].url,
                        "https://sts.s3ns.example/v1/token");
    finish();
    start_with(BARE FILE_SOURCE IMPERSONATE(
                   "iamcredentials.googleapis.com") ",\"universe_domain\":"
                                                    "\"s3ns.example\"}",
               SECRET);
    fails(ENVELOPE_R_CREDENTIALS, "at https://iamcredentials.s3ns.example");
    finish();
}

static void
the_environment_may_name_another_endpoint(void **state)
{
    static const struct fake_pair variables[] = {
        NAMED,
        { "ENVELOPE_GOOGLE_OAUTH_ENDPOINT", "http://127.0.0.1:81" },
        END,
    };

    (void)state;
    start_with(
        BARE FILE_SOURCE IMPERSONATE(
            "iamcredentials.googleapis.com") ",\"token_url\":\"https://"
                                             "sts.googleapis.com/v1/token\"}",
        SECRET);
    g.fake.variables = variables;
    answer(both, 2);
    finds("sa" SECRET);
    assert_string_equal(g.fake.requests[0].url, "http://127.0.0.1:81/v1/token");
    assert_memory_equal(g.fake.requests[1].url,
                        "http://127.0.0.1:81/v1/projects/", 32);
    finish();
    /* But the file has to be a good one all the same. */
    start_with(BARE FILE_SOURCE
               ",\"token_url\":\"http://127.0.0.1:81/v1/token\"}",
               SECRET);
    g.fake.variables = variables;
    fails(ENVELOPE_R_CREDENTIALS, "token_url has to be");
    finish();
}

static void
nobody_else_may_write_to_the_file(void **state)
{
    (void)state;
    start_with(BARE FILE_SOURCE "}", SECRET);
    g.fake.open_to_all = FILE_NAME;
    fails(ENVELOPE_R_CREDENTIALS, FILE_NAME ": open to all");
    finish();
}

/* Answers */

static void
refusals_are_told(void **state)
{
    static const struct {
        struct fake_reply replies[2];
        size_t count;
        enum envelope_reason reason;
        const char *text;
    } cases[] = {
        { { { 400,
              "{\"error\":\"invalid_grant\",\"error_description\":\"The "
              "audience "
              "does not match\"}",
              NULL } },
          1,
          ENVELOPE_R_CREDENTIALS,
          "sts.googleapis.com: HTTP status 400: invalid_grant: The audience "
          "does "
          "not match; look at the provider" },
        { { { 200, "{}", NULL } },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "sts.googleapis.com: the answer has no access_token" },
        { { { 200, STS, NULL },
            { 403,
              "{\"error\":{\"code\":403,\"message\":\"Permission denied\","
              "\"status\":\"PERMISSION_DENIED\"}}",
              NULL } },
          2,
          ENVELOPE_R_CREDENTIALS,
          "iamcredentials.googleapis.com: HTTP status 403: PERMISSION_DENIED: "
          "Permission denied; the workload needs "
          "roles/iam.workloadIdentityUser" },
        { { { 200, STS, NULL }, { 200, "{}", NULL } },
          2,
          ENVELOPE_R_KEY_SERVICE,
          "iamcredentials.googleapis.com: the answer has no "
          "access_token" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start_with(
            BARE FILE_SOURCE IMPERSONATE("iamcredentials.googleapis.com") "}",
            SECRET);
        answer(cases[i].replies, cases[i].count);
        fails(cases[i].reason, cases[i].text);
        finish();
    }
}

static void
lifetimes_are_bounded(void **state)
{
    static const char *const bad[] = {
        "0", "43201", "-1", "\"6x\"", "1.5", "{}"
    };
    struct kms_text file = { 0 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        kms_text_addf(
            &file,
            "%s,\"service_account_impersonation\":{\"token_lifetime_"
            "seconds\":%s}}",
            BARE FILE_SOURCE IMPERSONATE("iamcredentials.googleapis.com"),
            bad[i]);
        start_with(file.data, SECRET);
        fails(ENVELOPE_R_CREDENTIALS, "has to be a number from 1 to 43200");
        finish();
        kms_text_clear(&file);
    }
}

/* The token of somebody else is looked at anew when Google's has to be renewed. */
static void
tokens_are_kept(void **state)
{
    const struct fake_reply replies[] = { both[0], both[0] };

    (void)state;
    start_with(BARE FILE_SOURCE "}", SECRET);
    g.fake.world.kept = &g.kept;
    answer(replies, 2);
    finds("sts" SECRET);
    g.fake.files = g.file; /* the token is gone */
    finds("sts" SECRET);
    assert_int_equal(g.fake.request_count, 1);
    g.fake.now += 3600 - 300;
    fails(ENVELOPE_R_CREDENTIALS, "there is no such file");
    finish();
}

/* Memory */

static enum envelope_reason
send_simply(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *err)
{
    const char *path = kms_text_get(&request->path);

    (void)arg;
    (void)milliseconds;
    reply->status = 200;
    kms_text_set(&reply->body, strcmp(path, "/subject") == 0    ? SECRET
                               : strcmp(path, "/v1/token") == 0 ? STS
                                                                : OTHER);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
memory_may_run_out(void **state)
{
    (void)state;
    memory.may_fail = memory_is_ours;
    sweep(BARE URL_SOURCE(
              "http://127.0.0.1:81/subject") ",\"token_url\":\"https://"
                                             "sts.googleapis.com/v1/token\","
                                             "\"client_id\":\"c\"" IMPERSONATE(
                                                 "iamcredentials.googleapis."
                                                 "com") "}",
          named, send_simply);
    memory.may_fail = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_exchanged),
        cmocka_unit_test(and_that_one_for_an_account),
        cmocka_unit_test(clients_and_workforces_say_who_they_are),
        cmocka_unit_test(urls_are_asked_for_a_token),
        cmocka_unit_test(bad_sources_are_told),
        cmocka_unit_test(tokens_go_to_google_only),
        cmocka_unit_test(another_cloud_has_its_own),
        cmocka_unit_test(the_environment_may_name_another_endpoint),
        cmocka_unit_test(nobody_else_may_write_to_the_file),
        cmocka_unit_test(refusals_are_told),
        cmocka_unit_test(lifetimes_are_bounded),
        cmocka_unit_test(tokens_are_kept),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_google_federation", tests, NULL,
                                       NULL);
}
