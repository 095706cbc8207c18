/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials of Google Cloud: their order, keys, users, and clouds. */
#include "test/kms/kms_google.h"

#include <openssl/decoder.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "kms/core/json.h"

#define USER                                                \
    "{\"type\":\"authorized_user\",\"client_id\":\"cl/i\"," \
    "\"client_secret\":\"s" SECRET "\",\"refresh_token\":\"r" SECRET "\""
#define TOKEN "{\"access_token\":\"ya29.x-y_z\",\"expires_in\": 3599}"
#define GCLOUD "/home/me/.config/gcloud/application_default_credentials.json"

static const struct fake_reply token[] = { { 200, TOKEN, NULL },
                                           { 200, TOKEN, NULL },
                                           { 200, TOKEN, NULL },
                                           { 200, TOKEN, NULL } };

/* Service accounts */

static EVP_PKEY *account_key;
static struct kms_text account, account_pem;

/* A file as Google writes it, with a new key. */
static void
make_account(const char *more)
{
    kms_text_clear(&account);
    kms_json_begin(&account);
    kms_json_add(&account, "type", "service_account");
    kms_json_add(&account, "project_id", "p");
    kms_json_add(&account, "client_email", "a@p.iam.gserviceaccount.com");
    kms_json_add(&account, "private_key", kms_text_get(&account_pem));
    kms_json_add(&account, "token_uri", "https://evil.example/token");
    kms_text_add(&account, more);
    kms_json_end(&account);
    assert_false(account.failed);
}

static int
make_key(void **state)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem;
    long len;

    (void)state;
    account_key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    assert_non_null(account_key);
    assert_true(PEM_write_bio_PKCS8PrivateKey(bio, account_key, NULL, NULL, 0,
                                              NULL, NULL));
    len = BIO_get_mem_data(bio, &pem);
    kms_text_add_bytes(&account_pem, pem, (size_t)len);
    BIO_free(bio);
    return 0;
}

static int
free_key(void **state)
{
    (void)state;
    EVP_PKEY_free(account_key);
    kms_text_clear(&account_pem);
    kms_text_clear(&account);
    return 0;
}

/* Decode base64url up to c or the end, by libcrypto; returns what comes after. */
static const char *
decode(unsigned char *out, size_t *out_len, const char *text)
{
    char padded[2048];
    size_t len = strcspn(text, "."), i;

    assert_true(len < sizeof(padded) - 4);
    assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr"
                                  "stuvwxyz0123456789-_"),
                     len);
    for (i = 0; i < len; i++)
        padded[i] = (char)(text[i] == '-'   ? '+'
                           : text[i] == '_' ? '/'
                                            : text[i]);
    *out_len = len * 3 / 4;
    while (i % 4 != 0)
        padded[i++] = '=';
    assert_true(EVP_DecodeBlock(out, (unsigned char *)padded, (int)i) > 0);
    return text[len] == '.' ? text + len + 1 : text + len;
}

static void
is_part(const char **jwt, const char *wanted)
{
    unsigned char part[2048];
    size_t len;

    *jwt = decode(part, &len, *jwt);
    part[len] = '\0';
    assert_string_equal((char *)part, wanted);
}

static void
is_signed(const char *jwt, size_t len, const char *signature)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    unsigned char bytes[1024];
    size_t bytes_len;

    assert_string_equal(decode(bytes, &bytes_len, signature), "");
    assert_int_equal(bytes_len, 256);
    assert_true(EVP_DigestVerifyInit_ex(md, NULL, "SHA256", NULL, NULL,
                                        account_key, NULL));
    assert_int_equal(
        EVP_DigestVerify(md, bytes, bytes_len, (const unsigned char *)jwt, len),
        1);
    EVP_MD_CTX_free(md);
}

#define CLAIMS                                                               \
    "{\"iss\":\"a@p.iam.gserviceaccount.com\","                              \
    "\"sub\":\"a@p.iam.gserviceaccount.com\","                               \
    "\"scope\":\"https://www.googleapis.com/auth/cloud-platform "            \
    "https://www.googleapis.com/auth/cloudkms\",\"iat\":1440938160,\"exp\":" \
    "1440941760}"

static void
a_key_signs_a_token(void **state)
{
    static const struct {
        const char *more, *head;
    } cases[] = {
        { "", "{\"alg\":\"RS256\",\"typ\":\"JWT\"}" },
        { ",\"private_key_id\":\"k1\"",
          "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}" },
    };
    const char *jwt, *part;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        make_account(cases[i].more);
        start(account.data);
        assert_int_equal(find(), ENVELOPE_OK);
        jwt = part = kms_text_get(&g.credentials.token);
        is_part(&part, cases[i].head);
        is_part(&part, CLAIMS);
        is_signed(jwt, (size_t)(part - jwt) - 1, part);
        assert_int_equal(g.credentials.expires, g.fake.now + 3600);
        assert_int_equal(g.credentials.id.len, 0);
        assert_int_equal(g.fake.request_count, 0);
        finish();
    }
}

static void
bad_accounts_are_told(void **state)
{
#define ACCOUNT(members) "{\"type\":\"service_account\"" members "}"
#define KEY(pem) ",\"client_email\":\"a@b\",\"private_key\":\"" pem "\""
    static const struct {
        const char *file, *text;
    } cases[] = {
        { ACCOUNT(""), FILE_NAME ": there is no client_email" },
        { ACCOUNT(",\"client_email\":\"\""), "client_email is no text" },
        { ACCOUNT(",\"client_email\":7"), "client_email is no text" },
        { ACCOUNT(",\"client_email\":\"a@b\""), "there is no private_key" },
        { ACCOUNT(",\"private_key_id\":{}" KEY(SECRET)), "private_key_id is" },
        { ACCOUNT(KEY(SECRET)), "private_key is not an RSA key in PEM" },
        { ACCOUNT(KEY("-----BEGIN PRIVATE KEY-----\\n" SECRET
                      "\\n-----END PRIVATE KEY-----\\n")),
          "private_key is not an RSA key in PEM" },
        { ACCOUNT(KEY("-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEINTuc"
                      "tv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\\n-----END "
                      "PRIVATE KEY-----\\n")),
          "private_key is not an RSA key in PEM" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(cases[i].file);
        fails(ENVELOPE_R_CREDENTIALS, cases[i].text);
        finish();
    }
    /* In no other library context than the one that is named. */
    make_account("");
    start(account.data);
    g.ctx.propq = "provider=none";
    /* Decoders of libcrypto 3.0 do not look at properties: it fails to sign then. */
    assert_int_not_equal(find(), ENVELOPE_OK);
    assert_int_equal(g.credentials.token.len, 0);
    finish();
}

/* Users */

static void
a_user_is_refreshed(void **state)
{
    (void)state;
    start(USER ",\"quota_project_id\":\"billed\"}");
    answer(token, 1);
    finds("ya29.x-y_z");
    assert_int_equal(g.credentials.expires, g.fake.now + 3599);
    assert_string_equal(kms_text_get(&g.credentials.id), "billed");
    assert_string_equal(g.fake.requests[0].method, "POST");
    assert_string_equal(g.fake.requests[0].url,
                        "https://oauth2.googleapis.com/token");
    assert_string_equal(fake_header(&g.fake.requests[0], "Content-Type"),
                        "application/x-www-form-urlencoded");
    assert_string_equal(g.fake.requests[0].body,
                        "grant_type=refresh_token&client_id=cl%2Fi"
                        "&client_secret=swipe-me%21&refresh_token=rwipe-me%21");
    finish();
}

static void
users_are_asked_for_where_the_environment_says(void **state)
{
    static const struct fake_pair variables[] = {
        NAMED,
        { "ENVELOPE_GOOGLE_OAUTH_ENDPOINT", "http://127.0.0.1:81/x" },
        { "GOOGLE_CLOUD_QUOTA_PROJECT", "mine" },
        END,
    };
    static const struct fake_pair remote[] = {
        NAMED,
        { "ENVELOPE_GOOGLE_OAUTH_ENDPOINT", "http://10.0.0.1" },
        END,
    };

    (void)state;
    start(USER ",\"quota_project_id\":\"billed\"}");
    g.fake.variables = variables;
    answer(token, 1);
    finds("ya29.x-y_z");
    assert_string_equal(kms_text_get(&g.credentials.id), "mine");
    assert_string_equal(g.fake.requests[0].url, "http://127.0.0.1:81/x/token");
    g.fake.variables = remote;
    fails(ENVELOPE_R_CREDENTIALS, "http://10.0.0.1: plain http is for this");
    finish();
}

static void
refused_users_are_told_what_to_do(void **state)
{
    static const struct {
        struct fake_reply reply;
        size_t attempts;
        enum envelope_reason reason;
        const char *text;
    } cases[] = {
        { { 400,
            "{\"error\":\"invalid_grant\",\"error_description\":\"Token has "
            "been expired or revoked.\"}",
            NULL },
          1,
          ENVELOPE_R_CREDENTIALS,
          "oauth2.googleapis.com: HTTP status 400: invalid_grant: Token has "
          "been "
          "expired or revoked.; log in again with gcloud auth "
          "application-default login" },
        { { 401, "{\"error\":\"invalid_client\"}", NULL },
          1,
          ENVELOPE_R_CREDENTIALS,
          "HTTP status 401: invalid_client; log in" },
        { { 404, "<html>", NULL },
          1,
          ENVELOPE_R_CREDENTIALS,
          "HTTP status 404; log in" },
        { { 500, "", NULL },
          4,
          ENVELOPE_R_KEY_SERVICE,
          "HTTP status 500, after 4 attempts" },
        { { 429, "{\"error\":\"rate_limited\"}", NULL },
          4,
          ENVELOPE_R_KEY_SERVICE,
          "rate_limited, after 4 attempts" },
        { { 0, NULL, NULL }, 4, ENVELOPE_R_KEY_SERVICE, "no connection" },
        { { 302, TOKEN, NULL }, 1, ENVELOPE_R_KEY_SERVICE, "redirection" },
        { { 204, "", NULL }, 1, ENVELOPE_R_CREDENTIALS, "HTTP status 204" },
        { { 200, "", NULL },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "oauth2.googleapis.com: the answer is not a JSON object" },
        { { 200, "{}", NULL },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no access_token" },
        { { 200, "{\"access_token\":\"\"}", NULL },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no access_token" },
        { { 200, "{\"access_token\":\"" SECRET "\\nX: y\"}", NULL },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no access_token" },
        { { 200, "{\"access_token\":\"a " SECRET "\"}", NULL },
          1,
          ENVELOPE_R_KEY_SERVICE,
          "the answer has no access_token" },
    };
    static struct fake_reply replies[4];
    size_t i, j;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(USER "}");
        for (j = 0; j < COUNT(replies); j++)
            replies[j] = cases[i].reply;
        answer(replies, cases[i].attempts);
        fails(cases[i].reason, cases[i].text);
        assert_int_equal(g.fake.request_count, cases[i].attempts);
        finish();
    }
}

/* In what forms it may come, and when it is not known. */
static void
expiry_is_read(void **state)
{
#define AT(more) "{\"access_token\":\"t\"" more "}"
    static const struct {
        const char *body;
        int64_t expires; /* -1: what it says cannot be read */
    } cases[] = {
        { AT(",\"expires_in\":3599"), 1440938160 + 3599 },
        { AT(",\"expires_in\" :\n0"), 1440938160 },
        { "{\"expires_in\":10,\"access_token\":\"t\"}", 1440938160 + 10 },
        { AT(",\"x\":\"\\\"expires_in\\\":5\",\"expires_in\":6"),
          1440938160 + 6 },
        { AT(",\"x\":\"expires_in\",\"expires_in\":7"), 1440938160 + 7 },
        { AT(""), 0 },
        { AT(",\"expires_in\":\"soon\""), -1 },
        { AT(",\"expires_in\":-5"), -1 },
        { AT(",\"expires_in\":1.5"), -1 },
        { AT(",\"expires_in\":1e3"), -1 },
        { AT(",\"expires_in\":9999999999"), INT64_C(1440938160) + 999999999 },
        { AT(",\"expireTime\":\"2015-08-30T13:36:00Z\""), 1440938160 + 3600 },
        { AT(",\"expireTime\":\"2015-08-30T13:36:00.999Z\""),
          1440938160 + 3600 },
        { AT(",\"expireTime\":\"2015-08-30T13:36:00\""), -1 },
        { AT(",\"expireTime\":\"2015-08-30T13:36:00+01:00\""), 1440938160 },
        { AT(",\"expireTime\":\"tomorrow\""), -1 },
    };
    static struct fake_reply reply = { .status = 200 };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(USER "}");
        reply.body = cases[i].body;
        answer(&reply, 1);
        if (cases[i].expires < 0) {
            fails(ENVELOPE_R_KEY_SERVICE, "does not say when they expire");
            finish();
            continue;
        }
        finds("t");
        if (g.credentials.expires != cases[i].expires)
            fail_msg("%s: %lld", cases[i].body,
                     (long long)g.credentials.expires);
        finish();
    }
}

/* Kept */

static void
tokens_are_kept(void **state)
{
    static const struct fake_pair other[] = {
        NAMED, { "ENVELOPE_GOOGLE_OAUTH_ENDPOINT", "https://psc.example" }, END
    };

    (void)state;
    start(USER "}");
    g.fake.world.kept = &g.kept;
    answer(token, 4);
    finds("ya29.x-y_z");
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 1);
    g.seeker.anew = true; /* the service has refused it */
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 2);
    g.seeker.anew = false;
    g.fake.now += 3599 - 301;
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 2);
    g.fake.now += 1; /* five minutes are left of it */
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 3);
    g.fake.variables = other; /* somebody else answers */
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 4);
    finish();
}

/* Another login is another user, also in the same file. */
static void
another_file_is_another_token(void **state)
{
    (void)state;
    start(USER "}");
    g.fake.world.kept = &g.kept;
    answer(token, 3);
    finds("ya29.x-y_z");
    g.file[0].content = USER ",\"x\":1}";
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 2);
    g.file[0].content = USER ",\"quota_project_id\":\"\"}";
    fails(ENVELOPE_R_CREDENTIALS, "quota_project_id is no text");
    finish();
}

/* The order */

static void
files_are_looked_for_in_order(void **state)
{
#define OF(name) "{\"type\":\"" name "\"}"
    static const struct fake_pair files[] = {
        { "/uri.json", OF("of-uri") },
        { FILE_NAME, OF("of-variable") },
        { "/sdk/application_default_credentials.json", OF("of-config") },
        { GCLOUD, OF("of-home") },
        END,
    };
    static const struct fake_pair variables[] = {
        NAMED, { "CLOUDSDK_CONFIG", "/sdk" }, { "HOME", "/home/me" }, END
    };
    static const char *const types[] = { "of-variable", "of-config",
                                         "of-home" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(types); i++) {
        start(NULL);
        g.fake.files = files;
        g.fake.variables = variables + i;
        fails(ENVELOPE_R_CREDENTIALS, types[i]);
        says("it has to be service_account, authorized_user or");
        g.seeker.profile = "/uri.json";
        fails(ENVELOPE_R_CREDENTIALS, "/uri.json: credentials of type of-uri");
        g.seeker.profile = "/nowhere.json";
        fails(ENVELOPE_R_CREDENTIALS, "/nowhere.json: there is no such file");
        finish();
    }
    start(NULL);
    fails(ENVELOPE_R_CREDENTIALS, FILE_NAME ": there is no such file");
    finish();
}

static void
bad_files_are_told(void **state)
{
    static const struct {
        const char *file, *text;
    } cases[] = {
        { "", "it is not a credential file of Google Cloud" },
        { "[]", "it is not a credential file of Google Cloud" },
        { "{\"type\":\"authorized_user\"", "it is not a credential file" },
        { "{}", "there is no type in it" },
        { "{\"type\":1}", "type is no text" },
        { "{\"type\":\""
          "Service_account"
          "\"}",
          "Service_account" },
        { "{\"type\":\"impersonated_service_account\"}",
          "type impersonated_service_account cannot be used here: give" },
        { "{\"type\":\"external_account_authorized_user\"}",
          "have gcloud iam workforce-pools create-cred-config" },
        { "{\"type\":\"gdch_service_account\"}", "cannot be used here" },
        { "{\"type\":\"authorized_user\"}", "there is no client_id" },
        { "{\"type\":\"authorized_user\",\"client_id\":\"a\"}",
          "there is no client_secret" },
        { "{\"type\":\"authorized_user\",\"client_id\":\"a\","
          "\"client_secret\":\"" SECRET "\"}",
          "there is no refresh_token" },
        { "{\"type\":\"authorized_user\",\"universe_domain\":\"s3ns.example\"}",
          "users log in to googleapis.com only: for the cloud s3ns.example" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(cases[i].file);
        fails(ENVELOPE_R_CREDENTIALS, cases[i].text);
        says(FILE_NAME);
        finish();
    }
}

static void
a_quota_project_is_a_name(void **state)
{
    static const struct fake_pair bad[] = {
        NAMED, { "GOOGLE_CLOUD_QUOTA_PROJECT", "a\r\nX: y" }, END
    };

    (void)state;
    start(USER "}");
    g.fake.variables = bad;
    answer(token, 1);
    fails(ENVELOPE_R_CREDENTIALS, "is not the name of a project");
    finish();
}

/* Clouds */

static void
clouds_are_found(void **state)
{
    static const struct fake_pair said[] = {
        NAMED, { "GOOGLE_CLOUD_UNIVERSE_DOMAIN", "s3ns.example" }, END
    };
#define IN(domain) "{\"universe_domain\":" domain "}"
    static const struct {
        const struct fake_pair *variables;
        const char *file, *open_to_all, *domain, *text;
    } cases[] = {
        { named, "{}", NULL, "googleapis.com", NULL },
        { named + 1, NULL, NULL, "googleapis.com", NULL },
        { said + 1, NULL, NULL, "s3ns.example", NULL },
        { said, "{}", NULL, "s3ns.example", NULL },
        { said, IN("\"s3ns.example\""), NULL, "s3ns.example", NULL },
        { named, IN("\"a-b.c1.example\""), NULL, "a-b.c1.example", NULL },
        { named, IN("\"googleapis.com\""), FILE_NAME, "googleapis.com", NULL },
        { said, IN("\"googleapis.com\""), NULL, NULL,
          "it is for the cloud googleapis.com, and "
          "GOOGLE_CLOUD_UNIVERSE_DOMAIN is s3ns.example" },
        { named, IN("\"a.example\""), FILE_NAME, NULL, "open to all" },
        { named, IN("1"), NULL, NULL, "universe_domain is no text" },
        { named, IN("\"\""), NULL, NULL, "universe_domain is no text" },
        { named, IN("\"com\""), NULL, NULL, "com is not the name of a domain" },
        { named, IN("\"A.example\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example.\""), NULL, NULL, "is not the name" },
        { named, IN("\".example\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example:8443\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example/x\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example/\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example?x\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example#x\""), NULL, NULL, "is not the name" },
        { named, IN("\"u@a.example\""), NULL, NULL, "is not the name" },
        { named, IN("\"a b.example\""), NULL, NULL, "is not the name" },
        { named, IN("\"a.example\\r\\nX: y\""), NULL, NULL, "is not the name" },
        { named, IN("\"10.0.0.1\""), NULL, NULL, "is not the name" },
        { named, IN("\"\xc3\xa9.example\""), NULL, NULL, "is not the name" },
    };
    enum envelope_reason rc;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(cases[i].file);
        g.fake.variables = cases[i].variables;
        g.fake.open_to_all = cases[i].open_to_all;
        rc = kms_google_universe(&g.domain, &g.seeker, &g.err);
        if (cases[i].domain != NULL)
            assert_int_equal(rc, ENVELOPE_OK);
        else {
            assert_int_equal(rc, ENVELOPE_R_CREDENTIALS);
            says(cases[i].text);
        }
        assert_string_equal(kms_text_get(&g.domain),
                            cases[i].domain != NULL ? cases[i].domain : "");
        finish();
    }
}

/* Machines */

static void
a_machine_is_asked_last(void **state)
{
    static const struct fake_pair home[] = { { "HOME", "/home/me" }, END };
    static const struct fake_reply silent = { 0, NULL, NULL };

    (void)state;
    start(NULL);
    g.fake.variables = home;
    answer(&silent, 1);
    fails(ENVELOPE_R_CREDENTIALS,
          "no credentials for Google Cloud: looked for "
          "GOOGLE_APPLICATION_CREDENTIALS, for " GCLOUD
          ", and for the metadata "
          "server at 169.254.169.254, which does not answer");
    assert_string_equal(g.fake.requests[0].method, "GET");
    assert_string_equal(g.fake.requests[0].url,
                        "http://169.254.169.254/computeMetadata/v1/instance/"
                        "service-accounts/default/token");
    assert_string_equal(fake_header(&g.fake.requests[0], "Metadata-Flavor"),
                        "Google");
    assert_int_equal(g.fake.requests[0].milliseconds, 1000);
    finish();
    start(NULL);
    g.fake.variables = home + 1;
    answer(&silent, 1);
    fails(ENVELOPE_R_CREDENTIALS, "for a home directory, and for the metadata");
    finish();
}

static void
a_machine_may_be_elsewhere(void **state)
{
    static const struct {
        struct fake_pair variables[3];
        const char *base; /* NULL: it is not asked */
    } cases[] = {
        { { { "GCE_METADATA_HOST", "127.0.0.1:81" } }, "http://127.0.0.1:81" },
        { { { "GCE_METADATA_HOST", "http://localhost:81" } },
          "http://localhost:81" },
        { { { "GCE_METADATA_HOST", "metadata.google.internal" } },
          "http://169.254.169.254" },
        { { { "GCE_METADATA_HOST", "x" }, { "GCE_METADATA_IP", "127.0.0.2" } },
          "http://127.0.0.2" },
        { { { "GCE_METADATA_IP", "10.0.0.1" } }, NULL },
        { { { "GCE_METADATA_HOST", "metadata.example" } }, NULL },
        { { { "GCE_METADATA_HOST", "https://metadata.example" } }, NULL },
        { { { "GCE_METADATA_HOST", "127.0.0.1/x" } }, NULL },
        { { { "GCE_METADATA_HOST", "127.0.0.1@10.0.0.1" } }, NULL },
        { { { "GCE_METADATA_HOST", "127.1" } }, NULL },
    };
    static const struct fake_reply silent = { 0, NULL, NULL };
    const char *base;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(NULL);
        g.fake.variables = cases[i].variables;
        base = cases[i].base;
        answer(&silent, base != NULL);
        fails(ENVELOPE_R_CREDENTIALS,
              base != NULL ? "which does not answer"
                           : "GCE_METADATA_IP or GCE_METADATA_HOST has to be");
        if (base != NULL)
            assert_memory_equal(g.fake.requests[0].url, base, strlen(base));
        finish();
    }
}

/* A machine of another cloud, or a captive portal. */
static void
who_is_not_google_is_not_believed(void **state)
{
    static const struct fake_reply replies[] = {
        { 200, TOKEN, NULL },
        { 200, TOKEN, "Metadata-Flavor: Amazon\r\n" },
        { 200, TOKEN, "Metadata-Flavor: google\r\n" },
        { 200, TOKEN, "Server: Metadata-Flavor: Google\r\n" },
        { 404, "", NULL },
        { 500, "", NULL },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(replies); i++) {
        start(NULL);
        g.fake.variables = named + 1;
        answer(&replies[i], 1);
        fails(ENVELOPE_R_CREDENTIALS, "which is not Google's");
        finish();
    }
}

#define FLAVOR "metadata-flavor: Google\r\n"

static void
a_machine_has_a_token(void **state)
{
    static const struct fake_pair variables[] = {
        { "GOOGLE_CLOUD_QUOTA_PROJECT", "q" }, END
    };
    static const struct fake_pair other[] = {
        { "GCE_METADATA_IP", "127.0.0.1" }, END
    };
    static const struct fake_reply replies[] = { { 200, TOKEN, FLAVOR },
                                                 { 200, TOKEN, FLAVOR } };

    (void)state;
    start(NULL);
    g.fake.variables = variables;
    g.fake.world.kept = &g.kept;
    answer(replies, 2);
    finds("ya29.x-y_z");
    assert_string_equal(kms_text_get(&g.credentials.id), "q");
    assert_int_equal(g.credentials.expires, g.fake.now + 3599);
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 1);
    g.fake.variables = other; /* another machine */
    finds("ya29.x-y_z");
    assert_int_equal(g.fake.request_count, 2);
    finish();
}

static void
a_machine_may_have_none(void **state)
{
    static const struct {
        struct fake_reply reply;
        enum envelope_reason reason;
        const char *text;
    } cases[] = {
        { { 404, "", FLAVOR },
          ENVELOPE_R_CREDENTIALS,
          "which has no service account" },
        { { 503, "", FLAVOR }, ENVELOPE_R_KEY_SERVICE, "HTTP status 503" },
        { { 302, TOKEN, FLAVOR }, ENVELOPE_R_KEY_SERVICE, "HTTP status 302" },
        { { 200, "{}", FLAVOR },
          ENVELOPE_R_KEY_SERVICE,
          "169.254.169.254: the answer has no access_token" },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        start(NULL);
        g.fake.variables = named + 1;
        answer(&cases[i].reply, 1);
        fails(cases[i].reason, cases[i].text);
        finish();
    }
}

/* Memory */

static enum envelope_reason
send_token(void *arg, struct kms_reply *reply,
           const struct kms_request *request, unsigned milliseconds,
           struct envl_err *err)
{
    (void)arg;
    (void)request;
    (void)milliseconds;
    reply->status = 200;
    kms_reply_take_header(reply, FLAVOR, strlen(FLAVOR));
    if (reply->headers[KMS_REPLY_FLAVOR].failed)
        return envl_fail_memory(err);
    kms_text_set(&reply->body, TOKEN);
    return reply->body.failed ? envl_fail_memory(err) : ENVELOPE_OK;
}

static void
memory_may_run_out(void **state)
{
    static const struct fake_pair variables[] = {
        NAMED, { "GOOGLE_CLOUD_QUOTA_PROJECT", "p" }, END
    };

    (void)state;
    memory.may_fail = memory_is_ours;
    make_account(",\"private_key_id\":\"k\"");
    sweep(account.data, variables, send_token);
    sweep(USER "}", variables, send_token);
    sweep(NULL, variables + 1, send_token);
    memory.may_fail = NULL;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_signs_a_token),
        cmocka_unit_test(bad_accounts_are_told),
        cmocka_unit_test(a_user_is_refreshed),
        cmocka_unit_test(users_are_asked_for_where_the_environment_says),
        cmocka_unit_test(refused_users_are_told_what_to_do),
        cmocka_unit_test(expiry_is_read),
        cmocka_unit_test(tokens_are_kept),
        cmocka_unit_test(another_file_is_another_token),
        cmocka_unit_test(files_are_looked_for_in_order),
        cmocka_unit_test(bad_files_are_told),
        cmocka_unit_test(a_quota_project_is_a_name),
        cmocka_unit_test(clouds_are_found),
        cmocka_unit_test(a_machine_is_asked_last),
        cmocka_unit_test(a_machine_may_be_elsewhere),
        cmocka_unit_test(who_is_not_google_is_not_believed),
        cmocka_unit_test(a_machine_has_a_token),
        cmocka_unit_test(a_machine_may_have_none),
        cmocka_unit_test(memory_may_run_out),
    };

    memory_install(SECRET);
    return cmocka_run_group_tests_name("kms_google_credentials", tests,
                                       make_key, free_key);
}
