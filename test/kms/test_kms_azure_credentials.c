/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens for Azure: where they are looked for, and what is sent for them. */
#include "kms/cloud/azure_credentials.h"

#include "kms/engine/kept.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define TENANT "11111111-2222-3333-4444-555555555555"
#define ENTRA "https://login.microsoftonline.com/" TENANT "/oauth2/v2.0/token"
#define IMDS "http://169.254.169.254/metadata/identity/oauth2/token"
#define FOR_VAULT "resource=https%3A%2F%2Fvault.azure.net"
#define SCOPE "scope=https%3A%2F%2Fvault.azure.net%2F.default"
#define TOKEN_FILE "/run/token"

#define TOKEN "{\"access_token\":\"tok\",\"expires_in\":3599}"
#define VARIABLES_MAX 8

#define TENANT_AND_CLIENT          \
    { "AZURE_TENANT_ID", TENANT }, \
    {                              \
        "AZURE_CLIENT_ID", "app"   \
    }
#define CLIENT_SECRET                     \
    {                                     \
        "AZURE_CLIENT_SECRET", SECRET "+" \
    }
#define FEDERATED                                \
    {                                            \
        "AZURE_FEDERATED_TOKEN_FILE", TOKEN_FILE \
    }
#define APP_SERVICE                                                  \
    { "IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token?a=b" }, \
    {                                                                \
        "IDENTITY_HEADER", SECRET                                    \
    }

static struct azure {
    struct fake_world fake;
    struct kms_kept kept;
    struct kms_seeker seeker;
    struct kms_credentials credentials;
    struct envl_err err;
} a;

static void
start(const struct fake_pair *variables, const struct fake_reply *replies,
      size_t count)
{
    static const struct fake_pair files[] = { { TOKEN_FILE, SECRET ".jwt\n" },
                                              { "/bad", "a\nb\n" },
                                              { NULL, NULL } };

    fake_world_init(&a.fake);
    a.kept = (struct kms_kept){ .lock = PTHREAD_MUTEX_INITIALIZER };
    a.fake.variables = variables;
    a.fake.files = files;
    a.fake.replies = replies;
    a.fake.reply_count = count;
    a.seeker = (struct kms_seeker){ .world = &a.fake.world };
    a.err.detail[0] = '\0';
}

static void
finish(void)
{
    kms_kept_forget(&a.kept);
    kms_credentials_clear(&a.credentials);
    fake_world_clear(&a.fake);
    assert_int_equal(memory.unwiped, 0);
}

static enum envelope_reason
find(void)
{
    return kms_azure_credentials(&a.credentials, &a.seeker,
                                 kms_azure_cloud("unit.vault.azure.net"),
                                 &a.err);
}

static void
finds(const char *token)
{
    if (find() != ENVELOPE_OK)
        fail_msg("%s", a.err.detail);
    assert_string_equal(kms_text_get(&a.credentials.token), token);
    assert_int_equal(a.credentials.id.len, 0);
}

/* Whose host is it? */
static void
clouds_are_known_by_their_suffix(void **state)
{
    static const char *const none[] = {
        "",
        "vault.azure.net",
        ".vault.azure.net",
        "a.b.vault.azure.net",
        "A.vault.azure.net",
        "a.vault.azure.net.",
        "a.vault.azure.net:443",
        "a.vault.azure.com",
        "a.vault.azure.net/",
        "-a.vault.azure.net",
        "a_b.vault.azure.net",
        "a@vault.azure.net",
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(none); i++) {
        if (kms_azure_cloud(none[i]) != NULL)
            fail_msg("%s was taken", none[i]);
    }
    assert_string_equal(kms_azure_cloud("a-1.vault.azure.net")->resource,
                        "https://vault.azure.net");
    assert_string_equal(kms_azure_cloud("a.managedhsm.azure.cn")->authority,
                        "https://login.chinacloudapi.cn");
}

/* What each kind sends, and that it comes before the ones below it. */
static void
sources_are_asked_in_order(void **state)
{
    static const struct {
        struct fake_pair variables[VARIABLES_MAX];
        const char *method, *url, *headers, *body;
        size_t probes; /* requests before it */
    } rows[] = {
        { { TENANT_AND_CLIENT, CLIENT_SECRET, FEDERATED, APP_SERVICE },
          "POST",
          ENTRA,
          "Content-Type: application/x-www-form-urlencoded\n",
          "client_id=app&" SCOPE "&grant_type=client_credentials"
          "&client_secret=wipe-me%21%2B",
          0 },
        { { TENANT_AND_CLIENT, FEDERATED, APP_SERVICE },
          "POST",
          ENTRA,
          "Content-Type: application/x-www-form-urlencoded\n",
          "client_id=app&" SCOPE "&grant_type=client_credentials"
          "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A"
          "client-assertion-type%3Ajwt-bearer"
          "&client_assertion=wipe-me%21.jwt",
          0 },
        { { { "IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token" },
            { "IDENTITY_HEADER", SECRET } },
          "GET",
          "http://127.0.0.1:41741/msi/token?api-version=2019-08-01"
          "&" FOR_VAULT,
          "X-IDENTITY-HEADER: wipe-me!\n",
          "",
          0 },
        { { { "IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token" },
            { "IDENTITY_HEADER", SECRET },
            TENANT_AND_CLIENT },
          "GET",
          "http://127.0.0.1:41741/msi/token?api-version=2019-08-01"
          "&" FOR_VAULT "&client_id=app",
          "X-IDENTITY-HEADER: wipe-me!\n",
          "",
          0 },
        { { { NULL, NULL } },
          "GET",
          IMDS "?api-version=2018-02-01&" FOR_VAULT,
          "Metadata: true\n",
          "",
          1 },
        { { { "AZURE_CLIENT_ID", "a b" } },
          "GET",
          IMDS "?api-version=2018-02-01&" FOR_VAULT "&client_id=a%20b",
          "Metadata: true\n",
          "",
          1 },
        { { { "AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1" } },
          "GET",
          "http://127.0.0.1:1/metadata/identity/oauth2/token"
          "?api-version=2018-02-01&" FOR_VAULT,
          "Metadata: true\n",
          "",
          1 },
        { { TENANT_AND_CLIENT,
            CLIENT_SECRET,
            { "AZURE_AUTHORITY_HOST", " https://login.example//\n" } },
          "POST",
          "https://login.example/" TENANT "/oauth2/v2.0/token",
          "Content-Type: application/x-www-form-urlencoded\n",
          "client_id=app&" SCOPE "&grant_type=client_credentials"
          "&client_secret=wipe-me%21%2B",
          0 },
    };
    static const struct fake_reply direct[] = { { 200, TOKEN, NULL } };
    static const struct fake_reply probed[] = { { 400, "{}", NULL },
                                                { 200, TOKEN, NULL } };
    const struct fake_request *sent;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        start(rows[i].variables, rows[i].probes ? probed : direct,
              rows[i].probes + 1);
        finds("tok");
        assert_int_equal(a.fake.request_count, rows[i].probes + 1);
        sent = &a.fake.requests[rows[i].probes];
        assert_string_equal(sent->method, rows[i].method);
        assert_string_equal(sent->url, rows[i].url);
        assert_string_equal(sent->headers, rows[i].headers);
        assert_string_equal(sent->body, rows[i].body);
        finish();
    }
}

/* A short question finds out whether there is any, and says who nobody is. */
static void
a_machine_is_asked_whether_it_is_one(void **state)
{
    static const struct fake_pair nothing[] = { { NULL, NULL } };
    static const struct fake_reply replies[] = { { 400, "no", NULL },
                                                 { 200, TOKEN, NULL } };
    static const struct fake_reply nobody[] = { { 0, NULL, NULL } };

    (void)state;
    start(nothing, replies, 2);
    finds("tok");
    assert_string_equal(a.fake.requests[0].url, IMDS);
    assert_string_equal(a.fake.requests[0].headers, "");
    assert_int_equal(a.fake.requests[0].milliseconds, 1000);
    assert_true(a.fake.requests[1].milliseconds > 1000);
    finish();
    start(nothing, nobody, 1);
    assert_int_equal(find(), ENVELOPE_R_CREDENTIALS);
    assert_non_null(strstr(a.err.detail, "looked for AZURE_CLIENT_SECRET"));
    finish();
}

/* It says 404 and 410 while it begins, and is waited for. */
static void
a_machine_may_be_starting(void **state)
{
    static const struct fake_pair nothing[] = { { NULL, NULL } };
    static const struct fake_reply replies[] = { { 400, "no", NULL },
                                                 { 410, "", NULL },
                                                 { 404, "", NULL },
                                                 { 200, TOKEN, NULL } };
    static const struct fake_reply never[] = {
        { 400, "no", NULL }, { 404, "", NULL }, { 404, "", NULL },
        { 404, "", NULL },   { 404, "", NULL },
    };

    (void)state;
    start(nothing, replies, 4);
    finds("tok");
    finish();
    start(nothing, never, 5);
    assert_int_equal(find(), ENVELOPE_R_CREDENTIALS);
    assert_non_null(strstr(a.err.detail, "HTTP status 404, after 4 attempts"));
    finish();
}

/* Who it is that does not answer is told. */
static void
a_far_service_is_named(void **state)
{
    static const struct fake_pair entra[] = { TENANT_AND_CLIENT,
                                              CLIENT_SECRET,
                                              { NULL, NULL } };
    static const struct fake_reply nobody[] = { { 0, NULL, NULL },
                                                { 0, NULL, NULL },
                                                { 0, NULL, NULL },
                                                { 0, NULL, NULL } };
    static const struct fake_reply elsewhere[] = { { 302, "", NULL } };
    static const struct fake_reply busy[] = { { 503, "",
                                                "Retry-After: 60\r\n" } };

    (void)state;
    start(entra, nobody, 4);
    assert_int_equal(find(), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(a.err.detail,
                        "Entra ID: fake: no connection, after 4 attempts");
    finish();
    start(entra, elsewhere, 1);
    assert_int_equal(find(), ENVELOPE_R_KEY_SERVICE);
    assert_non_null(strstr(a.err.detail, "Entra ID: login."));
    finish();
    start(entra, busy, 1);
    assert_int_equal(find(), ENVELOPE_R_KEY_SERVICE);
    assert_string_equal(a.err.detail, "Entra ID: HTTP status 503");
    finish();
}

static void
wrong_settings_are_told(void **state)
{
    static const struct {
        struct fake_pair variables[VARIABLES_MAX];
        const char *text;
    } rows[] = {
        { { CLIENT_SECRET }, "one of them is not set" },
        { { { "AZURE_TENANT_ID", TENANT }, CLIENT_SECRET },
          "one of them is not set" },
        { { { "AZURE_CLIENT_ID", "app" }, FEDERATED },
          "one of them is not set" },
        { { { "AZURE_TENANT_ID", "a/b" },
            { "AZURE_CLIENT_ID", "app" },
            CLIENT_SECRET },
          "AZURE_TENANT_ID is neither" },
        { { { "AZURE_TENANT_ID", ".." },
            { "AZURE_CLIENT_ID", "app" },
            CLIENT_SECRET },
          "AZURE_TENANT_ID is neither" },
        { { { "AZURE_TENANT_ID", "a?b" },
            { "AZURE_CLIENT_ID", "app" },
            CLIENT_SECRET },
          "AZURE_TENANT_ID is neither" },
        { { { "AZURE_TENANT_ID", "a\nb" } },
          "AZURE_TENANT_ID has a character" },
        { { TENANT_AND_CLIENT, { "AZURE_CLIENT_SECRET", "a\x01" } },
          "AZURE_CLIENT_SECRET has a character" },
        { { TENANT_AND_CLIENT,
            CLIENT_SECRET,
            { "AZURE_AUTHORITY_HOST", "http://login.example" } },
          "plain http" },
        { { TENANT_AND_CLIENT,
            CLIENT_SECRET,
            { "AZURE_AUTHORITY_HOST", "login.example" } },
          "Entra ID" },
        { { TENANT_AND_CLIENT, { "AZURE_FEDERATED_TOKEN_FILE", "/none" } },
          "/none: the token is missing" },
        { { TENANT_AND_CLIENT, { "AZURE_FEDERATED_TOKEN_FILE", "/bad" } },
          "/bad: the token is missing" },
        { { TENANT_AND_CLIENT, { "AZURE_CLIENT_CERTIFICATE_PATH", "/c.pem" } },
          "certificates are not used" },
        { { { "IDENTITY_ENDPOINT", "http://localhost:40342/x" } },
          "Azure Arc" },
        { { APP_SERVICE, { "IDENTITY_SERVER_THUMBPRINT", "00" } },
          "Service Fabric" },
        { { { "IDENTITY_ENDPOINT", "http://10.0.0.1/msi/token" },
            { "IDENTITY_HEADER", SECRET } },
          "IDENTITY_ENDPOINT: " },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        start(rows[i].variables, NULL, 0);
        if (find() != ENVELOPE_R_CREDENTIALS)
            fail_msg("%zu: %s", i, a.err.detail);
        if (strstr(a.err.detail, rows[i].text) == NULL)
            fail_msg("%s is not in %s", rows[i].text, a.err.detail);
        assert_null(strstr(a.err.detail, SECRET));
        assert_int_equal(a.credentials.token.len, 0);
        finish();
    }
}

static void
bad_answers_are_told(void **state)
{
    static const struct fake_pair variables[] = { TENANT_AND_CLIENT,
                                                  CLIENT_SECRET,
                                                  { NULL, NULL } };
    static const struct {
        struct fake_reply reply;
        const char *text;
        enum envelope_reason reason;
    } rows[] = {
        { { 401,
            "{\"error\":\"invalid_client\",\"error_description\":"
            "\"AADSTS7000215: Invalid client secret\"}",
            NULL },
          "Entra ID: HTTP status 401: invalid_client: AADSTS7000215: Invalid "
          "client secret; check the application's id",
          ENVELOPE_R_CREDENTIALS },
        { { 200, "{}", NULL }, "no access_token", ENVELOPE_R_CREDENTIALS },
        { { 200, "{\"access_token\":\"\"}", NULL },
          "no access_token",
          ENVELOPE_R_CREDENTIALS },
        { { 200, "{\"access_token\":\"a b\"}", NULL },
          "no access_token",
          ENVELOPE_R_CREDENTIALS },
        { { 200, "no", NULL }, "not a JSON object", ENVELOPE_R_CREDENTIALS },
        { { 302, "", NULL }, "302", ENVELOPE_R_KEY_SERVICE },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        start(variables, &rows[i].reply, 1);
        if (find() != rows[i].reason)
            fail_msg("%zu: %d %s", i, a.err.reason, a.err.detail);
        if (strstr(a.err.detail, rows[i].text) == NULL)
            fail_msg("%s is not in %s", rows[i].text, a.err.detail);
        finish();
    }
}

/* Until when a token is good, and that it is asked for once. */
static void
tokens_are_kept(void **state)
{
    static const struct fake_pair variables[] = { TENANT_AND_CLIENT,
                                                  CLIENT_SECRET,
                                                  { NULL, NULL } };
    static const struct {
        const char *body;
        int64_t expires;
    } rows[] = {
        { TOKEN, 1440938160 + 3599 },
        { "{\"access_token\":\"tok\",\"expires_in\":\"3599\","
          "\"expires_on\":\"1\"}",
          1440938160 + 3599 },
        { "{\"access_token\":\"tok\",\"expires_on\":\"1440941759\"}",
          1440941759 },
        { "{\"access_token\":\"tok\"}", 0 },
    };
    struct fake_reply replies[2];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        replies[0] = replies[1] =
            (struct fake_reply){ 200, rows[i].body, NULL };
        start(variables, replies, 2);
        a.fake.world.kept = &a.kept;
        finds("tok");
        assert_int_equal(a.credentials.expires, rows[i].expires);
        finds("tok");
        assert_int_equal(a.fake.request_count, 1);
        a.seeker.anew = true;
        finds("tok");
        assert_int_equal(a.fake.request_count, 2);
        a.seeker.anew = false;
        finish();
    }
}

/* Memory */

static enum envelope_reason
answer(void *arg, struct kms_reply *reply, const struct kms_request *request,
       unsigned milliseconds, struct envl_err *err)
{
    (void)arg;
    (void)request;
    (void)milliseconds;
    kms_reply_clear(reply);
    reply->status = 200;
    kms_text_set(&reply->body, TOKEN);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
memory_runs_out(void **state)
{
    static const struct fake_pair kinds[][VARIABLES_MAX] = {
        { TENANT_AND_CLIENT, CLIENT_SECRET },
        { TENANT_AND_CLIENT, FEDERATED },
        { APP_SERVICE, { "AZURE_CLIENT_ID", "app" } },
        { { "AZURE_CLIENT_ID", "app" } },
    };
    enum envelope_reason rc;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(kinds); i++) {
        n = 0;
        do {
            start(kinds[i], NULL, 0);
            a.fake.world.send = answer;
            memory_fail(++n);
            rc = find();
            if (memory_failed() && rc != ENVELOPE_R_MEMORY)
                fail_msg("%zu, allocation %zu, %s:%d: %d: %s", i, n,
                         memory.failure->file, memory.failure->line, rc,
                         a.err.detail);
            memory_fail(0);
            finish();
        } while (memory_failed());
        assert_int_equal(rc, ENVELOPE_OK);
        assert_true(n > 10);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clouds_are_known_by_their_suffix),
        cmocka_unit_test(sources_are_asked_in_order),
        cmocka_unit_test(a_machine_is_asked_whether_it_is_one),
        cmocka_unit_test(a_machine_may_be_starting),
        cmocka_unit_test(a_far_service_is_named),
        cmocka_unit_test(wrong_settings_are_told),
        cmocka_unit_test(bad_answers_are_told),
        cmocka_unit_test(tokens_are_kept),
        cmocka_unit_test(memory_runs_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
