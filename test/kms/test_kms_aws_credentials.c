/* SPDX-License-Identifier: Apache-2.0 */
/* Where AWS credentials come from: each source, the order of all, and what is
 * said where there are none. */
#include "kms/engine/credentials.h"

#include "test/support/memory.h"
#include "test/support/support.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/kms/world.h"

#define CREDENTIALS "/home/u/.aws/credentials"
#define CONFIG "/home/u/.aws/config"
#define HOME              \
    {                     \
        "HOME", "/home/u" \
    }
#define END        \
    {              \
        NULL, NULL \
    }

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = s" id "\n"
#define DOCUMENT(id, token) \
    "{\"AccessKeyId\":\"" id "\",\"SecretAccessKey\":\"s" id "\"" token "}"
#define TOKEN(name) ",\"" name "\":\"t\""

static struct fake_world fake;
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
    fake_world_clear(&fake);
    return 0;
}

static void
start_again(void)
{
    (void)tear_down(NULL);
    (void)set_up(NULL);
}

static enum envelope_reason
find(const char *profile)
{
    enum envelope_reason rc;

    kms_credentials_clear(&credentials);
    rc = kms_aws_credentials(
        &credentials,
        &(struct kms_seeker){ .world = &fake.world, .profile = profile }, &err);
    if (rc != ENVELOPE_OK) {
        assert_int_equal(credentials.id.len, 0);
        assert_int_equal(credentials.secret.len, 0);
        assert_int_equal(credentials.token.len, 0);
        assert_true(strlen(err.detail) > 0);
    }
    return rc;
}

static void
says(const char *text)
{
    if (strstr(err.detail, text) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", text, err.detail);
}

/* These and no others; secrets are the id with an s in front. */
static void
found(const char *id, const char *token)
{
    assert_string_equal(kms_text_get(&credentials.id), id);
    assert_string_equal(kms_text_get(&credentials.secret) + 1, id);
    assert_string_equal(kms_text_get(&credentials.token), token);
}

/* Environment and files: the order */

static const struct fake_pair two_files[] = {
    { CREDENTIALS, "[default]\n" KEYS("DEFAULT") "[work]\n" KEYS(
                       "WORK") "aws_session_token = t\n" },
    { CONFIG, "[default]\n" KEYS("CONFIG") "[profile home]\n" KEYS(
                  "HOME_ID") "[profile empty]\nregion = us-east-1\n"
                             "[bare]\n" KEYS("BARE") },
    END,
};

static void
variables_come_first(void **state)
{
    static const struct fake_pair variables[] = {
        HOME,
        { "AWS_ACCESS_KEY_ID", "ENV" },
        { "AWS_SECRET_ACCESS_KEY", "sENV" },
        END,
    };
    static const struct fake_pair with_token[] = {
        { "AWS_ACCESS_KEY_ID", "ENV" },
        { "AWS_SECRET_ACCESS_KEY", "sENV" },
        { "AWS_SESSION_TOKEN", "t" },
        END,
    };

    (void)state;
    fake.variables = variables;
    fake.files = two_files;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("ENV", "");
    assert_int_equal(credentials.expires, 0);
    /* But a profile that is named comes before them. */
    assert_int_equal(find("work"), ENVELOPE_OK);
    found("WORK", "t");
    fake.variables = with_token;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("ENV", "t");
}

static void
half_of_a_pair_is_an_error(void **state)
{
    static const struct fake_pair id[] = { { "AWS_ACCESS_KEY_ID", "ENV" },
                                           HOME,
                                           END };
    static const struct fake_pair secret[] = {
        { "AWS_SECRET_ACCESS_KEY", "sENV" }, HOME, END
    };
    static const struct fake_pair home[] = { HOME, END };
    static const struct fake_pair files[] = {
        { CREDENTIALS, "[default]\naws_access_key_id = A\n"
                       "[empty]\naws_access_key_id = A\n"
                       "aws_secret_access_key =\n" },
        { CONFIG, "[profile work]\naws_secret_access_key = s\n" },
        END,
    };

    (void)state;
    fake.files = two_files;
    fake.variables = id;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says("AWS_SECRET_ACCESS_KEY");
    fake.variables = secret;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    fake.variables = home;
    fake.files = files;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says(CREDENTIALS ", line 2: profile default: aws_access_key_id is there "
                     "without aws_secret_access_key");
    assert_int_equal(find("empty"), ENVELOPE_R_CREDENTIALS);
    says(CREDENTIALS ", line 5: profile empty: aws_secret_access_key is empty");
    assert_int_equal(find("work"), ENVELOPE_R_CREDENTIALS);
    says(CONFIG ", line 2: profile work: aws_secret_access_key is there "
                "without aws_access_key_id");
}

static void
profiles_are_found(void **state)
{
    static const struct fake_pair home[] = { HOME, END };
    static const struct fake_pair named[] = {
        HOME, { "AWS_PROFILE", "home" }, { "AWS_ACCESS_KEY_ID", "ENV" }, END
    };
    static const struct fake_pair other[] = { HOME,
                                              { "AWS_DEFAULT_PROFILE", "home" },
                                              { "AWS_ACCESS_KEY_ID", "ENV" },
                                              END };
    static const struct fake_pair two[] = {
        HOME, { "AWS_PROFILE", "home" }, { "AWS_DEFAULT_PROFILE", "work" }, END
    };
    struct kms_text region = { 0 };

    (void)state;
    fake.variables = home;
    fake.files = two_files;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("DEFAULT", ""); /* credentials before config */
    assert_int_equal(find("home"), ENVELOPE_OK);
    found("HOME_ID", "");
    assert_int_equal(find("default"), ENVELOPE_OK);
    found("DEFAULT", "");
    fake.variables = named;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("HOME_ID", "");
    fake.variables = other;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("HOME_ID", "");
    fake.variables = two;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says("AWS_PROFILE and AWS_DEFAULT_PROFILE name two");
    assert_int_equal(kms_aws_region(&region, &fake.world, NULL, &err),
                     ENVELOPE_R_CREDENTIALS);
    kms_text_clear(&region);
    assert_int_equal(find("work"), ENVELOPE_OK);
    found("WORK", "t");
}

static void
a_named_profile_is_all(void **state)
{
    static const struct fake_pair variables[] = {
        HOME,
        { "AWS_ACCESS_KEY_ID", "ENV" },
        { "AWS_SECRET_ACCESS_KEY", "sENV" },
        { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x" },
        END,
    };
    /* The last is a section without "profile" in the configuration. */
    static const char *const names[] = { "nobody", "empty", "bare" };
    size_t i;

    (void)state;
    fake.variables = variables;
    fake.files = two_files;
    for (i = 0; i < COUNT(names); i++) {
        assert_int_equal(find(names[i]), ENVELOPE_R_CREDENTIALS);
        says(names[i]);
        says(CREDENTIALS " (no section [");
        says(CONFIG " (");
        says(i == 1 ? "(line 7)" : "(no section [profile ");
    }
    assert_int_equal(fake.request_count, 0);
}

static void
files_may_be_elsewhere(void **state)
{
    static const struct fake_pair variables[] = {
        HOME,
        { "AWS_SHARED_CREDENTIALS_FILE", "/etc/aws/keys" },
        { "AWS_CONFIG_FILE", "~/aws.conf" },
        { "AWS_PROFILE", "p" },
        END,
    };
    static const struct fake_pair keys[] = {
        { "/etc/aws/keys", "[p]\n" KEYS("KEYS") }, END
    };
    static const struct fake_pair config[] = {
        { "/home/u/aws.conf", "[profile p]\n" KEYS("CONFIG") }, END
    };

    (void)state;
    fake.variables = variables;
    fake.files = keys;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("KEYS", "");
    fake.files = config;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("CONFIG", "");
    fake.files = NULL;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says("/etc/aws/keys");
    says("/home/u/aws.conf");
}

/* A directory "~" in the working directory is anybody's. */
static void
without_a_home_there_are_no_files(void **state)
{
    static const struct fake_pair off[] = {
        { "AWS_EC2_METADATA_DISABLED", "true" }, END
    };
    static const struct fake_pair files[] = {
        { "~/.aws/credentials", "[default]\n" KEYS("FOREIGN") },
        { "~/.aws/config", "[default]\ncredential_process = /evil\n"
                           "region = us-east-1\n" },
        END,
    };
    struct kms_text region = { 0 };

    (void)state;
    fake.variables = off;
    fake.files = files;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says("~/.aws/config");
    assert_int_equal(find("default"), ENVELOPE_R_CREDENTIALS);
    assert_int_equal(fake.run_count, 0);
    assert_int_equal(kms_aws_region(&region, &fake.world, NULL, &err),
                     ENVELOPE_OK);
    assert_int_equal(region.len, 0);
    kms_text_clear(&region);
}

/* What a token in one file must not do to the keys of the other. */
static void
tokens_belong_to_their_keys(void **state)
{
    static const struct fake_pair home[] = { HOME, END };
    static const struct fake_pair files[] = {
        { CREDENTIALS, "[default]\naws_session_token = old\n"
                       "[work]\n" KEYS("WORK") },
        { CONFIG, "[default]\n" KEYS("CONFIG") "[profile work]\n"
                                               "aws_session_token = old\n" },
        END,
    };

    (void)state;
    fake.variables = home;
    fake.files = files;
    assert_int_equal(find(NULL), ENVELOPE_OK);
    found("CONFIG", "");
    assert_int_equal(find("work"), ENVELOPE_OK);
    found("WORK", "");
}

static void
a_file_that_cannot_be_read_is_told(void **state)
{
    static const struct fake_pair home[] = { HOME, END };
    static struct fake_pair files[] = { { CONFIG, NULL }, END };
    const size_t len = (1 << 20) + 1;
    char *text = malloc(len + 1);

    (void)state;
    assert_non_null(text);
    memset(text, '\n', len);
    text[len] = '\0';
    files[0].content = text;
    fake.variables = home;
    fake.files = files;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says(CONFIG);
    free(text);
    files[0].content = NULL;
}

static void
variables_in_paths_are_refused(void **state)
{
    static const struct fake_pair paths[][3] = {
        { { "AWS_CONFIG_FILE", "$HOME/config" }, HOME, END },
        { { "AWS_SHARED_CREDENTIALS_FILE", "~me/config" }, HOME, END },
        { { "AWS_CONFIG_FILE", "~" }, HOME, END },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(paths); i++) {
        fake.variables = paths[i];
        assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
        says(paths[i][0].name);
        says(paths[i][0].content);
    }
    assert_int_equal(fake.request_count, 0);
}

/* The dialect: as the aws command reads it, or an error with file and line. */

#define ID "aws_access_key_id"
#define SECRET_KEY "aws_secret_access_key"
#define IN(file, line) file ", line " #line ": "
#define ROLE_LINES "role_arn = arn:aws:iam::1:role/r\nsource_profile = b\n"

static const struct {
    const char *profile; /* NULL: nobody names one */
    const char *config, *credentials;
    const char *token; /* with the keys A and sA, or NULL */
    const char *says;
} dialects[] = {
    /* Names of sections */
    { "p", "[profile\tp]\n" KEYS("A"), NULL, "", NULL },
    { "p", "[profile   p ]\n" KEYS("A"), NULL, "", NULL },
    { "p", "[profile \"p\"]\n" KEYS("A"), NULL, "", NULL },
    { "p", "[profile 'p']\n" KEYS("A"), NULL, "", NULL },
    { "p", "  [profile p] # mine\n" KEYS("A"), NULL, "", NULL },
    { "a b", "[profile \"a b\"]\n" KEYS("A"), NULL, "", NULL },
    { "a b", "[profile a\\ b]\n" KEYS("A"), NULL, "", NULL },
    { "a b", "[profile a' 'b]\n" KEYS("A"), NULL, "", NULL },
    { "a b", NULL, "[a b]\n" KEYS("A"), "", NULL },
    { "a\"\\b", "[profile \"a\\\"\\\\b\"]\n" KEYS("A"), NULL, "", NULL },
    { "a\\b", "[profile \"a\\b\"]\n" KEYS("A"), NULL, "", NULL },
    { "a\\b", "[profile 'a\\b']\n" KEYS("A"), NULL, "", NULL },
    { "a\\\\b", "[profile 'a\\\\b']\n" KEYS("A"), NULL, "", NULL },
    { "profile p", NULL, "[profile p]\n" KEYS("A"), "", NULL },
    { NULL, "[default]\n" KEYS("A"), NULL, "", NULL },
    { NULL, "[profile default]\n" KEYS("A"), NULL, "", NULL },
    { NULL, "[profile \"default\"]\n" KEYS("A"), NULL, "", NULL },
    { NULL, NULL, "[default]\n" KEYS("A"), "", NULL },
    /* Those that some programs take and others do not */
    { "p", "[ profile p]\n" KEYS("A"), NULL, NULL,
      IN(CONFIG, 1) "[ profile p]: to "
                    "some programs" },
    { "p", "[Profile p]\n" KEYS("A"), NULL, NULL, IN(CONFIG, 1) },
    { "p", "[profiles p]\n" KEYS("A"), NULL, NULL, IN(CONFIG, 1) },
    { "a b", "\n[profile a b]\n" KEYS("A"), NULL, NULL, IN(CONFIG, 2) },
    { "o'b", "[profile o'b]\n" KEYS("A"), NULL, NULL, IN(CONFIG, 1) },
    { NULL, "[ default ]\n" ROLE_LINES, NULL, NULL, IN(CONFIG, 1) },
    { NULL, "[\"default\"]\n" ROLE_LINES, NULL, NULL, IN(CONFIG, 1) },
    { NULL, NULL, "[default ]\n" KEYS("A"), NULL, IN(CREDENTIALS, 1) },
    { NULL, "[DEFAULT]\n" ROLE_LINES, NULL, NULL,
      IN(CONFIG, 1) "[DEFAULT]: its "
                    "settings" },
    { "p", NULL, "[p]\n" KEYS("A") "[DEFAULT]\n", NULL, IN(CREDENTIALS, 4) },
    /* Twice */
    { "p", "[profile p]\n" KEYS("A") "[profile 'p']\n", NULL, NULL,
      IN(CONFIG, 4) "the section p is in line 1 already" },
    { NULL, "[default]\n" KEYS("A") "[profile default]\n", NULL, NULL,
      IN(CONFIG, 4) "the section default is in line 1 already" },
    { "p", "[profile p]\n" KEYS("A") "AWS_Access_Key_Id = B\n", NULL, NULL,
      IN(CONFIG, 4) "the setting aws_access_key_id is in line 2 already" },
    /* Others, which are not the profile */
    { NULL, "[Default]\n" KEYS("B") "[profile]\n[default\\ ]\n",
      "[default]\n" KEYS("A"), "", NULL },
    { "p",
      "[p]\n" ROLE_LINES "[profile P]\n" ROLE_LINES "[profile p q]\n" ROLE_LINES
      "[profile \"p]\n" ROLE_LINES "[profile pq]\n" ROLE_LINES
      "[profile \\]\n" ROLE_LINES "[profile p\\]\n" ROLE_LINES
      "[profile \"\"]\n" ROLE_LINES,
      "[p]\n" KEYS("A") "[profile p]\n" ROLE_LINES, "", NULL },
    /* Settings */
    { "p", "[profile p]\n  " ID " = A\n  " SECRET_KEY " = sA\n", NULL, "",
      NULL },
    { "p", "[profile p]\n\t" ID ": A\n\t" SECRET_KEY " : sA\n", NULL, "",
      NULL },
    { "p", NULL,
      "[p]\nAWS_ACCESS_KEY_ID = A\nAWS_SECRET_ACCESS_KEY=sA\n"
      "AWS_Session_Token = t\n",
      "t", NULL },
    { "p", NULL, "[p]\n" KEYS("A") "aws_security_token = t\n", "t", NULL },
    { "p", NULL,
      "[p]\n" KEYS("A") "aws_security_token = t\n"
                        "aws_session_token = t\n",
      "t", NULL },
    { "p", NULL, "[p]\n" KEYS("A") "aws_session_token =\n", "", NULL },
    { "p", "[profile p]\r\n" ID " = A\r\n" SECRET_KEY " = sA\r\n", NULL, "",
      NULL },
    { "p", "[profile p]\ns3 =\n  max_queue_size = 9\n\n  a = b\n" KEYS("A"),
      NULL, "", NULL },
    { "p", "[profile q]\nx\n" ID "=B\n" ID "=C\n  y\n[profile p]\n" KEYS("A"),
      NULL, "", NULL },
    { "p", NULL,
      "[p]\n" KEYS("A") "aws_security_token = t\n"
                        "aws_session_token = u\n",
      NULL, IN(CREDENTIALS, 4) },
    { "p", NULL, "[p]\n" ID " = A # old\n" SECRET_KEY " = sA\n", NULL,
      IN(CREDENTIALS, 2) "profile p: " ID " is empty, or has a character" },
    { "p", NULL, "[p]\n" ID " = \"A\"\n" SECRET_KEY " = sA\n", NULL,
      IN(CREDENTIALS, 2) },
    { "p", NULL, "[p]\n" KEYS("A") "aws_session_token = a b\n", NULL,
      IN(CREDENTIALS, 4) },
    { "p", "[profile p]\ncredential_process =\n", NULL, NULL,
      IN(CONFIG, 2) "profile p: credential_process is empty" },
    { NULL, NULL, "[default]\n" ID " =\n" SECRET_KEY " =\n", NULL,
      IN(CREDENTIALS, 2) },
    /* Lines that nobody can read, or not all alike */
    { NULL, "[default]\nrole_arn\n", NULL, NULL, IN(CONFIG, 2) },
    { NULL, "[default]\nrole_arn arn:aws:iam::1:role/r\n", NULL, NULL,
      IN(CONFIG, 2) },
    { NULL, "[default\nrole_arn = x\n", NULL, NULL, IN(CONFIG, 1) },
    { NULL, "role_arn = x\n", NULL, NULL, IN(CONFIG, 1) },
    { NULL, "\xef\xbb\xbf[default]\nrole_arn = x\n", NULL, NULL,
      IN(CONFIG, 1) },
    { NULL, "[default]\n\xc2\xa0role_arn = x\n", NULL, NULL, IN(CONFIG, 2) },
    { NULL, "[default]\nregion = x\n  role_arn = x\n", NULL, NULL,
      IN(CONFIG, 3) },
    { NULL, "[default]\noutput =\n  role_arn = x\n", NULL, NULL,
      IN(CONFIG, 3) },
    { NULL, "[x]\ny = z\n  [default]\n  role_arn = x\n", NULL, NULL,
      IN(CONFIG, 3) },
    { NULL, "[x]\ny = z\n  [profile 'default']\n", NULL, NULL, IN(CONFIG, 3) },
    /* What cannot be followed, whatever it looks like */
    { NULL, "[default]\n  role_arn = x\n", NULL, NULL,
      IN(CONFIG, 2) "profile default: role_arn needs exactly one" },
    { NULL, "[default]\n\n\tROLE_ARN: x\n", NULL, NULL,
      IN(CONFIG, 3) "profile default: role_arn needs exactly one" },
    { NULL, "[default]\rSso_Session = x\r", NULL, NULL,
      IN(CONFIG, 2) "profile default has sso_session" },
    { NULL, "[profile  default]\nweb_identity_token_file:/t", NULL, NULL,
      IN(CONFIG, 2) "profile default: web_identity_token_file is there without "
                    "role_arn" },
    { NULL, "[profile 'default']\nrole_arn =\n", NULL, NULL,
      IN(CONFIG, 2) "profile default: role_arn needs exactly one" },
    { NULL, NULL, "[default]\n  Source_Profile = x\n", NULL,
      IN(CREDENTIALS,
         2) "profile default: source_profile is there without role_arn" },
};

/* With a machine that has a role of its own, which nobody asks for. */
static void
the_dialect_is_that_of_the_aws_command(void **state)
{
    static const struct fake_pair home[] = { HOME, END };
    struct fake_pair files[3];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(dialects); i++) {
        start_again();
        n = 0;
        if (dialects[i].config != NULL)
            files[n++] = (struct fake_pair){ CONFIG, dialects[i].config };
        if (dialects[i].credentials != NULL)
            files[n++] =
                (struct fake_pair){ CREDENTIALS, dialects[i].credentials };
        files[n] = (struct fake_pair)END;
        fake.variables = home;
        fake.files = files;
        if (dialects[i].token != NULL) {
            if (find(dialects[i].profile) != ENVELOPE_OK)
                fail_msg("dialect %zu: %s", i, err.detail);
            found("A", dialects[i].token);
        } else {
            if (find(dialects[i].profile) != ENVELOPE_R_CREDENTIALS)
                fail_msg("dialect %zu: is read", i);
            says(dialects[i].says);
        }
        assert_int_equal(fake.request_count, 0);
    }
}

/* Profiles that we cannot follow */

static void
other_kinds_are_named(void **state)
{
    static const char *const lines[] = {
        "sso_session = corp\n",
        "sso_start_url = https://corp.awsapps.com/start\n",
        "sso_account_id = 111122223333\n",
        "sso_role_name = r\n",
        "login_session = x\n",
    };
    static const struct fake_pair home[] = { HOME, END };
    struct fake_pair files[] = { { CONFIG, NULL }, END };
    char text[512];
    size_t i;

    (void)state;
    fake.variables = home;
    fake.files = files;
    files[0].content = text;
    for (i = 0; i < COUNT(lines); i++) {
        (void)snprintf(text, sizeof(text),
                       "[profile p]\n%s" KEYS("A") "credential_process = x\n"
                                                   "[default]\n%s",
                       lines[i], lines[i]);
        assert_int_equal(find("p"), ENVELOPE_R_CREDENTIALS);
        says(CONFIG ", line 2: profile p has ");
        says("credential_process = aws configure export-credentials "
             "--profile p --format process");
        assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
        says("profile default has ");
    }
    assert_int_equal(fake.run_count, 0);
    assert_int_equal(fake.request_count, 0);
}

/* Programs */

static const struct fake_pair process_home[] = { HOME, END };
static const struct fake_pair process_files[] = {
    { CONFIG,
      "[profile p]\ncredential_process = /opt/bin/creds --user \"a b\""
      "\n[profile both]\ncredential_process = /opt/bin/creds\n"
      "[profile later]\ncredential_process = /opt/bin/creds\n" KEYS("STATIC") },
    { CREDENTIALS, "[both]\n" KEYS("STATIC") },
    END,
};

static void
a_process_gives_credentials(void **state)
{
    (void)state;
    fake.variables = process_home;
    fake.files = process_files;
    fake.run_output = DOCUMENT("PROC", ",\"Version\":1" TOKEN("SessionToken"));
    assert_int_equal(find("p"), ENVELOPE_OK);
    found("PROC", "t");
    assert_int_equal(credentials.expires, 0);
    assert_int_equal(fake.run_count, 1);
    assert_string_equal(fake.runs[0].command,
                        "/bin/sh -c /opt/bin/creds --user \"a b\"");
    /* A token is not asked for. */
    fake.run_output = DOCUMENT("PROC", ",\"Version\":1");
    assert_int_equal(find("p"), ENVELOPE_OK);
    found("PROC", "");
    assert_int_equal(find("both"), ENVELOPE_OK);
    found("STATIC", ""); /* of the credentials' file */
    assert_int_equal(fake.run_count, 2);
    /* Keys of the configuration come after it, as in the aws command. */
    assert_int_equal(find("later"), ENVELOPE_OK);
    found("PROC", "");
    assert_int_equal(fake.run_count, 3);
}

static void
a_process_may_fail(void **state)
{
    static const char *const outputs[] = {
        NULL, /* it fails */
        "",
        "{}",
        "[]",
        "not JSON",
        "{\"AccessKeyId\":\"A\"}",
        "{\"SecretAccessKey\":\"s\"}",
        "{\"AccessKeyId\":\"\",\"SecretAccessKey\":\"s\"}",
        "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":7}",
        DOCUMENT("A", "") "{}",
        DOCUMENT("A", ",\"Expiration\":\"2015-08-30T12:36:00Z\""),
        DOCUMENT("A", ",\"Expiration\":\"2015-08-30T13:35:59+01:00\""),
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(outputs); i++) {
        start_again();
        fake.variables = process_home;
        fake.files = process_files;
        fake.run_output = outputs[i];
        if (find("p") != ENVELOPE_R_CREDENTIALS)
            fail_msg("output %zu was taken", i);
        says("credential_process of profile p: ");
    }
}

static const struct {
    const char *text;
    int64_t seconds;
} times[] = {
    { "2015-08-30T12:36:01Z", 1440938161 },
    { "2030-01-02T03:04:05Z", 1893553445 },
    { "2030-01-02T03:04:05.678901Z", 1893553445 },
    { "2030-01-02T03:04:05+00:00", 1893553445 },
    { "2030-01-02T04:34:05+01:30", 1893553445 },
    { "2030-01-01T19:04:05-08:00", 1893553445 },
    /* Not understood. */
    { "", 0 },
    { "2030-01-02", 0 },
    { "2030-01-02 03:04:05Z", 0 },
    { "2030-01-02T03:04:05", 0 },
    { "2030-01-02T03:04:05+0130", 0 },
    { "2030-01-02T03:04:05Zx", 0 },
    { "2030-01-02T03:04:05+01:30x", 0 },
    { "2030-01-02T03:04:0 Z", 0 },
    { "+030-01-02T03:04:05Z", 0 },
    { "soon", 0 },
};

static void
expiry_is_read(void **state)
{
    char output[256];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(times); i++) {
        start_again();
        fake.variables = process_home;
        fake.files = process_files;
        (void)snprintf(output, sizeof(output),
                       "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"sA\","
                       "\"Expiration\":\"%s\"}",
                       times[i].text);
        fake.run_output = output;
        if (find("p")
            != (times[i].seconds != 0 ? ENVELOPE_OK : ENVELOPE_R_CREDENTIALS))
            fail_msg("%s: %s", times[i].text, err.detail);
        assert_int_equal(credentials.expires, times[i].seconds);
        if (times[i].seconds == 0)
            says("does not say when they expire");
    }
    fake.run_output = "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"sA\","
                      "\"Expiration\":null}";
    assert_int_equal(find("p"), ENVELOPE_OK);
    assert_int_equal(credentials.expires, 0);
}

/* Containers */

#define RELATIVE "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
#define FULL "AWS_CONTAINER_CREDENTIALS_FULL_URI"
#define TOKEN_FILE "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
#define AUTHORIZATION "AWS_CONTAINER_AUTHORIZATION_TOKEN"

static const struct {
    struct fake_pair variables[4];
    const char *url, *authorization;
} containers[] = {
    { { { RELATIVE, "/v2/credentials/1b2c" } },
      "http://169.254.170.2/v2/credentials/1b2c",
      NULL },
    { { { FULL, "http://169.254.170.23/v1/credentials" },
        { TOKEN_FILE, "/run/token" },
        { AUTHORIZATION, "other" } },
      "http://169.254.170.23/v1/credentials",
      "from a file" },
    { { { FULL, "http://[fd00:ec2::23]/v1/credentials" },
        { AUTHORIZATION, "Bearer x" } },
      "http://[fd00:ec2::23]/v1/credentials",
      "Bearer x" },
    { { { FULL, "http://localhost:1338/creds?a=b" } },
      "http://localhost:1338/creds?a=b",
      NULL },
    { { { FULL, "https://creds.example/x" } },
      "https://creds.example/x",
      NULL },
    { { { RELATIVE, "/r" }, { FULL, "https://creds.example/x" } },
      "http://169.254.170.2/r",
      NULL },
    /* White space around a URL, and the line end of a file */
    { { { FULL, " http://127.0.0.1/x\r\n" }, { TOKEN_FILE, "/run/line" } },
      "http://127.0.0.1/x",
      "token" },
};

static void
a_container_gives_credentials(void **state)
{
    static const struct fake_pair files[] = { { "/run/token", "from a file" },
                                              { "/run/line", "token\r\n" },
                                              END };
    static const struct fake_reply reply = {
        200,
        DOCUMENT("CONT", TOKEN("Token") ",\"Expiration\":"
                                        "\"2030-01-02T03:04:05Z\""),
        NULL
    };
    const struct fake_request *sent = &fake.requests[0];
    const char *value;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(containers); i++) {
        start_again();
        fake.variables = containers[i].variables;
        fake.files = files;
        fake.replies = &reply;
        fake.reply_count = 1;
        if (find(NULL) != ENVELOPE_OK)
            fail_msg("container %zu: %s", i, err.detail);
        found("CONT", "t");
        assert_int_equal(credentials.expires, 1893553445);
        assert_int_equal(fake.request_count, 1);
        assert_string_equal(sent->method, "GET");
        assert_string_equal(sent->url, containers[i].url);
        assert_int_equal(sent->milliseconds, 1000);
        value = fake_header(sent, "Authorization");
        if (containers[i].authorization == NULL)
            assert_null(value);
        else
            assert_string_equal(value, containers[i].authorization);
    }
}

static const struct {
    struct fake_pair variables[3];
    const char *says;
} bad_containers[] = {
    { { { RELATIVE, "v2/credentials" } }, RELATIVE },
    { { { RELATIVE, "@evil.example/" } }, RELATIVE },
    { { { RELATIVE, ":8080/x" } }, RELATIVE },
    { { { RELATIVE, "3/x" } }, RELATIVE },
    { { { RELATIVE, "/a b" } }, RELATIVE },
    { { { RELATIVE, "/a\r\nHost: evil" } }, RELATIVE },
    { { { RELATIVE, "/a#b" } }, RELATIVE },
    { { { FULL, "http://creds.example/x" } }, FULL },
    { { { FULL, "http://10.0.0.1/x" } }, FULL },
    { { { FULL, "http://169.254.170.2.evil.example/x" } }, FULL },
    { { { FULL, "http://169.254.170.2@evil.example/x" } }, FULL },
    { { { FULL, "https://u:p@creds.example/x" } }, FULL },
    { { { FULL, "ftp://127.0.0.1/x" } }, FULL },
    { { { FULL, "/x" } }, FULL },
    { { { FULL, "http://127.0.0.1" } }, FULL },
    { { { FULL, "http://127.0.0.1?x" } }, FULL },
    { { { FULL, "http://127.0.0.1/x" }, { AUTHORIZATION, "a\r\nb" } },
      AUTHORIZATION },
    { { { FULL, "http://127.0.0.1/x" }, { AUTHORIZATION, "a\n" } },
      AUTHORIZATION },
    { { { FULL, "http://127.0.0.1/x" }, { TOKEN_FILE, "/run/line" } },
      "/run/line" },
    { { { FULL, "http://127.0.0.1/x" }, { TOKEN_FILE, "/run/empty" } },
      "/run/empty" },
    { { { FULL, "http://127.0.0.1/x" }, { TOKEN_FILE, "/run/none" } },
      "/run/none" },
};

static void
bad_containers_are_not_asked(void **state)
{
    static const struct fake_pair files[] = { { "/run/line", "to\nken" },
                                              { "/run/empty", "" },
                                              END };
    size_t i;

    (void)state;
    fake.files = files;
    for (i = 0; i < COUNT(bad_containers); i++) {
        fake.variables = bad_containers[i].variables;
        if (find(NULL) != ENVELOPE_R_CREDENTIALS)
            fail_msg("container %zu was taken", i);
        says(bad_containers[i].says);
    }
    assert_int_equal(fake.request_count, 0);
}

static const struct {
    struct fake_reply reply;
    enum envelope_reason reason;
    const char *says;
} bad_answers[] = {
    { { 0, NULL, NULL }, ENVELOPE_R_KEY_SERVICE, "no connection" },
    { { 500, "", NULL }, ENVELOPE_R_KEY_SERVICE, "500" },
    { { 429, "", NULL }, ENVELOPE_R_KEY_SERVICE, "429" },
    { { 404, "", NULL }, ENVELOPE_R_CREDENTIALS, "404" },
    { { 302, "", NULL }, ENVELOPE_R_CREDENTIALS, "302" },
    { { 200, "", NULL }, ENVELOPE_R_CREDENTIALS, "JSON" },
    { { 200, "{}", NULL }, ENVELOPE_R_CREDENTIALS, "AccessKeyId" },
    { { 200, "{\"Code\":\"Failed\",\"Message\":\"why\"}", NULL },
      ENVELOPE_R_CREDENTIALS,
      "Failed: why" },
    { { 200, DOCUMENT("A", ",\"Code\":\"Failed\""), NULL },
      ENVELOPE_R_CREDENTIALS,
      "Failed" },
};

static void
bad_answers_of_containers_are_told(void **state)
{
    static const struct fake_pair variables[] = { { RELATIVE, "/x" }, END };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad_answers); i++) {
        start_again();
        fake.variables = variables;
        fake.replies = &bad_answers[i].reply;
        fake.reply_count = 1;
        assert_int_equal(find(NULL), bad_answers[i].reason);
        says(RELATIVE ": ");
        says(bad_answers[i].says);
    }
}

/* Instances */

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define INSTANCE_TOKEN       \
    {                        \
        200, "TOKEN==", NULL \
    }
#define ROLE                       \
    {                              \
        200, "backup-role\n", NULL \
    }

static void
an_instance_gives_credentials(void **state)
{
    static const struct fake_reply replies[] = {
        INSTANCE_TOKEN,
        ROLE,
        { 200, DOCUMENT("INST", TOKEN("Token") ",\"Code\":\"Success\""), NULL },
    };
    static const struct {
        struct fake_pair variables[2];
        const char *url;
    } places[] = {
        { { { 0 } }, "http://169.254.169.254" },
        { { { "AWS_EC2_METADATA_DISABLED", "false" } },
          "http://169.254.169.254" },
        { { { "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6" } },
          "http://[fd00:ec2::254]" },
        { { { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1338/" } },
          "http://127.0.0.1:1338" },
    };
    static const char *const paths[] = { "/latest/api/token", ROLES,
                                         ROLES "backup-role" };
    char url[128];
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(places); i++) {
        start_again();
        fake.variables = places[i].variables;
        fake.replies = replies;
        fake.reply_count = 3;
        if (find(NULL) != ENVELOPE_OK)
            fail_msg("%s: %s", places[i].url, err.detail);
        found("INST", "t");
        assert_int_equal(fake.request_count, 3);
        for (n = 0; n < 3; n++) {
            (void)snprintf(url, sizeof(url), "%s%s", places[i].url, paths[n]);
            assert_string_equal(fake.requests[n].url, url);
            assert_string_equal(fake.requests[n].method, n ? "GET" : "PUT");
            assert_int_equal(fake.requests[n].milliseconds, 1000);
        }
        assert_string_equal(fake.requests[0].headers,
                            "X-aws-ec2-metadata-token-ttl-seconds: 21600\n");
        for (n = 1; n < 3; n++)
            assert_string_equal(fake.requests[n].headers,
                                "X-aws-ec2-metadata-token: TOKEN==\n");
    }
}

static const struct {
    struct fake_reply replies[3];
    size_t count;
    enum envelope_reason reason;
    const char *says;
} bad_instances[] = {
    { { { 0, NULL, NULL } }, 1, ENVELOPE_R_CREDENTIALS, "does not answer" },
    /* No way back to version 1 */
    { { { 404, "", NULL } }, 1, ENVELOPE_R_CREDENTIALS, "404" },
    { { { 403, "", NULL } }, 1, ENVELOPE_R_CREDENTIALS, "403" },
    { { { 405, "", NULL } }, 1, ENVELOPE_R_CREDENTIALS, "405" },
    { { { 503, "", NULL } }, 1, ENVELOPE_R_KEY_SERVICE, "503" },
    { { { 200, "", NULL } }, 1, ENVELOPE_R_KEY_SERVICE, "token" },
    { { { 200, "a\r\nb", NULL } }, 1, ENVELOPE_R_KEY_SERVICE, "token" },
    { { INSTANCE_TOKEN, { 0, NULL, NULL } },
      2,
      ENVELOPE_R_KEY_SERVICE,
      "no connection" },
    { { INSTANCE_TOKEN, { 404, "no", NULL } },
      2,
      ENVELOPE_R_CREDENTIALS,
      "has no role" },
    { { INSTANCE_TOKEN, { 200, "", NULL } },
      2,
      ENVELOPE_R_CREDENTIALS,
      "has no role" },
    { { INSTANCE_TOKEN, { 200, "a/../b", NULL } },
      2,
      ENVELOPE_R_KEY_SERVICE,
      "name of a role" },
    { { INSTANCE_TOKEN, { 200, "a b", NULL } },
      2,
      ENVELOPE_R_KEY_SERVICE,
      "name of a role" },
    { { INSTANCE_TOKEN, { 401, "", NULL } }, 2, ENVELOPE_R_CREDENTIALS, "401" },
    { { INSTANCE_TOKEN, ROLE, { 500, "", NULL } },
      3,
      ENVELOPE_R_KEY_SERVICE,
      "500" },
    { { INSTANCE_TOKEN,
        ROLE,
        { 200,
          "{\"Code\":\"AssumeRoleUnauthorizedAccess"
          "\",\"Message\":\"m\"}",
          NULL } },
      3,
      ENVELOPE_R_CREDENTIALS,
      "AssumeRoleUnauthorizedAccess: m" },
};

static void
bad_instances_are_told(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad_instances); i++) {
        start_again();
        fake.replies = bad_instances[i].replies;
        fake.reply_count = bad_instances[i].count;
        if (find(NULL) != bad_instances[i].reason)
            fail_msg("instance %zu: %s", i, err.detail);
        says("the instance's metadata service");
        says(bad_instances[i].says);
        assert_int_equal(fake.request_count, bad_instances[i].count);
    }
}

static void
an_instance_may_be_off(void **state)
{
    static const struct fake_pair off[] = {
        HOME, { "AWS_EC2_METADATA_DISABLED", "TRUE" }, END
    };
    static const struct fake_pair bad[] = {
        { "AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://evil.example" }, END
    };

    (void)state;
    fake.variables = off;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    /* All that was looked at. */
    says("AWS_ACCESS_KEY_ID");
    says(CREDENTIALS);
    says(CONFIG);
    says("AWS_CONTAINER_CREDENTIALS_");
    says("switched off");
    fake.variables = bad;
    assert_int_equal(find(NULL), ENVELOPE_R_CREDENTIALS);
    says("the instance's metadata service");
    assert_int_equal(fake.request_count, 0);
}

/* Region */

static void
regions_are_found(void **state)
{
    static const struct fake_pair set[] = {
        HOME, { "AWS_REGION", "a" }, { "AWS_DEFAULT_REGION", "b" }, END
    };
    static const struct fake_pair fallback[] = { HOME,
                                                 { "AWS_DEFAULT_REGION", "b" },
                                                 END };
    static const struct fake_pair home[] = { HOME, END };
    static const struct fake_pair named[] = { HOME,
                                              { "AWS_PROFILE", "p" },
                                              END };
    static const struct fake_pair files[] = {
        { CREDENTIALS, "[q]\nregion = f\n" },
        { CONFIG, "[default]\nregion = c\n[profile p]\nregion = d\n"
                  "[profile q]\nregion = e\n" },
        END,
    };
    static const struct {
        const struct fake_pair *variables;
        const char *profile, *region;
    } cases[] = {
        { set, "p", "a" },      { fallback, "p", "b" }, { home, NULL, "c" },
        { named, NULL, "d" },   { home, "p", "d" },     { named, "q", "f" },
        { home, "nobody", "" }, { NULL, NULL, "" },
    };
    struct kms_text region = { 0 };
    size_t i;

    (void)state;
    fake.files = files;
    for (i = 0; i < COUNT(cases); i++) {
        fake.variables = cases[i].variables;
        assert_int_equal(
            kms_aws_region(&region, &fake.world, cases[i].profile, &err),
            ENVELOPE_OK);
        assert_string_equal(kms_text_get(&region), cases[i].region);
    }
    kms_text_clear(&region);
}

/* Memory */

/* Without the copies that the fake one keeps. */
static enum envelope_reason
send_simply(void *arg, struct kms_reply *reply,
            const struct kms_request *request, unsigned milliseconds,
            struct envl_err *e)
{
    static const char *const bodies[] = { "TOKEN==", "role",
                                          DOCUMENT("SIMPLE", TOKEN("Token")) };
    size_t i = strcmp(request->method, "PUT") == 0             ? 0
               : strstr(kms_text_get(&request->path), "/role") ? 2
                                                               : 1;

    (void)arg;
    (void)milliseconds;
    reply->status = 200;
    kms_text_set(&reply->body, bodies[i]);
    return reply->body.failed ? envl_fail_memory(e) : ENVELOPE_OK;
}

static enum envelope_reason
run_simply(void *arg, struct kms_text *output, size_t max, char *const argv[],
           const struct kms_text *input, unsigned milliseconds,
           struct envl_err *e)
{
    (void)arg;
    (void)max;
    (void)argv;
    (void)input;
    (void)milliseconds;
    kms_text_set(output, DOCUMENT("SIMPLE", TOKEN("SessionToken")));
    return output->failed ? envl_fail_memory(e) : ENVELOPE_OK;
}

static const struct {
    struct fake_pair variables[4];
    const char *profile;
} sweeps[] = {
    { { { "AWS_ACCESS_KEY_ID", "SIMPLE" },
        { "AWS_SECRET_ACCESS_KEY", "sSIMPLE" },
        { "AWS_SESSION_TOKEN", "t" } },
      NULL },
    { { HOME }, "p" },
    { { { FULL, "http://127.0.0.1/role" }, { AUTHORIZATION, "x" } }, NULL },
    { { HOME }, NULL },
};

static void
memory_may_run_out(void **state)
{
    enum envelope_reason rc;
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(sweeps); i++) {
        n = 0;
        do {
            start_again();
            fake.variables = sweeps[i].variables;
            fake.files = process_files;
            fake.world.send = send_simply;
            fake.world.run = run_simply;
            memory_fail(++n);
            rc = find(sweeps[i].profile);
            if (memory_failed() && rc != ENVELOPE_R_MEMORY)
                fail_msg("sweep %zu, allocation %zu: %d: %s", i, n, rc,
                         err.detail);
            memory_fail(0);
        } while (memory_failed());
        assert_int_equal(rc, ENVELOPE_OK);
        found("SIMPLE", "t");
    }
}

#define credentials_test(f) \
    cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        credentials_test(variables_come_first),
        credentials_test(half_of_a_pair_is_an_error),
        credentials_test(profiles_are_found),
        credentials_test(a_named_profile_is_all),
        credentials_test(files_may_be_elsewhere),
        credentials_test(without_a_home_there_are_no_files),
        credentials_test(tokens_belong_to_their_keys),
        credentials_test(a_file_that_cannot_be_read_is_told),
        credentials_test(variables_in_paths_are_refused),
        credentials_test(the_dialect_is_that_of_the_aws_command),
        credentials_test(other_kinds_are_named),
        credentials_test(a_process_gives_credentials),
        credentials_test(a_process_may_fail),
        credentials_test(expiry_is_read),
        credentials_test(a_container_gives_credentials),
        credentials_test(bad_containers_are_not_asked),
        credentials_test(bad_answers_of_containers_are_told),
        credentials_test(an_instance_gives_credentials),
        credentials_test(bad_instances_are_told),
        credentials_test(an_instance_may_be_off),
        credentials_test(regions_are_found),
        credentials_test(memory_may_run_out),
    };

    memory_install(NULL);
    return cmocka_run_group_tests_name("kms_aws_credentials", tests, NULL,
                                       NULL);
}
