/* SPDX-License-Identifier: Apache-2.0 */
/* What the engine does for any service: which one is asked, with what, and what is
 * left after a failure; every form that a field can have.  The services are the
 * test's own. */
#include "kms/dispatch.h"

#include <stdio.h>

#include "kms/engine/api.h"
#include "kms/engine/reply.h"
#include "test/kms/kms_trial.h"

#define KEY "the-key"
#define OCTETS "_-8"      /* 0xff 0xef, for URLs */
#define BLOB_HEX "fffe00" /* three octets */
#define KEK_HEX                        \
    "000102030405060708090a0b0c0d0e0f" \
    "101112131415161718191a1b1c1d1e1f"
/* Of octets 0 to 31, and of fffe00. */
#define KEK_CRC "1188919630"
#define BLOB_CRC "1092629542"
#define KEK_SHA256                     \
    "630dcd2966c4336691125448bbb25b4f" \
    "f412a49c732db2c8abc1b8581bd710dd"

/* How the services behave, and what they were asked. */
static struct {
    enum envelope_reason open, sign;
    bool needs_labels;
    char calls[200]; /* "open awskms:k1 for 0, " */
} service;

static void
note(const char *what, const struct kms_uri *uri, int how)
{
    size_t len = strlen(service.calls);

    (void)snprintf(service.calls + len, sizeof(service.calls) - len,
                   "%s %s:%s for %d, ", what, uri->scheme, uri->path, how);
}

static enum envelope_reason
open_target(struct kms_target *target, enum envl_kms_use use,
            struct envl_err *err)
{
    note("open", &target->uri, (int)use);
    target->key_id = KEY;
    kms_text_set(&target->name, KEY);
    target->region = kms_uri_get(&target->uri, "region");
    kms_text_set(&target->endpoint.host, "h.example");
    target->binds_labels = true;
    target->needs_labels = service.needs_labels;
    return service.open == ENVELOPE_OK ? ENVELOPE_OK
                                       : envl_fail(err, service.open, "opened");
}

static enum envelope_reason
sign(struct kms_request *request, const struct kms_call *call, int64_t now,
     struct envl_err *err)
{
    (void)now;
    kms_request_add(request, "X-Action", "%s", call->action->name);
    return service.sign == ENVELOPE_OK ? ENVELOPE_OK
                                       : envl_fail(err, service.sign, "signed");
}

static const char *const parameters[] = { "profile", "region", NULL };

static const struct kms_rule rules[] = {
    { "Busy", 0, KMS_RETRY_SLOWLY, "wait" },
    { "*Throttl", 0, KMS_RETRY, NULL },
    { NULL, 418, KMS_FAILED, "this is a teapot" },
    { NULL, 0, KMS_FAILED, NULL },
};

#define FAILING                                                       \
    .code_at = { "error.code", "code" }, .message_at = { "message" }, \
    .id_at = { "id" }, .rules = rules

#define SERVICE(word) \
    .scheme = word, .parameters = parameters, .open = open_target, .sign = sign

/* Makes keys; text for blobs. */
const struct kms_api kms_api_aws = {
    SERVICE("awskms"),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "make",
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_CONSTANT("bits", KMS_JSON, "256"),
                  KMS_FIELD("labels", KMS_NEW_LABELS, KMS_OBJECT_TEXT) },
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("blob", KMS_NEW_BLOB, KMS_TEXT),
                  KMS_FIELD("plain", KMS_PLAINTEXT, KMS_HEX),
                  KMS_FIELD("digest", KMS_PLAINTEXT, KMS_SHA256) },
            },
            [KMS_DECRYPT] = {
                "open",
                { KMS_FIELD("blob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("labels", KMS_LABELS, KMS_OBJECT) },
                { KMS_FIELD("plain", KMS_PLAINTEXT, KMS_HEX) },
            },
            [KMS_REENCRYPT] = {
                "change",
                { KMS_FIELD("blob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("old", KMS_LABELS, KMS_BASE64),
                  KMS_FIELD("new", KMS_NEW_LABELS, KMS_BASE64URL) },
                { KMS_FIELD("blob", KMS_NEW_BLOB, KMS_TEXT) },
            },
        },
        FAILING,
    },
    .context_max = 40,
    .blob_max = 20,
};

/* Encrypts keys of ours; checks both ways; octets for blobs. */
const struct kms_api kms_api_exec = {
    SERVICE("execkms"),
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "encrypt",
                { KMS_FIELD("plain", KMS_PLAINTEXT, KMS_HEX),
                  KMS_FIELD("sum", KMS_PLAINTEXT, KMS_CRC32C),
                  KMS_FIELD("labels", KMS_NEW_LABELS, KMS_BASE64) },
                { KMS_FIELD("blob", KMS_NEW_BLOB, KMS_HEX),
                  KMS_FIELD("blobSum", KMS_NEW_BLOB, KMS_CRC32C),
                  KMS_FIELD("verified", KMS_FLAG, KMS_JSON),
                  KMS_FIELD("verifiedLabels", KMS_NEW_LABELS, KMS_JSON) },
            },
            [KMS_DECRYPT] = {
                "decrypt",
                { KMS_FIELD("blob", KMS_BLOB, KMS_BASE64URL),
                  KMS_FIELD("blobSum", KMS_BLOB, KMS_CRC32C),
                  KMS_FIELD("labels", KMS_LABELS, KMS_SHA256) },
                { KMS_FIELD("plain", KMS_PLAINTEXT, KMS_BASE64URL),
                  KMS_FIELD("sum", KMS_PLAINTEXT, KMS_CRC32C) },
            },
        },
        FAILING,
    },
};

/* Asks by parameters. */
const struct kms_api kms_api_site = {
    SERVICE("httpkms"),
    .shape = {
        .actions = {
            [KMS_DECRYPT] = {
                "open",
                { KMS_FIELD("Blob", KMS_BLOB, KMS_TEXT),
                  KMS_FIELD("A b", KMS_LABELS, KMS_OBJECT) },
                { KMS_FIELD("plain", KMS_PLAINTEXT, KMS_BASE64) },
            },
        },
        .in_query = true,
        FAILING,
    },
};

/* The reply says which key it was. */
static enum envelope_reason
open_place(struct kms_target *target, enum envl_kms_use use,
           struct envl_err *err)
{
    enum envelope_reason rc = open_target(target, use, err);

    kms_text_set(&target->name, "");
    target->region = "here";
    target->in_region = true;
    return rc;
}

static bool
matches_all(const struct kms_target *target, const char *key)
{
    (void)target;
    (void)key;
    return true;
}

static enum envelope_reason
is_any_key(const struct kms_call *call, enum kms_what what, const char *said,
           struct envl_err *err)
{
    (void)call;
    (void)what;
    (void)said;
    (void)err;
    return ENVELOPE_OK;
}

const struct kms_api kms_api_ali = {
    .scheme = "alikms",
    .parameters = parameters,
    .shape = {
        .actions = {
            [KMS_GENERATE] = {
                "make",
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT) },
                { KMS_FIELD("key", KMS_NEW_KEY, KMS_TEXT),
                  KMS_FIELD("blob", KMS_NEW_BLOB, KMS_TEXT),
                  KMS_FIELD("plain", KMS_PLAINTEXT, KMS_HEX) },
            },
        },
        FAILING,
    },
    .open = open_place,
    .matches = matches_all,
    .is_key = is_any_key,
    .sign = sign,
};
const struct kms_api kms_api_tencent = { SERVICE("tencentkms") };
const struct kms_api kms_api_vault = { SERVICE("vault") };

#define GENERATED                                                 \
    "{\"key\":\"" KEY "\",\"blob\":\"text\",\"plain\":\"" KEK_HEX \
    "\",\"digest\":\"" KEK_SHA256 "\"}"
#define OPENED "{\"plain\":\"" KEK_HEX "\"}"
#define CHANGED "{\"blob\":\"other\"}"

static struct trial t;

static int
set_scene(void **state)
{
    (void)state;
    memset(&service, 0, sizeof(service));
    t = (struct trial){ .labels = "a=1\n" };
    return 0;
}

static int
strike_scene(void **state)
{
    (void)state;
    fake_world_clear(&t.fake);
    return 0;
}

/* Calls with the same reply as often as somebody asks. */

static enum envelope_reason
generate(const char *uri, int status, const char *body)
{
    const struct fake_reply reply = { status, body, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_generate(&t, uri, replies, COUNT(replies));
}

static enum envelope_reason
unwrap(const char *uri, const struct envl_kms_wrapped *wrapped,
       const char *body)
{
    const struct fake_reply reply = { 200, body, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_unwrap(&t, uri, wrapped, replies, COUNT(replies));
}

static enum envelope_reason
rewrap(const char *uri, const struct envl_kms_wrapped *wrapped, const char *to)
{
    const struct fake_reply reply = { 200, CHANGED, NULL };
    const struct fake_reply replies[] = SAME(reply);

    return trial_rewrap(&t, uri, wrapped, to, replies, COUNT(replies));
}

static struct envl_kms_wrapped
wrapped_octets(const char *octets, size_t len)
{
    struct envl_kms_wrapped wrapped = wrapped_as("execkms", KEY, "", false);

    memcpy(wrapped.blob, octets, len);
    wrapped.blob_len = len;
    return wrapped;
}

/* Which service */

static void
bad_uris_reach_nobody(void **state)
{
    static const char *const bad[] = {
        "",
        "awskms",
        "nokms:///k",
        "awskmsx:///k",
        "aws:///k",
        "file:///etc/passwd",
        "/etc/passwd",
        "awskms:///k?endpoint=x", /* not one of its parameters */
        "awskms:///%00",
        "awskms:///k%",
        "awskms:///k\n",
    };
    const struct envl_kms_wrapped wrapped =
        wrapped_as("awskms", KEY, "text", false);
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(trial_check(&t, bad[i]), ENVELOPE_R_UNREADABLE_KEY);
        assert_false(trial_matches(&t, bad[i], &wrapped));
        assert_int_equal(generate(bad[i], 200, GENERATED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(unwrap(bad[i], &wrapped, OPENED),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(rewrap(bad[i], &wrapped, "awskms:///k2"),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
    }
    assert_string_equal(service.calls, "");
}

static void
an_unknown_service_is_shown_without_the_rest(void **state)
{
    (void)state;
    assert_int_equal(trial_check(&t, "nokms://user:s3cret@h/k?token=t0p"),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_string_equal(
        t.err.detail,
        "nokms: no such key service, only: alikms, awskms, azurekeyvault, "
        "execkms, gcpkms, httpkms, huaweikms, tencentkms, vault, azurekms, "
        "gcp-kms");
}

/* RFC 3986, 3.1: schemes are in any case of letters. */
static void
each_scheme_has_its_service(void **state)
{
    static const char *const uris[][2] = {
        { "alikms:///k", "open alikms:k for 0, " },
        { "awskms:///k", "open awskms:k for 0, " },
        { "execkms:///k", "open execkms:k for 0, " },
        { "httpkms:///k", "open httpkms:k for 0, " },
        { "tencentkms:///k", "open tencentkms:k for 0, " },
        { "vault:///k", "open vault:k for 0, " },
        { "AwsKms:///k", "open awskms:k for 0, " },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(uris); i++) {
        service.calls[0] = '\0';
        assert_int_equal(trial_check(&t, uris[i][0]), ENVELOPE_OK);
        assert_string_equal(service.calls, uris[i][1]);
    }
}

static void
a_header_leads_nowhere_else(void **state)
{
    struct envl_kms_wrapped wrapped =
        wrapped_as("awskms", "another", "text", false);

    (void)state;
    assert_false(trial_matches(&t, "awskms:///k", &wrapped));
    assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "another");
    assert_int_equal(rewrap("awskms:///k", &wrapped, "awskms:///k"),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_int_equal(t.fake.request_count, 0);
    wrapped = wrapped_as("AWSKMS", KEY, "text", false);
    assert_false(trial_matches(&t, "awskms:///k", &wrapped));
    wrapped = wrapped_as("awskms", KEY, "text", false);
    assert_false(trial_matches(&t, "vault:///k", &wrapped));
    assert_true(trial_matches(&t, "awskms:///k", &wrapped));
}

/* Calls */

static void
calls_know_their_ends(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("awskms", KEY, "text", false);

    (void)state;
    assert_int_equal(generate("awskms:///k", 200, GENERATED), ENVELOPE_OK);
    assert_string_equal(service.calls, "open awskms:k for 0, ");
    assert_string_equal(t.made.service, "awskms");
    assert_string_equal(t.made.key, KEY);
    assert_true(t.made.has_context);
    assert_int_equal(t.made.blob_len, 4);
    assert_memory_equal(t.made.blob, "text", 4);
    service.calls[0] = '\0';
    assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED), ENVELOPE_OK);
    assert_string_equal(service.calls, "open awskms:k for 1, ");
    service.calls[0] = '\0';
    assert_int_equal(rewrap("awskms:///k", &wrapped, "awskms:///k2"),
                     ENVELOPE_OK);
    assert_string_equal(service.calls,
                        "open awskms:k for 1, open awskms:k2 for 0, ");
    assert_memory_equal(t.made.blob, "other", 5);
}

static void
a_failure_leaves_nothing(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("awskms", KEY, "text", false);
    enum envelope_reason *const failing[] = { &service.open, &service.sign };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(failing); i++) {
        *failing[i] = ENVELOPE_R_CREDENTIALS;
        assert_int_equal(generate("awskms:///k", 200, GENERATED),
                         ENVELOPE_R_CREDENTIALS);
        assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED),
                         ENVELOPE_R_CREDENTIALS);
        assert_int_equal(rewrap("awskms:///k", &wrapped, "awskms:///k"),
                         ENVELOPE_R_CREDENTIALS);
        assert_int_equal(t.fake.request_count, 0);
        *failing[i] = ENVELOPE_OK;
    }
}

static void
reencryption_stays_in_one_place(void **state)
{
    static const char *const bad[] = {
        "vault:///k",
        "nokms:///k",
        "x",
        "awskms:///k?region=r2",
        "awskms:///k?profile=p2&region=r1",
    };
    struct envl_kms_wrapped wrapped = wrapped_as("awskms", KEY, "text", false);
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(rewrap("awskms:///k?region=r1", &wrapped, bad[i]),
                         ENVELOPE_R_UNREADABLE_KEY);
        assert_int_equal(t.fake.request_count, 0);
    }
    wrapped = wrapped_octets("b", 1);
    assert_int_equal(rewrap("execkms:///k", &wrapped, "execkms:///k"),
                     ENVELOPE_R_UNREADABLE_KEY);
    assert_detail(&t, "does not encrypt a key anew");
}

/* The name in the header is where the key is, and what the reply calls it. */
static void
a_reply_names_the_key(void **state)
{
    char body[ENVL_KMS_KEY_LEN_MAX + 200];
    const int room = ENVL_KMS_KEY_LEN_MAX - (int)strlen("here/");

    (void)state;
    assert_int_equal(generate("alikms:///k", 200, GENERATED), ENVELOPE_OK);
    assert_string_equal(t.made.key, "here/" KEY);
    (void)snprintf(body, sizeof(body),
                   "{\"key\":\"%0*d\",\"blob\":\"text\",\"plain\":\"" KEK_HEX
                   "\"}",
                   room, 0);
    assert_int_equal(generate("alikms:///k", 200, body), ENVELOPE_OK);
    assert_int_equal(strlen(t.made.key), ENVL_KMS_KEY_LEN_MAX);
    (void)snprintf(body, sizeof(body),
                   "{\"key\":\"%0*d\",\"blob\":\"text\",\"plain\":\"" KEK_HEX
                   "\"}",
                   room + 1, 0);
    assert_int_equal(generate("alikms:///k", 200, body),
                     ENVELOPE_R_KEY_SERVICE);
    assert_detail(&t, "no header holds");
}

/* Labels */

static void
labels_are_the_context(void **state)
{
    struct envl_kms_wrapped wrapped = wrapped_as("awskms", KEY, "text", true);

    (void)state;
    assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED), ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"blob\":\"text\",\"labels\":{\"a\":\"1\"}}");
    assert_int_equal(rewrap("awskms:///k", &wrapped, "awskms:///k"),
                     ENVELOPE_OK);
    assert_string_equal(
        t.fake.requests[0].body,
        "{\"blob\":\"text\",\"old\":\"YT0xCg==\",\"new\":\"YT0xCg\"}");
    /* It gets the context that it lacked. */
    wrapped.has_context = false;
    assert_int_equal(rewrap("awskms:///k", &wrapped, "awskms:///k"),
                     ENVELOPE_OK);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"blob\":\"text\",\"new\":\"YT0xCg\"}");
    assert_true(t.made.has_context);
    t.labels = NULL;
    wrapped.has_context = true;
    assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "the stream has none");
    assert_int_equal(generate("awskms:///k", 200, GENERATED), ENVELOPE_OK);
    assert_false(t.made.has_context);
}

static void
labels_can_be_needed_and_too_long(void **state)
{
    const struct envl_kms_wrapped wrapped =
        wrapped_as("awskms", KEY, "text", false);

    (void)state;
    service.needs_labels = true;
    assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "does not belong to labels");
    t.labels = NULL;
    assert_int_equal(generate("awskms:///k", 200, GENERATED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "needs labels");
    t.labels = "name=a value of 32 letters and more\n"; /* 41 as an object */
    assert_int_equal(generate("awskms:///k", 200, GENERATED),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_detail(&t, "41 bytes, and 40 is the most");
    assert_int_equal(t.fake.request_count, 0);
}

/* Forms of requests */

static void
requests_have_their_forms(void **state)
{
    struct envl_kms_wrapped octets = wrapped_octets("\xff\xef", 2);
    struct envl_kms_wrapped wrapped;

    (void)state;
    (void)generate("awskms:///k", 200, GENERATED);
    assert_string_equal(t.fake.requests[0].body,
                        "{\"key\":\"" KEY "\",\"bits\":256,"
                        "\"labels\":\"{\\\"a\\\":\\\"1\\\"}\"}");
    assert_header(&t, 0, "X-Action", "make");
    (void)unwrap("execkms:///k", &octets, "{}");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"blob\":\"_-8\",\"blobSum\":\"4020356975\"}");
    octets.has_context = true;
    (void)unwrap("execkms:///k", &octets, "{}");
    assert_string_equal(t.fake.requests[0].body,
                        "{\"blob\":\"_-8\",\"blobSum\":\"4020356975\","
                        "\"labels\":\"fe3209d6d4f51935b391288a43df48d9"
                        "ddece1a992597ae53387ca16611a9179\"}");
    wrapped = wrapped_as("httpkms", KEY, "a+b/~", true);
    assert_int_equal(
        unwrap("httpkms:///k", &wrapped, "{\"plain\":\"" KEK_BASE64 "\"}"),
        ENVELOPE_OK);
    assert_string_equal(
        t.fake.requests[0].url,
        "https://h.example/?Blob=a%2Bb%2F~&A%20b=%7B%22a%22%3A%221%22%7D");
    assert_string_equal(t.fake.requests[0].body, "");
}

/* A key of our own: sent with its checksum, and another one each time. */
static void
a_key_can_be_ours(void **state)
{
    const struct fake_reply reply = {
        200,
        "{\"blob\":\"" BLOB_HEX "\",\"blobSum\":\"" BLOB_CRC
        "\",\"verified\":true,\"verifiedLabels\":true}",
        NULL
    };
    struct envl_kms_call call;
    char first[2 * ENVL_KEK_LEN], *sent;
    int i;

    (void)state;
    for (i = 0; i < 2; i++) {
        trial_begin(&t, &reply, 1);
        call = trial_call(&t, "execkms:///k");
        assert_int_equal(
            kms_dispatch_generate(&t.fake.world, &t.made, t.kek, &call, &t.err),
            ENVELOPE_OK);
        sent = t.fake.requests[0].body;
        assert_memory_equal(sent, "{\"plain\":\"", 10);
        assert_non_null(strstr(sent, "\",\"sum\":\""));
        assert_non_null(strstr(sent, "\",\"labels\":\"YT0xCg==\"}"));
        if (i == 0)
            memcpy(first, sent + 10, sizeof(first));
        else
            assert_memory_not_equal(first, sent + 10, sizeof(first));
        assert_int_equal(t.made.blob_len, 3);
        assert_memory_equal(t.made.blob, "\xff\xfe\0", 3);
    }
}

static void
hostile_blobs_are_not_sent(void **state)
{
    static const struct {
        const char *blob;
        size_t len;
    } bad[] = { { "", 0 },
                { "a\0b", 3 },
                { "a\n", 2 },
                { "\xc3\xa9", 2 },
                { "123456789012345678901", 21 } };
    struct envl_kms_wrapped wrapped;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        wrapped = wrapped_as("awskms", KEY, "", false);
        memcpy(wrapped.blob, bad[i].blob, bad[i].len);
        wrapped.blob_len = bad[i].len;
        assert_int_equal(unwrap("awskms:///k", &wrapped, OPENED),
                         ENVELOPE_R_KEY_SERVICE_REFUSED);
        assert_int_equal(t.fake.request_count, 0);
    }
}

/* Replies */

#define MEMBERS(key, blob, plain, digest)                 \
    "{\"key\":" key ",\"blob\":" blob ",\"plain\":" plain \
    ",\"digest\":" digest "}"
#define Q(text) "\"" text "\""

static void
replies_are_whole_or_refused(void **state)
{
    static const struct {
        const char *body;
        enum envelope_reason reason;
        const char *detail;
        size_t requests;
    } cases[] = {
        { MEMBERS("7", Q("b"), Q(KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "names no key", 1 },
        { MEMBERS(Q("other"), Q("b"), Q(KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE_REFUSED, "another key, other, than " KEY, 1 },
        { MEMBERS(Q(KEY), Q(""), Q(KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no encrypted key of 1 to 20 bytes at blob",
          1 },
        { MEMBERS(Q(KEY), Q("123456789012345678901"), Q(KEK_HEX),
                  Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no encrypted key", 1 },
        { MEMBERS(Q(KEY), Q("a\\u0007"), Q(KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no encrypted key", 1 },
        { MEMBERS(Q(KEY), Q("b"), Q("00"), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no key of 32 bytes at plain", 1 },
        { MEMBERS(Q(KEY), Q("b"), Q("0" KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no key of 32 bytes", 1 },
        { MEMBERS(Q(KEY), Q("b"), Q("xx" KEK_HEX), Q(KEK_SHA256)),
          ENVELOPE_R_KEY_SERVICE, "no key of 32 bytes", 1 },
        /* Damaged on the way, perhaps: once more. */
        { MEMBERS(Q(KEY), Q("b"), Q(KEK_HEX), Q("00")), ENVELOPE_R_KEY_SERVICE,
          "fails the check of digest", 4 },
        { MEMBERS(Q(KEY), Q("b"), Q(KEK_HEX), "null"), ENVELOPE_R_KEY_SERVICE,
          "fails the check of digest", 4 },
        { "[]", ENVELOPE_R_KEY_SERVICE, "not an object", 1 },
        { "", ENVELOPE_R_KEY_SERVICE, "not JSON", 1 },
        { GENERATED "x", ENVELOPE_R_KEY_SERVICE, "not JSON", 1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        if (generate("awskms:///k", 200, cases[i].body) != cases[i].reason)
            fail_msg("case %zu: %s", i, t.err.detail);
        assert_detail(&t, cases[i].detail);
        assert_int_equal(t.fake.request_count, cases[i].requests);
    }
}

static void
checks_of_a_reply_have_to_hold(void **state)
{
    static const char *const bad[] = {
        "{\"blob\":\"fffe00\",\"blobSum\":\"1\",\"verified\":true,"
        "\"verifiedLabels\":true}",
        "{\"blob\":\"fffe00\",\"verified\":true,\"verifiedLabels\":true}",
        "{\"blob\":\"fffe00\",\"blobSum\":1092629542,"
        "\"verifiedLabels\":true}",
        "{\"blob\":\"fffe00\",\"blobSum\":1092629542,\"verified\":false,"
        "\"verifiedLabels\":true}",
        "{\"blob\":\"fffe00\",\"blobSum\":1092629542,\"verified\":\"true\","
        "\"verifiedLabels\":true}",
        "{\"blob\":\"fffe00\",\"blobSum\":1092629542,\"verified\":true}",
        "{\"blob\":\"fffe00\",\"blobSum\":5387596838,\"verified\":true,"
        "\"verifiedLabels\":true}", /* more by 2 to the 32nd */
    };
    struct envl_kms_call call = trial_call(&t, "execkms:///k");
    struct envl_kms_wrapped octets = wrapped_octets("\xff", 1);
    const char *opened =
        "{\"plain\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\","
        "\"sum\":\"" KEK_CRC "\"}";
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad); i++) {
        assert_int_equal(generate("execkms:///k", 200, bad[i]),
                         ENVELOPE_R_KEY_SERVICE);
        assert_detail(&t, "fails the check of ");
        assert_int_equal(t.fake.request_count, 4);
    }
    /* Without labels nobody has to have looked at them. */
    t.labels = NULL;
    {
        const struct fake_reply good = {
            200,
            "{\"blob\":\"fffe00\",\"blobSum\":1092629542,\"verified\":true}",
            NULL
        };

        trial_begin(&t, &good, 1);
        call = trial_call(&t, "execkms:///k");
        assert_int_equal(
            kms_dispatch_generate(&t.fake.world, &t.made, t.kek, &call, &t.err),
            ENVELOPE_OK);
    }
    assert_int_equal(unwrap("execkms:///k", &octets, opened), ENVELOPE_OK);
    assert_int_equal(
        unwrap("execkms:///k", &octets,
               "{\"plain\":\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9\","
               "\"sum\":\"" KEK_CRC "\"}"),
        ENVELOPE_R_KEY_SERVICE);
}

/* Failures */

static void
failures_are_told_with_what_there_is(void **state)
{
    static const struct {
        int status;
        const char *body, *text;
        enum envelope_reason reason;
        size_t requests;
    } cases[] = {
        { 400,
          "{\"code\":\"Denied\",\"message\":\"not allowed\",\"id\":\"1b\"}",
          "awskms: Denied: not allowed (request 1b)",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 400, "{\"code\":\"Denied\"}", "awskms: Denied",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 400, "{\"message\":\"not allowed\"}",
          "awskms: HTTP status 400: not allowed",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 418, "", "awskms: HTTP status 418; this is a teapot",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 418, "{\"message\":\"hot\"}",
          "awskms: HTTP status 418: hot; this is a teapot",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 400, "{\"error\":{\"code\":\"Busy.More\"},\"code\":\"Denied\"}",
          "awskms: Busy.More; wait, after 4 attempts", ENVELOPE_R_KEY_SERVICE,
          4 },
        { 400, "{\"code\":\"Busybody\"}", "awskms: Busybody",
          ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
        { 400, "{\"code\":\"Is.Throttled\"}",
          "awskms: Is.Throttled, after 4 attempts", ENVELOPE_R_KEY_SERVICE, 4 },
        { 429, "",
          "awskms: HTTP status 429; the service is asked too often, after 4 "
          "attempts",
          ENVELOPE_R_KEY_SERVICE, 4 },
        { 408, "", "awskms: HTTP status 408, after 4 attempts",
          ENVELOPE_R_KEY_SERVICE, 4 },
        { 599, "{\"code\":\"Odd\"}", "awskms: Odd, after 4 attempts",
          ENVELOPE_R_KEY_SERVICE, 4 },
        { 501, "", "awskms: HTTP status 501", ENVELOPE_R_KEY_SERVICE_REFUSED,
          1 },
        { 400, "{\"code\":\"a\\u001b[2J\",\"message\":\"b\\r\\nc\"}",
          "awskms: a?[2J: b??c", ENVELOPE_R_KEY_SERVICE_REFUSED, 1 },
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        assert_int_equal(
            generate("awskms:///k", cases[i].status, cases[i].body),
            cases[i].reason);
        assert_string_equal(t.err.detail, cases[i].text);
        assert_int_equal(t.fake.request_count, cases[i].requests);
    }
}

static void
long_failures_are_cut_piece_by_piece(void **state)
{
    static char body[3000];
    char x[801];

    (void)state;
    memset(x, 'x', sizeof(x) - 1);
    x[sizeof(x) - 1] = '\0';
    (void)snprintf(body, sizeof(body),
                   "{\"code\":\"%s\",\"message\":\"%s\",\"id\":\"%s\"}", x, x,
                   x);
    assert_int_equal(generate("awskms:///k", 418, body),
                     ENVELOPE_R_KEY_SERVICE_REFUSED);
    assert_true(strlen(t.err.detail) < ENVL_DETAIL_MAX - 1);
    assert_detail(&t, " (request x");
    assert_detail(&t, "x); this is a teapot");
}

static void
only_printable_keys_are_set(void **state)
{
    static const char *const bad[] = { "", "a\nb", "a b", "a\x7f", "\xc3\xa9" };
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
        IN_SCENE(a_header_leads_nowhere_else),
        IN_SCENE(calls_know_their_ends),
        IN_SCENE(a_failure_leaves_nothing),
        IN_SCENE(reencryption_stays_in_one_place),
        IN_SCENE(a_reply_names_the_key),
        IN_SCENE(labels_are_the_context),
        IN_SCENE(labels_can_be_needed_and_too_long),
        IN_SCENE(requests_have_their_forms),
        IN_SCENE(a_key_can_be_ours),
        IN_SCENE(hostile_blobs_are_not_sent),
        IN_SCENE(replies_are_whole_or_refused),
        IN_SCENE(checks_of_a_reply_have_to_hold),
        IN_SCENE(failures_are_told_with_what_there_is),
        IN_SCENE(long_failures_are_cut_piece_by_piece),
        cmocka_unit_test(only_printable_keys_are_set),
    };

    return cmocka_run_group_tests_name("kms engine", tests, NULL, NULL);
}
