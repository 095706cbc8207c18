/* SPDX-License-Identifier: Apache-2.0 */
/* Azure Key Vault: its URIs, what is sent to it, and what is taken for an answer. */
#include "test/kms/kms_azure.h"

#define AT "https://" NAME
#define LATEST AT "?api-version=7.4"

/* URIs */

static void
bad_uris_are_refused(void **state)
{
    static const char *const bad[] = {
        "azurekeyvault:",
        "azurekeyvault:" NAME,
        "azurekeyvault:///keys/backup",
        "azurekeyvault://" HOST,
        "azurekeyvault://" HOST "/",
        "azurekeyvault://" HOST "/keys",
        "azurekeyvault://" HOST "/keys/",
        "azurekeyvault://" HOST "/backup",
        "azurekms://" HOST "/keys/",
        "azurekms://" HOST "/a/b/c",
        "azurekeyvault://" HOST "/secrets/backup",
        "azurekeyvault://" HOST "//backup",
        "azurekeyvault://vault.azure.net/keys/backup",
        "azurekeyvault://.vault.azure.net/keys/backup",
        "azurekeyvault://-.vault.azure.net/keys/backup",
        "azurekeyvault://a.b.vault.azure.net/keys/backup",
        "azurekeyvault://a.managedhsm.azure.net.evil.example/keys/backup",
        "azurekeyvault://evil.example/keys/backup",
        "azurekeyvault://evil.example%2F.vault.azure.net/keys/backup",
        "azurekeyvault://Unit.vault.azure.net/keys/backup",
        "azurekeyvault://" HOST ":443/keys/backup",
        "azurekeyvault://" HOST "./keys/backup",
        URI "/",
        URI "/v/",
        URI "/v/w",
        URI "/..",
        URI "/v?api-version=1",
        URI "%0d",
        URI "?context=labels",
        URI "?endpoint=http://" HOST,
        URI "?endpoint=https://user@" HOST,
    };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (trial_check(&t, bad[i]) != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", bad[i]);
        assert_int_equal(trial_public_key(&t, bad[i], der, &len, NULL, 0),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(trial_decrypt(&t, NULL, bad[i], &header, NULL, 0),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
    }
    (void)trial_check(&t, "azurekeyvault://backup/keys/backup");
    assert_detail(&t, "NAME.vault.azure.net");
    (void)trial_check(&t, URI "/v/w");
    assert_detail(&t, "azurekeyvault://HOST/keys/NAME[/VERSION]");
    fake_world_clear(&t.fake);
}

static void
lengths_are_limited(void **state)
{
    struct trial t = new_trial();
    char uri[400];

    (void)state;
    (void)snprintf(uri, sizeof(uri), "azurekeyvault://" HOST "/keys/%0*d", 127,
                   0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_OK);
    (void)snprintf(uri, sizeof(uri), "azurekeyvault://" HOST "/keys/%0*d", 128,
                   0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_R_UNREADABLE_KEY);
    (void)snprintf(uri, sizeof(uri), URI "/%0*d", 64, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_OK);
    (void)snprintf(uri, sizeof(uri), URI "/%0*d", 65, 0);
    assert_int_equal(trial_check(&t, uri), ENVELOPE_R_UNREADABLE_KEY);
    fake_world_clear(&t.fake);
}

/* Where each URI leads: who gives tokens, what for, and who is asked. */
static void
uris_lead_to(void **state)
{
    static const struct {
        const char *uri, *login, *scope, *url;
    } rows[] = {
        { URI, LOGIN, "vault.azure.net", LATEST },
        { "AzureKeyVault://" NAME, LOGIN, "vault.azure.net", LATEST },
        { "azurekms://" HOST "/backup", LOGIN, "vault.azure.net", LATEST },
        { "azurekms://" HOST "/backup/v1", LOGIN, "vault.azure.net",
          AT "/v1?api-version=7.4" },
        { URI "/v1", LOGIN, "vault.azure.net", AT "/v1?api-version=7.4" },
        { "azurekeyvault://unit.managedhsm.azure.net/keys/backup", LOGIN,
          "managedhsm.azure.net",
          "https://unit.managedhsm.azure.net/keys/backup?api-version=7.4" },
        { "azurekeyvault://unit.vault.azure.cn/keys/backup",
          "https://login.chinacloudapi.cn/", "vault.azure.cn",
          "https://unit.vault.azure.cn/keys/backup?api-version=7.4" },
        { "azurekeyvault://unit.managedhsm.azure.cn/keys/backup",
          "https://login.chinacloudapi.cn/", "managedhsm.azure.cn",
          "https://unit.managedhsm.azure.cn/keys/backup?api-version=7.4" },
        { "azurekeyvault://unit.vault.usgovcloudapi.net/keys/backup",
          "https://login.microsoftonline.us/", "vault.usgovcloudapi.net",
          "https://unit.vault.usgovcloudapi.net/keys/backup?api-version=7.4" },
        { "azurekeyvault://unit.managedhsm.usgovcloudapi.net/keys/backup",
          "https://login.microsoftonline.us/", "managedhsm.usgovcloudapi.net",
          "https://unit.managedhsm.usgovcloudapi.net/keys/"
          "backup?api-version=7.4" },
        { URI "?endpoint=https://127.0.0.1:1/x", LOGIN, "vault.azure.net",
          "https://127.0.0.1:1/x/keys/backup?api-version=7.4" },
    };
    static const struct fake_reply replies[] = { TOKEN, REFUSED(403, "{}") };
    struct trial t = new_trial();
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    char text[400];
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        if (trial_check(&t, rows[i].uri) != ENVELOPE_OK)
            fail_msg("%s: %s", rows[i].uri, t.err.detail);
        assert_int_equal(
            trial_public_key(&t, rows[i].uri, der, &len, replies, 2),
            ENVELOPE_R_KEY_SERVICE_REFUSED);
        (void)snprintf(text, sizeof(text), "%s" TENANT "/oauth2/v2.0/token",
                       rows[i].login);
        assert_sent(&t, 0, "POST", text);
        (void)snprintf(text, sizeof(text),
                       "client_id=app&scope=https%%3A%%2F%%2F%s%%2F.default"
                       "&grant_type=client_credentials"
                       "&client_secret=wipe-me%%21",
                       rows[i].scope);
        assert_string_equal(t.fake.requests[0].body, text);
        assert_sent(&t, 1, "GET", rows[i].url);
    }
    fake_world_clear(&t.fake);
}

/* The public half */

static void
a_public_half_is_asked_for(void **state)
{
    static const struct fake_reply replies[] = { TOKEN, OK(KEY("v1", N1)) };
    struct trial t = new_trial();
    struct for_key header = { .n = N1 };
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t len;

    (void)state;
    assert_int_equal(trial_public_key(&t, URI, der, &len, replies, 2),
                     ENVELOPE_OK);
    assert_int_equal(t.fake.request_count, 2);
    assert_sent(&t, 1, "GET", LATEST);
    assert_string_equal(t.fake.requests[1].headers,
                        "Authorization: Bearer tok\n");
    assert_string_equal(t.fake.requests[1].body, "");
    assert_int_equal(len, 162); /* SubjectPublicKeyInfo of 1,024 bits */
    header.encrypted.arg = &header;
    assert_true(find_for_key(&header.encrypted, der, len));
    fake_world_clear(&t.fake);
}

static void
unfit_keys_are_refused(void **state)
{
#define LONG_N N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1 N1
    static const struct {
        const char *body, *text;
        enum envelope_reason reason;
    } rows[] = {
#define REFUSE(body, text) { body, text, ENVELOPE_R_KEY_SERVICE_REFUSED }
#define SENSELESS(body, text)              \
    {                                      \
        body, text, ENVELOPE_R_KEY_SERVICE \
    }
        REFUSE(KEY_AS(KID "v1", "EC", OPS, "", ENABLED), "of the type EC"),
        REFUSE(KEY_AS(KID "v1", "oct-HSM", OPS, "", ENABLED),
               "of the type oct-HSM"),
        REFUSE("{\"key\":{\"kid\":\"" KID "v1\"}}",
               "backup, of the type (none): only RSA"),
        REFUSE(KEY_AS(KID "v1", "RSA", "\"wrapKey\"", NUMBERS(N1), ENABLED),
               "allow the operations wrapKey and unwrapKey"),
        REFUSE(KEY_AS(KID "v1", "RSA", "\"unwrapKey\"", NUMBERS(N1), ENABLED),
               "allow the operations wrapKey and unwrapKey"),
        REFUSE(KEY_AS(KID "v1", "RSA", "", NUMBERS(N1), ENABLED),
               "allow the operations wrapKey and unwrapKey"),
        REFUSE(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(N1), ""),
               "backup, of the type RSA: it is not enabled"),
        REFUSE(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(N1), "\"enabled\":false"),
               "backup, of the type RSA: it is not enabled"),
        REFUSE(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(N1),
                      ENABLED ",\"nbf\":1440938161"),
               "its time has not begun"),
        REFUSE(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(N1),
                      ENABLED ",\"exp\":1440938160"),
               "its time is over"),
        REFUSE(KEY_AS("https://" HOST "/keys/second/v1", "RSA", OPS,
                      NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS("https://evil.example/keys/backup/v1", "RSA", OPS,
                      NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS("http://" NAME "/v1", "RSA", OPS, NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS(KID, "RSA", OPS, NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS(AT, "RSA", OPS, NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS(KID "v1/x", "RSA", OPS, NUMBERS(N1), ENABLED),
               "about another key"),
        REFUSE(KEY_AS(KID "v1?x", "RSA", OPS, NUMBERS(N1), ENABLED),
               "about another key"),
        SENSELESS("{}", "names no key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, "", ENABLED), "no RSA key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, ",\"n\":\"" N1 "\"", ENABLED),
                  "no RSA key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, ",\"e\":\"AQAB\"", ENABLED),
                  "no RSA key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, NUMBERS("a+b/"), ENABLED),
                  "no RSA key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(""), ENABLED),
                  "no RSA key"),
        SENSELESS(KEY_AS(KID "v1", "RSA", OPS, NUMBERS(LONG_N), ENABLED),
                  "no RSA key"),
    };
    struct fake_reply replies[] = { TOKEN, OK(NULL) };
    struct trial t = new_trial();
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        replies[1].body = rows[i].body;
        if (trial_public_key(&t, URI, der, &len, replies, 2) != rows[i].reason)
            fail_msg("%s: %s", rows[i].body, t.err.detail);
        assert_detail(&t, rows[i].text);
        assert_int_equal(len, 0);
    }
    fake_world_clear(&t.fake);
}

static void
good_keys_are_taken(void **state)
{
    static const char *const bodies[] = {
        KEY_AS(KID "v1", "RSA-HSM", OPS, NUMBERS(N1), ENABLED),
        KEY_AS(KID "v1", "RSA", OPS, NUMBERS(N1),
               ENABLED ",\"nbf\":1440938160,\"exp\":1440938161"),
        "{\"new\":[1],\"tags\":{\"a\":\"b\"}," /* and what KEY() has */
        "\"attributes\":{" ENABLED "},\"key\":{\"kid\":\"" KID "v1\","
        "\"kty\":\"RSA\",\"key_ops\":[" OPS "]" NUMBERS(N1) "}}",
    };
    struct fake_reply replies[] = { TOKEN, OK(NULL) };
    struct trial t = new_trial();
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t i, len;

    (void)state;
    for (i = 0; i < COUNT(bodies); i++) {
        replies[1].body = bodies[i];
        if (trial_public_key(&t, URI, der, &len, replies, 2) != ENVELOPE_OK)
            fail_msg("%s: %s", bodies[i], t.err.detail);
    }
    /* A version that is named has to be the reply's. */
    replies[1].body = KEY("v1", N1);
    assert_int_equal(trial_public_key(&t, URI "/v1", der, &len, replies, 2),
                     ENVELOPE_OK);
    assert_int_equal(trial_public_key(&t, URI "/v2", der, &len, replies, 2),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    fake_world_clear(&t.fake);
}

/* What a failure means, and how often it is tried. */
static void
failures_are_told(void **state)
{
    static const struct {
        int status;
        const char *body, *text;
        enum envelope_reason reason;
        size_t requests;
    } rows[] = {
        { 404, ERROR("KeyNotFound"), "check the vault and the key's name",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 403, INNER("ForbiddenByRbac"),
          "ForbiddenByRbac: no (request r-1); check whose credentials",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 403, INNER("ForbiddenByPolicy"), "access policy",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 403, INNER("ForbiddenByFirewall"), "firewall",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 403,
          "{\"error\":{\"code\":\"Forbidden\",\"innerError\":{\"code\":"
          "\"KeyDisabled\"}}}",
          "has to be enabled", ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 403, "{\"error\":{\"code\":\"Forbidden\"}}", "access policy",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 429, ERROR("Throttled"), "asked too often", ENVELOPE_R_KEY_SERVICE,
          5 },
        { 503, "", "HTTP status 503", ENVELOPE_R_KEY_SERVICE, 5 },
        { 500, ERROR("InternalServerError"), "after 4 attempts",
          ENVELOPE_R_KEY_SERVICE, 5 },
        { 501, "", "HTTP status 501", ENVELOPE_R_KEY_SERVICE_REFUSED, 2 },
        { 302, "", "302", ENVELOPE_R_KEY_SERVICE, 2 },
    };
    struct fake_reply replies[] = { TOKEN,    OK(NULL), OK(NULL),
                                    OK(NULL), OK(NULL), OK(NULL) };
    struct trial t = new_trial();
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t i, j, len;

    (void)state;
    for (i = 0; i < COUNT(rows); i++) {
        for (j = 1; j < COUNT(replies); j++) {
            replies[j].status = rows[i].status;
            replies[j].body = rows[i].body;
            replies[j].headers = "x-ms-request-id: r-1\r\n";
        }
        if (trial_public_key(&t, URI, der, &len, replies, COUNT(replies))
            != rows[i].reason)
            fail_msg("%s: %s", rows[i].body, t.err.detail);
        assert_detail(&t, rows[i].text);
        if (rows[i].status != 302)
            assert_detail(&t, "(request r-1)");
        assert_int_equal(t.fake.request_count, rows[i].requests);
    }
    fake_world_clear(&t.fake);
}

/* A token that is refused is asked for anew, once. */
static void
tokens_are_renewed(void **state)
{
#define OTHER OK("{\"access_token\":\"new\",\"expires_in\":3599}")
    static const struct fake_reply again[] = {
        TOKEN, REFUSED(401, ERROR("Unauthorized")), OTHER, OK(KEY("v1", N1))
    };
    static const struct fake_reply never[] = {
        TOKEN, REFUSED(401, ERROR("Unauthorized")), OTHER,
        REFUSED(401, ERROR("Unauthorized"))
    };
    struct trial t = new_trial();
    unsigned char der[ENVL_KMS_PUBLIC_KEY_LEN_MAX];
    size_t len;

    (void)state;
    assert_int_equal(trial_public_key(&t, URI, der, &len, again, 4),
                     ENVELOPE_OK);
    assert_int_equal(trial_public_key(&t, URI, der, &len, never, 4),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "renew the credentials");
    fake_world_clear(&t.fake);
}

/* What stands in headers of other services */

static void
headers_lead_nowhere(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("azurekeyvault", NAME, "BOXED", false);
    struct trial t = new_trial();

    (void)state;
    assert_true(kms_dispatch_is_public(URI));
    assert_true(kms_dispatch_is_public("azurekms://x"));
    assert_false(kms_dispatch_is_public("vault:backup"));
    assert_false(kms_dispatch_is_public("azure:backup"));
    assert_false(trial_matches(&t, URI, &wrapped));
    assert_int_equal(trial_unwrap(&t, URI, &wrapped, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(trial_rewrap(&t, URI, &wrapped, URI, NULL, 0),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    fake_world_clear(&t.fake);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_uris_are_refused),
        cmocka_unit_test(lengths_are_limited),
        cmocka_unit_test(uris_lead_to),
        cmocka_unit_test(a_public_half_is_asked_for),
        cmocka_unit_test(unfit_keys_are_refused),
        cmocka_unit_test(good_keys_are_taken),
        cmocka_unit_test(failures_are_told),
        cmocka_unit_test(tokens_are_renewed),
        cmocka_unit_test(headers_lead_nowhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
