/* SPDX-License-Identifier: Apache-2.0 */
/* AWS KMS before anything is sent: which URIs are good, which keys of headers
 * they mean, and who would be asked.  No request leaves any of these tests. */
#include "kms/aws/target.h"

#include "kms/dispatch.h"
#include "kms/engine/target.h"

#include "test/support/support.h"

#include "test/kms/world.h"

#define ACCOUNT "111122223333"
#define CONFIG "/home/u/.aws/config"
#define HOME              \
    {                     \
        "HOME", "/home/u" \
    }
#define UUID "1234abcd-12ab-34cd-56ef-1234567890ab"
#define OTHER_UUID "aaaaaaaa-12ab-34cd-56ef-1234567890ab"
#define MRK "mrk-1234abcd12ab34cd56ef1234567890ab"
#define ARN_IN(partition, region, account, rest) \
    "arn:" partition ":kms:" region ":" account ":" rest
#define ARN ARN_IN("aws", "us-east-1", ACCOUNT, "key/" UUID)
#define MRK_ARN ARN_IN("aws", "us-east-1", ACCOUNT, "key/" MRK)
#define ALIAS_ARN ARN_IN("aws", "us-east-1", ACCOUNT, "alias/backup")

extern const struct kms_api kms_api_aws;

static struct fake_world fake;

static int
set_up(void **state)
{
    (void)state;
    fake_world_init(&fake);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    assert_int_equal(fake.request_count, 0);
    assert_int_equal(fake.run_count, 0);
    fake_world_clear(&fake);
    return 0;
}

static enum envelope_reason
check(const char *text, enum envl_kms_use use, struct envl_err *err)
{
    return kms_dispatch_check(&fake.world, text, use, err);
}

static bool
matches(const char *text, const char *key)
{
    struct envl_kms_wrapped wrapped = { .service = "awskms" };

    if (strlen(key) >= sizeof(wrapped.key)) /* no header has it */
        return false;
    strcpy(wrapped.key, key);
    return kms_dispatch_matches(&fake.world, text, &wrapped);
}

/* Names */

static void
bad_regions_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "us",
        "us-east",
        "us-1",
        "-east-1",
        "us--1",
        "us-east-",
        "us-east-1-",
        "us-east-1a",
        "us-east-1 ",
        "US-EAST-1",
        "us-East-1",
        "usaws-east-1",
        "u-east-1",
        "us_east_1",
        "us-east-1/",
        "us-east-1.evil.example",
        "x@evil/",
        "us-east-1@evil",
        "us-east-1#",
        "us-east-1\n",
        "us-abcdefghijklmnopqrstuvwxyzabc-1",
        "us-east-1234567890123456789012345678901234567890",
    };
    static const char *const good[] = { "us-east-1", "us-gov-west-1",
                                        "ap-southeast-12", "us-isob-east-1",
                                        "cn-northwest-1" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        if (kms_aws_is_region(bad[i]))
            fail_msg("region was taken: %s", bad[i]);
    }
    for (i = 0; i < COUNT(good); i++)
        assert_true(kms_aws_is_region(good[i]));
}

/* What no header's key may be, whoever looks at it. */
static const char *const hostile[] = {
    "",
    "arn",
    ":::::",
    UUID,
    "alias/backup",
    ALIAS_ARN,
    "arn:aws:kms:x@evil/:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:evil.example/:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1.evil.example:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1#:" ACCOUNT ":key/" UUID,
    "arn:aws:kms::" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1::key/" UUID,
    "arn::kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws::us-east-1:" ACCOUNT ":key/" UUID,
    ":aws:kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key",
    "arn:aws:kms:us-east-1:" ACCOUNT ":",
    "arn:aws:kms:us-east-1:" ACCOUNT,
    "arn:aws:kms:us-east-1:" ACCOUNT ":" UUID,
    "arn:aws:s3:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws:kmsx:us-east-1:" ACCOUNT ":key/" UUID,
    "ARN:aws:kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:AWS:kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws:KMS:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:US-EAST-1:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1:" ACCOUNT ":KEY/" UUID,
    "arn:aws-:kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:awsx:kms:us-east-1:" ACCOUNT ":key/" UUID,
    "arn:aws:kms:us-east-1:11112222333:key/" UUID,
    "arn:aws:kms:us-east-1:1111222233334:key/" UUID,
    "arn:aws:kms:us-east-1:11112222333a:key/" UUID,
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID "/",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID ":1",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID " ",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID "\n",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/" UUID "?x",
    "arn:aws:kms:us-east-1:" ACCOUNT ":key/../" UUID,
    " " ARN,
    ARN ARN,
};

/* Every form that a URI can have, discovery at its widest. */
static const char *const uris[] = {
    "awskms:///" ARN,
    "awskms:" ARN,
    "awskms:///" MRK_ARN,
    "awskms:///" ALIAS_ARN,
    "awskms:///alias/backup?region=us-east-1",
    "awskms:///" UUID "?region=us-east-1",
    "awskms:?account=" ACCOUNT "&region=us-east-1",
    "awskms:?account=" ACCOUNT "&region=us-east-1&endpoint=https://k.example",
};

static void
hostile_keys_match_nothing(void **state)
{
    size_t i, n;

    (void)state;
    for (i = 0; i < COUNT(hostile); i++) {
        for (n = 0; n < COUNT(uris); n++) {
            if (matches(uris[n], hostile[i]))
                fail_msg("%s matches %s", uris[n], hostile[i]);
        }
    }
}

static void
long_keys_match_nothing(void **state)
{
    static const char begin[] = "arn:aws:kms:us-east-1:" ACCOUNT ":key/";
    char key[ENVL_KMS_KEY_LEN_MAX + 1];
    size_t n;

    (void)state;
    memset(key, 'a', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    for (n = 0; n < COUNT(uris); n++)
        assert_false(matches(uris[n], key));
    memcpy(key, begin, sizeof(begin) - 1);
    for (n = 0; n < COUNT(uris); n++)
        assert_false(matches(uris[n], key));
    memset(key, ':', sizeof(key) - 1);
    for (n = 0; n < COUNT(uris); n++)
        assert_false(matches(uris[n], key));
    /* The longest one that is good. */
    memset(key, 'a', sizeof(key) - 1);
    memcpy(key, begin, sizeof(begin) - 1);
    key[sizeof(begin) - 1 + 128] = '\0';
    assert_true(matches(uris[6], key));
    key[sizeof(begin) - 1 + 128] = 'a';
    key[sizeof(begin) - 1 + 129] = '\0';
    assert_false(matches(uris[6], key));
}

/* Matching */

static const struct {
    const char *uri, *key;
    bool yes;
} pairs[] = {
    { "awskms:///" ARN, ARN, true },
    { "awskms:" ARN, ARN, true },
    { "awskms:///" ARN "?region=us-east-1", ARN, true },
    { "awskms:///" ARN, ARN_IN("aws", "us-east-1", ACCOUNT, "key/" OTHER_UUID),
      false },
    { "awskms:///" ARN, ARN_IN("aws", "us-west-2", ACCOUNT, "key/" UUID),
      false },
    { "awskms:///" ARN, ARN_IN("aws", "us-east-1", "999999999999", "key/" UUID),
      false },
    { "awskms:///" ARN, ARN_IN("aws-cn", "us-east-1", ACCOUNT, "key/" UUID),
      false },
    { "awskms:///" ARN, ARN "0", false },
    { "awskms:///" ARN, MRK_ARN, false },
    /* Multi-Region keys */
    { "awskms:///" MRK_ARN, MRK_ARN, true },
    { "awskms:///" MRK_ARN, ARN_IN("aws", "eu-west-1", ACCOUNT, "key/" MRK),
      true },
    { "awskms:///" MRK_ARN,
      ARN_IN("aws", "eu-west-1", "999999999999", "key/" MRK), false },
    { "awskms:///" MRK_ARN, ARN_IN("aws-cn", "cn-north-1", ACCOUNT, "key/" MRK),
      false },
    { "awskms:///" MRK_ARN, ARN_IN("aws", "eu-west-1", ACCOUNT, "key/" MRK "0"),
      false },
    /* Aliases: whatever key it is, it is in the same place. */
    { "awskms:///" ALIAS_ARN, ARN, true },
    { "awskms:///" ALIAS_ARN, MRK_ARN, true },
    { "awskms:///" ALIAS_ARN, ARN_IN("aws", "us-west-2", ACCOUNT, "key/" UUID),
      false },
    { "awskms:///" ALIAS_ARN,
      ARN_IN("aws", "us-east-1", "999999999999", "key/" UUID), false },
    { "awskms:///" ALIAS_ARN,
      ARN_IN("aws-us-gov", "us-east-1", ACCOUNT, "key/" UUID), false },
    { "awskms:///alias/backup?region=us-east-1", ARN, true },
    { "awskms:alias/backup?region=us-east-1", ARN, true },
    { "awskms:///alias/backup?region=us-west-2", ARN, false },
    { "awskms:///alias/backup?region=us-east-1&account=" ACCOUNT, ARN, true },
    { "awskms:///alias/"
      "backup?region=us-east-1&account=999999999999&account=" ACCOUNT,
      ARN, true },
    { "awskms:///alias/backup?region=us-east-1&account=999999999999", ARN,
      false },
    { "awskms:///" UUID "?region=us-east-1&account=" ACCOUNT, ARN, true },
    { "awskms:///" UUID "?region=us-east-1&account=999999999999", ARN, false },
    /* Bare ids */
    { "awskms:///" UUID "?region=us-east-1", ARN, true },
    { "awskms:///" OTHER_UUID "?region=us-east-1", ARN, false },
    { "awskms:///" UUID "?region=us-west-2", ARN, false },
    { "awskms:///" MRK "?region=us-east-1", MRK_ARN, true },
    /* A replica opens what the key in another region has made. */
    { "awskms:///" MRK "?region=eu-west-1", MRK_ARN, true },
    { "awskms:///" MRK "?region=eu-west-1&account=" ACCOUNT, MRK_ARN, true },
    { "awskms:///" MRK "?region=eu-west-1&account=999999999999", MRK_ARN,
      false },
    { "awskms:///" MRK "0?region=eu-west-1", MRK_ARN, false },
    { "awskms:///" MRK "?region=cn-north-1", MRK_ARN, false },
    { "awskms:///" MRK "?region=cn-north-1",
      ARN_IN("aws-cn", "cn-northwest-1", ACCOUNT, "key/" MRK), true },
    { "awskms:///alias/everywhere?region=eu-west-1", MRK_ARN, false },
    { "awskms:?account=" ACCOUNT "&region=eu-west-1", MRK_ARN, false },
    /* As others write an alias */
    { "awskms://alias/backup?region=us-east-1", ARN, true },
    { "awskms://alias/a/b?region=us-west-2", ARN, false },
    /* Discovery */
    { "awskms:?account=" ACCOUNT "&region=us-east-1", ARN, true },
    { "awskms:?account=999999999999&account=" ACCOUNT "&region=us-east-1", ARN,
      true },
    { "awskms:?account=999999999999&region=us-east-1", ARN, false },
    { "awskms:?account=" ACCOUNT "&region=us-west-2", ARN, false },
    { "awskms:?account=" ACCOUNT "&region=us-west-2&region=us-east-1", ARN,
      true },
    { "awskms:?account=" ACCOUNT "&region=us-east-1",
      ARN_IN("aws-cn", "us-east-1", ACCOUNT, "key/" UUID), false },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&partition=aws-cn", ARN,
      false },
    { "awskms:?account=" ACCOUNT "&region=cn-north-1&partition=aws-cn",
      ARN_IN("aws-cn", "cn-north-1", ACCOUNT, "key/" UUID), true },
    /* A URI that check() refuses matches nothing. */
    { "awskms://kms.example/" ARN, ARN, false },
    { "awskms:///" ARN "?region=us-west-2", ARN, false },
    { "awskms:?region=us-east-1", ARN, false },
    { "awskms:?account=1111&region=us-east-1", ARN, false },
    { "awskms:///alias/backup", ARN, false }, /* no region at all */
    { "awskms:///" UUID, ARN, false },
    { "awskms:?account=" ACCOUNT, ARN, false },
};

static void
keys_match_as_said(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(pairs); i++) {
        if (matches(pairs[i].uri, pairs[i].key) != pairs[i].yes)
            fail_msg("%s %s %s", pairs[i].uri,
                     pairs[i].yes ? "does not match" : "matches", pairs[i].key);
    }
}

static void
the_region_may_be_configured(void **state)
{
    static const struct fake_pair variables[] = {
        { "AWS_REGION", "us-east-1" },
        { "AWS_DEFAULT_REGION", "us-west-2" },
        { NULL, NULL },
    };
    static const struct fake_pair fallback[] = {
        { "AWS_DEFAULT_REGION", "us-east-1" }, { NULL, NULL }
    };
    static const struct fake_pair home[] = { { "HOME", "/home/u" },
                                             { NULL, NULL } };
    static const struct fake_pair files[] = {
        { "/home/u/.aws/config", "[default]\nregion = us-west-2\n"
                                 "[profile prod]\nregion = us-east-1\n" },
        { NULL, NULL },
    };
    static const char *const named[] = { "awskms:///alias/backup",
                                         "awskms:///" UUID,
                                         "awskms:?account=" ACCOUNT };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(named); i++) {
        fake.variables = variables;
        fake.files = NULL;
        assert_true(matches(named[i], ARN));
        fake.variables = fallback;
        assert_true(matches(named[i], ARN));
        fake.variables = home;
        fake.files = files;
        assert_false(matches(named[i], ARN));
    }
    assert_true(matches("awskms:///alias/backup?profile=prod", ARN));
    assert_true(matches("awskms:?account=" ACCOUNT "&profile=prod", ARN));
    /* A region of the URI comes first, and a discovery's has no other. */
    fake.variables = variables;
    assert_false(matches("awskms:///alias/backup?region=us-west-2", ARN));
    assert_false(matches("awskms:?account=" ACCOUNT "&region=us-west-2", ARN));
    /* An ARN has its own. */
    fake.variables = home;
    assert_true(matches("awskms:///" ARN, ARN));
}

static void
a_configured_region_is_checked(void **state)
{
    static const struct fake_pair variables[] = {
        { "AWS_REGION", "x@evil.example/" }, { NULL, NULL }
    };
    struct envl_err err;

    (void)state;
    fake.variables = variables;
    assert_int_equal(check("awskms:///alias/backup", ENVL_KMS_RECIPIENT, &err),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_non_null(strstr(err.detail, "x@evil.example/"));
    assert_false(matches("awskms:///alias/backup", ARN));
}

/* URIs */

static const struct {
    const char *uri;
    enum envl_kms_use use;
    const char *says; /* a part of the detail */
} bad_uris[] = {
    { "awskms://kms.example/" ARN, ENVL_KMS_RECIPIENT, "endpoint=" },
    { "awskms://us-east-1/alias/x", ENVL_KMS_IDENTITY, "endpoint=" },
    { "awskms://alias?region=us-east-1", ENVL_KMS_RECIPIENT, "alias/NAME" },
    { "awskms://Alias/x?region=us-east-1", ENVL_KMS_RECIPIENT, "endpoint=" },
    { "awskms://alias:443/x?region=us-east-1", ENVL_KMS_RECIPIENT,
      "endpoint=" },
    { "awskms://alias/" ARN, ENVL_KMS_RECIPIENT, "alias/NAME" },
    { "awskms:///mykey?region=us-east-1", ENVL_KMS_RECIPIENT, "alias/NAME" },
    { "awskms:///alias/?region=us-east-1", ENVL_KMS_RECIPIENT, "alias/NAME" },
    { "awskms:///alias/a%20b?region=us-east-1", ENVL_KMS_RECIPIENT, "alias" },
    { "awskms:///key/" UUID, ENVL_KMS_RECIPIENT, "alias/NAME" },
    { "awskms:///" UUID "0?region=us-east-1", ENVL_KMS_RECIPIENT, "id" },
    { "awskms:///1234abcd-12ab-34cd-56ef+1234567890ab", ENVL_KMS_RECIPIENT,
      "id" },
    { "awskms:///1234abcg-12ab-34cd-56ef-1234567890ab", ENVL_KMS_RECIPIENT,
      "id" },
    { "awskms:///mrk-", ENVL_KMS_RECIPIENT, "id" },
    { "awskms:///" ARN "x/", ENVL_KMS_RECIPIENT, "ARN" },
    { "awskms:///arn:aws:kms:x@evil:" ACCOUNT ":key/" UUID, ENVL_KMS_RECIPIENT,
      "ARN" },
    { "awskms:///" ARN "?region=us-west-2", ENVL_KMS_RECIPIENT, "us-east-1" },
    { "awskms:///" ARN "?region=US", ENVL_KMS_RECIPIENT, "region" },
    { "awskms:///alias/x?region=us-east-1&region=us-west-2", ENVL_KMS_RECIPIENT,
      "us-west-2" },
    { "awskms:///" ARN "?account=" ACCOUNT, ENVL_KMS_RECIPIENT, "account=" },
    { "awskms:///" ARN "?partition=aws", ENVL_KMS_IDENTITY, "partition=" },
    { "awskms:///alias/x?region=us-east-1&partition=aws", ENVL_KMS_IDENTITY,
      "partition=" },
    { "awskms:///alias/x?region=us-east-1&account=1", ENVL_KMS_RECIPIENT,
      "12 digits" },
    { "awskms:///" ARN "?profile=a&profile=b", ENVL_KMS_RECIPIENT, "twice" },
    { "awskms:///" ARN "?profile=a&profile=a", ENVL_KMS_RECIPIENT, "twice" },
    { "awskms:///" ARN "?endpoint=https://a.example&endpoint=https://b.example",
      ENVL_KMS_RECIPIENT, "twice" },
    { "awskms:///" ARN "?endpoint=http://a.example", ENVL_KMS_RECIPIENT,
      "endpoint=" },
    { "awskms:///" ARN "?endpoint=https://u@a.example", ENVL_KMS_RECIPIENT,
      "endpoint=" },
    { "awskms:///alias/x", ENVL_KMS_RECIPIENT, "AWS_REGION" },
    { "awskms:///" UUID, ENVL_KMS_IDENTITY, "AWS_REGION" },
    /* Discovery */
    { "awskms:?account=" ACCOUNT "&region=us-east-1", ENVL_KMS_RECIPIENT,
      "recipient" },
    { "awskms:", ENVL_KMS_RECIPIENT, "recipient" },
    { "awskms:", ENVL_KMS_IDENTITY, "account" },
    { "awskms:///", ENVL_KMS_IDENTITY, "account" },
    { "awskms:?region=us-east-1", ENVL_KMS_IDENTITY, "account" },
    { "awskms:?account=" ACCOUNT, ENVL_KMS_IDENTITY, "AWS_REGION" },
    { "awskms:?account=1111-2222-3333&region=us-east-1", ENVL_KMS_IDENTITY,
      "12 digits" },
    { "awskms:?account=" ACCOUNT "&account=1&region=us-east-1",
      ENVL_KMS_IDENTITY, "12 digits" },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&region=x@evil/",
      ENVL_KMS_IDENTITY, "region" },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&partition=AWS",
      ENVL_KMS_IDENTITY, "partition" },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&partition=aws-moon",
      ENVL_KMS_IDENTITY, "endpoint=" },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&partition=aws-cn",
      ENVL_KMS_IDENTITY, "us-east-1" },
    { "awskms:?account=" ACCOUNT "&region=us-east-1&region=cn-north-1",
      ENVL_KMS_IDENTITY, "cn-north-1" },
    /* ARNs of nowhere */
    { "awskms:///" ARN_IN("aws-moon", "us-east-1", ACCOUNT, "key/" UUID),
      ENVL_KMS_RECIPIENT, "endpoint=" },
    { "awskms:///" ARN_IN("aws", "cn-north-1", ACCOUNT, "key/" UUID),
      ENVL_KMS_RECIPIENT, "aws-cn" },
};

static void
bad_uris_are_refused(void **state)
{
    struct envl_err err;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad_uris); i++) {
        if (check(bad_uris[i].uri, bad_uris[i].use, &err)
            != ENVELOPE_R_UNREADABLE_KEY)
            fail_msg("%s was taken", bad_uris[i].uri);
        if (strstr(err.detail, bad_uris[i].says) == NULL)
            fail_msg("%s: %s", bad_uris[i].uri, err.detail);
    }
}

static void
good_uris_pass(void **state)
{
    static const char *const both[] = {
        "awskms:///" ARN,
        "awskms:" ARN,
        "AWSKMS:///" ARN "?region=us-east-1&profile=p",
        "awskms:///" MRK_ARN,
        "awskms:///" ALIAS_ARN,
        "awskms:///alias/a/b_c-D9?region=us-east-1",
        "awskms://alias/a/b_c-D9?region=us-east-1",
        "awskms:///" UUID "?region=us-east-1&region=us-east-1",
        "awskms:///1234ABCD-12ab-34cd-56ef-1234567890ab?region=us-east-1",
        "awskms:///" ARN "?endpoint=http://127.0.0.1:5610",
        "awskms:///" ARN_IN(
            "aws-moon", "ml-crater-1", ACCOUNT,
            "key/" UUID) "?endpoint=https://kms.moon.example/kms",
    };
    static const char *const identities[] = {
        "awskms:?account=" ACCOUNT "&region=us-east-1",
        "awskms:?account=" ACCOUNT "&region=us-east-1&region=us-west-2",
        "awskms:?account=" ACCOUNT "&account=999999999999&region=cn-north-1"
        "&partition=aws-cn",
        "awskms:?account=" ACCOUNT "&region=us-east-1&partition=aws-moon"
        "&endpoint=https://kms.moon.example",
    };
    struct envl_err err = { .detail = "" };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(both); i++) {
        if (check(both[i], ENVL_KMS_RECIPIENT, &err) != ENVELOPE_OK
            || check(both[i], ENVL_KMS_IDENTITY, &err) != ENVELOPE_OK)
            fail_msg("%s: %s", both[i], err.detail);
    }
    for (i = 0; i < COUNT(identities); i++) {
        if (check(identities[i], ENVL_KMS_IDENTITY, &err) != ENVELOPE_OK)
            fail_msg("%s: %s", identities[i], err.detail);
    }
}

/* Endpoints */

static const struct {
    const char *uri, *arn; /* the header's, or NULL */
    struct fake_pair variables[4];
    const char *host, *path;
} endpoints[] = {
    { "awskms:///" ARN, NULL, { { 0 } }, "kms.us-east-1.amazonaws.com", "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_USE_FIPS_ENDPOINT", "true" } },
      "kms-fips.us-east-1.amazonaws.com",
      "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_USE_DUALSTACK_ENDPOINT", "True" } },
      "kms.us-east-1.api.aws",
      "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_USE_DUALSTACK_ENDPOINT", "true" },
        { "AWS_USE_FIPS_ENDPOINT", "true" } },
      "kms-fips.us-east-1.api.aws",
      "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_USE_FIPS_ENDPOINT", "false" },
        { "AWS_USE_DUALSTACK_ENDPOINT", "1" } },
      "kms.us-east-1.amazonaws.com",
      "" },
    { "awskms:///" ARN_IN("aws-cn", "cn-north-1", ACCOUNT, "key/" UUID),
      NULL,
      { { 0 } },
      "kms.cn-north-1.amazonaws.com.cn",
      "" },
    { "awskms:///" ARN_IN("aws-cn", "cn-north-1", ACCOUNT, "key/" UUID),
      NULL,
      { { "AWS_USE_DUALSTACK_ENDPOINT", "true" } },
      "kms.cn-north-1.api.amazonwebservices.com.cn",
      "" },
    { "awskms:///" ARN_IN("aws-us-gov", "us-gov-west-1", ACCOUNT, "key/" UUID),
      NULL,
      { { 0 } },
      "kms.us-gov-west-1.amazonaws.com",
      "" },
    { "awskms:///" ARN_IN("aws-iso", "us-iso-east-1", ACCOUNT, "key/" UUID),
      NULL,
      { { 0 } },
      "kms.us-iso-east-1.c2s.ic.gov",
      "" },
    { "awskms:///alias/x?region=us-isob-east-1",
      NULL,
      { { 0 } },
      "kms.us-isob-east-1.sc2s.sgov.gov",
      "" },
    { "awskms:///alias/x?region=cn-northwest-1",
      NULL,
      { { 0 } },
      "kms.cn-northwest-1.amazonaws.com.cn",
      "" },
    { "awskms:///alias/x",
      NULL,
      { { "AWS_REGION", "ap-south-1" } },
      "kms.ap-south-1.amazonaws.com",
      "" },
    /* What somebody has said, the nearest first. */
    { "awskms:///" ARN "?endpoint=https://a.example:8443/kms",
      NULL,
      { { "AWS_ENDPOINT_URL_KMS", "https://b.example" } },
      "a.example:8443",
      "/kms" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_ENDPOINT_URL", "https://c.example" },
        { "AWS_ENDPOINT_URL_KMS", "https://b.example" } },
      "b.example",
      "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_ENDPOINT_URL", "http://127.0.0.1:4566" } },
      "127.0.0.1:4566",
      "" },
    { "awskms:///" ARN,
      NULL,
      { { "AWS_ENDPOINT_URL", "https://c.example" },
        { "AWS_ENDPOINT_URL_KMS", "https://b.example" },
        { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true" } },
      "kms.us-east-1.amazonaws.com",
      "" },
    { "awskms:///" ARN "?endpoint=https://a.example",
      NULL,
      { { "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true" } },
      "a.example",
      "" },
    /* The user's region, not the header's... */
    { "awskms:///" MRK_ARN,
      ARN_IN("aws", "eu-west-1", ACCOUNT, "key/" MRK),
      { { 0 } },
      "kms.us-east-1.amazonaws.com",
      "" },
    /* ... which counts where it was allowed. */
    { "awskms:?account=" ACCOUNT "&region=us-east-1&region=us-west-2",
      ARN_IN("aws", "us-west-2", ACCOUNT, "key/" UUID),
      { { 0 } },
      "kms.us-west-2.amazonaws.com",
      "" },
    { "awskms:?account=" ACCOUNT "&region=us-west-2&endpoint=https://a.example",
      ARN_IN("aws", "us-west-2", ACCOUNT, "key/" UUID),
      { { 0 } },
      "a.example",
      "" },
};

/* What the profile says, where nothing nearer does. */
static const struct {
    const char *uri;
    struct fake_pair variables[4];
    const char *host, *path;
    const char *config, *ca_file; /* the latter or NULL */
} configured[] = {
    { "awskms:///" ARN,
      { HOME, { "AWS_CA_BUNDLE", "/ca/env" } },
      "p.example",
      "/kms",
      "[default]\nendpoint_url = https://p.example/kms\nca_bundle = /ca/p\n",
      "/ca/env" },
    { "awskms:///" ARN "?profile=p",
      { HOME },
      "p.example",
      "",
      "[profile p]\nendpoint_url = https://p.example\nca_bundle = /ca/p\n",
      "/ca/p" },
    { "awskms:///" ARN,
      { HOME, { "AWS_ENDPOINT_URL", "https://c.example" } },
      "c.example",
      "",
      "[default]\nservices = s\nendpoint_url = https://p.example\n",
      NULL },
    { "awskms:///" ARN "?endpoint=https://a.example",
      { HOME },
      "a.example",
      "",
      "[default]\nservices = s\nendpoint_url = https://p.example\n",
      NULL },
    { "awskms:///" ARN,
      { HOME },
      "kms-fips.us-east-1.api.aws",
      "",
      "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = True\n",
      NULL },
    { "awskms:///" ARN,
      { HOME, { "AWS_USE_FIPS_ENDPOINT", "false" } },
      "kms.us-east-1.amazonaws.com",
      "",
      "[default]\nuse_fips_endpoint = true\n"
      "ignore_configured_endpoint_urls = true\nservices = s\n"
      "endpoint_url = https://p.example\n",
      NULL },
};

static void
assert_endpoint(const char *text, const char *arn, const char *host,
                const char *path, const char *ca_file)
{
    struct kms_target target;
    struct envl_err err;

    if (kms_target_open(&target, &kms_api_aws, &fake.world, text,
                        ENVL_KMS_IDENTITY, &err)
            != ENVELOPE_OK
        || kms_target_aim(&target, arn, &err) != ENVELOPE_OK)
        fail_msg("%s: %s", text, err.detail);
    assert_string_equal(kms_text_get(&target.endpoint.host), host);
    assert_string_equal(kms_text_get(&target.endpoint.path), path);
    assert_false(target.endpoint.metadata);
    if (ca_file == NULL)
        assert_null(target.tls.ca_file);
    else
        assert_string_equal(target.tls.ca_file, ca_file);
    kms_target_close(&target);
}

static void
endpoints_are_the_users(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(endpoints); i++) {
        fake.variables = endpoints[i].variables;
        assert_endpoint(endpoints[i].uri, endpoints[i].arn, endpoints[i].host,
                        endpoints[i].path, NULL);
    }
}

static void
endpoints_may_be_configured(void **state)
{
    static struct fake_pair files[] = { { CONFIG, NULL }, { NULL, NULL } };
    size_t i;

    (void)state;
    fake.files = files;
    for (i = 0; i < COUNT(configured); i++) {
        fake.variables = configured[i].variables;
        files[0].content = configured[i].config;
        assert_endpoint(configured[i].uri, NULL, configured[i].host,
                        configured[i].path, configured[i].ca_file);
    }
}

static const struct {
    struct fake_pair variables[3];
    const char *config;
    enum envelope_reason reason;
    const char *says;
} bad_endpoints[] = {
    { { { "AWS_ENDPOINT_URL_KMS", "http://kms.example" } },
      NULL,
      ENVELOPE_R_UNREADABLE_KEY,
      "AWS_ENDPOINT_URL_KMS: " },
    /* Metadata services are none for keys. */
    { { { "AWS_ENDPOINT_URL", "http://169.254.169.254" } },
      NULL,
      ENVELOPE_R_UNREADABLE_KEY,
      "AWS_ENDPOINT_URL: " },
    { { HOME },
      "[default]\nendpoint_url = http://kms.example\n",
      ENVELOPE_R_UNREADABLE_KEY,
      "endpoint_url of the profile: " },
    { { HOME },
      "[default]\nservices = s\n",
      ENVELOPE_R_CREDENTIALS,
      CONFIG ", line 2: profile default: services cannot be followed" },
    { { { "AWS_ENDPOINT_URL_KMS", "https://k.example" },
        { "AWS_USE_FIPS_ENDPOINT", "true" } },
      NULL,
      ENVELOPE_R_UNREADABLE_KEY,
      "unset AWS_USE_FIPS_ENDPOINT" },
    { { HOME, { "AWS_USE_DUALSTACK_ENDPOINT", "true" } },
      "[default]\nendpoint_url = https://p.example\n",
      ENVELOPE_R_UNREADABLE_KEY,
      "unset AWS_USE_DUALSTACK_ENDPOINT" },
};

static void
bad_endpoints_are_named(void **state)
{
    static struct fake_pair files[] = { { CONFIG, NULL }, { NULL, NULL } };
    struct envl_err err;
    size_t i;

    (void)state;
    fake.files = files;
    for (i = 0; i < COUNT(bad_endpoints); i++) {
        fake.variables = bad_endpoints[i].variables;
        files[0].content = bad_endpoints[i].config;
        assert_int_equal(check("awskms:///" ARN, ENVL_KMS_RECIPIENT, &err),
                         bad_endpoints[i].reason);
        if (strstr(err.detail, bad_endpoints[i].says) == NULL)
            fail_msg("%s", err.detail);
    }
}

/* What to write, where a replica is not found. */
static void
replicas_are_advised(void **state)
{
    static const struct {
        const char *uri, *arn, *says; /* NULL: nothing is added */
    } cases[] = {
        { "awskms:///" MRK "?region=eu-west-1", MRK_ARN,
          "NotFoundException; the key may have no replica in eu-west-1: write "
          "awskms:///" MRK_ARN ", or the ARN of a replica" },
        { "awskms:///" MRK_ARN, MRK_ARN, NULL },
        { "awskms:///" ALIAS_ARN,
          ARN_IN("aws", "us-west-2", ACCOUNT, "key/" UUID), NULL },
    };
    struct kms_aws_target target;
    struct envl_err err;
    struct kms_uri uri;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            kms_uri_parse(&uri, cases[i].uri, kms_api_aws.parameters, &err),
            ENVELOPE_OK);
        assert_int_equal(kms_aws_target_read(&target, &fake.world, &uri,
                                             ENVL_KMS_IDENTITY, &err),
                         ENVELOPE_OK);
        (void)envl_fail(&err, ENVELOPE_R_KEY_SERVICE_REFUSED,
                        "NotFoundException");
        kms_aws_target_advise(&target, cases[i].arn, &err);
        assert_int_equal(err.reason, ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_string_equal(err.detail, cases[i].says != NULL
                                            ? cases[i].says
                                            : "NotFoundException");
        kms_aws_target_clear(&target);
        kms_uri_clear(&uri);
    }
}

#define key_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        key_test(bad_regions_are_refused),
        key_test(hostile_keys_match_nothing),
        key_test(long_keys_match_nothing),
        key_test(keys_match_as_said),
        key_test(the_region_may_be_configured),
        key_test(a_configured_region_is_checked),
        key_test(bad_uris_are_refused),
        key_test(good_uris_pass),
        key_test(endpoints_are_the_users),
        key_test(endpoints_may_be_configured),
        key_test(bad_endpoints_are_named),
        key_test(replicas_are_advised),
    };

    return cmocka_run_group_tests_name("kms_aws_key", tests, NULL, NULL);
}
