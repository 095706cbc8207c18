/* SPDX-License-Identifier: Apache-2.0 */
/* Roles at AWS: what STS is asked, in which order profiles lead to it, what it may
 * answer, and that it is asked once. */
#include <stdio.h>

#include "kms/engine/credentials.h"
#include "kms/engine/kept.h"
#include "test/kms/world.h"
#include "test/support/memory.h"
#include "test/support/support.h"

#define CONFIG "/home/u/.aws/config"
#define TOKEN_FILE "/run/token"
#define ROLE "arn:aws:iam::111122223333:role/restore"
#define ROLE_FORM "arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2Frestore"
#define HOME_PAIR         \
    {                     \
        "HOME", "/home/u" \
    }
#define END        \
    {              \
        NULL, NULL \
    }
#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = s" id "\n"
#define SOURCE_ROLE "role_arn = " ROLE "\nsource_profile = "

#define WEB "AssumeRoleWithWebIdentity"
#define REPLY(action, id)                                                      \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/"    \
    "\">\n<" action "Result><AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>"   \
    "<Credentials><AccessKeyId>" id "</AccessKeyId><SecretAccessKey>s" id      \
    "</SecretAccessKey><SessionToken>t&amp;</SessionToken><Expiration>"        \
    "2015-08-30T13:36:00Z</Expiration></Credentials></" action "Result>"       \
    "<ResponseMetadata><RequestId>1-2</RequestId></ResponseMetadata></" action \
    "Response>\n"
#define ERROR(code, message)                                              \
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/"    \
    "\"><Error><Type>Sender</Type><Code>" code "</Code><Message>" message \
    "</Message></Error><RequestId>1-2</RequestId></ErrorResponse>"

static const struct fake_pair web[] = {
    { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
    { "AWS_ROLE_ARN", ROLE },
    { "AWS_REGION", "eu-central-1" },
    END,
};
static const struct fake_pair token_file[] = { { TOKEN_FILE, "a.b+c\r\n" },
                                               END };
static const struct fake_pair home[] = { HOME_PAIR, END };

static const struct envl_libctx ctx = { .propq = "?provider=default" };
static struct fake_world fake;
static struct kms_kept kept = { .lock = PTHREAD_MUTEX_INITIALIZER };
static struct kms_credentials credentials;
static struct envl_err err;

static int
set_up(void **state)
{
    (void)state;
    fake_world_init(&fake);
    err.detail[0] = '\0';
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    kms_credentials_clear(&credentials);
    kms_kept_forget(&kept);
    fake_world_clear(&fake);
    return 0;
}

static void
start_again(void)
{
    (void)tear_down(NULL);
    (void)set_up(NULL);
}

static void
answer(const struct fake_reply *replies, size_t count)
{
    fake.replies = replies;
    fake.reply_count = count;
}

static enum envelope_reason
look(const char *profile, bool anew)
{
    const struct kms_seeker seeker = {
        .world = &fake.world, .ctx = &ctx, .profile = profile, .anew = anew
    };

    kms_credentials_clear(&credentials);
    return kms_aws_credentials(&credentials, &seeker, &err);
}

static void
found(const char *profile, const char *id)
{
    if (look(profile, false) != ENVELOPE_OK)
        fail_msg("%s", err.detail);
    assert_string_equal(kms_text_get(&credentials.id), id);
    assert_string_equal(kms_text_get(&credentials.secret) + 1, id);
    assert_string_equal(kms_text_get(&credentials.token), "t&");
    assert_int_equal(credentials.expires, INT64_C(1440941760));
}

static void
refused(const char *profile, enum envelope_reason reason, const char *says)
{
    if (look(profile, false) != reason)
        fail_msg("%s: not %d: %s", says, reason, err.detail);
    if (strstr(err.detail, says) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", says, err.detail);
    assert_int_equal(credentials.id.len, 0);
    assert_int_equal(credentials.token.len, 0);
}

/* Web identity */

static void
a_token_gives_a_role(void **state)
{
    static const struct fake_pair with_name[] = {
        { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE "\n" },
        { "AWS_ROLE_ARN", " " ROLE "\n" },
        { "AWS_ROLE_SESSION_NAME", "a=b" },
        { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x" },
        END,
    };
    static const struct fake_reply reply = { 200, REPLY(WEB, "WEB"), NULL };

    (void)state;
    fake.variables = web;
    fake.files = token_file;
    answer(&reply, 1);
    found(NULL, "WEB");
    assert_string_equal(fake.requests[0].method, "POST");
    assert_string_equal(fake.requests[0].url,
                        "https://sts.eu-central-1.amazonaws.com/");
    assert_string_equal(fake.requests[0].headers,
                        "Content-Type: application/x-www-form-urlencoded; "
                        "charset=utf-8\n");
    assert_string_equal(fake.requests[0].body,
                        "Action=" WEB "&Version=2011-06-15&RoleArn=" ROLE_FORM
                        "&RoleSessionName=envelope&WebIdentityToken=a.b%2Bc");
    /* Nearer than the container; without a region, the first of them. */
    start_again();
    fake.variables = with_name;
    fake.files = token_file;
    answer(&reply, 1);
    found(NULL, "WEB");
    assert_string_equal(fake.requests[0].url,
                        "https://sts.us-east-1.amazonaws.com/");
    assert_non_null(strstr(fake.requests[0].body, "&RoleSessionName=a%3Db&"));
}

static const struct {
    struct fake_pair variables[5];
    const char *token, *says;
} bad_webs[] = {
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE } },
      "t",
      "AWS_ROLE_ARN is not: they belong together" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", "restore" } },
      "t",
      "role restore: it is not arn:" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", "arn:aws:iam::1:user/restoring" } },
      "t",
      "it is not arn:" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE "\r\nx" } },
      "t",
      "AWS_ROLE_ARN has a character" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE } },
      NULL,
      TOKEN_FILE ": the token is missing" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE } },
      "\n",
      TOKEN_FILE ": the token is missing, empty" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE } },
      "a\nb",
      TOKEN_FILE ": the token is missing, empty or not one line" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE },
        { "AWS_REGION", "x@evil/" } },
      "t",
      "region that is none: \"x@evil/\"" },
    /* The role's part of the world, and the region's */
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", "arn:aws-cn:iam::111122223333:role/r" } },
      "t",
      "region us-east-1 is in partition aws, not in aws-cn" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE },
        { "AWS_REGION", "eu-west-1" },
        { "AWS_USE_FIPS_ENDPOINT", "true" } },
      "t",
      "STS has no FIPS endpoint in eu-west-1" },
    { { { "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE },
        { "AWS_ROLE_ARN", ROLE },
        { "AWS_ENDPOINT_URL_STS", "http://sts.example" } },
      "t",
      "STS: AWS_ENDPOINT_URL_STS: " },
};

static void
bad_tokens_and_roles_are_not_sent(void **state)
{
    static struct fake_pair files[] = { { TOKEN_FILE, NULL }, END };
    size_t i;

    (void)state;
    fake.files = files;
    for (i = 0; i < COUNT(bad_webs); i++) {
        fake.variables = bad_webs[i].variables;
        files[0].content = bad_webs[i].token;
        refused(NULL, ENVELOPE_R_CREDENTIALS, bad_webs[i].says);
    }
    assert_int_equal(fake.request_count, 0);
}

static void
sts_is_where_it_is_said_to_be(void **state)
{
    static const struct {
        struct fake_pair variables[6];
        const char *arn, *url;
    } places[] = {
        { { { "AWS_REGION", "us-west-2" },
            { "AWS_USE_FIPS_ENDPOINT", "true" } },
          ROLE,
          "https://sts-fips.us-west-2.amazonaws.com/" },
        { { { "AWS_REGION", "us-gov-west-1" },
            { "AWS_USE_FIPS_ENDPOINT", "true" } },
          "arn:aws-us-gov:iam::111122223333:role/r",
          "https://sts.us-gov-west-1.amazonaws.com/" },
        { { { "AWS_REGION", "cn-north-1" } },
          "arn:aws-cn:iam::111122223333:role/r",
          "https://sts.cn-north-1.amazonaws.com.cn/" },
        { { { "AWS_REGION", "eu-west-1" },
            { "AWS_USE_DUALSTACK_ENDPOINT", "true" } },
          ROLE,
          "https://sts.eu-west-1.api.aws/" },
        { { { "AWS_ENDPOINT_URL", "https://c.example" },
            { "AWS_ENDPOINT_URL_KMS", "https://k.example" } },
          ROLE,
          "https://c.example/" },
        { { { "AWS_ENDPOINT_URL", "https://c.example" },
            { "AWS_ENDPOINT_URL_STS", "http://127.0.0.1:5610/sts" } },
          ROLE,
          "http://127.0.0.1:5610/sts/" },
    };
    static const struct fake_reply reply = { 200, REPLY(WEB, "WEB"), NULL };
    static struct fake_pair variables[6];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(places); i++) {
        start_again();
        for (n = 0; places[i].variables[n].name != NULL; n++)
            variables[n] = places[i].variables[n];
        variables[n++] =
            (struct fake_pair){ "AWS_WEB_IDENTITY_TOKEN_FILE", TOKEN_FILE };
        variables[n++] = (struct fake_pair){ "AWS_ROLE_ARN", places[i].arn };
        variables[n] = (struct fake_pair)END;
        fake.variables = variables;
        fake.files = token_file;
        answer(&reply, 1);
        found(NULL, "WEB");
        assert_string_equal(fake.requests[0].url, places[i].url);
    }
}

/* What STS says */

static const struct {
    struct fake_reply reply;
    size_t count; /* of requests, all answered so */
    enum envelope_reason reason;
    const char *says;
} failures[] = {
    { { 400, ERROR("IDPCommunicationError", "no idp"), NULL },
      4,
      ENVELOPE_R_KEY_SERVICE,
      "STS, role " ROLE ": IDPCommunicationError: no idp (request 1-2)" },
    { { 400, ERROR("ExpiredTokenException", "Token &lt;x&gt; expired"), NULL },
      1,
      ENVELOPE_R_CREDENTIALS,
      "Token <x> expired (request 1-2); the token has expired: whoever" },
    { { 400, ERROR("InvalidIdentityToken", "no provider"), NULL },
      2,
      ENVELOPE_R_CREDENTIALS,
      "no provider" },
    { { 403, ERROR("IDPRejectedClaim", "no"), NULL },
      1,
      ENVELOPE_R_CREDENTIALS,
      "ask for a new token" },
    { { 403, ERROR("AccessDenied", "not authorized"), NULL },
      1,
      ENVELOPE_R_CREDENTIALS,
      "trust policy" },
    { { 400, ERROR("ValidationError", "bad"), NULL },
      1,
      ENVELOPE_R_CREDENTIALS,
      "ValidationError: bad" },
    { { 400, ERROR("Throttling", "Rate exceeded"), NULL },
      4,
      ENVELOPE_R_KEY_SERVICE,
      "Throttling" },
    { { 503, "<html>no</html>", NULL },
      4,
      ENVELOPE_R_KEY_SERVICE,
      "HTTP status 503" },
    { { 0, NULL, NULL }, 4, ENVELOPE_R_KEY_SERVICE, "no connection" },
    { { 404, "", NULL }, 1, ENVELOPE_R_CREDENTIALS, "HTTP status 404" },
    { { 302, "", NULL }, 1, ENVELOPE_R_KEY_SERVICE, "redirection" },
    { { 200, "", NULL },
      1,
      ENVELOPE_R_KEY_SERVICE,
      "no credentials that can be read" },
    { { 200, "{}", NULL },
      1,
      ENVELOPE_R_KEY_SERVICE,
      "no credentials that can be read" },
    { { 200, REPLY(WEB, ""), NULL },
      1,
      ENVELOPE_R_KEY_SERVICE,
      "no credentials that can be read" },
    { { 200, REPLY(WEB, "A") REPLY(WEB, "B"), NULL },
      1,
      ENVELOPE_R_KEY_SERVICE,
      "no credentials that can be read" },
    { { 200,
        "<r><AccessKeyId>a</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
        "<SessionToken>t</SessionToken><Expiration>soon</Expiration></r>",
        NULL },
      1,
      ENVELOPE_R_KEY_SERVICE,
      "no credentials that can be read" },
};

static void
failures_are_told(void **state)
{
    static struct fake_reply replies[4];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(failures); i++) {
        start_again();
        fake.variables = web;
        fake.files = token_file;
        for (n = 0; n < COUNT(replies); n++)
            replies[n] = failures[i].reply;
        answer(replies, COUNT(replies));
        refused(NULL, failures[i].reason, failures[i].says);
        assert_int_equal(fake.request_count, failures[i].count);
        assert_null(strstr(err.detail, "a.b"));
    }
}

/* Profiles */

static const struct {
    const char *config;
    struct fake_pair variables[4];
    size_t count; /* of requests to STS */
    const char *signers[2], *forms[2];
} chains[] = {
    { "[profile p]\n" SOURCE_ROLE "base\nexternal_id = x/1\n"
      "duration_seconds = 900\nrole_session_name = night\n"
      "[profile base]\n" KEYS("BASE"),
      { HOME_PAIR },
      1,
      { "BASE" },
      { "Action=AssumeRole&Version=2011-06-15&RoleArn=" ROLE_FORM
        "&RoleSessionName=night&DurationSeconds=900&ExternalId=x%2F1" } },
    { "[profile p]\n" SOURCE_ROLE "p\n" KEYS("OWN"),
      { HOME_PAIR },
      1,
      { "OWN" },
      { "Action=AssumeRole" } },
    /* As a source, a profile with keys is these. */
    { "[profile p]\n" SOURCE_ROLE "base\n[profile base]\n" SOURCE_ROLE
      "p\n" KEYS("BASE"),
      { HOME_PAIR },
      1,
      { "BASE" },
      { "Action=AssumeRole" } },
    { "[profile p]\n" SOURCE_ROLE "q\n[profile q]\n"
      "role_arn = arn:aws:iam::111122223333:role/between\n"
      "source_profile = base\n[profile base]\n" KEYS("BASE"),
      { HOME_PAIR },
      2,
      { "BASE", "ROLE" },
      { "role%2Fbetween", "role%2Frestore" } },
    { "[profile p]\nrole_arn = " ROLE "\ncredential_source = Environment\n",
      { HOME_PAIR,
        { "AWS_ACCESS_KEY_ID", "ENV" },
        { "AWS_SECRET_ACCESS_KEY", "sENV" } },
      1,
      { "ENV" },
      { "Action=AssumeRole" } },
    { "[profile p]\nrole_arn = " ROLE "\nweb_identity_token_file = " TOKEN_FILE
      "\n",
      { HOME_PAIR },
      1,
      { NULL },
      { "Action=" WEB } },
    { "[profile p]\n" SOURCE_ROLE "q\n[profile q]\nrole_arn = " ROLE
      "\nweb_identity_token_file = " TOKEN_FILE "\n",
      { HOME_PAIR },
      2,
      { NULL, "WEB" },
      { "Action=" WEB, "Action=AssumeRole&" } },
};

static void
profiles_lead_to_roles(void **state)
{
    static const struct fake_reply role = { 200, REPLY("AssumeRole", "ROLE"),
                                            NULL };
    static const struct fake_reply of_web = { 200, REPLY(WEB, "WEB"), NULL };
    static struct fake_pair files[] = { { CONFIG, NULL },
                                        { TOKEN_FILE, "token" },
                                        END };
    static struct fake_reply replies[2];
    const char *sign;
    char wanted[64];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(chains); i++) {
        start_again();
        files[0].content = chains[i].config;
        fake.files = files;
        fake.variables = chains[i].variables;
        replies[0] = chains[i].signers[0] != NULL ? role : of_web;
        replies[1] = role;
        answer(replies, chains[i].count);
        found("p", chains[i].signers[0] == NULL && chains[i].count == 1
                       ? "WEB"
                       : "ROLE");
        assert_int_equal(fake.request_count, chains[i].count);
        for (n = 0; n < chains[i].count; n++) {
            assert_string_equal(fake.requests[n].url,
                                "https://sts.us-east-1.amazonaws.com/");
            assert_non_null(strstr(fake.requests[n].body, chains[i].forms[n]));
            sign = fake_header(&fake.requests[n], "Authorization");
            if (chains[i].signers[n] == NULL) {
                assert_null(sign);
                continue;
            }
            (void)snprintf(wanted, sizeof(wanted),
                           "Credential=%s/20150830/us-east-1/sts/aws4_request",
                           chains[i].signers[n]);
            assert_non_null(sign);
            assert_non_null(strstr(sign, wanted));
        }
    }
}

static const struct {
    const char *config, *says;
} bad_chains[] = {
    { "[profile p]\nrole_arn = " ROLE "\n",
      CONFIG ", line 2: profile p: role_arn needs exactly one of" },
    { "[profile p]\n" SOURCE_ROLE "b\ncredential_source = Environment\n",
      CONFIG ", line 2: profile p: role_arn needs exactly one of" },
    { "[profile p]\n" SOURCE_ROLE "b\nweb_identity_token_file = /t\n",
      CONFIG ", line 2: profile p: role_arn needs exactly one of" },
    { "[profile p]\ncredential_source = Environment\n" KEYS("A"),
      CONFIG ", line 2: profile p: credential_source is there without" },
    { "[profile p]\n" SOURCE_ROLE "nobody\n",
      CONFIG ", line 3: profile p: source_profile names a profile that is" },
    { "[profile p]\n" SOURCE_ROLE "b\nmfa_serial = m\n[profile b]\n" KEYS("B"),
      CONFIG ", line 4: profile p: mfa_serial needs somebody to type a code" },
    { "[profile p]\n" SOURCE_ROLE "b\n[profile b]\nregion = us-east-1\n",
      CONFIG ", line 2: profile p: role_arn has no credentials" },
    { "[profile p]\nrole_arn = " ROLE "\ncredential_source = Environment\n",
      CONFIG ", line 2: profile p: role_arn has no credentials" },
    { "[profile p]\nrole_arn = " ROLE "\ncredential_source = environment\n",
      CONFIG ", line 3: profile p: credential_source is none of" },
    { "[profile p]\n" SOURCE_ROLE "b\n[profile b]\nsso_session = x\n",
      CONFIG ", line 5: profile b has sso_session" },
    { "[profile p]\n" SOURCE_ROLE "b\n[profile b]\naws_access_key_id = B\n",
      CONFIG ", line 5: profile b: aws_access_key_id is there without" },
    { "[profile p]\n" SOURCE_ROLE "p\n",
      CONFIG ", line 3: profile p: source_profile leads back to a profile" },
    { "[profile p]\n" SOURCE_ROLE "q\n[profile q]\n" SOURCE_ROLE "p\n",
      CONFIG ", line 6: profile q: source_profile leads back to a profile" },
    { "[profile p]\n" SOURCE_ROLE "b\n[profile b]\n" SOURCE_ROLE
      "c\n[profile c]\n" SOURCE_ROLE "d\n[profile d]\n" SOURCE_ROLE
      "e\n[profile e]\n" SOURCE_ROLE "f\n[profile f]\n" KEYS("F"),
      CONFIG ", line 15: profile e: source_profile is the fifth" },
    { "[profile p]\n" SOURCE_ROLE "b\nservices = s\n[profile b]\n" KEYS("B"),
      CONFIG ", line 4: profile p: services cannot be followed" },
};

static void
bad_chains_are_named(void **state)
{
    static struct fake_pair files[] = { { CONFIG, NULL }, END };
    size_t i;

    (void)state;
    fake.files = files;
    fake.variables = home;
    for (i = 0; i < COUNT(bad_chains); i++) {
        files[0].content = bad_chains[i].config;
        refused("p", ENVELOPE_R_CREDENTIALS, bad_chains[i].says);
    }
    assert_int_equal(fake.request_count, 0);
}

/* The machine's clock is put right by the reply's Date, once. */
static void
a_wrong_clock_is_put_right(void **state)
{
    static const struct fake_pair files[] = {
        { CONFIG, "[profile p]\n" SOURCE_ROLE "b\n[profile b]\n" KEYS("B") },
        END
    };
    static const struct fake_reply replies[] = {
        { 403, ERROR("SignatureDoesNotMatch", "Signature expired"),
          "Date: Sun, 30 Aug 2015 14:36:00 GMT\r\n" },
        { 200, REPLY("AssumeRole", "ROLE"), NULL },
    };

    (void)state;
    fake.variables = home;
    fake.files = files;
    answer(replies, 2);
    found("p", "ROLE");
    assert_string_equal(fake_header(&fake.requests[1], "X-Amz-Date"),
                        "20150830T143600Z");
}

/* What costs a request is kept: one for any number of files. */
static void
sts_is_asked_once(void **state)
{
    static const struct fake_pair files[] = {
        { CONFIG,
          "[profile p]\n" SOURCE_ROLE "b\n[profile b]\n" KEYS(
              "B") "[profile x]\n" SOURCE_ROLE "b\nexternal_id = 42\n"
                   "[profile y]\n" SOURCE_ROLE "c\n[profile c]\n" KEYS("C") },
        END
    };
    static const struct fake_reply reply = { 200, REPLY("AssumeRole", "ROLE"),
                                             NULL };
    static struct fake_reply replies[8];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(replies); i++)
        replies[i] = reply;
    fake.world.kept = &kept;
    fake.variables = home;
    fake.files = files;
    answer(replies, COUNT(replies));
    for (i = 0; i < 1000; i++)
        found("p", "ROLE");
    assert_int_equal(fake.request_count, 1);
    /* Other roles, and the same of somebody else, are others. */
    found("x", "ROLE");
    found("y", "ROLE");
    assert_int_equal(fake.request_count, 3);
    found("p", "ROLE");
    assert_int_equal(fake.request_count, 3);
    /* The service has refused them. */
    assert_int_equal(look("p", true), ENVELOPE_OK);
    assert_int_equal(fake.request_count, 4);
    /* They are about to expire. */
    fake.now += 3600 - KMS_KEPT_MARGIN_S;
    found("p", "ROLE");
    assert_int_equal(fake.request_count, 5);
}

/* So are those of programs, containers and machines. */
static void
others_are_asked_once(void **state)
{
    static const struct fake_pair container[] = {
        { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/x" }, END
    };
    static const struct fake_pair files[] = {
        { CONFIG, "[profile p]\ncredential_process = /bin/creds\n" }, END
    };
    static const char document[] =
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Expiration\":"
        "\"2015-08-30T18:00:00Z\"}";
    const struct fake_reply replies[] = {
        { 200, document, NULL },
        { 200, "session", NULL },
        { 200, "role", NULL },
        { 200, document, NULL },
    };
    int i;

    (void)state;
    fake.world.kept = &kept;
    fake.run_output = document;
    answer(replies, COUNT(replies));
    for (i = 0; i < 3; i++) {
        fake.files = files;
        fake.variables = home;
        assert_int_equal(look("p", false), ENVELOPE_OK);
        fake.files = NULL;
        fake.variables = container;
        assert_int_equal(look(NULL, false), ENVELOPE_OK);
        fake.variables = NULL;
        assert_int_equal(look(NULL, false), ENVELOPE_OK);
    }
    assert_int_equal(fake.run_count, 1);
    assert_int_equal(fake.request_count, 4);
}

/* A token is read anew where the service does not know it, and at each renewal. */
static size_t reads;

static enum envelope_reason
read_next(void *arg, struct kms_text *content, const char *path, size_t max,
          struct envl_err *e)
{
    static const char *const tokens[] = { "first", "second" };

    (void)arg;
    (void)max;
    (void)e;
    assert_string_equal(path, TOKEN_FILE);
    kms_text_set(content, tokens[reads++ % 2]);
    return ENVELOPE_OK;
}

static void
a_token_is_read_again(void **state)
{
    static const struct fake_reply replies[] = {
        { 400, ERROR("InvalidIdentityToken", "no"), NULL },
        { 200, REPLY(WEB, "WEB"), NULL },
    };

    (void)state;
    reads = 0;
    fake.variables = web;
    fake.world.read = read_next;
    answer(replies, 2);
    found(NULL, "WEB");
    assert_int_equal(reads, 2);
    assert_non_null(strstr(fake.requests[0].body, "WebIdentityToken=first"));
    assert_non_null(strstr(fake.requests[1].body, "WebIdentityToken=second"));
}

/* Memory */

static enum envelope_reason
send_simply(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *e)
{
    (void)arg;
    (void)milliseconds;
    reply->status = 200;
    kms_text_set(&reply->body, strstr(kms_text_get(&request->body), WEB) != NULL
                                   ? REPLY(WEB, "WEB")
                                   : REPLY("AssumeRole", "ROLE"));
    return reply->body.failed ? envl_fail_memory(e) : ENVELOPE_OK;
}

static void
memory_may_run_out(void **state)
{
    static const struct fake_pair files[] = {
        { CONFIG, "[profile p]\n" SOURCE_ROLE "b\nexternal_id = 42\n"
                  "[profile b]\n" KEYS("B") },
        { TOKEN_FILE, "token" },
        END
    };
    enum envelope_reason rc;
    size_t i, n;

    (void)state;
    for (i = 0; i < 2; i++) {
        n = 0;
        do {
            start_again();
            fake.world.kept = &kept;
            fake.variables = i == 0 ? web : home;
            fake.files = files;
            fake.world.send = send_simply;
            memory_fail(++n);
            rc = look(i == 0 ? NULL : "p", false);
            if (memory_failed() && rc != ENVELOPE_R_MEMORY
                && rc != ENVELOPE_R_CRYPTO && rc != ENVELOPE_OK)
                fail_msg("sweep %zu, allocation %zu: %d: %s", i, n, rc,
                         err.detail);
            if (rc == ENVELOPE_OK)
                assert_string_equal(kms_text_get(&credentials.token), "t&");
            memory_fail(0);
        } while (memory_failed());
        assert_int_equal(rc, ENVELOPE_OK);
        assert_true(n > 30);
    }
}

#define roles_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        roles_test(a_token_gives_a_role),
        roles_test(bad_tokens_and_roles_are_not_sent),
        roles_test(sts_is_where_it_is_said_to_be),
        roles_test(failures_are_told),
        roles_test(profiles_lead_to_roles),
        roles_test(bad_chains_are_named),
        roles_test(a_wrong_clock_is_put_right),
        roles_test(sts_is_asked_once),
        roles_test(others_are_asked_once),
        roles_test(a_token_is_read_again),
        roles_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_aws_roles", tests, NULL, NULL);
}
